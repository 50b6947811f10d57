"""The graph on the screen: walked by key and mouse, lit, panned, never torn."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult

from agentdeck.tui.presentation.graph_layout import Layout, lay_out
from agentdeck.tui.widgets.graph_view import GraphView

DEPS = {
    "core": [],
    "api": ["core"],
    "web": ["core"],
    "docs": ["core"],
    "ship": ["api", "web"],
}


def layout_of(deps: dict[str, list[str]], groups: dict[str, int] | None = None) -> Layout:
    edges = [(needed, task) for task, needs in deps.items() for needed in needs]
    return lay_out([(task, len(task) + 2) for task in deps], edges, groups=groups)


class GraphApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[str] = []
        self.chosen: list[str] = []
        self.glyph = "○"
        self.view = GraphView(self.label)

    def label(self, task: str) -> Text:
        self.drawn.append(task)
        return Text(f"{self.glyph} {task}", style="green")

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()

    def on_graph_view_selected(self, message: GraphView.Selected) -> None:
        self.chosen.append(message.task_id)


def rows(view: GraphView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def style_of(view: GraphView, text: str) -> Style:
    for y in range(view.size.height):
        for segment in view.render_line(y):
            if text in segment.text and segment.style:
                return segment.style
    raise AssertionError(f"{text!r} is not on the screen")


async def test_the_plan_is_drawn_with_its_labels() -> None:
    app = GraphApp()
    async with app.run_test(size=(50, 8)):
        app.view.set_layout(layout_of(DEPS))
        assert [row for row in rows(app.view) if row] == [
            "        ╭─▶ ○ api ──┬─▶ ○ ship",
            "○ core ─┼─▶ ○ web ──╯",
            "        ╰─▶ ○ docs",
        ]


async def test_arrows_and_letters_walk_along_edges() -> None:
    app = GraphApp()
    async with app.run_test(size=(50, 8)) as pilot:
        app.view.set_layout(layout_of(DEPS))
        await pilot.press("right", "j", "down", "k", "l", "left", "h")
        await pilot.pause()
        assert app.chosen == ["core", "web", "docs", "web", "ship", "api", "core"]


async def test_a_click_chooses_the_task_under_the_mouse() -> None:
    app = GraphApp()
    async with app.run_test(size=(50, 8)) as pilot:
        app.view.set_layout(layout_of(DEPS))
        place = app.view.drawn.nodes["docs"]
        await pilot.click(GraphView, offset=(place.x + 1, place.y))
        await pilot.click(GraphView, offset=(place.x - 3, place.y))  # a line is no task
        await pilot.pause()
        assert app.view.selected == "docs"


async def test_kin_are_lit_and_the_rest_is_dim() -> None:
    app = GraphApp()
    async with app.run_test(size=(50, 8)):
        app.view.set_layout(layout_of(DEPS))
        app.view.selected = "web"
        assert not style_of(app.view, "○ ship").dim
        assert style_of(app.view, "○ docs").dim
        assert style_of(app.view, "○ docs").color == style_of(app.view, "○ ship").color
        assert style_of(app.view, "╰─▶") != style_of(app.view, "──╯")
        app.view.spotlight = False
        assert not style_of(app.view, "○ docs").dim


async def test_the_critical_path_is_emphasised() -> None:
    app = GraphApp()
    async with app.run_test(size=(50, 8)):
        app.view.set_layout(layout_of(DEPS), critical=["core", "web", "ship"])
        app.view.selected = "docs"
        assert style_of(app.view, "──╯").bold
        assert style_of(app.view, "╰─▶") != style_of(app.view, "──╯")


async def test_panning_follows_the_cursor() -> None:
    """A chain that is wider and a column that is higher than the screen."""
    deps: dict[str, list[str]] = {"n0": []}
    deps |= {f"n{n}": [f"n{n - 1}"] for n in range(1, 12)}
    deps |= {f"leaf{n}": ["n10"] for n in range(12)}
    app = GraphApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.view.set_layout(layout_of(deps))
        await pilot.press(*["right"] * 11, *["down"] * 12)
        await pilot.pause()
        assert f"○ {app.view.selected}" in "\n".join(rows(app.view))
        await pilot.press(*["left"] * 11)
        await pilot.pause()
        assert app.view.selected == "n0"
        assert "○ n0" in "\n".join(rows(app.view))


async def test_only_visible_rows_are_drawn() -> None:
    deps = {f"t{n:03}": list[str]() for n in range(300)}
    app = GraphApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.view.set_layout(layout_of(deps))
        await pilot.pause()
        assert len(set(app.drawn)) <= 12


async def test_a_changed_label_is_drawn_again_and_the_others_are_not() -> None:
    app = GraphApp()
    async with app.run_test(size=(50, 8)) as pilot:
        app.view.set_layout(layout_of(DEPS))
        await pilot.pause()
        rows(app.view)
        app.drawn.clear()
        app.glyph = "✔"
        app.view.refresh_labels(["docs"])
        await pilot.pause()
        assert "✔ docs" in "\n".join(rows(app.view))
        assert set(app.drawn) == {"docs"}


async def test_titles_stand_above_their_groups_and_stay_there() -> None:
    app = GraphApp()
    groups = {"core": 0, "api": 1, "web": 1, "docs": 1, "ship": 2}
    async with app.run_test(size=(50, 3)) as pilot:
        titles = {0: "Foundation of all", 1: "Streams", 2: "Wire-up"}
        app.view.set_layout(layout_of(DEPS, groups), titles=titles)
        app.view.selected = "docs"
        await pilot.pause()
        head = rows(app.view)[0]
        assert head.index("Streams") == app.view.drawn.nodes["web"].x
        assert "Foundation…" in head
        assert "○ docs" in "\n".join(rows(app.view)[1:])


async def test_the_cursor_stays_when_the_plan_changes() -> None:
    app = GraphApp()
    async with app.run_test(size=(50, 8)):
        app.view.set_layout(layout_of(DEPS))
        app.view.selected = "web"
        app.view.set_layout(layout_of({**DEPS, "extra": ["docs"]}))
        assert app.view.selected == "web"
        app.view.set_layout(layout_of({"other": []}))
        assert app.view.selected == "other"
        app.view.set_layout(layout_of({}))
        assert app.view.selected is None


async def test_rows_are_as_wide_as_the_view_at_any_label() -> None:
    """Labels that outgrow their place are cut, so lines and borders stay where they are."""
    app = GraphApp()
    async with app.run_test(size=(50, 8)):
        app.view.set_layout(layout_of(DEPS))
        app.glyph = "日本語日本語"
        app.view.refresh_labels()
        assert {app.view.render_line(y).cell_length for y in range(8)} == {50}
        assert "─┬─▶" in rows(app.view)[0]
