"""The table of state changes is whole, and the page that shows it is true."""

from __future__ import annotations

from pathlib import Path

from agentdeck.core import events as e
from agentdeck.core.state import TaskState
from agentdeck.core.transitions import CHANGING, TRANSITIONS, targets
from agentdeck.testing.state_chart import as_document
from agentdeck.testing.state_picture import PLACES, as_svg, by_itself, drawn

PAGE = Path(__file__).parents[2] / "docs" / "states.md"


def test_every_state_can_be_reached() -> None:
    """From the two states a task may be born in; `pending` and `ready` follow from other facts."""
    reached = {TaskState.PENDING, TaskState.DEFERRED, TaskState.READY}
    while True:
        more = {
            to for (source, _), found in TRANSITIONS.items() if source in reached for to in found
        }
        if more <= reached:
            break
        reached |= more
    assert reached == set(TaskState)


def test_every_state_has_a_way_out() -> None:
    """A person can get every task going again; what has landed by taking it back first."""
    assert {source for source, _ in TRANSITIONS} == set(TaskState)


def test_the_table_refuses_what_it_does_not_name() -> None:
    for event in CHANGING - {e.TaskReverted, e.LandingFound}:
        assert targets(TaskState.LANDED, event) == ()


def test_the_page_of_states_is_drawn_from_the_table() -> None:
    """`python -m agentdeck.testing.state_chart > docs/states.md` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == as_document()


def test_the_picture_shows_every_change_that_happens_by_itself_and_no_other() -> None:
    """If this fails: say in `state_picture` where the new line goes, then `make pages`."""
    assert drawn() == by_itself()
    assert set(PLACES) == set(TaskState)
    assert PAGE.with_suffix(".svg").read_text(encoding="utf-8") == as_svg()
