"""What is known about a run: the value that the journal folds into.

Rules:
- Only `core.fold` writes these structs; everybody else reads.
- `wanted` is a person's intent, `state` the fact, `reason` the cause of the state in words.
- Equal journals give equal states (`==` compares everything).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core.containment import Confined
from agentdeck.core.events import (
    AskKind,
    AskOption,
    DiskMark,
    EntryKind,
    FailureClass,
    FileTouched,
    Foreseen,
    Hunks,
    Loss,
    NextSession,
    Outcome,
    RefsTouched,
    RequestAnswered,
    ReviewComment,
    ReviewVerdict,
    SkipMode,
    Verdict,
)
from agentdeck.core.hosts import Workers
from agentdeck.core.ids import (
    AgentName,
    EntryId,
    GateName,
    PhaseId,
    PoolName,
    ProcessIdentity,
    RepoName,
    RunId,
    TaskId,
)
from agentdeck.core.permissions import PermissionRule
from agentdeck.core.plan import OWN_REPO, Budget, Plan, Task, TaskSettings
from agentdeck.core.prices import Prices
from agentdeck.core.sandbox_kind import Sandbox


class TaskState(StrEnum):
    """Where a task stands."""

    PENDING = "pending"  # its dependencies or its phase are not satisfied
    READY = "ready"  # could start; waits for capacity
    PREPARING = "preparing"  # worktree and launch
    WORKING = "working"
    PAUSED = "paused"
    ASKING = "asking"
    TAKEN = "taken"  # a person goes on with it by hand
    CHECKING = "checking"  # evidence and task gates
    REVIEWING = "reviewing"
    PROPOSED = "proposed"  # proven; waits for an approval if the policy asks for one
    QUEUED = "queued"  # in the merge queue
    LANDED = "landed"
    RETRYING = "retrying"  # waits for a backoff or a limit
    FAILED = "failed"  # needs a person
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"


LIVE: Final = frozenset({TaskState.WORKING, TaskState.PAUSED, TaskState.ASKING})
# An agent slot is taken from the claim until the process is gone.
HOLDS_SLOT: Final = LIVE | {TaskState.PREPARING}
# A footprint is held until the work has landed: who starts earlier builds on files about to change.
HOLDS_FOOTPRINT: Final = HOLDS_SLOT | {
    TaskState.TAKEN,
    TaskState.CHECKING,
    TaskState.REVIEWING,
    TaskState.PROPOSED,
    TaskState.QUEUED,
}
# There may be work that has not landed. Who is only preparing has none yet.
UNLANDED: Final = HOLDS_FOOTPRINT - {TaskState.PREPARING}
# Nothing more happens by itself, and nobody is needed.
SETTLED: Final = frozenset({TaskState.LANDED, TaskState.SKIPPED, TaskState.DEFERRED})
# Stuck until a person decides.
STUCK: Final = frozenset({TaskState.FAILED, TaskState.CANCELLED})


class Wanted(StrEnum):
    """What a person wants of a task."""

    RUN = "run"
    PAUSE = "pause"
    TAKE = "take"
    STOP = "stop"


class Question(msgspec.Struct, frozen=True):
    """What an agent waits for."""

    id: str
    text: str
    asked_at: float
    ask: AskKind = AskKind.QUESTION
    tool: str = ""
    target: str = ""
    options: tuple[AskOption, ...] = ()
    payload: str = ""
    by_tool: bool = False  # a call of one of our tools takes the answer
    files: tuple[str, ...] = ()  # that it wants to touch too


class Message(msgspec.Struct):
    """A person's words to an agent."""

    id: str
    text: str
    by: str
    delivered: bool = False
    answers: Question | None = None  # what it answers
    option: str = ""
    rule: str = ""  # which answered for a person
    sent_at: float = 0.0
    requeued: bool = False  # the agent ended without it; it is told with the next turn


class QueuedMessage(msgspec.Struct, frozen=True):
    """A person's words that wait for the next turn."""

    id: str
    text: str
    by: str
    at: float


class Result(msgspec.Struct, frozen=True):
    """How a turn ended, as the agent's stream says."""

    ok: bool
    detail: str
    cause: FailureClass | None
    retry_at: float | None


class Exit(msgspec.Struct, frozen=True):
    """How the process of an attempt ended."""

    code: int | None
    ok: bool | None
    cause: FailureClass | None
    detail: str
    retry_at: float | None
    refusals: int = 0  # lines of its log that speak of something refused: its own words
    refused: tuple[str, ...] = ()  # the first few of them


class Collected(msgspec.Struct, frozen=True):
    """The work of an attempt, pinned."""

    head: str
    tree: str
    commits: int
    files: tuple[FileTouched, ...]
    left_uncommitted: int
    fault: str
    merged: str = ""  # the commit of the target that it has taken in; "" = none after its base
    losses: tuple[Loss, ...] = ()  # what others have landed and it would take away


class Limit(msgspec.Struct, frozen=True):
    """Which watchdog ended an attempt."""

    cause: FailureClass
    detail: str


class Review(msgspec.Struct, kw_only=True):
    """One look at the work of an attempt, by an agent or a person."""

    run: int  # of an agent's review, from 1; 0 = a person's
    by: str
    started_at: float
    model: str | None = None
    place: int = 0
    finished_at: float | None = None
    verdict: ReviewVerdict | None = None  # None while it goes on
    summary: str = ""
    comments: tuple[ReviewComment, ...] = ()
    problem: str = ""
    log: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: float = 0.0
    usd_priced: float = 0.0


class OpenReview(msgspec.Struct, frozen=True):
    """A review by an agent that goes on, or has to be ended."""

    attempt: int
    run: int
    place: int  # which scratch worktree it has


class Attempt(msgspec.Struct, kw_only=True):
    """One try at a task."""

    number: int
    agent: AgentName
    model: str | None
    pool: PoolName | None
    fresh: bool
    claimed_at: float
    account: str = ""
    why: str = ""  # what chose agent and model
    resumed: str | None = None  # the session it goes on in
    reserved_usd: float = 0.0
    reserved_tokens: int = 0
    path: str | None = None  # of the worktree
    branch: str | None = None
    base: str | None = None
    held: bool = False  # its worktree stood when a budget was used up: launched once that is raised
    launcher: ProcessIdentity | None = None
    process: ProcessIdentity | None = None
    launched_at: float | None = None
    exited_at: float | None = None
    frozen_at: float | None = None  # since when the tree is stopped, None = it runs
    frozen_s: float = 0.0  # time it was stopped before that
    offset: int = 0  # bytes of the log that were understood
    session: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: float = 0.0
    usd_priced: float = 0.0  # of `usd`, by the price table
    tools: int = 0
    activity: str = ""
    message: str = ""
    todo_done: int = 0
    todo_total: int = 0
    todo: str = ""
    touched: tuple[str, ...] = ()
    reported: str = ""  # how far it is, in its own words through a tool of ours
    percent: int | None = None
    carry: str = ""  # of the stream's reader
    questions: list[Question] = []  # open ones, the oldest first
    messages: list[Message] = []
    told: tuple[QueuedMessage, ...] = ()  # stand in its prompt
    prompted: bool = False  # its prompt was written to its input
    turns: int = 0  # that have ended
    turn_at: int = 0  # where the log tells of the latest end
    result: Result | None = None  # of the latest turn; None while one goes on
    input_closed: bool = False
    sandbox: Sandbox = Sandbox.NONE  # in which it works
    network: bool = True  # whether that lets it have one
    confined: Confined | None = None  # what was found when the sandbox was tried
    worker: str = ""  # the machine on which it works; "" = this one
    refs: RefsTouched | None = None  # of others that it reached for, or that changed meanwhile
    hands: str = ""  # the person who took it over and gave it back
    hand_backs: int = 0  # how often they did
    goes_on_after: bool = False  # its agent goes on with what they left
    attended_at: float = 0.0  # when a person last did something about it
    limit: Limit | None = None
    exit: Exit | None = None
    collected: Collected | None = None
    released: bool = False  # its worktree serves somebody else
    outcome: str = ""  # how it ended, in words; "" while it goes on
    cause: FailureClass | None = None  # what it failed of
    ejected_tree: str = ""  # what the queue had built of it when it was ejected
    reviews: list[Review] = []  # of its work, the oldest first

    @property
    def own_base(self) -> str | None:
        """The newest commit of the target in its work: what follows is its own."""
        return (self.collected.merged if self.collected is not None else "") or self.base

    @property
    def doing(self) -> str:
        """What it is at, on one line: what it reported, then the latest of its stream."""
        share = "" if self.percent is None else f"{self.percent} %"
        told = " ".join(part for part in (share, self.reported) if part)
        return " · ".join(part for part in (told, self.activity) if part)

    @property
    def question(self) -> Question | None:
        """What it waits for."""
        return self.questions[0] if self.questions else None

    @property
    def live(self) -> bool:
        """Is there, as far as is known, a process?"""
        return self.launched_at is not None and self.exited_at is None

    @property
    def review_usd(self) -> float:
        """What reviews of its work have cost, dollars."""
        return sum(review.usd for review in self.reviews)

    @property
    def review_tokens(self) -> int:
        """What reviews of its work have used, in and out."""
        return sum(review.tokens_in + review.tokens_out for review in self.reviews)

    def worked_s(self, now: float) -> float:
        """Seconds of work so far, without the time it was frozen."""
        if self.launched_at is None:
            return 0.0
        until = self.exited_at if self.exited_at is not None else now
        frozen = self.frozen_s + (until - self.frozen_at if self.frozen_at is not None else 0.0)
        return max(0.0, until - self.launched_at - frozen)


class Ejection(msgspec.Struct, frozen=True):
    """Why the merge queue has sent work back: what its repair is about."""

    attempt: int
    cause: FailureClass
    tip: str  # of the target: what it does not merge with, or is red on
    head: str  # the work as it was
    base: str  # the newest commit of the target in it
    files: tuple[str, ...] = ()  # that do not merge
    hunks: tuple[Hunks, ...] = ()
    gate: GateName | None = None  # that is red on it


class TaskRun(msgspec.Struct, kw_only=True):
    """A task of the plan in this run."""

    id: TaskId
    state: TaskState = TaskState.PENDING
    since: float = 0.0
    reason: str = ""
    cause: FailureClass | None = None  # of the latest failure
    wanted: Wanted = Wanted.RUN
    attempts: list[Attempt] = []
    failures: int = 0  # that count against the retries, since a person last retried
    free_failures: int = 0  # that do not (limits, overload), likewise
    retry_at: float | None = None
    feedback: str = ""  # for the next attempt
    feedback_by: str = ""  # the person who said it; "" = a gate, git or the agent did
    fresh: bool = False  # the next attempt starts from the target's tip
    next_session: NextSession = NextSession.NEW  # of the next attempt
    rung: int = 0  # how often it was given the next model of its agent's ladder
    given_to: AgentName | None = None  # who has taken over, until a person retries it
    review_rounds: int = 0  # how often a reviewer sent it back, since a person last retried
    sessions_lost: int = 0  # how often an agent did not know the session it should go on in
    repairs: int = 0  # how often the queue has sent it back, since a person last retried
    ejection: Ejection | None = None  # the latest, while the work that was sent back goes on
    resolver: AgentName | None = None  # who repairs its conflict in its agent's place
    approved: int = 0  # the attempt that a person or a reviewer said yes to, 0 = none
    approved_by: str = ""
    held: bool = False
    first: bool = False  # to the front of the merge queue
    skip_mode: SkipMode | None = None
    landed_commit: str | None = None
    landed_at: float | None = None
    reverted: str = ""  # the commit that took it back, until it lands again
    done_how: str = ""
    stopped_by: str = ""
    taken_by: str = ""  # who takes it over, or has it
    queued: tuple[QueuedMessage, ...] = ()  # messages for the next turn, the oldest first
    queued_so_far: int = 0

    @property
    def attempt(self) -> Attempt | None:
        """The latest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def satisfied(self) -> bool:
        """May the tasks that need this one start?"""
        return self.state is TaskState.LANDED or (
            self.state is TaskState.SKIPPED and self.skip_mode is SkipMode.DONE
        )


class Account(msgspec.Struct, kw_only=True):
    """Whose limits some agents meet: a provider, or one of several accounts there."""

    name: str
    closed: bool = False  # nothing starts on it until a person reopens it
    frozen_until: float | None = None  # nothing starts on it before; None = it is open
    cause: FailureClass | None = None  # of the latest limit, while that lasts
    detail: str = ""
    limited_at: float | None = None  # when the latest limit was met by somebody who began after
    # the one before
    limits: int = 0  # such limits, since an attempt that began after one of them ended well
    window: int | None = None  # attempts at once; None = no limit was met yet
    ended_well: int = 0  # attempts, since the window was last changed
    next_start_at: float = 0.0  # while `limits` > 0, starts follow each other
    reopened_at: float | None = None  # when a person reopened it last
    utilization: float | None = None  # share of the allowance that is used, as last heard
    resets_at: float | None = None  # of that allowance

    @property
    def open(self) -> bool:
        """May anything start on it, as far as limits go?"""
        return not self.closed and self.frozen_until is None


FIRST_BATCH: Final = (
    8  # 1/sqrt(q) for q = 1.5 % of entries red; a red batch tells soon if that is wrong
)
FIRST_DEPTH: Final = 2


class Build(msgspec.Struct, frozen=True):
    """The exact commit that would land."""

    commit: str
    tree: str
    tip: str
    entries: tuple[EntryId, ...]  # of the batch, in the order in which they were folded in
    merges: tuple[str, ...] = ()  # of a batch: the commit that brings in each of them
    at: float = 0.0  # when it was made, seconds since the epoch


class Clash(msgspec.Struct, frozen=True):
    """An entry does not merge."""

    files: tuple[str, ...]
    behind: tuple[EntryId, ...] = ()  # with these in between; () = whatever else there is
    hunks: tuple[Hunks, ...] = ()


class Entry(msgspec.Struct, kw_only=True):
    """A place in the merge queue."""

    id: EntryId
    kind: EntryKind
    head: str
    number: int  # in the order in which entries came
    turn: int = 0  # its number as far as the order goes; those of moved entries change places
    priority: int | None = None  # in place of its task's: that of whom it was moved beside
    queued_at: float
    task: TaskId | None = None
    attempt: int | None = None
    reverts: TaskId | None = None  # the task that is taken back
    by: str = ""  # who wants that
    repo: RepoName = OWN_REPO  # on whose target it lands
    build: Build | None = None
    conflicts: dict[str, Clash] = {}  # by what it does not merge with: the tip, a build on it
    limit: int | None = None  # at most so many in its batch: it was in one that is red
    group: int = 0  # which red batch that was; 0 = none
    intended: str | None = None  # the commit whose landing is under way
    together: tuple[EntryId, ...] = ()  # whose landing is under way with its own, itself included
    blocked: str = ""  # why the target cannot be moved now
    blocked_until: float = 0.0


class GateRun(msgspec.Struct, frozen=True):
    """One run of a gate."""

    verdict: Verdict
    code: int | None
    seconds: float
    at: float
    log: str
    tail: str
    run: int
    limit: str = ""  # of one that timed out: where its limit came from, if the plan does not say
    commit: str = ""  # with the tree; another one may have the same
    environment: str = ""  # the fingerprint of what it ran in


class StepTrouble(msgspec.Struct, frozen=True):
    """A step that could not be done."""

    count: int
    error: str
    retry_at: float
    task: TaskId | None


class Landing(msgspec.Struct, frozen=True):
    """One entry that has landed; those of a batch have one commit."""

    entry: EntryId
    commit: str
    at: float
    task: TaskId | None
    merge: str = ""  # in a batch: the commit of the entry itself, below `commit`
    reverts: TaskId | None = None  # it took this task back
    repo: RepoName = OWN_REPO


class PoolStand(msgspec.Struct, frozen=True):
    """What has become of a pool since the run began."""

    size: int | None = None  # as the machine has left it; None = as the plan says
    short: str = ""  # what there was too little of when it shrank; empty = it grew last
    changed_at: float | None = None  # when the machine changed it last
    limit: int | None = None  # the most that a person allows; None = as the plan says
    by: str = ""  # who that is


class Disk(msgspec.Struct, frozen=True):
    """A disk that has not enough room."""

    mark: DiskMark
    folder: str  # below which it was measured
    free: int  # bytes, when it was told
    needed: int  # bytes, to go on
    since: float  # seconds since the epoch


class HookTaken(msgspec.Struct, frozen=True):
    """The latest event that a hook has taken."""

    seq: int
    at: float
    took: float  # seconds
    status: int


class HookTrouble(msgspec.Struct, frozen=True):
    """The latest try of a hook that has failed."""

    seq: int  # of the event
    at: float
    why: str
    since: float  # when the event happened
    final: bool = False  # the receiver wants no other try


class HookRun(msgspec.Struct):
    """How far a hook has been told what it wants to hear. The journal holds what that is."""

    settled: int = 0  # of the events up to this one it has taken what it wants, or was given up on
    latest: int = 0  # the latest event that it wants
    tries: int = 0  # that have failed, of the first event behind `settled` that it wants
    retry_at: float | None = None  # not before that
    since: float | None = None  # it has waited since then for what it has not got
    quiet_until: float | None = None  # it is night where a person is told
    taken: HookTaken | None = None
    trouble: HookTrouble | None = None
    given_up: int = 0  # events that it was given up on


class RepoRun(msgspec.Struct, kw_only=True):
    """What a run knows of one repository. Each field is as in `RunState`."""

    repo: str = ""
    checkout: str = ""
    programs: dict[str, str] | None = None
    base: str = ""
    base_commit: str = ""
    base_tree: str = ""
    target: str = ""
    tip: str = ""
    tip_tree: str = ""
    batch: int = FIRST_BATCH
    depth: int = FIRST_DEPTH
    promote_wanted: bool = False
    diverged: str | None = None
    promote_reason: str = ""
    promoted: str = ""


class Request(msgspec.Struct):
    """What an agent or a client wants of a person, and nothing waits for."""

    id: str
    by: str
    text: str
    asked_at: float
    put: Task | None = None  # a task for the plan; None = an answer is wanted
    options: tuple[str, ...] = ()
    key: str = ""
    answer: RequestAnswered | None = None


class RunState(msgspec.Struct, kw_only=True):
    """Everything known about a run after `seq` events."""

    seq: int = 0
    at: float = 0.0  # time of the latest event
    run: RunId = RunId("")
    plan: Plan = Plan(name="", tasks=())  # as it is now
    plan_changes: int = 0  # how often it was changed since the run began
    budgets: dict[str, Budget] = {}  # by scope: what a person has set; the rest is in the plan
    requests: dict[str, Request] = {}  # open ones and settled ones, the oldest first
    marked: dict[str, float] = {}  # by scope: the highest mark that was told
    prices: Prices = Prices()
    repo: str = ""
    checkout: str = ""
    programs: dict[str, str] | None = None  # see `RunStarted`
    base: str = ""
    base_commit: str = ""
    base_tree: str = ""
    target: str = ""
    tip: str = ""  # of the target, as last seen
    tip_tree: str = ""
    started_at: float = 0.0
    engine: ProcessIdentity | None = None
    engine_running: bool = False
    engine_version: str = ""
    environment: str = ""  # the fingerprint of what gates run in
    paused: bool = False
    paused_by: str = ""
    disk: Disk | None = None  # while it has not enough room
    workers: dict[PoolName, Workers] = {}  # of pools on other machines, since the engine began
    agents_limit: int = 0
    pools: dict[PoolName, PoolStand] = {}  # those that are not as the plan says, see `core.pools`
    ending: bool = False
    outcome: Outcome | None = None
    finished_at: float | None = None
    tasks: dict[TaskId, TaskRun] = {}
    reviewing: dict[TaskId, OpenReview] = {}  # reviews by agents that have not ended
    queue: dict[EntryId, Entry] = {}
    entries_seen: int = 0
    queue_held: bool = False
    batch: int = FIRST_BATCH  # entries that go into a new batch, at most; it adapts
    depth: int = FIRST_DEPTH  # batches on top of each other, at most; it adapts
    red_batches: int = 0  # that were split
    foreseen: tuple[Foreseen, ...] = ()  # live work that would not merge, as last seen
    foreseen_more: int = 0  # such pairs beyond those
    gates: dict[str, list[GateRun]] = {}  # by `gate_key`
    forgotten_runs: dict[str, int] = {}  # how many were forgotten, by `gate_key`
    closed_phases: set[PhaseId] = set()
    landings: list[Landing] = []
    troubles: dict[str, StepTrouble] = {}  # by step key
    accounts: dict[str, Account] = {}  # those on which something has started, by name
    rules: dict[str, PermissionRule] = {}  # by id, in the order in which they were set
    rules_so_far: int = 0
    rule_changes: int = 0  # of the rules that outlive the run
    rule_changes_kept: int = 0
    dropped_rules: list[PermissionRule] = []  # of those that outlive the run
    promote_wanted: bool = False
    diverged: str | None = None  # commits of the base that the target must take in first
    promote_reason: str = ""
    promoted: str = ""  # the commit the base was brought to
    pushed: str = ""  # the commit of the target that the remote has
    pull_request: str = ""  # its URL
    hooks: dict[str, HookRun] = {}  # by name, see `core.hooks`
    repos: dict[RepoName, RepoRun] = {}  # besides the plan's own, which has the fields of this
    lane: RepoName = OWN_REPO  # which one has them: another one in what `core.lanes` shows

    def task(self, task_id: TaskId) -> TaskRun:
        """A task by id. Raises KeyError."""
        return self.tasks[task_id]

    def spec(self, task_id: TaskId) -> Task:
        """What the plan says of a task."""
        return self.plan.by_id[task_id]

    def settings(self, task_id: TaskId) -> TaskSettings:
        """What holds for a task."""
        return self.plan.settings(task_id)

    def in_state(self, *states: TaskState) -> Iterator[TaskRun]:
        """Tasks in one of these states, in plan order."""
        return (task for task in self.tasks.values() if task.state in states)

    def gate_runs(self, gate: GateName, tree: str) -> list[GateRun]:
        """The runs of a gate on a tree, oldest first."""
        return self.gates.get(gate_key(gate, tree), [])

    def next_gate_run(self, gate: GateName, tree: str) -> int:
        """The number of the next run of a gate on a tree; never one that was used before."""
        forgotten = self.forgotten_runs.get(gate_key(gate, tree), 0)
        return forgotten + len(self.gate_runs(gate, tree)) + 1

    @property
    def landed_here(self) -> list[Landing]:
        """The landings on the target of this lane, the oldest first."""
        return [one for one in self.landings if one.repo == self.lane]

    @property
    def tokens(self) -> int:
        """Tokens of all attempts and their reviews, in and out."""
        attempts = [a for t in self.tasks.values() for a in t.attempts]
        return sum(a.tokens_in + a.tokens_out + a.review_tokens for a in attempts)

    @property
    def usd(self) -> float:
        """Cost of all attempts and their reviews, dollars."""
        return sum(a.usd + a.review_usd for t in self.tasks.values() for a in t.attempts)


def gate_key(gate: GateName, tree: str) -> str:
    """Under what a verdict is kept. A run's gates are fixed, so the name stands for the command."""
    return f"{gate}@{tree}"
