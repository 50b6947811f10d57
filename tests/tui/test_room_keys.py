"""Keys of the control room: each sends its command, asks once, or says why it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.tui.sample_journal import (
    STARTED_AT,
    Story,
    begun,
    finished,
    large,
    middle,
    overspent,
    write_run,
)
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.tui.app import DeckApp
from agentdeck.tui.keys import KEYS, as_markdown
from agentdeck.tui.model import Clock
from agentdeck.tui.screens.ask_dialogs import AnswerQuestion
from agentdeck.tui.screens.budget_dialog import ChangeBudget
from agentdeck.tui.screens.dialogs import AskText, ChooseTheme, Confirm, SkipDialog
from agentdeck.tui.screens.help import HelpScreen
from agentdeck.tui.snapshot import FixedSource
from agentdeck.tui.widgets.plan_pane import PlanPane
from agentdeck.tui.widgets.task_pane import TaskPane

T = TaskId
ROOT = Path(__file__).parents[2]


class Recording(FixedSource):
    """Takes every command."""

    async def send(self, command: AnyCommand) -> int:
        self.sent.append(command)
        return len(self.sent)


class Room:
    """A deck under test."""

    def __init__(self, pilot: Pilot[None], app: DeckApp, source: Recording) -> None:
        self.pilot, self.app, self.source = pilot, app, source

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def select(self, task: str) -> None:
        self.app.room.select(T(task))
        await self.pilot.pause()

    @property
    def selected(self) -> str | None:
        return self.app.room.selected

    @property
    def toasts(self) -> list[str]:
        return [n.message for n in self.app._notifications]


@asynccontextmanager
async def room(
    tmp_path: Path, story: Story, size: tuple[int, int] = (120, 36), *, logs: bool = False
) -> AsyncIterator[Room]:
    source = Recording()
    folder = write_run(story, tmp_path, logs=logs)
    clock = Clock(STARTED_AT + story.at)
    app = DeckApp(folder, source, clock=clock, ascii_only=False, preload=story.history)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Room(pilot, app, source)


SENDS = [
    ("space", "S-1", c.Pause(T("S-1"))),
    ("space", "S-9", c.Resume(T("S-9"))),
    ("r", "S-4", c.Retry(T("S-4"))),
    ("a", "S-7", c.Approve(T("S-7"))),
    ("A", "S-1", c.Approve()),
    ("m", "S-7", c.Merge(T("S-7"))),
    ("h", "S-5", c.Hold(T("S-5"))),
    ("P", "S-1", c.Pause()),
    ("H", "S-1", c.Hold()),
    ("plus", "S-1", c.SetAgents(9)),
    ("minus", "S-1", c.SetAgents(7)),
    ("ctrl+u", "CORE-004", c.Unskip(T("CORE-004"))),
]


async def test_a_key_sends_its_command(tmp_path: Path) -> None:
    """Each key of the table sends this one command, and says nothing."""
    async with room(tmp_path, middle()) as deck:
        for key, task, command in SENDS:
            deck.source.sent.clear()
            await deck.select(task)
            await deck.press(key)
            assert deck.source.sent == [command], key
            assert deck.toasts == [], key


REFUSES = [
    ("space", "CORE-001", "CORE-001 is landed: there is nothing to pause"),
    ("r", "S-1", "S-1 is working: only an ended attempt can be retried"),
    ("s", "S-1", "S-1 is working: stop it first"),
    ("a", "S-4", "S-4 is failed: there is nothing to approve"),
    ("m", "S-4", "only proven work can be merged"),
    ("x", "CORE-001", "there is nothing to stop"),
    ("i", "S-7", "S-7 is proposed: no turn follows; a retry with feedback sends it back"),
    ("i", "CORE-001", "CORE-001 is landed: no turn follows"),
    ("c", "W-1", "W-1 has no branch yet"),
    ("ctrl+u", "S-1", "S-1 is not skipped"),
    ("o", "S-4", "S-4 is failed: no agent works on it; retry it, then take it over"),
    ("o", "W-1", "W-1 is pending: no agent works on it"),
    ("O", "S-1", "S-1 is working: nobody has taken it over"),
]


async def test_a_key_that_cannot_act_says_why(tmp_path: Path) -> None:
    """Each key of the table sends nothing and gives one reason."""
    async with room(tmp_path, middle()) as deck:
        for key, task, why in REFUSES:
            deck.app.clear_notifications()
            await deck.select(task)
            await deck.press(key)
            assert deck.source.sent == [], key
            assert len(deck.toasts) == 1, key
            assert why.lower() in deck.toasts[0].lower(), key


ASKS: list[tuple[str, str, AnyCommand]] = [
    ("x", "S-1", c.Stop(T("S-1"))),
    ("M", "S-1", c.Promote()),
    ("Q", "S-1", c.EndRun()),
]


async def test_what_ends_something_asks_once_and_enter_means_no(tmp_path: Path) -> None:
    """Enter takes the safe side, escape too; only a stated yes sends the command."""
    async with room(tmp_path, middle()) as deck:
        for key, task, command in ASKS:
            deck.source.sent.clear()
            await deck.select(task)
            for no in ("enter", "escape", "n"):
                await deck.press(key)
                assert isinstance(deck.app.screen, Confirm), key
                await deck.press(no)
                assert deck.source.sent == [], key
            await deck.press(key, "right", "enter")
            assert deck.source.sent == [command], key


async def test_the_skip_dialog_offers_both_modes(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        await deck.press("s")
        assert isinstance(deck.app.screen, SkipDialog)
        await deck.press("down", "enter")
        await deck.press("s", "enter")
        await deck.press("s", "escape")
        assert deck.source.sent == [
            c.Skip(T("S-4"), SkipMode.CASCADE),
            c.Skip(T("S-4"), SkipMode.DONE),
        ]


async def test_a_question_is_answered_in_a_line_of_text(tmp_path: Path) -> None:
    """The dialog shows the question; an empty line is not sent."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-3")
        await deck.press("i", "enter")
        assert isinstance(deck.app.screen, AnswerQuestion)
        assert deck.source.sent == []
        deck.app.screen.query_one(Input).value = "yes, once"
        await deck.press("enter")
        answer = c.Answer(T("S-3"), text="yes, once", question="q1", by=deck.app.person)
        assert deck.source.sent == [answer]


async def test_who_asks_nothing_is_steered(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-1")
        await deck.press("i")
        assert isinstance(deck.app.screen, AskText)
        deck.app.screen.query_one(Input).value = "mind the gap"
        await deck.press("enter")
        assert deck.source.sent == [c.Steer(T("S-1"), "mind the gap")]


async def test_a_retry_takes_feedback_along(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        await deck.press("R")
        deck.app.screen.query_one(Input).value = "mind the poison message"
        await deck.press("enter")
        assert deck.source.sent == [c.Retry(T("S-4"), "mind the poison message")]


BUDGETS: list[tuple[tuple[str, ...], str, AnyCommand]] = [
    ((), "+5", c.RaiseBudget("run", usd=5.0)),
    ((), "20", c.SetBudget("run", usd=20.0)),
    ((), "2M", c.SetBudget("run", tokens=2_000_000)),
    (("down",), "$9", c.SetBudget("phase:streams", usd=9.0)),
    (("down",), "+100k", c.RaiseBudget("phase:streams", tokens=100_000)),
    (("up", "up"), "none", c.SetBudget("run", usd=None)),
]


async def test_a_budget_is_raised_in_a_line_of_text(tmp_path: Path) -> None:
    """The one that asks is marked; the arrows mark another while the line keeps the focus."""
    async with room(tmp_path, overspent()) as deck:
        for moves, text, command in BUDGETS:
            deck.source.sent.clear()
            await deck.press("dollar_sign", *moves)
            deck.app.screen.query_one(Input).value = text
            await deck.press("enter")
            assert deck.source.sent == [command], text


async def test_a_budget_that_cannot_be_says_why_and_the_dialog_stays(tmp_path: Path) -> None:
    async with room(tmp_path, overspent()) as deck:
        await deck.press("dollar_sign")
        for text, why in (
            ("", "'' is no amount"),
            ("lots", "'lots' is no amount"),
            ("$3", "is that already"),
        ):
            deck.app.screen.query_one(Input).value = text
            await deck.press("enter")
            assert why in deck.toasts[-1]
            assert isinstance(deck.app.screen, ChangeBudget)
        await deck.press("escape")
        assert deck.source.sent == []


async def test_what_only_a_budget_waits_for_is_found_by_its_key(tmp_path: Path) -> None:
    """`.` finds no task then, and names the key; a run that has ended has nothing to raise."""
    told = begun()
    told.start("CORE-001")
    told.progress("CORE-001", 1_000, 20.5)
    async with room(tmp_path, told) as deck:
        await deck.press("full_stop")
        assert "$ raises it" in deck.toasts[-1]
    async with room(tmp_path / "ended", finished()) as deck:
        await deck.press("dollar_sign")
        assert "The run has ended" in deck.toasts[-1]


async def test_marks_are_told_as_they_come_and_never_again(tmp_path: Path) -> None:
    """A deck that is opened later says nothing of the marks before."""
    told = begun()
    told.start("CORE-001")
    told.wait(60)
    told.progress("CORE-001", 1_000, 16.5)
    told.tell(e.BudgetMarked("run", 0.8))
    mark = told.history[-1]
    early = Story.__new__(Story)
    early.__dict__.update(told.__dict__, history=told.history[:-1])
    async with room(tmp_path, early) as deck:
        deck.app.take([mark])
        await deck.pilot.pause()
        assert deck.toasts == ["80% of the budget of $20 is used."]
    told.wait(60)
    async with room(tmp_path / "later", told) as deck:
        deck.app.take(told.history)
        await deck.pilot.pause()
        assert deck.toasts == []


async def test_no_key_is_silent(tmp_path: Path) -> None:
    """A key that means nothing says so; every key of the table does something or says why."""
    async with room(tmp_path, finished()) as deck:
        await deck.press("y")
        assert "does nothing here" in deck.toasts[0]
    for key in KEYS:
        assert key.make is not None or key.act or not key.keys
        assert key.tooltip
    names = [name for key in KEYS for name in key.keys.split(",") if name]
    assert len(names) == len(set(names))
    assert len({key.id for key in KEYS}) == len(KEYS)


async def test_the_page_of_keys_is_up_to_date() -> None:
    """docs/keys.md is made from the table (`python -c` with `as_markdown`)."""
    assert (ROOT / "docs" / "keys.md").read_text(encoding="utf-8") == as_markdown()


async def test_the_next_task_that_needs_me_goes_round(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        seen = []
        for _ in range(4):
            seen.append(deck.app.room.selected)
            await deck.press("full_stop")
        assert seen == ["S-3", "S-4", "S-7", "S-3"]


async def test_the_views_of_the_plan_share_the_selection(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        plan = deck.app.room.query_one(PlanPane)
        seen = [(str(plan.shown), deck.selected)]
        for keys in (("right",), ("g", "down"), ("g", "up", "up"), ("g", "left")):
            await deck.press(*keys)
            seen.append((str(plan.shown), deck.selected))
        assert seen == [
            ("graph", "S-3"),
            ("graph", "W-1"),
            ("outline", "W-2"),
            ("timeline", "W-1"),
            ("graph", "S-2"),
        ]


async def test_a_phase_folds_and_unfolds(tmp_path: Path) -> None:
    """On a folded phase no task is selected, so a key cannot act on one that is not seen."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("g", "left")
        assert deck.selected is None
        await deck.press("space")
        assert deck.toasts == ["Select a task first."]
        await deck.press("right")
        assert deck.selected == "S-1"


async def test_lists_move_the_selection_too(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("4", "home")
        assert deck.app.room.selected == "S-5"
        await deck.press("3", "home", "enter")
        assert deck.app.room.selected == "S-1"
        assert deck.app.room.pane == "task"


async def test_on_a_small_screen_panes_are_tabs(tmp_path: Path) -> None:
    """At 80×24 exactly one pane is seen; digits, tab and enter lead to the others."""
    async with room(tmp_path, middle(), (80, 24)) as deck:

        def shown() -> list[str | None]:
            return [p.id for p in deck.app.room.query(".pane") if p.display and p.size.width]

        for key, pane in (("2", "task"), ("3", "agents"), ("4", "queue"), ("tab", "plan")):
            await deck.press(key)
            assert shown() == [pane]
        await deck.press("enter")
        assert shown() == ["task"]
        await deck.press("1", "d")
        assert shown() == ["task"]
        assert deck.app.room.query_one(TaskPane).tab == "diff"


async def test_a_pane_can_be_zoomed_and_comes_back(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:

        def count() -> int:
            return sum(p.display for p in deck.app.room.query(".pane"))

        await deck.press("z")
        assert count() == 1
        await deck.press("z")
        assert count() == 4


async def test_tabs_of_the_task_turn(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        pane = deck.app.room.query_one(TaskPane)
        seen = []
        for key in ("]", "]", "]", "]", "]", "[", "d", "l"):
            await deck.press(
                {"]": "right_square_bracket", "[": "left_square_bracket"}.get(key, key)
            )
            seen.append(pane.tab)
        assert seen == ["diff", "gates", "brief", "history", "log", "history", "diff", "log"]


async def test_the_log_is_read_as_prose_and_raw(tmp_path: Path) -> None:
    async with room(tmp_path, middle(), logs=True) as deck:
        await deck.select("S-2")
        view = deck.app.room.query_one("#log")
        text = "\n".join(strip.text for strip in view.render_lines(view.size.region))
        assert "▸ Read  src/session_manager.py" in text
        await deck.press("v")
        text = "\n".join(strip.text for strip in view.render_lines(view.size.region))
        assert '"type": "assistant"' in text


async def test_branch_and_path_are_copied(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-1")
        await deck.press("c")
        assert deck.app.clipboard == "deck/webhooks-0a1b/S-1"
        await deck.press("c")
        assert deck.app.clipboard == "/state/worktrees/S-1"


async def test_themes_are_shown_while_they_are_chosen(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("t")
        assert isinstance(deck.app.screen, ChooseTheme)
        await deck.press("down")
        assert deck.app.theme == "deck-high-contrast"
        await deck.press("escape")
        assert deck.app.theme == "deck-dark"
        await deck.press("t", "down", "down", "enter")
        assert deck.app.theme == "deck-high-contrast-light"


async def test_every_theme_of_the_framework_works(tmp_path: Path) -> None:
    """A theme that knows nothing of states still draws every one of them."""
    async with room(tmp_path, middle()) as deck:
        for name in deck.app.theme_names:
            deck.app.theme = name
            await deck.pilot.pause()
            assert deck.app.roles.style("state-failed").color is not None or "ansi" in name


async def test_help_opens_and_closes(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("question_mark")
        assert type(deck.app.screen) is HelpScreen
        await deck.press("escape")
        assert deck.app.screen.id == "room"


async def test_the_palette_finds_a_task(tmp_path: Path) -> None:
    async with room(tmp_path, large()) as deck:
        await deck.press("slash", *"T-150")
        for _ in range(500):  # the palette looks for it in a task of its own
            rows = deck.app.screen.query_one(OptionList)
            if rows.highlighted == 0 and "T-150" in str(rows.get_option_at_index(0).prompt):
                break
            await deck.pilot.pause(0.01)
        await deck.press("enter", "enter")
        assert deck.app.room.selected == "T-150"


async def test_the_palette_goes_to_a_task_by_its_id_and_does_nothing_to_it(tmp_path: Path) -> None:
    """Also to the one that is selected: what could be done to it stands below."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        await deck.press("slash")
        line = deck.app.screen.query_one(Input)
        assert line.placeholder == "a task or a command, by a part of its name"
        await deck.press(*"s-4")
        for _ in range(500):  # the palette looks for it in a task of its own
            rows = deck.app.screen.query_one(OptionList)
            if rows.highlighted == 0 and "Retry S-4" in str(rows.get_option_at_index(1).prompt):
                break
            await deck.pilot.pause(0.01)
        assert str(rows.get_option_at_index(0).prompt).startswith("S-4  ")
        await deck.press("enter")
        assert deck.source.sent == []


async def test_where_no_pane_shows_what_a_key_did_a_remark_says_it(tmp_path: Path) -> None:
    """At 80 by 24 the agents are a tab; what an agent is told no pane shows at once."""
    async with room(tmp_path, middle(), (80, 24)) as deck:
        await deck.press("minus")
        assert deck.toasts == ["Up to 7 agents at once from now on."]
        await deck.press("3", "minus")
        assert deck.toasts == []
        await deck.press("1")
        await deck.select("S-1")
        await deck.press("i", *"go on", "enter")
        assert deck.toasts == ["S-1 is told with its next turn."]


async def test_leaving_says_how_to_come_back(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("q")
        assert "agentdeck attach webhooks-0a1b" in deck.app._farewell()
    assert not deck.app.is_running


async def test_a_run_without_an_engine_refuses_with_that_reason(tmp_path: Path) -> None:
    story = middle()
    source = Recording()
    source.connected = False
    app = DeckApp(write_run(story, tmp_path, logs=False), source, preload=story.history)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        app.room.select(T("S-1"))
        await pilot.press("space")
        assert [n.message for n in app._notifications] == [
            "No engine answers; it is asked again by itself."
        ]


async def test_events_that_come_later_are_drawn(tmp_path: Path) -> None:
    """The deck starts with what there is, and follows."""
    story = middle()
    source = Recording(story.history)
    app = DeckApp(write_run(begun(), tmp_path, logs=False), source)
    async with app.run_test(size=(120, 36)) as pilot:
        for _ in range(100):
            await pilot.pause(0.02)
            if app.room.selected is not None:
                break
        assert app.model.state.seq == len(story.history)
        assert app.room.selected == "S-3"
