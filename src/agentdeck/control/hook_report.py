"""Every hook of a run, as programs read it: one shape on all faces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from agentdeck.core.event_names import wants
from agentdeck.core.hooks import is_waiting
from agentdeck.core.plan import Hook, Notify, Tracker, Webhook
from agentdeck.core.state import HookRun, HookTaken, HookTrouble, RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.hook_command import Answer
from agentdeck.engine.hook_delivery import deliver
from agentdeck.engine.hook_trial import try_hook
from agentdeck.engine.hooks import voiceless
from agentdeck.engine.journal import Journal
from agentdeck.engine.notice import can_send

_KINDS: Final[dict[type, str]] = {
    Hook: "command",
    Webhook: "webhook",
    Notify: "person",
    Tracker: "tracker",
}


class HookLine(msgspec.Struct, frozen=True):
    """One hook."""

    name: str
    kind: str  # command | webhook | person | tracker
    events: tuple[str, ...]  # the patterns of what it wants
    pending: int  # events that it wants and has not got
    tries: int  # that have failed, of the first of them
    next_try: float | None  # seconds since the epoch; None = at once, or when it has gathered
    given_up: int  # events that it was given up on
    taken: HookTaken | None  # the latest event that it took
    trouble: HookTrouble | None  # the latest try that failed


def hook_lines(folder: RunFolder, state: RunState) -> list[HookLine]:
    """The hooks of a run, in the order of its plan. O(events that wait for a hook).

    Raises:
        JournalError: the journal cannot be read.
    """
    pending = _pending(folder, state)
    return [
        HookLine(
            name,
            _KINDS[type(hook)],
            hook.events,
            pending.get(name, 0),
            state.hooks[name].tries,
            _next_try(state.hooks[name]),
            state.hooks[name].given_up,
            state.hooks[name].taken,
            state.hooks[name].trouble,
        )
        for name, hook in state.plan.hook_by_name.items()
        if name in state.hooks
    ]


def _next_try(run: HookRun) -> float | None:
    times = [moment for moment in (run.retry_at, run.quiet_until) if moment is not None]
    return max(times, default=None) if is_waiting(run) else None


def _pending(folder: RunFolder, state: RunState) -> dict[str, int]:
    """How many events each hook still wants, counted in the journal."""
    waiting = {name: run for name, run in state.hooks.items() if is_waiting(run)}
    if not waiting:
        return {}
    found = dict.fromkeys(waiting, 0)
    journal = Journal(folder.journal)
    try:
        for recorded in journal.history(min(run.settled for run in waiting.values())):
            if recorded.seq > state.seq:
                break
            for name, run in waiting.items():
                behind = recorded.seq > run.settled
                if behind and wants(state.plan.hook_by_name[name].events, recorded.event):
                    found[name] += 1
    finally:
        journal.close()
    return found


def hook_told(folder: RunFolder) -> Iterator[str]:
    """Tell hooks what they have not got, where no engine does it; what came of each, in words.

    Raises:
        EnvironmentFault: an engine runs the run, or its journal cannot be written.
    """
    return deliver(folder)


__all__ = ["Answer", "HookLine", "can_send", "hook_lines", "hook_told", "try_hook", "voiceless"]
