"""The document that a run's plan came from, kept true while the run goes on.

Rules:
- It is the one file of the person's checkout that an engine writes, and only because the plan
  (`source`) or the command line (`--write-back`) names it.
- It lies below the checkout's top folder, and is written there: a link that leads out is refused,
  anew each time. Nothing below `.git` is ever written.
- It is looked at once a second and at the end of the run. What is right already is not written;
  what somebody changed meanwhile is read again.
- The engine never notices: a fault is a line in its log, told once, and tried again later.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.control.rewrite import ChangedMeanwhile, remove_parts, replace_file
from agentdeck.core.errors import DeckError, NotFoundError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState
from agentdeck.engine.enginelog import log
from agentdeck.plans.writeback.documents import format_of, written_back
from agentdeck.plans.writeback.marks import Mark, marks_of

MAX_BYTES: Final = 16 * 1024 * 1024  # of a document, as for plan files
EVERY_S: Final = 1.0  # between two looks
AGAIN_S: Final = 5.0  # after a fault, while neither the document nor the run has changed
TRIES: Final = 5  # when somebody else writes it at the same moment
MAX_NAMED: Final = 5  # tasks in one line of the log


def source_in(checkout: Path, document: Path, plan: Plan) -> str:
    """The document as a run keeps it: its path below the checkout's top folder.

    Raises:
        NotFoundError: there is no such file.
        PlanProblems, UsageError: it is outside, cannot be read, has no marks, or none of the tasks.
    """
    top = Path(os.path.realpath(checkout))
    real = _below(top, document, str(document))
    format_of(_read(real).decode(), file=_name(top, real), tasks=_ids(plan))
    return _name(top, real)


def _ids(plan: Plan) -> list[TaskId]:
    return [task.id for task in plan.tasks]


def _name(top: Path, real: Path) -> str:
    return real.relative_to(top).as_posix()


def _below(top: Path, document: Path, named: str) -> Path:
    """The file itself, without links. Raises NotFoundError, UsageError."""
    real = Path(os.path.realpath(document))
    if not real.is_relative_to(top) or ".git" in real.relative_to(top).parts:
        raise UsageError(
            f"{named} is not in the checkout {top}, so it is not kept true",
            hint="name a document in the repository, or leave `source` and --write-back out",
        )
    if not real.is_file():
        raise NotFoundError(f"there is no file {named}")
    return real


def _read(real: Path) -> bytes:
    with real.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UsageError(f"{real.name} has more than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{real.name} is not UTF-8", hint="save it as UTF-8") from None
    return data


class _Sign(msgspec.Struct, frozen=True):
    """By what a change of the document is noticed."""

    inode: int
    size: int
    changed_ns: int


class SourceKeeper:
    """Keeps one document true.

    Args:
        checkout: top folder of the person's checkout.
        source: the document's path below it.
        tasks: all ids of the plan.
    """

    def __init__(self, checkout: Path, source: str, tasks: Collection[TaskId]) -> None:
        self._top = Path(os.path.realpath(checkout))
        self._source = source
        self._tasks = tasks
        self._format: str | None = None
        self._right: tuple[_Sign | None, Mapping[TaskId, Mark]] | None = None
        self._wrong: tuple[_Sign | None, Mapping[TaskId, Mark]] | None = None
        self._wrong_at = 0.0
        self._told = ""
        self._missing: set[TaskId] = set()
        self._ending = asyncio.Event()

    async def run(self, state: Callable[[], RunState]) -> None:
        """Look again and again, until `end`; then once more."""
        await asyncio.to_thread(self._clear)
        seen, marks = -1, {}
        while True:
            last = self._ending.is_set()
            now = state()
            if now.seq != seen:
                seen, marks = now.seq, marks_of(now)
            await asyncio.to_thread(self.look, marks, at_once=last)
            if last:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._ending.wait()

    def end(self) -> None:
        """Let `run` come to its end."""
        self._ending.set()

    def look(self, marks: Mapping[TaskId, Mark], *, at_once: bool = False) -> None:
        """Write what has to be written. Never raises.

        Args:
            marks: how the tasks stand.
            at_once: after a fault too.
        """
        seen = (self._sign(), marks)
        if seen == self._right:
            return
        soon = time.monotonic() - self._wrong_at < AGAIN_S
        if seen == self._wrong and soon and not at_once:
            return
        fault = self._fault(marks)
        if fault:
            self._wrong, self._wrong_at, self._format = seen, time.monotonic(), None
        else:
            self._right = seen  # after a write the sign differs, and it is looked at once more
        if fault and fault != self._told:
            log.warning("%s is not kept true: %s", self._source, fault)
        self._told = fault

    def _clear(self) -> None:
        with suppress(OSError, ValueError):
            remove_parts(Path(os.path.realpath(self._top / self._source)))

    def _sign(self) -> _Sign | None:
        try:
            found = (self._top / self._source).stat()
        except (OSError, ValueError):
            return None
        return _Sign(found.st_ino, found.st_size, found.st_mtime_ns)

    def _fault(self, marks: Mapping[TaskId, Mark]) -> str:
        """Write it; what went wrong, in words."""
        try:
            self._write(marks)
        except DeckError as error:
            return error.message.split("\n", maxsplit=1)[0]
        except OSError as error:
            return error.strerror or type(error).__name__
        except Exception as error:  # noqa: BLE001 - a document is no reason to end a run
            return f"{type(error).__name__}: {error}"
        return ""

    def _write(self, marks: Mapping[TaskId, Mark]) -> None:
        for left in reversed(range(TRIES)):
            real = _below(self._top, self._top / self._source, self._source)
            data = _read(real)
            text = data.decode()
            if self._format is None:
                self._format = format_of(text, file=self._source, tasks=self._tasks)
            found = written_back(text, file=self._source, marks=marks, format_name=self._format)
            after = found.text.encode()
            try:
                if after != data:
                    replace_file(real, data, after)
            except ChangedMeanwhile:
                if not left:
                    raise
                continue
            self._tell_missing(found.missing)
            return

    def _tell_missing(self, missing: Collection[TaskId]) -> None:
        new = [name for name in missing if name not in self._missing]
        self._missing.update(new)
        if new:
            more = f" and {len(new) - MAX_NAMED} more" if len(new) > MAX_NAMED else ""
            named = ", ".join(new[:MAX_NAMED])
            log.warning("%s has no place for the marks of %s%s", self._source, named, more)


def keeper_of(state: RunState) -> SourceKeeper | None:
    """The keeper of a run's document, or None when the run keeps none."""
    if state.plan.source is None or not state.checkout:
        return None
    return SourceKeeper(Path(state.checkout), state.plan.source, _ids(state.plan))
