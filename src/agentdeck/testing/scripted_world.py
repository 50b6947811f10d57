"""The reality of a simulation: processes, worktrees, commits and refs, and who changes them.

Rules:
- Reality outlives the engine: after a crash a launched process is still there, a moved ref moved.
- A performer is a generator. It yields a `Pause` to let time pass, an event to report it; when it
  ends, its step is done. Whatever it does to reality it does between two yields, so an engine that
  dies while the performer waits has left exactly that behind.
- A performer looks at reality first: doing a step that was done before finds it done.
- What breaks an invariant in reality itself raises `Violation` at once.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, assert_never

import msgspec

from agentdeck.core import accounts, event_names, policy, queue, train
from agentdeck.core import events as e
from agentdeck.core.events import (
    AnyEvent,
    AskKind,
    AskOption,
    DiskMark,
    EntryKind,
    FailureClass,
    FileTouched,
    Hunks,
    Loss,
    Recorded,
    Verdict,
)
from agentdeck.core.ids import AgentName, EntryId, GateName, ProcessIdentity, RepoName, TaskId
from agentdeck.core.lanes import of_entry
from agentdeck.core.permissions import OptionKind
from agentdeck.core.plan import OWN_REPO, Agent, GateWhen, Notify
from agentdeck.core.state import Attempt, Entry, Message, RunState, TaskState
from agentdeck.core.steps import (
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
    Release,
    RunGate,
    RunReview,
    StopAttempt,
    TellHook,
    Thaw,
    Watch,
)

AttemptKey = tuple[TaskId, int]
Fate = tuple[int | None, bool | None, FailureClass | None]  # exit status, result, what is blamed
SUCCESS: Final[Fate] = (0, True, None)
KILLED: Final[Fate] = (-15, None, None)
NEVER: Final = (-1.0, -1.0)  # it neither asks nor hangs
POLL_S: Final = 20.0  # between two looks at a live agent; coarse, the simulation is about order
ACTIONS: Final = (  # what agents want to do: tool, target
    ("Bash", "pytest -q"),
    ("Bash", "git push"),
    ("Edit", "src/api/user.py"),
)
OPTIONS: Final = (
    AskOption("once", "Allow once", OptionKind.ALLOW_ONCE),
    AskOption("always", "Always allow", OptionKind.ALLOW_ALWAYS),
    AskOption("no", "Reject", OptionKind.REJECT_ONCE),
)
MET: Final = "src/api/user.py"  # where work does not merge
SLOW_GATE: Final = 40.0  # times as long as others
FAILS_TO_HEAR: Final = 40  # of a hundred tries of a hook ...
HEARS_AND_FAILS: Final = 10  # ... and of those, so many were heard all the same
MAX_RED_HERRINGS: Final = 3  # foreign commits to base or target in one run, so that it ends


class Violation(AssertionError):
    """An invariant of the design does not hold."""


REACHES_ONE_IN: Final = 60  # attempts: one moves refs of others ...
REFUSED: Final = 5  # ... and so many, less one, are kept from it


@dataclass(frozen=True)
class Pause:
    """Let so many seconds pass; None = until something is done to the process of `key`."""

    seconds: float | None
    key: AttemptKey | None = None


Said = AnyEvent | tuple[AnyEvent, ...]  # several at once: they are stored together or not at all
Performer = Generator[Pause | Said, None, None]


@dataclass(frozen=True)
class Faults:
    """How often things go wrong: probabilities, each for one occasion."""

    step_fails: float = 0.04
    never_starts: float = 0.02  # of an attempt: its worktree or its launch fails each time
    agent_fails: float = 0.2
    agent_hangs: float = 0.05
    agent_asks: float = 0.12
    agent_gives_up_asking: float = 0.15  # of a question
    agent_lost: float = 0.04
    priced: float = 0.2  # of the agents: they name their cost only at the end
    limit_met: float = 0.02  # at each look at a live agent, which gets over it by itself
    session_gone: float = 0.2  # of an attempt that goes on in a session
    no_work: float = 0.06
    outside: float = 0.05
    work_fault: float = 0.03
    hands_fault: float = 0.2  # of what a person leaves
    gate_red: float = 0.12  # of a tree
    gate_flaky: float = 0.08  # of a tree
    gate_broken: float = 0.04
    gate_slow: float = 0.5  # of a merge gate: it takes as long as agents do, and work piles up
    base_red: float = 0.06
    review_objects: float = 0.4  # of a review: it wants changes
    review_fails: float = 0.1  # likewise: it gives no verdict
    conflict: float = 0.08
    lines_lost: float = 0.3  # of an attempt that has taken in the target
    landing_blocked: float = 0.06
    foreign_commit: float = 0.06  # on the target, by somebody else
    base_moves: float = 0.3  # a commit on the base, seen when the target is promoted
    promote_waits: float = 0.3
    lost: float = 0.03  # the report of a step never arrives; the step is done again
    late: float = 0.04  # it arrives after the step was started again
    doubled: float = 0.06
    crash: float = 0.01  # of the engine, at each thing that happens
    power_cut: float = 0.3  # of a crash: the machine goes down with it
    environment: float = 0.3  # of an engine that starts again: gates run in something else
    meddles: float = 0.02  # a person presses a key about a task to which something just happened
    speaks: float = 0.04  # likewise, and says something to its agent
    disk: float = 0.3  # of a run: the disk gets low or full for a while, once or more often
    machine: float = 0.6  # of a run: it is short of memory, or at ease, once or more often
    clock_jumps: float = 0.1  # of a run: the machine's clock is set, once or more often
    commands: int = 25  # of a person, at most

    @classmethod
    def none(cls) -> Faults:
        """Everything goes well and nobody touches a key."""
        return cls(**dict.fromkeys(cls.__dataclass_fields__, 0))

    @classmethod
    def varied(cls, random: Random) -> Faults:
        """A different mix for each seed: some faults never, some often.

        Runs in which everything is a little broken all look alike. Source: swarm testing (Groce
        et al., ISSTA 2012).
        """
        weighted = {
            name: min(0.9, value * random.choice((0.0, 1.0, 1.0, 4.0)))
            for name, value in vars(cls()).items()
            if name != "commands"
        }
        return cls(**weighted, commands=random.choice((0, 25, 100)))

    @classmethod
    def of_the_queue(cls, random: Random) -> Faults:
        """Agents do their work; what comes after it is as troubled as ever."""
        usual = vars(cls.varied(random))
        agents = ("agent_", "never_", "no_work", "outside", "work_fault", "hands_", "limit_met")
        calm = {name: 0.0 for name in usual if name.startswith(agents)}
        return cls(**{**usual, **calm, "gate_slow": 0.8})


@dataclass
class Ask:
    """Something an agent wants of a person."""

    event: e.AttemptAsked
    settled: bool = False  # answered, or not wanted any more


@dataclass
class Process:
    """An agent that was launched."""

    key: AttemptKey
    pid: int
    left_s: float  # work still to do, seconds
    code: int | None
    ok: bool | None
    cause: FailureClass | None
    asks_at_s: float  # it asks when so much work is left; negative = never
    hangs_at_s: float  # likewise
    seen_at: float  # until when its work was reckoned
    asks: list[Ask] = field(default_factory=list)  # all of it at once
    frozen: bool = False
    dead: bool = False
    killed: bool = False
    spent: float = 0.0  # US dollars
    session: str | None = None
    mute: bool = False  # it does not know its session: it ends before it does anything
    priced: bool = False  # it names its cost only at the end, and was reckoned too high
    impatient: bool = False  # it withdraws its questions after a while
    waits_for_more: bool = False  # is given its prompt on its input, and waits there after a turn
    prompted: bool = False
    turn_over: bool = False
    turns: int = 0  # that have ended
    unread: float = 0.0  # seconds of work that it was told of and has not looked at
    closed: bool = False  # its input

    @property
    def asking(self) -> bool:
        """Does it wait for an answer?"""
        return not self.dead and bool(self.open_asks) and self.left_s <= self.asks_at_s

    @property
    def open_asks(self) -> list[Ask]:
        """What has not been settled."""
        return [ask for ask in self.asks if not ask.settled]

    @property
    def hanging(self) -> bool:
        """Does it live and do nothing?"""
        return not self.dead and self.left_s <= self.hangs_at_s

    @property
    def listening(self) -> bool:
        """Does it only wait for words?"""
        return self.waits_for_more and (self.turn_over or not self.prompted) and not self.unread

    @property
    def idle(self) -> bool:
        """Nothing happens to it unless somebody does something."""
        return not self.dead and (self.frozen or self.asking or self.listening)

    def hear(self, message: Message | None, more_s: float, *, later: bool) -> None:
        """Take in what was written to its input; after a turn that is `more_s` of work.

        Args:
            message: None = its prompt.
            later: it looks at it only after the turn that goes on.
        """
        if message is None:
            self.prompted = True
        elif message.answers is not None:
            for ask in self.asks:
                ask.settled = ask.settled or ask.event.question == message.answers.id
        elif self.turn_over:
            self.turn_over, self.left_s = False, more_s
        elif later:
            self.unread = more_s

    def close(self) -> None:
        """Nothing more comes on its input."""
        self.closed = True
        self.dead = self.dead or (self.turn_over and not self.unread)

    def go_on(self, now: float) -> None:
        """Reckon with the time that has passed."""
        passed, self.seen_at = now - self.seen_at, now
        if self.dead or self.frozen or self.asking or self.hanging or self.listening:
            return
        if self.turn_over:
            self.turn_over, self.left_s, self.unread = False, self.unread, 0.0
            return
        stops = [self.hangs_at_s, self.asks_at_s if self.open_asks else -1.0]
        bound = max([stop for stop in stops if 0 <= stop < self.left_s], default=0.0)
        worked = min(passed, self.left_s - bound)
        self.left_s -= worked
        self.spent += 0.0 if self.mute else worked / 600
        if self.waits_for_more and self.left_s <= 0:
            self.turn_over, self.turns = True, self.turns + 1
        more = self.waits_for_more and (self.unread or not self.closed)
        self.dead = self.left_s <= 0 and not more


@dataclass(frozen=True)
class Commit:
    """A commit of the model: no content, only identity."""

    id: str
    tree: str
    parents: tuple[str, ...]


@dataclass
class World:
    """Everything outside the engine."""

    random: Random
    faults: Faults
    state: Callable[[], RunState]  # what the engine believes, for its performers
    now: Callable[[], float]
    wall: Callable[[], float]  # what the machine takes the time for; somebody may set its clock
    journal: Callable[[], Sequence[Recorded]] = tuple
    targets: dict[RepoName, str] = field(default_factory=dict)  # the tip of each, by repository
    bases: dict[RepoName, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    processes: dict[AttemptKey, Process] = field(default_factory=dict)
    worktrees: set[AttemptKey] = field(default_factory=set)
    work: dict[AttemptKey, e.AttemptCollected] = field(default_factory=dict)
    colours: dict[tuple[GateName, str], str] = field(default_factory=dict)
    hopeless: dict[str, bool] = field(default_factory=dict)  # by key of the step
    reviews: dict[tuple[TaskId, int, int], float | None] = field(default_factory=dict)  # their end
    conflicts: dict[tuple[str, str], bool] = field(default_factory=dict)
    said: set[tuple[AttemptKey, str]] = field(default_factory=set)  # written to inputs
    touched: set[AttemptKey] = field(default_factory=set)  # whose parked watchers must look
    moved: dict[RepoName, list[str]] = field(default_factory=dict)  # what the deck put on each
    heard: dict[str, list[int]] = field(default_factory=dict)  # by hook: events, as they came
    was_quiet: set[str] = field(default_factory=set)  # hooks that it was night for
    synced: int = 0  # the journal is on the disk up to this event, for who was told of it
    environment: str = "first"  # what gates run in
    disk: DiskMark = DiskMark.ROOM
    met: Counter[str] = field(default_factory=Counter)  # how often each fault has happened
    counter: int = 0
    foreign: int = 0

    def __post_init__(self) -> None:
        for repo in self.state().plan.lanes:
            self.begin(repo)

    def begin(self, repo: RepoName) -> None:
        """A repository with one commit, of which the deck knows nothing yet."""
        first = first_commit(repo)
        self.commits[first.id] = first
        self.targets[repo] = self.bases[repo] = first.id
        self.moved[repo] = []

    def _target_of(self, task: TaskId) -> str:
        """The tip of the target on which a task works."""
        return self.targets[self.state().plan.repo_of(task)]

    def perform(self, step: IOStep) -> Performer:
        """The performer of a step."""
        match step:
            case Prepare():
                return self._prepare(step)
            case Launch():
                return self._launch(step)
            case Watch():
                return self._watch(step)
            case Freeze():
                return self._freeze(step)
            case Thaw():
                return self._thaw(step)
            case StopAttempt():
                return self._stop(step)
            case Deliver():
                return self._deliver(step)
            case CloseInput():
                return self._close_input(step)
            case Collect():
                return self._collect(step)
            case Release():
                return self._release(step)
            case RunGate():
                return self._gate(step)
            case RunReview():
                return self._review(step)
            case EndReview():
                return self._end_review(step)
            case BuildEntry():
                return self._build(step)
            case LandEntry():
                return self._land(step)
            case LandGroup():
                return self._land_group(step)
            case KeepPermissions():
                return self._keep_permissions(step)
            case PromoteTarget():
                return self._promote(step)
            case PushTarget():
                return self._push(step)
            case OpenPullRequest():
                return self._open_request(step)
            case TellHook():
                return self._tell(step)
            case _ as never:
                assert_never(never)

    def live(self) -> list[Process]:
        """Processes that have not ended."""
        for process in self.processes.values():
            process.go_on(self.now())
        return [process for process in self.processes.values() if not process.dead]

    def power_cut(self) -> None:
        """Nothing that ran is there any more; what was written is."""
        for process in self.live():
            process.dead, process.code, process.ok, process.cause = True, None, None, None
        self.reviews.update({key: self.now() for key, end in self.reviews.items() if end})

    def _chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def _meets(self, fault: str) -> bool:
        """Does this fault, by its name in `Faults`, happen now? Those that do are counted."""
        met = self._chance(getattr(self.faults, fault))
        self.met[fault] += met
        return met

    def _never_starts(self, step: IOStep) -> bool:
        """Is this a step that can never be done? The same answer each time."""
        if step.key not in self.hopeless:
            self.hopeless[step.key] = self._meets("never_starts")
        return self.hopeless[step.key]

    def _delay(self, least: float, most: float) -> Pause:
        return Pause(self.random.uniform(least, most))

    def _trouble(self, step: IOStep, what: str) -> e.StepFailed:
        retry_at = self.wall() + self.random.choice((1.0, 10.0, 60.0))
        return e.StepFailed(step.key, getattr(step, "task", None), what, retry_at)

    # --- attempts

    def _prepare(self, step: Prepare) -> Performer:
        yield self._delay(1, 10)
        if self._meets("step_fails") or self._never_starts(step):
            yield self._trouble(step, "the disk is full")
            return
        self._untouched(step)
        self.worktrees.add((step.task, step.attempt))
        yield self._delay(0.1, 1)
        yield e.WorktreePrepared(
            step.task,
            step.attempt,
            f"/w/{step.task}",
            f"deck/{step.task}",
            self._target_of(step.task),
        )

    def _untouched(self, step: Prepare | Release | Launch) -> None:
        if self.state().tasks[step.task].state is TaskState.TAKEN:
            raise Violation(f"{step} reaches into a worktree that a person works in")

    def _launch(self, step: Launch) -> Performer:
        yield self._delay(0.5, 4)
        key = (step.task, step.attempt)
        if key not in self.worktrees:
            raise Violation(f"{key} is launched without a worktree")
        if key not in self.processes:
            if self._meets("step_fails") or self._never_starts(step):
                yield self._trouble(step, "the agent is not installed")
                return
            others = [p.key for p in self.live() if p.key[0] == step.task]
            if others:
                raise Violation(f"I3: {key} is launched while {others} live")
            self.processes[key] = self._process(key, self._resumed(key))
        yield self._delay(0.1, 2)  # a crash in here leaves a process that no event knows of
        pid = self.processes[key].pid
        yield e.AttemptLaunched(step.task, step.attempt, _identity(pid), _identity(pid + 1))

    def _resumed(self, key: AttemptKey) -> str | None:
        """The session in which an attempt goes on, which must be one of its worktree."""
        attempts = self.state().tasks[key[0]].attempts[: key[1]]
        session = attempts[-1].resumed
        if session is None:
            return None
        makers = [p.key for p in self.processes.values() if p.session == session]
        if not makers or any(maker[0] != key[0] for maker in makers):
            raise Violation(f"{key} goes on in {session}, which {makers} began")
        if any(attempt.fresh for attempt in attempts[makers[-1][1] :]):
            raise Violation(f"{key} goes on in {session}, which began in another worktree")
        return session

    def _process(self, key: AttemptKey, session: str | None = None) -> Process:
        self.counter += 2
        if session is not None and self._meets("session_gone"):
            ends, ok = self.random.choice((1, 42)), self.random.choice((None, False))
            return Process(key, self.counter, 2.0, ends, ok, None, *NEVER, self.now(), mute=True)
        work_s = self.random.uniform(20, 600)
        code, ok, cause = SUCCESS
        if self._meets("agent_fails"):
            code, ok, cause = self.random.choice(
                (
                    (1, None, None),
                    (-9, None, None),
                    (0, False, None),
                    (1, False, FailureClass.RATE_LIMIT),
                    (1, False, FailureClass.NETWORK),
                    (1, False, FailureClass.AUTH),
                    (1, False, FailureClass.OVERLOAD),
                    (1, False, FailureClass.QUOTA),
                    (1, False, FailureClass.REFUSED),
                    (1, False, FailureClass.TURN_LIMIT),
                    (-9, False, FailureClass.OUTPUT),
                )
            )
        return Process(
            key,
            self.counter,
            work_s,
            None if self._meets("agent_lost") else code,
            ok,
            cause,
            asks_at_s=work_s / 2,
            hangs_at_s=work_s / 3 if self._meets("agent_hangs") else -1.0,
            seen_at=self.now(),
            asks=self._asks(key) if self._meets("agent_asks") else [],
            impatient=self._meets("agent_gives_up_asking"),
            waits_for_more=self._agent(key).waits_for_more,
            session=session or f"s{self.counter}",
            priced=self._meets("priced"),
        )

    def _asks(self, key: AttemptKey) -> list[Ask]:
        """One to three at once. Nobody can answer an agent that does not listen: it gives up."""
        found = []
        for number in range(1, self.random.randint(1, 3) + 1):
            if self._chance(0.3):
                question = e.AttemptAsked(*key, f"q{number}", "which of the two?")
            else:
                tool, target = self.random.choice(ACTIONS)
                question = e.AttemptAsked(
                    *key,
                    f"q{number}",
                    f"May it use {tool}?",
                    AskKind.PERMISSION,
                    tool,
                    target,
                    OPTIONS if self._chance(0.5) else (),
                )
            found.append(Ask(question))
        return found

    def _agent(self, key: AttemptKey) -> Agent:
        attempt = self.state().tasks[key[0]].attempts[key[1] - 1]
        return self.state().plan.agent_by_name[attempt.agent]

    def _watch(self, step: Watch) -> Performer:
        key = (step.task, step.attempt)
        process = self.processes[key]
        silent_since: float | None = None
        while True:
            process.go_on(self.now())
            attempt = self.state().tasks[step.task].attempt
            if attempt is None or process.dead:
                break
            if process.frozen and attempt.frozen_at is None:
                yield e.AttemptFrozen(*key, 1)  # frozen by an engine that did not live to say so
            if not process.frozen and attempt.frozen_at is not None:
                yield e.AttemptThawed(*key)
            yield from self._ask(process, attempt)
            if process.turn_over and attempt.result is None:
                well = process.ok is not False
                turn = min(process.turns, attempt.turns + 1)  # or again, when no other has begun
                yield e.TurnEnded(*key, turn, 0, well, cause=process.cause)
            elif attempt.result is not None and not process.turn_over:
                yield e.TurnBegan(*key)
            if process.hanging and not process.frozen:
                silent_since = self.now() if silent_since is None else silent_since
                limit = self.state().settings(step.task).idle_timeout_s
                if attempt.limit is None and self.now() - silent_since > limit:
                    yield e.LimitHit(*key, FailureClass.IDLE, "it was silent for 5 min")
            yield from self._limits(key, attempt)
            yield _progress(process)
            asks = process.asking and process.impatient and not process.frozen
            waits = process.idle and not asks
            waits = waits and all(message.delivered for message in attempt.messages)
            waits = waits or (process.hanging and attempt.limit is not None)
            yield Pause(None if waits else POLL_S, key)
        yield _progress(process, ended=True)
        yield self._delay(0.1, 1)
        told = (process.code, process.ok, process.cause)
        code, ok, cause = KILLED if process.killed else told
        yield e.AttemptExited(*key, code, ok, cause, retry_at=self._resets_at(cause))

    def _resets_at(self, cause: FailureClass | None) -> float | None:
        """When a limit says it resets, if it does; some clocks are wrong."""
        if cause not in (FailureClass.RATE_LIMIT, FailureClass.QUOTA):
            return None
        return self.random.choice((None, self.wall() + 300, self.wall() + 7200, self.wall() - 60))

    def _limits(self, key: AttemptKey, attempt: Attempt) -> Performer:
        """What a live agent says of its account: a limit it has met, and how much is used."""
        if not attempt.account or not self._meets("limit_met"):
            return
        task = self.state().tasks[key[0]]
        cause = self.random.choice(
            (FailureClass.RATE_LIMIT, FailureClass.OVERLOAD, FailureClass.AUTH)
        )
        resets_at = self._resets_at(cause)
        met = policy.account_limited(
            self.state(), task, cause, "HTTP 429", self.wall(), resets_at=resets_at, live=True
        )
        heard = accounts.noted(self.state(), task, self.random.random(), resets_at)
        yield from (event for event in (met, heard) if event is not None)

    def _ask(self, process: Process, attempt: Attempt) -> Performer:
        if not process.asking or process.frozen:
            return
        open_now = {question.id for question in attempt.questions}
        answered = {m.answers.id for m in attempt.messages if m.answers is not None}
        for ask in process.open_asks:
            name = ask.event.question
            if name not in open_now | answered:
                yield ask.event
            elif process.impatient:
                ask.settled = True
                yield e.AskWithdrawn(*process.key, name)

    def _touch(self, key: AttemptKey) -> Process:
        process = self.processes[key]
        process.go_on(self.now())
        self.touched.add(key)
        return process

    def _freeze(self, step: Freeze) -> Performer:
        yield self._delay(0.1, 1)
        process = self._touch((step.task, step.attempt))
        if process.dead:
            yield Pause(POLL_S)  # the watcher says so
            return
        process.frozen = True
        yield self._delay(0.1, 1)
        yield e.AttemptFrozen(step.task, step.attempt, 1)

    def _thaw(self, step: Thaw) -> Performer:
        yield self._delay(0.1, 1)
        self._touch((step.task, step.attempt)).frozen = False
        yield self._delay(0.1, 1)
        yield e.AttemptThawed(step.task, step.attempt)

    def _stop(self, step: StopAttempt) -> Performer:
        yield self._delay(0.5, 15)
        process = self._touch((step.task, step.attempt))
        if not process.dead:
            process.dead = process.killed = True
        yield Pause(POLL_S)  # the watcher reports the exit

    def _deliver(self, step: Deliver) -> Performer:
        yield self._delay(0.1, 2)
        key = (step.task, step.attempt)
        process = self._touch(key)
        if process.dead:
            yield Pause(POLL_S)  # the watcher says so
            return
        if (key, step.message) not in self.said:
            if process.closed:
                yield e.InputClosed(*key)
                return
            self.said.add((key, step.message))
            messages = self.state().tasks[step.task].attempts[step.attempt - 1].messages
            message = next((m for m in messages if m.id == step.message), None)
            more_s, later = self.random.uniform(5, 200), self._chance(0.5)
            process.hear(message, more_s, later=later)
        yield self._delay(0.1, 1)
        yield e.MessageDelivered(*key, step.message)

    def _close_input(self, step: CloseInput) -> Performer:
        yield self._delay(0.1, 2)
        key = (step.task, step.attempt)
        process = self._touch(key)
        if process.dead:
            yield Pause(POLL_S)
            return
        process.close()
        yield self._delay(0.1, 1)
        yield e.InputClosed(*key)

    def _collect(self, step: Collect) -> Performer:
        yield self._delay(0.5, 5)
        if self._meets("step_fails"):
            yield self._trouble(step, "git: index.lock exists")
            return
        key = (step.task, step.attempt)
        if any(process.key == key for process in self.live()):
            raise Violation(f"{key} is collected while its process lives")
        attempt = self.state().tasks[step.task].attempts[step.attempt - 1]
        made = self.work.get(key)
        if made is None or made.hand_back != attempt.hand_backs:  # a person has worked since
            made = self._outcome(key, by_hand=bool(attempt.hands))
            made = msgspec.structs.replace(made, hands=attempt.hands, hand_back=attempt.hand_backs)
            self.work[key] = made
        yield self._delay(0.1, 1)
        reached = self._reached(key)
        if reached is not None and not attempt.hands:
            yield reached
        yield made

    def _reached(self, key: AttemptKey) -> e.RefsTouched | None:
        """The refs of others that an attempt reached for: always the same for the same attempt.

        Drawn from its name and not from the seed's numbers, which go on as if nothing had been.
        """
        if not self.faults.work_fault:
            return None
        draw = zlib.crc32(f"{key} of {self._target_of(key[0])}".encode()) % REACHES_ONE_IN
        self.met["reached"] += draw < REFUSED
        if draw == 0:
            return e.RefsTouched(*key, moved=(e.RefMove("refs/heads/main", "old", "new"),))
        return e.RefsTouched(*key, refused=("refs/heads/main",)) if draw < REFUSED else None

    def _outcome(self, key: AttemptKey, *, by_hand: bool) -> e.AttemptCollected:
        if self.processes[key].mute:
            return self._as_it_was(key)
        files = self.state().spec(key[0]).files
        head = f"{key[0]}.{key[1]}"
        usual, by_a_person = self.faults.work_fault, self.faults.hands_fault
        if self._chance(max(by_a_person, usual) if by_hand else usual):
            self.met["hands_fault" if by_hand else "work_fault"] += 1
            return e.AttemptCollected(*key, "", "", 0, fault="a rebase is half done")
        if self._meets("no_work"):
            target = self._target_of(key[0])
            return e.AttemptCollected(*key, target, self.commits[target].tree, 0)
        named = files[0].replace("**/", "").replace("**", "a").replace("*", "a") if files else "a"
        path = named + "a" if named.endswith("/") else named
        if self._meets("outside"):
            path = "elsewhere/else"
        base = self.bases[self.state().plan.repo_of(key[0])]
        self.commits[head] = Commit(head, f"{head}-tree", (base,))
        made = e.AttemptCollected(*key, head, f"{head}-tree", 1, (FileTouched(path, 1, 0),))
        return self._repaired(made) if self.state().tasks[key[0]].ejection else made

    def _repaired(self, made: e.AttemptCollected) -> e.AttemptCollected:
        """Who was sent back takes in the target, mostly, and sometimes loses something of it."""
        if self._chance(0.2):
            return made
        losses = (Loss(MET, ("x = 1",), 1),) if self._meets("lines_lost") else ()
        return msgspec.structs.replace(made, merged=self._target_of(made.task), losses=losses)

    def _as_it_was(self, key: AttemptKey) -> e.AttemptCollected:
        """The work that an attempt has found and left alone."""
        earlier = [self.work[key[0], n] for n in range(1, key[1]) if (key[0], n) in self.work]
        if earlier:
            return msgspec.structs.replace(earlier[-1], attempt=key[1])
        base = self.state().tasks[key[0]].attempts[key[1] - 1].base or self._target_of(key[0])
        return e.AttemptCollected(*key, base, self.commits[base].tree, 0)

    def _release(self, step: Release) -> Performer:
        yield self._delay(0.5, 3)
        self._untouched(step)
        if any(process.key[0] == step.task for process in self.live()):
            raise Violation(f"the worktree of {step.task} is released while an agent lives in it")
        yield e.WorktreeReleased(step.task, step.attempt)

    # --- gates

    def _gate(self, step: RunGate) -> Performer:
        seconds, runs_in = self.random.uniform(2, 90), self.environment
        if step.when is GateWhen.MERGE and self._meets("gate_slow"):
            seconds *= SLOW_GATE
        yield Pause(seconds)
        if self._meets("step_fails"):
            yield self._trouble(step, "no scratch worktree")
            return
        verdict = self._verdict(step.gate, step.tree)
        code = {Verdict.PASSED: 0, Verdict.FAILED: 1}.get(verdict)
        yield e.GateFinished(
            step.gate,
            step.when,
            step.tree,
            step.commit,
            step.run,
            verdict,
            code,
            seconds,
            "gates/x",
            task=step.task,
            attempt=step.attempt,
            environment=runs_in,
        )

    def _verdict(self, gate: GateName, tree: str) -> Verdict:
        if (gate, tree) not in self.colours:
            fault = "base_red" if tree == "base0-tree" else "gate_red"
            red: float = getattr(self.faults, fault)
            draw = self.random.random()
            colour = "red" if draw < red else "green"
            self.met[fault] += draw < red
            if red <= draw < red + self.faults.gate_flaky:
                colour = "flaky"
                self.met["gate_flaky"] += 1
            self.colours[gate, tree] = colour
        if self._meets("gate_broken"):
            return Verdict.BROKEN
        colour = self.colours[gate, tree]
        if colour == "red" or (colour == "flaky" and self._chance(0.5)):
            return Verdict.TIMED_OUT if self._chance(0.2) else Verdict.FAILED
        return Verdict.PASSED

    # --- reviews

    def _review(self, step: RunReview) -> Performer:
        """A reviewer is a process that outlives the engine: it is found again, and once."""
        key = (step.task, step.attempt, step.run)
        yield self._delay(0.2, 3)
        if self._meets("step_fails"):
            yield self._trouble(step, "no scratch worktree")
            return
        if key not in self.reviews:
            others = [k for k, end in self.reviews.items() if k[0] == step.task and end is not None]
            if others:
                raise Violation(f"{key} is reviewed while {others} go on")
            self.reviews[key] = self.now() + self.random.uniform(5, 300)
        end = self.reviews[key]
        if end is not None and end > self.now():
            yield Pause(end - self.now())
        self.reviews[key] = None
        yield self._delay(0.1, 1)
        yield self._verdict_of(step)

    def _verdict_of(self, step: RunReview) -> e.ReviewFinished:
        by = self._reviewer_of(step)
        verdict, comments = e.ReviewVerdict.APPROVE, tuple[e.ReviewComment, ...]()
        if self._meets("review_fails"):
            verdict = e.ReviewVerdict.FAILED
        elif self._meets("review_objects"):
            verdict = e.ReviewVerdict.REQUEST_CHANGES
            comments = (e.ReviewComment("src/api/user.py", 3, "name it"),)
        key = (step.task, step.attempt, step.run)
        return e.ReviewFinished(
            *key, by, verdict, comments=comments, tokens_in=500, usd=self.random.choice((0.0, 0.1))
        )

    def _end_review(self, step: EndReview) -> Performer:
        yield self._delay(0.2, 6)
        if self._meets("step_fails"):
            yield self._trouble(step, "it cannot be signalled")
            return
        key = (step.task, step.attempt, step.run)
        self.reviews[key] = None
        yield self._delay(0.1, 1)
        yield e.ReviewFinished(*key, self._reviewer_of(step), e.ReviewVerdict.ENDED, usd=0.05)

    def _reviewer_of(self, step: RunReview | EndReview) -> AgentName:
        reviews = self.state().tasks[step.task].attempts[step.attempt - 1].reviews
        return next(AgentName(review.by) for review in reviews if review.run == step.run)

    # --- commits and refs

    def _commit(self, label: str, parents: tuple[str, ...], tree: str = "") -> Commit:
        """A new commit; the same parents give the same tree and a new id, as with time stamps."""
        self.counter += 1
        if label == "merge":  # who folds the same in, in the same order, has the same tree
            tree = f"{self.commits[parents[0]].tree}+{parents[1]}"
        tree = tree or f"{label}{self.counter}-tree"
        commit = Commit(f"{label}{self.counter}", tree, parents)
        self.commits[commit.id] = commit
        return commit

    def contains(self, tip: str, commit: str) -> bool:
        """Is `commit` the tip or an ancestor of it?"""
        pending, seen = [tip], {tip}
        while pending:
            current = pending.pop()
            if current == commit:
                return True
            for parent in self.commits[current].parents:
                if parent not in seen:
                    seen.add(parent)
                    pending.append(parent)
        return False

    def _foreign_commit(self, on: str, fault: str) -> str:
        if self.foreign >= MAX_RED_HERRINGS or not self._meets(fault):
            return on
        self.foreign += 1
        return self._commit("foreign", (on,)).id

    def _build(self, step: BuildEntry) -> Performer:
        yield self._delay(0.2, 5)
        if self._meets("step_fails"):
            yield self._trouble(step, "git merge-tree was killed")
            return
        waiting = self.state().queue
        if any(name not in waiting for name in (step.entry, *step.others)):
            return
        names: list[EntryId] = []
        merges: list[Commit] = []
        top = step.tip
        for name in (step.entry, *step.others):
            head = waiting[name].head
            if self._conflicts(head, step.tip):
                yield e.EntryConflicted(name, step.tip, (MET,), hunks=(Hunks(MET, "<<<<<<< a"),))
            elif self._conflicts(head, top):
                yield e.EntryConflicted(name, step.tip, (MET,), tuple(names))
            else:
                names.append(name)
                merges.append(self._merge(top, waiting[name]))
                top = merges[-1].id
        if not names:
            return
        last = merges[-1]
        if len(names) > 1:
            last = self._commit("batch", (step.tip, last.id), tree=last.tree)
        chain = tuple(commit.id for commit in merges) if len(names) > 1 else ()
        lead, *others = names
        yield e.EntryBuilt(lead, last.id, last.tree, step.tip, tuple(others), chain)

    def _merge(self, top: str, entry: Entry) -> Commit:
        """The commit of one entry; a revert has the target alone as its parent."""
        if entry.kind is not EntryKind.REVERT:
            return self._commit("merge", (top, entry.head))
        if not self.contains(top, entry.head):
            raise Violation(f"{entry.id} takes back what is not there")
        return self._commit("revert", (top,), tree=f"{self.commits[top].tree}-{entry.head}")

    def foresee(self, random: Random) -> e.CollisionsForeseen:
        """What somebody sees who looks at some of the live work: right or wrong, old or new."""
        tasks = [task.id for task in self.state().tasks.values()]  # also what is not live any more
        found: dict[frozenset[TaskId | None], e.Foreseen] = {}
        for _ in range(random.randint(0, 4)):
            one, other = random.choice(tasks), random.choice([*tasks, None])
            if one != other:
                found[frozenset({one, other})] = e.Foreseen(one, other, ("src/api/user.py",))
        return e.CollisionsForeseen(tuple(found.values()), random.choice((0, 0, 3)))

    def _conflicts(self, head: str, on: str) -> bool:
        """Does it not merge? The same two trees always say the same."""
        pair = (head, self.commits[on].tree)
        if pair not in self.conflicts:
            self.conflicts[pair] = self._meets("conflict")
        return self.conflicts[pair]

    def _land(self, step: LandEntry) -> Performer:
        yield self._delay(0.2, 3)
        waiting = self.state().queue.get(step.entry)
        if waiting is None:
            return
        repo = waiting.repo
        self.targets[repo] = self._foreign_commit(self.targets[repo], "foreign_commit")
        if self._meets("step_fails"):
            yield self._trouble(step, "git: unable to write to the ref")
            return
        if self._meets("landing_blocked"):
            yield e.LandingBlocked(step.entry, "a lock is held", self.wall() + 30)
            return
        if self.contains(self.targets[repo], step.commit):
            pass  # an earlier engine moved it and did not live to say so
        elif self.targets[repo] == step.expected:
            self._move(repo, step.commit)
        else:
            found = self.commits[self.targets[repo]]
            yield e.LandingLost(step.entry, found.id, found.tree, step.commit)
            return
        yield self._delay(0.1, 2)
        entry = self.state().queue.get(step.entry)
        if entry is not None and entry.build is not None:
            yield train.landed(self.state(), entry.build)

    def _land_group(self, step: LandGroup) -> Performer:
        """One target after the other; an engine may die between them, and others may move them."""
        yield self._delay(0.2, 3)
        if self._meets("step_fails"):
            yield self._trouble(step, "git: unable to write to the ref")
            return
        for move in step.moves:
            here = self.targets[move.repo]
            self.targets[move.repo] = here = self._foreign_commit(here, "foreign_commit")
            if self.contains(here, move.commit):
                continue
            if here != move.expected:
                lost = self.commits[here]
                stays = self._take_back(step, move)
                told = (move.entry, lost.id, lost.tree, move.commit)
                yield (*train.landed_together(self.state(), stays), e.LandingLost(*told))
                return
            if self._meets("landing_blocked"):
                stays = self._take_back(step, move)
                blocked = e.LandingBlocked(move.entry, "it is checked out", self.wall() + 30)
                yield (*train.landed_together(self.state(), stays), blocked)
                return
            self._move(move.repo, move.commit)
            yield self._delay(0.1, 2)
        yield train.landed_together(self.state(), step.moves)

    def _take_back(self, step: LandGroup, hindered: e.TargetMove) -> list[e.TargetMove]:
        """Targets of a group go back where they were; those that others have moved on stay."""
        stays = []
        for move in step.moves:
            if move is hindered or not self.contains(self.targets[move.repo], move.commit):
                continue
            if self.targets[move.repo] == move.commit:
                self.targets[move.repo] = move.expected
                self.moved[move.repo].remove(move.commit)
            else:
                stays.append(move)
        return stays

    def _move(self, repo: RepoName, new: str) -> None:
        commit, target = self.commits[new], self.targets[repo]
        if not commit.parents or commit.parents[0] != target:
            raise Violation(f"I6: {repo} moves from {target} to {commit}, not its child")
        state = self.state()
        for entry in state.queue.values():
            if entry.intended == new and (missing := ungated(state, entry.id, commit.tree)):
                raise Violation(f"I6: {entry.id} lands without a green {missing} on {commit.tree}")
        if new in self.moved[repo]:
            raise Violation(f"I7: {new} lands twice")
        self.moved[repo].append(new)
        self.targets[repo] = new

    def _keep_permissions(self, step: KeepPermissions) -> Performer:
        yield self._delay(0.1, 1)
        if self._meets("step_fails"):
            yield self._trouble(step, "the disk is full")
            return
        yield e.PermissionsKept(step.change)

    def _push(self, step: PushTarget) -> Performer:
        yield self._delay(0.2, 5)
        if self._meets("step_fails"):
            yield self._trouble(step, "the remote hung up")
            return
        yield e.TargetPushed(step.commit, "origin")

    def _open_request(self, step: OpenPullRequest) -> Performer:
        yield self._delay(0.2, 5)
        if self._meets("step_fails"):
            yield self._trouble(step, "gh: not logged in")
            return
        yield e.PullRequestOpened("https://there/1")

    def _tell(self, step: TellHook) -> Performer:
        """A receiver is down now and then: for the same try in the same way, whatever is drawn."""
        hook = self.state().plan.hook_by_name[step.hook]
        behind = self.journal()[step.after :]
        wanted = [one for one in behind if event_names.wants(hook.events, one.event)]
        told = wanted if isinstance(hook, Notify) else wanted[:1]
        event, numbers = told[0], [one.seq for one in told]
        self.synced = max(self.synced, numbers[-1])
        yield Pause(0.5)
        if isinstance(hook, Notify) and hook.quiet and step.hook not in self.was_quiet:
            self.was_quiet.add(step.hook)  # one night in a run
            yield e.HookPostponed(step.hook, event.seq, self.wall() + 600)
            return
        draw = (
            zlib.crc32(f"{step} of {self.targets[OWN_REPO]}".encode()) % 100
            if self.faults.step_fails
            else 99
        )
        if draw < HEARS_AND_FAILS:  # else it has not even heard of it
            self.heard.setdefault(step.hook, []).extend(numbers)
        if draw < FAILS_TO_HEAR:
            self.met["hook_fails"] += 1
            asked = self.wall() + 120 if draw % 5 == 0 else None
            yield e.HookFailed(
                step.hook, event.seq, step.number, "503", event.at, asked, draw % 7 == 0
            )
            return
        if draw >= HEARS_AND_FAILS:
            self.heard.setdefault(step.hook, []).extend(numbers)
        yield Pause(0.2)  # a crash in here tells it again
        first = numbers[0] if len(numbers) > 1 else None
        yield e.HookDelivered(step.hook, numbers[-1], 0.2, 204, len(numbers), first)

    def _promote(self, step: PromoteTarget) -> Performer:
        yield self._delay(0.2, 3)
        repo = step.repo
        self.bases[repo] = self._foreign_commit(self.bases[repo], "base_moves")
        if not self.contains(step.commit, self.bases[repo]):
            yield e.BaseDiverged(self.bases[repo], repo)
            return
        if self._meets("promote_waits"):
            yield e.PromoteWaiting("src/a.py has local changes", repo)
            yield self._delay(10, 300)
        if not self.contains(step.commit, self.bases[repo]):
            yield e.BaseDiverged(self.bases[repo], repo)
            return
        self.bases[repo] = step.commit
        yield self._delay(0.1, 2)
        yield e.Promoted(step.commit, "update-ref", repo)


def first_commit(repo: RepoName) -> Commit:
    """What a repository begins with."""
    name = f"base0-{repo}" if repo else "base0"
    return Commit(name, f"{name}-tree", ())


def _progress(process: Process, *, ended: bool = False) -> e.AttemptProgressed:
    read = int(process.spent * 1e4)
    reckoned = process.spent / 4 if process.priced and not ended else 0.0
    return e.AttemptProgressed(
        *process.key,
        read,
        session=process.session,
        tokens_in=read,
        usd=process.spent + reckoned,
        usd_priced=reckoned,
    )


def ungated(
    state: RunState, entry_id: EntryId, tree: str, environment: str | None = None
) -> list[GateName]:
    """The gates of an entry without a green run on this exact tree, by the journal.

    Args:
        environment: only runs in it count; None = those in any.
    """
    entry = state.queue[entry_id]
    return [
        name
        for name in queue.gates_of(of_entry(state, entry), (entry,))
        if not any(
            run.verdict is Verdict.PASSED and environment in (None, run.environment)
            for run in state.gate_runs(name, tree)
        )
    ]


def _identity(pid: int) -> ProcessIdentity:
    return ProcessIdentity(pid, pid, "boot")
