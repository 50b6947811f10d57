"""How runs fail, hang and are stopped, in the manner of each vendor."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.agents.speaking.processes import BOUND_S, PROGRAM, Run, Speak

from agentdeck.agents.readers import reader_for
from agentdeck.agents.reports import Ended
from agentdeck.core.events import FailureClass

FREE = ("--permission-mode", "bypassPermissions")
ONE_SHOT = ("scripted", "plain", "claude", "codex", "gemini", "opencode", "aider", "mini")
CODES = {
    #                scripted plain claude codex gemini opencode aider mini
    "rate-limit 1": (1, 1, 1, 1, 173, 1, 0, 1),
    "quota 3600": (1, 1, 1, 1, 1, 1, 0, 1),
    "overload": (1, 1, 1, 1, 244, 1, 0, 1),
    "unauthorized": (1, 1, 1, 1, 145, 1, 0, 1),
    "refuse": (1, 1, 1, 1, 0, 0, 0, 1),
    "turn-limit": (1, 1, 1, 2, 53, 2, 2, 0),
    "give-up it is too hard": (1, 1, 1, 1, 1, 1, 0, 1),
    "fail 7 it broke": (7,) * 8,
    "sey hello": (2,) * 8,
}

RETRYING = {
    "claude": '"subtype":"api_retry"',
    "codex": "Reconnecting...",
    "aider": "Retrying in",
    "scripted": "asking again",
    "plain": "asking again",
}


def result_of(run: Run) -> dict[str, Any]:
    (found,) = run.of_type("result")
    return found


@pytest.mark.parametrize("speaks", ONE_SHOT)
def test_a_failure_has_the_exit_code_of_the_vendor(speak: Speak, repo: Path, speaks: str) -> None:
    """Whatever comes after it in the script is not done, and nothing is committed."""
    runs = {fault: speak(speaks, f"! {fault}\n! write a.txt 1") for fault in CODES}
    codes = {fault: run.code() for fault, run in runs.items()}
    assert codes == {fault: codes[ONE_SHOT.index(speaks)] for fault, codes in CODES.items()}
    assert not (repo / "a.txt").exists()


def test_a_connection_that_cannot_be_made_is_told(speak: Speak) -> None:
    """Codex waits for a network for ever; the others give up."""
    waiting = speak("codex", "! network")
    codes = {"scripted": 1, "claude": 1, "gemini": 1, "opencode": 1, "aider": 0, "mini": 1}
    for speaks, code in codes.items():
        assert speak(speaks, "! network").code() == code, speaks
    (line,) = waiting.until(lambda: waiting.of_type("error"))
    assert line["message"] == "Reconnecting... waiting for network"
    assert waiting.alive


@pytest.mark.parametrize("speaks", ONE_SHOT)
def test_a_trouble_that_passes_is_shown_as_the_vendor_shows_retries(
    speak: Speak, speaks: str
) -> None:
    """Asked in vain twice, then it goes on and succeeds."""
    faults = ("rate-limit 1 2", "overload 2", "network 2")
    for run in [speak(speaks, f"! {fault}\n! say afterwards") for fault in faults]:
        assert run.code() == 0
        assert "afterwards" in run.text
        if speaks in RETRYING:
            assert run.text.count(RETRYING[speaks]) == 2
        elif speaks == "opencode":
            assert run.errors == ""
            assert {line["type"] for line in run.lines()} == {"step_start", "step_finish", "text"}
        else:
            word = {"gemini": "Retrying with backoff", "mini": "Retrying:"}[speaks]
            assert run.errors.count(word) == 2
            assert "etrying" not in run.text


def test_claude_counts_its_retries(speak: Speak) -> None:
    run = speak("claude", "! rate-limit 7", env={"CLAUDE_CODE_MAX_RETRIES": "3"})
    assert run.code() == 1
    retries = [line for line in run.of_type("system") if line["subtype"] == "api_retry"]
    assert [line["attempt"] for line in retries] == [1, 2, 3]
    assert {line["max_retries"] for line in retries} == {3}
    assert {line["retry_delay_ms"] for line in retries} == {7000}
    assert {line["error_status"] for line in retries} == {429}


def test_a_limit_that_lasts_ends_or_silences_a_run(speak: Speak) -> None:
    """Claude ends at once, Codex says one line, opencode none; Gemini does not look at it."""
    codex, opencode = speak("codex", "! rate-limit 3600"), speak("opencode", "! rate-limit 3600")
    claude, gemini = speak("claude", "! rate-limit 3600"), speak("gemini", "! rate-limit 3600")
    assert claude.code() == 1
    assert [line["type"] for line in claude.lines()] == ["system", "assistant", "result"]
    assert gemini.code() == 173
    (line,) = codex.until(lambda: codex.of_type("error"))
    assert line["message"].startswith("Reconnecting... 1/5 (exceeded retry limit, last status: 429")
    assert codex.alive
    assert opencode.alive
    assert opencode.raw == b""


def test_a_quota_says_when_it_resets(speak: Speak) -> None:
    """Each where it has a place for it; Claude with a rejected `rate_limit_event`."""
    before = time.time()
    runs = {name: speak(name, "! quota 3600") for name in ("claude", "codex", "gemini", "opencode")}
    own = speak("scripted", "! quota 3600")
    assert {run.code() for run in (*runs.values(), own)} == {1}
    (event,) = runs["claude"].of_type("rate_limit_event")
    info = event["rate_limit_info"]
    assert (info["status"], info["rateLimitType"]) == ("rejected", "five_hour")
    assert before + 3598 < info["resetsAt"] < time.time() + 3601
    assert result_of(runs["claude"])["result"].startswith("You've hit your session limit · resets ")
    failed = runs["codex"].lines()[-1]["error"]["message"]
    assert failed.startswith("You've hit your usage limit.")
    assert "try again at " in failed
    error = result_of(runs["gemini"])["error"]
    assert error["type"] == "TerminalQuotaError"
    assert "Your quota will reset after 1h0m0s." in error["message"]
    data = runs["opencode"].of_type("error")[0]["error"]["data"]
    assert data["responseHeaders"]["retry-after"] == "3600"
    assert result_of(own)["cause"] == FailureClass.QUOTA
    assert before + 3599 < result_of(own)["retry_at"] < time.time() + 3601


def test_a_refusal_of_claude_is_an_error_and_elsewhere_may_look_like_an_answer(
    speak: Speak,
) -> None:
    claude, codex = speak("claude", "! refuse no"), speak("codex", "! refuse no")
    gemini, opencode = speak("gemini", "! refuse no"), speak("opencode", "! refuse no")
    assert [run.code() for run in (claude, codex, gemini, opencode)] == [1, 1, 0, 0]
    result = result_of(claude)
    assert (result["is_error"], result["stop_reason"]) == (True, "refusal")
    assert codex.lines()[-1]["error"]["message"].startswith("Invalid prompt")
    assert result_of(gemini)["status"] == "success"
    assert opencode.lines()[-1]["part"]["reason"] == "content-filter"


def test_turns_that_are_used_up_have_words_of_their_own(speak: Speak) -> None:
    claude = speak("claude", "! say one\n! turn-limit", "--max-turns", "3")
    gemini, mini = speak("gemini", "! turn-limit"), speak("mini", "! turn-limit")
    assert [run.code() for run in (claude, gemini, mini)] == [1, 53, 0]
    result = result_of(claude)
    assert (result["subtype"], result["is_error"]) == ("error_max_turns", True)
    assert result["errors"] == ["Reached maximum number of turns (3)"]
    assert result_of(gemini)["error"]["type"] == "FatalTurnLimitedError"
    assert "LimitsExceeded" in mini.text
    none = speak("codex", "! turn-limit")
    assert none.code() == 2
    assert "codex has no limit of turns" in none.errors


def test_an_error_of_the_service_is_a_success_in_the_subtype_of_claude(speak: Speak) -> None:
    """Status, name and words are all there, and the reader blames the right one."""
    causes = {
        "! rate-limit 1": FailureClass.RATE_LIMIT,
        "! overload": FailureClass.OVERLOAD,
        "! unauthorized": FailureClass.AUTH,
        "! network": FailureClass.NETWORK,
    }
    for script, cause in causes.items():
        run = speak("claude", script)
        assert run.code() == 1
        result = result_of(run)
        assert (result["subtype"], result["is_error"]) == ("success", True)
        reports = reader_for("claude").feed(run.raw)
        (ended,) = [report for report in reports if isinstance(report, Ended)]
        assert (ended.ok, ended.cause) == (False, cause)


def test_aider_says_its_errors_and_ends_as_if_nothing_had_been(speak: Speak, repo: Path) -> None:
    log = repo.parent / "analytics.jsonl"
    run = speak("aider", "! rate-limit 1", "--analytics-log", str(log))
    assert run.code() == 0
    assert "litellm.RateLimitError: RateLimitError" in run.text
    waits = [line for line in run.text.splitlines() if line.startswith("Retrying in")]
    assert waits[:3] == [f"Retrying in {wait} seconds..." for wait in ("0.2", "0.5", "1.0")]
    events = [json.loads(line)["event"] for line in log.read_text("utf-8").splitlines()]
    assert events[-2:] == ["message_send_starting", "exit"]


@pytest.mark.parametrize("speaks", ONE_SHOT)
def test_a_crash_is_a_death_by_signal_without_a_result(speak: Speak, speaks: str) -> None:
    numbers = {"": signal.SIGKILL, " SEGV": signal.SIGSEGV, " SIGTERM": signal.SIGTERM}
    runs = {speak(speaks, f"! say before\n! crash{name}"): numbers[name] for name in numbers}
    for run, number in runs.items():
        assert run.code() == -number
        assert "before" in run.text
        assert '"result"' not in run.text
        assert '"turn.completed"' not in run.text


def test_an_answer_that_ends_half_way_means_something_else_to_each(
    speak: Speak, repo: Path
) -> None:
    """Gemini and aider call it a success, Codex gives up, opencode asks for ever."""
    script = "! cut\n! write a.txt 1"
    runs = {name: speak(name, script) for name in ("gemini", "aider", "codex", "opencode")}
    assert runs["gemini"].code() == 0
    assert result_of(runs["gemini"])["status"] == "success"
    assert runs["aider"].code() == 0
    assert runs["codex"].code() == 1
    last = runs["codex"].lines()[-1]
    assert last["error"]["message"].startswith("stream disconnected before completion")
    endless = runs["opencode"]
    endless.until(lambda: len(endless.of_type("step_finish")) > 2)
    assert endless.alive
    assert not (repo / "a.txt").exists()
    for speaks in ("claude", "mini"):  # they ask again, and go on
        assert speak(speaks, script, *FREE).code() == 0
        assert (repo / "a.txt").exists()


@pytest.mark.parametrize("speaks", ["claude", "codex", "gemini", "scripted"])
def test_a_runaway_does_the_same_again_and_again(speak: Speak, speaks: str) -> None:
    run = speak(speaks, "! runaway 500")
    run.until(lambda: run.text.count("README.md") > 20)
    assert run.alive


@pytest.mark.parametrize("speaks", ONE_SHOT)
def test_a_hang_is_silent(speak: Speak, speaks: str) -> None:
    """Nothing comes after what was said before; two formats repeat the prompt first."""
    run = speak(speaks, "! say before\n! hang\n! say after")
    repeated = speaks in ("gemini", "mini")
    run.until(lambda: run.text.count("before") > repeated)
    speak(speaks, "! say hello").code()  # as long as a whole run takes
    assert run.alive
    assert run.text.count("after") == repeated


@pytest.mark.parametrize("speaks", ["scripted", "claude", "codex", "gemini", "opencode"])
def test_a_run_may_hang_when_all_is_said(speak: Speak, speaks: str) -> None:
    """All of its output is there, good end or bad, and the process does not end."""
    for script in ("! say all", "! rate-limit 1"):
        run = speak(speaks, f"! hang-after-result\n{script}")
        whole = speak(speaks, script)
        whole.code()
        wanted = len(whole.lines())
        waits_for(run, wanted)
        assert run.alive
        assert run.lines()[-1]["type"] == whole.lines()[-1]["type"]


def waits_for(run: Run, lines: int) -> None:
    run.until(lambda: len(run.lines()) == lines)


@pytest.mark.parametrize("speaks", ["codex", "opencode", "claude", "plain"])
def test_an_input_that_stays_open_is_waited_for(speak: Speak, speaks: str) -> None:
    """Not one line before the end of the input, as Codex and opencode do it."""
    run = speak(speaks, "! say hello\n! await-stdin", talk=True)
    speak(speaks, "! say hello").code()
    assert run.alive
    assert run.raw == b""
    run.close()
    assert run.code() == 0
    assert "hello" in run.text
    if speaks == "codex":  # said before it waits; once it has ended all of it is here
        assert "Reading additional input from stdin" in run.errors


@pytest.mark.parametrize(
    ("speaks", "interrupted", "terminated"),
    [
        ("scripted", 130, 143),
        ("plain", 130, 143),
        ("claude", 0, 143),
        ("codex", 1, -15),
        ("opencode", -2, -15),
        ("gemini", 0, 0),
        ("aider", 0, -15),
        ("mini", -2, -15),
    ],
)
def test_signals_end_it_as_they_end_the_vendors(
    speak: Speak, speaks: str, interrupted: int, terminated: int
) -> None:
    """Claude alone says a result, and only of an interrupt; the agent's own format always."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    runs = [speak(speaks, "! say b-e-f-o-r-e\n! sleep 60") for _ in numbers]
    for run, number in zip(runs, numbers, strict=True):
        says(run, "b-e-f-o-r-e", 1 + (speaks in ("gemini", "mini")))  # these repeat the prompt
        run.process.send_signal(number)
        assert run.code() == (interrupted if number == signal.SIGINT else terminated)
        tells = speaks == "scripted" or (speaks == "claude" and number == signal.SIGINT)
        assert ('"result"' in run.text) == tells
        assert "turn.completed" not in run.text


def says(run: Run, words: str, times: int) -> None:
    run.until(lambda: run.text.count(words) == times)


def test_a_tool_of_claude_that_nobody_can_allow_is_denied(speak: Speak, repo: Path) -> None:
    """The run goes on, lists it, and ends with 0; a mode that allows it asks nobody."""
    script = "! ask permission\n! write a.txt 1\n! say so be it"
    run = speak("claude", script)
    assert run.code() == 0
    (denied,) = result_of(run)["permission_denials"]
    assert (denied["tool_name"], denied["tool_input"]["file_path"]) == (
        *("Write", str(repo / "a.txt")),
    )
    blocks = [line["message"]["content"][0] for line in run.of_type("user")]
    assert [block["is_error"] for block in blocks] == [True]
    assert not (repo / "a.txt").exists()
    assert speak("claude", script, *FREE).code() == 0
    assert (repo / "a.txt").exists()


def test_a_tool_of_opencode_that_nobody_can_allow_is_denied(speak: Speak, repo: Path) -> None:
    script = "! ask permission\n! write a.txt 1"
    run = speak("opencode", script)
    assert run.code() == 0
    states = [line["part"]["state"] for line in run.of_type("tool_use")]
    assert [state["status"] for state in states] == ["error"]
    assert not (repo / "a.txt").exists()
    assert speak("opencode", script, "--auto").code() == 0
    assert (repo / "a.txt").exists()


def test_the_agents_own_format_asks_a_person_for_permission(speak: Speak, repo: Path) -> None:
    run = speak(
        "scripted", "! ask permission\n! write a.txt 1\n! write b.txt 1\n! leave", talk=True
    )
    run.until(lambda: len(run.of_type("ask")) == 1)
    run.send({"text": "no"})
    run.until(lambda: len(run.of_type("ask")) == 2)
    run.send({"text": "yes"})
    assert run.code() == 0
    assert [(repo / name).exists() for name in ("a.txt", "b.txt")] == [False, True]


@pytest.mark.parametrize("script", ["! crash WINTER", "! flood much", "! flood 5000"])
def test_a_fault_that_cannot_be_played_is_an_error_of_the_script(speak: Speak, script: str) -> None:
    run = speak("codex", script)
    assert run.code() == 2
    assert run.errors


def test_a_signal_that_comes_before_a_wait_is_not_lost() -> None:
    """The wait ends at once: else a signal at the wrong moment would be heard a minute later."""
    program = (
        "import os, sys; sys.path.append(sys.argv[1])\n"
        "from agentdeck.testing.scripted.signals import listen, ready\n"
        "listen(lambda number, frame: None)\n"
        "os.kill(os.getpid(), 15)\n"
        "ready(600)\n"
    )
    source = str(PROGRAM.parents[2])
    argv = [sys.executable, "-I", "-S", "-c", program, source]
    assert subprocess.run(argv, timeout=BOUND_S, check=False).returncode == 0
