"""A model that does one thing, for real agents: it writes a file with the agent's own tool.

Speaks as much of Anthropic Messages and of OpenAI chat completions as agents need, on loopback, in
a thread. The first request of a task is answered by a call of the write tool, the request with its
result by a last word. Requests are kept, so a test sees what the agent remembers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

LAST_WORD = "It is written."
_ids = count(1)  # agents take a message or call with a known id for one that they have seen


class ModelApi:
    """The server, from `with` to the end of it."""

    def __init__(self, path: str, content: str) -> None:
        """`path` and `content` of the file that the model wants to have written."""
        self.path = path
        self.content = content
        self.bodies: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ModelApi:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                api.bodies.append(text)
                body = json.loads(text or "{}")
                speak = anthropic if "messages" in self.path else openai
                *events, whole = speak(api.call_for(body))
                if body.get("stream"):
                    self.answer("text/event-stream", "".join(map(as_event, events)))
                else:
                    self.answer("application/json", json.dumps(whole))

            def do_GET(self) -> None:
                self.answer("application/json", "{}")

            def do_HEAD(self) -> None:
                self.do_GET()

            def answer(self, kind: str, text: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def call_for(self, body: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
        """The tool to call now: its name and arguments. None: say the last word."""
        tools = [tool.get("function") or tool for tool in body.get("tools") or []]
        write = next((tool for tool in tools if tool.get("name", "").lower() == "write"), None)
        if write is None or ends_with_result(body.get("messages") or []):
            return None
        schema = write.get("input_schema") or write.get("parameters")
        names = schema["properties"]
        values = {name: self.path if "path" in name.lower() else self.content for name in names}
        return write["name"], values


def ends_with_result(messages: list[dict[str, Any]]) -> bool:
    """Whether a tool's result came after the latest thing a person said."""
    for message in reversed(messages):
        if message.get("role") == "tool":
            return True
        parts = message.get("content")
        kinds = [part.get("type") for part in parts] if isinstance(parts, list) else []
        if message.get("role") == "user":
            return "tool_result" in kinds
    return False


Event = tuple[str | None, Any]


def as_event(event: Event) -> str:
    name, data = event
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def anthropic(call: tuple[str, dict[str, str]] | None) -> Iterator[Any]:
    """The events of a streamed reply, then the reply as a whole."""
    usage = {"input_tokens": 10, "output_tokens": 5}
    message: dict[str, Any] = {
        "id": f"msg_{next(_ids)}",
        "type": "message",
        "role": "assistant",
        "model": "m",
    }
    message |= {"content": [], "stop_reason": None, "usage": usage}
    yield "message_start", {"type": "message_start", "message": message}
    if call is None:
        block: dict[str, Any] = {"type": "text", "text": LAST_WORD}
        delta = {"type": "text_delta", "text": LAST_WORD}
        empty = {**block, "text": ""}
    else:
        block = {"type": "tool_use", "id": f"toolu_{next(_ids)}", "name": call[0], "input": call[1]}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
        empty = {**block, "input": {}}
    start = {"type": "content_block_start", "index": 0, "content_block": empty}
    yield "content_block_start", start
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    reason = {"stop_reason": "end_turn" if call is None else "tool_use"}
    yield "message_delta", {"type": "message_delta", "delta": reason, "usage": usage}
    yield "message_stop", {"type": "message_stop"}
    yield {**message, "content": [block], **reason}


def openai(call: tuple[str, dict[str, str]] | None) -> Iterator[Any]:
    """The events of a streamed reply, then the reply as a whole."""
    reply: dict[str, Any] = {"role": "assistant", "content": LAST_WORD}
    reason = "stop"
    if call is not None:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        called = {"index": 0, "id": f"call_{next(_ids)}", "type": "function", "function": function}
        reply, reason = {"role": "assistant", "content": None, "tool_calls": [called]}, "tool_calls"
    chunk = {"id": f"c{next(_ids)}", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    yield None, {**chunk, "choices": [{"index": 0, "delta": reply, "finish_reason": None}]}
    end = [{"index": 0, "delta": {}, "finish_reason": reason}]
    yield None, {**chunk, "choices": end, "usage": usage}
    yield None, "[DONE]"
    whole = [{"index": 0, "message": reply, "finish_reason": reason}]
    yield {**chunk, "object": "chat.completion", "choices": whole, "usage": usage}
