"""Varied plans from a seed, for the simulation.

Rules: the same `Random` gives the same plan. Names are short, footprints come from a few folders so
that they meet often, and every setting that the core looks at is used now and then.
"""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.graph import topological_order
from agentdeck.core.group_rules import contracted, faults_of_group
from agentdeck.core.ids import AgentName, GateName, PhaseId, PoolName, RepoName, TaskId
from agentdeck.core.permissions import Decision
from agentdeck.core.plan import (
    OWN_REPO_WORD,
    PERSON,
    Agent,
    Budget,
    Defaults,
    Gate,
    GateWhen,
    Hook,
    Land,
    MayCall,
    MayPropose,
    MayWiden,
    Notify,
    OnExceed,
    Permission,
    Phase,
    Plan,
    Pool,
    QueueRules,
    Remote,
    Repair,
    Repo,
    ReviewRules,
    Strategy,
    Task,
    Tools,
    Unattended,
    Webhook,
)
from agentdeck.core.prices import Price, Prices

NAMES: Final = "ABCDEFGHIJ"
FOOTPRINTS: Final = (
    ("src/api/",),
    ("src/api/user.py",),
    ("src/ui/**",),
    ("src/*.py",),
    ("docs/*.md", "README.md"),
    ("**/test_*.py",),
)
TALKER: Final = Agent(  # one whose sessions go on
    AgentName("talker"),
    use="talker",
    adapter=Adapter(
        "talker",
        provider="acme",
        output="scripted",
        input=Input.LINES,
        start=("talker", "{prompt}"),
        resume=("talker", "--resume", "{session}", "{prompt}"),
    ),
    escalate=("small", "large"),
)
# Of budgets, in dollars and tokens; an attempt uses up to $1 and 10,000 tokens.
LIMITS: Final = ((0.3, None), (1.0, None), (5.0, None), (None, 9_000), (2.0, 30_000))
PRICED: Final = "priced-1"  # a model of `PRICES`
PRICES: Final = Prices("2020-02-02", models={"priced": Price(100.0, 100.0)})  # $1 for 10,000
WAITER: Final = Agent(  # one that waits for more after each turn
    AgentName("waiter"),
    use="waiter",
    adapter=Adapter(
        "waiter",
        output="claude",
        input=Input.CLAUDE,
        start=("waiter",),
        resume=("waiter", "--resume", "{session}"),
    ),
)
AGENTS: Final = (None, None, None, AgentName("deaf"), WAITER.name, WAITER.name)
IDLE_S: Final = 300.0  # short, so that hanging agents are met within a simulated hour


def generated_plan(random: Random) -> Plan:
    """A valid plan of two to nine tasks."""
    gates = _gates(random)
    phases = tuple(
        Phase(
            PhaseId(f"p{number}"),
            sync=random.random() < 0.5,
            gates=tuple(gate.name for gate in gates if random.random() < 0.15),
            budget=_budget(random, 0.15),
        )
        for number in range(random.choice((0, 0, 1, 2, 3)))
    )
    rules = _review(random)
    names = [TaskId(name) for name in NAMES[: random.randint(2, 9)]]
    tasks = tuple(_task(random, name, names[:at], phases) for at, name in enumerate(names))
    skilled = Random(repr(tasks)).random() < 0.5  # drawn apart: what is drawn here stays as it was
    return Plan(
        name="generated",
        tasks=tuple(map(_asking, tasks)) if skilled else tasks,
        land=_land(random, rules),
        strategy=random.choice((Strategy.EAGER, Strategy.EAGER, Strategy.WAVES)),
        agents_limit=random.randint(1, 4),
        promote=random.choice(("ask", "auto")),
        remote=random.choice((Remote(), Remote("origin"), Remote("origin", True))),
        defaults=Defaults(
            agent=random.choice((AgentName("scripted"), TALKER.name, TALKER.name)),
            retries=random.randint(0, 3),
            backoff_s=random.choice((0.0, 5.0, 600.0)),
            idle_timeout_s=IDLE_S,
            unattended=random.choice(tuple(Unattended)),
            answer_within_s=random.choice((60.0, 1800.0)),
        ),
        permissions=_permissions(random),
        budget=_budget(random, 0.25),
        gates=gates,
        agents=_able((*_agents(random), WAITER)) if skilled else (*_agents(random), WAITER),
        pools=_pools(random),
        phases=phases,
        queue=_queue(random, (1, 2, 4, 8), (1, 1, 2, 3), (None, None, TALKER.name)),
        review=rules,
    )


def _review(random: Random) -> ReviewRules:
    """An agent that may also be a doer somewhere, or a person."""
    by = random.choice((PERSON, PERSON, PERSON, "codex", "codex", "deaf"))
    return ReviewRules(by=by, rounds=random.choice((0, 1, 2)))


def _land(random: Random, rules: ReviewRules) -> Land:
    """Where an agent reviews, most plans want it to."""
    if rules.by != PERSON and random.random() < 0.8:
        return Land.REVIEW
    return random.choice((Land.AUTO, Land.AUTO, Land.AUTO, Land.APPROVE, Land.REVIEW))


def _task(random: Random, name: TaskId, earlier: list[TaskId], phases: tuple[Phase, ...]) -> Task:
    at = len(earlier)
    needed = random.sample(earlier, min(at, random.choice((0, 0, 1, 1, 2))))
    return Task(
        id=name,
        title=f"Task {name}",
        prompt="do it",
        after=tuple(needed),
        phase=phases[min(at // 3, len(phases) - 1)].id
        if phases and random.random() < 0.9
        else None,
        files=random.choice(FOOTPRINTS) if random.random() < 0.6 else (),
        agent=random.choice(AGENTS),
        model=random.choice((None, PRICED)),
        tokens=random.choice((None, None, 2000, 9000)),
        budget=_budget(random, 0.05),
        labels=("heavy",) if random.random() < 0.3 else (),
        estimate_s=random.choice((None, 60.0, 3600.0)),
        land=random.choice((None, None, None, None, *Land)),
        priority=random.choice((0, 0, 0, 1, -1)),
        exclusive=random.random() < 0.08,
        human=random.random() < 0.06,
        defer="not now" if random.random() < 0.05 else None,
        allow_empty=random.random() < 0.1,
    )


def _asking(task: Task) -> Task:
    """A task whose agent nothing names asks for a skill; a person is asked for none."""
    return task if task.agent else msgspec.structs.replace(task, skills=("ears",))


def _able(agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
    """All can do it; the first is the deaf one, which has a pool of its own in many plans."""
    return tuple(msgspec.structs.replace(agent, skills=("Ears", "eyes")) for agent in agents)


def _agents(random: Random) -> tuple[Agent, ...]:
    """One that is deaf; a talker, often with a deputy on another account of its provider."""
    deaf = Agent(AgentName("deaf"), command=("agent", "{prompt}"))
    deputy = msgspec.structs.replace(TALKER, name=AgentName("deputy"), account="b", escalate=())
    fallback = random.choice(((), (deaf.name,), (deputy.name,), (deputy.name, deaf.name)))
    return (deaf, msgspec.structs.replace(TALKER, fallback=fallback), deputy)


def _pools(random: Random) -> tuple[Pool, ...]:
    size, budget = random.randint(1, 2), _budget(random, 0.3)
    least, most = random.choice(((None, None), (1, 3), (1, 4), (1, None), (None, 4)))
    size += least is not None
    small = Pool(PoolName("small"), size, ("heavy",), budget=budget, least=least, most=most)
    of_deaf = Pool(PoolName("of-deaf"), 1, agents=(AgentName("deaf"),))
    return tuple(pool for pool in (small, of_deaf) if random.random() < 0.5)


def queueing_plan(random: Random) -> Plan:
    """A plan whose work piles up before the merge queue: six to twenty tasks, all at once."""
    names = [TaskId(f"q{number}") for number in range(random.randint(6, 20))]
    gates = (
        Gate(GateName("unit"), ("true",), (GateWhen.MERGE,), retries=random.randint(0, 2)),
        Gate(GateName("lint"), ("true",), (GateWhen.MERGE,)),
    )
    return Plan(
        name="queueing",
        tasks=tuple(
            Task(name, priority=random.choice((0, 0, 0, 1, 5)), gates=_some_gates(random, gates))
            for name in names
        ),
        land=random.choice((Land.AUTO, Land.AUTO, Land.APPROVE)),
        agents_limit=random.choice((4, 20)),
        promote="auto",
        defaults=Defaults(agent=AgentName("scripted"), retries=random.randint(0, 2)),
        gates=gates,
        queue=_queue(random, (2, 4, 16), (1, 2, 4), (None,)),
    )


def _queue(
    random: Random,
    batches: tuple[int, ...],
    slots: tuple[int, ...],
    resolvers: tuple[AgentName | None, ...],
) -> QueueRules:
    repair = random.choice((Repair.AGENT, Repair.AGENT, *Repair))
    return QueueRules(
        batch=random.choice(batches),
        slots=random.choice(slots),
        repair=repair,
        repairs=random.choice((0, 1, 1, 3)),
        resolver=random.choice(resolvers) if repair is Repair.AGENT else None,
    )


def _some_gates(random: Random, gates: tuple[Gate, ...]) -> tuple[GateName, ...] | None:
    """The gates of a task: nearly always all."""
    return None if random.random() < 0.8 else (random.choice(gates).name,)


def _gates(random: Random) -> tuple[Gate, ...]:
    merge, on_task = (GateWhen.MERGE,), (GateWhen.TASK,)
    possible = (
        Gate(GateName("unit"), ("true",), (*on_task, *merge), retries=random.randint(0, 2)),
        Gate(GateName("lint"), ("true",), merge),
        Gate(GateName("smoke"), ("true",), (GateWhen.PREFLIGHT, *merge), retries=1),
        Gate(GateName("wide"), ("true",), (GateWhen.PHASE, GateWhen.FINAL), retries=1),
    )
    return tuple(gate for gate in possible if random.random() < 0.4)


def _permissions(random: Random) -> tuple[Permission, ...]:
    possible = (
        Permission(Decision.ALLOW, "Bash", "pytest*"),
        Permission(Decision.DENY, target="git push*"),
        Permission(Decision.ALLOW, "Edit", task="A"),
    )
    return tuple(rule for rule in possible if random.random() < 0.2)


def _budget(random: Random, share: float) -> Budget:
    """A budget for so many of the plans."""
    if random.random() >= share:
        return Budget()
    usd, tokens = random.choice(LIMITS)
    of_account = random.choice((None, None, 0.5))
    then = random.choice((OnExceed.ASK, *OnExceed))
    return Budget(usd=usd, tokens=tokens, on_exceed=then, share=of_account)


def with_tools(plan: Plan, seed: int) -> Plan:
    """The plan, with tools for its agents."""
    random = Random(seed)
    tools = Tools(
        ask_person=MayCall.ALLOW,
        report_progress=MayCall.ALLOW,
        propose_task=random.choice(tuple(MayPropose)),
        request_files=random.choice(tuple(MayWiden)),
    )
    return msgspec.structs.replace(plan, tools=tools)


def with_hooks(plan: Plan, seed: int) -> Plan:
    """The plan with one to three hooks in it."""
    random = Random(seed)
    patterns = ("*", "task.*", "gate.failed", "task.asks", "entry.*", "run.finished")
    hooks = tuple(
        Hook(name, ("tell",), retries=random.randint(0, 3))
        for name in random.sample(patterns, random.randint(1, 2))
    )
    words = tuple(random.sample(patterns, random.randint(1, 3)))
    give_up_s = random.choice((5.0, 3600.0, 86_400.0))
    url = "https://example.org/hook"
    webhooks = (Webhook("ci", url, "CI_SECRET", words, give_up_s=give_up_s),)
    plan = msgspec.structs.replace(plan, hooks=hooks, webhooks=webhooks[: random.randint(0, 1)])
    group_s = random.choice((0.0, 30.0, 600.0))
    person = Notify("me", "MY_URLS", words, group_s, random.choice(("", "22:00-07:00")))
    return msgspec.structs.replace(plan, notify=(person,) if random.random() < 0.5 else ())


def with_repos(plan: Plan, seed: int) -> Plan:
    """The plan with its tasks in up to three repositories, and some that land together."""
    random = Random(seed)
    names = [RepoName(name) for name in ("api", "web")][: random.randint(1, 2)]
    where = (None, *names)
    tasks = [msgspec.structs.replace(task, repo=random.choice(where)) for task in plan.tasks]
    gates = tuple(
        msgspec.structs.replace(gate, repos=random.choice(((), (), (OWN_REPO_WORD, names[0]))))
        if gate.name not in {name for task in tasks for name in task.gates or ()}
        else gate
        for gate in plan.gates
    )
    made = msgspec.structs.replace(
        plan,
        tasks=tuple(tasks),
        gates=gates,
        repos=tuple(Repo(name, f"../{name}") for name in names),
    )
    for _ in range(random.randint(1, 3)):
        made = _with_group(made, random)
    return made


def _with_group(plan: Plan, random: Random) -> Plan:
    """With two tasks that land together, if they can."""
    one, other = random.sample(plan.tasks, 2)
    bound = msgspec.structs.replace(one, land_with=(*one.land_with, other.id))
    tasks = tuple(bound if task.id == one.id else task for task in plan.tasks)
    found = msgspec.structs.replace(plan, tasks=tasks)
    needs = contracted(found)
    sound = len(list(topological_order(needs))) == len(needs)
    apart = {found.by_id[name].phase for name in found.group_of[one.id]}
    fits = not any(True for _ in faults_of_group(found, found.group_of[one.id]))
    return found if sound and fits and len(apart) == 1 else plan
