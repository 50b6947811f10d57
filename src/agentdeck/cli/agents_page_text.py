"""What no table can say in `docs/agents.md`. Markdown, put together by `agents_page`."""

from __future__ import annotations

from typing import Final

INTRODUCTION: Final = """\
# Agents

<!-- Made by `python -m agentdeck.cli.agents_page`; change the code, not this page. -->

An agent is a command line program that works on a prompt. What agentdeck knows of it is an
**adapter**: a TOML file that says how it is started, how a session goes on, what it prints and what
it can be told. An agent that speaks a known format needs no code, only such a file.

- `agentdeck agents` lists what is known here: is it installed, which version, whose login.
- `agentdeck agents show NAME` prints an adapter, ready to be changed.
- `agentdeck agents test NAME` gives it a tiny real task in a scratch repository.
- `agentdeck doctor PLAN` looks at the agents of a plan before a run does.

Where two say something, the later one wins: what ships with agentdeck, the files of your own folder
(`~/.config/agentdeck/agents/NAME.toml`, on macOS below `~/Library/Application Support`), the plan's
`[agents.NAME]`. A run keeps the adapters it began with; a file that changes later is for later
runs. A file with a mistake is named with its line, and only its agent is left out.
"""

KNOWN: Final = """\
## Agents that ship

`resume`: a session goes on in a new attempt. `steer`: it can be told something while it works.
`ask`: it can be made to ask before it acts. `take over`: a person can open its session on a screen.
`own home`: it can keep its state apart from yours.
"""

FILE: Final = """\
## An adapter file

<!-- block: file agents/bot.toml -->
```toml
# ~/.config/agentdeck/agents/bot.toml
adapter = 1
title = "Bot"
output = "codex"                       # it prints what Codex prints
input = "prompt"                       # and reads its prompt on stdin
start = ["bot", "run", "--json", "{*permissions}", "{*model}", "{*args}"]
resume = ["bot", "run", "--json", "--session", "{session}", "{*model}", "{*args}"]
model = ["--model", "{model}"]
allow = ["--yes"]
version = ["bot", "--version"]
keys = ["BOT_API_KEY"]
install = "pip install bot"

[env]
BOT_LOG = "{folder}/bot.log"

[exits]
41 = "auth"
```

The name of the file is the name of the agent. With `base = "codex"` everything that the file does
not say is as in that shipped adapter.
"""

WORDS: Final = """\
## Words and groups

`{word}` is replaced inside one argument, or inside the value of a variable, once. No shell ever
reads it. A variable whose value wants a word that has no value is not set: with
`BOT_SETTINGS = "{settings}"` there is such a variable only where the plan names a settings file.

An argument that is just `{*group}` becomes as many arguments as the group has, also none.
"""

WORD_MEANINGS: Final[dict[str, str]] = {
    "prompt": "the prompt, as one argument; above 100 kB a sentence that says where to read it",
    "prompt_file": "a file with the prompt",
    "model": "the model that was asked for",
    "session": "the session that goes on; only `resume` and `take_over` have one",
    "task": "the id of the task",
    "worktree": "the folder it works in",
    "folder": "the folder of the attempt, outside of the worktree: for logs and histories",
    "home": "its own state folder, where the plan gives it one",
    "mcp": "the file of MCP servers that the plan names",
    "tools": "the pass of the attempt, for `{agentdeck}/mcp/attempt.py`: see [MCP](mcp.md)",
    "settings": "the settings file that the plan names",
    "python": "the interpreter that agentdeck runs with",
    "agentdeck": "the folder of agentdeck's own files",
}
GROUP_MEANINGS: Final[dict[str, str]] = {
    "model": "`model`, where a model is set",
    "permissions": "`allow`, or `ask` where the plan says so; nothing where its `args` choose",
    "mcp": "`mcp`, where the plan names a file, or gives it tools of agentdeck",
    "tools": "`tools`, where the plan gives it tools of agentdeck",
    "settings": "`settings`, where the plan names a file",
    "args": "the `args` of the plan",
}

INPUT: Final = """\
## What an agent reads

`input` says what stands on its stdin. It is never a terminal, and never an open pipe that nobody
writes to: some agents would wait for it for ever.
"""
INPUT_MEANINGS: Final[dict[str, str]] = {
    "none": "nothing: `/dev/null`. The prompt is an argument, or in a file",
    "prompt": "the prompt, then the end: as long as it likes",
    "lines": "agentdeck's own messages, one JSON object a line",
    "claude": "user messages and answers of Claude Code's `stream-json`; the prompt is the first",
    "bridge": "lines for agentdeck's ACP bridge; it finds the prompt in its file",
}

EXITS: Final = """\
## Exit statuses

Where the output of an agent does not say why it failed, `[exits]` can: a status, and one of the
causes that agentdeck acts by. `rate limit`, `overload` and `network` wait and cost no retry; `auth`
and `setup` need a person at once.
"""

ADDING: Final = """\
## Add an agent

1. Run it by hand, without a terminal: `agent … < /dev/null > out.txt`. What it prints decides the
   `output`; with `plain` only its exit status, its commits and your gates speak for it.
2. Start from the nearest one: `agentdeck agents show codex > ~/.config/agentdeck/agents/bot.toml`.
3. Keep its own files out of the worktree (`{folder}`), its updates and telemetry off (`[env]`), and
   let it do everything without asking (`allow`): nobody sits in front of it, the worktree is its
   own, and nothing lands that your gates have not seen.
4. `agentdeck agents` tells what is wrong with the file, `agentdeck agents test bot` whether the
   agent works.

## State, logins and permissions

An agent finds its login where it always does: in its state folder, or in a variable. So agents
share your state folder unless the plan says `home = "own"`. An empty one has no login, and a copy
of a login may be worthless as soon as the other one is renewed. With a key in a variable, a home of
its own is the cleaner choice. The environment that an agent gets is yours, without the variables by
which agents mark what they start themselves; `env` of `[agents.NAME]` adds to it.

In a [sandbox](threat-model.md) the state folder of your own stays writable, as `writable` of its
adapter names it; with `home = "own"` the agent's own does, and yours is only read.

- Claude Code as root refuses to work without asking unless it is told that it is in a sandbox; its
  adapter tells it so (`root_env`).
- Codex would mount `.git` read-only in its sandbox and could not commit; it runs without one.
- Gemini CLI finds a session only in the folder in which it began.
- opencode writes in `~/.config` and `~/.cache` also with a home of its own: in a sandbox, name both
  as `writable` then.
- opencode sets up its state folder at the first start, and two first starts at once can fail. So
  one short command is run alone before (`first_run`).
- aider exits 0 even when it could not reach a model: the work is judged by commits and gates.

## What happens when

What `tests/real_agents` holds of each agent above, with the real program and a model that follows a
script. Each of them also does a task in each sandbox. `tests/real_agents/install.sh` installs them;
`pytest -m real_agents tests/real_agents` tries them, and skips those that it does not find.
[failures.md](failures.md) has the rule of each
cause.

| the model | the attempt | then |
| --- | --- | --- |
| writes the files | ends well, with tokens; with a session save for aider and mini | it lands |
| answers 429 twice, then works | ends well: the agent waits by itself | it lands |
| answers 500 for ever | `overload`; Gemini and mini try for minutes first | waits, costs no retry |
| answers 401 | `auth` | a person has to log in |
| is silent | `idle` or `timeout`, ended with all it started | tried again, a new session |
| has a tool print 50 MB | ends well, Gemini over ACP `turn limit`; aider has no tools | it lands |
| will not do it | `refused`, `no work` if it ends as if all were well, mini `agent` | tried again |

"""
