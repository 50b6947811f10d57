"""How the gates have done in this run: what `agentdeck gates` tells, for one entry of the queue.

Rules: the gates of the selected entry come first, and only they have their latest verdicts; without
one, all of them. Flaky is a verdict of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.core import queue
from agentdeck.core.events import Verdict
from agentdeck.core.ids import GateName
from agentdeck.core.verdicts import Standing
from agentdeck.plans.reporting.gate_history import GateLine, RunOfGates, gate_lines
from agentdeck.plans.reporting.told import GateTold
from agentdeck.plans.reporting.wording import duration as time_of
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_seconds
from agentdeck.tui.presentation.line import (
    EMPTY,
    Line,
    Span,
    cut,
    cut_line,
    fit,
    plain,
    spread,
    wrapped,
)

LATEST: Final = 12  # verdicts of each gate
NAME_CELLS: Final = 18  # at most; figures are never cut
COLUMN: Final = 9
RATE_ROLES: Final = ((0.95, "state-landed"), (0.8, "state-asks"), (0.0, "state-failed"))
SIGNS: Final = {
    Verdict.PASSED: ("✔", "passed", "state-landed"),
    Verdict.FAILED: ("✖", "failed", "state-failed"),
    Verdict.TIMED_OUT: ("✖", "timed out", "state-failed"),
    Verdict.BROKEN: ("?", "not run", "state-asks"),
}
HEADS: Final = ("passed", "runs", "median", "P95", "flaky", "limit")


def verdict_lines(deck: Deck, width: int) -> list[Line]:
    """The whole page."""
    state = deck.state
    if deck.reading:
        return [(Span(deck.reading, "muted"),)]
    lines = gate_lines([RunOfGates(state.run, state.plan.gates, tuple(deck.gates))])
    if not lines:
        return [(Span("The plan has no gate: finished work lands as it is.", "muted"),)]
    wanted = _gates_of_selected(deck)
    shown = [line for line in lines if not wanted or GateName(line.gate) in wanted]
    what = f"The gates of {deck.selected}" if wanted else "All gates"
    found: list[Line] = [
        cut_line((Span(plain(what), "bold"), Span(" in this run", "muted")), width),
        EMPTY,
        cut_line(
            (
                Span(" " * (_name_cells(width) + 2)),
                *(Span(fit(head, COLUMN, "right"), "muted") for head in HEADS),
            ),
            width,
        ),
    ]
    found += [_figures(line, width) for line in shown]
    for line in shown:
        of = [told for told in deck.gates if told.event.gate == line.gate]
        found += [EMPTY, *_latest(deck, line, of, width)]
    return found


def _name_cells(width: int) -> int:
    return max(6, min(NAME_CELLS, width - 2 - COLUMN * len(HEADS)))


def _gates_of_selected(deck: Deck) -> list[GateName]:
    entry = next((one for one in deck.state.queue.values() if one.task == deck.selected), None)
    return queue.gates_of(deck.state, (entry,)) if entry is not None else []


def _figures(line: GateLine, width: int) -> Line:
    rate = line.pass_rate
    role = "muted" if rate is None else next(role for least, role in RATE_ROLES if rate >= least)
    limit = f"{time_of(line.timeout_s)}{'*' if line.timeout_from == 'learned' else ''}"
    cells = (
        ("—" if rate is None else f"{rate:.0%}", role),
        (str(line.runs), ""),
        (time_of(line.median_s), ""),
        (time_of(line.p95_s), ""),
        (str(line.flaky), "state-asks" if line.flaky else "muted"),
        (limit, "muted"),
    )
    return cut_line(
        (
            Span("  "),
            Span(fit(plain(line.gate), _name_cells(width)), "bold"),
            *(Span(fit(text, COLUMN, "right"), role) for text, role in cells),
        ),
        width,
    )


def _latest(deck: Deck, line: GateLine, told: Sequence[GateTold], width: int) -> Iterator[Line]:
    more = f"  the latest {LATEST} of {len(told)}" if len(told) > LATEST else ""
    yield cut_line((Span(plain(line.gate), "bold"), Span(more, "faint")), width)
    if line.timeout_from == "learned":
        said = f"* its limit is learned: {time_of(line.timeout_s)}, from its green runs"
        yield from wrapped(said, width, "faint", indent="  ")
    if not told:
        yield (Span("  has not run yet", "faint"),)
    for one in reversed(told[-LATEST:]):
        yield _verdict(deck, one, width)
        if one.event.limit:
            yield from wrapped(one.event.limit, width, "state-paused", indent="    ")


def _verdict(deck: Deck, told: GateTold, width: int) -> Line:
    event = told.event
    sign, word, role = SIGNS[event.verdict]
    if told.standing is Standing.FLAKY:
        sign, word, role = "≈", "flaky", "state-asks"
    whose = str(event.task) if event.task is not None else _built_of(deck, event.tree)
    left: Line = (
        Span("  "),
        Span(clock_seconds(told.at, utc=deck.frozen), "muted"),
        Span(" "),
        Span(sign, role),
        Span(" "),
        Span(fit(word, 10), role),
        Span(fit(time_of(event.seconds), 8, "right")),
        Span(f"  tree {event.tree[:10]}", "faint"),
    )
    return spread(left, (Span(cut(plain(whose), width // 3), "muted"),), width)


def _built_of(deck: Deck, tree: str) -> str:
    """What is in the tree, while it is in the queue."""
    build = next(
        (one.build for one in deck.state.queue.values() if one.build and one.build.tree == tree),
        None,
    )
    if build is None:
        return "the target" if tree == deck.state.tip_tree else "an earlier build"
    return ", ".join(str(name) for name in build.entries)


__all__ = ["verdict_lines"]
