"""Pools and agents, from their tables and from the tasks that name them."""

from __future__ import annotations

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, Heard
from agentdeck.plans.imports.markdown.document import read_markdown

BOX = """\
# Plan

## Phase 1: Words

```
┌──────────────┬──────────────┬──────────────┐
│ Stream A     │ Stream B     │ Stream C     │
│ (Pool: bui.) │ (Pool: lab)  │ Agent: tester│
│ Agent: coder │ Agent: coder │ Task: Test   │
│ Task: Read   │ Task: Write  │              │
└──────────────┴──────────────┴──────────────┘
```
"""
POOLS = """
## Pools

| Pool | Purpose | Agent Count |
|------|---------|-------------|
| `builders` | Python work | 2-3 workers |
| `desk` (local) | review | 1 |
| | nobody | 1 |
| desk | again | 4 |
"""
USE = """
```
Phase │ Pool         │ Agents
──────┼──────────────┼───────
  1   │ builders x2  │ 2-3
  2   │ builders x1  │ 1
      │ + desk       │
```
"""
AGENTS = """
## Agents

| Agent | Skills Needed | Status |
|-------|---------------|--------|
| `coder` | Python, SQL, python | ✅ Exists |
| `tester-of-all` | pytest | ❌ Missing |

## New Skills

| Skill | Purpose |
|-------|---------|
| `sockets` | talk |
"""


def imported(text: str) -> Draft:
    return read_markdown(text, file="plan.md")


def test_a_table_gives_pools_with_their_size() -> None:
    """The larger number of a range is the size; a name that comes twice counts once."""
    draft = imported(POOLS)
    assert [(pool.name, pool.size) for pool in draft.pools] == [("builders", 3), ("desk", 1)]
    remarks = {(remark.line, remark.rule): remark.heard for remark in draft.remarks}
    assert remarks[6, "range-high"] is Heard.GUESSED
    assert remarks[7, "pool-size"] is Heard.READ
    assert remarks[8, "pool-table"] is Heard.LEFT
    assert remarks[9, "pool-table"] is Heard.LEFT


def test_shortened_pools_are_completed_and_unknown_ones_made() -> None:
    """`bui.` is `builders`; a pool that no table has is as large as its tasks are many."""
    draft = imported(BOX + POOLS)
    assert [task.pool for task in draft.tasks] == ["builders", "lab", None]
    assert [(pool.name, pool.size) for pool in draft.pools][-1] == ("lab", 1)
    assert sum(remark.rule == "shortened-name" for remark in draft.remarks) == 1


def test_a_table_of_phases_gives_a_pool_to_tasks_without_one() -> None:
    """Only when it names exactly one pool for the phase."""
    draft = imported(BOX + POOLS + USE)
    assert [task.pool for task in draft.tasks] == ["builders", "lab", "builders"]
    assert ("pool-by-phase", Heard.GUESSED) in {(r.rule, r.heard) for r in draft.remarks}
    two = imported(BOX.replace("Phase 1", "Phase 2") + POOLS + USE)
    assert [task.pool for task in two.tasks] == ["builders", "lab", None]


def test_agents_have_skills_and_a_kind() -> None:
    """Agents of tables and of boxes; a cut name is completed; skills count once."""
    draft = imported(BOX + AGENTS)
    assert [(agent.name, agent.use, agent.skills) for agent in draft.agents] == [
        ("coder", "claude", ["Python", "SQL"]),
        ("tester-of-all", "claude", ["pytest"]),
    ]
    assert [task.agent for task in draft.tasks] == ["coder", "coder", "tester-of-all"]


def test_what_is_missing_is_a_note() -> None:
    """An agent that does not exist, and skills that are wanted."""
    notes = [(note.kind, note.text) for note in imported(BOX + AGENTS).notes]
    assert notes == [
        (NoteKind.REMARK, "agent 'tester-of-all': Status: ❌ Missing"),
        (NoteKind.REMARK, "New Skills: sockets; Purpose: talk"),
    ]


def test_programs_and_people_are_no_new_agents() -> None:
    """`Claude Code (Agent 1)` is claude, `Human` is a person."""
    box = BOX.replace("Agent: tester", "Agent: Human").replace("Agent: coder", "Agent: Claude Code")
    draft = imported(box)
    assert [(task.agent, task.human) for task in draft.tasks] == [
        ("claude", False),
        ("claude", False),
        (None, True),
    ]
    assert draft.agents == []
