"""`tasks`, `task`, `queue`, `inbox`: a run one part at a time, in lines that can be read aloud.

Rules: the words are those of the control room and of `core.explain`; what a person can do about
something that waits for them is the command that does it.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from agentdeck.cli.output import safe, say, say_json
from agentdeck.cli.place import JsonOption, RunArgument, RunOption, looked_at
from agentdeck.cli.templates import FormatOption, print_rows
from agentdeck.control.explaining import explained
from agentdeck.control.run_lines import TaskLine, task_lines
from agentdeck.control.waiting_lines import answer_to, proposed, waiting_line
from agentdeck.core import inbox as waiting_list
from agentdeck.core import queue as merge_queue
from agentdeck.core.explain import explain_entry, short_duration
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Item
from agentdeck.core.lanes import lanes, of_task, where_of
from agentdeck.core.state import Attempt, RunState


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (tasks, task, queue, inbox):
        app.command(rich_help_panel="Look")(verb)


def tasks(
    context: typer.Context,
    run: RunArgument = None,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only those: failed, landed.")
    ] = None,
    template: FormatOption = None,
) -> int:
    """The tasks of a run, one a line, with the state of each.

    The fields of --format are those of `tasks` in `status --json`.
    """
    looked = looked_at(context, run)
    found, code = looked.state, looked.code
    rows = [each for each in found.tasks.values() if state in (None, str(each.state))]
    if template is not None:
        lines = task_lines(found, looked.now, [each.id for each in rows]) if rows else []
        print_rows(template, TaskLine.__struct_fields__, map(msgspec.structs.asdict, lines))
        return code
    for each in rows:
        say(safe(f"{each.id}: {each.state}. {found.spec(each.id).title}"))
    if not rows:
        say(f"no task is {safe(state)}" if state else "there are no tasks")
    return code


def task(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="TASK", help="A task's id.")],
    run: RunOption = None,
) -> int:
    """One task: how it stands and why, what it needs, its attempts."""
    from agentdeck.control.repo import task_of

    folder, state, _, now, code = looked_at(context, run)
    found = task_of(state, TaskId(name))
    spec = state.spec(found.id)
    say(safe(f"{found.id}: {spec.title}"))
    say(safe(explained(folder, state, found.id, now)))
    if spec.repo is not None:
        say(safe(f"works in repository {spec.repo}, {of_task(state, found.id).checkout}"))
    mates = [name for name in state.plan.group_of.get(found.id, ()) if name != found.id]
    if mates:
        say(safe(f"lands together with {', '.join(mates)}"))
    needs, needed = spec.after, state.plan.dependents.get(found.id, ())
    if needs:
        say(safe(f"needs {', '.join(needs)}"))
    if needed:
        say(safe(f"is needed by {', '.join(needed)}"))
    for attempt in found.attempts:
        say(safe(_attempt_words(attempt, now)))
    for item in waiting_list.waiting(state):
        if item.task == found.id and (answer := answer_to(item)):
            say(f"next: {safe(answer)}")
    return code


def queue(context: typer.Context, run: RunArgument = None) -> int:
    """The merge queue, in order, and why each entry waits."""
    _, state, _, now, code = looked_at(context, run)
    if state.queue_held:
        say("the queue is held: nothing lands; `release` lifts that")
    for lane in lanes(state):
        waiting = merge_queue.in_order(lane)
        if waiting and state.repos:
            say(safe(f"{where_of(lane)}:"))
        for place, entry in enumerate(waiting, start=1):
            say(safe(f"{place}. {entry.id} {explain_entry(state, entry, now)}"))
    if not state.queue:
        say("nothing waits to land")
    return code


def inbox(context: typer.Context, run: RunArgument = None, as_json: JsonOption = False) -> int:
    """Everything that waits for you, the most urgent first, with the command that answers it."""
    folder, state, _, now, code = looked_at(context, run)
    found = waiting_list.ranked(state, waiting_list.waiting(state))
    if as_json:
        say_json({"waiting": [_as_data(state, item, waits, now) for item, waits in found]})
        return code
    from_tracker = proposed(folder, state)
    for item, waits in found:
        behind = f"; {waits} task{'s wait' if waits > 1 else ' waits'} for it" if waits else ""
        since = "" if item.since is None else f", since {short_duration(now - item.since)}"
        answer = answer_to(item)
        say(safe(f"{item_words(state, item, now)}{since}{behind}") + _told(answer))
    for line in from_tracker:
        say(safe(line))
    if not found and not from_tracker:
        say("nothing waits for you")
    return code


def item_words(state: RunState, item: Item, now: float) -> str:
    """`S-3 asks: which port?`, in the words of the control room's inbox. Not yet safe to print."""
    from agentdeck.tui.presentation.deck import Deck
    from agentdeck.tui.presentation.inbox import name_of, wanted

    return f"{name_of(item)}: {wanted(Deck(state, now), item)}"


def _told(answer: str) -> str:
    return f"; `{safe(answer)}`" if answer else ""


def _attempt_words(attempt: Attempt, now: float) -> str:
    ended = attempt.exited_at
    took = short_duration((ended or now) - attempt.claimed_at)
    cost = f", ${attempt.usd:.2f}" if attempt.usd else ""
    how = f"took {took}" if ended is not None else f"at work for {took}"
    used = f"{attempt.tokens_in + attempt.tokens_out:,} tokens{cost}"
    return f"attempt {attempt.number} by {attempt.agent}: {how}, {used}"


def _as_data(state: RunState, item: Item, waits: int, now: float) -> dict[str, Any]:
    line = msgspec.structs.asdict(waiting_line(state, item, waits, now))
    return {**line, "what": item_words(state, item, now)}


__all__ = ["item_words", "register"]
