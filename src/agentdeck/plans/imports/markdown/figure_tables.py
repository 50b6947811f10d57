"""Claims in tables: metrics, timelines, inventories, costs.

Rules:
- A table with tasks in it states no claims.
- What a column is about stands in its head, else in the label of the row (its first cell).
- A row that is a total is about the whole plan, and is also compared with the sum of the rows
  above it.
- A column about people instead of agents is no claim about this plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.core.plan import ClaimKind, Strategy
from agentdeck.plans.imports.draft import Draft, DraftClaim
from agentdeck.plans.imports.markdown.amounts import Amount, Unit, amounts_in
from agentdeck.plans.imports.markdown.blocks import Row, Table
from agentdeck.plans.imports.markdown.figure_kinds import is_total, kind_of_words
from agentdeck.plans.imports.markdown.figure_scopes import Scope, Scopes

_MARKS: Final = re.compile(r"[*_`]+")
_NUMBER: Final = re.compile(r"\d{1,7}\Z")
_PEOPLE: Final = re.compile(r"\b(human|people|manual|developer)s?\b", re.IGNORECASE)
_COUNT: Final = re.compile(r"\b(count|tasks|number)\b", re.IGNORECASE)
_TOKENS: Final = re.compile(r"\btokens\b", re.IGNORECASE)
_AVERAGE: Final = re.compile(r"\b(avg|average|mean)\b", re.IGNORECASE)
_COST: Final = re.compile(r"\b(cost|price|usd)\b", re.IGNORECASE)
_TIMED: Final = frozenset({ClaimKind.ELAPSED, ClaimKind.SAVING, ClaimKind.SAVING_SHARE})
_SUMMED: Final = frozenset(
    {
        ClaimKind.TASKS,
        ClaimKind.TOKENS,
        ClaimKind.COST,
        ClaimKind.WORK,
        ClaimKind.ELAPSED,
        ClaimKind.SAVING,
    }
)


class _Figure(msgspec.Struct, frozen=True):
    """A cell that states something."""

    what: ClaimKind
    amount: Amount


def table_claims(table: Table, scope: Scope, scopes: Scopes, draft: Draft) -> Iterator[DraftClaim]:
    """The claims of one table, row by row."""
    if any(row.line in scopes.task_lines for row in table.rows):
        return
    heads = [_bare(head) for head in table.heads]
    sums: dict[int, list[Amount]] = {}
    counted = False
    for row in table.rows:
        label = _bare(row.cells[0]) if row.cells else ""
        total = is_total(label)
        here = scope if total else _scope(label, scope, scopes)
        for column in range(1, min(len(row.cells), len(heads))):
            figure = _figure(_bare(row.cells[column]), heads[column], label)
            if figure is None:
                continue
            if total:
                yield from _total(figure, here, row, sums.get(column, []))
            elif here is not None:
                yield _of(figure, here, row.line)
            if not total:
                sums.setdefault(column, []).append(figure.amount)
                counted = counted or figure.what is ClaimKind.TASKS
    if counted:
        yield from _inventory(table, heads, sums, draft)


def _bare(cell: str) -> str:
    return _MARKS.sub("", cell[:400]).strip()


def _scope(label: str, scope: Scope, scopes: Scopes) -> Scope | None:
    """What a row is about. None: something that is not in the plan."""
    if label.lower() in scopes.models:
        return Scope(model=label.lower())
    found = scopes.of_label(label) or scopes.of_series(label)
    if found is not None:
        return found
    return scope if kind_of_words(label) is not None or label.lower() == "parallelism" else None


def _figure(cell: str, head: str, label: str) -> _Figure | None:
    if _PEOPLE.search(head):
        return None
    if _NUMBER.match(cell) and _COUNT.search(head):
        value = float(cell)
        return _Figure(ClaimKind.TASKS, Amount(Unit.TASKS, value, value, False, 0, 0, cell))
    amount = next(iter(amounts_in(cell)), None)
    if amount is None:
        return None
    what = _kind(amount, head, label)
    return _Figure(what, amount) if what else None


def _kind(amount: Amount, head: str, label: str) -> ClaimKind | None:
    match amount.unit:
        case Unit.TOKENS:
            if not _TOKENS.search(head):
                return None
            return ClaimKind.TOKENS_AVERAGE if _AVERAGE.search(head) else ClaimKind.TOKENS
        case Unit.USD:
            return ClaimKind.COST if _COST.search(head) else None
        case Unit.CONCURRENT:
            return ClaimKind.PARALLELISM
        case Unit.SECONDS:
            return kind_of_words(head) or kind_of_words(label)
        case Unit.SHARE:
            said = kind_of_words(head) or kind_of_words(label)
            return ClaimKind.SAVING_SHARE if said is ClaimKind.SAVING else None
        case _:
            return None


def _of(figure: _Figure, scope: Scope, line: int) -> DraftClaim:
    amount = figure.amount
    timed = figure.what in _TIMED and not scope.phases
    return DraftClaim(
        figure.what,
        amount.text,
        amount.low,
        amount.high,
        line,
        approx=amount.approx,
        strategy=Strategy.WAVES if timed else None,
        phases=list(scope.phases),
        match=scope.match,
        model=scope.model,
        active=figure.what is ClaimKind.TASKS and scope.model is not None,
    )


def _total(
    figure: _Figure, scope: Scope | None, row: Row, above: Sequence[Amount]
) -> Iterator[DraftClaim]:
    claim = _of(figure, scope or Scope(), row.line)
    claim.active = figure.what is ClaimKind.TASKS
    yield claim
    if len(above) > 1 and figure.what in _SUMMED:
        low, high = sum(a.low for a in above), sum(a.high for a in above)
        yield msgspec.structs.replace(claim, own_low=low, own_high=high, active=False)


def _inventory(
    table: Table, heads: Sequence[str], sums: dict[int, list[Amount]], draft: Draft
) -> Iterator[DraftClaim]:
    """A number of tasks that was stated before a table of counts, beside the sum of the counts."""
    columns = [at for at in sums if _COUNT.search(heads[at]) and len(sums[at]) > 1]
    stated = [
        claim
        for claim in draft.claims
        if claim.what is ClaimKind.TASKS
        and claim.line < table.line
        and claim.own_low is None
        and not (claim.phases or claim.match or claim.model)
    ]
    if len(columns) != 1 or not stated or any(is_total(_bare(r.cells[0])) for r in table.rows):
        return
    total = sum(amount.low for amount in sums[columns[0]])
    yield msgspec.structs.replace(stated[-1], own_low=total, own_high=total)
