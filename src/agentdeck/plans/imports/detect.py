"""Which format a document is in, and from its text to a plan.

Rules:
- Each format says how sure it is, 0 to 1, from the beginning of the text and the file's name; the
  surest has it. Markdown takes what has headings, lists or tables and nobody else wants.
- agentdeck's own plan files are no format of this list: `plans.reader` reads those.
- The reader of a format is imported when somebody asks for it.
"""

from __future__ import annotations

import importlib
import re
from typing import Final, Protocol

import msgspec

from agentdeck.core.errors import UsageError
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Draft, Imported
from agentdeck.plans.reader import MAX_CHARACTERS
from agentdeck.plans.writer import write_plan

SURE: Final = 0.3  # a format that is less sure than this does not want the document
MAX_LOOKED_AT: Final = 64_000  # characters that are searched for signs of Markdown


class Format(msgspec.Struct, frozen=True):
    """One format that can be imported."""

    name: str
    about: str  # what writes such documents
    module: str  # below this package; has `claims` and `read`
    endings: tuple[str, ...]  # of the files it can be in, in lower case


_MARKDOWN_ENDINGS: Final = (".md", ".markdown", ".mdx", ".mdown")
_YAML: Final = (".yaml", ".yml")
FORMATS: Final = (
    Format("markdown", "plans in Markdown", "markdown.document", _MARKDOWN_ENDINGS),
    Format("taskmaster", "Task Master: tasks.json", "taskmaster", (".json",)),
    Format("speckit", "spec-kit: tasks.md", "speckit", _MARKDOWN_ENDINGS),
    Format("kiro", "Kiro: tasks.md", "kiro", _MARKDOWN_ENDINGS),
    Format("openspec", "OpenSpec: tasks.md", "openspec", _MARKDOWN_ENDINGS),
    Format("beads", "beads: issues.jsonl", "beads", (".jsonl", ".json")),
    Format("prd", "prd.json", "prd", (".json",)),
    Format("bernstein", "Bernstein: plan.yaml", "bernstein", _YAML),
    Format("yardlet", "Yardlet: work-queue.yaml", "yardlet", _YAML),
    Format("claudectl", "claudectl: tasks.json", "claudectl", (".json",)),
    Format("issues", "issues of GitHub or GitLab, as gh and glab list them", "issues", (".json",)),
    Format("gastown", "Gas Town: formula.toml", "gastown", (".toml",)),
)
_BY_NAME: Final = {known.name: known for known in FORMATS}
_MARKDOWN: Final = FORMATS[0]

_TEXTS: Final = (*_MARKDOWN_ENDINGS, ".txt", ".text", "")
_OWN_TABLE: Final = re.compile(r"^[ \t]*\[(?:plan|\[[ \t]*task[ \t]*\])\]", re.MULTILINE)
_OWN: Final = re.compile(r"version\s*=\s*[0-9]|\[plan\]|\[\[task\]\]")
_SIGNS: Final = re.compile(
    r"^(?: {0,3}#{1,6} \S|[ \t]{0,12}(?:[-*+]|[0-9]{1,4}[.)]) \S|[ \t]{0,12}\|.)", re.MULTILINE
)


class _Reader(Protocol):
    """The module of a format."""

    def claims(self, file: str, text: str) -> float:
        """How sure it is, 0 to 1, that the document is in this format."""

    def read(self, text: str, *, file: str) -> Draft:
        """What the document says. May raise PlanProblems, UsageError."""


def is_own(file: str, text: str) -> bool:
    """Is this a plan file of agentdeck, or meant to be one?

    A `.toml` file is one unless a format claims it; any other file is one if it says so.
    """
    if _ending(file) == ".toml":
        return bool(_OWN_TABLE.search(text)) or _surest(file, text) is None
    lines = (line.strip() for line in text[:MAX_LOOKED_AT].removeprefix("\ufeff").splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return bool(_OWN.match(first))


def detect(file: str, text: str) -> str:
    """The name of the format of a document.

    Raises:
        UsageError: it is in no format that can be imported; the hint lists them.
    """
    found = _surest(file, text)
    if found is not None:
        return found.name
    if _ending(file) in _TEXTS and _is_markdown(text):
        return _MARKDOWN.name
    if not text.strip():
        raise UsageError(f"{file} is empty", hint="name a document with a plan in it")
    raise UsageError(
        f"{file} is in no format that agentdeck can import",
        hint=f"say which with --format: {', '.join(_BY_NAME)}",
    )


def import_text(text: str, *, file: str, format: str | None = None) -> Imported:  # noqa: A002
    """A document as a plan.

    Args:
        text: all of it.
        file: its name, for detection, messages and `Plan.document`.
        format: a name of `FORMATS`; None = find out.

    Raises:
        PlanProblems: it holds no plan; every problem with its line.
        UsageError: it is in no known format, or too long.
    """
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"{file} has {len(text):,} characters; {MAX_CHARACTERS:,} is the most")
    text = text.removeprefix("\ufeff")
    known = _BY_NAME.get(format or detect(file, text))
    if known is None:
        raise UsageError(f"there is no format {format!r}", hint=f"one of {', '.join(_BY_NAME)}")
    imported = build(read_draft(known, text, file), file=file)
    return msgspec.structs.replace(imported, format=known.name)


def read_draft(known: Format, text: str, file: str) -> Draft:
    """What the reader of one format makes of a document."""
    if known is _MARKDOWN:
        from agentdeck.plans.imports.markdown.document import read_markdown

        return read_markdown(text, file=file)
    return _reader(known).read(text, file=file)


def plan_text(imported: Imported) -> str:
    """The plan as a plan file has it.

    Raises:
        UsageError: it is longer than a plan file may be.
    """
    text = write_plan(imported.plan)
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"the plan has {len(text):,} characters; {MAX_CHARACTERS:,} is the most",
            hint="split the document",
        )
    return text


def _surest(file: str, text: str) -> Format | None:
    """The format that claims the document most, the first of equals; None if none does."""
    ending = _ending(file)
    best, most = None, SURE
    for known in FORMATS:
        if known is _MARKDOWN or (ending not in known.endings and ending in _ELSEWHERE):
            continue
        sure = _reader(known).claims(file, text)
        if sure > most or (best is None and sure >= most):
            best, most = known, sure
    return best


_ELSEWHERE: Final = frozenset(ending for known in FORMATS for ending in known.endings)


def _reader(known: Format) -> _Reader:
    module: _Reader = importlib.import_module(f"agentdeck.plans.imports.{known.module}")
    return module


def _is_markdown(text: str) -> bool:
    return bool(_SIGNS.search(text[:MAX_LOOKED_AT]))


def _ending(file: str) -> str:
    name = re.split(r"[/\\]", file)[-1]
    stem, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""
