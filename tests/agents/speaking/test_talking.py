"""Claude Code that is talked to over its input: prompts, permissions, questions, interrupts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.agents.speaking.processes import Run, Speak, git
from tests.agents.speaking.shapes import recorded, unlike

TALK = ("--input-format", "stream-json", "--permission-prompt-tool", "stdio")
NAMED = ("--model", "claude-opus-5-5")
WORK = "! say I will create hello.txt.\n! write hello.txt 1\n! commit add hello.txt"


@pytest.fixture
def claude(speak: Speak) -> Run:
    """A process that waits for its first prompt."""
    return speak("claude", "Do what you are told.", *TALK, *NAMED, talk=True)


def prompt(run: Run, text: str | list[dict[str, str]]) -> None:
    run.send({"type": "user", "message": {"role": "user", "content": text}})


def results(run: Run, number: int) -> list[dict[str, Any]]:
    """So many results, when they are there."""
    return run.until(lambda: found if len(found := run.of_type("result")) == number else None)


def request(run: Run, number: int) -> dict[str, Any]:
    """The permission that is asked for, for the so manyth time."""

    def asked() -> dict[str, Any] | None:
        found = run.of_type("control_request")
        return found[number - 1] if len(found) == number else None

    return run.until(asked)


def answer(run: Run, asked: dict[str, Any], **response: object) -> None:
    told = {"subtype": "success", "request_id": asked["request_id"], "response": response}
    run.send({"type": "control_response", "response": told})


def allow(run: Run, asked: dict[str, Any], **updated: object) -> None:
    given = {**asked["request"]["input"], **updated}
    answer(run, asked, behavior="allow", updatedInput=given)


def test_the_recorded_talk_has_the_same_shape(claude: Run, repo: Path) -> None:
    """The first tool is allowed, the second denied: line by line as it was recorded."""
    prompt(claude, f"! ask permission\n{WORK}")
    allow(claude, request(claude, 1))
    answer(claude, request(claude, 2), behavior="deny", message="not allowed by policy")
    (result,) = results(claude, 1)
    claude.close()
    assert claude.code() == 0
    left_out = ("modelUsage", "model_usage_since_last_result", "plugins[]")
    wanted = recorded("claude-control-both-ways.jsonl")
    odd = ("request.permission_suggestions[]", "request.decision_reason_type")
    assert unlike(wanted, claude.lines(), (*left_out, *odd)) == []
    (denied,) = result["permission_denials"]
    assert (denied["tool_name"], denied["tool_input"]) == (
        "Bash",
        {"command": "git commit -m add hello.txt"},
    )
    blocks = [line["message"]["content"][0] for line in claude.of_type("user")]
    assert blocks[1]["content"] == "not allowed by policy"
    assert git(repo, "log", "--format=%s") == "base"
    assert (repo / "hello.txt").exists()


def test_each_prompt_has_a_result_and_the_totals_add_up(claude: Run) -> None:
    """It waits for the first, and ends when the input ends."""
    prompt(claude, "! say one\n! tool Read a")
    (first,) = results(claude, 1)
    prompt(claude, [{"type": "text", "text": "! say two"}])
    _, second = results(claude, 2)
    claude.close()
    assert claude.code() == 0
    (was,), (total,) = first["modelUsage"].values(), second["modelUsage"].values()
    assert total["inputTokens"] == was["inputTokens"] + second["usage"]["input_tokens"]
    assert second["total_cost_usd"] > first["total_cost_usd"]
    assert [each["result_index"] for each in (first, second)] == [0, 1]
    assert len([line for line in claude.of_type("system") if line["subtype"] == "init"]) == 2
    assert len({line["session_id"] for line in claude.lines()}) == 1


def test_nothing_is_said_before_the_first_prompt(speak: Speak, claude: Run) -> None:
    speak("claude", "! say hello").code()  # as long as a whole run takes
    assert (claude.raw, claude.alive) == (b"", True)
    claude.close()
    assert (claude.code(), claude.raw) == (0, b"")


def test_a_prompt_that_comes_too_early_waits_for_its_turn(claude: Run) -> None:
    prompt(claude, "! say one\n! sleep 0.2\n! say still one")
    prompt(claude, "! say two")
    first, second = results(claude, 2)
    assert claude.text.index("still one") < claude.text.index('"two"')
    assert (first["result"], second["result"]) == ("T1 is done", "T1 is done")


def test_a_question_ends_the_turn_and_the_next_prompt_answers_it(speak: Speak, repo: Path) -> None:
    run = speak("claude", "", "--input-format", "stream-json", talk=True)
    prompt(run, "! ask Tabs or spaces?\n! write-answer a.txt")
    (first,) = results(run, 1)
    assert (first["result"], first["is_error"]) == ("Tabs or spaces?", False)
    prompt(run, "Spaces, please.")
    results(run, 2)
    assert (repo / "a.txt").read_text("utf-8") == "Spaces, please.\n"


def test_a_question_is_a_tool_where_a_host_answers_tools(claude: Run, repo: Path) -> None:
    prompt(claude, "! ask Tabs or spaces?\n! write-answer a.txt")
    asked = request(claude, 1)
    assert asked["request"]["tool_name"] == "AskUserQuestion"
    assert asked["request"]["requires_user_interaction"] is True
    (question,) = asked["request"]["input"]["questions"]
    assert question["question"] == "Tabs or spaces?"
    allow(claude, asked, answers={"Tabs or spaces?": "Tabs"})
    results(claude, 1)
    assert (repo / "a.txt").read_text("utf-8") == "Tabs\n"
    assert 'answered: \\"Tabs or spaces?\\"=\\"Tabs\\"' in claude.text


def test_a_host_may_change_what_it_allows(claude: Run, repo: Path) -> None:
    prompt(claude, "! ask permission\n! write a.txt 1\n! leave")
    allow(claude, request(claude, 1), content="something else\n")
    results(claude, 1)
    assert (repo / "a.txt").read_text("utf-8") == "something else\n"


def test_a_mode_that_is_set_meanwhile_makes_it_stop_asking(claude: Run, repo: Path) -> None:
    wish = {"subtype": "set_permission_mode", "mode": "bypassPermissions"}
    claude.send({"type": "control_request", "request_id": "r1", "request": wish})
    prompt(claude, "! ask permission\n! write a.txt 1")
    results(claude, 1)
    assert claude.of_type("control_request") == []
    (told,) = claude.of_type("control_response")
    assert told["response"]["request_id"] == "r1"
    assert (repo / "a.txt").exists()


def test_an_interrupt_drops_the_turn_and_not_the_process(claude: Run) -> None:
    prompt(claude, "! say before\n! sleep 60\n! say after")
    claude.until(lambda: '"before"' in claude.text)
    wish = {"subtype": "interrupt"}
    claude.send({"type": "control_request", "request_id": "r1", "request": wish})
    (result,) = results(claude, 1)
    assert (result["subtype"], result["is_error"]) == ("error_during_execution", True)
    assert result["terminal_reason"] == "aborted_streaming"
    (told,) = claude.of_type("control_response")
    assert told["response"] == {"subtype": "success", "request_id": "r1", "response": {}}
    prompt(claude, "! say more")
    assert results(claude, 2)[1]["is_error"] is False
    claude.close()
    assert claude.code() == 0


def test_an_interrupt_withdraws_what_was_asked(claude: Run, repo: Path) -> None:
    prompt(claude, "! ask permission\n! write a.txt 1")
    asked = request(claude, 1)
    wish = {"subtype": "interrupt"}
    claude.send({"type": "control_request", "request_id": "r1", "request": wish})
    (result,) = results(claude, 1)
    (gone,) = claude.of_type("control_cancel_request")
    assert gone["request_id"] == asked["request_id"]
    assert result["terminal_reason"] == "aborted_tools"
    assert not (repo / "a.txt").exists()


def test_a_denial_may_interrupt(claude: Run) -> None:
    prompt(claude, "! ask permission\n! write a.txt 1\n! say after")
    answer(claude, request(claude, 1), behavior="deny", message="stop", interrupt=True)
    (result,) = results(claude, 1)
    assert result["subtype"] == "error_during_execution"
    assert len(result["permission_denials"]) == 1
    assert '"after"' not in claude.text


def test_an_input_that_ends_is_a_no(claude: Run, repo: Path) -> None:
    """It waits for no answer that cannot come, and ends its turn."""
    prompt(claude, "! ask permission\n! write a.txt 1")
    request(claude, 1)
    claude.close()
    assert claude.code() == 0
    assert len(claude.of_type("result")[0]["permission_denials"]) == 1
    assert not (repo / "a.txt").exists()


def test_it_answers_other_requests_and_passes_over_what_it_does_not_know(claude: Run) -> None:
    for number, subtype in enumerate(("initialize", "fly")):
        wish = {"subtype": subtype}
        claude.send({"type": "control_request", "request_id": f"r{number}", "request": wish})
    claude.send({"type": "something_new"})
    claude.send([1, 2])
    claude.send("text")
    prompt(claude, "! say hello")
    results(claude, 1)
    told = [line["response"] for line in claude.of_type("control_response")]
    assert [each["subtype"] for each in told] == ["success", "error"]


def test_a_trouble_ends_the_turn_and_the_code_is_that_of_the_last(claude: Run) -> None:
    prompt(claude, "! rate-limit 1")
    (result,) = results(claude, 1)
    assert (result["is_error"], result["api_error_status"]) == (True, 429)
    prompt(claude, "! say better")
    assert results(claude, 2)[1]["is_error"] is False
    prompt(claude, "! overload")
    results(claude, 3)
    claude.close()
    assert claude.code() == 1


def test_the_script_of_the_prompt_file_answers_a_first_prompt_without_one(speak: Speak) -> None:
    run = speak("claude", "! say from the file", *TALK, talk=True)
    prompt(run, "Do what the file says.")
    results(run, 1)
    prompt(run, "And thank you.")
    results(run, 2)
    assert run.text.count("from the file") == 1
    assert "Understood: And thank you." in run.text


def test_prompts_are_repeated_if_that_is_wanted(speak: Speak) -> None:
    run = speak("claude", "", *TALK, "--replay-user-messages", talk=True)
    prompt(run, "! say hello")
    results(run, 1)
    (again,) = [line for line in run.of_type("user") if line.get("isReplay")]
    assert again["message"]["content"] == "! say hello"


def test_a_crash_in_a_turn_is_the_end(claude: Run) -> None:
    prompt(claude, "! fail 9 out of memory")
    assert claude.code() == 9
    assert "out of memory" in claude.errors
