"""Launching: what each kind of agent is started with; no text of a plan ever meets a shell."""

from __future__ import annotations

from typing import Any

import pytest

from agentdeck.agents.launching import MAX_PROMPT_ARGUMENT, LaunchSpec, command_line
from agentdeck.core.errors import UsageError
from agentdeck.core.ids import AgentName
from agentdeck.core.plan import Agent


def start(agent: Agent, **more: Any) -> LaunchSpec:
    given: dict[str, Any] = {
        "prompt": "do it",
        "prompt_file": "/run/prompt.md",
        "model": None,
        "task": "T1",
        "worktree": "/work tree",
        "python": "/usr/bin/python3",
        "scripted_agent": "/lib/scripted_agent.py",
        "as_root": False,
    }
    return command_line(agent, **{**given, **more})


def agent(**more: Any) -> Agent:
    return Agent(name=AgentName("a"), **more)


def test_placeholders_are_replaced_inside_one_argument_each() -> None:
    """Whatever a prompt holds, the number of arguments stays, and nothing is replaced twice."""
    command = ("run", "--in={worktree}", "{prompt}", "{task}:{model}", "{other} {}")
    found = start(agent(command=command), prompt='{model} "; rm -rf $HOME\n', model="m-1")
    assert found.argv == (
        "run",
        "--in=/work tree",
        '{model} "; rm -rf $HOME\n',
        "T1:m-1",
        "{other} {}",
    )
    assert (found.stdin, found.format) == ("null", "plain")
    assert found.env["AGENTDECK_PROMPT_FILE"] == "/run/prompt.md"


def test_claude_gets_its_flags_and_aliases_pass_through() -> None:
    found = start(agent(use="claude", args=("--max-turns", "9")), model="haiku")
    assert found.argv[:3] == ("claude", "-p", "do it")
    assert found.argv[3:] == (
        *("--output-format", "stream-json", "--verbose"),
        *("--permission-mode", "bypassPermissions", "--model", "haiku", "--max-turns", "9"),
    )
    assert (found.stdin, found.format) == ("null", "claude")
    assert found.env["DISABLE_AUTOUPDATER"] == "1"


def test_only_root_is_told_that_it_is_in_a_sandbox() -> None:
    assert "IS_SANDBOX" not in start(agent(use="claude")).env
    assert start(agent(use="claude"), as_root=True).env["IS_SANDBOX"] == "1"
    assert start(agent(use="claude", env={"IS_SANDBOX": "0"}), as_root=True).env == {
        **start(agent(use="claude"), as_root=True).env,
        "IS_SANDBOX": "0",
    }


def test_a_plan_may_choose_the_permissions_itself() -> None:
    found = start(agent(use="claude", args=("--permission-mode=acceptEdits",)))
    assert "bypassPermissions" not in found.argv


def test_a_prompt_is_never_an_option_of_claude() -> None:
    assert start(agent(use="claude"), prompt="--help me").argv[2] == "\n--help me"


@pytest.mark.parametrize("config", [{"use": "claude"}, {"command": ("run", "{prompt}")}])
def test_a_prompt_too_long_for_an_argument_is_read_from_its_file(config: dict[str, Any]) -> None:
    found = start(agent(**config), prompt="ä" * MAX_PROMPT_ARGUMENT)
    assert max(len(word.encode()) for word in found.argv) < 200
    assert any("/run/prompt.md" in word for word in found.argv)


def test_no_argument_holds_a_nul_byte() -> None:
    assert "\0" not in "".join(start(agent(use="claude"), prompt="a\0b").argv)


def test_the_scripted_agent_can_be_spoken_to() -> None:
    found = start(agent(use="scripted"), model="fast")
    assert found.argv == (
        *("/usr/bin/python3", "-I", "-S", "/lib/scripted_agent.py"),
        *("--prompt-file", "/run/prompt.md", "--model", "fast"),
    )
    assert (found.stdin, found.format) == ("fifo", "scripted")


def test_the_plan_says_the_format_of_a_command() -> None:
    assert start(agent(command=("x",), output="claude")).format == "claude"
    assert agent(use="human").stream == "plain"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"use": "human"}, "not a program"),
        ({}, "no command"),
        ({"command": ("x", "{model}")}, "wants a {model}"),
    ],
)
def test_what_cannot_be_started_is_refused_with_a_next_step(
    config: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        start(agent(**config))
    assert words in caught.value.message
    assert caught.value.hint


def test_claude_goes_on_in_a_session() -> None:
    found = start(agent(use="claude"), session="s-1", prompt="go on")
    assert found.argv[2] == "go on"
    assert ("--resume", "s-1") in zip(found.argv, found.argv[1:], strict=False)
    assert "--resume" not in start(agent(use="claude")).argv
