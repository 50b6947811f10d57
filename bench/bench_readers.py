"""How fast are agents' streams read?

For each format the lines of its recorded streams, repeated to M megabytes, are read by:

- a bare `json.loads` on each line (text formats: a bare `bytes.decode`), which makes nothing of it;
- agentdeck's reader, fed in pieces of 256 KiB as the engine does: reports, totals, memory.

A second table has long lines: the output of a command, as one line of one megabyte. Prints the
medians of R runs in turn: lines and megabytes a second of CPU time, and the ratio to the bare tool.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from agentdeck.agents.readers import FORMATS, reader_for

STREAMS = Path(__file__).parents[1] / "tests" / "agents" / "streams"
PIECE = 256 * 1024  # bytes; one read of the engine
LONG = 1_000_000  # bytes of output in a long line
TEXT = ("plain", "aider", "mini")


def recorded(stream_format: str) -> list[bytes]:
    """The lines of all recordings of a format, without results: those end a stream."""
    name = "aider" if stream_format == "plain" else stream_format
    lines = []
    for path in sorted(STREAMS.iterdir()):
        trace = re.search("analytics|trajectory", path.name)
        if re.split("[-.]", path.name)[0] == name and not trace:
            lines += path.read_bytes().splitlines()
    return lines if stream_format in TEXT else [line for line in lines if line.startswith(b"{")]


def long_line(stream_format: str) -> bytes:
    """A tool's output of a megabyte, as the format tells it."""
    output = "error: something is not as it should be\n" * (LONG // 40)
    tool = {"tool": "bash", "state": {"status": "completed", "output": output}}
    update = {"sessionUpdate": "tool_call_update", "toolCallId": "t", "rawOutput": output}
    shapes: dict[str, object] = {
        "claude": {
            "type": "user",
            "message": {"content": [{"type": "tool_result", "content": output}]},
        },
        "codex": {
            "type": "item.completed",
            "item": {"id": "i", "type": "command_execution", "aggregated_output": output},
        },
        "gemini": {"type": "tool_result", "tool_id": "t", "status": "success", "output": output},
        "opencode": {"type": "tool_use", "sessionID": "s", "part": tool},
        "acp": {
            "dir": "agent",
            "msg": {"method": "session/update", "params": {"update": update}},
        },
        "scripted": {"type": "text", "text": output},
    }
    if stream_format in TEXT:
        return output.replace("\n", " ").encode()
    return json.dumps(shapes[stream_format]).encode()


def bare(lines: list[bytes], *, text: bool) -> float:
    began = time.process_time()
    for line in lines:
        if text:
            line.decode("utf-8", "replace")
        else:
            json.loads(line)
    return time.process_time() - began


def read(stream_format: str, data: bytes) -> float:
    reader = reader_for(stream_format, root="/repo")
    began = time.process_time()
    for at in range(0, len(data), PIECE):
        reader.feed(data[at : at + PIECE])
    reader.finish()
    return time.process_time() - began


def median(runs: int, run: Callable[[], float]) -> float:
    return statistics.median(run() for _ in range(runs))


def table(title: str, lines_of: Callable[[str], list[bytes]], size: int, runs: int) -> None:
    print(f"\n{title}")
    head = f"{'format':10} {'bytes/line':>10} {'lines/s':>10} {'MB/s':>8} {'bare MB/s':>10}"
    print(f"{head} {'reader/bare':>12}")
    for stream_format in FORMATS:
        lines = lines_of(stream_format)
        length = sum(len(line) + 1 for line in lines)
        lines *= max(1, size // length)
        data = b"".join(line + b"\n" for line in lines)
        text = stream_format in TEXT
        ours = median(runs, lambda: read(stream_format, data))  # noqa: B023
        theirs = median(runs, lambda: bare(lines, text=text))  # noqa: B023
        megabytes = len(data) / 1e6
        print(
            f"{stream_format:10} {len(data) / len(lines):10.0f} {len(lines) / ours:10.0f}"
            f" {megabytes / ours:8.1f} {megabytes / theirs:10.1f} {ours / theirs:12.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    size = options.megabytes * 1_000_000
    table("recorded streams, over and over", recorded, size, options.runs)
    table("lines of a megabyte", lambda name: [long_line(name)], size, options.runs)
    print("\nreader/bare: time of the reader over the time of the bare tool; below 1 is faster")


if __name__ == "__main__":
    main()
