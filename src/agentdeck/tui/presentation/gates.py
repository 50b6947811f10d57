"""The Gates tab: each gate of the task with its verdicts, and the end of the log of each run."""

from __future__ import annotations

from collections.abc import Iterator

from agentdeck.core import evidence, verdicts
from agentdeck.core.events import FailureClass, ReviewVerdict, Verdict
from agentdeck.core.plan import GateWhen
from agentdeck.core.review import in_words
from agentdeck.core.state import GateRun, RunState, TaskRun
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time, duration
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut_line, plain, spread, wrapped
from agentdeck.tui.presentation.merge_queue import MARKS

WORDS = {
    Verdict.PASSED: ("passed", "state-landed"),
    Verdict.FAILED: ("failed", "state-failed"),
    Verdict.TIMED_OUT: ("timed out", "state-failed"),
    Verdict.BROKEN: ("could not be run", "state-asks"),
}


JUDGED = {
    ReviewVerdict.APPROVE: ("approved", "state-landed"),
    ReviewVerdict.REQUEST_CHANGES: ("wants changes", "state-asks"),
    ReviewVerdict.FAILED: ("gave no verdict", "state-failed"),
    ReviewVerdict.ENDED: ("was ended", "muted"),
}


def gate_lines(deck: Deck, width: int) -> list[Line]:
    """The whole tab."""
    task = deck.task
    if task is None:
        return [(Span("Select a task: the gates it has to pass appear here.", "muted"),)]
    found: list[Line] = []
    for title, when, tree, what in _trees(deck.state, task):
        names = evidence.task_gates(deck.state, task) if when is GateWhen.TASK else None
        names = evidence.merge_gates(deck.state, task) if names is None else names
        if not names:
            continue
        head: Line = (Span(title, "bold"), Span(f"  {what}", "muted"))
        found += [*([EMPTY] if found else []), cut_line(head, width)]
        for name in names:
            found += _gate(deck, name, tree, width)
    reviews = list(_reviews(deck, task, width))
    found += [*([EMPTY] if found and reviews else []), *reviews]
    if task.cause is FailureClass.GATE and task.reason:
        # the tree that failed left the queue with its entry; its last lines are in the reason
        found += [EMPTY, (Span("What it failed on", "state-failed bold"),)]
        found += wrapped(task.reason, width, "muted", indent="  ")
    if not found:
        return [
            (Span("The plan has no gate for this task: finished work lands as it is.", "muted"),)
        ]
    return found


def _reviews(deck: Deck, task: TaskRun, width: int) -> Iterator[Line]:
    """Each review of the task's work: whose it is, how it ended, what it said."""
    told = [(attempt.number, one) for attempt in task.attempts for one in attempt.reviews]
    if told:
        yield (Span("Reviews", "bold"),)
    for number, one in told:
        word, role = (
            JUDGED[one.verdict] if one.verdict is not None else ("goes on", "state-checking")
        )
        left: Line = (Span("  "), Span(plain(one.by), "bold"), Span(f"  {word}", role))
        when = clock_time(one.finished_at or one.started_at, utc=deck.frozen)
        yield spread(left, (Span(f"attempt {number}  {when}", "muted"),), width)
        said = in_words(one.problem or one.summary, one.comments)
        if said:
            yield from wrapped(said, width, "muted", indent="    ")


def _trees(state: RunState, task: TaskRun) -> Iterator[tuple[str, GateWhen, str, str]]:
    """The exact trees that were gated: the agent's work, then what would land or has landed."""
    work = task.attempt.collected if task.attempt is not None else None
    tree = work.tree if work is not None else ""
    what = f"the agent's commit {work.head[:10]}" if work else "when the agent has ended"
    yield "In the worktree", GateWhen.TASK, tree, what
    entry = next((entry for entry in state.queue.values() if entry.task == task.id), None)
    build = entry.build if entry is not None else None
    if build is not None:
        yield (
            "In the merge queue",
            GateWhen.MERGE,
            build.tree,
            f"the exact commit {build.commit[:10]}",
        )
    elif task.landed_commit is None:
        yield "In the merge queue", GateWhen.MERGE, "", "on the exact commit that would land"
    else:
        what = f"passed as {task.landed_commit[:10]}"
        yield "In the merge queue", GateWhen.MERGE, _landed_tree(state, task), what


def _landed_tree(state: RunState, task: TaskRun) -> str:
    """The tree of a landing is only known of the target's tip; older ones stand in the journal."""
    return state.tip_tree if task.landed_commit == state.tip else ""


def _gate(deck: Deck, name: str, tree: str, width: int) -> Iterator[Line]:
    gate = next(gate for gate in deck.state.plan.gates if gate.name == name)
    runs = deck.state.gate_runs(gate.name, tree) if tree else []
    standing = verdicts.standing(gate, runs) if runs else verdicts.Standing.OPEN
    flaky = standing is verdicts.Standing.FLAKY
    left: Line = (MARKS[standing], Span(" "), Span(name, "bold"), Span("  "))
    left = (
        *left,
        Span(plain(" ".join(gate.run[-1:] if gate.run[:1] == ("sh",) else gate.run)), "faint"),
    )
    note: Line = (Span("flaky", "state-asks"),) if flaky else EMPTY
    yield spread((Span("  "), *left), note, width)
    for run in runs:
        yield from _run(deck, run, width)


def _run(deck: Deck, run: GateRun, width: int) -> Iterator[Line]:
    word, role = WORDS[run.verdict]
    code = f" (exit {run.code})" if run.verdict is Verdict.FAILED and run.code is not None else ""
    when = clock_time(run.at, utc=deck.frozen)
    left: Line = (Span(f"    run {run.run} ", "muted"), Span(word + code, role))
    yield spread(left, (Span(f"{duration(run.seconds)}  {when}", "muted"),), width)
    for line in run.tail.splitlines():
        if line.strip():
            yield from wrapped(line, width, "muted", indent="      ")
