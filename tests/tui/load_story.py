"""A busy machine: agents at work, others that are held back, and looks at all of it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tests.tui.sample_journal import GATES, STARTED_AT, Story, task

from agentdeck.control.load import AgentUse, Look, at_work
from agentdeck.core import events as e
from agentdeck.core.events import FailureClass
from agentdeck.core.hosts import Worker
from agentdeck.core.ids import AgentName, PoolName, TaskId
from agentdeck.core.plan import Agent, Defaults, Plan, Pool
from agentdeck.tui.presentation.load_course import LoadCourse

STEP_S = 2.0
CORES = 8
MIB = 1024 * 1024
DOES = "Edit src/parser.py"


def busy_plan() -> Plan:
    gpu = PoolName("gpu")
    tasks = [
        *(task(f"L-{n}", title) for n, title in enumerate(("Parser", "Lexer", "Printer"), 1)),
        task("L-4", "Train the ranker", pool=gpu),
        task("L-5", "Train the reader", pool=gpu),
        task("L-6", "Docs", files=("docs/",)),
        task("L-7", "More docs", files=("docs/",)),
        task("L-8", "Fuzzing"),
        task("L-9", "Benchmarks"),
    ]
    return Plan(
        name="compiler",
        tasks=tuple(tasks),
        agents=(Agent(AgentName("claude"), "claude", account="anthropic"),),
        agents_limit=5,
        pools=(Pool(gpu, 1),),
        defaults=Defaults(agent=AgentName("claude"), model="sonnet"),
        gates=GATES,
    )


def busy() -> Story:
    """Five agents work, one waits for its retry, the others for slots, files, a pool."""
    told = Story(busy_plan(), "compiler-0b0b")
    told.wait(5)
    eighth = TaskId("L-8")
    told.start("L-8", account="anthropic")
    told.wait(30)
    told.end("L-8", code=1)
    told.tell(
        e.RetryScheduled(
            eighth, 1, FailureClass.NETWORK, "no route to host", STARTED_AT + told.at + 640
        )
    )
    for name in ("L-1", "L-2", "L-3", "L-4", "L-6"):
        told.start(name, account="anthropic", pool="gpu" if name == "L-4" else None)
        told.wait(20)
    for minute in range(1, 6):
        for number, name in enumerate(("L-1", "L-2", "L-3", "L-4"), start=1):
            told.wait(9)
            told.progress(name, 900 * number * minute + 400 * (minute % 3), 0.02 * minute, DOES)
    told.tell(e.AccountNoted("anthropic", TaskId("L-1"), 1, 0.62, STARTED_AT + told.at + 5_000))
    return told


def looks(told: Story, seconds: float = 240.0) -> Iterator[Look]:
    """What the machine was like in the last minutes of the story."""
    agents = at_work(told.state)
    steps = int(seconds / STEP_S)
    cpu = [0.0] * len(agents)
    busy_s = 0.0
    for step in range(steps + 1):
        used = {}
        for number, agent in enumerate(agents):
            share = max(0.02, (0.4 + 0.5 * number) * (0.6 + 0.4 * math.sin(step / 9 + number)))
            cpu[number] += share * STEP_S
            busy_s += share * STEP_S
            rss = (180 + 140 * number + step // 4) * MIB
            used[agent.task, agent.attempt] = AgentUse(
                cpu[number], rss, 2 + number, 900 * step * (number + 1)
            )
        busy_s += 0.9 * STEP_S
        yield Look(
            at=STARTED_AT + told.at - (steps - step) * STEP_S,
            cores=CORES,
            busy_s=busy_s,
            whole_s=step * STEP_S * CORES,
            load=3.2,
            memory_bytes=16 * 1024 * MIB,
            used_bytes=(6_000 + 8 * step) * MIB,
            disk_bytes=460 * 1024 * MIB,
            free_bytes=40 * 1024 * MIB,
            agents=used,
        )


def measured(told: Story, course: LoadCourse) -> None:
    """Give a course all of these looks."""
    for look in looks(told):
        course.add(look)


def far_away() -> Story:
    """One agent of a pool on other machines works, another waits for a place there."""
    far = PoolName("far")
    of = Plan(
        name="far",
        tasks=tuple(task(f"F-{number}", f"Part {number}", pool=far) for number in (1, 2)),
        agents=(Agent(AgentName("claude"), "claude"),),
        agents_limit=4,
        pools=(Pool(far, 4, host="cluster"),),
        defaults=Defaults(agent=AgentName("claude"), model="sonnet"),
        gates=GATES,
    )
    told = Story(of, "far-0b0b")
    told.wait(5)
    told.tell(e.WorkersChanged(far, (Worker("build-7.example", 1),)))
    told.start("F-1", pool="far", worker="build-7.example")
    told.wait(90)
    told.progress("F-1", 4_000, 0.03, DOES)
    return told


def elastic() -> Story:
    """A pool that memory holds at two of eight, one that a person has set, and an agent that fails
    at each start.
    """
    build, own = PoolName("build"), PoolName("reviewers")
    names = [f"E-{number}" for number in range(1, 6)]
    of = Plan(
        name="elastic",
        tasks=tuple(task(name, f"Part {name}", pool=build) for name in names),
        agents=(Agent(AgentName("claude"), "claude", account="anthropic"),),
        agents_limit=8,
        pools=(Pool(build, 3, least=1, most=8), Pool(own, 4)),
        defaults=Defaults(agent=AgentName("claude"), model="sonnet"),
        gates=GATES,
    )
    told = Story(of, "elastic-0b0b")
    told.wait(5)
    for number in (1, 2, 3):
        told.start("E-1", account="anthropic", pool="build")
        told.wait(40)
        told.end("E-1", code=1)
        again = STARTED_AT + told.at + 30
        if number < 3:
            told.tell(
                e.RetryScheduled(TaskId("E-1"), number, FailureClass.CRASH, "exit 127", again)
            )
            told.wait(30)
            told.tell(e.RetryDue(TaskId("E-1")))
        else:
            told.tell(e.TaskFailed(TaskId("E-1"), number, FailureClass.CRASH, "exit 127"))
    for name in ("E-2", "E-3"):
        told.start(name, account="anthropic", pool="build")
        told.wait(20)
    told.tell(e.PoolResized(build, 2, "memory 93 % used"), e.PoolLimitSet(own, 1, "kim"))
    told.wait(30)
    return told
