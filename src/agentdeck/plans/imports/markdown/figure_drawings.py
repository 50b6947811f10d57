"""Claims that a code block draws: a critical path with arrows, tasks side by side on a tree.

Rules: a chain is a claim only where its block or a heading around it speaks of a path or of
dependencies: other arrows are ways of working. Names that are no task of the draft end a chain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agentdeck.core.plan import ClaimKind
from agentdeck.plans.imports.draft import Draft, DraftClaim
from agentdeck.plans.imports.markdown.amounts import Unit, amounts_in
from agentdeck.plans.imports.markdown.blocks import Fence, Section
from agentdeck.plans.imports.markdown.chains import Chain, Tree, read_chains, read_trees
from agentdeck.plans.imports.markdown.figure_scopes import Scope

_OF_A_PATH: Final = re.compile(r"critical\s+path|dependenc", re.IGNORECASE)


def drawn_lines(fence: Fence) -> set[int]:
    """The lines of a code block that are parts of chains and trees, and no sentences."""
    steps = [step for chain in read_chains(fence.lines) for step in chain.steps]
    steps += [step for tree in read_trees(fence.lines) for step in tree.steps]
    return {fence.line + step.line for step in steps}


def drawn_claims(
    fence: Fence, section: Section, scope: Scope, draft: Draft
) -> Iterator[DraftClaim]:
    """The claims of one code block."""
    known = {task.id for task in draft.tasks if task.id}
    if not known:
        return
    heads = " ".join((section.title, *(above.title for above in section.ancestors())))
    if _OF_A_PATH.search(heads + " ".join(fence.lines)[:4_000]):
        for chain in read_chains(fence.lines):
            yield from _chain(chain, fence.line, known)
    for tree in read_trees(fence.lines):
        yield from _tree(tree, fence.line, known, scope)


def _chain(chain: Chain, first: int, known: set[str]) -> Iterator[DraftClaim]:
    steps = [step for step in chain.steps if step.text in known]
    if len(steps) < 3 or len(steps) < len(chain.steps):  # two names with an arrow are no path
        return
    names = [step.text for step in steps]
    links = float(len(names) - 1)
    yield DraftClaim(
        ClaimKind.PATH,
        " -> ".join(names),
        links,
        links,
        first + steps[0].line,
        tasks=names,
    )


def _tree(tree: Tree, first: int, known: set[str], scope: Scope) -> Iterator[DraftClaim]:
    names = [step.text for step in tree.steps if step.text in known]
    if len(names) < 2 or not tree.note:
        return
    line = first + tree.line
    for amount in amounts_in(tree.note):
        kind = {Unit.CONCURRENT: ClaimKind.PARALLELISM, Unit.SECONDS: ClaimKind.LONGEST}.get(
            amount.unit
        )
        if kind is not None:
            yield DraftClaim(
                kind,
                amount.text,
                amount.low,
                amount.high,
                line,
                approx=amount.approx,
                phases=list(scope.phases),
                tasks=names,
            )
