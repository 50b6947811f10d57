"""An adapter: what agentdeck knows of one agent CLI, as data.

Rules:
- An adapter is read from a TOML file (`plans.adapter_file`); core only holds it. The run's plan
  carries the adapters it uses, so a file that changes later does not change a run that goes on.
- `start`, `resume`, `take_over` are lists of arguments. `{word}` is replaced inside one argument;
  an argument that is just `{*group}` becomes as many as the group has, also none. No shell reads
  them.
- A variable whose value wants a word that has none (`{settings}` without a settings file) is not
  set.
- What an agent can do follows from what stands here, never from its name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core.sandbox_kind import Sandbox


class Input(StrEnum):
    """What an agent reads on its input while it works."""

    NONE = "none"  # nothing: /dev/null
    PROMPT = "prompt"  # its prompt, then the end
    LINES = "lines"  # agentdeck's own messages, one JSON object a line
    CLAUDE = "claude"  # user messages and control responses of Claude Code's stream-json
    BRIDGE = "bridge"  # control lines of the ACP bridge


# Whoever reads one of these can be told something while it works.
CONVERSING: Final = frozenset({Input.LINES, Input.CLAUDE, Input.BRIDGE})
# ... and is given its prompt that way too; the others have it as an argument or find it in a file.
PROMPTED_BY_MESSAGE: Final = frozenset({Input.CLAUDE})
# Whoever reads one of these waits for more after each turn, until it is told that nothing comes.
ENDED_BY_CLOSE: Final = frozenset({Input.CLAUDE, Input.BRIDGE})
# Stream formats that say how it ended. The exit status of the others is all there is.
WITH_RESULT: Final = frozenset({"claude", "scripted", "codex", "gemini", "opencode", "acp"})
FORMATS: Final = (
    "plain",
    "claude",
    "codex",
    "gemini",
    "opencode",
    "aider",
    "mini",
    "acp",
    "scripted",
)
TRACES: Final = ("aider-analytics", "mini-trajectory")  # formats of files beside the output
# What `{word}` can be in an argument or a variable ...
WORDS: Final = (
    "prompt",
    "prompt_file",
    "model",
    "session",
    "task",
    "worktree",
    "folder",  # the attempt's own, outside of the worktree
    "home",  # its state folder
    "mcp",
    "tools",  # its pass for tools of agentdeck
    "settings",
    "python",  # the interpreter that agentdeck runs with
    "agentdeck",  # the folder of the package
)
# ... and what `{*group}` can be as an argument.
GROUPS: Final = ("model", "permissions", "mcp", "tools", "settings", "args")


class Adapter(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one agent CLI is started, resumed, taken over and understood."""

    name: str
    title: str = ""  # as its makers write it
    provider: str = ""  # whose limits it meets; empty = nobody's
    output: str = "plain"  # stream format
    input: Input = Input.NONE
    start: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()  # goes on with {session}; empty = it cannot
    take_over: tuple[str, ...] = ()  # its own screen on {session}; empty = a shell
    model: tuple[str, ...] = ()  # what `{*model}` becomes when a model is set
    allow: tuple[str, ...] = ()  # what `{*permissions}` becomes: it may do everything
    ask: tuple[str, ...] = ()  # ... it asks before it acts; empty = it cannot
    read_only: tuple[str, ...] = ()  # ... it only looks, as a reviewer does; empty = as `allow`
    permission_options: tuple[str, ...] = ()  # with one of these in `args` the plan chose itself
    mcp: tuple[str, ...] = ()  # what `{*mcp}` becomes when a file of servers is set
    tools: tuple[str, ...] = ()  # what `{*tools}` becomes when it has tools of agentdeck, and
    # takes no file of servers
    settings: tuple[str, ...] = ()  # what `{*settings}` becomes when a settings file is set
    env: dict[str, str] = {}
    root_env: dict[str, str] = {}  # set as well when it runs as root
    home: dict[str, str] = {}  # variables that give it a state folder of its own: {home}
    first_run: tuple[str, ...] = ()  # once before several may start on a state folder that is new
    leaves: tuple[str, ...] = ()  # files of its own in the worktree, as in .gitignore: no work
    trace: str = ""  # a file it writes beside its output, below the attempt's folder
    trace_output: str = ""  # the trace's format
    exits: dict[str, str] = {}  # exit status → failure class, where its stream says nothing
    program: str = ""  # what has to be on PATH; empty = the first word of `start`
    version: tuple[str, ...] = ()  # argv that prints its version
    minimum: str = ""  # the oldest version that is known to work
    login: tuple[str, ...] = ()  # argv that exits 0 when somebody is logged in
    login_files: tuple[str, ...] = ()  # any of them stands for a login; `~` is the home folder
    keys: tuple[str, ...] = ()  # environment variables that stand for a login, any of them; globs
    install: str = ""  # how a person installs it
    skills: tuple[str, ...] = ()
    sandbox: Sandbox | None = None  # what it works in, unless the plan says so; None = not said
    network: bool | None = None  # False = none, in a sandbox; None = not said
    writable: tuple[str, ...] = ()  # of its own outside of the worktree: what a sandbox leaves open

    @property
    def resumes(self) -> bool:
        """Can a session go on in a new process?"""
        return bool(self.resume)

    @property
    def asks(self) -> bool:
        """Can it be made to ask a person before it acts?"""
        return bool(self.ask)

    @property
    def command(self) -> str:
        """The program that has to be there; empty when it comes with agentdeck, or is a person."""
        first = self.program or (self.start[0] if self.start else "")
        return "" if first.startswith("{") else first

    def takes(self, word: str) -> bool:
        """Is there a place for `{word}` of a file, such as `mcp` or `settings`?"""
        place = "{" + word + "}"
        return any(place in text for text in (*getattr(self, word), *self.env.values()))
