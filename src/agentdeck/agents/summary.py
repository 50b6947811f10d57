"""What is remembered of an attempt's reports: the totals that the journal keeps.

Rules:
- Given back to a reader together with its offset, the totals go on as if it had never stopped.
- What a reader hears twice after a restart (the line of a result, totals) changes nothing.
- An estimate never lowers a number; totals that are no estimate replace it, upwards or downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import msgspec

from agentdeck.agents.one_line import CUT, one_line, plain_piece
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    MESSAGE_CHARS,
    Asked,
    Ended,
    Limited,
    Noise,
    Noted,
    PlanItem,
    Planned,
    Printed,
    Report,
    Said,
    Started,
    ToolUsed,
    Touched,
    Usage,
    Withdrawn,
)

MESSAGE_LINES = 8  # of plain output; the log has them all
MAX_TOUCHED = 100  # files of one attempt that are named; the diff has them all


class Summary(msgspec.Struct):
    """The totals of an attempt, as `AttemptProgressed` carries them."""

    session: str | None = None
    model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    usd: float = 0.0
    tools: int = 0
    activity: str = ""
    message: str = ""
    todo_done: int = 0  # of the agent's own list
    todo_total: int = 0
    todo: str = ""  # what it is at
    touched: tuple[str, ...] = ()  # files that it edits, in the order in which it began
    carry: str = ""  # the reader's own memory at its offset; means something to its format alone

    def take(self, report: Report) -> None:
        """Add what one report says."""
        if isinstance(report, Noise):  # most of some streams
            return
        match report:
            case Started(session, model):
                self.session, self.model = session or self.session, model or self.model
            case Said() | Noted() | Limited() | Printed():
                self.show(report)
            case ToolUsed(_, _, status):
                self.tools += status == "running"
                self.show(report)
            case Planned(items):
                self._plan(items)
            case Usage():
                self._count(report)
            case Touched(paths):
                new = dict.fromkeys((*self.touched, *paths))
                if len(new) > len(self.touched):
                    self.touched = tuple(new)[:MAX_TOUCHED]
            case Asked() | Withdrawn() | Ended():
                pass  # a question is told as one, as long as it is open; it is no activity
            case _ as never:
                assert_never(never)

    def show(self, report: Report) -> None:
        """Take over the words of a report, and no numbers: what it is at, what it said last."""
        match report:
            case Said(text, more):
                self._hear(text, more=more)
            case Printed(text):
                lines = [*self.message.split("\n"), text][-MESSAGE_LINES:]
                self.message = "\n".join(lines).strip()[-MESSAGE_CHARS:]
                self.activity = one_line(text, ACTIVITY_CHARS)
            case Noted(text) | Limited(_, text):
                self.activity = one_line(text, ACTIVITY_CHARS)
            case ToolUsed(name, target, "running"):
                self.activity = one_line(f"{name} {target}", ACTIVITY_CHARS)
            case _:
                pass

    def _hear(self, text: str, *, more: bool) -> None:
        if not more:
            self.message = plain_piece(text, MESSAGE_CHARS).lstrip()  # a piece may follow it
            self.activity = one_line(text, ACTIVITY_CHARS)
            return
        whole = self.message + text
        if len(whole) > MESSAGE_CHARS:  # of prose that comes in pieces the end is the news
            whole = CUT + whole[1 - MESSAGE_CHARS :]
        self.message = whole
        self.activity = one_line(whole.rstrip().rpartition("\n")[2], ACTIVITY_CHARS)

    def _plan(self, items: Sequence[PlanItem]) -> None:
        active = next((item.text for item in items if item.status == "active"), "")
        self.todo = one_line(active, ACTIVITY_CHARS)
        self.todo_done = sum(item.status == "done" for item in items)
        self.todo_total = len(items)
        self.activity = self.todo or self.activity

    def _count(self, usage: Usage) -> None:
        if not usage.estimate:
            self.tokens_in, self.tokens_out = usage.tokens_in, usage.tokens_out
            self.tokens_cached, self.usd = usage.tokens_cached, usage.usd
            return
        self.tokens_in = max(self.tokens_in, usage.tokens_in)
        self.tokens_out = max(self.tokens_out, usage.tokens_out)
        self.tokens_cached = max(self.tokens_cached, usage.tokens_cached)
        self.usd = max(self.usd, usage.usd)
