"""A log on the screen: a tool is one line, prose is prose, machinery is out of sight."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.agents.rendering import Line, render

STREAMS = Path(__file__).parent / "streams"


def drawn(stream_format: str, name: str) -> list[tuple[str, str]]:
    """Kind and text of every line that a recording gives."""
    lines = (STREAMS / name).read_bytes().splitlines()
    shown = [line for raw in lines for line in render(stream_format, raw, root="/repo")]
    return [(line.kind, line.text) for line in shown]


def test_a_log_is_drawn_with_a_line_for_each_tool_and_none_for_machinery() -> None:
    """You should see the session, prose, `▸ Write docs/x.md`, stderr, the failed tool, the end."""
    assert drawn("claude", "claude-success.jsonl") == [
        ("noise", "session s-1"),
        ("noise", "asks the service again after HTTP 429 (1 of 10, in 1 s)"),
        ("text", "I will write the file."),
        ("tool", "▸ Write docs/x.md"),
        ("noise", "Warning: something on stderr"),
        ("tool", "▸ Bash pytest -q"),
        ("error", "✖ tool"),
        ("result", "✔ done"),
    ]


def test_questions_and_used_up_limits_cannot_be_overlooked() -> None:
    """You should see a `?` line for each question, and the limit in the colour of failures."""
    asked = [text for kind, text in drawn("claude", "claude-question.jsonl") if kind == "ask"]
    assert asked == [
        "? May it use Write: hello.txt?",
        "? May it use Edit: hello.txt?",
        "? Tabs or spaces? (Tabs / Spaces)",
    ]
    assert drawn("claude", "claude-limit.jsonl") == [
        ("noise", "session s-2"),
        ("error", "has used up its limit (five hour)"),
        ("error", "✖ rate limit"),  # by itself its line says no more
    ]


def test_a_line_has_its_time_where_the_log_says_it() -> None:
    raw = (STREAMS / "claude-success.jsonl").read_bytes().splitlines()[2]
    assert render("claude", raw)[0].time == 1795230824.037
    assert render("scripted", b'{"type":"ask","id":"q","text":"why?","at":2}') == [
        Line("ask", "? why?", "", 2.0)
    ]


def test_plain_output_is_shown_whole_and_without_its_escapes() -> None:
    assert render("plain", b"\x1b[1mbold\x1b[0m") == [Line("text", "bold")]
    assert render("plain", b"x" * 3000) == [Line("text", "x" * 3000)]


def test_a_to_do_list_is_one_calm_line() -> None:
    """You should see `to do: 1 of 3 done` and what is under way, and not the call itself."""
    block = (
        b'{"type":"tool_use","name":"TodoWrite","input":{"todos":['
        b'{"content":"look","status":"completed"},{"content":"edit","status":"in_progress"},'
        b'{"content":"test","status":"pending"}]}}'
    )
    line = b'{"type":"assistant","message":{"content":[' + block + b"]}}"
    assert render("claude", line) == [Line("noise", "to do: 1 of 3 done", "edit")]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"type":"withdraw","id":"q"}', []),
        (b'{"type":"touch","paths":["a"]}', []),
        (b'{"type":"plan","items":[]}', []),
        (
            b'{"type":"limit","cause":"rate limit","detail":"waits"}',
            [Line("noise", "waits")],
        ),
        (
            b'{"type":"result","ok":false,"cause":"no progress","detail":"turns in circles"}',
            [Line("error", "✖ no progress", "turns in circles")],
        ),
        (
            b'{"type":"ask","text":"one\\ntwo\\nthree"}',
            [Line("ask", "? one", "two three")],
        ),
    ],
)
def test_every_report_has_its_line_or_none(raw: bytes, shown: list[Line]) -> None:
    assert render("scripted", raw) == shown
