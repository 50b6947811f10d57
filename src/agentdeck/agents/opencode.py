"""The stream of opencode: `opencode run --format json`.

Rules:
- Tokens and cost are those of a step, each told once by `step_finish`; they are summed, and a part
  that comes again is known by its id.
- There is no end marker. The last step has a reason that does not go on ("stop"), and then the
  program ends. Such a step is a result at once, and not only at the end of the log: the program has
  been seen to finish and never exit. A step that begins after it takes the result back.
- A run that ends after a step that should have gone on did not do its work, whatever its exit
  status: a permission that was rejected ends it so, with status 0.
- With a service that ends its answers early it asks again for ever, several times a second. Steps
  in a row that should go on and use no tool are such a run.
- A tool is told once, when it has ended. Retries are not told at all.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.agents.blame import cause_of
from agentdeck.agents.json_line import count_of, number_of, parse_object, table_of, text_of
from agentdeck.agents.line_reader import Context, Memory, mark_of, plus, remembered, unread
from agentdeck.agents.one_line import one_line, plain_text
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    MESSAGE_CHARS,
    Ended,
    Noted,
    Report,
    Said,
    Started,
    ToolUsed,
    Totals,
    Usage,
)
from agentdeck.agents.skimming import (
    CALLED,
    COUNTS,
    NOTHING,
    SAID,
    UNFIT,
    Count,
    KnownFiles,
    Number,
    Skimming,
    is_visible,
)
from agentdeck.agents.tool_inputs import edited_by, size_of_edit, target_of, todo_list
from agentdeck.core.events import FailureClass

RUNAWAY_STEPS: Final = 20  # in a row without a tool; a runaway has them in five seconds
SEEN: Final = 4  # steps remembered, to know one that is told again
MAX_RETRY_AFTER_S: Final = 400 * 24 * 3600.0  # a longer wait is garbage
_GOES_ON: Final = frozenset(("tool-calls", "unknown", ""))
_REJECTED: Final = re.compile(r"rejected permission", re.IGNORECASE)
_BY_NAME: Final = {
    "ProviderAuthError": FailureClass.AUTH,
    "MessageOutputLengthError": FailureClass.TURN_LIMIT,
    "MessageAbortedError": FailureClass.AGENT,
    "ContextOverflowError": FailureClass.AGENT,
}
_BY_REASON: Final = {
    "stop": Ended(True, ""),
    "length": Ended(False, "its answer was cut off for its length", FailureClass.TURN_LIMIT),
    "content-filter": Ended(False, "a content filter stopped it", FailureClass.REFUSED),
}


class OpencodeMemory(Memory, frozen=True, array_like=True, tag="opencode/1"):
    """What later lines need."""

    total: Totals = Totals()
    seen: tuple[str, ...] = ()  # marks of the latest steps in `total`
    session: str = ""  # mark of the session that was reported
    over: bool = False  # a result stands
    going: bool = False  # the latest step should have gone on
    worked: bool = False  # a tool was used since the latest step ended
    rejected: bool = False  # a permission was rejected since then
    idle: int = 0  # steps in a row that went on without a tool


class _SkimmedCache(msgspec.Struct, frozen=True, gc=False):
    read: Count = 0
    write: Count = 0


class _SkimmedTokens(msgspec.Struct, frozen=True, gc=False):
    input: Count = 0
    output: Count = 0
    reasoning: Count = 0
    total: Count = 0
    cache: _SkimmedCache = _SkimmedCache()


class _SkimmedState(msgspec.Struct, frozen=True, gc=False):
    error: str = ""
    input: msgspec.Raw = msgspec.Raw()


class _SkimmedPart(msgspec.Struct, frozen=True, gc=False):
    id: str = ""
    text: str = ""
    tool: str = ""
    state: _SkimmedState = _SkimmedState()
    reason: str = ""
    tokens: _SkimmedTokens = _SkimmedTokens()
    cost: Number = 0.0


class _Skimmed(msgspec.Struct, gc=False):
    """What of a line tells what it does."""

    type: str = ""
    session: str = msgspec.field(default="", name="sessionID")
    part: _SkimmedPart = _SkimmedPart()


_skimmed: Final = msgspec.json.Decoder(_Skimmed)


class OpencodeLines(Skimming[OpencodeMemory]):
    """Reads the lines of one attempt."""

    blank = OpencodeMemory()

    def __init__(self, context: Context) -> None:
        self.memory: OpencodeMemory = remembered(context.carry, OpencodeMemory)
        self._root = context.root
        self._said_chars = context.chars(MESSAGE_CHARS)
        self._alone = context.alone
        self._session = ""  # of the latest line
        self._files = KnownFiles()

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        found = parse_object(line)
        if found is None:
            return unread(line, foreign=True)
        return [*self._started(found), *self._reports(found)] or unread(line)

    def skim(self, line: bytes) -> int | None:
        """What one line does; None when it has to be read."""
        try:
            found = _skimmed.decode(line)
        except UNFIT:
            return None
        if found.session != self._session:
            return None
        memory, part = self.memory, found.part
        match found.type:
            case "text" if is_visible(part.text):
                return NOTHING if self._runs_away else SAID
            case "tool_use" if not part.state.error:
                return self._skim_tool(part)
            case "step_finish" if part.reason in _GOES_ON:
                return self._skim_step(part)
            case "step_start" if self._runs_away or not (memory.over or memory.rejected):
                return NOTHING
            case _:
                return None

    def used(self, since: OpencodeMemory) -> list[Report]:  # noqa: ARG002 - each step is told
        """What has been used by now."""
        return [self._usage()]

    def _usage(self) -> Usage:
        total = self.memory.total
        return Usage(total.tokens_in, total.tokens_out, total.usd, total.tokens_cached)

    def _skim_tool(self, part: _SkimmedPart) -> int | None:
        if not self._files.are_all(part.tool, part.state.input):
            return None
        memory = self.memory
        if memory.over or memory.idle or not memory.worked:
            self._keep(over=False, worked=True, idle=0)
        return CALLED

    def _skim_step(self, part: _SkimmedPart) -> int | None:
        memory = self.memory
        mark = mark_of(part.id)
        if mark in memory.seen:
            return NOTHING
        if memory.idle + 1 >= RUNAWAY_STEPS and not memory.worked:
            return None
        tokens, cache = part.tokens, part.tokens.cache
        fresh, out = tokens.input + cache.write, (tokens.output, tokens.reasoning)
        used = _used(fresh, *out, cache.read, tokens.total, part.cost)
        self.memory = OpencodeMemory(
            plus(memory.total, used),
            (*memory.seen, mark)[-SEEN:],
            memory.session,
            going=True,
            rejected=memory.rejected,
            idle=0 if memory.worked else memory.idle + 1,
        )
        return COUNTS

    def at_end(self) -> list[Report]:
        """The end of a run that should have gone on is a failure."""
        if self.memory.over or not self.memory.going:
            return []
        if self.memory.rejected:
            said = "a permission that it asked for was rejected"
            return [Ended(False, said, FailureClass.REFUSED)]
        return [Ended(False, "it ended in the middle of its work")]  # the exit status may say why

    def _keep(self, **changes: Any) -> None:
        self.memory = msgspec.structs.replace(self.memory, **changes)

    def _started(self, found: dict[str, Any]) -> list[Report]:
        told = text_of(found, "sessionID")
        if not told or self._alone or told == self._session:
            return []
        self._session = told
        if mark_of(told) == self.memory.session:
            return []  # it was reported before a restart
        self._keep(session=mark_of(told))
        session = one_line(told, ACTIVITY_CHARS)
        return [Started(session, None)] if session else []

    def _reports(self, found: dict[str, Any]) -> list[Report]:
        part = table_of(found, "part")
        match found.get("type"):
            case "step_start":
                return self._step_start()
            case "text":
                text = plain_text(text_of(part, "text"), self._said_chars)
                return [Said(text)] if text and not self._runs_away else []
            case "tool_use":
                return self._tool(part)
            case "step_finish":
                return self._step_finish(part)
            case "error":
                self._keep(over=True)
                return [_failure(table_of(found, "error"), number_of(found, "timestamp") / 1000)]
            case "done":
                return self.at_end()
            case _:
                return []

    @property
    def _runs_away(self) -> bool:
        return self.memory.idle >= RUNAWAY_STEPS

    def _step_start(self) -> list[Report]:
        if self._runs_away:
            return []  # more of the same
        was_over = self.memory.over
        if was_over or self.memory.rejected:
            self._keep(over=False, rejected=False)
        return [Noted("goes on")] if was_over else []

    def _tool(self, part: dict[str, Any]) -> list[Report]:
        name = one_line(text_of(part, "tool"), ACTIVITY_CHARS) or "tool"
        state = table_of(part, "state")
        given = table_of(state, "input")
        listed = todo_list(name, given)
        title = "" if listed else one_line(text_of(state, "title"), ACTIVITY_CHARS)
        target = target_of(given, self._root) or title
        error = text_of(state, "error")
        code = count_of(table_of(state, "metadata"), "exit")
        bad = code or text_of(state, "status") == "error"
        rejected = self.memory.rejected or _REJECTED.search(error[:DETAIL_CHARS]) is not None
        self._keep(over=False, worked=True, rejected=rejected, idle=0)
        said = (error or text_of(state, "output")).lstrip()[: DETAIL_CHARS * 4].partition("\n")[0]
        outcome = one_line(f"exit {code}: {said}" if code else said, DETAIL_CHARS)
        return [
            ToolUsed(name, target, "running", size_of_edit(name, given)),
            *edited_by(name, given, self._root),
            *listed,
            ToolUsed(name, target, "failed" if bad else "ok", outcome),
        ]

    def _step_finish(self, part: dict[str, Any]) -> list[Report]:
        memory = self.memory
        mark = mark_of(text_of(part, "id"))
        if mark in memory.seen:
            return []
        total = plus(memory.total, _of_step(part))
        reason = text_of(part, "reason")
        going = reason in _GOES_ON
        idle = min(RUNAWAY_STEPS, memory.idle + 1) if going and not memory.worked else 0
        result = None if going else _BY_REASON.get(reason)
        if not going and result is None:
            words = one_line(f"it stopped: {reason}", DETAIL_CHARS)
            result = Ended(False, words, FailureClass.AGENT)
        if idle >= RUNAWAY_STEPS:
            words = f"{RUNAWAY_STEPS} steps in a row went on without using a tool"
            result = Ended(False, words, FailureClass.NO_PROGRESS)
        self._keep(
            total=total,
            seen=(*memory.seen, mark)[-SEEN:],
            over=result is not None,
            going=going,
            worked=False,
            idle=idle,
        )
        return [self._usage()] if result is None else [self._usage(), result]


def _of_step(part: dict[str, Any]) -> Totals:
    """What one step used."""
    tokens = table_of(part, "tokens")
    cache = table_of(tokens, "cache")
    fresh = count_of(tokens, "input") + count_of(cache, "write")
    out = count_of(tokens, "output"), count_of(tokens, "reasoning")
    total = count_of(tokens, "total")
    return _used(fresh, *out, count_of(cache, "read"), total, number_of(part, "cost"))


def _used(fresh: int, out: int, thought: int, read: int, total: int, usd: float) -> Totals:
    """The tokens of a step. Its thinking is in the output or beside it: the total tells."""
    most = out + thought
    if total:
        most = min(most, max(out, total - fresh - read))
    return Totals(fresh, most, read, usd)


def _failure(error: dict[str, Any], at: float) -> Ended:
    """What an error line says that was written at `at` seconds since the epoch."""
    data = table_of(error, "data")
    name = text_of(error, "name")
    said = one_line(text_of(data, "message") or text_of(error, "message") or name, DETAIL_CHARS)
    body = text_of(data, "responseBody")[:DETAIL_CHARS]
    named = _BY_NAME.get(name) or cause_of(f"{said} {body}", count_of(data, "statusCode"))
    after = text_of(table_of(data, "responseHeaders"), "retry-after")
    wait = float(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0.0
    retry_at = at + wait if at and 0 < wait <= MAX_RETRY_AFTER_S else None
    return Ended(False, said or "it failed", named or FailureClass.AGENT, retry_at)
