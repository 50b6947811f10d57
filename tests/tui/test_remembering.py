"""The layout as it was left: where it is kept, what of it comes back, and what cannot harm."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest
from tests.tui.sample_journal import Story, middle, write_run

from agentdeck.control.kept_layouts import MAX_LAYOUTS, layout_file, read_layout, write_layout
from agentdeck.tui import layout as layouts
from agentdeck.tui.app import DeckApp
from agentdeck.tui.layout import BadLayoutError, Layout, LogHabits
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.plan_view import PlanView
from agentdeck.tui.remembering import PANES, Remembering, remembered
from agentdeck.tui.screens import room
from agentdeck.tui.snapshot import FixedSource
from agentdeck.tui.widgets.plan_pane import PlanPane
from agentdeck.tui.widgets.task_pane import TABS, TaskPane

REPO = "/repo/.git"  # of the sample journal
ANOTHER = Layout(
    theme="deck-light",
    view=PlanView.OUTLINE,
    folded=("streams",),
    tab="gates",
    raw=True,
    log=LogHabits("tools", "off", wrap=False, wrap_raw=True),
    pane="queue",
    zoomed=True,
)


def deck(folder: Path, story: Story | None = None, settings: Path | None = None) -> DeckApp:
    story = story or middle()
    run = write_run(story, folder, logs=False)
    return DeckApp(
        run,
        FixedSource(),
        clock=Clock(story.history[-1].at),
        preload=story.history,
        remembering=Remembering(REPO),
        settings_file=settings,
    )


def kept() -> Layout:
    data = read_layout(REPO)
    assert data is not None
    return layouts.read(data, tabs=TABS, panes=PANES)


def test_a_layout_survives_its_file() -> None:
    """Everything that is kept comes back; the panes are those of the room."""
    found = layouts.read(layouts.write(ANOTHER), tabs=TABS, panes=PANES)
    assert found == ANOTHER
    assert room.PANES == PANES
    assert layouts.read(layouts.write(Layout()), tabs=TABS, panes=PANES) == Layout()


def test_a_file_is_its_owners_alone_and_old_ones_go() -> None:
    """Of more repositories than are kept the one that was not opened for the longest goes."""
    for number in range(MAX_LAYOUTS):
        write_layout(f"/repo/{number}", b"{}")
        os.utime(layout_file(f"/repo/{number}"), (number, number))
    write_layout("/repo/new", b"{}")
    assert read_layout("/repo/0") is None
    assert read_layout("/repo/1") == b"{}"
    assert read_layout("/repo/new") == b"{}"
    file = layout_file("/repo/new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(list(file.parent.iterdir())) == MAX_LAYOUTS


async def test_the_deck_opens_as_it_was_left(tmp_path: Path) -> None:
    """Keys change the layout, q leaves, and the next deck of the repository looks the same."""
    app = deck(tmp_path / "one")
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("g", "F", "l", "right_square_bracket", "4", "z")
        app.use_theme("deck-light")
        await pilot.pause()
        await pilot.press("q")
    found = kept()
    assert (found.view, found.pane, found.zoomed) == (PlanView.OUTLINE, "queue", True)
    assert found.theme == "deck-light"
    assert found.tab == "diff"
    assert found.folded
    again = deck(tmp_path / "two")
    async with again.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert again.theme == "deck-light"
        assert again.room.query_one(PlanPane).shown is PlanView.OUTLINE
        assert again.room.query_one(PlanPane).folded == frozenset(found.folded)
        assert again.room.query_one(TaskPane).tab == "diff"
        assert again.room.focused is not None
        assert again.room.focused.id == "queue-rows"
        assert not again.room.query_one(PlanPane).display


async def test_a_change_is_kept_once_it_stays(tmp_path: Path) -> None:
    """A look a second: what changed since the look before is not written yet."""
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        keeping = app.remembering
        assert keeping is not None
        app.room.query_one(TaskPane).reader.habits = ANOTHER.log
        keeping.tick(app)
        await pilot.pause()
        assert read_layout(REPO) is None
        keeping.tick(app)
        await app.workers.wait_for_complete()
        assert kept().log == ANOTHER.log


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"{}",
        b'{"v": 1, "tab": "nonsense"}',
        b'{"v": 1, "view": "sphere"}',
        b'{"v": 1, "folded": ' + msgspec.json.encode(["x"] * 1_000) + b"}",
        b"[" * 60_000,
    ],
    ids=["empty", "cut", "no text", "no version", "tab", "view", "too many", "deep"],
)
def test_a_damaged_file_is_no_layout(data: bytes) -> None:
    with pytest.raises(BadLayoutError):
        layouts.read(data, tabs=TABS, panes=PANES)


async def test_a_damaged_file_is_told_and_written_over(tmp_path: Path) -> None:
    write_layout(REPO, b"{" * 100_000)
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert [note.severity for note in app._notifications] == ["warning"]
        await pilot.press("1", "g", "q")
    assert kept().view is not None


async def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    data = b'{"v": 2, "more": [1]}'
    write_layout(REPO, data)
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("g", "q")
        assert "version 2" in app.remembering.problem  # type: ignore[union-attr]
    assert read_layout(REPO) == data


async def test_a_theme_that_is_gone_is_named_and_the_decks_own_is_shown(tmp_path: Path) -> None:
    write_layout(REPO, layouts.write(Layout(theme="nowhere")))
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert app.theme == "deck-dark"
        assert any("nowhere" in note.message for note in app._notifications)


async def test_who_does_not_want_it_gets_the_layout_as_shipped(tmp_path: Path) -> None:
    """`remember = false`: nothing is read, nothing is written."""
    settings = tmp_path / "deck.toml"
    settings.write_text("[deck]\nremember = false\n")
    write_layout(REPO, layouts.write(ANOTHER))
    app = deck(tmp_path, settings=settings)
    async with app.run_test(size=(120, 36)) as pilot:
        assert app.room.query_one(TaskPane).tab == "log"
        await pilot.press("d", "q")
    assert kept() == ANOTHER


def test_a_repository_is_that_of_the_run(tmp_path: Path) -> None:
    write_layout(REPO, layouts.write(ANOTHER))
    found = remembered(write_run(middle(), tmp_path, logs=False))
    assert found is not None
    assert found.theme == "deck-light"
