"""Tables about agents: who they are, what they are good at, which stream each of them works on.

Rules:
- A table with a column for agents and one for skills, and no column for tasks or streams, names
  agents. They are configured as `claude`, which is a guess; the document names roles, no programs.
- A table with a column for streams gives the streams of the drawing beside it their agents, models,
  pools and skills. It completes names that the drawing has cut.
- Skills that the document wants and nobody has are notes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, DraftAgent, DraftNote
from agentdeck.plans.imports.markdown.blocks import Row, Section, Table
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.shortened import without_aside

MAX_SKILLS: Final = 50  # of one agent
MAX_AGENTS: Final = 500  # of one document; more are no agents that anybody configures

_AGENT: Final = ("agent", "agents", "agent name", "agent type", "subagent", "worker", "role")
_SKILLS: Final = (
    *("skills", "skill", "skills needed", "required skills", "expertise", "specialization"),
    *("specialisation", "specialty", "capabilities", "competence", "strengths"),
)
_STREAM: Final = ("stream", "track", "lane", "workstream", "work stream", "team")
_OTHER_WORK: Final = frozenset(
    ("task", "tasks", "id", "task id", "dependencies", "depends on", "duration", "category")
)
_FIELDS: Final = {
    "agent": _AGENT,
    "skills": _SKILLS,
    "model": ("model", "llm", "recommended model"),
    "pool": ("pool", "worker pool"),
    "task": ("task", "title", "work"),
    "technology": ("technology", "tech", "stack", "tech stack", "language"),
}
_MISSING: Final = re.compile(
    r"❌|✗|⛔|\bmissing\b|\bneeded\b|\bto ?do\b|\bdoes not exist\b|\bnew\b", re.IGNORECASE
)
_LABEL: Final = re.compile(r"(?:[A-Za-z]+\s+)?([A-Z]|\d{1,3})", re.IGNORECASE)
_NOTHING: Final = frozenset(("", "-", "—", "–", "n/a", "none", "all"))


class Assignment(msgspec.Struct, frozen=True):
    """A row of a table about streams."""

    label: str  # `A`
    line: int
    said: dict[str, str]  # by field, see `_FIELDS`
    other: dict[str, str]  # by head, as written


def plain(text: str) -> str:
    """A cell without markup."""
    return " ".join(text.replace("**", "").replace("`", "").split())


def skills_in(text: str) -> list[str]:
    """The skills of a cell, in order, each once."""
    parts = (" ".join(part.split()) for part in re.split(r"[,;]", plain(text)))
    each: dict[str, str] = {}
    for part in parts:
        if part.lower() not in _NOTHING:
            each.setdefault(part.casefold(), part)
    return list(each.values())[:MAX_SKILLS]


def is_assignments(table: Table) -> bool:
    """Does each row say something about one stream?"""
    return _column(table, _STREAM) == 0 and _column(table, _AGENT) is not None


def assignments_of(table: Table) -> list[Assignment]:
    """The rows of a table about streams."""
    found = []
    for row in table.rows:
        label = _LABEL.fullmatch(plain(row.cells[0])) if row.cells else None
        if label is not None:
            found.append(_assignment(table, row, label[1].upper()))
    return found


def _assignment(table: Table, row: Row, label: str) -> Assignment:
    said: dict[str, str] = {}
    other: dict[str, str] = {}
    for head, cell in zip(table.heads[1:], row.cells[1:], strict=False):
        name = plain(head)
        field = next((key for key, words in _FIELDS.items() if name.lower() in words), None)
        if plain(cell).lower() in _NOTHING:
            continue
        if field is None or field in said:
            other[name] = plain(cell)
        else:
            said[field] = plain(cell)
    return Assignment(label, row.line, said, other)


def _column(table: Table, words: Sequence[str]) -> int | None:
    heads = [plain(head).lower() for head in table.heads]
    return next((at for at, head in enumerate(heads) if head in words), None)


def _is_agents(table: Table) -> bool:
    heads = {plain(head).lower() for head in table.heads}
    return (
        _column(table, _AGENT) == 0
        and _column(table, _SKILLS) is not None
        and not heads & _OTHER_WORK
    )


def known_agents(page: Page) -> list[str]:
    """Every agent that a table of the page names, each once."""
    names: dict[str, None] = {}
    for _, block in page.blocks():
        if isinstance(block, Table) and (_is_agents(block) or is_assignments(block)):
            at = _column(block, _AGENT) or 0
            cells = (row.cells[at] for row in block.rows if len(row.cells) > at)
            names.update((name, None) for cell in cells if (name := without_aside(plain(cell))))
    return list(names)[:MAX_AGENTS]


def add_agent(draft: Draft, name: str, line: int, skills: Sequence[str] = ()) -> None:
    """Add skills to the agent of that name; it is made when the draft has none."""
    agent = next((one for one in draft.agents if one.name.casefold() == name.casefold()), None)
    if agent is None and len(draft.agents) >= MAX_AGENTS:
        draft.left(line, "too-many-agents", f"agent {name!r}")
        return
    if agent is None:
        agent = DraftAgent(name, line, use="claude")
        draft.agents.append(agent)
        text = f"agent {name!r} works as claude: the document names a role, no program"
        draft.guessed(line, "agent-kind", text)
    room = MAX_SKILLS - len(agent.skills)
    held = {skill.casefold() for skill in agent.skills}
    agent.skills += [skill for skill in skills if skill.casefold() not in held][:room]


def read_agents(page: Page, draft: Draft) -> None:
    """Tables that name agents with their skills, and tables of skills that are wanted."""
    for section, block in page.blocks():
        if not isinstance(block, Table) or not page.free(block.line):
            continue
        if _is_agents(block):
            _read_agents(page, draft, block)
        elif _column(block, ("skill", "new skill", "missing skill")) == 0:
            _read_wanted(page, draft, section, block)


def _read_agents(page: Page, draft: Draft, table: Table) -> None:
    at, skilled = _column(table, _AGENT) or 0, _column(table, _SKILLS) or 0
    page.take_block(table)
    draft.read(table.line, "agent-table", f"a table of {len(table.rows)} agents and their skills")
    for row in table.rows:
        cells = [plain(cell) for cell in row.cells]
        name = without_aside(cells[at]) if len(cells) > at else ""
        if not name:
            draft.left(row.line, "agent-table", "a row without the name of an agent")
            continue
        skills = skills_in(cells[skilled]) if len(cells) > skilled else []
        add_agent(draft, name, row.line, skills)
        draft.read(row.line, "agent-table", f"agent {name!r}: {', '.join(skills) or 'no skills'}")
        _other_cells(draft, table, row, name, (at, skilled))


def _other_cells(draft: Draft, table: Table, row: Row, name: str, known: tuple[int, int]) -> None:
    """What else the table says about an agent: a note when it is missing, else a remark."""
    for index, (head, cell) in enumerate(zip(table.heads, row.cells, strict=False)):
        said = plain(cell)
        if index in known or said.lower() in _NOTHING:
            continue
        text = f"agent {name!r}: {plain(head)}: {said}"
        if _MISSING.search(said):
            draft.notes.append(DraftNote(NoteKind.REMARK, text, row.line))
        draft.left(row.line, "agent-status", text)


def _read_wanted(page: Page, draft: Draft, section: Section, table: Table) -> None:
    page.take_block(table)
    draft.read(table.line, "skill-table", f"skills: {plain(section.title) or 'wanted'}")
    about = plain(section.title) or "Skills"
    for row in table.rows:
        name = plain(row.cells[0]) if row.cells else ""
        said = [
            f"{plain(head)}: {plain(cell)}"
            for head, cell in zip(table.heads[1:], row.cells[1:], strict=False)
            if plain(cell).lower() not in _NOTHING
        ]
        if name:
            text = f"{about}: {'; '.join([name, *said])}"
            draft.notes.append(DraftNote(NoteKind.REMARK, text, row.line))
