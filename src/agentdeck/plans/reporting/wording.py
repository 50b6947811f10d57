"""How the report says figures and times, the same in every form.

Rules: times are UTC, because a page is read elsewhere; what is not known is `–`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from agentdeck.core.words import short_duration
from agentdeck.plans.reporting.card import Card, GateRow, ReviewRow, Try
from agentdeck.plans.reporting.report import Done, Report

UNKNOWN: Final = "–"
SHORT_ID: Final = 10  # digits of a commit; enough for every repository that people have
_CENT: Final = 0.01  # US dollars
_TENTH: Final = 0.1  # seconds
_FEW: Final = 10.0  # seconds; below it the tenths count


def moment(at: float | None) -> str:
    """A time, to the minute."""
    if at is None:
        return UNKNOWN
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def span(begun: float, until: float) -> str:
    """From when to when; the day once if it is the same."""
    first, last = (datetime.fromtimestamp(at, UTC) for at in (begun, until))
    ends = "%H:%M" if first.date() == last.date() else "%Y-%m-%d %H:%M"
    return f"{first:%Y-%m-%d %H:%M} to {last.strftime(ends)}"


def duration(seconds: float | None) -> str:
    """`40 ms`, `0.4 s`, `45 s`, `12 min`, `3 h 5 min`."""
    if seconds is None:
        return UNKNOWN
    if 0 < seconds < _TENTH:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if 0 < seconds < _FEW else short_duration(seconds)


def money(usd: float | None) -> str:
    """US dollars."""
    if usd is None:
        return UNKNOWN
    return f"${usd:.4f}" if 0 < usd < _CENT else f"${usd:,.2f}"


def count(number: int, word: str) -> str:
    """`1 task`, `2 tasks`."""
    many = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{number:,} {word if number == 1 else many}"


def change(added: int | None, removed: int | None) -> str:
    """Lines of a diff."""
    if added is None or removed is None:
        return "binary"
    return f"+{added:,} −{removed:,}"


def lines_of(task: Done) -> str:
    """Lines that a task changed."""
    return change(task.added, task.removed) if task.card.files else UNKNOWN


def short(commit: str | None) -> str:
    """The beginning of a commit's id."""
    return commit[:SHORT_ID] if commit else UNKNOWN


def ending(attempt: Try) -> str:
    """How an attempt ended."""
    said = attempt.ended or "goes on"
    if attempt.exit_code:
        how = "exit" if attempt.exit_code > 0 else "signal"
        return f"{said} ({how} {abs(attempt.exit_code)})"
    return said


def who(attempt: Try) -> str:
    """The agent, its model, and the person who took over."""
    model = f" · {attempt.model}" if attempt.model else ""
    hands = f" · by hand: {attempt.hands}" if attempt.hands else ""
    return f"{attempt.agent}{model}{hands}"


def verdict(row: GateRow) -> str:
    """The verdict of a gate on a tree, and how its last run ended if that says more."""
    if row.verdict == "green":
        return "green"
    code = f", exit {row.code}" if row.code and row.last == "failed" else ""
    return row.verdict if row.last == "passed" else f"{row.verdict} ({row.last}{code})"


def on_what(row: GateRow) -> str:
    """The tree that a gate was run on."""
    where = f"attempt {row.attempt}" if row.attempt is not None else "merged with the target"
    return f"{where}, landed" if row.landed else where


def outcome(report: Report) -> str:
    """How the run stands."""
    return report.outcome or ("needs a person" if report.needs_person else "goes on")


def review(row: ReviewRow) -> str:
    """Who reviewed which attempt, and how that ended."""
    verdict = row.verdict or "goes on"
    comments = f", {count(len(row.comments), 'comment')}" if row.comments else ""
    said = row.problem or row.summary
    return f"{row.by} on attempt {row.attempt}: {verdict}{comments}" + (f": {said}" if said else "")


def rounds(card: Card) -> int:
    """How often a reviewer sent the work back."""
    return sum(row.verdict == "request changes" for row in card.reviews)


def consent(card: Card) -> str:
    """Whose yes there was, or is needed; empty = there is nothing yet to say yes to."""
    if card.approval is None and not any(one.commits for one in card.attempts):
        return ""
    if card.approval is not None:
        what = "reviewed and approved" if card.reviewed else "approved"
        return f"{what} by {card.approval.by}, {moment(card.approval.at)}"
    if card.policy == "auto":
        return "none needed: lands by its evidence"
    return f"none yet; the plan asks for {'a review' if card.policy == 'review' else 'an approval'}"
