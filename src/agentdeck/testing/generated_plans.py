"""Varied plans from a seed, for the simulation.

Rules: the same `Random` gives the same plan. Names are short, footprints come from a few folders so
that they meet often, and every setting that the core looks at is used now and then.
"""

from __future__ import annotations

from random import Random
from typing import Final

from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.ids import AgentName, GateName, PhaseId, PoolName, TaskId
from agentdeck.core.permissions import Decision
from agentdeck.core.plan import (
    Agent,
    Budget,
    Defaults,
    Gate,
    GateWhen,
    Land,
    OnExceed,
    Permission,
    Phase,
    Plan,
    Pool,
    Strategy,
    Task,
    Unattended,
)

NAMES: Final = "ABCDEFGHIJ"
FOOTPRINTS: Final = (
    ("src/api/",),
    ("src/api/user.py",),
    ("src/ui/**",),
    ("src/*.py",),
    ("docs/*.md", "README.md"),
    ("**/test_*.py",),
)
# The plan's default is an agent that reads messages and ends by itself.
AGENTS: Final = (None, None, None, AgentName("deaf"), AgentName("talker"), AgentName("talker"))
TALKER: Final = Adapter("talker", output="claude", input=Input.CLAUDE, resume=("agent",))
IDLE_S: Final = 300.0  # short, so that hanging agents are met within a simulated hour


def generated_plan(random: Random) -> Plan:
    """A valid plan of two to nine tasks."""
    gates = _gates(random)
    phases = tuple(
        Phase(
            PhaseId(f"p{number}"),
            sync=random.random() < 0.5,
            gates=tuple(gate.name for gate in gates if random.random() < 0.15),
        )
        for number in range(random.choice((0, 0, 1, 2, 3)))
    )
    names = [TaskId(name) for name in NAMES[: random.randint(2, 9)]]
    tasks = tuple(_task(random, name, names[:at], phases) for at, name in enumerate(names))
    return Plan(
        name="generated",
        tasks=tasks,
        land=random.choice((Land.AUTO, Land.AUTO, Land.AUTO, Land.APPROVE, Land.REVIEW)),
        strategy=random.choice((Strategy.EAGER, Strategy.EAGER, Strategy.WAVES)),
        agents_limit=random.randint(1, 4),
        promote=random.choice(("ask", "auto")),
        defaults=Defaults(
            agent=AgentName("scripted"),
            retries=random.randint(0, 3),
            backoff_s=random.choice((0.0, 5.0, 600.0)),
            idle_timeout_s=IDLE_S,
            unattended=random.choice(tuple(Unattended)),
            answer_within_s=random.choice((60.0, 1800.0)),
        ),
        permissions=_permissions(random),
        budget=_budget(random),
        gates=gates,
        agents=(
            Agent(AgentName("deaf"), command=("agent", "{prompt}")),
            Agent(AgentName("talker"), command=("agent",), adapter=TALKER),
        ),
        pools=(Pool(PoolName("small"), 1, labels=("heavy",)),) if random.random() < 0.5 else (),
        phases=phases,
    )


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
        labels=("heavy",) if random.random() < 0.3 else (),
        estimate_s=random.choice((None, 60.0, 3600.0)),
        land=random.choice((None, None, None, None, *Land)),
        priority=random.choice((0, 0, 0, 1, -1)),
        exclusive=random.random() < 0.08,
        human=random.random() < 0.06,
        defer="not now" if random.random() < 0.05 else None,
        allow_empty=random.random() < 0.1,
    )


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


def _budget(random: Random) -> Budget:
    if random.random() < 0.85:
        return Budget()
    usd = random.choice((1.0, 5.0, 20.0))
    return Budget(usd=usd, on_exceed=random.choice((OnExceed.DRAIN, OnExceed.STOP)))
