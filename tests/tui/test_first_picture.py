"""The first picture of a run needs little: what most people never open is imported when it is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tui.sample_journal import STARTED_AT, middle, write_run

from agentdeck.core.state import LIVE
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock
from agentdeck.tui.snapshot import FixedSource
from agentdeck.tui.widgets.tails_pane import Tile

# As `agentdeck attach` comes to the room, with a clock that stands: then nothing is measured and
# nothing is forecast beside the screen, however slow the machine is.
SHOW = """
import asyncio, sys
from pathlib import Path
import agentdeck.cli.app, agentdeck.cli.room, agentdeck.control.start
from agentdeck.control.runs import RunFolder, beginning
from agentdeck.control.source import open_source
from agentdeck.core.state import LIVE
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock

folder = RunFolder(Path(sys.argv[1]))
known = beginning(folder)
app = DeckApp(folder, open_source(folder, live=False), begin=known.state, preload=known.rest,
              past=known.last, clock=Clock(known.rest[-1].at))

async def show():
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        strips = app.screen._compositor.render_strips()
        assert any("CORE-001" in strip.text for strip in strips)
        print(*sys.modules, sep="\\n")

asyncio.run(show())
"""
# What a foreign module is for, where it is used.
HEAVY = {
    "acp", "git", "httpx", "hypothesis", "logging.handlers", "markdown_it", "multiprocessing",
    "networkx", "psutil", "pydantic", "rich.markdown", "rich.syntax", "tomli_w", "typer", "xml",
    "yaml",
}  # fmt: skip
# Of the engine a face needs the journal; of its own screens the room.
ENGINE = {"checkpoint_file", "failpoint_places", "folders", "journal", "journal_mark"}
ENGINE |= {"plain_files", "private_files"}  # how each of these opens and makes files
ENGINE |= {"environment", "known_secrets", "redaction"}  # no secret gets from a log onto the screen
SCREENS = {"full_screen", "room"}
UNOPENED = (
    *("agentdeck.plans.editing", "agentdeck.plans.imports", "agentdeck.plans.quick_add"),
    *("agentdeck.plans.lint", "agentdeck.plans.reader", "agentdeck.plans.writeback"),
    *("agentdeck.control.conflict", "agentdeck.control.search", "agentdeck.control.catalog"),
    *("agentdeck.tui.questions", "agentdeck.tui.asking", "agentdeck.tui.by_hand"),
    *("agentdeck.tui.bulk", "agentdeck.tui.brief_editing", "agentdeck.tui.recalling"),
    *(f"agentdeck.agents.{of}" for of in ("acp", "aider", "codex", "gemini", "opencode", "mini")),
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that are there when the room of a run in the middle stands on the screen."""
    folder = write_run(middle(), tmp_path_factory.mktemp("runs"))
    argv = [sys.executable, "-c", SHOW, str(folder.path)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_nothing_heavy_of_others(loaded: set[str]) -> None:
    assert "textual.app" in loaded
    assert not {name for name in loaded if name in HEAVY or name.split(".")[0] in HEAVY}


def test_of_the_engine_only_the_journal_and_what_is_secret(loaded: set[str]) -> None:
    """What an engine does with git and processes is no part of looking at it."""
    assert below(loaded, "agentdeck.engine") <= ENGINE


def test_of_the_screens_only_the_room(loaded: set[str]) -> None:
    assert below(loaded, "agentdeck.tui.screens") <= SCREENS


@pytest.mark.parametrize("name", UNOPENED)
def test_what_nobody_has_opened_is_not_there(loaded: set[str], name: str) -> None:
    assert not {each for each in loaded if each == name or each.startswith(f"{name}.")}


def test_what_makes_forecasts_comes_with_the_first_one() -> None:
    """It is made beside the screen, a second later."""
    say = "import sys, agentdeck.tui.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    assert "agentdeck.tui.forecasting" in found
    later = ("core.timetable", "plans.forecast.monte_carlo", "plans.forecast.outlook")
    assert not {f"agentdeck.{name}" for name in later} & found


def below(loaded: set[str], package: str) -> set[str]:
    return {name.removeprefix(f"{package}.") for name in loaded if name.startswith(f"{package}.")}


def test_the_table_of_what_is_not_opened_is_true() -> None:
    """A name that there is not would be missed for ever."""
    root = Path(__file__).parents[2] / "src"
    for name in UNOPENED:
        path = root / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


@pytest.mark.parametrize("size", [(120, 36), (200, 60)])
async def test_tails_of_logs_are_made_where_there_is_room(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """You should see none on a small screen, and all on one that is large or becomes so."""
    story = middle()
    app = DeckApp(
        write_run(story, tmp_path),
        FixedSource(),
        preload=story.history,
        clock=Clock(STARTED_AT + story.at),
        theme_folders=(),
        keys_file=tmp_path,
    )
    live = sum(task.state in LIVE for task in story.state.tasks.values())
    async with app.run_test(size=size) as pilot:
        assert len(app.room.query(Tile)) == (4 if size[0] > 160 else 0)
        await pilot.resize_terminal(200, 60)
        async with asyncio.timeout(60):
            while sum(tile._source is not None for tile in app.room.query(Tile)) < live:
                await pilot.pause(0.01)
                app.draw()
        assert sum(tile.display for tile in app.room.query(Tile)) == live > 0
        await pilot.resize_terminal(80, 24)
        await pilot.resize_terminal(200, 60)
        assert len(app.room.query(Tile)) == 4
