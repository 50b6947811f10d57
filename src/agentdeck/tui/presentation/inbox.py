"""The inbox: a row for each thing that waits for a person, the most urgent first, by groups.

Rules:
- What is listed, and in which order, is `core.inbox`; this file only draws it. Below it stands what
  the deck has said earlier.
- A row says: the sign, what it is about, what is wanted, how many tasks wait for it, since when.
  The last two are columns of a fixed width; what is wanted gives way, a name never does.
- A row's key is the item's, `said:N`, or begins with `+` (a heading).
"""

from __future__ import annotations

from typing import Final

from agentdeck.core import inbox, repair
from agentdeck.core.budgets import RUN, scope_in_words
from agentdeck.core.explain import first_line
from agentdeck.core.explain_entry import explain_entry
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Group, Item, Kind
from agentdeck.core.state import TaskRun
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import UNKNOWN, duration, plural, rough
from agentdeck.tui.presentation.forecast import expected_end, time_words
from agentdeck.tui.presentation.line import EMPTY, Line, Span, fit, plain, spread
from agentdeck.tui.presentation.outline import MAX_ID_COLUMN
from agentdeck.tui.presentation.said import Said, SaidEarlier

SAID: Final = "said:"
SAID_HEAD: Final = "+said"
CLEAR: Final = "+clear"
WAITS_CELLS: Final = 4  # of the number of tasks that wait, under its word
SINCE_CELLS: Final = 5
WIDE: Final = 70  # cells of the pane from which on ids have all of their column
NARROW_IDS: Final = 12  # cells of that column in a narrow pane
NAMED: Final = 6  # tasks in one sentence

# What stands in the place of a task's sign where it is no task.
_SIGNS: Final = {
    Kind.PROPOSED: Span("+", "state-asks"),
    Kind.ASKED: Span("?", "state-asks"),
    Kind.BUDGET: Span("$", "state-asks"),
    Kind.ACCOUNT: Span("!", "state-asks"),
    Kind.DISK: Span("!", "state-failed"),
    Kind.GATE: Span("✖", "state-failed"),
    Kind.LANDING: Span("◷", "state-asks"),
    Kind.PROMOTION: Span("→", "state-asks"),
    Kind.STANDSTILL: Span("!", "state-asks"),
    Kind.RUN_PAUSED: Span("‖", "state-paused"),
    Kind.QUEUE_HELD: Span("‖", "state-paused"),
    Kind.HELD: Span("‖", "state-paused"),
    Kind.UNPROMOTED: Span("→", "accent"),
}


class InboxView:
    """The rows of one moment."""

    def __init__(self, deck: Deck, said: SaidEarlier, *, close: bool = False) -> None:
        """`close`: no blank rows between the groups."""
        self.deck = deck
        self._close = close
        found = inbox.ranked(deck.state, deck.waiting)
        self.items = [item for item, _ in found]
        self._item = {item.key: item for item in self.items}
        self._said = {f"{SAID}{one.number}": one for one in said}
        self._blocks = {item.key: waits for item, waits in found}
        self.keys = self._keys()
        self.headings = frozenset(key for key in self.keys if key.startswith("+"))

    def _keys(self) -> list[str]:
        keys: list[str] = []
        group: Group | None = None
        for item in self.items:
            if item.kind.group is not group:
                group = item.kind.group
                keys += [*self._blank(keys), f"+{group}"]
            keys.append(item.key)
        if self._said:
            keys = keys or [CLEAR]
            keys += [*self._blank(keys), SAID_HEAD, *self._said]
        return keys

    def _blank(self, above: list[str]) -> list[str]:
        return [f"+{len(above)}"] if above and not self._close else []

    def item(self, key: str | None) -> Item | None:
        """The thing that a row stands for."""
        return self._item.get(key or "")

    def said(self, key: str | None) -> Said | None:
        """What was said, of a row below the heading of that."""
        return self._said.get(key or "")

    def first_of(self, task: TaskId | None) -> str | None:
        """The row of a task, if it has one."""
        return next((item.key for item in self.items if task and item.task == task), None)

    def row(self, key: str, width: int) -> Line:
        """One row in at most `width` cells."""
        if key == CLEAR:
            return (Span(" "), Span(nothing_waits(self.deck)[0], "muted"))
        if key.startswith("+"):
            return self._heading(key, width)
        said = self._said.get(key)
        if said is not None:
            return self._said_row(said, width)
        item = self._item.get(key)
        return self._item_row(item, width) if item is not None else EMPTY

    def _heading(self, key: str, width: int) -> Line:
        name = key.removeprefix("+")
        if key == SAID_HEAD:
            head, count = "Said earlier", len(self._said)
        elif name in set(Group):
            head, count = name, sum(item.kind.group == name for item in self.items)
        else:
            return EMPTY
        left: Line = (Span(f" {head}", "accent bold"), Span(f"  {count}", "muted"))
        if key != self.keys[0]:
            return left
        words = f"{'wait':>{WAITS_CELLS}}  {'since':>{SINCE_CELLS}}"
        return spread(left, (Span(words, "faint"),), width)

    def _item_row(self, item: Item, width: int) -> Line:
        calm = not item.needs_you
        name = name_of(item)
        column = min(self.deck.longest_id, MAX_ID_COLUMN if width >= WIDE else NARROW_IDS)
        left: Line = (
            Span(" "),
            sign_of(self.deck, item),
            Span(" "),
            Span(name + " " * max(0, column - len(name)), "bold"),
            Span("  "),
            Span(plain(wanted(self.deck, item)), "muted" if calm else ""),
        )
        count = self._blocks[item.key]
        since = UNKNOWN if item.since is None else duration(self.deck.now - item.since)
        right: Line = (
            Span(fit(str(count) if count else "·", WAITS_CELLS, "right"), "" if count else "faint"),
            Span("  " + fit(since, SINCE_CELLS, "right"), "muted"),
        )
        return spread(left, right, width)

    def _said_row(self, said: Said, width: int) -> Line:
        mark = Span("✖", "state-failed") if said.error else Span("!", "state-asks")
        times = f"  ×{said.times}" if said.times > 1 else ""
        left: Line = (Span(" "), mark, Span(" "), Span(plain(said.sentence), "muted"))
        since = fit(duration(self.deck.now - said.at), SINCE_CELLS, "right")
        return spread(left, (Span(f"{times}  {since}", "muted"),), width, gap=2)


def name_of(item: Item) -> str:
    """What a row is about, in a word or two."""
    match item.kind:
        case Kind.BUDGET:
            return "budget" if item.name == RUN else plain(scope_in_words(item.name))
        case Kind.QUEUE_HELD:
            return "queue"
        case Kind.LANDING:
            return str(item.task or "landing")
        case Kind.PROMOTION | Kind.UNPROMOTED:
            return plain(item.name).removeprefix("refs/heads/")
        case _:
            return plain(item.name)


def sign_of(deck: Deck, item: Item) -> Span:
    """How it looks at a glance."""
    sign = _SIGNS.get(item.kind)
    if sign is None and item.task is not None:
        sign = deck.sign(item.task)
    return sign or Span("!", "state-asks")


def wanted(deck: Deck, item: Item) -> str:
    """What is wanted, in the few words that a row has for it."""
    if item.task is not None and item.kind is not Kind.LANDING:
        return _of_task(deck, item, deck.state.tasks[item.task])
    match item.kind:
        case Kind.LANDING:
            return f"cannot land: {first_line(item.said)}"
        case Kind.PROMOTION:
            return f"promotion waits: {first_line(item.said)}"
        case Kind.UNPROMOTED:
            return f"{plural(len(deck.state.landings), 'landing')} to bring into it"
        case Kind.BUDGET:
            return first_line(item.said).removeprefix("the budget of ")
        case Kind.RUN_PAUSED:
            return f"paused by {item.said}: nothing new starts"
        case Kind.QUEUE_HELD:
            return "held: nothing lands"
        case Kind.DISK:
            return first_line(item.said).removeprefix("the disk is ")
        case Kind.STANDSTILL:
            return f"stands still: {first_line(item.said)}"
        case _:
            return first_line(item.said).removeprefix(f"{item.name} ")


def _of_task(deck: Deck, item: Item, task: TaskRun) -> str:
    attempt = task.attempt
    question = attempt.question if attempt is not None else None
    match item.kind:
        case Kind.QUESTION:
            return f"asks: {first_line(question.text if question else task.reason)}"
        case Kind.PERMISSION if question is not None:
            return f"may it use {question.tool}: {question.target or first_line(question.text)}"
        case Kind.BY_HAND:
            return f"yours to do: {first_line(question.text if question else task.reason)}"
        case Kind.REVIEW:
            return f"review its diff{_size(task)}"
        case Kind.APPROVAL if repair.losses_of(task):
            return "approve: it removes lines of others"
        case Kind.APPROVAL:
            risk = deck.state.spec(task.id).risk
            return f"approve it{_size(task)}" + (f" · risk {risk}" if risk else "")
        case Kind.HANDS:
            return f"in the hands of {task.taken_by}"
        case Kind.PAUSED:
            return "paused" + (f": {attempt.doing}" if attempt and attempt.doing else "")
        case Kind.HELD:
            entry = next((e for e in deck.state.queue.values() if e.task == task.id), None)
            return "held back" + (" in the merge queue" if entry is not None else "")
        case _:
            return first_line(task.reason)


def _size(task: TaskRun) -> str:
    """` · 3 files +61 −12` of proven work."""
    work = task.attempt.collected if task.attempt is not None else None
    if work is None or not work.files:
        return ""
    added = sum(max(0, file.added) for file in work.files)
    removed = sum(max(0, file.removed) for file in work.files)
    return f" · {plural(len(work.files), 'file')} +{added} −{removed}"


def inbox_figures(deck: Deck) -> Line:
    """At the right of the frame: `3 need you · 1 put aside`; the first number is the header's."""
    need = len(deck.needs_you)
    parts = [Span(f"{need} need{'s' if need == 1 else ''} you", "state-asks bold")] if need else []
    for group, words in ((Group.ASIDE, "put aside"), (Group.READY, "ready when you are")):
        count = sum(item.kind.group is group for item in deck.waiting)
        if count:
            parts += [Span(" · ", "faint")] if parts else []
            parts.append(Span(f"{count} {words}", "muted"))
    return tuple(parts)


def nothing_waits(deck: Deck) -> list[str]:
    """What an empty inbox says: that it is empty, what goes on, and when it may end."""
    state = deck.state
    if not state.seq:
        return ["Nothing is known of the run yet.", "What waits for you will stand here."]
    if state.outcome is not None:
        return ["Nothing waits for you.", f"The run has ended: {state.outcome}."]
    working = [task.id for task in state.tasks.values() if task.attempt and task.attempt.live]
    goes_on = []
    if working:
        more = f" and {len(working) - NAMED} more" if len(working) > NAMED else ""
        named = ", ".join(working[:NAMED]) + more
        verb = "is at work" if len(working) == 1 else "are at work"
        goes_on.append(f"{plural(len(working), 'agent')} {verb}: {named}.")
    if state.queue:
        entries = len(state.queue)
        goes_on.append(f"{entries} wait{'s' if entries == 1 else ''} to land.")
    end = expected_end(deck)
    if end is not None:
        when = f"{time_words(deck, end.at)} ±{rough(end.spread_s)}"
        goes_on.append(f"The run may end at {when}.")
    return ["Nothing waits for you.", *(goes_on or ["The next agent starts by itself."])]


def waiting_words(deck: Deck, item: Item) -> str:
    """How many tasks wait for it, by name."""
    tasks = inbox.held_up(deck.state, item)
    if not tasks:
        return "No other task waits for it."
    more = f" and {len(tasks) - NAMED} more" if len(tasks) > NAMED else ""
    waits = "task waits" if len(tasks) == 1 else "tasks wait"
    return f"{len(tasks)} {waits} for it: {', '.join(tasks[:NAMED])}{more}."


def queue_words(deck: Deck, task: TaskId) -> str:
    """What the merge queue says of a task's entry; empty when it has none."""
    entry = next((e for e in deck.state.queue.values() if e.task == task), None)
    return "" if entry is None else f"It {explain_entry(deck.state, entry, deck.now, deck.cars)}."
