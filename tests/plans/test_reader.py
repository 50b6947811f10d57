"""A wrong plan is explained completely, at the right lines; a right one is read as it says."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.errors import EXIT_USAGE
from agentdeck.core.ids import GateName, TaskId
from agentdeck.core.plan import Gate, GateWhen, Hook, Land, OnExceed, Plan, RouteMatch, Strategy
from agentdeck.plans.problems import PlanProblems, Problem
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan
from agentdeck.testing.plan_strategies import plans

TASK = '[[task]]\nid = "a"\nprompt = "do"\n'


def problems(text: str) -> tuple[Problem, ...]:
    """What is wrong with a text; it must be something."""
    with pytest.raises(PlanProblems) as caught:
        read_plan(text, file="plan.toml")
    assert caught.value.exit_code == EXIT_USAGE
    return caught.value.problems


def only(text: str) -> Problem:
    """The one thing that is wrong with a text."""
    found = problems(text)
    assert len(found) == 1, found
    return found[0]


def test_five_different_mistakes_come_out_at_once_with_their_lines() -> None:
    """Unknown dependency, loop, misspelt key, dangerous id, bad time: one look is enough."""
    text = """version = 1
[plan]
name = "p"
[[task]]
id = "parse"
prompt = "x"
after = ["rendr"]
[[task]]
id = "render"
prompt = "x"
after = ["merge"]
[[task]]
id = "merge"
pormpt = "x"
after = ["parse", "render"]
[[task]]
id = "../../etc"
prompt = "x"
[[task]]
id = "slow"
prompt = "x"
estimate = "soon"
"""
    found = problems(text)
    assert [problem.line for problem in found] == [7, 11, 14, 17, 22]
    unknown, loop, misspelt, bad_id, bad_time = map(str, found)
    assert 'unknown task "rendr"' in unknown
    assert 'did you mean "render"?' in unknown
    assert "render -> merge -> render" in loop
    assert misspelt == (
        "plan.toml:14: task merge, pormpt: unknown key\n  hint: did you mean `prompt`?"
    )
    assert '"../../etc" cannot be an id' in bad_id
    assert 'expected a time, found "soon"' in bad_time
    assert "number of seconds" in bad_time


def test_one_slip_of_the_finger_is_one_problem() -> None:
    """A misspelt key is not reported as missing as well."""
    assert only(f"version = 1\n[gates.unit]\nrnu = 'x'\n{TASK}").line == 3
    assert only(f"version = 1\n[agents.x]\ncomand = 'x'\n{TASK}").line == 3
    assert only("version = 1\n[[task]]\nid = 'a'\npromt = 'x'\n").line == 4


def test_the_same_slip_in_every_table_is_told_of_each() -> None:
    """Tables that name the same keys are read alike, and none of them hides behind another."""
    text = "version = 1\n" + 3 * '[[task]]\nprompt = "x"\nfoo = 1\nretries = -1\n'
    found = problems(text)
    assert [(problem.line, problem.message) for problem in found if problem.line <= 9] == [
        (2, "`id` is missing"),
        (4, "unknown key"),
        (5, "expected 0 or more, found -1"),
        (6, "`id` is missing"),
        (8, "unknown key"),
        (9, "expected 0 or more, found -1"),
    ]
    assert len(found) == 9


def test_what_is_named_is_the_name_itself() -> None:
    """A name that a large plan repeats is kept once, so that it is found faster later on."""
    plan = read_plan(
        'version = 1\n[[phase]]\nid = "p"\n[[task]]\nid = "a"\nprompt = "x"\nphase = "p"\n'
        '[[task]]\nid = "b"\nprompt = "x"\nphase = "p"\nafter = ["a"]\n',
        file="plan.toml",
    )
    a, b = plan.tasks
    assert b.after[0] is a.id
    assert a.phase is b.phase is plan.phases[0].id


# Every section, and short forms of values.
FULL = """version = 1
[plan]
name = "Full"
base = "main"
target = "deck/full"
land = "approve"
strategy = "waves"
agents = 7
promote = "auto"
[defaults]
agent = "mine"
gates = []
retries = 0
backoff = 5
timeout = "1h"
idle_timeout = "90s"
[budget]
usd = 5
tokens = "1.5M"
on_exceed = "stop"
[gates.unit]
run = "make test"
when = ["task", "merge"]
[gates.lint]
run = ["ruff", "check"]
when = "preflight"
timeout = "5min"
retries = 1
[agents.mine]
command = "mine --ask '{prompt}'"
env = { A = "1" }
[agents.scripted]
args = ["--fast"]
[pools.big]
size = 2
labels = ["ui"]
agents = ["claude"]
[[route]]
match = { phase = "p*", label = "ui" }
model = "small"
pool = "big"
[worktree]
copy = [".env"]
setup = "npm ci"
[[phase]]
id = "p1"
sync = true
gates = ["unit"]
[[task]]
id = "a"
prompt_file = "prompts/a.md"
phase = "p1"
estimate = "1h30m"
tokens = "15K"
[[task]]
id = "b"
title = "B"
after = "a"
files = ["src/", "docs/**/*.md"]
priority = -3
human = true
"""


def test_a_full_plan_is_read_as_it_says() -> None:
    """Every section and the short forms of values arrive in the model."""
    plan = read_plan(
        FULL,
        file="full.toml",
        read_file={"prompts/a.md": "Do a.\n"}.__getitem__,
    )
    assert (plan.name, plan.land, plan.strategy) == ("Full", Land.APPROVE, Strategy.WAVES)
    assert (plan.agents_limit, plan.promote, plan.target) == (7, "auto", "deck/full")
    assert (plan.defaults.gates, plan.defaults.backoff_s) == ((), 5.0)
    assert (plan.defaults.timeout_s, plan.defaults.idle_timeout_s) == (3600.0, 90.0)
    assert (plan.budget.tokens, plan.budget.on_exceed) == (1_500_000, OnExceed.STOP)
    unit, lint = plan.gates
    assert unit.run == ("sh", "-c", "make test")
    assert unit.when == (GateWhen.TASK, GateWhen.MERGE)
    assert lint == Gate(GateName("lint"), ("ruff", "check"), (GateWhen.PREFLIGHT,), 300.0, 1)
    mine, scripted = plan.agents
    assert (mine.use, mine.command) == ("command", ("mine", "--ask", "{prompt}"))
    assert (scripted.use, scripted.args) == ("scripted", ("--fast",))
    assert plan.routes[0].match == RouteMatch(phase="p*", label="ui")
    assert plan.worktree.setup == ("sh", "-c", "npm ci")
    a, b = plan.tasks
    assert (a.prompt, a.estimate_s, a.tokens) == ("Do a.\n", 5400.0, 15_000)
    assert (b.after, b.priority, b.human) == (("a",), -3, True)


# Each row: a text below `version = 1` (line 2 is its first), the line of the problem, its words.
WRONG = {
    "wrong type": ("[plan]\nagents = 'four'\n" + TASK, 3, ["whole number", '"four"']),
    "flag as text": (TASK + "human = 'yes'\n", 5, ["task a, human", "true or false"]),
    "enum value": ("[plan]\nland = 'yolo'\n" + TASK, 3, ['"approve"', '"yolo"']),
    "negative": (TASK + "retries = -1\n", 5, ["0 or more", "-1"]),
    "zero agents": ("[plan]\nagents = 0\n" + TASK, 3, ["1 or more"]),
    "not a number": ("[budget]\nusd = nan\n" + TASK, 3, ["nan"]),
    "infinite time": (TASK + "timeout = inf\n", 5, ["a year or less"]),
    "time without unit": (TASK + "timeout = '90'\n", 5, ["no unit", "90min", "number of seconds"]),
    "zero time": (TASK + "timeout = '0s'\n", 5, ["0.001 or more"]),
    "absolute footprint": (TASK + "files = [\n'src/',\n'/etc/passwd']\n", 7, ["/etc/passwd"]),
    "escaping footprint": (TASK + "files = ['src/../../x']\n", 5, ["leaves the repository"]),
    "home footprint": (TASK + "files = ['~/x']\n", 5, ["not below"]),
    "drive footprint": (TASK + "files = ['C:/x']\n", 5, ["not below"]),
    "escaping link": ("[worktree]\nlink = ['../x']\n" + TASK, 3, ["leaves the repository"]),
    "no id": ("[[task]]\nprompt = 'x'\n", 2, ["task number 1", "`id` is missing"]),
    "nothing to do": ("[[task]]\nid = 'a'\nprompt = ' '\n", 2, ["neither a title nor a prompt"]),
    "itself": (TASK + "after = 'a'\n", 5, ["waits for itself"]),
    "twice": (TASK + "[[task]]\nid = 'b'\ntitle = 'x'\nafter = ['a', 'a']\n", 8, ["named twice"]),
    "duplicate id": (TASK + TASK, 6, ["duplicate task id", "lines 3 and 6"]),
    "same but for case": (TASK + "[[task]]\nid = 'A'\ntitle = 'x'\n", 6, ["differs only in case"]),
    "phases without tables": (TASK + "phase = 'p'\n", 5, ["unknown phase", "defines no phase"]),
    "unknown gate": ("[gates.unit]\nrun='x'\n" + TASK + "gates = ['unt']\n", 7, ['"unit"']),
    "unknown agent": (TASK + "agent = 'claud'\n", 5, ["unknown agent", '"claude"']),
    "unknown pool": ("[[route]]\nmatch = {}\npool = 'x'\n" + TASK, 4, ["unknown pool"]),
    "agent without command": ("[agents.x]\nmodel = 'm'\n" + TASK, 2, ["agents.x", "no command"]),
    "agent of two minds": (
        "[agents.x]\nuse = 'claude'\ncommand = 'x'\n" + TASK,
        4,
        ["stands beside use", 'output = "claude"'],
    ),
    "prompt as code": (
        "[agents.x]\ncommand = ['bash', '-ec', 'my-agent \"{prompt}\"']\n" + TASK,
        3,
        ["as code", '"$1"'],
    ),
    "unbalanced quotes": ('[agents.x]\ncommand = "it\'s"\n' + TASK, 3, ["cannot split"]),
    "gate without run": ("[gates.unit]\nwhen = 'task'\n" + TASK, 2, ["gates.unit", "`run`"]),
    "gate with empty run": ("[gates.unit]\nrun = []\n" + TASK, 3, ["names no program"]),
    "bad gate name": ("[gates.'a/b']\nrun = 'x'\n" + TASK, 2, ['"a/b" cannot be a name']),
    "two prompts": (TASK + "prompt_file = 'x'\n", 5, ["cannot be read", "stands beside"]),
    "route without effect": ("[[route]]\nmatch = { id = '*' }\n" + TASK, 2, ["sets nothing"]),
    "key of a match": ("[[route]]\nmatch = { lable = 'x' }\nmodel = 'm'\n" + TASK, 3, ["`label`"]),
    "another word": (TASK + "depends_on = ['b']\n", 5, ["unknown key", "`after`"]),
    "upper case": (TASK + "After = []\n", 5, ["`after`"]),
    "unknown section": ("[gate.unit]\nrun = 'x'\n" + TASK, 2, ["gate: unknown key", "`gates`"]),
    "table for a list": ("[task]\nid = 'a'\n", 2, ["[[task]]", "a table"]),
    "text for a list": (TASK + "labels = 'ui'\n", 5, ["a list", 'write ["ui"]']),
    "number in a list": (TASK + "labels = [\n1]\n", 6, ["expected text, found 1"]),
    "number as variable": (TASK + "env = { A = 1 }\n", 5, ["task a, env.A", "quotes"]),
    "bad variable": (TASK + "env = { 'A=B' = 'x' }\n", 5, ["name of a variable"]),
    "option as branch": ("[plan]\nbase = '--upload-pack=x'\n" + TASK, 3, ["cannot be a branch"]),
    "title of two lines": ("[[task]]\nid='a'\ntitle = \"a\\nb\"\n", 4, ["control character"]),
    "escape sequence": ('[[task]]\nid="\\u001b[2J"\ntitle="x"\n', 3, ["\\x1b[2J"]),
    "human and agent": (TASK + "human = true\nagent = 'claude'\n", 6, ["human = true"]),
    "tokens": (TASK + "tokens = '15 thousand'\n", 5, ['"15K"']),
    "huge number": (TASK + f"retries = {'9' * 4000}\n", 5, ["50 or less", "digits"]),
    "later key": ("[plan]\nstack = true\n" + TASK, 3, ["plan.stack", "cannot do it yet"]),
    "repository without a path": ("[repos.x]\nbase = 'y'\n" + TASK, 2, ["repos.x", "`path`"]),
    "no such event": (
        "[hooks]\n'task.dnoe' = ['x']\n" + TASK,
        3,
        ['"task.dnoe" is no event', 'did you mean "task.done"?'],
    ),
    "a bare event": ("[hooks]\ngate.failed = ['x']\n" + TASK, 3, ["in quotes", '"gate.failed"']),
    "a hook of hooks": ("[hooks]\n'hook.failed' = ['x']\n" + TASK, 3, ["told to no hook"]),
    "a hook as a line": (
        "[hooks]\n'task.*' = 'notify it'\n" + TASK,
        3,
        ["a list of arguments", 'write ["notify it"]'],
    ),
    "an empty hook": ("[hooks]\n'task.*' = []\n" + TASK, 3, ["names no program"]),
    "a hook of nothing": ("[hooks]\n'*' = { timeout = '1s' }\n" + TASK, 3, ["`run` is missing"]),
    "plain http": (
        "[webhooks.ci]\nsecret_env = 'S'\nurl = 'http://example.org/'\n" + TASK,
        4,
        ["plain http to another machine", "insecure = true"],
    ),
    "no address": (
        "[webhooks.ci]\nsecret_env = 'S'\nurl = 'ftp://example.org/'\n" + TASK,
        4,
        ["no address"],
    ),
    "a password in an address": (
        "[webhooks.ci]\nsecret_env = 'S'\nurl = 'https://me:it@example.org/'\n" + TASK,
        4,
        ["a user or a password"],
    ),
    "a secret in the plan": (
        "[webhooks.ci]\nurl = 'https://example.org/'\nsecret_env = 'whsec_c2VjcmV0IQ=='\n" + TASK,
        4,
        ["not the name of a variable", "not the secret"],
    ),
    "unsigned": ("[webhooks.ci]\nurl = 'https://example.org/'\n" + TASK, 2, ["`secret_env`"]),
    "an event of webhooks": (
        "[webhooks.ci]\nurl = 'https://e.org/'\nsecret_env = 'S'\nevents = ['gate.faild']\n" + TASK,
        5,
        ['did you mean "gate.failed"?'],
    ),
    "no events": (
        "[webhooks.ci]\nurl = 'https://e.org/'\nsecret_env = 'S'\nevents = []\n" + TASK,
        5,
        ["the list is empty"],
    ),
    "two hooks of a name": (
        "[hooks]\n'task.done' = ['x']\n[webhooks.'task.done']\nurl = 'https://e.org/'\n"
        "secret_env = 'S'\n" + TASK,
        4,
        ["a hook has this name"],
    ),
    "a tracker of no kind": ("[tracker]\nclaim = 'x'\n" + TASK, 2, ["`kind` is missing"]),
    "no such tracker": ("[tracker]\nkind = 'jira'\n" + TASK, 3, ['"github", "gitlab"', '"jira"']),
    "no repository": (
        "[tracker]\nkind = 'github'\nrepo = '--help'\n" + TASK,
        4,
        ['"--help" is no repository', "OWNER/NAME"],
    ),
    "a way out of a repository": (
        "[tracker]\nkind = 'gitlab'\nrepo = 'a/../../user'\n" + TASK,
        4,
        ["is no repository"],
    ),
    "two labels as one": (
        "[tracker]\nkind = 'github'\nclaim = 'a,b'\n" + TASK,
        4,
        ["a label has no comma"],
    ),
    "one label for both": (
        "[tracker]\nkind = 'github'\nclaim = 'a'\nfailed = 'a'\n" + TASK,
        5,
        ["is the label of `claim`"],
    ),
    "what nobody has proven": (
        "[tracker]\nkind = 'github'\nrepo = 'a/b'\naccept = 'skip'\n" + TASK,
        5,
        ["could be proven", "add secret_env"],
    ),
    "what comes from anywhere": (
        "[tracker]\nkind = 'github'\nsecret_env = 'S'\naccept = 'skip'\n" + TASK,
        5,
        ["from which repository", "add repo"],
    ),
    "any issue as a task": (
        "[tracker]\nkind = 'github'\nrepo = 'a/b'\nsecret_env = 'S'\naccept = ['task']\n" + TASK,
        6,
        ['"task" without a label'],
    ),
    "a webhook of its name": (
        "[tracker]\nkind = 'github'\n[webhooks.tracker]\nurl = 'https://e.org/'\n"
        "secret_env = 'S'\n" + TASK,
        4,
        ["the tracker has this name"],
    ),
    "issue zero": (TASK + "issue = 0\n", 5, ["1 or more"]),
    "size is called complexity": (
        "[[route]]\nmatch = { size = 'high' }\nmodel = 'm'\n" + TASK,
        3,
        ["match.size", "did you mean `complexity`?"],
    ),
    "a gate of nothing": (
        "[gates.unit]\ntimeout = '5s'\n" + TASK,
        2,
        ["has no command", "`check`"],
    ),
    "no such kind of note": ("[[note]]\nkind = 'joke'\ntext = 'x'\n" + TASK, 3, ["note", "joke"]),
    "a claim about nobody": (
        "[[claim]]\nwhat = 'work'\nstated = '1h'\nlow = 1\nhigh = 1\nphase = 'two'\n" + TASK,
        7,
        ["claim", 'unknown phase "two"'],
    ),
    "no such resolver": ("[queue]\nresolver = 'refree'\n" + TASK, 3, ["queue", "unknown agent"]),
    "a person as resolver": ("[queue]\nresolver = 'human'\n" + TASK, 3, ["is a person", '"ask"']),
    "a resolver of nothing": (
        "[queue]\nrepair = 'drop'\nresolver = 'claude'\n" + TASK,
        4,
        ['stands beside repair = "drop"'],
    ),
    "no such repair": ("[queue]\nrepair = 'magic'\n" + TASK, 3, ['"agent"', '"magic"']),
    "no tasks": ("[plan]\nname = 'x'\n", 1, ["no task"]),
    "not TOML": ("[plan]\nname = \n" + TASK, 3, ["not TOML", "Invalid value"]),
    "open end": ("[plan]\nname = [\n", 3, ["not TOML"]),
}


def test_a_secret_that_was_written_for_its_variable_is_not_repeated() -> None:
    text, _, _ = WRONG["a secret in the plan"]
    assert "c2Vj" not in str(only(f"version = 1\n{text}"))


def test_hooks_are_read_short_and_long() -> None:
    text = """version = 1
[hooks]
"gate.failed" = ["notify", "it failed"]
"task.*" = { run = ["./tell"], timeout = "5s", retries = 2 }
[webhooks.here]
url = "http://[::1]:8080/x"
secret_env = "S"
[webhooks.there]
url = "http://10.0.0.1/"
secret_env = "S"
events = "task.done"
insecure = true
"""
    plan = read_plan(text + TASK, file="p.toml")
    assert plan.hooks == (
        Hook("gate.failed", ("notify", "it failed")),
        Hook("task.*", ("./tell",), 5.0, 2),
    )
    assert [hook.events for hook in plan.webhooks] == [("*",), ("task.done",)]
    assert list(plan.hook_by_name) == ["gate.failed", "task.*", "here", "there"]


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_at_its_line(case: str) -> None:
    """The message has file, line, key, what was found and what would be right."""
    text, line, words = WRONG[case]
    found = problems(f"version = 1\n{text}")
    assert {problem.line for problem in found} == {line}
    said = "\n".join(map(str, found))
    assert said.startswith(f"plan.toml:{line}: ")
    for word in words:
        assert word in said
    assert all(char.isprintable() or char == "\n" for char in said)


def test_the_version_is_required_on_top() -> None:
    """A plan without its format, or with another one, is not read as if it were known."""
    assert only(TASK).line == 1
    assert "version = 1" in only(TASK).hint
    assert "plan format 2 is not known" in only(f"version = 2\nnonsense = 1\n{TASK}").message
    assert only(f"version = true\n{TASK}").message == "expected 1, found true"


def test_every_independent_loop_is_printed() -> None:
    """Two knots give two loops, each closed; a task that only leads into one is not blamed."""
    edges = {"a": "b", "b": "c", "c": "a", "x": "y", "y": "x", "out": "a", "fine": ""}
    text = "version = 1\n"
    for task, needed in edges.items():
        text += f"[[task]]\nid = '{task}'\ntitle = 't'\n"
        text += f"after = '{needed}'\n" if needed else ""
    found = problems(text)
    assert [problem.message for problem in found] == [
        "dependency loop: a -> b -> c -> a",
        "dependency loop: x -> y -> x",
    ]
    assert [problem.line for problem in found] == [5, 17]


def test_a_long_loop_is_shortened() -> None:
    """A message stays readable when a thousand tasks wait in a ring."""
    count = 1000
    text = "version = 1\n" + "".join(
        f"[[task]]\nid = 't{i}'\ntitle = 't'\nafter = 't{(i + 1) % count}'\n" for i in range(count)
    )
    message = only(text).message
    assert message.endswith("-> t10 -> (989 more) -> t0")
    assert len(message) < 200


# Four phases: `one` and `three` are sync points, `two` and `four` are plain groups.
PHASES = (
    "[[phase]]\nid = 'one'\nsync = true\n[[phase]]\nid = 'two'\n"
    "[[phase]]\nid = 'three'\nsync = true\n[[phase]]\nid = 'four'\n"
)


def phased(*tasks: str, above: str = "") -> str:
    """Tasks from `id phase needed,needed`; `-` = no phase."""
    text = f"version = 1\n{above}{PHASES}"
    for task in tasks:
        name, phase, *after = task.split()
        text += f"[[task]]\nid = '{name}'\ntitle = 't'\n"
        text += "\n" if phase == "-" else f"phase = '{phase}'\n"
        text += f"after = {after[0].split(',') if after else []}\n"
    return text


def after_line(number: int, above: str = "") -> int:
    """The line of `after` of the task with this number, from 1."""
    return 1 + above.count("\n") + PHASES.count("\n") + 5 * number


def test_a_task_before_a_sync_point_cannot_wait_for_one_behind_it() -> None:
    """The later one waits for the barrier, the barrier for the earlier one: nothing would move."""
    problem = only(phased("early one late", "late two"))
    assert problem.line == after_line(1)
    assert str(problem) == (
        f'plan.toml:{after_line(1)}: task early, after: task "early" waits for "late" of the later'
        ' phase "two", which waits until phase "one" is closed, and so for "early": neither can'
        ' ever start\n  hint: move "early" to phase "two", or "late" to phase "one", or drop'
        ' `sync` of phase "one"'
    )


def test_a_barrier_loop_is_found_through_tasks_that_no_barrier_holds() -> None:
    """Tasks without a phase or in a plain earlier phase only pass the waiting on."""
    found = only(phased("a three free", "free - plain", "plain two last", "last four"))
    assert found.line == after_line(1)
    assert '"a" waits (through free, plain) for "last" of the later phase "four"' in found.message
    assert 'phase "three" is closed' in found.message


def test_every_barrier_loop_is_told_once_where_it_begins() -> None:
    """A task that only waits for a blocked task of its phase is not blamed as well."""
    found = problems(
        phased(
            "a one late,other", "b one a", "c three a,other", "late two", "other four", "d two b"
        )
    )
    assert [problem.line for problem in found] == [after_line(n) for n in (1, 1, 3)]
    assert [(p.key, p.message.count('"other"')) for p in found] == [
        ("task a, after", 0),
        ("task a, after", 1),
        ("task c, after", 1),
    ]


def test_the_entry_of_a_long_list_that_closes_a_barrier_loop_is_named_by_its_line() -> None:
    """Also when an entry before it is unknown."""
    text = phased("late two") + (
        "[[task]]\nid = 'a'\ntitle = 't'\nphase = 'one'\nafter = [\n'gone',\n'late',\n]\n"
    )
    assert [problem.line for problem in problems(text)] == [after_line(2) + 1, after_line(2) + 2]


def test_with_waves_every_phase_is_a_barrier() -> None:
    """And dropping a `sync` alone would not help."""
    above = "[plan]\nstrategy = 'waves'\n"
    first, second = problems(phased("a one b", "b two c", "c three", above=above))
    assert (first.line, second.line) == (after_line(1, above), after_line(2, above))
    assert first.hint.endswith('drop strategy = "waves" and `sync` of phase "one"')
    assert second.hint.endswith('drop strategy = "waves"')


@pytest.mark.parametrize(
    "tasks",
    [
        ["late two early", "early one"],
        ["plain two last", "last three", "end four plain"],  # `two` is no barrier
        ["same one other", "other one"],
        ["free - late", "late four", "a one"],
        ["a one free", "free - b", "b one"],
        ["gone three late\ndefer = 'x'", "late four"],
    ],
)
def test_waiting_that_ends_is_no_problem(tasks: list[str]) -> None:
    """Forwards, within a phase, from a plain phase, from no phase, and by a deferred task."""
    lines = [task.split("\n") for task in tasks]
    text = phased(*[line[0] for line in lines])
    for line in lines:
        for more in line[1:]:
            name = line[0].split()[0]
            text = text.replace(f"id = '{name}'\n", f"id = '{name}'\n{more}\n")
    assert read_plan(text, file="plan.toml").tasks


PHASE_OF_TASK = st.sampled_from(["-", "one", "two", "three", "four"])


@settings(max_examples=4 * settings().max_examples)
@given(
    st.lists(
        st.tuples(PHASE_OF_TASK, st.sets(st.integers(0, 6), max_size=3)), min_size=4, max_size=7
    )
)
def test_a_plan_is_refused_exactly_when_playing_it_through_gets_stuck(
    drawn: list[tuple[str, set[int]]],
) -> None:
    """The oracle starts whatever may start, by the rules of `core.fold`, until nothing moves."""
    order = ["one", "two", "three", "four"]
    # Sound dependencies only: each task needs later ones, so there is no loop without a barrier.
    needs = {i: {n for n in wanted if i < n < len(drawn)} for i, (_, wanted) in enumerate(drawn)}
    left = set(needs)
    while True:
        held = {
            p
            for p in order
            for sync in ("one", "three")
            if order.index(p) > order.index(sync) and any(drawn[task][0] == sync for task in left)
        }
        ready = {t for t in left if not needs[t] & left and drawn[t][0] not in held}
        if not ready:
            break
        left -= ready
    tasks = [
        f"t{i} {phase} {','.join(f't{n}' for n in sorted(needs[i]))}"
        for i, (phase, _) in enumerate(drawn)
    ]
    text = phased("start -", *tasks)
    if left:
        assert all("neither can ever start" in problem.message for problem in problems(text))
    else:
        assert len(read_plan(text, file="plan.toml").tasks) == len(drawn) + 1


def test_a_task_cannot_wait_for_a_deferred_one() -> None:
    """It would wait for ever; a deferred task may, because it does not wait at all."""
    text = """version = 1
[[task]]
id = "a"
title = "t"
after = [
  "b",
  "off",
]
[[task]]
id = "b"
title = "t"
[[task]]
id = "off"
title = "t"
defer = "next year"
[[task]]
id = "off-too"
title = "t"
defer = "next year"
after = "off"
[[task]]
id = "c"
title = "t"
after = "off-too"
"""
    found = problems(text)
    assert [problem.line for problem in found] == [7, 24]
    assert str(found[0]) == (
        'plan.toml:7: task a, after: "off" is deferred, so task "a" would wait for ever\n'
        '  hint: defer "a" too, or drop "off" from its `after`'
    )


def test_a_prompt_file_that_cannot_be_read_is_a_problem_of_its_line() -> None:
    """A missing file is found before the run, not by the agent."""

    def missing(name: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", name)

    text = "version = 1\n[[task]]\nid = 'a'\nprompt_file = 'gone.md'\n"
    with pytest.raises(PlanProblems) as caught:
        read_plan(text, file="plan.toml", read_file=missing)
    assert str(caught.value).startswith('plan.toml:4: task a, prompt_file: cannot read "gone.md"')


def test_a_plan_without_a_name_is_called_like_its_file() -> None:
    """The name becomes part of a branch, so it is made fit for that."""
    text = f"\ufeffversion = 1\n{TASK}"  # and the mark that some editors put first is no trouble
    assert read_plan(text, file="plans/My Plan.toml").name == "my-plan"


def test_thousands_of_mistakes_are_all_carried_but_not_all_printed() -> None:
    """The message has an end; the error has them all."""
    text = "version = 1\n" + TASK + "".join(f"key{i} = 1\n" for i in range(3000))
    with pytest.raises(PlanProblems) as caught:
        read_plan(text, file="plan.toml")
    assert len(caught.value.problems) == 3000
    assert str(caught.value).endswith("... and 2900 more")


def test_networkx_is_not_imported_for_a_good_plan() -> None:
    """A start costs nothing that only a bad plan needs."""
    program = (
        "import sys; from agentdeck.plans.reader import read_plan;"
        f"read_plan('version = 1\\n' + {TASK!r}, file='p'); sys.exit('networkx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


HOSTILE = {
    "deep list": "a = " + "[" * 100_000,
    "deep closed list": "a = " + "[" * 300 + "]" * 300,
    "deep table": "a = " + "{a = " * 5000 + "1" + "}" * 5000,
    "long number": "a = " + "9" * 5000,
    "no such date": "a = 2020-99-99",
    "odd tasks": "task = [1, [], {}, 2020-01-01]",
    "odd sections": "gates = [[]]\nplan = 1\nroute = {}",
    "odd match": "version = 1\n[[route]]\nmatch = [1]\n" + TASK,
    "byte order mark": "\ufeffversion = 1",
    "nul": "\0",
    "deep key": ".".join("a" * 2000) + " = 1",
    "surrogate": "version = 1\n[plan]\nname = '\ud800'\n" + TASK,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_texts_are_problems_and_nothing_else(case: str) -> None:
    """Depth, size and odd types come out as problems with a line."""
    assert all(problem.line >= 1 for problem in problems(HOSTILE[case]))


@given(st.text())
def test_any_text_is_a_plan_or_problems(text: str) -> None:
    """Nothing else comes out."""
    refused_or_read(text)


VALUES = st.sampled_from(
    """1 -1 1.5 nan true '' 'x' "\\u0000" [] ['x'] [1] {} {x=1} [[]] 2020-01-01 '../x' 'a' ['a','a']
    '1h' 9e999""".split()
)


@given(plans(max_tasks=3), st.data())
def test_a_plan_with_altered_values_is_a_plan_or_problems(plan: Plan, data: st.DataObject) -> None:
    """Any value in place of any other is read, or is a problem with a line in the text."""
    lines = write_plan(plan).split("\n")
    places = [index for index, line in enumerate(lines) if " = " in line]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.sampled_from(places))
        key = lines[place].split(" = ")[0]
        lines[place] = f"{key} = {data.draw(VALUES)}"
    refused_or_read("\n".join(lines))


@given(st.integers(0, len(FULL)), st.integers(0, 30), st.text(max_size=4))
def test_a_damaged_plan_is_a_plan_or_problems(at: int, length: int, insert: str) -> None:
    """Cut a piece out, put another in: never a crash."""
    text = FULL.replace('prompt_file = "prompts/a.md"', 'prompt = "do a"')
    refused_or_read(text[:at] + insert + text[at + length :])


def refused_or_read(text: str) -> None:
    """Read a text; a refusal has lines that exist."""
    found: tuple[Problem, ...] | None = None
    try:
        read_plan(text, file="plan.toml")
    except PlanProblems as refusal:
        found = refusal.problems
    if found is not None:
        last = text.count("\n") + 1
        assert found
        assert all(1 <= problem.line <= last for problem in found)


def test_a_gate_without_a_command_is_never_run() -> None:
    """It is kept, and holds nothing up: neither a task, nor a phase, nor the end of the run."""
    plan = read_plan(
        """
version = 1
[gates.unit]
run = "make test"
when = ["task", "phase"]
[gates.described]
check = "The change is described"
when = ["preflight", "task", "merge", "phase", "final"]
[[phase]]
id = "one"
gates = ["described"]
[[task]]
id = "a"
prompt = "Do a."
phase = "one"
gates = ["unit", "described"]
""",
        file="plan.toml",
    )
    assert [gate.name for gate in plan.gates] == ["unit", "described"]
    assert [gate.armed for gate in plan.gates] == [True, False]
    assert plan.settings(TaskId("a")).gates == ("unit",)
    assert [gate.name for gate in plan.phase_gates(plan.phases[0])] == ["unit"]
    assert {when: [g.name for g in plan.gates_when(when)] for when in GateWhen} == {
        GateWhen.PREFLIGHT: [],
        GateWhen.TASK: ["unit"],
        GateWhen.MERGE: [],
        GateWhen.PHASE: ["unit"],
        GateWhen.FINAL: [],
    }


def test_a_route_selects_by_complexity() -> None:
    plan = read_plan(
        """
version = 1
[[route]]
match = { complexity = "*high" }
model = "opus"
[[task]]
id = "a"
prompt = "Do a."
complexity = "very-high"
[[task]]
id = "b"
prompt = "Do b."
complexity = "medium"
""",
        file="plan.toml",
    )
    assert [plan.settings(task.id).model for task in plan.tasks] == ["opus", None]
