"""Phases folded in the graph, and the map of a graph that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import Story, large, middle, middle_plan, task
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot

from agentdeck.core.ids import PhaseId
from agentdeck.core.plan import Phase, Plan
from agentdeck.tui.presentation.graph_fold import folded_graph
from agentdeck.tui.presentation.graph_layout import lay_out
from agentdeck.tui.presentation.minimap import box_of, minimap_of
from agentdeck.tui.widgets.graph_view import GraphView
from agentdeck.tui.widgets.plan_pane import PlanPane


def test_a_folded_phase_is_one_node_with_the_edges_of_its_tasks() -> None:
    found = folded_graph(middle_plan(), frozenset({"streams"}))
    assert "S-1" not in found.nodes
    assert ("CORE-002", "phase:streams") in found.edges
    assert ("phase:streams", "W-1") in found.edges
    assert found.path(["CORE-003", "S-3", "S-4", "W-1"]) == ["CORE-003", "phase:streams", "W-1"]  # type: ignore[list-item]


def test_a_task_between_two_of_a_folded_phase_makes_no_loop() -> None:
    """A drawing can have none: the way back into the phase is left out."""
    plan = Plan(
        name="woven",
        tasks=(
            task("A-1", "x", phase="a"),
            task("B-1", "y", "A-1", "b"),
            task("A-2", "z", "B-1", "a"),
        ),
        phases=(Phase(PhaseId("a")), Phase(PhaseId("b"))),
    )
    found = folded_graph(plan, frozenset({"a"}))
    assert found.edges == [("phase:a", "B-1")]
    assert lay_out([(node, 8) for node in found.nodes], found.edges).width > 0


async def folded(deck: Room) -> PlanPane:
    await deck.select("S-1")
    await deck.press("F")
    return deck.app.room.query_one(PlanPane)


async def test_a_phase_folds_and_unfolds_by_its_key(tmp_path: Path) -> None:
    """No task is selected while the cursor stands on a phase; unfolded, its first one is."""
    async with room(tmp_path, middle()) as deck:
        plan = await folded(deck)
        graph = deck.app.room.query_one(GraphView)
        assert (deck.selected, graph.selected) == (None, "phase:streams")
        assert plan.folded == {"streams"}
        await deck.press("space")
        assert deck.toasts == ["Select a task first."]
        await deck.press("F")
        assert (deck.selected, plan.folded) == ("S-1", frozenset())


async def test_enter_unfolds_and_arrows_walk_on_from_a_phase(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await folded(deck)
        await deck.press("right")
        assert str(deck.selected).startswith("W-")
        await deck.press("left")
        assert deck.selected is None
        await deck.press("enter")
        assert deck.selected == "S-1"


async def test_what_is_folded_in_one_view_is_folded_in_the_other(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await folded(deck)
        await deck.press("g")
        rows = deck.app.room.query_one("#outline")
        assert "S-1" not in rows.keys  # type: ignore[attr-defined]
        await deck.press("F")
        assert "S-1" in rows.keys  # type: ignore[attr-defined]


async def test_the_timeline_has_nothing_to_fold(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("g", "g", "F")
        assert deck.toasts == ["Rows of the timeline go by their start: g turns it."]


@pytest.mark.parametrize("size", SIZES)
async def test_a_folded_graph(tmp_path: Path, size: str) -> None:
    """You should see one node for "Streams" with its count and what of it is loud, chosen, between
    the tasks of the other phases.
    """

    async def fold(pilot: Pilot[None]) -> None:
        await pilot.press("F")
        await pilot.pause()

    picture = await take(tmp_path, middle(), size, ".svg", selected="S-1", steps=fold)
    compare(f"folded-{size}.svg", picture)


# --- the map --------------------------------------------------------------------------------------


def begun_large(size: int) -> Story:
    return Story(large(size).state.plan)


def chain(length: int) -> list[tuple[str, str]]:
    return [(f"n{n}", f"n{n + 1}") for n in range(length)]


def test_a_map_is_made_only_where_it_helps() -> None:
    long = lay_out([(f"n{n}", 6) for n in range(40)], chain(39))
    short = lay_out([("n0", 6), ("n1", 6)], chain(1))
    assert minimap_of(long, 100, 30) is not None
    assert minimap_of(long, 50, 30) is None
    assert minimap_of(long, 100, 10) is None
    assert minimap_of(short, 100, 30) is None


def test_the_window_moves_over_the_whole_map() -> None:
    long = lay_out([(f"n{n}", 6) for n in range(40)], chain(39))
    found = minimap_of(long, 100, 30)
    assert found is not None
    columns = len(found.rows[0])
    assert found.seen(0, 0, 100, 30)[0].start == 0
    assert found.seen(long.width - 100, 0, 100, 30)[0].stop == columns


def test_the_map_gives_way_to_the_cursor() -> None:
    found = minimap_of(lay_out([(f"n{n}", 6) for n in range(40)], chain(39)), 100, 30)
    assert found is not None
    low = box_of(found, 100, 30, top=1, cursor=(3, 3))
    assert low.y + low.height == 30
    high = box_of(found, 100, 30, top=1, cursor=(99, 29))
    assert high.y == 1


async def test_the_map_of_a_large_graph(tmp_path: Path) -> None:
    """You should see a part of the graph, and in a corner a box with the window's place in it."""

    async def graph(pilot: Pilot[None]) -> None:
        await pilot.press("g", "g", "z", *["right"] * 3)
        await pilot.pause()

    picture = await take(tmp_path, begun_large(600), "120x36", ".svg", steps=graph)
    compare("minimap-120x36.svg", picture)


async def test_the_map_goes_and_comes_by_its_key(tmp_path: Path) -> None:
    async with room(tmp_path, begun_large(600)) as deck:
        await deck.press("g", "g", "z")
        graph = deck.app.room.query_one(GraphView)
        before = graph.render_line(graph.size.height - 1).text
        assert before.rstrip().endswith("╯")
        await deck.press("G")
        assert graph.render_line(graph.size.height - 1).text != before


async def test_a_thousand_tasks_are_walked_with_the_cursor_in_view(tmp_path: Path) -> None:
    async with room(tmp_path, begun_large(1_000)) as deck:
        await deck.press("g", "g", *["right"] * 6)
        graph = deck.app.room.query_one(GraphView)
        place = graph.drawn.nodes[str(graph.selected)]
        x, y = graph.scroll_offset
        assert x <= place.x < x + graph.size.width
        assert y <= place.y < y + graph.size.height
