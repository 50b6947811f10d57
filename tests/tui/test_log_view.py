"""The log view: follows, stands still when asked to, counts, and survives any line."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult

from agentdeck.control.logtail import LogTail
from agentdeck.tui.presentation.log_drawing import LogDrawing
from agentdeck.tui.presentation.log_rows import EachLine, LogLook
from agentdeck.tui.presentation.log_source import Line, ListSource
from agentdeck.tui.presentation.rendered_source import RenderedSource
from agentdeck.tui.roles import Roles
from agentdeck.tui.widgets.log_view import LogView

HEIGHT = 6


class LogApp(App[None]):
    def __init__(self, view: LogView) -> None:
        super().__init__()
        self.view = view
        self.follow: list[bool] = []

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    def on_log_view_follow_changed(self, message: LogView.FollowChanged) -> None:
        self.follow.append(message.following)


class CountingSource(ListSource):
    """Notes which lines were asked for."""

    def __init__(self, lines: list[Line]) -> None:
        super().__init__(lines)
        self.asked: list[tuple[int, int]] = []

    def lines(self, start: int, stop: int) -> list[Line]:
        self.asked.append((start, stop))
        return list(super().lines(start, stop))


def numbered(count: int) -> list[Line]:
    return [b"line %d" % n for n in range(count)]


def shown(view: LogView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def trimmed(view: LogView) -> list[str]:
    return [row.strip() for row in shown(view)]


SIZE = (30, HEIGHT)


async def test_it_follows_the_end() -> None:
    source = ListSource(numbered(50))
    view = LogView(source)
    async with LogApp(view).run_test(size=SIZE):
        assert shown(view) == [f"line {n}" for n in range(44, 50)]
        source.append(b"line 50")
        assert view.tick()
        assert shown(view)[-1] == "line 50"
        assert not view.tick(), "nothing new, so nothing is drawn"


async def test_scrolled_back_nothing_moves_and_new_lines_are_counted() -> None:
    """Following never steals the position; `end` follows again."""
    source = ListSource(numbered(50))
    view = LogView(source)
    app = LogApp(view)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("pageup")
        before = shown(view)
        assert before[0] == "line 39"
        for n in range(1200):
            source.append(b"new %d" % n)
        view.tick()
        assert shown(view)[:-1] == before[:-1]
        assert shown(view)[-1].endswith(" 1,200 new ↓")
        await pilot.press("end")
        assert shown(view)[-1] == "new 1199"
        assert app.follow == [False, True]


async def test_paging_down_to_the_end_follows_again() -> None:
    view = LogView(ListSource(numbered(20)))
    app = LogApp(view)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("home")
        assert shown(view)[0] == "line 0"
        assert app.follow == [False]
        await pilot.press("pagedown", "pagedown", "pagedown")
        assert app.follow == [False, True]
        assert shown(view)[-1] == "line 19"


async def test_a_log_that_fits_on_the_screen_always_follows() -> None:
    """There is nowhere to scroll to, so no key leaves the end by mistake."""
    source = ListSource(numbered(3))
    view = LogView(source)
    async with LogApp(view).run_test(size=SIZE) as pilot:
        await pilot.press("home", "up", "pageup")
        assert view.following
        assert [row for row in shown(view) if row] == ["line 0", "line 1", "line 2"]


async def test_only_visible_lines_are_asked_for() -> None:
    source = CountingSource(numbered(5000))
    view = LogView(source)
    async with LogApp(view).run_test(size=SIZE) as pilot:
        await pilot.press("pageup", "up", "home", "end")
    assert source.asked
    assert all(stop - start <= HEIGHT for start, stop in source.asked)


async def test_a_line_that_stays_is_not_drawn_again() -> None:
    """Rows are kept by raw line, so a quiet log costs nothing."""
    source = ListSource(numbered(50))
    view = LogView(source)
    async with LogApp(view).run_test(size=SIZE):
        kept = view.render_line(3)
        source.append(b"line 50")
        view.tick()
        assert view.render_line(2) is kept


async def test_wide_hostile_and_coloured_lines_keep_the_width() -> None:
    """Every row is exactly as wide as the view; escape sequences are gone, colours are not."""
    lines: list[Line] = [
        "日本語".encode() * 20,
        b"\x1b[31mred\x1b[0m \x1b[2J\x07plain",
        b"x" * 500_000,
        Text("two\nlines " * 9, style="bold"),
        "👩‍💻 emoji".encode(),
    ]
    view = LogView(ListSource(lines))
    async with LogApp(view).run_test(size=SIZE):
        strips = [view.render_line(y) for y in range(HEIGHT)]
        assert {strip.cell_length for strip in strips} == {30}
        assert strips[1].text.rstrip() == "red plain"
        colour = next(s.style.color for s in strips[1] if s.text == "red" and s.style)
        assert colour is not None
        assert strips[2].text.endswith("…")


async def test_long_lines_can_be_shifted_sideways() -> None:
    view = LogView(ListSource([b"abcdefgh" + b"-" * 30 + b"the end"]))
    async with LogApp(view).run_test(size=SIZE) as pilot:
        await pilot.press("right", "right")
        assert shown(view)[0].endswith("the end")
        await pilot.press("left", "left", "left")
        assert shown(view)[0].startswith("abc")


async def test_an_empty_view_says_what_will_appear() -> None:
    view = LogView(placeholder="The log appears here once the task works.")
    async with LogApp(view).run_test(size=(60, HEIGHT)) as pilot:
        assert shown(view)[0] == "The log appears here once the task works."
        view.set_source(ListSource([b"first"]))
        await pilot.pause()
        assert shown(view)[0] == "first"


async def test_the_wheel_scrolls_back_and_a_resize_keeps_the_place() -> None:
    view = LogView(ListSource(numbered(100)))
    async with LogApp(view).run_test(size=SIZE) as pilot:
        wheel = events.MouseScrollUp(view, 1, 1, 0, -1, 0, False, False, False)
        view.post_message(wheel)
        await pilot.pause()
        assert shown(view)[0] == "line 91"
        await pilot.resize_terminal(20, 8)
        assert shown(view)[0] == "line 91"


async def test_any_part_of_a_log_file_can_be_reached_while_it_grows(tmp_path: Path) -> None:
    """Back beyond what the tail keeps, to the first line and to the end again."""
    path = tmp_path / "raw.log"
    path.write_bytes(b"".join(b"line %d\n" % n for n in range(30_000)))
    draw = LogDrawing(LogLook("plain", 28, raw=True, wrap=False), Roles({}))
    view = LogView(RenderedSource(LogTail(path), EachLine, draw))
    async with LogApp(view).run_test(size=SIZE) as pilot:
        view.tick()
        assert trimmed(view)[-1] == "line 29999"
        top = 29_994
        for _ in range(2200):
            view.action_page_up()
            top -= 5
        assert trimmed(view)[0] == f"line {top}"
        with path.open("ab") as file:
            file.write(b"late 1\nlate 2\n")
        view.tick()
        assert trimmed(view)[0] == f"line {top}"
        assert trimmed(view)[-1].endswith(" 2 new ↓")
        for _ in range(1000):
            view.action_page_down()
            top += 5
        assert trimmed(view)[0] == f"line {top}"
        await pilot.press("home")
        assert trimmed(view)[0] == "line 0"
        await pilot.press("end")
        assert trimmed(view)[-1] == "late 2"
