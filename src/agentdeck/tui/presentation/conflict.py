"""The conflict page: where a task's work does not merge, with the lines of both sides.

Rules: beside each other where there is room, else one below the other. Each side has its name and
its colour; what stands around them is dim. An ejected task is compared with the target as it is
now, so it may merge by now: then the page says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple

from agentdeck.core.events import FailureClass
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.lanes import of_task
from agentdeck.core.state import Clash, Entry, RunState, TaskState
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut_line, fit, plain, wrapped

if TYPE_CHECKING:  # git comes with it, and keys ask here whether there is a conflict
    from agentdeck.control.conflict import FileInConflict, Hunk, MergeConflict

BESIDE: Final = 100  # cells, from which on two sides have room beside each other
BAR: Final = " │ "
OURS: Final = "state-working"
THEIRS: Final = "accent"
NAMED: Final = 3  # tasks of the other side


class Sides(NamedTuple):
    """Two commits that do not merge, and whose they are."""

    tip: str
    head: str
    ours: str  # what is there: the target, or tasks ahead in the queue
    theirs: str  # the task whose work does not merge with it


def conflict_of(state: RunState, task_id: TaskId) -> Sides | None:
    """The conflict a task is in, as far as is known; the one in the queue before an older one."""
    state = of_task(state, task_id)
    entry = next((one for one in state.queue.values() if one.task == task_id), None)
    if entry is not None:
        for base, clash in entry.conflicts.items():
            return _in_queue(state, entry, base, clash)
        return None
    task = state.tasks[task_id]
    if task.state is TaskState.LANDED:
        return None
    for attempt in reversed(task.attempts):
        if attempt.cause is FailureClass.CONFLICT and attempt.collected is not None:
            return Sides(state.tip, attempt.collected.head, state.target, task_id)
    return None


def _in_queue(state: RunState, entry: Entry, base: str, clash: Clash) -> Sides:
    theirs = str(entry.task or entry.id)
    if clash.behind:
        ahead = state.queue.get(clash.behind[-1])
        build = ahead.build if ahead is not None else None
        tip = base
        if ahead is not None:
            tip = ahead.head
        if build is not None and ahead is not None and ahead.id in build.entries:
            place = build.entries.index(ahead.id)
            tip = build.merges[place] if place < len(build.merges) else build.commit
        return Sides(tip, entry.head, _named(state, clash.behind), theirs)
    under = next(
        (one.build for one in state.queue.values() if one.build and one.build.commit == base), None
    )
    ours = _named(state, under.entries) if under is not None else state.target
    return Sides(base, entry.head, ours, theirs)


def _named(state: RunState, entries: tuple[EntryId, ...]) -> str:
    names = [str(state.queue[name].task or name) for name in entries if name in state.queue]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def waiting_lines(sides: Sides, width: int) -> list[Line]:
    """Until git has answered."""
    return [_head(sides, width), EMPTY, (Span("git merges them on trial …", "muted"),)]


def fault_lines(why: str, width: int) -> list[Line]:
    """When it cannot."""
    return [(Span("The conflict cannot be shown", "state-failed bold"),), *wrapped(why, width)]


def conflict_lines(sides: Sides, found: MergeConflict, width: int) -> list[Line]:
    """The whole page."""
    lines = [_head(sides, width)]
    if not found.files:
        return [*lines, EMPTY, (Span("They merge by now: nothing is in conflict.", "muted"),)]
    for file in found.files:
        lines += [EMPTY, *_file(sides, file, width)]
    if found.left_out:
        lines += [EMPTY, (Span(f"and {found.left_out} more files", "muted"),)]
    return lines


def _head(sides: Sides, width: int) -> Line:
    return cut_line(
        (
            Span(plain(sides.theirs), f"{THEIRS} bold"),
            Span(" does not merge with ", "muted"),
            Span(plain(sides.ours), f"{OURS} bold"),
            Span(f"   {sides.head[:10]} into {sides.tip[:10]}", "faint"),
        ),
        width,
    )


def _file(sides: Sides, file: FileInConflict, width: int) -> Iterator[Line]:
    count = len(file.hunks)
    note = file.note or f"{count} place{'s' if count != 1 else ''}"
    yield cut_line((Span(plain(file.path), "bold"), Span(f"  {note}", "muted")), width)
    for hunk in file.hunks:
        yield cut_line((Span(f"line {hunk.line}", "faint"),), width)
        yield from (_context(text, width) for text in hunk.before)
        yield from _beside(sides, hunk, width) if width >= BESIDE else _below(sides, hunk, width)
        yield from (_context(text, width) for text in hunk.after)
        if hunk.left_out:
            yield (Span(f"  … {hunk.left_out} more lines of both sides", "muted"),)


def _context(text: str, width: int) -> Line:
    return cut_line((Span("  " + code(text), "muted"),), width)


def _below(sides: Sides, hunk: Hunk, width: int) -> Iterator[Line]:
    for name, role, side in (
        (sides.ours, OURS, hunk.ours),
        (sides.theirs, THEIRS, hunk.theirs),
    ):
        yield cut_line((Span("┌ ", role), Span(plain(name), f"{role} bold")), width)
        for text in side or ("(nothing)",):
            shown = "" if side else "faint"
            yield cut_line((Span("│ ", role), Span(code(text), shown)), width)


def _beside(sides: Sides, hunk: Hunk, width: int) -> Iterator[Line]:
    room = (width - len(BAR)) // 2
    yield (
        Span(fit(f"┌ {plain(sides.ours)}", room), f"{OURS} bold"),
        Span(BAR, "faint"),
        Span(fit(f"┌ {plain(sides.theirs)}", room), f"{THEIRS} bold"),
    )
    ours, theirs = hunk.ours or ("(nothing)",), hunk.theirs or ("(nothing)",)
    for left, right in zip_longest(ours, theirs):
        yield (
            *_cell(left, room, OURS, there=bool(hunk.ours)),
            Span(BAR, "faint"),
            *_cell(right, room, THEIRS, there=bool(hunk.theirs)),
        )


def _cell(text: str | None, room: int, role: str, *, there: bool) -> Line:
    if text is None:
        return (Span(" " * room),)
    return (Span("│ ", role), Span(fit(code(text), room - 2), "" if there else "faint"))


def code(text: str) -> str:
    """A line of a file: its indentation stays."""
    flat = text.replace("\t", "    ")
    lead = len(flat) - len(flat.lstrip(" "))
    return " " * lead + plain(flat)


__all__ = ["Sides", "conflict_lines", "conflict_of", "fault_lines", "waiting_lines"]
