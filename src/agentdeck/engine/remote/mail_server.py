"""The MCP server of an agent that works on another machine than its engine: over stdin and stdout.

Rules:
- It knows the tools from its pass and carries out none: a call is laid down as a file (`mail`), and
  what the engine answers is what its client gets.
- A call that cannot be carried out is an answer with `isError`, which its model can read; only what
  is no call at all is an error of the protocol.
- While a call waits, a client that asked for progress is told in each `PROGRESS_S` that it does. A
  call that its client has given up is taken back.
- The standard library alone. It ends when its client hangs up.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from agentdeck import __version__
from agentdeck.core.errors import DeckError
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.remote import mail

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")  # of MCP; latest first
PROGRESS_S: Final = 5.0  # clients give up after 60 s of silence, the most impatient after 10 s
LOOK_S: Final = 0.1  # between two looks for an answer
LATE_S: Final = 10.0  # beyond the wait of the plan: for the way there and back, or a new engine
MAX_LINE: Final = 4 * 1024 * 1024  # bytes of one message
MAX_PASS: Final = 1024 * 1024  # bytes of the pass; with five tools it has some 10,000
NO_METHOD: Final = -32601
INVALID: Final = -32600
INVALID_PARAMS: Final = -32602
PARSE: Final = -32700


@dataclass(frozen=True, slots=True)
class FarPass:
    """What the server works with; the content of a file of its owner's."""

    mail: Path  # where calls are laid down
    secret: str  # proves that a call is of this attempt
    wait_s: float  # of one call for its answer
    instructions: str
    tools: tuple[Mapping[str, Any], ...]  # as the protocol writes them


def far_pass(
    folder: str, secret: str, wait_s: float, instructions: str, tools: list[dict[str, Any]]
) -> bytes:
    """The content of a pass for calls below the folder of a tenancy."""
    return json.dumps(
        {
            "mail": f"{folder}/{mail.FOLDER}",
            "secret": secret,
            "wait_s": wait_s,
            "instructions": instructions,
            "tools": tools,
        }
    ).encode()


def read_far_pass(file: Path) -> FarPass | None:
    """The pass in a file; None where there is none, or one for an engine of this machine."""
    try:
        found = json.loads(read_plain(file, MAX_PASS))
        return FarPass(
            Path(found["mail"]),
            str(found["secret"]),
            float(found["wait_s"]),
            str(found["instructions"]),
            tuple(found["tools"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def serve_far(own: FarPass) -> None:
    """Answer one client on stdin and stdout until it hangs up."""
    _Server(own, sys.stdin.buffer, sys.stdout.buffer).run()


class _Error(Exception):
    """An error of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class _Server:
    """One client's."""

    def __init__(self, own: FarPass, source: BinaryIO, goal: BinaryIO) -> None:
        self._own, self._source, self._goal = own, source, goal
        self._writing = threading.Lock()
        self._given_up: dict[str, threading.Event] = {}  # calls that wait, by the id of the request
        self._threads: dict[str, threading.Thread] = {}  # the same

    def run(self) -> None:
        """Read and answer until there is nothing more to read."""
        while line := self._source.readline(MAX_LINE):
            if not line.endswith(b"\n"):
                self._fail(None, _Error(INVALID, f"a message has more than {MAX_LINE:,} bytes"))
                break
            if line.strip():
                self._hear(line)
        for event in list(self._given_up.values()):
            event.set()
        for thread in list(self._threads.values()):
            thread.join(2 * LOOK_S)

    def _hear(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            self._fail(None, _Error(PARSE, "the message is no JSON"))
            return
        if not isinstance(said, dict) or not isinstance(said.get("method"), str):
            if not (isinstance(said, dict) and ("result" in said or "error" in said)):
                self._fail(None, _Error(INVALID, "the message is no request"))
            return
        params = said.get("params")
        params = params if isinstance(params, dict) else {}
        if "id" not in said:
            self._note(said["method"], params)
            return
        try:
            result = self._answer(said["id"], said["method"], params)
        except _Error as error:
            self._fail(said["id"], error)
            return
        if result is not None:
            self._write({"id": said["id"], "result": result})

    def _note(self, method: str, params: Mapping[str, Any]) -> None:
        if method == "notifications/cancelled":
            event = self._given_up.get(_name(params.get("requestId")))
            if event is not None:
                event.set()

    def _answer(self, request: object, method: str, params: Mapping[str, Any]) -> Any:
        """The result; None where it comes later."""
        match method:
            case "initialize":
                asked = params.get("protocolVersion")
                return {
                    "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "agentdeck", "version": __version__},
                    "instructions": self._own.instructions,
                }
            case "ping":
                return {}
            case "tools/list":
                return {"tools": list(self._own.tools)}
            case "tools/call":
                self._begin(request, params)
                return None
            case _:
                raise _Error(NO_METHOD, f"there is no method {method[:60]!r}")

    def _begin(self, request: object, params: Mapping[str, Any]) -> None:
        known = [str(tool["name"]) for tool in self._own.tools]
        name, arguments = params.get("name"), params.get("arguments")
        if name not in known:
            raise _Error(INVALID_PARAMS, f"there is no tool {name!r:.60} ({', '.join(known)})")
        if not isinstance(arguments, dict | None):
            raise _Error(INVALID_PARAMS, "the arguments are no object")
        if len(self._given_up) >= mail.MAX_WAITING or _name(request) in self._given_up:
            self._reply(request, f"{len(self._given_up)} calls wait for an answer already")
            return
        meta = params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        event = threading.Event()
        work = (request, str(name), arguments or {}, event, token)
        thread = threading.Thread(target=self._call, args=work, daemon=True)
        self._given_up[_name(request)], self._threads[_name(request)] = event, thread
        thread.start()

    def _call(
        self,
        request: object,
        tool: str,
        arguments: Mapping[str, Any],
        given_up: threading.Event,
        token: object,
    ) -> None:
        try:
            said = self._ask(tool, arguments, given_up, token)
            if not given_up.is_set():
                self._reply(request, **said)
        except (DeckError, OSError, ValueError, TypeError) as fault:
            self._reply(request, f"the call cannot be passed on: {fault}")
        finally:
            self._given_up.pop(_name(request), None)
            self._threads.pop(_name(request), None)

    def _ask(
        self, tool: str, arguments: Mapping[str, Any], given_up: threading.Event, token: object
    ) -> dict[str, Any]:
        """Lay a call down and wait for what it comes to."""
        key, box = f"c-{secrets.token_hex(6)}", self._own.mail
        call = {"tool": tool, "arguments": arguments, "secret": self._own.secret}
        mail.post(box, key, json.dumps(call).encode())
        began = time.monotonic()
        beats = 0
        while not given_up.is_set():
            if (data := mail.take_answer(box, key)) is not None:
                found = json.loads(data)
                return {"text": found["text"], "ok": found["ok"], "data": found["data"]}
            waited = time.monotonic() - began
            if waited > self._own.wait_s + LATE_S:
                break
            if token is not None and waited > (beats + 1) * PROGRESS_S:
                beats += 1
                self._tell_progress(token, beats * PROGRESS_S)
            given_up.wait(LOOK_S)
        mail.take_back(box, key)
        return {
            "text": "the engine of the run does not answer (go on, or try it again later; if it "
            f"has heard this, wait_for_answer with the id {key} finds what it says)"
        }

    def _tell_progress(self, token: object, waited_s: float) -> None:
        params = {
            "progressToken": token,
            "progress": waited_s,
            "message": f"waiting for {waited_s:g} s",
        }
        self._write({"method": "notifications/progress", "params": params})

    def _reply(self, request: object, text: str, *, ok: bool = False, data: object = None) -> None:
        result: dict[str, Any] = {
            "content": [{"type": "text", "text": text}],
            "isError": not ok,
        }
        if data is not None:
            result["structuredContent"] = data
        self._write({"id": request, "result": result})

    def _fail(self, request: object, error: _Error) -> None:
        self._write({"id": request, "error": {"code": error.code, "message": error.message}})

    def _write(self, message: Mapping[str, Any]) -> None:
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        with self._writing:
            try:
                self._goal.write(line)
                self._goal.flush()
            except (OSError, ValueError):
                pass  # the client has hung up: reading ends, too


def _name(request: object) -> str:
    """An id of a request, which is a number or a text, as a key."""
    return repr(request)[:200]


__all__ = ["FarPass", "far_pass", "read_far_pass", "serve_far"]
