"""The log of one attempt on stdout, as it is or as it grows."""

from __future__ import annotations

import sys
import time
from enum import Enum
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.agents.passages import Passages
from agentdeck.cli.output import in_terminal, print_error, safe, say
from agentdeck.control.logtail import open_log
from agentdeck.control.repo import attempt_of
from agentdeck.control.runs import RunFolder, fold_run, fold_sound
from agentdeck.control.sanitize import clean
from agentdeck.control.shown_logs import shown
from agentdeck.core.errors import EXIT_OK, NotFoundError
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.review import latest
from agentdeck.core.state import Attempt, RunState
from agentdeck.core.unseen import in_json

CHUNK: Final = 256 * 1024  # bytes read at once
MAX_LINE: Final = 64 * 1024  # bytes kept of a line that does not end
POLL_S: Final = 0.1  # between two looks at the file
LOOK_S: Final = 1.0  # between two looks at the journal: has the attempt ended?


class Form(Enum):
    """How a log is printed."""

    TEXT = "text"  # lines that no terminal obeys
    RAW = "raw"  # bytes as the agent wrote them; on a terminal nothing that it would obey
    JSON = "json"  # one object a line: kind, text, detail, time


def print_log(
    folder: RunFolder,
    task: TaskId,
    attempt: int | None,
    *,
    follow: bool,
    form: Form,
    review: bool = False,
) -> int:
    """Print the log of an attempt; the exit status.

    Args:
        follow: go on until the attempt has ended.
        form: for a person, or for a program.
        review: the log of the latest review of its work, in place of its own.

    Raises:
        NotFoundError: no such task, attempt or log.
    """
    state, fault = fold_sound(folder)
    if fault is not None:
        print_error(fault.message, fault.hint)
    found = attempt_of(state, task, attempt)
    if review:
        return _print_review(folder, state, task, found, form)
    log = folder.attempt(task, found.number) / "raw.log"
    if not log.is_file() and not follow:
        raise NotFoundError(f"{task}#{found.number} has written no log", hint=f"looked for {log}")
    stream_format = state.plan.agent_by_name[found.agent].stream
    printer = _Printer(stream_format, form, found.path or "")
    at = printer.drain(log, 0)
    looked_at = time.monotonic()
    ended = found.exited_at is not None
    while follow and not ended:
        time.sleep(POLL_S)
        if time.monotonic() - looked_at >= LOOK_S:
            looked_at = time.monotonic()
            ended = not _goes_on(folder, task, found.number)
        at = printer.drain(log, at)
    printer.finish()
    return EXIT_OK if fault is None else fault.exit_code


def _print_review(
    folder: RunFolder, state: RunState, task: TaskId, attempt: Attempt, form: Form
) -> int:
    found = latest(attempt)
    if found is None:
        raise NotFoundError(f"no agent has reviewed {task}#{attempt.number}")
    stream_format = state.plan.agent_by_name[AgentName(found.by)].stream
    printer = _Printer(stream_format, form, "")
    printer.drain(folder.review(task, attempt.number, found.run) / "raw.log", 0)
    printer.finish()
    return EXIT_OK


def _goes_on(folder: RunFolder, task: TaskId, number: int) -> bool:
    state = fold_run(folder)
    attempt = attempt_of(state, task, number)
    later = state.tasks[task].attempt
    return attempt.exited_at is None and later is not None and later.number == number


class _Printer:
    def __init__(self, stream_format: str, form: Form, root: str) -> None:
        """`root` is the agent's folder."""
        self._format, self._form, self._root = stream_format, form, root
        self._rest = b""
        self._passages = Passages(stream_format, root)
        self._passage: list[bytes] = []  # prose may go on in the next line

    def drain(self, log: Path, at: int) -> int:
        """Print what `log` has behind byte `at`; where it ends now."""
        try:
            file = open_log(log)
        except FileNotFoundError:
            return at
        grew = False
        with file:
            file.seek(at)
            while chunk := file.read(CHUNK):
                at += len(chunk)
                self._take(chunk)
                grew = True
        if not grew:  # who follows is shown what there is; what still comes begins a line
            self._show()
        sys.stdout.flush()
        return at

    def finish(self) -> None:
        """Print a last line that does not end."""
        if self._rest:
            self._line(self._rest)
            self._rest = b""
        self._show()

    def _take(self, chunk: bytes) -> None:
        if self._form is Form.RAW and not in_terminal():
            sys.stdout.flush()
            sys.stdout.buffer.write(chunk)
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._rest) > MAX_LINE:
            self._line(self._rest)
            self._rest = b""

    def _line(self, line: bytes) -> None:
        if self._form is Form.RAW:
            say(clean(line))
            return
        if self._form is Form.JSON:
            for part in shown(self._format, [line], root=self._root):
                say(in_json(msgspec.json.encode(msgspec.structs.asdict(part)).decode()))
            return
        if not self._passages.goes_on(line):
            self._show()
        self._passage.append(line)

    def _show(self) -> None:
        """Print the passage so far."""
        if not self._passage:
            return
        lines, self._passage = self._passage, []
        for part in shown(self._format, lines, root=self._root):
            clock = time.strftime("%H:%M:%S", time.localtime(part.time)) if part.time else " " * 8
            words = [safe(row) for row in part.text.split("\n")] or [""]
            detail = f"  {safe(part.detail)}" if part.detail else ""
            say(f"{clock}  {words[0]}{detail}".rstrip())
            for more in words[1:]:
                say(f"{'':8}  {more}".rstrip())


__all__ = ["Form", "print_log"]
