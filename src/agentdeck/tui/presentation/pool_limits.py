"""The pools as the dialog of `L` shows them, and what a line typed there means."""

from __future__ import annotations

from typing import Final, NamedTuple

from agentdeck.core.commands import SetPoolLimit
from agentdeck.core.errors import UsageError
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.plan import Pool
from agentdeck.core.pools import most, places, stand_of, used
from agentdeck.core.state import RunState
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import plain

GAP: Final = "  "
AS_PLANNED: Final = ("none", "0")  # 0 as in the shell


class PoolRow(NamedTuple):
    """One pool."""

    pool: PoolName
    text: str


def pool_rows(deck: Deck) -> list[PoolRow]:
    """Every pool, in the order of the plan."""
    state = deck.state
    wide = max((len(pool.name) for pool in state.plan.pools), default=0)
    return [
        PoolRow(pool.name, f"{plain(pool.name):<{wide}}{GAP}{_figures(state, pool)}")
        for pool in state.plan.pools
    ]


def first_row(deck: Deck, pool: PoolName | None, task: TaskId | None) -> int:
    """The row to begin at: that of a pool, of the pool of a task, or of the first full one."""
    state = deck.state
    if pool is None and task is not None:
        attempt = state.tasks[task].attempt
        pool = attempt.pool if attempt is not None else state.settings(task).pool
    names = [each.name for each in state.plan.pools]
    if pool in names:
        return names.index(pool)
    full = (used(state, each.name) >= places(state, each) for each in state.plan.pools)
    return next((at for at, is_full in enumerate(full) if is_full), 0)


def wish_of(pool: PoolName, text: str) -> SetPoolLimit:
    """What a typed line means. Raises UsageError."""
    said = text.strip().casefold()
    if said in AS_PLANNED:
        return SetPoolLimit(pool, None)
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise UsageError(
            f"{text.strip()!r} is no number of places", hint="3, or none for as the plan says"
        )
    return SetPoolLimit(pool, int(said))


def _figures(state: RunState, pool: Pool) -> str:
    there, ceiling, stand = places(state, pool), most(state, pool), stand_of(state, pool.name)
    parts = [f"{used(state, pool.name)} of {there}"]
    if there < ceiling:
        parts.append(f"up to {ceiling}")
    if stand.limit is not None:
        parts.append(f"set by {plain(stand.by)}, the plan says {pool.ceiling}")
    return " · ".join(parts)


__all__ = ["PoolRow", "first_row", "pool_rows", "wish_of"]
