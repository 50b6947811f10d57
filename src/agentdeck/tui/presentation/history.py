"""The History tab: each attempt with what it cost and how it ended, and what was said to it."""

from __future__ import annotations

from collections.abc import Iterator

from agentdeck.core import refs_words
from agentdeck.core.containment import in_words as box_words
from agentdeck.core.containment import refused_in_words, tried_in_words
from agentdeck.core.state import Attempt, TaskRun
from agentdeck.tui.presentation.agents import who
from agentdeck.tui.presentation.budget import spent
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time, count, duration, money, plural
from agentdeck.tui.presentation.line import EMPTY, Line, Span, plain, spread, wrapped

SHOWN_FILES = 12  # of an attempt; the Diff tab has them all


def history_lines(deck: Deck, width: int) -> list[Line]:
    """The whole tab, the latest attempt first."""
    task = deck.task
    if task is None:
        return [(Span("Select a task: its attempts appear here.", "muted"),)]
    found: list[Line] = []
    if not task.attempts:
        found = [(Span("No attempt yet.", "muted"),), EMPTY]
        found += wrapped(deck.why(task.id) + ".", width, "muted")
    for attempt in reversed(task.attempts):
        found += [*([EMPTY] if found else []), *_attempt(deck, task, attempt, width)]
    if len(task.attempts) > 1:
        worked = sum(a.worked_s(deck.now) for a in task.attempts)
        usd = sum(a.usd + a.review_usd for a in task.attempts)
        total = f"{plural(len(task.attempts), 'attempt')}, {duration(worked)} of work, {money(usd)}"
        found += [EMPTY, (Span("In all ", "muted"), Span(total))]
    if task.feedback or task.queued:
        found += [EMPTY, (Span("For the next attempt", "accent bold"),)]
    if task.feedback:
        found += wrapped(task.feedback, width, "muted", indent="  ")
    for said in task.queued:
        found += wrapped(f"{said.by}: {said.text} (queued)", width, "state-asks", indent="  ")
    return found


def _attempt(deck: Deck, task: TaskRun, attempt: Attempt, width: int) -> Iterator[Line]:
    began = clock_time(attempt.claimed_at, utc=deck.frozen)
    current = attempt is task.attempt
    outcome = attempt.outcome or (str(deck.status(task.id)) if current else "ended")
    sign = (
        deck.sign(task.id)
        if current
        else Span("✕" if "fail" in outcome or "retr" in outcome else "·", "muted")
    )
    head: Line = (sign, Span(f" {task.id}#{attempt.number}", "bold"), Span(f"  {outcome}"))
    right: Line = (Span(f"{who(attempt)}  {began}", "muted"),)
    yield spread(head, right, width)
    tokens = attempt.tokens_in + attempt.tokens_out
    cost = [
        f"worked {duration(attempt.worked_s(deck.now))}",
        f"{count(tokens)} tokens" if tokens else "",
        spent(attempt) if attempt.usd else "",
        plural(attempt.tools, "tool call") if attempt.tools else "",
        _went_on(attempt),
    ]
    yield from wrapped(" · ".join(part for part in cost if part), width, "muted", indent="  ")
    if attempt.why:
        yield from wrapped(attempt.why, width, "muted", indent="  ")
    if attempt.worker:
        yield from wrapped(f"on worker {attempt.worker}", width, "muted", indent="  ")
    box = box_words(attempt.sandbox, network=attempt.network)
    if box:
        yield from wrapped(box, width, "muted", indent="  ")
    if attempt.confined is not None:
        yield from wrapped(tried_in_words(attempt.confined), width, "muted", indent="    ")
    if attempt.exit is not None and attempt.exit.refusals:
        yield from wrapped(refused_in_words(attempt.exit.refusals) + ":", width, indent="    ")
        for line in attempt.exit.refused:
            yield from wrapped(line, width, "muted", indent="      ")
    yield from _end(attempt, width)
    if attempt.refs is not None:
        yield from wrapped(refs_words.sentence(attempt.refs), width, "state-failed", indent="  ")
    if current and task.reason:
        yield from wrapped(task.reason, width, "", indent="  ")
    work = attempt.collected
    if work is not None:
        own = (
            f", {plural(work.left_uncommitted, 'file')} committed for it"
            if work.left_uncommitted
            else ""
        )
        what = f"{plural(work.commits, 'commit')}, {plural(len(work.files), 'file')}{own}"
        yield (Span("  " + what, "muted"),)
        for file in work.files[:SHOWN_FILES]:
            size = f"+{file.added} −{file.removed}" if file.added >= 0 else "binary"
            yield spread((Span("    " + plain(file.path)),), (Span(size, "muted"),), width)
        if len(work.files) > SHOWN_FILES:
            yield (Span(f"    and {len(work.files) - SHOWN_FILES} more", "muted"),)
    for said in attempt.told:
        yield from wrapped(f"{said.by}: {said.text}", width, "state-asks", indent="  ")
    for message in attempt.messages:
        sent = "" if message.delivered else " (on its way)"
        sent = " (not heard: told again)" if message.requeued else sent
        yield from wrapped(f"{message.by}: {message.text}{sent}", width, "state-asks", indent="  ")


def _went_on(attempt: Attempt) -> str:
    if attempt.resumed is not None:
        return "went on in the session of the one before"
    return "" if attempt.fresh else "went on where the one before had stopped"


def _end(attempt: Attempt, width: int) -> Iterator[Line]:
    end = attempt.exit
    if end is None or (end.code == 0 and end.cause is None and not end.detail):
        return
    how = "no exit status" if end.code is None else f"exit {end.code}"
    cause = f", {end.cause}" if end.cause else ""
    detail = f": {end.detail}" if end.detail else ""
    yield from wrapped(f"{how}{cause}{detail}", width, "muted", indent="  ")
