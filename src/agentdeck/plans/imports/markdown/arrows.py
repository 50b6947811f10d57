"""What arrow chains and trees in code blocks mean for the tasks of a draft.

Rules:
- A chain or a tree that names a known task is understood; others are not looked at.
- Chains are evidence, and claims are made of them elsewhere. They give dependencies only when the
  document states none at all: then between neighbours that are both known, as a guess.
- Arrows of an option or an alternative give none, nor do arrows against the order of the phases,
  nor arrows that go round in a loop.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final

from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.markdown.blocks import Fence, Paragraph, Section
from agentdeck.plans.imports.markdown.chains import Chain, read_chains, read_trees
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.names import Resolver

MAX_SAID: Final = 12  # names that a remark repeats

_OTHERWISE: Final = re.compile(
    r"\boptions?\b|\balternatives?\b|\binstead\b|\bversus\b|\bvs\b", re.IGNORECASE
)


def read_arrows(page: Page, draft: Draft) -> None:
    """Arrow chains and trees. For after every reader of tasks."""
    fences = [
        (section, at, block)
        for section in page.sections()
        for at, block in enumerate(section.blocks)
        if isinstance(block, Fence) and ("─" in "".join(block.lines) or _has_arrow(block))
    ]
    if not fences or not draft.tasks:
        return
    resolver = Resolver(draft.tasks, draft.phases)
    stated = any(task.after for task in draft.tasks)
    edges: list[tuple[DraftTask, DraftTask, int]] = []
    for section, at, fence in fences:
        binding = not stated and not _is_option(section, at)
        for chain in read_chains(fence.lines):
            found = _read_chain(page, draft, resolver, fence, chain)
            if binding:
                edges += _pairs(found, fence.line + chain.steps[0].line)
        _read_trees(page, draft, resolver, fence)
    _add_edges(draft, edges)


def _has_arrow(fence: Fence) -> bool:
    return any(sign in line for line in fence.lines for sign in ("→", "->", "=>", "↓", "▼", "⇒"))


def _is_option(section: Section, at: int) -> bool:
    before = section.blocks[at - 1] if at else None
    words = before.lines[-1][1] if isinstance(before, Paragraph) else ""
    return bool(_OTHERWISE.search(f"{section.title} {words}"))


def _read_chain(
    page: Page, draft: Draft, resolver: Resolver, fence: Fence, chain: Chain
) -> list[DraftTask | None]:
    """The tasks of a chain, None for a name that is none."""
    matches = [resolver.find(step.text) for step in chain.steps]
    found = [draft.tasks[match.index] if match else None for match in matches]
    first = fence.line + chain.steps[0].line
    if any(found) and page.free(first):
        page.take(first, fence.line + chain.last)
        names = " -> ".join(step.text for step in chain.steps[:MAX_SAID])
        more = f" and {len(chain.steps) - MAX_SAID} more" if len(chain.steps) > MAX_SAID else ""
        known = sum(task is not None for task in found)
        draft.read(first, "arrow-chain", f"{names}{more}: {known} of {len(found)} are tasks")
    return found


def _read_trees(page: Page, draft: Draft, resolver: Resolver, fence: Fence) -> None:
    for tree in read_trees(fence.lines):
        known = [step for step in tree.steps if resolver.find(step.text)]
        first = fence.line + tree.steps[0].line
        if known and page.free(first):
            page.take(fence.line + tree.line, fence.line + tree.last)
            names = ", ".join(step.text for step in tree.steps[:MAX_SAID])
            draft.read(first, "tree", f"{tree.head or 'a tree'} {names}".strip())


def _pairs(found: Sequence[DraftTask | None], line: int) -> list[tuple[DraftTask, DraftTask, int]]:
    return [
        (before, after, line)
        for before, after in pairwise(found)
        if before is not None and after is not None and before is not after
    ]


def _add_edges(draft: Draft, edges: list[tuple[DraftTask, DraftTask, int]]) -> None:
    order = {phase.key: index for index, phase in enumerate(draft.phases)}
    kept = []
    for before, after, line in edges:
        if order.get(before.phase or "", -1) > order.get(after.phase or "", len(order)):
            said = f"{_name(before)} before {_name(after)}: its phase comes later"
            draft.left(line, "arrow-chain", said)
        else:
            kept.append((before, after, line))
    if _has_loop(kept):
        draft.left(kept[0][2], "arrow-chain", "the arrows go round in a loop: none is followed")
        return
    for before, after, line in kept:
        if _name(before) not in after.after:
            after.after.append(_name(before))
            said = f"{_name(after)} waits for {_name(before)}: the document states no other order"
            draft.guessed(line, "arrow-chain", said)


def _has_loop(edges: Sequence[tuple[DraftTask, DraftTask, int]]) -> bool:
    graph: TopologicalSorter[int] = TopologicalSorter()
    for before, after, _ in edges:
        graph.add(id(after), id(before))
    try:
        graph.prepare()
    except CycleError:
        return True
    return False


def _name(task: DraftTask) -> str:
    return task.id or task.title
