"""Pools: tables that name them with their size, and which phase uses which.

Rules:
- A table with a column for pools and one for a count names pools. Of a range (`2-3 workers`) the
  larger number is the size; without a number it is 1. Both are guesses.
- A pool that a task names, and no table, has the size of the tasks that name it: nothing waits
  for it.
- A table of phases and pools gives a pool to the tasks of a phase that have none, when it names
  exactly one for that phase.
- A shortened name is completed when exactly one pool fits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.plans.imports.draft import Draft, DraftPool, DraftTask
from agentdeck.plans.imports.markdown.agents_named import plain
from agentdeck.plans.imports.markdown.blocks import Fence, Row, Table
from agentdeck.plans.imports.markdown.grids import read_grid
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.shortened import complete, without_aside

MAX_SIZE: Final = 1000  # workers of one pool
MAX_POOLS: Final = 500  # of one document; more are no pools that anybody runs

_POOL: Final = ("pool", "pools", "worker pool", "pool name", "queue")
_COUNT: Final = (
    *("agent count", "agents", "count", "size", "workers", "capacity", "max", "max agents"),
    *("max workers", "concurrency", "worker count", "slots"),
)
_PHASE: Final = ("phase", "phases", "wave", "week", "stage")
_PHASE_NUMBER: Final = re.compile(
    r"\b(?:phase|wave|stage)s?\s{0,3}(\d{1,4}(?:\s?[-–]\s?\d{1,4})?)", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d{1,6}")
_TIMES: Final = re.compile(r"\s*[x×]\s?\d{1,4}\b|\b\d{1,4}\s?[x×]\s+", re.IGNORECASE)


class PhasePools(msgspec.Struct, frozen=True):
    """Which pools a phase uses, by a row of a table."""

    phase: str  # `1`, `5-6`, as written
    pools: tuple[str, ...]
    line: int
    agents: str = ""  # as written: `2-3`
    other: str = ""  # what else the row says


def read_pools(page: Page, draft: Draft) -> None:
    """Tables that name pools."""
    for _, block in page.blocks():
        if not isinstance(block, Table) or not page.free(block.line):
            continue
        heads = [plain(head).lower() for head in block.heads]
        if heads and heads[0] in _POOL and any(head in _COUNT for head in heads):
            page.take_block(block)
            draft.read(block.line, "pool-table", f"a table of {len(block.rows)} pools")
            for row in block.rows:
                _read_pool(draft, block, heads, row)


def _read_pool(draft: Draft, table: Table, heads: Sequence[str], row: Row) -> None:
    cells = [plain(cell) for cell in row.cells] + [""] * len(heads)
    name = without_aside(cells[0])
    if not name:
        draft.left(row.line, "pool-table", "a row without the name of a pool")
        return
    if any(pool.name.casefold() == name.casefold() for pool in draft.pools):
        draft.left(row.line, "pool-table", f"pool {name!r} is named again")
        return
    if len(draft.pools) >= MAX_POOLS:
        draft.left(row.line, "too-many-pools", f"pool {name!r}")
        return
    counted = next(at for at, head in enumerate(heads) if head in _COUNT)
    draft.pools.append(DraftPool(name, _size(draft, name, cells[counted], row.line), row.line))
    for at, head in enumerate(table.heads):
        if at not in (0, counted) and cells[at]:
            draft.left(row.line, "pool-purpose", f"pool {name!r}: {plain(head)}: {cells[at]}")
    if cells[0] != name:
        draft.left(row.line, "pool-purpose", f"pool {name!r} is written {cells[0]!r}")


def _size(draft: Draft, name: str, said: str, line: int) -> int:
    numbers = [int(number) for number in _NUMBER.findall(said)]
    size = min(max([1, *numbers]), MAX_SIZE)
    text = f"pool {name!r} has size {size}, from {said!r}"
    if len(numbers) == 1 and 1 <= numbers[0] <= MAX_SIZE:
        draft.read(line, "pool-size", text)
    else:
        draft.guessed(line, "range-high" if len(numbers) > 1 else "pool-size", text)
    return size


def resolve_pools(page: Page, draft: Draft) -> None:
    """Complete the pools that tasks name, give pools by phase, and make those that have no table.

    For after every reader of tasks. Looking again changes nothing.
    """
    known = [pool.name for pool in draft.pools]
    for task in draft.tasks if page.outer is None else ():
        if task.pool and task.pool not in known:
            _complete_pool(draft, task, known)
    rows = list(_phase_rows(page))
    by_number = _tasks_by_phase(draft) if rows else {}
    for row in rows:
        _use_row(draft, row, known, by_number.get(_number(row.phase), []))
    missing = Counter(task.pool for task in draft.tasks if task.pool and task.pool not in known)
    lines = {task.pool: task.line for task in reversed(draft.tasks)}
    for name, count in missing.items():
        line = lines[name]
        if len(draft.pools) >= MAX_POOLS:
            draft.left(line, "too-many-pools", f"pool {name!r}")
            continue
        size = min(count, MAX_SIZE)
        draft.pools.append(DraftPool(name, size, line))
        draft.guessed(line, "pool-size", f"no table has pool {name!r}; {size} tasks name it")


def _complete_pool(draft: Draft, task: DraftTask, known: Sequence[str]) -> None:
    written = task.pool or ""
    full = complete(without_aside(written), known)
    task.pool = full or without_aside(written) or None
    if full is not None and full != written:
        draft.guessed(task.line, "shortened-name", f"pool {written!r} is {full!r}")


def phase_pools(fence: Fence) -> list[PhasePools]:
    """The rows of a table of phases and pools in a code block; none when it holds no such table."""
    grid = read_grid(fence.lines)
    if grid is None:
        return []
    heads = [plain(head).lower() for head in grid.heads.texts]
    if heads[0] not in _PHASE or not any(head in _POOL for head in heads):
        return []
    at = next(index for index, head in enumerate(heads) if head in _POOL)
    counted = next((index for index, head in enumerate(heads) if head in _COUNT), None)
    return [
        PhasePools(
            phase=row.texts[0],
            pools=tuple(_pools_in(row.texts[at])),
            line=fence.line + row.line,
            agents=row.texts[counted] if counted is not None else "",
            other=_rest(grid.heads.texts, row.texts, (0, at, counted)),
        )
        for row in grid.rows
    ]


def _rest(heads: Sequence[str], texts: Sequence[str], known: Sequence[int | None]) -> str:
    pairs = enumerate(zip(heads, texts, strict=True))
    return "; ".join(f"{head}: {text}" for at, (head, text) in pairs if at not in known and text)


def _pools_in(text: str) -> Iterator[str]:
    for part in re.split(r"[+,&]", text):
        name = without_aside(_TIMES.sub(" ", part))
        if name:
            yield name


def _phase_rows(page: Page) -> Iterator[PhasePools]:
    for _, block in page.blocks():
        if isinstance(block, Fence) and page.free(block.line):
            rows = phase_pools(block)
            if rows:
                page.take_block(block)
            yield from rows


def _use_row(
    draft: Draft, row: PhasePools, known: Sequence[str], tasks: Sequence[DraftTask]
) -> None:
    names = [complete(name, known) or name for name in row.pools]
    said = f"phase {row.phase} uses {', '.join(names) or 'no pool'}"
    if row.agents or row.other:
        more = "; ".join(part for part in (f"agents: {row.agents}", row.other) if part)
        draft.left(row.line, "pool-use", f"{said}; {more}")
    if len(names) != 1:
        return
    without = [task for task in tasks if task.pool is None and not task.human]
    for task in without:
        task.pool = names[0]
    if without:
        titles = ", ".join(repr(task.title) for task in without)
        draft.guessed(row.line, "pool-by-phase", f"{said}, and so do {titles}")


def _tasks_by_phase(draft: Draft) -> dict[str, list[DraftTask]]:
    """Tasks by the number of their phase, as titles write it."""
    titles = {phase.key: phase.title for phase in draft.phases}
    found: dict[str, list[DraftTask]] = {}
    for task in draft.tasks:
        match = _PHASE_NUMBER.search(titles.get(task.phase or "", ""))
        if match is not None:
            found.setdefault(_number(match[1]), []).append(task)
    return found


def _number(written: str) -> str:
    return re.sub(r"[^\d-]", "", plain(written).replace("–", "-"))
