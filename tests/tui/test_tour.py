"""The tour: five cards over the room, moved on by the keys they name; by itself it comes once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import STARTED_AT, middle, write_run
from tests.tui.test_room_keys import Recording, Room, room
from tests.tui.test_room_pictures import SIZES, compare
from textual.pilot import Pilot

from agentdeck.control import first_time
from agentdeck.control.first_time import note_tour, tour_is_due
from agentdeck.control.runs import runs_root
from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.tui.app import DeckApp
from agentdeck.tui.keys import KEYS
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.tour import STEPS, card_lines, place_of
from agentdeck.tui.screens.inbox import InboxScreen
from agentdeck.tui.snapshot import draw
from agentdeck.tui.widgets.tour_card import TourCard

SHOWS = {key.id: key.show for key in KEYS}
LOOKS = 100  # of 0.05 s, for a card to come


async def shown(deck: Room, number: int) -> TourCard:
    """The card, once it is that of a step."""
    for _ in range(LOOKS):
        cards = list(deck.app.room.query(TourCard))
        if cards and cards[0].border_title == STEPS[number].title:
            return cards[0]
        await deck.pilot.pause(0.05)
    raise AssertionError(f"there is no card of step {number}")


# --- what the cards say --------------------------------------------------------------------------


def test_every_card_names_the_key_that_the_person_has() -> None:
    """Within its width, in a few lines; the key stands out."""
    for number, step in enumerate(STEPS):
        for width in (34, 54):
            lines = card_lines(number, width, SHOWS | {step.key: "F9"})
            assert any(span == ("Press F9", "key bold") for line in lines for span in line)
            assert all(cells(line) <= width for line in lines)
            assert len(lines) <= 10
        assert "{" not in " ".join(map(text_of, card_lines(number, 54, SHOWS)))


@pytest.mark.parametrize("size", [(120, 36), (200, 60)])
async def test_no_card_covers_what_it_is_about(tmp_path: Path, size: tuple[int, int]) -> None:
    """Where there is more than one pane, the lit one is seen whole."""
    async with room(tmp_path, middle(), size) as deck:
        for step in STEPS:
            x, y = place_of(step.pane, size, (58, 9))
            lit = deck.app.room.query_one(f"#{step.pane}").region
            card = lit.__class__(x, y, 58, 9)
            assert not card.overlaps(lit), step.pane
            assert lit.__class__(0, 0, *size).contains_region(card)


# --- going through it ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_its_keys_lead_through_it(tmp_path: Path, size: tuple[int, int]) -> None:
    """Each does what it always does, and the pane of the next card is seen; the last one opens the
    inbox, and the tour is over.
    """
    async with room(tmp_path, middle(), size) as deck:
        deck.app.press("deck.tour")
        for number, (step, key) in enumerate(zip(STEPS, ("g", "]", "4", "tab", "!"), strict=True)):
            card = await shown(deck, number)
            assert card.display
            lit = deck.app.room.query(".-toured").first()
            assert lit.id == step.pane
            assert lit.display
            if size == (80, 24) and step.pane != "header":
                assert deck.app.room.pane == step.pane
            await deck.press({"]": "right_square_bracket", "!": "exclamation_mark"}.get(key, key))
        assert isinstance(deck.app.screen, InboxScreen)
        assert not deck.app.tour.on
        assert not deck.app.room.query(TourCard)


async def test_other_keys_act_and_escape_ends_it(tmp_path: Path) -> None:
    """Also where the log has the focus; nothing stays lit."""
    async with room(tmp_path, middle(), (80, 24), logs=True) as deck:
        await deck.select("S-4")
        deck.app.press("deck.tour")
        _ = await shown(deck, 0)
        await deck.press("r")
        assert deck.source.sent == [c.Retry(TaskId("S-4"))]
        await deck.press("g")
        _ = await shown(deck, 1)
        await deck.press("escape")
        assert not deck.app.tour.on
        assert not deck.app.room.query("TourCard, .-toured")


# --- when it comes by itself ---------------------------------------------------------------------


def test_it_comes_by_itself_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only for a person at a terminal who has not said no, and has not seen it."""
    assert not tour_is_due(terminal=True)  # tests say no
    monkeypatch.setenv(first_time.NO_TOUR, "0")
    assert tour_is_due(terminal=True)
    assert not tour_is_due(terminal=False)
    note_tour()
    assert not tour_is_due(terminal=True)


async def test_a_first_deck_begins_with_it(tmp_path: Path) -> None:
    """And leaves a mark that it was shown."""
    story = middle()
    app = DeckApp(
        write_run(story, tmp_path, logs=False), Recording(), clock=Clock(STARTED_AT + story.at),
        ascii_only=False, preload=story.history, tour=True,
    )  # fmt: skip
    async with app.run_test(size=(120, 36)) as pilot:
        _ = await shown(Room(pilot, app, Recording()), 0)
        await app.workers.wait_for_complete()
    assert (runs_root().parent / first_time.FILE).exists()


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(tmp_path: Path, size: str) -> None:
    """You should see the plan in a heavy frame, and a card "The plan", "Press g", "1 of 5"; it
    covers nothing of the plan but at 80x24, where the plan is all there is.
    """

    async def steps(pilot: Pilot[None]) -> None:
        pilot.app.press("deck.tour")  # type: ignore[attr-defined]
        await pilot.pause()

    folder = write_run(middle(), tmp_path)
    picture = await draw(folder, middle().history, size=SIZES[size], steps=steps)
    compare(f"tour-{size}.svg", picture)
