"""Facts of a run, in the past tense. The journal holds them and nothing else is the truth.

Rules:
- An event is frozen, says what happened, and carries all that the fold needs: the fold reads no
  clock, file or ref.
- Each has a `kind` on the wire. A field may be added with a default; anything else needs a new
  `VERSION` and an upcast in `codec`.
- Times are seconds since the epoch (float). Attempts count from 1. Commits and trees are full hex
  object ids.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from agentdeck.core.containment import Confined
from agentdeck.core.hosts import Worker
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
from agentdeck.core.permissions import OptionKind, PermissionRule
from agentdeck.core.plan import OWN_REPO, GateWhen, Plan, Task
from agentdeck.core.prices import Prices
from agentdeck.core.replan import PlanChange
from agentdeck.core.sandbox_kind import Sandbox

# Of the journal's event format; raise it when an old reader would misread.
# 2: a budget that does not say what happens when it is used up means "ask"; before, "drain".
VERSION: Final = 2


MAX_FORESEEN: Final = 100  # pairs in one event; more of them are counted
MAX_FORESEEN_FILES: Final = 5  # of a pair; `agentdeck conflicts` has more


class FailureClass(StrEnum):
    """Why an attempt did not end in landed work. Each has its policy in `core.policy`."""

    CRASH = "crash"  # the process ended with an error
    LOST = "lost"  # the process is gone and left no exit status
    AGENT = "agent"  # the agent itself reported that it failed
    RATE_LIMIT = "rate limit"
    OVERLOAD = "overload"
    NETWORK = "network"
    AUTH = "auth"
    QUOTA = "quota"  # a plan's or an account's allowance is used up; may say when it resets
    REFUSED = "refused"  # the model would not do it, or what it needed was denied
    TURN_LIMIT = "turn limit"  # it used up the turns or the money it was given for one go
    NO_PROGRESS = "no progress"  # it is busy without getting anywhere
    TIMEOUT = "timeout"
    IDLE = "idle"
    OUTPUT = "output"  # it printed more than a log may hold
    NO_WORK = "no work"  # it ended well and changed nothing
    FOOTPRINT = "footprint"  # it touched files outside its footprint
    GIT = "git"  # the repository or worktree was left in a state nothing can be taken from
    GATE = "gate"
    CONFLICT = "conflict"
    REVIEW = "review"  # who reviewed it wants changes
    SETUP = "setup"  # the worktree could not be made or set up, or the agent not started
    BUDGET = "budget"  # the plan's budget is used up, and it says to stop
    STOPPED = "stopped"  # a person, or the end of the run
    TRESPASS = "trespass"  # it moved refs of others
    SESSION = "session"  # the conversation in which it should go on is not known any more
    WORKER = "worker"  # the machine on which it worked is gone


class NextSession(StrEnum):
    """Which conversation the next attempt of a task is."""

    KEEP = "keep"  # that of the attempt before, where it can go on
    NEW = "new"


class Verdict(StrEnum):
    """How one run of a gate ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    BROKEN = "broken"  # it could not be run, or was killed; says nothing about the tree


class SkipMode(StrEnum):
    """What a skip means for the tasks that need the skipped one."""

    DONE = "done"  # treat as done: they may start
    CASCADE = "cascade"  # skip what needs it too


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"  # all that should land has landed
    BUDGET = "budget"  # the plan's budget is used up, and it says to stop
    STOPPED = "stopped"  # a person ended it


class EntryKind(StrEnum):
    """What an entry of the merge queue brings in."""

    TASK = "task"
    BASE = "base"  # commits made to the base branch meanwhile
    REVERT = "revert"  # landed work is taken back


class ReviewVerdict(StrEnum):
    """How a review by an agent ended."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request changes"
    FAILED = "failed"  # it gave no verdict: it crashed, took too long, or cannot be understood
    ENDED = "ended"  # nobody wants its verdict any more


class AskKind(StrEnum):
    """What an agent wants of a person."""

    QUESTION = "question"  # words
    PERMISSION = "permission"  # a yes or no to one tool call


class AskOption(msgspec.Struct, frozen=True, array_like=True):
    """One answer that an agent offers."""

    id: str  # the agent's own
    label: str
    kind: OptionKind


class ReviewComment(msgspec.Struct, frozen=True, array_like=True):
    """What a reviewer says about a place in a diff."""

    file: str  # below the repository's top; empty = about the whole
    line: int  # in the new file, from 1; 0 = about the file
    text: str


class FileTouched(msgspec.Struct, frozen=True, array_like=True):
    """One path of a diff. Lines are -1 for a binary file."""

    path: str
    added: int
    removed: int


class RefMove(msgspec.Struct, frozen=True, array_like=True):
    """One ref that is somewhere else. An empty commit: there was, or is, no such ref."""

    ref: str  # its whole name
    old: str
    new: str
    back: bool = False  # agentdeck has put it back


class Hunks(msgspec.Struct, frozen=True, array_like=True):
    """Where one file does not merge: both sides between git's markers, or git's own words."""

    path: str
    text: str


class Loss(msgspec.Struct, frozen=True, array_like=True):
    """Lines of one file that others have landed and that some work would take away."""

    path: str
    lines: tuple[str, ...]  # the first of them
    count: int


class DiskMark(StrEnum):
    """How much room there is on a disk."""

    ROOM = "room"
    LOW = "low"
    FULL = "full"


class Event(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True):
    """Base of all events."""


# --- the run -------------------------------------------------------------------------------------


class RepoStarted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A repository besides the plan's own, as it was when the run began. As in `RunStarted`."""

    name: RepoName
    repo: str
    checkout: str
    base: str
    base_commit: str
    base_tree: str
    target: str
    programs: dict[str, str] | None = None


class RunStarted(Event, frozen=True, tag="run.started"):
    """The first event of every journal."""

    run: RunId
    plan: Plan
    repo: str  # the repository's common git directory
    base: str  # branch name, or a commit when HEAD was detached
    base_commit: str
    base_tree: str
    target: str  # branch name
    checkout: str = ""  # top folder of the user's checkout
    prices: Prices | None = None  # by which what agents do not price themselves is reckoned
    # Filters and other programs that the repository's own configuration named then; None: not known
    programs: dict[str, str] | None = None
    repos: tuple[RepoStarted, ...] = ()  # besides this one, in file order


class EngineStarted(Event, frozen=True, tag="engine.started"):
    """An engine took the run over: the first one, or one after a crash or an end."""

    engine: ProcessIdentity
    version: str
    environment: str = ""  # a fingerprint of what gates run in, as of now


class EngineStopped(Event, frozen=True, tag="engine.stopped"):
    """The engine ended in good order."""

    reason: str


class EngineSlept(Event, frozen=True, tag="engine.slept"):
    """The engine's process did not run for a while: agents did, and nobody listened to them."""

    seconds: float  # up to now


class JournalMended(Event, frozen=True, tag="journal.mended"):
    """The journal had been damaged: what was sound of it goes on here, and what follows is new."""

    sound: int  # events that are as they were written
    lost: int  # events behind them that are known to have been and are gone
    kept: str  # folder below the run's folder with what was damaged


class RunPaused(Event, frozen=True, tag="run.paused"):
    """The run drains: nothing new starts, turns end."""

    by: str


class RunResumed(Event, frozen=True, tag="run.resumed"):
    """The run goes on."""

    by: str


class DiskChanged(Event, frozen=True, tag="disk.changed"):
    """A disk that the run needs has little room, none, or enough again."""

    mark: DiskMark
    folder: str  # below which it was measured
    free: int  # bytes
    needed: int = 0  # bytes that must be free to go on


class WorkersChanged(Event, frozen=True, tag="pool.workers"):
    """Machines that work for a pool have joined, or are not heard of any more."""

    pool: PoolName
    workers: tuple[Worker, ...] = ()  # all that can be reached now
    fault: str = ""  # why nobody can be


class AgentsLimitSet(Event, frozen=True, tag="run.agents_limit_set"):
    """A person changed how many agents work at once."""

    limit: int
    by: str


class PoolLimitSet(Event, frozen=True, tag="pool.limit_set"):
    """A person changed how many work in a pool at once. Holds over what the plan says."""

    pool: PoolName
    limit: int | None  # None = as the plan says
    by: str


class PoolResized(Event, frozen=True, tag="pool.resized"):
    """A pool has another size, as the memory and the load of the machine allow."""

    pool: PoolName
    size: int  # tasks at once, from now on
    short: str = ""  # what the machine has too little of; empty = it is at ease, and the pool grew


class BudgetSet(Event, frozen=True, tag="budget.set"):
    """A person changed a budget while the run goes on. Holds over what the plan says."""

    scope: str  # `run`, `phase:ID`, `pool:NAME` or `task:ID`
    usd: float | None  # the limits as they are now; None = no limit
    tokens: int | None
    by: str


class BudgetMarked(Event, frozen=True, tag="budget.marked"):
    """Use of a budget has passed one of its marks. The mark 1 stands for "used up"."""

    scope: str
    mark: float  # the highest that was passed, a share of the budget


class PlanChanged(Event, frozen=True, tag="plan.changed"):
    """A person changed the plan while its run goes on. It was checked before it was recorded."""

    change: PlanChange
    revision: int  # counts the changes of this run, from 1
    by: str


class RequestMade(Event, frozen=True, tag="request.made"):
    """An agent, or a client of `agentdeck mcp`, wants something of a person that nothing waits for.

    A task for the plan, or an answer.
    """

    request: str  # id, unique in the run
    by: str  # T#N of an attempt, or the name of a client
    text: str  # the question; of a task why
    put: Task | None = None  # the task
    options: tuple[str, ...] = ()  # answers to choose from
    key: str = ""  # what its caller calls it: the same again is the same request


class RequestAnswered(Event, frozen=True, tag="request.answered"):
    """What became of it."""

    request: str
    by: str
    accepted: bool = True
    text: str = ""  # the answer; of a task that was denied why


class RunEndAsked(Event, frozen=True, tag="run.end_asked"):
    """A person ended the run: agents are stopped, what landed stays."""

    by: str


class RunFinished(Event, frozen=True, tag="run.finished"):
    """Nothing is left to do, or the run was ended."""

    outcome: Outcome


class PermissionRuleSet(Event, frozen=True, tag="permission.set"):
    """From now on these requests are answered without asking a person."""

    rule: PermissionRule


class PermissionRuleDropped(Event, frozen=True, tag="permission.dropped"):
    """The rule answers nothing any more."""

    rule: str  # its id
    by: str


class PermissionsKept(Event, frozen=True, tag="permission.kept"):
    """The rules of the plan are on the disk, for its next run."""

    change: int  # up to which change of them


class PhaseClosed(Event, frozen=True, tag="phase.closed"):
    """Every task of a sync phase has settled and its gates passed: later phases may start."""

    phase: PhaseId


class StepFailed(Event, frozen=True, tag="step.failed"):
    """A performer could not do its step; it is tried again at `retry_at`."""

    step: str
    task: TaskId | None
    error: str
    retry_at: float


# --- wishes of a person about one task -----------------------------------------------------------


class TaskPauseAsked(Event, frozen=True, tag="task.pause_asked"):
    """Freeze the agent, or do not start it."""

    task: TaskId
    by: str


class TaskResumeAsked(Event, frozen=True, tag="task.resume_asked"):
    """Go on after a pause."""

    task: TaskId
    by: str


class TaskStopAsked(Event, frozen=True, tag="task.stop_asked"):
    """End the agent; the task is cancelled and its work is kept."""

    task: TaskId
    by: str


class TaskTakeOverAsked(Event, frozen=True, tag="task.take_over_asked"):
    """A person wants to go on with the work by hand: its agent ends its turn."""

    task: TaskId
    by: str


class TaskHandedBack(Event, frozen=True, tag="task.handed_back"):
    """A person gives a task back that they had taken over."""

    task: TaskId
    attempt: int
    by: str
    go_on: bool = False  # its agent goes on with it; False = it is finished


class HandBackRefused(Event, frozen=True, tag="task.hand_back_refused"):
    """What a person left cannot be taken as it is: it is in their hands again."""

    task: TaskId
    attempt: int
    reason: str


class TaskRetried(Event, frozen=True, tag="task.retried"):
    """A person wants another attempt. `fresh` starts from the target, not from the earlier work."""

    task: TaskId
    by: str
    feedback: str = ""
    fresh: bool = False
    session: NextSession = NextSession.NEW
    comments: tuple[ReviewComment, ...] = ()  # on lines of the diff


class TaskSkipped(Event, frozen=True, tag="task.skipped"):
    """The task is left out."""

    task: TaskId
    by: str
    mode: SkipMode


class TaskUnskipped(Event, frozen=True, tag="task.unskipped"):
    """A skip was taken back before anything was built on it."""

    task: TaskId
    by: str


class TaskApproved(Event, frozen=True, tag="task.approved"):
    """A person's yes to the work of one attempt."""

    task: TaskId
    attempt: int
    by: str


class TaskHeld(Event, frozen=True, tag="task.held"):
    """Do not land this until it is released."""

    task: TaskId
    by: str


class TaskReleased(Event, frozen=True, tag="task.released"):
    """A hold was lifted."""

    task: TaskId
    by: str


class TaskPutFirst(Event, frozen=True, tag="task.put_first"):
    """A person moved the task to the front of the merge queue."""

    task: TaskId
    by: str


class QueueHeld(Event, frozen=True, tag="queue.held"):
    """Nothing lands until the queue is released."""

    by: str


class QueueReleased(Event, frozen=True, tag="queue.released"):
    """The queue goes on."""

    by: str


class MessageQueued(Event, frozen=True, tag="message.queued"):
    """A person's words for the next turn: nobody can hear them now."""

    task: TaskId
    message: str  # id, unique in the task
    text: str
    by: str


class TaskContinued(Event, frozen=True, tag="task.continued"):
    """The work goes on in another turn, as it stands: a person had more to say."""

    task: TaskId
    attempt: int
    by: str


# --- an attempt ----------------------------------------------------------------------------------


class AttemptClaimed(Event, frozen=True, tag="attempt.claimed"):
    """A task got an agent, a slot and its footprint."""

    task: TaskId
    attempt: int
    agent: AgentName
    model: str | None = None
    pool: PoolName | None = None
    fresh: bool = True  # from the target's tip; else goes on in the worktree of the attempt before
    session: str | None = None  # goes on in this session of the agent
    account: str = ""  # whose limits it meets; empty = nobody's
    why: str = ""  # what chose agent and model, where it was not the plan's plain word
    reserved_usd: float = 0.0  # of the budgets, until it says what it really uses
    reserved_tokens: int = 0


class WorktreePrepared(Event, frozen=True, tag="attempt.worktree_prepared"):
    """The worktree stands on its branch, verified."""

    task: TaskId
    attempt: int
    path: str
    branch: str
    base: str  # the commit the work starts from


class AttemptLaunched(Event, frozen=True, tag="attempt.launched"):
    """The agent runs."""

    task: TaskId
    attempt: int
    launcher: ProcessIdentity
    agent: ProcessIdentity
    sandbox: Sandbox = Sandbox.NONE  # that it works in
    network: bool = True  # whether it has one, as far as the sandbox knows
    confined: Confined | None = None  # what was found when its sandbox was tried; None: it was not
    worker: str = ""  # the machine on which it works; "" = this one


class AttemptProgressed(Event, frozen=True, tag="attempt.progressed"):
    """What the agent's stream has said up to `offset` bytes of its log. Totals, not increments."""

    task: TaskId
    attempt: int
    offset: int
    session: str | None = None
    model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    tools: int = 0  # tool calls so far
    activity: str = ""  # the latest tool call or line, one line
    message: str = ""  # the latest prose of the agent
    tokens_cached: int = 0  # read from a cache; not in tokens_in
    todo_done: int = 0  # of the agent's own list
    todo_total: int = 0
    todo: str = ""  # what it is at
    touched: tuple[str, ...] = ()  # files it edits, as its stream says
    carry: str = ""  # what the reader of its format remembers; nobody else understands it
    usd_priced: float = 0.0  # of `usd`, what the price table says and not the stream


class AttemptAsked(Event, frozen=True, tag="attempt.asked"):
    """The agent waits for a person."""

    task: TaskId
    attempt: int
    question: str  # id, unique in the attempt
    text: str
    ask: AskKind = AskKind.QUESTION
    tool: str = ""  # of a permission
    target: str = ""
    options: tuple[AskOption, ...] = ()
    payload: str = ""  # JSON that the answer must give back
    by_tool: bool = False  # through a tool of agentdeck: its call takes the answer, not its input
    files: tuple[str, ...] = ()  # that it wants to touch besides those of its task


class ProgressReported(Event, frozen=True, tag="attempt.reported"):
    """The agent says how far it is."""

    task: TaskId
    attempt: int
    text: str
    percent: int | None = None


class AskWithdrawn(Event, frozen=True, tag="attempt.ask_withdrawn"):
    """The agent needs no answer any more."""

    task: TaskId
    attempt: int
    question: str


class MessageSent(Event, frozen=True, tag="message.sent"):
    """A person's message to a live agent: an answer, or a steer."""

    task: TaskId
    attempt: int
    message: str  # id, unique in the attempt
    text: str
    by: str
    answers: str | None = None  # the id of the question it answers
    option: str = ""  # the option that was chosen of a permission
    rule: str = ""  # the rule that chose it


class MessageDelivered(Event, frozen=True, tag="message.delivered"):
    """The message, or the prompt, was written to the agent's input."""

    task: TaskId
    attempt: int
    message: str


class TurnEnded(Event, frozen=True, tag="attempt.turn_ended"):
    """The agent's stream has said how a turn ended. The last one is the attempt's result."""

    task: TaskId
    attempt: int
    turn: int  # counts from 1; the same again = what was said since has begun no other turn
    at: int  # bytes of the log, before this was said
    ok: bool
    detail: str = ""
    cause: FailureClass | None = None
    retry_at: float | None = None


class TurnBegan(Event, frozen=True, tag="attempt.turn_began"):
    """After a turn that ended the agent is at work again."""

    task: TaskId
    attempt: int


class InputClosed(Event, frozen=True, tag="attempt.input_closed"):
    """The agent was told that nothing more comes; it ends by itself."""

    task: TaskId
    attempt: int


class AttemptFrozen(Event, frozen=True, tag="attempt.frozen"):
    """The whole process tree is stopped (SIGSTOP)."""

    task: TaskId
    attempt: int
    processes: int


class AttemptThawed(Event, frozen=True, tag="attempt.thawed"):
    """The process tree goes on."""

    task: TaskId
    attempt: int


class LimitHit(Event, frozen=True, tag="attempt.limit_hit"):
    """A watchdog wants the attempt ended."""

    task: TaskId
    attempt: int
    cause: FailureClass  # TIMEOUT, IDLE or BUDGET
    detail: str


class AttemptExited(Event, frozen=True, tag="attempt.exited"):
    """The process of the attempt has ended, and no leftover of its tree lives."""

    task: TaskId
    attempt: int
    code: int | None  # exit status, negative = killed by that signal, None = not known (lost)
    ok: bool | None = None  # what the stream's result said; None = it has none
    cause: FailureClass | None = None  # what the stream blames, when it blames something
    detail: str = ""
    retry_at: float | None = None  # when a limit says it resets
    refusals: int = 0  # lines of a sandboxed agent's log that speak of something refused
    refused: tuple[str, ...] = ()  # the first few of them


class AttemptCollected(Event, frozen=True, tag="attempt.collected"):
    """The work was taken: uncommitted changes committed, the head pinned."""

    task: TaskId
    attempt: int
    head: str
    tree: str
    commits: int  # on top of the base
    files: tuple[FileTouched, ...] = ()
    left_uncommitted: int = 0  # files agentdeck committed for the agent
    fault: str = ""  # why nothing could be taken
    hands: str = ""  # the person who had taken the attempt over
    hand_back: int = 0  # which time they gave it back
    merged: str = ""  # the commit of the target that it has taken in; its own work is what follows
    losses: tuple[Loss, ...] = ()  # what others have landed and it would take away


class RefsTouched(Event, frozen=True, tag="attempt.refs_touched"):
    """An agent reached for refs that are not its own, or refs of others changed while it worked."""

    task: TaskId
    attempt: int
    refused: tuple[str, ...] = ()  # the guard kept it from moving these, each once
    moved: tuple[RefMove, ...] = ()  # it did move these: they hold commits that only it has made
    changed: tuple[RefMove, ...] = ()  # these lost commits meanwhile; nobody knows by whom
    more: int = 0  # of any kind, beyond those that are named


class WorktreeReleased(Event, frozen=True, tag="attempt.worktree_released"):
    """The attempt's worktree is free for another task; its work is on a ref."""

    task: TaskId
    attempt: int


# --- what became of it ---------------------------------------------------------------------------


class TaskReviewAsked(Event, frozen=True, tag="task.review_asked"):
    """The work is proven and waits for a review of its diff."""

    task: TaskId
    attempt: int


class ReviewStarted(Event, frozen=True, tag="review.started"):
    """An agent that did not do the work is asked for a verdict on it."""

    task: TaskId
    attempt: int
    run: int  # counts the reviews of this attempt, from 1
    by: AgentName
    head: str  # the commit that is looked at
    model: str | None = None
    place: int = 1  # which of the scratch worktrees for reviews


class ReviewFinished(Event, frozen=True, tag="review.finished"):
    """The reviewer's process has ended."""

    task: TaskId
    attempt: int
    run: int
    by: AgentName
    verdict: ReviewVerdict
    summary: str = ""
    comments: tuple[ReviewComment, ...] = ()
    problem: str = ""  # why there is no verdict
    seconds: float = 0.0
    log: str = ""  # folder below the run's folder
    model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0  # read from a cache; not in tokens_in
    usd: float = 0.0
    usd_priced: float = 0.0  # of `usd`, what the price table says and not the stream


class TaskProposed(Event, frozen=True, tag="task.proposed"):
    """The work is proven: exit, result, commits, footprint, gates, on this head."""

    task: TaskId
    attempt: int
    head: str


class TaskDone(Event, frozen=True, tag="task.done"):
    """Settled without a landing: done by hand, or nothing had to change."""

    task: TaskId
    how: str
    by: str = ""


class RetryScheduled(Event, frozen=True, tag="task.retry_scheduled"):
    """Another attempt will be made by itself."""

    task: TaskId
    attempt: int  # the one that failed
    cause: FailureClass
    detail: str
    at: float
    counts: bool = True  # uses up one of the task's retries
    fresh: bool = False
    session: NextSession = NextSession.NEW
    escalate: bool = False  # with the next model of the agent's ladder
    agent: AgentName | None = None  # another one takes over
    repair: bool = False  # the merge queue has sent it back: counted by itself, against `repairs`


class RetryDue(Event, frozen=True, tag="task.retry_due"):
    """The wait is over."""

    task: TaskId


class TaskFailed(Event, frozen=True, tag="task.failed"):
    """No more attempts by itself: a person decides."""

    task: TaskId
    attempt: int
    cause: FailureClass
    detail: str


class TaskCancelled(Event, frozen=True, tag="task.cancelled"):
    """A person stopped it, or the merge queue has dropped it."""

    task: TaskId
    detail: str
    cause: FailureClass = FailureClass.STOPPED


# --- the accounts whose limits agents meet --------------------------------------------------------


class AccountLimited(Event, frozen=True, tag="account.limited"):
    """An attempt met a limit of its account: nothing starts on it for a while."""

    account: str
    task: TaskId
    attempt: int
    cause: FailureClass
    detail: str
    until: float | None  # None = until a person reopens it
    slows: bool = False  # fewer attempts at once after that


class AccountNoted(Event, frozen=True, tag="account.noted"):
    """How much of its allowance an account has used, as an agent's stream says."""

    account: str
    task: TaskId
    attempt: int
    utilization: float  # a share, 0 to 1
    resets_at: float | None = None


class AccountReopened(Event, frozen=True, tag="account.reopened"):
    """Attempts may start on the account again: its time is over, or a person wants it."""

    account: str
    by: str = ""  # a person; empty = by time


# --- gates ---------------------------------------------------------------------------------------


class GateFinished(Event, frozen=True, tag="gate.finished"):
    """One run of one gate on one exact tree has ended."""

    gate: GateName
    when: GateWhen
    tree: str
    commit: str
    run: int  # counts from 1 for this tree
    verdict: Verdict
    code: int | None
    seconds: float
    log: str  # folder below the run's folder
    tail: str = ""  # last lines, for feedback
    task: TaskId | None = None
    attempt: int | None = None
    limit: str = ""  # of one that timed out: where its limit came from, if the plan does not say
    environment: str = ""  # the fingerprint of what it was started in


class GateReset(Event, frozen=True, tag="gate.reset"):
    """Red verdicts of one tree are forgotten: a person wants its gates run again."""

    tree: str
    by: str


# --- the merge queue -----------------------------------------------------------------------------


class EntryQueued(Event, frozen=True, tag="entry.queued"):
    """An entry takes its place; its head is pinned."""

    entry: EntryId
    entry_kind: EntryKind
    head: str  # of a revert: the commit that is taken back
    task: TaskId | None = None
    attempt: int | None = None
    reverts: TaskId | None = None  # the task that is taken back
    by: str = ""  # who wants the revert
    repo: RepoName = OWN_REPO  # on whose target it is to land


class EntryMoved(Event, frozen=True, tag="entry.moved"):
    """A person gave the entry another place in the order."""

    entry: EntryId
    beside: EntryId
    after: bool = False  # behind `beside`; else before it
    by: str = "you"


class EntryBuilt(Event, frozen=True, tag="entry.built"):
    """The exact commit that would land was made, without a checkout."""

    entry: EntryId  # the first of the batch
    commit: str
    tree: str
    tip: str  # what it is built on
    others: tuple[EntryId, ...] = ()  # of the batch, in the order in which they were folded in
    merges: tuple[str, ...] = ()  # of a batch: the commit that brings in each of its entries


class EntryConflicted(Event, frozen=True, tag="entry.conflicted"):
    """The entry does not merge with this tip, or not behind others on top of it."""

    entry: EntryId
    tip: str
    files: tuple[str, ...]
    behind: tuple[EntryId, ...] = ()  # with these folded in before it; () = with the tip itself
    hunks: tuple[Hunks, ...] = ()  # of the first files, where it does not merge with the tip itself


class Foreseen(msgspec.Struct, frozen=True, omit_defaults=True):
    """Work of two tasks that would not merge, or of one with the target."""

    one: TaskId
    other: TaskId | None  # None: the target
    files: tuple[str, ...] = ()  # the first `MAX_FORESEEN_FILES`; a name may be in no file at all
    more: int = 0  # files beyond those


class CollisionsForeseen(Event, frozen=True, tag="collisions.foreseen"):
    """What is known now of live work that does not merge. It takes the place of the one before."""

    collisions: tuple[Foreseen, ...]  # at most `MAX_FORESEEN`
    more: int = 0  # pairs beyond those


class BatchSplit(Event, frozen=True, tag="batch.split"):
    """A batch is red on what is green: its entries are gated in smaller ones, to find out who."""

    entries: tuple[EntryId, ...]
    gate: GateName
    tree: str


class EntryEjected(Event, frozen=True, tag="entry.ejected"):
    """The entry left the queue without landing. It loses no commit."""

    entry: EntryId
    cause: FailureClass
    detail: str
    gate: GateName | None = None  # that is red on it


class LandingIntended(Event, frozen=True, tag="landing.intended"):
    """The target is about to move from `expected` to `commit`. Stored before the ref moves."""

    entry: EntryId
    commit: str
    expected: str
    others: tuple[EntryId, ...] = ()  # that land with it


class TargetMove(msgspec.Struct, frozen=True, omit_defaults=True):
    """One target of a landing of several: from where to where."""

    repo: RepoName
    entry: EntryId
    commit: str
    expected: str
    others: tuple[EntryId, ...] = ()  # that land with it on this target


class GroupIntended(Event, frozen=True, tag="landing.group_intended"):
    """Several targets are about to move, all of them or none. Stored before the first ref moves."""

    moves: tuple[TargetMove, ...]  # in this order


class EntryLanded(Event, frozen=True, tag="entry.landed"):
    """The target moved: the entry is in."""

    entry: EntryId
    commit: str
    tree: str
    task: TaskId | None = None
    merge: str = ""  # in a batch: the commit of the entry itself, below `commit`


class TaskReverted(Event, frozen=True, tag="task.reverted"):
    """What had landed of a task is taken back: the target holds its revert."""

    task: TaskId
    commit: str
    by: str


class LandingFound(Event, frozen=True, tag="landing.found"):
    """The target holds a landing of this run that the journal does not know any more."""

    commit: str
    tree: str
    task: TaskId | None = None  # None: of nobody who is known here
    attempt: int | None = None
    merge: str = ""  # in a batch: the commit of the task itself, below `commit`
    undone: bool = False  # it takes the task back
    repo: RepoName = OWN_REPO


class LandingLost(Event, frozen=True, tag="landing.lost"):
    """The target was not where it was expected: the entry is built again on what was found."""

    entry: EntryId
    found: str
    found_tree: str
    commit: str = ""  # that was to land; "" = as an older engine told it
    taken_back: tuple[RepoName, ...] = ()  # of its group: targets that had moved, and are back


class LandingBlocked(Event, frozen=True, tag="landing.blocked"):
    """The target cannot be moved now, and why; it is tried again at `retry_at`."""

    entry: EntryId
    reason: str
    retry_at: float


# --- bringing the target into the base -----------------------------------------------------------


class PromoteAsked(Event, frozen=True, tag="promote.asked"):
    """Bring the target into the base branch."""

    by: str


class PromoteWaiting(Event, frozen=True, tag="promote.waiting"):
    """It cannot be done now; the reason names the cause."""

    reason: str
    repo: RepoName = OWN_REPO


class BaseDiverged(Event, frozen=True, tag="promote.base_diverged"):
    """The base has commits the target lacks: they go through the queue first."""

    commit: str
    repo: RepoName = OWN_REPO


class Promoted(Event, frozen=True, tag="promote.done"):
    """The base branch is at the target."""

    commit: str
    how: str
    repo: RepoName = OWN_REPO


# --- what leaves this machine --------------------------------------------------------------------


class TargetPushed(Event, frozen=True, tag="remote.pushed"):
    """A remote has what landed."""

    commit: str
    remote: str


class PullRequestOpened(Event, frozen=True, tag="remote.pull_request"):
    """There is a pull request from the target to the base."""

    url: str


# --- hooks ---------------------------------------------------------------------------------------


class HookDelivered(Event, frozen=True, tag="hook.delivered"):
    """A hook has taken an event."""

    hook: str
    seq: int  # of that event
    took: float  # seconds
    status: int  # exit status of a command, HTTP status of a webhook
    events: int = 1  # that were told at once; `seq` is the last of them
    first: int | None = None  # and this the first, where they are several


class HookFailed(Event, frozen=True, tag="hook.failed"):
    """A hook has not taken an event this time."""

    hook: str
    seq: int  # of that event
    number: int  # which try it was, from 1
    why: str
    since: float  # when that event happened
    not_before: float | None = None  # the receiver wants no other try before
    final: bool = False  # the receiver wants no other try at all


class HookPostponed(Event, frozen=True, tag="hook.postponed"):
    """It is night where a person would be told: they are told of it in the morning."""

    hook: str
    seq: int  # the first event that waits
    until: float  # seconds since the epoch


class HookGaveUp(Event, frozen=True, tag="hook.gave_up"):
    """An event is not offered to a hook any more: it goes on with the next one."""

    hook: str
    seq: int  # of that event
    tries: int
    why: str  # the last one failed


# About the run as a whole.
RunEvent: TypeAlias = (
    RunStarted
    | EngineStarted
    | EngineStopped
    | EngineSlept
    | JournalMended
    | RunPaused
    | RunResumed
    | DiskChanged
    | WorkersChanged
    | AgentsLimitSet
    | PoolLimitSet
    | PoolResized
    | BudgetSet
    | BudgetMarked
    | PlanChanged
    | RequestMade
    | RequestAnswered
    | RunEndAsked
    | RunFinished
    | PermissionRuleSet
    | PermissionRuleDropped
    | PermissionsKept
    | PhaseClosed
    | StepFailed
    | QueueHeld
    | QueueReleased
    | PromoteAsked
    | PromoteWaiting
    | BaseDiverged
    | Promoted
    | TargetPushed
    | PullRequestOpened
)
# About a task: a person's wishes, and what became of it.
TaskEvent: TypeAlias = (
    TaskPauseAsked
    | TaskResumeAsked
    | TaskStopAsked
    | TaskTakeOverAsked
    | TaskHandedBack
    | HandBackRefused
    | TaskRetried
    | TaskSkipped
    | TaskUnskipped
    | TaskApproved
    | TaskHeld
    | TaskReleased
    | TaskPutFirst
    | MessageQueued
    | TaskContinued
    | TaskReviewAsked
    | TaskProposed
    | TaskDone
    | RetryScheduled
    | RetryDue
    | TaskFailed
    | TaskCancelled
    | TaskReverted
)
# About one attempt.
AttemptEvent: TypeAlias = (
    AttemptClaimed
    | WorktreePrepared
    | AttemptLaunched
    | AttemptProgressed
    | AttemptAsked
    | ProgressReported
    | AskWithdrawn
    | MessageSent
    | MessageDelivered
    | TurnEnded
    | TurnBegan
    | InputClosed
    | AttemptFrozen
    | AttemptThawed
    | LimitHit
    | AttemptExited
    | AttemptCollected
    | RefsTouched
    | WorktreeReleased
)
# About reviews by agents.
ReviewEvent: TypeAlias = ReviewStarted | ReviewFinished
# About gates, entries of the merge queue and landings.
QueueEvent: TypeAlias = (
    GateFinished
    | GateReset
    | EntryQueued
    | EntryMoved
    | EntryBuilt
    | EntryConflicted
    | CollisionsForeseen
    | BatchSplit
    | EntryEjected
    | LandingIntended
    | GroupIntended
    | EntryLanded
    | LandingFound
    | LandingLost
    | LandingBlocked
)
# About the accounts whose limits agents meet.
AccountEvent: TypeAlias = AccountLimited | AccountNoted | AccountReopened
# About what is told to hooks. No hook is told of these.
HookEvent: TypeAlias = HookDelivered | HookFailed | HookPostponed | HookGaveUp
AnyEvent: TypeAlias = (
    RunEvent | TaskEvent | AttemptEvent | ReviewEvent | QueueEvent | AccountEvent | HookEvent
)


class Recorded(msgspec.Struct, frozen=True):
    """An event with its place in the journal."""

    seq: int  # counts from 1, without gaps
    at: float  # seconds since the epoch, as the engine's clock said
    event: AnyEvent
    v: int = VERSION
