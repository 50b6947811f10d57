"""What the brief editor says: whether a task can be edited, what is wrong, and what would change.

Rules: pure. Why a task cannot be edited comes with what can be done instead. A prompt is compared
line by line, and shows only the lines that change; other fields show before and after.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agentdeck.core import commands as c
from agentdeck.core.decide import refusal
from agentdeck.core.ids import TaskId
from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, RunState, TaskState
from agentdeck.tui.presentation.diff_words import Ranges, changed_words, pairs
from agentdeck.tui.presentation.line import Line, Span, cut, plain, wrapped

LABEL_CELLS: Final = 10
COMPARED_LINES: Final = 2_000  # of a prompt; a longer one is counted, not compared
MAX_SHOWN: Final = 200  # lines of a prompt's change


def why_not_edited(state: RunState, task: TaskId) -> str | None:
    """Why the brief of a task cannot be edited, and what can be done; None = it can.

    Keys stand in it by their ids, as `{task.stop}`.
    """
    if state.outcome is not None:
        return f"the run has ended ({state.outcome}): nobody would read it"
    if state.ending:
        return "the run is ending"
    run = state.tasks[task]
    if run.state is TaskState.LANDED:
        undo = refusal(state, c.Revert(task)) is None
        way = "{task.revert} takes it back" if undo else "a new task can follow it"
        return f"{task} has landed: {way}"
    if run.state not in HOLDS_FOOTPRINT:
        return None
    if run.state is TaskState.TAKEN:
        return f"{task} is in the hands of {plain(run.taken_by)}: its brief is theirs now"
    if run.state in HOLDS_SLOT:
        ways = "{task.steer} steers it, {task.stop} stops it"
        return f"{task} is {run.state}: its agent has its brief; {ways}"
    if refusal(state, c.Retry(task)) is None:
        way = "{task.retry_feedback} sends it back with what to do better"
        return f"{task} is {run.state}: its work is there; {way}"
    return f"{task} is {run.state}: its work is there, and is judged by the brief it had"


def note_of(state: RunState, task: TaskId) -> str:
    """What there is to know before one edits; empty where the task waits for its first agent.

    Keys stand in it by their ids.
    """
    run = state.tasks[task]
    match run.state:
        case TaskState.FAILED | TaskState.CANCELLED:
            ways = "{task.retry} tries it again so, {task.retry_feedback} adds feedback"
            return f"It is {run.state}: {ways}."
        case TaskState.RETRYING:
            return "It is tried again by itself, with the brief that it has then."
        case TaskState.SKIPPED | TaskState.DEFERRED:
            return f"It is {run.state}: nobody reads it unless that changes."
        case _:
            return ""


def preview_lines(
    before: Mapping[str, str],
    after: Mapping[str, str],
    faults: Mapping[str, str],
    width: int,
    *,
    note: str = "",
) -> list[Line]:
    """What is wrong, then each field that changes, before and after.

    Args:
        before, after: texts by field.
        faults: sentences by field; "" = of all of it.
        note: said when there is nothing else.
    """
    from agentdeck.plans.editing.brief import FIELDS  # keys ask here, and edit nothing

    lines: list[Line] = []
    for name, sentence in faults.items():
        about = f"{name}: " if name else ""
        lines += wrapped(f"✖ {about}{plain(sentence)}", width, "state-failed")
    edited = [name for name in FIELDS if before[name] != after[name]]
    for name in edited:
        if name == "prompt":
            lines += _prompt(before[name], after[name], width)
        else:
            lines += _field(name, before[name], after[name], width)
    if not lines:
        words = note or "Nothing is changed yet: what changes is shown here, before and after."
        return list(wrapped(words, width, "muted"))
    return lines


def _field(name: str, before: str, after: str, width: int) -> Iterator[Line]:
    room = width - LABEL_CELLS - 3
    found = changed_words(before, after) if before and after else None
    gone, come = found or ((), ())
    unsaid = Span("as the plan has it", "muted")
    label = Span(name.ljust(LABEL_CELLS), "muted")
    if len(before or unsaid.text) + len(after or unsaid.text) + 3 <= room:
        old = _marked(before, gone, "state-failed", "removed-word") if before else [unsaid]
        new = _marked(after, come, "state-landed", "added-word") if after else [unsaid]
        yield (label, *old, Span(" → ", "faint"), *new)
        return
    blank = Span(" " * LABEL_CELLS)
    for lead, sign, text, role in (
        (label, "− ", before, "state-failed"),
        (blank, "+ ", after, "state-landed"),
    ):
        rows = list(wrapped(plain(text), room, role)) if text.strip() else [(unsaid,)]
        yield (lead, Span(sign, role), *rows[0])
        yield from ((blank, Span("  "), *row) for row in rows[1:])


def _prompt(before: str, after: str, width: int) -> Iterator[Line]:
    old, new = before.split("\n"), after.split("\n")
    yield (Span("prompt".ljust(LABEL_CELLS), "muted"), Span(_size(old), "faint"),
           Span(" → ", "faint"), Span(_size(new), "faint"))  # fmt: skip
    if max(len(old), len(new)) > COMPARED_LINES:
        yield (Span("  It is too long to be compared line by line.", "muted"),)
        return
    shown = 0
    for kind, a, b, x, y in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        if shown:
            yield (Span("  ⋯", "faint"),)
        for line in _block(old[a:b], new[x:y], width):
            if shown >= MAX_SHOWN:
                yield (Span("  and more", "faint"),)
                return
            shown += 1
            yield line


def _size(lines: Sequence[str]) -> str:
    if lines == [""]:
        return "no prompt"
    return f"{len(lines)} line" + ("s" if len(lines) != 1 else "")


def _block(old: Sequence[str], new: Sequence[str], width: int) -> Iterator[Line]:
    words: list[tuple[Ranges, Ranges]] = []
    mates_old: dict[int, int] = {}
    mates_new: dict[int, int] = {}
    shown_old = [_shown(line, width) for line in old]
    shown_new = [_shown(line, width) for line in new]
    for a, b in pairs(shown_old, shown_new):
        found = changed_words(shown_old[a], shown_new[b])
        if found is not None:
            mates_old[a] = mates_new[b] = len(words)
            words.append(found)
    for number, text in enumerate(shown_old):
        gone = words[mates_old[number]][0] if number in mates_old else ()
        yield (Span("− ", "state-failed"), *_marked(text, gone, "state-failed", "removed-word"))
    for number, text in enumerate(shown_new):
        come = words[mates_new[number]][1] if number in mates_new else ()
        yield (Span("+ ", "state-landed"), *_marked(text, come, "state-landed", "added-word"))


def _shown(line: str, width: int) -> str:
    return cut(plain(line), width - 2)


def _marked(text: str, ranges: Ranges, role: str, word: str) -> Iterator[Span]:
    at = 0
    for start, end in ranges:
        if start > at:
            yield Span(text[at:start], role)
        yield Span(text[start:end], f"{role} {word} bold")
        at = end
    if text[at:]:
        yield Span(text[at:], role)


def editable(text: str) -> tuple[str, int]:
    """A text that an editor on a terminal may hold, and how many characters it lacks."""
    kept = "".join(char for char in text if char.isprintable() or char in "\n\t")
    return kept, len(text) - len(kept)
