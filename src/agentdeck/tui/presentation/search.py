"""What was found, as rows: the best first, those of past runs below headings of their own.

Rules: a row is one hit: where, and the words around it with those marked that were looked for. Ids
are never cut; the snippet is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentdeck.control.search.finder import Hit
from agentdeck.control.search.indexer import Progress
from agentdeck.control.search.wanted import Kind
from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_seconds, plural
from agentdeck.tui.presentation.line import (
    EMPTY,
    Line,
    Span,
    cells,
    cut_line,
    plain,
    spread,
    wrapped,
)
from agentdeck.tui.presentation.titles import title_of

KINDS: Final = {
    Kind.TASKS: "task",
    Kind.BRIEFS: "brief",
    Kind.LOGS: "log",
    Kind.DIFFS: "diff",
    Kind.EVENTS: "event",
}
KIND_CELLS: Final = 6
PLACE_CELLS: Final = 40  # of a file's name with its line; the rest of a row is the snippet
HELP: Final = (
    ("words", "all of them must be there"),
    ('"a phrase"', "together, in this order"),
    ("migr*", "what begins so; the last word always"),
    ("-docs", "without that"),
    ("in:logs,diffs", "tasks, briefs, logs, diffs, events"),
    ("task:S-1", "of this task, every hit"),
)


class SearchView:
    """The rows of one answer."""

    def __init__(self, deck: Deck, hits: Sequence[Hit], run: str) -> None:
        """`run` is the id of the run that is looked at."""
        self._deck, self._run = deck, run
        self._hits: dict[str, Hit] = {}
        self.keys: list[str] = []
        last = run
        for hit in hits:
            if hit.run != last:
                self.keys.append(f"+{hit.run} {len(self.keys)}")
                last = hit.run
            key = f"{hit.run} {hit.kind} {hit.task} {hit.attempt} {hit.place} {hit.file}"
            if key not in self._hits:
                self._hits[key] = hit
                self.keys.append(key)
        self.headings = frozenset(key for key in self.keys if key.startswith("+"))
        named = [cells((Span(self._name(hit)),)) for hit in self._hits.values()]
        self._column = max(named, default=0)

    def hit(self, key: str | None) -> Hit | None:
        """What a row stands for."""
        return self._hits.get(key or "")

    def _name(self, hit: Hit) -> str:
        return f"{hit.task}#{hit.attempt}" if hit.attempt else hit.task or "the run"

    def row(self, key: str, width: int) -> Line:
        """One row in at most `width` cells."""
        hit = self._hits.get(key)
        if hit is None:
            name = key.removeprefix("+").split(" ")[0]
            return cut_line((Span(" past run ", "muted"), Span(plain(name), "accent bold")), width)
        name = self._name(hit)
        left: Line = (
            Span(f" {KINDS[hit.kind]:<{KIND_CELLS}}", "faint"),
            Span(name + " " * (self._column - len(name) + 2), "bold"),
        )
        where = self._where(hit)
        if where:
            left = (*left, Span(where + "  ", "muted"))
        more: Line = (Span(f"+{hit.more} more", "faint"),) if hit.more else EMPTY
        return spread((*left, *snippet_of(hit)), more, width, gap=2)

    def _where(self, hit: Hit) -> str:
        if hit.file:
            name = plain(hit.file)
            short = name if len(name) <= PLACE_CELLS else "…" + name[1 - PLACE_CELLS :]
            return f"{short}:{hit.line}" if hit.line else short
        return clock_seconds(hit.at, utc=self._deck.frozen) if hit.at else ""

    def detail(self, key: str | None, width: int) -> list[Line]:
        """The chosen hit with more room: whose it is, and all of its snippet."""
        hit = self.hit(key)
        if hit is None:
            return []
        title = ""
        known = self._deck.state.plan.by_id
        task = known.get(TaskId(hit.task)) if hit.run == self._run else None
        if task is not None:
            title = f"  {title_of(task)}"
        where = self._where(hit)
        head: Line = (
            Span(KINDS[hit.kind], "accent bold"),
            Span(f"  {self._name(hit)}", "bold"),
            Span(title, "muted"),
            Span(f"  {where}" if where else "", "muted"),
        )
        text = "".join(piece.text for piece in hit.snippet)
        words = tuple({piece.text.casefold() for piece in hit.snippet if piece.hit})
        return [cut_line(head, width), *(_marked(line, words) for line in wrapped(text, width))]


def snippet_of(hit: Hit) -> Line:
    """The words around a hit; those that were looked for are marked."""
    return tuple(Span(piece.text, "hit" if piece.hit else "") for piece in hit.snippet)


def found_words(view: SearchView | None, typed: str) -> Line:
    """At the right of the frame: how many hits there are."""
    if view is None or not typed.strip():
        return EMPTY
    count = len(view.keys) - len(view.headings)
    return (Span(plural(count, "hit") if count else "nothing", "muted"),)


def progress_line(step: Progress | None) -> Line:
    """What of the index is read; empty once all is."""
    if step is None:
        return (Span("reading the run", "muted"),)
    if step.fault:
        return (Span(plain(step.fault), "state-failed"),)
    if step.ready:
        return EMPTY
    if step.waits:
        return (Span("another deck reads; what it has is searched", "muted"),)
    return (Span(f"{step.words} read", "state-working"),)


def empty_words(match: str, step: Progress | None) -> str:
    """What stands where there are no rows; `match` is empty while no word is typed."""
    if not match:
        return "What has these words will stand here, while you type: logs, diffs, briefs, events."
    if step is None or not step.ready:
        return "Nothing has that yet; the rest is being read."
    return "Nothing has that. A * behind the beginning of a word finds every word that begins so."


def help_lines(width: int) -> list[Line]:
    """What can be typed."""
    size = max(len(what) for what, _ in HELP) + 2
    return [
        cut_line((Span(what.ljust(size), "key"), Span(about, "muted")), width)
        for what, about in HELP
    ]


def around_lines(parts: Sequence[tuple[bool, str]], words: Sequence[str], width: int) -> list[Line]:
    """A page around a hit; the hit itself is in full colour and its words are marked."""
    lines: list[Line] = []
    for is_hit, text in parts:
        for row in text.split("\n"):
            drawn = wrapped(row, width, "" if is_hit else "muted")
            lines += [_marked(line, words) for line in drawn] if is_hit else list(drawn)
    return lines or [(Span("It is no more in the index: search again.", "muted"),)]


def _marked(line: Line, words: Sequence[str]) -> Line:
    """A line with the words marked that were looked for."""
    pattern = "|".join(re.escape(word) for word in words)
    if not pattern:
        return line
    found: list[Span] = []
    for span in line:
        for part in re.split(f"({pattern})", span.text, flags=re.IGNORECASE):
            if part:
                is_word = part.casefold() in words
                found.append(Span(part, "hit" if is_word else span.role))
    return tuple(found)
