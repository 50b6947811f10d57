"""The line where commands are typed: what it does, asks, refuses, completes and remembers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import middle, write_run
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare
from textual.pilot import Pilot

from agentdeck.control.runs import runs_root
from agentdeck.core import commands as c
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.tui.deck_verbs import deck_verbs, pressing
from agentdeck.tui.keys import KEYS
from agentdeck.tui.screens.command_line import CommandLine
from agentdeck.tui.screens.dialogs import ChooseTheme, Confirm, SkipDialog
from agentdeck.tui.screens.wall import WallScreen
from agentdeck.tui.snapshot import draw

T = TaskId


async def typed(deck: Room, line: str, *keys: str) -> None:
    """Open the line, have a text in it, and press further keys."""
    await deck.pilot.press("colon")
    await deck.pilot.pause()
    field = screen(deck).line
    field.value, field.cursor_position = line, len(line)
    await deck.press(*(keys or ("enter",)))


def screen(deck: Room) -> CommandLine:
    found = deck.app.screen
    assert isinstance(found, CommandLine)
    return found


def said(deck: Room) -> str:
    return str(screen(deck).query_one("#line-said").render())


SENDS = [
    ("retry S-4", [c.Retry(T("S-4"))]),
    ("pause S-1 S-2", [c.Pause(T("S-1")), c.Pause(T("S-2"))]),
    ("skip S-4 --as done", [c.Skip(T("S-4"), SkipMode.DONE)]),
    ("approve all", [c.Approve()]),
    ("agents 6", [c.SetAgents(6)]),
    ("limit 3", [c.SetAgents(3)]),
    ("budget 30", [c.SetBudget("run", usd=30.0)]),
    ("steer S-1 use the old name", [c.Steer(T("S-1"), "use the old name")]),
]


async def test_a_line_sends_its_commands(tmp_path: Path) -> None:
    """Each of these is carried out at once, and the line is gone."""
    async with room(tmp_path, middle()) as deck:
        for line, commands in SENDS:
            deck.source.sent.clear()
            await typed(deck, line)
            assert deck.source.sent == commands, line
            assert deck.app.screen is deck.app.room, line


REFUSES = [
    ("retry S-1", "S-1 is working: only an ended attempt can be retried"),
    ("rety S-4", "there is no command rety; did you mean retry"),
    ("retry S-44", "there is no task S-44; did you mean S-4"),
    ("retry marked", "no task is marked; V marks one"),
    ("agents 999", "the number of agents must be 1 to 256"),
    ("theme deck-lihgt", "there is no theme deck-lihgt; did you mean deck-light"),
    ("conflict S-1", "S-1 is in no conflict that is known"),
]


async def test_what_is_wrong_is_said_above_the_line(tmp_path: Path) -> None:
    """In the words that the key would say; nothing is sent and the line stays as it was typed."""
    async with room(tmp_path, middle()) as deck:
        for line, fault in REFUSES:
            await typed(deck, line)
            assert fault in said(deck), line
            assert screen(deck).line.value == line
            await deck.press("escape")
        assert deck.source.sent == []
        assert deck.toasts == []


async def test_what_ends_something_asks_first(tmp_path: Path) -> None:
    """A stop, a revert, the end and a skip that does not say how; a no sends nothing."""
    async with room(tmp_path, middle()) as deck:
        for line in ("stop S-1", "revert CORE-003 --only", "end", "stop S-1 S-2"):
            await typed(deck, line)
            assert isinstance(deck.app.screen, Confirm), line
            await deck.press("n")
        await typed(deck, "skip S-4")
        assert isinstance(deck.app.screen, SkipDialog)
        await deck.press("escape")
        assert deck.source.sent == []
        await typed(deck, "revert CORE-003 --only")
        await deck.press("y")
        await typed(deck, "end --yes")
        assert deck.source.sent == [c.Revert(T("CORE-003"), only=True), c.EndRun()]


async def test_the_screen_has_verbs_too(tmp_path: Path) -> None:
    """Going to a task, another theme, every screen that has a key."""
    async with room(tmp_path, middle()) as deck:
        await typed(deck, "goto S-5")
        assert deck.selected == "S-5"
        await typed(deck, "theme deck-light")
        assert deck.app.theme == "deck-light"
        await typed(deck, "theme")
        assert isinstance(deck.app.screen, ChooseTheme)
        await deck.press("escape")
        await typed(deck, "diff S-4")
        assert deck.selected == "S-4"
        await typed(deck, "wall")
        assert isinstance(deck.app.screen, WallScreen)
        await typed(deck, "pause .")
        assert [type(command) for command in deck.source.sent] == [c.Pause]


async def test_tab_completes_and_the_arrows_walk_the_menu(tmp_path: Path) -> None:
    """Tasks that the verb can act on come first; behind the only candidate stands a blank."""
    async with room(tmp_path, middle()) as deck:
        await typed(deck, "unp", "tab")
        assert screen(deck).line.value == "unp"
        assert said(deck) == "nothing can stand here"
        await deck.press("escape")
        await typed(deck, "unsk", "tab")
        assert screen(deck).line.value == "unskip "
        await deck.press("tab")
        assert screen(deck).line.value == "unskip CORE-004"
        await deck.press("down", "up", "enter")
        assert deck.source.sent == [c.Unskip(T("CORE-004"))]


async def test_lines_of_earlier_come_back(tmp_path: Path) -> None:
    """With the arrow, those that begin as typed; in the next deck too, from a file."""
    async with room(tmp_path, middle()) as deck:
        for line in ("agents 6", "retry S-4", "agents 5"):
            await typed(deck, line)
        await typed(deck, "ag", "up", "up")
        assert screen(deck).line.value == "agents 6"
        await deck.press("down", "down")
        assert screen(deck).line.value == "ag"
    file = runs_root().parent / "command-history"
    assert file.read_text().splitlines() == ["agents 6", "retry S-4", "agents 5"]
    async with room(tmp_path / "next", middle()) as deck:
        await typed(deck, "", "up")
        assert screen(deck).line.value == "agents 5"


async def test_in_the_log_the_key_goes_to_a_time(tmp_path: Path) -> None:
    """There it means what it always has."""
    async with room(tmp_path, middle(), logs=True) as deck:
        await deck.select("S-2")
        await deck.press("2", "colon")
        assert len(deck.app.screen_stack) == 2
        await deck.press("escape", "1", "colon")
        assert isinstance(screen(deck), CommandLine)


async def test_the_past_takes_no_commands(tmp_path: Path) -> None:
    """It says why, and what comes back; the screen can still be told what to show."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("B")
        await typed(deck, "retry S-4")
        assert said(deck) == "this is the past of the run; B comes back to now"
        await deck.press("escape")
        await typed(deck, "goto S-5")
        assert deck.selected == "S-5"


def test_every_key_of_the_screen_is_a_verb_of_one_name() -> None:
    """No two verbs share a name, and each has a sentence."""
    verbs = deck_verbs(KEYS, pressing(KEYS))
    names = [verb.name for verb in verbs]
    assert len(names) == len(set(names))
    assert {"find", "wall", "inbox", "zoom", "help", "take-over", "hand-back", "quit"} <= set(names)
    assert all(verb.sentence for verb in verbs)


@pytest.mark.parametrize("size", SIZES)
async def test_pictures(tmp_path: Path, size: str) -> None:
    """You should see the line at the bottom with "retry S-4", above it the menu: S-4 marked, then
    S-7 and S-8, then tasks in faint letters with "not now"; the verb with its options in the frame.
    """

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("colon", *"retry", "space", "tab")

    folder = write_run(middle(), tmp_path)
    picture = await draw(folder, middle().history, size=SIZES[size], steps=steps)
    compare(f"command-line-{size}.svg", picture)
