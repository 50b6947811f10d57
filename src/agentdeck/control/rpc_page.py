"""The page `docs/rpc.md`: the control socket for who writes a client of their own.

Rules: the page is never edited by hand; a test compares it with what this module says.
`python -m agentdeck.control.rpc_page > docs/rpc.md` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from agentdeck.control import protocol as rpc
from agentdeck.control.protocol import METHODS
from agentdeck.control.rpc_schema import (
    ERRORS,
    commands_by_name,
    components,
    events_by_kind,
    limits,
)
from agentdeck.core import events as e

_HEAD: Final = """\
# The control socket

<!-- Made by `python -m agentdeck.control.rpc_page`; change the code, not this page. -->

The engine of a run answers on a Unix socket. The control room and the command line use nothing
else, so a program of yours can do all that they do. In Python there is
[a client](client.md), and for a browser [a bridge](bridge.md); this page is for any other language.

[rpc.schema.json](rpc.schema.json) says the same to programs: an
[OpenRPC](https://spec.open-rpc.org/) document with a JSON schema of every method, command and event
(`agentdeck rpc schema` prints it).

[examples/plain_socket.py](examples/plain_socket.py) is a whole client in a page of Python that
knows nothing of agentdeck.

## The socket of a run

```sh
agentdeck rpc socket         # of the newest run of this repository; or name the run
```

<!-- block: in a run that goes on -->
```sh
agentdeck rpc call status
agentdeck rpc call events.since '{"after": 0, "limit": 2}'
```

Without asking: it is `control.sock` in the folder of the run,
`$XDG_STATE_HOME/agentdeck/runs/RUN/` (`~/.local/state/…` where that is not set, on macOS
`~/Library/Application Support/agentdeck/runs/RUN/`). Where that path has more than 100 bytes, which
a socket cannot have, it is `/tmp/agentdeck-UID/HASH.sock`, where HASH is the first 16 hex digits of
the SHA-256 of the folder's path. There is a socket only while there is an engine:
`agentdeck attach` or `agentdeck run` start one.

**Who may connect.** The socket is 0600 in a folder that is 0700, and the engine asks the kernel who
is at the other end: the user of the run, and nobody else. There is no password. Whoever may connect
may do all that a person may, so do not hand the socket to a container that runs what you do not
trust.

## Lines

JSON-RPC 2.0. Each request is one line of JSON, each answer is one, both end with `\\n` and are
UTF-8. Params are an object (by name). There are no batches, and the engine sends nothing unasked.

```json
{"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"protocol": 1, "client": "my tool 1.0"}}
```

```json
{"jsonrpc": "2.0", "id": 1,
 "result": {"protocol": 1, "version": "0.1.0", "run": "shop-3f2a", "pid": 4711}}
```

(Only here is an answer broken in two, to be read.) Several requests may be under way on one
connection, and answers come as they are ready: match them by `id`. An error has a code, one
sentence, and in `data.hint` what to do next:

```json
{"jsonrpc": "2.0", "id": 2,
 "error": {"code": -32000, "message": "there is no task X", "data": {"hint": ""}}}
```
"""

_EVENTS: Final = """\
## Following events

`events.since` is the subscription. It is a long poll with a cursor: give the number of the last
event that you have, and the answer comes as soon as there is a later one, or when `wait_s` is over.

<!-- block: in a run that goes on, given call -->
```python
after = 0  # or the number you have kept
while True:
    answer = call("events.since", {"after": after, "wait_s": 20})
    for event in answer["events"]:
        print(event["seq"], event["event"]["kind"])
        after = event["seq"]
```

(`call` is ten lines of [examples/plain_socket.py](examples/plain_socket.py).) Nothing is pushed, so
a client that is slow slows nobody and loses nothing, and the engine keeps nothing for it.

- **The cursor survives.** It is the number of the event in the journal, from 1, without a gap, and
  the same after a restart of the engine, of the machine, or of your program, and for every client.
  When the connection ends, connect again and go on with the number you have: each event comes
  exactly once, in order.
- An event in an answer is on the disk. It is never taken back.
- One answer has at most as many events and bytes as the limits below say. Ask again until `events`
  is empty, then with `wait_s`.
- `last` is the number of the latest event. Where it is **less** than your cursor, the journal was
  damaged and mended (`agentdeck runs repair`), and numbers behind what was sound are given anew:
  begin from 0.
- While there is no engine nothing happens, and nobody answers: then `agentdeck.Client` and
  [the bridge](bridge.md) read the journal.

An event is `{"seq": 118, "at": 1764450000.5, "event": {"kind": "gate.finished", …}, "v": 2}`: `at`
in seconds since 1970, `v` the version of the journal's format. A field of `event` that has its
default is left out.
"""

_COMPATIBLE: Final = f"""\
## Versions

The protocol is number {rpc.PROTOCOL}. `hello` says so: give the newest protocol that you read. An
engine that speaks a newer one refuses with -32005; one that speaks an older one says which.

Within one number these may be **added**: methods, optional params, fields of results and of events,
events, commands, codes of errors, and words of states. So

- pass over fields and events that you do not know;
- take a state or a cause that you do not know for text;
- take a code that you do not know for a failure of that call;
- a method that this engine does not have is -32601, and the hint names those that it has.

Anything else (a field that goes or means something else, another framing) raises the number, and
the [changelog](../CHANGELOG.md) says so. `v` of an event is raised in the same way by itself; the
engine brings older events up to its own `v` before it sends them.
"""


def page() -> str:
    """The whole page, Markdown."""
    parts = [_HEAD, _methods(), _EVENTS, _errors(), _limits(), _COMPATIBLE, _commands()]
    parts += [_results(), _events()]
    return "\n".join(parts)


def _methods() -> str:
    rows = [
        f"| `{name}` | {_fields(method.params.__name__)} | `{method.result.__name__}`: "
        f"{_fields(method.result.__name__)} | {method.sentence} |"
        for name, method in METHODS.items()
    ]
    head = "| method | params | result | what it does |\n| --- | --- | --- | --- |"
    told = "A param with `?` may be left out. What a name with a capital letter means stands below."
    foot = (
        "Reads are answered by the engine itself, and the sentences of `tasks` cost it up to 0.1 "
        "ms each: ask\nagain when an event says that something has changed, not ten times a second."
    )
    return "\n".join(["## Methods", "", told, "", head, *rows, "", foot, ""])


def _errors() -> str:
    rows = [f"| {int(code)} | {text} |" for code, text in ERRORS.items()]
    return "\n".join(["## Errors", "", "| code | means |", "| --- | --- |", *rows, ""])


def _limits() -> str:
    rows = [f"| {name.replace('_', ' ')} | {value:,g} |" for name, value in _exact(limits())]
    told = (
        "A client that asks nothing for `idle seconds` loses its place when all are taken. Who "
        "begins a\nline and does not end it, or does not read an answer, is hung up on after the "
        "times below."
    )
    return "\n".join(["## Limits", "", told, "", "| of | at most |", "| --- | --- |", *rows, ""])


def _exact(found: Mapping[str, float]) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        yield name, _Grouped(value)


class _Grouped(float):
    """A number with its thousands apart, whole where it is whole."""

    def __format__(self, _: str) -> str:
        return f"{int(self):,}" if self.is_integer() else f"{float(self):,g}"


def _commands() -> str:
    told = (
        "The param `command` of the method `command`: an object whose `do` says which, such as\n"
        '`{"do": "pause", "task": "T1"}`. `by` is the name of who wishes it, for the journal. In '
        "the words\nof the command line: [the verbs](cli.md)."
    )
    rows = [
        f"| `{name}` | {_fields(struct.__name__, 'do')} | {_sentence(struct)} |"
        for name, struct in commands_by_name().items()
    ]
    head = "| `do` | fields | what it means |\n| --- | --- | --- |"
    return "\n".join(["## Commands", "", told, "", head, *rows, ""])


def _results() -> str:
    """Everything that a result or a command names, but for the plan's own parts."""
    told = "Named above. The parts of a `Plan` are in [rpc.schema.json](rpc.schema.json)."
    lines = []
    for name in _named():
        schema = components()[name]
        what = schema.get("description", "").split("\n")[0]
        words = schema.get("enum")
        said = " ".join(f"`{word}`" for word in words) if words else _fields(name)
        lines.append(f"- `{name}`: {what + ' ' if what else ''}{said}")
    return "\n".join(["## Names", "", told, "", *lines, ""])


def _named() -> list[str]:
    schemas, inside = components(), set(_below(["Plan", "PlanChange"]))
    heads = [each.result.__name__ for each in METHODS.values()]
    heads += [struct.__name__ for struct in commands_by_name().values()]
    seen = [name for name in _below(heads) if name not in inside and name not in heads]
    return sorted(name for name in seen if name in schemas and name != "Recorded")


def _below(names: Iterable[str]) -> list[str]:
    """These and all that they refer to, but for what an event refers to."""
    found: list[str] = []
    todo = list(names)
    events = {struct.__name__ for struct in events_by_kind().values()}
    while todo:
        name = todo.pop()
        if name in found or name in events:
            continue
        found.append(name)
        todo += _refs(components()[name])
    return found


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield _name(schema["$ref"])
        for below in schema.values():
            yield from _refs(below)
    elif isinstance(schema, list):
        for below in schema:
            yield from _refs(below)


_GROUPS: Final = (
    ("The run", e.RunEvent),
    ("Tasks", e.TaskEvent),
    ("Attempts", e.AttemptEvent),
    ("Reviews", e.ReviewEvent),
    ("Gates and the merge queue", e.QueueEvent),
    ("Accounts", e.AccountEvent),
    ("Hooks", e.HookEvent),
)


def _events() -> str:
    parts = ["## Events", "", "A field with `?` is left out where it has its default.", ""]
    for title, group in _GROUPS:
        parts += [f"### {title}", "", "| kind | fields | what happened |", "| --- | --- | --- |"]
        for struct in get_args(group):
            tag = struct.__struct_config__.tag
            parts.append(f"| `{tag}` | {_fields(struct.__name__, 'kind')} | {_sentence(struct)} |")
        parts.append("")
    return "\n".join(parts)


def _sentence(struct: type) -> str:
    return " ".join((struct.__doc__ or "").split()).replace("|", "\\|")


def _fields(name: str, *without: str) -> str:
    schema = components()[name]
    required = schema.get("required", ())
    found = [
        f"`{field}{'' if field in required else '?'}` {_type(kind)}"
        for field, kind in schema.get("properties", {}).items()
        if field not in without
    ]
    if "prefixItems" in schema:
        parts = ", ".join(f"`{part['title']}` {_type(part)}" for part in schema["prefixItems"])
        return f"a list [{parts}]"
    return ", ".join(found) or "none"


def _type(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"$ref": ref}:
            return _name(ref)
        case {"anyOf": choices} if len(choices) == len(commands_by_name()):
            return "one of the commands below"
        case {"anyOf": choices}:
            return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
        case {"type": "array", "items": items} if items:
            return f"list of {_type(items)}"
        case {"type": "array"}:
            return "list"
        case {"type": "object"}:
            return "object"
        case {"type": kind}:
            return str(kind)
        case {"enum": words}:
            return " or ".join(f"`{word}`" for word in words)
    return "anything"


def _name(ref: str) -> str:
    return ref.rsplit("/", 1)[-1]


if __name__ == "__main__":
    print(page(), end="")
