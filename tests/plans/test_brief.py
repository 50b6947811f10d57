"""The brief of a task as texts, and the plan that edited ones make."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from agentdeck.core.ids import AgentName, GateName, TaskId
from agentdeck.core.plan import Gate, Plan, Task
from agentdeck.plans.editing.brief import Faults, brief_of, with_brief
from agentdeck.testing import builders
from agentdeck.testing.plan_strategies import plans

A, B = TaskId("A"), TaskId("B")


def plan() -> Plan:
    return builders.plan(
        builders.task("A", prompt="Do it.", files=("src/a.py", "docs/")),
        builders.task("B<A"),
        gates=(Gate(GateName("unit"), ("true",)), Gate(GateName("lint"), ("true",))),
    )


def test_edited_fields_are_read_as_a_plan_file_says_them() -> None:
    """All of them at once; what was not edited, and every other task, stays."""
    edits = {
        "prompt": "Do it well.\n\n\"\"\" and ''' and \\ stay.\n",
        "files": "src/, tests/**/*.py",
        "gates": "unit",
        "model": "opus",
        "estimate": "1h 30min",
    }
    before = plan()
    after = with_brief(before, A, edits)
    task = after.by_id[A]
    assert task.prompt == edits["prompt"]
    assert (task.files, task.gates) == (("src/", "tests/**/*.py"), (GateName("unit"),))
    assert (task.model, task.estimate_s) == ("opus", 5400.0)
    assert (task.title, task.after) == (before.by_id[A].title, before.by_id[A].after)
    assert after.by_id[B] is before.by_id[B]


def test_an_emptied_field_is_as_the_plan_has_it_and_none_of_the_gates_is_written_so() -> None:
    """No text takes the key out; an empty list of gates is another thing than none said."""
    task = with_brief(plan(), A, {"files": " ", "gates": "[]"}).by_id[A]
    assert (task.files, task.gates) == ((), ())
    assert brief_of(task)["gates"] == "[]"
    assert with_brief(plan(), A, {"gates": ""}).by_id[A].gates is None


def test_an_agent_that_is_known_here_comes_with_the_edit() -> None:
    """Another name is refused."""
    after = with_brief(plan(), A, {"agent": "codex"}, adapters=("codex",))
    assert after.by_id[A].agent == AgentName("codex")
    assert AgentName("codex") in after.agent_by_name


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("estimate", "soon", "soon"),
        ("gates", "unti", "did you mean"),
        ("agent", "nobody", "nobody"),
        ("files", "/etc/passwd", "/etc/passwd"),
        ("files", "[1", "no list"),
        ("prompt", "x" * 1_000_001, "1,000,000"),
    ],
)
def test_what_a_plan_file_may_not_say_is_refused_by_field(field: str, text: str, said: str) -> None:
    """In the words of the checker, at the field that is wrong."""
    with pytest.raises(Faults) as found:
        with_brief(plan(), A, {field: text})
    assert list(found.value.found) == [field]
    assert said in found.value.found[field]


@given(plans())
@settings(max_examples=8)  # a plan takes a second to think up, and each has several tasks
def test_the_texts_of_a_task_read_back_as_the_task(made: Plan) -> None:
    """For every field that says something: the editor changes nothing by itself."""
    for task in made.tasks[:3]:
        texts = brief_of(task)
        edits = {name: texts[name] for name in ("files", "gates", "estimate") if texts[name]}
        assert with_brief(made, task.id, edits).by_id[task.id] == task


def test_a_prompt_keeps_every_character() -> None:
    """Also returns and characters that TOML has to escape."""
    for prompt in ("a\r\nb", "tab\there", 'quo"te', "back\\slash", "\n\nlead", "é中\U0001f600"):
        assert with_brief(plan(), A, {"prompt": prompt}).by_id[A].prompt == prompt


def test_a_task_without_a_title_needs_a_prompt() -> None:
    """As in a plan file."""
    made = Plan(name="p", tasks=(Task(id=A, prompt="x"),))
    with pytest.raises(Faults):
        with_brief(made, A, {"prompt": ""})
