"""Tells hooks what they have not got, without an engine: for runs that have ended.

Rules:
- It holds the run's lock meanwhile, so no engine can begin. It does nothing but this: no agent
  starts, nothing lands.
- Every hook is tried at once, whenever its next try was to be, until it has all, or fails; a person
  is told in quiet hours, too: a person asks for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from agentdeck.core import events as e
from agentdeck.core import fold, hooks
from agentdeck.core.event_words import told_of
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.state import RunState
from agentdeck.core.steps import Record, TellHook
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.hooks import offers
from agentdeck.engine.journal import Journal
from agentdeck.engine.lock import EngineLock


def deliver(folder: RunFolder) -> Iterator[str]:
    """Tell every hook of a run what it has not got; what came of each try, in words.

    Raises:
        EnvironmentFault: an engine runs the run, or its journal cannot be written.
    """
    lock = EngineLock(folder.lock)
    try:
        journal = Journal(folder.journal, writable=True)
        try:
            state = fold.fold(journal.history())
            journal.sync()
            for name in state.hooks:
                yield from _told(journal, state, name)
        finally:
            journal.close()
    finally:
        lock.release()


def _told(journal: Journal, state: RunState, name: str) -> Iterator[str]:
    run = state.hooks[name]
    while hooks.is_waiting(run):
        step = TellHook(name, run.settled, run.tries + 1)
        *_, offer = (None, *offers(journal.read, state, step, time.time()))
        if offer is None:
            return
        outcome = offer.make(threading.Event())
        _record(journal, state, outcome)
        yield _words(outcome)
        for over in _given_up(state, name):
            _record(journal, state, over)
            yield _words(over)
        if isinstance(outcome, e.HookFailed):
            return


def _given_up(state: RunState, name: str) -> list[AnyEvent]:
    decided = [step for step in hooks.steps(state, time.time()) if isinstance(step, Record)]
    events = [event for step in decided for event in step.events]
    return [one for one in events if isinstance(one, e.HookGaveUp) and one.hook == name]


def _record(journal: Journal, state: RunState, event: AnyEvent) -> None:
    now = time.time()
    fold.apply(state, Recorded(state.seq + 1, now, event))
    journal.append([event], now, after=state.seq - 1)


def _words(event: AnyEvent) -> str:
    about, words, _ = told_of(event)
    return f"{about} {words}"


__all__ = ["deliver"]
