"""Events as a client gives them, and what both clients know of following a run.

Rules:
- The cursor is the number of an event in the journal. It is good for ever, on every client.
- Where no engine is, the journal itself is read: nothing is missed while there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from agentdeck.control import protocol as rpc
from agentdeck.control.protocol import EngineGone
from agentdeck.control.runs import RunFolder, newest_run, resolve_run, run_in
from agentdeck.core.codec import decode_recorded, encode_recorded
from agentdeck.core.errors import DeckError, NotFoundError
from agentdeck.core.events import AnyEvent
from agentdeck.engine.journal import Journal

WAIT_S: Final = 20.0  # of one long poll
AFTER_END_S: Final = 0.5  # of one, when the run has finished: little comes behind that
ANSWER_S: Final = 30.0  # for an answer that does not wait
PATIENCE_S: Final = 60.0  # for an engine to come back
FIRST_PAUSE_S: Final = 0.1  # between two looks for one; doubles
MAX_PAUSE_S: Final = 1.0
TRIES: Final = 2  # of a read: the second one meets an engine that was just restarted


class CursorLost(DeckError):
    """The journal was mended and ends before this number: what follows is numbered anew."""

    def __init__(self, after: int, last: int) -> None:
        super().__init__(
            f"there is no event {after:,}: the journal ends with {last:,}",
            hint="it was mended after damage; begin again with after=0",
        )
        self.last = last


class Event(msgspec.Struct, frozen=True):
    """One event of a run."""

    seq: int  # its number: the cursor
    at: float  # seconds since the epoch
    kind: str  # such as `entry.landed`
    data: dict[str, Any]  # its other fields, but for those that have their default
    version: int  # of the journal's format

    @property
    def task(self) -> str | None:
        """The task that it is about."""
        found = self.data.get("task")
        return found if isinstance(found, str) else None

    @property
    def attempt(self) -> int | None:
        """The attempt that it is about."""
        found = self.data.get("attempt")
        return found if isinstance(found, int) else None

    def typed(self) -> AnyEvent:
        """The same as a struct of `agentdeck.core.events`, with every field.

        Raises:
            JournalFormatError: it is of a newer agentdeck.
        """
        fields = {"kind": self.kind, **self.data}
        raw = {"seq": self.seq, "at": self.at, "event": fields, "v": self.version}
        return decode_recorded(msgspec.json.encode(raw)).event


class _Line(msgspec.Struct, frozen=True):
    """An event as it comes."""

    seq: int
    at: float
    event: dict[str, Any]
    v: int = 1


_decoder = msgspec.json.Decoder(_Line)


def as_event(raw: bytes) -> Event:
    """An event of an answer."""
    line = _decoder.decode(raw)
    kind = str(line.event.pop("kind", ""))
    return Event(line.seq, line.at, kind, line.event, line.v)


def as_events(found: rpc.Events, after: int) -> list[Event]:
    """The events of an answer. Raises CursorLost."""
    if found.last < after:
        raise CursorLost(after, found.last)
    return [as_event(bytes(raw)) for raw in found.events]


def stored_events(folder: RunFolder, after: int) -> list[Event]:
    """The next events of a run that has no engine, at most `rpc.MAX_EVENTS`.

    Raises:
        CursorLost: there is no event `after`.
        JournalError, JournalFormatError: the journal cannot be read.
    """
    journal = Journal(folder.journal)
    try:
        found: Sequence[Any] = journal.read(after, rpc.MAX_EVENTS)
        if not found and (last := journal.last_seq()) < after:
            raise CursorLost(after, last)
    finally:
        journal.close()
    return [as_event(encode_recorded(recorded)) for recorded in found]


def folder_of(where: str | Path | None) -> RunFolder:
    """The run that is meant.

    Args:
        where: a run's id, or how that begins; the folder of a run; a folder of a repository, whose
            newest run is meant; None = the folder one is in.

    Raises:
        NotFoundError: there is none.
    """
    if isinstance(where, str):
        try:
            return resolve_run(where, Path())
        except NotFoundError:
            if not Path(where).is_dir():
                raise
    path = Path.cwd() if where is None else Path(where)
    return run_in(path) if (path / "journal.db").is_file() else newest_run(path)


__all__ = [
    "CursorLost",
    "EngineGone",
    "Event",
    "as_events",
    "folder_of",
    "stored_events",
]
