"""What an agent asks, as lines and choices: the words, the whole of what it wants to do, the keys.

Rules:
- A person sees all that they decide about: nothing is cleaned away or shortened. What cannot be
  seen is written as in source code. A command begins with `$` and each further line of it with
  `>`, as in a shell; a row that only goes on begins with `·`.
- A change is shown as one: lines that go, lines that come, and those around them.
- Every choice is a command; one that the engine would refuse carries the engine's reason.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from rich.cells import cell_len

from agentdeck.control.sanitize import revealed
from agentdeck.core import commands as c
from agentdeck.core.asks import next_deadline
from agentdeck.core.decide import refusal
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import (
    ALLOW,
    CUT,
    DENY,
    Decision,
    OptionKind,
    PermissionRule,
    Scope,
    rule_for,
    words_of,
)
from agentdeck.core.plan import Unattended
from agentdeck.core.state import Attempt, Question, RunState
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.tui.presentation.agents import who
from agentdeck.tui.presentation.figures import duration
from agentdeck.tui.presentation.line import Line, Span, cut_line, plain, wrapped
from agentdeck.tui.presentation.titles import title_of

MAX_ROWS: Final = 20_000  # of one request; 64 KiB of payload in short lines stay below
MAX_COMPARED: Final = 2_000  # lines of both sides; comparing more could take a second
AROUND: Final = 3  # unchanged lines shown around a change
DIGITS: Final = 9  # of an agent's own answers; the rest is chosen from the list

_PATHS: Final = ("file_path", "notebook_path", "filePath", "filepath", "absolute_path", "path")
_BEFORE: Final = ("old_string", "oldString", "oldText")
_AFTER: Final = ("new_string", "newString", "newText")
_COMMANDS: Final = ("command", "cmd")
_REACH: Final = (
    ("a", Scope.TASK, "Allow it, and each time it is asked for in this task"),
    ("r", Scope.RUN, "Allow it, and each time it is asked for in this run"),
    ("p", Scope.PLAN, "Allow it, in this run and in later ones of this plan"),
)
_KINDS: Final = {
    OptionKind.ALLOW_ONCE: "yes",
    OptionKind.ALLOW_ALWAYS: "yes, its agent remembers",
    OptionKind.REJECT_ONCE: "no",
    OptionKind.REJECT_ALWAYS: "no, its agent remembers",
}


class Choice(NamedTuple):
    """One answer to a permission."""

    key: str  # "" = only from the list
    text: str
    command: c.Answer
    why_not: str | None = None  # it would be refused


def open_ask(state: RunState, task: TaskId, passed: frozenset[str], now: float) -> Question | None:
    """The oldest open question of a task but those in `passed`, and those that a rule answers."""
    found = state.tasks.get(task)
    attempt = found.attempt if found is not None else None
    for question in attempt.questions if attempt is not None else ():
        if question.id not in passed and rule_for(_rules(state), task, question, now) is None:
            return question
    return None


def why_gone(state: RunState, task: TaskId, attempt: int, question: str) -> str | None:
    """What became of a question that was open; None = it still is."""
    found = state.tasks.get(task)
    if found is None or not 0 < attempt <= len(found.attempts):
        return f"{task} is not in the plan any more."
    asked = found.attempts[attempt - 1]
    if any(each.id == question for each in asked.questions):
        return None
    for message in reversed(asked.messages):
        if message.answers is not None and message.answers.id == question:
            by = f"rule {message.rule}" if message.rule else plain(message.by)
            return f"{task} was answered by {by} meanwhile."
    if not asked.live:
        return f"The agent of {task} has ended: it needs no answer any more."
    return f"{task} has taken its question back."


def ask_head(
    state: RunState, task: TaskId, attempt: Attempt, question: Question, width: int
) -> list[Line]:
    """Who asks; and with which tool, on what."""
    title = title_of(state.spec(task))
    by: Line = (
        Span(task, "bold"),
        Span(f" {title}" if title else ""),
        Span(f"  #{attempt.number} · {who(attempt)}", "muted"),
    )
    if not question.tool:
        return [cut_line(by, width)]
    what: Line = (
        Span("wants to use ", "muted"),
        Span(plain(question.tool), "state-asks bold"),
        Span(f"  {plain(question.target)}"),
    )
    return [cut_line(by, width), cut_line(what, width)]


def request_lines(question: Question, width: int) -> list[Line]:
    """All that is known of what the agent wants to do."""
    if question.files:  # its words name them, who has them now, and why they are wanted
        return [*wrapped(question.text, width)][:MAX_ROWS]
    rows = list(_request(question, width))
    if len(rows) > MAX_ROWS:
        return [*rows[:MAX_ROWS], (Span("… more is not shown: deny it, or read the log", "alert"),)]
    return rows


def rule_lines(
    state: RunState, task: TaskId, question: Question, pattern: str | None, now: float, width: int
) -> list[Line]:
    """Which rule decides it, what happens if nobody does, and what a remembered yes would mean."""
    found = rule_for(_rules(state), task, question, now)
    if found is not None:
        first = f"Rule {found.id} of {plain(found.by)} decides it: {found.decision}."
    else:
        count = len(state.rules)
        first = f"No rule decides it ({count} set)." if count else "No rule decides it."
    deadline = next_deadline(state, state.tasks[task])
    if deadline is not None:
        stops = state.plan.defaults.unattended is Unattended.STOP
        first += f" Nobody answers: {'stopped' if stops else 'denied'} in "
        first += f"{duration(deadline - now)}."
    lead, tail = "a r p remember: ", "  (e changes it)"
    meant = words_of(question).text if pattern is None else pattern
    on = plain(meant) if meant.isprintable() else ""
    room = width - cell_len(f"{lead}{plain(question.tool)} on {tail}")
    if not on or cell_len(on) > room:
        on = "exactly this" if pattern is None else "your pattern"
    shown = f"{plain(question.tool)} on {on}"
    remembered = (Span(lead, "muted"), Span(shown), Span(tail, "muted"))
    return [(Span(first, "muted"),), cut_line(remembered, width)]


def choices(
    state: RunState, task: TaskId, question: Question, pattern: str | None, by: str
) -> list[Choice]:
    """Every answer to a permission, with its key."""
    yes = c.Answer(task, ALLOW, question=question.id, by=by)
    found = [Choice("y", "Allow it once", yes)]
    for key, scope, text in _REACH:
        found.append(
            Choice(key, text, msgspec.structs.replace(yes, remember=scope, target=pattern))
        )
    no = msgspec.structs.replace(yes, option=DENY)
    found.append(Choice("n", "Deny it, with a reason if you like", no))
    own = [o for o in question.options if o.id not in (ALLOW, DENY) and o.kind in _KINDS]
    for number, option in enumerate(own, 1):
        text = f"{plain(option.label)}  ({_KINDS[option.kind]})"  # in the agent's own words
        answer = msgspec.structs.replace(yes, option=option.id)
        found.append(Choice(str(number) if number <= DIGITS else "", text, answer))
    return [each._replace(why_not=refusal(state, each.command)) for each in found]


def fits_pattern(task: TaskId, question: Question, pattern: str, now: float) -> bool:
    """Would an allow of this pattern answer the question?"""
    rule = PermissionRule("", Scope.RUN, Decision.ALLOW, target=pattern)
    return rule_for((rule,), task, question, now) is not None


def exact(text: str, width: int, sign: str = "", role: str = "") -> Iterator[Line]:
    """A text with every character of it, broken at the edge alone. O(characters)."""
    room = max(8, width - len(sign))
    for line in text.split("\n"):
        spans, used, lead = list[Span](), 0, sign
        for piece, stands_in in revealed(line):
            how = "state-asks bold" if stands_in else role
            start = used_here = 0
            for at, character in enumerate(piece):
                size = cell_len(character)
                if used + used_here + size > room:
                    yield (Span(lead, role), *spans, Span(piece[start:at], how))
                    spans, used, used_here, start = [], 0, 0, at
                    lead = "·" + sign[1:] if sign else ""
                used_here += size
            spans.append(Span(piece[start:], how))
            used += used_here
        yield (Span(lead, role), *spans)


def _rules(state: RunState) -> list[PermissionRule]:
    return list(state.rules.values())


def _request(question: Question, width: int) -> Iterator[Line]:
    given = _given(question)
    if not given:
        yield from exact(question.target or question.text, width, "  ")
        if question.target.endswith(CUT):
            yield (Span("The agent did not send all of it; its log (l) may say more.", "alert"),)
        return
    rest = dict(given)
    for key in _COMMANDS:
        if isinstance(rest.get(key), str):
            first, *more = rest.pop(key).split("\n")
            yield from exact(first, width, "$ ")
            for line in more:
                yield from exact(line, width, "> ")
    for key in _PATHS:
        if isinstance(rest.get(key), str):
            yield from exact(rest.pop(key), width, "  ", "bold")
    yield from _changes(rest, width)
    if isinstance(rest.get("content"), str):
        for line in _lines(rest.pop("content")):
            yield from exact(line, width, "+ ", "state-landed")
    for key, value in rest.items():
        yield from _named(key, value, width)


def _changes(rest: dict[str, Any], width: int) -> Iterator[Line]:
    """The edits among a tool's input, which are taken out of it."""
    edits = rest.get("edits")
    if isinstance(edits, list) and all(isinstance(edit, dict) for edit in edits):
        del rest["edits"]
        for number, edit in enumerate(edits, 1):
            yield (Span(f"edit {number} of {len(edits)}", "muted"),)
            inner = dict(edit)
            yield from _changes(inner, width)
            for key, value in inner.items():
                yield from _named(key, value, width)
    before = next((key for key in _BEFORE if isinstance(rest.get(key), str)), None)
    after = next((key for key in _AFTER if isinstance(rest.get(key), str)), None)
    if before is not None and after is not None:
        yield from _difference(rest.pop(before), rest.pop(after), width)


def _difference(before: str, after: str, width: int) -> Iterator[Line]:
    old, new = _lines(before), _lines(after)
    if len(old) + len(new) > MAX_COMPARED:
        rows = [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    else:
        rows = list(difflib.unified_diff(old, new, n=AROUND, lineterm=""))[2:]
    roles = {"-": "state-failed", "+": "state-landed", "@": "accent"}
    for row in rows:
        role = roles.get(row[:1], "muted")
        if row.startswith("@"):
            if row is not rows[0]:
                yield (Span("  …", role),)
        else:
            yield from exact(row[1:], width, row[:1] + " ", role)


def _lines(text: str) -> list[str]:
    """The lines of a file; only a line feed ends one."""
    return text.removesuffix("\n").split("\n")


def _named(key: str, value: object, width: int) -> Iterator[Line]:
    """One value of a tool's input under its name."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if "\n" in text:
        yield (Span(f"{plain(key)}:", "muted"),)
        yield from exact(text, width, "  ")
    else:
        yield from exact(f"{key}: {text}", width, "  ", "muted")


def _given(question: Question) -> dict[str, Any]:
    """The input of the tool that is asked for, as far as the agent has sent it."""
    try:
        found = msgspec.json.decode(question.payload) if question.payload else None
    except UNREADABLE:
        return {}
    given = found.get("input") if isinstance(found, dict) else None
    return given if isinstance(given, dict) else {}
