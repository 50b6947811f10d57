"""The person's own keys: what a file means, what is wrong with it, and that the deck heeds it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import middle, write_run

from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.tui.app import DeckApp
from agentdeck.tui.keymap import load_keys
from agentdeck.tui.keys import KEYS
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.help_page import help_lines
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.screens.help import HelpScreen
from agentdeck.tui.snapshot import FixedSource, _text


def written(folder: Path, text: str) -> Path:
    file = folder / "keys.toml"
    file.write_text(text, encoding="utf-8")
    return file


def keys_of(file: Path) -> dict[str, tuple[str, str]]:
    """What differs from the table: id -> (Textual's names, how it is written)."""
    found, problems = load_keys(file)
    assert problems == []
    shipped = {key.id: key for key in KEYS}
    changed = (key for key in found if key.keys != shipped[key.id].keys)
    return {key.id: (key.keys, key.show) for key in changed}


def test_no_file_is_the_table(tmp_path: Path) -> None:
    assert load_keys(tmp_path / "none.toml") == (KEYS, [])


def test_keys_are_what_one_writes(tmp_path: Path) -> None:
    """A letter, a sign, a modifier, several, none at all."""
    file = written(
        tmp_path,
        '[keys]\n"task.retry" = "ctrl+r"\n"run.end" = ["f10", "§"]\n"run.promote" = ""\n'
        '"run.budget" = "~"\n',
    )
    assert keys_of(file) == {
        "task.retry": ("ctrl+r", "^r"),
        "run.end": ("f10,section_sign", "F10 Section_sign"),
        "run.promote": ("", "—"),
        "run.budget": ("tilde", "~"),
    }


def test_two_keys_change_places(tmp_path: Path) -> None:
    file = written(tmp_path, '[keys]\n"task.retry" = "s"\n"task.skip" = "r"\n')
    assert keys_of(file) == {"task.retry": ("s", "s"), "task.skip": ("r", "r")}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[keys]\n"task.retri" = "x"\n', "2: nothing is named `task.retri`, try `task.retry`"),
        ('[keys]\n"move.up" = "w"\n', "2: nothing is named `move.up`"),
        ('\n[keys]\n"task.retry" = 5\n', "3: `task.retry`: must be a key in quotes"),
        ('[keys]\n"task.retry" = "f99"\n', "2: `task.retry`: `f99` is no key, try `f"),
        ('[keys]\n"task.retry" = "strg+r"\n', "2: `task.retry`: `strg+r` is no key"),
        ('[keys]\n"task.retry" = "j"\n', "2: `task.retry`: `j` moves about"),
        ('[keys]\n"task.retry" = "s"\n', "2: `task.retry`: s is the key of task.skip already"),
        ('[kyes]\n"task.retry" = "x"\n', "1: unknown key `kyes`; expected [keys]"),
        ("keys = 5\n", "1: [keys] must be a table"),
        ("[keys\n", "1: "),
        ('[keys]\n"task.retry" = ["1", "2", "3", "4", "5"]\n', "2: `task.retry`: at most 4 keys"),
    ],
)
def test_a_fault_is_named_with_its_line_and_the_rest_holds(
    tmp_path: Path, text: str, told: str
) -> None:
    file = written(tmp_path, text)
    keys, (problem,) = load_keys(file)
    assert problem.startswith(f"{file}:")
    assert told in problem.removeprefix(f"{file}:")
    assert keys == KEYS


def test_what_is_right_beside_a_fault_holds(tmp_path: Path) -> None:
    file = written(tmp_path, '[keys]\n"task.retry" = "s"\n"run.end" = "f10"\n')
    keys, problems = load_keys(file)
    assert len(problems) == 1
    assert {key.id for key in keys if key not in KEYS} == {"run.end"}


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_bytes(b"[keys]\n\xff\xfe")
    assert load_keys(file) == (KEYS, [f"{file}:2: is not UTF-8 text"])


async def test_the_deck_heeds_them(tmp_path: Path) -> None:
    """The new key acts, the old one does not; footer and help show the new one; a fault is told."""
    file = written(
        tmp_path, '[keys]\n"run.pause" = "f9"\n"deck.help" = "f2"\n"task.retry" = "nokey"\n'
    )
    story, source = middle(), FixedSource()
    folder = write_run(story, tmp_path)
    clock = Clock(story.history[-1].at)
    app = DeckApp(folder, source, clock=clock, preload=story.history, keys_file=file)
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await pilot.pause()
        told = [notification.message for notification in app._notifications]
        assert len(told) == 1
        assert told[0].startswith(f"{file}:4: `task.retry`: `nokey` is no key")
        await pilot.press("P")
        assert source.sent == []
        await pilot.press("f9")
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "commands"])
        assert source.sent == [c.Pause()]
        assert "F2 help" in _text(app)
        app.room.select(TaskId("S-4"))
        await pilot.press("r")  # the key of the row that was left out is what it was
        await pilot.pause()
        assert source.sent[-1] == c.Retry(TaskId("S-4"))
        page = "\n".join(text_of(line) for line in help_lines(app.room.context, 100))
        assert "F9     pause run" in page
        await pilot.press("f2")
        await pilot.pause()
        assert isinstance(app.screen, HelpScreen)
