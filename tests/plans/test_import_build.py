"""Drafts become plans: names that are valid, references that hold, and nothing lost in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.errors import UsageError
from agentdeck.core.plan import ClaimKind, GateWhen, NoteKind, Plan, Strategy, Task
from agentdeck.plans.imports import edges
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import (
    Draft,
    DraftAgent,
    DraftClaim,
    DraftGate,
    DraftNote,
    DraftPhase,
    DraftPool,
    DraftRoute,
    DraftTask,
    Heard,
    Imported,
)
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan
from agentdeck.testing.counted_calls import calls_of


def draft(*tasks: DraftTask, **more: Any) -> Draft:
    return Draft(name="p", format="markdown", tasks=list(tasks), **more)


def task(name: str, *after: str, line: int = 1, **more: Any) -> DraftTask:
    return DraftTask(title=f"Do {name}", line=line, id=name, after=list(after), **more)


def built(*tasks: DraftTask, **more: Any) -> Imported:
    return build(draft(*tasks, **more), file="plan.md")


def rules(imported: Imported, heard: Heard | None = None) -> list[str]:
    return [r.rule for r in imported.remarks if heard is None or r.heard is heard]


def only(plan: Plan, name: str) -> Task:
    return next(task for task in plan.tasks if task.id == name)


def test_what_the_document_says_is_in_the_plan() -> None:
    """Names, references, figures and the place they come from."""
    found = built(
        task("A-1", line=4, estimate_s=3600.0, tokens=15_000, files=["src/"], complexity="high"),
        task("A-2", "A-1", line=5, labels=["x"], skills=["go"], kind="code"),
    )
    plan = found.plan
    assert (plan.name, plan.document, found.format) == ("p", "plan.md", "markdown")
    first, second = plan.tasks
    assert (first.id, first.line, first.estimate_s, first.tokens) == ("A-1", 4, 3600.0, 15_000)
    assert (first.files, first.complexity) == (("src/",), "high")
    assert (second.after, second.labels, second.skills) == (("A-1",), ("x",), ("go",))
    assert found.remarks == ()


def test_names_are_made_valid_and_unique_and_each_change_is_told() -> None:
    """A written id stays if it can; a title gives an id; the same twice gets a number."""
    found = built(
        DraftTask(title="Session CLI Tool", line=1),
        DraftTask(title="Session CLI tool", line=2),
        task("API/users", line=3),
        task("T1", line=4),
        task("t1", line=5),
        DraftTask(title="Größe prüfen", line=6),
        DraftTask(title="日本語", line=7),
    )
    assert [t.id for t in found.plan.tasks] == [
        "session-cli-tool",
        "session-cli-tool-2",
        "API-users",
        "T1",
        "t1-2",
        "gro-e-prufen",
        "task",
    ]
    assert rules(found, Heard.GUESSED) == ["id-changed", "id-changed"]
    assert rules(found, Heard.READ) == ["id-from-title"] * 4


def test_references_find_tasks_by_any_name() -> None:
    """By id, alias, title or words; a guess is told, and so is a name of nobody."""
    found = built(
        DraftTask(title="Session CLI Tool", line=1, aliases=["Stream 1"]),
        task("B", "CLI Tool", line=2),
        task("C", "stream 1", "b", "D–E", "None", line=3),
    )
    assert only(found.plan, "B").after == ("session-cli-tool",)
    assert only(found.plan, "C").after == ("session-cli-tool", "B")
    assert rules(found, Heard.GUESSED) == ["dependency-by-words"]
    assert rules(found, Heard.LEFT) == ["unknown-dependency"]
    assert 'waits for "D–E"' in found.remarks[-1].text


def test_a_phase_can_be_waited_for() -> None:
    """`Wave 1` stands for all of its tasks."""
    phases = [DraftPhase("w1", "Wave 1: Base", 1), DraftPhase("w2", "Wave 2: Rest", 5)]
    found = built(
        task("A", phase="w1"), task("B", phase="w1"), task("C", "Wave 1", phase="w2"), phases=phases
    )
    assert only(found.plan, "C").after == ("A", "B")
    assert rules(found, Heard.GUESSED).count("dependency-on-phase") == 2


def test_a_loop_is_printed_whole_with_its_lines() -> None:
    """The document says it, so the document is refused."""
    with pytest.raises(PlanProblems) as fault:
        built(task("A", "C", line=3), task("B", "A", line=4), task("C", "B", line=5))
    assert "A (line 3) -> C (line 5) -> B (line 4) -> A" in fault.value.message
    assert fault.value.message.startswith("plan.md:3: ")


def test_a_task_that_waits_for_itself_is_refused() -> None:
    """With its line."""
    with pytest.raises(PlanProblems, match=r"plan\.md:7: task A waits for itself"):
        built(task("A", "A", line=7))


def test_a_guess_gives_way_before_a_loop() -> None:
    """No document is refused for what a rule made of it."""
    found = built(
        DraftTask(title="Build parser", line=1, id="P", after=["printing"]),
        DraftTask(title="Printing of trees", line=2, id="Q", after=["P"]),
    )
    assert only(found.plan, "P").after == ()
    assert only(found.plan, "Q").after == ("P",)
    assert "guess-makes-loop" in rules(found, Heard.LEFT)


def test_a_range_may_hold_the_task_itself() -> None:
    """A careless range is no loop."""
    found = built(task("T1"), task("T2"), task("T3", "T1–T3"))
    assert only(found.plan, "T3").after == ("T1", "T2")
    assert rules(found, Heard.LEFT) == ["waits-for-itself"]


@pytest.mark.parametrize("more", [{"strategy": Strategy.WAVES}, {"sync": True}])
def test_a_deadlock_of_barriers_is_refused(more: dict[str, Any]) -> None:
    """A task of the first phase that needs one of the second can never start."""
    sync = more.pop("sync", False)
    phases = [DraftPhase("w1", "Wave 1", 1, sync=sync), DraftPhase("w2", "Wave 2", 5)]
    with pytest.raises(PlanProblems) as fault:
        built(
            task("A", "B", line=2, phase="w1"), task("B", line=6, phase="w2"), phases=phases, **more
        )
    assert fault.value.message.startswith("plan.md:2: task A of phase")
    assert "B (line 6)" in fault.value.message


def test_finished_tasks_stay_and_hold_nobody_up() -> None:
    """Done once, never again; what needed it is free."""
    found = built(task("A", done=True), task("B", "A"))
    assert only(found.plan, "A").defer == "done, says the document"
    assert only(found.plan, "B").after == ()
    assert only(found.plan, "B").defer is None


def test_what_waits_for_a_deferred_task_is_deferred_too() -> None:
    """All the way down, with the reason."""
    found = built(task("C", "B"), task("B", "A"), task("A", defer="needs a decision"))
    assert only(found.plan, "A").defer == "needs a decision"
    assert only(found.plan, "B").defer == "waits for A, which is deferred"
    assert only(found.plan, "C").defer == "waits for B, which is deferred"
    assert rules(found, Heard.GUESSED) == ["deferred-too"] * 2


def test_who_is_given_a_task_can_do_what_it_asks_for() -> None:
    """Told once for each agent; where no agent has skills the words of tasks stay words."""
    tasks = [
        task("A", agent="web", skills=["CSS", "html"]),
        task("B", agent="web", skills=["css", "go"]),
        task("C", agent="claude", skills=["sql"]),
    ]
    found = built(*tasks, agents=[DraftAgent("web", 3, skills=["HTML"])])
    assert {agent.name: agent.skills for agent in found.plan.agents} == {
        "claude": ("sql",),
        "web": ("HTML", "CSS", "go"),
    }
    assert rules(found, Heard.GUESSED).count("skills-of-tasks") == 2
    bare = built(*tasks)
    assert all(not agent.skills for agent in bare.plan.agents)


def test_agents_pools_gates_and_routes_are_found_by_their_words() -> None:
    """Agents without a command work as claude does, and that is told once."""
    found = built(
        task("A", agent="nlp-engineer", pool="native (local)", gates=["Tests pass", "nothing"]),
        task("B", agent="cursor"),
        task("C", agent="cursor", pool="lost"),
        task("D", agent="human"),
        agents=[DraftAgent("nlp-engineer", 3, use="claude", skills=["nlp"])],
        pools=[DraftPool("native (local)", 5000, 4)],
        gates=[
            DraftGate("Tests pass", "all tests pass", [GateWhen.TASK], 5),
            DraftGate("empty", "", [], 6),
        ],
        routes=[
            DraftRoute(7, id="A*", model="haiku"),
            DraftRoute(7, id="C*", agent="Code X"),
            DraftRoute(8, id="B*"),
            DraftRoute(9, phase="no", model="x"),
        ],
    )
    plan = found.plan
    assert {agent.name: agent.use for agent in plan.agents} == {
        "nlp-engineer": "claude",
        "cursor": "claude",
        "Code-X": "claude",
    }
    assert plan.pools[0].size == 1000
    assert only(plan, "A").pool == plan.pools[0].name == "native-local"
    assert only(plan, "A").gates == ("Tests-pass",)
    assert only(plan, "C").pool is None
    assert only(plan, "D").human
    assert [route.match.id for route in plan.routes] == ["A*", "C*"]
    assert plan.routes[1].agent == "Code-X"
    assert rules(found, Heard.GUESSED).count("agent-stands-in") == 2  # not once for each task
    assert {"unknown-pool", "unknown-gate", "empty-gate", "empty-route", "unknown-phase"} <= set(
        rules(found, Heard.LEFT)
    )


def test_claims_and_notes_come_along() -> None:
    """What is about nobody is dropped, because it would be about everybody."""

    def claim(stated: str, **more: Any) -> DraftClaim:
        return DraftClaim(what=ClaimKind.WORK, stated=stated, low=1, high=2, line=3, **more)

    found = built(
        task("A", phase="w"),
        task("B", phase="v"),
        task("C"),
        phases=[DraftPhase("w", "W", 1), DraftPhase("v", "V", 1)],
        claims=[
            claim("all"),
            claim("two phases", phases=["w", "v"]),
            claim("lost", tasks=["nobody"]),
            claim("no phase", phases=["x"]),
            DraftClaim(what=ClaimKind.COST, stated="nan", low=float("nan"), high=1, line=4),
        ],
        notes=[DraftNote(NoteKind.RISK, "r", 2, "m"), DraftNote(NoteKind.RISK, "  ", 2)],
    )
    assert [c.stated for c in found.plan.claims] == ["all", "two phases"]
    assert [(n.text, n.answer, n.line) for n in found.plan.notes] == [("r", "m", 2)]
    assert rules(found, Heard.LEFT).count("claim-dropped") == 3


def test_values_that_do_not_fit_are_told() -> None:
    """Paths outside, strange words, times that nobody has."""
    found = built(
        task(
            "A",
            files=["../x", "/etc", "./a/b", "a/b"],
            complexity="odd",
            risk="odd",
            estimate_s=float("inf"),
            tokens=-1,
            phase="nowhere",
            defer="",
        )
    )
    only_one = found.plan.tasks[0]
    assert only_one.files == ("a/b",)
    assert only_one.meta == {"complexity": "odd", "risk": "odd"}
    assert only_one.defer == "deferred, says the document"
    assert sorted(rules(found, Heard.LEFT)) == [
        "estimate-out-of-range",
        "path-outside",
        "path-outside",
        "tokens-out-of-range",
        "unknown-complexity",
        "unknown-phase",
        "unknown-risk",
    ]


def test_as_many_agents_as_the_widest_phase_has_tasks() -> None:
    """Unless the document says how many; people and deferred tasks do not count."""
    phases = [DraftPhase("w1", "1", 1), DraftPhase("w2", "2", 1)]
    tasks = [task(f"T{i}", phase="w1") for i in range(6)]
    tasks += [task("H", phase="w1", human=True), task("D", phase="w1", defer="later")]
    assert built(*tasks, phases=phases).plan.agents_limit == 6
    assert built(*tasks, phases=phases, agents_limit=99_999).plan.agents_limit == 1000
    assert built(*tasks, phases=phases[:1]).plan.agents_limit == 4


def test_no_task_is_one_clear_problem() -> None:
    """With the file, and a next step."""
    with pytest.raises(PlanProblems, match=r"plan\.md:1: no task was found"):
        built()


def _referring(count: int) -> tuple[list[DraftTask], list[DraftPhase]]:
    """Tasks that refer to each other by words."""
    tasks = [
        DraftTask(
            title=f"Build part {i} of the whole",
            line=i + 1,
            id="" if i % 2 else f"T-{i}",
            aliases=[f"part {i}"],
            after=[f"part {i - 1}"],
            phase=f"w{i // 100}",
        )
        for i in range(count)
    ]
    return tasks, [DraftPhase(f"w{i}", f"Wave {i}", 1) for i in range(count // 100)]


def test_the_work_of_building_grows_with_the_plan() -> None:
    """Eight times the tasks, less than twelve times the calls: no search over all of them."""

    def calls(count: int) -> int:
        tasks, phases = _referring(count)
        return calls_of(lambda: built(*tasks, phases=phases))

    calls(100)  # what is made once for all
    assert calls(1600) < 12 * calls(200)


@pytest.fixture
def few_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that is reached without making a million dependencies."""
    monkeypatch.setattr(edges, "MAX_EDGES", 10_000)


def test_more_dependencies_than_anybody_can_hold_are_refused(few_edges: None) -> None:
    """Each of many tasks waits for a whole phase."""
    tasks = [task(f"A{i}", phase="w1") for i in range(100)]
    tasks += [task(f"B{i}", "Wave 1", phase="w2") for i in range(101)]
    phases = [DraftPhase("w1", "Wave 1", 1), DraftPhase("w2", "Wave 2", 1)]
    with pytest.raises(UsageError, match="more than 10,000 dependencies"):
        built(*tasks, phases=phases)
    assert len(built(*tasks[:-1], phases=phases).plan.tasks) == 200


def test_names_of_nobody_are_counted_too(few_edges: None) -> None:
    """A short text can name a thousand; so many ranges are refused, not looked up one by one."""
    tasks = [task(f"A{i}", "X1–X1000") for i in range(11)]
    with pytest.raises(UsageError, match="more than 10,000 dependencies"):
        built(*tasks)


def test_a_knot_of_guesses_comes_apart() -> None:
    """Many loops of guesses, one inside the other, end without a refusal."""
    words = [f"alpha{i}" for i in range(60)]
    tasks = [
        DraftTask(title=f"{word} thing", line=1, id=f"T{i}", after=[w for w in words if w != word])
        for i, word in enumerate(words)
    ]
    found = built(*tasks)
    assert len(found.plan.tasks) == 60
    assert rules(found, Heard.LEFT).count("guess-makes-loop") > 0
    assert read_plan(write_plan(found.plan), file="p.toml") == found.plan


# What an importer may hand over, however strange.
_ANY = st.text(max_size=12)
_NAME = st.one_of(
    st.sampled_from(["A", "a", "B-1", "B-2", "B-1–B-3", "B-*", "Wave 1", "x y", "None", "", "é"]),
    _ANY,
)
_NAMES = st.lists(_NAME, max_size=3)
_KEY = st.sampled_from(["w1", "w2", "w3", "Wave 1"])
_MAYBE_NAME = st.one_of(st.none(), _NAME)
_MAYBE_KEY = st.one_of(st.none(), _KEY)
_FLOAT = st.one_of(st.none(), st.floats(), st.floats(0, 1e6))
_LINE = st.integers(-1, 50)
_WORD = st.one_of(st.none(), st.sampled_from(["low", "high", "odd"]))
_tasks = st.builds(
    DraftTask,
    title=_NAME,
    line=_LINE,
    id=_NAME,
    aliases=_NAMES,
    prompt=_ANY,
    after=_NAMES,
    phase=_MAYBE_KEY,
    files=st.lists(st.one_of(st.sampled_from(["a/b", "../x", "./y", "C:\\z", "~"]), _ANY)),
    agent=_MAYBE_NAME,
    model=_MAYBE_NAME,
    pool=_MAYBE_NAME,
    labels=_NAMES,
    skills=_NAMES,
    estimate_s=_FLOAT,
    tokens=st.one_of(st.none(), st.integers()),
    risk=_WORD,
    complexity=_WORD,
    kind=_MAYBE_NAME,
    priority=st.integers(),
    exclusive=st.booleans(),
    human=st.booleans(),
    defer=_MAYBE_NAME,
    done=st.booleans(),
    gates=st.one_of(st.none(), _NAMES),
    allow_empty=st.booleans(),
    meta=st.dictionaries(_ANY, _ANY, max_size=2),
)
_drafts = st.builds(
    Draft,
    name=_NAME,
    format=st.just("markdown"),
    tasks=st.lists(_tasks, max_size=6),
    phases=st.lists(
        st.builds(DraftPhase, key=_KEY, title=_NAME, line=_LINE, sync=st.booleans(), gates=_NAMES),
        max_size=3,
    ),
    gates=st.lists(
        st.builds(
            DraftGate,
            name=_NAME,
            check=_ANY,
            when=st.lists(st.sampled_from(GateWhen), max_size=3),
            line=_LINE,
            run=st.lists(_ANY, max_size=3),
        ),
        max_size=3,
    ),
    agents=st.lists(
        st.builds(
            DraftAgent,
            name=st.one_of(_NAME, st.sampled_from(["claude", "human", "Human"])),
            line=_LINE,
            use=st.one_of(st.none(), st.sampled_from(["claude", "command", "codex"])),
            command=st.lists(_ANY, max_size=2),
            model=_MAYBE_NAME,
            skills=_NAMES,
        ),
        max_size=3,
    ),
    pools=st.lists(
        st.builds(DraftPool, name=_NAME, size=st.integers(), line=_LINE, labels=_NAMES), max_size=2
    ),
    routes=st.lists(
        st.builds(
            DraftRoute,
            line=_LINE,
            id=_MAYBE_NAME,
            phase=_MAYBE_KEY,
            label=_MAYBE_NAME,
            complexity=_MAYBE_NAME,
            agent=_MAYBE_NAME,
            model=_MAYBE_NAME,
            pool=_MAYBE_NAME,
        ),
        max_size=2,
    ),
    notes=st.lists(
        st.builds(DraftNote, kind=st.sampled_from(NoteKind), text=_ANY, line=_LINE, answer=_ANY),
        max_size=2,
    ),
    claims=st.lists(
        st.builds(
            DraftClaim,
            what=st.sampled_from(ClaimKind),
            stated=_ANY,
            low=st.floats(),
            high=st.floats(),
            line=_LINE,
            phases=st.lists(_KEY, max_size=2),
            match=_MAYBE_NAME,
            model=_MAYBE_NAME,
            tasks=_NAMES,
            own_low=_FLOAT,
            own_high=_FLOAT,
        ),
        max_size=2,
    ),
    strategy=st.sampled_from(Strategy),
    agents_limit=st.one_of(st.none(), st.integers()),
    default_agent=_MAYBE_NAME,
    default_model=_MAYBE_NAME,
    budget_usd=_FLOAT,
    budget_tokens=st.one_of(st.none(), st.integers()),
)


def outcome(wild: Draft, file: str) -> Imported | str:
    try:
        return build(wild, file=file)
    except UsageError as refused:  # PlanProblems is one
        return refused.message


@settings(max_examples=2 * settings().max_examples)
@given(_drafts, _ANY)
def test_whatever_comes_out_can_be_written_and_read_again(wild: Draft, file: str) -> None:
    """Any draft is refused with words, or gives a plan that its text gives back."""
    found = outcome(wild, file)
    if isinstance(found, str):
        assert found.strip()
        return
    assert read_plan(write_plan(found.plan), file="again.toml") == found.plan
    assert len(found.plan.tasks) == len(wild.tasks)
    assert [r.line for r in found.remarks] == sorted(r.line for r in found.remarks)
