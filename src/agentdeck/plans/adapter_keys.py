"""Every key of an adapter file, as data: the reader, the writer and the reference follow it.

Rules: a new key is one line here and one field in `core.adapter`. What holds between several keys
is in `adapter_checks`.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.adapter import FORMATS, TRACES, Input
from agentdeck.plans.keys import SANDBOX_KEYS, WRITABLE_KEY, Key, Kind

ADAPTER_VERSION: Final = 1
VERSION_KEY: Final = "adapter"
BASE_KEY: Final = "base"

_INPUTS: Final = tuple(member.value for member in Input)

KEYS: Final = (
    Key("title", Kind.LINE, "The agent's name, as its makers write it."),
    Key("provider", Kind.LINE, "Whose rate limits it meets."),
    Key("output", Kind.CHOICE, "The format of what it prints.", choices=FORMATS),
    Key(
        "input",
        Kind.CHOICE,
        "What it reads on stdin while it works.",
        choices=_INPUTS,
        enum=Input,
    ),
    Key("start", Kind.ARGV, "The command that begins a session.", also=("command", "run")),
    Key("resume", Kind.ARGV, "The command that goes on with `{session}` in a new process."),
    Key("take_over", Kind.ARGV, "The command that opens `{session}` on a screen, for a person."),
    Key("model", Kind.ARGS, "What `{*model}` becomes when a model is set."),
    Key("allow", Kind.ARGS, "What `{*permissions}` becomes: it may do everything."),
    Key("ask", Kind.ARGS, "What `{*permissions}` becomes when the plan wants it to ask first."),
    Key(
        "read_only",
        Kind.ARGS,
        "What `{*permissions}` becomes for a reviewer: it may look, and change nothing.",
    ),
    Key(
        "permission_options",
        Kind.ARGS,
        "Options by which the `args` of a plan choose the permissions; then `{*permissions}` is"
        " nothing.",
    ),
    Key("mcp", Kind.ARGS, "What `{*mcp}` becomes when the plan names a file of MCP servers."),
    Key(
        "tools",
        Kind.ARGS,
        "What `{*tools}` becomes when the plan gives it tools of agentdeck, and it takes no file.",
    ),
    Key("settings", Kind.ARGS, "What `{*settings}` becomes when the plan names a settings file."),
    Key("env", Kind.ENV, "Variables it gets.", also=("environment",)),
    Key("root_env", Kind.ENV, "Variables it gets as well when it runs as root."),
    Key("home", Kind.ENV, "Variables that give it a state folder of its own, `{home}`."),
    Key("first_run", Kind.ARGV, "A command that is run once before the first one starts."),
    Key(
        "leaves",
        Kind.LINES,
        "Files of its own that it leaves in the worktree, as in `.gitignore`; never committed.",
    ),
    Key("trace", Kind.LINE, "A file that it writes beside its output, below `{folder}`."),
    Key("trace_output", Kind.CHOICE, "The format of that file.", choices=TRACES),
    Key("exits", Kind.ENV, "What an exit status means, where its output does not say it."),
    Key("program", Kind.LINE, "The program that has to be on PATH."),
    Key("version", Kind.ARGV, "The command that prints its version."),
    Key("minimum", Kind.LINE, "The oldest version that is known to work."),
    Key("login", Kind.ARGV, "A command that exits 0 when somebody is logged in."),
    Key("login_files", Kind.LINES, "Files that are there when somebody is logged in."),
    Key("keys", Kind.LINES, "Variables that stand for a login, any of them; globs."),
    Key("install", Kind.LINE, "How a person installs it."),
    Key("skills", Kind.LINES, "What it is good at; plans ask for these words."),
    *SANDBOX_KEYS,
    WRITABLE_KEY,
)
