"""Recorded streams, and bytes drawn from them: as agents write, and as no agent does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from agentdeck.agents.readers import FORMATS

STREAMS = Path(__file__).parent / "streams"
RECORDED = {
    path.name: path.read_bytes()
    for path in sorted(STREAMS.iterdir())
    if re.split("[-.]", path.name)[0] in FORMATS
    and not re.search("analytics|trajectory", path.name)  # of files beside the log
}
NAMES = list(RECORDED)
SHORT = [name for name, data in RECORDED.items() if len(data) < 1200]
HOSTILE = [
    b'{"type":"result","usage":[1],"modelUsage":{"m":{"inputTokens":1e999}},"is_error":true}\n',
    b'{"type":"assistant","message":{"content":[null,3,{"type":"tool_use","input":7}]}}\n',
    b'{"type":"text","text":"\\ud83d cut emoji \x1b]0;title\x07"}\n',
    b'{"type":"system","subtype":"init","session_id":{},"model":4}\n',
    b'{"type":["result"]}\n{"a":' + b"[" * 2_000 + b"\n",
    b'{"type":"usage","in":-5,"out":NaN,"usd":1' + b"0" * 500 + b"}\n",
    b"\xff\xfe\r\n\r\r\n\0\n",
]


def format_of(name: str) -> str:
    """The format that a recording is of: the first word of its name."""
    return re.split("[-.]", name)[0]


def words_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from words_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from words_of(inner)
    elif isinstance(value, str) and len(value) < 40:
        yield value


def vocabulary() -> list[str]:
    """Every key and every short string of the recordings: what readers look for."""
    words = set[str]()
    for data in RECORDED.values():
        for line in data.splitlines():
            if line.startswith(b"{"):
                words.update(words_of(json.loads(line)))
    return sorted(words)


word = st.sampled_from(vocabulary()) | st.text(max_size=8)
leaf = (
    word
    | st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([0, 1, 200, 1000, 429, 500, 1.5])
)
tree = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(word, inner, max_size=4),
    max_leaves=8,
)
objects = st.dictionaries(word, tree, max_size=8).map(lambda table: json.dumps(table).encode())


@st.composite
def mutated(draw: st.DrawFn, names: Sequence[str] = NAMES, size: int = 8) -> bytes:
    """A recording with lines lost, repeated and moved, bytes changed, and values exchanged."""
    lines = RECORDED[draw(st.sampled_from(names))].splitlines()
    picked = [lines[at % len(lines)] for at in draw(st.lists(st.integers(0, 99), max_size=size))]
    for number, line in enumerate(picked):
        match draw(st.integers(0, 3)):
            case 0 if line:
                at = draw(st.integers(0, len(line) - 1))
                picked[number] = line[:at] + draw(st.binary(max_size=3)) + line[at + 1 :]
            case 1 if line.startswith(b"{"):
                found = json.loads(line)
                exchange(found, draw(st.integers(0, 60)), draw(tree))
                picked[number] = json.dumps(found).encode()
            case _:
                pass
    return b"\n".join(picked) + b"\n"


def exchange(value: Any, steps: int, other: Any) -> int:
    """Put `other` where the walk through a value is after so many steps."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        if steps == 0:
            value[key] = other
            return -1
        steps -= 1
        if isinstance(value[key], dict | list):
            steps = exchange(value[key], steps, other)
            if steps < 0:
                return -1
    return steps


pieces = st.lists(
    st.one_of(
        mutated(),
        st.sampled_from(HOSTILE),
        objects.map(lambda line: line + b"\n"),
        st.binary(max_size=60),
        st.sampled_from([b"\n", b"{", b'"', b"\r"]),
    ),
    max_size=5,
).map(b"".join)
