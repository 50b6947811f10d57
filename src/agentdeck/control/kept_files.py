"""Files for people that an engine keeps current: PROGRESS.md, tasks.json, a table of attempts, and
the archive of the files that prompts came from.

Rules:
- Only what `[keep]` of the plan names is written: below the checkout's top folder, or in the run's
  own folder. A link that leads out is refused, and so is all below `.git`.
- A file that is there is replaced only if it is one of ours, whole, and never half.
- They are looked at every few seconds and at the end of the run, and ever more rarely the longer
  it takes to write them: they never take more than a small part of the engine's time.
- The file of a prompt is moved to `archive/` beside it once its task has landed, and never over
  another file. What is not there any more is left.
- The engine never notices: a fault is a line in its log, told once.
"""

from __future__ import annotations

import asyncio
import os
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.control.redaction import known_secrets, redacted, redacted_json
from agentdeck.control.rewrite import replace_file, write_file
from agentdeck.core.errors import DeckError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import ARCHIVE, IN_RUN, Keep, Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.enginelog import log
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.private_files import write_private
from agentdeck.plans.reporting.attempts_csv import COLUMNS, attempts_csv
from agentdeck.plans.writeback.exports import OWN_JSON, OWN_PAGE, progress_md, tasks_json

EVERY_S: Final = 2.0  # between two looks: as soon as anybody reads it again
SHARE: Final = 50  # a look may take one part in so many of the time
HEAD_BYTES: Final = 600  # in which one of ours says so
_OWN: Final[dict[str, str]] = {
    "progress": OWN_PAGE,
    "tasks_json": OWN_JSON,
    "csv": ",".join(COLUMNS),
}


def briefs_in(text: str, plan_file: Path, checkout: Path) -> dict[str, str]:
    """The files that prompts of a plan come from, by task: paths below the checkout.

    Args:
        text: of the plan file.
        plan_file: its path.
        checkout: top folder.
    """
    top = Path(os.path.realpath(checkout))
    found = {}
    try:
        tasks = tomllib.loads(text).get("task", [])
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}  # it was imported, and has no such files
    for task in tasks:
        named = task.get("prompt_file")
        if isinstance(named, str) and isinstance(task.get("id"), str):
            real = Path(os.path.realpath(plan_file.parent / named))
            if real.is_relative_to(top) and ".git" not in real.relative_to(top).parts:
                found[task["id"]] = real.relative_to(top).as_posix()
    return found


def remember_briefs(folder: RunFolder, briefs: Mapping[str, str]) -> None:
    """For the engine of a run, which knows nothing of its plan's file."""
    write_private(folder.path / "briefs.json", msgspec.json.encode(briefs))


class FilesKeeper:
    """Keeps the files of one run current.

    Args:
        folder: of the run.
        checkout: top folder of the person's checkout.
        keep: what the plan wants.
    """

    def __init__(self, folder: RunFolder, checkout: Path, keep: Keep) -> None:
        self._folder, self._keep = folder, keep
        self._top = Path(os.path.realpath(checkout))
        self._written: dict[str, str] = {}
        self._archived: set[TaskId] = set()
        self._briefs = _briefs(folder) if keep.archive else {}
        self._told: dict[str, str] = {}
        self._ending = asyncio.Event()

    async def run(self, state: Callable[[], RunState]) -> None:
        """Look again and again, until `end`; then once more."""
        seen, wait = -1, EVERY_S
        while True:
            last = self._ending.is_set()
            now = state()
            if now.seq != seen or last:
                began, seen = time.monotonic(), now.seq
                texts = {name: self._text(name, now) for name in _OWN if getattr(self._keep, name)}
                landed = [t.id for t in now.tasks.values() if t.state is TaskState.LANDED]
                wait = max(EVERY_S, SHARE * (time.monotonic() - began))
                await asyncio.to_thread(self._look, now.plan, texts, landed)
            if last:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._ending.wait()

    def end(self) -> None:
        """Let `run` come to its end."""
        self._ending.set()

    def _text(self, name: str, state: RunState) -> str:
        if name == "progress":
            return f"{OWN_PAGE}\n\n{progress_md(state, state.at)}"
        return tasks_json(state) if name == "tasks_json" else attempts_csv(state, state.at)

    def _look(self, plan: Plan, texts: Mapping[str, str], landed: list[TaskId]) -> None:
        known = known_secrets(plan)
        for name, text in texts.items():
            if self._written.get(name) == text:
                continue
            hidden = redacted_json(text, known) if name == "tasks_json" else redacted(text, known)
            where = getattr(self._keep, name)
            if self._tried(where, partial(self._put, where, _OWN[name], hidden)):
                self._written[name] = text
        for task in landed:
            brief = self._briefs.get(task)
            if brief is not None and task not in self._archived:
                self._archived.add(task)
                self._tried(brief, partial(self._archive, brief))

    def _tried(self, where: str, do: Callable[[], None]) -> bool:
        try:
            do()
        except DeckError as error:
            fault = error.message.split("\n", maxsplit=1)[0]
        except OSError as error:
            fault = error.strerror or type(error).__name__
        else:
            self._told.pop(where, None)
            return True
        if self._told.get(where) != fault:
            log.warning("%s is not kept: %s", where, fault)
        self._told[where] = fault
        return False

    def _put(self, where: str, own: str, text: str) -> None:
        """Write a file, in the place of an older one of ours. Raises DeckError, OSError."""
        path = self._place(where)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        try:
            before = path.read_bytes()
        except FileNotFoundError:
            write_file(path, data)
            return
        if before and own not in before[:HEAD_BYTES].decode(errors="replace"):
            raise UsageError(f"{where} is there, and is none that agentdeck has written")
        if before != data:
            replace_file(path, before, data)

    def _place(self, where: str) -> Path:
        """Where a file is, without links. Raises UsageError."""
        if where.startswith(IN_RUN):
            return self._folder.path / where.removeprefix(IN_RUN)
        real = Path(os.path.realpath(self._top / where))
        if not real.is_relative_to(self._top) or ".git" in real.relative_to(self._top).parts:
            raise UsageError(f"{where} is not in the checkout {self._top}")
        return real

    def _archive(self, brief: str) -> None:
        """Move a file to the archive beside it. Raises DeckError, OSError."""
        path = self._place(brief)
        if not path.is_file():
            return
        folder = self._place((Path(brief).parent / ARCHIVE).as_posix())
        folder.mkdir(exist_ok=True)
        if (folder / path.name).exists():
            raise UsageError(f"{folder / path.name} is there already")
        path.rename(folder / path.name)


def _briefs(folder: RunFolder) -> dict[str, str]:
    try:
        return msgspec.json.decode((folder.path / "briefs.json").read_bytes(), type=dict[str, str])
    except (OSError, *UNREADABLE):
        return {}


def files_keeper_of(folder: RunFolder, state: RunState) -> FilesKeeper | None:
    """The keeper of a run's files, or None when its plan wants none."""
    keep = state.plan.keep
    if keep is None or not state.checkout:
        return None
    return FilesKeeper(folder, Path(state.checkout), keep)


__all__ = ["FilesKeeper", "briefs_in", "files_keeper_of", "remember_briefs"]
