"""Which scratch worktree a gate runs in.

Rules:
- Gates of one kind have one place, save those on what would land: several batches are gated at
  the same time.
- Beside a place stands a note with the gate that had it last. A gate that goes on after a restart
  is found by it, and one that nobody wants any more is ended before somebody else comes in.
- A place is not given away while a gate that is wanted has it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agentdeck.core.plan import MAX_DEPTH, GateWhen
from agentdeck.engine.private_files import write_private

FOR_MERGES: Final = 2 * MAX_DEPTH  # one that was stopped keeps its place until it is really dead
PLACES: Final = len(GateWhen) - 1 + FOR_MERGES  # scratch worktrees of a run, at most


class GateSlots:
    """The places of one run, and who has them. Safe to use from several threads."""

    def __init__(self, root: Path) -> None:
        """`root` holds the scratch worktrees and the notes."""
        self._root = root
        self._taken: dict[str, str] = {}  # name of the place, by the gate's folder
        self._mutex = threading.Lock()

    @contextmanager
    def held(self, when: GateWhen, gate: str, wanted: Collection[str]) -> Iterator[str]:
        """The name of the place for a gate, while it runs.

        Args:
            when: its kind.
            gate: its folder's name.
            wanted: the gates that should be running now, by their folders' names.

        Raises:
            LookupError: more gates of this kind run than have places.
        """
        with self._mutex:
            name = self._choose(when, gate, wanted)
            self._taken[gate] = name
        try:
            yield name
        finally:
            with self._mutex:
                del self._taken[gate]

    def last(self, name: str) -> str | None:
        """The gate that had a place last."""
        try:
            return self._note(name).read_text(encoding="utf-8") or None
        except FileNotFoundError:
            return None

    def note(self, name: str, gate: str) -> None:
        """Say beside the place who has it."""
        write_private(self._note(name), gate)

    def _choose(self, when: GateWhen, gate: str, wanted: Collection[str]) -> str:
        count = FOR_MERGES if when is GateWhen.MERGE else 1
        names = [when, *(f"{when}-{number}" for number in range(2, count + 1))]
        had = {name: self.last(name) for name in names}
        again = next((name for name in names if had[name] == gate), None)
        if again is not None:
            return again
        taken = set(self._taken.values())
        free = [name for name in names if name not in taken]
        # One that goes on after a restart may not have asked for its place yet.
        unclaimed = [name for name in free if had[name] not in wanted]
        if not unclaimed:
            raise LookupError(f"all {count} places for gates of kind {when} are taken")
        return unclaimed[0]

    def _note(self, name: str) -> Path:
        return self._root / f"{name}.gate"


__all__ = ["PLACES", "GateSlots"]
