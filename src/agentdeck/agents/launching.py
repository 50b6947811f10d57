"""How each kind of agent is started: argv, environment, input, and the format it answers in.

Rules:
- A command is a list of arguments. Placeholders are replaced inside one argument each, once, and
  no shell ever sees them; a brace that is no placeholder of ours stays as it is.
- A prompt too long for an argument stays in its file, and the agent is told to read it there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from agentdeck.core.adapter import Input
from agentdeck.core.errors import UsageError
from agentdeck.core.plan import Agent

MAX_PROMPT_ARGUMENT: Final = 100_000  # bytes; Linux refuses an argument above 128 KiB

# Claude Code: no update in the middle of a run, and nothing sent that is not the work.
CLAUDE_QUIET: Final = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
}
# Claude Code refuses to work without asking as root, unless it is told that this is a sandbox.
CLAUDE_AS_ROOT: Final = {"IS_SANDBOX": "1"}
# Arguments by which a plan chooses the permissions itself.
_PERMISSIONS: Final = frozenset({"--permission-mode", "--dangerously-skip-permissions"})

_PLACEHOLDER: Final = re.compile(r"\{(prompt|prompt_file|model|task|worktree)\}")

Stdin: TypeAlias = Literal["null", "fifo"]


class LaunchSpec(msgspec.Struct, frozen=True):
    """How one attempt's agent is started."""

    argv: tuple[str, ...]
    env: dict[str, str]  # added to what every agent gets
    stdin: Stdin
    format: str  # of its output


def command_line(
    agent: Agent,
    *,
    prompt: str,
    prompt_file: str,
    model: str | None,
    task: str,
    worktree: str,
    python: str,
    scripted_agent: str,
    as_root: bool,
) -> LaunchSpec:
    """How to start `agent` on a prompt.

    Args:
        agent: as the plan configures it.
        prompt: what it is told.
        prompt_file: absolute path of a file with the same text.
        model: passed through as written, aliases too; None = the agent's own choice.
        task: the task's id.
        worktree: absolute path of the folder it works in.
        python: an interpreter, for the scripted agent.
        scripted_agent: path of its program.
        as_root: whether it will run as root.

    Raises:
        UsageError: it cannot be started by anybody: a person, or a command without what it needs.
    """
    said = _spoken(prompt, prompt_file)
    env, stdin = dict[str, str](), "null"
    match agent.use:
        case "claude":
            argv = _claude(agent, said, model)
            env = CLAUDE_QUIET | (CLAUDE_AS_ROOT if as_root else {})
        case "scripted":
            argv = [python, "-I", "-S", scripted_agent, "--prompt-file", prompt_file]
            argv += [*(("--model", model) if model else ()), *agent.args]
            stdin = "fifo"
        case "command":
            values = {"prompt": said, "prompt_file": prompt_file, "task": task}
            argv = _command(agent, values | {"worktree": worktree}, model)
        case _:
            raise UsageError(
                f"agent {agent.name} (use = {agent.use!r}) is not a program that can be started",
                hint="a person does such a task: answer it when it is done",
            )
    env = env | {"AGENTDECK_PROMPT_FILE": prompt_file} | agent.env
    spoken_to = stdin == "fifo" or agent.input is not Input.NONE
    return LaunchSpec(tuple(argv), env, "fifo" if spoken_to else "null", agent.stream)


def _spoken(prompt: str, prompt_file: str) -> str:
    """The prompt as one argument. A NUL byte would end it."""
    clean = prompt.replace("\0", "")
    if len(clean.encode("utf-8", "replace")) > MAX_PROMPT_ARGUMENT:
        return prompt_in_file(prompt_file)
    return clean


def prompt_in_file(prompt_file: str) -> str:
    """What an agent is told whose prompt is too long to be told."""
    return f"Read the file {prompt_file} and do what it says. It is your whole task."


def _claude(agent: Agent, prompt: str, model: str | None) -> list[str]:
    said = f"\n{prompt}" if prompt.startswith("-") else prompt  # else it would be read as an option
    argv = ["claude", "-p", said, "--output-format", "stream-json", "--verbose"]
    if not any(argument.partition("=")[0] in _PERMISSIONS for argument in agent.args):
        argv += ["--permission-mode", "bypassPermissions"]
    return [*argv, *(("--model", model) if model else ()), *agent.args]


def _command(agent: Agent, values: Mapping[str, str], model: str | None) -> list[str]:
    words = [*agent.command, *agent.args]
    if not agent.command:
        raise UsageError(
            f"agent {agent.name} has no command", hint=f"give [agents.{agent.name}] a `command`"
        )
    if model is None and any("{model}" in word for word in words):
        raise UsageError(
            f"the command of agent {agent.name} wants a {{model}}, and none is set",
            hint="set `model` for the agent, the task, a route or the defaults",
        )
    known = {**values, "model": model or ""}
    return [_PLACEHOLDER.sub(lambda found: known[found[1]], word) for word in words]
