"""Rows follow what they stand for, also where they were hidden, resized or scrolled before."""

from __future__ import annotations

from textual.app import App, ComposeResult

from agentdeck.tui.presentation.line import Line, Span
from agentdeck.tui.widgets.row_list import RowList

HEIGHT = 6
MANY = tuple(f"row{number}" for number in range(80))


class Rows(App[None]):
    """A list whose rows carry a number that a test counts up."""

    number = 0

    def compose(self) -> ComposeResult:
        yield RowList(id="rows")

    @property
    def rows(self) -> RowList:
        return self.query_one(RowList)

    def draw(self, key: str, _: int) -> Line:
        return (Span(f"{key} is {self.number}"),)

    def tick(self, keys: tuple[str, ...] = ("one", "two")) -> None:
        self.number += 1
        self.rows.show(keys, self.draw)

    def seen(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        lines = ("".join(segment.text for segment in strip).strip(" ▁▂▃▄▅▆▇█") for strip in strips)
        return [line for line in lines if line]


async def test_rows_that_were_hidden_at_first_go_on() -> None:
    """The outline behind the graph is shown in the middle of a run."""
    app = Rows()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        app.rows.display = False
        app.tick()
        await pilot.pause()
        app.rows.display = True
        for _ in range(3):
            app.tick()
            await pilot.pause()
            assert app.seen() == [f"one is {app.number}", f"two is {app.number}"]


async def test_rows_go_on_after_a_resize() -> None:
    app = Rows()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        app.tick()
        await pilot.resize_terminal(40, HEIGHT)
        app.tick()
        await pilot.pause()
        assert app.seen() == ["one is 2", "two is 2"]


async def test_rows_go_on_wherever_one_has_scrolled() -> None:
    """Only lines on the screen are kept; none of those may be forgotten."""
    app = Rows()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        app.tick(MANY)
        await pilot.pause()
        for _ in range(3 * HEIGHT):
            await pilot.press("pagedown")
            app.tick(MANY)
            await pilot.pause()
            assert app.seen()
            assert all(line.endswith(f" is {app.number}") for line in app.seen())


async def test_a_row_that_goes_leaves_the_cursor_to_the_next_one_that_stays() -> None:
    """Also when rows above and below go with it; past the end, to the last one; never a heading."""
    app = Rows()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        app.tick(("a", "b", "c", "d", "e"))
        await pilot.pause()
        app.rows.put_cursor("b")
        seen = []
        for keys in (("d", "e"), ("x", "e"), ("x", "y")):
            app.tick(keys)
            await pilot.pause()
            seen.append(app.rows.cursor)
        assert seen == ["d", "e", "y"]
        app.rows.show(("+head", "z"), app.draw, headings=frozenset({"+head"}))
        assert app.rows.cursor == "z"


async def test_what_an_empty_list_says_changes_with_the_run() -> None:
    """You should see the sentence of now: nobody will start any more once all has ended."""
    app = Rows()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        for said in ("soon", "never"):
            app.rows.show((), app.draw, empty=said)
            await pilot.pause()
            assert said in app.rows.render_line(0).text
