"""Short ways to a plan and to a run in a given state, for tests of the pure core.

Rules:
- A task is written as `NAME`, `NAME<NEEDED,NEEDED`, and after spaces the files it touches.
- A `Run` has a journal, the state it folds into and a clock; there is no IO and no engine.
- `run_until` plays an engine whose steps all go well, unless the test answers a step itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, assert_never

from agentdeck.core import events as e
from agentdeck.core import train
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import decide
from agentdeck.core.events import AnyEvent, Recorded, ReviewVerdict, Verdict
from agentdeck.core.explain import explain
from agentdeck.core.fold import apply
from agentdeck.core.ids import AgentName, GateName, ProcessIdentity, RunId, TaskId
from agentdeck.core.next_steps import next_steps
from agentdeck.core.plan import Gate, GateWhen, Plan, Task
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import (
    AnyStep,
    BuildEntry,
    CloseInput,
    Collect,
    Deliver,
    EndReview,
    Freeze,
    IOStep,
    KeepPermissions,
    LandEntry,
    LandGroup,
    Launch,
    OpenPullRequest,
    Prepare,
    PromoteTarget,
    PushTarget,
    Record,
    Release,
    RunGate,
    RunReview,
    Steps,
    StopAttempt,
    TellHook,
    Thaw,
    Watch,
)
from agentdeck.testing.clock import ManualClock

MAX_TURNS: Final = 1_000  # of the ring in `run_until`; a plan of ten tasks needs about two hundred
BASE: Final = "base0"  # commit that runs start from
BASE_TREE: Final = "base0-tree"

Answer = Callable[[RunState, IOStep], "Iterable[AnyEvent] | None"]


def task(line: str, **fields: Any) -> Task:
    """A task from `NAME<NEEDED,NEEDED FILE FILE`, with any field of `Task` by name."""
    head, *files = line.split()
    name, _, needed = head.partition("<")
    after = tuple(TaskId(other) for other in needed.split(",") if other)
    given = {"title": f"Do {name}", "after": after, "files": tuple(files), **fields}
    return Task(id=TaskId(name), **given)


def gate(name: str, *when: GateWhen, retries: int = 0) -> Gate:
    """A gate; for the merge queue unless `when` says otherwise."""
    return Gate(GateName(name), ("true",), when or (GateWhen.MERGE,), retries=retries)


def plan(*tasks: str | Task, **fields: Any) -> Plan:
    """A plan for scripted agents. Strings are read by `task`; fields are those of `Plan`.

    `agent` names another agent for all tasks.
    """
    agent = AgentName(fields.pop("agent", "scripted"))
    specs = [task(each) if isinstance(each, str) else each for each in tasks]
    defaults = fields.pop("defaults", Plan("", ()).defaults)
    if defaults.agent is None:
        defaults = type(defaults)(
            **{
                **{name: getattr(defaults, name) for name in defaults.__struct_fields__},
                "agent": agent,
            }
        )
    return Plan(fields.pop("name", "test"), tuple(specs), defaults=defaults, **fields)


def run_started(of: Plan) -> e.RunStarted:
    """The first event of a run of this plan."""
    return e.RunStarted(RunId("run-1"), of, "/repo/.git", "main", BASE, BASE_TREE, "deck/test")


class Run:
    """A run without IO: its journal, the state that follows, and a clock that a test moves."""

    def __init__(self, of: Plan) -> None:
        self.clock = ManualClock()
        self.state = RunState()
        self.history: list[Recorded] = []
        self.append(run_started(of))

    def append(self, *events: AnyEvent) -> Run:
        """Record facts. Raises `StaleEvent` for one that cannot follow."""
        for event in events:
            recorded = Recorded(len(self.history) + 1, self.clock.now, event)
            apply(self.state, recorded)
            self.history.append(recorded)
        return self

    def command(self, command: AnyCommand) -> Run:
        """Carry out a person's wish. Raises `Refused`."""
        return self.append(*decide(self.state, command))

    def steps(self) -> Steps:
        """What should be under way now."""
        return next_steps(self.state, self.clock.now)

    def of_kind(self, kind: type[AnyStep]) -> list[AnyStep]:
        """The steps of one kind that should be under way now."""
        return [step for step in self.steps().steps if isinstance(step, kind)]

    def explain(self, name: str) -> str:
        """Why a task stands where it stands."""
        return explain(self.state, TaskId(name), self.clock.now)

    def task_state(self, name: str) -> TaskState:
        """Where a task stands."""
        return self.state.tasks[TaskId(name)].state

    def settle(self) -> Run:
        """Take every decision that needs no IO."""
        for _ in range(MAX_TURNS):
            records = [step for step in self.steps().steps if isinstance(step, Record)]
            if not records:
                return self
            self.append(*records[0].events)
        raise AssertionError("the decisions never end")


def started(of: Plan) -> Run:
    """A run of the plan, with everything decided that needs no IO."""
    return Run(of).settle()


def run_until(
    run: Run,
    done: Callable[[Run], bool],
    answer: Answer = lambda _state, _step: None,
    *,
    turns: int = MAX_TURNS,
) -> Run:
    """Let everything go well, step by step, until `done`.

    Args:
        answer: what a step leads to in this test; None = it goes well, () = it is left undone.
        turns: how many steps that may take.

    Raises:
        AssertionError: nothing is left to do and it is still not `done`.
    """
    for _ in range(turns):
        if done(run):
            return run
        before = len(run.history)
        for step in run.steps().steps:
            _take(run, step, answer)
            if len(run.history) != before:
                break
        else:
            wake_at = run.steps().wake_at
            if wake_at is None:
                raise AssertionError(f"nothing is left to do; states: {_states(run)}")
            run.clock.advance_to(wake_at)
    raise AssertionError(f"not done after {turns} turns; states: {_states(run)}")


def _take(run: Run, step: AnyStep, answer: Answer) -> None:
    if isinstance(step, Record):
        run.append(*step.events)
        return
    told = answer(run.state, step)
    run.append(*(goes_well(run.state, step) if told is None else told))


def _states(run: Run) -> dict[TaskId, str]:
    return {name: str(found.state) for name, found in run.state.tasks.items()}


def reached(name: str, state: TaskState) -> Callable[[Run], bool]:
    """A condition for `run_until`: the task is in this state."""
    return lambda run: run.task_state(name) is state


def identity(number: int) -> ProcessIdentity:
    """A process that exists nowhere."""
    return ProcessIdentity(number, number, "boot")


def goes_well(state: RunState, step: IOStep) -> list[AnyEvent]:
    """The events of a step that does what it should."""
    match step:
        case Prepare(name, number):
            return [
                e.WorktreePrepared(name, number, f"/trees/{name}", f"deck/test/{name}", state.tip)
            ]
        case Launch(name, number):
            return [e.AttemptLaunched(name, number, identity(100), identity(101))]
        case Watch(name, number):
            return [e.AttemptExited(name, number, 0, ok=True)]
        case Freeze(name, number):
            return [e.AttemptFrozen(name, number, 1)]
        case Thaw(name, number):
            return [e.AttemptThawed(name, number)]
        case StopAttempt(name, number):
            return [e.AttemptExited(name, number, -15)]
        case Deliver(name, number, message):
            return [e.MessageDelivered(name, number, message)]
        case CloseInput(name, number):
            return [e.InputClosed(name, number)]
        case Collect(name, number):
            return [
                e.AttemptCollected(name, number, f"{name}.{number}", f"{name}.{number}-tree", 1)
            ]
        case Release(name, number):
            return [e.WorktreeReleased(name, number)]
        case RunGate():
            return [gate_finished(step)]
        case RunReview():
            return [review_finished(state, step)]
        case EndReview():
            return [review_finished(state, step, ReviewVerdict.ENDED)]
        case BuildEntry(entry, tip, others):
            commit = "+".join((tip, "&".join((entry, *others))))  # not what one by one has
            tree = f"{commit.replace('&', '+')}-tree"  # which is
            merges = tuple(f"{tip}+{one}" for one in (entry, *others)) if others else ()
            return [e.EntryBuilt(entry, commit, tree, tip, others, merges)]
        case LandEntry(entry):
            build = state.queue[entry].build
            assert build is not None
            return list(train.landed(state, build))
        case LandGroup(moves):
            return list(train.landed_together(state, moves))
        case KeepPermissions(change):
            return [e.PermissionsKept(change)]
        case PromoteTarget(commit, repo):
            return [e.Promoted(commit, "fast-forward", repo)]
        case PushTarget(commit):
            return [e.TargetPushed(commit, "origin")]
        case OpenPullRequest():
            return [e.PullRequestOpened("https://there/1")]
        case TellHook(hook):
            return [e.HookDelivered(hook, state.hooks[hook].latest, 0.1, 204)]
        case _ as never:
            assert_never(never)


def review_finished(
    state: RunState,
    step: RunReview | EndReview,
    verdict: ReviewVerdict = ReviewVerdict.APPROVE,
    **fields: Any,
) -> e.ReviewFinished:
    """The end of a review."""
    reviews = state.tasks[step.task].attempts[step.attempt - 1].reviews
    by = next(AgentName(review.by) for review in reviews if review.run == step.run)
    return e.ReviewFinished(step.task, step.attempt, step.run, by, verdict, **fields)


def gate_finished(step: RunGate, verdict: Verdict = Verdict.PASSED) -> e.GateFinished:
    """The end of a gate's run."""
    return e.GateFinished(
        step.gate,
        step.when,
        step.tree,
        step.commit,
        step.run,
        verdict,
        0 if verdict is Verdict.PASSED else 1,
        1.0,
        f"gates/{step.gate}",
        "" if verdict is Verdict.PASSED else "assert 1 == 2",
        step.task,
        step.attempt,
    )
