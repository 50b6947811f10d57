"""Tool calls of ACP: announced, filled in and ended by messages that each tell a part.

Rules:
- A call counts when it can be told: some agents announce it empty, some never announce it and ask
  for the permission at once, some tell it again while it runs. It counts once, also across a
  restart: the marks of the latest calls are part of the memory.
- Files are known from diffs, and from the places of calls that edit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from agentdeck.agents.json_line import count_of, list_of, table_of, text_of
from agentdeck.agents.line_reader import mark_of
from agentdeck.agents.one_line import one_line
from agentdeck.agents.reports import ACTIVITY_CHARS, DETAIL_CHARS, MAX_PATHS, Report, ToolUsed
from agentdeck.agents.tool_inputs import (
    below,
    changed_lines,
    size_of_edit,
    target_of,
    touched,
)

MAX_CALLS: Final = 16  # remembered of the latest calls; agents run a handful at once
_EDITS: Final = frozenset(("edit", "delete", "move"))
_PENDING, _OPEN, _ENDED = "p", "o", "e"  # what a mark begins with: not counted yet, running, over


class Call(msgspec.Struct, frozen=True):
    """What is known of a call."""

    name: str
    target: str
    telling: bool  # the target is more than a title
    size: str  # of an edit
    paths: tuple[str, ...]  # that it edits


def call_of(update: dict[str, Any], root: str, known: Call | None = None) -> Call:
    """A call as one message tells it, with what earlier ones told."""
    kind = text_of(update, "kind")
    meta = table_of(table_of(update, "_meta"), "claudeCode")
    name = text_of(update, "name") or text_of(meta, "toolName") or kind
    diffs = [part for part in list_of(update, "content")[:MAX_PATHS] if _is_diff(part)]
    places = [text_of(place, "path") for place in list_of(update, "locations")[:MAX_PATHS]]
    paths = [text_of(part, "path") for part in diffs]
    if kind in _EDITS:
        paths += places
    about = (paths or places) if kind != "execute" else []
    given = table_of(update, "rawInput")
    told = target_of(given, root) or (below(about[0], root) if about else "")
    like = ("write" if "content" in given else "edit") if kind == "edit" else ""
    title = one_line(told or text_of(update, "title"), ACTIVITY_CHARS)
    known = known or Call("tool", "", telling=False, size="", paths=())
    return Call(
        one_line(name, ACTIVITY_CHARS) or known.name,
        known.target if (known.telling and not told) or not title else title,
        known.telling or bool(told),
        _size(diffs) or size_of_edit(like, given) or known.size,
        tuple(dict.fromkeys((*known.paths, *paths)))[:MAX_PATHS],
    )


class Calls:
    """The calls of an attempt."""

    def __init__(self, root: str, *, alone: bool) -> None:
        self.root = root
        self._alone = alone
        self._known: dict[str, Call] = {}

    def tell(
        self, update: dict[str, Any], marks: tuple[str, ...], *, asks: bool = False
    ) -> tuple[list[Report], tuple[str, ...], Call]:
        """What a message about a call says.

        Args:
            update: the message.
            marks: the latest calls, as the memory has them.
            asks: it is about the permission for the call.

        Returns:
            The reports, the latest calls after it, and the call.
        """
        name = text_of(update, "toolCallId")
        before = self._known.get(name)
        call = call_of(update, self.root, before)
        status = text_of(update, "status")
        ended = status in {"completed", "failed"}
        mark = mark_of(name)
        stands = next((other[0] for other in marks if other[1:] == mark), "")
        if self._alone:
            stands = _OPEN if asks or ended or _has_output(update) else _PENDING
        counted = stands in {_OPEN, _ENDED}
        due = not counted and (call.telling or asks or ended or status == "in_progress")
        reports: list[Report] = []
        if due:
            reports.append(ToolUsed(call.name, call.target, "running", call.size))
        fresh = [path for path in call.paths if before is None or path not in before.paths]
        if not self._alone or due:
            reports += touched(fresh, self.root)
        if ended and stands != _ENDED:
            bad = status == "failed" or _exit_code(update) != 0
            end = "failed" if bad else "ok"
            reports.append(ToolUsed(call.name, call.target, end, _outcome(update)))
        now = _ENDED if ended or stands == _ENDED else _OPEN if due or counted else _PENDING
        self._remember(name, call)
        others = tuple(other for other in marks if other[1:] != mark)
        return reports, (*others, now + mark)[-MAX_CALLS:], call

    def edits(self, path: str) -> bool:
        """Is a call known that edits this file?"""
        return any(path in call.paths for call in self._known.values())

    def _remember(self, name: str, call: Call) -> None:
        self._known.pop(name, None)
        while len(self._known) >= MAX_CALLS:
            del self._known[next(iter(self._known))]
        self._known[name] = call


def _is_diff(part: Any) -> bool:
    return text_of(part, "type") == "diff"


def _has_output(update: dict[str, Any]) -> bool:
    return any(text_of(part, "type") == "content" for part in list_of(update, "content"))


def _size(diffs: list[dict[str, Any]]) -> str:
    added = removed = 0
    for diff in diffs:
        plus, minus = changed_lines(text_of(diff, "oldText"), text_of(diff, "newText"))
        added, removed = added + plus, removed + minus
    return f"+{added} −{removed}" if diffs else ""


def _exit_code(update: dict[str, Any]) -> int:
    """Of a command that has ended; 0 where it is not told."""
    metadata = table_of(table_of(update, "rawOutput"), "metadata")
    terminal = table_of(table_of(update, "_meta"), "terminal_exit")
    return count_of(metadata, "exit") or count_of(terminal, "exit_code")


def _outcome(update: dict[str, Any]) -> str:
    """How a call ended, in a line."""
    for text in _texts(update):
        for line in text[: DETAIL_CHARS * 4].split("\n"):
            if line.strip() and not line.startswith("```"):
                return one_line(line, DETAIL_CHARS)
    return ""


def _texts(update: dict[str, Any]) -> Iterator[str]:
    raw = table_of(update, "rawOutput")
    yield text_of(raw, "error")
    yield text_of(update, "rawOutput") or text_of(raw, "output")
    for part in list_of(update, "content")[:MAX_PATHS]:
        yield text_of(table_of(part, "content"), "text")
    yield text_of(table_of(table_of(update, "_meta"), "terminal_output_delta"), "data")
