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
from tests.tui.load_story import far_away
from tests.tui.sample_journal import (
    LONG_ID,
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
from textual.pilot import Pilot
from textual.widgets import Input

from agentdeck.core import events as e
from agentdeck.core.errors import DeckError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.tui.app import DeckApp
from agentdeck.tui.snapshot import _go, _text, draw, write_snapshot

KEPT = Path(__file__).with_name("snapshots")
SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x60": (200, 60)}


def compare(name: str, picture: str) -> None:
    kept = KEPT / name
    # the fixture of all tests removes TEXTUAL_ and AGENTDECK_ variables, not this one
    if os.environ.get("DECK_KEEP_PICTURES"):
        KEPT.mkdir(exist_ok=True)
        kept.write_text(picture, encoding="utf-8")
    assert kept.is_file(), f"no picture {name} is kept yet"
    same = picture == kept.read_text(encoding="utf-8")  # a diff of two such lines takes minutes
    wrong = os.environ.get("DECK_WRONG_PICTURES")
    if wrong and not same:
        (Path(wrong) / name).write_text(picture, encoding="utf-8")
    assert same, f"{name} looks different"


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


async def test_a_cursor_is_lit_however_long_a_drawing_takes(tmp_path: Path) -> None:
    """You should see the same dialog as ever, though the cursor was dark just before."""

    async def blink(pilot: Pilot[None]) -> None:
        pilot.app.screen.query_one(Input)._cursor_visible = False

    how = {"screen": "budget", "selected": "S-2", "steps": blink}
    picture = await take(tmp_path, overspent(), "80x24", ".svg", **how)
    compare("overspent-budget-80x24.svg", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_a_task_in_a_persons_hands(tmp_path: Path, size: str) -> None:
    """You should see S-1 with the sign of a person's hands, "1 by hand" at the top, and a dialog
    with three choices of which "Keep it" is marked; "O hand back" among the keys below.
    """
    told = by_hand()
    compare(
        f"hand-back-{size}.svg",
        await take(tmp_path, told, size, ".svg", screen="hand-back", selected="S-1"),
    )


@pytest.mark.parametrize("size", SIZES)
async def test_a_permission_is_asked_for(tmp_path: Path, size: str) -> None:
    r"""You should see who asks, "Bash" loud, the command whole with `$` and `>`, what is unseen in
    it as `\u202e` and `\x1b` (loud), that no rule decides it, what would be remembered, and five
    answers with their keys; "2 more" in the title.
    """
    picture = await take(tmp_path, asking(), size, ".svg", screen="answer", selected="S-3")
    compare(f"permission-{size}.svg", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_an_edit_with_answers_of_the_agents_own(tmp_path: Path, size: str) -> None:
    """You should see the path, a line that goes (red), one that comes (green), and below the five
    keys the agent's own three answers with digits. 80x24: the change scrolls, all answers are seen.
    """
    told = asking()
    told.tell(e.AskWithdrawn(TaskId("S-3"), 1, "p1"))
    picture = await take(tmp_path, told, size, ".svg", screen="answer", selected="S-3")
    compare(f"permission-edit-{size}.svg", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_a_denial_with_words(tmp_path: Path, size: str) -> None:
    """You should see a line for the reason in the place of the answers, and what enter does."""

    async def deny(pilot: Pilot[None]) -> None:
        await pilot.press("n")

    told = asking()
    picture = await take(tmp_path, told, size, screen="answer", selected="S-3", steps=deny)
    compare(f"permission-denied-{size}.txt", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_a_question_with_answers(tmp_path: Path, size: str) -> None:
    """You should see the question, its two answers, and a line for other words."""
    told = asking()
    for name in ("p1", "p2"):
        told.tell(e.AskWithdrawn(TaskId("S-3"), 1, name))
    picture = await take(tmp_path, told, size, screen="answer", selected="S-3")
    compare(f"question-{size}.txt", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_the_wait_for_an_agent_to_end(tmp_path: Path, size: str) -> None:
    """You should see that claude is told to end its turn, how long that may take, and the way out;
    below it "kim takes it over" (not at 80x24).
    """

    async def open_it(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, DeckApp)
        app.by_hand.wait(TaskId("S-2"))
        await pilot.pause()

    picture = await take(tmp_path, by_hand(), size, ".svg", selected="S-2", steps=open_it)
    compare(f"take-over-{size}.svg", picture)


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
@pytest.mark.parametrize("screen", ["brief", "history"])
async def test_a_task_on_another_machine(tmp_path: Path, size: str, screen: str) -> None:
    """You should see the machine's name, build-7.example: in the frame of the task (not at 120x36,
    which has no room for it), in *brief* in the sentence on why, at 200x60 also beside "worker",
    and in *history* as "on worker" below the attempt.
    """
    drawn = await take(tmp_path, far_away(), size, ".svg", screen=screen, selected="F-1")
    compare(f"far-{screen}-{size}.svg", drawn)


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


@pytest.mark.parametrize(
    "theme",
    ["deck-light", "deck-okabe-ito", "deck-tol", "deck-high-contrast", "deck-high-contrast-light"],
)
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
async def test_rows_are_as_wide_as_the_screen(
    tmp_path: Path, story: Callable[[], Story], size: str
) -> None:
    """No row is wider than the terminal, so no border can be pushed out of its place."""
    width, height = SIZES[size]
    seen = set()

    async def look_around(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, DeckApp)
        for screen in ("main", "outline", "queue", "history"):
            await _go(app, pilot, screen)
            picture = _text(app)
            rows = picture.splitlines()
            assert len(rows) == height, screen
            assert all(cell_len(row) <= width for row in rows), screen
            seen.add(picture)

    await take(tmp_path, story(), size, steps=look_around)
    assert len(seen) >= 3  # where all panes are seen, one comes in front without a change


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
