"""What a pane or a screen shows, and the keys that matter in it: the beginning of the help.

Rules: two or three sentences a place, then its keys by their ids, then the signs that are on the
screen now. A place that is not in the table has no beginning of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from agentdeck.tui.keys import Context, Key
from agentdeck.tui.presentation.line import Line, Span, cells
from agentdeck.tui.presentation.plan_view import PlanView
from agentdeck.tui.presentation.status import SIGNS

GAP: Final = "   "


class Place(NamedTuple):
    """Where one is."""

    title: str
    said: str
    keys: tuple[str, ...]  # ids, in the order in which they are listed
    signs: bool = True  # of states, below


_PLAN: Final = ("move.up", "move.down", "move.open", "view.plan", "view.fold", "mark.task")
_TASK: Final = ("view.log", "view.diff", "view.previous_tab", "view.next_tab", "task.steer",
                "task.take_over", "task.copy", "view.zoom")  # fmt: skip

PLACES: Final[dict[str, Place]] = {
    "plan graph": Place(
        "The plan as a graph",
        "From left to right, every task behind what it needs. What the selected task needs and "
        "what needs it is lit; the line in bold is the longest way to the end. Below stands why "
        "the selected task is where it is.",
        (*_PLAN, "move.sideways", "view.minimap"),
    ),
    "plan outline": Place(
        "The plan as an outline",
        "Phases with what became of their tasks: landed of all, and what asks or has failed. A "
        "task has its state and its time; below stands why the selected one is where it is.",
        (*_PLAN, "move.sideways"),
    ),
    "plan timeline": Place(
        "The plan on a timeline",
        "When each task worked and waited, and right of now what is expected: the bar to the "
        "middle of the forecast, dots to its late end.",
        (
            "move.up",
            "move.down",
            "view.plan",
            "time.nearer",
            "time.further",
            "time.pan",
            "time.all",
        ),
    ),
    "task": Place(
        "The task",
        "Everything about the selected task: the log of its agent, what it changed, its gates, "
        "what it was told, and its attempts with what they cost.",
        _TASK,
    ),
    "log": Place(
        "The log",
        "What the agent says and does, each tool on a line. The end is followed until you scroll; "
        "new lines are counted then.",
        (
            "log.find",
            "log.next",
            "log.filter",
            "log.kinds",
            "log.jump",
            "log.fold",
            "log.fold_all",
            "log.times",
            "log.wrap",
            "log.copy",
            "log.copy_all",
            "log.ends",
            "view.raw",
        ),
        signs=False,
    ),
    "diff": Place(
        "The diff",
        "What the agent changed against the base, file by file. Comments go back to the agent with "
        "the work.",
        (
            "diff.changes",
            "diff.files",
            "diff.comment",
            "diff.comments",
            "task.retry_feedback",
            "task.approve",
        ),
        signs=False,
    ),
    "agents": Place(
        "The agents",
        "Who is at work: the task, the model, how long, how many tokens, and what it does now. "
        "The figures in the frame are slots in use of slots allowed.",
        (
            "task.pause",
            "task.stop",
            "task.steer",
            "task.take_over",
            "run.more",
            "run.fewer",
            "run.pools",
            "view.wall",
        ),
    ),
    "queue": Place(
        "The merge queue",
        "What lands next: each entry with its gates, on what it is built, why it does not move. "
        "Entries behind one bracket are gated and land as one. Below them is what waits for a yes, "
        "then what has landed.",
        (
            "task.approve",
            "run.approve_all",
            "task.merge",
            "task.move_up",
            "task.move_down",
            "task.hold",
            "run.hold",
            "task.stop",
            "view.raw",
            "view.conflict",
        ),
    ),
    "inbox": Place(
        "The inbox",
        "Everything that waits for you, what keeps most waiting first; at the right all of the one "
        "that is chosen, and what can be done about it. Once it is answered, the next one follows.",
        (
            "inbox.choose",
            "move.open",
            "task.approve",
            "task.retry",
            "task.steer",
            "inbox.dismiss",
            "screen.back",
        ),
    ),
    "wall": Place(
        "The wall",
        "The logs of all agents at work, each in a tile that stays where it is. An agent that has "
        "ended keeps its tile for a while.",
        ("wall.move", "wall.zoom", "wall.page", "task.pause", "task.steer", "screen.back"),
    ),
}


def place_of(context: Context) -> Place | None:
    """Where one is; None where nothing is known of it."""
    if context.inside in PLACES:
        return PLACES[context.inside]
    views = {PlanView.GRAPH: "graph", PlanView.OUTLINE: "outline", PlanView.TIMELINE: "timeline"}
    name = f"plan {views[context.view]}" if context.pane == "plan" else context.pane
    return PLACES.get(name)


def keys_here(place: Place, context: Context) -> list[Key]:
    """Its keys as the person has them."""
    by_id = {key.id: key for key in context.keys}
    return [by_id[name] for name in place.keys if name in by_id]


def signs_here(context: Context, width: int) -> Iterator[Line]:
    """The states that tasks are in now, several a line."""
    deck = context.deck
    states = {deck.status(task) for task in deck.state.tasks}
    line: list[Span] = []
    for status, sign in SIGNS.items():
        if status not in states:
            continue
        piece = (Span(sign.glyph, sign.role), Span(f" {status}", "muted"))
        if line and cells((*line, Span(GAP), *piece)) > width:
            yield tuple(line)
            line = []
        line += [*([Span(GAP)] if line else []), *piece]
    if line:
        yield tuple(line)


__all__ = ["PLACES", "Place", "keys_here", "place_of", "signs_here"]
