"""Pictures of the control room, compared byte by byte with the ones in `snapshots/`.

Each docstring says what you should see. After a change that is meant to be seen, look at the new
pictures, then keep them: `DECK_KEEP_PICTURES=1 pytest tests/tui/test_room_pictures.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.tui.sample_journal import (
    LONG_ID,
    Story,
    awkward,
    begun,
    finished,
    large,
    limited,
    middle,
    overspent,
    write_run,
)

from agentdeck.core.errors import DeckError, UsageError
from agentdeck.tui.snapshot import draw, write_snapshot

KEPT = Path(__file__).with_name("snapshots")
SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x60": (200, 60)}


def compare(name: str, picture: str) -> None:
    kept = KEPT / name
    # the fixture of all tests removes TEXTUAL_ and AGENTDECK_ variables, not this one
    if os.environ.get("DECK_KEEP_PICTURES"):
        KEPT.mkdir(exist_ok=True)
        kept.write_text(picture, encoding="utf-8")
    assert kept.is_file(), f"no picture {name} is kept yet"
    assert picture == kept.read_text(encoding="utf-8"), f"{name} looks different"


async def take(tmp_path: Path, story: Story, size: str, kind: str = ".txt", **how: object) -> str:
    folder = write_run(story, tmp_path)
    return await draw(folder, story.history, size=SIZES[size], kind=kind, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
async def test_the_middle_of_a_run(tmp_path: Path, size: str) -> None:
    """You should see "3 need you" first, the graph with S-3 (asks) chosen and its kin lit, S-4 red
    as failed, W-2 and W-5 blocked, and S-3's question below the graph. 80x24: one pane below a row
    of tabs. 120x36: four panes. 200x60: four tails of logs beside the queue.
    """
    compare(f"middle-{size}.svg", await take(tmp_path, middle(), size, ".svg"))


SCREENS = [
    ("outline", None),
    ("log", "S-2"),
    ("gates", "S-5"),
    ("brief", "W-2"),
    ("history", "S-4"),
    ("agents", None),
    ("queue", None),
    ("help", "S-4"),
    ("palette", "S-4"),
    ("themes", None),
    ("skip", "S-4"),
    ("budget", "S-2"),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("screen", "selected"), SCREENS)
async def test_every_screen(tmp_path: Path, size: str, screen: str, selected: str | None) -> None:
    """You should see: *outline* phases with counts and a row a task; *log* tools as one line each
    and prose wrapped; *gates* unit passed and e2e open for S-5; *brief* that W-2 waits for S-4;
    *history* two attempts of S-4 with their cost; *agents*, *queue* these panes in front; *help*
    keys by group, dim ones with "not now"; *palette*, *themes*, *skip*, *budget* a dialog over the
    room.
    """
    picture = await take(tmp_path, middle(), size, screen=screen, selected=selected)
    compare(f"{screen}-{size}.txt", picture)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", ["main", "budget"])
async def test_a_run_that_has_used_up_its_budget(tmp_path: Path, size: str, screen: str) -> None:
    """You should see "budget used up ($)" first, loud, "$3.04 of $3" in red (not at 80x24), agents
    that stand still and why; in the dialog the run's budget marked, that of a phase below it.
    """
    picture = await take(tmp_path, overspent(), size, ".svg", screen=screen, selected="S-2")
    compare(f"overspent-{screen}-{size}.svg", picture)


STORIES: list[tuple[str, Callable[[], Story]]] = [
    ("begun", begun),
    ("finished", finished),
    ("large", large),
    ("awkward", awkward),
    ("limited", limited),
    ("closed", lambda: limited(closed=True)),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "story"), STORIES)
async def test_other_runs(tmp_path: Path, size: str, name: str, story: Callable[[], Story]) -> None:
    """You should see: *begun* panes that say what will appear in them; *finished* "complete" and
    how long it took; *large* an outline of 200 tasks; *awkward* whole borders in spite of long,
    wide and hostile names; *limited* the account with a countdown, at the top and above the agents;
    *closed* that the account needs you.
    """
    compare(f"{name}-{size}.txt", await take(tmp_path, story(), size))


@pytest.mark.parametrize("size", SIZES)
async def test_ids_are_never_cut(tmp_path: Path, size: str) -> None:
    """You should see all 64 characters of the first task's id in the outline.

    At 120x36 the plan has 53 cells, fewer than the id: there alone it is cut, with `…`.
    """
    picture = await take(tmp_path, awkward(), size, screen="outline", selected=LONG_ID)
    rows = picture.splitlines()
    if size != "120x36":
        assert any(LONG_ID in row for row in rows)
    compare(f"long-id-{size}.txt", picture)


@pytest.mark.parametrize("theme", ["deck-light", "deck-okabe-ito", "deck-high-contrast"])
async def test_themes(tmp_path: Path, theme: str) -> None:
    """You should see the same room in other colours, each state in its own."""
    compare(f"{theme}.svg", await take(tmp_path, middle(), "120x36", ".svg", theme=theme))


async def test_ascii(tmp_path: Path) -> None:
    """You should see no character beyond ASCII: every sign has one of its own."""
    picture = await take(tmp_path, middle(), "120x36", ascii_only=True)
    assert picture.isascii(), sorted({char for char in picture if not char.isascii()})
    compare("ascii.txt", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_no_run_at_all(tmp_path: Path, size: str) -> None:
    """You should see a deck that waits for the engine, and no error."""
    picture = await draw(write_run(begun(), tmp_path), [], size=SIZES[size], kind=".txt")
    assert "waits for the engine" in picture
    compare(f"nothing-{size}.txt", picture)


@pytest.mark.parametrize("story", [middle, awkward, large])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", ["main", "outline", "queue", "history"])
async def test_rows_are_as_wide_as_the_screen(
    tmp_path: Path, story: Callable[[], Story], size: str, screen: str
) -> None:
    """No row is wider than the terminal, so no border can be pushed out of its place."""
    picture = await take(tmp_path, story(), size, screen=screen)
    width, height = SIZES[size]
    rows = picture.splitlines()
    assert len(rows) == height
    assert all(cell_len(row) <= width for row in rows)


def test_a_snapshot_is_written_from_a_journal_and_repeats(tmp_path: Path) -> None:
    """Twice the same bytes; an earlier event gives an earlier picture."""
    folder = write_run(middle(), tmp_path)
    first, second, early = (tmp_path / name for name in ("a.svg", "b.svg", "early.txt"))
    for out in (first, second):
        write_snapshot(folder, size=(120, 36), out=out, at=None)
    assert first.read_bytes() == second.read_bytes()
    write_snapshot(folder, size=(120, 36), out=early, at=2)
    assert "0/17" in early.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "screen", "at"),
    [("a.gif", "main", None), ("a.svg", "moon", None), ("a.svg", "main", 9_999)],
)
def test_a_snapshot_that_cannot_be_says_why(
    tmp_path: Path, name: str, screen: str, at: int | None
) -> None:
    folder = write_run(begun(), tmp_path)
    with pytest.raises(DeckError) as found:
        write_snapshot(folder, size=(80, 24), out=tmp_path / name, at=at, screen=screen)
    assert isinstance(found.value, UsageError) or "9999" in found.value.message
