"""The table `[review]` and `review` of a task: who may review what, at the door."""

from __future__ import annotations

import pytest

from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Land, ReviewRules
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

T = TaskId("T")
PLAN = """version = 1
[plan]
land = "review"
[defaults]
agent = "claude"
[review]
by = "{by}"
rounds = 3
[agents.helper]
use = "claude"
fallback = ["gemini"]
[[task]]
id = "T"
prompt = "x"
{more}
"""


def read(by: str, more: str = "") -> str:
    """The problems of a plan, or what was read of it."""
    try:
        plan = read_plan(PLAN.format(by=by, more=more), file="p.toml")
    except PlanProblems as problems:
        return str(problems)
    assert read_plan(write_plan(plan), file="p.toml") == plan
    return str(plan.settings(T).reviewer)


def test_a_plan_names_its_reviewer_and_is_written_as_it_was_read() -> None:
    """An agent that does none of the work, with what else the table says; or a person."""
    plan = read_plan(PLAN.format(by="codex", more=""), file="p.toml")
    assert plan.review == ReviewRules(by="codex", rounds=3)
    assert plan.agent_by_name[AgentName("codex")].use == "codex"
    assert read("codex") == "codex"
    assert read("person") == "None"


def test_a_task_may_name_another_reviewer_and_is_reviewed_then() -> None:
    """`review` of a task says `land = "review"` too, unless the task says otherwise itself."""
    text = PLAN.format(by="person", more='review = "codex"').replace('land = "review"\n', "")
    settings = read_plan(text, file="p.toml").settings(T)
    assert (settings.land, settings.reviewer) == (Land.REVIEW, "codex")
    assert read("codex", 'review = "person"') == "None"
    assert read("codex", 'land = "auto"') == "None"


@pytest.mark.parametrize(
    ("by", "more", "line", "words"),
    [
        ("claude", "", 7, '"claude" does task "T" itself'),
        ("codex", 'agent = "codex"', 7, '"codex" does task "T" itself'),
        ("gemini", 'agent = "helper"', 7, '"gemini" may have to do task "T" itself'),
        ("codex", 'review = "claude"', 15, '"claude" does task "T" itself'),
        ("human", "", 7, '"human" is a person'),
        ("codx", "", 7, "did you mean"),
        ("nobody", "", 7, "unknown agent"),
    ],
)
def test_who_cannot_review_is_refused_with_the_line_and_a_hint(
    by: str, more: str, line: int, words: str
) -> None:
    """The doer, also as a fallback; a person by an agent's name; somebody who is not there."""
    said = read(by, more)
    assert f"p.toml:{line}" in said
    assert words in said
