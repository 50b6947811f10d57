"""Wishes of a person, in the imperative. `core.decide` accepts or refuses each with a reason."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agentdeck.core.events import ReviewComment, SkipMode
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.permissions import ANY, Decision, Scope
from agentdeck.core.plan import Task
from agentdeck.core.replan import PlanChange


class Command(msgspec.Struct, frozen=True, tag_field="do", omit_defaults=True):
    """Base of all commands. `by` says who wishes it, for the journal."""


class Pause(Command, frozen=True, tag="pause"):
    """Freeze a task's agent (or do not start it); without a task: drain the run."""

    task: TaskId | None = None
    by: str = "you"


class Resume(Command, frozen=True, tag="resume"):
    """Undo a pause."""

    task: TaskId | None = None
    by: str = "you"


class Retry(Command, frozen=True, tag="retry"):
    """Another attempt; without a task: run the gates of a red target again."""

    task: TaskId | None = None
    feedback: str = ""
    fresh: bool = False
    by: str = "you"
    comments: tuple[ReviewComment, ...] = ()  # on lines of its diff


class Skip(Command, frozen=True, tag="skip"):
    """Leave a task out."""

    task: TaskId
    mode: SkipMode = SkipMode.DONE
    by: str = "you"


class Unskip(Command, frozen=True, tag="unskip"):
    """Take a skip back."""

    task: TaskId
    by: str = "you"


class Approve(Command, frozen=True, tag="approve"):
    """A yes to proposed work, or "done" for what a person does; without a task: all green."""

    task: TaskId | None = None
    by: str = "you"


class Merge(Command, frozen=True, tag="merge"):
    """Merge now: to the front of the queue, approved if that was missing."""

    task: TaskId
    by: str = "you"


class Place(StrEnum):
    """Where an entry of the merge queue is moved to."""

    UP = "up"  # before the one that is before it
    DOWN = "down"  # behind the one that is behind it
    BEFORE = "before"  # another
    AFTER = "after"  # another


class Move(Command, frozen=True, tag="move"):
    """Another place in the merge queue."""

    task: TaskId
    to: Place
    beside: TaskId | None = None  # of `BEFORE` and `AFTER`
    by: str = "you"


class Drop(Command, frozen=True, tag="drop"):
    """Out of the merge queue, without landing; the task is cancelled, its work kept."""

    task: TaskId
    by: str = "you"


class Hold(Command, frozen=True, tag="hold"):
    """Do not land a task; without a task: land nothing."""

    task: TaskId | None = None
    by: str = "you"


class Release(Command, frozen=True, tag="release"):
    """Lift a hold."""

    task: TaskId | None = None
    by: str = "you"


class Stop(Command, frozen=True, tag="stop"):
    """End a task's agent; the task is cancelled, its work kept."""

    task: TaskId
    by: str = "you"


class Steer(Command, frozen=True, tag="steer"):
    """A message to a live agent; answers its open question if it has one."""

    task: TaskId
    text: str
    by: str = "you"


class ReopenAccount(Command, frozen=True, tag="reopen_account"):
    """Let attempts start on an account again, as many as there are slots."""

    account: str
    by: str = "you"


class Answer(Command, frozen=True, tag="answer"):
    """The answer to what an agent asks: words, or an option of a permission."""

    task: TaskId
    option: str = ""  # one that the agent offers, or `allow` or `deny`
    text: str = ""  # with a no: why; with a yes: what it should know
    question: str = ""  # its id; the oldest open one where it is not said
    remember: Scope | None = None  # answer such requests so from now on
    target: str | None = None  # a glob for what is remembered; None = this target as it stands
    until: float | None = None  # seconds since the epoch; None = it is remembered for good
    by: str = "you"


class TakeOver(Command, frozen=True, tag="take_over"):
    """Go on with a task by hand: its agent ends its turn, the worktree is yours."""

    task: TaskId
    by: str = "you"


class HandBack(Command, frozen=True, tag="hand_back"):
    """Give a task back: finished, or for its agent to go on with."""

    task: TaskId
    go_on: bool = False
    text: str = ""  # what its agent should know
    by: str = "you"


class SetPermission(Command, frozen=True, tag="set_permission"):
    """Answer requests beforehand."""

    scope: Scope
    decision: Decision
    tool: str = ANY
    target: str = ANY
    task: TaskId | None = None  # of scope `task`
    until: float | None = None  # seconds since the epoch
    by: str = "you"


class DropPermission(Command, frozen=True, tag="drop_permission"):
    """Take a rule back."""

    rule: str
    by: str = "you"


class SetAgents(Command, frozen=True, tag="set_agents"):
    """How many agents may work at once."""

    limit: int
    by: str = "you"


class SetPoolLimit(Command, frozen=True, tag="set_pool_limit"):
    """How many may work in a pool at once."""

    pool: PoolName
    limit: int | None  # None = as the plan says
    by: str = "you"


class SetBudget(Command, frozen=True, tag="set_budget"):
    """Set what a run, a phase, a pool or a task may use."""

    scope: str  # `run`, `phase:ID`, `pool:NAME` or `task:ID`
    usd: float | msgspec.UnsetType | None = msgspec.UNSET  # None = no limit; unset = as it is
    tokens: int | msgspec.UnsetType | None = msgspec.UNSET
    by: str = "you"


class RaiseBudget(Command, frozen=True, tag="raise_budget"):
    """Allow so much more than is allowed now."""

    scope: str
    usd: float = 0.0
    tokens: int = 0
    by: str = "you"


class EditPlan(Command, frozen=True, tag="edit_plan"):
    """Change the plan while the run goes on."""

    change: PlanChange
    seen: int = 0  # how many changes the run had when this one was made up
    by: str = "you"


class AskPerson(Command, frozen=True, tag="ask_person"):
    """A question of the agent of an attempt, through its tool."""

    task: TaskId
    attempt: int
    question: str  # an id that the caller chose: the same again is the same question
    text: str
    options: tuple[str, ...] = ()
    by: str = "agent"


class ReportProgress(Command, frozen=True, tag="report_progress"):
    """How far an attempt is, as its agent says."""

    task: TaskId
    attempt: int
    text: str
    percent: int | None = None
    by: str = "agent"


class RequestFiles(Command, frozen=True, tag="request_files"):
    """More files for the task of an attempt."""

    task: TaskId
    attempt: int
    question: str  # as of `AskPerson`
    files: tuple[str, ...]
    text: str = ""  # why
    by: str = "agent"


class MakeRequest(Command, frozen=True, tag="make_request"):
    """A task for the plan, or a question, of an attempt or of a client of `agentdeck mcp`."""

    key: str  # an id that the caller chose: the same again is the same request
    text: str
    put: Task | None = None
    options: tuple[str, ...] = ()
    task: TaskId | None = None  # whose agent wants it; None = a client does
    attempt: int | None = None
    by: str = "mcp"


class AnswerRequest(Command, frozen=True, tag="answer_request"):
    """What a person says to a request."""

    request: str
    accept: bool = True
    text: str = ""
    by: str = "you"


class Revert(Command, frozen=True, tag="revert"):
    """Take back what has landed of a task, through the queue and its gates."""

    task: TaskId
    with_dependents: bool = False  # those that landed on top of it too, the latest first
    only: bool = False  # it alone, whatever was built on it
    by: str = "you"


class Promote(Command, frozen=True, tag="promote"):
    """Bring the target into the base branch."""

    by: str = "you"


class EndRun(Command, frozen=True, tag="end_run"):
    """Stop all agents and end the run."""

    by: str = "you"


AnyCommand = (
    Pause
    | Resume
    | Retry
    | Skip
    | Unskip
    | Approve
    | Merge
    | Move
    | Drop
    | Hold
    | Release
    | Stop
    | Steer
    | ReopenAccount
    | Answer
    | TakeOver
    | HandBack
    | SetPermission
    | DropPermission
    | SetAgents
    | SetPoolLimit
    | SetBudget
    | RaiseBudget
    | EditPlan
    | AskPerson
    | ReportProgress
    | RequestFiles
    | MakeRequest
    | AnswerRequest
    | Revert
    | Promote
    | EndRun
)
