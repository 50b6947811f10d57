"""A key that cannot act says why: once, in one place, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import finished, middle
from tests.tui.test_room_keys import room

from agentdeck.core import events as e
from agentdeck.core.ids import TaskId
from agentdeck.tui.keys import KEYS, reason
from agentdeck.tui.widgets.key_bar import key_pieces


async def test_keys_that_are_tried_leave_one_remark(tmp_path: Path) -> None:
    """The reason of the last one; none of them is kept among what was said earlier."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("CORE-001")
        await deck.press("r", "m", "a")
        (toast,) = deck.toasts
        assert "CORE-001 is landed: there is nothing to approve" in toast
        assert len(deck.app.said) == 0


async def test_letters_that_mean_nothing_leave_one_remark_too(tmp_path: Path) -> None:
    """Whatever was typed into the room by mistake: the last letter of it is named."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("6", "7", "8")
        (toast,) = deck.toasts
        assert toast.startswith("8 does nothing here")


async def test_a_remark_goes_when_a_key_acts(tmp_path: Path) -> None:
    """It covers no dialog, and no screen that was opened since."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("CORE-001")
        await deck.press("r")
        assert len(deck.toasts) == 1
        await deck.press("exclamation_mark")
        assert deck.toasts == []


async def test_a_warning_stays_when_keys_are_tried(tmp_path: Path) -> None:
    """What the run has to say is not taken away by a key."""
    async with room(tmp_path, middle()) as deck:
        deck.app.warn("S-1 is working: stop it first.")
        await deck.select("CORE-001")
        await deck.press("r", "m")
        assert len(deck.toasts) == 2
        assert len(deck.app.said) == 1


@pytest.mark.parametrize(("size", "can"), [((80, 24), False), ((120, 36), True)])
async def test_where_one_pane_fills_the_screen_it_cannot_be_made_larger(
    tmp_path: Path, size: tuple[int, int], can: bool
) -> None:
    """The key is dim and says why."""
    async with room(tmp_path, middle(), size) as deck:
        (zoom,) = [key for key in KEYS if key.id == "view.zoom"]
        why = reason(zoom, deck.app.room.context)
        assert (why is None) == can
        if why is not None:
            await deck.press("z")
            assert "too small for more" in deck.toasts[0]


async def test_an_ended_run_offers_to_promote_first(tmp_path: Path) -> None:
    """In the footer at any width; gone once the base has what landed, and not before the end."""
    async with room(tmp_path, finished(), (80, 24)) as deck:
        room_ = deck.app.room
        shown = [key.id for key, _ in key_pieces(room_.context, 79)]
        assert shown[0] == "run.promote"
        state = deck.app.model.state
        deck.app.take(
            [
                e.Recorded(state.seq + 1, state.at, e.PromoteAsked("you")),
                e.Recorded(state.seq + 2, state.at, e.Promoted(state.tip, "fast-forward")),
            ]
        )
        await deck.pilot.pause()
        assert "Everything that landed is in main now." in deck.toasts
        shown = [key.id for key, _ in key_pieces(room_.context, 79)]
        assert "run.promote" not in shown
    async with room(tmp_path / "other", middle(), (80, 24)) as deck:
        shown = [key.id for key, _ in key_pieces(deck.app.room.context, 79)]
        assert "run.promote" not in shown
        assert deck.app.model.state.tasks[TaskId("CORE-001")].state == "landed"
