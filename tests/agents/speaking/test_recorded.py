"""What the scripted agent says in each format has the shape of what the real one said."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.agents.speaking.processes import PROGRAM, Speak, git
from tests.agents.speaking.shapes import STREAMS, lacking, recorded, unlike

from agentdeck.agents.readers import reader_for
from agentdeck.agents.reports import Ended, Noise
from agentdeck.testing.scripted.main import FORMATS

WORK = "! say I will create hello.txt.\n! write hello.txt 1\n! commit add hello.txt"
FREE = ("--permission-mode", "bypassPermissions")
NAMED = ("--model", "claude-opus-5-5")

# What stands below these is of one model or one machine.
LEFT_OUT = ("modelUsage", "model_usage_since_last_result", "stats.models", "plugins[]")


@pytest.mark.parametrize(
    ("speaks", "recording", "script", "args"),
    [
        ("claude", "claude.jsonl", WORK, FREE + NAMED),
        ("claude", "claude-rate-limit-429.jsonl", "! rate-limit 1", ()),
        ("claude", "claude-error-500.jsonl", "! overload", ()),
        ("codex", "codex.jsonl", WORK, ()),
        ("codex", "codex-error-500.jsonl", "! overload", ()),
        ("codex", "codex-rate-limit-429.jsonl", "! rate-limit 1", ()),
        ("gemini", "gemini.jsonl", WORK, ()),
        ("gemini", "gemini-error-401.jsonl", "! unauthorized", ()),
        (
            "gemini",
            "gemini-cut-reset-reported-as-success.jsonl",
            "! say I will create hello.txt.\n! write hello.txt 1\n! cut",
            (),
        ),
        ("opencode", "opencode.jsonl", WORK, ()),
        ("opencode", "opencode-error-401.jsonl", "! unauthorized", ()),
        ("opencode", "opencode-rate-limit-429.jsonl", "! rate-limit 1", ()),
    ],
)
def test_each_recorded_line_has_a_counterpart_of_its_shape(
    speak: Speak, speaks: str, recording: str, script: str, args: tuple[str, ...]
) -> None:
    """Every type of line, every key and every JSON type of the recording is there."""
    run = speak(speaks, script, *args)
    run.code()
    left_out = (*LEFT_OUT, "error.data.responseHeaders", "error.data.metadata")
    assert unlike(recorded(recording), run.lines(), left_out) == []


def test_an_interrupted_run_of_claude_ends_as_the_recorded_one(speak: Speak) -> None:
    """SIGINT: exit code 0, and a result that says it is an error."""
    script = "! say I will create hello.txt.\n! write hello.txt 1\n! say tick\n! sleep 60"
    run = speak("claude", script, *FREE, *NAMED)
    run.until(lambda: "tick" in run.text)
    run.process.send_signal(signal.SIGINT)
    assert run.code() == 0
    wanted = [line for line in recorded("claude-sigint.jsonl") if not line.get("aborted")]
    assert unlike(wanted, run.lines(), LEFT_OUT) == []
    (result,) = run.of_type("result")
    assert (result["subtype"], result["is_error"]) == ("error_during_execution", True)


def test_a_runaway_of_opencode_repeats_the_recorded_steps(speak: Speak) -> None:
    """An answer that ends early: steps of unknown end and no tokens, for ever."""
    run = speak("opencode", "! say I will create hello.txt.\n! write hello.txt 1\n! runaway 500")
    run.until(lambda: len(run.of_type("step_finish")) > 20)
    assert run.alive
    assert unlike(recorded("opencode-cut-eof-runaway.jsonl"), run.lines()) == []
    last = run.of_type("step_finish")[-1]["part"]
    assert last["reason"] == "unknown"
    assert last["tokens"] == {
        "input": 0,
        "output": 0,
        "reasoning": 0,
        "cache": {"write": 0, "read": 0},
    }


@pytest.mark.parametrize("speaks", ["claude", "codex", "gemini", "opencode"])
def test_a_resumed_run_has_the_shape_of_the_recorded_one(speak: Speak, speaks: str) -> None:
    """A question, and the session goes on under its id."""
    first = speak(speaks, WORK, *FREE, *NAMED)
    assert first.code() == 0
    session = first.session
    more = speak(speaks, "! ask Tabs or spaces?", "--resume", session, *FREE, *NAMED)
    assert more.code() == 0
    assert more.session == session
    assert unlike(recorded(f"{speaks}-resume.jsonl"), more.lines(), LEFT_OUT) == []


def test_aider_prints_the_recorded_kinds_of_lines(speak: Speak, repo: Path) -> None:
    log = repo.parent / "analytics.jsonl"
    run = speak("aider", WORK, "--analytics-log", str(log))
    assert run.code() == 0
    patterns = [
        r"Aider v\d+\.\d+\.\d+$",
        r"Model: \S+ with whole edit format$",
        r"Git repo: \.git with \d+ files$",
        r"Repo-map: ",
        r"Tokens: [\d.]+k? sent, [\d.]+k? received\.",
        r"Applied edit to hello\.txt$",
        r"Commit [0-9a-f]{7} add hello\.txt$",
    ]
    for pattern in patterns:
        assert re.search(f"^{pattern}", (STREAMS / "aider.txt").read_text("utf-8"), re.MULTILINE)
        assert re.search(f"^{pattern}", run.text, re.MULTILINE), pattern
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [event["event"] for event in events] == [
        *("launched", "repo", "auto_commits", "message_send_starting"),
        *("message_send", "message_send", "exit"),
    ]
    assert {type(event["time"]) for event in events} == {int}
    sent = [event["properties"] for event in events if event["event"] == "message_send"]
    assert sent[1]["total_cost"] == pytest.approx(sent[0]["cost"] + sent[1]["cost"])
    for each in sent:
        assert each["total_tokens"] == each["prompt_tokens"] + each["completion_tokens"]


def test_mini_writes_the_recorded_trajectory(speak: Speak, repo: Path) -> None:
    """Its file has every key; the settings that it repeats there are left out."""
    file = repo.parent / "traj.json"
    run = speak("mini", WORK, "-o", str(file))
    assert run.code() == 0
    ours = json.loads(file.read_text("utf-8"))
    theirs = json.loads((STREAMS / "mini-trajectory.json").read_text("utf-8"))
    assert lacking(theirs["info"], ours["info"], "", ("config",)) == []
    assert lacking(theirs, ours, "", ("info", "messages")) == []
    assert unlike(theirs["messages"], ours["messages"]) == []
    assert ours["info"]["exit_status"] == "Submitted"
    assert ours["info"]["model_stats"]["api_calls"] == 3
    for words in ("mini-swe-agent (step 3, $", "Tool:\n<returncode>\n0\n", "Saved trajectory to"):
        assert words in (STREAMS / "mini.txt").read_text("utf-8")
        assert words in run.text


def test_the_trajectory_of_mini_is_written_after_each_step(speak: Speak, repo: Path) -> None:
    """A run that is killed leaves what it did until then."""
    file = repo.parent / "traj.json"
    run = speak("mini", "! write a.txt 1\n! hang", "-o", str(file))
    run.until(lambda: "<output>" in run.text)
    found = run.until(lambda: file.read_text("utf-8").count('"role": "tool"'))
    assert found == 1
    assert json.loads(file.read_text("utf-8"))["info"]["exit_status"] == ""


def test_plain_text_is_lines_and_an_exit_code(speak: Speak) -> None:
    run = speak("plain", WORK)
    assert run.code() == 0
    said = ["I will create hello.txt.", "Write hello.txt +1", "Bash git commit -m add hello.txt"]
    assert run.text.splitlines() == [*said, "T1 is done"]


@pytest.mark.parametrize(
    "speaks",
    ["plain", "claude", "codex", "gemini", "opencode", "aider", "mini"],
)
def test_the_work_is_the_same_in_every_format(speak: Speak, repo: Path, speaks: str) -> None:
    """A plan that was tried with the agent's own format does the same in any other."""
    base, trees = git(repo, "rev-parse", "HEAD"), []
    for each in ("scripted", speaks):
        git(repo, "reset", "--quiet", "--hard", base)
        assert speak(each, WORK, *FREE).code() == 0
        assert git(repo, "log", "--format=%s") == "add hello.txt\nbase"
        trees.append(git(repo, "rev-parse", "HEAD^{tree}"))
    assert trees[0] == trees[1]


def test_the_same_attempt_says_the_same_but_for_times(speak: Speak) -> None:
    """Ids and tokens come from task and attempt; another attempt has others."""
    first, again = speak("codex", "! say a"), speak("codex", "! say a")
    other = speak("codex", "! say a", attempt=2)
    assert [run.code() for run in (first, again, other)] == [0, 0, 0]
    assert first.raw == again.raw
    assert first.session != other.session


def test_the_reader_of_claude_understands_all_of_it(speak: Speak) -> None:
    """Nothing of a plain run is noise to the reader that real streams are read with."""
    run = speak("claude", WORK, *FREE, *NAMED)
    assert run.code() == 0
    reports = reader_for("claude").feed(run.raw)
    assert not [report for report in reports if isinstance(report, Noise)]
    (ended,) = [report for report in reports if isinstance(report, Ended)]
    assert (ended.ok, ended.detail) == (True, "T1 is done")


def test_an_unknown_format_is_refused(speak: Speak) -> None:
    run = speak("klingon", "! say hello")
    assert run.code() == 2
    assert run.raw == b""
    assert "expected one of scripted, plain, claude" in run.errors


@pytest.mark.parametrize(
    "speaks",
    ["scripted", "plain", "claude", "codex", "gemini", "opencode", "aider", "mini", "acp"],
)
def test_no_format_imports_what_starts_slowly(speaks: str) -> None:
    """A hundred agents should not need seconds to start, whatever they speak."""
    argv = [sys.executable, "-I", "-S", "-X", "importtime", str(PROGRAM), "--speak", speaks]
    loaded = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    modules = {line.rpartition("|")[2].strip() for line in loaded.stderr.splitlines()}
    assert f"agentdeck.testing.scripted.voices.{speaks}" in modules
    slow = {"json", "typing", "signal", "enum", "re", "contextlib", "dataclasses", "pathlib"}
    assert not modules & slow
    others = {name for name in modules if ".voices." in name and name.endswith(FORMATS)}
    assert others == {f"agentdeck.testing.scripted.voices.{speaks}"}
