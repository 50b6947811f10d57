"""What the heads of columns and the names of fields mean: `Deps`, `Blocked by` and `Needs` are one.

Rules:
- One table of synonyms serves the columns of tables, the fields of prose (`**Files**:`) and those
  of nested bullets. Case, markup, a trailing `(s)`, a unit or a question mark do not matter.
- A name that is not in it is no role. What a table is about is decided by its roles, and by the
  column its rows begin with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.plans.imports.cleaning import clean

MAX_NAME: Final = 40  # characters of the name of a column or field; longer is a sentence


class Role(StrEnum):
    """What a column or a field says about a task."""

    ID = "id"
    NAME = "name"  # `Task`: an id or a title, whichever stands in it
    TITLE = "title"
    DESCRIPTION = "description"
    AFTER = "after"
    BLOCKERS = "blockers"
    FILES = "files"
    TIME = "time"
    TOKENS = "tokens"
    MODEL = "model"
    AGENT = "agent"
    STATUS = "status"
    PRIORITY = "priority"
    RISK = "risk"
    COMPLEXITY = "complexity"
    KIND = "kind"
    PHASE = "phase"
    POOL = "pool"
    SKILLS = "skills"
    LABELS = "labels"
    CRITERIA = "criteria"
    WHY = "why"


_SYNONYMS: Final = {
    Role.ID: "id|task id|task no|task number|task #|#|no|nr|ref|key|ticket id|story id|issue id|"
    "item id|ticket|jira|code",
    Role.NAME: "task|story|user story|item|work item|issue|feature|subtask|sub task|activity|todo|"
    "action item|deliverable|job|work package|step|component|change",
    Role.TITLE: "title|name|summary|task name|task title|story title|headline|what|task summary|"
    "task description|short description",
    Role.DESCRIPTION: "description|details|detail|notes|note|scope of work|what to do|prompt|"
    "instructions|actions|goal|objective|implementation|implementation notes|requirements|"
    "specification|steps|subtasks|tasks|work",
    Role.AFTER: "depends on|depends|dependency|dependencies|deps|dep|blocked by|blocked on|needs|"
    "requires|required|after|prerequisite|prerequisites|prereq|prereqs|predecessor|predecessors|"
    "waits for|waits on|waiting on|waiting for|upstream|follows|requires tasks|parent task|"
    "task dependencies",
    Role.BLOCKERS: "blockers|blocker|blocks on",
    Role.FILES: "files|file|package|packages|package/files|package / files|packages/files|scope|"
    "touches|paths|path|files touched|files changed|files to change|files to modify|modifies|"
    "file scope|file(s)|affected files|key files|files affected|module|modules|directory|"
    "directories|files to create|files modified|creates|files/packages|location|footprint|owns|"
    "target files|output files|file path|file paths|create|modify|file ownership|files owned",
    Role.TIME: "time|duration|est|estimate|estimated|estimation|effort|hours|hrs|days|minutes|mins|"
    "est time|est duration|est hours|est effort|estimated time|estimated duration|estimated hours|"
    "estimated effort|time estimate|effort estimate|length|eta|size estimate|dur|work time|weeks",
    Role.TOKENS: "tokens|est tokens|estimated tokens|token estimate|token budget|tokens est|"
    "token count|max tokens",
    Role.MODEL: "model|recommended model|llm|suggested model|model tier",
    Role.AGENT: "agent|owner|assignee|assigned to|assigned|agent type|agent name|assigned agent|"
    "responsible|who|executor|worker|subagent|role|recommended agent|developer|performer|by",
    Role.STATUS: "status|state|progress|done|done?|complete|completed|complete?",
    Role.PRIORITY: "priority|prio|importance|moscow|urgency",
    Role.RISK: "risk|risk level",
    Role.COMPLEXITY: "complexity|difficulty|size|t-shirt size|tshirt",
    Role.KIND: "type|kind|category|task type|work type|area",
    Role.PHASE: "phase|wave|batch|sprint|stage|milestone|group|parallel group|iteration|week|layer",
    Role.POOL: "pool|worker pool|queue|resource pool",
    Role.SKILLS: "skills|skill|skills needed|required skills|expertise|specialization",
    Role.LABELS: "labels|label|tags|tag",
    Role.CRITERIA: "acceptance criteria|acceptance|done when|definition of done|success criteria|"
    "verification|verify|validation|test|tests|criteria|expected result|exit criteria|"
    "test strategy|success|acceptance test",
    Role.WHY: "why|why sequential|why parallel|rationale|reason|reasoning|justification|why first|"
    "comment|comments|remark|remarks",
}
_ROLE: Final = {name: role for role, names in _SYNONYMS.items() for name in names.split("|")}
_UNIT: Final = re.compile(r"\s*[(\[]([^()\[\]]{0,20})[)\]]")
_OTHER: Final = re.compile(r"[^a-z0-9#?/-]+")

# a table whose rows begin with one of these is about that, not about tasks
_SUBJECTS: Final = frozenset({Role.ID, Role.NAME, Role.TITLE})
_BEFORE: Final = frozenset(
    {Role.STATUS, Role.PRIORITY, Role.PHASE, Role.AGENT, Role.KIND, Role.TIME, Role.POOL}
)
_PROVING: Final = frozenset(Role) - _SUBJECTS - {Role.DESCRIPTION, Role.WHY, Role.KIND, Role.RISK}
_NUMBER_HEADS: Final = frozenset({"#", "no", "nr", "order", "seq", "rank", "step #", "s/n"})
_SLOT_HEADS: Final = frozenset({"agent id", "agent #", "agent no", "worker id", "slot", "stream"})


class Columns(msgspec.Struct, frozen=True):
    """The columns of a table of tasks."""

    at: dict[Role, int]  # the first column of each role
    heads: tuple[str, ...]  # clean
    others: tuple[int, ...]  # columns without a role, or with one that another column has

    def cell(self, cells: Sequence[str], role: Role) -> str:
        """What a row says for a role; empty when it says nothing."""
        index = self.at.get(role)
        return cells[index] if index is not None and index < len(cells) else ""

    def unit(self, role: Role) -> str:
        """The head of a column; it may hold the unit of bare numbers: `Hours`, `Est. (min)`."""
        index = self.at.get(role)
        return self.heads[index] if index is not None else ""

    def proving(self) -> Iterator[Role]:
        """The roles that only a table of tasks has."""
        return (role for role in self.at if role in _PROVING)


def role_of(name: str) -> Role | None:
    """The role that a column head or a field name stands for, or None."""
    if len(name) > 2 * MAX_NAME:
        return None
    plain = plain_name(name)
    found = _ROLE.get(plain)
    if found is None and plain.endswith("s"):
        found = _ROLE.get(plain[:-1])
    return found


def plain_name(name: str) -> str:
    """A head in lower case, without markup, dots and what stands in brackets."""
    bare = _UNIT.sub("", clean(name).replace("(s)", "s")).lower()
    return _OTHER.sub(" ", bare.replace(".", "").replace("_", " ")).strip(" ?:")


def task_columns(heads: Sequence[str]) -> Columns | None:
    """The columns of a table that could hold tasks, or None when its rows are something else.

    The rows must be named by an id or a title, with nothing but a number, a status, a phase, an
    agent or the like before it. Whether they are tasks, the caller decides by what else is there.
    """
    at: dict[Role, int] = {}
    others: list[int] = []
    for index, head in enumerate(heads):
        role = None if plain_name(head) in _SLOT_HEADS else role_of(head)
        if role is Role.DESCRIPTION and plain_name(head) == "tasks":
            role = None  # a count or a list of tasks: the rows are something else
        if role is None or role in at:
            others.append(index)
        else:
            at[role] = index
    named = [at[role] for role in _SUBJECTS if role in at]
    if not named:
        return None
    columns = Columns(at, tuple(clean(head) for head in heads), tuple(others))
    return columns if _begins_with_a_task(columns, min(named)) else None


def _begins_with_a_task(columns: Columns, subject: int) -> bool:
    """Rows that begin with a phase, an agent or a type need a name of their own right behind."""
    for index in range(subject):
        plain = plain_name(columns.heads[index])
        before = any(at == index and role in _BEFORE for role, at in columns.at.items())
        if not (before or plain in _NUMBER_HEADS or plain in _SLOT_HEADS or not plain):
            return False
    return True
