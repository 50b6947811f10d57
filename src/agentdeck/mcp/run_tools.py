"""What a client of `agentdeck mcp` can ask for: the arguments of its tools, as a table.

Rules:
- Reading changes nothing and needs no engine. A question and a proposed task wait in the inbox for
  a person: they are open to every client.
- Commands are the verbs of the shell, with the same words. A client has those that the plan, or the
  person who starts the server, lets it have.
- Everything that may be long has a bound, and says how the rest is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from agentdeck.control.verb_table import VERBS, verb_named
from agentdeck.control.verbs import Argument, Option, Takes, Verb
from agentdeck.core.decide_tools import MAX_OPTION, MAX_OPTIONS
from agentdeck.core.decide_words import MAX_MESSAGE
from agentdeck.core.ids import MAX_ID_LENGTH
from agentdeck.core.offered import Offered, Resource
from agentdeck.core.plan import MCP_COMMANDS
from agentdeck.core.tool_calls import Arguments, ProposeTask, WaitForAnswer

MAX_LINES: Final = 500  # of a log in one answer
MAX_EVENTS: Final = 500  # in one answer
MAX_WAIT_S: Final = 30.0  # for an event
MAX_TASKS: Final = 500  # in one answer
MAX_SAID: Final = 100  # tasks that one command may name

_Task = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH, description="A task's id.")]
_Text = Annotated[str, Meta(max_length=MAX_MESSAGE)]


class RunStatus(Arguments, frozen=True):
    """The run in a few lines: how it stands, why it waits, how many tasks are in which state."""


class ListTasks(Arguments, frozen=True):
    """The tasks of the run, in plan order: id, title, state, what each needs."""

    state: Annotated[str, Meta(max_length=40, description="Only those: failed, landed, ...")] = ""
    offset: Annotated[int, Meta(ge=0, description="Leave out so many first.")] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_TASKS)] = 200


class GetTask(Arguments, frozen=True):
    """One task: its prompt and files, how it stands and why, its attempts."""

    task: _Task


class ReadPlan(Arguments, frozen=True):
    """The plan as the run has it now, as the text of a plan file."""


class ReadLog(Arguments, frozen=True):
    """The end of an agent's log: the lines that a person is shown, without secrets."""

    task: _Task
    attempt: Annotated[int, Meta(ge=1)] | None = None
    lines: Annotated[int, Meta(ge=1, le=MAX_LINES, description="At most so many.")] = 100


class Explain(Arguments, frozen=True):
    """Why a task stands where it stands, in one sentence."""

    task: _Task


class Evidence(Arguments, frozen=True):
    """The evidence card of a task: attempts, gates, reviews, files, where it landed."""

    task: _Task


class Queue(Arguments, frozen=True):
    """The merge queue, in order, and why each entry waits."""


class Inbox(Arguments, frozen=True):
    """Everything that waits for a person, the most urgent first."""


class Events(Arguments, frozen=True):
    """What has happened, in words, from a cursor on: ask again with `next` of the answer.

    When a newer run has begun, the answer is of that one, from its first event on.
    """

    after: Annotated[int, Meta(ge=0, description="The number of the last event you know.")] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_EVENTS)] = 100
    wait_s: Annotated[
        float, Meta(ge=0, le=MAX_WAIT_S, description="Wait so long for the first one.")
    ] = 0.0
    run: Annotated[
        str,
        Meta(
            max_length=MAX_ID_LENGTH,
            description="The run that `after` is of; without it that of your latest `next`.",
        ),
    ] = ""


class AskPerson(Arguments, frozen=True):
    """Ask the person who leads the run; it stands in their inbox, and no task waits for it.

    The answer may take long: you get an id, and wait_for_answer waits for it.
    """

    question: Annotated[str, Meta(min_length=1, max_length=MAX_MESSAGE)]
    options: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=MAX_OPTION)], ...],
        Meta(max_length=MAX_OPTIONS, description="Answers to choose from."),
    ] = ()


class Answer(Arguments, frozen=True):
    """Answer what the agent of a task asks: words, or an option of a permission."""

    task: _Task
    text: Annotated[_Text, Meta(description="The answer; with a no why.")] = ""
    option: Annotated[
        str, Meta(max_length=200, description="allow, deny, or the id of an option.")
    ] = ""
    question: Annotated[
        str, Meta(max_length=200, description="Its id; the oldest where it is empty.")
    ] = ""


READING: Final = (
    Offered("run_status", RunStatus),
    Offered("list_tasks", ListTasks),
    Offered("get_task", GetTask),
    Offered("read_plan", ReadPlan),
    Offered("read_log", ReadLog),
    Offered("explain", Explain),
    Offered("evidence", Evidence),
    Offered("queue", Queue),
    Offered("inbox", Inbox),
    Offered("events", Events),
)
ASKING: Final = (
    Offered("propose_task", ProposeTask, reads_only=False, idempotent=False),
    Offered("ask_person", AskPerson, reads_only=False, idempotent=False),
    Offered("wait_for_answer", WaitForAnswer),
)
# What ends or undoes something that took work.
_DESTROYS: Final = frozenset({"stop", "drop", "end", "revert", "skip", "retry"})
_TWICE: Final = frozenset({"retry", "steer", "answer", "move"})  # a second time means more


def commands_of(allowed: Iterable[str]) -> list[Offered]:
    """The tools of the commands that a client may send, in the order of the table."""
    wanted = set(allowed)
    return [_command(name) for name in MCP_COMMANDS if name in wanted]


def _command(name: str) -> Offered:
    arguments = Answer if name == "answer" else _struct_of(verb_named(name))
    return Offered(
        name,
        arguments,
        reads_only=False,
        destroys=name in _DESTROYS,
        idempotent=name not in _TWICE,
    )


def _struct_of(verb: Verb) -> type[msgspec.Struct]:
    """The arguments of a verb of the shell, as they are named there."""
    fields = [_argument(argument) for argument in verb.arguments]
    fields += [_option(option) for option in verb.options if option.name != "yes"]
    made = msgspec.defstruct(
        verb.name.title().replace(" ", ""),
        fields,
        frozen=True,
        forbid_unknown_fields=True,
        kw_only=True,
    )
    made.__doc__ = f"{verb.sentence}\n\n{' '.join(verb.more.split())}".strip()
    return made


def _argument(argument: Argument) -> Any:
    words = argument.help
    if argument.many:
        least = 1 if argument.required else 0
        kind: Any = Annotated[
            tuple[_Task, ...], Meta(min_length=least, max_length=MAX_SAID, description=words)
        ]
        return (argument.name, kind) if argument.required else (argument.name, kind, ())
    kind = _kind(argument.takes, words)
    return (argument.name, kind) if argument.required else (argument.name, kind | None, None)


def _option(option: Option) -> Any:
    if option.takes is Takes.FLAG:
        return (option.name, Annotated[bool, Meta(description=option.help)], False)
    if option.choices is not None:
        kind: Any = Annotated[option.choices, Meta(description=option.help)]
        return (option.name, kind | None, None)
    kind = _kind(option.takes, option.help)
    if option.many:
        several = Annotated[tuple[kind, ...], Meta(max_length=MAX_SAID, description=option.help)]
        return (option.name, several, ())
    return (option.name, kind | None, None)


def _kind(takes: Takes, words: str) -> Any:
    if takes is Takes.NUMBER:
        return Annotated[int, Meta(description=words)]
    most = MAX_MESSAGE if takes is Takes.TEXT else MAX_ID_LENGTH
    return Annotated[str, Meta(max_length=most, description=words)]


SCHEME: Final = "agentdeck://run/"
RESOURCES: Final = (
    Resource(f"{SCHEME}plan", "plan", "The plan as the run has it now.", "application/toml"),
    Resource(f"{SCHEME}status", "status", "The run in a few lines.", "application/json"),
    Resource(f"{SCHEME}queue", "queue", "The merge queue.", "application/json"),
    Resource(f"{SCHEME}inbox", "inbox", "What waits for a person.", "application/json"),
)
TEMPLATES: Final = (
    Resource(f"{SCHEME}task/{{task}}", "task", "One task and its attempts.", "application/json"),
    Resource(f"{SCHEME}log/{{task}}", "log", "The end of the log of a task's latest attempt."),
    Resource(
        f"{SCHEME}evidence/{{task}}", "evidence", "The evidence card of a task.", "application/json"
    ),
)

assert set(MCP_COMMANDS) <= {verb.name for verb in VERBS} | {"answer"}

__all__ = [
    "ASKING",
    "MAX_WAIT_S",
    "READING",
    "RESOURCES",
    "SCHEME",
    "TEMPLATES",
    "Answer",
    "AskPerson",
    "Events",
    "Evidence",
    "Explain",
    "GetTask",
    "Inbox",
    "ListTasks",
    "Queue",
    "ReadLog",
    "ReadPlan",
    "RunStatus",
    "commands_of",
]
