"""A log that is gone through: find, filter, kinds, times, wrap, folds, copy, each by its key.

What is searched is a real file, in a real process.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.tui.sample_journal import STARTED_AT, Story, middle, write_run
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare
from textual.pilot import Pilot
from textual.widgets import Input

from agentdeck.engine.folders import RunFolder
from agentdeck.tui.snapshot import draw
from agentdeck.tui.widgets.key_bar import key_pieces
from agentdeck.tui.widgets.log_foot import LogFoot
from agentdeck.tui.widgets.log_reader import LogReader

BEGAN = STARTED_AT + 2400.0


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(BEGAN + seconds, UTC).isoformat()


def said(at: float, text: str) -> dict[str, object]:
    content = [{"type": "text", "text": text}]
    return {"type": "assistant", "timestamp": stamp(at), "message": {"content": content}}


def used(at: float, call: str, name: str, **given: object) -> dict[str, object]:
    content = [{"type": "tool_use", "id": call, "name": name, "input": given}]
    return {"type": "assistant", "timestamp": stamp(at), "message": {"content": content}}


def gave(at: float, call: str, text: str, *, bad: bool = False) -> dict[str, object]:
    content = [{"type": "tool_result", "tool_use_id": call, "content": text, "is_error": bad}]
    return {"type": "user", "timestamp": stamp(at), "message": {"content": content}}


def a_log() -> list[dict[str, object]]:
    """An hour's work: a hundred steps, each a sentence and a command."""
    lines: list[dict[str, object]] = []
    for n in range(100):
        at = n * 36.0
        lines += [
            said(at, f"Step {n}: I look for the reason, 原因 {n}, and go on from there."),
            used(at + 5, f"t{n}", "Bash", command=f"pytest -q tests/test_{n}.py"),
            gave(at + 9, f"t{n}", f"collected {n} items\n{n} passed\nDeadlock {n}"),
        ]
    lines += [
        used(3600, "e1", "Edit", file_path="api.py", old_string="a = 1\nb", new_string="a = 2\nb"),
        gave(3601, "e1", "The file was updated."),
        used(3602, "e2", "Bash", command="make deploy"),
        gave(3603, "e2", "make: no rule to make target", bad=True),
        said(3610, "All is done (finally)."),
    ]
    return lines


def story() -> Story:
    """The middle of a run that has understood all of the log of S-2."""
    told = middle()
    for at, recorded in enumerate(told.history):
        if getattr(recorded.event, "offset", 0) and getattr(recorded.event, "task", "") == "S-2":
            event = msgspec.structs.replace(recorded.event, offset=10**9)
            told.history[at] = msgspec.structs.replace(recorded, event=event)
    return told


def with_log(told: Story, root: Path, lines: list[dict[str, object]]) -> RunFolder:
    folder = write_run(told, root)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder.attempt(told.state.tasks[T].id, 1) / "raw.log").write_text(text, encoding="utf-8")
    return folder


T = next(task for task in middle().state.tasks if task == "S-2")


class Reading:
    """A deck whose log has the focus."""

    def __init__(self, deck: Room) -> None:
        self.deck = deck

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.deck.press(key)

    async def type(self, sign: str, text: str) -> None:
        await self.deck.press(sign)
        line = self.reader.query_one(Input)
        assert line.has_focus
        line.value = text
        await self.deck.press("enter")

    @property
    def reader(self) -> LogReader:
        return self.deck.app.room.query_one(LogReader)

    @property
    def rows(self) -> list[str]:
        view = self.reader.view
        return [view.render_line(y).text.strip() for y in range(view.size.height)]

    @property
    def here(self) -> str:
        """The row with the cursor."""
        view = self.reader.view
        assert view.here is not None
        return view.render_line(view.here - view.lines_shown.start).text.strip()

    @property
    def foot(self) -> str:
        foot = self.reader.query_one(LogFoot)
        if not foot.display:
            return ""
        return foot.query_one("#log-said").render_line(0).text.strip()


@asynccontextmanager
async def reading(
    tmp_path: Path, size: tuple[int, int] = (120, 36), lines: list[dict[str, object]] | None = None
) -> AsyncIterator[Reading]:
    async with room(tmp_path, story(), size, logs=True) as deck:
        path = deck.app.folder.attempt(T, 1) / "raw.log"
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lines or a_log())
        path.write_text(text, encoding="utf-8")
        await deck.select("S-2")
        await deck.press("2")
        yield Reading(deck)


async def test_find_goes_from_hit_to_hit_and_around_the_ends(tmp_path: Path) -> None:
    """The nearest hit first; n and N step, wrap around, and the foot counts; escape ends it."""
    async with reading(tmp_path) as log:
        await log.type("slash", r"step \d7\b")
        assert "Step 97" in log.here
        assert log.foot.startswith(r"/step \d7\b  9 of 9")
        await log.press("n")
        assert "Step 17" in log.here
        assert "1 of 9" in log.foot
        await log.press("N", "N")
        assert "Step 87" in log.here
        assert "8 of 9" in log.foot
        await log.press("escape")
        assert log.foot == ""
        assert "Step 87" in log.here, "what is read stays"


async def test_small_letters_find_both_and_a_capital_finds_capitals(tmp_path: Path) -> None:
    """Smartcase: `step` finds `Step`, `STEP` does not."""
    async with reading(tmp_path) as log:
        await log.type("slash", "step 3:")
        assert "1 of 1" in log.foot
        await log.type("slash", "STEP 3:")
        assert "not found" in log.foot


async def test_a_text_that_is_wrapped_is_found_as_one(tmp_path: Path) -> None:
    """The words stand on two rows; they are one text."""
    async with reading(tmp_path) as log:
        row = next(row for row in log.rows if "Step 99" in row)
        after = log.rows[log.rows.index(row) + 1]
        await log.type("slash", f"{row.split()[-1]} {after.split()[0]}")
        assert "Step 9" in log.here
        assert "of 100" in log.foot


async def test_what_is_no_expression_is_named_and_found_as_text(tmp_path: Path) -> None:
    """An unclosed parenthesis breaks nothing."""
    async with reading(tmp_path) as log:
        await log.type("slash", "(finally")
        assert "All is done (finally)" in log.here
        assert "as plain text (missing )" in log.foot


async def test_an_expression_that_needs_for_ever_is_given_up(tmp_path: Path) -> None:
    """The deck answers all the while, and says so."""
    lines = [said(0, "a" * 60 + "b")]
    async with reading(tmp_path, lines=lines) as log:
        await log.type("slash", "(a+)+$")
        assert "given up" in log.foot
        await log.type("slash", "a+b")
        assert "1 of 1" in log.foot


async def test_a_filter_shows_only_lines_with_it_and_counts_them(tmp_path: Path) -> None:
    """Of all the log; find works within it; nothing typed shows all again."""
    async with reading(tmp_path) as log:
        await log.type("ampersand", r"pytest.*_\d5\.py")
        assert all("pytest" in row for row in log.rows if row)
        assert "9 lines" in log.foot
        await log.type("slash", "_45")
        assert "test_45" in log.here
        assert "1 of 1" in log.foot
        await log.press("escape")
        await log.type("ampersand", "")
        assert any("All is done" in row for row in log.rows) or "test_45" in log.here
        assert log.foot == ""


async def test_kinds_go_round_and_the_tab_says_which(tmp_path: Path) -> None:
    """All, tools, prose, errors and questions, all."""
    async with reading(tmp_path) as log:
        seen = []
        for _ in range(4):
            await log.press("f")
            seen.append((log.reader.about, [row for row in log.rows if row][-1]))
        assert [about for about, _ in seen] == ["tools", "prose", "errors and asks", ""]
        assert "make" in seen[0][1]
        assert "All is done" in seen[1][1]
        assert "no rule" in seen[2][1]


async def test_times_go_round_and_a_time_is_gone_to(tmp_path: Path) -> None:
    """Times of day, since the attempt began, none; `:` takes a time, a distance or a share."""
    async with reading(tmp_path) as log:
        began = log.reader.look.started_at if log.reader.look else None
        assert began is not None
        assert any(row.startswith("13:40:") or row[2:3] == ":" for row in log.rows if row)
        await log.press("T")
        assert any(row.startswith("+") for row in log.rows)
        await log.press("T")
        assert not any(row[2:3] == ":" or row.startswith("+") for row in log.rows)
        await log.press("T")
        clock = datetime.fromtimestamp(BEGAN + 50 * 36, UTC).strftime("%H:%M:%S")
        await log.type("colon", clock)
        assert "Step 50" in log.here
        await log.type("colon", f"+{int(BEGAN + 20 * 36 - began)}s")
        assert "Step 20" in log.here
        await log.type("colon", "0%")
        assert "Step 0" in log.here
        await log.type("colon", "100%")
        assert log.reader.view.following
        await log.type("colon", "soon")
        assert any("a time is 12:40" in toast for toast in log.deck.toasts)


async def test_without_wrap_a_line_is_one_row_that_slides(tmp_path: Path) -> None:
    """Wide characters stay whole at both edges."""
    async with reading(tmp_path) as log:
        await log.press("W")
        row = next(row for row in log.rows if "Step 99" in row)
        assert row.endswith("…")
        await log.press("right", "right", "right")
        view = log.reader.view
        assert any("go on from there." in row for row in log.rows)
        widths = {view.render_line(y).cell_length for y in range(view.size.height)}
        assert widths == {view.size.width}


async def test_scrolled_back_it_stands_still_and_counts(tmp_path: Path) -> None:
    """G follows again, g goes to the first line."""
    async with reading(tmp_path) as log:
        view = log.reader.view
        await log.press("pageup")
        before = log.rows[:-1]
        with (log.deck.app.folder.attempt(T, 1) / "raw.log").open("a") as file:
            file.writelines(json.dumps(said(4000 + n, f"late {n}")) + "\n" for n in range(37))
        log.reader.tick()
        assert log.rows[:-1] == before
        assert log.rows[-1].endswith("37 new ↓")
        await log.press("G")
        assert view.following
        assert "late 36" in log.rows[-1]
        await log.press("g")
        assert "Step 0" in log.rows[0]


async def test_a_call_unfolds_to_its_change_and_its_output(tmp_path: Path) -> None:
    """Enter, or right and left; Z all of them; the cursor stays on the call."""
    async with reading(tmp_path) as log:
        await log.type("slash", "▸ Edit")
        await log.press("enter")
        text = "\n".join(log.rows)
        assert "│ -a = 1" in text
        assert "│ +a = 2" in text
        assert "│ The file was updated." in text
        assert log.here.split()[1:3] == ["▾", "Edit"]
        await log.press("left")
        assert "│ +a = 2" not in "\n".join(log.rows)
        await log.press("right")
        assert "│ +a = 2" in "\n".join(log.rows)
        await log.press("enter", "escape", "G", "Z")
        assert "│ Deadlock 99" in "\n".join(log.rows)
        await log.press("Z")
        assert "│" not in "\n".join(log.rows)


async def test_json_of_the_raw_log_is_made_pretty(tmp_path: Path) -> None:
    """One line over several rows, and back."""
    async with reading(tmp_path) as log:
        await log.press("v", "enter")
        assert any('│ "type": "assistant",' in " ".join(row.split()) for row in log.rows)
        await log.press("enter")
        assert not any("│" in row for row in log.rows)


async def test_lines_are_copied_and_it_is_said_what(tmp_path: Path) -> None:
    """Key y: the line, whole though it is wrapped. Y: those on the screen that have it."""
    async with reading(tmp_path) as log:
        await log.type("slash", "step 99")
        await log.press("y")
        copied = log.deck.app.clipboard.replace("\n", " ")
        assert "Step 99: I look for the reason, 原因 99, and go on from there." in copied
        assert any("Copied the line" in toast for toast in log.deck.toasts)
        await log.type("slash", r"pytest.*_9[89]")
        await log.press("Y")
        assert log.deck.app.clipboard.count("pytest -q tests/test_9") == 2
        assert any("2 lines on the screen with" in toast for toast in log.deck.toasts)


async def test_a_very_long_line_is_copied_in_part_and_that_is_said(tmp_path: Path) -> None:
    """The raw line has 200,000 letters; as many as a terminal takes are copied."""
    async with reading(tmp_path, lines=[said(0, "x" * 200_000), said(1, "end")]) as log:
        await log.press("v", "k", "y")
        assert len(log.deck.app.clipboard) == 65_536
        assert any("Copied the first 65,536 of" in toast for toast in log.deck.toasts)


async def test_keys_of_the_log_hold_only_there(tmp_path: Path) -> None:
    """In the plan the footer has none of them, and / finds tasks as ever."""
    async with reading(tmp_path) as log:
        app = log.deck.app
        assert "log.find" in [key.id for key, _ in key_pieces(app.room.context, 110)]
        await log.press("1")
        assert "log.find" not in [key.id for key, _ in key_pieces(app.room.context, 110)]
        await log.press("slash")
        assert app.screen is not app.room
        await log.press("escape")
        app.press("log.find")
        await log.deck.pilot.pause()
        await log.deck.pilot.pause()
        assert log.reader.query_one(LogFoot).asks


PICTURES = {
    "find": ("slash", r"step 9\d", ""),
    "typing": ("slash", "(ste", None),
    "filter": ("ampersand", "deploy|pytest.*_9", ""),
    "unfolded": ("slash", "▸ Edit", "enter"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PICTURES)
async def test_pictures_of_a_log_that_is_searched(tmp_path: Path, size: str, name: str) -> None:
    """You should see: *find* hits on a coloured ground, the cursor on one, "of 10" at the foot;
    *typing* "(ste" behind a slash, and that it is plain text; *filter* only calls, "12 lines";
    *unfolded* below Edit a red and a green line and its output, behind a bar.
    """
    sign, text, then = PICTURES[name]

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press(sign)
        pilot.app.screen.query_one("#log-input", Input).value = text
        await pilot.pause()
        for key in ("enter", then) if then else ("enter",) if then == "" else ():
            await pilot.press(key)
            await pilot.pause()
            await pilot.app.workers.wait_for_complete()

    told = story()
    folder = with_log(told, tmp_path, a_log())
    how = {"screen": "log", "selected": "S-2", "steps": steps}
    picture = await draw(folder, told.history, size=SIZES[size], **how)  # type: ignore[arg-type]
    compare(f"log-{name}-{size}.svg", picture)


async def test_a_searched_log_in_ascii(tmp_path: Path) -> None:
    """You should see the same with ASCII signs only, but for the log's own characters."""

    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("slash")
        pilot.app.screen.query_one("#log-input", Input).value = "edit"
        for key in ("enter", "enter"):
            await pilot.press(key)
            await pilot.pause()
            await pilot.app.workers.wait_for_complete()

    told = story()
    folder = with_log(told, tmp_path, a_log())
    how = {"screen": "log", "selected": "S-2", "steps": steps, "ascii_only": True}
    picture = await draw(folder, told.history, size=(120, 36), kind=".txt", **how)  # type: ignore[arg-type]
    assert {char for char in picture if not char.isascii()} <= set("原因")
    compare("log-find-ascii.txt", picture)
