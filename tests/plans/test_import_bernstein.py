"""Bernstein's `plan.yaml` becomes a plan; figures were counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.core.errors import UsageError
from agentdeck.core.plan import GateWhen, NoteKind, Plan
from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Draft, Imported
from agentdeck.plans.imports.gate_commands import GateBook, argv_of
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENTS = Path(__file__).parent / "documents" / "structured"


def imported(name: str) -> Imported:
    found = import_text((DOCUMENTS / name).read_text(encoding="utf-8"), file=name)
    assert found.format == "bernstein"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def of(text: str) -> Plan:
    return import_text(text, file="plan.yaml", format="bernstein").plan


def test_stages_in_a_line_are_phases_that_end_in_sync_points() -> None:
    """3 stages with 2, 1 and 1 steps; no edges are needed."""
    plan = imported("bernstein-line.yaml").plan
    assert [(phase.id, phase.sync) for phase in plan.phases] == [
        ("foundation", True),
        ("interface", True),
        ("review", False),
    ]
    assert [(task.id, task.phase, task.after, task.line) for task in plan.tasks] == [
        ("price-model", "foundation", (), 15),
        ("cart-model", "foundation", (), 29),
        ("show-the-cart-on-every-page", "interface", (), 39),
        ("read-it-all", "review", (), 48),
    ]


def test_any_other_order_of_stages_becomes_edges() -> None:
    """base, then left and right, then an empty stage, then end, which waits for both sides."""
    found = imported("bernstein-branches.yaml")
    assert {task.id: tuple(task.after) for task in found.plan.tasks} == {
        "base-one": (),
        "base-two": (),
        "left": ("base-one", "base-two"),
        "right": ("base-one", "base-two"),
        "end": ("right", "left"),
    }
    assert not any(phase.sync for phase in found.plan.phases)
    assert found.plan.agents_limit >= 2
    assert (14, "no-such-stage") in [(remark.line, remark.rule) for remark in found.remarks]


def test_what_is_said_of_the_whole_plan_is_kept() -> None:
    plan = imported("bernstein-line.yaml").plan
    assert plan.name == "checkout"
    assert plan.agents_limit == 3
    assert plan.budget.usd == 12.5
    assert plan.defaults.agent == "claude"
    assert [note.text for note in plan.notes if note.kind is NoteKind.CONSTRAINT] == [
        "No new dependency.",
        "Keep the public API.",
    ]
    assert "docs/adr/004.md" in [note.text for note in plan.notes]
    other = imported("bernstein-branches.yaml").plan
    assert (other.budget.usd, other.budget.tokens) == (4, 200_000)


def test_fields_of_a_step_find_their_keys_and_the_rest_is_kept() -> None:
    plan = imported("bernstein-line.yaml").plan
    first, second, third, last = plan.tasks
    assert (first.model, first.estimate_s, first.priority) == ("opus", 1800, 10)
    assert (first.labels, first.complexity) == (("backend",), "medium")
    assert first.meta == {"scope": "small", "effort": "high"}
    assert second.agent == "codex"
    assert third.meta == {"mode": "tdd"}
    assert last.model is None
    assert last.meta == {"depends_on_repo": "shop", "repo": "shop"}


def test_merged_tables_are_read_and_what_a_step_says_itself_holds() -> None:
    plan = imported("bernstein-branches.yaml").plan
    assert [task.complexity for task in plan.tasks[:2]] == ["low", "high"]
    assert plan.tasks[0].labels == ("backend",)


def test_signals_of_completion_are_gates_and_only_plain_commands_can_run() -> None:
    """4 gates; one command is named twice, one needs a shell, two prove something in words."""
    found = imported("bernstein-line.yaml")
    plan = found.plan
    assert [(gate.run, gate.check) for gate in plan.gates] == [
        (("pytest", "tests/test_prices.py", "-q"), "pytest tests/test_prices.py -q"),
        ((), "src/prices.py exists"),
        ((), "make lint && make types"),
        ((), "web/cart.html contains total"),
    ]
    assert all(gate.when == (GateWhen.TASK,) for gate in plan.gates)
    assert plan.tasks[0].gates is not None
    assert plan.tasks[0].gates[0] in (plan.tasks[1].gates or ())
    assert plan.tasks[3].gates == ()
    assert (35, "needs-a-shell") in [(remark.line, remark.rule) for remark in found.remarks]


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("pytest -q", ["pytest", "-q"]),
        ("grep 'a b' x.py", ["grep", "a b", "x.py"]),
        ('echo "a;b"', ["echo", "a;b"]),
        ("pytest tests/a.py::test_b[c]", ["pytest", "tests/a.py::test_b[c]"]),
        ("a && b", None),
        ("a; rm -rf x", None),
        ("a | b", None),
        ("a > b", None),
        ("echo $HOME", None),
        ('echo "$(id)"', None),
        ("echo `id`", None),
        ("ls *.py", None),
        ("X=1 make", None),
        ("cd web", None),
        ("echo 'open", None),
        ("a\nb", None),
        ("ls ~/x", None),
        ("", None),
        ("x" * 5000, None),
    ],
)
def test_a_command_is_split_and_never_given_to_a_shell(
    command: str, argv: list[str] | None
) -> None:
    """What only a shell can do makes no command: nothing of it would do what its author meant."""
    assert argv_of(command) == argv


def test_different_commands_have_gates_of_different_names() -> None:
    draft = Draft(name="x", format="x")
    book = GateBook(draft)
    assert book.command("make a", 1) != book.command("make 'a'", 2)
    assert book.command("make a", 3) == book.command("make a", 4)
    assert len(draft.gates) == 2


def test_stages_that_go_round_are_refused() -> None:
    text = """
stages:
  - {name: a, depends_on: [b], steps: [{title: one}]}
  - {name: b, depends_on: [a], steps: [{title: two}]}
"""
    with pytest.raises(PlanProblems) as caught:
        of(text)
    assert "one" in str(caught.value)
    assert "two" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["stages: 3", "- a", "stages: [1]", "stages:\n  - {name: a, steps: [x]}", "", "x: y"]
)
def test_what_has_no_stages_is_refused(text: str) -> None:
    with pytest.raises(PlanProblems):
        of(text)


def test_the_format_is_recognised_by_its_stages() -> None:
    text = (DOCUMENTS / "bernstein-line.yaml").read_text(encoding="utf-8")
    assert detect("work.yml", text) == "bernstein"


@pytest.mark.parametrize(
    "text",
    [
        "stages:\n  - build\n  - test\njob:\n  stage: build\n  script: make\n",
        "stages:\n- stage: a\n  jobs:\n  - job: b\n    steps:\n    - script: make\n",
    ],
)
def test_pipelines_of_build_servers_are_not_taken_for_plans(text: str) -> None:
    with pytest.raises(UsageError, match="no format"):
        detect("pipeline.yml", text)
