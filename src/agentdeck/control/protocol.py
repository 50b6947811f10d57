"""What goes over the control socket: JSON-RPC 2.0, one JSON object a line.

Rules:
- A request is one line of at most `MAX_REQUEST` bytes, an answer one of at most `MAX_ANSWER`.
- `METHODS` names every method with its params and its result; docs/rpc.md is made from it.
- An error has a code of `Code`, the reason as its message and the next step in `data.hint`.
- `PROTOCOL` is raised when an old client would misread an answer; `hello` tells it. Within one
  number methods, fields, events and codes may be added.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from agentdeck.control.budget_report import BudgetLine
from agentdeck.control.run_lines import EntryLine, TaskLine
from agentdeck.control.waiting_lines import WaitingLine
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.core.ids import RunId, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.unreadable import UNREADABLE

PROTOCOL: Final = 1
# A change of a plan carries each task in full: this is a thousand of them with 8 KB of prompt. A
# steer of 64,000 characters is 768 KB in the longest JSON escapes.
MAX_REQUEST: Final = 8 * 1024 * 1024  # bytes
# One event holds the whole plan with its prompts; a batch is cut at `BATCH_BYTES`, an event never.
MAX_ANSWER: Final = 64 * 1024 * 1024  # bytes
BATCH_BYTES: Final = 1024 * 1024  # about this much in one answer of `events.since`
MAX_EVENTS: Final = 1_000  # in one answer of `events.since`
MAX_WAIT_S: Final = 30.0  # of one `events.since`; a client asks again
MAX_TOOL_WAIT_S: Final = (
    10.0  # of one call of a tool, likewise: so it is known that the engine lives
)


class Code(IntEnum):
    """Why a request failed. -32700 to -32600 are JSON-RPC's own codes."""

    PARSE = -32700  # not JSON
    INVALID = -32600  # no request, or too long; the connection is closed
    METHOD = -32601  # no such method
    PARAMS = -32602  # params that do not fit the method
    INTERNAL = -32603  # a fault of the engine; its log has the rest
    REFUSED = -32000  # the command cannot be carried out now
    NOT_FOUND = -32001  # no such task
    BUSY = -32002  # too many clients, or too many requests in flight
    FORBIDDEN = -32003  # the other end belongs to somebody else
    ENVIRONMENT = -32004  # the machine is at fault
    VERSION = -32005  # the other end speaks a newer protocol
    GONE = -32006  # the engine ends this moment


class Request(msgspec.Struct, frozen=True):
    """One call."""

    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    id: int | str | None = None
    jsonrpc: str = "2.0"


class ErrorData(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person can do about an error."""

    hint: str = ""


class RpcError(msgspec.Struct, frozen=True):
    """Why a call failed."""

    code: int
    message: str
    data: ErrorData = ErrorData()


class Answer(msgspec.Struct, frozen=True):
    """The answer to one call: a result or an error."""

    id: int | str | None
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: RpcError | msgspec.UnsetType = msgspec.UNSET
    jsonrpc: str = "2.0"


class HelloParams(msgspec.Struct, frozen=True):
    """Who calls. `protocol` is the newest one that the client reads."""

    protocol: int = PROTOCOL
    client: str = ""


class Hello(msgspec.Struct, frozen=True):
    """Who answers."""

    protocol: int
    version: str  # of agentdeck
    run: RunId
    pid: int


class CommandParams(msgspec.Struct, frozen=True):
    """A wish of a person."""

    command: AnyCommand


class Seq(msgspec.Struct, frozen=True):
    """The number of the last event that a command led to; it is durable."""

    seq: int


class EventsParams(msgspec.Struct, frozen=True):
    """Which events: behind `after`, at most `limit`; wait up to `wait_s` seconds for the first."""

    after: int = 0
    limit: int = MAX_EVENTS
    wait_s: float = 0.0


class Events(msgspec.Struct, frozen=True):
    """Events in order, each as `core.codec` writes it, and the number of the journal's last one."""

    events: list[msgspec.Raw]
    last: int


class ExplainParams(msgspec.Struct, frozen=True):
    """Which task."""

    task: TaskId


class Sentence(msgspec.Struct, frozen=True):
    """Why the task stands where it stands."""

    sentence: str


class ToolParams(msgspec.Struct, frozen=True):
    """A call of a tool by an attempt, on the socket for tools; see `core.tool_calls`."""

    task: TaskId
    attempt: int
    secret: str  # of its pass
    tool: str
    arguments: msgspec.Raw
    key: str  # the same again is the same call
    wait_s: float = 0.0  # for an answer, at most `MAX_TOOL_WAIT_S`


class StopParams(msgspec.Struct, frozen=True):
    """Why the engine should end. Agents live on."""

    reason: str = "asked to stop"


class Nothing(msgspec.Struct, frozen=True):
    """No params, or no result."""


class Status(msgspec.Struct, frozen=True):
    """The run in a few numbers."""

    run: RunId
    plan: str
    state: str
    landed: int
    tasks: int
    seq: int
    busy: bool
    clients: int
    why: str = ""  # what it waits for, when it stands still
    budgets: list[BudgetLine] = []


class PlanNow(msgspec.Struct, frozen=True):
    """The plan as it is now, in the form of the journal."""

    plan: Plan
    changes: int  # how often it was changed since the run began


class TasksParams(msgspec.Struct, frozen=True):
    """Which tasks."""

    tasks: list[TaskId] = []  # empty = all. A sentence about a task costs up to 0.1 ms


class Tasks(msgspec.Struct, frozen=True):
    """Tasks in the order of the plan."""

    tasks: list[TaskLine]
    seq: int  # of the event after which they stood so


class Queue(msgspec.Struct, frozen=True):
    """The merge queue, in the order in which it lands."""

    queue: list[EntryLine]
    held: bool  # nothing lands until it is released
    seq: int


class Inbox(msgspec.Struct, frozen=True):
    """Everything that waits for a person, the most urgent first."""

    waiting: list[WaitingLine]
    seq: int


class Method(NamedTuple):
    """What can be called."""

    params: type[msgspec.Struct]
    result: type[msgspec.Struct]
    sentence: str
    errors: tuple[Code, ...] = ()  # beside those that any call may have
    changes: bool = False  # the run, or its engine


METHODS: Final[dict[str, Method]] = {
    "hello": Method(HelloParams, Hello, "Who answers. A client calls it first.", (Code.VERSION,)),
    "status": Method(Nothing, Status, "The run in a few numbers."),
    "plan": Method(Nothing, PlanNow, "The plan as it is now."),
    "tasks": Method(
        TasksParams, Tasks, "The tasks, their states, and why they stand there.", (Code.NOT_FOUND,)
    ),
    "queue": Method(Nothing, Queue, "The merge queue, and why each entry waits."),
    "inbox": Method(Nothing, Inbox, "What waits for a person, and the command that answers it."),
    "explain": Method(
        ExplainParams, Sentence, "Why a task stands where it stands.", (Code.NOT_FOUND,)
    ),
    "events.since": Method(
        EventsParams, Events, "Events behind a number, as soon as there are any."
    ),
    "command": Method(
        CommandParams,
        Seq,
        "Carries out a command. When it is answered, what followed from it is on the disk.",
        (Code.REFUSED, Code.ENVIRONMENT, Code.GONE),
        changes=True,
    ),
    "stop": Method(
        StopParams,
        Nothing,
        "Ends the engine in good order. Agents live on, and the next engine finds them.",
        changes=True,
    ),
}


class CallError(DeckError):
    """The engine answered a call with an error that is none of the well-known ones."""

    def __init__(self, message: str, *, hint: str = "", code: int = Code.INTERNAL) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class EngineGone(EnvironmentFault):
    """Nobody answers on the control socket, or not any more."""


class NoAnswer(EngineGone):
    """The engine did not answer in time. What was asked may have been done: the journal knows."""


class ProtocolError(EnvironmentFault):
    """What came over the socket is not what was agreed."""


Params = TypeVar("Params")
_encoder = msgspec.json.Encoder()
_request_decoder = msgspec.json.Decoder(Request)
_answer_decoder = msgspec.json.Decoder(Answer)


def request_line(method: str, params: Any, number: int) -> bytes:
    """One call as it is sent: on one line, also where params are written on several."""
    raw = _encoder.encode(params)
    if b"\n" in raw or b"\r" in raw:
        raw = msgspec.json.format(raw, indent=-1)
    return _encoder.encode(Request(method, msgspec.Raw(raw), number)) + b"\n"


def answer_line(number: int | str | None, result: Any) -> bytes:
    """One result as it is sent."""
    return _encoder.encode(Answer(number, msgspec.Raw(_encoder.encode(result)))) + b"\n"


def relayed_line(number: int | str | None, answer: Answer) -> bytes:
    """An answer of an engine, for who asked with another number."""
    return _encoder.encode(msgspec.structs.replace(answer, id=number)) + b"\n"


def error_line(number: int | str | None, code: Code, message: str, hint: str = "") -> bytes:
    """One error as it is sent."""
    error = RpcError(int(code), message, ErrorData(hint))
    return _encoder.encode(Answer(number, error=error)) + b"\n"


def read_request(line: bytes) -> Request:
    """One call as it came. Raises one of `UNREADABLE`; `misread` says what that means."""
    return _request_decoder.decode(line)


def misread(error: Exception) -> tuple[Code, str]:
    """Why a line is no request: the code and the words."""
    if isinstance(error, msgspec.ValidationError):
        return Code.INVALID, f"not a request: {error}"
    return Code.PARSE, f"not JSON: {error}"


def read_params(raw: msgspec.Raw, wanted: type[Params]) -> Params:
    """The params of a call. Raises one of `UNREADABLE`."""
    return msgspec.json.decode(bytes(raw) or b"{}", type=wanted)


def read_answer(line: bytes) -> Answer:
    """One answer as it came.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return _answer_decoder.decode(line)
    except UNREADABLE as error:
        raise ProtocolError(
            f"the engine's answer cannot be read: {error}",
            hint="`agentdeck --version` and the engine's version should be the same",
        ) from error


def read_result(answer: Answer, wanted: type[Params]) -> Params:
    """The result of an answer, or its error raised as what it means.

    Raises:
        Refused, NotFoundError, EnvironmentFault, CallError: what the engine said.
        ProtocolError: the result has another shape.
    """
    if isinstance(answer.error, RpcError):
        raise as_exception(answer.error)
    raw = bytes(answer.result) if isinstance(answer.result, msgspec.Raw) else b"null"
    try:
        return msgspec.json.decode(raw, type=wanted)
    except UNREADABLE as error:
        raise ProtocolError(f"the engine's answer has another shape: {error}") from error


def as_exception(error: RpcError) -> DeckError:
    """What an error of the engine is on this side."""
    from agentdeck.core.decide import Refused
    from agentdeck.core.errors import NotFoundError

    hint = error.data.hint
    match error.code:
        case Code.REFUSED:
            return Refused(error.message, hint=hint)
        case Code.NOT_FOUND:
            return NotFoundError(error.message, hint=hint)
        case Code.GONE:
            return EngineGone(error.message, hint=hint)
        case Code.ENVIRONMENT | Code.BUSY | Code.FORBIDDEN | Code.VERSION:
            return EnvironmentFault(error.message, hint=hint)
        case _:
            return CallError(error.message, hint=hint, code=error.code)
