"""The help begins with where one is, and finds words."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import STARTED_AT, middle, write_run
from tests.tui.test_room_keys import room
from tests.tui.test_room_pictures import SIZES, compare
from textual.pilot import Pilot

from agentdeck.core.ids import TaskId
from agentdeck.tui.keys import KEYS, Context
from agentdeck.tui.model import Model
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.help_here import PLACES, keys_here, place_of
from agentdeck.tui.presentation.help_page import help_lines
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.plan_view import PlanView
from agentdeck.tui.screens.help import HelpScreen
from agentdeck.tui.snapshot import _text, draw


def context(pane: str = "plan", view: PlanView = PlanView.GRAPH, inside: str = "") -> Context:
    model = Model()
    model.take(middle().history)
    deck = Deck(model.state, STARTED_AT + middle().at, TaskId("S-4"), frozen=True)
    return Context(deck, pane, view=view, inside=inside)


def page(where: Context, find: str = "", width: int = 84) -> list[str]:
    return [text_of(line).rstrip() for line in help_lines(where, width, find)]


BEGINS = [
    (context(), "Here: the plan as a graph"),
    (context(view=PlanView.OUTLINE), "Here: the plan as an outline"),
    (context(view=PlanView.TIMELINE), "Here: the plan on a timeline"),
    (context("task"), "Here: the task"),
    (context("task", inside="log"), "Here: the log"),
    (context("task", inside="diff"), "Here: the diff"),
    (context("agents"), "Here: the agents"),
    (context("queue"), "Here: the merge queue"),
    (context("inbox"), "Here: the inbox"),
    (context("wall"), "Here: the wall"),
    (context("nowhere"), "Moving about"),
]


@pytest.mark.parametrize(("where", "title"), BEGINS, ids=lambda x: x if isinstance(x, str) else "")
def test_it_begins_with_where_one_is(where: Context, title: str) -> None:
    """What is shown there and its keys; then all keys, and what all signs mean."""
    found = page(where)
    assert found[0] == title
    assert "Moving about" in found
    assert "Signs" in found
    assert all(cells(line) <= 84 for line in help_lines(where, 84))


def test_every_key_that_a_place_names_is_one() -> None:
    """A key that is renamed or goes is missed here, not by the reader of a page."""
    known = {key.id for key in KEYS}
    for name, place in PLACES.items():
        assert set(place.keys) <= known, name
        assert [key.id for key in keys_here(place, context())] == list(place.keys)


def test_the_signs_of_a_place_are_those_on_the_screen() -> None:
    """Landed tasks are there, none is ready; a log has no signs of states."""
    here = page(context())[: page(context()).index("Moving about")]
    signs = " ".join(here)
    assert "✔ landed" in signs
    assert "◌" not in signs
    log = page(context("task", inside="log"))
    assert "✔ landed" not in " ".join(log[: log.index("Moving about")])
    assert place_of(context("nowhere")) is None


def test_what_is_looked_for_is_left() -> None:
    """All words must be there, in any order and case, in a key, its text, its id or its group."""
    assert page(context(), "ALL approve")[:2] == [
        "The run",
        "  A      approve all          Say yes to everything that is proven",
    ]
    assert "  Q      end run" in "\n".join(page(context(), "run.end"))
    assert page(context(), "no such thing") == ["Nothing here has “no such thing”."]


async def test_a_slash_finds_and_escape_goes_back(tmp_path: Path) -> None:
    """First to the whole page, then to the room; the arrows scroll while one types."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("4", "question_mark")
        assert "Here: the merge queue" in _text(deck.app)
        await deck.press("slash", *"bud")
        assert "See what may be used" in _text(deck.app)
        assert "Here: the merge queue" not in _text(deck.app)
        await deck.press("escape")
        assert "Here: the merge queue" in _text(deck.app)
        assert type(deck.app.screen) is HelpScreen
        await deck.press("escape")
        assert len(deck.app.screen_stack) == 2


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(tmp_path: Path, size: str) -> None:
    """You should see "Here: the merge queue", what it shows, its keys with why they cannot act; the
    text is not cut at its right side. 200x60: the signs of the states below.
    """

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("4")
        await pilot.pause()
        await pilot.press("question_mark")

    folder = write_run(middle(), tmp_path)
    picture = await draw(folder, middle().history, size=SIZES[size], steps=steps)
    compare(f"help-queue-{size}.svg", picture)
