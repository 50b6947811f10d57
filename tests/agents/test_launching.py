"""Launching: what each kind of agent is started with; no text of a plan ever meets a shell."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentdeck.agents.launching import (
    MAX_PROMPT_ARGUMENT,
    LaunchSpec,
    Place,
    command_line,
    first_run_line,
    take_over_line,
)
from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.errors import UsageError
from agentdeck.core.ids import AgentName
from agentdeck.core.plan import Agent, Permissions
from agentdeck.engine.shipped_adapters import shipped_adapters

PLACE = Place(
    prompt="do it",
    prompt_file="/run/prompt.md",
    worktree="/work tree",
    folder="/run",
    task="T1",
    python="/usr/bin/python3",
    package="/lib/agentdeck",
)


def start(agent: Agent, **more: Any) -> LaunchSpec:
    return command_line(agent, msgspec.structs.replace(PLACE, **more))


def agent(**more: Any) -> Agent:
    return Agent(name=AgentName("a"), **more)


def shipped(name: str, **more: Any) -> Agent:
    return agent(use=name, adapter=shipped_adapters()[name], **more)


def adapted(**more: Any) -> Agent:
    """An agent whose adapter has what a test is about."""
    return agent(use="x", adapter=Adapter(name="x", **{"start": ("x",), **more}))


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


BRIDGE = ("/usr/bin/python3", "-P", "-m", "agentdeck.engine.acp", "--prompt-file", "/run/prompt.md")
ACP = (*BRIDGE, "--cwd", "/work tree", "--stay")
CLAUDE = ("--input-format", "stream-json", "--output-format", "stream-json", "--verbose")
CODEX = ("codex", "exec", "--json", "--skip-git-repo-check", "--disable", "plugins")
BYPASS = "--dangerously-bypass-approvals-and-sandbox"
# agent, model, session -> argv, stdin
GOLDEN: dict[tuple[str, str | None, str | None], tuple[tuple[str, ...], str]] = {
    ("claude", "haiku", None): (
        ("claude", "-p", *CLAUDE, "--permission-mode", "bypassPermissions", "--model", "haiku"),
        "fifo",
    ),
    ("claude", None, "s-1"): (
        (
            *("claude", "-p", "--resume", "s-1"),
            *CLAUDE,
            *("--permission-mode", "bypassPermissions"),
        ),
        "fifo",
    ),
    ("codex", "gpt", None): ((*CODEX, BYPASS, "--model", "gpt", "-"), "file"),
    ("codex", None, "s-1"): ((*CODEX, BYPASS, "resume", "s-1", "-"), "file"),
    ("opencode", "a/b", None): (
        ("opencode", "run", "--format", "json", "--auto", "--model", "a/b"),
        "file",
    ),
    ("opencode", None, "s-1"): (
        ("opencode", "run", "--format", "json", "--session", "s-1", "--auto"),
        "file",
    ),
    ("gemini", "flash", None): (
        ("gemini", "--output-format", "stream-json", "--yolo", "--model", "flash"),
        "file",
    ),
    ("gemini", None, "s-1"): (
        ("gemini", "--output-format", "stream-json", "--resume", "s-1", "--yolo"),
        "file",
    ),
    ("mini", "o/m", None): (
        (
            *("mini", "-t", "do it", "-y", "--exit-immediately", "-o", "/run/trace.json"),
            *("-m", "o/m"),
        ),
        "null",
    ),
    ("claude-acp", "haiku", None): (
        (*ACP, "--permissions", "allow", "--model=haiku", "--", "claude-agent-acp"),
        "fifo",
    ),
    ("opencode-acp", None, "s-1"): (
        (*ACP, "--session=s-1", "--permissions", "allow", "--", "opencode", "acp"),
        "fifo",
    ),
    ("gemini-acp", "flash", None): (
        (*ACP, "--permissions", "allow", "--", "gemini", "--acp", "--model", "flash"),
        "fifo",
    ),
    ("scripted", "fast", None): (
        (
            *("/usr/bin/python3", "-I", "-S", "/lib/agentdeck/testing/scripted_agent.py"),
            *("--prompt-file", "/run/prompt.md", "--model", "fast"),
        ),
        "fifo",
    ),
}


@pytest.mark.parametrize(("name", "model", "session"), GOLDEN)
def test_each_shipped_agent_is_started_with_just_these_words(
    name: str, model: str | None, session: str | None
) -> None:
    """A change of a catalog file is a change of what a person's machine runs: see it here."""
    found = start(shipped(name), model=model, session=session)
    assert (found.argv, found.stdin) == GOLDEN[name, model, session]
    assert found.format == shipped_adapters()[name].output


def test_aider_writes_nothing_of_its_own_into_the_worktree() -> None:
    found = start(shipped("aider"), model="m").argv
    at = {word: found[index + 1] for index, word in enumerate(found[:-1]) if word.endswith("-file")}
    at["log"] = found[found.index("--analytics-log") + 1]
    assert at.pop("--message-file") == "/run/prompt.md"
    assert len(at) == 4
    assert all(path.startswith("/run/") for path in at.values())


def test_the_args_of_a_plan_stand_where_the_adapter_has_a_place_for_them() -> None:
    assert start(shipped("codex", args=("-c", 'x="{task}"'))).argv[-3:] == ("-c", 'x="T1"', "-")
    assert start(shipped("claude-acp", args=("--debug",))).argv[-2:] == (
        "claude-agent-acp",
        "--debug",
    )


def test_only_root_is_told_that_it_is_in_a_sandbox() -> None:
    assert "IS_SANDBOX" not in start(shipped("claude")).env
    assert start(shipped("claude"), as_root=True).env["IS_SANDBOX"] == "1"
    assert start(shipped("claude", env={"IS_SANDBOX": "0"}), as_root=True).env["IS_SANDBOX"] == "0"


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("claude", ("--permission-mode=acceptEdits",)),
        ("codex", ("--sandbox", "workspace-write")),
        ("gemini", ("--approval-mode", "auto_edit")),
    ],
)
def test_a_plan_may_choose_the_permissions_itself(name: str, args: tuple[str, ...]) -> None:
    allowed = set(shipped_adapters()[name].allow)
    assert allowed <= set(start(shipped(name)).argv)
    assert not allowed & set(start(shipped(name, args=args)).argv)


def test_an_agent_that_can_ask_is_made_to() -> None:
    asking = start(shipped("claude", permissions=Permissions.ASK)).argv
    assert asking[asking.index("--permission-mode") + 1] == "default"
    bridge = start(shipped("gemini-acp", permissions=Permissions.ASK)).argv
    assert bridge[bridge.index("--permissions") + 1] == "ask"


def test_variables_that_want_what_is_not_there_are_not_set() -> None:
    """An empty variable would be an empty setting for the agent."""
    bare = start(shipped("gemini")).env
    assert not {"GEMINI_CLI_HOME", "GEMINI_CLI_SYSTEM_SETTINGS_PATH"} & bare.keys()
    found = start(shipped("gemini"), home="/h", settings="/s.json").env
    assert found["GEMINI_CLI_HOME"] == "/h"
    assert found["GEMINI_CLI_SYSTEM_SETTINGS_PATH"] == "/s.json"


def test_files_of_the_plan_are_passed_on_where_the_agent_takes_them() -> None:
    argv = start(shipped("claude"), mcp="/m.json", settings="/s.json").argv
    assert argv[-4:] == ("--mcp-config", "/m.json", "--settings", "/s.json")


@pytest.mark.parametrize("config", [{"use": "mini"}, {"command": ("run", "{prompt}")}])
def test_a_prompt_too_long_for_an_argument_is_read_from_its_file(config: dict[str, Any]) -> None:
    told = shipped("mini") if "use" in config else agent(**config)
    found = start(told, prompt="ä" * MAX_PROMPT_ARGUMENT)
    assert max(len(word.encode()) for word in found.argv) < 200
    assert any("/run/prompt.md" in word for word in found.argv)


def test_no_prompt_is_an_argument_of_an_agent_that_reads_it() -> None:
    """What a prompt holds can be no option, and its length meets no limit of the system."""
    for name in ("claude", "codex", "opencode", "gemini", "aider", "scripted", "claude-acp"):
        assert "XYZZY" not in " ".join(start(shipped(name), prompt="XYZZY").argv)


def test_a_prompt_is_never_an_option() -> None:
    assert start(shipped("mini"), prompt="--help me").argv[2] == "\n--help me"


def test_no_argument_holds_a_nul_byte() -> None:
    assert "\0" not in "".join(start(shipped("mini"), prompt="a\0b").argv)


def test_how_an_agent_is_spoken_to_follows_from_its_input() -> None:
    how = {each: start(adapted(input=each)).stdin for each in Input}
    assert how == {
        Input.NONE: "null",
        Input.PROMPT: "file",
        Input.LINES: "fifo",
        Input.CLAUDE: "fifo",
        Input.BRIDGE: "fifo",
    }


def test_a_command_of_the_plan_can_go_on_and_be_taken_over() -> None:
    own = agent(
        command=("a", "{prompt}"),
        args=("-x",),
        resume=("a", "--on", "{session}"),
        take_over=("a", "--screen", "{session}"),
        reads=Input.PROMPT,
    )
    assert start(own).argv == ("a", "do it", "-x")
    assert start(own, session="s").argv == ("a", "--on", "s", "-x")
    assert start(own).stdin == "file"
    at = msgspec.structs.replace(PLACE, session="s")
    assert take_over_line(own, at).argv == ("a", "--screen", "s", "-x")


def test_a_screen_gets_the_state_folder_that_the_session_lies_in() -> None:
    at = msgspec.structs.replace(PLACE, session="s", home="/h")
    found = take_over_line(shipped("codex"), at)
    assert found.argv == ("codex", "resume", "s")
    assert found.env["CODEX_HOME"] == "/h"


def test_what_is_run_once_before_is_data() -> None:
    found = first_run_line(shipped("opencode"), PLACE)
    assert found is not None
    assert found.argv[0] == "opencode"
    assert first_run_line(shipped("codex"), PLACE) is None
    assert first_run_line(agent(command=("x",)), PLACE) is None


def test_the_plan_says_the_format_of_a_command() -> None:
    assert start(agent(command=("x",), output="claude")).format == "claude"
    assert agent(use="human").stream == "plain"


@pytest.mark.parametrize(
    ("config", "more", "words"),
    [
        ({"use": "human"}, {}, "not a program"),
        ({"use": "nobody"}, {}, "not known"),
        ({}, {}, "no command"),
        ({"command": ("x", "{model}")}, {}, "wants a {model}"),
        ({"command": ("x", "{session}")}, {}, "wants a {session}"),
        ({"command": ("x", "{*models}")}, {}, "unknown group"),
        ({"command": ("x",)}, {"session": "s"}, "cannot go on"),
        ({"command": ("x",)}, {"settings": "/s"}, "no place for a file of `settings`"),
        ({"use": "codex"}, {"mcp": "/m"}, "no place for a file of `mcp`"),
        ({"use": "aider"}, {"home": "/h"}, "state folder of its own"),
        ({"use": "gemini", "permissions": Permissions.ASK}, {}, "cannot ask"),
    ],
)
def test_what_cannot_be_started_is_refused_with_a_next_step(
    config: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    found = shipped_adapters().get(config.get("use", ""))
    with pytest.raises(UsageError) as caught:
        start(agent(**config, adapter=found), **more)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_screen_without_a_session_is_refused() -> None:
    for told in (shipped("aider"), shipped("claude")):
        with pytest.raises(UsageError):
            take_over_line(told, PLACE)
