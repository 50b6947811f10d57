"""The bridge's command line, both ways: `bridge_argv` writes what `parse` reads.

Rules: everything after the first `--` is the agent's own command, untouched.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias, get_args

from agentdeck.core.errors import UsageError
from agentdeck.engine.acp.permissions import Policy

# What the agent may leave to us: files and commands of its worktree, or not.
Service: TypeAlias = Literal["all", "files", "terminal", "none"]

# -P: the bridge runs in the worktree, whose modules must not shadow ours.
MODULE_ARGV: Final = ("-P", "-m", "agentdeck.engine.acp")


@dataclass(frozen=True, slots=True)
class Options:
    """What one bridge is to do."""

    prompt_file: Path
    cwd: Path  # the worktree
    agent: tuple[str, ...]  # its command, which must speak ACP on stdin and stdout
    session: str | None = None  # one to continue
    model: str | None = None
    mode: str | None = None
    permissions: Policy = "ask"
    mcp_servers: Path | None = None
    stay: bool = False  # wait for more prompts after a turn
    offer: Service | None = None  # None: what suits the agent


def bridge_argv(python: str, options: Options) -> list[str]:
    """The whole command that starts a bridge.

    Args:
        python: an interpreter that has agentdeck and its `acp` extra.
        options: what it is to do.
    """
    argv = [python, *MODULE_ARGV, "--prompt-file", str(options.prompt_file)]
    argv += ["--cwd", str(options.cwd), "--permissions", options.permissions]
    named = {
        "--session": options.session,
        "--model": options.model,
        "--mode": options.mode,
        "--mcp-servers": options.mcp_servers,
        "--offer": options.offer,
    }
    # One argument each: a value may begin with a dash.
    argv += [f"{name}={value}" for name, value in named.items() if value is not None]
    return [*argv, *(["--stay"] if options.stay else []), "--", *options.agent]


def parse(argv: Sequence[str]) -> Options:
    """Read the arguments after the program's name.

    Raises:
        UsageError: they make no sense.
    """
    words = list(argv)
    at = words.index("--") if "--" in words else len(words)
    found = _parser().parse_args(words[:at])
    agent = tuple(words[at + 1 :])
    if not agent or not agent[0]:
        raise UsageError("no agent to start", hint="put its command after `--`")
    found.cwd = found.cwd.absolute()  # the protocol wants it so
    return Options(agent=agent, **vars(found))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=self.format_usage().strip())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -P -m agentdeck.engine.acp",
        usage="%(prog)s --prompt-file FILE --cwd FOLDER [options] -- AGENT [ARGUMENT ...]",
        description="Drive one agent that speaks ACP; see agentdeck.engine.acp.",
        allow_abbrev=False,
    )
    parser.add_argument("--prompt-file", type=Path, required=True, help="the first prompt")
    parser.add_argument("--cwd", type=Path, required=True, help="the agent's worktree")
    parser.add_argument("--session", help="continue this session instead of a new one")
    parser.add_argument("--model", help="a model that the agent offers")
    parser.add_argument("--mode", help="a mode that the agent offers")
    parser.add_argument("--permissions", choices=get_args(Policy), default="ask")
    parser.add_argument("--mcp-servers", type=Path, help="a JSON file of MCP servers")
    parser.add_argument("--offer", choices=get_args(Service), help="what the agent may leave to us")
    parser.add_argument("--stay", action="store_true", help="wait for more prompts after a turn")
    return parser
