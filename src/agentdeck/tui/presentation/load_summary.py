"""What stands above the rows of the load screen: the machine, and how many agents work.

Rules: what was not measured is said once, with the reason, and takes the place of the figures that
are missing; tokens and agents come from the run itself and are always there.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.scheduler import slots_used
from agentdeck.plans.reporting.rates import resampled
from agentdeck.tui.presentation.bars import bar, spark
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import count, plural, rough, size
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut_line, fit
from agentdeck.tui.presentation.load_course import GAP_S, LoadCourse, filled

WORD_CELLS: Final = 9  # of the word that names a line
FIGURE_CELLS: Final = 11
OTHER_CELLS: Final = 50  # of what stands behind a course
SPARK: Final = (12, 90)  # cells, at least and at most
COURSE_S: Final = (60.0, 600.0)  # of the courses, at least and at most
NOW_S: Final = 120.0  # tokens a minute are the mean of so long
MINUTE_S: Final = 60.0
FULL: Final = 0.9  # of cores, memory or disk: from here on a person should know


def machine_lines(deck: Deck, course: LoadCourse, problem: str, width: int) -> list[Line]:
    """The lines, each at most `width` cells wide.

    Args:
        problem: why nothing is measured any more; empty = it is.
    """
    cells_of = max(SPARK[0], min(SPARK[1], width - WORD_CELLS - FIGURE_CELLS - OTHER_CELLS))
    since = _since(deck, course)
    found = [
        *_machine(deck, course, problem, since, cells_of, width),
        _tokens(deck, since, cells_of),
        _agents(deck, cells_of),
    ]
    return [cut_line(line, width) for line in found if line]


def not_measured(deck: Deck, course: LoadCourse, problem: str) -> str:
    """Why there are no figures of the machine; empty when there are."""
    now = course.now
    if deck.replay is not None:
        return "not measured in the past: the journal knows tokens, not processors (B: now)"
    if deck.simulated:
        return "the run is simulated: no agent is at work on this machine"
    if problem:
        return f"cannot be measured here: {problem}"
    if now is None and deck.frozen:
        return "not measured: the time stands still here"
    if now is None:
        return "measured while the deck is open; the first figures come at once"
    if deck.now - now.at > GAP_S:
        return "was measured last long ago; new figures come at once"
    return ""


def _since(deck: Deck, course: LoadCourse) -> float:
    """Where the courses begin: with the first point, if that is not too long ago."""
    least, most = COURSE_S
    first = course.points[0].at if course.points else deck.state.started_at
    return deck.now - max(least, min(most, deck.now - first))


def _machine(
    deck: Deck, course: LoadCourse, problem: str, since: float, cells_of: int, width: int
) -> list[Line]:
    why = not_measured(deck, course, problem)
    now, look = course.now, course.latest
    if why or now is None or look is None:
        return [_named("Machine", Span(why, "muted"))]
    until = deck.now
    busy = course.course(lambda point: point.cores / look.cores, since, until, cells_of)
    used = course.course(lambda point: point.memory, since, until, cells_of)
    share = now.cores / look.cores
    rest = max(0.0, now.cores - now.by_agents)
    whose = f"  agents {now.by_agents:.1f} · others {rest:.1f} of {look.cores} cores"
    if look.load and width >= WORD_CELLS + FIGURE_CELLS + cells_of + OTHER_CELLS:
        whose += f" · load {look.load:.1f}"
    whole = size(look.memory_bytes)
    own = sum(agent.rss_bytes for agent in now.agents.values())
    lines = [
        _named(
            "CPU",
            Span(fit(f"{share:.0%}", FIGURE_CELLS), _role(share, "bold")),
            *spark(filled(busy), cells_of, top=1.0),
            Span(whose, "muted"),
        ),
        _named(
            "Memory",
            Span(fit(f"{now.memory:.0%}", FIGURE_CELLS), _role(now.memory, "bold")),
            *spark(filled(used), cells_of, top=1.0),
            Span(f"  agents {size(own)} · all {size(look.used_bytes)} of {whole}", "muted"),
        ),
    ]
    if look.disk_bytes:
        taken = 1 - look.free_bytes / look.disk_bytes
        lines.append(
            _named(
                "Disk",
                Span(fit(f"{taken:.0%}", FIGURE_CELLS), _role(taken, "bold")),
                *bar(taken, min(cells_of, SPARK[0] * 2), _role(taken, "accent")),
                Span(f"  {size(look.free_bytes)} free of {size(look.disk_bytes)}", "muted"),
            )
        )
    return lines


def _tokens(deck: Deck, since: float, cells_of: int) -> Line:
    if deck.reading:
        return _named("Tokens", Span(deck.reading, "muted"))
    bins, now = deck.rates.bins, deck.now
    if bins is None or not bins.tokens or now <= bins.began_at:
        return EMPTY
    end = now - bins.began_at
    lately = min(NOW_S, end)
    rate = resampled(bins.tokens, bins.width_s, end - lately, end, 1)[0] / lately * MINUTE_S
    course = resampled(bins.tokens, bins.width_s, since - bins.began_at, end, cells_of)
    return _named(
        "Tokens",
        Span(fit(f"{count(round(rate))}/m", FIGURE_CELLS), "bold"),
        *spark(course, cells_of, "state-queued"),
        Span(f"  the last {rough(now - since)}", "muted"),
    )


def _agents(deck: Deck, cells_of: int) -> Line:
    state = deck.state
    if not state.seq:
        return EMPTY
    used, limit = slots_used(state), state.agents_limit
    reviews = len(state.reviewing)
    said = f", {plural(reviews, 'review')} among them" if reviews else ""
    return _named(
        "Agents",
        Span(fit(f"{used} of {limit}", FIGURE_CELLS), "bold"),
        *bar(used / limit if limit else 0.0, min(cells_of, SPARK[0] * 2)),
        Span(f"  at once (+ -){said}", "muted"),
    )


def _named(word: str, *spans: Span) -> Line:
    return (Span(fit(word, WORD_CELLS), "muted"), *spans)


def _role(share: float, calm: str) -> str:
    return "state-asks bold" if share >= FULL else calm
