"""Readers: any bytes in any pieces, the same reports; totals survive a restart; nothing raises."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agents.recordings import NAMES, RECORDED, SHORT, STREAMS, format_of, pieces

from agentdeck.agents.line_reader import CARRY_CHARS, Context, Memory, carried, remembered
from agentdeck.agents.readers import FORMATS, Reader, line_reader, reader_for
from agentdeck.agents.rendering import render
from agentdeck.agents.reports import (
    MAX_ITEMS,
    MAX_OPTIONS,
    MAX_PATHS,
    MESSAGE_CHARS,
    PAYLOAD_BYTES,
    Asked,
    Ended,
    Limited,
    Noise,
    Option,
    PlanItem,
    Planned,
    Report,
    Said,
    ToolUsed,
    Totals,
    Touched,
    Usage,
    Withdrawn,
)
from agentdeck.agents.summary import Summary
from agentdeck.core.errors import UsageError
from agentdeck.core.events import FailureClass

BEFORE = {"s": Totals(10, 20, 30, 0.5)}


def read(stream_format: str, data: bytes, **given: Any) -> tuple[list[Report], Reader]:
    reader = reader_for(stream_format, root="/repo", **given)
    reports = reader.feed(data)
    return reports + reader.finish(), reader


def totals(reader: Reader) -> tuple[object, ...]:
    """What must be the same however often the reader was restarted."""
    return (reader.offset, reader.result, reader.summary)


def journalled(summary: Summary) -> Summary:
    return msgspec.json.decode(msgspec.json.encode(summary), type=Summary)


def check_bounds(value: Any, limit: int = MESSAGE_CHARS) -> None:
    if isinstance(value, str):
        assert len(value) <= limit
    elif isinstance(value, tuple):
        assert len(value) <= max(MAX_PATHS, MAX_ITEMS, MAX_OPTIONS)
        for inner in value:
            check_bounds(inner)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            payload = name == "payload"
            check_bounds(getattr(value, name), PAYLOAD_BYTES if payload else MESSAGE_CHARS)


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_read_byte_by_byte_gives_the_same_reports(name: str) -> None:
    """Every place where a read may end, all at once."""
    data, stream_format = RECORDED[name], format_of(name)
    expected, whole = read(stream_format, data)
    pieced = reader_for(stream_format, root="/repo")
    found = [report for at in range(len(data)) for report in pieced.feed(data[at : at + 1])]
    assert found + pieced.finish() == expected
    assert pieced.summary == whole.summary


@pytest.mark.parametrize("name", SHORT)
def test_a_recording_cut_in_two_anywhere_gives_the_same_reports(name: str) -> None:
    data, stream_format = RECORDED[name], format_of(name)
    expected, whole = read(stream_format, data)
    for cut in range(len(data)):
        pieced = reader_for(stream_format, root="/repo")
        found = pieced.feed(data[:cut]) + pieced.feed(data[cut:]) + pieced.finish()
        assert (found, pieced.summary) == (expected, whole.summary)


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_restarted_after_any_line_ends_with_the_same_totals_and_result(name: str) -> None:
    """A new engine goes on from the offset and the summary: nothing is lost, nothing summed twice.

    It is restarted once at each line, and once after every line.
    """
    data, stream_format = RECORDED[name], format_of(name)
    _, whole = read(stream_format, data, before=BEFORE)
    often = reader_for(stream_format, root="/repo", before=BEFORE)
    at = 0
    while at < len(data):
        cut = data.find(b"\n", at) + 1 or len(data)
        first = reader_for(stream_format, root="/repo", before=BEFORE)
        first.feed(data[:cut])
        assert totals(restarted(first, stream_format, data)) == totals(whole)
        often.feed(data[at:cut])
        offset, kept = often.offset, journalled(often.summary)
        often = reader_for(
            stream_format, start_offset=offset, summary=kept, root="/repo", before=BEFORE
        )
        often.feed(data[offset:cut])
        at = cut
    often.finish()
    assert totals(often) == totals(whole)


def restarted(first: Reader, stream_format: str, data: bytes) -> Reader:
    """Another reader that went on where `first` stopped."""
    kept = journalled(first.summary)
    second = reader_for(
        stream_format, start_offset=first.offset, summary=kept, root="/repo", before=BEFORE
    )
    second.feed(data[first.offset :])
    second.finish()
    return second


@pytest.mark.parametrize("stream_format", list(FORMATS))
@given(data=pieces, cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_any_bytes_in_any_pieces_give_the_same_bounded_reports(
    stream_format: str, data: bytes, cuts: list[int]
) -> None:
    """How the engine happens to read the file changes nothing, and nothing ever raises."""
    expected, whole = read(stream_format, data)
    pieced, found, last = reader_for(stream_format, root="/repo"), list[Report](), 0
    for cut in [*sorted(cuts), len(data)]:
        found += pieced.feed(data[last:cut])
        last = max(last, cut)
        assert pieced.offset == 0 or data[pieced.offset - 1 : pieced.offset] == b"\n"
    found += pieced.finish()
    assert found == expected
    assert pieced.summary == whole.summary
    msgspec.json.encode((found, pieced.summary))  # what came out can be journalled
    for report in found:
        check_bounds(report)
    assert not any(isinstance(report, Noise) and not report.raw for report in found)


@pytest.mark.parametrize("stream_format", list(FORMATS))
@given(data=pieces, cut=st.integers(0, 4000))
def test_a_reader_that_starts_at_the_offset_ends_with_the_same_totals(
    stream_format: str, data: bytes, cut: int
) -> None:
    """An engine that is killed anywhere loses and repeats nothing that is counted."""
    _, whole = read(stream_format, data, before=BEFORE)
    first = reader_for(stream_format, root="/repo", before=BEFORE)
    first.feed(data[:cut])
    assert totals(restarted(first, stream_format, data)) == totals(whole)


@pytest.mark.parametrize("carry", ["x", "[", '["claude/1",7]', '["other/1",[1]]', "[" * 5000])
def test_a_carry_that_cannot_be_read_is_a_blank_memory(carry: str) -> None:
    """A journal of another version must not stop an attempt."""
    for stream_format in FORMATS:
        lines = line_reader(stream_format, Context(carry=carry))
        assert lines.memory == type(lines.memory)()


@pytest.mark.parametrize("stream_format", list(FORMATS))
@given(data=pieces)
def test_every_line_can_be_drawn_and_what_it_leaves_can_be_carried(
    stream_format: str, data: bytes
) -> None:
    """On the screen nothing acts; in the journal a memory is bounded, and is read back whole."""
    lines = line_reader(stream_format, Context("/repo", BEFORE))
    for line in data.split(b"\n"):
        for shown in render(stream_format, line):
            assert "\n" not in shown.text + shown.detail
            assert "\x1b" not in shown.text + shown.detail
        lines.read(line)
        text = carried(lines.memory)
        assert len(text) <= CARRY_CHARS
        assert remembered(text, type(lines.memory)) == lines.memory


@pytest.mark.parametrize("stream_format", list(FORMATS))
@pytest.mark.parametrize(
    "line",
    [
        b"x" * 4_000_000,
        b" " * 4_000_000 + b"{",
        b"{" * 4_000_000,
        b'{"type":"' + b"\\" * 4_000_000,
        b'{"type":"error","message":"' + b"hit your " * 400_000 + b'"}',
        b'{"type":"text","text":"' + b"\x1b]" * 1_000_000 + b'"}',
        b"Tokens: " + b"1" * 4_000_000 + b" sent, 1 received.",
        b"**** " * 800_000,
    ],
    ids=["word", "spaces", "braces", "backslashes", "words", "escapes", "digits", "stars"],
)
def test_a_line_of_megabytes_takes_no_longer_than_its_length(
    stream_format: str, line: bytes
) -> None:
    """A reader that goes back over the line for each character would not end in time."""
    reports, _ = read(stream_format, line + b"\n" + line)
    for report in reports:
        check_bounds(report)
    render(stream_format, line)


@pytest.mark.parametrize("stream_format", list(FORMATS))
def test_lines_of_another_program_are_noise_and_break_nothing(stream_format: str) -> None:
    """Stderr is in the same file: what is no line of the format is kept raw."""
    foreign = b"npm warn deprecated \x1b[33minflight\x1b[0m\n"
    for name in (name for name in NAMES if format_of(name) == stream_format):
        expected, whole = read(stream_format, RECORDED[name])
        mixed = foreign.join(RECORDED[name].splitlines(keepends=True))
        found, reader = read(stream_format, mixed)
        if stream_format in {"claude", "scripted"}:
            noise = Noise("npm warn deprecated inflight", foreign=True)
            assert [report for report in found if report != noise] == expected
        assert reader.result == whole.result
        assert reader.summary.tokens_in == whole.summary.tokens_in


def test_a_result_is_heard_again_after_a_restart() -> None:
    """The offset stays before a result, so that a new engine knows how the attempt ended."""
    data = (STREAMS / "claude-success.jsonl").read_bytes()
    first = reader_for("claude")
    first.feed(data + b"a late line of stderr\n")
    again = reader_for("claude", start_offset=first.offset, summary=first.summary)
    assert Ended(True, "Done.") in again.feed(data[first.offset :])
    assert again.result == Ended(True, "Done.")
    assert again.summary.usd == 0.5


def test_a_result_that_something_follows_stands_no_more() -> None:
    """Who ends agents after their result must not end one that goes on."""
    reader = reader_for("scripted")
    reader.feed(b'{"type":"result","ok":true}\n{"type":"usage","in":5}\nstderr\n')
    assert reader.result == Ended(True, "")
    reader.feed(b'{"type":"text","text":"one more thing"}\n')
    assert reader.result is None


def test_half_a_line_waits_for_its_end() -> None:
    reader = reader_for("plain")
    assert reader.feed(b"one\ntw") != []
    assert (reader.offset, reader.summary.activity) == (4, "one")
    reader.feed(b"o\n")
    assert (reader.offset, reader.summary.message) == (8, "one\ntwo")


def test_a_last_line_without_a_break_is_heard_when_no_more_can_come() -> None:
    reader = reader_for("plain")
    reader.feed(b"fatal: no space left")
    reader.finish()
    assert (reader.summary.activity, reader.offset) == ("fatal: no space left", 20)
    assert reader.finish() == []


def test_a_line_of_megabytes_is_read_and_memory_stays_bounded() -> None:
    """Two megabytes are understood; what is beyond the bound is counted and not kept."""
    big = json.dumps({"type": "result", "is_error": False, "result": "x" * 2_000_000}).encode()
    reader = reader_for("claude")
    for at in range(0, len(big), 65536):
        reader.feed(big[at : at + 65536])
    reader.feed(b"\n")
    assert reader.result is not None
    assert reader.result.ok
    assert len(reader.result.detail) <= 400
    small = Reader(line_reader("claude"), 0, Summary(), max_line_bytes=1000)
    for _ in range(100):
        small.feed(b"y" * 4096)
        assert len(small._line) <= 1000
    assert [type(report) for report in small.feed(b"\n")] == [Noise]
    assert small.offset == 409_601
    assert [type(report) for report in small.feed(b"z" * 5000 + b"\n")] == [Noise]
    assert small.offset == 414_602


def test_plain_output_shows_its_last_line_without_anything_that_acts() -> None:
    reader = reader_for("plain")
    reader.feed(b"10%\r55%\r100% \x1b[31mdone\x1b[0m\x1b]0;evil\x07\xe2\x80\xae\n\n  \n")
    assert reader.summary.activity == "100% done"
    reader.feed(b"".join(b"line %d\n" % n for n in range(100)))
    assert reader.summary.message.splitlines() == [f"line {n}" for n in range(92, 100)]


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UsageError, match="'telegraph'"):
        reader_for("telegraph")


def test_a_memory_too_long_to_carry_is_not_cut_in_the_middle() -> None:
    class Long(Memory, frozen=True, array_like=True, tag="long/1"):
        text: str = ""

    assert carried(Long("x" * CARRY_CHARS)) == ""
    assert remembered(carried(Long("x")), Long) == Long("x")


def test_the_scripted_stream_is_read() -> None:
    reader = reader_for("scripted")
    reports = reader.feed((STREAMS / "scripted.jsonl").read_bytes())
    assert Asked("q1", "red or blue?") in reports
    assert reports[-1] == Ended(False, "used up", FailureClass.RATE_LIMIT, 99.5)
    assert (reader.summary.tokens_in, reader.summary.usd, reader.summary.tools) == (150, 0.5, 1)
    assert Noise("[main 1234] a line of git", foreign=True) in reports


def test_the_scripted_stream_can_say_all_that_agents_say() -> None:
    """The fake can play every report, so that tests of the engine need no real agent."""
    lines = [
        {"type": "text", "text": " and on", "more": True},
        {"type": "touch", "paths": ["/repo/a.py", 7]},
        {"type": "plan", "items": [{"text": "a", "status": "done"}]},
        {"type": "usage", "in": 5, "out": 6, "usd": 0.5, "cached": 7},
        {"type": "limit", "cause": "quota", "detail": "soon", "utilization": 0.9, "hit": False},
        {
            "type": "ask",
            "id": "p",
            "text": "may it?",
            "kind": "permission",
            "tool": "Bash",
            "target": "ls",
            "options": [{"id": "y", "label": "Yes", "kind": "allow_always"}, {"id": "n"}],
        },
        {"type": "withdraw", "id": "p"},
    ]
    reader = reader_for("scripted", root="/repo")
    options = (Option("y", "Yes", "allow_always"), Option("n", "n", "answer"))
    assert reader.feed(b"".join(json.dumps(line).encode() + b"\n" for line in lines)) == [
        Said(" and on", more=True),
        Touched(("a.py",)),
        Planned((PlanItem("a", "done"),)),
        Usage(5, 6, 0.5, 7),
        Limited(FailureClass.QUOTA, "soon", None, 0.9, hit=False),
        Asked("p", "may it?", "permission", "Bash", "ls", options),
        Withdrawn("p"),
    ]


def test_prose_in_pieces_is_one_message_with_its_end_in_sight() -> None:
    summary = Summary()
    for piece in ("The quick bro", "wn fox.\nIt ", "jumps."):
        summary.take(Said(piece, more=True))
    assert (summary.message, summary.activity) == ("The quick brown fox.\nIt jumps.", "It jumps.")
    summary.take(Said("x" * 5000, more=True))
    assert len(summary.message) == MESSAGE_CHARS
    assert summary.message.endswith("xxx")


def test_a_question_is_no_activity() -> None:
    """Once it is answered, what the agent does is what it did before."""
    summary = Summary()
    summary.take(ToolUsed("Bash", "make", "running"))
    summary.take(Asked("q1", "May it use Bash: make?"))
    assert summary.activity == "Bash make"
