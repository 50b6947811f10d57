"""Skimming: what of a line cannot be left out when others of the same piece take its place.

Of a hundred lines that a poll reads, one has the activity that is shown and one the message. The
others leave a number, a call that is open, a piece of prose. To skim a line is to look at the few
fields that tell which of these it is; the line that is shown in the end is read as a whole.

Rules:
- Skimming a line leaves the memory that reading it would leave. Where that is not certain (another
  shape than expected, a result, a question, anything rare) it leaves all as it was and answers
  None: such a line is read.
- What only makes a report more telling, as the names of open calls, is not kept.
- A line that was skimmed says the same words whatever was remembered before it, so the one that is
  shown is read with a memory that remembers nothing. Its numbers are in the memory already.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Final, Generic, TypeAlias, TypeVar

import msgspec

from agentdeck.agents.json_line import MAX_NUMBER
from agentdeck.agents.line_reader import Memory
from agentdeck.agents.reports import Report
from agentdeck.agents.tool_inputs import EDITORS, PATCHES, PATHS, TODO_TOOLS

# What a line does, as bits: integers, because this is asked for every line of a flood.
NOTHING: Final = 0
WORKS: Final = 1  # it speaks, or uses a tool
ACTIVE: Final = 2  # it says what goes on
CALLS: Final = 4  # a tool call begins
SPEAKS: Final = 8  # it is prose
GOES_ON: Final = 16  # which goes on the prose before it
COUNTS: Final = 32  # it says what has been used: `used` tells how much that makes

SAID: Final = WORKS | ACTIVE | SPEAKS
SAID_MORE: Final = SAID | GOES_ON
CALLED: Final = WORKS | ACTIVE | CALLS
NEWS: Final = WORKS | ACTIVE  # after any of these a result stands no more

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]  # of tokens
Number: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=MAX_NUMBER)]
UNFIT: Final = (msgspec.DecodeError, RecursionError, ValueError)  # of a line of another shape
MAX_FILES: Final = 256  # edited ones that are remembered; calls that edit others are read
MAX_TOOLS: Final = 256  # names that are remembered; others are looked at each time

M = TypeVar("M", bound=Memory)

_Named = msgspec.defstruct("_Named", [(key, str, "") for key in (*PATHS, *PATCHES)], gc=False)
_named: Final = msgspec.json.Decoder(_Named)


class Skimming(ABC, Generic[M]):
    """A reader of lines that can skim them."""

    memory: M
    blank: M  # one that remembers nothing
    piece: str = ""  # the prose of the latest line that was skimmed and goes on, not cleaned yet

    @abstractmethod
    def read(self, line: bytes) -> list[Report]:
        """What one line says."""

    @abstractmethod
    def at_end(self) -> list[Report]:
        """What it means that no more lines come."""

    @abstractmethod
    def skim(self, line: bytes) -> int | None:
        """What one line does, in the bits above; None when it has to be read."""

    def used(self, since: M) -> list[Report]:  # noqa: ARG002 - of formats that count
        """What has been used by now, when that has changed since there was this memory."""
        return []

    def words(self, line: bytes) -> list[Report]:
        """What a line says that was skimmed. What it counts is not in the reports."""
        memory, self.memory = self.memory, self.blank
        reports = self.read(line)
        self.memory = memory
        return reports


class KnownFiles:
    """Files whose edits were told: another edit of one of them says nothing that adds up."""

    def __init__(self) -> None:
        self._known = {""}
        self._harmless: set[str] = set()  # tools that edit nothing and write no list
        self._editors: set[str] = set()

    def are_all(self, name: str, given: msgspec.Raw) -> bool:
        """Is it certain that a call touches no other file and writes no to-do list?

        Of a call that does, the files are known from now on: it is read, and tells them.
        """
        if name in self._harmless:
            return True
        if name in self._editors:
            return self._are_known(given)
        if not name.replace("-", "_").isidentifier():
            return False  # it may be an editor's once it is cleaned
        lowered = name.lower()
        if lowered in TODO_TOOLS:
            return False
        if lowered not in EDITORS:
            if len(self._harmless) < MAX_TOOLS:
                self._harmless.add(name)
            return True
        if len(self._editors) < MAX_TOOLS:
            self._editors.add(name)
        return self._are_known(given)

    def _are_known(self, given: msgspec.Raw) -> bool:
        try:
            named = msgspec.structs.astuple(_named.decode(given))
        except UNFIT:
            return False
        paths, patches = named[: len(PATHS)], named[len(PATHS) :]
        if any(patches):
            return False
        if self._known.issuperset(paths):
            return True
        if len(self._known) < MAX_FILES:
            self._known.update(paths)
        return False


def is_visible(text: str) -> bool:
    """Is something of this text left for certain once it is cleaned?"""
    first = text[:1]
    return first.isprintable() and first > " "


def is_piece(text: str) -> bool:
    """Is something left for certain of this piece of a text, if only a space or a line break?"""
    first = text[:1]
    return first == "\n" or (first >= " " and first.isprintable())
