"""One verb for each command of a person, from the table that the deck's own line reads too.

Rules:
- Several tasks are several commands: each is carried out or refused by itself, every refusal is
  printed, and the status says whether there was one.
- A command needs an engine. Only `promote`, `revert`, `end`, another budget and an account that is
  reopened start one: they are wanted when nobody goes on with the run.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import typer

from agentdeck.cli.output import in_terminal, note, print_error, safe, say
from agentdeck.cli.verb_functions import Act, as_function
from agentdeck.control.runs import RunFolder, fold_run
from agentdeck.control.verb_table import verb_named
from agentdeck.control.verbs import Said, Verb
from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import MAX_MESSAGE, Refused, decide
from agentdeck.core.errors import (
    EXIT_NEEDS_PERSON,
    EXIT_OK,
    EXIT_REFUSED,
)
from agentdeck.core.event_words import promoted_how
from agentdeck.core.events import MessageQueued, Promoted, PromoteWaiting

if TYPE_CHECKING:
    from agentdeck.control.blocking import BlockingClient

_STARTS_ENGINE: Final = (c.Promote, c.Revert, c.EndRun, c.SetBudget, c.RaiseBudget, c.ReopenAccount)
PROMOTE_S: Final = 15.0  # how long `promote` waits to tell what came of it

# Those that carry out more than they send, or tell more than that it was sent, are below.
_NAMES: Final = (
    *("pause", "resume", "retry", "skip", "unskip", "approve", "merge", "hold", "release", "stop"),
    *("move", "drop", "accept", "deny"),
    *("steer", "limit", "promote", "end"),
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    acts: dict[str, Act] = {"steer": _steer, "limit": _limit, "promote": _promote, "end": _end}
    for name in _NAMES:
        function = as_function(verb_named(name), acts.get(name, _send))
        app.command(name=name, rich_help_panel="Act")(function)


def _send(folder: RunFolder, verb: Verb, said: Said) -> int:
    """Send each command of a verb; the exit status."""
    commands = verb.build(said)
    refused = 0
    with engine_for(folder, commands[0]) as engine:
        for command in commands:
            try:
                engine.send(command)
            except Refused as error:
                refused += 1
                print_error(error.message, error.hint)
            else:
                about = getattr(command, "task", None) or getattr(command, "request", None)
                say(f"{safe(about or folder.run)}: {verb.done}")
    return EXIT_REFUSED if refused else EXIT_OK


def _steer(folder: RunFolder, verb: Verb, said: Said) -> int:
    task = said["task"]
    if said["text"] == "-":
        said = {**said, "text": sys.stdin.read(MAX_MESSAGE + 1)}
    (command,) = verb.build(said)
    with engine_for(folder, command) as engine:
        before = engine.status().seq
        engine.send(command)
        since = [recorded.event for recorded in engine.events(before)]
    queued = any(isinstance(event, MessageQueued) and event.task == task for event in since)
    say(f"{safe(task)}: {'queued for its next turn' if queued else 'told'}")
    return EXIT_OK


def _limit(folder: RunFolder, verb: Verb, said: Said) -> int:
    done = f"agents at once: {said['agents']}"
    if said["pool"] is not None:
        many = f"at most {said['agents']} at once" if said["agents"] else "as the plan says"
        done = f"pool {safe(said['pool'])}: {many}"
    return _send(folder, replace(verb, done=done), said)


def _promote(folder: RunFolder, verb: Verb, said: Said) -> int:
    (command,) = verb.build(said)
    with engine_for(folder, command) as engine:
        return _promotion(engine, engine.send(command))


def _end(folder: RunFolder, verb: Verb, said: Said) -> int:
    question = f"Stop all agents and end run {folder.run}?"
    if not said["yes"] and in_terminal(sys.stdin) and not typer.confirm(question):
        note("nothing was done")
        return EXIT_OK
    return _send(folder, verb, said)


def engine_for(folder: RunFolder, command: AnyCommand) -> BlockingClient:
    """A connection to the run's engine; for those of `_STARTS_ENGINE` one is started.

    Raises:
        Refused: there is no engine, and the command would be refused anyway.
        EngineGone: there is no engine.
    """
    from agentdeck.control.blocking import EngineGone, connect

    try:
        return connect(folder)
    except EngineGone:
        decide(fold_run(folder), command)
        if not isinstance(command, _STARTS_ENGINE):
            raise
    from agentdeck.control.start import ensure_engine

    ensure_engine(folder)
    return connect(folder)


def _promotion(engine: BlockingClient, seq: int) -> int:
    """Tell what came of a promotion, as far as it is known soon."""
    deadline = time.monotonic() + PROMOTE_S
    waits = ""
    while (left := deadline - time.monotonic()) > 0 and not waits:
        for recorded in engine.events(seq, wait_s=left):
            seq = recorded.seq
            match recorded.event:
                case Promoted(commit, how):
                    say(f"promoted: {commit[:10]} ({safe(promoted_how(how))})")
                    return EXIT_OK
                case PromoteWaiting(reason):
                    waits = reason
    say(f"promotion waits: {safe(waits)}" if waits else "promotion is under way")
    return EXIT_NEEDS_PERSON if waits else EXIT_OK


__all__ = ["engine_for", "register"]
