"""A message to a person about events of a run, and sending it with a program of its own.

Rules:
- What waits is gathered into one message of at most `MAX_LINES` sentences; the rest is counted.
- Where to send it stands in a variable of the engine, as it has passwords in it: it is in no list
  of arguments, in no message and in no reason of a failure.
- Time in quiet hours is that of the zone which the plan names, or of this machine.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentdeck.core.event_names import wants
from agentdeck.core.event_words import Tone, told_of
from agentdeck.core.events import Recorded
from agentdeck.core.plan import Notify
from agentdeck.core.quiet_hours import quiet_hours, quiet_until
from agentdeck.core.state import RunState
from agentdeck.engine import notice_program

MAX_LINES: Final = 20  # of a message; a telephone shows fewer
MAX_LINE: Final = 300  # characters of one
SENDER: Final = "apprise"  # what the program that sends is called where it fails
READ_EVENTS: Final = 500  # at once: a few milliseconds
_KINDS: Final = {Tone.BAD: "failure", Tone.ASKS: "warning", Tone.GOOD: "success"}
_LOUDEST: Final = ("failure", "warning", "success", "info")


@dataclass(slots=True)
class Gathered:
    """What one message tells of: the first events that a person has not heard of, and how many."""

    first: Recorded
    last: int = 0  # number of the last event
    events: int = 0
    lines: list[tuple[float, str]] = field(default_factory=list)  # when, what
    kind: str = "info"  # failure | warning | success | info: the loudest of them

    def add(self, one: Recorded) -> None:
        """One more event."""
        about, words, tone = told_of(one.event)
        self.last = one.seq
        self.events += 1
        self.kind = min(self.kind, _KINDS.get(tone, "info"), key=_LOUDEST.index)
        if len(self.lines) < MAX_LINES:
            said = f"run {words}" if about == "run" else f"{about}: {words}"
            text = " ".join(said.split())
            self.lines.append(
                (one.at, text if len(text) <= MAX_LINE else text[: MAX_LINE - 1] + "…")
            )


def gathered(
    read: Callable[[int, int], Sequence[Recorded]], hook: Notify, after: int
) -> Iterator[Gathered | None]:
    """All that somebody has to hear behind an event; None between two chunks, the answer last."""
    found: Gathered | None = None
    while behind := read(after, READ_EVENTS):
        for one in behind:
            if wants(hook.events, one.event):
                found = found or Gathered(one)
                found.add(one)
        after = behind[-1].seq
        yield None
    if found is not None:
        yield found


def message(state: RunState, hook: Notify, found: Gathered) -> dict[str, Any]:
    """Title, text and kind, secrets and all: only `hook_payload.body` of it may leave."""
    plan = state.plan.name
    (_, only), *more = found.lines
    if not more:
        return {"title": f"{plan}: {only}", "text": f"run {state.run}", "kind": found.kind}
    rows = [f"{_wall(hook, at):%H:%M} {text}" for at, text in found.lines]
    if found.events > len(rows):
        rows.append(f"… and {found.events - len(rows)} more")
    rows += ["", f"run {state.run}"]
    return {"title": f"{plan}: {found.events} events", "text": "\n".join(rows), "kind": found.kind}


def silent_until(hook: Notify, now: float) -> float | None:
    """When the quiet of this moment ends, seconds since the epoch; None = it is not quiet."""
    hours, zone = quiet_hours(hook.quiet), _zone(hook)
    if hours is None or (hook.zone and zone is None):  # better too loud than never
        return None
    ends = quiet_until(hours, datetime.fromtimestamp(now, zone).replace(tzinfo=None))
    if ends is None:
        return None
    moment = ends.replace(tzinfo=zone).timestamp()
    # An end that the clock jumps back over comes twice, and the first of both may be behind us.
    return moment if moment > now else now + timedelta(hours=1).total_seconds()


def can_send() -> bool:
    """Is what sends messages installed?"""
    return find_spec("apprise") is not None


def is_zone(name: str) -> bool:
    """Does this machine know the time zone?"""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def argv_of(hook: Notify) -> tuple[str, ...]:
    """The program that sends: what it sends it reads on its input, where to from a variable."""
    # The file and not the module: nothing else of agentdeck is read, and `-I` keeps out what stands
    # in the folder that it works in.
    return (sys.executable, "-I", str(Path(notice_program.__file__)), hook.urls_env)


def _zone(hook: Notify) -> ZoneInfo | None:
    return ZoneInfo(hook.zone) if hook.zone and is_zone(hook.zone) else None


def _wall(hook: Notify, at: float) -> datetime:
    return datetime.fromtimestamp(at, _zone(hook))


__all__ = [
    "MAX_LINES",
    "SENDER",
    "Gathered",
    "argv_of",
    "can_send",
    "gathered",
    "is_zone",
    "message",
    "silent_until",
]
