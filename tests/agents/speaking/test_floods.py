"""What makes it hard for a reader: too much, too long, not of the format, cut."""

from __future__ import annotations

import json

import pytest
from tests.agents.speaking.processes import Speak

from agentdeck.agents.readers import reader_for
from agentdeck.agents.reports import Ended, Noise

JSON = ("scripted", "claude", "codex", "gemini", "opencode")
MEGABYTE = 1_000_000


def test_it_prints_fifty_megabytes(speak: Speak) -> None:
    """Line by line in its format, and then its result."""
    run = speak("codex", "! flood 50")
    assert run.code() == 0
    assert run.raw.count(b"\n") > 12_000
    assert len(run.raw) > 50 * MEGABYTE
    assert json.loads(run.raw.rstrip().rpartition(b"\n")[2])["type"] == "turn.completed"


@pytest.mark.parametrize("speaks", [*JSON, "plain", "aider", "mini"])
def test_it_prints_megabytes_in_any_format(speak: Speak, speaks: str) -> None:
    run = speak(speaks, "! flood 2")
    assert run.code() == 0
    assert len(run.raw) > 2 * MEGABYTE
    if speaks in JSON:
        run.lines()  # each is one JSON object


@pytest.mark.parametrize("speaks", JSON)
def test_it_prints_one_very_long_line_of_its_format(speak: Speak, speaks: str) -> None:
    run = speak(speaks, "! long-line 3")
    assert run.code() == 0
    assert 3 * MEGABYTE < max(map(len, run.raw.split(b"\n"))) < 3 * MEGABYTE + 5000
    run.lines()


@pytest.mark.parametrize("speaks", ["claude", "plain"])
def test_it_prints_a_line_that_never_ends(speak: Speak, speaks: str) -> None:
    run = speak(speaks, "! say before\n! endless-line 3\n! say after")
    run.until(lambda: len(run.raw) > 3 * MEGABYTE)
    assert run.raw.rpartition(b"\n")[2] == b"x" * (3 * MEGABYTE)
    assert run.alive


@pytest.mark.parametrize("speaks", JSON)
def test_garbage_between_its_lines_loses_none_of_them(speak: Speak, speaks: str) -> None:
    plain, run = speak(speaks, "! say a\n! say b"), speak(speaks, "! say a\n! garbage\n! say b")
    assert (plain.code(), run.code()) == (0, 0)
    foreign = b"npm warn deprecated: a line that somebody else printed"
    assert foreign in run.raw.split(b"\n")
    assert len(run.raw.split(b"\n")) == len(plain.raw.split(b"\n")) + 8
    if speaks in ("scripted", "claude"):
        reports = reader_for(speaks).feed(run.raw)
        assert any(isinstance(report, Noise) and report.foreign for report in reports)
        assert isinstance(reports[-1], Ended)


@pytest.mark.parametrize("speaks", [*JSON, "plain", "aider", "mini"])
def test_the_last_line_may_be_half_a_line(speak: Speak, speaks: str) -> None:
    run = speak(speaks, "! say before\n! partial-line 9")
    assert run.code() == 9
    assert "before" in run.text
    last = run.raw.rpartition(b"\n")[2]
    assert last or speaks == "aider"
    if speaks in JSON:
        assert last.startswith(b"{")
        with pytest.raises(json.JSONDecodeError):
            json.loads(last)
