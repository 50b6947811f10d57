"""The plan: what should be done, as it is written, and what each task's settings come to.

Rules:
- A `Plan` is what the file says. `None` means "not said"; `settings()` answers what holds, in this
  order: the task, the first matching route, for the agent the first that has the task's skills, the
  defaults, the built-in default. What failures and limits make of it, `core.assignment` knows.
- What a task asks for in `skills` holds as soon as any agent of the plan says what it can do: a
  route to an agent that lacks a skill is not for that task, and whoever lacks one does not get it.
  Where no agent says anything, these are words for people.
- Lists keep the order of the file. Ids were checked at the door (`core.ids`).
- Times are seconds, money is US dollars, tokens are counts.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Final, TypeAlias

import msgspec

from agentdeck.core.adapter import (
    CONVERSING,
    ENDED_BY_CLOSE,
    PROMPTED_BY_MESSAGE,
    WITH_RESULT,
    Adapter,
    Input,
)
from agentdeck.core.hosts import LEASE_S
from agentdeck.core.ids import AgentName, GateName, PhaseId, PoolName, RepoName, TaskId
from agentdeck.core.permissions import ANY, WRITTEN, Decision, PermissionRule, Scope
from agentdeck.core.sandbox_kind import Sandbox

PLAN_VERSION: Final = 1
# Room for some worktrees; below a fifth of it even commits of what is done may fail.
DEFAULT_DISK_FLOOR_MB: Final = 500
DEFAULT_AGENTS: Final = (
    4  # at once; more than most accounts' rate limits like, fewer than cores need
)
DEFAULT_RETRIES: Final = 2  # attempts after the first one
DEFAULT_BACKOFF_S: Final = 15.0  # before the second attempt; doubles each time
DEFAULT_TIMEOUT_S: Final = 2 * 3600.0  # of one attempt
DEFAULT_IDLE_TIMEOUT_S: Final = 20 * 60.0  # silent and without CPU; running tools are often silent
DEFAULT_ANSWER_WITHIN_S: Final = 30 * 60.0  # a meeting; who is away for longer said so in the plan
DEFAULT_GATE_TIMEOUT_S: Final = 30 * 60.0
MAX_BATCH: Final = 16  # entries: with more, a culprit costs more gates than the batch saves
MAX_DEPTH: Final = 8  # batches on top of each other; a red one throws away all above it
DEFAULT_REPAIRS: Final = 3  # who meets others that often needs a person to put them in order
MAX_REPAIRS: Final = 20  # each is a whole attempt of an agent
DEFAULT_BATCH: Final = MAX_BATCH  # it adapts below that
DEFAULT_GATE_SLOTS: Final = 1  # most gates use all cores themselves
DEFAULT_MARKS: Final = (0.5, 0.8, 0.95)  # of a budget: half, soon, and time to raise it
DEFAULT_ESTIMATE_S: Final = 15 * 60.0  # only for ordering and forecasts
DEFAULT_ROUNDS: Final = 2  # of review; what two rounds did not settle needs somebody else's eyes
DEFAULT_HOOK_TIMEOUT_S: Final = 30.0  # of a command; it tells somebody, and does no work
DEFAULT_WEBHOOK_TIMEOUT_S: Final = 10.0  # a receiver says yes at once and works afterwards
DEFAULT_TRACKER_TIMEOUT_S: Final = 60.0  # of one issue: a few requests, each of a second or so
DEFAULT_GIVE_UP_S: Final = 24 * 3600.0  # a receiver may be down overnight
DEFAULT_NOTIFY_TIMEOUT_S: Final = 60.0  # of a message to a person: a mail server takes its time
DEFAULT_GROUP_S: Final = 30.0  # what fails together is one message, and soon enough
DEFAULT_NOTIFIED: Final = ("task.asks", "task.failed", "budget.marked", "run.finished")
# Of one call for an answer. A client with the common limit of 60 s must not give up before it.
DEFAULT_TOOL_WAIT_S: Final = 45.0
MAX_TOOL_WAIT_S: Final = 600.0
# What a client of `agentdeck mcp` can be let do; each is a verb of the same name.
MCP_COMMANDS: Final = (
    *("pause", "resume", "retry", "skip", "unskip", "approve", "merge", "hold", "release", "stop"),
    *("move", "drop", "steer", "answer", "limit", "promote", "end", "revert"),
)
DEFAULT_REVIEW_TIMEOUT_S: Final = 30 * 60.0  # reading takes less than writing
OWN_REPO: Final = RepoName("")  # the repository in which the plan is started
OWN_REPO_WORD: Final = "."  # as a plan calls that
PERSON: Final = "person"  # who reviews, unless the plan names an agent
COMMAND: Final = "command"  # the `use` of an agent that is no adapter
HOME_SHARED: Final = "shared"  # a person's own state folder: the logins are there
HOME_OWN: Final = "own"  # a folder below the run's


class Land(StrEnum):
    """Who says yes before finished work is merged."""

    AUTO = "auto"  # nobody: green is enough
    APPROVE = "approve"  # a person presses approve
    REVIEW = "review"  # a review of the diff comes first, by a person or by another agent


class LandingStyle(StrEnum):
    """What the commits of finished work look like on the target. The tree is the same in each."""

    MERGE = "merge"  # a merge commit; the commits of the work stay as they are
    SQUASH = "squash"  # one commit for each task
    REBASE = "rebase"  # its commits on top of the target, below a merge commit (semi-linear)


class Strategy(StrEnum):
    """When a task may start."""

    EAGER = "eager"  # as soon as its dependencies are satisfied; only sync points are barriers
    WAVES = "waves"  # each phase is a barrier


class GateWhen(StrEnum):
    """Where a gate runs."""

    PREFLIGHT = "preflight"  # once, on the base commit, before anything starts
    TASK = "task"  # in the attempt's worktree, on the collected commit
    MERGE = "merge"  # on the exact commit that would land
    PHASE = "phase"  # on the target, when every task of a phase has settled
    FINAL = "final"  # on the target, when every task has settled


class NoteKind(StrEnum):
    """What a remark of the plan's author is about."""

    ASSUMPTION = "assumption"
    CONFIDENCE = "confidence"
    CONSTRAINT = "constraint"
    CRITERION = "criterion"  # when the whole is a success
    PROTOCOL = "protocol"  # how the author wants it carried out
    QUESTION = "question"  # open
    RATIONALE = "rationale"
    REFERENCE = "reference"
    REMARK = "remark"
    RISK = "risk"  # its mitigation is the answer


class ClaimKind(StrEnum):
    """What a document says about its own plan. The value is told in seconds, counts, US dollars,
    tokens, or a share of one.
    """

    TASKS = "tasks"  # how many there are
    PHASES = "phases"
    AGENTS = "agents"  # how many the author would use
    PARALLELISM = "parallelism"  # the most at once
    WORK = "work"  # all durations, one after the other
    ELAPSED = "elapsed"  # from the first start to the last end
    CRITICAL_PATH = "critical_path"
    PATH = "path"  # a chain of tasks, drawn as if each needed the one before
    LONGEST = "longest"  # the longest single task
    SAVING = "saving"  # work minus elapsed
    SAVING_SHARE = "saving_share"  # ... as a share of work
    TOKENS = "tokens"
    TOKENS_AVERAGE = "tokens_average"  # of one task
    COST = "cost"
    NO_CONFLICT = "no_conflict"  # the named tasks touch no common file


class OnExceed(StrEnum):
    """What happens when a budget is used up."""

    ASK = "ask"  # nothing new starts, what works is frozen, and a person is asked
    DRAIN = "drain"  # nothing new starts; what works goes on
    STOP = "stop"  # what works is stopped too


class Unattended(StrEnum):
    """What becomes of a question that nobody answers in time."""

    WAIT = "wait"  # it waits
    DENY = "deny"  # it is denied; the agent is told that nobody was there
    STOP = "stop"  # the task is stopped


class Permission(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule of the plan's author for what agents ask to do."""

    decision: Decision
    tool: str = ANY  # glob
    target: str = ANY  # glob
    task: str | None = None  # a glob for ids; None = any


class Gate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command that must exit 0. Without a command it is only a sentence that agents are told."""

    name: GateName
    run: tuple[str, ...] = ()  # argv; a string in the file is run by `sh -c`, as its author wrote
    when: tuple[GateWhen, ...] = (GateWhen.MERGE,)
    timeout_s: float | None = None  # None = as `core.gate_timeouts` says
    retries: int = 0  # runs on the same tree after a red one
    check: str = ""  # what it proves, in words
    repos: tuple[str, ...] = ()  # those whose work it judges, "." for the plan's own; () = all

    def judges(self, repo: RepoName) -> bool:
        """Is it for work in this repository?"""
        return not self.repos or (repo or OWN_REPO_WORD) in self.repos

    @property
    def armed(self) -> bool:
        """Is there a command? What has none proves nothing and is never run."""
        return bool(self.run)


class Permissions(StrEnum):
    """What an agent may do without asking."""

    ALL = "all"  # everything: its worktree is its own, and nothing lands unproven
    ASK = "ask"  # it asks a person, where it can


class Agent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A configured agent: one that an adapter describes (`use`), or any command."""

    name: AgentName
    use: str = COMMAND  # or the name of an adapter
    command: tuple[str, ...] = ()  # argv, see `core.adapter.WORDS`
    model: str | None = None
    args: tuple[str, ...] = ()  # added to the command
    env: dict[str, str] = {}
    output: str | None = None  # stream format; None = the adapter's own
    skills: tuple[str, ...] = ()  # what it is good at
    adapter: Adapter | None = None  # what `use` stands for, as it was when the run began
    escalate: tuple[str, ...] = ()  # models, the first one for the first attempt
    fallback: tuple[AgentName, ...] = ()  # who works in its place, the first choice first
    account: str = ""  # which of several at its provider
    resume: tuple[str, ...] = ()  # of a command: argv that goes on with {session}
    take_over: tuple[str, ...] = ()  # of a command: argv of its own screen on {session}
    reads: Input | None = None  # of a command: what it reads while it works; None = by its output
    permissions: Permissions = Permissions.ALL
    home: str = HOME_SHARED  # where it keeps its state: shared, own, or a folder
    mcp: str | None = None  # a file of MCP servers, below the repository unless absolute
    settings: str | None = None  # a settings file of its own format, likewise
    sandbox: Sandbox | None = None  # None = as `core.containment` finds
    network: bool | None = None
    writable: tuple[str, ...] = ()  # more that a sandbox leaves open: absolute, `~`, or below the
    # user's checkout

    @property
    def stream(self) -> str:
        """The format of its output."""
        if self.output is not None:
            return self.output
        if self.adapter is not None:
            return self.adapter.output
        return "plain" if self.use in (COMMAND, "human") else self.use

    @property
    def input(self) -> Input:
        """What it reads while it works."""
        if self.reads is not None:
            return self.reads
        if self.adapter is not None:
            return self.adapter.input
        return Input.LINES if self.stream == "scripted" else Input.NONE

    @property
    def driver(self) -> Adapter | None:
        """How it is started: its adapter, or what its own command amounts to."""
        if self.use != COMMAND:
            return self.adapter
        return Adapter(
            name=self.name,
            output=self.stream,
            input=self.input,
            start=self.command,
            resume=self.resume,
            take_over=self.take_over,
        )

    @property
    def resumes(self) -> bool:
        """Can a session of it go on in a new process?"""
        return self.driver is not None and self.driver.resumes

    @property
    def listens(self) -> bool:
        """Can it be told something while it works?"""
        return self.input in CONVERSING

    @property
    def able(self) -> tuple[str, ...]:
        """What it can do: what the plan says, else what its adapter says."""
        return self.skills or (self.adapter.skills if self.adapter is not None else ())

    def lacks(self, skills: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these skills it has not. Upper and lower case are the same."""
        own = {skill.casefold() for skill in self.able}
        return tuple(skill for skill in skills if skill.casefold() not in own)

    @property
    def limited_by(self) -> str:
        """The account whose limits it meets: `anthropic`, `anthropic/work`; empty = nobody's."""
        provider = self.adapter.provider if self.adapter is not None else ""
        return "/".join(part for part in (provider, self.account) if part)

    @property
    def prompted_by_message(self) -> bool:
        """Is its prompt written to its input, after the start?"""
        return self.input in PROMPTED_BY_MESSAGE

    @property
    def waits_for_more(self) -> bool:
        """Does it go on after a turn until its input is closed?"""
        return self.input in ENDED_BY_CLOSE

    @property
    def says_result(self) -> bool:
        """Does its stream say how it ended?"""
        return self.stream in WITH_RESULT


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run, or a part of it, may use."""

    usd: float | None = None
    tokens: int | None = None
    on_exceed: OnExceed = OnExceed.ASK
    warn: tuple[float, ...] = DEFAULT_MARKS  # shares of it at which a person is told
    share: float | None = None  # of an account's own allowance; nothing starts beyond it

    @property
    def limited(self) -> bool:
        """Does it limit anything?"""
        return not (self.usd is None and self.tokens is None and self.share is None)


class Pool(msgspec.Struct, frozen=True, omit_defaults=True):
    """Named capacity. A task that has one of the labels or skills, or names it, is routed here."""

    name: PoolName
    size: int
    labels: tuple[str, ...] = ()
    agents: tuple[AgentName, ...] = ()  # tasks of these agents are routed here
    skills: tuple[str, ...] = ()  # tasks that ask for one of these are routed here
    budget: Budget = Budget()  # of all attempts that work in it
    host: str | None = None  # where its agents work, see `core.hosts`; None = on this machine
    lease_s: float = LEASE_S  # how long a worker may be silent until its attempts are given up
    insecure: bool = False  # over plain tcp to another machine
    least: int | None = None  # places it keeps, however short the machine is; None = `size`
    most: int | None = None  # places it may grow to while the machine is at ease; None = `size`

    @property
    def floor(self) -> int:
        """The fewest places it has by itself."""
        return self.size if self.least is None else self.least

    @property
    def ceiling(self) -> int:
        """The most places it has by itself."""
        return self.size if self.most is None else self.most

    @property
    def elastic(self) -> bool:
        """Does its size follow the machine? See `core.pools`."""
        return self.floor < self.ceiling


class RouteMatch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which tasks a route is for: all that is stated must hold."""

    id: str | None = None  # a glob
    phase: str | None = None  # a glob
    label: str | None = None  # a glob
    complexity: str | None = None  # a glob
    risk: str | None = None  # a glob
    kind: str | None = None  # a glob
    skill: str | None = None  # a glob
    min_tokens: int | None = None  # of the task's estimate, itself included
    max_tokens: int | None = None  # likewise


class Route(msgspec.Struct, frozen=True, omit_defaults=True):
    """Settings for the tasks that match. The first match that says something wins."""

    match: RouteMatch
    agent: AgentName | None = None
    model: str | None = None
    pool: PoolName | None = None


class Worktree(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a fresh worktree is made ready for an agent."""

    copy: tuple[str, ...] = ()  # globs below the repo; untracked files such as .env
    link: tuple[str, ...] = ()  # paths below the repo, linked
    cache: tuple[str, ...] = ()  # dependencies, cloned: below the repo, or absolute
    setup: tuple[str, ...] = ()  # argv, run in the worktree
    root: str | None = None  # where worktrees live; None = below the run's folder


class Repair(StrEnum):
    """What becomes of work that the merge queue sends back."""

    AGENT = "agent"  # its agent mends it, in the same worktree and session
    ASK = "ask"  # a person says what becomes of it
    DROP = "drop"  # it is cancelled; what was made stays on its branch


class QueueRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the merge queue gates, and what becomes of what it sends back."""

    batch: int = DEFAULT_BATCH  # entries that are gated as one, at most
    slots: int = DEFAULT_GATE_SLOTS  # batches that are gated at the same time, at most
    style: LandingStyle = LandingStyle.MERGE
    sign: bool | None = None  # None = as the user's git says (commit.gpgSign)
    repair: Repair = Repair.AGENT
    repairs: int = DEFAULT_REPAIRS  # of one task, by itself; then a person is asked
    resolver: AgentName | None = None  # repairs conflicts; None = the task's own agent


class Repo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A repository besides the one in which the plan is started."""

    name: RepoName
    path: str  # of a checkout: absolute, `~`, or from the top folder of the plan's own
    base: str | None = None  # a branch; None = what HEAD is on there
    target: str | None = None  # a branch of the run's own; None = deck/<plan>


class Remote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What leaves this machine. Nothing does without it."""

    push: str | None = None  # the remote that the target is pushed to, after each landing
    pull_request: bool = False  # from the target to the base, when everything has settled


class Hook(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command that is run on events."""

    name: str  # a pattern of names of events, see `core.event_names`
    run: tuple[str, ...]
    timeout_s: float = DEFAULT_HOOK_TIMEOUT_S
    retries: int = 0  # runs after one that has failed

    @property
    def events(self) -> tuple[str, ...]:
        """The patterns of what it wants to hear."""
        return (self.name,)


class Webhook(msgspec.Struct, frozen=True, omit_defaults=True):
    """An address that events are sent to, signed."""

    name: str
    url: str
    secret_env: str  # the variable that holds what it is signed with
    events: tuple[str, ...] = ("*",)  # patterns
    timeout_s: float = DEFAULT_WEBHOOK_TIMEOUT_S
    give_up_s: float = DEFAULT_GIVE_UP_S  # since the event
    insecure: bool = False  # over plain http to another machine


class Notify(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person who is told of events, where they are: on their desktop, by mail, in a chat."""

    name: str
    urls_env: str  # the variable that holds where to: they have passwords in them
    events: tuple[str, ...] = DEFAULT_NOTIFIED  # patterns
    group_s: float = DEFAULT_GROUP_S  # what happens within so long is one message
    quiet: str = ""  # "22:00-07:00"; see `core.quiet_hours`
    zone: str = ""  # of those hours, as "Europe/Berlin"; "" = that of the machine
    timeout_s: float = DEFAULT_NOTIFY_TIMEOUT_S
    give_up_s: float = DEFAULT_GIVE_UP_S  # since the event


class TrackerKind(StrEnum):
    """Where the issues are that tasks come from."""

    GITHUB = "github"  # by `gh`
    GITLAB = "gitlab"  # by `glab`


class CloseWhen(StrEnum):
    """When the issue of a task is closed."""

    LANDED = "landed"  # in the target, or settled without a landing
    PROMOTED = "promoted"  # in the base, too
    NEVER = "never"


class Accept(StrEnum):
    """What a tracker may propose for a run. A person says yes or no to each."""

    SKIP = "skip"  # a task whose issue was closed
    ANSWER = "answer"  # a comment, where the agent of the task asks
    TASK = "task"  # an issue that has got the label


TRACKER: Final = "tracker"  # what it is called among the hooks
# By which the labels of an issue follow its task, and by which it is closed or opened again.
_STANDING: Final = ("attempt.claimed", "task.landed", "task.done", "task.failed", "task.cancelled")
_STANDING_ALSO: Final = ("task.skipped", "task.unskipped", "task.retried", "task.reverted")


class Tracker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Issues that are told how their tasks stand. What it tells us is never obeyed."""

    kind: TrackerKind
    repo: str | None = None  # OWNER/NAME; None = that of the checkout's remote
    claim: str | None = None  # the label of an issue whose task is at work
    failed: str | None = None  # the label of an issue whose task needs a person
    comment: tuple[str, ...] = ("task.landed", "task.failed")  # patterns of events
    close: CloseWhen = CloseWhen.LANDED
    timeout_s: float = DEFAULT_TRACKER_TIMEOUT_S
    give_up_s: float = DEFAULT_GIVE_UP_S  # since the event
    label: str | None = None  # the issues that may become tasks
    accept: tuple[Accept, ...] = ()  # what may be proposed from there
    secret_env: str | None = None  # the variable with which what comes in is proven

    @property
    def name(self) -> str:
        """What it is called among the hooks."""
        return TRACKER

    @property
    def events(self) -> tuple[str, ...]:
        """The patterns of what it wants to hear."""
        closes = self.close is not CloseWhen.NEVER
        follows = self.claim is not None or self.failed is not None or closes
        wanted = [*self.comment, *((*_STANDING, *_STANDING_ALSO) if follows else ())]
        promoted = ("promote.done",) if self.close is CloseWhen.PROMOTED else ()
        return tuple(dict.fromkeys([*wanted, *promoted]))


AnyHook: TypeAlias = Hook | Webhook | Notify | Tracker


ARCHIVE: Final = "archive"  # the folder beside a `prompt_file` whose task has landed
IN_RUN: Final = "{run}/"  # begins a path in the run's own folder, outside of the checkout


class Keep(msgspec.Struct, frozen=True, omit_defaults=True):
    """Files for people that are kept current while a run goes on: paths below the checkout."""

    progress: str | None = None  # PROGRESS.md
    tasks_json: str | None = None
    csv: str | None = None  # a row for each attempt
    archive: bool = False  # files of prompts go to `archive/` beside them when they have landed


class ReviewRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who looks at work that `land = "review"` keeps back, and how often it may be sent back."""

    by: str = PERSON  # or the name of an agent
    model: str | None = None  # of that agent; None = its own
    rounds: int = DEFAULT_ROUNDS  # times it may send work back before a person is asked
    prompt: str = ""  # what it should know or look for, besides what every reviewer is told
    timeout_s: float = DEFAULT_REVIEW_TIMEOUT_S  # of one review


class MayCall(StrEnum):
    """Whether agents have a tool."""

    ALLOW = "allow"
    DENY = "deny"


class MayPropose(StrEnum):
    """What becomes of a task that an agent proposes."""

    ALLOW = "allow"  # it enters the plan
    ASK = "ask"  # a person is asked
    DENY = "deny"  # agents cannot propose any


class MayWiden(StrEnum):
    """What becomes of an agent's request for more files."""

    FREE = "free"  # it has them if nobody else does; else a person is asked
    ASK = "ask"  # a person is asked
    DENY = "deny"  # agents cannot ask for any


class Tools(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which tools of agentdeck its agents have, and what becomes of a call."""

    ask_person: MayCall = MayCall.DENY
    report_progress: MayCall = MayCall.DENY
    propose_task: MayPropose = MayPropose.DENY
    request_files: MayWiden = MayWiden.DENY
    wait_s: float = DEFAULT_TOOL_WAIT_S  # of one call for its answer; it can be asked for again

    @property
    def given(self) -> tuple[str, ...]:
        """The names of those that agents have."""
        named = ("ask_person", "report_progress", "propose_task", "request_files")
        return tuple(name for name in named if getattr(self, name) != MayCall.DENY.value)


class McpRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client of `agentdeck mcp` may do besides reading."""

    commands: tuple[str, ...] = ()  # of `MCP_COMMANDS`


class Phase(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named group of tasks that can end in a sync point (barrier)."""

    id: PhaseId
    title: str = ""
    sync: bool = False  # the next phases wait for every task of this one
    gates: tuple[GateName, ...] = ()
    budget: Budget = Budget()


class Defaults(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for a task that says nothing itself."""

    agent: AgentName | None = None
    model: str | None = None
    gates: tuple[GateName, ...] | None = None  # None = every gate of the plan by its `when`
    retries: int = DEFAULT_RETRIES
    backoff_s: float = DEFAULT_BACKOFF_S
    timeout_s: float = DEFAULT_TIMEOUT_S
    idle_timeout_s: float = DEFAULT_IDLE_TIMEOUT_S
    unattended: Unattended = Unattended.WAIT
    answer_within_s: float = DEFAULT_ANSWER_WITHIN_S
    sandbox: Sandbox | None = None  # of agents for which nobody says one
    network: bool | None = None


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """A remark of the plan's author that no key can hold. It is shown, and changes nothing."""

    kind: NoteKind
    text: str
    answer: str = ""  # of a risk its mitigation, of a question what was decided
    line: int | None = None  # of the document it was imported from


class Claim(msgspec.Struct, frozen=True, omit_defaults=True):
    """A figure that the document states about itself, so that it can be compared with the plan.

    `phase`, `match`, `model`, `tasks` and `active` narrow down what it is about, all of them
    together; without any it is about the whole plan.
    """

    what: ClaimKind
    stated: str  # as it is written
    low: float  # seconds, counts, US dollars, tokens, or a share of one
    high: float  # the same as `low` unless a range was written
    line: int | None = None
    approx: bool = False  # "about"
    strategy: Strategy | None = None  # which way of going about it an elapsed time is for
    phase: PhaseId | None = None
    match: str | None = None  # a glob for ids
    model: str | None = None
    tasks: tuple[TaskId, ...] = ()  # for a path: in this order
    active: bool = False  # without the deferred tasks
    own_low: float | None = None  # what the document's own rows add up to; None = ask the plan
    own_high: float | None = None


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit of the plan."""

    id: TaskId
    title: str = ""
    prompt: str = ""
    after: tuple[TaskId, ...] = ()
    phase: PhaseId | None = None
    files: tuple[str, ...] = ()  # footprint: globs, or folders ending in `/`
    agent: AgentName | None = None
    model: str | None = None
    pool: PoolName | None = None
    labels: tuple[str, ...] = ()
    estimate_s: float | None = None
    tokens: int | None = None
    budget: Budget = Budget()  # of all its attempts
    risk: str | None = None  # low | medium | high, shown to the person who approves
    complexity: str | None = None  # low … very-high, see COMPLEXITIES
    kind: str | None = None  # what sort of work: setup, code, test, docs …
    skills: tuple[str, ...] = ()  # what its agent has to be good at
    gates: tuple[GateName, ...] | None = None
    land: Land | None = None
    review: str | None = None  # who reviews it: `person` or an agent
    retries: int | None = None
    timeout_s: float | None = None
    idle_timeout_s: float | None = None
    priority: int = 0  # higher goes first, before the longest path
    exclusive: bool = False  # works alone
    human: bool = False  # a person does it
    defer: str | None = None  # a reason; the task is not part of this run
    allow_empty: bool = False  # done without a commit
    repo: RepoName | None = None  # where it works; None = the plan's own
    land_with: tuple[TaskId, ...] = ()  # lands only together with these
    env: dict[str, str] = {}
    line: int | None = None  # of the document it was imported from
    issue: int | None = None  # of the plan's tracker
    meta: dict[str, str] = {}  # what that document says and agentdeck has no key for


class TaskSettings(msgspec.Struct, frozen=True):
    """What holds for one task, everything considered."""

    agent: AgentName
    model: str | None
    pool: PoolName | None
    gates: tuple[GateName, ...]  # task and merge gates
    land: Land
    retries: int
    backoff_s: float
    timeout_s: float
    idle_timeout_s: float
    estimate_s: float
    reviewer: AgentName | None = None  # of a task that is reviewed; None = a person


class Plan(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """A dependency graph of tasks, and how to run it."""

    name: str
    tasks: tuple[Task, ...]
    base: str | None = None  # a branch; None = what HEAD is on
    target: str | None = None  # a branch of the run's own; None = deck/<plan>
    land: Land = Land.AUTO
    strategy: Strategy = Strategy.EAGER
    agents_limit: int = DEFAULT_AGENTS
    disk_floor_mb: int = DEFAULT_DISK_FLOOR_MB  # megabytes free, below which nothing starts
    promote: str = "ask"  # ask | auto
    document: str | None = None  # the file the plan was imported from
    source: str | None = None  # the file that is kept true while tasks land; None = none is
    defaults: Defaults = Defaults()
    budget: Budget = Budget()
    gates: tuple[Gate, ...] = ()
    agents: tuple[Agent, ...] = ()
    pools: tuple[Pool, ...] = ()
    routes: tuple[Route, ...] = ()
    worktree: Worktree = Worktree()
    queue: QueueRules = QueueRules()
    repos: tuple[Repo, ...] = ()
    remote: Remote = Remote()
    review: ReviewRules = ReviewRules()
    tools: Tools = Tools()
    mcp: McpRules = McpRules()
    permissions: tuple[Permission, ...] = ()
    hooks: tuple[Hook, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    notify: tuple[Notify, ...] = ()
    tracker: Tracker | None = None
    keep: Keep | None = None
    phases: tuple[Phase, ...] = ()
    notes: tuple[Note, ...] = ()
    claims: tuple[Claim, ...] = ()
    version: int = PLAN_VERSION

    @cached_property
    def by_id(self) -> dict[TaskId, Task]:
        """Tasks by id."""
        return {task.id: task for task in self.tasks}

    @cached_property
    def number(self) -> dict[TaskId, int]:
        """Position of each task in the file, from 0."""
        return {task.id: at for at, task in enumerate(self.tasks)}

    @cached_property
    def needs(self) -> list[tuple[int, ...]]:
        """For each task, in file order, the positions of those it names in `after`, each once."""
        number = self.number
        return [
            tuple(dict.fromkeys([number[needed] for needed in task.after])) for task in self.tasks
        ]

    @cached_property
    def exclusive(self) -> frozenset[TaskId]:
        """The tasks that work alone."""
        return frozenset(task.id for task in self.tasks if task.exclusive)

    @cached_property
    def gate_by_name(self) -> dict[GateName, Gate]:
        """Gates by name."""
        return {gate.name: gate for gate in self.gates}

    @cached_property
    def agent_by_name(self) -> dict[AgentName, Agent]:
        """Agents by name: the plan's own, over the built-in ones."""
        found = {AgentName(kind): Agent(name=AgentName(kind), use=kind) for kind in BUILTIN_AGENTS}
        found.update({agent.name: agent for agent in self.agents})
        return found

    @cached_property
    def skilled(self) -> dict[str, tuple[AgentName, ...]]:
        """Who has each skill, in file order, by the skill in lower case: the plan's registry."""
        found: dict[str, list[AgentName]] = {}
        for agent in self.agents:
            for skill in dict.fromkeys(skill.casefold() for skill in agent.able):
                found.setdefault(skill, []).append(agent.name)
        return {skill: tuple(names) for skill, names in found.items()}

    def lacking(self, task: Task, agent: AgentName) -> tuple[str, ...]:
        """The skills that keep an agent from a task. People are asked for none."""
        if not task.skills or not self.skilled or task.human:
            return ()
        config = self.agent_by_name.get(agent)
        return () if config is None or config.use == "human" else config.lacks(task.skills)

    @cached_property
    def stand_ins(self) -> dict[TaskId, tuple[tuple[AgentName, PoolName | None], ...]]:
        """Who else may begin a task whose agent its skills alone choose, and in which pool.

        In file order, without the first choice and without people. Tasks that have none are not in
        it. Nobody is needed where there are no pools: nothing else is full for one agent alone.
        """
        asking = (task for task in self.tasks if task.skills) if self.pools else ()
        found = {task.id: tuple(_stand_ins(self, task)) for task in asking}
        return {task_id: others for task_id, others in found.items() if others}

    @cached_property
    def lanes(self) -> tuple[RepoName, ...]:
        """Every repository of the plan, its own first."""
        return (OWN_REPO, *(repo.name for repo in self.repos))

    def repo_of(self, task_id: TaskId) -> RepoName:
        """The repository in which a task works."""
        return self.by_id[task_id].repo or OWN_REPO

    @cached_property
    def group_of(self) -> dict[TaskId, tuple[TaskId, ...]]:
        """For each task of a group, all that land together, in file order; others are not in it."""
        bound: dict[TaskId, set[TaskId]] = {}
        for task in self.tasks:
            if not task.land_with:
                continue
            group = set().union(*(bound.get(name, {name}) for name in (task.id, *task.land_with)))
            bound.update(dict.fromkeys(group, group))
        every = [task.id for task in self.tasks]
        ordered = {
            id(group): tuple(name for name in every if name in group) for group in bound.values()
        }
        return {name: ordered[id(bound[name])] for name in every if name in bound}

    @cached_property
    def pool_by_name(self) -> dict[PoolName, Pool]:
        """Pools by name."""
        return {pool.name: pool for pool in self.pools}

    @cached_property
    def phase_by_id(self) -> dict[PhaseId, Phase]:
        """Phases by id."""
        return {phase.id: phase for phase in self.phases}

    @cached_property
    def phase_index(self) -> dict[PhaseId, int]:
        """Position of each phase in the file, from 0."""
        return {phase.id: index for index, phase in enumerate(self.phases)}

    @cached_property
    def budgets(self) -> dict[str, Budget]:
        """The budgets that limit anything, by scope (see `core.budgets`), widest first."""
        found = {"run": self.budget}
        found |= {f"phase:{phase.id}": phase.budget for phase in self.phases}
        found |= {f"pool:{pool.name}": pool.budget for pool in self.pools}
        found |= {f"task:{task.id}": task.budget for task in self.tasks if task.budget.limited}
        return {scope: budget for scope, budget in found.items() if budget.limited}

    @cached_property
    def hook_by_name(self) -> dict[str, AnyHook]:
        """What is told of events: commands by their pattern, the others by their name."""
        hooks: list[AnyHook] = [*self.hooks, *self.webhooks, *self.notify]
        hooks += [self.tracker] if self.tracker is not None else []
        return {hook.name: hook for hook in hooks}

    @cached_property
    def hook_secrets(self) -> dict[str, str]:
        """By hook, the variable without which it can tell nobody; it is for the engine alone."""
        signs = {hook.name: hook.secret_env for hook in self.webhooks}
        return {**signs, **{hook.name: hook.urls_env for hook in self.notify}}

    @cached_property
    def dependents(self) -> dict[TaskId, tuple[TaskId, ...]]:
        """For each task, the tasks that name it in `after`, in file order."""
        found: dict[TaskId, list[TaskId]] = {task.id: [] for task in self.tasks}
        for task in self.tasks:
            for needed in task.after:
                found[needed].append(task.id)
        return {task_id: tuple(needing) for task_id, needing in found.items()}

    @cached_property
    def kept_waiting(self) -> Mapping[TaskId, tuple[TaskId, ...]]:
        """For each task, those that cannot land before it: its dependents, and its group."""
        if not self.group_of:
            return self.dependents
        group = self.group_of
        return {
            name: tuple(dict.fromkeys((*others, *(t for t in group.get(name, ()) if t != name))))
            for name, others in self.dependents.items()
        }

    @cached_property
    def all_settings(self) -> dict[TaskId, TaskSettings]:
        """Settings of every task, in file order."""
        usual = {repo: _usual_gates(self, repo) for repo in self.lanes}
        return {task.id: _settings(self, task, usual[task.repo or OWN_REPO]) for task in self.tasks}

    def settings(self, task_id: TaskId) -> TaskSettings:
        """What holds for one task. Raises KeyError for an unknown id."""
        return self.all_settings[task_id]

    def settings_of(self, task: Task) -> TaskSettings:
        """What would hold for a task that is not part of the plan."""
        return _settings(self, task, _usual_gates(self, task.repo or OWN_REPO))

    def gates_when(self, when: GateWhen, repo: RepoName | None = None) -> tuple[Gate, ...]:
        """The gates that run at `when`, in file order; of one repository, or of all."""
        return tuple(
            gate
            for gate in self.gates
            if when in gate.when and gate.armed and (repo is None or gate.judges(repo))
        )

    def phase_gates(self, phase: Phase, repo: RepoName | None = None) -> tuple[Gate, ...]:
        """The gates that close a phase, in file order: its own, else those for all phases."""
        named = [gate for gate in self.gates if gate.name in phase.gates and gate.armed]
        chosen = tuple(named) or self.gates_when(GateWhen.PHASE)
        return tuple(gate for gate in chosen if repo is None or gate.judges(repo))


# The adapters that ship with agentdeck, `agents/catalog/*.toml`.
BUILTIN_AGENTS: Final = (
    "claude",
    "codex",
    "opencode",
    "gemini",
    "aider",
    "mini",
    "claude-acp",
    "opencode-acp",
    "gemini-acp",
    "scripted",
    "human",
)
COMPLEXITIES: Final = ("low", "low-medium", "medium", "medium-high", "high", "very-high")


def matching_routes(plan: Plan, task: Task) -> Iterator[Route]:
    """The routes whose every condition the task meets, in file order.

    A route to an agent that lacks a skill of the task is passed over.
    """
    for route in plan.routes:
        match = route.match
        wanted = (
            (match.id, [task.id]),
            (match.phase, [task.phase or ""]),
            (match.label, task.labels),
            (match.complexity, [task.complexity or ""]),
            (match.risk, [task.risk or ""]),
            (match.kind, [task.kind or ""]),
            (match.skill, task.skills),
        )
        matches = _is_of_size(task.tokens, match) and all(
            glob is None or any(fnmatch.fnmatchcase(value, glob) for value in values)
            for glob, values in wanted
        )
        if matches and (route.agent is None or not plan.lacking(task, route.agent)):
            yield route


def written_rules(plan: Plan) -> Iterator[PermissionRule]:
    """The rules that the plan's author gives, in file order."""
    for number, said in enumerate(plan.permissions, start=1):
        words = (said.decision, said.tool, said.target)
        yield PermissionRule(f"{WRITTEN}{number}", Scope.PLAN, *words, task=said.task, by="plan")


def _is_of_size(tokens: int | None, match: RouteMatch) -> bool:
    """Is the estimate within the bounds? A task without one is of no size."""
    if match.min_tokens is None and match.max_tokens is None:
        return True
    if tokens is None:
        return False
    return (match.min_tokens or 0) <= tokens and (
        match.max_tokens is None or tokens <= match.max_tokens
    )


def skilled_agent(plan: Plan, task: Task) -> AgentName | None:
    """The agent that has every skill of a task: the defaults' own, or the first of the file.

    None: the task names no skills, or nobody has them all.
    """
    if not task.skills:
        return None
    able = [agent.name for agent in plan.agents if not agent.lacks(task.skills)]
    return plan.defaults.agent if plan.defaults.agent in able else next(iter(able), None)


def _stand_ins(plan: Plan, task: Task) -> Iterator[tuple[AgentName, PoolName | None]]:
    """Every other agent that has the skills of a task which names no agent, nor does a route."""
    first = skilled_agent(plan, task)
    named = task.human or task.agent or any(route.agent for route in matching_routes(plan, task))
    if named or first is None or plan.agent_by_name[first].use == "human":
        return
    for agent in plan.agents:
        if agent.name != first and agent.use != "human" and not agent.lacks(task.skills):
            yield agent.name, pool_of(plan, task, agent.name)


def pool_of(plan: Plan, task: Task, agent: AgentName) -> PoolName | None:
    """Where a task takes its place when `agent` works on it."""
    routed = next((r.pool for r in matching_routes(plan, task) if r.pool), None)
    return task.pool or routed or _pool(plan, task, agent)


def _settings(plan: Plan, task: Task, usual: tuple[GateName, ...]) -> TaskSettings:
    """What holds for a task. `usual`: the gates of a task that names none."""
    agent, model, pool = task.agent, task.model, task.pool
    for route in matching_routes(plan, task) if plan.routes else ():
        agent, model, pool = agent or route.agent, model or route.model, pool or route.pool
    defaults = plan.defaults
    agent = agent or skilled_agent(plan, task) or defaults.agent
    chosen = AgentName("human") if task.human else agent or AgentName("claude")
    config = plan.agent_by_name.get(chosen)
    return TaskSettings(
        agent=chosen,
        model=model
        or (config.model if config else None)
        or next(iter(config.escalate if config else ()), None)
        or defaults.model,
        pool=pool or (_pool(plan, task, chosen) if plan.pools else None),
        gates=usual if task.gates is None else _armed(plan, task.gates),
        land=_land(plan, task),
        retries=defaults.retries if task.retries is None else task.retries,
        backoff_s=defaults.backoff_s,
        timeout_s=task.timeout_s or defaults.timeout_s,
        idle_timeout_s=task.idle_timeout_s or defaults.idle_timeout_s,
        estimate_s=task.estimate_s or DEFAULT_ESTIMATE_S,
        reviewer=_reviewer(plan, task),
    )


def _land(plan: Plan, task: Task) -> Land:
    """A task that names its reviewer is reviewed, whatever holds for the others."""
    return task.land or (Land.REVIEW if task.review else plan.land)


def _reviewer(plan: Plan, task: Task) -> AgentName | None:
    """The agent that reviews a task; None = nobody does, or a person."""
    by = task.review or plan.review.by
    if by == PERSON or _land(plan, task) is not Land.REVIEW:
        return None
    return AgentName(by)


def _gates_by_default(plan: Plan) -> tuple[GateName, ...]:
    """The gates of a task that names none: the plan's defaults, else all by their `when`."""
    if plan.defaults.gates is not None:
        return plan.defaults.gates
    per_task = (GateWhen.TASK, GateWhen.MERGE)
    return tuple(gate.name for gate in plan.gates if any(when in gate.when for when in per_task))


def _usual_gates(plan: Plan, repo: RepoName) -> tuple[GateName, ...]:
    """The gates of a task of a repository that names none."""
    known = plan.gate_by_name
    return tuple(g for g in _armed(plan, _gates_by_default(plan)) if known[g].judges(repo))


def _armed(plan: Plan, gates: tuple[GateName, ...]) -> tuple[GateName, ...]:
    return tuple(name for name in gates if plan.gate_by_name[name].armed)


def _pool(plan: Plan, task: Task, agent: AgentName) -> PoolName | None:
    asked = {skill.casefold() for skill in task.skills}
    for pool in plan.pools:
        if agent in pool.agents or set(pool.labels) & set(task.labels):
            return pool.name
        if asked and any(skill.casefold() in asked for skill in pool.skills):
            return pool.name
    return None
