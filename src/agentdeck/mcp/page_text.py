"""The text of docs/mcp.md around its tables."""

from __future__ import annotations

from typing import Final

BEGINNING: Final = """\
# MCP: tools for agents, and a run for editors

agentdeck speaks the [Model Context Protocol](https://modelcontextprotocol.io) over stdio, in two
directions: the agents of a run get tools that reach the person who leads it, and an editor or an
agent outside of the run can read it. Both need the MCP SDK:

<!-- block: run by .ci/release_check.py -->
```sh
pip install 'agentdeck[mcp]'
```

## Tools for the agents of a run

The plan says which tools they have, and what becomes of a call. Without the table they have none.

<!-- block: part of a plan -->
```toml
[tools]
ask_person = "allow"
report_progress = "allow"
propose_task = "ask"        # a person decides; "allow": it enters the plan at once
request_files = "free"      # granted if nobody else has them; "ask": a person decides
wait = "45s"                # how long one call waits for an answer
```

- `ask_person`: the task *asks*, like any agent that asks. It is answered in the deck (`i`, or a
  digit in the inbox), or with `agentdeck answer` or `steer`; what the plan says in `unattended`
  holds for it too.
- `report_progress`: it stands beside the task, before the latest line of the agent's stream.
- `propose_task`: it stands in the inbox, and its agent goes on meanwhile. `a` takes it into the
  plan, `x` denies it; in the shell `agentdeck accept r1` and `agentdeck deny r1 later`. Until then
  `agentdeck why` says it of its agent's task, and of those that it would need. A run does not end
  over an open proposal.
- `request_files`: the task asks for a permission, `request_files` on these files. What is granted
  is a change of the plan: the footprint of the task is wider, and keeps others out.
- `wait_for_answer`: the answer, or "not yet: ask again".

A call waits as long as `wait` says and then gives back an id. The question stays open, and
`wait_for_answer` finds its answer whenever it comes: after the client has given up, and after the
engine was killed and started again. Clients that ask for progress are told every five seconds that
the call goes on; the usual limit of 60 seconds is not met with the 45 of the default.

Rules of permissions answer requests for files, too:
`agentdeck permissions add request_files 'docs/*' --allow`.

### Which agents get them

The server is in the file of MCP servers that an agent is started with, beside those that the plan
names for it with `mcp`: so for `claude`, `claude-acp`, `gemini-acp`, `opencode-acp`, and for each
adapter whose `mcp` has a place for the file. `codex` has it in the settings of its command line
(`tools` of its adapter). That Claude Code, Codex, and opencode and Gemini over ACP call them is
tested with the real programs. For all others, and for your own scripts, `AGENTDECK_MCP` names the
file; it has the form of `.mcp.json`.

### What keeps them apart

- Each attempt has a secret of its own, in a file for its owner alone (0600). A call without it is
  refused, and so is one of an attempt that has ended or is being ended.
- Calls go over a socket that answers nothing else: who may call tools may not command the run. A
  sandboxed agent reaches it, also without a network. Where the folders of runs are hidden from it
  (`bwrap`) it sees its own pass alone.
- Agents of a [pool on other machines](cluster.md) have the same tools, without a port or a socket
  there: a call is a file in the folder of its attempt, the engine fetches it with the log, and the
  answer goes back the same way. An engine or a worker that is killed meanwhile loses none. What an
  attempt asks that was given up is never taken. The MCP SDK is not needed there, nor is agentdeck
  over ssh.
- Questions, options, files and tasks are bounded, and their text is shown like all text of agents.

### The tools
"""
OUTSIDE: Final = """\
## A run for editors and agents

`agentdeck mcp [RUN]` serves a run until its client hangs up: the one that is named, for good, or
without a name whichever is the newest of the repository, at each call. So a server that an editor
starts once sees every run that begins later, and may be there before the first. It reads the
journal, so it works on ended runs and without an engine.

Each answer names its run in `run`, a resource in its `_meta` (`agentdeck/run`). When a newer run
has begun since the latest answer, what would change something is not sent but answered with that,
so that nothing meant for one run reaches another. `wait_for_answer` waits in the run where the
question was asked, and `events` of a newer run begin at its first one, whatever `after` says.

For Claude Code:

<!-- block: run by tests/real_agents/test_tools.py -->
```sh
claude mcp add agentdeck -- agentdeck -C /path/to/repository mcp
```

For an editor with a file of servers (`.mcp.json`, `mcp.json`):

```json
{
  "mcpServers": {
    "agentdeck": {
      "command": "agentdeck",
      "args": ["-C", "/path/to/repository", "mcp"]
    }
  }
}
```

For Codex: `[mcp_servers.agentdeck]` in `~/.codex/config.toml`, with the same command and args.

It reads, asks and proposes. What it may command is said by the plan, before the run begins, or by
whoever starts it:

<!-- block: part of a plan -->
```toml
[mcp]
commands = ["pause", "resume", "steer", "answer"]
```

```sh
agentdeck mcp --allow pause --allow steer   # or: --allow all
```

Commands that are not allowed are not offered. Each run has those of its own plan: a client is told
when they change. In the journal they are by `mcp`. Text goes out
without escape sequences and without secrets that are known, like everything that is exported.

### Reading, asking, proposing
"""
COMMANDS: Final = """\
### Commands

The verbs of [the command line](cli.md), with the same words.
"""
RESOURCES_HEAD: Final = """\
### Resources
"""
END: Final = """

## Faults

What cannot be done is the answer of the call, with `isError`: wrong arguments, a task that there is
not, a command that is refused now, an engine that does not answer. Only an unknown tool or resource
is an error of the protocol.
"""
