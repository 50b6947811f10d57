"""Hypothesis strategies for plans. The only module that imports hypothesis.

Rules: every plan drawn here is valid: the reader accepts what the writer makes of it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from agentdeck.core import plan as model
from agentdeck.core.adapter import FORMATS, Input
from agentdeck.core.event_names import known_patterns
from agentdeck.core.ids import AgentName, GateName, PhaseId, PoolName, TaskId, id_fault

_ID = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,11}", fullmatch=True).filter(
    lambda text: id_fault(text) is None
)
_LINE = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=20
).filter(lambda text: bool(text.strip()))
_ARGUMENT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_TEXT = _ARGUMENT.filter(lambda text: bool(text.strip()))
_VARIABLE = st.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True)
_ENV = st.dictionaries(_VARIABLE, _ARGUMENT, max_size=2)
_PATH = st.from_regex(r"[a-z*][a-z0-9_*?-]{0,5}(/[a-z*]{1,5}){0,2}/?", fullmatch=True)
_BRANCH = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}(/[a-z0-9]{1,5})?", fullmatch=True)
_TOKENS = st.integers(0, 10**15)
_DURATION = st.one_of(st.integers(1, 400_000).map(float), st.floats(0.001, 1e6, allow_nan=False))
_LINE_NUMBER = st.integers(1, 100_000)
_COMMAND = st.lists(_TEXT, min_size=1, max_size=3).map(tuple)
_SHELL = st.one_of(_COMMAND, _TEXT.map(lambda text: ("sh", "-c", text)))


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _some(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=most, unique=True).map(tuple)


def _names(least: int = 0, most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(_ID, min_size=least, max_size=most, unique_by=str.casefold)


def _of(names: list[Any]) -> st.SearchStrategy[Any]:
    return _maybe(st.sampled_from(names)) if names else st.none()


def _several(names: list[Any]) -> st.SearchStrategy[Any]:
    return _some(st.sampled_from(names)) if names else st.just(())


_RETRIES = st.integers(0, 50)
_gate_fields: dict[str, Any] = {
    "run": _SHELL,
    "check": st.one_of(st.just(""), _LINE),
    "when": st.lists(st.sampled_from(model.GateWhen), min_size=1, unique=True).map(tuple),
    "timeout_s": _DURATION,
    "retries": _RETRIES,
}


@st.composite
def _agent(draw: st.DrawFn, name: str, others: list[AgentName]) -> model.Agent:
    use = draw(st.sampled_from(("command", *model.BUILTIN_AGENTS)))
    return model.Agent(
        name=AgentName(name),
        use=use,
        command=draw(_COMMAND) if use == "command" else (),
        model=draw(_maybe(_LINE)),
        args=draw(st.lists(_ARGUMENT, max_size=2).map(tuple)),
        env=draw(_ENV),
        output=draw(_maybe(st.sampled_from(FORMATS))),
        skills=draw(_some(_LINE, 2)),
        escalate=draw(_some(_LINE, 2)),
        fallback=draw(_several([other for other in others if other != name])),
        account=draw(st.one_of(st.just(""), st.just("work"))),
        permissions=draw(st.sampled_from(model.Permissions)),
        home=draw(st.one_of(st.sampled_from((model.HOME_SHARED, model.HOME_OWN)), _LINE)),
        mcp=draw(_maybe(_LINE)),
        settings=draw(_maybe(_LINE)),
        resume=draw(st.one_of(st.just(()), _COMMAND)) if use == "command" else (),
        take_over=draw(st.one_of(st.just(()), _COMMAND)) if use == "command" else (),
        reads=draw(_maybe(st.sampled_from(Input))) if use == "command" else None,
    )


def _without_people(agents: tuple[model.Agent, ...]) -> tuple[model.Agent, ...]:
    """No agent falls back on a person."""
    people = {agent.name for agent in agents if agent.use == "human"}
    return tuple(
        msgspec.structs.replace(
            agent, fallback=tuple(name for name in agent.fallback if name not in people)
        )
        for agent in agents
    )


@st.composite
def _task(draw: st.DrawFn, name: str, before: list[TaskId], names: dict[str, Any]) -> model.Task:
    human = draw(st.booleans())
    title = draw(st.one_of(st.just(""), _LINE))
    return model.Task(
        id=TaskId(name),
        title=title,
        prompt=draw(st.one_of(st.just(""), _TEXT) if title else _TEXT),
        after=draw(_several(before)),
        phase=draw(_of(names["phases"])),
        files=draw(st.lists(_PATH, max_size=2).map(tuple)),
        agent=None if human else draw(_of(names["agents"])),
        model=draw(_maybe(_LINE)),
        pool=draw(_of(names["pools"])),
        labels=draw(_some(_LINE, 2)),
        estimate_s=draw(_maybe(_DURATION)),
        tokens=draw(_maybe(_TOKENS)),
        budget=draw(_budgets),
        risk=draw(_maybe(st.sampled_from(("low", "medium", "high")))),
        complexity=draw(_maybe(st.sampled_from(model.COMPLEXITIES))),
        kind=draw(_maybe(_LINE)),
        skills=draw(_some(_LINE, 2)),
        gates=draw(_maybe(_several(names["gates"]))),
        land=draw(_maybe(st.sampled_from(model.Land))),
        retries=draw(_maybe(_RETRIES)),
        timeout_s=draw(_maybe(_DURATION)),
        idle_timeout_s=draw(_maybe(_DURATION)),
        priority=draw(st.integers(-1_000_000, 1_000_000)),
        exclusive=draw(st.booleans()),
        human=human,
        defer=draw(_maybe(_LINE)),
        allow_empty=draw(st.booleans()),
        env=draw(_ENV),
        line=draw(_maybe(_LINE_NUMBER)),
        issue=draw(_maybe(st.integers(1, 10**9))),
        meta=draw(_ENV),
    )


_notes = st.builds(
    model.Note,
    kind=st.sampled_from(model.NoteKind),
    text=_TEXT,
    answer=st.one_of(st.just(""), _TEXT),
    line=_maybe(_LINE_NUMBER),
)


_budgets = st.builds(
    model.Budget,
    usd=_maybe(st.floats(0, 1e9)),
    tokens=_maybe(_TOKENS),
    on_exceed=st.sampled_from(model.OnExceed),
    warn=_some(st.floats(0.01, 1), 3),
    share=_maybe(st.floats(0.01, 1)),
)


_PATTERNS = st.sampled_from(known_patterns())
_hooks = st.builds(
    model.Hook, name=_PATTERNS, run=_COMMAND, timeout_s=_DURATION, retries=st.integers(0, 50)
)
_webhooks = st.builds(
    model.Webhook,
    name=st.sampled_from(("ci", "chat")),  # no pattern is called so
    url=st.sampled_from(("https://example.org/x?y=1", "http://127.0.0.1:8000/")),
    secret_env=_VARIABLE,
    events=st.lists(_PATTERNS, min_size=1, max_size=3, unique=True).map(tuple),
    timeout_s=_DURATION,
    give_up_s=_DURATION,
    insecure=st.booleans(),
)
_kept = st.builds(  # an empty table says nothing, and is not written
    model.Keep,
    progress=st.just("PROGRESS.md"),
    tasks_json=_maybe(st.just("{run}/tasks.json")),
    csv=_maybe(st.just("docs/a.csv")),
    archive=st.booleans(),
)
_LABEL_TEXT = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
_trackers = st.builds(
    model.Tracker,
    kind=st.sampled_from(model.TrackerKind),
    repo=st.just("acme/shop"),
    claim=_maybe(_LABEL_TEXT),
    failed=st.none(),
    comment=st.lists(_PATTERNS, max_size=3, unique=True).map(tuple),
    close=st.sampled_from(model.CloseWhen),
    timeout_s=_DURATION,
    give_up_s=_DURATION,
    label=_LABEL_TEXT,
    accept=_some(st.sampled_from(model.Accept), 3).map(lambda each: tuple(dict.fromkeys(each))),
    secret_env=_VARIABLE,
)


_notify = st.builds(
    lambda quiet, zone, **more: model.Notify(quiet=quiet, zone=zone if quiet else "", **more),
    name=st.sampled_from(("me", "team")),
    urls_env=_VARIABLE,
    events=st.lists(_PATTERNS, min_size=1, max_size=3, unique=True).map(tuple),
    group_s=_DURATION,
    quiet=st.sampled_from(("", "22:00-07:00", "12:00-13:30")),
    zone=st.sampled_from(("", "UTC", "Europe/Berlin")),
    timeout_s=_DURATION,
    give_up_s=_DURATION,
)


def _claims(phases: list[PhaseId], tasks: list[TaskId]) -> st.SearchStrategy[model.Claim]:
    return st.builds(
        model.Claim,
        what=st.sampled_from(model.ClaimKind),
        stated=_LINE,
        low=st.floats(0, 1e9),
        high=st.floats(0, 1e9),
        line=_maybe(_LINE_NUMBER),
        approx=st.booleans(),
        strategy=_maybe(st.sampled_from(model.Strategy)),
        phase=_of(phases),
        match=_maybe(_LINE),
        model=_maybe(_LINE),
        tasks=_several(tasks),
        active=st.booleans(),
        own_low=_maybe(st.floats(0, 1e9)),
        own_high=_maybe(st.floats(0, 1e9)),
    )


@st.composite
def _route(draw: st.DrawFn, names: dict[str, Any]) -> model.Route:
    match = model.RouteMatch(
        id=draw(_maybe(_LINE)),
        phase=draw(_maybe(_LINE)),
        label=draw(_maybe(_LINE)),
        complexity=draw(_maybe(_LINE)),
        risk=draw(_maybe(_LINE)),
        kind=draw(_maybe(_LINE)),
        skill=draw(_maybe(_LINE)),
        min_tokens=draw(_maybe(_TOKENS)),
        max_tokens=draw(_maybe(_TOKENS)),
    )
    agent, pool = draw(_of(names["agents"])), draw(_of(names["pools"]))
    return model.Route(match, agent, draw(_maybe(_LINE) if agent or pool else _LINE), pool)


def _that_can_end(plan: model.Plan) -> model.Plan:
    """Without the dependencies on deferred tasks and across barriers that no run could satisfy.

    Coarser than the reader: a chain through other tasks may be what makes a loop.
    """
    last = len(plan.phases)
    phase = {
        task.id: last if task.phase is None else plan.phase_index[task.phase] for task in plan.tasks
    }
    return msgspec.structs.replace(
        plan,
        tasks=tuple(
            msgspec.structs.replace(
                task,
                after=tuple(
                    other
                    for other in task.after
                    if plan.by_id[other].defer is None and phase[other] <= phase[task.id]
                ),
            )
            for task in plan.tasks
        ),
    )


@st.composite
def plans(draw: st.DrawFn, *, max_tasks: int = 5) -> model.Plan:
    """Valid plans that use every key of the format now and then."""
    gates = [GateName(name) for name in draw(_names())]
    agents = [AgentName(name) for name in draw(_names())]
    pools = [PoolName(name) for name in draw(_names(most=2))]
    phases = [PhaseId(name) for name in draw(_names(most=2))]
    tasks = [TaskId(name) for name in draw(_names(1, max_tasks))]
    every_agent = [*agents, *map(AgentName, model.BUILTIN_AGENTS)]
    names = {"gates": gates, "agents": every_agent, "pools": pools, "phases": phases}
    plan = model.Plan(
        name=draw(_LINE),
        base=draw(_maybe(_BRANCH)),
        target=draw(_maybe(_BRANCH)),
        land=draw(st.sampled_from(model.Land)),
        strategy=draw(st.sampled_from(model.Strategy)),
        agents_limit=draw(st.integers(1, 1000)),
        promote=draw(st.sampled_from(("ask", "auto"))),
        document=draw(_maybe(_LINE)),
        source=draw(_maybe(_LINE)),
        defaults=draw(
            st.builds(
                model.Defaults,
                agent=_of(every_agent),
                model=_maybe(_LINE),
                gates=_maybe(_several(gates)),
                retries=_RETRIES,
                backoff_s=st.one_of(st.just(0.0), _DURATION),
                timeout_s=_DURATION,
                idle_timeout_s=_DURATION,
            )
        ),
        budget=draw(_budgets),
        gates=tuple(draw(st.builds(model.Gate, name=st.just(g), **_gate_fields)) for g in gates),
        agents=_without_people(tuple(draw(_agent(name, agents)) for name in agents)),
        pools=tuple(
            draw(
                st.builds(
                    model.Pool,
                    name=st.just(name),
                    size=st.integers(10, 990),
                    labels=_some(_LINE, 2),
                    agents=_several(every_agent),
                    skills=_some(_LINE, 2),
                    budget=_budgets,
                    least=_maybe(st.integers(1, 10)),
                    most=_maybe(st.integers(990, 1000)),
                )
            )
            for name in pools
        ),
        routes=tuple(draw(st.lists(_route(names), max_size=2))),
        worktree=draw(
            st.builds(
                model.Worktree,
                copy=_some(_PATH),
                link=_some(_PATH),
                cache=_some(_LINE),
                setup=st.one_of(st.just(()), _SHELL),
                root=_maybe(_LINE),
            )
        ),
        queue=draw(
            st.builds(
                model.QueueRules,
                batch=st.integers(1, model.MAX_BATCH),
                slots=st.integers(1, model.MAX_DEPTH),
                style=st.sampled_from(model.LandingStyle),
                sign=_maybe(st.booleans()),
            )
        ),
        remote=draw(
            st.one_of(
                st.just(model.Remote()),
                st.builds(model.Remote, push=_LINE, pull_request=st.booleans()),
            )
        ),
        hooks=tuple(draw(st.lists(_hooks, max_size=2, unique_by=lambda hook: hook.name))),
        webhooks=tuple(draw(st.lists(_webhooks, max_size=2, unique_by=lambda hook: hook.name))),
        notify=tuple(draw(st.lists(_notify, max_size=2, unique_by=lambda hook: hook.name))),
        tracker=draw(_maybe(_trackers)),
        keep=draw(_maybe(_kept)),
        phases=tuple(
            draw(
                st.builds(
                    model.Phase,
                    id=st.just(name),
                    title=st.one_of(st.just(""), _LINE),
                    sync=st.booleans(),
                    gates=_several(gates),
                    budget=_budgets,
                )
            )
            for name in phases
        ),
        notes=tuple(draw(st.lists(_notes, max_size=2))),
        claims=tuple(draw(st.lists(_claims(phases, tasks), max_size=2))),
        tasks=tuple(draw(_task(name, tasks[:i], names)) for i, name in enumerate(tasks)),
    )
    return _that_can_end(plan)
