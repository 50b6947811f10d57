"""An analysis for people: the headline, then what was found, the weightiest first.

Rules: a part with nothing to say is left out. Lists are short; `--json` has everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.output import safe
from agentdeck.cli.show_as.canvas import grid, heading, remark
from agentdeck.cli.show_as.tables import conflict_parts, cost_parts
from agentdeck.cli.show_as.words import (
    counted,
    figure,
    fitted,
    indented,
    listed,
    share,
    span,
    tokens,
)
from agentdeck.core.plan import ClaimKind, Note, NoteKind
from agentdeck.plans.analysis.claims import CheckedClaim
from agentdeck.plans.analysis.inventory import Row
from agentdeck.plans.analysis.report import Analysis
from agentdeck.plans.analysis.strategies import Way
from agentdeck.plans.analysis.what_if import CRITICAL_PATH, NOTICED_S, Gain

BAR: Final = 30  # columns of the longest bar
MOST_POINTS: Final = 16  # numbers of agents that are printed
MOST_CONFLICTS: Final = 20  # pairs that are printed
MOST_ROWS: Final = 15  # of any other table
MOST_NAMED: Final = 12  # ids in one line
MOST_CLAIMS: Final = 100
CLAIM: Final = (5, 15, 26, 14)  # columns of a claim's line, what it states, what is computed


def analysis_parts(found: Analysis) -> Iterator[RenderableType]:
    """The whole report."""
    parts = (
        _headline,
        _claims,
        _ways,
        _curve,
        _pools,
        _phases,
        _syncs,
        _gains,
        _slack,
        _conflicts,
        _coupled,
        _unmatched,
        _cost,
        _inventory,
        _groups,
        _notes,
        _left_out,
    )
    for number, part in enumerate(parts):
        for index, line in enumerate(part(found)):
            if number and not index:
                yield Text()
            yield line


def _headline(found: Analysis) -> Iterator[RenderableType]:
    plan = found.plan
    phases = f" in {counted(len(plan.phases), 'phase')}" if plan.phases else ""
    yield heading(plan.name, counted(len(plan.tasks), "task") + phases)
    rows = [("work", span(found.work_s), "all estimates, one after the other")]
    if found.human_s:
        rows.append(("  by people", span(found.human_s), _names(found.human)))
    path = " -> ".join(found.critical_path[:MOST_NAMED])
    more = len(found.critical_path) - MOST_NAMED
    rows.append(
        (
            "critical path",
            span(found.critical_path_s),
            path + (f" -> … ({more} more)" if more > 0 else ""),
        )
    )
    if found.barred_path_s > found.critical_path_s:
        rows.append(("  with barriers", span(found.barred_path_s), _names(found.barred_path)))
    if found.deferred:
        rows.append(("deferred", counted(len(found.deferred), "task"), _names(found.deferred)))
    if found.unestimated:
        said = f"each counts as 15 min: {_names(found.unestimated)}"
        rows.append(("no estimate", counted(len(found.unestimated), "task"), said))
    yield grid(("", "", ""), rows, right=(1,), wide=(2,))


def _names(names: Sequence[str]) -> str:
    return listed(list(names), MOST_NAMED)


def _claims(found: Analysis) -> Iterator[RenderableType]:
    if not found.claims:
        return
    differing = sum(claim.agrees is False for claim in found.claims)
    yield heading("What the document states", f"{differing} of {len(found.claims)} differ")
    yield _claim_line(("LINE", "WHAT", "STATED", "COMPUTED"), Text(), "dim")
    for checked in found.claims[:MOST_CLAIMS]:
        yield from _claim(checked)
    if len(found.claims) > MOST_CLAIMS:
        yield remark(f"and {len(found.claims) - MOST_CLAIMS:,} more; --json has them all")


def _claim(checked: CheckedClaim) -> Iterator[RenderableType]:
    """One line with the figures, and below it what they are about and where they differ."""
    claim = checked.claim
    computed = ""
    if checked.computed is not None:
        computed = figure(ClaimKind(claim.what), *checked.computed, like=claim.stated)
    verdict = Text("not computed", style="dim")
    if checked.agrees is not None:
        words = ("agrees", "green") if checked.agrees else ("differs", "yellow")
        verdict = Text(words[0], style=words[1])
    what = str(claim.what).replace("_", " ")
    yield _claim_line((f"{claim.line or ''}", what, claim.stated, computed), verdict)
    about = [checked.scope, "" if checked.agrees else checked.detail]
    words_below = "; ".join(word for word in about if word)
    if words_below:
        yield Text(indented(safe(words_below), CLAIM[0] + 2), style="dim")


def _claim_line(cells: tuple[str, ...], verdict: Text, style: str = "") -> Text:
    line = Text(style=style, no_wrap=True)
    for index, (cell, cells_wide) in enumerate(zip(cells, CLAIM, strict=True)):
        line.append(fitted(safe(cell), cells_wide, to_right=not index) + "  ")
    return line.append_text(verdict)


def _ways(found: Analysis) -> Iterator[RenderableType]:
    yield heading("Strategies", f"with {counted(found.asked.agents, 'agent')}")
    heads = ("", "TAKES", "SAVES", "", "BUSY", "AT ONCE")
    yield grid(heads, [_way(way) for way in found.ways], right=(1, 2, 3, 4, 5))


def _way(way: Way) -> tuple[str, ...]:
    saves = (span(way.saving_s), share(way.saving_share)) if way.saving_s else ("", "")
    return (way.name, span(way.makespan_s), *saves, share(way.utilisation), f"{way.most_at_once:,}")


def _curve(found: Analysis) -> Iterator[RenderableType]:
    curve = found.curve
    if len(curve.points) < 2:
        return
    yield heading("Agents", f"{found.asked.strategy}")
    longest = max(point.makespan_s for point in curve.points) or 1.0
    rows = []
    points = [p for p in curve.points if curve.enough is None or p.agents <= curve.enough]
    every = -(-len(points) // MOST_POINTS)
    for point in [*points[:-1:every], points[-1]]:
        bar = Text("▒" * max(1, round(BAR * point.makespan_s / longest)), style="blue")
        rows.append((f"{point.agents:,}", span(point.makespan_s), bar))
    yield grid(("", "TAKES", ""), rows, right=(0, 1))
    if curve.enough is not None and curve.unlimited_s is not None:
        yield remark(
            f"{counted(curve.enough, 'agent is', 'agents are')} enough: more bring less than 1 % "
            f"({span(curve.unlimited_s)} with any number)"
        )


def _pools(found: Analysis) -> Iterator[RenderableType]:
    if len(found.uses) < 2:
        return
    yield heading("Pools")
    rows = [
        (use.name or "all agents", f"{use.size:,}", span(use.busy_s), share(use.share))
        for use in found.uses[:MOST_ROWS]
    ]
    yield grid(("", "SIZE", "WORKS", "BUSY"), rows, right=(1, 2, 3), wide=(0,))


def _phases(found: Analysis) -> Iterator[RenderableType]:
    if len(found.idle) < 2:
        return
    yield heading("Phases", f"{found.asked.strategy}, idle agents while each is under way")
    rows = [
        (row.phase or "no phase", span(row.start_s), span(row.end_s), span(row.idle_s))
        for row in found.idle[:MOST_ROWS]
    ]
    yield grid(("", "BEGINS", "ENDS", "IDLE"), rows, right=(1, 2, 3), wide=(0,))
    yield from _more(len(found.idle), "phases")


def _syncs(found: Analysis) -> Iterator[RenderableType]:
    if not found.syncs:
        return
    yield heading("Barriers", "what each costs: the whole takes so much longer for it")
    rows = [
        (cost.phase, span(cost.costs_s), span(cost.without_s))
        for cost in found.syncs
        if abs(cost.costs_s) > NOTICED_S
    ]
    if not rows:
        yield remark("no single one: the next barrier, or the longest chain, takes as long")
        return
    yield grid(("", "COSTS", "WITHOUT IT"), rows, right=(1, 2), wide=(0,))


def _gains(found: Analysis) -> Iterator[RenderableType]:
    best = [gain for gains in found.gains.values() for gain in gains.best]
    if not best:
        return
    by_path = found.gains["estimate"].measure == CRITICAL_PATH
    whole = found.critical_path_s if by_path else found.schedule.makespan_s
    what = "the critical path" if by_path else f"{found.asked.strategy}"
    takes = f"{span(whole)} now, {what}"
    yield heading("What would shorten it", takes)
    rows = [
        (_gain(gain), span(gain.saves_s), span(gain.makespan_s))
        for gain in sorted(best, key=lambda gain: -gain.saves_s)
    ]
    yield grid(("", "SAVES", "THEN TAKES"), rows, right=(1, 2), wide=(0,))


def _gain(gain: Gain) -> str:
    match gain.kind:
        case "dependency":
            return f"{gain.task} need not wait for {gain.other}"
        case "estimate":
            return f"{gain.task} in half the time"
        case _:
            return f"{gain.task} and {gain.other} touch no common file"


def _slack(found: Analysis) -> Iterator[RenderableType]:
    near = sorted((row for row in found.slack if not row.critical), key=lambda row: row.total_s)
    if not near:
        return
    critical = len(found.slack) - len(near)
    yield heading("Slack", f"{critical:,} critical, {len(near):,} with room; the tightest of them:")
    rows = [
        (row.task, span(row.earliest_s), span(row.latest_s), span(row.total_s), span(row.free_s))
        for row in near[:MOST_ROWS]
    ]
    heads = ("TASK", "EARLIEST", "LATEST", "ROOM", "FREE")
    yield grid(heads, rows, right=(1, 2, 3, 4), wide=(0,))


def _conflicts(found: Analysis) -> Iterator[RenderableType]:
    yield from conflict_parts(found.conflicts, found.conflict_costs, MOST_CONFLICTS)


def _coupled(found: Analysis) -> Iterator[RenderableType]:
    if found.asked.commits is None:
        return
    commits = counted(len(found.asked.commits), "commit")
    if not found.coupled:
        yield heading("Changes together", f"nothing to warn of in {commits}")
        return
    yield heading("Changes together", f"in {commits}: these pairs may disturb each other")
    rows = [
        (
            row.a,
            row.b,
            f"{row.couplings[0].one} and {row.couplings[0].two}",
            f"{row.couplings[0].together:,}",
            share(row.couplings[0].confidence),
        )
        for row in found.coupled[:MOST_ROWS]
    ]
    yield grid(("A", "B", "FILES", "TIMES", "OF"), rows, right=(3, 4), wide=(0, 1, 2))
    yield from _more(len(found.coupled), "pairs")


def _unmatched(found: Analysis) -> Iterator[RenderableType]:
    if found.unmatched is None or not found.unmatched.total:
        return
    missing = found.unmatched
    if missing.total == missing.patterns:
        yield remark("the repository here has no file that the plan's footprints mean")
        return
    beside = f"{missing.total:,} of {missing.patterns:,} footprints mean no file of the repository"
    yield heading("New files", beside)
    yield Text(safe(listed([f"{pattern} ({task})" for task, pattern in missing.named], MOST_NAMED)))


def _cost(found: Analysis) -> Iterator[RenderableType]:
    yield from cost_parts(found.cost, found.asked.prices, found.actual)


def _inventory(found: Analysis) -> Iterator[RenderableType]:
    telling = {name: rows for name, rows in found.inventory.items() if len(rows) > 1}
    if not telling:
        return
    yield heading("Inventory")
    for index, (name, rows) in enumerate(telling.items()):
        if index:
            yield Text()
        heads = (name.upper(), "TASKS", "DEFERRED", "TAKES", "TOKENS")
        yield grid(heads, [_counts(row) for row in rows[:MOST_ROWS]], right=(1, 2, 3, 4), wide=(0,))
        yield from _more(len(rows), "rows")


def _counts(row: Row) -> tuple[str, ...]:
    return (
        row.name or "unsaid",
        f"{row.tasks:,}",
        f"{row.deferred:,}" if row.deferred else "",
        span(row.work_s),
        tokens(row.tokens),
    )


def _groups(found: Analysis) -> Iterator[RenderableType]:
    if not found.slack:
        return
    sets = found.side_by_side
    largest = max(sets, key=len)
    yield heading("Groups")
    rows = [
        (
            "side by side",
            f"{len(sets):,}",
            f"the largest: {_names(largest)}",
        ),
        ("separate", f"{len(found.separate):,}", "parts that no dependency or file joins"),
    ]
    for name, groups in found.groups.items():
        if len(groups) > 1:
            sizes = [f"{key or 'unsaid'} {len(ids):,}" for key, ids in groups.items()]
            rows.append((name, f"{len(groups):,}", listed(sizes, MOST_NAMED)))
    yield grid(("", "", ""), rows, right=(1,), wide=(2,))


def _notes(found: Analysis) -> Iterator[RenderableType]:
    kinds: dict[NoteKind, list[Note]] = {}
    for note in found.plan.notes:
        kinds.setdefault(note.kind, []).append(note)
    if not kinds:
        return
    yield heading("Notes of the author")
    for kind, notes in kinds.items():
        yield Text(f"{kind}:", style="dim")
        rows = [
            (f"{note.line or ''}", f"{note.text} -> {note.answer}" if note.answer else note.text)
            for note in notes[:MOST_ROWS]
        ]
        yield grid(("", ""), rows, right=(0,), wide=(1,))
        yield from _more(len(notes), "notes")


def _left_out(found: Analysis) -> Iterator[RenderableType]:
    if found.left_out:
        yield remark(f"left out, because the plan is large: {'; '.join(found.left_out)}")


def _more(total: int, word: str) -> Iterator[RenderableType]:
    if total > MOST_ROWS:
        yield remark(f"and {total - MOST_ROWS:,} more {word}; --json has them all")
