"""Streams of work in drawn boxes, side by side, with the tables beside them.

Rules:
- Each column that names a stream, a task or an agent is a task. Boxes that do not are drawings.
- The head of the box (`WEEK 1-2`), else the heading above it, is the phase; its weeks are the
  estimate of each of its tasks.
- A table of streams in the same section completes what the drawing has cut, and adds model, pool
  and skills. A name without such a table is completed when exactly one agent of the document fits.
- `Week 1-2 Stream A + Stream B` are two tasks of Week 1-2. A stream without a week is one of the
  same box.
- Words below a box that say that all must complete make its phase a sync point.
- When all phases have weeks that follow each other, each waits for the one before: a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core.ids import slug
from agentdeck.core.plan import Strategy
from agentdeck.plans.durations import format_duration
from agentdeck.plans.imports.draft import MAX_TASKS, Draft, DraftPhase, DraftTask
from agentdeck.plans.imports.markdown.agents_named import (
    Assignment,
    add_agent,
    assignments_of,
    is_assignments,
    known_agents,
    skills_in,
)
from agentdeck.plans.imports.markdown.blocks import Fence, Section, Table
from agentdeck.plans.imports.markdown.cells import Stream, read_columns
from agentdeck.plans.imports.markdown.grids import Drawn, Text, read_drawings
from agentdeck.plans.imports.markdown.introductions import take_introduction
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.phases import Phases, Traits
from agentdeck.plans.imports.markdown.shortened import complete, fits, without_aside
from agentdeck.plans.imports.markdown.spans import in_order, span_of
from agentdeck.plans.imports.words import (
    agent_of,
    complexity_of,
    duration_of,
    model_of,
    risk_of,
    tokens_of,
)

MAX_NAME: Final = 200  # characters of a title
MAX_FITTED: Final = 100  # agents that a shortened name is compared with
MAX_NEEDED: Final = 500  # tasks that one week stands for, as a dependency

_JOIN: Final = re.compile(
    r"\b(?:both|all|every|each)\b.*\b(?:complete|completes|completed|finish|finished|done|ready|"
    r"integrate|join|merge)\b|\bsync(?:hroni[sz]ation)?[ -]?point\b|\bbarrier\b",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(
    r"(?:(?P<span>.*?)\s)?\s?(?:parallel )?(?P<sort>stream|track|lane|team|worker|thread|agent)s?"
    r"\s(?P<label>[A-Z]|\d{1,3})",
    re.IGNORECASE,
)
_TAIL: Final = re.compile(
    r"\s(?:outputs?|results?|deliverables?|completion|complete|completed|done|finished)$",
    re.IGNORECASE,
)
_ROUND: Final = re.compile(r"\([^()]{0,200}\)")
_NOT_TEXT: Final = re.compile(r"[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f]+")


class _Known:
    """What is known already, so that no box needs to look at all others."""

    def __init__(self, page: Page, draft: Draft) -> None:
        self.agents = known_agents(page)
        self._exact = {name.casefold(): name for name in self.agents}
        self.phases = Phases(draft)
        self.streams: dict[str, list[str]] = {}  # names of the streams, by group
        self._draft = draft
        self._by_key: dict[str, DraftPhase] = {}
        self._seen = 0  # phases of the draft that are in `_by_key`

    def agent(self, written: str) -> str:
        """The agent that a name means, completed when exactly one fits."""
        exact = self._exact.get(written.casefold())
        return exact or complete(written, self.agents[:MAX_FITTED]) or written

    def phase_of(self, section: Section) -> DraftPhase | None:
        """The phase of the heading above; it is made when it is new."""
        key = self.phases.of(section)
        for phase in self._draft.phases[self._seen :]:
            self._by_key[phase.key] = phase
        self._seen = len(self._draft.phases)
        return self._by_key[key] if key is not None else None


class _Beside(msgspec.Struct):
    """The table of streams in a section, for all the boxes of it."""

    rows: dict[str, Assignment]  # by label
    labels: set[str] = set()  # of the streams that were read


class _Group(msgspec.Struct):
    """What the streams of one box share."""

    phase: DraftPhase
    name: str  # `Week 1-2`, what its streams are referred to by
    traits: Traits
    estimate_s: float | None
    beside: _Beside


def read_boxes(page: Page, draft: Draft) -> None:
    """Boxes in code blocks whose columns are work. Linear in the text."""
    known: _Known | None = None
    for section in page.sections():
        beside: _Beside | None = None
        for block in section.blocks:
            if not isinstance(block, Fence) or not page.free(block.line):
                continue
            drawn = [box for box in read_drawings(block.lines) if _is_work(box)]
            if drawn:
                known = known or _Known(page, draft)
                beside = beside or _Beside(_rows_beside(page, draft, section))
                page.take_block(block)
                _read_block(draft, section, block, drawn, beside, known)
        if beside is not None:
            _check_rows(draft, section, beside)
    if known is not None:
        _weeks_in_order(draft)


def _is_work(box: Drawn) -> bool:
    return not box.columns or any(stream.is_work for stream in read_columns(box.columns))


def _read_block(
    draft: Draft,
    section: Section,
    fence: Fence,
    drawn: Sequence[Drawn],
    beside: _Beside,
    known: _Known,
) -> None:
    group: _Group | None = None
    for box in drawn:
        line = fence.line + box.first
        if box.columns:
            group = _group(draft, section, box, line, beside, known)
            for stream in read_columns(box.columns):
                _read_stream(draft, group, stream, fence.line, known)
        words = box.below if box.columns else (*box.head, *box.below)
        if group is not None:
            _read_below(draft, group, words, fence.line)


def _rows_beside(page: Page, draft: Draft, section: Section) -> dict[str, Assignment]:
    found: dict[str, Assignment] = {}
    for at, block in enumerate(section.blocks):
        if isinstance(block, Table) and page.free(block.line) and is_assignments(block):
            page.take_block(block)
            take_introduction(page, section, at)
            rows = assignments_of(block)
            draft.read(block.line, "stream-table", f"a table of {len(rows)} streams")
            found.update((row.label, row) for row in rows)
    return found


def _check_rows(draft: Draft, section: Section, beside: _Beside) -> None:
    for label, row in beside.rows.items():
        if label not in beside.labels:
            where = _short(section.title) or "no box"
            draft.left(row.line, "stream-table", f"{where} has no stream {label}")


def _group(
    draft: Draft,
    section: Section,
    box: Drawn,
    line: int,
    beside: _Beside,
    known: _Known,
) -> _Group:
    head = " ".join(text for _, text in box.head)
    span = span_of(head) or (None if head else span_of(section.title))
    name = span.name if span else _short(head) or _short(section.title) or f"Box {line}"
    phase = _phase(draft, section, name, line, known, shared=span_of(section.title) == span)
    estimate_s = span.length_s if span else None
    if span is not None:
        text = f"each task of {name} takes all of it: {format_duration(span.length_s)}"
        draft.guessed(line, "span-estimate", text)
    return _Group(phase, name, known.phases.traits(section), estimate_s, beside)


def _phase(
    draft: Draft, section: Section, name: str, line: int, known: _Known, *, shared: bool
) -> DraftPhase:
    """The phase of the heading above the box, when both mean the same; else a phase of its own."""
    above = known.phase_of(section) if shared or span_of(name) is None else None
    if above is not None:
        return above
    phase = DraftPhase(f"{name} (line {line})", name[:MAX_NAME], line)
    draft.phases.append(phase)
    draft.read(line, "box-phase", f"phase {phase.title!r}")
    return phase


def _short(heading: str) -> str:
    """A heading without remarks in parentheses or behind a sign, and without markup."""
    bare = _ROUND.sub(" ", heading).replace("**", "").replace("`", "")
    said = (" ".join(part.split()) for part in _NOT_TEXT.split(bare))
    return next((part for part in said if part), "")[:MAX_NAME]


def _read_stream(draft: Draft, group: _Group, stream: Stream, first: int, known: _Known) -> None:
    if not stream.is_work:
        draft.left(first + stream.line, "drawing", f"a column without a task: {stream.title[:80]}")
        return
    if len(draft.tasks) >= MAX_TASKS:
        draft.left(first + stream.line, "too-many-tasks", stream.title[:80])
        return
    row = group.beside.rows.get(stream.label)
    line = first + stream.line
    name = f"{group.name} {stream.sort} {stream.label}".strip() if stream.label else ""
    task = DraftTask(
        title=stream.title[:MAX_NAME],
        line=line,
        phase=group.phase.key,
        aliases=[name] if name else [],
        id=stream.said.get("id", ""),
        files=[path.strip("`") for path in stream.files],
        pool=stream.said.get("pool"),
        estimate_s=group.estimate_s,
        defer=group.traits.defer,
        done=group.traits.done,
        meta=_meta(group, stream),
    )
    task.skills = skills_in(stream.said.get("skills", ""))
    _set_fields(task, stream.said)
    draft.tasks.append(task)
    group.beside.labels.add(stream.label)
    known.streams.setdefault(group.name, []).extend(task.aliases)
    draft.read(line, "box", f"task {task.title!r} is {name or 'a column of a box'}")
    if row is not None:
        _add_row(draft, task, row)
    _name_agent(draft, known, task, stream.said.get("agent"), row)
    task.after = _needed(draft, group, stream, line, known)
    task.prompt = _prompt(task.title, stream, row)
    for at, text in stream.loose:
        draft.guessed(first + at, "box-text", f"{text!r} is part of the prompt of {task.title!r}")


def _set_fields(task: DraftTask, said: Mapping[str, str]) -> None:
    """What has a field of its own; what cannot be understood is kept as it is written."""
    time, tokens = duration_of(said.get("time", "")), tokens_of(said.get("tokens", ""))
    task.estimate_s = time.high if time else task.estimate_s
    task.tokens = int(tokens.high) if tokens else None
    task.model = model_of(said.get("model", ""))
    task.risk = risk_of(said.get("risk", ""))
    task.complexity = complexity_of(said.get("complexity", ""))
    understood = {
        "time": time,
        "tokens": tokens,
        "model": task.model,
        "risk": task.risk,
        "complexity": task.complexity,
    }
    for field in ("technology", "priority", *understood):
        if field in said and understood.get(field) is None:
            task.meta[field] = said[field]


def _meta(group: _Group, stream: Stream) -> dict[str, str]:
    kept = {key: value for key, value in stream.meta.items() if value}
    if stream.label:
        kept["stream"] = stream.label
    if stream.asides:
        kept["remark"] = "; ".join(stream.asides)
    if group.name:
        kept["group"] = group.name
    return kept


def _prompt(title: str, stream: Stream, row: Assignment | None) -> str:
    parts = [title]
    technology = stream.said.get("technology") or (row.said.get("technology") if row else None)
    if technology:
        parts.append(f"Technology: {technology}")
    if stream.loose:
        parts.append("\n".join(text for _, text in stream.loose))
    steps = [bullet for bullet in stream.bullets if bullet != title]
    if steps:
        parts.append("\n".join(f"- {step}" for step in steps))
    return "\n\n".join(parts)


def _add_row(draft: Draft, task: DraftTask, row: Assignment) -> None:
    """What the table beside the box says about this stream; the box wins where both speak."""
    if "model" in row.said and not task.model:
        task.model = model_of(row.said["model"])
        if task.model is None:
            task.meta["model"] = row.said["model"]
    if "skills" in row.said and not task.skills:
        task.skills = skills_in(row.said["skills"])
    _add_pool(draft, task, row)
    full = row.said.get("task")
    if full and full != task.title and fits(task.title, full):
        draft.guessed(row.line, "shortened-name", f"task {task.title!r} is {full!r}")
        task.title = full[:MAX_NAME]
    if "technology" in row.said and row.said["technology"] != task.meta.get("technology"):
        written = task.meta.get("technology")
        key = "technology (table)" if written else "technology"
        task.meta[key] = row.said["technology"]
    task.meta.update((head.lower(), text) for head, text in row.other.items())
    draft.read(row.line, "stream-table", f"stream {row.label} is task {task.title!r}")


def _add_pool(draft: Draft, task: DraftTask, row: Assignment) -> None:
    if "pool" not in row.said:
        return
    pool = without_aside(row.said["pool"])
    if task.pool and not fits(without_aside(task.pool), pool):
        text = f"task {task.title!r}: pool {task.pool!r} in the box, {pool!r} in the table"
        draft.left(row.line, "stated-twice", text)
        return
    if task.pool and task.pool != pool:
        draft.guessed(row.line, "shortened-name", f"pool {task.pool!r} is {pool!r}")
    task.pool = pool


def _name_agent(
    draft: Draft, known: _Known, task: DraftTask, written: str | None, row: Assignment | None
) -> None:
    in_row = without_aside(row.said.get("agent", "")) if row else ""
    if not written and not in_row:
        return
    bare = without_aside(written or "")
    full = in_row
    if row is not None and bare and in_row and not fits(bare, row.said["agent"]):
        text = f"task {task.title!r}: agent {bare!r} in the box, {in_row!r} in the table"
        draft.left(row.line, "stated-twice", text)
        full = ""
    name = full or known.agent(bare)
    if bare and name != bare:
        draft.guessed(task.line, "shortened-name", f"agent {bare!r} is {name!r}")
        task.meta["agent as written"] = bare
    meant = agent_of(name)
    if meant == "human":
        task.human = True
    elif meant is not None and meant != slug(name):
        task.agent = meant  # a program that the document names: `Claude Code (Agent 1)`
    else:
        task.agent = name
        add_agent(draft, name, row.line if row and full else task.line, task.skills)


def _needed(draft: Draft, group: _Group, stream: Stream, line: int, known: _Known) -> list[str]:
    """The tasks that a box says it depends on, as names that they are known by."""
    said = stream.said.get("after", "")
    names: list[str] = []
    carried = group.name
    for part in re.split(r"\s*[+,;&]\s*|\s+and\s+", said):
        bare = _TAIL.sub("", _ROUND.sub(" ", part).strip(" ."))
        if not bare or bare.lower() in ("none", "nothing", "n/a", "-", "—", "–"):
            continue
        match = _REFERENCE.fullmatch(" ".join(bare.split()))
        span = span_of(bare)
        if span is not None:
            carried = span.name
        if match is not None:
            names.append(f"{carried} {match['sort'].capitalize()} {match['label'].upper()}")
        elif span is not None:
            names += known.streams.get(span.name, [])[:MAX_NEEDED] or [bare]
        else:
            names.append(bare)
    if names:
        draft.read(line, "box-depends", f"task {stream.title!r} needs {', '.join(names)}")
    return list(dict.fromkeys(names))


def _read_below(draft: Draft, group: _Group, words: Sequence[Text], first: int) -> None:
    for offset, text in words:
        line = first + offset
        if _JOIN.search(text):
            group.phase.sync = True
            draft.read(line, "join", f"{text!r}: {group.name} ends in a sync point")
        elif text:
            draft.left(line, "drawing", f"below {group.name}: {text!r}")


def _weeks_in_order(draft: Draft) -> None:
    used = {task.phase for task in draft.tasks}
    phases = [phase for phase in draft.phases if phase.key in used]
    spans = [span_of(phase.title) or span_of(phase.key) for phase in phases]
    known = [span for span in spans if span is not None]
    if draft.strategy is Strategy.WAVES or len(known) != len(spans) or not in_order(known):
        return
    draft.strategy = Strategy.WAVES
    text = f"{len(known)} groups have weeks that follow each other: each phase waits for the last"
    draft.guessed(phases[0].line, "weeks-in-order", text)
