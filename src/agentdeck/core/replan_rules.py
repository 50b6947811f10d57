"""Which changes of a plan a run can take in, and why it cannot take in the others.

The rules, in sentences:
1. What a plan file may not say, a change may not say either: names must exist, nothing may wait for
   itself, for a deferred task, or for a barrier that waits for it.
2. Work that is under way or has landed keeps what it was asked to do: of such a task only what is
   told to people or orders the waiting may change (`WHILE_AT_WORK`).
3. What was tried once cannot be dropped or deferred, so that no work gets lost: it is skipped.
4. A phase that has closed stays closed and as it was; later phases were opened by it.
5. An agent keeps its kind and its stream, and all of it while it is at work.

A new dependency on a task that failed or was skipped is allowed; `consequences` says what it means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from math import inf
from typing import Final

from agentdeck.core.explain import first_line
from agentdeck.core.footprint import fault_of
from agentdeck.core.graph import topological_order
from agentdeck.core.group_rules import faults_of_group
from agentdeck.core.ids import PhaseId, TaskId, id_fault
from agentdeck.core.plan import Plan, Strategy, Task
from agentdeck.core.replan import PlanChange, changed
from agentdeck.core.state import HOLDS_FOOTPRINT, SETTLED, STUCK, RunState, TaskRun, TaskState

# Fields of a task that change nothing of the work itself, nor what has to prove it.
WHILE_AT_WORK: Final = frozenset(
    {"title", "estimate_s", "tokens", "budget", "priority", "risk", "line", "meta"}
)
_AT_WORK: Final = HOLDS_FOOTPRINT | {TaskState.LANDED}
MAX_AGENTS: Final = 1000  # at once, and places of a pool: as in a plan file
MAX_QUOTED: Final = 80  # characters of a name that cannot be one
MAX_SHOWN: Final = 12  # tasks of one loop in a sentence
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

# A task, or the moment at which a phase closes.
_Node = tuple[str, str]
_Needs = dict[_Node, list[_Node]]
Rule = Callable[[RunState, PlanChange, Plan], Iterator[str]]


def refusals(state: RunState, change: PlanChange) -> list[str]:
    """Every reason why the change cannot be taken in; empty = it can. O(tasks + dependencies)."""
    after = changed(state.plan, change)
    found = [sentence for rule in _NAMES for sentence in rule(state, change, after)]
    # What follows looks tasks up by the names that were just checked.
    return found or [sentence for rule in _MEANINGS for sentence in rule(state, change, after)]


def consequences(state: RunState, change: PlanChange) -> list[str]:
    """What a person should know of an accepted change: new waits for what does not go on."""
    found = []
    for task in change.put:
        before = state.plan.by_id.get(task.id)
        for other in task.after:
            run = state.tasks.get(other)
            if run is None or (before is not None and other in before.after):
                continue
            if run.state in STUCK:
                found.append(
                    f"{task.id} waits for {other}, which is {run.state}: {first_line(run.reason)}"
                )
            elif run.state is TaskState.SKIPPED:
                does = "so it need not wait" if run.satisfied else "so it waits until that changes"
                found.append(f"{task.id} needs {other}, which is skipped, {does}")
    return found


# --- names --------------------------------------------------------------------------------------


def _says_something(state: RunState, change: PlanChange, _: Plan) -> Iterator[str]:
    if change == PlanChange():
        yield "the change changes nothing"
    for name in change.dropped:
        if name not in state.tasks:
            yield f"there is no task {name} to drop"


def _ids(state: RunState, change: PlanChange, after: Plan) -> Iterator[str]:
    if not after.tasks:
        yield "the plan would have no task"
    first: dict[str, str] = {}
    for task in after.tasks:
        other = first.setdefault(task.id.casefold(), task.id)
        if other != task.id:
            yield f"{task.id} and {other} differ only in case"
    for task in change.put:
        fault = id_fault(task.id)
        if fault is not None:
            yield f"{task.id[:MAX_QUOTED]!r} cannot be the id of a task: {fault}"
        elif task.id not in state.tasks and not (task.title.strip() or task.prompt.strip()):
            yield f"{task.id} has neither a title nor a prompt"
    before = state.plan
    named: list[tuple[str, str, Container[str]]] = [
        ("phase", phase.id, before.phase_by_id) for phase in change.phases or ()
    ]
    named += [("agent", agent.name, before.agent_by_name) for agent in change.agents]
    named += [("pool", pool.name, before.pool_by_name) for pool in change.pools]
    for what, name, known in named:
        fault = None if name in known else id_fault(name)
        if fault is not None:
            yield f"{name[:MAX_QUOTED]!r} cannot name a new {what}: {fault}"


def _references(_: RunState, change: PlanChange, after: Plan) -> Iterator[str]:
    for task in change.put:
        for what, name, known in _named(task, after):
            if name not in known:
                yield f"{task.id}: there is no {what} {name}"
        if task.id in task.after:
            yield f"{task.id} waits for itself"
    dropped = set(change.dropped)
    for task in after.tasks if dropped else ():
        for other in task.after:
            if other in dropped and other not in after.by_id:
                yield f"{task.id} waits for {other}: unlink it first, or drop it too"
    phases = [phase.id for phase in after.phases]
    if len(set(phases)) != len(phases):
        yield "two phases have the same id"
    if change.phases is not None:
        for task in after.tasks:
            if task.phase is not None and task.phase not in after.phase_by_id:
                yield f"{task.id} is in phase {task.phase}, which would be gone"


def _texts(state: RunState, change: PlanChange, _: Plan) -> Iterator[str]:
    """What commits, programs and lists are given, as a plan file may say it."""
    for task in change.put:
        before = state.plan.by_id.get(task.id)
        if (before is None or before.title != task.title) and _CONTROL.search(task.title):
            yield f"{task.id}: its title has a character that stands in no line"
        if "\0" in task.prompt:
            yield f"{task.id}: its prompt has a character that no program can be given"
        for pattern in task.files:
            fault = fault_of(pattern)
            if fault is not None and (before is None or pattern not in before.files):
                yield f"{task.id}: {pattern[:MAX_QUOTED]!r} names no files: {fault}"


def _named(task: Task, plan: Plan) -> Iterator[tuple[str, str, Container[str]]]:
    yield from (("task", other, plan.by_id) for other in task.after)
    yield from (("task", other, plan.by_id) for other in task.land_with)
    yield from (("gate", gate, plan.gate_by_name) for gate in task.gates or ())
    if task.repo is not None:
        yield "repository", task.repo, plan.lanes
    if task.phase is not None:
        yield "phase", task.phase, plan.phase_by_id
    if task.agent is not None:
        yield "agent", task.agent, plan.agent_by_name
    if task.pool is not None:
        yield "pool", task.pool, plan.pool_by_name


def _agents(state: RunState, change: PlanChange, after: Plan) -> Iterator[str]:
    at_work = {
        task.attempt.agent: task.id
        for task in state.in_state(*HOLDS_FOOTPRINT)
        if task.attempt is not None
    }
    for agent in change.agents:
        before = state.plan.agent_by_name.get(agent.name)
        if before is None:
            continue
        if (before.use, before.output) != (agent.use, agent.output):
            yield f"agent {agent.name} keeps its `use` and `output`: add another agent instead"
        elif agent.name in at_work:
            yield f"agent {agent.name} works on {at_work[agent.name]}: change it when that is over"
    for agent in change.agents:
        for name in agent.fallback:
            if name not in after.agent_by_name:
                yield f"agent {agent.name}: there is no agent {name} to fall back on"
            elif name == agent.name or after.agent_by_name[name].use == "human":
                yield f"agent {agent.name}: {name} cannot take over from it"
    for pool in change.pools:
        for name in pool.agents:
            if name not in after.agent_by_name:
                yield f"pool {pool.name}: there is no agent {name}"
    for phase in change.phases or ():
        for gate in phase.gates:
            if gate not in after.gate_by_name:
                yield f"phase {phase.id}: there is no gate {gate}"


def _bounds(_: RunState, change: PlanChange, __: Plan) -> Iterator[str]:
    limit = change.agents_limit
    if limit is not None and not 1 <= limit <= MAX_AGENTS:
        yield f"the number of agents must be 1 to {MAX_AGENTS}"
    for pool in change.pools:
        if not 1 <= pool.size <= MAX_AGENTS:
            yield f"pool {pool.name}: the size must be 1 to {MAX_AGENTS}"
        if not 1 <= pool.floor <= pool.size <= pool.ceiling <= MAX_AGENTS:
            yield f"pool {pool.name}: min, size and max must follow each other"
    for task in change.put:
        times = (task.estimate_s, task.timeout_s, task.idle_timeout_s)
        if any(seconds is not None and not 0 < seconds < inf for seconds in times):
            yield f"{task.id} has a time that is no time"


# --- what it means for the run ------------------------------------------------------------------


def _work(state: RunState, change: PlanChange, after: Plan) -> Iterator[str]:
    for name in change.dropped:
        if state.tasks[name].attempts:
            yield f"{name} was tried already: skip it instead of dropping it, its work is kept"
    for task in change.put:
        run = state.tasks.get(task.id)
        if run is None:
            continue
        before = state.spec(task.id)
        if run.state in _AT_WORK:
            yield from _kept(run, before, task)
        elif task.defer and not before.defer and run.attempts:
            yield f"{task.id} was tried already: skip it instead of deferring it, its work is kept"
        elif run.attempts and task.repo != before.repo:
            yield f"{task.id} was tried already: it stays in its repository"
        elif run.attempts and _by_hand(state.plan, task.id) != _by_hand(after, task.id):
            yield f"{task.id} was tried already: person and agent cannot take it from each other"


def _groups(state: RunState, change: PlanChange, after: Plan) -> Iterator[str]:
    """Who lands together stays so, and can still be done."""
    before = state.plan
    for name in dict.fromkeys((*before.group_of, *after.group_of)):
        if before.group_of.get(name) != after.group_of.get(name):
            yield f"{name}: which tasks land together is fixed while the run goes on"
            return
    put = {task.id for task in change.put}
    for group in dict.fromkeys(after.group_of.values()):
        if put & set(group):
            yield from (message for message, _ in faults_of_group(after, group))


def _kept(run: TaskRun, before: Task, task: Task) -> Iterator[str]:
    fixed = [
        field.removesuffix("_s")
        for field in Task.__struct_fields__
        if field not in WHILE_AT_WORK and getattr(before, field) != getattr(task, field)
    ]
    if fixed:
        yield (
            f"{run.id} {_stands(run)}: its {', '.join(fixed)} cannot change,"
            " only title, estimate and priority"
        )


def _stands(run: TaskRun) -> str:
    return "has landed" if run.state is TaskState.LANDED else f"is {run.state}"


def _by_hand(plan: Plan, task: TaskId) -> bool:
    return plan.agent_by_name[plan.settings(task).agent].use == "human"


def _deferred(state: RunState, change: PlanChange, after: Plan) -> Iterator[str]:
    """Nothing may begin to wait for what is no part of the run."""
    put = {task.id for task in change.put}
    for task in after.tasks:
        run = state.tasks.get(task.id)
        settled = run is not None and run.state in _AT_WORK | {TaskState.SKIPPED}
        if task.defer or settled:
            continue
        for other in task.after:
            needed = state.tasks.get(other)
            out = after.by_id[other].defer and not (needed is not None and needed.satisfied)
            if out and (other in put or task.id in put):
                yield (
                    f"{task.id} would wait for ever for {other}, which is deferred:"
                    " unlink them, or defer both"
                )


def _phases(state: RunState, change: PlanChange, after: Plan) -> Iterator[str]:
    closed = [phase for phase in state.plan.phases if phase.id in state.closed_phases]
    if change.phases is not None:
        now = [p.id for p in after.phases]
        kept = [p.id for p in state.plan.phases if p.id in after.phase_by_id]
        if kept != [name for name in now if name in state.plan.phase_by_id]:
            yield "phases cannot change their order while the run goes on"
        fresh = [i for i, name in enumerate(now) if name not in state.plan.phase_by_id]
        for phase in closed:
            new = after.phase_by_id.get(phase.id)
            if new is None or (new.sync, new.gates) != (phase.sync, phase.gates):
                yield f"phase {phase.id} is closed: only its title can change"
            elif fresh and fresh[0] < now.index(phase.id):
                yield f"phase {phase.id} is closed: a new phase can only come after it"
    for task in change.put:
        if task.phase in state.closed_phases and not _has_settled(state, task):
            yield (
                f"{task.id} cannot be put into phase {task.phase}, which is closed:"
                f" {_way_out(state, after)}"
            )


def _has_settled(state: RunState, task: Task) -> bool:
    """Does the task need no more work in the phase it was in?"""
    run = state.tasks.get(task.id)
    if run is None or state.spec(task.id).phase != task.phase:
        return bool(task.defer)
    if run.state is TaskState.DEFERRED:
        return bool(task.defer)
    return run.state in SETTLED


def _way_out(state: RunState, after: Plan) -> str:
    still_open = [phase.id for phase in after.phases if phase.id not in state.closed_phases]
    named = f"phase {still_open[0]}, " if still_open else ""
    return f"use {named}a new phase, or no phase"


def _loops(_: RunState, __: PlanChange, after: Plan) -> Iterator[str]:
    """No task waits for itself through others or through a barrier."""
    plain: _Needs = {
        ("task", task.id): [("task", other) for other in task.after] for task in after.tasks
    }
    waits = _waits(after)
    ways = (plain, waits, _of_groups(after, waits)) if after.group_of else (plain, waits)
    for needs in ways:  # deferred tasks hold no barrier up, but may form a loop
        left = needs.keys() - set(topological_order(needs))
        if not left:
            continue
        names = [_word(node) for node in _loop(needs, left)]
        if len(names) > MAX_SHOWN:
            names[MAX_SHOWN - 1 : -1] = [f"({len(names) - MAX_SHOWN} more)"]
        yield f"a loop, in which nothing could ever start: {' -> '.join(names)}"
        return


def _waits(plan: Plan) -> _Needs:
    """Who waits for whom, with the closing of each barrier as a node of its own."""
    waves = plan.strategy is Strategy.WAVES
    active = [task for task in plan.tasks if not task.defer]
    barriers: dict[PhaseId, _Node | None] = {}  # what a phase's tasks wait for
    needs: _Needs = {}
    last: _Node | None = None
    for phase in plan.phases:
        barriers[phase.id] = last
        if phase.sync or waves:
            closing = ("phase", str(phase.id))
            needs[closing] = [last] if last else []
            last = closing
    for task in active:
        node = ("task", task.id)
        held = barriers[task.phase] if task.phase is not None else None
        needs[node] = [("task", other) for other in task.after if not plan.by_id[other].defer]
        needs[node] += [held] if held else []
        if task.phase is not None and ("phase", task.phase) in needs:
            needs["phase", task.phase].append(node)
    return needs


def _of_groups(plan: Plan, needs: _Needs) -> _Needs:
    """The same where each group is one thing, named after its first task."""

    def lead(node: _Node) -> _Node:
        group = plan.group_of.get(TaskId(node[1])) if node[0] == "task" else None
        return node if group is None else ("task", group[0])

    found: _Needs = {}
    for node, wanted in needs.items():
        mine = found.setdefault(lead(node), [])
        mine += [other for other in map(lead, wanted) if other not in mine]
    return found


def _loop(needs: _Needs, left: set[_Node]) -> list[_Node]:
    """One loop among the nodes that have no order, closed by its first node."""
    at = min(left)
    seen: dict[_Node, int] = {}
    walk: list[_Node] = []
    while at not in seen:
        seen[at] = len(walk)
        walk.append(at)
        at = next(other for other in needs[at] if other in left)
    return [*walk[seen[at] :], at]


def _word(node: _Node) -> str:
    return node[1] if node[0] == "task" else f"(phase {node[1]} closes)"


_NAMES: Final[tuple[Rule, ...]] = (_says_something, _ids, _references, _texts, _agents, _bounds)
_MEANINGS: Final[tuple[Rule, ...]] = (_work, _groups, _deferred, _phases, _loops)
