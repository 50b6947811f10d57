"""A model's service for tests: what coding agents ask, on loopback, answered by a script.

It speaks four protocols (Anthropic's messages, OpenAI's responses and chat completions, Google's
generateContent), each streaming and whole. A base URL chooses what happens:
`http://127.0.0.1:PORT/SCENARIO/KEY`; failures are counted for each such URL.

A prompt that says "Create the file NAME" is answered with one shell command that writes it, then
with a sentence. An agent without tools (aider) gets the file as text. Everything else that agents
ask on the side (titles, routing, counting) gets an answer of the shape it wants.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

TOKENS_IN, TOKENS_CACHED, TOKENS_OUT = 1000, 100, 40  # of every answer
SHELLS = ("Bash", "bash", "run_shell_command", "exec_command", "shell_command", "shell")
FLOOD_BYTES = 50_000_000  # what one tool prints
DONE = "It is done: the file is there."
LONGEST_HANG_S = 300.0  # no test waits so long; an agent that is killed leaves earlier
MINI_END = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"  # mini-swe-agent ends when a command prints it

NAMESPACE = "::"  # between that of a tool and its name

Json = dict[str, Any]
_numbers = itertools.count(1)


@dataclass
class Ask:
    """One request, whatever its protocol."""

    model: str
    tools: dict[str, Json]  # the schema of the arguments, by name
    rounds: int  # of tools since the last prompt
    text: str  # all of the conversation
    schema: Json | None = None  # the answer has to be JSON of this shape

    @property
    def file(self) -> str:
        """The file that the last prompt wants."""
        found = re.findall(r"Create the file ([\w./-]+\w)", self.text)
        return str(found[-1]) if found else "nothing.txt"

    @property
    def shell(self) -> str | None:
        """The tool that runs commands."""
        return next((name for name in SHELLS if name in self.tools), None)

    def call(self, command: str) -> tuple[str, Json]:
        """A call of that tool, with the arguments that its schema wants."""
        name = self.shell or ""
        schema = self.tools[name]
        given: Json = {}
        for key, of in (schema.get("properties") or {}).items():
            if key in ("command", "cmd"):
                several = of.get("type") == "array"
                given[key] = ["sh", "-c", command] if several else command
            elif key in (schema.get("required") or ()):
                given[key] = "run it" if of.get("type") in (None, "string", "STRING") else 1
        return name, given


@dataclass
class Reply:
    """What the model says."""

    text: str = ""
    calls: list[tuple[str, Json]] = field(default_factory=list)
    refuses: bool = False
    status: int = 200
    retry_after: int | None = None
    hangs: bool = False  # the stream begins, and then nothing comes


def _works(ask: Ask, _: int) -> Reply:
    if not ask.tools:
        return Reply(f"{ask.file}\n```\nhello\n```\n")
    if ask.rounds == 0:
        return Reply("I write the file.", [ask.call(f"printf 'hello\\n' >> {ask.file}")])
    if MINI_END in ask.text:
        return Reply(DONE, [ask.call(f"echo {MINI_END}")])
    return Reply(DONE)


def _floods(ask: Ask, number: int) -> Reply:
    if ask.rounds == 0 and ask.tools:
        flood = f"head -c {FLOOD_BYTES} /dev/zero | tr '\\0' x; printf 'hello\\n' > {ask.file}"
        return Reply("It prints much.", [ask.call(flood)])
    return _works(ask, number)


def _asks(ask: Ask, number: int) -> Reply:
    """It asks a person through the tool of agentdeck, and writes down what it is told."""
    tool = next((name for name in ask.tools if name.endswith("ask_person")), None)
    if tool is None or ask.rounds > 1:
        return Reply(DONE if tool else "I have no tool to ask with.")
    if ask.rounds == 0:
        given = {"question": "Which colour?", "options": ["red", "blue"]}
        return Reply("I ask.", [(tool, given)])
    told = "teal" if "teal" in ask.text else "nothing"
    return Reply("I write it down.", [ask.call(f"printf '{told}\\n' > {ask.file}")])


# What happens, by name: from a request and how many came before it on this base URL.
SCENARIOS: dict[str, Callable[[Ask, int], Reply]] = {
    "works": _works,
    "asks": _asks,
    "limited-twice": lambda ask, number: (
        Reply(status=429, retry_after=1) if number < 2 else _works(ask, number)
    ),
    "fails": lambda _, __: Reply(status=500),
    "locked": lambda _, __: Reply(status=401),
    "hangs": lambda _, __: Reply("I think", hangs=True),
    "floods": _floods,
    "refuses": lambda _, __: Reply("I cannot help with that.", refuses=True),
}


class Protocol:
    """How requests and answers look."""

    path: ClassVar[str]  # a pattern of it

    def read(self, body: Json, path: str) -> Ask:
        """A request."""
        raise NotImplementedError

    def whole(self, reply: Reply, model: str) -> Json:
        """An answer in one object."""
        raise NotImplementedError

    def stream(self, reply: Reply, model: str) -> Iterator[Json]:
        """The same answer in pieces."""
        raise NotImplementedError


def _rounds(turns: list[str]) -> int:
    """Rounds of tools at the end of a conversation of `prompt`, `tool` and `model` turns."""
    count, before = 0, ""
    for turn in reversed(turns):
        if turn == "prompt":
            break
        count += turn == "tool" and before != "tool"
        before = turn
    return count


class Messages(Protocol):
    """Anthropic."""

    path = r"/messages$"

    def read(self, body: Json, path: str) -> Ask:
        turns = []
        for message in body["messages"]:
            content = message["content"]
            kinds = [] if isinstance(content, str) else [part["type"] for part in content]
            reminder = isinstance(content, str) and content.startswith("<system-reminder>")
            if message["role"] == "user" and not reminder:
                turns.append("tool" if "tool_result" in kinds else "prompt")
            else:
                turns.append("model")
        tools = {tool["name"]: tool.get("input_schema", {}) for tool in body.get("tools", ())}
        return Ask(body["model"], tools, _rounds(turns), json.dumps(body["messages"]))

    def whole(self, reply: Reply, model: str) -> Json:
        content: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
        content += [
            {"type": "tool_use", "id": f"toolu_{next(_numbers)}", "name": name, "input": given}
            for name, given in reply.calls
        ]
        stop = "refusal" if reply.refuses else "tool_use" if reply.calls else "end_turn"
        fresh = TOKENS_IN - TOKENS_CACHED
        usage = {"input_tokens": fresh, "output_tokens": TOKENS_OUT}
        usage |= {"cache_read_input_tokens": TOKENS_CACHED, "cache_creation_input_tokens": 0}
        head = {"id": f"msg_{next(_numbers)}", "type": "message", "role": "assistant"}
        return {**head, "model": model, "content": content, "stop_reason": stop, "usage": usage}

    def stream(self, reply: Reply, model: str) -> Iterator[Json]:
        whole = self.whole(reply, model)
        begun = {**whole, "content": [], "stop_reason": None}
        yield {"type": "message_start", "message": begun}
        for index, block in enumerate(whole["content"]):
            text = block["type"] == "text"
            empty = {**block, "text": ""} if text else {**block, "input": {}}
            yield {"type": "content_block_start", "index": index, "content_block": empty}
            delta = (
                {"type": "text_delta", "text": block["text"]}
                if text
                else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            )
            yield {"type": "content_block_delta", "index": index, "delta": delta}
            yield {"type": "content_block_stop", "index": index}
        usage = {"output_tokens": TOKENS_OUT}
        stop = {"stop_reason": whole["stop_reason"]}
        yield {"type": "message_delta", "delta": stop, "usage": usage}
        yield {"type": "message_stop"}


class Responses(Protocol):
    """OpenAI, as Codex asks."""

    path = r"/responses$"

    def read(self, body: Json, path: str) -> Ask:
        turns = []
        for item in body["input"]:
            kind = item.get("type", "message")
            if kind.endswith("call_output"):
                turns.append("tool")
            elif kind == "message" and item.get("role") == "user":
                turns.append("prompt")
            else:
                turns.append("model")
        tools = {
            tool["name"]: tool.get("parameters", {}) for tool in body["tools"] if "name" in tool
        }
        for group in body["tools"]:  # those of an MCP server stand in a namespace
            inside = group.get("tools", ()) if group.get("type") == "namespace" else ()
            for tool in inside:
                tools[f"{group['name']}{NAMESPACE}{tool['name']}"] = tool.get("parameters", {})
        return Ask(body["model"], tools, _rounds(turns), json.dumps(body["input"]))

    def whole(self, reply: Reply, model: str) -> Json:
        output: list[Json] = []
        if reply.text:
            kind = "refusal" if reply.refuses else "output_text"
            said = {"type": kind, "annotations": []}
            said["refusal" if reply.refuses else "text"] = reply.text
            output.append({"type": "message", "role": "assistant", "content": [said]})
        for name, given in reply.calls:
            namespace, _, bare = name.rpartition(NAMESPACE)
            call = {"type": "function_call", "call_id": f"call_{next(_numbers)}", "name": bare}
            call |= {"namespace": namespace} if namespace else {}
            output.append({**call, "arguments": json.dumps(given)})
        for item in output:
            item |= {"id": f"item_{next(_numbers)}", "status": "completed"}
        usage = {
            "input_tokens": TOKENS_IN,
            "input_tokens_details": {"cached_tokens": TOKENS_CACHED},
            "output_tokens": TOKENS_OUT,
            "total_tokens": TOKENS_IN + TOKENS_OUT,
        }
        head = {"id": f"resp_{next(_numbers)}", "object": "response", "status": "completed"}
        return {**head, "model": model, "output": output, "usage": usage}

    def stream(self, reply: Reply, model: str) -> Iterator[Json]:
        whole = self.whole(reply, model)
        begun = {**whole, "status": "in_progress", "output": []}
        yield {"type": "response.created", "response": begun}
        for index, item in enumerate(whole["output"]):
            yield {"type": "response.output_item.added", "output_index": index, "item": item}
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        yield {"type": "response.completed", "response": whole}


class Chat(Protocol):
    """OpenAI, as everybody else asks."""

    path = r"/chat/completions$"

    def read(self, body: Json, path: str) -> Ask:
        roles = {"user": "prompt", "tool": "tool"}
        turns = [roles.get(message["role"], "model") for message in body["messages"]]
        functions = [tool["function"] for tool in body.get("tools") or ()]
        tools = {each["name"]: each.get("parameters", {}) for each in functions}
        return Ask(body["model"], tools, _rounds(turns), json.dumps(body["messages"]))

    def _usage(self) -> Json:
        details = {"prompt_tokens_details": {"cached_tokens": TOKENS_CACHED}}
        counts = {"prompt_tokens": TOKENS_IN, "completion_tokens": TOKENS_OUT}
        return {**counts, "total_tokens": TOKENS_IN + TOKENS_OUT, **details}

    def _message(self, reply: Reply) -> Json:
        calls = [
            {
                "index": index,
                "id": f"call_{next(_numbers)}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(given)},
            }
            for index, (name, given) in enumerate(reply.calls)
        ]
        message: Json = {"role": "assistant", "content": reply.text}
        return {**message, "tool_calls": calls} if calls else message

    def whole(self, reply: Reply, model: str) -> Json:
        stop = "tool_calls" if reply.calls else "stop"
        choice = {"index": 0, "message": self._message(reply), "finish_reason": stop}
        head = {"id": f"chat-{next(_numbers)}", "object": "chat.completion", "created": 1}
        return {**head, "model": model, "choices": [choice], "usage": self._usage()}

    def stream(self, reply: Reply, model: str) -> Iterator[Json]:
        head = {"id": f"chat-{next(_numbers)}", "object": "chat.completion.chunk", "created": 1}
        head["model"] = model
        delta = {"index": 0, "delta": self._message(reply), "finish_reason": None}
        yield {**head, "choices": [delta]}
        stop = "tool_calls" if reply.calls else "stop"
        yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": stop}]}
        yield {**head, "choices": [], "usage": self._usage()}


class Generate(Protocol):
    """Google."""

    path = r":(generateContent|streamGenerateContent)$"

    def read(self, body: Json, path: str) -> Ask:
        turns = []
        for content in body["contents"]:
            answers = any("functionResponse" in part for part in content["parts"])
            prompt = "prompt" if content.get("role") == "user" else "model"
            turns.append("tool" if answers else prompt)
        groups = [group.get("functionDeclarations", ()) for group in body.get("tools") or ()]
        tools = {
            each["name"]: each.get("parametersJsonSchema") or each.get("parameters") or {}
            for each in itertools.chain.from_iterable(groups)
        }
        model = re.search(r"models/([^/:]+)", path)
        schema = (body.get("generationConfig") or {}).get("responseJsonSchema")
        text = json.dumps(body["contents"])
        return Ask(model[1] if model else "", tools, _rounds(turns), text, schema)

    def _answer(self, parts: list[Json], model: str, *, last: bool) -> Json:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}}
        usage = {
            "promptTokenCount": TOKENS_IN,
            "cachedContentTokenCount": TOKENS_CACHED,
            "candidatesTokenCount": TOKENS_OUT,
            "totalTokenCount": TOKENS_IN + TOKENS_OUT,
        }
        candidate |= {"finishReason": "STOP"} if last else {}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}

    def _parts(self, reply: Reply) -> list[Json]:
        calls = [{"functionCall": {"name": name, "args": given}} for name, given in reply.calls]
        return [*([{"text": reply.text}] if reply.text else []), *calls]

    def whole(self, reply: Reply, model: str) -> Json:
        return self._answer(self._parts(reply), model, last=True)

    def stream(self, reply: Reply, model: str) -> Iterator[Json]:
        parts = self._parts(reply)
        for part in parts:
            yield self._answer([part], model, last=part is parts[-1])


PROTOCOLS: tuple[Protocol, ...] = (Messages(), Responses(), Chat(), Generate())


def _example(schema: Json) -> Any:
    """The smallest JSON that a schema allows."""
    if "enum" in schema:
        return schema["enum"][0]
    match str(schema.get("type", "object")).lower():
        case "object":
            wanted = schema.get("required") or schema.get("properties") or {}
            return {name: _example(schema["properties"][name]) for name in wanted}
        case "array":
            return []
        case "boolean":
            return False
        case "integer" | "number":
            return 1
        case _:
            return "hello"


def _on_the_side(ask: Ask) -> Reply | None:
    """An answer to what is not the task: routing, a title, a message for a commit."""
    if ask.schema is not None:
        return Reply(json.dumps(_example(ask.schema)))
    side = not ask.tools and re.search("title|commit message", ask.text, re.IGNORECASE)
    return Reply("Write a file") if side and "Create the file" not in ask.text[-4000:] else None


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedModel
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(404, {})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        protocol = next((each for each in PROTOCOLS if re.search(each.path, path)), None)
        if protocol is None:
            counts = "count" in path.lower()
            self._send(200 if counts else 404, {"input_tokens": 10, "totalTokens": 10})
            return
        body = json.loads(raw)
        ask = protocol.read(body, path)
        reply = self.server.reply(path, ask)
        if reply.status != 200:
            self._refuse(reply)
        elif body.get("stream") or "streamGenerate" in path:
            self._stream(protocol.stream(reply, ask.model), path, hangs=reply.hangs)
        else:
            if reply.hangs:
                self.server.closing.wait(LONGEST_HANG_S)
            self._send(200, protocol.whole(reply, ask.model))

    def _refuse(self, reply: Reply) -> None:
        words = {429: "rate_limit_error", 401: "authentication_error"}
        kind = words.get(reply.status, "api_error")
        fault = {"type": kind, "message": f"status {reply.status}", "code": reply.status}
        after = {} if reply.retry_after is None else {"Retry-After": str(reply.retry_after)}
        self._send(reply.status, {"type": "error", "error": fault}, after)

    def _send(self, status: int, answer: Json, headers: Json | None = None) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, events: Iterator[Json], path: str, *, hangs: bool) -> None:
        self.close_connection = True  # the end of the stream is the end of the connection
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in events:
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
            if hangs:
                self.server.closing.wait(LONGEST_HANG_S)
                return
        if path.endswith("/chat/completions"):
            self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        """Nothing: requests are counted instead."""


class ScriptedModel(ThreadingHTTPServer):
    """The service, listening as soon as it is made; `with` ends it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.closing = threading.Event()
        self.asked: Counter[str] = Counter()  # requests by `SCENARIO/KEY`
        self.heard: dict[str, str] = {}  # the latest conversation with tools in it, likewise
        self._turn = threading.Lock()

    def url(self, scenario: str, key: str) -> str:
        """A base URL of its own."""
        return f"http://127.0.0.1:{self.server_address[1]}/{scenario}/{key}"

    def reply(self, path: str, ask: Ask) -> Reply:
        """What is answered to a request."""
        _, scenario, key, *_rest = path.split("/")
        with self._turn:
            number = self.asked[f"{scenario}/{key}"]
            self.asked[f"{scenario}/{key}"] += 1
            if ask.tools:
                self.heard[f"{scenario}/{key}"] = ask.text
        reply = SCENARIOS[scenario](ask, number)
        side = _on_the_side(ask) if reply.status == 200 and not reply.hangs else None
        return side or reply

    def __enter__(self) -> ScriptedModel:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Agents that are killed leave their connections."""
