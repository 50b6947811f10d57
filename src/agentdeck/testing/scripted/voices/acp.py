"""An agent of the Agent Client Protocol, version 1: JSON-RPC 2.0, one object a line, both ways.

Rules:
- `session/prompt` is answered when its turn is over; what happens meanwhile are notifications. One
  turn at a time: a second prompt waits.
- `ask permission` makes each tool ask with `session/request_permission`; the mode of the session
  and an answer of the kind `allow_always` make it stop asking.
- A client that can write files is asked to write them.
- `session/load` repeats what was said. Sessions outlive the process.
- Troubles of the service are JSON-RPC errors. The end of the input ends the process, with code 0.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH112

from __future__ import annotations

import os

from agentdeck.testing.scripted.calls import EDIT, WRITE, Call
from agentdeck.testing.scripted.endings import (
    QUOTA,
    RATE_LIMIT,
    REFUSED,
    STATUS,
    TURN_LIMIT,
    Interrupted,
    Trouble,
    TurnEnds,
)
from agentdeck.testing.scripted.session import Session
from agentdeck.testing.scripted.voice import HALF_AN_ANSWER, Voice
from agentdeck.testing.scripted.voices.acp_lines import (
    CAPABILITIES,
    CONTEXT,
    INTERNAL,
    INVALID,
    KINDS,
    MAX_SESSIONS,
    MODES,
    NOT_FOUND,
    OPTIONS,
    UNKNOWN_METHOD,
    diff_of,
    input_of,
    locations_of,
    text_at,
    title_of,
)
from agentdeck.testing.scripted.voices.talking import Input, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agentdeck.testing.scripted.attempt import Attempt
    from agentdeck.testing.scripted.session import Store
    from agentdeck.testing.scripted.work import Work


class Refused(Exception):
    """A request that cannot be met."""

    def __init__(self, code: int, message: str) -> None:
        self.code, self.message = code, message


class Acp(Voice):
    """Speaks the protocol."""

    speaks = "acp"

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._input = Input(attempt, self._take)
        self._works: dict[str, Work] = {}
        self._modes: dict[str, str] = {}
        self._always: set[str] = set()  # kinds of tools that need not ask any more
        self._client_writes = False
        self._working = False
        self._prompt: object = None  # the id of the request that is answered at the turn's end
        self._requests = 0  # of its own
        self._awaited: int | None = None
        self._answer: dict[str, Any] = {}

    @property
    def converses(self) -> bool:
        """Always."""
        return True

    def converse(self, store: Store, start: Callable[[Session], Work]) -> int:
        """Serve until the input ends."""
        self._store, self._start = store, start
        while (request := self._input.next_prompt()) is not None:
            self._prompt, params = request["id"], request["params"]
            work = self._works.get(params["sessionId"])
            if work is None:
                self._fail(self._prompt, INVALID, "this session is not open")
                continue
            if os.path.isdir(work.session.cwd):
                os.chdir(work.session.cwd)
            self._working = True
            try:
                work.turn(self._input.told(text_of(params.get("prompt"))))
            except Interrupted:
                self._interrupted()
            self._working = False
        return 0

    # --- the story ----------------------------------------------------------------------------

    def begin(self, prompt: str) -> None:
        """Say what commands there are."""
        self._update("available_commands_update", availableCommands=[])

    def await_the_end_of_the_input(self) -> None:
        """That would be the end of the conversation."""

    def hear(self, wait_s: float) -> str | None:
        """Serve what comes in.

        Raises:
            Interrupted: the turn was cancelled.
        """
        self._input.hear(wait_s)
        return None

    def poll(self) -> None:
        """Serve what has come in meanwhile.

        Raises:
            Interrupted: the turn was cancelled.
        """
        self._input.hear(0)

    def permit(self, call: Call) -> None:
        """Ask, unless the mode or an earlier answer allows it.

        Raises:
            Interrupted: the turn was cancelled.
        """
        kind, mode = KINDS[call.kind], self._modes.get(self.session.id, MODES[0])
        if mode == MODES[2] or (mode == MODES[1] and kind == "edit") or kind in self._always:
            return
        wanted: dict[str, object] = {"toolCallId": call.id, "title": title_of(call), "kind": kind}
        wanted |= {"status": "pending", "locations": locations_of(call)}
        wanted["rawInput"] = input_of(call)
        if call.kind in (WRITE, EDIT):
            wanted["content"] = [diff_of(call)]
        answer = self._ask("session/request_permission", toolCall=wanted, options=OPTIONS)
        outcome = (answer.get("result") or {}).get("outcome") or {}
        chosen = [each for each in OPTIONS if each["optionId"] == outcome.get("optionId")]
        if outcome.get("outcome") == "cancelled":
            raise Interrupted
        if not chosen or chosen[0]["kind"] == "reject_once":
            call.denied = "User refused permission to run tool"
        elif chosen[0]["kind"] == "allow_always":
            self._always.add(kind)

    def writes(self, call: Call) -> bool:
        """Have the client write the file, if it can."""
        if not self._client_writes:
            return False
        text = (text_at(call.path) if call.kind == EDIT else "") + call.text
        answer = self._ask("fs/write_text_file", path=call.path, content=text)
        if "error" in answer:
            call.denied = f"the client cannot write it: {answer['error'].get('message', '')}"
        return True

    def cut(self) -> None:
        """Take half of it for all; what real agents do was not seen.

        Raises:
            TurnEnds: always.
        """
        self.say(HALF_AN_ANSWER)
        raise TurnEnds

    # --- what the format says -----------------------------------------------------------------

    def text(self, text: str) -> None:
        """A piece of the answer."""
        content = {"type": "text", "text": text}
        name = f"msg_{self.meter.total.replies}"
        self._update("agent_message_chunk", messageId=name, content=content)

    def called(self, call: Call) -> None:
        """A tool is wanted, then begins."""
        call.id = f"call_{self.calls}_{self.ids.hexes(6)}"
        told: dict[str, object] = {"toolCallId": call.id, "kind": KINDS[call.kind]}
        told["title"] = call.name
        self._update("tool_call", **told, status="pending", locations=[], rawInput={})
        told["title"] = title_of(call)
        more = {"locations": locations_of(call), "rawInput": input_of(call)}
        if call.kind in (WRITE, EDIT):
            more["content"] = [diff_of(call)]
        self._update("tool_call_update", **told, status="in_progress", **more)

    def ended(self, call: Call) -> None:
        """How a tool ended, and how full the context is."""
        done = "Wrote file successfully." if call.kind in (WRITE, EDIT) else call.output
        text = done if call.denied is None else call.denied
        content = [{"type": "content", "content": {"type": "text", "text": text}}]
        raw = {"output": text} if call.denied is None else {"error": text}
        told = {"toolCallId": call.id, "title": title_of(call)}
        status = "completed" if call.denied is None else "failed"
        self._update("tool_call_update", **told, status=status, content=content, rawOutput=raw)

    def reply_closed(self, reason: str) -> None:
        """How full the context is, and what the session has cost."""
        cost = {"amount": self.meter.total.usd, "currency": "USD"}
        self._update("usage_update", used=self.meter.context, size=CONTEXT, cost=cost)

    def result(self) -> None:
        """Answer the prompt."""
        self._stop("end_turn")

    def broke(self, trouble: Trouble) -> int:
        """Answer the prompt with what went wrong."""
        self.close("stop")
        if trouble.kind == TURN_LIMIT:
            self._stop("max_turn_requests")
        elif trouble.kind == REFUSED:
            self._stop("refusal")
        else:
            status = STATUS.get(trouble.kind)
            words = f"HTTP {status}: {trouble.detail}" if status else trouble.detail
            if trouble.kind in (RATE_LIMIT, QUOTA):
                words += f"; retry after {trouble.wait_s:.0f} s"
            data = {"service": "session", "errorName": "APIError" if status else "UnknownError"}
            self._fail(self._prompt, INTERNAL, f"Internal error: {words}", data)
        return 0

    def _interrupted(self) -> None:
        if self.calling is not None:
            self.calling.denied = "Tool execution aborted"
            self.returned(self.calling)
        self.close("stop")
        self._stop("cancelled")

    def _stop(self, reason: str) -> None:
        turn = self.meter.turn
        usage = {
            "inputTokens": turn.fresh,
            "outputTokens": turn.out,
            "totalTokens": turn.taken_in + turn.out,
            "cachedReadTokens": turn.cached,
        }
        self._reply(self._prompt, {"stopReason": reason, "usage": usage, "_meta": {}})

    # --- what the client wants ----------------------------------------------------------------

    def _take(self, line: dict[str, Any]) -> None:
        if "method" not in line:
            if line.get("id") is not None and line.get("id") == self._awaited:
                self._answer = line
            return
        params = line.get("params")
        params = params if isinstance(params, dict) else {}
        if "id" not in line:
            if line["method"] == "session/cancel":
                self._cancel(params.get("sessionId"))
            return
        if line["method"] == "session/prompt":
            self._input.keep({"id": line["id"], "params": {"sessionId": "", **params}})
            return
        try:
            self._reply(line["id"], self._serve(str(line["method"]), params))
        except Refused as fault:
            self._fail(line["id"], fault.code, fault.message)

    def _serve(self, method: str, params: dict[str, Any]) -> dict[str, object]:
        match method:
            case "initialize":
                can = params.get("clientCapabilities") or {}
                self._client_writes = (can.get("fs") or {}).get("writeTextFile") is True
                name = {"name": "scripted", "title": "Scripted agent", "version": "1"}
                found = {"protocolVersion": 1, "agentCapabilities": CAPABILITIES}
                return {**found, "authMethods": [], "agentInfo": name}
            case "authenticate":
                return {}
            case "session/new":
                session = Session(self.new_id(), str(params.get("cwd") or self.attempt.cwd))
                self._open(session)
                return {"sessionId": session.id, "modes": self._modes_of(session.id)}
            case "session/load" | "session/resume":
                return self._again(str(params.get("sessionId")), replay=method == "session/load")
            case "session/set_mode":
                return self._set_mode(str(params.get("sessionId")), params.get("modeId"))
            case "session/close":
                self._works.pop(str(params.get("sessionId")), None)
                return {}
            case _:
                raise Refused(UNKNOWN_METHOD, f"Method not found: {method}")

    def _open(self, session: Session) -> None:
        if len(self._works) >= MAX_SESSIONS:
            raise Refused(INTERNAL, f"more than {MAX_SESSIONS} sessions")
        self._store.keep(session)
        self._works[session.id] = self._start(session)

    def _again(self, name: str, *, replay: bool) -> dict[str, object]:
        session = self._store.find(name)
        if session is None:
            raise Refused(NOT_FOUND, f"Resource not found: session {name}")
        self._open(session)
        if replay:
            for word, argument in session.script[: session.done]:
                if word == "say":
                    content = {"type": "text", "text": argument}
                    self._notify(name, {"sessionUpdate": "agent_message_chunk", "content": content})
        return {"modes": self._modes_of(name)}

    def _set_mode(self, session: str, mode: object) -> dict[str, object]:
        if mode not in MODES or session not in self._works:
            raise Refused(INVALID, f"there is no mode {mode}, or no such session")
        self._modes[session] = str(mode)
        self._notify(session, {"sessionUpdate": "current_mode_update", "currentModeId": mode})
        return {}

    def _modes_of(self, session: str) -> dict[str, object]:
        modes = [{"id": mode, "name": mode, "description": ""} for mode in MODES]
        return {"currentModeId": self._modes.get(session, MODES[0]), "availableModes": modes}

    def _cancel(self, session: object) -> None:
        for request in self._input.drop(lambda kept: kept["params"]["sessionId"] == session):
            self._reply(request["id"], {"stopReason": "cancelled", "_meta": {}})
        if self._working and session == self.session.id:
            raise Interrupted

    # --- lines --------------------------------------------------------------------------------

    def _ask(self, method: str, **params: object) -> dict[str, Any]:
        """Ask the client, and serve it until it has answered."""
        self._awaited, self._answer = self._requests, {}
        self._requests += 1
        call = {"method": method, "params": {"sessionId": self.session.id, **params}}
        self._line({"id": self._awaited, **call})
        try:
            while not self._answer and self._input.next():
                pass
        finally:
            self._awaited = None
        return self._answer or {"error": {"message": "the input was closed"}}

    def _update(self, what: str, /, **fields: object) -> None:
        self._notify(self.session.id, {"sessionUpdate": what, **fields})

    def _notify(self, session: str, update: dict[str, object]) -> None:
        params = {"sessionId": session, "update": update}
        self._line({"method": "session/update", "params": params})

    def _reply(self, name: object, result: dict[str, object]) -> None:
        self._line({"id": name, "result": result})

    def _fail(self, name: object, code: int, message: str, data: object = None) -> None:
        error = {"code": code, "message": message}
        self._line({"id": name, "error": {**error, "data": data} if data else error})

    def _line(self, fields: dict[str, object]) -> None:
        self.out.json({"jsonrpc": "2.0", **fields})


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Acp(attempt)
