"""Every key of the deck, as data: footer, help, palette and docs/keys.md are made from it.

Rules:
- A key is an entry with an id that a person can remap by, the keys, a label, a sentence, and either
  a command for the engine or an act of the screen.
- `reason` says why a key cannot act now; the engine's own rule (`core.decide`) is asked, so the
  answer is the one that the engine would give.
- What destroys work or ends something asks once.
- While tasks are marked, the keys of `bulk_commands.WAYS` act on all of them together, and the
  others on the selected one as ever. `V` marks in every pane: `v`, the usual letter for it, is the
  raw log and the verdicts here, and stays that.
"""

# ruff: noqa: E501 - the table reads best with one entry a row

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.hearing import hears_answer
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.inbox import Kind
from agentdeck.core.state import LIVE, TaskState, Wanted
from agentdeck.tui.bulk_commands import WAYS, bulk_of, result_words, verb_of, way_of
from agentdeck.tui.presentation.brief_edit import why_not_edited
from agentdeck.tui.presentation.conflict import conflict_of
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.key_names import in_words
from agentdeck.tui.presentation.plan_view import PlanView


class Group(StrEnum):
    """Where a key stands in the help."""

    MOVE = "Moving about"
    TASK = "The selected task"
    RUN = "The run"
    MARK = "Many tasks at once"
    VIEW = "What is shown"
    TIME = "In the timeline"
    DIFF = "In the diff"
    LOG = "In the log"
    REPLAY = "Looking back"
    INBOX = "In the inbox"
    WALL = "On the wall"
    SPENDING = "In the spending"
    LOAD = "In the load"
    EVENTS = "In the events"
    DECK = "The deck"


class Ask(StrEnum):
    """What a key asks before it acts."""

    CONFIRM = "confirm"
    SKIP = "skip"
    TEXT = "text"
    HAND_BACK = "hand back"


@dataclass(frozen=True)
class Context:
    """On what a key would act."""

    deck: Deck
    pane: str = "plan"  # plan | task | agents | queue | tails, or one of `SCREENS`
    keys: tuple[Key, ...] = field(default_factory=lambda: KEYS)  # as the person has them
    view: PlanView = PlanView.GRAPH  # of the plan
    # What keys mean here in place of their own: a word and a command, by the key's id.
    instead: Mapping[str, tuple[str, AnyCommand]] = field(default_factory=dict)
    footer: tuple[str, ...] = ()  # ids of the keys that the footer shows here; () = the usual
    inside: str = ""  # what of the pane has the focus, where it has keys of its own: log | diff
    pool: PoolName | None = None  # of the row that one looks at
    small: bool = False  # the screen has room for one pane at a time

    @property
    def task(self) -> TaskId | None:
        """The selected task."""
        return self.deck.selected

    @cached_property
    def marked(self) -> list[TaskId]:
        """The marked tasks in plan order."""
        marked = self.deck.marked
        return [task for task in self.deck.state.tasks if task in marked] if marked else []


Make = Callable[[Context, TaskId], AnyCommand]


@dataclass(frozen=True)
class Key:
    """One key."""

    id: str
    keys: str  # as Textual names them, parted by commas; "" = the framework's own
    show: str  # as it is written
    label: str
    tooltip: str
    group: Group
    make: Make | None = None  # the command
    of_task: bool = True  # False: the command needs no selected task
    ask: Ask | None = None
    act: str = ""  # the screen's act, where there is no command
    why_not: Callable[[Context], str | None] | None = None  # further reasons
    footer: int = 0  # the place among footer keys, which give way from behind; 0 = not there
    says: Callable[[Context], str] | None = None  # another label in this state
    offered: Callable[[Context], bool] | None = None  # when the footer has it; None = always


def reason(key: Key, context: Context) -> str | None:
    """Why the key cannot act now, or None when it can."""
    deck = context.deck
    if deck.replay is not None and key.id in IN_REPLAY:
        return None
    if deck.replay is not None and (key.make is not None or key.act in ACTS_NOW):
        return PAST
    if key.why_not is not None and (found := key.why_not(context)) is not None:
        return found
    if key.make is None:
        return None
    if not deck.state.seq:
        return "nothing is known of the run yet"
    if is_bulk(key, context):
        if way_of(key.id, deck.state, context.marked) is None:
            return result_words((), bulk_of(key.id, deck.state, context.marked).refused)
        return deck.offline or None
    if key.of_task and context.task is None and key.id not in context.instead:
        return "select a task first"
    command = command_of(key, context)
    refused = refusal(deck.state, command) if command is not None else None
    return refused or deck.offline or None


def command_of(key: Key, context: Context, **fields: object) -> AnyCommand | None:
    """The command of a key, with what a dialog added; None for an act of the screen."""
    if key.make is None:
        return None
    instead = context.instead.get(key.id)
    command = instead[1] if instead else key.make(context, context.task or TaskId(""))
    if not fields or instead:
        return command
    import msgspec

    return msgspec.structs.replace(command, **fields)


def is_bulk(key: Key, context: Context) -> bool:
    """Would it act on the marked tasks?"""
    return bool(context.deck.marked) and key.id in WAYS and context.deck.replay is None


def label(key: Key, context: Context) -> str:
    """The key's word in this state."""
    if key.id in context.instead:
        return context.instead[key.id][0]
    if is_bulk(key, context):
        way = way_of(key.id, context.deck.state, context.marked)
        return f"{verb_of(way, key.label)} {len(context.marked)}"
    return key.says(context) if key.says is not None and context.deck.task else key.label


def _paused(context: Context) -> bool:
    task = context.deck.task
    return task is not None and task.wanted is Wanted.PAUSE


def _held(context: Context) -> bool:
    task = context.deck.task
    return task is not None and task.held


def _pause(context: Context, task: TaskId) -> AnyCommand:
    return c.Resume(task) if _paused(context) else c.Pause(task)


def _pause_run(context: Context, _: TaskId) -> AnyCommand:
    return c.Resume() if context.deck.state.paused else c.Pause()


def _retry(context: Context, task: TaskId) -> AnyCommand:
    """On the queue, and on a task that has nothing to retry: the gates of a red target."""
    state = context.deck.state
    of_task = c.Retry(task)
    if context.pane == "queue" or refusal(state, of_task) is not None:
        of_gates = c.Retry()
        if refusal(state, of_gates) is None:
            return of_gates
    return of_task


def _revert(context: Context, task: TaskId) -> AnyCommand:
    """With what landed on top of it, where there is something."""
    alone = c.Revert(task)
    return alone if refusal(context.deck.state, alone) is None else c.Revert(task, True)


def _stop(context: Context, task: TaskId) -> AnyCommand:
    return c.Drop(task) if _drops(context) else c.Stop(task)


def _drops(context: Context) -> bool:
    """On the queue: does `x` take it out?"""
    task = context.deck.task
    return context.pane == "queue" and task is not None and task.state is TaskState.QUEUED


def _no_files(context: Context) -> str | None:
    """Why there is nothing that a task could have changed."""
    if context.deck.simulated:
        return "the run is simulated: there are no files"
    return "select a task first" if context.deck.task is None else None


def _no_conflict(context: Context) -> str | None:
    task = context.deck.task
    if (why := _no_files(context)) is not None or task is None:
        return why
    if conflict_of(context.deck.state, task.id) is None:
        return f"{task.id} is in no conflict that is known"
    return None


def _hold(context: Context, task: TaskId) -> AnyCommand:
    return c.Release(task) if _held(context) else c.Hold(task)


def _hold_queue(context: Context, _: TaskId) -> AnyCommand:
    return c.Release() if context.deck.state.queue_held else c.Hold()


def _agents(by: int) -> Make:
    return lambda context, _: c.SetAgents(context.deck.state.agents_limit + by)


def _no_limits(context: Context) -> str | None:
    state = context.deck.state
    if not state.seq:
        return "nothing is known of the run yet"
    if state.outcome is not None:
        return f"the run has ended ({state.outcome})"
    return "the run is ending" if state.ending else context.deck.offline or None


def _no_pools(context: Context) -> str | None:
    why = _no_limits(context)
    if why is None and not context.deck.state.plan.pools:
        more = context.deck.in_words("{run.more} and {run.fewer}")
        return f"the plan has no pools: {more} set how many agents work at once"
    return why


def _nobody_waits(context: Context) -> str | None:
    if context.deck.waiting_for_me:
        return None
    kinds = {item.kind for item in context.deck.needs_you}
    if kinds == {Kind.BUDGET}:
        return f"only the budget waits for you: {context.deck.key('run.budget')} raises it"
    inbox = context.deck.key("view.inbox")
    return f"what waits for you is no task: {inbox} shows it" if kinds else "nothing waits for you"


def _only_there(context: Context) -> str | None:
    said = "only on a screen beside the room, such as {view.inbox} or {view.wall}"
    return None if context.pane in SCREENS else context.deck.in_words(said)


def _nothing_to_undo(context: Context) -> str | None:
    return None if context.deck.undoes else "you have done nothing here that can be taken back"


def _nothing_to_search(context: Context) -> str | None:
    if context.deck.simulated:
        return "the run is simulated: it has no journal and no logs"
    return None if context.deck.state.seq else "nothing is known of the run yet"


def _nobody_works(context: Context) -> str | None:
    return None if context.deck.state.seq else "nothing is known of the run yet"


def _no_tasks(context: Context) -> str | None:
    return None if context.deck.state.tasks else "there are no tasks yet"


def _no_fold(context: Context) -> str | None:
    if context.view is PlanView.TIMELINE:
        return f"rows of the timeline go by their start: {context.deck.key('view.plan')} turns it"
    return None if context.deck.state.plan.phases else "the plan has no phases"


def _no_timeline(context: Context) -> str | None:
    turns = f"the plan is no timeline now: {context.deck.key('view.plan')} turns it"
    return None if context.view is PlanView.TIMELINE else turns


def _no_log(context: Context) -> str | None:
    if context.task is None:
        return "select a task first"
    task = context.deck.task
    return None if task is not None and task.attempt is not None else "there is no log yet"


def _no_diff(context: Context) -> str | None:
    task = context.deck.task
    if (why := _no_files(context)) is not None or task is None:
        return why
    has_worktree = task.attempt is not None and task.attempt.base is not None
    return None if has_worktree else "there is no diff yet"


def _no_task(context: Context) -> str | None:
    return None if context.task is not None else "select a task first"


def _no_zoom(context: Context) -> str | None:
    return "one pane fills the screen already: it is too small for more" if context.small else None


def _unpromoted(context: Context) -> bool:
    return any(item.kind is Kind.UNPROMOTED for item in context.deck.waiting)


def _nothing_real(context: Context) -> str | None:
    return "the run is simulated: nothing has landed anywhere" if context.deck.simulated else None


def _not_compared(context: Context) -> str | None:
    if context.deck.simulated:
        return "the run is simulated: it has no journal"
    return None if context.deck.state.seq else "nothing is known of the run yet"


def _no_branch(context: Context) -> str | None:
    if context.deck.simulated:
        return "the run is simulated: there are no branches"
    task = context.deck.task
    if task is None:
        return "select a task first"
    if task.attempt is None or task.attempt.branch is None:
        return f"{task.id} has no branch yet"
    return None


def _not_to_edit(context: Context) -> str | None:
    if not context.deck.state.seq:
        return "nothing is known of the run yet"
    if context.task is None:
        return "select a task first"
    why = why_not_edited(context.deck.state, context.task)
    return context.deck.in_words(why) if why else context.deck.offline or None


def _taken(context: Context) -> bool:
    task = context.deck.task
    return task is not None and task.state is TaskState.TAKEN


def _not_to_take(context: Context) -> str | None:
    """Why no person can go on by hand; one who is waited for, or has it, needs no wish."""
    if context.deck.simulated:
        return "the run is simulated: there is nothing to work on"
    if not context.deck.state.seq:
        return "nothing is known of the run yet"
    task = context.deck.task
    if task is None:
        return "select a task first"
    if task.state is TaskState.TAKEN:
        return None
    wished = task.wanted is Wanted.TAKE and task.state in LIVE
    refused = None if wished else refusal(context.deck.state, c.TakeOver(task.id))
    return refused or context.deck.offline or None


def _listening(context: Context) -> str:
    task = context.deck.task
    asks = task is not None and task.attempt is not None and task.attempt.questions
    return (
        "answer"
        if task is not None and asks and hears_answer(context.deck.state, task)
        else "steer"
    )


# Whole screens beside the room.
SCREENS: Final = ("inbox", "wall", "search", "spending", "load", "events")


def _not_replayed(context: Context) -> str | None:
    if context.deck.replay is None:
        return f"this is the present: {context.deck.key('replay.turn')} looks back"
    return None


def _no_journal(context: Context) -> str | None:
    if context.deck.simulated:
        return "the run is simulated: it has no journal"
    return None if context.deck.state.seq else "nothing is known of the run yet"


def _no_other_time(context: Context) -> str | None:
    """Why one cannot look back, or come back from there."""
    if context.deck.simulated:
        return "the run is simulated: it has no journal"
    if context.deck.replay is not None and not context.deck.replay.live:
        return "only a replay is open; `agentdeck attach` opens the run"
    return None if context.deck.state.seq else "nothing is known of the run yet"


def _play(context: Context) -> str:
    replay = context.deck.replay
    if replay is not None:
        return "stand still" if replay.playing else "play"
    return "resume" if _paused(context) else "pause"


T, R, N, V, L, W, X, B, M, D = (
    Group.TASK,
    Group.RUN,
    Group.MARK,
    Group.VIEW,
    Group.TIME,
    Group.DIFF,
    Group.LOG,
    Group.REPLAY,
    Group.MOVE,
    Group.DECK,
)

# What these keys do instead while the run is seen again.
IN_REPLAY: Final = {"task.pause": "play", "run.more": "faster", "run.fewer": "slower"}
PAST: Final = "this is the past of the run"
ACTS_NOW: Final = frozenset(
    {"budget", "pool_limit", "take_over", "add_task", "edit_brief", "undo"}
)  # acts that only the present has

TABLE: Final[tuple[Key, ...]] = (
    # --- the selected task
    Key("task.pause", "space", "␣", "pause", "Freeze its agent with all its processes, or let it go on",
        T, _pause, footer=1, says=_play),
    Key("task.retry", "r", "r", "retry", "Try it again; on the queue: run the gates of a red target again",
        T, _retry, footer=2),
    Key("task.retry_feedback", "R", "R", "retry with feedback", "Try it again, and tell the agent what to do better",
        T, lambda _, t: c.Retry(t), ask=Ask.TEXT),
    Key("task.skip", "s", "s", "skip", "Leave it out; a dialog shows what follows from it",
        T, lambda _, t: c.Skip(t), ask=Ask.SKIP, footer=4),
    Key("task.unskip", "ctrl+u", "^u", "unskip", "Take a skip back, as long as nothing was built on it",
        T, lambda _, t: c.Unskip(t)),
    Key("task.approve", "a", "a", "approve", "Say yes to proven work, or that a task done by hand is done",
        T, lambda _, t: c.Approve(t), footer=3),
    Key("task.merge", "m", "m", "merge", "Merge it now: to the front of the queue, approved",
        T, lambda _, t: c.Merge(t), footer=5),
    Key("task.hold", "h", "h", "hold", "Keep it from landing, or lift that",
        T, _hold, footer=10, says=lambda x: "release" if _held(x) else "hold"),
    Key("task.move_up", "K", "K", "move up", "In the merge queue: land before the one that is before it",
        T, lambda _, t: c.Move(t, c.Place.UP)),
    Key("task.move_down", "J", "J", "move down", "In the merge queue: land after the one that is behind it",
        T, lambda _, t: c.Move(t, c.Place.DOWN)),
    Key("task.stop", "x", "x", "stop",
        "End its agent; the task is cancelled and its work kept. On the queue: take it out, likewise",
        T, _stop, ask=Ask.CONFIRM, footer=6, says=lambda x: "drop" if _drops(x) else "stop"),
    Key("task.steer", "i", "i", "steer", "Answer its agent, or send it a message: now, or with its next turn",
        T, lambda _, t: c.Steer(t, "-"), ask=Ask.TEXT, footer=7, says=_listening),
    Key("task.take_over", "o", "o", "take over", "Go on by hand in its agent's own session; back to it once it is yours",
        T, act="take_over", why_not=_not_to_take, footer=8, says=lambda x: "open" if _taken(x) else "take over"),
    Key("task.hand_back", "O", "O", "hand back", "Give back what you have taken over: finished, or for its agent to go on",
        T, lambda _, t: c.HandBack(t), ask=Ask.HAND_BACK, footer=16),
    Key("task.edit", "e", "e", "edit brief", "Edit its prompt, files, gates, agent and estimate, as long as no agent has them",
        T, act="edit_brief", why_not=_not_to_edit),
    Key("task.revert", "U", "U", "revert", "Take back what has landed of it, through the queue and its gates",
        T, _revert, ask=Ask.CONFIRM),
    Key("task.copy", "c", "c", "copy", "Copy its branch to the clipboard; again within two seconds: its path",
        T, act="copy", why_not=_no_branch),
    # --- the run
    Key("run.pause", "P", "P", "pause run", "Start nothing new, let what works end; or go on",
        R, _pause_run, of_task=False),
    Key("run.approve_all", "A", "A", "approve all", "Say yes to everything that is proven",
        R, lambda *_: c.Approve(), of_task=False),
    Key("run.hold", "H", "H", "hold queue", "Let nothing land, or go on",
        R, _hold_queue, of_task=False),
    Key("run.more", "plus,equals_sign", "+", "more agents", "One agent more at once",
        R, _agents(1), of_task=False),
    Key("run.fewer", "minus", "-", "fewer agents", "One agent less at once; nobody is stopped for it",
        R, _agents(-1), of_task=False),
    Key("run.pools", "L", "L", "pool limit", "How many may work at once in a pool: see all of them, and set another limit",
        R, act="pool_limit", why_not=_no_pools),
    Key("run.budget", "dollar_sign", "$", "budget", "See what may be used and what is left, and set another limit",
        R, act="budget", why_not=_no_limits),
    Key("task.add", "n", "n", "add task", "Add a task to the plan of the run: one line in plain words",
        R, act="add_task", why_not=_no_limits),
    Key("run.undo", "u", "u", "undo", "Take back what you did last here, where that can be: a pause, a skip, a hold, a move, a limit, a budget, a change of the plan",
        R, of_task=False, act="undo", why_not=_nothing_to_undo),
    Key("run.promote", "M", "M", "promote", "Bring what has landed into the base branch",
        R, lambda *_: c.Promote(), of_task=False, ask=Ask.CONFIRM, why_not=_nothing_real,
        footer=-1, offered=_unpromoted),
    Key("run.end", "Q", "Q", "end run", "Stop all agents and end the run; what landed stays",
        R, lambda *_: c.EndRun(), of_task=False, ask=Ask.CONFIRM),
    # --- moving about
    Key("move.up", "", "↑ k", "up", "The row above; in the graph the task above", M),
    Key("move.down", "", "↓ j", "down", "The row below; in the graph the task below", M),
    Key("move.sideways", "", "← →", "along edges",
        "In the graph: to what a task needs and what needs it; in the outline: fold", M),
    Key("move.open", "", "⏎", "open", "Look at the task; on a phase: fold it", M),
    Key("move.next_pane", "tab", "⇥", "next pane", "To the next pane", M, act="next_pane"),
    Key("move.previous_pane", "shift+tab", "⇧⇥", "pane before", "To the pane before", M, act="previous_pane"),
    Key("move.plan", "1", "1", "plan", "To the plan", M, act="pane('plan')"),
    Key("move.task", "2", "2", "task", "To the task", M, act="pane('task')"),
    Key("move.agents", "3", "3", "agents", "To the agents", M, act="pane('agents')"),
    Key("move.queue", "4", "4", "queue", "To the merge queue", M, act="pane('queue')"),
    Key("move.needs_me", "full_stop", ".", "needs me", "To the next task that waits for you",
        M, act="next_that_needs_me", why_not=_nobody_waits, footer=9),
    Key("move.find", "slash", "/", "find", "Find a task or a command by a part of its name",
        M, act="command_palette"),
    # --- many tasks at once
    Key("mark.task", "V", "V", "mark", "Mark the task, or take its mark away, and go on to the next one: {task.pause} {task.retry} {task.retry_feedback} {task.skip} {task.unskip} {task.approve} {task.merge} {task.hold} {task.stop} then act on all marked",
        N, act="mark", why_not=_no_task),
    Key("mark.up", "shift+up,left_parenthesis", "⇧↑ (", "mark upwards", "Mark from where you were up to the row above",
        N, act="mark_along(-1)", why_not=_no_task),
    Key("mark.down", "shift+down,right_parenthesis", "⇧↓ )", "mark downwards", "Mark from where you were down to the row below",
        N, act="mark_along(1)", why_not=_no_task),
    Key("mark.by", "asterisk", "*", "mark by", "Mark by ids, state, phase, label; the count follows",
        N, act="mark_by", why_not=_no_tasks),
    Key("mark.none", "escape", "esc", "unmark", "Take all marks away; where there are none, the filter of the plan", N, act="unmark"),
    # --- what is shown
    Key("view.plan", "g", "g", "turn the plan", "The plan as a graph, as an outline, on a timeline", V, act="plan_view"),
    Key("view.filter", "f", "f", "filter", "Show only some tasks: by id, state, phase or label; {mark.none} shows all again", V,
        act="filter", why_not=_no_tasks),
    Key("view.fold", "F", "F", "fold", "In the graph and the outline: the phase of the task as one row, or as its tasks again", V,
        act="fold", why_not=_no_fold),
    Key("view.minimap", "G", "G", "minimap", "A small map of a graph that does not fit, or none", V, act="minimap"),
    Key("view.log", "l", "l", "log", "The log of the task's agent", V, act="tab('log')", why_not=_no_task),
    Key("view.diff", "d", "d", "diff", "What the task's agent has changed", V, act="tab('diff')",
        why_not=_no_task, footer=11),
    Key("view.raw", "v", "v", "raw log",
        "The log as it was written, or as it reads best; on the queue: how the gates have done",
        V, act="raw_log", says=lambda x: "verdicts" if x.pane == "queue" else "raw log"),
    Key("view.conflict", "C", "C", "conflict", "Where its work does not merge: the lines of both sides",
        V, act="conflict", why_not=_no_conflict),
    Key("view.previous_tab", "left_square_bracket", "[", "tab before", "The tab before, of the task", V,
        act="turn_tab(-1)"),
    Key("view.next_tab", "right_square_bracket", "]", "next tab", "The next tab of the task", V, act="turn_tab(1)"),
    Key("view.zoom", "z", "z", "zoom", "One pane over the whole screen, and back", V, act="zoom",
        why_not=_no_zoom, footer=13),
    Key("view.border_left", "ctrl+left", "^←", "border left", "The border between the panes to the left; dragging it does the same", V, act="split('left')"),
    Key("view.border_right", "ctrl+right", "^→", "border right", "The border between the panes to the right", V, act="split('right')"),
    Key("view.border_up", "ctrl+up", "^↑", "border up", "The border above the lower panes up; on the queue, where agents stand above it, that between them", V, act="split('up')"),
    Key("view.border_down", "ctrl+down", "^↓", "border down", "The same border down", V, act="split('down')"),
    Key("view.borders", "ctrl+home", "^home", "reset borders", "All panes to their sizes as shipped; a double click on a border does that with it", V, act="split('reset')"),
    Key("view.inbox", "exclamation_mark", "!", "inbox", "Everything that waits for you, answered one after the other",
        V, act="inbox", footer=17),
    Key("view.compare", "X", "X", "compare runs", "This run beside another of the repository: each task's end, tries, time and cost",
        V, act="compare", why_not=_not_compared),
    Key("view.search", "ctrl+f", "^f", "search", "Search tasks, briefs, logs, diffs and the journal, of this run and past ones",
        V, act="search", why_not=_nothing_to_search),
    Key("view.wall", "w", "w", "wall", "The logs of all agents at work, side by side",
        V, act="wall", why_not=_nobody_works, footer=18),
    Key("view.spending", "S", "S", "spending", "What the run costs: by task, model, agent, account, attempt; its course, and what lies ahead",
        V, act="spending", why_not=_nobody_works),
    Key("view.load", "percent_sign", "%", "load", "Processors, memory and tokens of each agent, and what holds others back",
        V, act="load", why_not=_nobody_works),
    Key("view.events", "E", "E", "events", "The journal event by event, in plain words; enter shows one in full",
        V, act="events", why_not=_no_journal),
    # --- in the timeline; home and the arrows are its own, while it has the focus
    Key("time.nearer", "greater_than_sign", ">", "zoom in", "Half as much of the time, round the selected task", L,
        act="zoom_time(1)", why_not=_no_timeline),
    Key("time.further", "less_than_sign", "<", "zoom out", "Twice as much of the time", L,
        act="zoom_time(-1)", why_not=_no_timeline),
    Key("time.pan", "", "← →", "earlier, later", "Another part of the time, once it is zoomed", L),
    Key("time.all", "", "home", "all of it", "From the first task to the last, also as the run goes on", L,
        act="all_time", why_not=_no_timeline),
    # --- in the inbox and on the wall, which have these of their own
    Key("inbox.choose", "", "1-9", "choose", "Give the answer with that number to what an agent asks", Group.INBOX),
    Key("inbox.dismiss", "", "del", "forget", "Forget a warning that stands below “Said earlier”; D forgets all", Group.INBOX),
    Key("wall.zoom", "", "1-9", "zoom", "One log over the whole screen; the digit or escape goes back", Group.WALL),
    Key("wall.page", "", "[ ]", "page", "To the agents before, or to the next ones", Group.WALL),
    Key("wall.move", "", "←↓↑→", "move", "To the tile beside; h j k l do the same", Group.WALL),
    Key("spend.group", "", "g G", "group", "Rows by task, model, agent, account, by what it was for, or attempt by attempt", Group.SPENDING),
    Key("spend.order", "", "< >", "sort", "By cost, tokens, how often an agent was started for it, or in the plan's order", Group.SPENDING),
    Key("spend.open", "", "⏎", "open", "Look at the task in the room; on a row of many tasks: only these, and escape goes back", Group.SPENDING),
    Key("load.order", "", "< >", "sort", "Agents in plan order, or by processor time, memory, tokens a minute, or log", Group.LOAD),
    Key("load.open", "", "⏎", "open", "Look at the task of the row in the room", Group.LOAD),
    Key("events.open", "", "⏎", "whole event", "The event in full, as it is in the journal", Group.EVENTS),
    Key("events.filter", "", "& /", "filter", "Only events with a text or an expression; escape shows all again", Group.EVENTS),
    Key("events.kinds", "", "f F", "kinds", "All, without details, failures, what people did, tasks, queue, run", Group.EVENTS),
    Key("events.task", "", "T", "its task", "Only events about the task of the row; once more: about all", Group.EVENTS),
    Key("events.failure", "", "n N", "next failure", "To the next event that tells of a failure, or the one before", Group.EVENTS),
    Key("events.there", "", "b", "look there", "See the run in the room as it was right after the event; so does B, in the present", Group.EVENTS),
    Key("events.end", "", "g G", "start, end", "To the first event; to the newest, and follow", Group.EVENTS),
    Key("screen.back", "", "esc", "back", "From a screen beside the room back to it; so does q", M, act="back",
        why_not=_only_there),
    # --- in the diff, which has these of its own while it has the focus
    Key("diff.changes", "", "n N", "changes", "To the next change of the diff, or the one before", W),
    Key("diff.files", "", "f F", "files", "To the next file of the diff, or the one before", W),
    Key("diff.comment", "", "c", "comment", "Say something about the line; {task.retry_feedback} sends all of it back with the work", W),
    Key("diff.comments", "", "C", "comments", "All comments on this work, and to one of them", W),
    Key("diff.sides", "", "|", "side by side", "The old lines beside the new ones, or all in one column; it stays so",
        W, act="diff('sides')", why_not=_no_diff, footer=1, says=lambda _: "sides"),
    Key("diff.tree", "", "\\", "files", "To the file in the tree at the top, where enter goes to one; there: back",
        W, act="diff('tree')", why_not=_no_diff, footer=2),
    # --- in the log, likewise; from the palette they bring the log to the front
    Key("log.find", "", "/", "find in log", "Text or a regular expression; small letters find both; escape ends it",
        X, act="log('find')", why_not=_no_log, footer=1, says=lambda _: "find"),
    Key("log.next", "", "n N", "next hit", "To the next line that has it, or the one before; around the ends",
        X, act="log('step(1)')", why_not=_no_log),
    Key("log.filter", "", "&", "filter log", "Show only the lines with a text or an expression; nothing typed shows all",
        X, act="log('filter')", why_not=_no_log, footer=2, says=lambda _: "filter"),
    Key("log.kinds", "", "f", "kinds", "Show all, tools, prose, or errors and questions; not in the raw log",
        X, act="log('kinds')", why_not=_no_log, footer=3),
    Key("log.jump", "", ":", "go to time", "To 12:40, to +5m after the attempt began, or to 50% of the log",
        X, act="log('jump')", why_not=_no_log, footer=5, says=lambda _: "to time"),
    Key("log.times", "", "T", "times", "Times of day, since the attempt began, or none",
        X, act="log('times')", why_not=_no_log),
    Key("log.wrap", "", "W", "wrap", "Long lines over several rows, or one row each; ← → show the rest",
        X, act="log('wrap')", why_not=_no_log),
    Key("log.fold", "", "⏎ ← →", "unfold", "What a tool was given and gave back; in the raw log, JSON made pretty",
        X, act="log('fold')", why_not=_no_log, footer=4),
    Key("log.fold_all", "", "Z", "unfold all", "Every call of the log, or none", X, act="log('fold_all')", why_not=_no_log),
    Key("log.copy", "", "y", "copy line", "Copy the line with the cursor; what is very long is cut, and that is said",
        X, act="log('copy')", why_not=_no_log, footer=6, says=lambda _: "copy"),
    Key("log.copy_all", "", "Y", "copy lines", "Copy the lines on the screen that have what is looked for; else all of them",
        X, act="log('copy_all')", why_not=_no_log),
    Key("log.ends", "", "g G", "start, end", "To the first line; to the end, and follow it", X),
    # --- looking back; space plays, + and - change the speed there
    Key("replay.turn", "B", "B", "look back", "See the run again from its journal; once more comes back to now",
        B, act="replay_turn", why_not=_no_other_time, says=lambda x: "now" if x.deck.replay else "look back"),
    Key("replay.play", "", "{task.pause}", "play", "Looking back: play, or stand still", B),
    Key("replay.speed", "", "{run.more} {run.fewer}", "speed", "Looking back: twice as fast, or half", B),
    Key("replay.back", "comma", ",", "event before", "Looking back: to the event before",
        B, act="replay_step(-1)", why_not=_not_replayed),
    Key("replay.on", "semicolon", ";", "next event", "Looking back: to the next event",
        B, act="replay_step(1)", why_not=_not_replayed),
    Key("replay.mark_before", "apostrophe", "'", "landing before", "Looking back: to the landing or failure before",
        B, act="replay_jump(-1)", why_not=_not_replayed),
    Key("replay.next_mark", "quotation_mark", '"', "next landing", "Looking back: to the next landing or failure",
        B, act="replay_jump(1)", why_not=_not_replayed),
    Key("replay.rewind", "left_curly_bracket", "{", "rewind", "Looking back: a twentieth of the run back",
        B, act="replay_scrub(-1)", why_not=_not_replayed),
    Key("replay.forward", "right_curly_bracket", "}", "forward", "Looking back: a twentieth of the run on",
        B, act="replay_scrub(1)", why_not=_not_replayed),
    # --- the deck
    Key("deck.theme", "t", "t", "theme", "Another theme, shown while you choose", D, act="themes"),
    Key("deck.help", "question_mark,f1", "?", "help", "This page", D, act="help", footer=12),
    Key("deck.palette", "ctrl+p", "^p", "palette", "Every command and every task, by name",
        D, act="command_palette", footer=14),
    Key("deck.command", "colon", ":", "command", "Type a command, in the words of the shell; tab completes it", D,
        act="command_line"),
    Key("deck.keys", "ctrl+k", "^k", "keys", "All keys by group: a letter opens a group, and the next key acts", D,
        act="which_key"),
    Key("deck.tour", "", "—", "take the tour", "Five cards over the room: what each pane is, and a key for it", D,
        act="tour"),
    Key("deck.leave", "q", "q", "leave", "Leave the deck; the run goes on", D, act="leave", footer=15),
)  # fmt: skip


def named(table: Sequence[Key]) -> tuple[Key, ...]:
    """The table with what its texts call its own keys, which they name by `{id}`."""
    shows = {key.id: key.show for key in table}
    return tuple(
        replace(key, show=in_words(key.show, shows), tooltip=in_words(key.tooltip, shows))
        for key in table
    )


KEYS: Final[tuple[Key, ...]] = named(TABLE)


def as_markdown() -> str:
    """The keys as a page of the documentation."""
    lines = [
        "# Keys",
        "",
        "Made from `agentdeck.tui.keys`; a test keeps this page equal to it.",
        "",
    ]
    lines += [
        "A key that cannot act now is dim, and says why when it is pressed. What stops or ends",
        "something asks once.",
        "",
        "Other keys: `keys.toml` in the folder of your configuration (`~/.config/agentdeck` on",
        "Linux), by the ids below. A row that cannot be understood is named when the deck opens.",
        "",
        "<!-- block: file keys.toml -->",
        "```toml",
        "[keys]",
        '"task.retry" = "ctrl+r"',
        '"run.end" = ["Q", "f10"]    # several',
        '"run.promote" = ""          # none; the palette still has it',
        "```",
    ]
    for group in Group:
        lines += ["", f"## {group}", "", "| key | does | id |", "| --- | --- | --- |"]
        for key in KEYS:
            if key.group is group:
                shown = " ".join(f"`{part}`" for part in key.show.split())
                lines.append(f"| {shown} | {key.tooltip} | `{key.id}` |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(as_markdown(), end="")
