"""Prices, cost, inventory and groups: figures by hand, and nothing guessed."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.errors import UsageError
from agentdeck.core.footprint import overlap
from agentdeck.core.graph import closure
from agentdeck.core.ids import AgentName, PhaseId, TaskId
from agentdeck.core.plan import Phase
from agentdeck.plans.analysis.cost import Spent, cost_of
from agentdeck.plans.analysis.grouping import by_attribute, module_of, separate, side_by_side
from agentdeck.plans.analysis.inventory import Row, inventory, series_of
from agentdeck.plans.analysis.network import network_of
from agentdeck.plans.analysis.prices import Prices, read_prices
from agentdeck.shipped import price_table
from agentdeck.testing.builders import plan as plan_of
from agentdeck.testing.builders import task

TABLE = """
date = "2020-02-02"
input_share = 0.5
[models]
small = { input = 1.0, output = 3.0 }
small-new = { input = 10.0, output = 30.0 }
Large = { input = 2, output = 4 }
"""


def prices() -> Prices:
    return read_prices(TABLE, file="table.toml")


def test_a_price_is_that_of_the_longest_name_that_fits() -> None:
    """Half input, half output: $2 a million for small, $20 for the newer one."""
    assert prices().usd("small-2020", 1_000_000) == 2.0
    assert prices().usd("small-new-7", 1_000_000) == 20.0
    assert prices().usd("LARGE", 500_000) == 1.5
    for unknown in ("smal", "other", "", None):
        assert prices().usd(unknown, 1_000_000) is None


def test_the_shipped_table_has_a_date_and_the_models_that_plans_name() -> None:
    table = read_prices(price_table(), file="shipped")
    assert len(table.as_of) == len("2026-01-01")
    assert 0 < table.input_share < 1
    for model in ("haiku", "sonnet", "opus", "claude-sonnet-4-5", "gpt-5-codex", "gemini-2.5-pro"):
        assert table.price(model) is not None, model
    old, new = table.price("claude-opus-4-1-20250805"), table.price("claude-opus-4-5-20251101")
    assert old is not None
    assert new is not None
    assert old.input > new.input


@pytest.mark.parametrize(
    "text",
    [
        "not toml at all [",
        "",
        'date = "x"',
        'date = "x"\n[models]\na = 3',
        'date = "x"\n[models]\na = { input = -1, output = 1 }',
        'date = "x"\n[models]\na = { input = nan, output = 1 }',
        'date = "x"\n[models]\na = { input = 1 }',
        'date = "x"\ninput_share = 2\n[models]\n',
        'date = "x"\nspelt_wrong = 2\n[models]\n',
        "a = " + "[" * 5_000,
    ],
)
def test_a_bad_price_table_is_one_clear_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"^mine\.toml: "):
        read_prices(text, file="mine.toml")


def test_a_date_without_quotes_is_a_date() -> None:
    assert read_prices("date = 2020-02-02\n[models]\n", file="t").as_of == "2020-02-02"


@given(st.text(max_size=200))
def test_no_text_crashes_the_reader_of_prices(text: str) -> None:
    with suppress(UsageError):
        assert read_prices(text, file="t").as_of


def test_cost_counts_what_is_stated_and_says_what_is_not() -> None:
    """Two priced tasks of 1M tokens each ($2 + $3), one without a price, one without tokens."""
    million = 1_000_000
    plan = plan_of(
        task("A", tokens=million, model="small", phase=PhaseId("p")),
        task("B", tokens=million, model="large"),
        task("C", tokens=5, model="strange"),
        task("D", model="small"),
        task("E", tokens=7, model="small", defer="later"),
        task("F", human=True),
        phases=(Phase(PhaseId("p")),),
    )
    found = cost_of(plan, prices())
    assert found.total == Spent(4, 2 * million + 5, 5.0, 1, 1)
    assert found.by_model == {
        "small": Spent(2, million, 2.0, 1, 0),
        "large": Spent(1, million, 3.0, 0, 0),
        "strange": Spent(1, 5, None, 0, 1),
    }
    assert found.by_phase["p"] == Spent(1, million, 2.0, 0, 0)
    assert found.by_agent["scripted"] == found.total


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("MAH-4A-006", "MAH-4A"),
        ("CORE-001", "CORE"),
        ("MCP-SEC-004", "MCP-SEC"),
        ("T1", "T"),
        ("2.1", "2"),
        ("7", ""),
        ("docs", ""),
        ("step1-setup", "step"),
    ],
)
def test_a_series_is_what_an_id_begins_with(name: str, series: str) -> None:
    assert series_of(name) == series


def test_the_inventory_counts_deferred_tasks_and_leaves_their_hours_out() -> None:
    plan = plan_of(
        task("A-1", estimate_s=60.0, tokens=5, complexity="high", kind="code"),
        task("A-2", estimate_s=60.0, tokens=5, complexity="low", defer="later"),
        task("B-1", estimate_s=30.0, model="small", agent=AgentName("claude")),
    )
    found = inventory(plan)
    assert found["series"] == (Row("A", 2, 1, 60.0, 5), Row("B", 1, 0, 30.0, 0))
    assert [row.name for row in found["complexity"]] == ["low", "high", ""]
    assert [row.name for row in found["kind"]] == ["code", ""]
    assert [row.name for row in found["model"]] == ["small", ""]
    assert [row.name for row in found["agent"]] == ["scripted", "claude"]
    assert all(sum(row.tasks for row in rows) == 3 for rows in found.values())


@given(st.data())
def test_side_by_side_means_no_path_and_no_common_file(data: st.DataObject) -> None:
    """In each set; and every task is in exactly one."""
    names = [f"T{i}" for i in range(data.draw(st.integers(1, 7)))]
    tasks = []
    for index, name in enumerate(names):
        after = data.draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else []
        files = data.draw(st.lists(st.sampled_from("xyz"), max_size=2))
        tasks.append(task(f"{name}{'<' if after else ''}{','.join(after)} {' '.join(files)}"))
    plan = plan_of(*tasks)
    network = network_of(plan)
    meeting = [
        (a, b)
        for a in range(len(tasks))
        for b in range(a)
        if overlap(tasks[a].files, tasks[b].files)
    ]
    sets = side_by_side(network, meeting)
    assert sorted(name for each in sets for name in each) == sorted(names)
    for each in sets:
        for name in each:
            others = set(each) - {name}
            behind: list[TaskId] = closure(TaskId(name), plan.dependents)
            assert not others & set(behind)
            assert not any(overlap(plan.by_id[name].files, plan.by_id[o].files) for o in others)


def test_parts_are_joined_by_dependencies_and_by_files() -> None:
    """A-B by a dependency, B-C by a file; D alone. The largest part comes first."""
    plan = plan_of("D z", "A", "B<A x", "C x")
    assert separate(network_of(plan), [(2, 3)]) == [["A", "B", "C"], ["D"]]


def test_groups_by_module_risk_and_kind() -> None:
    plan = plan_of(
        task("A src/a.py src/b/", risk="high", kind="code"),
        task("B docs/ src/"),
        task("C README.md"),
        task("D **/*.py"),
        task("E a/ b/ c/ d/", defer="later"),
    )
    assert by_attribute(plan) == {
        "module": {"src": ["A"], "docs + src": ["B"], ".": ["C"], "anywhere": ["D"]},
        "risk": {"high": ["A"], "": ["B", "C", "D"]},
        "kind": {"code": ["A"], "": ["B", "C", "D"]},
    }
    assert module_of(("a/", "b/", "c/", "d/")) == "many"
    assert module_of(()) == ""
