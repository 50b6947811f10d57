"""`agents test`: a tiny real task for one agent, through the real engine, and what came of it.

Rules:
- Nothing of the user is touched: the repository and the state are in a temporary folder. It stays
  when the trial fails, and is named, because the logs are in it.
- It is a real run: the agent's own service is asked, and what that costs is the person's.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from agentdeck.cli.agents import Name, named
from agentdeck.cli.output import note, paint, safe, say
from agentdeck.control.logtail import open_log
from agentdeck.core.errors import EXIT_FAILED, EXIT_OK, UsageError
from agentdeck.core.events import Recorded
from agentdeck.core.explain import explain, short_duration
from agentdeck.core.ids import AgentName, GateName, TaskId
from agentdeck.core.plan import Defaults, Gate, GateWhen, Plan, Task
from agentdeck.core.state import RunState, TaskState

TASK: Final = TaskId("hello")
LINE: Final = "hello from agentdeck"
LIMIT_S: Final = 10 * 60.0  # of the whole attempt; a small model on a busy service needs a minute
LOG_LINES: Final = 8  # of the agent's output, when it failed
LOG_BYTES: Final = 64 * 1024  # of its end that are looked at
LINE_CHARS: Final = 300


def trial(
    name: Name,
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="The model it is asked to use.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the repository and the logs.")] = False,
) -> int:
    """A tiny real task in a scratch repository: does the agent work here, from start to landing?"""
    from agentdeck.cli.headless import end_of
    from agentdeck.control.agent_health import missing
    from agentdeck.control.catalog import load_catalog
    from agentdeck.control.creating import create_run
    from agentdeck.control.host import host
    from agentdeck.control.scratch_repo import make_repo

    catalog = load_catalog()
    adapter = named(catalog, name)
    if not adapter.start:
        raise UsageError(f"{name} is a person", hint="a plan's `human = true` needs no test")
    if missing(adapter):
        say(f"{paint('failed', 'red')}: the program {safe(adapter.command)} is not found")
        if adapter.install:
            note(f"install it with: {adapter.install}")
        return EXIT_FAILED
    top = Path(tempfile.mkdtemp(prefix="agentdeck-agent-"))
    make_repo(top / "repo", {"README.md": "A scratch repository.\n"})
    folder = create_run(top / "repo", plan_for(name, model), "", root=top / "runs", catalog=catalog)
    ended = host(folder, until=end_of, saw=_print)
    passed = ended.state.tasks[TASK].state is TaskState.LANDED
    for line in verdict(name, ended.state):
        say(line)
    if passed and not keep:
        shutil.rmtree(top, ignore_errors=True)
        return EXIT_OK
    if not passed:
        for line in _tail(folder.attempt(TASK, 1) / "raw.log"):
            say(f"  | {safe(line)}")
    note(f"the repository and the logs are in {top}")
    return EXIT_OK if passed else EXIT_FAILED


def plan_for(name: str, model: str | None) -> Plan:
    """One task that any coding agent can do, and a gate that proves it."""
    prompt = (
        f"Create the file hello.txt in the current folder with exactly one line:\n\n{LINE}\n\n"
        "Do nothing else."
    )
    check = Gate(
        name=GateName("written"),
        run=("test", "-s", "hello.txt"),
        when=(GateWhen.TASK,),
        timeout_s=60.0,
    )
    task = Task(id=TASK, title="Say hello", prompt=prompt, files=("hello.txt",))
    defaults = Defaults(agent=AgentName(name), model=model, retries=0, timeout_s=LIMIT_S)
    return Plan(name=f"try-{name}", tasks=(task,), defaults=defaults, gates=(check,))


def verdict(name: str, state: RunState) -> list[str]:
    """What the trial showed."""
    task = state.tasks[TASK]
    landed = task.state is TaskState.LANDED
    word = paint("passed", "green") if landed else paint("failed", "red")
    why = "it wrote the file, and the work landed" if landed else explain(state, TASK, state.at)
    lines = [f"{word}: {safe(name)}: {safe(why)}"]
    attempt = task.attempt
    if attempt is None:
        return lines
    tokens = f"{attempt.tokens_in:,} in, {attempt.tokens_out:,} out"
    facts = {
        "session": attempt.session or "none was named",
        "model": attempt.model or "not said",
        "tokens": tokens if attempt.tokens_in or attempt.tokens_out else "not said",
        "cost": f"${attempt.usd:.4f}" if attempt.usd else "not said",
        "tool calls": str(attempt.tools),
        "worked": short_duration(attempt.worked_s(state.at)),
    }
    if attempt.exit is not None:
        facts["exit"] = str(attempt.exit.code)
    lines += [f"  {what}: {safe(fact)}" for what, fact in facts.items()]
    return lines


def _tail(log: Path) -> list[str]:
    """The end of what the agent printed."""
    try:
        with open_log(log) as file:
            file.seek(max(0, log.stat().st_size - LOG_BYTES))
            text = file.read(LOG_BYTES).decode(errors="replace")
    except OSError:
        return []
    return [line[:LINE_CHARS] for line in text.splitlines()[-LOG_LINES:]]


def _print(batch: Sequence[Recorded], state: RunState) -> None:
    from agentdeck.cli.progress import line_of

    for recorded in batch:
        line = line_of(recorded, state)
        if line is not None:
            say(line, now=True)
