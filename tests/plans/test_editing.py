"""Edits of plan files: the wanted lines change, and not one byte of the others."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdeck.core.errors import DeckError, NotFoundError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.plans.editing import verbs
from agentdeck.plans.editing.layout import elements, statements
from agentdeck.plans.editing.plantext import PlanText
from agentdeck.plans.editing.verbs import Verb, edited
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan
from agentdeck.testing.counted_calls import calls_of
from agentdeck.testing.plan_strategies import plans

SAMPLES = sorted((Path(__file__).parents[2] / "sample_plans").glob("*.toml"))

PLAN = """\
# A plan with remarks.
version = 1   # the format

[plan]
name = "demo"
agents = 4    # as many as fit

[gates.unit]
run = 'make   test'

[[phase]]
id = "p1"

[[phase]]
id = "p2"   # after p1

# about A,
# in two lines
[[task]]
  id = "A"
  title = 'Start'   # a title
  phase = "p1"
  estimate = "30min"
  tokens = 3_000
# and below A

[[task]]
id = "B"
prompt = \"\"\"
[[task]]   # only text
id = "X"
\"\"\"
after = [
    # first of all
    "A",  # because
]
phase = "p1"
files = ["src/b.py", 'docs/']
[task.env]
LEVEL = "1"

# about C

[[task]]
id = "C"
title = "Last"
after = ["A", "B"]   # both
phase = "p2"

[[note]]
kind = "remark"
text = "the end"
# no line break at the end"""


def changed(verb: Verb, *swaps: tuple[str, str], text: str = PLAN) -> None:
    """The edit gives the text with each of these pieces swapped, each of which is there once."""
    expected = text
    for old, new in swaps:
        assert expected.count(old) == 1, old
        expected = expected.replace(old, new)
    assert edited(text, verb, file="plan.toml").after == expected
    crlf = edited(text.replace("\n", "\r\n"), verb, file="plan.toml").after
    assert crlf == expected.replace("\n", "\r\n")


def of(text: str, verb: Verb) -> Plan:
    return edited(text, verb, file="plan.toml").plan


def assign(*words: str) -> Verb:
    name, pairs = (None, words) if "=" in words[0] else (words[0], words[1:])
    return partial(verbs.assign, name=name, words=pairs)


NEW = '[[task]]\nid = "D"\ntitle = "New"\n'
EDITS: list[tuple[Verb, list[tuple[str, str]]]] = [
    (assign("A", "title=Begin"), [("'Start'   #", '"Begin"   #')]),
    (assign("A", "prompt=x", "title="),
     [("  title = 'Start'   # a title\n", '  prompt = "x"\n')]),
    (assign("A", "prompt=Do it"), [("# a title\n", '# a title\n  prompt = "Do it"\n')]),
    (assign("B", "priority=3"), [("'docs/']\n", "'docs/']\npriority = 3\n")]),
    (assign("B", "env.LEVEL=2"), [('LEVEL = "1"', 'LEVEL = "2"')]),
    (assign("B", "env.MORE=x"), [('LEVEL = "1"\n', 'LEVEL = "1"\nMORE = "x"\n')]),
    (assign("C", "env.LEVEL=2"), [('phase = "p2"\n\n', 'phase = "p2"\nenv.LEVEL = "2"\n\n')]),
    (assign("B", "files+=x.py"), [("'docs/']", "'docs/', \"x.py\"]")]),
    (assign("B", "files-=src/b.py"), [("[\"src/b.py\", 'docs/']", '["docs/"]')]),
    (assign("C", "files+=x.py"), [('phase = "p2"\n\n', 'phase = "p2"\nfiles = ["x.py"]\n\n')]),
    (assign("A", "tokens=12K"), [("3_000", '"12K"')]),
    (assign("C", "human=yes"), [('phase = "p2"\n\n', 'phase = "p2"\nhuman = true\n\n')]),
    (assign("C", "phase="), [('phase = "p2"\n', "")]),
    (assign("plan.agents=8"), [("agents = 4    #", "agents = 8    #")]),
    (assign("plan.land=review"), [('"demo"\n', '"demo"\nland = "review"\n')]),
    (assign("gates.unit.timeout=5min"), [("test'\n", "test'\ntimeout = \"5min\"\n")]),
    (assign("phase.p2.title=Two"), [("# after p1\n", '# after p1\ntitle = "Two"\n')]),
    (assign("phase.p3.sync=true"),
     [("# after p1\n", '# after p1\n\n[[phase]]\nid = "p3"\nsync = true\n')]),
    (assign("defaults.retries=1"),
     [("as many as fit\n", "as many as fit\n\n[defaults]\nretries = 1\n")]),
    (assign("pools.gpu.size=2"), [("make   test'\n", "make   test'\n\n[pools.gpu]\nsize = 2\n")]),
    (partial(verbs.unlink, name="B", needed="A"), [
        ('after = [\n    # first of all\n    "A",  # because\n]\n', "")]),
    (partial(verbs.unlink, name="C", needed="A"), [('["A", "B"]', '["B"]')]),
    (partial(verbs.defer, name="C", reason="not now"),
     [('"p2"\n\n', '"p2"\ndefer = "not now"\n\n')]),
    (
        partial(verbs.add, name="D", values={"title": "New", "after": ["C"]}),
        [('phase = "p2"\n\n', f'phase = "p2"\n\n{NEW}after = ["C"]\n\n')],
    ),
    (
        partial(verbs.add, name="D", values={"title": "New", "phase": "p1"}),
        [('"1"\n', '"1"\n\n[[task]]\nid = "D"\ntitle = "New"\nphase = "p1"\n')],
    ),
    (
        partial(verbs.add, name="D", values={"title": "New"}, behind="A"),
        [("# and below A\n", '# and below A\n\n[[task]]\nid = "D"\ntitle = "New"\n')],
    ),
    (
        partial(verbs.drop, name="C"),
        [('[[task]]\nid = "C"\ntitle = "Last"\nafter = ["A", "B"]   # both\nphase = "p2"\n\n', "")],
    ),
    (
        partial(verbs.move, name="C", phase="p1"),
        [('# both\nphase = "p2"', '# both\nphase = "p1"')],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "swaps"), EDITS)
def test_only_what_is_edited_changes(verb: Verb, swaps: list[tuple[str, str]]) -> None:
    """Comments, blanks, quotes, indentation and line endings of all else stay, to the byte."""
    changed(verb, *swaps)


def test_a_name_joins_a_list_of_own_lines_on_a_line_of_its_own() -> None:
    """The comment of the line before stays with it; the comma comes where one was missing."""
    text = PLAN.replace('id = "A"', 'id = "A2"').replace('["A", "B"]', '["B"]')
    text = text.replace('"A",  # because', '"A2"  # because').replace(
        "# about C\n", '[[task]]\nid = "D"\ntitle = "D"\n'
    )
    changed(
        partial(verbs.link, name="B", needed="D"),
        ('    "A2"  # because\n', '    "A2",  # because\n    "D",\n'),
        text=text,
    )


def test_a_link_is_made_from_nothing_from_one_name_and_from_an_empty_list() -> None:
    text = 'version = 1\n[[task]]\nid = "A"\ntitle = "a"\n[[task]]\nid = "B"\ntitle = "b"\n'
    add = partial(verbs.link, name="B", needed="A")
    changed(add, ('title = "b"\n', 'title = "b"\nafter = ["A"]\n'), text=text)
    changed(add, ("after = []", 'after = ["A"]'), text=text + "after = []\n")
    three = text + 'after = "C" # c\n[[task]]\nid = "C"\ntitle = "c"\n'
    changed(add, ('after = "C"', 'after = ["C", "A"]'), text=three)
    gone = partial(verbs.unlink, name="B", needed="C")
    changed(gone, ('after = "C" # c\n', ""), text=three)


def test_a_task_moves_with_its_comments_and_its_tables() -> None:
    verb = partial(verbs.move, name="A", behind="B")
    a = PLAN[PLAN.index("# about A") : PLAN.index("# and below A")] + "# and below A\n"
    without = PLAN.replace(a + "\n", "")
    expected = without.replace('LEVEL = "1"\n', f'LEVEL = "1"\n\n{a}')
    assert edited(PLAN, verb, file="p").after == expected
    back = partial(verbs.move, name="A", before="B")
    assert edited(expected, back, file="p").after == PLAN


def test_a_task_goes_to_the_end_of_its_new_phase() -> None:
    plan = of(PLAN, partial(verbs.move, name="A", phase="p2"))
    assert [task.id for task in plan.tasks] == ["B", "C", "A"]
    assert plan.by_id[TaskId("A")].phase == "p2"
    plan = of(PLAN, partial(verbs.move, name="C", phase="", before="A"))
    assert [task.id for task in plan.tasks] == ["C", "A", "B"]
    assert plan.by_id[TaskId("C")].phase is None


def test_a_task_that_is_moved_to_where_it_stands_changes_nothing() -> None:
    for verb in (
        partial(verbs.move, name="B", behind="A"),
        partial(verbs.move, name="C", phase="p2"),
    ):
        assert edited(PLAN, verb, file="p").after == PLAN


def test_a_split_is_a_chain_or_side_by_side() -> None:
    """The parts share out the estimate, and whoever waited for the task waits for its end."""
    plan = of(PLAN, partial(verbs.split, name="A", parts=["A1", "A2", "A3"]))
    assert [task.id for task in plan.tasks] == ["A1", "A2", "A3", "B", "C"]
    assert [task.after for task in plan.tasks] == [
        (), ("A1",), ("A2",), ("A3",), ("A3", "B"),
    ]  # fmt: skip
    assert [task.estimate_s for task in plan.tasks[:3]] == [600.0] * 3
    assert [task.tokens for task in plan.tasks[:3]] == [1000] * 3
    assert [task.title for task in plan.tasks[:2]] == ["Start (1/3)", "Start (2/3)"]
    plan = of(PLAN, partial(verbs.split, name="B", parts=["B", "B2"], parallel=True))
    assert plan.by_id[TaskId("B2")].after == ("A",)
    assert plan.by_id[TaskId("B2")].env == {"LEVEL": "1"}
    assert plan.by_id[TaskId("C")].after == ("A", "B", "B2")


def test_a_split_keeps_the_comments_of_the_task() -> None:
    found = edited(PLAN, partial(verbs.split, name="A", parts=["A1", "A2"]), file="p").after
    assert '# in two lines\n[[task]]\n  id = "A1"\n  title = "Start (1/2)"   # a title' in found
    assert '# and below A\n\n[[task]]\nid = "A2"' in found


def test_a_task_that_is_dropped_hands_its_dependencies_on() -> None:
    plan = of(PLAN, partial(verbs.drop, name="B", relink=True))
    assert [task.id for task in plan.tasks] == ["A", "C"]
    assert plan.by_id[TaskId("C")].after == ("A",)
    with pytest.raises(UsageError, match="C waits for B"):
        of(PLAN, partial(verbs.drop, name="B"))


def test_claims_follow_the_tasks_they_name() -> None:
    claim = '\n[[claim]]\nwhat = "path"\nstated = "x"\nlow = 1\nhigh = 1\ntasks = ["A", "B"]\n'
    plan = of(PLAN + claim, partial(verbs.split, name="A", parts=["A1", "A2"]))
    assert plan.claims[0].tasks == ("A1", "A2", "B")
    plan = of(PLAN + claim, partial(verbs.drop, name="A", relink=True))
    assert plan.claims[0].tasks == ("B",)


def test_a_mark_of_the_byte_order_stays() -> None:
    found = edited("\ufeff" + PLAN, assign("A", "title=x"), file="p")
    assert found.after.startswith("\ufeff# A plan")


def test_tasks_in_one_array_are_written_out_first() -> None:
    text = (
        'version = 1\ntask = [{id = "A", title = "a", env = {X = "1"}}, {id = "B", title = "b"}]\n'
    )
    found = edited(text + '[plan]\nname = "x"\n', assign("B", "title=c"), file="p")
    assert '[[task]]\nid = "B"\ntitle = "c"\n' in found.after
    assert found.plan.by_id[TaskId("A")].env == {"X": "1"}


def test_a_task_in_pieces_is_moved_and_dropped_whole() -> None:
    """`[task.env]` may stand far below its `[[task]]`."""
    text = 'version = 1\n[[task]]\nid = "A"\ntitle = "a"\n[plan]\nname = "x"\n[task.env]\nX = "1"\n'
    text += '[[task]]\nid = "B"\ntitle = "b"\n'
    plan = of(text, partial(verbs.move, name="A", behind="B"))
    assert [task.id for task in plan.tasks] == ["B", "A"]
    assert plan.by_id[TaskId("A")].env == {"X": "1"}
    assert "X" not in edited(text, partial(verbs.drop, name="A"), file="p").after


def test_dotted_and_inline_tables_are_edited_where_they_are() -> None:
    task = '[[task]]\nid = "A"\ntitle = "a"\n'
    dotted = 'version = 1\nplan.name = "x"\n' + task
    found = edited(dotted, assign("plan.agents=3"), file="p").after
    assert found == dotted.replace('"x"\n', '"x"\nplan.agents = 3\n')
    inline = 'version = 1\nplan = { name = "x" } # c\n' + task
    found = edited(inline, assign("plan.agents=3"), file="p").after
    assert found == inline.replace('{ name = "x" }', '{ name = "x", agents = 3 }')


REFUSED: list[tuple[Verb, type[DeckError], str]] = [
    (assign("Z", "title=x"), NotFoundError, "has no task"),
    (assign("A", "titel=x"), UsageError, "unknown key"),
    (assign("A", "id=x"), UsageError, "an id cannot be changed"),
    (assign("A", "title+=x"), UsageError, "is no list"),
    (assign("A", "title"), UsageError, "sets nothing"),
    (assign("title=x"), UsageError, "is a key of a task"),
    (assign("paln.agents=3"), UsageError, "there is no table"),
    (assign("A", "env=3"), UsageError, "does not go so deep"),
    (assign("A", "title.x=3"), UsageError, "there is no table"),
    (assign("note.x.text=3"), UsageError, "have no names"),
    (assign("gates.unit=3"), UsageError, "names no key"),
    (assign("A", "files=[1"), UsageError, "is no list"),
    (assign("A", "estimate=soon"), PlanProblems, "estimate"),
    (assign("A", "phase=p9"), PlanProblems, "p9"),
    (assign("plan.agents=0"), PlanProblems, "agents"),
    (partial(verbs.link, name="A", needed="C"), PlanProblems, "dependency loop"),
    (partial(verbs.link, name="C", needed="A"), UsageError, "waits for A already"),
    (partial(verbs.link, name="C", needed="Z"), NotFoundError, "has no task"),
    (partial(verbs.unlink, name="A", needed="C"), UsageError, "does not wait for C"),
    (partial(verbs.add, name="A", values={"title": "x"}), UsageError, "there is a task A already"),
    (partial(verbs.add, name="a b", values={"title": "x"}), UsageError, "cannot be the id"),
    (partial(verbs.add, name="D", values={}), PlanProblems, "neither a title nor a prompt"),
    (partial(verbs.split, name="A", parts=["X"]), UsageError, "2 to 100 parts"),
    (partial(verbs.split, name="A", parts=["X", "X"]), UsageError, "same id"),
    (partial(verbs.split, name="A", parts=["X", "B"]), UsageError, "there is a task B"),
    (partial(verbs.move, name="A", before="A"), UsageError, "cannot stand beside itself"),
    (partial(verbs.defer, name="A", reason="no"), PlanProblems, "would wait for ever"),
]


@pytest.mark.parametrize(("verb", "error", "words"), REFUSED)
def test_what_cannot_be_is_said_in_one_error(
    verb: Verb, error: type[DeckError], words: str
) -> None:
    with pytest.raises(error) as caught:
        edited(PLAN, verb, file="plan.toml")
    assert words in caught.value.message


@pytest.mark.parametrize(
    "text",
    ["", "x", "version = 1\n", "task = 3\n", "version = 1\n[task]\nid = 1\n", "[[", "a.b = 1\n",
     "task = [1]\n", "[[task]]\n", "[[task]]\nid = 3\n", "x = " + "[" * 5000],
)  # fmt: skip
@pytest.mark.parametrize(
    "verb",
    [
        assign("A", "title=x"),
        partial(verbs.drop, name="A"),
        partial(verbs.add, name="A", values={"title": "x"}),
    ],
)
def test_no_text_leads_to_more_than_an_error(text: str, verb: Verb) -> None:
    with suppress(DeckError):
        edited(text, verb, file="plan.toml")


def test_an_edit_may_remove_the_problem_of_a_plan() -> None:
    loop = PLAN.replace('estimate = "30min"', 'after = "C"')
    with pytest.raises(PlanProblems):
        read_plan(loop, file="p")
    mended = of(loop, partial(verbs.unlink, name="A", needed="C"))
    assert mended.by_id[TaskId("A")].after == ()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_task_of_the_samples_can_be_edited_alone(sample: Path) -> None:
    """One line is added to the text, behind a line of the task; all others are as they were."""
    text = sample.read_text(encoding="utf-8")
    plan = read_plan(text, file=sample.name)
    for task in plan.tasks[:: max(1, len(plan.tasks) // 6)]:
        found = edited(text, assign(task.id, "priority=77"), file=sample.name)
        lines = found.after.splitlines(keepends=True)
        at = lines.index("priority = 77\n")
        before = text.splitlines(keepends=True)
        replaced = len(lines) == len(before)
        assert lines[:at] + before[at : at + replaced] + lines[at + 1 :] == before
        tasks = tuple(
            msgspec.structs.replace(t, priority=77) if t is task else t for t in plan.tasks
        )
        assert found.plan == msgspec.structs.replace(plan, tasks=tasks)


def _titled(plan: Plan, name: str, title: str) -> Plan:
    tasks = tuple(
        msgspec.structs.replace(task, title=title) if task.id == name else task
        for task in plan.tasks
    )
    return msgspec.structs.replace(plan, tasks=tasks)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(plans(), st.data())
def test_any_plan_takes_an_edit_of_one_value_and_nothing_else(
    plan: Plan, data: st.DataObject
) -> None:
    """Whatever stands in the texts of a plan, the edit finds its way through them."""
    text = write_plan(plan)
    name = data.draw(st.sampled_from(plan.tasks)).id
    found = edited(text, assign(name, "title=Another one"), file="plan.toml")
    assert found.plan == _titled(read_plan(text, file="plan.toml"), name, "Another one")
    apart = of(found.after, partial(verbs.add, name="Zz-new", values={"title": "x"}))
    dropped = of(write_plan(apart), partial(verbs.drop, name="Zz-new"))
    assert dropped.by_id == found.plan.by_id


@settings(deadline=None)
@given(plans())
def test_the_statements_of_a_text_are_its_lines(plan: Plan) -> None:
    """Every line that is no comment and not blank belongs to exactly one statement."""
    text = write_plan(plan)
    at = 0
    for statement in statements(text):
        assert not text[at : statement.line].strip()
        assert statement.line <= statement.value <= statement.value_end <= statement.end
        at = statement.end
    assert not text[at:].strip()


def test_the_elements_of_an_array_are_found() -> None:
    text = '[ "a,]", # ["x"]\n [1, 2], {b = "}"}, 3 ,]'
    assert [text[start:end] for start, end in elements(text, 0)] == [
        '"a,]"', "[1, 2]", '{b = "}"}', "3",
    ]  # fmt: skip


def _long(tasks: int) -> str:
    one = (
        '# {n}\n[[task]]\nid = "T{n}"\ntitle = "x"\nprompt = """\n{text}\n"""\nfiles = ["a/{n}"]\n'
    )
    text = "a line of a prompt\n" * 5
    return "version = 1\n" + "".join(one.format(n=n, text=text) for n in range(tasks))


def test_the_work_of_an_edit_grows_with_the_text() -> None:
    """Eight times the tasks, less than twelve times the calls, also when all of them change."""
    hub = "T0"

    def text_of(tasks: int) -> str:
        return (
            _long(tasks)
            .replace('title = "x"\n', f'title = "x"\nafter = ["{hub}"]\n')
            .replace(f'after = ["{hub}"]\n', "", 1)
        )

    def drop(tasks: int) -> int:
        text = text_of(tasks)
        verb = partial(verbs.drop, name=hub, relink=True)
        return calls_of(lambda: edited(text, verb, file="p"))

    drop(20)  # what is made once for all
    assert drop(800) < 12 * drop(100)


def test_a_text_is_read_once_for_many_changes() -> None:
    plan = PlanText(PLAN, file="p")
    plan.set(("task", 0, "title"), "x")
    plan.set(("task", 2, "title"), "y")
    plan.commit()
    assert [task["title"] for task in (plan.document["task"][0], plan.document["task"][2])] == [
        "x", "y",
    ]  # fmt: skip
