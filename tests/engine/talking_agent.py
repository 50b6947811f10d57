"""A small agent that talks like Claude Code with stream-json input, for tests of the engine.

Measured on the real one (2.1.329): it prints nothing before its first prompt; each turn begins with
`system/init` and ends with `result`; what is said in the middle of a turn is taken into that turn;
what is said after it is another turn; when its input ends it finishes what it was told and exits; a
tool that has to be allowed after that is refused; half a line is the end of it.

A prompt's lines that start with `! ` are done in order: `write PATH TEXT`, `commit`, `say TEXT`,
`sleep SECONDS`, `busy SECONDS` (without listening), `ask TOOL TARGET`, `question TEXT`. What was
heard is kept in `$HEARD`, a line each.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SESSION = os.environ.get("SESSION", "11111111-2222-4333-8444-555555555555")
HEARD = Path(os.environ["HEARD"])
lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
waiting: list[dict[str, Any]] = []  # said in the middle of something
state: dict[str, Any] = {"closed": False, "asked": 0, "turns": 0, "failed": False}


def tell(kind: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"type": kind, "session_id": SESSION, **fields}) + "\n")
    sys.stdout.flush()


def read_input() -> None:
    for line in sys.stdin:
        try:
            lines.put(json.loads(line))
        except ValueError:
            sys.stderr.write("Error parsing streaming input line\n")
            os._exit(1)
    lines.put(None)


def take(wait_s: float | None) -> dict[str, Any] | None:
    """The next line that is said, or None when the input has ended or time is up."""
    if state["closed"]:
        time.sleep(wait_s or 0)
        return None
    try:
        found = lines.get(timeout=wait_s)
    except queue.Empty:
        return None
    state["closed"] = found is None
    return found


def heard(text: str) -> None:
    with HEARD.open("a") as file:
        file.write(json.dumps(text) + "\n")


class Interrupted(Exception):
    pass


def listen(seconds: float) -> None:
    """Hear what is said in the middle of a turn: it is taken into this one."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        said = take(left)
        if said is not None:
            if said.get("type") == "user":
                heard(said["message"]["content"])
            interrupt(said)


def interrupt(said: dict[str, Any]) -> None:
    if said.get("type") == "control_request" and said["request"]["subtype"] == "interrupt":
        response = {"subtype": "success", "request_id": said["request_id"], "response": {}}
        tell("control_response", response=response)
        raise Interrupted


def ask(tool: str, given: dict[str, Any]) -> dict[str, Any]:
    state["asked"] += 1
    number = f"req-{state['asked']}"
    call = {"type": "tool_use", "id": f"t{state['asked']}", "name": tool, "input": given}
    tell("assistant", message={"id": f"m{number}", "role": "assistant", "content": [call]})
    if state["closed"]:
        return {"behavior": "deny", "message": "Stream closed"}
    request = {"subtype": "can_use_tool", "tool_name": tool, "input": given}
    tell("control_request", request_id=number, request=request)
    while not state["closed"]:
        said = take(None)
        if said is None:
            break
        if said.get("type") == "control_response" and said["response"]["request_id"] == number:
            answer: dict[str, Any] = said["response"]["response"]
            heard(json.dumps(answer, sort_keys=True))
            return answer
        if said.get("type") == "user":
            heard(said["message"]["content"])
        try:
            interrupt(said)
        except Interrupted:
            tell("control_cancel_request", request_id=number)
            raise
    return {"behavior": "deny", "message": "Stream closed"}


def do(instruction: str) -> None:
    word, _, rest = instruction.partition(" ")
    if word == "write":
        path, _, text = rest.partition(" ")
        Path(path).write_text(text + "\n")
    elif word == "commit":
        subprocess.run(["git", "add", "--all"], check=True)
        subprocess.run(["git", "commit", "--quiet", "--message", rest or "work"], check=False)
    elif word == "say":
        tell(
            "assistant", message={"role": "assistant", "content": [{"type": "text", "text": rest}]}
        )
    elif word == "sleep":
        listen(float(rest))
    elif word == "busy":
        time.sleep(float(rest))
    elif word == "ask":
        tool, _, target = rest.partition(" ")
        if ask(tool, {"command": target})["behavior"] == "allow":
            with Path("allowed").open("a") as file:
                file.write(f"{tool} {target}\n")
    elif word == "question":
        questions = [{"question": rest, "options": [{"label": "tabs"}, {"label": "spaces"}]}]
        answer = ask("AskUserQuestion", {"questions": questions})
        Path("answer").write_text(json.dumps(answer["updatedInput"]["answers"]) + "\n")


def turn(prompt: str) -> None:
    heard(prompt)
    tell("system", subtype="init", model="fake", cwd=str(Path.cwd()))
    state["turns"] += 1
    result: dict[str, Any] = {"subtype": "success", "is_error": False, "result": "done"}
    try:
        for line in prompt.splitlines():
            if line.strip().startswith("! "):
                do(line.strip()[2:])
    except Interrupted:
        failed = {"subtype": "error_during_execution", "is_error": True}
        result = {**failed, "terminal_reason": "aborted_tools"}
    tell("result", usage={"input_tokens": 10, "output_tokens": 5}, total_cost_usd=0.01, **result)
    state["failed"] = result["is_error"]


def main() -> int:
    threading.Thread(target=read_input, daemon=True).start()
    while not state["closed"]:
        said = take(None)
        if said is not None and said.get("type") == "user":
            turn(said["message"]["content"])
        elif said is not None and said.get("type") == "control_request":
            response = {"subtype": "success", "request_id": said["request_id"]}
            tell("control_response", response=response)
    return 1 if state["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
