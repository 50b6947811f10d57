"""Effects of events about hooks, and of every event on the hooks that want to hear of it."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import events as e
from agentdeck.core import hooks
from agentdeck.core.event_names import wants
from agentdeck.core.events import AnyEvent
from agentdeck.core.state import HookRun, HookTaken, HookTrouble, RunState


def take(state: RunState, event: e.HookEvent, at: float) -> None:
    """The effect of `event` on its hook."""
    run = state.hooks[event.hook]
    match event:
        case e.HookDelivered(_, seq, took, status):
            run.taken = HookTaken(seq, at, took, status)
            _settle(run, seq, at)
        case e.HookFailed(_, seq, number, why, since, _, final):
            run.trouble = HookTrouble(seq, at, why, since, final)
            run.tries, run.retry_at = number, hooks.retry_at(state, event, at)
        case e.HookPostponed(_, _, until):
            run.quiet_until = until
        case e.HookGaveUp(_, seq):
            run.given_up += 1
            _settle(run, seq, at)
        case _ as never:
            assert_never(never)
    state.troubles.pop(f"hook:{event.hook}", None)


def notice(state: RunState, event: AnyEvent) -> None:
    """The latest event, for those who want it. It has its place in the state already."""
    for name, run in state.hooks.items():
        if wants(state.plan.hook_by_name[name].events, event):
            if not hooks.is_waiting(run):
                run.settled = state.seq - 1  # it wants nothing that is before
                run.since = state.at
            run.latest = state.seq


def _settle(run: HookRun, seq: int, at: float) -> None:
    run.settled, run.tries, run.retry_at, run.quiet_until = seq, 0, None, None
    # What is behind it happened before this moment: so long a message to a person gathers more.
    run.since = at if hooks.is_waiting(run) else None
