"""How an agent is started: argv, environment and input, from its adapter and the plan.

Rules:
- A command is a list of arguments. `{word}` is replaced inside one argument, once, and no shell
  ever sees it; `{*group}` becomes as many arguments as the group has. A brace that is no word of
  ours stays as it is.
- A prompt too long for an argument stays in its file, and the agent is told to read it there.
- A variable whose value wants a word that has none is left out; an argument is a mistake.
- The plan's own variables come last, over those of the adapter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from agentdeck.core.adapter import GROUPS, WORDS, Adapter, Input
from agentdeck.core.errors import UsageError
from agentdeck.core.plan import COMMAND, Agent, Permissions

MAX_PROMPT_ARGUMENT: Final = 100_000  # bytes; Linux refuses an argument above 128 KiB

_WORD: Final = re.compile(r"\{(" + "|".join(WORDS) + r")\}")
_GROUP: Final = re.compile(r"\{\*(\w+)\}")

Stdin: TypeAlias = Literal["null", "fifo", "file"]
_STDIN: Final[dict[Input, Stdin]] = {
    Input.NONE: "null",
    Input.PROMPT: "file",
    Input.LINES: "fifo",
    Input.CLAUDE: "fifo",
    Input.BRIDGE: "fifo",
}


class LaunchSpec(msgspec.Struct, frozen=True):
    """How one attempt's agent is started."""

    argv: tuple[str, ...]
    env: dict[str, str]  # added to what every agent gets
    stdin: Stdin
    format: str  # of its output


class Place(msgspec.Struct, frozen=True):
    """Where an agent works, and with what. All paths are absolute."""

    prompt: str  # what it is told
    prompt_file: str  # a file with the same text
    worktree: str
    folder: str  # of the attempt
    task: str  # its id
    python: str  # an interpreter that has agentdeck
    package: str  # the folder of agentdeck's own files
    as_root: bool = False  # whether it will run as root
    model: str | None = None  # passed through as written, aliases too; None = the agent's choice
    session: str | None = None  # goes on with this one; None = a new one
    home: str | None = None  # its state folder; None = a person's own
    mcp: str | None = None
    tools: str | None = None  # its pass for tools of agentdeck
    settings: str | None = None


def command_line(agent: Agent, at: Place, *, read_only: bool = False) -> LaunchSpec:
    """How to start `agent` on a prompt, or to go on with `at.session`.

    Args:
        read_only: it is to look and to change nothing, as far as its adapter knows a way.

    Raises:
        UsageError: it cannot be started by anybody: a person, or a command without what it needs.
    """
    adapter = _adapter(agent)
    if at.session is not None and not adapter.resume:
        raise UsageError(
            f"agent {agent.name} cannot go on with a session",
            hint="start it anew, or say how with `resume`",
        )
    words = adapter.resume if at.session is not None else adapter.start
    values = _values(at, prompt=_spoken(at.prompt, at.prompt_file))
    _check(agent, adapter, at)
    argv = _argv(agent, adapter, words, values, read_only=read_only)
    env = _env(adapter, values, as_root=at.as_root)
    env = env | {"AGENTDECK_PROMPT_FILE": at.prompt_file} | agent.env
    return LaunchSpec(argv, env, _STDIN[adapter.input], agent.stream)


def take_over_line(agent: Agent, at: Place) -> LaunchSpec:
    """How a person opens `at.session` on a screen.

    Raises:
        UsageError: it has no screen of its own, or no session.
    """
    adapter = _adapter(agent)
    if at.session is None or not adapter.take_over:
        raise UsageError(
            f"agent {agent.name} has no screen of its own for a session",
            hint="open a shell in its worktree instead",
        )
    values = _values(at, prompt="")
    argv = _argv(agent, adapter, adapter.take_over, values)
    env = _env(adapter, values, as_root=at.as_root) | agent.env
    return LaunchSpec(argv, env, "null", agent.stream)


def first_run_line(agent: Agent, at: Place) -> LaunchSpec | None:
    """What has to be run once before several of this agent start; None = nothing."""
    adapter = _adapter(agent)
    if not adapter.first_run:
        return None
    values = _values(at, prompt="")
    argv = _argv(agent, adapter, adapter.first_run, values)
    env = _env(adapter, values, as_root=at.as_root) | agent.env
    return LaunchSpec(argv, env, "null", "plain")


def _adapter(agent: Agent) -> Adapter:
    adapter = agent.driver
    if adapter is None:
        raise UsageError(
            f"agent {agent.name} (use = {agent.use!r}) is not known to this run",
            hint="`agentdeck agents` lists what is known",
        )
    if not adapter.start and agent.use == COMMAND:
        raise UsageError(
            f"agent {agent.name} has no command", hint=f"give [agents.{agent.name}] a `command`"
        )
    if not adapter.start:
        raise UsageError(
            f"agent {agent.name} (use = {agent.use!r}) is not a program that can be started",
            hint="a person does such a task: answer it when it is done",
        )
    return adapter


def _check(agent: Agent, adapter: Adapter, at: Place) -> None:
    """What the plan wants of the agent has a place in its adapter."""
    for word, value in (("mcp", at.mcp), ("settings", at.settings)):
        if value is not None and not adapter.takes(word):
            raise UsageError(
                f"agent {agent.name} (use = {agent.use!r}) has no place for a file of `{word}`",
                hint=f"take `{word}` out, or pass the file on with `args` or `env`",
            )
    if at.home is not None and not adapter.home:
        raise UsageError(
            f"agent {agent.name} (use = {agent.use!r}) cannot have a state folder of its own",
            hint="take `home` out",
        )


def _spoken(prompt: str, prompt_file: str) -> str:
    """The prompt as one argument. A NUL byte would end it."""
    clean = prompt.replace("\0", "")
    if len(clean.encode("utf-8", "replace")) > MAX_PROMPT_ARGUMENT:
        return prompt_in_file(prompt_file)
    return f"\n{clean}" if clean.startswith("-") else clean  # else it would be read as an option


def prompt_in_file(prompt_file: str) -> str:
    """What an agent is told whose prompt is too long to be told."""
    return f"Read the file {prompt_file} and do what it says. It is your whole task."


def _values(at: Place, *, prompt: str) -> dict[str, str | None]:
    return {
        "prompt": prompt,
        "prompt_file": at.prompt_file,
        "model": at.model,
        "session": at.session,
        "task": at.task,
        "worktree": at.worktree,
        "folder": at.folder,
        "home": at.home,
        "mcp": at.mcp,
        "tools": at.tools,
        "settings": at.settings,
        "python": at.python,
        "agentdeck": at.package,
    }


def _argv(
    agent: Agent,
    adapter: Adapter,
    words: Iterable[str],
    values: Mapping[str, str | None],
    *,
    read_only: bool = False,
) -> tuple[str, ...]:
    argv: list[str] = []
    for word in words:
        group = _GROUP.fullmatch(word)
        argv += (
            [word]
            if group is None
            else _group(agent, adapter, group[1], values, read_only=read_only)
        )
    if agent.use == COMMAND and "{*args}" not in words:
        argv += agent.args
    return tuple(_filled(agent, word, values) for word in argv)


def _group(
    agent: Agent,
    adapter: Adapter,
    group: str,
    values: Mapping[str, str | None],
    *,
    read_only: bool,
) -> tuple[str, ...]:
    match group:
        case "args":
            return agent.args
        case "permissions":
            return _permissions(agent, adapter, read_only=read_only)
        case "model":
            return adapter.model if values["model"] is not None else ()
        case "mcp":
            return adapter.mcp if values["mcp"] is not None else ()
        case "tools":
            return adapter.tools if values["tools"] is not None else ()
        case "settings":
            return adapter.settings if values["settings"] is not None else ()
        case _:
            raise UsageError(
                f"the command of agent {agent.name} has an unknown group {{*{group}}}",
                hint=f"known: {', '.join(f'{{*{each}}}' for each in GROUPS)}",
            )


def _permissions(agent: Agent, adapter: Adapter, *, read_only: bool) -> tuple[str, ...]:
    chosen = set(adapter.permission_options)
    if any(argument.partition("=")[0] in chosen for argument in agent.args):
        return ()
    if read_only:  # nobody is there to be asked
        return adapter.read_only or adapter.allow
    if agent.permissions is not Permissions.ASK:
        return adapter.allow
    if not adapter.ask:
        raise UsageError(
            f"agent {agent.name} (use = {agent.use!r}) cannot ask before it acts",
            hint='use an agent that can, or permissions = "all"',
        )
    return adapter.ask


def _filled(agent: Agent, text: str, values: Mapping[str, str | None]) -> str:
    """One argument with its words replaced. Raises UsageError if one of them has no value."""

    def value(found: re.Match[str]) -> str:
        word = found[1]
        said = values[word]
        if said is None:
            raise UsageError(
                f"the command of agent {agent.name} wants a {{{word}}}, and none is set",
                hint=_MISSING.get(word, f"set `{word}` for the agent"),
            )
        return said

    return _WORD.sub(value, text)


_MISSING: Final = {
    "model": "set `model` for the agent, the task, a route or the defaults",
    "session": "only `resume` and `take_over` have a session",
}


def _env(adapter: Adapter, values: Mapping[str, str | None], *, as_root: bool) -> dict[str, str]:
    """The adapter's variables, without those that want what is not there."""
    env = adapter.env | (adapter.root_env if as_root else {}) | adapter.home
    found = {}
    for name, text in env.items():
        if all(values[word] is not None for word in _WORD.findall(text)):
            found[name] = _WORD.sub(lambda word: values[word[1]] or "", text)
    return found
