"""The brief editor: what it checks, shows, sends, and never loses."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import pytest
from tests.tui.live_run import live_deck, made_run, put_claude_on_path
from tests.tui.sample_journal import STARTED_AT, Story, begun, finished, middle, task
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from agentdeck.control.catalog import equipped
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.errors import RefusedError
from agentdeck.core.events import Recorded
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.testing.counted_calls import calls_of
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.brief_edit import editable, note_of, preview_lines, why_not_edited
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.screens.brief_editor import BriefEditor
from agentdeck.tui.snapshot import FixedSource
from agentdeck.tui.widgets.row_list import LinesView

W1 = TaskId("W-1")


def as_run(story: Story) -> Story:
    """The same with the adapters of its agents in the plan, as an engine writes it down."""
    first = story.history[0]
    assert isinstance(first.event, e.RunStarted)
    plan = equipped(first.event.plan)
    begun = Recorded(first.seq, first.at, msgspec.structs.replace(first.event, plan=plan))
    story.history[0], story.state = begun, RunState()
    for recorded in story.history:
        apply(story.state, recorded)
    return story


async def editing(deck: Room, task: str = "W-1") -> BriefEditor:
    await deck.select(task)
    await deck.press("e")
    screen = deck.app.screen
    assert isinstance(screen, BriefEditor)
    return screen


def front(deck: Room) -> str:
    """What is seen, by its kind; asked anew each time."""
    return type(deck.app.screen).__name__


async def fill(deck: Room, editor: BriefEditor, field: str, text: str) -> None:
    editor.query_one(f"#brief-{field}", Input).value = text
    await checked(deck.pilot, editor)


async def checked(pilot: Pilot[None], editor: BriefEditor) -> None:
    """What was typed has come, and was looked at."""
    await pilot.pause()
    async with asyncio.timeout(30):
        while editor._later is not None:
            await pilot.pause(0.02)


def said(editor: BriefEditor) -> str:
    view = editor.query_one(LinesView)
    return "\n".join(strip.text.rstrip() for strip in view.render_lines(view.size.region))


async def test_an_edit_is_one_command_with_only_the_edited_fields(tmp_path: Path) -> None:
    """Typed into the fields, seen before and after, sent by ctrl+s; the editor closes."""
    async with room(tmp_path, as_run(middle())) as deck:
        editor = await editing(deck)
        await deck.press(*"Now ")
        await fill(deck, editor, "estimate", "45min")
        assert "+ Now Connect the streams." in said(editor)
        assert "15min → 45min" in said(editor)
        await deck.press("ctrl+s")
        assert type(deck.app.screen) is not BriefEditor
        (command,) = deck.source.sent
        assert isinstance(command, c.EditPlan)
        (task,) = command.change.put
        before = deck.app.model.state.spec(W1)
        assert task.prompt == "Now " + before.prompt
        assert (task.estimate_s, task.after, task.files) == (2700.0, before.after, before.files)
        assert refusal(deck.app.model.state, command) is None


async def test_what_is_wrong_is_said_while_one_types_and_nothing_is_sent(tmp_path: Path) -> None:
    """In the words of the checker, with the field; ctrl+s repeats it; mended, it can be sent."""
    async with room(tmp_path, as_run(middle())) as deck:
        editor = await editing(deck)
        await fill(deck, editor, "gates", "unit, lnt")
        assert "✖ gates: " in said(editor)
        assert "lint" in said(editor)
        await deck.press("ctrl+s")
        assert deck.source.sent == []
        assert "lnt" in deck.toasts[-1]
        await fill(deck, editor, "gates", "unit, lint")
        assert "✖" not in said(editor)
        await deck.press("ctrl+s")
        assert len(deck.source.sent) == 1


class Refusing:
    """An engine that takes nothing in."""

    connected = True

    async def send(self, command: AnyCommand) -> int:
        raise RefusedError("the plan of this run was changed meanwhile")


async def test_text_that_was_refused_stays(tmp_path: Path) -> None:
    """The engine's reason is told, and the editor is open with all that was typed."""
    async with room(tmp_path, as_run(middle())) as deck:
        editor = await editing(deck)
        await deck.press(*"kept ")
        deck.app.source = Refusing()  # type: ignore[assignment]
        await deck.press("ctrl+s")
        assert "changed meanwhile" in deck.toasts[-1]
        assert deck.app.screen is editor
        assert editor.query_one(TextArea).text.startswith("kept ")


async def test_escape_with_changes_asks_and_enter_goes_on_editing(tmp_path: Path) -> None:
    """ctrl+q too; without changes escape just goes back."""
    async with room(tmp_path, as_run(middle())) as deck:
        editor = await editing(deck)
        await deck.press("escape")
        assert type(deck.app.screen) is not BriefEditor
        editor = await editing(deck)
        await deck.press("x")
        for key in ("escape", "ctrl+q"):
            await deck.press(key)
            assert front(deck) == "Confirm", key
            await deck.press("enter")
            assert front(deck) == "BriefEditor"
            assert editor.edits["prompt"].startswith("x")
        await deck.press("escape", "y")
        assert deck.app.screen.id == "room"
        assert deck.source.sent == []


async def test_a_task_that_starts_meanwhile_is_said_before_one_saves(tmp_path: Path) -> None:
    """The run goes on below the editor; what was typed is still there."""
    story = as_run(begun())
    async with room(tmp_path, story) as deck:
        editor = await editing(deck, "CORE-001")
        await deck.press("x")
        story.start("CORE-001")
        deck.app.model.take(story.history)
        deck.app.draw()
        await deck.pilot.pause()
        assert "CORE-001 is working: its agent has its brief; i steers it" in said(editor)
        await deck.press("ctrl+s")
        assert deck.source.sent == []
        assert editor.edits["prompt"].startswith("x")


def test_why_a_brief_cannot_be_edited_and_what_can_be_done() -> None:
    """By state; what failed can be, and is tried again with the new brief."""
    story = middle()
    state = story.state
    assert why_not_edited(state, W1) is None
    assert why_not_edited(state, TaskId("S-4")) is None  # failed
    for name, words in (
        ("S-1", "{task.steer} steers it"),
        ("S-7", "{task.retry_feedback} sends it back"),
        ("S-5", "judged by the brief it had"),
        ("CORE-001", "has landed"),
    ):
        assert words in (why_not_edited(state, TaskId(name)) or ""), name
    over = finished().state
    assert "the run has ended" in (why_not_edited(over, TaskId("FIX-1")) or "")


async def test_the_key_says_why_not(tmp_path: Path) -> None:
    """In a toast, and no editor opens."""
    async with room(tmp_path, as_run(middle())) as deck:
        await deck.select("S-1")
        await deck.press("e")
        assert deck.toasts == ["S-1 is working: its agent has its brief; i steers it, x stops it."]
        assert deck.app.screen.id == "room"


def editor_script(folder: Path, body: str) -> str:
    path = folder / "editor.py"
    path.write_text(f"import pathlib, sys\npath = pathlib.Path(sys.argv[-1])\n{body}\n")
    return f"{sys.executable} '{path}'"


async def test_the_prompt_goes_to_the_persons_own_editor_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ctrl+e; what an editor with an error leaves is not taken; a browser has no terminal."""
    async with room(tmp_path / "d", as_run(middle())) as deck:
        editor = await editing(deck)
        await deck.press("ctrl+e")
        assert "no terminal" in deck.toasts[-1]
        monkeypatch.setattr(HeadlessDriver, "can_suspend", True)
        body = "path.write_text(path.read_text() + 'from\\x1b my editor')"
        monkeypatch.setenv("VISUAL", editor_script(tmp_path, body))
        before = editor.query_one(TextArea).text
        await deck.press("ctrl+e")
        assert editor.query_one(TextArea).text == before + "from my editor"
        assert "1 character that no screen shows is left out" in deck.toasts[-1]
        monkeypatch.setenv("VISUAL", editor_script(tmp_path, "path.write_text(''); sys.exit(1)"))
        await deck.press("ctrl+e")
        assert editor.query_one(TextArea).text == before + "from my editor"
        assert any("ended with 1" in toast for toast in deck.toasts)


def test_a_preview_fits_and_marks_the_words() -> None:
    """At every width; a prompt shows only lines that change, a long one is counted."""
    before = {"prompt": "one\ntwo words here\nthree", "files": "", "gates": "", "agent": "",
              "model": "", "estimate": ""}  # fmt: skip
    after = {**before, "prompt": "one\ntwo good words here\nthree", "files": "src/ " * 30}
    for width in (40, 60, 104):
        lines = preview_lines(before, after, {"gates": "no gate 中文" * 20}, width)
        assert all(cells(line) <= width for line in lines)
    shown = [text_of(line) for line in lines]
    assert "− two words here" in shown
    assert "+ two good words here" in shown
    assert not any("one" in text or "three" in text for text in shown)
    marked = [span.text for line in lines for span in line if "added-word" in span.role]
    assert marked == ["good "]
    long = {**before, "prompt": "line\n" * 5_000}
    assert calls_of(lambda: preview_lines(before, long, {}, 80)) < 2_000


def test_an_editor_never_gets_what_a_terminal_would_obey() -> None:
    assert editable("a\x1b[2J\u202eb\n\tc\r") == ("a[2Jb\n\tc", 3)


def test_checking_a_key_is_cheap_with_five_hundred_tasks(tmp_path: Path) -> None:
    """Few calls, so a key is answered at once."""
    story = as_run(Story(Plan("many", tuple(task(f"T-{n}", "One of many") for n in range(500)))))
    clock = Clock(STARTED_AT + story.at)
    app = DeckApp(RunFolder(tmp_path), FixedSource(), clock=clock, preload=story.history)
    last, wish = TaskId("T-499"), list[object]()
    count = calls_of(
        lambda: wish.append(app.brief_editing._check(last, ("claude",), {"files": "src/"}))
    )
    assert wish[0].faults == {}  # type: ignore[attr-defined]
    assert count < 30_000


@pytest.mark.parametrize("size", SIZES)
async def test_picture_of_the_editor(tmp_path: Path, size: str) -> None:
    """You should see the prompt of W-1, five fields, "unit, lnt" in red with the checker's words
    and a hint, and below it what changes: a line of the prompt with its new words on a green
    ground, the estimate before and after.
    """

    async def change(pilot: Pilot[None]) -> None:
        screen = pilot.app.screen
        assert isinstance(screen, BriefEditor)
        area = screen.query_one(TextArea)
        area.text = area.text.replace("streams.", "streams. with care", 1)
        screen.query_one("#brief-gates", Input).value = "unit, lnt"
        field = screen.query_one("#brief-estimate", Input)
        field.value, field.cursor_blink = "45min", False
        field.focus()
        await checked(pilot, screen)

    picture = await take(
        tmp_path, as_run(middle()), size, ".svg", screen="edit", selected="W-1", steps=change
    )
    compare(f"brief-editor-{size}.svg", picture)


async def test_a_run_without_an_engine_says_why_not(tmp_path: Path) -> None:
    """Nothing opens where nothing could be saved."""
    async with room(tmp_path, as_run(middle())) as deck:
        deck.source.connected = False
        deck.app.model.clock._at = None
        await deck.select("W-1")
        await deck.press("e")
        assert deck.toasts == ["No engine answers; it is asked again by itself."]


def test_a_failed_task_is_told_how_it_is_tried_again() -> None:
    story = middle()
    assert "{task.retry} tries it again so" in note_of(story.state, TaskId("S-4"))
    story.tell(e.TaskSkipped(W1, "you", e.SkipMode.DONE))
    assert "skipped" in note_of(story.state, W1)


async def test_a_real_engine_takes_the_edit_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B waits for A, which works: B's new brief is in the plan of the run, and A's is not asked."""
    put_claude_on_path(tmp_path, monkeypatch)
    waiting = '[[task]]\nid = "B"\ntitle = "Then"\nprompt = "go on"\nafter = "A"\n'
    folder = made_run(tmp_path, "! sleep 300", waiting)
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.WORKING)
        deck.app.room.select(TaskId("B"))
        await deck.press("e")
        await deck.press(*"Now ", "ctrl+s")
        await deck.until(lambda: deck.app.model.state.plan_changes == 1, "the change")
        await deck.until(lambda: deck.app.screen.id == "room", "the room")
        assert deck.app.model.state.spec(TaskId("B")).prompt == "Now go on"
        assert deck.task.state is TaskState.WORKING
