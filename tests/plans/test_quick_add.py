"""A task from one line: what signs and words mean, what is doubted, and what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentdeck.core.plan import Plan, Task
from agentdeck.plans.keys import Ref
from agentdeck.plans.quick_add.grammar import MAX_AHEAD, Listener, Sure
from agentdeck.plans.quick_add.names import MAX_NEAR, Names
from agentdeck.plans.quick_add.rows import rows_of
from agentdeck.plans.quick_add.understood import QuickAdd, Understood
from agentdeck.plans.quick_add.words import MAX_LINE, words_of
from agentdeck.plans.reader import read_plan

TEXT = """
version = 1
[agents.fast]
command = "fast {prompt}"
[gates.unit]
run = "pytest"
[gates.lint]
run = "ruff"
[pools.gpu]
size = 1
[[phase]]
id = "core"
[[phase]]
id = "docs"
[[task]]
id = "S-1"
title = "one"
phase = "core"
[[task]]
id = "S-2"
title = "two"
[[task]]
id = "S-11"
title = "three"
[[task]]
id = "DOC-007"
title = "four"
phase = "docs"
[[task]]
id = "DOC-008"
title = "five"
phase = "docs"
[[task]]
id = "login"
title = "six"
"""
PLAN = read_plan(TEXT, file="plan.toml")
ADAPTERS = (*PLAN.agent_by_name, "mine")


def heard(line: str, plan: Plan = PLAN) -> Understood:
    return QuickAdd(plan, ADAPTERS).understand(line)


def task_of(line: str) -> Task:
    found = heard(line)
    assert found.faults == ()
    assert found.task is not None
    return found.task


def faults(line: str) -> list[str]:
    found = heard(line)
    assert found.task is None
    return [f"{fault.text}: {fault.hint}" for fault in found.faults]


def test_the_line_of_the_manual() -> None:
    """Every kind of part at once."""
    found = heard("Fix login redirect after S-1 ~30m @codex #auth files src/auth/**")
    assert found.task == Task(
        id="S-12",  # type: ignore[arg-type]
        title="Fix login redirect",
        after=("S-1",),  # type: ignore[arg-type]
        files=("src/auth/**",),
        agent="codex",  # type: ignore[arg-type]
        labels=("auth",),
        estimate_s=1800.0,
    )
    assert {key for key, sure in found.sure.items() if sure is Sure.WORD} == {"after", "files"}
    assert found.sure["id"] is Sure.RULE
    assert found.sure["agent"] is Sure.SIGN


SAYS: list[tuple[str, str, Any]] = [
    ("x @codex:gpt-5", "agent", "codex"),
    ("x @codex:gpt-5", "model", "gpt-5"),
    ("x @MINE", "agent", "mine"),
    ("x by fast", "agent", "fast"),
    ("x @human", "agent", "human"),
    ("x #auth, #api/v2", "labels", ("auth", "api/v2")),
    ("x ~1h30m", "estimate_s", 5400.0),
    ("x ~1h 30 min", "estimate_s", 5400.0),
    ("x about 2 days", "estimate_s", 172_800.0),
    ("x est 45s.", "estimate_s", 45.0),
    ("x ~15k", "tokens", 15_000),
    ("x ~1.5M tokens", "tokens", 1_500_000),
    ("x after S-1, s-2 and S-11", "after", ("S-1", "S-2", "S-11")),
    ("x after S-1,S-2", "after", ("S-1", "S-2")),
    ("x after:s-1 after=S-1", "after", ("S-1",)),
    ("x needs login", "after", ("login",)),
    ("x depends on S-2.", "after", ("S-2",)),
    ("x files src/a/**, docs/*.md README.md", "files", ("src/a/**", "docs/*.md", "README.md")),
    ("x files=src/,docs/", "files", ("src/", "docs/")),
    ("x phase Core", "phase", "core"),
    ("x gates lint, UNIT", "gates", ("lint", "unit")),
    ("x gates none", "gates", ()),
    ("x gates=none", "gates", ()),
    ("x priority 5", "priority", 5),
    ("x priority=-5", "priority", -5),
    ("x risk High", "risk", "high"),
    ("x pool=gpu", "pool", "gpu"),
    ("x land=approve", "land", "approve"),
    ("x exclusive=yes", "exclusive", True),
    ("x retries:3", "retries", 3),
    ("x -- Do it  well", "prompt", "Do it  well"),
    ("OPS-3: x", "id", "OPS-3"),
    ("x id=my-task", "id", "my-task"),
]


@pytest.mark.parametrize(("line", "field", "value"), SAYS)
def test_what_a_part_means(line: str, field: str, value: object) -> None:
    """It is in the task, and no longer in the title."""
    task = task_of(line)
    assert getattr(task, field) == value
    assert task.title == "x"


def test_money_and_tokens_are_one_budget() -> None:
    budget = task_of("x $2.50").budget
    assert (budget.usd, budget.tokens) == (2.5, None)


WORDS = [
    "Look after lunch",  # no task
    "Fix issue #123 of v2",  # an issue, not a tag
    "Move ~/x to $HOME and mail a@b.org",
    "docs: write more",
    "See https://a.org/x?a=b and file://x",
    "Add gates to the garden, by hand",
    '"after S-1" is a title',
    '"@codex" and "~30m" stay',
    "Set x=5 in phase two before noon",
    'A "quote that never ends',
    "in the files of risk and priority",
]


@pytest.mark.parametrize("line", WORDS)
def test_what_looks_like_a_part_and_is_none_stays_in_the_title(line: str) -> None:
    task = task_of(line)
    assert task == Task(id=task.id, title=line.replace('"', "") if line.count('"') > 1 else line)


def test_a_place_in_the_sentence_is_a_footprint_and_stays_in_the_title() -> None:
    task = task_of("Fix the bug in src/auth/login.py")
    assert (task.title, task.files) == ("Fix the bug in src/auth/login.py", ("src/auth/login.py",))


FAULTS = [
    ("x after S-3", 'there is no task "S-3": did you mean S-'),
    ("x after OPS-99", 'there is no task "OPS-99": '),
    ("x after S-1, S-98765", 'there is no task "S-98765": there are S-1, S-2, S-11'),
    ("x after=S-98", 'after: unknown task "S-98"'),
    ("x @codx", 'unknown agent "codx": did you mean "codex"?'),
    ("x ~3x", '"3x" is no time: write ~30m'),
    ("x estimate=soon", 'estimate: expected a time, found "soon"'),
    ("x id=s-1", 'there is a task "S-1" already: S-1-2 is free'),
    ("x id=a/b", '"a/b" cannot be an id'),
    ("S-1: x", 'there is a task "S-1" already'),
    ("x @codex @claude", 'two things are said of agent: "codex" and "claude": keep one of them'),
    ("x land=maybe", 'land: expected one of "auto", "approve", "review", found "maybe"'),
    ("x files /etc/passwd", 'files: "/etc/passwd" is not below the repository'),
    ("x before S-2", '"before S-2" is not understood: a new task can only wait for others'),
    ("x gates=uni", 'gates: unknown gate "uni": did you mean "unit"?'),
    ("@codex ~30m", "nothing says what is to be done"),
    ("x priority=9999999", "priority: expected 1000000 or less"),
    ("x" * (MAX_LINE + 1), "the line has more than 4,000 characters"),
]


@pytest.mark.parametrize(("line", "said"), FAULTS)
def test_what_is_wrong_is_said_with_the_next_step(line: str, said: str) -> None:
    assert any(fault.startswith(said) for fault in faults(line)), faults(line)


def test_all_faults_come_at_once() -> None:
    assert len(faults("x after S-33 @codx ~3x land=maybe")) == 4


def test_a_fault_knows_its_place_and_part() -> None:
    line = "x after S-33 @codx"
    found = heard(line)
    assert [(line[f.start : f.end], f.key) for f in found.faults] == [
        ("S-33", "after"),
        ("@codx", "agent"),
    ]
    wrong = {row.label: row.value for row in rows_of(line, found, PLAN) if row.wrong}
    assert wrong == {"after": "what is said is not known", "agent": "codx"}


def test_a_near_miss_of_a_plain_word_is_only_doubted() -> None:
    found = heard("x after logni")
    assert found.task is not None
    assert found.task.title == "x after logni"
    (doubt,) = found.doubts
    assert doubt.hint == "did you mean the task login?"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("x", "S-12"),  # most ids are counted so
        ("x phase docs", "DOC-009"),  # the phase has its own, with leading zeros
        ("x phase core", "x"),  # one id is no habit
    ],
)
def test_an_id_goes_on_where_the_plan_counts(line: str, wanted: str) -> None:
    assert heard(line).id == wanted


def test_elsewhere_an_id_is_made_of_the_title() -> None:
    plan = Plan(name="p", tasks=(Task(id="a", title="a"), Task(id="fix-it", title="b")))  # type: ignore[arg-type]
    assert heard("Fix it!", plan).id == "fix-it-2"
    assert heard("Ein längerer Titel, der nicht passt", plan).id == "ein-l-ngerer-titel-der-n"
    assert heard("数", plan).id == "plan"


def test_rows_say_where_a_guess_comes_from_and_what_holds_otherwise() -> None:
    line = "x after S-1 @fast"
    rows = {row.label: row for row in rows_of(line, heard(line), PLAN)}
    assert rows["after"].note == "from “after S-1”"
    assert rows["agent"].value == "fast"
    assert (rows["gates"].value, rows["gates"].sure) == ("unit, lint", Sure.RULE)
    assert rows["lands"].value == "when it is green"
    first = [row.label for row in rows_of("", heard(""), PLAN)]
    assert [row.label for row in rows_of(line, heard(line), PLAN)] == first


# --- any line ------------------------------------------------------------------------------------

PIECES = (
    "after before needs depends on files in by phase gates none and & , ; . : -- @ @codex @x:y # "
    '#a ~ ~1h ~9 30m $ $2 S-1 S-99 login logni core unit a/b * " x=1 after= id=S-1 id= env=a '
    "priority 5 risk high about estimate=1h prompt=x line=3 meta=x S-1: 数 \u202e \x00 ~1e9"
).split(" ")
LINES = st.lists(st.sampled_from(PIECES) | st.text(max_size=6), max_size=30).map(" ".join)


@given(LINES)
def test_any_line_is_understood_or_faulted(line: str) -> None:
    """Never an exception; a task only without faults, and every place is one of the line."""
    found = heard(line)
    assert (found.task is None) or not found.faults
    assert found.task is not None or found.faults or not line.strip()
    places = [(wish.start, wish.end) for wish in found.wishes]
    places += [(remark.start, remark.end) for remark in (*found.faults, *found.doubts)]
    assert all(-1 <= start <= end <= len(line) for start, end in places)
    rows_of(line, found, PLAN)


@given(LINES)
def test_a_task_that_comes_of_a_line_is_one_that_a_plan_may_have(line: str) -> None:
    """Its names exist, its id is new and its paths are below the repository."""
    task = heard(line).task
    if task is not None:
        assert task.id not in PLAN.by_id
        assert set(task.after) <= set(PLAN.by_id)
        assert task.agent is None or task.agent in ADAPTERS
        assert not any(path.startswith("/") or ".." in path for path in task.files)
        assert task.title


class Counted(list[Any]):
    """Words that count how often one of them is looked at."""

    def __init__(self, words: list[Any]) -> None:
        super().__init__(words)
        self.looks = 0

    def __getitem__(self, at: Any) -> Any:
        self.looks += len(range(*at.indices(len(self)))) if isinstance(at, slice) else 1
        return super().__getitem__(at)


@given(st.lists(st.sampled_from(PIECES), max_size=400).map(" ".join))
@example(" ".join(["after logni"] * 100))
@example(" ".join(["after S-99"] * 100))
@example(",".join(["S-1"] * 400))
def test_the_work_grows_with_the_line(line: str) -> None:
    """Each word is looked at a bounded number of times, however they stand together, and names are
    compared with all others only so often.
    """
    words = Counted(words_of(line))
    names = Names(PLAN, ADAPTERS)
    compared: list[str] = []
    near = names.near

    def counted(ref: Ref, text: str) -> str | None:
        compared.append(text)
        return near(ref, text)

    names.near = counted  # type: ignore[method-assign]
    Listener(line, words, names).listen()
    assert words.looks <= (MAX_AHEAD + 9) * len(words)
    assert len(compared) <= MAX_NEAR
