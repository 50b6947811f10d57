"""Gas Town's formulas: TOML with `formula`, `[vars.x]` and `[[steps]]`.

Rules: `needs` are dependencies. `{{x}}` is replaced by the default of the variable x, if it has a
short one; otherwise it stays, and that is remarked.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftTask
from agentdeck.plans.imports.tables import (
    MAX_DEPTH,
    Entry,
    Table,
    add_task,
    as_json,
    plain,
    refuse,
    tables_in,
)
from agentdeck.plans.imports.task_groups import finish
from agentdeck.plans.positions import Path, Positions, positions
from agentdeck.plans.problems import shown

NAME: Final = "gastown"
MAX_DEFAULT: Final = 200  # characters put in place of a variable; keeps prompts linear
MAX_FORMULA: Final = 2_000_000  # characters
MAX_PARTS: Final = 1_000  # of a dotted key; the parser takes quadratic time for them
MAX_DOTS: Final = 5_000  # in one line, where it cannot be seen what is a key

_FORMULA: Final = re.compile(r"^formula\s*=", re.MULTILINE)
_STEPS: Final = re.compile(r"^\[\[\s*steps\s*\]\]", re.MULTILINE)
_VARIABLE: Final = re.compile(r"\{\{\s*\.?([A-Za-z_][\w-]{0,60})\s*\}\}")


def claims(file: str, text: str) -> float:
    """How sure it is that this is a formula: 0 to 1."""
    start = text[:64_000]
    if not _FORMULA.search(start):
        return 0.0
    return 0.95 if _STEPS.search(start) or "formula" in file else 0.6


def read(text: str, *, file: str) -> Draft:
    """Read a formula.

    Raises:
        PlanProblems: it is no TOML, or has no steps.
    """
    top = _document(text.removeprefix("\ufeff"), file)
    draft = Draft(name=name_of(file), format=NAME)
    about = Entry(top, draft)
    steps = tables_in(about.value("steps"), file=file, line=1, what="a step")
    draft.name = name_of(file, about.title("formula", "name"))
    if goal := about.text("description"):
        draft.notes.append(DraftNote(NoteKind.RATIONALE, goal, 1))
    defaults = _variables(about.table("vars") or Table(), draft)
    for name, value in about.rest().items():
        draft.left(1, "document-field", f"{name}: {value[:200]}")
    for number, step in enumerate(steps, start=1):
        add_task(draft, _step(Entry(step, draft), number, defaults, draft), file=file)
    finish(draft)
    return draft


def _step(entry: Entry, number: int, defaults: dict[str, str], draft: Draft) -> DraftTask:
    task = DraftTask(title="", line=entry.line, id=entry.text("id"))
    if not task.id:
        task.id = f"step-{number}"
        draft.guessed(entry.line, "id-by-position", f"a step without an id is {task.id}")
    open_names: dict[str, None] = {}

    def filled(match: re.Match[str]) -> str:
        if match[1] in defaults:
            return defaults[match[1]]
        open_names[match[1]] = None
        return match[0]

    task.title = _VARIABLE.sub(filled, entry.title("title"))
    task.prompt = _VARIABLE.sub(filled, entry.text("description")) or task.title
    task.after = entry.texts("needs", "depends_on")
    for name in open_names:
        said = f"{task.id}: nothing says what {{{{{name}}}}} is; it stays in the words"
        draft.left(task.line, "variable-open", said)
    task.meta = entry.rest()
    return task


def _variables(table: Table, draft: Draft) -> dict[str, str]:
    """Defaults by name. Each variable becomes a note."""
    defaults = {}
    for name, value in table.items():
        about = Entry(value, draft) if isinstance(value, Table) else None
        line = about.line if about else table.line
        default = about.text("default") if about else plain(value) or ""
        words = about.text("description") if about else ""
        kept = f"; {as_json(rest)}" if about and (rest := about.rest()) else ""
        said = f"{name}: {words or 'a variable'}" + (f" (default: {default})" if default else "")
        draft.notes.append(DraftNote(NoteKind.ASSUMPTION, f"Variable {said}{kept}"[:2000], line))
        if default and len(default) <= MAX_DEFAULT:
            defaults[name] = default
            draft.guessed(line, "variable-default", f"{name} is {shown(default)}")
    return defaults


def _document(text: str, file: str) -> Table:
    if len(text) > MAX_FORMULA:
        refuse(file, 1, f"this has {len(text)} characters; formulas are read up to {MAX_FORMULA}")
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MAX_PARTS and (
            line.count(".") > MAX_DOTS or line.partition("=")[0].count(".") > MAX_PARTS
        ):
            refuse(file, number, "this line has too many dots for a key")
    try:
        raw = tomllib.loads(text)
        places = positions(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        refuse(file, int(found[1]) if found else 1, f"this is no TOML: {error}")
    except (RecursionError, ValueError) as error:  # ValueError: a number of thousands of digits
        refuse(file, 1, f"this TOML cannot be read: {error}")
    placed = _placed(raw, (), places, file)
    if not isinstance(placed, Table):
        raise AssertionError("a TOML document is a table")  # noqa: TRY004 (tomllib promises it)
    return placed


def _placed(value: Any, path: Path, places: Positions, file: str) -> Any:
    """The same value with lines; no deeper than `MAX_DEPTH`."""
    if len(path) > MAX_DEPTH:
        refuse(file, places.find(path).line, f"this is nested more than {MAX_DEPTH} deep")
    match value:
        case dict():
            pairs = (
                (key, _placed(item, (*path, key), places, file)) for key, item in value.items()
            )
            return Table(pairs, line=places.find(path).line)
        case list():
            return [_placed(item, (*path, at), places, file) for at, item in enumerate(value)]
        case str():
            return value.replace("\0", "\ufffd")
        case _:
            return value
