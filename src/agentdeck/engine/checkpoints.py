"""When an engine writes a checkpoint of its run, for faces that attach later.

Rules:
- It never fails the engine and never makes it wait: the state becomes bytes between two turns, all
  else is done in a thread, one checkpoint at a time. What cannot be written (the disk is full,
  nobody may write there) is left out, with a line in the log.
- How often depends on events alone, and on the size of the state: see `EVERY`.
- A last one is written when the engine ends: runs that are over are looked at the most.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from agentdeck.core.checkpoint import packed
from agentdeck.core.state import RunState
from agentdeck.engine.checkpoint_file import code_mark, write
from agentdeck.engine.enginelog import log
from agentdeck.engine.folders import RunFolder

# Events between two checkpoints: whoever attaches folds half as many on average, 15 us each.
EVERY: Final = 2_000
# A large state is written less often: the engine spends about a thousandth of its time on it.
BYTES_AN_EVENT: Final = 1_000


class Checkpoints:
    """Writes the checkpoints of one run. For the engine that has it, and for nobody else."""

    def __init__(self, folder: RunFolder) -> None:
        """Nothing is written yet."""
        self._folder = folder
        self._code = code_mark()  # now: the files may be those of another version later
        self._due = EVERY  # the event from which on the next one is written
        self._latest = 0  # the event up to which the one before goes
        self._thread: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None
        self._fault = ""  # why the one before was left out

    def stored(self, state: RunState) -> None:
        """The journal holds everything that `state` knows: write a checkpoint if one is due."""
        if state.seq >= self._due and (self._writing is None or self._writing.done()):
            self._write(state)

    def close(self, state: RunState | None) -> None:
        """Write a last one, of a run that is long enough, and wait until all is written.

        Args:
            state: what the journal holds; None = nobody knows whether the two are the same.
        """
        if state is not None and state.seq >= EVERY and state.seq > self._latest:
            self._write(state)
        if self._thread is not None:
            self._thread.shutdown()

    def _write(self, state: RunState) -> None:
        self._latest, size = state.seq, 0
        try:
            data = packed(state)
            size = len(data)
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
            self._writing = self._thread.submit(self._keep, state.seq, data)
        except Exception as error:  # noqa: BLE001 - no fault of a cache may end a run
            self._left_out(error)
        self._due = state.seq + max(EVERY, size // BYTES_AN_EVENT)

    def _keep(self, seq: int, state: bytes) -> None:
        """In the thread."""
        try:
            write(self._folder, self._code, seq, state)
            self._fault = ""
        except Exception as error:  # noqa: BLE001 - likewise
            self._left_out(error)

    def _left_out(self, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"
        if said != self._fault:  # once: it is tried again and again
            self._fault = said
            log.warning("no checkpoint was written: %s", said)
