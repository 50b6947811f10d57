"""What a reader of single lines is: the part of reading that knows one agent's format.

Rules:
- A reader never raises, whatever the line.
- What later lines need and a restart must not lose is its `memory`: a small frozen struct, replaced
  and never changed, so that who holds an older one can go back to it. Everything else it keeps is a
  convenience: without it a report has a vaguer name, never another number.
- Reading a line again with the memory from before it gives the same totals and the same result.
- The line of a result has no tool calls and no prose of its own: it is heard again after a restart.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

import msgspec

from agentdeck.agents.json_line import MAX_NUMBER
from agentdeck.agents.one_line import decoded_line
from agentdeck.agents.reports import NOISE_CHARS, Noise, Report, Totals

CARRY_CHARS: Final = 400  # of a memory written down; goes into the journal once a second


class Memory(msgspec.Struct, frozen=True, array_like=True):
    """Base of what readers remember. Bounded, so that `carried` of it fits `CARRY_CHARS`."""


class Context(msgspec.Struct, frozen=True):
    """What a reader is told about the attempt."""

    root: str = ""  # the agent's folder; paths are shown below it
    before: Mapping[str, Totals] = {}  # what sessions had used before this attempt, by session
    carry: str = ""  # a memory, as `carried` wrote it
    said_chars: int = 0  # of one piece of prose, at most; 0 = as much as the totals keep
    alone: bool = False  # each line is read by itself, to be drawn: what it ends began in another

    def chars(self, usual: int) -> int:
        """How many characters of prose are kept, where `usual` is enough for the totals."""
        return self.said_chars or usual


class LineReader(Protocol):
    """Reads the lines of one attempt."""

    @property
    def memory(self) -> Memory:
        """What has to survive a restart, as of the end of the latest line."""
        ...

    def read(self, line: bytes) -> list[Report]:
        """What one line says, without its line break."""
        ...

    def at_end(self) -> list[Report]:
        """What it means that no more lines come."""
        ...


M = TypeVar("M", bound=Memory)


def carried(memory: Memory) -> str:
    """A memory as text; "" for one that remembers nothing."""
    if memory == type(memory)():
        return ""
    text = msgspec.json.encode(memory).decode()
    return text if len(text) <= CARRY_CHARS else ""


def remembered(carry: str, kind: type[M]) -> M:
    """The memory in `carry`; a blank one when there is none, or it is another format's."""
    if not carry:
        return kind()
    try:
        return msgspec.json.decode(carry, type=kind)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return kind()


def unread(line: bytes, *, foreign: bool = False) -> list[Report]:
    """The report of a line that means nothing; none when it is empty.

    Args:
        line: as it stands in the log.
        foreign: it is not even of the agent's format.
    """
    raw = decoded_line(line, NOISE_CHARS)
    return [Noise(raw, foreign)] if raw else []


def mark_of(name: str) -> str:
    """A few characters that stand for an id, to know it again."""
    try:
        data = name.encode()
    except UnicodeEncodeError:  # half an emoji
        data = name.encode("utf-8", "replace")
    return zlib.crc32(data).to_bytes(4, "big").hex()  # a third of the time of formatting it


def plus(totals: Totals, more: Totals) -> Totals:
    """The sum of both, as large as a number may be."""
    return Totals(
        min(MAX_NUMBER, totals.tokens_in + more.tokens_in),
        min(MAX_NUMBER, totals.tokens_out + more.tokens_out),
        min(MAX_NUMBER, totals.tokens_cached + more.tokens_cached),
        min(float(MAX_NUMBER), totals.usd + more.usd),
    )


def minus(totals: Totals, less: Totals) -> Totals:
    """What `totals` has more than `less`."""
    return Totals(
        max(0, totals.tokens_in - less.tokens_in),
        max(0, totals.tokens_out - less.tokens_out),
        max(0, totals.tokens_cached - less.tokens_cached),
        max(0.0, totals.usd - less.usd),
    )
