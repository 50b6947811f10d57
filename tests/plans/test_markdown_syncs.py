"""Sync points, from tables in code blocks and in text, and from lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, Heard
from agentdeck.plans.imports.markdown.document import read_markdown


def week(name: str, task: str) -> str:
    box = f"┌────────┐\n│ Stream A │\n│ Task: {task} │\n└────────┘"
    return f"\n### {name}\n\n```\n{box}\n```\n"


WEEKS = (
    "# Plan\n\n## Phase 1: Words\n"
    + week("Week 1-2: Reading", "Read")
    + week("Week 3-4: Writing", "Write")
    + "\n## Phase 2: Pictures\n"
    + week("Week 5: Drawing", "Draw")
)
ROWS = [(2, "Reading done"), (3, "Phase 1 complete → Pictures can begin"), (4, "Phase 1 complete")]
TABLES = {
    "bars": "```\nWeek │ Sync Point\n─────┼───────────\n"
    + "".join(f"  {at}  │ {text}\n" for at, text in ROWS)
    + "```\n",
    "ascii": "```\nWeek | Checkpoint\n-----+-----------\n"
    + "".join(f"  {at}  | {text}\n" for at, text in ROWS)
    + "```\n",
    "markdown": "| Week | Sync Point |\n|---|---|\n"
    + "".join(f"| **{at}** | {text} |\n" for at, text in ROWS),
}


def imported(text: str) -> Draft:
    return read_markdown(text, file="plan.md")


def left(draft: Draft) -> list[str]:
    return [r.text for r in draft.remarks if r.heard is Heard.LEFT and r.rule.startswith("sync")]


@pytest.mark.parametrize("table", list(TABLES.values()), ids=list(TABLES))
def test_a_table_of_sync_points_closes_the_phases_that_end_then(table: str) -> None:
    """Week 2 and week 4 are ends; week 3 lies inside, and says another order than the phases."""
    draft = imported(f"{WEEKS}\n## Sync Points\n\n{table}")
    assert [phase.sync for phase in draft.phases] == [True, True, False]
    notes = [note.text for note in draft.notes if note.kind is NoteKind.PROTOCOL]
    assert notes == [f"Sync point, Week {at}: {text}" for at, text in ROWS]
    inside, early, begins = left(draft)
    assert "lies inside" in inside
    assert early == "'Phase 1 complete' in Week 3, but its last group is Week 3-4"
    assert begins == "'Pictures' could begin after Week 3, but its group is Week 5"


def test_a_line_belongs_to_its_week_or_to_its_section() -> None:
    """`**Sync Point**: End of Week 2` names a week, `both integrate` stands in a section."""
    named = imported(f"{WEEKS}\n**Sync Point**: End of Week 2 - all integrate\n")
    assert [phase.sync for phase in named.phases] == [True, False, False]
    placed = imported(f"{WEEKS}\n**Sync point:** all integrate\n")
    assert [phase.sync for phase in placed.phases] == [False, False, True]


def test_a_table_of_phases_closes_the_last_group_of_each() -> None:
    """`Phase 1` ends with the last of its groups."""
    draft = imported(
        f"{WEEKS}\n## Sync\n\n| Phase | Sync Point |\n|---|---|\n| Phase 1 | all in |\n"
    )
    assert [phase.sync for phase in draft.phases] == [False, True, False]


def test_other_tables_are_no_sync_points() -> None:
    """A table needs a column for sync points, and one that says when."""
    draft = imported(f"{WEEKS}\n## Figures\n\n| Week | Cost |\n|---|---|\n| 2 | 5 |\n")
    assert [phase.sync for phase in draft.phases] == [False, False, False]


@given(st.text(alphabet="│|─┼-+ \nWek12Sync Pot:*→", max_size=300))
def test_no_soup_of_tables_crashes(soup: str) -> None:
    """Any lines below the heads are read."""
    imported(f"{WEEKS}\n```\nWeek │ Sync Point\n─────┼────\n{soup}\n```\n{soup}")
