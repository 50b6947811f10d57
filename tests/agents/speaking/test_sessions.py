"""Sessions: going on with one, its totals, and what happens when it is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.agents.speaking.processes import Run, Speak, git

FREE = ("--permission-mode", "bypassPermissions")


def tokens_of(speaks: str, run: Run) -> tuple[int, int, int]:
    """Fresh, cached and out, of one process, as the format means them."""
    lines = run.lines()
    if speaks == "codex":
        usage = lines[-1]["usage"]
        cached = usage["cached_input_tokens"]
        return usage["input_tokens"] - cached, cached, usage["output_tokens"]
    if speaks == "gemini":
        own = next(iter(each for name, each in models(lines[-1]) if "lite" not in name))
        return own["input"], own["cached"], own["output_tokens"]
    if speaks == "claude":
        usage = lines[-1]["usage"]
        return usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]
    steps = [line["part"]["tokens"] for line in lines if line["type"] == "step_finish"]
    return (
        sum(step["input"] for step in steps),
        sum(step["cache"]["read"] for step in steps),
        sum(step["output"] for step in steps),
    )


def models(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(result["stats"]["models"].items())


SCRIPT = "! say one\n! tool Read README.md\n! tool Read pyproject.toml"


def test_the_same_script_takes_the_same_tokens_in_every_format(speak: Speak) -> None:
    """Each counts in its own way, and says the same."""
    found = set()
    for speaks in ("claude", "codex", "gemini", "opencode"):
        run = speak(speaks, SCRIPT)
        assert run.code() == 0
        found.add(tokens_of(speaks, run))
    assert len(found) == 1
    assert min(found.pop()) > 0


@pytest.mark.parametrize("speaks", ["claude", "codex", "gemini", "opencode"])
def test_totals_after_a_resume_follow_the_vendor(speak: Speak, speaks: str) -> None:
    """Codex goes on counting, the others say what this process took."""
    first = speak(speaks, SCRIPT)
    assert first.code() == 0
    more = speak(speaks, "! say two", "--resume", first.session, attempt=2)
    assert more.code() == 0
    before, now = tokens_of(speaks, first), tokens_of(speaks, more)
    if speaks == "codex":
        assert all(after > earlier for after, earlier in zip(now, before, strict=True))
    else:
        assert now[0] < before[0]
    assert now[1] >= before[0]  # what was fresh then is in the cache now


def test_claude_goes_on_with_the_price_and_not_with_the_usage(speak: Speak) -> None:
    """As recorded: `usage` is of the turn, `modelUsage` and the price of the whole session."""
    first = speak("claude", SCRIPT)
    assert first.code() == 0
    more = speak("claude", "! say two", "--resume", first.session)
    assert more.code() == 0
    before, now = first.lines()[-1], more.lines()[-1]
    (was,), (total,) = before["modelUsage"].values(), now["modelUsage"].values()
    (since,) = now["model_usage_since_last_result"].values()
    assert total["inputTokens"] == was["inputTokens"] + now["usage"]["input_tokens"]
    assert since["inputTokens"] == now["usage"]["input_tokens"]
    assert now["total_cost_usd"] == pytest.approx(before["total_cost_usd"] + since["costUSD"])


def test_an_older_claude_counts_each_process_from_nothing(speak: Speak) -> None:
    first = speak("claude", SCRIPT)
    assert first.code() == 0
    old = ("--as-version", "2.1.197")
    more = speak("claude", "! say two", "--resume", first.session, *old)
    assert more.code() == 0
    init, *_, result = more.lines()
    (total,) = result["modelUsage"].values()
    assert init["claude_code_version"] == "2.1.197"
    assert total["inputTokens"] == result["usage"]["input_tokens"]
    assert "model_usage_since_last_result" not in result


@pytest.mark.parametrize(
    ("speaks", "code", "words"),
    [
        ("scripted", 1, "no session nowhere"),
        ("claude", 1, "No conversation found with session ID: nowhere"),
        ("codex", 1, "nowhere"),
        ("opencode", 1, "Session not found: nowhere"),
        ("gemini", 42, 'Invalid session identifier "nowhere"'),
    ],
)
def test_an_unknown_session_is_told_as_the_vendor_does(
    speak: Speak, speaks: str, code: int, words: str
) -> None:
    """Claude says it with a result, the others only on standard error."""
    run = speak(speaks, "! say hello", "--resume", "nowhere")
    assert run.code() == code
    if speaks in ("claude", "scripted"):
        (result,) = run.lines()
        assert words in str(result.get("errors") or result["detail"])
    else:
        assert run.raw == b""
        assert words in run.errors


@pytest.mark.parametrize("speaks", ["aider", "mini", "plain"])
def test_what_has_no_sessions_begins_anew(speak: Speak, speaks: str) -> None:
    run = speak(speaks, "! say hello", "--resume", "nowhere")
    assert run.code() == 0
    assert "hello" in run.text


@pytest.mark.parametrize(("speaks", "code"), [("claude", 1), ("gemini", 42)])
def test_an_id_may_be_chosen_once(speak: Speak, speaks: str, code: int) -> None:
    chosen = ("--session-id", "716b5d23-1d49-4086-91f8-696a45f815ed")
    first = speak(speaks, "! say hello", *chosen)
    assert first.code() == 0
    assert first.session == chosen[1]
    again = speak(speaks, "! say hello", *chosen)
    assert (again.code(), again.raw) == (code, b"")
    assert chosen[1] in again.errors


@pytest.mark.parametrize(
    ("speaks", "option"),
    [("claude", "-r"), ("gemini", "--resume"), ("opencode", "--session"), ("codex", "resume")],
)
def test_a_session_is_named_by_the_vendors_own_option(
    speak: Speak, speaks: str, option: str
) -> None:
    first = speak(speaks, "! say hello")
    assert first.code() == 0
    more = speak(speaks, "! say again", option, first.session, attempt=2)
    assert more.code() == 0
    assert more.session == first.session


@pytest.mark.parametrize("speaks", ["scripted", "claude", "codex", "gemini", "opencode"])
def test_a_killed_run_goes_on_where_it_was(speak: Speak, repo: Path, speaks: str) -> None:
    """A prompt without a script leaves the old one in force, behind what it was doing."""
    script = "! write a.txt 1\n! say marmalade\n! sleep 60\n! write b.txt 1\n! commit both"
    first = speak(speaks, script, *FREE)
    first.until(lambda: "marmalade" in first.text and (repo / "a.txt").exists())
    first.until(lambda: "sleep 60" in stored(repo, done=3))
    first.process.kill()
    first.code()
    more = speak(speaks, "Go on.", "--resume", first.session, *FREE)
    assert more.code() == 0
    assert git(repo, "show", "--format=%s", "--name-only") == "both\n\na.txt\nb.txt"
    assert "marmalade" not in more.text


def stored(repo: Path, done: int) -> str:
    """What the only session remembers, once so many of its instructions are done."""
    folder = repo.parent / "sessions"
    (file,) = [each for each in folder.iterdir() if not each.suffix[2:]]  # the rest are unfinished
    text = file.read_text("utf-8")
    return text if f"\ndone {done}\n" in text else ""


def test_a_script_may_say_what_holds_for_a_resume(speak: Speak) -> None:
    first = speak("codex", "! on resume: say again\n! say hello")
    assert first.code() == 0
    more = speak("codex", "! on resume: say again\n! say hello", "--resume", first.session)
    assert more.code() == 0
    assert "again" not in first.text
    assert more.text.index("again") < more.text.index("hello")


def test_a_finished_session_takes_another_prompt(speak: Speak, repo: Path) -> None:
    """It answers with a few words, and does nothing a second time."""
    first = speak("codex", "! write a.txt 1")
    assert first.code() == 0
    more = speak("codex", "Thank you.", "--resume", first.session)
    assert more.code() == 0
    assert "Thank you." in more.text
    assert git(repo, "rev-list", "--count", "HEAD") == "2"


def test_the_answer_to_a_question_is_the_next_prompt(speak: Speak, repo: Path) -> None:
    """Without somebody at the input, a question ends the turn, with code 0."""
    first = speak("codex", "! ask Tabs or spaces?\n! write-answer a.txt")
    assert first.code() == 0
    assert first.lines()[-1]["type"] == "turn.completed"
    assert not (repo / "a.txt").exists()
    more = speak("codex", "Tabs.", "--resume", first.session)
    assert more.code() == 0
    assert "Tabs." in (repo / "a.txt").read_text("utf-8")


def test_a_session_of_gemini_belongs_to_its_folder(speak: Speak, tmp_path: Path) -> None:
    first = speak("gemini", "! say hello")
    assert first.code() == 0
    elsewhere = speak("gemini", "! say hello", "--resume", first.session, cwd=tmp_path)
    assert (elsewhere.code(), elsewhere.raw) == (42, b"")


def test_a_session_of_opencode_is_waited_for_in_vain_elsewhere(
    speak: Speak, tmp_path: Path
) -> None:
    """It says nothing at all. Claude and Codex find theirs from anywhere."""
    first = speak("opencode", "! say hello")
    assert first.code() == 0
    silent = speak("opencode", "! say hello", "--resume", first.session, cwd=tmp_path)
    for speaks in ("claude", "codex"):
        run = speak(speaks, "! say hello")
        assert run.code() == 0
        away = speak(speaks, "! say hello", "--resume", run.session, cwd=tmp_path)
        assert away.code() == 0
    assert silent.alive
    assert silent.raw == b""


def test_sessions_are_kept_in_the_git_folder_of_the_worktree(speak: Speak, repo: Path) -> None:
    """Nothing of it is in the worktree, and it goes with it."""
    tree = repo.parent / "tree"
    git(repo, "worktree", "add", "--quiet", "--detach", str(tree))
    bare = {"AGENTDECK_SCRIPTED_HOME": ""}
    first = speak("codex", "! say hello", cwd=tree, env=bare)
    assert first.code() == 0
    assert git(tree, "status", "--porcelain") == ""
    folder = repo / ".git" / "worktrees" / "tree" / "agentdeck-scripted"
    assert [file.name for file in folder.iterdir()] == [f"codex-{first.session}"]
    more = speak("codex", "! say hello", "--resume", first.session, cwd=tree, env=bare)
    assert more.code() == 0
    git(repo, "worktree", "remove", str(tree))
    assert not folder.exists()


def test_a_name_of_a_session_never_leaves_the_folder(speak: Speak, repo: Path) -> None:
    (repo.parent / "secret").write_text("agentdeck-scripted-session 1\n", encoding="utf-8")
    run = speak("codex", "! say hello", "--resume", "../../secret")
    assert (run.code(), run.raw) == (1, b"")
    named = speak("claude", "! say hello", "--session-id", "../x/y")
    assert named.code() == 0
    assert [file.name for file in (repo.parent / "sessions").iterdir()] == ["claude-.._x_y"]
