"""The chosen thing of the inbox in full: what is wanted, who waits, the ways to answer, the facts.

Rules: first the sentence that every face shows, then the answers, in the same place for all kinds;
what may be long (a log, a request, a list of files) comes last. Text of agents and gates is
cleaned; a permission is shown as `presentation.asks` shows it, with nothing left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from agentdeck.core.asks import next_deadline
from agentdeck.core.explain import first_line
from agentdeck.core.hearing import hears_answer
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Group, Item, Kind, last_red_run
from agentdeck.core.next_try import next_try
from agentdeck.core.plan import Unattended
from agentdeck.core.state import Question, TaskRun
from agentdeck.tui.presentation.asks import choices, request_lines, rule_lines
from agentdeck.tui.presentation.budget import budget_rows
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time, duration, plural
from agentdeck.tui.presentation.gates import WORDS, gate_lines
from agentdeck.tui.presentation.inbox import (
    name_of,
    nothing_waits,
    queue_words,
    sign_of,
    waiting_words,
)
from agentdeck.tui.presentation.line import (
    EMPTY,
    Line,
    Span,
    cut_line,
    plain,
    spread,
    text_of,
    wrapped,
)
from agentdeck.tui.presentation.said import Said
from agentdeck.tui.presentation.titles import title_of

SHOWN_FILES: Final = 40  # of a diff stat; the Diff tab has them all
KEY_CELLS: Final = 5
MAX_DIGIT: Final = 9  # answers that have a digit


class Way(NamedTuple):
    """A key that answers, and what it does here."""

    show: str
    words: str


# Which keys answer what, by the ids of `tui.keys`, with what they mean here.
WAYS: Final[dict[Kind, tuple[tuple[str, str], ...]]] = {
    Kind.QUESTION: (("task.steer", "answer in words of yours"), ("task.stop", "stop the agent")),
    Kind.PERMISSION: (
        ("task.steer", "allow or deny it, once or for good"),
        ("task.stop", "stop the agent"),
    ),
    Kind.PROPOSED: (("task.approve", "take it into the plan"), ("task.stop", "deny it")),
    Kind.ASKED: (("task.stop", "do not answer"),),
    Kind.BY_HAND: (("task.approve", "it is done"), ("task.skip", "leave it out")),
    Kind.FAILED: (
        ("task.retry", "try it again"),
        ("task.retry_feedback", "try it again, with words of yours"),
        ("task.take_over", "go on by hand"),
        ("task.skip", "leave it out"),
        ("view.diff", "look at what it left"),
    ),
    Kind.CANCELLED: (
        ("task.retry", "try it again"),
        ("task.retry_feedback", "try it again, with words of yours"),
        ("task.skip", "leave it out"),
    ),
    Kind.REVIEW: (
        ("task.approve", "say yes"),
        ("task.retry_feedback", "send it back, with words of yours"),
        ("view.diff", "look at the diff"),
        ("task.stop", "drop it"),
    ),
    Kind.APPROVAL: (
        ("task.approve", "say yes"),
        ("task.merge", "say yes, and merge it first"),
        ("task.retry_feedback", "send it back, with words of yours"),
        ("view.diff", "look at the diff"),
        ("task.hold", "put it aside"),
    ),
    Kind.BUDGET: (("run.budget", "set another limit"),),
    Kind.ACCOUNT: (("task.retry", "let agents start on it again"),),
    Kind.GATE: (("task.retry", "run it again"),),
    Kind.LANDING: (("task.stop", "stop it"),),
    Kind.PROMOTION: (("run.promote", "try it again"),),
    Kind.UNPROMOTED: (("run.promote", "bring it in"),),
    Kind.HANDS: (
        ("task.take_over", "open it again"),
        ("task.hand_back", "hand it back"),
        ("task.stop", "stop it"),
    ),
    Kind.PAUSED: (("task.pause", "let it go on"), ("task.stop", "stop it")),
    Kind.HELD: (("task.hold", "let it land"),),
    Kind.RUN_PAUSED: (("task.pause", "let it go on"),),
    Kind.QUEUE_HELD: (("task.hold", "let it land again"),),
}


def title_line(deck: Deck, item: Item) -> Line:
    """What stands in the frame."""
    title = title_of(deck.state.spec(item.task)) if item.task is not None else ""
    return (
        sign_of(deck, item),
        Span(" "),
        Span(name_of(item), "bold"),
        Span(f" {title}" if title else ""),
    )


def detail_lines(deck: Deck, item: Item, ways: Sequence[Way], width: int) -> list[Line]:
    """The whole of one item.

    Args:
        ways: the keys that can answer it now.
    """
    found = [*_first(deck, item, width), EMPTY]
    words = waiting_words(deck, item) if item.kind.group is not Group.READY else ""
    if item.since is not None:
        at = clock_time(item.since, utc=deck.frozen)
        words = f"Since {at} ({duration(deck.now - item.since)}). {words}".rstrip()
    found += [*wrapped(words, width, "muted"), EMPTY]
    for way in (*_digits(deck, item), *ways):
        lead = Span(f"{way.show:<{KEY_CELLS}}", "key bold")
        rows = list(wrapped(way.words, width - KEY_CELLS))
        found += [(lead, *rows[0]), *((Span(" " * KEY_CELLS), *row) for row in rows[1:])]
    more = list(_MORE.get(item.kind, _nothing)(deck, item, width))
    if more and found[-1] != EMPTY:  # no way to answer stands between them
        found.append(EMPTY)
    return [cut_line(line, width) for line in (*found, *more)]


def said_lines(deck: Deck, said: Said, width: int) -> list[Line]:
    """A warning or an error, in full."""
    at = clock_time(said.at, utc=deck.frozen)
    ago = duration(deck.now - said.at)
    times = f", {said.times} times, the last" if said.times > 1 else ""
    return [
        *(wrapped(said.title, width, "bold") if said.title else ()),
        *wrapped(said.text, width),
        EMPTY,
        *wrapped(f"Said{times} at {at} ({ago} ago).", width, "muted"),
        EMPTY,
        (Span(f"{'del':<{KEY_CELLS}}", "key bold"), Span("forget it")),
        (Span(f"{'D':<{KEY_CELLS}}", "key bold"), Span("forget all that was said")),
    ]


def empty_lines(deck: Deck, width: int) -> list[Line]:
    """What an empty inbox says."""
    first, *rest = nothing_waits(deck)
    found = list(wrapped(first, width, "state-landed bold"))
    for sentence in rest:
        found += wrapped(sentence, width, "muted")
    return found


def chosen_option(deck: Deck, item: Item, number: int) -> str | None:
    """The id of the answer of a question that a digit stands for."""
    question = _question(deck, item)
    if item.kind is not Kind.QUESTION or question is None:
        return None
    options = question.options[:MAX_DIGIT]
    return options[number - 1].id if number <= len(options) else None


def _digits(deck: Deck, item: Item) -> list[Way]:
    """The agent's own answers, by digit."""
    if item.kind is Kind.ASKED:
        texts = deck.state.requests[item.name].options[:MAX_DIGIT]
        return [Way(str(number), plain(text)) for number, text in enumerate(texts, 1)]
    question = _question(deck, item)
    if question is None or item.task is None or not _is_heard(deck, item.task):
        return []
    if item.kind is Kind.QUESTION:
        labels = [option.label for option in question.options[:MAX_DIGIT]]
        return [Way(str(number), plain(label)) for number, label in enumerate(labels, 1)]
    if item.kind is Kind.PERMISSION:
        offered = choices(deck.state, item.task, question, None, "you")
        return [Way(choice.key, choice.text) for choice in offered if choice.key.isdigit()]
    return []


def _is_heard(deck: Deck, task: TaskId) -> bool:
    return hears_answer(deck.state, deck.state.tasks[task])


def _question(deck: Deck, item: Item) -> Question | None:
    attempt = deck.state.tasks[item.task].attempt if item.task is not None else None
    return attempt.question if attempt is not None else None


def _sentence(text: str, *, name: str = " ") -> str:
    """With a capital, unless it begins with a name, and a stop."""
    capital = text if text.startswith(name) else text[:1].upper() + text[1:]
    return capital + ("" if text.endswith((".", "?", "!", "…")) else ".")


def _head(title: str, note: str = "") -> Line:
    return (Span(title, "accent bold"), Span(f"  {note}" if note else "", "muted"))


def _nothing(deck: Deck, item: Item, width: int) -> Iterator[Line]:  # noqa: ARG001
    yield from ()


def _first(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """What is wanted: the question itself, the first line of a failure, or the sentence."""
    question = _question(deck, item)
    if question is not None and item.task is not None:
        attempt = deck.state.tasks[item.task].attempt
        count = len(attempt.questions) if attempt is not None else 1
        more = f"1 of {count}; the others follow" if count > 1 else ""
        if item.kind is Kind.PERMISSION:
            yield _head(f"Wants to use {plain(question.tool)}", more)
            return
        yield _head("Asks" if item.kind is Kind.QUESTION else "Yours to do", more)
        yield from wrapped(question.text, width)
    elif item.kind in (Kind.FAILED, Kind.CANCELLED) and item.task is not None:
        task = deck.state.tasks[item.task]
        why = plain(first_line(task.reason)) or str(task.state)
        yield from wrapped(_sentence(why), width, "state-failed bold")
    else:
        said = deck.why(item.task) if item.task is not None else item.said or name_of(item)
        said = f"it cannot land: {item.said}" if item.kind is Kind.LANDING else said
        yield from wrapped(_sentence(plain(said), name=item.name), width, "bold")


def _request(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """What the agent wants to do, character by character, and which rule says something of it."""
    question = _question(deck, item)
    if question is None or item.task is None:
        return
    yield from request_lines(question, width)
    yield EMPTY
    rule = rule_lines(deck.state, item.task, question, None, deck.now, width)[0]
    yield from wrapped(text_of(rule), width, "muted")


def _requested(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """What the task would be, in full, and why; or the whole question, and how it is answered."""
    request = deck.state.requests[item.name]
    put = request.put
    if put is None:
        yield from wrapped(plain(request.text), width)
        words = f"In words of yours: {deck.key('deck.command')} accept {request.id} TEXT"
        yield from wrapped(words, width, "muted")
        return
    for label, value in (
        ("why", request.text),
        ("after", ", ".join(put.after)),
        ("files", ", ".join(put.files)),
    ):
        if value:
            yield from wrapped(f"{label}  {plain(value)}", width, "muted")
    yield from wrapped(plain(put.prompt), width, indent="  ")


def _deadline(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """What happens where nobody answers."""
    task = deck.state.tasks[item.task] if item.task is not None else None
    deadline = next_deadline(deck.state, task) if task is not None else None
    if deadline is not None:
        stops = deck.state.plan.defaults.unattended is Unattended.STOP
        then = "it is stopped" if stops else "it is denied"
        words = f"If nobody answers, {then} in {duration(deadline - deck.now)}."
        yield from wrapped(words, width, "state-asks")


def _failed(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """Why, to the last line of the gate's log; what a retry would do; what there is."""
    assert item.task is not None
    task = deck.state.tasks[item.task]
    rest = task.reason.partition("\n")[2].strip("\n")
    if rest.strip():
        yield _head("The last lines", f"cause: {task.cause}" if task.cause is not None else "")
        yield from wrapped(rest, width, "muted", indent="  ")
        yield EMPTY
    ejection = task.ejection
    if ejection is not None and ejection.files:
        yield _head("Files that do not merge")
        yield from wrapped("\n".join(ejection.files), width, indent="  ")
        yield EMPTY
    yield _head("What a retry would do")
    yield from wrapped(retry_words(deck, task), width)
    if task.feedback and task.feedback_by:
        yield from wrapped(f"It is told: {task.feedback}", width, "muted")
    yield from _work(deck, item, width)


def retry_words(deck: Deck, task: TaskRun) -> str:
    """Who would make the next attempt, and where it would go on."""
    chosen = next_try(deck.state, task, deck.now)
    who = f"{chosen.agent}·{chosen.model}" if chosen.model else str(chosen.agent)
    number = len(task.attempts) + 1
    lead = f"Attempt {number} by {plain(who)}"
    if not task.attempts:
        return f"{lead} begins from {plain(deck.state.target)}."
    last = task.attempts[-1].number
    if chosen.session is not None:
        return f"{lead} goes on in the session of attempt {last}, with its work."
    if chosen.fresh:
        kept = f"the work of attempt {last} is kept on its branch"
        return f"{lead} begins anew from {plain(deck.state.target)}; {kept}."
    return f"{lead} begins a new conversation about the work of attempt {last}."


def _work(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """The diff stat of what was collected."""
    task = deck.state.tasks[item.task] if item.task is not None else None
    work = task.attempt.collected if task is not None and task.attempt is not None else None
    if work is None or not work.files:
        return
    added = sum(max(0, file.added) for file in work.files)
    removed = sum(max(0, file.removed) for file in work.files)
    commits = plural(work.commits, "commit")
    yield EMPTY
    yield _head("Its work", f"{commits}, {plural(len(work.files), 'file')} +{added} −{removed}")
    for file in work.files[:SHOWN_FILES]:
        size: Line = (
            (Span(f"+{file.added}", "state-landed"), Span(f" −{file.removed}", "state-failed"))
            if file.added >= 0
            else (Span("binary", "muted"),)
        )
        yield spread((Span("  " + plain(file.path)),), size, width)
    if len(work.files) > SHOWN_FILES:
        yield (Span(f"  and {len(work.files) - SHOWN_FILES} more", "muted"),)


def _proven(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """The work, and what proves it."""
    lines = list(_work(deck, item, width))
    yield from lines[1:]
    yield from ([EMPTY] if lines else [])
    yield from gate_lines(deck, width)


def _budget(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    yield _head("Budgets")
    for row in budget_rows(deck):
        role = "" if row.scope == item.name else "muted"
        yield cut_line((Span(f"  {row.text}", role),), width)
    book = deck.book
    standing = [task.id for task in book.held_up_by(item.name)]
    if standing:
        yield EMPTY
        yield _head("Stand still for it")
        for name in standing:
            title = title_of(deck.state.spec(name))
            line = (Span("  "), deck.sign(name), Span(f" {name}  "), Span(title, "muted"))
            yield cut_line(line, width)


def _gate(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """The last run of it, to the end of its log."""
    gate = next((gate for gate in deck.state.plan.gates if gate.name == item.name), None)
    run = last_red_run(deck.state, gate.name) if gate is not None else None
    if gate is None or run is None:
        return
    word, role = WORDS[run.verdict]
    code = f" (exit {run.code})" if run.code else ""
    at = clock_time(run.at, utc=deck.frozen)
    yield _head("Its last run", f"{duration(run.seconds)}, at {at}")
    command = plain(" ".join(gate.run))
    yield cut_line((Span("  $ ", "faint"), Span(command), Span(f"  {word}{code}", role)), width)
    for line in run.tail.splitlines():
        if line.strip():
            yield from wrapped(line, width, "muted", indent="  ")


def _kept(deck: Deck, item: Item, width: int) -> Iterator[Line]:
    """Where the work of a task that was put aside is."""
    assert item.task is not None
    attempt = deck.state.tasks[item.task].attempt
    queued = queue_words(deck, item.task)
    if queued:
        yield from wrapped(plain(queued), width, "muted")
    if attempt is None:
        return
    for label, value in (("branch", attempt.branch), ("worktree", attempt.path)):
        if value:
            yield from wrapped(f"{label}  {plain(value)}", width, "muted")


def _disk(_deck: Deck, _item: Item, width: int) -> Iterator[Line]:
    """What would help."""
    text = "Ended runs keep worktrees: `agentdeck clean` lists them, and removes what landed."
    yield from wrapped(text, width, "muted")


_MORE: Final[dict[Kind, Callable[[Deck, Item, int], Iterator[Line]]]] = {
    Kind.PROPOSED: _requested,
    Kind.ASKED: _requested,
    Kind.QUESTION: _deadline,
    Kind.PERMISSION: _request,
    Kind.FAILED: _failed,
    Kind.CANCELLED: _failed,
    Kind.REVIEW: _proven,
    Kind.APPROVAL: _proven,
    Kind.BUDGET: _budget,
    Kind.DISK: _disk,
    Kind.GATE: _gate,
    Kind.HANDS: _kept,
    Kind.PAUSED: _kept,
    Kind.HELD: _kept,
}

__all__ = ["WAYS", "Way", "chosen_option", "detail_lines", "empty_lines", "said_lines"]
