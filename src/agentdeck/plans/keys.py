"""Every key of the plan file, as data. The reader, the writer, the JSON schema and the suggestions
for misspelt keys all follow this one table.

Rules:
- A new key is one line here and one field in `core.plan`; nothing else knows key names, save checks
  between several keys (`sections`).
- A key with `later` is part of plan format 1, but this version cannot do it: an error says that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Final

from agentdeck.core import permissions
from agentdeck.core import plan as model
from agentdeck.core.adapter import FORMATS, Input
from agentdeck.core.sandbox_kind import Sandbox

MAX_AGENTS: Final = 1000  # at once, and places of a pool; more is a typing error
MAX_RETRIES: Final = 50  # the wait doubles each time; beyond this it is longer than a life
MAX_PRIORITY: Final = 1_000_000
MAX_FLOOR_MB: Final = 100_000_000  # 100 TB; more is a typing error
MAX_TOKENS: Final = 10**15
MAX_USD: Final = 1e9
LEAST_MARK: Final = 0.01  # of a budget; a mark at nothing would always be passed
SHORTEST_S: Final = 0.001  # seconds; a limit of zero would end everything at once


class Kind(Enum):
    """What a value must be. The text is what an error says was expected."""

    __hash__ = object.__hash__  # `enum` has one in Python, and it is asked for each value of a plan

    FLAG = "true or false"
    COUNT = "a whole number"
    MONEY = "an amount of US dollars"
    NUMBER = "a number"
    TOKENS = 'a number of tokens such as 15000 or "15K"'
    DURATION = "a time"
    LINE = "text on one line"
    TEXT = "text"
    FILE = "the name of a file"
    ID = "an id"
    BRANCH = "the name of a branch"
    CHOICE = "one of its words"
    REF = "a name"
    LINES = "a list of texts"
    PATHS = "a list of paths below the repository"
    SHELL = "a command: text for `sh -c`, or a list of arguments"
    ARGV = "a command: text that is split at spaces, or a list of arguments"
    ARGS = "a list of arguments"
    PROGRAM = "a command: a list of arguments"
    EVENT = "the name of an event, or a pattern"
    VARIABLE = "the name of an environment variable"
    ENV = "a table of texts"
    TABLE = "a table"


class Ref(StrEnum):
    """What a name can refer to. The value is the word used for it in errors."""

    TASK = "task"
    PHASE = "phase"
    GATE = "gate"
    AGENT = "agent"
    POOL = "pool"
    ADAPTER = "adapter"
    REPO = "repository"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    name: str
    kind: Kind
    doc: str
    field: str = ""  # of the model; empty = like the key
    many: bool = False  # a list of `kind`
    one_ok: bool = False  # ... for which a single value may stand
    ref: Ref | None = None
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  # of a REF: what may stand there besides a name
    enum: type[StrEnum] | None = None
    minimum: float = 0
    maximum: float = float("inf")
    required: bool = False
    empty_ok: bool = False  # empty text or list means something
    later: bool = False
    also: tuple[str, ...] = ()  # other words people write; only for suggestions
    keys: tuple[Key, ...] = ()  # of a TABLE
    model: Any = None  # of a TABLE: the struct it becomes

    @property
    def target(self) -> str:
        """The field of the model that takes the value."""
        return self.field or self.name


class Shape(Enum):
    """How a section is written."""

    TABLE = "[name]"
    NAMED = "[name.NAME]"
    LIST = "[[name]]"


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of table at the top of the file."""

    name: str
    shape: Shape
    doc: str
    keys: tuple[Key, ...] = ()
    ref: Ref | None = None  # what its elements can be referred to as
    model: Any = None  # the struct an element becomes; None = handled by the reader
    field: str = ""  # of `Plan`
    patterns: bool = False  # of NAMED: its names are patterns of events
    short: str = ""  # of NAMED: the key whose value may stand in place of the table


def _choice(name: str, enum: type[StrEnum], doc: str, **more: Any) -> Key:
    choices = tuple(member.value for member in enum)
    return Key(name, Kind.CHOICE, doc, choices=choices, enum=enum, **more)


def _duration(name: str, doc: str, **more: Any) -> Key:
    return Key(name, Kind.DURATION, doc, field=f"{name}_s", **more)


def _ref(name: str, ref: Ref, doc: str, **more: Any) -> Key:
    return Key(name, Kind.REF, doc, ref=ref, **more)


def _places(name: str, field: str, doc: str) -> Key:
    return Key(name, Kind.COUNT, doc, field=field, minimum=1, maximum=MAX_AGENTS)


def _later(name: str, doc: str) -> Key:
    return Key(name, Kind.TEXT, doc, later=True)


_AGENT: Final = _ref("agent", Ref.AGENT, "Which agent works.")
_MODEL: Final = Key("model", Kind.LINE, "The model the agent is asked to use.")
_POOL: Final = _ref("pool", Ref.POOL, "Where the task takes its place.")
_RETRIES: Final = Key("retries", Kind.COUNT, "Attempts after the first one.", maximum=MAX_RETRIES)
_TIMEOUT: Final = _duration("timeout", "Longest time of one attempt.", minimum=SHORTEST_S)
_IDLE: Final = _duration(
    "idle_timeout", "Longest time without output and without CPU use.", minimum=SHORTEST_S
)
_ENV: Final = Key("env", Kind.ENV, "Environment variables, added.", also=("environment",))
SANDBOX_KEYS: Final = (
    _choice(
        "sandbox",
        Sandbox,
        "What keeps it from writing outside of its worktree.",
        also=("container", "isolation", "containment"),
    ),
    Key("network", Kind.FLAG, "Whether a sandboxed agent has a network.", also=("net", "internet")),
)
WRITABLE_KEY: Final = Key(
    "writable",
    Kind.LINES,
    "What its sandbox leaves writable besides; `NAME/` is a folder, made if it is not there.",
    also=("write", "allow_write"),
)
_LABELS: Final = Key("labels", Kind.LINES, "Free words; pools and routes select by them.")
_LAND: Final = _choice("land", model.Land, "Who says yes before finished work is merged.")
BUDGET_KEYS: Final = (
    Key("usd", Kind.MONEY, "US dollars.", maximum=MAX_USD, also=("cost", "dollars", "money")),
    Key("tokens", Kind.TOKENS, "Tokens.", maximum=MAX_TOKENS),
    _choice("on_exceed", model.OnExceed, "What happens when it is used up."),
    Key(
        "share",
        Kind.NUMBER,
        "Of what an account itself allows, as it states it, 0.01 to 1: nothing starts beyond.",
        minimum=LEAST_MARK,
        maximum=1,
        also=("quota", "utilization"),
    ),
    Key(
        "warn",
        Kind.NUMBER,
        "Shares of it, 0.01 to 1, at which a person is told.",
        many=True,
        empty_ok=True,
        minimum=LEAST_MARK,
        maximum=1,
        also=("warn_at", "marks", "alerts"),
    ),
)
_BUDGET: Final = Key(
    "budget",
    Kind.TABLE,
    "What may be used for it: the keys of `[budget]`.",
    keys=BUDGET_KEYS,
    model=model.Budget,
)
_GATES: Final = _ref(
    "gates", Ref.GATE, "Only these task and merge gates.", many=True, empty_ok=True
)

PLAN: Final = Section(
    "plan",
    Shape.TABLE,
    "The plan as a whole.",
    (
        Key("name", Kind.LINE, "Name of the plan; without it, the name of the file."),
        Key("base", Kind.BRANCH, "Branch the work starts from; without it, what HEAD is on."),
        Key("target", Kind.BRANCH, "Branch the work lands on; without it, deck/<plan>."),
        _LAND,
        _choice("strategy", model.Strategy, "When a task may start."),
        Key(
            "agents",
            Kind.COUNT,
            "Agents at once.",
            field="agents_limit",
            minimum=1,
            maximum=MAX_AGENTS,
            also=("max_agents", "parallel", "concurrency", "jobs"),
        ),
        Key(
            "promote",
            Kind.CHOICE,
            "Whether the target is brought into the base without asking.",
            choices=("ask", "auto"),
        ),
        Key(
            "disk_floor_mb",
            Kind.COUNT,
            "Free disk space, in MB, below which nothing new starts; below a fifth of it agents "
            "stand still. 0 asks nothing.",
            maximum=MAX_FLOOR_MB,
            also=("disk_floor", "min_disk"),
        ),
        Key("document", Kind.LINE, "The file it was imported from."),
        Key("source", Kind.LINE, "The file whose status is kept true as tasks land."),
        _later("stack", "Start a task on proposed work."),
    ),
)
DEFAULTS: Final = Section(
    "defaults",
    Shape.TABLE,
    "What holds for a task that says nothing itself.",
    (
        _AGENT,
        _MODEL,
        _GATES,
        _RETRIES,
        _duration("backoff", "Wait before the second attempt; doubles each time."),
        _TIMEOUT,
        _IDLE,
        _choice(
            "unattended",
            model.Unattended,
            "What becomes of a question that nobody answers in time.",
        ),
        _duration(
            "answer_within",
            "How long a question may wait before that; `wait` knows no end.",
            minimum=SHORTEST_S,
        ),
        *SANDBOX_KEYS,
    ),
    model=model.Defaults,
    field="defaults",
)
BUDGET: Final = Section(
    "budget",
    Shape.TABLE,
    "What a run may use.",
    BUDGET_KEYS,
    model=model.Budget,
    field="budget",
)
GATES: Final = Section(
    "gates",
    Shape.NAMED,
    "A command that must exit 0.",
    (
        Key("run", Kind.SHELL, "The command.", also=("command", "cmd")),
        Key("check", Kind.LINE, "What it proves, in words; agents are told.", also=("title",)),
        _choice("when", model.GateWhen, "Where it runs.", many=True, one_ok=True),
        _duration(
            "timeout",
            "Longest time of one run.",
            minimum=SHORTEST_S,
        ),
        Key("retries", Kind.COUNT, "Runs on the same tree after a red one.", maximum=MAX_RETRIES),
        _ref(
            "repo",
            Ref.REPO,
            'Only work in these repositories; "." is the plan\'s own. Without it, in all of them.',
            field="repos",
            many=True,
            one_ok=True,
            words=(model.OWN_REPO_WORD,),
            also=("repository",),
        ),
    ),
    Ref.GATE,
    model.Gate,
    "gates",
)
AGENTS: Final = Section(
    "agents",
    Shape.NAMED,
    "A configured agent.",
    (
        _ref("use", Ref.ADAPTER, "An agent that agentdeck knows; `agentdeck agents` lists them."),
        Key("command", Kind.ARGV, "Any program that works on the prompt.", also=("run", "cmd")),
        _MODEL,
        Key("args", Kind.ARGS, "Arguments, added to the command."),
        _ENV,
        Key("output", Kind.CHOICE, "How its output is read.", choices=FORMATS),
        Key("skills", Kind.LINES, "What it is good at; else what its adapter says."),
        Key(
            "escalate",
            Kind.LINES,
            "Models; each failure that an abler one may avoid moves a task to the next.",
        ),
        _ref("fallback", Ref.AGENT, "Who works when it refuses or is out of quota.", many=True),
        Key("account", Kind.ID, "Which of several accounts at its provider."),
        _choice("permissions", model.Permissions, "What it may do without asking."),
        Key("home", Kind.LINE, "Where it keeps its state: shared, own, or a folder."),
        Key("mcp", Kind.LINE, "A file of MCP servers, passed on.", also=("mcp_config",)),
        Key("settings", Kind.LINE, "A settings file of its own format, passed on."),
        Key("resume", Kind.ARGV, "Of a command: goes on with the session {session}."),
        Key("take_over", Kind.ARGV, "Of a command: its own screen on {session}."),
        _choice("input", Input, "Of a command: what it reads while it works.", field="reads"),
        *SANDBOX_KEYS,
        WRITABLE_KEY,
    ),
    Ref.AGENT,
    model.Agent,
    "agents",
)
POOLS: Final = Section(
    "pools",
    Shape.NAMED,
    "Named capacity.",
    (
        Key("size", Kind.COUNT, "Tasks at once.", minimum=1, maximum=MAX_AGENTS),
        _places("min", "least", "It has so many places, however short the machine is of room."),
        _places("max", "most", "It grows to so many while the machine is at ease."),
        Key("labels", Kind.LINES, "Tasks with one of these labels are routed here."),
        _ref("agents", Ref.AGENT, "Tasks of these agents are routed here.", many=True),
        Key("skills", Kind.LINES, "Tasks that ask for one of these skills are routed here."),
        _BUDGET,
        Key("host", Kind.LINE, "Where its agents work: `cluster`, an address, or this machine."),
        _duration("lease", "How long a silent worker keeps its tasks.", minimum=SHORTEST_S),
        Key("insecure", Kind.FLAG, "Whether plain tcp to another machine will do."),
    ),
    Ref.POOL,
    model.Pool,
    "pools",
)
_REVIEWER: Final = _ref(
    "review", Ref.AGENT, 'Who reviews it; says `land = "review"` too.', words=(model.PERSON,)
)
REVIEW: Final = Section(
    "review",
    Shape.TABLE,
    'Who reviews what `land = "review"` keeps back.',
    (
        _ref(
            "by",
            Ref.AGENT,
            "A person, or an agent that does none of the work.",
            words=(model.PERSON,),
            also=("reviewer", "agent"),
        ),
        Key("model", Kind.LINE, "The model that agent is asked to use."),
        Key(
            "rounds",
            Kind.COUNT,
            "Times that agent may send work back before a person is asked.",
            maximum=MAX_RETRIES,
        ),
        Key("prompt", Kind.TEXT, "What it should know or look for.", also=("instructions",)),
        _duration("timeout", "Longest time of one review.", minimum=SHORTEST_S),
    ),
    model=model.ReviewRules,
    field="review",
)
_MATCH: Final = (
    Key("id", Kind.LINE, "Glob for the task's id."),
    Key("phase", Kind.LINE, "Glob for the task's phase."),
    Key("label", Kind.LINE, "Glob for one of its labels.", also=("labels",)),
    Key("complexity", Kind.LINE, "Glob for the task's complexity.", also=("size",)),
    Key("risk", Kind.LINE, "Glob for the task's risk."),
    Key("kind", Kind.LINE, "Glob for the task's kind."),
    Key("skill", Kind.LINE, "Glob for one of its skills.", also=("skills",)),
    Key("min_tokens", Kind.TOKENS, "Estimated at so many or more.", maximum=MAX_TOKENS),
    Key(
        "max_tokens",
        Kind.TOKENS,
        "Estimated at so many or fewer.",
        maximum=MAX_TOKENS,
        also=("tokens",),
    ),
)
ROUTES: Final = Section(
    "route",
    Shape.LIST,
    "Settings for the tasks that match; the first match that says something wins.",
    (
        Key(
            "match",
            Kind.TABLE,
            "Which tasks: all that is stated must hold.",
            required=True,
            keys=_MATCH,
            model=model.RouteMatch,
        ),
        _AGENT,
        _MODEL,
        _POOL,
    ),
    model=model.Route,
    field="routes",
)
WORKTREE: Final = Section(
    "worktree",
    Shape.TABLE,
    "How a fresh worktree is made ready.",
    (
        Key("copy", Kind.PATHS, "Untracked files to copy into it (globs)."),
        Key("link", Kind.PATHS, "Paths to link into it."),
        Key("cache", Kind.LINES, "Folders of dependencies to clone into it.", also=("caches",)),
        Key("setup", Kind.SHELL, "A command to run in it."),
        Key("root", Kind.LINE, "Folder where worktrees live."),
    ),
    model=model.Worktree,
    field="worktree",
)
QUEUE: Final = Section(
    "queue",
    Shape.TABLE,
    "How the merge queue gates and lands, and what becomes of what it sends back.",
    (
        Key(
            "batch",
            Kind.COUNT,
            "Entries that are gated and land as one, at most.",
            minimum=1,
            maximum=model.MAX_BATCH,
        ),
        Key(
            "slots",
            Kind.COUNT,
            "Batches that are gated at the same time, each built on the one before.",
            minimum=1,
            maximum=model.MAX_DEPTH,
        ),
        _choice("style", model.LandingStyle, "What the commits of finished work look like."),
        Key("sign", Kind.FLAG, "Whether commits that land are signed; else as your git says."),
        _choice("repair", model.Repair, "Who mends work that conflicts or is red."),
        Key(
            "repairs",
            Kind.COUNT,
            "How often one task is sent back by itself, until a person is asked.",
            maximum=model.MAX_REPAIRS,
        ),
        _ref("resolver", Ref.AGENT, "Who repairs conflicts; if not said, the task's own agent."),
    ),
    model=model.QueueRules,
    field="queue",
)
REMOTE: Final = Section(
    "remote",
    Shape.TABLE,
    "What leaves this machine; without it, nothing.",
    (
        Key("push", Kind.LINE, "The remote that the target is pushed to after each landing."),
        Key("pull_request", Kind.FLAG, "Open one with `gh` when everything has settled."),
    ),
    model=model.Remote,
    field="remote",
)
TOOLS: Final = Section(
    "tools",
    Shape.TABLE,
    "Which tools of agentdeck the agents of the run have; without it, none.",
    (
        _choice("ask_person", model.MayCall, "Ask a person, and wait for the answer."),
        _choice("report_progress", model.MayCall, "Say how far the task is."),
        _choice("propose_task", model.MayPropose, "Propose a task for the plan."),
        _choice("request_files", model.MayWiden, "Have more files than the task names."),
        _duration(
            "wait",
            "Longest time that one call waits for an answer.",
            minimum=SHORTEST_S,
            maximum=model.MAX_TOOL_WAIT_S,
        ),
    ),
    model=model.Tools,
    field="tools",
)
MCP: Final = Section(
    "mcp",
    Shape.TABLE,
    "What a client of `agentdeck mcp` may do; without it, read.",
    (
        Key(
            "commands",
            Kind.CHOICE,
            "The commands that it may send.",
            choices=model.MCP_COMMANDS,
            many=True,
            one_ok=True,
        ),
    ),
    model=model.McpRules,
    field="mcp",
)
PERMISSIONS: Final = Section(
    "permission",
    Shape.LIST,
    "An answer given beforehand to what agents ask to do; a deny beats every allow.",
    (
        _choice("decision", permissions.Decision, "The answer.", required=True),
        Key("tool", Kind.LINE, "Glob for the tool; without it, any."),
        Key("target", Kind.LINE, "Glob for what it is used on; without it, anything."),
        Key("task", Kind.LINE, "Glob for the ids of tasks; without it, every task."),
    ),
    model=model.Permission,
    field="permissions",
)
HOOKS: Final = Section(
    "hooks",
    Shape.NAMED,
    "A command that is run on events, NAME being a pattern of their names.",
    (
        Key(
            "run",
            Kind.PROGRAM,
            "The command; it reads the event on its input.",
            required=True,
            also=("command", "cmd"),
        ),
        _duration("timeout", "Longest time of one run.", minimum=SHORTEST_S),
        Key("retries", Kind.COUNT, "Runs after one that has failed.", maximum=MAX_RETRIES),
    ),
    model=model.Hook,
    field="hooks",
    patterns=True,
    short="run",
)
WEBHOOKS: Final = Section(
    "webhooks",
    Shape.NAMED,
    "An address that events are sent to, signed.",
    (
        Key("url", Kind.LINE, "Where to.", required=True, also=("address", "endpoint")),
        Key(
            "secret_env",
            Kind.VARIABLE,
            "The variable with the secret that messages are signed with.",
            required=True,
            also=("secret", "secret_variable", "token"),
        ),
        Key("events", Kind.EVENT, "Which ones.", many=True, one_ok=True, also=("on", "event")),
        _duration("timeout", "Longest time of one try.", minimum=SHORTEST_S),
        _duration("give_up", "Since the event; after that it is not tried any more."),
        Key("insecure", Kind.FLAG, "Whether plain http to another machine will do."),
    ),
    model=model.Webhook,
    field="webhooks",
)
NOTIFY: Final = Section(
    "notify",
    Shape.NAMED,
    "A person who is told of events: on a desktop, by mail, in a chat.",
    (
        Key(
            "urls_env",
            Kind.VARIABLE,
            "The variable with the addresses of apprise.",
            required=True,
            also=("urls", "url", "url_env", "to"),
        ),
        Key("events", Kind.EVENT, "Which ones.", many=True, one_ok=True, also=("on", "event")),
        _duration("group", "What happens within so long comes as one message."),
        Key("quiet", Kind.LINE, "Hours in which nothing is sent, as `22:00-07:00`."),
        Key("zone", Kind.LINE, "Time zone of those hours; if not said, that of the machine."),
        _duration("timeout", "Longest time of one try.", minimum=SHORTEST_S),
        _duration("give_up", "Since the event; after that it is not tried any more."),
    ),
    model=model.Notify,
    field="notify",
)
TRACKER: Final = Section(
    "tracker",
    Shape.TABLE,
    "Where the issues of tasks are, and what is written there as these go on.",
    (
        _choice("kind", model.TrackerKind, "Which one.", required=True, also=("type", "use")),
        Key("repo", Kind.LINE, "OWNER/NAME.", also=("repository", "project")),
        Key(
            "claim",
            Kind.LINE,
            "The label that an issue has while its task is at work.",
            also=("claim_label", "working"),
        ),
        Key(
            "failed",
            Kind.LINE,
            "The label that it has while its task needs a person.",
            also=("failed_label", "blocked"),
        ),
        Key(
            "comment",
            Kind.EVENT,
            "Events on which a comment is written.",
            many=True,
            one_ok=True,
            empty_ok=True,
            also=("comments",),
        ),
        _choice("close", model.CloseWhen, "When it is closed."),
        _duration("timeout", "Longest time for one issue.", minimum=SHORTEST_S),
        _duration("give_up", "Since the event; after that it is not tried any more."),
        Key("label", Kind.LINE, "The label whose issues may become tasks."),
        _choice(
            "accept",
            model.Accept,
            "What may be proposed from there, for a person to decide.",
            many=True,
            one_ok=True,
            empty_ok=True,
        ),
        Key(
            "secret_env",
            Kind.VARIABLE,
            "The variable with the secret that proves what comes in.",
            also=("secret", "secret_variable", "token"),
        ),
    ),
    model=model.Tracker,
    field="tracker",
)
KEEP: Final = Section(
    "keep",
    Shape.TABLE,
    "Files for people that are kept current while the run goes on.",
    (
        Key("progress", Kind.LINE, "How the run stands, as Markdown."),
        Key("tasks_json", Kind.LINE, "The same, as `tasks.json`.", also=("tasks",)),
        Key("csv", Kind.LINE, "What each attempt took, a row for each.", also=("costs",)),
        Key(
            "archive",
            Kind.FLAG,
            "Whether a `prompt_file` goes to `archive/` beside it when its task has landed.",
        ),
    ),
    model=model.Keep,
    field="keep",
)
PHASES: Final = Section(
    "phase",
    Shape.LIST,
    "A named group of tasks.",
    (
        Key("id", Kind.ID, "Its id.", required=True, also=("name",)),
        Key("title", Kind.LINE, "What it is about.", empty_ok=True),
        Key("sync", Kind.FLAG, "The next phases wait for every task of this one."),
        _ref("gates", Ref.GATE, "Phase gates of this phase.", many=True),
        _BUDGET,
    ),
    Ref.PHASE,
    model.Phase,
    "phases",
)
TASKS: Final = Section(
    "task",
    Shape.LIST,
    "A unit of the plan.",
    (
        Key("id", Kind.ID, "Its id.", required=True, also=("name",)),
        Key("title", Kind.LINE, "What it is about.", empty_ok=True),
        Key("prompt", Kind.TEXT, "What the agent is told.", empty_ok=True),
        Key("prompt_file", Kind.FILE, "A file with the prompt.", field="prompt"),
        _ref(
            "after",
            Ref.TASK,
            "Tasks that must have landed first.",
            many=True,
            one_ok=True,
            also=("needs", "depends_on", "depends", "deps", "requires", "dependencies"),
        ),
        _ref("phase", Ref.PHASE, "The phase it belongs to."),
        Key("files", Kind.PATHS, "Footprint: globs, or folders ending in /.", also=("footprint",)),
        _AGENT,
        _MODEL,
        _POOL,
        _LABELS,
        _duration("estimate", "How long it is expected to take.", minimum=SHORTEST_S),
        Key("tokens", Kind.TOKENS, "Tokens it is expected to take.", maximum=MAX_TOKENS),
        _BUDGET,
        Key(
            "risk",
            Kind.CHOICE,
            "Shown to the person who approves.",
            choices=("low", "medium", "high"),
        ),
        Key(
            "complexity",
            Kind.CHOICE,
            "How hard it is; routes select by it.",
            choices=model.COMPLEXITIES,
            also=("size",),
        ),
        Key("kind", Kind.LINE, "What sort of work it is: setup, code, test, docs …"),
        Key(
            "skills",
            Kind.LINES,
            "What its agent has to be good at, all of it.",
            also=("needs_skills", "capabilities"),
        ),
        _GATES,
        _LAND,
        _REVIEWER,
        _RETRIES,
        _TIMEOUT,
        _IDLE,
        Key(
            "priority",
            Kind.COUNT,
            "Higher goes first.",
            minimum=-MAX_PRIORITY,
            maximum=MAX_PRIORITY,
        ),
        Key("exclusive", Kind.FLAG, "Works alone."),
        Key("human", Kind.FLAG, "A person does it.", also=("manual",)),
        Key("defer", Kind.LINE, "Why the task is not part of this run.", also=("skip",)),
        Key("allow_empty", Kind.FLAG, "Done without a commit."),
        _ENV,
        Key("line", Kind.COUNT, "Line of the document it was imported from.", minimum=1),
        Key("issue", Kind.COUNT, "Number of its issue in the tracker.", minimum=1),
        Key("meta", Kind.ENV, "What that document says and no other key holds."),
        _ref(
            "repo",
            Ref.REPO,
            "The repository it works in; without it, the plan's own.",
            also=("repository", "project"),
        ),
        _ref(
            "land_with",
            Ref.TASK,
            "Tasks that it lands together with: all of them or none.",
            many=True,
            one_ok=True,
            also=("together", "group", "with", "land_together"),
        ),
        _later("evidence", "What proves it."),
    ),
    Ref.TASK,
    model.Task,
    "tasks",
)
_LINE: Final = Key("line", Kind.COUNT, "Line of the document it comes from.", minimum=1)
NOTES: Final = Section(
    "note",
    Shape.LIST,
    "A remark of the plan's author; it is shown, and changes nothing.",
    (
        _choice("kind", model.NoteKind, "What it is about.", required=True),
        Key("text", Kind.TEXT, "The remark.", required=True),
        Key("answer", Kind.TEXT, "The mitigation of a risk, the answer to a question."),
        _LINE,
    ),
    model=model.Note,
    field="notes",
)
CLAIMS: Final = Section(
    "claim",
    Shape.LIST,
    "A figure that the document states about itself; `agentdeck analyze` compares it.",
    (
        _choice("what", model.ClaimKind, "What is counted or measured.", required=True),
        Key("stated", Kind.LINE, "The words of the document.", required=True),
        Key(
            "low",
            Kind.NUMBER,
            "Seconds, counts, US dollars, tokens, or a share of one.",
            required=True,
        ),
        Key("high", Kind.NUMBER, "The same as low, unless a range is stated.", required=True),
        _LINE,
        Key("approx", Kind.FLAG, "It says about so much."),
        _choice("strategy", model.Strategy, "The strategy an elapsed time is for."),
        _ref("phase", Ref.PHASE, "Only the tasks of this phase."),
        Key("match", Kind.LINE, "Only the tasks whose id matches this glob."),
        Key("model", Kind.LINE, "Only the tasks of this model."),
        _ref("tasks", Ref.TASK, "Only these tasks; of a path, in this order.", many=True),
        Key("active", Kind.FLAG, "Only the tasks that are not deferred."),
        Key(
            "own_low",
            Kind.NUMBER,
            "What the document's own rows add up to; else the plan is asked.",
        ),
        Key("own_high", Kind.NUMBER, "The same as own_low, unless the rows have ranges."),
    ),
    model=model.Claim,
    field="claims",
)
REPOS: Final = Section(
    "repos",
    Shape.NAMED,
    "A repository besides the one in which the plan is started.",
    (
        Key(
            "path",
            Kind.LINE,
            "A checkout of it: absolute, `~`, or from the top folder of the plan's own.",
            required=True,
            also=("folder", "dir", "checkout"),
        ),
        Key("base", Kind.BRANCH, "Branch the work starts from; without it, what HEAD is on there."),
        Key("target", Kind.BRANCH, "Branch the work lands on; without it, deck/<plan>."),
    ),
    Ref.REPO,
    model.Repo,
    "repos",
)
SECTIONS: Final = (
    PLAN,
    DEFAULTS,
    BUDGET,
    GATES,
    AGENTS,
    POOLS,
    ROUTES,
    WORKTREE,
    QUEUE,
    REPOS,
    REMOTE,
    REVIEW,
    TOOLS,
    MCP,
    PERMISSIONS,
    HOOKS,
    WEBHOOKS,
    NOTIFY,
    TRACKER,
    KEEP,
    PHASES,
    TASKS,
    NOTES,
    CLAIMS,
)
VERSION_KEY: Final = "version"
