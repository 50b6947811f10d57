"""Events to bytes and back. The one place that knows the stored form and its versions.

Rules: what an older agentdeck has stored is brought up to `VERSION` when it is read, so the rest of
the code knows one form.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import msgspec

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import VERSION, AnyEvent, PlanChanged, Recorded, RunStarted
from agentdeck.core.plan import Budget, OnExceed
from agentdeck.core.unreadable import UNREADABLE

_ASKING: Final = 2  # the format from which on a budget asks unless it says otherwise

_NO_TEXT: Final = re.compile("[\ud800-\udfff]")  # `os.fsdecode` makes them of bytes
_FIRST_BYTE: Final = 0xDC00

_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(AnyEvent)


class JournalFormatError(EnvironmentFault):
    """A stored event cannot be read: it is newer than this agentdeck, or damaged."""


def encode_event(event: AnyEvent) -> bytes:
    """One event as JSON, without its place."""
    return _encoder.encode(event)


def storable(event: AnyEvent) -> AnyEvent:
    """The event itself; or one that says the same where a text of it could not be stored.

    Names of files may hold bytes that are no text. Such a byte is told by its number in hex.
    """
    try:
        _encoder.encode(event)
    except UnicodeEncodeError:
        told: AnyEvent = msgspec.convert(_as_text(msgspec.to_builtins(event)), AnyEvent)
        return told
    return event


def _as_text(value: Any) -> Any:
    match value:
        case str():
            return _NO_TEXT.sub(_told, value)
        case dict():
            return {_as_text(key): _as_text(found) for key, found in value.items()}
        case list() | tuple():
            return [_as_text(found) for found in value]
        case _:
            return value


def _told(found: re.Match[str]) -> str:
    byte = ord(found[0]) - _FIRST_BYTE
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else "\N{REPLACEMENT CHARACTER}"


def decode_event(data: bytes, *, version: int, seq: int) -> AnyEvent:
    """Read one stored event.

    Raises:
        JournalFormatError: `version` is newer than `VERSION`, or the bytes are not an event.
    """
    if version > VERSION:
        raise JournalFormatError(
            f"event {seq} has format {version}, this agentdeck reads up to {VERSION}",
            hint="open the run with the agentdeck that made it, or a newer one",
        )
    try:
        event: AnyEvent = _event_decoder.decode(data)
    except UNREADABLE as error:
        raise JournalFormatError(
            f"event {seq} of the journal cannot be read: {error}",
            hint="the events before it are whole; keep a copy of journal.db and report this",
        ) from error
    return _upcast(event, version)


def encode_recorded(recorded: Recorded) -> bytes:
    """One event with its place as JSON, for the control socket."""
    return _encoder.encode(recorded)


def decode_recorded(data: bytes) -> Recorded:
    """Read one event with its place. Raises `JournalFormatError`."""
    try:
        recorded = _recorded_decoder().decode(data)
    except UNREADABLE as error:
        raise JournalFormatError(f"an event from the engine cannot be read: {error}") from error
    event = _upcast(recorded.event, recorded.v)
    return recorded if event is recorded.event else msgspec.structs.replace(recorded, event=event)


@cache
def _recorded_decoder() -> msgspec.json.Decoder[Recorded]:
    """Made when something comes over a socket: it takes as long as reading a thousand events."""
    return msgspec.json.Decoder(Recorded)


def _upcast(event: AnyEvent, version: int) -> AnyEvent:
    """An event of an older format as the present one says it."""
    if version >= _ASKING:
        return event
    if isinstance(event, RunStarted):
        budget = _draining(event.plan.budget)
        plan = msgspec.structs.replace(event.plan, budget=budget)
        return event if budget is event.plan.budget else msgspec.structs.replace(event, plan=plan)
    if isinstance(event, PlanChanged) and event.change.budget is not None:
        change = msgspec.structs.replace(event.change, budget=_draining(event.change.budget))
        return msgspec.structs.replace(event, change=change)
    return event


def _draining(budget: Budget) -> Budget:
    """Before "ask" there was, a budget that said nothing meant "drain"."""
    if not budget.limited or budget.on_exceed is not OnExceed.ASK:
        return budget
    return msgspec.structs.replace(budget, on_exceed=OnExceed.DRAIN)
