"""The page `docs/failures.md`, drawn from the table in `core.policy`.

Rules: the page is never edited by hand; a test compares it with what this module says.
`python -m agentdeck.testing.failure_table > docs/failures.md` writes it anew.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.accounts import LIMIT_WAIT_S
from agentdeck.core.events import FailureClass
from agentdeck.core.policy import (
    MAX_BACKOFF_S,
    MAX_FREE_FAILURES,
    POLICY,
    GoesOn,
    OnAccount,
    Row,
    Wait,
)
from agentdeck.testing.lying_agents import as_section

_HEAD: Final = f"""\
# What follows from a failure

Drawn from the table in `src/agentdeck/core/policy.py` by
`python -m agentdeck.testing.failure_table > docs/failures.md`. Do not edit it by hand.

A task is tried again by itself until its `retries` are used up; then it is failed and waits for a
person. What costs no retry may happen {MAX_FREE_FAILURES} times. A wait of `backoff` is the
plan's, doubled with each failure; one for a limit lasts until the limit resets, or
{LIMIT_WAIT_S:.0f} s, doubled, where it does not say when. No doubled wait is longer than
{MAX_BACKOFF_S / 60:.0f} min.

What the merge queue sends back, a `conflict` or a red merge gate, costs no retry: it is repaired up
to `repairs` times (`[queue]` of [the plan](plan.md)), and then waits for a person. With `repair =
"ask"` it does so at once, with `repair = "drop"` it is cancelled. A red task gate costs a retry.
"""
_COLUMNS: Final = (
    *("failure", "tried again", "costs a retry", "wait", "goes on", "next model"),
    *("other agent", "its account", "because"),
)
_WAITS: Final = {Wait.NONE: "none", Wait.BACKOFF: "`backoff`", Wait.LIMIT: "for the limit"}
_GOES_ON: Final = {
    GoesOn.SESSION: "in its session",
    GoesOn.WORKTREE: "in its worktree, in a new session",
    GoesOn.FRESH: "in a fresh worktree",
}
_ACCOUNT: Final = {
    OnAccount.NOTHING: "",
    OnAccount.WAITS: "waits",
    OnAccount.SLOWS: "waits, then takes fewer at once",
    OnAccount.CLOSES: "closed until a person reopens it",
}


def as_document() -> str:
    """The whole page, Markdown."""
    rows = [_row(cause, POLICY[cause]) for cause in FailureClass]
    return "\n".join(
        [
            _HEAD,
            f"| {' | '.join(_COLUMNS)} |",
            f"| {' | '.join('---' for _ in _COLUMNS)} |",
            *rows,
            as_section(),
        ]
    )


def _row(cause: FailureClass, row: Row) -> str:
    again = row.retry or row.account is OnAccount.CLOSES
    cells = [
        str(cause),
        "yes" if row.retry else "once its account is open" if again else "by a person only",
        "yes" if row.retry and row.counts else "",
        _WAITS[row.wait] if row.retry else "",
        _GOES_ON[row.goes_on] if again else "",
        "yes" if row.escalates else "",
        "yes" if row.falls_back else "",
        _ACCOUNT[row.account],
        row.why,
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(as_document(), end="")
