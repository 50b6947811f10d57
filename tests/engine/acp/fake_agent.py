"""An ACP agent for tests, standard library only: `fake_agent.py [OPTIONS AS JSON]`.

A prompt's text is a JSON list of steps, played in order. Every answer it gets is told in a message
(`say`), so a test reads it in the log. Options: `offer` and `opened` are merged into the answers to
initialize and session/new, `errors` names methods that fail, `deaf` never answers, `stubborn` does
not end when its input does, `deathless` also ignores SIGTERM, `first` are steps before anything.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any


class Agent:
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.asked = 0
        self.cancelled = False
        self.pending: list[dict[str, Any]] = []  # messages that came while we waited for another

    def run(self) -> None:
        self.play(self.options.get("first", []))
        while (message := self.next()) is not None:
            self.handle(message)
        while self.options.get("stubborn"):
            time.sleep(1)

    def next(self) -> dict[str, Any] | None:
        if self.pending:
            return self.pending.pop(0)
        line = sys.stdin.readline()
        return json.loads(line) if line else None

    def handle(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params") or {}
        if self.options.get("deaf") or "id" not in message or method is None:
            return None
        if method in self.options.get("errors", {}):
            return self.send({"id": message["id"], "error": self.options["errors"][method]})
        answers: dict[str, Any] = {
            "initialize": {"protocolVersion": 1, **self.options.get("offer", {})},
            "session/new": {"sessionId": "s-1", **self.options.get("opened", {})},
        }
        if method == "session/load":
            self.say("an old answer")
        if method == "authenticate":
            del self.options["errors"]["session/new"]
        if method == "session/prompt":
            self.cancelled = False
            result = self.play(json.loads(params["prompt"][0]["text"]))
        else:
            result = answers.get(method, {})
        return self.send(
            {"id": message["id"], **(result if "error" in result else {"result": result})}
        )

    def play(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        for step in steps:
            ((kind, value),) = step.items()
            match kind:
                case "say":
                    self.say(value)
                case "update":
                    self.update(value)
                case "ask":
                    self.say(self.request("session/request_permission", permission(value)))
                case "call":
                    method, params = value
                    self.say(self.request(method, {"sessionId": "s-1", **params}))
                case "same id":
                    self.asked = value
                case "notify":
                    self.send({"method": value[0], "params": value[1]})
                case "raw":
                    os.write(1, value.encode("latin-1"))
                case "stderr":
                    os.write(2, value.encode())
                case "flood":
                    for number in range(value):
                        self.send({"id": f"f{number}", "method": "no/such", "params": {}})
                case "until cancelled":
                    self.wait_for_cancel()
                case "hang":
                    while self.next_of_client() is not None:
                        pass
                case "hold output":  # a child that keeps our pipes after we have gone
                    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({value})"])
                case "die":
                    os._exit(value)
                case "stop":
                    return {"stopReason": value}
                case "fail":
                    return {"error": value}
                case _:
                    raise ValueError(kind)
        return {"stopReason": "cancelled" if self.cancelled else "end_turn"}

    def request(self, method: str, params: dict[str, Any]) -> Any:
        """Ask the client and wait for its answer, heeding a cancel meanwhile."""
        self.asked += 1
        self.send({"id": self.asked, "method": method, "params": params})
        while (message := self.next_of_client()) is not None:
            if message.get("id") == self.asked and "method" not in message:
                return message.get("result", message.get("error"))
            self.note(message)
        sys.exit(0)

    def wait_for_cancel(self) -> None:
        while not self.cancelled:
            message = self.next_of_client()
            if message is None:
                sys.exit(0)
            self.note(message)

    def next_of_client(self) -> dict[str, Any] | None:
        line = sys.stdin.readline()
        return json.loads(line) if line else None

    def note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "session/cancel":
            self.cancelled = True
        elif message.get("method") == "_session/steering":
            self.say(f"steered: {message['params']['prompt'][0]['text']}")
            outcome = self.options.get("steered", "injected")
            self.send({"id": message["id"], "result": {"outcome": outcome}})
        elif "method" in message:
            self.pending.append(message)

    def say(self, what: Any) -> None:
        text = what if isinstance(what, str) else json.dumps(what)
        content = {"type": "text", "text": text}
        self.update({"sessionUpdate": "agent_message_chunk", "content": content})

    def update(self, update: dict[str, Any]) -> None:
        self.send({"method": "session/update", "params": {"sessionId": "s-1", "update": update}})

    def send(self, message: dict[str, Any]) -> None:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def permission(kinds: list[str]) -> dict[str, Any]:
    """A permission request with an option of each kind; ids say nothing about kinds."""
    options = [
        {"optionId": f"o{number}", "name": kind, "kind": kind} for number, kind in enumerate(kinds)
    ]
    return {"sessionId": "s-1", "toolCall": {"toolCallId": "t-1", "title": "x"}, "options": options}


if __name__ == "__main__":
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    if given.get("deathless"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Agent(given).run()
