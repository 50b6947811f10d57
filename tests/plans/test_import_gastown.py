"""Gas Town's formulas become plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.plans.imports.detect import import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "structured" / "formula.toml"


def imported() -> Imported:
    found = import_text(DOCUMENT.read_text(encoding="utf-8"), file="ship.formula.toml")
    assert found.format == "gastown"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def test_steps_are_tasks_in_the_order_of_their_needs() -> None:
    """4 steps: two of them side by side between the first and the last."""
    plan = imported().plan
    assert plan.name == "ship-feature"
    assert [(task.id, task.after, task.line) for task in plan.tasks] == [
        ("design", (), 14),
        ("build", ("design",), 22),
        ("docs", ("design",), 28),
        ("release", ("build", "docs"), 34),
    ]
    assert plan.tasks[2].meta == {"acceptance": "readers understand it"}


def test_a_variable_with_a_default_is_filled_in_and_one_without_is_remarked() -> None:
    found = imported()
    assert found.plan.tasks[3].title == "Release from main"
    assert "It will land on main." in found.plan.tasks[0].prompt
    assert found.plan.tasks[0].title == "Design {{feature}}"
    said = [(remark.line, remark.rule) for remark in found.remarks]
    assert (10, "variable-default") in said
    assert (14, "variable-open") in said
    assert len(found.plan.notes) == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('formula = "x"\n[[steps]\n', 2),
        ('formula = "x"\nsteps = 3\n', 1),
        ('formula = "x"\nsteps = ["a"]\n', 1),
        ("a" + ".a" * 2000 + " = 1", 1),
        ("a = " + "[" * 5000, 1),
        ("a = " + "[" * 300 + "]" * 300, 1),
    ],
)
def test_what_is_no_formula_is_refused(text: str, line: int) -> None:
    with pytest.raises(PlanProblems) as caught:
        import_text(text, file="x.toml", format="gastown")
    assert caught.value.problems[0].line == line
