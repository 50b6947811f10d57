"""The sign of a foreseen collision, in the rows of tasks, agents and entries of the queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentdeck.core import events as e
from agentdeck.core.events import Foreseen
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Defaults
from agentdeck.core.steps import BuildEntry, Watch
from agentdeck.testing.builders import Run, gate, plan, run_until, started
from agentdeck.tui.presentation.agents import agent_row
from agentdeck.tui.presentation.collisions import collision_note
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import Line, cells
from agentdeck.tui.presentation.merge_queue import queue_row, queue_rows
from agentdeck.tui.presentation.outline import outline_row
from agentdeck.tui.presentation.status import ascii_signs


def text(line: Line) -> str:
    return "".join(span.text for span in line)


def deck(run: Run, *pairs: Foreseen) -> Deck:
    run.append(e.CollisionsForeseen(pairs))
    return Deck(run.state, run.clock.now, frozen=True)


def pair(one: str, other: str | None, *files: str) -> Foreseen:
    return Foreseen(TaskId(one), TaskId(other) if other is not None else None, files)


def waiting(kind: type[Watch] | type[BuildEntry], done: Callable[[Run], bool]) -> Run:
    of = plan("S-1", "S-2", "S-3", gates=(gate("unit"),), defaults=Defaults(retries=0))
    wait = lambda _, step: () if isinstance(step, kind) else None  # noqa: E731
    return run_until(started(of), done, wait)


@pytest.fixture
def working() -> Run:
    return waiting(Watch, lambda run: len(run.of_kind(Watch)) == 3)


@pytest.fixture
def queued() -> Run:
    return waiting(BuildEntry, lambda run: len(run.state.queue) == 3)


def test_both_who_work_show_whom_they_would_meet_and_where(working: Run) -> None:
    """You should see the sign, the other task and the file's name at the end of two rows."""
    of = deck(working, pair("S-1", "S-2", "src/api.py"))
    agents = [text(agent_row(of, name, 90)) for name in ("S-1", "S-2", "S-3")]
    assert agents[0].endswith(" ⇄ S-2 api.py")
    assert agents[1].endswith(" ⇄ S-1 api.py")
    assert "⇄" not in agents[2]
    assert " ⇄ S-2 api.py " in text(outline_row(of, "S-1", 60))


def test_the_file_gives_way_then_the_name_and_the_sign_stays(working: Run) -> None:
    """You should see less and less, and nothing that is cut in the middle."""
    of = deck(working, pair("S-1", "S-2", "src/api.py"), pair("S-3", "S-1", "x"))
    shown = [text(collision_note(of, TaskId("S-1"), room)) for room in (15, 14, 9, 8, 1, 0)]
    whole, short = "⇄ S-2 api.py +1", "⇄ S-2 +1"
    assert shown == [whole, short, short, short, "⇄", ""]
    assert [ascii_signs(one) for one in shown] == [one.replace("⇄", "x") for one in shown]


def test_a_row_keeps_its_width_and_its_id(working: Run) -> None:
    """At any width: the note takes room from what is to its left, and never from the id."""
    of = deck(working, pair("S-1", "S-2", "src/a_file_with_a_long_name_indeed.py"))
    for width in range(24, 120):
        for row in (agent_row(of, "S-1", width), outline_row(of, "S-1", width)):
            assert cells(row) <= width
            assert "S-1" in text(row)


def test_an_entry_shows_it_beside_what_it_is_built_on(queued: Run) -> None:
    """You should see S-2 in front, then S-1, and S-3 which waits for S-1."""
    of = deck(queued, pair("S-1", "S-3", "src/api.py"), pair("S-2", None, "b.py"))
    rows = [text(queue_row(of, key, 90)).rstrip() for key in queue_rows(of)]
    assert [row[4:10] for row in rows] == [" S-2  ", " S-1  ", " S-3  "]
    assert rows[0].endswith("⇄ test b.py  on test")
    assert rows[1].endswith("⇄ S-3 api.py")
    assert "waits for S-1: they would collide in src/api.py" in rows[2]
