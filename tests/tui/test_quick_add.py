"""The dialog of `n`: a line, what is understood of it while it is typed, and its task."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.tui.sample_journal import Story, begun, finished, large, middle
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot
from textual.widgets import Input

from agentdeck.core.commands import EditPlan
from agentdeck.core.events import PhaseClosed, PlanChanged
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.core.replan import PlanChange
from agentdeck.plans.quick_add.understood import QuickAdd
from agentdeck.tui.keys import KEYS, Context, reason
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.quick_add import quick_add_lines
from agentdeck.tui.screens import quick_add
from agentdeck.tui.screens.quick_add import QuickAddDialog
from agentdeck.tui.screens.wall import WallScreen
from agentdeck.tui.widgets.row_list import LinesView

T = TaskId
LINE = "Fix login redirect after S-1 and S-4 ~30m @codex #auth files src/auth/**"


async def typed(deck: Room, line: str) -> None:
    await deck.press("n")
    assert isinstance(deck.app.screen, QuickAddDialog)
    deck.app.screen.query_one(Input).value = line
    await deck.pilot.pause()


def shown(deck: Room) -> str:
    lines = deck.app.screen.query_one("#quick-rows", LinesView)._lines
    return "\n".join(text_of(line).rstrip() for line in lines)


async def test_a_line_becomes_a_task_of_the_run(tmp_path: Path) -> None:
    """It is sent as one change of the plan, and the room looks at it once it is there."""
    told = middle()
    async with room(tmp_path, told) as deck:
        await typed(deck, LINE)
        assert "= agent      codex" in shown(deck)
        assert "~ after      S-1, S-4  from “after S-1 and S-4”" in shown(deck)
        assert "? S-10 waits for S-4, which is failed" in shown(deck)
        await deck.press("enter")
        (command,) = deck.source.sent
        assert isinstance(command, EditPlan)
        (task,) = command.change.put
        assert (task.id, task.after, task.agent) == ("S-10", ("S-1", "S-4"), "codex")
        assert [agent.name for agent in command.change.agents] == ["codex"]
        assert deck.toasts == ["S-10 is in the plan."]
        told.tell(PlanChanged(command.change, command.seen + 1, "you"))
        deck.app.take(told.history)
        async with asyncio.timeout(30):
            while deck.selected != "S-10":
                await deck.pilot.pause(0.02)


async def test_what_is_wrong_keeps_the_dialog_open_and_sends_nothing(tmp_path: Path) -> None:
    """Also what only the run knows: a phase that has closed takes nothing new."""
    told = middle()
    phase = told.state.plan.phases[0].id
    told.tell(PhaseClosed(phase))
    async with room(tmp_path, told) as deck:
        await typed(deck, "Fix it after S-99 @codx")
        assert '✖ there is no task "S-99": did you mean S-9?' in shown(deck)
        assert '✖ unknown agent "codx": did you mean "codex"?' in shown(deck)
        await deck.press("enter")
        assert isinstance(deck.app.screen, QuickAddDialog)
        assert deck.toasts == ['there is no task "S-99"']
        deck.app.screen.query_one(Input).value = ""
        await deck.press("enter")
        assert deck.toasts[-1] == "nothing says what is to be done"
        deck.app.screen.query_one(Input).value = f"Fix it phase {phase}"
        await deck.pilot.pause()
        assert f"cannot be put into phase {phase}, which is closed" in shown(deck)
        await deck.press("enter")
        assert isinstance(deck.app.screen, QuickAddDialog)
        await deck.press("escape")
        assert deck.source.sent == []


async def test_of_a_large_plan_the_run_is_asked_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the line means is there with each key; what the run says follows, and enter asks it."""
    monkeypatch.setattr(quick_add, "AT_ONCE", 0)
    async with room(tmp_path, middle()) as deck:
        monkeypatch.setattr(quick_add, "PAUSE_S", 600.0)
        await typed(deck, "Fix it after S-4")
        assert "~ after      S-4" in shown(deck)
        assert "which is failed" not in shown(deck)
        monkeypatch.setattr(quick_add, "PAUSE_S", 0.01)
        deck.app.screen.query_one(Input).value += " ~5m"
        async with asyncio.timeout(30):
            while "which is failed" not in shown(deck):
                await deck.pilot.pause(0.02)
        monkeypatch.setattr(quick_add, "PAUSE_S", 600.0)
        deck.app.screen.query_one(Input).value += " #x"
        await deck.press("enter")
        assert len(deck.source.sent) == 1


async def test_a_plan_that_changes_meanwhile_is_understood_again(tmp_path: Path) -> None:
    """Somebody else takes the id: this line gets the next one, and the change fits the new plan."""
    told = middle()
    async with room(tmp_path, told) as deck:
        await typed(deck, "Fix it after S-11")
        assert '✖ there is no task "S-11"' in shown(deck)
        fresh = (Task(T("S-10"), "theirs"), Task(T("S-11"), "theirs"))
        told.tell(PlanChanged(PlanChange(put=fresh), 1, "somebody"))
        deck.app.take(told.history)
        deck.app.draw()
        await deck.pilot.pause()
        assert "S-12  free" in shown(deck)
        await deck.press("enter")
        (command,) = deck.source.sent
        assert isinstance(command, EditPlan)
        assert command.seen == deck.app.model.state.plan_changes == 1


async def test_the_key_says_why_it_cannot_act(tmp_path: Path) -> None:
    """After the end and in the past; on the wall it works as in the room, and in the log the letter
    is the next hit, as ever.
    """
    key = next(key for key in KEYS if key.id == "task.add")
    ended = finished()
    over = Deck(ended.state, ended.history[-1].at)
    assert reason(key, Context(over)) == "the run has ended (complete)"
    async with room(tmp_path, middle(), logs=True) as deck:
        await deck.press("w")
        assert isinstance(deck.app.screen, WallScreen)
        await deck.press("n")
        assert isinstance(deck.app.screen, QuickAddDialog)
        await deck.press("escape")
        assert isinstance(deck.app.screen, WallScreen)
        await deck.press("escape")
        deck.app.room.go_to("task")
        await deck.pilot.pause()
        await deck.press("n")
        assert deck.toasts == ["Nothing is looked for yet; / begins."]
        await deck.press("1", "B")
        await deck.press("n")
        assert deck.toasts[-1] == "This is the past of the run."


@pytest.mark.parametrize("width", [30, 66, 120])
@pytest.mark.parametrize("line", ["", LINE, "x after S-99 " + "w" * 200, "数字 " * 40 + "#標籤"])
def test_no_row_is_wider_than_the_dialog(width: int, line: str) -> None:
    plan = begun().state.plan
    found = QuickAdd(plan).understand(line)
    lines = quick_add_lines(line, found, plan, ["told " * 30], "refused " * 30, width)
    assert max(cells(line) for line in lines) <= width


def test_five_hundred_tasks_change_nothing() -> None:
    plan: Plan = large().state.plan
    last = plan.tasks[-1].id
    found = QuickAdd(plan).understand(f"x after {last}")
    assert found.task is not None
    assert found.task.after == (last,)


# --- pictures ------------------------------------------------------------------------------------


async def picture(tmp_path: Path, story: Story, size: str, line: str) -> str:
    async def type_it(pilot: Pilot[None]) -> None:
        pilot.app.screen.query_one(Input).value = line
        await pilot.pause()

    return await take(tmp_path, story, size, ".svg", screen="add", steps=type_it)


@pytest.mark.parametrize("size", SIZES)
async def test_a_line_that_is_understood(tmp_path: Path, size: str) -> None:
    """You should see the line with its signs green and its guesses in the accent; below that S-4
    has failed, then nine rows: `=` said, `~` guessed with the words it came from, `·` by the plan.
    """
    compare(f"add-{size}.svg", await picture(tmp_path, middle(), size, LINE))


async def test_a_line_with_faults(tmp_path: Path) -> None:
    """You should see S-19 and @codx underlined in red, both faults with what may be meant, and a
    cross before the rows "after" and "agent".
    """
    line = "Fix it after S-19 @codx ~30m"
    compare("add-faults-80x24.svg", await picture(tmp_path, middle(), "80x24", line))


async def test_an_empty_line(tmp_path: Path) -> None:
    """You should see one example, and what each sign and word means."""
    compare("add-empty-80x24.svg", await picture(tmp_path, middle(), "80x24", ""))
