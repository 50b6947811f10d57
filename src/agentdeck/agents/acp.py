"""The log of an agent that speaks ACP: every message of both sides, one in a line.

Rules:
- A line is `{"dir": "agent" | "client" | "bridge", "t": seconds, "msg": …}`. The bridge is the
  program that speaks to the agent for us: its "ended" is the last word, its "note" a remark.
- The answer to a prompt is a result; another prompt takes it back.
- What an agent tells while a session is loaded happened in an earlier attempt.
- A permission waits until the client answers, whoever did: then it is withdrawn.
- Prose comes in pieces: one goes on the piece before it while it belongs to the same message.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agentdeck.agents.acp_asks import asked, mark_of_request, request_id
from agentdeck.agents.acp_end import ended, ended_by_bridge, failure, used_by
from agentdeck.agents.acp_tools import Calls
from agentdeck.agents.json_line import list_of, number_of, parse_object, table_of, text_of
from agentdeck.agents.line_reader import Context, Memory, mark_of, plus, remembered, unread
from agentdeck.agents.one_line import one_line, plain_piece
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    MAX_OPTIONS,
    MESSAGE_CHARS,
    Noted,
    Report,
    Said,
    Started,
    Totals,
    Usage,
    Withdrawn,
)
from agentdeck.agents.skimming import (
    NOTHING,
    SAID,
    SAID_MORE,
    UNFIT,
    Skimming,
    is_piece,
)
from agentdeck.agents.tool_inputs import planned, touched

_NO_ID: Final = "-"  # stands for the message of a piece that names none


class AcpMemory(Memory, frozen=True, array_like=True, tag="acp/1"):
    """What later lines need."""

    total: Totals = Totals()  # of the prompts that were answered, and the cost so far
    cost_before: float = 0.0  # what the session had cost before, dollars
    request: str = ""  # mark of the request that the client waits for
    loading: bool = False  # that request loads a session
    message: str = ""  # mark of the message that prose belongs to, "" after anything else
    calls: tuple[str, ...] = ()  # marks of the latest tool calls


class _SkimmedContent(msgspec.Struct, frozen=True, gc=False):
    text: str = ""


class _SkimmedUpdate(msgspec.Struct, frozen=True, gc=False):
    kind: str = msgspec.field(default="", name="sessionUpdate")
    message: str = msgspec.field(default="", name="messageId")
    content: _SkimmedContent = _SkimmedContent()


class _SkimmedParams(msgspec.Struct, frozen=True, gc=False):
    update: _SkimmedUpdate = _SkimmedUpdate()


class _SkimmedMessage(msgspec.Struct, frozen=True, gc=False):
    method: str = ""
    params: _SkimmedParams = _SkimmedParams()


class _Skimmed(msgspec.Struct, gc=False):
    """What of a line tells what it does; only pieces of prose and thoughts come in floods."""

    dir: str = ""
    msg: _SkimmedMessage = _SkimmedMessage()


_skimmed: Final = msgspec.json.Decoder(_Skimmed)


class AcpLines(Skimming[AcpMemory]):
    """Reads the lines of one attempt."""

    blank = AcpMemory()

    def __init__(self, context: Context) -> None:
        self.memory: AcpMemory = remembered(context.carry, AcpMemory)
        self._before = context.before
        self._said_chars = context.chars(MESSAGE_CHARS)
        self._alone = context.alone
        self._calls = Calls(context.root, alone=context.alone)

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        found = parse_object(line)
        if found is None:
            return unread(line, foreign=True)
        message = table_of(found, "msg")
        match found.get("dir"):
            case "agent":
                reports = self._agent(message)
            case "client":
                reports = self._client(message)
            case "bridge":
                reports = _bridge(message)
            case _:
                reports = []
        return reports or unread(line)

    def skim(self, line: bytes) -> int | None:
        """What one line does; None when it has to be read."""
        if b"_chunk" not in line:
            return None  # all else is told in parts that have to be put together
        try:
            found = _skimmed.decode(line)
        except UNFIT:
            return None
        if found.dir != "agent" or found.msg.method != "session/update":
            return None
        if self.memory.loading:
            return NOTHING
        update = found.msg.params.update
        match update.kind:
            case "agent_message_chunk" if is_piece(update.content.text):
                self.piece = update.content.text
                return SAID_MORE if self._goes_on(update.message) else SAID
            case "agent_thought_chunk":
                if self.memory.message:
                    self._keep(message="")
                return NOTHING
            case _:
                return None

    def at_end(self) -> list[Report]:
        """Nothing: the bridge has the last word, else the exit status."""
        return []

    def _keep(self, **changes: Any) -> None:
        self.memory = msgspec.structs.replace(self.memory, **changes)

    # --- the agent ---------------------------------------------------------------------------

    def _agent(self, message: dict[str, Any]) -> list[Report]:
        given = table_of(message, "params")
        match message.get("method"):
            case "session/update" if self.memory.loading:
                return []
            case "session/update":
                return self._update(table_of(given, "update"))
            case "session/request_permission":
                return self._permission(message, given)
            case "fs/write_text_file":
                self._keep(message="")
                path = text_of(given, "path")
                return [] if self._calls.edits(path) else [*touched([path], self._calls.root)]
            case None:
                return self._answer(message)
            case _:
                return []

    def _answer(self, message: dict[str, Any]) -> list[Report]:
        awaited = self.memory.request != "" and mark_of_request(message) == self.memory.request
        result, failed = table_of(message, "result"), "error" in message
        fails = failed and (self._alone or (awaited and not self.memory.loading))
        if "stopReason" in result or fails:
            return self._prompt_answer(message) if awaited else [ended(message)]
        if awaited and self.memory.loading:
            self._keep(request="", loading=False)
        if failed:
            return [Noted(one_line(failure(table_of(message, "error")).detail, ACTIVITY_CHARS))]
        return self._started(result)

    def _prompt_answer(self, message: dict[str, Any]) -> list[Report]:
        total = plus(self.memory.total, used_by(message))
        self._keep(request="", message="", total=total)
        return [*([self._usage(estimate=False)] if total != Totals() else []), ended(message)]

    def _started(self, result: dict[str, Any]) -> list[Report]:
        """The session that an answer tells of, and the model it has."""
        session = one_line(text_of(result, "sessionId"), ACTIVITY_CHARS)
        model = text_of(table_of(result, "models"), "currentModelId")
        for option in list_of(result, "configOptions")[:MAX_OPTIONS]:
            if text_of(option, "id") == "model":
                model = model or text_of(option, "currentValue")
        model = one_line(model, ACTIVITY_CHARS)
        if session:
            self._keep(cost_before=self._before.get(session, Totals()).usd)
        return [Started(session or None, model or None)] if session or model else []

    def _update(self, update: dict[str, Any]) -> list[Report]:
        match update.get("sessionUpdate"):
            case "agent_message_chunk":
                return self._prose(update)
            case "tool_call" | "tool_call_update":
                reports, calls, _ = self._calls.tell(update, self.memory.calls)
                self._keep(calls=calls, message="")
                return reports
            case "plan":
                self._keep(message="")
                return [planned(list_of(update, "entries"))]
            case "usage_update":
                return self._cost(table_of(update, "cost"))
            case "agent_thought_chunk":
                self._keep(message="")
                return []
            case _:
                return []

    def _prose(self, update: dict[str, Any]) -> list[Report]:
        text = plain_piece(text_of(table_of(update, "content"), "text"), self._said_chars)
        if not text:
            return []
        return [Said(text, self._goes_on(text_of(update, "messageId")))]

    def _goes_on(self, message: str) -> bool:
        """Does a piece of this message go on the piece before it?"""
        mark = mark_of(message) if message else _NO_ID
        if mark == self.memory.message:
            return True
        self._keep(message=mark)
        return False

    def _cost(self, cost: dict[str, Any]) -> list[Report]:
        """The cost of the session so far: it goes on over attempts that resume it."""
        amount, before = number_of(cost, "amount"), self.memory.cost_before
        usd = amount - before if amount >= before else amount
        if text_of(cost, "currency") != "USD" or usd == self.memory.total.usd:
            return []
        self._keep(total=msgspec.structs.replace(self.memory.total, usd=usd))
        return [self._usage(estimate=True)]

    def _usage(self, *, estimate: bool) -> Usage:
        total = self.memory.total
        tokens = total.tokens_in, total.tokens_out
        return Usage(*tokens, total.usd, total.tokens_cached, estimate)

    def _permission(self, message: dict[str, Any], given: dict[str, Any]) -> list[Report]:
        wanted = table_of(given, "toolCall")
        reports, calls, call = self._calls.tell(wanted, self.memory.calls, asks=True)
        self._keep(calls=calls, message="")
        return [*reports, asked(message, given, call)]

    # --- the client --------------------------------------------------------------------------

    def _client(self, message: dict[str, Any]) -> list[Report]:
        given = table_of(message, "params")
        match message.get("method"):
            case "session/new":
                self._calls.root = self._calls.root or text_of(given, "cwd")
                return []
            case "session/load" | "session/resume":
                self._calls.root = self._calls.root or text_of(given, "cwd")
                self._keep(request=mark_of_request(message), loading=True)
                return self._started(given)
            case "session/prompt":
                self._keep(request=mark_of_request(message), loading=False, message="")
                return [Noted("is given a prompt")]
            case "session/cancel":
                return [Noted("is told to stop")]
            case None if "error" in message or "outcome" in table_of(message, "result"):
                return [Withdrawn(request_id(message))]
            case _:
                return []


def _bridge(message: dict[str, Any]) -> list[Report]:
    match message.get("type"):
        case "ended":
            return [ended_by_bridge(message)]
        case "note":
            text = one_line(text_of(message, "text"), ACTIVITY_CHARS)
            return [Noted(text)] if text else []
        case _:
            return []
