"""Events to bytes and back. The one place that knows the stored form and its versions."""

from __future__ import annotations

import msgspec

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import VERSION, AnyEvent, Recorded

_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(AnyEvent)
_recorded_decoder = msgspec.json.Decoder(Recorded)


class JournalFormatError(EnvironmentFault):
    """A stored event cannot be read: it is newer than this agentdeck, or damaged."""


def encode_event(event: AnyEvent) -> bytes:
    """One event as JSON, without its place."""
    return _encoder.encode(event)


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
    except msgspec.MsgspecError as error:
        raise JournalFormatError(
            f"event {seq} of the journal cannot be read: {error}",
            hint="the events before it are whole; keep a copy of journal.db and report this",
        ) from error
    return event


def encode_recorded(recorded: Recorded) -> bytes:
    """One event with its place as JSON, for the control socket."""
    return _encoder.encode(recorded)


def decode_recorded(data: bytes) -> Recorded:
    """Read one event with its place. Raises `JournalFormatError`."""
    try:
        return _recorded_decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise JournalFormatError(f"an event from the engine cannot be read: {error}") from error
