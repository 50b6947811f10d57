"""Following a log: the totals are those of reading every line, for the price of the last few."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agents.recordings import HOSTILE, NAMES, RECORDED, format_of, mutated

from agentdeck.agents.line_reader import Context
from agentdeck.agents.plain import PlainLines
from agentdeck.agents.readers import FORMATS, LAST_LINES, Reader, line_reader, told
from agentdeck.agents.reports import Report, Totals
from agentdeck.agents.skimming import Skimming
from agentdeck.agents.summary import Summary

MAX_LINE = 2400  # bytes; most recorded lines are shorter, and one that is drawn may be longer
BEFORE = {"s": Totals(10, 20, 30, 0.5)}
SKIMMED = [name for name in FORMATS if isinstance(line_reader(name), Skimming)]

LINES = [b"", b" ", b"\r", b"\x1b[1m", b"ok\rbetter", b"  one  ", b"\xff\xfe", b"x" * 300]
CUT = [b" " * MAX_LINE + b"gone", b"kept" + b" " * MAX_LINE + b"\r", "…".encode() * MAX_LINE]

text = st.sampled_from(
    ["", " ", "\n", " and on", "\x1b[1m", "\x1b[", "1mon", "x" * 700, "y" * 1100, "a\n\n b "]
)
words = text | st.text(max_size=6)
path = st.sampled_from(["/repo/a.py", "/repo/b.py", "c.py", "", "\x1b"])


CODEX = ["agent_message", "command_execution", "file_change", "reasoning", "error", "todo_list"]
TOOLS = ["Edit", "write_file", "Bash", "read_file", "TodoWrite", "Wri\u200bte"]


def codex(when: str, kind: str, number: int, said: str, at: str) -> dict[str, object]:
    made = {"id": f"item_{number}", "text": said, "message": said, "changes": [{"path": at}]}
    if said:
        made |= {"command": said, "status": "failed", "items": [{"text": said}]}
    return {"type": f"item.{when}", "item": {"type": kind, **made}}


def claude(
    kind: str, tool: str, number: int, said: str, at: str, helper: str | None
) -> dict[str, object]:
    given = {"file_path": at, "command": said, "todos": [{"content": said}], "patch": ""}
    call = {"id": f"t{number}", "tool_use_id": f"t{number}", "name": tool, "input": given}
    block = {"type": kind, "text": said, "thinking": said, "content": said, **call}
    usage = {"input_tokens": number, "output_tokens": len(said)}
    message = {"id": f"m{number}", "usage": usage, "content": [block]}
    by = "user" if kind == "tool_result" else "assistant"
    return {"type": by, "message": message, "parent_tool_use_id": helper}


def gemini(kind: str, tool: str, said: str, at: str, *, delta: bool) -> dict[str, object]:
    if kind == "message":
        return {"type": kind, "role": "assistant", "content": said, "delta": delta}
    given = {"file_path": at, "content": said}
    return {"type": kind, "tool_name": tool, "tool_id": "1", "parameters": given, "output": said}


def opencode(
    kind: str, tool: str, number: int, said: str, at: str, reason: str
) -> dict[str, object]:
    given = {"filePath": at, "command": said, "todos": [{"content": said}]}
    tokens = {"input": number, "output": 5, "reasoning": 2, "total": 9, "cache": {"read": 1}}
    state: dict[str, object] = {"status": "completed", "input": given, "output": said}
    if number == 0:
        state["error"] = "The user rejected permission to use this tool"
    step = {"reason": reason, "tokens": tokens, "cost": 0.25 * number}
    part = {"id": f"p{number}", "text": said, "tool": tool, "state": state, **step}
    session = "ses_2" if number == 1 else "ses_1"
    return {"type": kind, "timestamp": 1, "sessionID": session, "part": part}


def acp(kind: str, number: int, said: str, at: str) -> dict[str, object]:
    if kind in {"session/load", "session/prompt"}:
        return {"dir": "client", "msg": {"method": kind, "id": number, "params": {}}}
    if kind == "answer":
        return {"dir": "agent", "msg": {"id": number, "result": {}}}
    update: dict[str, object] = {"sessionUpdate": kind, "content": {"type": "text", "text": said}}
    if number < 6:
        update["messageId"] = f"m{number // 3}"
    if kind == "tool_call":
        update |= {"toolCallId": f"t{number}", "rawInput": {"path": at, "command": said}}
        update |= {"kind": "edit", "locations": [{"path": at}], "status": "pending", "content": []}
    params = {"update": update}
    return {"dir": "agent", "msg": {"method": "session/update", "params": params}}


number = st.integers(0, 11)
tool = st.sampled_from(TOOLS)
DRAWN: dict[str, st.SearchStrategy[dict[str, object]]] = {
    "codex": st.builds(
        codex,
        st.sampled_from(["started", "updated", "completed"]),
        st.sampled_from(CODEX),
        st.integers(0, 2),
        words,
        path,
    ),
    "claude": st.builds(
        claude,
        st.sampled_from(["text", "tool_use", "tool_result", "thinking"]),
        tool,
        number,
        words,
        path,
        st.sampled_from([None, None, "toolu_1"]),
    ),
    "gemini": st.builds(
        gemini,
        st.sampled_from(["message", "message", "message", "tool_use", "tool_result"]),
        tool,
        words,
        path,
        delta=st.sampled_from([True, True, True, False]),
    ),
    "acp": st.builds(
        acp,
        st.sampled_from(
            ["agent_message_chunk", "agent_thought_chunk"] * 4
            + ["tool_call", "session/load", "session/prompt", "session/prompt", "answer"]
        ),
        number,
        words,
        path,
    ),
    "opencode": st.builds(
        opencode,
        st.sampled_from(["text", "tool_use", "step_start", "step_finish", "step_finish"]),
        tool,
        number,
        words,
        path,
        st.sampled_from(["tool-calls", "tool-calls", "unknown", "", "stop", "length", "odd"]),
    ),
}


def output_of(stream_format: str) -> st.SearchStrategy[bytes]:
    """Bytes that an agent of this format may write, and some that none does."""
    names = [name for name in NAMES if format_of(name) == stream_format]
    lines = [st.sampled_from([*LINES, *CUT, *HOSTILE]), st.binary(max_size=12)]
    if names:
        recorded = [line for name in names for line in RECORDED[name].splitlines()]
        lines += [mutated(names, 3), st.sampled_from(recorded)]
    any_lines = st.lists(st.one_of(lines).map(lambda line: line + b"\n"), max_size=6)
    pieces = [any_lines]
    if stream_format in DRAWN:
        made = DRAWN[stream_format].map(lambda made: json.dumps(made).encode() + b"\n")
        pieces += [st.lists(made, max_size=20), st.lists(made, max_size=20)]
    whole = st.lists(st.one_of(pieces).map(b"".join), max_size=4).map(b"".join)
    return st.tuples(whole, st.sampled_from([b"", b"half"])).map(b"".join)


def reader(stream_format: str, message: str) -> Reader:
    return Reader(
        line_reader(stream_format, Context("/repo", BEFORE)),
        100,
        Summary(message=message),
        MAX_LINE,
        LAST_LINES.get(stream_format),
    )


@pytest.mark.parametrize("stream_format", FORMATS)
@given(
    drawn=st.data(),
    cuts=st.lists(st.floats(0, 1), max_size=8),
    message=st.sampled_from(["", "\n", "before", "many\n" * 20, "wide " * 240]),
)
def test_any_output_in_any_pieces_is_followed_as_if_every_line_was_read(
    stream_format: str, drawn: st.DataObject, cuts: list[float], message: str
) -> None:
    """Offset, result, totals and what is told are the same after each piece."""
    data = drawn.draw(output_of(stream_format))
    simple, fast = reader(stream_format, message), reader(stream_format, message)
    at = 0
    for cut in [*sorted(int(share * len(data)) for share in cuts), len(data)]:
        every, left = simple.feed(data[at:cut]), fast.follow(data[at:cut])
        assert left == told(every)
        assert state(fast) == state(simple)
        at = cut
    assert told(fast.finish()) == told(simple.finish())
    assert state(fast) == state(simple)


@pytest.mark.parametrize("stream_format", SKIMMED)
@given(drawn=st.data())
def test_a_line_that_is_skimmed_does_what_it_does_when_it_is_read(
    stream_format: str, drawn: st.DataObject
) -> None:
    """Line by line: nothing is made up for by those that follow."""
    simple, fast = reader(stream_format, ""), reader(stream_format, "")
    for line in drawn.draw(output_of(stream_format)).splitlines(keepends=True):
        assert fast.follow(line) == told(simple.feed(line))
        assert state(fast) == state(simple)


@pytest.mark.parametrize("first", [1, 500, 501, 600, 1199, 1200, 1201])
@pytest.mark.parametrize("second", [1, 699, 700, 701, 1199, 1200, 1201])
def test_of_prose_in_pieces_as_much_is_heard_as_a_message_has(first: int, second: int) -> None:
    """Pieces that are joined at once end as if each had been added to those before."""
    pieces = ["Begin.\n", "x" * first, "y" * second, "z" * 499]
    data = b"".join(
        json.dumps(gemini("message", "", piece, "", delta=True)).encode() + b"\n"
        for piece in pieces
    )
    simple, fast = reader("gemini", ""), reader("gemini", "")
    simple.feed(data)
    fast.follow(data)
    assert state(fast) == state(simple)


@pytest.mark.parametrize("tool_at", [0, 15, 22])
def test_steps_that_run_away_are_followed_as_they_are_read(tool_at: int) -> None:
    """The step at which it is a runaway is seen among those that are skimmed."""
    steps = [opencode("step_finish", "", n + 2, "", "", "unknown") for n in range(60)]
    steps.insert(tool_at, opencode("tool_use", "bash", 2, "ls", "", ""))
    data = b"".join(json.dumps(step).encode() + b"\n" for step in steps)
    simple, fast = reader("opencode", ""), reader("opencode", "")
    assert told(simple.feed(data)) == fast.follow(data)
    assert state(fast) == state(simple)
    assert fast.result is not None


def state(reader: Reader) -> tuple[object, ...]:
    return reader.offset, reader.result, reader.summary


@pytest.mark.parametrize("name", [name for name in NAMES if format_of(name) in FORMATS])
def test_a_recording_is_followed_as_it_is_read(name: str) -> None:
    """In one piece, and with a poll after every few lines."""
    data = RECORDED[name]
    for size in (1 << 20, 3000, 700, 100):
        simple, fast = reader(format_of(name), ""), reader(format_of(name), "")
        for at in range(0, len(data), size):
            every, left = simple.feed(data[at : at + size]), fast.follow(data[at : at + size])
            assert left == told(every)
            assert state(fast) == state(simple)


class Counted(PlainLines):
    """Counts the lines that it is given."""

    count = 0

    def read(self, line: bytes) -> list[Report]:
        self.count += 1
        return super().read(line)


def test_a_flood_of_plain_output_is_not_looked_at_line_by_line() -> None:
    """Ten thousand lines in one piece take no more reading than twenty."""
    looked_at = []
    for lines in (20, 10_000):
        plain = Counted(Context())
        Reader(plain, 0, Summary(), last_lines=LAST_LINES["plain"]).follow(b"PASSED\n" * lines)
        looked_at.append(plain.count)
    assert looked_at[0] == looked_at[1] <= 2 * LAST_LINES["plain"]


@pytest.mark.parametrize("stream_format", SKIMMED)
def test_of_a_flood_of_recorded_lines_hardly_any_is_read_as_a_whole(
    stream_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the files are known, the body of a recording is skimmed, however often it comes.

    Of ACP that holds for prose, which comes word by word; its calls are told in parts, and read.
    """
    name = "acp-gemini" if stream_format == "acp" else stream_format
    recorded = RECORDED[f"{name}.jsonl"].splitlines(keepends=True)[1:-1]
    body = b"".join(one for one in recorded if stream_format != "acp" or b"_chunk" in one)
    assert body
    lines = line_reader(stream_format, Context("/repo"))
    read, count = lines.read, 0

    def counted(line: bytes) -> list[Report]:
        nonlocal count
        count += 1
        return read(line)

    monkeypatch.setattr(lines, "read", counted)
    following = Reader(lines, 0, Summary())
    following.follow(body)
    count = 0
    following.follow(body * 100)
    assert count <= 4


@pytest.mark.parametrize("line", [b"\n", b"y\n", b"{}\n", b" \n"])
@pytest.mark.parametrize(
    "name", ["plain", "claude", "codex", "gemini", "opencode", "acp", "scripted"]
)
def test_one_line_for_ever_does_not_keep_its_reader_busy(
    name: str, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of noise that comes again and again is read a few times, and every byte is counted."""
    lines = line_reader(name)
    reader, read = Reader(lines, 0, Summary(), last_lines=LAST_LINES.get(name)), list[bytes]()
    one_by_one = lines.read

    def counted(line: bytes) -> list[Report]:
        read.append(line)
        return one_by_one(line)

    monkeypatch.setattr(lines, "read", counted)
    for _ in range(3):
        assert len(reader.follow(line * 5_000)) <= 1
    assert reader.offset == 15_000 * len(line)
    looked_at_all = name == "plain" and line == b" \n"  # a line before it may leave a trace
    assert looked_at_all or len(read) < 100
