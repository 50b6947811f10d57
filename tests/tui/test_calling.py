"""Calling a person who looks elsewhere: when, with which bytes, and how they set it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import STARTED_AT, Story, middle, write_run
from textual import events

from agentdeck.core import events as e
from agentdeck.core import inbox
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Item, Kind
from agentdeck.core.state import TaskState
from agentdeck.tui.app import DeckApp
from agentdeck.tui.calling import HERE_S, Calling
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.calling import (
    GROUP_S,
    MAX_CELLS,
    QUIET_S,
    Newly,
    call_bytes,
    call_words,
)
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.replay import Replay
from agentdeck.tui.settings import Notify, Settings, load_settings
from agentdeck.tui.snapshot import FixedSource

OPENED = 1_000.0


def item(name: str, since: float | None = OPENED + 1, kind: Kind = Kind.FAILED) -> Item:
    return Item(kind, name, since, TaskId(name))


def test_what_begins_within_some_seconds_is_one_call_and_comes_once() -> None:
    newly = Newly(OPENED)
    assert newly.take([], 0.0) == []
    one, two = item("A"), item("B")
    assert newly.take([one], 1.0) == []
    assert newly.take([one, two], 2.0) == []
    assert newly.take([one, two], 1.0 + GROUP_S) == [one, two]
    assert newly.take([one, two], 500.0) == []


def test_what_was_there_at_the_beginning_and_what_was_answered_calls_nobody() -> None:
    """Also what the history brings later, because it waits for longer than the deck is open."""
    newly = Newly(OPENED)
    newly.take([item("A")], 0.0)
    newly.take([item("A"), item("OLD", OPENED - 5), item("B")], 1.0)
    assert newly.take([item("A"), item("OLD", OPENED - 5)], 1.0 + GROUP_S) == []


def test_a_second_question_of_a_task_calls_again_but_not_at_once() -> None:
    newly = Newly(OPENED)
    newly.take([], 0.0)
    newly.take([item("A")], 1.0)
    assert newly.take([item("A")], 5.0)
    again = item("A", OPENED + 9)
    newly.take([again], 6.0)
    assert newly.take([again], 6.0 + GROUP_S) == []
    assert newly.take([again], 5.0 + QUIET_S) == [again]


def asks(story: Story, task: str, text: str) -> None:
    story.tell(e.AttemptAsked(TaskId(task), story.number(task), f"q{len(story.history)}", text))


def deck_of(story: Story) -> Deck:
    return Deck(story.state, STARTED_AT + story.at)


def test_a_call_says_who_and_what_in_one_harmless_line() -> None:
    """An escape in a question reaches no terminal, and a long one is cut."""
    story = middle()
    asks(story, "S-1", "which\x1b]0;mine\x07 port?\x9c" + "x" * 500)
    deck = deck_of(story)
    one = [item for item in deck.needs_you if item.task == "S-1"]
    words = call_words(deck, one)
    assert words.startswith("agentdeck: webhook phases 2-4: S-1: asks: which port?")
    assert len(words) <= MAX_CELLS
    assert words.isprintable()
    many = call_words(deck, [item(name) for name in ("A", "B", "C", "D", "E", "F")])
    assert many.endswith(": 6 need you: A, B, C, D and 2 more")


@pytest.mark.parametrize(
    ("how", "environment", "written"),
    [
        (Notify.NONE, {}, ""),
        (Notify.BELL, {}, "\x07"),
        (Notify.OSC9, {}, "\x1b]9;hello\x07"),
        (Notify.BOTH, {}, "\x1b]9;hello\x07\x07"),
        (Notify.OSC9, {"TMUX": "x"}, "\x1bPtmux;\x1b\x1b]9;hello\x07\x1b\\"),
        (Notify.BELL, {"TMUX": "x"}, "\x07"),
        (Notify.BOTH, {"TMUX": "x", "STY": "y"}, "\x1bPtmux;\x1b\x1b]9;hello\x07\x1b\\\x07"),
        (Notify.OSC9, {"STY": "y"}, "\x07"),
        (Notify.NONE, {"STY": "y"}, ""),
    ],
)
def test_bytes_go_through_what_stands_between(
    how: Notify, environment: dict[str, str], written: str
) -> None:
    assert call_bytes(how, "hello", environment) == written


@pytest.mark.parametrize(
    ("text", "settings", "told"),
    [
        ("", Settings(), []),
        ('[deck]\nnotify = "both"\nremember = false\n', Settings(Notify.BOTH, False), []),
        (
            '[deck]\nremember = false\nnotify = "loud"\n',
            Settings(remember=False),
            ["3: `notify` must be one of bell, osc9, both, none, found 'loud'"],
        ),
        ("[deck]\n\nnotifi = 1\n", Settings(), ["3: nothing is named `notifi`, try `notify`"]),
        ("[deck]\nremember = 1\n", Settings(), ["2: `remember` must be true or false, found 1"]),
        ("[desk]\n", Settings(), ["1: unknown key `desk`; expected [deck]"]),
        ("deck = 1\n", Settings(), ["1: [deck] must be a table"]),
        ("[deck\n", Settings(), ["1: "]),
    ],
)
def test_settings_are_read_and_faults_named_with_their_line(
    text: str, settings: Settings, told: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "deck.toml"
    file.write_text(text, encoding="utf-8")
    found, problems = load_settings(file)
    assert found == settings
    assert len(problems) == len(told)
    for problem, words in zip(problems, told, strict=True):
        assert problem.startswith(f"{file}:{words}")


def test_no_file_of_settings_is_as_shipped(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml") == (Settings(), [])


class Desk:
    """A deck whose bytes for the terminal are kept, and whose watch is moved by hand."""

    def __init__(self, folder: Path, story: Story, replay: Replay | None = None) -> None:
        run = write_run(story, folder, logs=False)
        clock = Clock(STARTED_AT + story.at)
        self.story, self.written, self.watch = story, [], 100.0
        self.app = DeckApp(
            run, FixedSource(), clock=clock, preload=story.history, theme_folders=(), replay=replay
        )
        self.app.write_escape = self.written.append  # type: ignore[method-assign, assignment]
        self.app.calling = Calling(self.app, Notify.BELL, watch=lambda: self.watch)

    written: list[str]

    def ask(self) -> None:
        """A task begins to wait, and some seconds go by."""
        before = len(self.story.history)
        self.app.calling.tick()
        self.story.wait(5)
        asks(self.story, "S-1", "which port?")
        self.app.model.take(self.story.history[before:])
        self.app.calling.tick()
        self.watch += GROUP_S
        self.app.calling.tick()

    @property
    def rings(self) -> int:
        return self.written.count("\x07")


async def test_a_deck_without_the_focus_rings_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path, middle())
    async with desk.app.run_test() as pilot:
        desk.app.post_message(events.AppBlur())
        await pilot.pause()
        desk.ask()
        assert desk.rings == 1
        desk.watch += 1_000
        desk.app.calling.tick()
        assert desk.rings == 1


async def test_who_looks_at_the_deck_is_not_called(tmp_path: Path) -> None:
    desk = Desk(tmp_path, middle())
    async with desk.app.run_test() as pilot:
        desk.app.post_message(events.AppBlur())
        desk.app.post_message(events.AppFocus())
        await pilot.pause()
        desk.ask()
        assert desk.rings == 0


async def test_where_the_focus_is_unknown_a_key_just_pressed_means_here(tmp_path: Path) -> None:
    desk = Desk(tmp_path, middle())
    async with desk.app.run_test() as pilot:
        await pilot.press("j")
        desk.ask()
        assert desk.rings == 0
        desk.watch += HERE_S
        assert inbox.waiting(desk.story.state)
        desk.story.tell(e.RunPaused("ann"))
        asks(desk.story, "S-2", "and now?")
        desk.app.model.take(desk.story.history[-2:])
        desk.app.calling.tick()
        desk.watch += QUIET_S
        desk.app.calling.tick()
        assert desk.rings == 1


async def test_a_replay_calls_nobody(tmp_path: Path) -> None:
    """What once began to wait begins again before one's eyes."""
    story = middle()
    asks(story, "S-1", "which port?")
    replay = Replay(story.history)
    replay.playing = False
    replay.seek(len(story.history) - 1)
    desk = Desk(tmp_path, story, replay)
    async with desk.app.run_test() as pilot:
        desk.app.post_message(events.AppBlur())
        await pilot.pause()
        desk.app.calling.tick()
        desk.app.press("replay.on")
        assert desk.app.model.state.tasks[TaskId("S-1")].state is TaskState.ASKING
        desk.app.calling.tick()
        desk.watch += GROUP_S
        desk.app.calling.tick()
        assert desk.rings == 0
