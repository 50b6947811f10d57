"""`revert` and `bisect`: which landing was at fault, and taking it back through the queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import note, safe, say, say_json
from agentdeck.cli.place import JsonOption, RunOption, chosen_run
from agentdeck.cli.verb_functions import as_function
from agentdeck.control.runs import RunFolder
from agentdeck.control.verb_table import verb_named
from agentdeck.control.verbs import Said, Verb
from agentdeck.core.errors import EXIT_NEEDS_PERSON, EXIT_OK
from agentdeck.core.events import EntryEjected, EntryQueued, TaskReverted
from agentdeck.core.ids import TaskId

if TYPE_CHECKING:
    from agentdeck.control.blocking import BlockingClient

REVERT_S: Final = 15.0  # how long `revert` waits to tell what came of it; gates may take longer


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    function = as_function(verb_named("revert"), _revert)
    app.command(name="revert", rich_help_panel="Act")(function)
    app.command(rich_help_panel="Look")(bisect)


def _revert(folder: RunFolder, verb: Verb, said: Said) -> int:
    (command,) = verb.build(said)
    with engine_for(folder, command) as engine:
        before = engine.status().seq
        engine.send(command)
        return _outcome(engine, before)


def bisect(
    context: typer.Context,
    run: RunOption = None,
    gate: Annotated[
        str | None,
        typer.Option("--gate", metavar="NAME", help="Without it: the final gate that is red."),
    ] = None,
    repo: Annotated[
        str,
        typer.Option("--repo", metavar="NAME", help="Without it: the plan's own repository."),
    ] = "",
    as_json: JsonOption = False,
) -> int:
    """Find the first landing on which a gate is red.

    Runs the gate in a worktree of its own. What the run has judged already is not judged again.
    """
    from agentdeck.control.bisecting import Tried
    from agentdeck.control.bisecting import bisect as search

    for step in search(chosen_run(context, run), gate, repo):
        if isinstance(step, Tried):
            word = "green" if step.judged.passes else "red"
            took = f"{step.judged.seconds:.1f} s"
            note(f"{word:5}  {step.commit[:10]}  {safe(step.name)}  ({took})")
            continue
        suspect = step.suspect
        if as_json:
            say_json(
                {
                    "gate": step.gate,
                    "commit": suspect.commit,
                    "landing": step.landing,
                    "brought": suspect.names,
                    "runs": step.runs,
                }
            )
            continue
        say(f"first red for {safe(step.gate)}: {safe(', '.join(suspect.names))}")
        say(f"commit {suspect.commit[:10]}" + _below(suspect.commit, step.landing))
        for task in suspect.tasks:
            say(f"`agentdeck revert {safe(task)}` takes it back")
    return EXIT_OK


def _below(commit: str, landing: str) -> str:
    return f", landed with {landing[:10]}" if commit != landing else ""


def _outcome(engine: BlockingClient, seq: int) -> int:
    """Tell what came of the reverts, as far as it is known soon."""
    deadline = time.monotonic() + REVERT_S
    open_entries: dict[str, TaskId] = {}
    queued = failed = False
    while (left := deadline - time.monotonic()) > 0 and (open_entries or not queued):
        for recorded in engine.events(seq, wait_s=left):
            seq = recorded.seq
            match recorded.event:
                case EntryQueued(entry=entry, reverts=task) if task is not None:
                    queued, open_entries[entry] = True, task
                case TaskReverted(task, commit):
                    say(f"{safe(task)}: reverted by {commit[:10]}")
                    open_entries = {e: t for e, t in open_entries.items() if t != task}
                case EntryEjected(entry, _, detail) if entry in open_entries:
                    failed = True
                    say(f"{safe(open_entries.pop(entry))}: not reverted: {safe(detail)}")
    for name in map(safe, open_entries.values()):
        say(f"{name}: its revert is in the merge queue; `agentdeck why {name}` tells how far it is")
    return EXIT_NEEDS_PERSON if failed else EXIT_OK


__all__ = ["register"]
