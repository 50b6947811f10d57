"""The drawing of a task graph: readable, complete, and the same every time."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping, Sequence
from textwrap import dedent
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.tui.presentation.graph_layers import GraphLoopError
from agentdeck.tui.presentation.graph_layout import Layout, lay_out, move

Deps = Mapping[str, Sequence[str]]
SIDES = {
    "─": "EW", "│": "NS", "╭": "SE", "╮": "SW", "╰": "NE", "╯": "NW", "├": "NSE", "┤": "NSW",
    "┬": "EWS", "┴": "EWN", "┼": "NSEW", "▶": "W",
}  # fmt: skip
STEP = {"N": (0, -1), "S": (0, 1), "E": (1, 0), "W": (-1, 0)}
BACK = {"N": "S", "S": "N", "E": "W", "W": "E"}


def drawn(deps: Deps, groups: Mapping[str, int] | None = None) -> Layout:
    edges = [(needed, node) for node, needs in deps.items() for needed in needs]
    return lay_out([(node, len(node)) for node in deps], edges, groups=groups)


def as_text(layout: Layout, *, ascii_only: bool = False) -> str:
    lines = []
    for y in range(layout.height):
        line = [" "] * layout.width
        for piece in layout.row(y, ascii_only=ascii_only):
            line[piece.x : piece.x + len(piece.text)] = piece.text
        for node in layout.in_row.get(y, ()):
            place = layout.nodes[node]
            line[place.x : place.x + place.width] = node
        lines.append("".join(line).rstrip())
    return "\n".join(lines)


TABLE: list[tuple[str, Deps, str]] = [
    ("one task", {"a": ""}, "a"),
    ("a chain is one straight line", {"a": "", "b": "a", "c": "b"}, "a ─▶ b ─▶ c"),
    (
        "a fork and a join",
        {"a": "", "b": "a", "c": "a", "d": "bc"},
        """
        a ─┬─▶ b ─┬─▶ d
           ╰─▶ c ─╯
        """,
    ),
    (
        "a barrier is one bus, not nine lines",
        {"a": "", "b": "", "c": "", "x": "abc", "y": "abc", "z": "abc"},
        """
        a ─┬─▶ x
        b ─┼─▶ y
        c ─┴─▶ z
        """,
    ),
    (
        "tasks without edges stand below each other",
        {"a": "", "b": ""},
        """
        a
        b
        """,
    ),
    (
        "an edge that follows from others is not drawn",
        {"a": "", "b": "a", "c": "ab"},
        "a ─▶ b ─▶ c",
    ),
]


@pytest.mark.parametrize(("_promise", "deps", "picture"), TABLE, ids=[row[0] for row in TABLE])
def test_small_graphs_look_like_this(_promise: str, deps: Deps, picture: str) -> None:
    """Drawn by hand first: the drawing is what a person would draw."""
    assert as_text(drawn(deps)) == dedent(picture).strip("\n")


def test_ascii_only_uses_no_other_character() -> None:
    """On a terminal without box drawing the lines are still lines."""
    picture = as_text(drawn({"a": "", "b": "a", "c": "a", "d": "bc"}), ascii_only=True)
    assert picture.isascii()
    assert ">" in picture


def test_a_loop_is_refused() -> None:
    with pytest.raises(GraphLoopError):
        drawn({"a": "b", "b": "a"})


def test_edges_to_unknown_tasks_are_left_out() -> None:
    """A view of a part of a plan can be drawn."""
    assert drawn({"a": "zz"}).edges == ()


def test_an_empty_graph_has_no_size() -> None:
    layout = drawn({})
    assert (layout.width, layout.height, layout.row(0)) == (0, 0, ())


def test_groups_stand_right_of_each_other() -> None:
    """A task of a later group starts in a later column though nothing holds it back."""
    layout = drawn({"a": "", "b": "a", "late": ""}, groups={"a": 0, "b": 0, "late": 1})
    assert layout.nodes["late"].column > layout.nodes["b"].column
    assert [column.group for column in layout.columns] == [0, 0, 1]


def test_arrow_keys_follow_edges_sideways_and_columns_up_and_down() -> None:
    layout = drawn({"a": "", "b": "a", "c": "a", "d": "bc"})
    assert move(layout, "a", "right") == "b"  # straight ahead
    assert move(layout, "b", "down") == "c"
    assert move(layout, "c", "up") == "b"
    assert move(layout, "b", "up") == "b"
    assert move(layout, "c", "right") == "d"
    assert move(layout, "d", "left") == "b"
    assert move(layout, "a", "left") == "a"


def test_kin_are_all_that_is_needed_and_all_that_needs_it() -> None:
    """Siblings stay dark, and so do lines between kin and others."""
    layout = drawn({"a": "", "b": "a", "c": "a", "d": "bc"})
    nodes, bits = layout.kin("b")
    assert nodes == {"a", "b", "d"}
    lit = {edge for number, edge in enumerate(layout.edges) if bits >> number & 1}
    assert lit == {("a", "b"), ("b", "d")}


@st.composite
def graphs(draw: st.DrawFn) -> Deps:
    size = draw(st.integers(1, 14))
    return {
        f"t{n}": [f"t{m}" for m in draw(st.sets(st.integers(0, n - 1), max_size=4))] if n else []
        for n in range(size)
    }


def cells_of(layout: Layout) -> dict[tuple[int, int], tuple[str, int, int]]:
    return {
        (piece.x + at, y): (char, piece.edges, piece.under)
        for y in range(layout.height)
        for piece in layout.row(y)
        for at, char in enumerate(piece.text)
    }


def check_apart(layout: Layout) -> None:
    taken: set[tuple[int, int]] = set()
    for place in layout.nodes.values():
        label = {(place.x + at, place.y) for at in range(place.width)}
        assert not label & taken
        taken |= label
    assert not taken & cells_of(layout).keys()


def check_connected(layout: Layout) -> None:
    """Walk each edge from its start over its own cells, only where both characters join."""
    cells = cells_of(layout)
    for number, (start, end) in enumerate(layout.edges):
        bit = 1 << number

        def joins(at: tuple[int, int], side: str, bit: int = bit) -> bool:
            char, edges, under = cells.get(at, ("", 0, 0))
            if under & bit:
                return side in "EW"
            return bool(edges & bit) and side in SIDES.get(char, "")

        here = layout.nodes[start]
        walk = [(here.x + here.width + 1, here.y)]
        seen = set(walk)
        for x, y in walk:
            assert cells[x, y][1] & bit or cells[x, y][2] & bit
            for side, (dx, dy) in STEP.items():
                following = (x + dx, y + dy)
                if following not in seen and joins((x, y), side) and joins(following, BACK[side]):
                    seen.add(following)
                    walk.append(following)
        goal = layout.nodes[end]
        assert (goal.x - 2, goal.y) in seen, f"{start} -> {end} is broken"
        assert cells[goal.x - 2, goal.y][0] == "▶"


def check_shared_lines(layout: Layout) -> None:
    """In a cell any two edges have the same start, the same end, or are part of one bundle."""
    pairs = set(layout.edges)
    for at, (_, edges, _) in cells_of(layout).items():
        here = [edge for number, edge in enumerate(layout.edges) if edges >> number & 1]
        for a, b in here:
            for c, d in here:
                assert a == c or b == d or {(a, d), (c, b)} <= pairs, f"{at}: {a}-{b}, {c}-{d}"


def check(deps: Deps) -> None:
    layout = drawn(deps)
    check_apart(layout)
    check_connected(layout)
    check_shared_lines(layout)
    again = drawn(deps)
    assert as_text(layout) == as_text(again)


@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(graphs())
def test_every_drawing_is_complete_and_readable(deps: Deps) -> None:
    """No labels overlap, every edge is a line from start to arrow, lines share only kin."""
    check(deps)


def random_plan(size: int, seed: int) -> dict[str, list[str]]:
    rng = random.Random(seed)
    width = max(2, size // 9)
    return {
        f"T-{n:04}": [
            f"T-{m:04}"
            for m in sorted(
                {rng.randrange(max(0, n - 2 * width), n) for _ in range(rng.randint(1, 3))}
            )
        ]
        if n >= width // 2 and n
        else []
        for n in range(size)
    }


@pytest.mark.parametrize("seed", range(6))
def test_plans_of_sixty_tasks_are_readable(seed: int) -> None:
    """The same promises on graphs that need splits and extra rows."""
    check(random_plan(60, seed))


def calls_of_a_layout(size: int) -> int:
    """How many functions one layout calls: its work, whatever else the machine is doing."""
    plan = random_plan(size, 1)
    calls = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        drawn(plan)
    finally:
        sys.setprofile(None)
    return calls


def test_the_work_of_a_layout_grows_little_faster_than_the_plan() -> None:
    """Five times the tasks, at most ten times the work: a thousand tasks stay instant."""
    small, large = calls_of_a_layout(200), calls_of_a_layout(1000)
    assert small > 200
    assert large < 10 * small
