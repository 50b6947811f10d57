"""From what a column or a field says to the field of a task. Every guess is remarked.

Rules:
- What cannot be understood is kept in `meta` under its own name, with a remark; never dropped.
- A field that is set already stays: a later mention only adds what was missing.
- `None`, `—` and an empty cell say nothing. What stands in brackets behind `None` is kept.
- Of a range of times the middle is taken; a bare number has the unit of its column.
- A dependency that can be mocked, or is "nice to have", is soft: kept in `meta`, no edge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.markdown.columns import Role
from agentdeck.plans.imports.words import (
    Amount,
    Status,
    agents_in,
    clean,
    complexity_of,
    duration_of,
    is_nobody,
    model_of,
    names_in,
    risk_of,
    status_of,
    tokens_of,
    without_remark,
)

MAX_META: Final = 4000  # characters of one value that is kept as it is written
MAX_FILES: Final = 1000  # of one task
MAX_EDGES: Final = 300_000  # dependencies of one document; ranges could name any number of them
PRIORITIES: Final = {  # higher goes first
    "p0": 3, "critical": 3, "urgent": 3, "highest": 3, "blocker": 3, "must": 2, "must have": 2,
    "p1": 2, "high": 2, "p2": 1, "medium": 1, "should": 1, "should have": 1, "med": 1, "normal": 1,
    "p3": 0, "low": 0, "could": 0, "could have": 0, "p4": -1, "lowest": -1, "minor": -1,
    "won't": -1, "trivial": -1,
}  # fmt: skip
_SOFT: Final = re.compile(
    r"\b(?:can|could|may)\s(?:be\s)?(?:mock|stub|fake)|\bmock(?:ed|able)|\bstub|\boptional|\bsoft\b"
    r"|\bnice to have|\bideally|\bpreferably|\bnot strictly",
    re.IGNORECASE,
)
_ABOVE: Final = re.compile(
    r"\b(?:all|everything|tasks?)\s(?:of the\s)?(?:above|previous|prior|earlier)\b"
    r"|\ball (?:other|preceding)\b",
    re.IGNORECASE,
)
_PREVIOUS: Final = re.compile(
    r"\W*(?:the\s)?(?:previous|prior|preceding|above|last)(?:\s(?:task|step|one|row|item))?\W*",
    re.IGNORECASE,
)
_SLOT: Final = re.compile(
    r"\W*(?:agent|worker|a|w|terminal|slot)?\s*[#_-]?\s*(?:\d{1,3}|[A-Z])\W*", re.IGNORECASE
)
_CODE: Final = re.compile(r"`([^`\s][^`]{0,300})`")
_PATH: Final = re.compile(
    r"[\w@.+~{}\[\]*?-]*(?:/[\w@.+~{}\[\]*?-]*)+|[\w.-]*\*[\w.*-]*|[\w-][\w.-]*\.\w{1,8}"
)
_BARE_NAMES: Final = frozenset({"makefile", "dockerfile", "readme", "license", "justfile"})
_ALL_FILES: Final = re.compile(
    r"\ball\s(?:of\sthe\s|the\s)?([a-z][\w-]{1,40})\s(?:files|modules)\b", re.IGNORECASE
)
_FILE_VERB: Final = re.compile(
    r"\W*(?:create|creates|new|add|adds|modify|modifies|update|updates|edit|edits|test|tests|delete"
    r"|remove|touches|rename)s?\b\s*:?\s*",
    re.IGNORECASE,
)
_SEPARATORS: Final = re.compile(r"\s*(?:,|;|\n|<br\s?/?>|\s\+\s|\s&\s|\sand\s)\s*", re.IGNORECASE)
_BARE_NUMBER: Final = re.compile(r"[~≈]?\s*\d+(?:\.\d+)?(?:\s*(?:-|–|to)\s*\d+(?:\.\d+)?)?\+?")
_HEAD_UNITS: Final = (
    ("min", re.compile(r"\bmin", re.IGNORECASE)),
    ("h", re.compile(r"\bh(?:ou)?rs?\b|\bh\b", re.IGNORECASE)),
    ("d", re.compile(r"\bdays?\b|\bd\b", re.IGNORECASE)),
    ("w", re.compile(r"\bweeks?\b|\bw\b", re.IGNORECASE)),
)


class Values:
    """Puts what is written into one task after the other."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._edges_left = MAX_EDGES - sum(len(task.after) for task in draft.tasks)
        self._readers: dict[Role, Callable[[DraftTask, str, int, str], None]] = {
            Role.AFTER: self._after,
            Role.BLOCKERS: self._blockers,
            Role.FILES: self._files,
            Role.TIME: self._time,
            Role.TOKENS: self._tokens,
            Role.MODEL: self._model,
            Role.AGENT: self._agent,
            Role.STATUS: self._status,
            Role.PRIORITY: self._priority,
            Role.RISK: self._risk,
            Role.COMPLEXITY: self._complexity,
            Role.KIND: self._kind,
            Role.POOL: self._pool,
            Role.SKILLS: self._skills,
            Role.LABELS: self._labels,
        }

    def put(self, task: DraftTask, role: Role, text: str, line: int, head: str = "") -> None:
        """Understand `text` as what `role` says of `task`.

        Args:
            task: it is changed.
            role: the column or field.
            text: as written.
            line: where.
            head: the name of the column or field; it may hold a unit.
        """
        reader = self._readers.get(role)
        if reader is None:
            self.keep(task, head or role.value, text)
        elif role in (Role.AFTER, Role.BLOCKERS) or not is_nobody(text):
            reader(task, text.strip(), line, head)

    def keep(self, task: DraftTask, name: str, text: str) -> None:
        """Keep what has no field, under its own name."""
        if not is_nobody(text):
            self._store(task, name, text)

    def _store(self, task: DraftTask, name: str, text: str) -> None:
        plain = clean(text)
        if plain:
            key = clean(name).lower().strip(" :") or "remark"
            held = task.meta.get(key)
            if held is None:
                task.meta[key] = plain[:MAX_META]
            elif plain not in held and len(held) < MAX_META:
                task.meta[key] = f"{held}; {plain}"[:MAX_META]

    def _not_understood(self, task: DraftTask, head: str, text: str, line: int) -> None:
        self.keep(task, head, text)
        said = clean(text)[:80]
        self._draft.left(line, "value", f"{head} of {name_of(task)} is kept as a remark: {said!r}")

    def _after(self, task: DraftTask, text: str, line: int, head: str) -> None:
        if is_nobody(text):
            self._remark_of_none(task, text, head or "dependencies")
            return
        if _SOFT.search(text):
            self.keep(task, "soft dependency", text)
            said = f"{name_of(task)} could go without {clean(text)!r}: no dependency"
            self._draft.guessed(line, "soft-dependency", said)
            return
        self.wait_for(task, names_in(text), line)

    def wait_for(self, task: DraftTask, names: Sequence[str], line: int) -> None:
        """Add dependencies, each once; no more than `MAX_EDGES` in all."""
        known = set(task.after)
        new = [name for name in names if name not in known]
        if len(new) > self._edges_left:
            said = f"{name_of(task)} names {len(new)} more tasks than a document may"
            self._draft.left(line, "too-many-dependencies", said)
            return
        self._edges_left -= len(new)
        task.after += new

    def _blockers(self, task: DraftTask, text: str, line: int, head: str) -> None:
        if is_nobody(text) or re.match(r"\W*(?:none|nothing|no)\b", text, re.IGNORECASE):
            self._remark_of_none(task, text, head or "blockers")
        else:
            self._after(task, text, line, head)

    def _remark_of_none(self, task: DraftTask, text: str, head: str) -> None:
        said = clean(text)
        remark = re.sub(r"^\W*(?:none|nothing|no|n/?a)\b\W*", "", said, flags=re.IGNORECASE)
        if len(remark) > 3:
            self._store(task, head, said)

    def _files(self, task: DraftTask, text: str, line: int, head: str) -> None:
        found, rest = files_in(text)
        known = set(task.files)
        for path, rule in found:
            if path in known or len(task.files) >= MAX_FILES:
                continue
            known.add(path)
            task.files.append(path)
            if rule:
                said = f"{clean(text)!r} is taken to mean {path}"
                self._draft.guessed(line, rule, f"{name_of(task)}: {said}")
        if rest:
            self.keep(task, head or "files", rest)
            if not found:
                said = f"{name_of(task)}: no path in {clean(rest)[:80]!r}, kept as a remark"
                self._draft.left(line, "no-path", said)

    def _time(self, task: DraftTask, text: str, line: int, head: str) -> None:
        amount = duration_of(with_unit(text, head))
        if amount is None:
            self._not_understood(task, head or "time", text, line)
        elif task.estimate_s is None:
            task.estimate_s = self._middle(task, amount, text, line)

    def _middle(self, task: DraftTask, amount: Amount, text: str, line: int) -> float:
        if amount.low != amount.high:
            said = f"the estimate of {name_of(task)} is the middle of {clean(text)!r}"
            self._draft.guessed(line, "middle-of-range", said)
        return (amount.low + amount.high) / 2

    def _tokens(self, task: DraftTask, text: str, line: int, head: str) -> None:
        bare = _BARE_NUMBER.fullmatch(clean(text))
        thousands = bare and re.search(r"\bk\b|thousand", head, re.IGNORECASE)
        amount = tokens_of(f"{clean(text)}K" if thousands else text)
        if amount is None:
            self._not_understood(task, head or "tokens", text, line)
        elif task.tokens is None:
            task.tokens = round(self._middle(task, amount, text, line))

    def _model(self, task: DraftTask, text: str, line: int, head: str) -> None:
        model = model_of(text)
        if model is None:
            self._not_understood(task, head or "model", text, line)
        elif task.model is None:
            task.model = model

    def _agent(self, task: DraftTask, text: str, line: int, head: str) -> None:
        if _SLOT.fullmatch(text):
            self.keep(task, head or "agent", text)
            return
        names = agents_in(text)
        if not names:
            self._not_understood(task, head or "agent", text, line)
            return
        if len(names) > 1:
            said = f"{name_of(task)} goes to {names[0]}, the first of {clean(text)!r}"
            self._draft.guessed(line, "first-of-several", said)
            self.keep(task, head or "agent", text)
        elif without_remark(clean(text))[1]:
            self.keep(task, head or "agent", text)
        if task.agent is None and not task.human:
            task.human = names[0] == "human"
            task.agent = None if task.human else names[0]

    def _status(self, task: DraftTask, text: str, line: int, head: str) -> None:
        status = Status.DONE if text.lower() in ("yes", "100%") else status_of(text)
        if status is Status.DONE:
            task.done = True
        elif status in (Status.DEFERRED, Status.CANCELLED):
            task.defer = task.defer or f"{status.value}, says the document: {clean(text)}"
        elif status is None and text.lower() not in ("no", "0%"):
            self._not_understood(task, head or "status", text, line)
        elif status in (Status.ACTIVE, Status.BLOCKED):
            self.keep(task, head or "status", text)

    def _priority(self, task: DraftTask, text: str, line: int, head: str) -> None:
        plain = " ".join(re.sub(r"[^a-z0-9' ]+", " ", clean(text).lower()).split())
        rank = PRIORITIES.get(plain, PRIORITIES.get(plain.split(" ")[0]) if plain else None)
        if rank is None:
            self._not_understood(task, head or "priority", text, line)
        else:
            task.priority = rank
            self.keep(task, "priority", text)

    def _risk(self, task: DraftTask, text: str, line: int, head: str) -> None:
        risk = risk_of(text)
        if risk is None:
            self._not_understood(task, head or "risk", text, line)
        task.risk = task.risk or risk

    def _complexity(self, task: DraftTask, text: str, line: int, head: str) -> None:
        complexity = complexity_of(text)
        if complexity is None:
            self._not_understood(task, head or "complexity", text, line)
        task.complexity = task.complexity or complexity

    def _kind(self, task: DraftTask, text: str, line: int, head: str) -> None:  # noqa: ARG002
        task.kind = task.kind or clean(text)[:100].lower()

    def _pool(self, task: DraftTask, text: str, line: int, head: str) -> None:  # noqa: ARG002
        task.pool = task.pool or clean(text)[:100]

    def _skills(self, task: DraftTask, text: str, line: int, head: str) -> None:  # noqa: ARG002
        task.skills = list(dict.fromkeys([*task.skills, *names_in(text)]))

    def _labels(self, task: DraftTask, text: str, line: int, head: str) -> None:  # noqa: ARG002
        task.labels = list(dict.fromkeys([*task.labels, *names_in(text)]))


def name_of(task: DraftTask) -> str:
    """What a remark calls a task."""
    return task.id or repr(task.title)


def is_all_above(text: str) -> bool:
    """`all above`, `everything previous`."""
    return len(text) < MAX_META and _ABOVE.search(text) is not None


def is_previous(text: str) -> bool:
    """`previous`, `the above task`."""
    return len(text) < MAX_META and _PREVIOUS.fullmatch(text) is not None


def with_unit(text: str, head: str) -> str:
    """A bare number with the unit that the head of its column says."""
    plain = clean(text)
    if len(plain) > 40 or not _BARE_NUMBER.fullmatch(plain):
        return text
    unit = next((unit for unit, words in _HEAD_UNITS if words.search(head)), "")
    return f"{plain}{unit}"


def files_in(text: str) -> tuple[list[tuple[str, str]], str]:
    """The paths that a text names, each with the rule that guessed it (or none), and the rest.

    `Update all client files` names the folder `client/`: a guess.
    """
    found: list[tuple[str, str]] = []
    rest: list[str] = []
    for part in _SEPARATORS.split(text[:100_000]):
        marked = [clean(f"`{path}`") for path in _CODE.findall(part)]
        if marked and all(_is_path(path) for path in marked):
            found += [(path, "") for path in marked]
            continue
        words = (
            _FILE_VERB.sub("", without_remark(clean(part))[0], count=1).strip(" \"'").rstrip(".:")
        )
        folder = _ALL_FILES.search(words)
        if folder:
            found.append((f"{folder[1]}/", "folder-from-words"))
        elif _is_path(words):
            found.append((words, ""))
        elif words and not is_nobody(words):
            inside = [word for word in words.split() if "/" in word and _is_path(word)]
            found += [(path, "") for path in inside]
            rest += [] if inside else [words]
    return found, "; ".join(rest)


def _is_path(text: str) -> bool:
    if len(text) > 400 or " " in text or "://" in text:
        return False
    return _PATH.fullmatch(text) is not None or text.lower() in _BARE_NAMES
