"""Hooks: commands, webhooks and a tracker that are told of events.

Rules:
- The journal is the outbox. Of a hook only this is kept: up to which event it is settled, and the
  latest one that it wants. What is between is read from the journal when its turn comes.
- A hook is told one event at a time, in order. Hooks do not wait for each other, and no task, gate
  or landing waits for a hook.
- A person is told of what happened within `group` in one message, and of nothing in quiet hours:
  then it waits for their end. Once the run has ended nothing more is gathered.
- What fails is tried again, ever more rarely: a command as often as its `retries` say, the others
  until `give_up` has passed since the event. Then it is given up, and the next one is tried.
- Each event is offered at least once, however long nobody was there to do it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from agentdeck.core import events as e
from agentdeck.core.plan import Hook, Notify
from agentdeck.core.state import HookRun, RunState
from agentdeck.core.steps import Record, TellHook
from agentdeck.core.words import first_line, short_duration

FIRST_WAIT_S: Final = 1.0  # before the second try; doubles each time
LONGEST_WAIT_S: Final = 300.0  # who is back is told within five minutes
LONGEST_ASKED_S: Final = 3600.0  # that a receiver may ask us to wait
MAX_HOOKS: Final = 32  # of a plan: each may have a thread and a process at a time
LONGEST_QUIET_S: Final = 26 * 3600.0  # a day, and the hour by which a clock goes back
CLOCK_S: Final = 60.0  # that clocks are corrected by without a jump
JITTER: Final = 0.25  # of a wait: those who failed together do not come back together


def is_waiting(run: HookRun) -> bool:
    """Is there an event that the hook wants and that is not settled?"""
    return run.latest > run.settled


def steps(state: RunState, now: float) -> Iterator[Record | TellHook]:
    """What each hook is told now."""
    for name, run in state.hooks.items():
        if not is_waiting(run):
            continue
        if (over := _given_up(state, name, run)) is not None:
            yield Record((over,))
        elif now >= _due(state, name, run, now):
            yield TellHook(name, run.settled, run.tries + 1)


def are_due(state: RunState, by: float) -> bool:
    """Will a hook be told something by then, if nothing fails?"""
    return any(
        is_waiting(run) and _due(state, name, run, by) <= by for name, run in state.hooks.items()
    )


def are_quiet(state: RunState, now: float) -> bool:
    """Does somebody sleep who is to be told, and has that not failed before?"""
    return any(
        is_waiting(run) and not run.tries and run.quiet_until is not None and now < run.quiet_until
        for run in state.hooks.values()
    )


def wakes(state: RunState, now: float) -> list[float]:
    """When what hooks wait for is due, seconds since the epoch."""
    return [_due(state, name, run, now) for name, run in state.hooks.items() if is_waiting(run)]


def _due(state: RunState, name: str, run: HookRun, now: float) -> float:
    """From when a hook can be told, seconds since the epoch; 0 = at once.

    Where the clock was set back what began in the future is over: nobody waits for a day.
    """
    hook = state.plan.hook_by_name[name]
    quiet = run.quiet_until or 0.0
    due = 0.0 if quiet > now + LONGEST_QUIET_S else quiet
    failed_at = run.trouble.at if run.trouble is not None else 0.0
    if run.retry_at is not None and failed_at <= now + CLOCK_S:
        due = max(due, run.retry_at)
    if isinstance(hook, Notify) and run.since is not None and state.outcome is None:
        due = max(due, run.since + hook.group_s if run.since <= now + CLOCK_S else 0.0)
    return due


def retry_at(state: RunState, event: e.HookFailed, at: float) -> float:
    """When the next try is, if there is one."""
    doubled = FIRST_WAIT_S * 2.0 ** min(event.number - 1, 30)
    draw = zlib.crc32(f"{state.run}:{event.hook}:{event.seq}:{event.number}".encode()) / 2**32
    moment = at + min(LONGEST_WAIT_S, doubled * (1.0 + JITTER * draw))
    if event.not_before is not None:
        moment = max(moment, min(event.not_before, at + LONGEST_ASKED_S))
    ends = _ends(state, event.hook, event.since)
    return moment if ends is None or ends <= at else min(moment, ends)


def _ends(state: RunState, name: str, since: float) -> float | None:
    """Until when it is offered an event; None = it is not time that counts."""
    hook = state.plan.hook_by_name[name]
    return None if isinstance(hook, Hook) else since + hook.give_up_s


def _given_up(state: RunState, name: str, run: HookRun) -> e.HookGaveUp | None:
    trouble = run.trouble
    if not run.tries or trouble is None:
        return None
    hook = state.plan.hook_by_name[name]
    ends = _ends(state, name, trouble.since)
    if isinstance(hook, Hook):
        over = run.tries > hook.retries
    else:
        over = ends is not None and trouble.at >= ends
    if not over and not trouble.final:
        return None
    return e.HookGaveUp(name, trouble.seq, run.tries, trouble.why)


def told(state: RunState, now: float) -> list[str]:
    """What a person should know: the hooks that fail now, or have not got all of it."""
    found = []
    for name, run in state.hooks.items():
        if is_waiting(run) and run.quiet_until is not None and now < run.quiet_until:
            wait = short_duration(run.quiet_until - now)
            found.append(f"hook {name} is quiet: what waits for it is told in {wait}")
        if run.trouble is None:
            continue
        why = first_line(run.trouble.why)
        if is_waiting(run) and run.tries:
            wait = "" if run.retry_at is None else f" in {short_duration(run.retry_at - now)}"
            found.append(f"hook {name} fails ({run.tries}): {why}; tried again{wait}")
        elif run.given_up:
            events = "1 event" if run.given_up == 1 else f"{run.given_up} events"
            found.append(f"hook {name} was given up on {events}: {why}")
    return found


__all__ = ["MAX_HOOKS", "are_due", "are_quiet", "is_waiting", "retry_at", "steps", "told", "wakes"]
