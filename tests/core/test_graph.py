"""Orders, layers and reductions of dependency graphs."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.graph import (
    bottom_level_s,
    closure,
    layers,
    longest_paths_s,
    topological_order,
    transitive_reduction,
)

DIAMOND = {"A": [], "B": ["A"], "C": ["A"], "D": ["B", "C"]}


@st.composite
def dags(draw: st.DrawFn) -> dict[int, list[int]]:
    size = draw(st.integers(1, 9))
    edges = [pair for pair in combinations(range(size), 2) if draw(st.booleans())]
    return {node: [a for a, b in edges if b == node] for node in range(size)}


def as_library_graph(needs: dict[int, list[int]]) -> nx.DiGraph[int]:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(needs)
    graph.add_edges_from((a, b) for b, wanted in needs.items() for a in wanted)
    return graph


def test_a_node_comes_after_what_it_needs_and_ties_keep_the_order_of_the_file() -> None:
    assert topological_order(DIAMOND) == ["A", "B", "C", "D"]
    assert topological_order({"B": [], "A": []}) == ["B", "A"]


def test_nodes_on_a_loop_are_left_out() -> None:
    """A shorter answer is how a loop is seen; what hangs on the loop is left out with it."""
    assert topological_order({"A": ["B"], "B": ["A"], "C": ["B"], "D": []}) == ["D"]


def test_the_longest_path_counts_the_node_itself() -> None:
    durations = {"A": 1.0, "B": 10.0, "C": 2.0, "D": 5.0}
    assert bottom_level_s(DIAMOND, durations) == {"A": 16.0, "B": 15.0, "C": 7.0, "D": 5.0}


@given(dags(), st.data())
def test_numbered_nodes_have_the_same_longest_paths(
    needs: dict[int, list[int]], data: st.DataObject
) -> None:
    """Whether or not each stands behind what it needs."""
    names = data.draw(st.permutations(range(len(needs))))
    renamed = {names[node]: [names[other] for other in wanted] for node, wanted in needs.items()}
    durations = {node: data.draw(st.sampled_from([0.0, 1.0, 2.5])) for node in needs}
    listed = [renamed[node] for node in sorted(renamed)]
    found = longest_paths_s(listed, [durations[node] for node in sorted(renamed)])
    assert dict(enumerate(found)) == bottom_level_s(renamed, durations)


def test_layers_are_the_longest_way_from_a_start() -> None:
    assert layers({**DIAMOND, "E": ["A", "D"]}) == {"A": 0, "B": 1, "C": 1, "D": 2, "E": 3}


def test_closure_lists_the_nearest_first_and_never_the_start() -> None:
    assert closure("D", DIAMOND) == ["B", "C", "A"]
    assert closure("A", {"A": ["B"], "B": ["A"]}) == ["B"]


@given(dags())
def test_the_reduction_is_the_one_the_graph_library_finds(needs: dict[int, list[int]]) -> None:
    expected = nx.transitive_reduction(as_library_graph(needs))
    found = transitive_reduction(needs)
    assert {(a, b) for b, wanted in found.items() for a in wanted} == set(expected.edges)


@given(dags())
def test_every_need_comes_first_in_the_order(needs: dict[int, list[int]]) -> None:
    place = {node: at for at, node in enumerate(topological_order(needs))}
    assert len(place) == len(needs)
    assert all(place[a] < place[b] for b, wanted in needs.items() for a in wanted)
