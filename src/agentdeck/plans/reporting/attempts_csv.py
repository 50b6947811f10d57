"""What each attempt took, as CSV: one row for each, for spreadsheets and other programs.

Rules: rows stand in plan order; a task that nobody has begun has none. Times are ISO 8601 in UTC,
durations seconds, money US dollars. What is not there or nobody knows is empty, and not zero. The
rows add up to what the run has used.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from agentdeck.core.state import Attempt, RunState, TaskRun
from agentdeck.plans.reporting.csv_text import Cell, csv_line
from agentdeck.plans.reporting.spending import Purpose, pieces_of

COLUMNS: Final = (
    *("run", "task", "title", "phase", "issue", "attempt", "purpose", "agent", "model", "account"),
    *("pool", "claimed_at", "started_at", "ended_at", "worked_s", "waited_s", "tokens_in"),
    *("tokens_cached", "tokens_out", "usd", "usd_priced", "reviews", "review_tokens"),
    *("review_usd", "result", "cause", "exit_code", "state"),
)
GOES_ON: Final = "goes on"


def attempts_csv(state: RunState, now: float) -> str:
    """All attempts of a run. O(attempts).

    Args:
        state: of the run.
        now: until when attempts that go on are measured, seconds since the epoch.
    """
    found = {(piece.task, piece.attempt): piece for piece in pieces_of(state) if not piece.review}
    lines = [csv_line(COLUMNS)]
    for task in state.tasks.values():
        for attempt in task.attempts:
            piece = found.get((task.id, attempt.number))
            purpose = piece.purpose if piece is not None else Purpose.FIRST
            unknown = piece is not None and piece.unpriced
            cells = _cells(state, task, attempt, now)
            lines.append(csv_line(_with(cells, purpose, unknown=unknown)))
    return "".join(lines)


def _with(cells: dict[str, Cell], purpose: Purpose, *, unknown: bool) -> Iterator[Cell]:
    cells["purpose"] = purpose.value
    if unknown:
        cells["usd"] = cells["usd_priced"] = None
    yield from (cells[name] for name in COLUMNS)


def _cells(state: RunState, task: TaskRun, attempt: Attempt, now: float) -> dict[str, Cell]:
    spec, exit_ = state.spec(task.id), attempt.exit
    worked = attempt.worked_s(now)
    ended = attempt.exited_at
    over = ended if ended is not None else now if attempt is task.attempts[-1] else None
    waited = max(0.0, over - attempt.claimed_at - worked) if over is not None else None
    return {
        "run": state.run,
        "task": task.id,
        "title": spec.title,
        "phase": spec.phase or "",
        "issue": spec.issue,
        "attempt": attempt.number,
        "agent": attempt.agent,
        "model": attempt.model or "",
        "account": attempt.account,
        "pool": attempt.pool or "",
        "claimed_at": _moment(attempt.claimed_at),
        "started_at": _moment(attempt.launched_at),
        "ended_at": _moment(ended),
        "worked_s": round(worked, 3),
        "waited_s": None if waited is None else round(waited, 3),
        "tokens_in": attempt.tokens_in,
        "tokens_cached": attempt.tokens_cached,
        "tokens_out": attempt.tokens_out,
        "usd": round(attempt.usd, 6),
        "usd_priced": round(attempt.usd_priced, 6),
        "reviews": len(attempt.reviews),
        "review_tokens": attempt.review_tokens,
        "review_usd": round(attempt.review_usd, 6),
        "result": attempt.outcome or GOES_ON,
        "cause": attempt.cause.value if attempt.cause is not None else "",
        "exit_code": exit_.code if exit_ is not None else None,
        "state": task.state.value if attempt is task.attempts[-1] else "",
    }


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return ""
    at = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


__all__ = ["COLUMNS", "attempts_csv"]
