"""From what real agents did to what follows: exit status, stream and git, one row each.

The streams are recordings of the real programs; a row without one is of a program that said nothing
on its standard output. Statuses are those that were measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from agentdeck.agents.ending import Heard, ending_of
from agentdeck.agents.readers import reader_for
from agentdeck.agents.reports import Ended, Limited, Report, Said
from agentdeck.agents.traces import read_trace
from agentdeck.control.catalog import load_catalog
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import FailureClass as F
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Defaults
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import Run, plan, reached, run_until, started

STREAMS = Path(__file__).parent / "streams"
A = TaskId("A")
PROVEN: Final = "proven"
ON: Final = "goes on in its session"
NEW: Final = "begins a new session"
SLOW: Final = "goes on in its session once its account opens"
CLOSED: Final = "goes on in its session once a person reopens its account"
NEW_SLOW: Final = "begins a new session once its account opens"
NEW_CLOSED: Final = "begins a new session once a person reopens its account"
PERSON: Final = "a person"
CUT: Final = "gemini-cut-reset-reported-as-success.jsonl"


# What was written beside an output.
TRACES: Final = {
    "aider.txt": "aider-analytics.jsonl",
    "aider-error-401.txt": "aider-error-401-analytics.jsonl",
    "aider-rate-limit-429.txt": "aider-rate-limit-429-analytics.jsonl",
    "mini.txt": "mini-trajectory.json",
    "mini-error-401.txt": "mini-error-401-trajectory.json",
}


@dataclass(frozen=True)
class Row:
    """What an agent did, and what comes of it."""

    agent: str
    what: str
    code: int | None
    stream: str
    cause: F | None
    next: str
    commits: int = 0
    resumed: bool = False
    killed_after_result: bool = False

    def __str__(self) -> str:
        return f"{self.agent}: {self.what}"


ROWS: Final = (
    # Claude Code
    Row("claude", "it did it", 0, "claude.jsonl", None, PROVEN, commits=1),
    Row("claude", "500 for ever", 1, "claude-error-500.jsonl", F.OVERLOAD, SLOW),
    Row("claude", "429 for ever", 1, "claude-rate-limit-429.jsonl", F.RATE_LIMIT, SLOW),
    Row("claude", "only a question", 0, "claude-question.jsonl", F.NO_WORK, ON),
    Row("claude", "interrupted, and exit 0", 0, "claude-sigint.jsonl", F.AGENT, ON, commits=1),
    Row("claude", "SIGTERM in a tool", 143, "claude-sigterm-in-tool.jsonl", F.CRASH, ON),
    Row("claude", "killed", -9, "claude-sigterm-in-tool.jsonl", F.CRASH, ON, commits=1),
    Row("claude", "an unknown session", 1, "", F.SESSION, NEW, resumed=True),
    Row("claude", "a good word, and exit 1", 1, "claude.jsonl", F.CRASH, ON, commits=1),
    Row(
        *("claude", "it hangs after its result", -15, "claude.jsonl", None, PROVEN),
        commits=1,
        killed_after_result=True,
    ),
    Row("claude", "it is gone, and had done it", None, "claude.jsonl", None, PROVEN, commits=1),
    Row("claude", "it is gone in the middle", None, "claude-sigterm-in-tool.jsonl", F.LOST, ON),
    Row("claude", "it said nothing, and exit 0", 0, "", F.AGENT, NEW, commits=1),
    # Codex
    Row("codex", "it did it", 0, "codex.jsonl", None, PROVEN, commits=1),
    Row("codex", "500 for ever", 1, "codex-error-500.jsonl", F.OVERLOAD, SLOW),
    Row("codex", "429 for ever", 1, "codex-rate-limit-429.jsonl", F.RATE_LIMIT, SLOW),
    Row("codex", "the commit failed in its sandbox", 0, "codex.jsonl", F.NO_WORK, ON),
    Row("codex", "SIGTERM", -15, "", F.CRASH, NEW),
    Row("codex", "an unknown session", 1, "", F.SESSION, NEW, resumed=True),
    # opencode
    Row("opencode", "it did it", 0, "opencode.jsonl", None, PROVEN, commits=1),
    Row("opencode", "401", 1, "opencode-error-401.jsonl", F.AUTH, PERSON),
    Row("opencode", "429 for ever", 1, "opencode-rate-limit-429.jsonl", F.RATE_LIMIT, ON),
    Row("opencode", "it was not allowed to", 0, "opencode-rejected.jsonl", F.REFUSED, NEW),
    Row("opencode", "SIGINT", -2, "", F.CRASH, NEW),
    Row("opencode", "an unknown session", 1, "", F.SESSION, NEW, resumed=True),
    # Gemini CLI
    Row("gemini", "it did it", 0, "gemini.jsonl", None, PROVEN, commits=1),
    Row("gemini", "500 for ever", 244, "", F.OVERLOAD, NEW_SLOW),
    Row("gemini", "429 for ever", 173, "", F.RATE_LIMIT, NEW_SLOW),
    Row("gemini", "401", 145, "gemini-error-401.jsonl", F.AUTH, CLOSED),
    Row("gemini", "not logged in", 41, "", F.AUTH, NEW_CLOSED),
    Row("gemini", "cut off, and success", 0, CUT, F.NO_WORK, ON),
    Row("gemini", "SIGTERM to the group, and exit 0", 0, "", F.AGENT, NEW, commits=1),
    Row("gemini", "a loop, and success", 0, "gemini-loop.jsonl", F.NO_PROGRESS, NEW),
    Row("gemini", "an unknown session", 42, "", F.SESSION, NEW, resumed=True),
    Row("gemini", "cancelled by nobody here", 130, "", F.CRASH, NEW),
    Row("gemini", "turns used up", 53, "", F.TURN_LIMIT, NEW),
    # aider: exit 0 whatever happened, no sessions
    Row("aider", "it did it", 0, "aider.txt", None, PROVEN, commits=1),
    Row("aider", "401", 0, "aider-error-401.txt", F.AUTH, PERSON),
    Row("aider", "429 for ever", 0, "aider-rate-limit-429.txt", F.RATE_LIMIT, NEW),
    Row("aider", "nothing written", 0, "aider.txt", F.NO_WORK, NEW),
    # mini-swe-agent
    Row("mini", "it did it", 0, "mini.txt", None, PROVEN, commits=1),
    Row("mini", "401", 1, "mini-error-401.txt", F.AUTH, PERSON),
    Row("mini", "429 for ever", 1, "mini-rate-limit-429.txt", F.RATE_LIMIT, NEW),
    Row("mini", "SIGTERM", -15, "", F.CRASH, NEW),
)


def heard(agent: Agent, row: Row) -> tuple[e.AttemptProgressed | None, e.AttemptExited]:
    """What an engine would have recorded of it."""
    number = 2 if row.resumed else 1
    adapter = agent.adapter
    assert adapter is not None
    reader = reader_for(agent.stream, root="/repo")
    data = (STREAMS / row.stream).read_bytes() if row.stream else b""
    reports: list[Report] = reader.feed(data) + reader.finish()
    log = next((r for r in reversed(reports) if isinstance(r, Ended)), None)
    file = STREAMS / TRACES.get(row.stream, "")
    told = read_trace(adapter.trace_output, file.read_bytes()) if file.is_file() else []
    trace = next((r for r in reversed(told) if isinstance(r, Ended)), None)
    explains = Heard()
    for report in reports:
        explains.take(report)
    how = ending_of(
        row.code,
        log,
        trace,
        exits=adapter.exits,
        ended_by_us=row.killed_after_result,
        heard=explains,
    )
    said = reader.summary
    progress = e.AttemptProgressed(
        *(A, number, reader.offset),
        session=said.session,
        tokens_in=said.tokens_in,
        tokens_out=said.tokens_out,
        tools=said.tools,
    )
    exited = e.AttemptExited(A, number, how.code, how.ok, how.cause, how.detail, how.retry_at)
    return (progress if row.stream else None), exited


def comes_of(row: Row) -> tuple[F | None, str]:
    """The class, and what is done next."""
    adapter = load_catalog().adapters[row.agent]
    agent = Agent(AgentName(row.agent), use=row.agent, adapter=adapter)
    of = plan("A", agent=row.agent, agents=(agent,), defaults=Defaults(retries=5, backoff_s=60.0))
    run = run_until(started(of), reached("A", TaskState.WORKING))
    if row.resumed:
        before = e.AttemptProgressed(A, 1, 1, session="s-1", tokens_in=5)
        run.append(before, e.AttemptExited(A, 1, 1, ok=False, cause=F.TURN_LIMIT))
        run.append(e.AttemptCollected(A, 1, "head", "tree", 1)).settle()
        run_until(run, reached("A", TaskState.WORKING))
        assert run.state.tasks[A].attempts[-1].resumed == "s-1"
    progress, exited = heard(agent, row)
    run.append(*([progress] if progress else []), exited)
    head = "head" if row.resumed else "head-1"
    run.append(e.AttemptCollected(A, exited.attempt, head, "tree", row.commits)).settle()
    task = run.state.tasks[A]
    number = exited.attempt
    return task.attempts[number - 1].cause, _next(run, number)


def _next(run: Run, number: int) -> str:
    task = run.state.tasks[A]
    if task.state is TaskState.FAILED:
        return PERSON
    if task.state in (TaskState.PROPOSED, TaskState.QUEUED, TaskState.LANDED):
        return PROVEN
    closed = next(iter(run.state.accounts.values()), None)
    waits = ""
    if closed is not None and closed.closed:
        waits = " once a person reopens its account"
        run.command(c.ReopenAccount(closed.name))
    elif closed is not None and not closed.open:
        waits = " once its account opens"
    run_until(run, lambda r: len(r.state.tasks[A].attempts) > number)
    following = run.state.tasks[A].attempts[number]
    assert not following.fresh
    return ("goes on in its session" if following.resumed else NEW) + waits


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_what_follows_from_what_an_agent_did(row: Row) -> None:
    """Class and next step; nothing is done that git does not show, and nobody is blamed twice."""
    assert comes_of(row) == (row.cause, row.next)


def test_every_program_that_ships_is_in_the_table() -> None:
    """Those that speak ACP end as their bridge says, which has tests of its own."""
    shipped = {
        name
        for name, adapter in load_catalog().adapters.items()
        if adapter.output not in ("acp", "scripted", "plain")
    }
    assert {row.agent for row in ROWS} == shipped


def test_a_status_that_an_adapter_names_says_so_with_the_last_words() -> None:
    exits = {"41": "auth"}
    found = ending_of(41, None, exits=exits, heard=Heard(last_words="Please set an Auth method"))
    assert (found.cause, found.detail) == (F.AUTH, "Please set an Auth method")
    named = Ended(False, "loop", F.NO_PROGRESS)
    assert ending_of(41, named, exits=exits).cause is F.NO_PROGRESS, "the stream knows better"
    assert ending_of(41, Ended(True, "done"), exits=exits).cause is None


def test_last_words_are_kept_of_a_process_that_said_no_result() -> None:
    """`claude: command not found` explains an exit 127; of a success they explain nothing."""
    words = Heard(last_words="cannot start x")
    assert ending_of(127, None, exits={}, heard=words).detail == "cannot start x"
    assert ending_of(0, None, exits={}, heard=words).detail == ""
    assert ending_of(0, Ended(True, "ok"), exits={}, heard=words).detail == "ok"


def test_a_limit_that_was_not_got_over_is_why_an_agent_gave_up() -> None:
    heard = Heard()
    heard.take(Limited(F.RATE_LIMIT, "HTTP 429", resets_at=99.0))
    found = ending_of(1, None, exits={}, heard=heard)
    assert (found.cause, found.detail, found.retry_at) == (F.RATE_LIMIT, "HTTP 429", 99.0)
    assert ending_of(-9, None, exits={}, heard=heard).cause is None, "a signal says enough"
    assert ending_of(0, None, exits={}, heard=heard).cause is None
    heard.take(Said("it works again"))
    assert ending_of(1, None, exits={}, heard=heard).cause is None
