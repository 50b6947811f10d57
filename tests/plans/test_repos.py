"""Plans with several repositories, and what is refused in them."""

from __future__ import annotations

import pytest

from agentdeck.core.plan import Plan
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

HEAD = """\
version = 1
[repos.web]
path = "../web"
base = "main"
[gates.pages]
run = "npm test"
when = "merge"
repo = "web"
[gates.unit]
run = "make test"
when = "merge"
[gates.both]
run = "true"
when = "merge"
repo = [".", "web"]
"""


def task(name: str, **keys: object) -> str:
    rows = [f'[[task]]\nid = "{name}"\nprompt = "x"']
    for key, value in keys.items():
        said = f'"{value}"' if isinstance(value, str) else str(value).lower()
        rows.append(f"{key} = {said}".replace("'", '"'))
    return "\n".join([*rows, ""])


def read(*tasks: str, head: str = HEAD) -> Plan:
    return read_plan(head + "".join(tasks), file="p.toml")


def said(*tasks: str, head: str = HEAD) -> str:
    """What is wrong with a plan of these tasks."""
    with pytest.raises(PlanProblems) as found:
        read(*tasks, head=head)
    return "\n".join(one.message for one in found.value.problems)


def test_a_plan_of_two_repositories_is_read_and_written() -> None:
    plan = read(task("A"), task("B", repo="web", land_with="A"), task("C", repo="web", after="A"))
    assert plan.lanes == ("", "web")
    assert [plan.repo_of(one.id) for one in plan.tasks] == ["", "web", "web"]
    assert plan.group_of == {"A": ("A", "B"), "B": ("A", "B")}
    assert [plan.settings(one.id).gates for one in plan.tasks] == [
        ("unit", "both"),
        ("pages", "unit", "both"),
        ("pages", "unit", "both"),
    ]
    assert read_plan(write_plan(plan), file="p.toml") == plan


def test_who_lands_together_goes_both_ways_and_on() -> None:
    plan = read(task("A", land_with="B"), task("B"), task("C", land_with="B"), task("D"))
    assert plan.group_of == dict.fromkeys("ABC", ("A", "B", "C"))


def test_a_plan_without_repositories_has_one_lane() -> None:
    plan = read(task("A"), head="version = 1\n")
    assert (plan.lanes, plan.group_of) == (("",), {})


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ((task("A", repo="wbe"),), 'unknown repository "wbe"'),
        ((task("A", land_with="B"),), 'unknown task "B"'),
        ((task("A", land_with="A"),), "would land together with itself"),
        ((task("A", gates=["pages"]),), 'gate "pages" is not for work in the plan\'s own'),
        ((task("A", land_with="B", after="B"), task("B")), "neither can ever land"),
        (
            (task("A", land_with="B"), task("B", after="C"), task("C", after="A")),
            "A + B -> C -> A + B",
        ),
        (
            (
                task("A", land_with="B"),
                task("B", after="D"),
                task("C", land_with="D", after="A"),
                task("D"),
            ),
            "groups that land together wait for each other",
        ),
        ((task("A", land_with="B", exclusive=True), task("B")), "A works alone"),
        ((task("A", land_with="B", defer="later"), task("B")), "A is deferred"),
        (
            (task("A", land_with="B", files=["src/"]), task("B", files=["src/x.py"])),
            "both touch src/",
        ),
    ],
)
def test_what_could_never_land_is_refused(tasks: tuple[str, ...], words: str) -> None:
    assert words in said(*tasks)


def test_a_barrier_inside_of_a_group_is_refused() -> None:
    phases = '[[phase]]\nid = "one"\nsync = true\n[[phase]]\nid = "two"\n'
    found = said(task("A", phase="one", land_with="B"), task("B", phase="two"), head=HEAD + phases)
    assert "a barrier lies between A, B, which land together" in found


def test_a_group_that_waits_for_what_is_behind_its_own_barrier_is_refused() -> None:
    """A must land before phase one closes, B waits for C, and C for that."""
    phases = '[[phase]]\nid = "one"\nsync = true\n[[phase]]\nid = "two"\n'
    found = said(
        task("A", phase="one", land_with="B"),
        task("B", after="C"),
        task("C", phase="two"),
        head=HEAD + phases,
    )
    assert "neither can ever start" in found


def test_the_same_files_in_two_repositories_may_be_touched_together() -> None:
    plan = read(task("A", land_with="B", files=["src/"]), task("B", repo="web", files=["src/x.py"]))
    assert len(plan.group_of) == 2


def test_names_that_differ_only_in_case_are_refused() -> None:
    """They become folders, and not every disk tells them apart."""
    found = said(task("A"), head=HEAD + '[repos.WEB]\npath = "../web"\n')
    assert '"WEB" differs from "web" only in case' in found


def test_a_repository_needs_a_path() -> None:
    assert "`path` is missing" in said(task("A"), head="version = 1\n[repos.web]\n")
