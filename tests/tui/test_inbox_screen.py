"""The inbox: what it shows, and how each thing in it is answered in place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from tests.tui.sample_journal import (
    STARTED_AT,
    Story,
    asking,
    awkward,
    begun,
    by_hand,
    finished,
    large,
    limited,
    middle,
    overspent,
    write_run,
)
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from tests.tui.wall_story import at_work
from textual.pilot import Pilot
from textual.widgets import Input

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.events import Recorded, SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Accept, Tracker, TrackerKind
from agentdeck.core.proposals import Proposal
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Model, next_that_needs_me
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.header import header_line, terminal_title
from agentdeck.tui.presentation.inbox import InboxView, inbox_figures, nothing_waits
from agentdeck.tui.presentation.inbox_detail import detail_lines, empty_lines
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.said import KEPT, SaidEarlier
from agentdeck.tui.screens.ask_dialogs import AnswerQuestion, AskPermission
from agentdeck.tui.screens.budget_dialog import ChangeBudget
from agentdeck.tui.screens.dialogs import AskText, Confirm, SkipDialog
from agentdeck.tui.screens.inbox import InboxScreen
from agentdeck.tui.screens.room import RoomScreen
from agentdeck.tui.screens.wall import WallScreen
from agentdeck.tui.snapshot import _text, draw
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.row_list import LinesView, RowList
from agentdeck.tui.widgets.task_pane import TaskPane

T = TaskId


def deck_of(told: Story) -> Deck:
    model = Model()
    model.take(told.history)
    return Deck(model.state, STARTED_AT + told.at, frozen=True)


def view_of(told: Story, said: SaidEarlier | None = None) -> InboxView:
    return InboxView(deck_of(told), said or SaidEarlier())


def rows_of(deck: Room) -> RowList:
    return deck.app.screen.query_one("#inbox-rows", RowList)


def cursor(deck: Room) -> str | None:
    return rows_of(deck).cursor


def detail(deck: Room) -> str:
    lines = deck.app.screen.query_one("#inbox-lines", LinesView)._lines
    return "\n".join(text_of(line).rstrip() for line in lines)


async def open_at(deck: Room, key: str = "") -> None:
    """The inbox, with the cursor on a row."""
    await deck.press("exclamation_mark")
    assert isinstance(deck.app.screen, InboxScreen)
    if key:
        rows_of(deck).put_cursor(key)
        deck.app.draw()
        await deck.pilot.pause()
        assert cursor(deck) == key


async def happens(deck: Room, told: Story) -> None:
    """The run goes on: the deck hears what the story tells by now."""
    deck.app.take(told.history)
    deck.app.draw()
    await deck.pilot.pause()


def frozen() -> Story:
    """The first work is proven, and a gate is red on it and on the target itself."""
    told = begun()
    told.start("CORE-001")
    told.wait(90)
    told.end("CORE-001")
    told.propose("CORE-001")
    told.queue("CORE-001")
    for tree in (told.build("CORE-001"), told.state.tip_tree):
        told.gate("unit", tree, e.Verdict.FAILED, tail="no such host")
    return told


def put_aside() -> Story:
    told = middle()
    told.tell(e.RunPaused("you"), e.QueueHeld("you"), e.TaskHeld(T("S-5"), "you"))
    return told


# --- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_inbox_in_the_middle_of_a_run(tmp_path: Path, size: str) -> None:
    """You should see "3 need you" at the top and in the frame, four groups with S-4 (failed) first
    and chosen; beside it (below, at 80x24) why it failed, that W-2 and W-5 wait, the keys r R s d,
    the last lines of the gate and what a retry would do.
    """
    compare(f"inbox-{size}.svg", await take(tmp_path, middle(), size, ".svg", screen="inbox"))


@pytest.mark.parametrize("size", SIZES)
async def test_a_permission_in_the_inbox(tmp_path: Path, size: str) -> None:
    r"""You should see S-3 chosen, "Wants to use Bash 1 of 3", two keys, and the command whole, with
    `\u202e` and `\x1b` loud (at 80x24 it scrolls).
    """

    async def down(pilot: Pilot[None]) -> None:
        await pilot.press("down")

    picture = await take(tmp_path, asking(), size, ".svg", screen="inbox", steps=down)
    compare(f"inbox-permission-{size}.svg", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_a_budget_in_the_inbox(tmp_path: Path, size: str) -> None:
    """You should see the budget first, six tasks that wait for it, both budgets with their figures,
    and the four tasks that stand still.
    """
    picture = await take(tmp_path, overspent(), size, ".svg", screen="inbox")
    compare(f"inbox-budget-{size}.svg", picture)


STORIES: list[tuple[str, Callable[[], Story]]] = [
    ("quiet", lambda: at_work(5)),
    ("finished", finished),
    ("awkward", awkward),
    ("account", lambda: limited(closed=True)),
    ("hands", by_hand),
    ("frozen", frozen),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "story"), STORIES)
async def test_other_inboxes(
    tmp_path: Path, size: str, name: str, story: Callable[[], Story]
) -> None:
    """You should see: *quiet* that nothing waits, who is at work and when it may end; *finished*
    "ready when you are" with main and its landings; *awkward* whole borders; *account* that
    anthropic lets nobody in and r reopens it; *hands* S-1 in the hands of kim, put aside;
    *frozen* the gate unit, red on the target, with the end of its log.
    """
    picture = await take(tmp_path, story(), size, screen="inbox")
    compare(f"inbox-{name}-{size}.txt", picture)


async def test_what_was_said_earlier(tmp_path: Path) -> None:
    """You should see, below all that waits, "Said earlier 2" with an error and a warning that came
    twice ("×2"); the error chosen, in full beside it, with del and D.
    """

    async def say(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, DeckApp)
        for _ in range(2):
            app.warn("S-1 is working: stop it first.")
        app.notify("The engine does not answer.", title="Not done", severity="error")
        app.clear_notifications()
        app.draw()
        await pilot.press("end", "up")

    picture = await take(tmp_path, middle(), "120x36", ".svg", screen="inbox", steps=say)
    compare("inbox-said.svg", picture)


async def test_the_inbox_in_ascii(tmp_path: Path) -> None:
    """You should see no character beyond ASCII."""
    picture = await take(tmp_path, middle(), "120x36", screen="inbox", ascii_only=True)
    assert picture.isascii(), sorted({char for char in picture if not char.isascii()})
    compare("inbox-ascii.txt", picture)


@pytest.mark.parametrize("width", [40, 52, 78, 120, 196])
@pytest.mark.parametrize("story", [middle, asking, overspent, awkward, by_hand, finished, large])
def test_no_row_is_wider_than_its_pane(story: Callable[[], Story], width: int) -> None:
    view = view_of(story())
    for key in view.keys:
        assert cells(view.row(key, width)) <= width
        item = view.item(key)
        if item is not None:
            lines = detail_lines(replace(view.deck, selected=item.task), item, (), width)
            assert all(cells(line) <= width for line in lines)


# --- one list ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "story", [middle, asking, overspent, awkward, by_hand, finished, begun, limited]
)
def test_every_count_is_of_the_same_list(story: Callable[[], Story]) -> None:
    """The header, the terminal's title, the frame of the inbox, its rows, and `.`."""
    told = story()
    deck, view = deck_of(told), view_of(told)
    count = len([item for item in view.items if item.needs_you])
    header, title = text_of(header_line(deck, 200)), terminal_title(deck)
    figures = text_of(inbox_figures(deck))
    if count:
        words = f"{count} need{'s' if count == 1 else ''} you"
        assert words in header
        assert title.startswith(f"({count}) ")
        assert figures.startswith(words)
    else:
        assert "need" not in header + figures
        assert not title.startswith("(")
    tasks = {item.task for item in view.items if item.needs_you and item.task}
    walked = set()
    for _ in tasks:
        deck = replace(deck, selected=next_that_needs_me(deck))
        walked.add(deck.selected)
    assert walked == tasks


def test_an_empty_inbox_says_what_goes_on_and_when_it_may_end() -> None:
    sentences = nothing_waits(deck_of(at_work(8)))
    assert sentences[0] == "Nothing waits for you."
    assert sentences[1] == "8 agents are at work: A-1, A-2, A-3, A-4, A-5, A-6 and 2 more."
    assert text_of(empty_lines(deck_of(at_work(1)), 80)[1]) == "1 agent is at work: A-1."


# --- answers -------------------------------------------------------------------------------------


ANSWERS: list[tuple[str, Callable[[], Story], str, AnyCommand]] = [
    ("r", middle, "failed:S-4", c.Retry(T("S-4"))),
    ("a", middle, "approval:S-7", c.Approve(T("S-7"))),
    ("m", middle, "approval:S-7", c.Merge(T("S-7"))),
    ("h", middle, "approval:S-7", c.Hold(T("S-7"))),
    ("space", middle, "paused:S-9", c.Resume(T("S-9"))),
    ("r", lambda: limited(closed=True), "account:anthropic", c.ReopenAccount("anthropic")),
    ("space", put_aside, "run paused:run", c.Resume()),
    ("h", put_aside, "queue held:queue", c.Release()),
    ("h", put_aside, "held:S-5", c.Release(T("S-5"))),
]


@pytest.mark.parametrize(("key", "story", "row", "command"), ANSWERS)
async def test_a_key_answers_what_is_chosen(
    tmp_path: Path, key: str, story: Callable[[], Story], row: str, command: AnyCommand
) -> None:
    async with room(tmp_path, story()) as deck:
        await open_at(deck, row)
        await deck.press(key)
        assert deck.source.sent == [command]
        assert deck.toasts == []
        assert isinstance(deck.app.screen, InboxScreen)


async def test_a_red_gate_is_run_again_from_its_row(tmp_path: Path) -> None:
    """The end of its log stands there."""
    async with room(tmp_path, frozen()) as deck:
        await open_at(deck, "gate:unit")
        assert "unit is red on deck/webhooks itself: nothing lands." in detail(deck)
        assert "no such host" in detail(deck)
        await deck.press("r")
        assert deck.source.sent == [c.Retry()]


DIALOGS = [
    ("R", "failed:S-4", AskText),
    ("s", "failed:S-4", SkipDialog),
    ("i", "question:S-3", AnswerQuestion),
    ("enter", "question:S-3", AnswerQuestion),
    ("x", "question:S-3", Confirm),
    ("M", "approval:S-7", Confirm),
    ("dollar_sign", "failed:S-4", ChangeBudget),
]


@pytest.mark.parametrize(("key", "row", "dialog"), DIALOGS)
async def test_a_key_that_asks_asks_over_the_inbox(
    tmp_path: Path, key: str, row: str, dialog: type
) -> None:
    """Escape leads back to the same row."""
    async with room(tmp_path, middle()) as deck:
        await open_at(deck, row)
        await deck.press(key)
        assert isinstance(deck.app.screen, dialog)
        await deck.press("escape")
        assert isinstance(deck.app.screen, InboxScreen)
        assert (cursor(deck), deck.source.sent) == (row, [])


async def test_feedback_and_skip_reach_the_task_of_the_row(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await open_at(deck, "failed:S-4")
        await deck.press("R")
        deck.app.screen.query_one(Input).value = "mind the gap"
        await deck.press("enter", "s", "enter")
        assert deck.source.sent == [
            c.Retry(T("S-4"), "mind the gap"),
            c.Skip(T("S-4"), SkipMode.DONE),
        ]


async def test_comments_on_a_diff_go_with_the_task_they_are_on(tmp_path: Path) -> None:
    """What was said of S-7 in the room is sent with S-7 from the inbox, and not with S-4."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-7")
        pane = deck.app.room.query_one(TaskPane)
        pane.note(e.ReviewComment("src/s-7.py", 3, "why?"))
        await open_at(deck, "failed:S-4")
        await deck.press("R")
        assert "comment" not in str(deck.app.screen.query_one(".dialog").border_title)
        await deck.press("escape")
        rows_of(deck).put_cursor("approval:S-7")
        deck.app.draw()
        await deck.press("R", "enter")
        (sent,) = deck.source.sent
        assert isinstance(sent, c.Retry)
        assert (sent.task, [comment.text for comment in sent.comments]) == ("S-7", ["why?"])


def with_options() -> Story:
    told = asking()
    told.tell(e.AskWithdrawn(T("S-3"), 1, "p1"), e.AskWithdrawn(T("S-3"), 1, "p2"))
    return told


async def test_a_digit_gives_the_answer_with_that_number(tmp_path: Path) -> None:
    async with room(tmp_path, with_options()) as deck:
        await open_at(deck, "question:S-3")
        assert "1    tabs\n2    spaces" in detail(deck)
        await deck.press("2")
        answer = c.Answer(T("S-3"), "spaces", "", "q2", by=deck.app.person)
        assert deck.source.sent == [answer]
        await deck.press("3")
        assert "3 answers nothing here" in deck.toasts[-1]


async def test_a_digit_gives_a_permissions_own_answer(tmp_path: Path) -> None:
    told = asking()
    told.tell(e.AskWithdrawn(T("S-3"), 1, "p1"))
    async with room(tmp_path, told) as deck:
        await open_at(deck, "permission:S-3")
        assert "3    No" in detail(deck)
        await deck.press("3")
        (sent,) = deck.source.sent
        assert isinstance(sent, c.Answer)
        assert (sent.option, sent.question) == ("o3", "p2")


async def test_after_an_answer_the_next_question_of_the_task_is_asked(tmp_path: Path) -> None:
    told = asking()
    async with room(tmp_path, told) as deck:
        await open_at(deck, "permission:S-3")
        await deck.press("i", "y")
        asked = deck.app.screen
        assert isinstance(asked, AskPermission)
        assert asked._asked.id == "p2"
        told.tell(e.AskWithdrawn(T("S-3"), 1, "p1"))
        await happens(deck, told)
        await deck.press("escape")
        assert cursor(deck) == "permission:S-3"
        assert "Wants to use Edit  1 of 2" in detail(deck)


async def test_after_an_answer_the_cursor_is_on_the_next(tmp_path: Path) -> None:
    """It goes when the run says so, not before; after the last one, to the one above."""
    told = middle()
    async with room(tmp_path, told) as deck:
        await open_at(deck)
        seen = [cursor(deck)]
        await deck.press("r")
        assert cursor(deck) == "failed:S-4"
        told.tell(e.TaskRetried(T("S-4"), "you"))
        await happens(deck, told)
        seen.append(cursor(deck))
        told.tell(e.AskWithdrawn(T("S-3"), 1, "q1"))
        await happens(deck, told)
        seen.append(cursor(deck))
        told.tell(e.TaskHeld(T("S-7"), "you"), e.TaskApproved(T("S-7"), 1, "you"))
        told.queue("S-7")
        await happens(deck, told)
        seen.append(cursor(deck))
        assert seen == ["failed:S-4", "question:S-3", "approval:S-7", "paused:S-9"]
        assert deck.app.room.selected == "S-9"


async def test_a_row_keeps_the_cursor_while_others_come(tmp_path: Path) -> None:
    told = middle()
    async with room(tmp_path, told) as deck:
        await open_at(deck, "approval:S-7")
        told.tell(e.AttemptAsked(T("S-1"), 1, "q1", "Which port?"))
        await happens(deck, told)
        assert cursor(deck) == "approval:S-7"
        assert "question:S-1" in rows_of(deck).keys


# --- moving, leaving -----------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["escape", "exclamation_mark", "q"])
async def test_ways_back_to_the_room(tmp_path: Path, key: str) -> None:
    """The room looks at the task that was chosen."""
    async with room(tmp_path, middle()) as deck:
        await open_at(deck, "approval:S-7")
        await deck.press(key)
        assert isinstance(deck.app.screen, RoomScreen)
        assert deck.selected == "S-7"
        assert deck.app.return_code is None


async def test_keys_that_move(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await open_at(deck)
        seen = []
        for key in ("down", "j", "k", "end", "full_stop", "full_stop"):
            await deck.press(key)
            seen.append(cursor(deck))
        assert seen == [
            "question:S-3", "approval:S-7", "question:S-3", "paused:S-9", "failed:S-4",
            "question:S-3",
        ]  # fmt: skip
        await deck.press("tab")
        assert deck.app.screen.query_one("#inbox-lines").has_focus
        await deck.press("shift+tab")
        assert rows_of(deck).has_focus


@pytest.mark.parametrize(("key", "tab"), [("d", "diff"), ("l", "log")])
async def test_what_only_the_room_shows_leads_there(tmp_path: Path, key: str, tab: str) -> None:
    async with room(tmp_path, middle()) as deck:
        await open_at(deck, "approval:S-7")
        await deck.press(key)
        assert isinstance(deck.app.screen, RoomScreen)
        assert (deck.selected, deck.app.room.query_one(TaskPane).tab) == ("S-7", tab)


async def test_enter_looks_at_a_task_that_asks_nothing(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await open_at(deck, "failed:S-4")
        await deck.press("enter")
        assert isinstance(deck.app.screen, RoomScreen)
        assert (deck.selected, deck.app.room.pane) == ("S-4", "task")


async def test_from_the_inbox_to_the_wall(tmp_path: Path) -> None:
    """There is one of them at a time: escape leads to the room."""
    async with room(tmp_path, middle()) as deck:
        await open_at(deck)
        await deck.press("w")
        assert isinstance(deck.app.screen, WallScreen)
        await deck.press("escape")
        assert isinstance(deck.app.screen, RoomScreen)


async def test_the_mouse_chooses_opens_and_finds_the_inbox(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.pilot.click("#header", offset=(4, 0))
        await deck.pilot.pause()
        assert isinstance(deck.app.screen, InboxScreen)
        await deck.pilot.click("#inbox-rows", offset=(6, 4))
        await deck.pilot.pause()
        assert cursor(deck) == "question:S-3"
        await deck.pilot.click("#inbox-rows", offset=(6, 4), times=2)
        await deck.pilot.pause()
        assert isinstance(deck.app.screen, AnswerQuestion)


async def test_a_key_without_a_meaning_says_so(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await open_at(deck)
        await deck.press("delete")
        assert deck.toasts == ["Only what was said earlier can be forgotten."]
        await deck.press("5")
        assert "5 answers nothing here" in deck.toasts[0]
        await deck.press("y")
        assert "y does nothing here" in deck.toasts[0]


async def test_a_key_that_cannot_act_says_why(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await open_at(deck, "failed:S-4")
        await deck.press("a")
        assert "S-4 is failed: there is nothing to approve" in deck.toasts[0]
        assert deck.source.sent == []


# --- what was said earlier -----------------------------------------------------------------------


def test_what_was_said_is_bounded_and_counted() -> None:
    said = SaidEarlier()
    for number in range(KEPT + 20):
        said.add(float(number), "Not done", f"reason {number}")
    assert len(said) == KEPT
    assert [one.text for one in said][:2] == [f"reason {KEPT + 19}", f"reason {KEPT + 18}"]
    said.add(500.0, "Not done", "reason 60")
    first = next(iter(said))
    assert (len(said), first.text, first.times, first.at) == (KEPT, "reason 60", 2, 500.0)


async def test_warnings_stay_in_the_inbox_until_they_are_dismissed(tmp_path: Path) -> None:
    """Information does not; del forgets one, D all."""
    async with room(tmp_path, middle()) as deck:
        deck.app.notify("by the way")
        for text in ("one", "two", "three"):
            deck.app.warn(text)
        await open_at(deck)
        assert [key for key in rows_of(deck).keys if key.startswith("said:")] == [
            "said:3", "said:2", "said:1",
        ]  # fmt: skip
        rows_of(deck).put_cursor("said:2")
        deck.app.draw()
        assert "two" in detail(deck)
        await deck.press("delete")
        assert cursor(deck) == "said:1"
        await deck.press("D")
        assert not [key for key in rows_of(deck).keys if key.startswith("said:")]
        assert len(deck.app.said) == 0


async def test_after_the_last_row_what_still_waits_is_next(tmp_path: Path) -> None:
    """An answer to the last thing leads to the first one, not down to what was said earlier."""
    async with room(tmp_path, middle()) as deck:
        deck.app.warn("by the way")
        await open_at(deck)
        last = [key for key in rows_of(deck).keys if key[:1] not in "+s"][-1]
        rows_of(deck).put_cursor(last)
        deck.app.draw()
        assert last == "paused:S-9"
        state = deck.app.model.state
        deck.app.take([Recorded(state.seq + 1, state.at, e.TaskResumeAsked(TaskId("S-9"), "you"))])
        deck.app.draw()
        assert last not in rows_of(deck).keys
        assert cursor(deck) == "failed:S-4"


# --- elsewhere -----------------------------------------------------------------------------------


async def test_the_room_one_comes_back_to_is_of_now_from_its_first_picture_on(
    tmp_path: Path,
) -> None:
    """It is painted before it is told that it is seen again: what it has then, is seen."""
    async with room(tmp_path, middle()) as deck:
        await open_at(deck)
        state = deck.app.model.state
        deck.app.take([Recorded(state.seq + 1, state.at, e.RunPaused("you"))])
        await deck.pilot.pause()
        header = deck.app.room.query_one(HeaderBar)
        assert "‖ paused" not in str(header.render_line(0).text)
        inbox = deck.app.screen
        assert isinstance(inbox, InboxScreen)
        inbox.action_back()
        assert "‖ paused" in str(header.render_line(0).text)


async def test_the_help_and_the_palette_know_both_screens(tmp_path: Path) -> None:
    picture = await take(tmp_path, middle(), "200x60", screen="help")
    assert "inbox" in picture
    folder = write_run(middle(), tmp_path / "other")

    async def find(pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+p", *"wall")
        assert isinstance(pilot.app, DeckApp)
        async with asyncio.timeout(30):
            while "Wall" not in _text(pilot.app):
                await pilot.pause(0.02)

    shown = await draw(folder, middle().history, size=(120, 36), kind=".txt", steps=find)
    assert "Wall" in shown
    assert all(cell_len(row) <= 120 for row in shown.splitlines())


async def test_what_a_tracker_proposes_is_counted_at_the_foot(tmp_path: Path) -> None:
    """It is no part of the run; a person who looks at what waits should know that it is there."""
    story = middle()
    started, *rest = story.history
    assert isinstance(started.event, e.RunStarted)
    plan = msgspec.structs.replace(
        started.event.plan, tracker=Tracker(TrackerKind.GITHUB, accept=(Accept.TASK,))
    )
    began = msgspec.structs.replace(started.event, plan=plan)
    folder = write_run(story, tmp_path)
    (folder.path / "tracker").mkdir(mode=0o700)
    proposals = [Proposal(str(n), Accept.TASK, n, "zoe", 1.0) for n in (14, 15)]
    kept = {"version": 1, "seen": [], "waiting": proposals}
    (folder.path / "tracker" / "inbox.json").write_bytes(msgspec.json.encode(kept))
    history = [msgspec.structs.replace(started, event=began), *rest]
    for size in ((80, 24), (120, 36)):
        shown = await draw(folder, history, size=size, kind=".txt", screen="inbox")
        assert "2 tracker proposals wait" in shown
        assert all(cell_len(row) <= size[0] for row in shown.splitlines())
