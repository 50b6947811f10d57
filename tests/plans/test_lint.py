"""Lint finds what is probably a mistake, says where, and stays quiet about a good plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.graph import transitive_reduction
from agentdeck.core.ids import GateName, TaskId
from agentdeck.core.plan import Gate, Plan, Task
from agentdeck.plans.analysis.network import network_of
from agentdeck.plans.lint import dependencies, gates
from agentdeck.plans.lint.dependencies import redundant, redundant_edges
from agentdeck.plans.lint.finding import Finding, Severity
from agentdeck.plans.lint.fix import fixed
from agentdeck.plans.lint.rules import MAX_EACH, RULES, lint
from agentdeck.plans.lint.subject import Around, Subject
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan
from agentdeck.testing.builders import plan, task
from agentdeck.testing.counted_calls import calls_of
from agentdeck.testing.plan_strategies import plans

SAMPLES = sorted((Path(__file__).parents[2] / "sample_plans").glob("*.toml"))
HEAD = 'version = 1\n[plan]\nname = "p"\n'
AROUND = Around(
    variables={"MISSING": False, "THERE": True},
    files=("README.md", *(f"src/app/m{n}.py" for n in range(30)), "docs/a.md"),
    programs={"make": True, "nosuch": False, "./run.sh": False, "glab": False},
    zones={"Nowhere/At_all": False, "UTC": True},
)


def a_task(name: str, *lines: str) -> str:
    """A task with which nothing is wrong, but for `lines`."""
    said = [f'id = "{name}"', f'title = "Title of {name}"']
    keys = {line.partition(" =")[0] for line in lines}
    usual = {
        "prompt": f'prompt = "Write the module {name}, with tests that show it."',
        "estimate": 'estimate = "30min"',
        "files": f'files = ["src/app/{name}.py"]',
    }
    said += [line for key, line in usual.items() if key not in keys]
    said = [line for line in said if line.partition(" =")[0] not in keys]
    said += [line for line in lines if not line.endswith("=")]
    return "[[task]]\n" + "\n".join(said) + "\n"


def found(text: str, around: Around = AROUND) -> list[Finding]:
    text = text if text.startswith("version") else HEAD + text
    subject = Subject(read_plan(text, file="p.toml"), text=text, file="p.toml", around=around)
    return lint(subject)


GOOD = a_task("a") + a_task("b", 'after = ["a"]') + a_task("c", 'after = ["b"]')

CASES: list[tuple[str, str, str, str]] = [  # code, text, where (the line's text), words
    (
        "AD101",
        a_task("a") + a_task("b", 'after = "a"') + a_task("c", 'after = ["a", "b"]'),
        'after = ["a", "b"]',
        "waits for a through other tasks already",
    ),
    (
        "AD102",
        '[[phase]]\nid = "p1"\n[[phase]]\nid = "p2"\n'
        + a_task("a", 'phase = "p2"')
        + a_task("b", 'phase = "p1"', 'after = "a"'),
        'after = "a"',
        "is in phase p1 and waits for a of the later phase p2",
    ),
    ("AD103", '[[phase]]\nid = "p1"\n' + GOOD, "[[phase]]", "has no task"),
    (
        "AD104",
        a_task("a", "human = true") + a_task("b", 'after = "a"') + a_task("c", 'after = "b"'),
        "[[task]]",
        "is done by a person, and 2 tasks wait for it",
    ),
    ("AD201", GOOD + a_task("d", "prompt ="), "[[task]]", "has no prompt"),
    ("AD202", GOOD + a_task("d", 'prompt = "do it"', "title ="), 'prompt = "do it"', "very short"),
    ("AD203", GOOD + a_task("d", 'title = "title  of A"'), 'title = "title  of A"', "of a too"),
    ("AD204", GOOD + a_task("d", "estimate ="), "[[task]]", "one task has no estimate (line "),
    (
        "AD301",
        GOOD + a_task("d", 'files = ["scr/app/x.py"]'),
        'files = ["scr/app/x.py"]',
        'there is no folder "scr"',
    ),
    ("AD302", a_task("a", 'files = ["**"]'), 'files = ["**"]', '"**" is every file'),
    ("AD302", a_task("a", 'files = ["**/*"]'), 'files = ["**/*"]', '"**/*" is every file'),
    ("AD302", a_task("a", 'files = ["*"]'), 'files = ["*"]', "every file of the top folder"),
    ("AD302", a_task("a", 'files = ["src/"]'), 'files = ["src/"]', "is 30 of 32 files"),
    ("AD303", GOOD + a_task("d", "files ="), "[[task]]", "one task says nothing of the files"),
    (
        "AD304",
        GOOD + a_task("d", 'files = ["src/app/a*.py"]'),
        'files = ["src/app/a*.py"]',
        "meets a in",
    ),
    (
        "AD401",
        '[gates.unit]\nrun = "make"\nwhen = "task"\n[defaults]\ngates = []\n' + GOOD,
        "[gates.unit]",
        "never runs",
    ),
    ("AD402", '[gates.unit]\ncheck = "all is well"\n' + GOOD, "[gates.unit]", "proves nothing"),
    ("AD403", '[gates.unit]\nrun = "A=1 nosuch -x"\n' + GOOD, 'run = "A=1', 'runs "nosuch"'),
    ("AD403", '[gates.unit]\nrun = ["./run.sh"]\n' + GOOD, "run = [", "not in the repository"),
    ("AD701", '[hooks]\n"task.*" = ["nosuch"]\n' + GOOD, '"task.*"', "not on the PATH"),
    ("AD701", '[hooks]\n"task.*" = ["./run.sh"]\n' + GOOD, '"task.*"', "not in the repository"),
    (
        "AD703",
        '[notify.me]\nurls_env = "THERE"\nquiet = "22:00-07:00"\nzone = "Nowhere/At_all"\n' + GOOD,
        "zone",
        "no time zone",
    ),
    (
        "AD702",
        '[webhooks.ci]\nurl = "https://example.org/"\nsecret_env = "MISSING"\n' + GOOD,
        "secret_env",
        "MISSING is not set here",
    ),
    ("AD704", '[tracker]\nkind = "github"\n' + GOOD, "[tracker]", "no task has an issue"),
    (
        "AD701",
        '[tracker]\nkind = "gitlab"\n' + GOOD + a_task("d", "issue = 1"),
        'kind = "gitlab"',
        '"glab"',
    ),
    (
        "AD702",
        '[tracker]\nkind = "github"\nrepo = "a/b"\naccept = "skip"\nsecret_env = "MISSING"\n'
        + GOOD
        + a_task("d", "issue = 1"),
        "secret_env",
        "nothing that comes in could be proven",
    ),
    ("AD501", "[pools.gpu]\nsize = 2\n" + GOOD, "[pools.gpu]", "no task takes its place here"),
    (
        "AD502",
        '[pools.gpu]\nsize = 2\nagents = ["scripted"]\n' + GOOD + a_task("d", 'pool = "gpu"'),
        'pool = "gpu"',
        "which is for scripted, and its agent is claude",
    ),
    (
        "AD503",
        '[agents.me]\ncommand = ["nosuch", "{prompt}"]\n[defaults]\nagent = "me"\n' + GOOD,
        "[agents.me]",
        'is the program "nosuch", which is not there; 3 tasks need it',
    ),
    (
        "AD504",
        '[agents.claude]\nskills = ["python"]\n' + GOOD + a_task("d", 'skills = ["pyton"]'),
        'skills = ["pyton"]',
        'no agent has the skill "pyton"',
    ),
    (
        "AD505",
        '[agents.claude]\nskills = ["sql"]\n[agents.scripted]\nskills = ["css"]\n'
        + GOOD
        + a_task("d", 'skills = ["css"]\nagent = "claude"'),
        'skills = ["css"]\n',
        'its agent claude lacks the skill "css", so the task would wait for ever',
    ),
    ("AD506", GOOD + a_task("d", 'estimate = "3h"'), 'estimate = "3h"', "may take 2 h 0 min"),
    (
        "AD507",
        '[budget]\ntokens = "10K"\n' + GOOD + a_task("d", 'tokens = "11K"'),
        'tokens = "10K"',
        "is 10,000, and the tasks are estimated at 11,000 tokens",
    ),
    (
        "AD507",
        '[[phase]]\nid = "p"\nbudget = { tokens = 5 }\n'
        + GOOD
        + a_task("d", 'tokens = 3\nphase = "p"')
        + a_task("e", 'tokens = 3\nphase = "p"'),
        "budget = { tokens = 5 }",
        "is 5, and the tasks are estimated at 6 tokens",
    ),
    (
        "AD508",
        "[agents.codex]\nnetwork = false\n" + GOOD,
        "network = false",
        "nothing keeps it off the network",
    ),
    (
        "AD509",
        '[defaults]\nagent = "codex"\nsandbox = "bwrap"\nnetwork = false\n' + GOOD,
        "network = false",
        'agent "codex" cannot reach its model',
    ),
    (
        "AD510",
        '[agents.me]\ncommand = "me"\nsandbox = "landlock"\nnetwork = false\n' + GOOD,
        "network = false",
        "UDP and sockets",
    ),
    (
        "AD511",
        '[worktree]\nlink = ["data"]\ncache = ["~/.m2"]\n[[route]]\nmatch.id = "*"\n'
        'pool = "far"\n[pools.far]\nsize = 2\nhost = "ssh://me@there"\n' + GOOD,
        "link = [",
        "pool far is on other machines, where data of this checkout is not",
    ),
    ("AD601", '[[route]]\nmatch.id = "Q*"\nmodel = "x"\n' + GOOD, "[[route]]", "matches no task"),
    (
        "AD601",
        '[[route]]\nmatch.id = "*"\nmodel = "x"\n[[route]]\nmatch.id = "a"\nmodel = "y"\n' + GOOD,
        '[[route]]\nmatch.id = "a"',
        "changes nothing",
    ),
]


@pytest.mark.parametrize(
    ("code", "text", "where", "words"),
    CASES,
    ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)],
)
def test_each_mistake_is_found_where_it_stands(
    code: str, text: str, where: str, words: str
) -> None:
    """Exactly one finding of its code, on the line of the key, and no other warning."""
    text = HEAD + text
    every = found(text)
    mine = [finding for finding in every if finding.code == code]
    assert len(mine) == 1, every
    assert words in mine[0].message
    at = text.index(where) if code == "AD104" else text.rindex(where)
    assert mine[0].line == text.count("\n", 0, at) + 1
    others = [f for f in every if f.code != code and f.severity is Severity.WARNING]
    allowed = {"AD302": {"AD304"}, "AD202": {"AD203"}, "AD505": set()}.get(code, set())
    assert {finding.code for finding in others} <= allowed, others


def test_a_skill_that_nobody_has_names_who_would_have_it_and_the_nearest() -> None:
    """An agent of the machine before a similar word, and one's own words before neither."""
    asks = a_task("d", 'skills = ["css"]')
    able = '[agents.claude]\nskills = ["sql"]\n'
    around = Around(skills={"bot": ("CSS",)})
    (finding,) = found(able + asks, around)
    assert finding.message == 'no agent has the skill "css", so the task would wait for ever'
    assert finding.fix == "bot of this machine would have it: give the plan that agent"
    (finding,) = found(able + a_task("d", 'skills = ["sq"]'), Around())
    assert finding.fix == 'did you mean "sql"?'
    (finding,) = found(asks, Around())
    assert finding.message == 'no agent has the skill "css"', "any agent will do"


def test_agents_have_the_skills_of_their_adapters() -> None:
    """Where the plan says none for them; an agent that the plan only names has them too."""
    asks = a_task("d", 'skills = ["css"]')
    around = Around(skills={"claude": ("css",)})
    assert found('[agents.one]\nuse = "claude"\n' + asks, around) == []
    assert found(asks, around) == []


def test_persons_are_told_by_what_is_installed() -> None:
    plan = '[notify.me]\nurls_env = "THERE"\n' + GOOD
    (finding,) = found(plan, Around(packages={"apprise": False}))
    assert (finding.code, finding.fix) == ("AD701", 'pip install "agentdeck[notify]"')
    assert "apprise, which is not installed" in finding.message
    assert found(plan, Around(packages={"apprise": True})) == []


def test_a_pool_of_who_may_stand_in_is_used() -> None:
    """Its agent begins what the first with the skill has no place for."""
    able = '[agents.{name}]\nskills = ["css"]\n[pools.{name}]\nsize = 1\nagents = ["{name}"]\n'
    agents = able.format(name="claude") + able.format(name="codex")
    assert found(agents + a_task("d", 'skills = ["css"]')) == []
    named = found(agents + a_task("d", 'skills = ["css"]', 'agent = "claude"'))
    assert [finding.code for finding in named] == ["AD501"]


def test_every_rule_has_a_case_and_a_code_of_its_own() -> None:
    assert {case[0] for case in CASES} == {rule.code for rule in RULES}
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)


def test_a_good_plan_has_no_finding() -> None:
    assert found(GOOD) == []


def test_without_a_look_around_nothing_is_said_of_files_and_programs() -> None:
    text = '[gates.unit]\nrun = "nosuch"\n' + a_task("a", 'files = ["nowhere/x.py"]')
    assert found(text, Around()) == []


def test_new_files_and_folders_are_no_mistake() -> None:
    files = 'files = ["src/app/new.py", "src/fresh/deep/x.py", "top.py", "docs/**/*.md"]'
    assert found(a_task("a", files)) == []


def test_a_plan_of_another_repository_is_told_once() -> None:
    text = a_task("a", 'files = ["x/a"]') + a_task("b", 'files = ["y/b"]')
    (finding,) = found(text)
    assert "none of the 2 footprints is in a folder of this repository" in finding.message


def test_a_missing_folder_is_told_once_for_all_below_it() -> None:
    text = GOOD + a_task("d", 'files = ["scr/a.py", "scr/b.py"]')
    (finding,) = found(text)
    assert "so it is with 1 more (line" in finding.message
    assert finding.fix == 'did you mean "src"?'


def test_many_findings_of_a_kind_are_counted_with_their_lines() -> None:
    text = "".join(a_task(f"t{n}", "prompt =") for n in range(40))
    mine = [finding for finding in found(text) if finding.code == "AD201"]
    assert len(mine) == MAX_EACH
    assert "and 31 more like this (lines " in mine[-1].message
    assert "and 19 more)" in mine[-1].message


def test_estimates_are_told_once_for_the_whole_plan() -> None:
    text = "".join(a_task(f"t{n}", "estimate =") for n in range(5))
    (finding,) = found(text)
    assert finding.message.startswith("no task has an estimate; each counts as 15 minutes")


def test_deferred_tasks_are_left_alone() -> None:
    bad = a_task("d", "prompt =", "estimate =", 'files = ["**"]', 'skills = ["x"]', 'defer = "no"')
    assert found(GOOD + bad) == []


def test_a_finding_reads_like_a_problem() -> None:
    (finding,) = found(a_task("a", 'files = ["**"]'))
    assert str(finding) == (
        'p.toml:9: warning: task a, files: "**" is every file; nothing works beside it'
        " [AD302 footprint-too-wide]\n  hint: name the folders and files it really touches"
    )


def test_lines_of_a_document_are_those_of_its_tasks() -> None:
    one = Task(id=TaskId("A"), title="A", line=7, prompt="x" * 30, estimate_s=9e9)
    of = plan(one, agent="claude")
    every = lint(Subject(of, file="doc.md"))
    assert {(finding.file, finding.line) for finding in every} == {("doc.md", 7)}


@pytest.mark.parametrize(
    ("run", "program"),
    [
        (("pytest", "-q"), "pytest"),
        (("sh", "-c", "make test && echo ok"), "make"),
        (("sh", "-c", "A=1 B=2 make"), "make"),
        (("sh", "-c", "cd src && make"), None),
        (("sh", "-c", "$TOOL x"), None),
        (("sh", "-c", "test -e x || make"), None),
        (("sh", "-c", "if true; then x; fi"), None),
        (("sh", "-c", "it's broken"), None),
        (("sh", "-c", "# only a remark"), None),
        (("bash", "script.sh"), "bash"),
        ((), None),
    ],
)
def test_the_program_of_a_gate_is_known_only_where_that_is_sure(
    run: tuple[str, ...], program: str | None
) -> None:
    assert gates.program_of(Gate(GateName("g"), run)) == program


_EDGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=120)


@settings(deadline=None)
@given(_EDGES, st.integers(1, 8))
def test_needless_dependencies_are_those_of_the_transitive_reduction(
    edges: list[tuple[int, int]], chunk: int
) -> None:
    """Also when the walk is cut into many pieces."""
    needs: dict[str, list[str]] = {f"T{n}": [] for n in range(31)}
    for one, two in edges:
        if one != two and f"T{min(one, two)}" not in needs[f"T{max(one, two)}"]:
            needs[f"T{max(one, two)}"].append(f"T{min(one, two)}")
    of = plan(*(f"{name}<{','.join(wanted)}" for name, wanted in needs.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dependencies, "CHUNK", chunk)
        edges_found = redundant_edges(Subject(of, file="p"))
    least = transitive_reduction(needs)
    expected = {
        (name, other) for name, wanted in needs.items() for other in wanted
        if other not in least[name]
    }  # fmt: skip
    assert {(edge.task, edge.needs) for edge in edges_found} == expected
    assert len(edges_found) == len(expected)


def test_the_walk_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "CHUNK", 1)
    monkeypatch.setattr(dependencies, "MAX_STEPS", 1)
    of = plan("A", "B<A", "C<A,B", "D<B,C")
    found_first, complete = redundant(network_of(of))
    assert (len(found_first), complete) == (1, False)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_what_is_fixed_stays_fixed(sample: Path) -> None:
    """Only the named dependencies go, every order stays, and a second time nothing changes."""
    text = sample.read_text(encoding="utf-8")
    before = read_plan(text, file=sample.name)
    result, edges = fixed(before, text, file=sample.name)
    again, none = fixed(result.plan, result.after, file=sample.name)
    assert (none, again.after) == ([], result.after)
    for one, two in zip(before.tasks, result.plan.tasks, strict=True):
        gone = {edge.needs for edge in edges if edge.task == one.id}
        assert [needed for needed in one.after if needed not in gone] == list(two.after)


def test_a_fix_keeps_comments_and_all_other_lines() -> None:
    text = HEAD + GOOD + a_task("d") + '# why\nafter = [\n  "a", # first\n  "b", # second\n]\n'
    result, edges = fixed(read_plan(text, file="p"), text, file="p")
    assert [(edge.task, edge.needs) for edge in edges] == [("d", "a")]
    assert result.after == text.replace('  "a", # first\n', "")


@settings(deadline=None)
@given(plans())
def test_lint_of_any_plan_is_findings_with_a_line(of: Plan) -> None:
    text = write_plan(of)
    for finding in lint(Subject(read_plan(text, file="p"), text=text, file="p", around=AROUND)):
        assert 1 <= finding.line <= text.count("\n") + 1
        assert finding.message


def _wide(tasks: int) -> Subject:
    lines = [
        task(f"T{n}<{','.join(f'T{n - k}' for k in (1, 2, 7) if n >= k)} src/app/m{n % 30}.py",
             prompt="x", phase=None)
        for n in range(tasks)
    ]  # fmt: skip
    return Subject(plan(*lines), file="p", around=AROUND)


def test_the_work_of_lint_grows_with_the_plan() -> None:
    """Eight times the tasks, less than sixteen times the calls."""

    def calls(tasks: int) -> int:
        subject = _wide(tasks)
        return calls_of(lambda: lint(subject))

    calls(50)  # what is made once for all
    assert calls(1600) < 16 * calls(200)


def test_every_rule_stands_in_the_documents() -> None:
    """With its code, its name, its severity, and whether `--fix` mends it."""
    page = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| AD")]
    told = [tuple(cell.strip() for cell in row.split("|")[1:4]) for row in rows]
    assert told == [
        (rule.code, rule.name, f"{rule.severity}{', `--fix`' if rule.fixable else ''}")
        for rule in RULES
    ]
