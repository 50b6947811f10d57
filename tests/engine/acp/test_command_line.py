"""The bridge's arguments, and the files they name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.errors import UsageError
from agentdeck.engine.acp.command_line import MODULE_ARGV, Options, bridge_argv, parse
from agentdeck.engine.acp.mcp_servers import read_servers

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)
PATHS = WORDS.map(lambda word: Path("/x") / word.strip("/"))


@given(
    st.builds(
        Options,
        prompt_file=PATHS,
        cwd=PATHS,
        agent=st.lists(WORDS, min_size=1, max_size=4).map(tuple),
        session=st.none() | WORDS,
        model=st.none() | WORDS,
        mode=st.none() | WORDS,
        permissions=st.sampled_from(["ask", "allow", "deny"]),
        mcp_servers=st.none() | PATHS,
        stay=st.booleans(),
        offer=st.sampled_from([None, "all", "files", "terminal", "none"]),
    )
)
def test_what_is_written_is_what_is_read(options: Options) -> None:
    """Also values that look like options, and an agent with a `--` of its own."""
    argv = bridge_argv("python", options)
    assert argv[: 1 + len(MODULE_ARGV)] == ["python", *MODULE_ARGV]
    assert parse(argv[1 + len(MODULE_ARGV) :]) == options


def test_a_relative_worktree_becomes_absolute() -> None:
    """The protocol has absolute paths only."""
    options = parse(["--prompt-file", "p", "--cwd", "w", "--", "agent"])
    assert options.cwd == Path("w").absolute()


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--prompt-file", "p", "--cwd", "w"],
        ["--prompt-file", "p", "--cwd", "w", "--"],
        ["--prompt-file", "p", "--cwd", "w", "--", ""],
        ["--prompt-file", "p", "--", "agent"],
        ["--prompt-file", "p", "--cwd", "w", "--permissions", "maybe", "--", "agent"],
        ["--prompt-file", "p", "--cwd", "w", "--perm", "ask", "--", "agent"],
        ["--prompt-file", "p", "--cwd", "w", "agent"],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(argv: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(argv)


def test_mcp_servers_may_stand_as_agents_keep_them() -> None:
    text = json.dumps(
        {
            "mcpServers": {
                "local": {"command": "srv", "args": ["-x"], "env": {"A": "1"}},
                "far": {"type": "streamable-http", "url": "http://h", "headers": {"K": "v"}},
                "old": {"type": "sse", "url": "http://h"},
            }
        }
    )
    local, far, old = read_servers(text)
    assert local == {
        "name": "local",
        "command": "srv",
        "args": ["-x"],
        "env": [{"name": "A", "value": "1"}],
    }
    assert (far["type"], far["headers"]) == ("http", [{"name": "K", "value": "v"}])
    assert (old["type"], old["headers"]) == ("sse", [])


def test_mcp_servers_may_stand_as_the_protocol_has_them() -> None:
    servers = [{"name": "a", "command": "b", "args": [], "env": []}]
    assert read_servers(json.dumps(servers)) == servers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[" * 100_000,
        "5",
        "[1]",
        "{}",
        '{"mcpServers": []}',
        '{"mcpServers": {"a": {}}}',
        '{"mcpServers": {"a": {"command": "x", "env": []}}}',
    ],
)
def test_a_file_that_holds_no_servers_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        read_servers(text)
