"""The Brief tab: why the task stands where it stands, what is expected, asked of it, and holds."""

from __future__ import annotations

from collections.abc import Iterator

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Land
from agentdeck.plans.forecast.hints import MAX_HINTS
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import count, duration
from agentdeck.tui.presentation.forecast import task_words
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut_line, plain, wrapped
from agentdeck.tui.presentation.titles import title_of

LABEL_CELLS = 12


def brief_lines(deck: Deck, width: int) -> list[Line]:
    """The whole tab."""
    task = deck.task
    if task is None:
        return [(Span("Select a task: what its agent is told appears here.", "muted"),)]
    spec = deck.state.spec(task.id)
    lines: list[Line] = [*_head("Why"), *wrapped(deck.why(task.id) + ".", width)]
    lines += _outlook(deck, task.id, width)
    lines += [EMPTY, *_head("Needs"), *_tasks(deck, spec.after, width, "nothing")]
    needed_by = deck.state.plan.dependents[task.id]
    lines += [EMPTY, *_head("Needed by"), *_tasks(deck, needed_by, width, "nothing")]
    lines += [EMPTY, *_head("Holds for it"), *_settings(deck, task.id, width)]
    lines += [EMPTY, *_head("Prompt")]
    if spec.prompt.strip():
        lines += wrapped(spec.prompt.strip("\n"), width)
    else:
        lines.append(
            (Span("The plan gives no prompt; the title is all the agent is told.", "muted"),)
        )
    return lines


def _outlook(deck: Deck, task: TaskId, width: int) -> Iterator[Line]:
    """What is expected of it, and what comes back that it has to do with."""
    words = task_words(deck, task)
    comes_back = [hint.sentence for hint in deck.setbacks.hints(deck.state) if task in hint.tasks]
    if not words and not comes_back:
        return
    yield EMPTY
    yield from _head("Outlook")
    for sentence in (*words, *comes_back[:MAX_HINTS]):
        yield from wrapped(plain(sentence), width)


def _head(title: str) -> list[Line]:
    return [(Span(title, "accent bold"),)]


def _tasks(deck: Deck, ids: tuple[TaskId, ...], width: int, none: str) -> Iterator[Line]:
    if not ids:
        yield (Span(none, "muted"),)
    size = max((len(i) for i in ids), default=0)
    for task_id in ids:
        title = title_of(deck.state.spec(task_id))
        line = (
            deck.sign(task_id),
            Span(" "),
            Span(task_id.ljust(size)),
            Span(f"  {title}", "muted"),
        )
        yield cut_line((*line, Span(f"  {deck.status(task_id)}", "faint")), width)


def _settings(deck: Deck, task_id: TaskId, width: int) -> Iterator[Line]:
    spec, holds = deck.state.spec(task_id), deck.state.settings(task_id)
    attempt = deck.state.tasks[task_id].attempt
    approve = deck.key("task.approve")
    lands = {Land.AUTO: "when green", Land.APPROVE: f"after your approval ({approve})"}
    tokens = f", {count(spec.tokens)} tokens" if spec.tokens else ""
    times = f"{duration(holds.timeout_s)} in all, {duration(holds.idle_timeout_s)} idle"
    rows = [
        ("files", ", ".join(spec.files) or "any: no footprint is given"),
        ("agent", str(holds.agent) + (f" · {holds.model}" if holds.model else "")),
        ("pool", str(holds.pool or "")),
        ("lands", lands.get(holds.land, f"after your review ({approve})")),
        ("gates", ", ".join(holds.gates) or "none"),
        ("estimate", duration(holds.estimate_s) + tokens),
        ("limits", f"{times}, {holds.retries} retries"),
        ("risk", spec.risk or ""),
        ("labels", ", ".join(spec.labels)),
        ("worker", attempt.worker if attempt else ""),
        ("branch", (attempt.branch or "") if attempt else ""),
        ("worktree", (attempt.path or "") if attempt else ""),
    ]  # fmt: skip
    for label, value in rows:
        if value:
            lines = list(wrapped(plain(value), width - LABEL_CELLS))
            yield (Span(label.ljust(LABEL_CELLS), "muted"), *lines[0])
            yield from ((Span(" " * LABEL_CELLS), *line) for line in lines[1:])
