"""The plan pane: the tasks as a graph, as an outline or on a time line, over one selection.

Below each stands why the selected task stands where it stands.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.tui.painting import repaint
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import plural
from agentdeck.tui.presentation.forecast import critical_path, slow_words
from agentdeck.tui.presentation.graph_fold import FoldedGraph, folded_graph, phase_of_node
from agentdeck.tui.presentation.graph_label import (
    NOTE_CELLS,
    graph_label,
    label_cells,
    phase_cells,
    phase_label,
)
from agentdeck.tui.presentation.graph_layout import Layout, lay_out
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut, plain, wrapped
from agentdeck.tui.presentation.line_changes import changed_cells
from agentdeck.tui.presentation.outline import (
    ALWAYS_OUTLINE,
    PHASE_PREFIX,
    outline_row,
    outline_rows,
)
from agentdeck.tui.presentation.plan_view import PlanView, next_view
from agentdeck.tui.presentation.status import ascii_signs
from agentdeck.tui.presentation.timeline_rows import legend
from agentdeck.tui.widgets.graph_view import GraphView
from agentdeck.tui.widgets.row_list import RowList
from agentdeck.tui.widgets.styled import FRAME_CELLS, Pane, ground_of, roles_of
from agentdeck.tui.widgets.timeline_view import TimelineView, TimeRows

WHY_ROWS: Final = 2
WHY_LEAD_CELLS: Final = 1  # left of the sentence
FILTER_CELLS: Final = 24  # of a filter's words, in the title


class Outline(RowList):
    """The outline: phases fold with left, right and enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "fold(True)", show=False),
        Binding("right", "fold(False)", show=False),
    ]

    class FoldAsked(Message):
        """The person wants a phase folded, or unfolded."""

        def __init__(self, key: str, folded: bool) -> None:
            super().__init__()
            self.key = key
            self.folded = folded

    folded: frozenset[str] = frozenset()

    def action_move(self, by: int) -> None:
        """To the next task; the head of a phase is a stop only while the phase is folded."""
        keys = self.keys
        here = keys.index(self.cursor) if self.cursor in keys else -1
        there = max(0, min(len(keys) - 1, here + by))
        step = 1 if by > 0 else -1
        while 0 <= there < len(keys) and self._is_open_head(keys[there]):
            there += step
        if 0 <= there < len(keys):
            self._go(there)

    def action_edge(self, number: int) -> None:
        """To the first or the last task."""
        if self.keys:
            self._go(number % len(self.keys))
            if self._is_open_head(self.cursor or ""):
                self.action_move(1 if number == 0 else -1)

    def stand_on(self, key: str) -> None:
        """The cursor stays on the head of a phase that is folded."""
        self.set_reactive(RowList.cursor, key)

    def _is_open_head(self, key: str) -> bool:
        return key.startswith(PHASE_PREFIX) and key.removeprefix(PHASE_PREFIX) not in self.folded

    def action_fold(self, folded: bool) -> None:
        """Fold the phase of the cursor, or unfold it."""
        if self.cursor is not None:
            self.post_message(self.FoldAsked(self.cursor, folded))


class PlanGraph(GraphView, inherit_bindings=False):
    """The graph, with `h` and `l` left to the deck, where they hold and show the log."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "walk('left')", show=False),
        Binding("right", "walk('right')", show=False),
        Binding("up,k", "walk('up')", show=False),
        Binding("down,j", "walk('down')", show=False),
        Binding("enter", "open", show=False),
    ]

    class Opened(Message):
        """The person wants to see the task."""

    def action_open(self) -> None:
        """Look at the task."""
        self.post_message(self.Opened())


class WhyLine(Widget):
    """The sentence at the bottom: why the selected task stands where it stands."""

    def __init__(self) -> None:
        super().__init__(id="why")
        self._text = ""
        self._lines: list[Line] = []

    def show(self, text: str) -> None:
        """Show a sentence."""
        if text == self._text:
            return
        self._text = text
        before, self._lines = self._lines, self._wrapped()
        for y in range(WHY_ROWS):
            old, new = (lines[y] if y < len(lines) else EMPTY for lines in (before, self._lines))
            x, end = changed_cells(old, new)
            if x < end:
                repaint(self, Region(WHY_LEAD_CELLS + x, y, end - x, 1))

    def on_resize(self) -> None:
        """Another width wraps elsewhere."""
        self._lines = self._wrapped()
        self.refresh()

    def _wrapped(self) -> list[Line]:
        width = self.size.width - 2
        lines = list(wrapped(self._text, width)) if width > 8 and self._text else []
        if len(lines) > WHY_ROWS:
            rest = " ".join(span.text for line in lines[WHY_ROWS - 1 :] for span in line)
            lines = [*lines[: WHY_ROWS - 1], (Span(cut(rest, width)),)]
        return lines

    def render_line(self, y: int) -> Strip:
        """One row of it."""
        line = (Span(" " * WHY_LEAD_CELLS), *self._lines[y]) if y < len(self._lines) else EMPTY
        return roles_of(self).strip(line, self.size.width, ground_of(self))


class PlanPane(Pane):
    """Graph, outline, time line and the sentence."""

    class TaskChosen(Message):
        """The person put the cursor on a task."""

        def __init__(self, task: TaskId | None) -> None:
            super().__init__()
            self.task = task  # None: it stands on a folded phase

    class TaskOpened(Message):
        """The person wants to look at the selected task."""

    def __init__(self) -> None:
        super().__init__(id="plan")
        self.folded: frozenset[str] = frozenset()
        self._chosen: PlanView | None = None  # None: by the size of the plan
        self._deck: Deck | None = None
        self._graph_of: tuple[str, int, int, int, frozenset[str]] | None = None
        self._note_cells = 0
        self._labels: dict[str, Line] = {}
        self._critical: list[TaskId] = []  # as it is drawn
        self._decisive: list[TaskId] = []
        self._critical_of: tuple[object, ...] = ()
        self._layout: Layout | None = None
        self._folded = FoldedGraph([], [], {}, {})
        self._told: tuple[TaskId | None] | None = None  # the task that nobody has looked at yet
        self._placed: tuple[PlanView, str | None] | None = None  # the cursor, as far as was heard

    def compose(self) -> ComposeResult:
        """All views; one is shown."""
        yield self._outline
        yield self._graph
        yield self.timeline
        yield self._why_line

    # --- its parts, which it has for life: looking for them each second costs more than a row ----

    @cached_property
    def _outline(self) -> Outline:
        return Outline(id="outline")

    @cached_property
    def _graph(self) -> PlanGraph:
        return PlanGraph(self._label, ascii_only=roles_of(self).ascii_only, id="graph")

    @cached_property
    def timeline(self) -> TimelineView:
        """The time line."""
        return TimelineView()

    @cached_property
    def _why_line(self) -> WhyLine:
        return WhyLine()

    # --- what is shown -------------------------------------------------------------------------

    @property
    def shown(self) -> PlanView:
        """Which view is shown."""
        if self._chosen is not None:
            return self._chosen
        size = len(self._deck.state.tasks) if self._deck is not None else 0
        drawn = 0 < size <= ALWAYS_OUTLINE and self.size.width >= 50
        return PlanView.GRAPH if drawn else PlanView.OUTLINE

    @property
    def chosen(self) -> PlanView | None:
        """The view that a person chose; None = it goes by the size of the plan."""
        return self._chosen

    def restore(self, chosen: PlanView | None, folded: frozenset[str]) -> None:
        """Look as it was left; before it is shown."""
        self._chosen, self.folded = chosen, folded

    @property
    def view(self) -> Widget:
        """The view that is shown, as what has the focus."""
        match self.shown:
            case PlanView.GRAPH:
                return self._graph
            case PlanView.OUTLINE:
                return self._outline
            case PlanView.TIMELINE:
                return self.timeline.rows

    def turn_view(self) -> None:
        """The next view, with the same selection and the focus where it was."""
        self.turn_to(next_view(self.shown))

    def turn_to(self, view: PlanView) -> None:
        """One of the views."""
        focused = self.view.has_focus
        self._chosen = view
        if self._deck is not None:
            self.show(self._deck)
        if focused:
            self.view.focus()

    def show(self, deck: Deck) -> None:
        """Show this moment."""
        self._deck = deck
        graph, outline = self._graph, self._outline
        shown = self.shown
        rooms = (self.size, graph.size, self._rows(shown).row_width)
        if self.is_news(deck.subject, deck.second, shown, rooms):
            self._show_all(deck, shown, graph, outline)
        else:
            self.put_cursor(deck)
        self._why_line.show(_why(deck))

    def _tell(self, task: TaskId | None) -> None:
        self._told = (task,)
        self.post_message(self.TaskChosen(task))

    def heard(self, task: TaskId | None) -> None:
        """Whoever was told of a task looks at it."""
        if self._told == (task,):
            self._told = None

    @property
    def _is_ahead(self) -> bool:
        """Has the cursor gone on, and nobody looks at its task yet? Then it is not put back."""
        placed = self._placed
        moved = placed is not None and placed[0] is self.shown and placed != self._cursor()
        return moved or self._told is not None

    def _cursor(self) -> tuple[PlanView, str | None]:
        shown = self.shown
        graph = shown is PlanView.GRAPH
        return shown, self._graph.selected if graph else self._rows(shown).cursor

    def _rows(self, shown: PlanView) -> RowList:
        return self.timeline.rows if shown is PlanView.TIMELINE else self._outline

    def put_cursor(self, deck: Deck) -> None:
        """Another task is selected, and nothing else has changed."""
        self._deck = deck
        if deck.selected is None or self._is_ahead:
            return
        match self.shown:
            case PlanView.GRAPH:
                graph, node = self._graph, self._node(deck)
                if node is not None and graph.selected != node:
                    graph.selected = node
            case PlanView.OUTLINE:
                self._outline.put_cursor(deck.selected)
            case PlanView.TIMELINE:
                self.timeline.put_cursor(deck.selected)
        self._placed = self._cursor()

    def _show_all(self, deck: Deck, shown: PlanView, graph: PlanGraph, outline: Outline) -> None:
        ahead = self._is_ahead
        had_focus = graph.has_focus or outline.has_focus or self.timeline.rows.has_focus
        graph.display = shown is PlanView.GRAPH
        outline.display = shown is PlanView.OUTLINE
        self.timeline.display = shown is PlanView.TIMELINE
        if had_focus and not self.view.has_focus:
            self.view.focus()
        match shown:
            case PlanView.GRAPH:
                self._show_graph(graph, deck, ahead=ahead)
            case PlanView.OUTLINE:
                outline.folded = deck.folded
                outline.show(
                    outline_rows(deck),
                    lambda key, width: outline_row(deck, key, width),
                    empty=_empty(deck),
                )
                if deck.selected is not None and not ahead:
                    outline.put_cursor(deck.selected)
            case PlanView.TIMELINE:
                self.timeline.show(deck, move=not ahead)
        if not ahead:
            self._placed = self._cursor()
        self.set_titles(self._left_title(deck), self._figures(deck))
        self._show_legend(deck)

    def _left_title(self, deck: Deck) -> Line:
        name: Line = (Span("Plan"),)
        if deck.only is not None:
            words = cut(f"only {deck.only.words}", FILTER_CELLS)
            found = (Span(" · ", "faint"), Span(f"{words} ({len(deck.only.tasks)})", "accent"))
            name = (*name, *found)
        count = len(deck.marked)
        return (*name, Span(" · ", "faint"), Span(f"{count} marked", "accent")) if count else name

    def order(self) -> list[TaskId]:
        """The tasks as the view has them one below the other; in the graph those of a column."""
        match self.shown:
            case PlanView.GRAPH:
                nodes = self._graph.column()
                return [TaskId(node) for node in nodes if phase_of_node(node) is None]
            case PlanView.OUTLINE:
                keys = self._outline.keys
                return [TaskId(key) for key in keys if not key.startswith(PHASE_PREFIX)]
            case PlanView.TIMELINE:
                return [TaskId(key) for key in self.timeline.rows.keys]

    def _show_legend(self, deck: Deck) -> None:
        """What the bars mean, in the frame below them."""
        seen = self.shown is PlanView.TIMELINE and bool(deck.state.tasks)
        text = legend(self.outer_size.width - FRAME_CELLS) if seen else ""
        text = ascii_signs(text) if roles_of(self).ascii_only else text
        if self.border_subtitle != text:
            self.border_subtitle = text

    def _figures(self, deck: Deck) -> Line:
        if not deck.state.tasks:
            return EMPTY
        graph = self._graph
        words = ""
        if self.shown is PlanView.GRAPH and graph.drawn.width > graph.size.width:
            words = "more →"
        elif self.shown is PlanView.TIMELINE:
            words = self.timeline.words
        more: Line = (Span(f"{words} · ", "muted"),) if words else EMPTY
        other = next_view(self.shown)
        return (
            *more,
            Span(deck.key("view.plan"), "key"),
            Span(f" {other} · {plural(len(deck.state.tasks), 'task')}", "muted"),
        )

    def _show_graph(self, graph: PlanGraph, deck: Deck, *, ahead: bool) -> None:
        state = deck.state
        if deck.subject != self._critical_of:
            self._critical_of = deck.subject
            self._decisive = critical_path(deck)
        critical = self._decisive
        room = graph.size.width
        drawn = (str(state.run), state.plan_changes, len(state.tasks), room, deck.folded)
        fresh = drawn != self._graph_of or self._layout is None
        if fresh or critical != self._critical:
            self._graph_of, self._critical = drawn, critical
            titles = {
                n: plain(phase.title) or phase.id for n, phase in enumerate(state.plan.phases)
            }
            if fresh or self._layout is None:
                self._folded = folded_graph(state.plan, deck.folded)
                self._layout = self._laid_out(deck, room)
            # before the layout: it would choose its own first task and say so
            node = None if ahead else self._node(deck)
            graph.set_reactive(GraphView.selected, node or graph.selected)
            path = self._folded.path(critical)
            graph.set_layout(self._layout, critical=path, titles=titles)
        node = self._node(deck)
        if node is not None and graph.selected != node and not ahead:
            graph.selected = node
        labels: dict[str, Line] = {}
        for shown in self._folded.nodes:
            phase = phase_of_node(shown)
            if phase is not None:
                labels[shown] = phase_label(deck, phase)
            elif TaskId(shown) in state.tasks:
                labels[shown] = graph_label(deck, TaskId(shown), self._note_cells)
        changed = [node for node, label in labels.items() if label != self._labels.get(node)]
        if changed:
            self._labels = labels
            graph.refresh_labels(changed)

    def _laid_out(self, deck: Deck, room: int) -> Layout:
        """The drawing with the widest notes with which the whole graph can be seen.

        Laid out without notes first: a column grows by them and nothing else, so the width that
        others would need is known, and a large plan is laid out once.
        """
        narrow = self._with_notes(deck, 0)
        wider = sum(any(phase_of_node(n) is None for n in names) for names in _columns(narrow))
        fits = (cells for cells in NOTE_CELLS if narrow.width + wider * cells <= room)
        self._note_cells = next(fits, 0)
        return self._with_notes(deck, self._note_cells) if self._note_cells else narrow

    def _with_notes(self, deck: Deck, cells: int) -> Layout:
        plan = deck.state.plan
        nodes = []
        for node in self._folded.nodes:
            phase = phase_of_node(node)
            if phase is None:
                repo = plan.repo_of(TaskId(node)) if plan.repos else ""
                nodes.append((node, label_cells(node, cells, repo)))
                continue
            spec = plan.phase_by_id.get(phase)
            members = sum(task.phase == phase for task in plan.tasks)
            title = plain(spec.title) if spec is not None else ""
            nodes.append((node, phase_cells(title or phase, members)))
        return lay_out(nodes, self._folded.edges, groups=self._folded.groups or None)

    def _node(self, deck: Deck) -> str | None:
        """Where the selected task stands in the graph."""
        return self._folded.node_of.get(deck.selected) if deck.selected is not None else None

    def _label(self, task: str) -> Text:
        roles = roles_of(self)
        text = Text()
        for span in self._labels.get(task, (Span(task),)):
            shown = ascii_signs(span.text) if roles.ascii_only else span.text
            text.append(shown, roles.style(span.role))
        return text

    def on_graph_view_selected(self, event: GraphView.Selected) -> None:
        """The cursor of the graph moved."""
        event.stop()
        if self.shown is not PlanView.GRAPH or self._deck is None:
            return
        self._placed = PlanView.GRAPH, event.task_id
        here = self._deck.selected if self._told is None else self._told[0]
        if here is not None and event.task_id == self._folded.node_of.get(here):
            return
        task = None if phase_of_node(event.task_id) is not None else TaskId(event.task_id)
        if task != here:
            self._tell(task)

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """The cursor of the outline moved."""
        event.stop()
        if isinstance(event, RowList.Opened):
            return
        self._placed = self.shown, event.key
        head = event.key.startswith(PHASE_PREFIX)
        self._tell(None if head else TaskId(event.key))

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Open a task, or fold a phase."""
        event.stop()
        if event.key.startswith(PHASE_PREFIX):
            self._fold(event.key, event.key.removeprefix(PHASE_PREFIX) not in self.folded)
        else:
            self.post_message(self.TaskOpened())

    def on_time_rows_pan_wanted(self, event: TimeRows.PanWanted) -> None:
        """Another part of the time."""
        event.stop()
        self.timeline.pan(event.by)
        self._retitle()

    def on_time_rows_whole_wanted(self, event: TimeRows.WholeWanted) -> None:
        """All of the time."""
        event.stop()
        self.see_all_time()

    def zoom_time(self, by: int) -> None:
        """Nearer (1) or further away (-1)."""
        self.timeline.zoom(by)
        self._retitle()

    def see_all_time(self) -> None:
        """From the first task to the last."""
        self.timeline.see_all()
        self._retitle()

    def _retitle(self) -> None:
        if self._deck is not None:
            self.set_titles(self._left_title(self._deck), self._figures(self._deck))

    def on_plan_graph_opened(self) -> None:
        """Open the task of the graph's cursor, or unfold its phase."""
        node = self._graph.selected or ""
        if phase_of_node(node) is not None:
            self._fold(node, folded=False)
        else:
            self.post_message(self.TaskOpened())

    def turn_minimap(self) -> None:
        """Show the map of a graph that does not fit, or hide it."""
        graph = self._graph
        graph.minimap = not graph.minimap

    def turn_fold(self) -> None:
        """Fold the phase of the cursor in the graph or the outline, or unfold it."""
        graph = self.shown is PlanView.GRAPH
        cursor = self._graph.selected if graph else self._outline.cursor
        key = cursor or ""
        phase = phase_of_node(key)
        if phase is None and self._deck is not None:
            spec = self._deck.state.plan.by_id.get(TaskId(key))
            phase = spec.phase if spec is not None else None
        if phase is not None:
            self._fold(PHASE_PREFIX + phase, phase not in self.folded)

    def on_outline_fold_asked(self, event: Outline.FoldAsked) -> None:
        """Fold the phase that the row belongs to."""
        event.stop()
        key = event.key
        if not key.startswith(PHASE_PREFIX) and self._deck is not None:
            spec = self._deck.state.plan.by_id.get(TaskId(key))  # dropped since the row was drawn?
            phase = spec.phase if spec is not None else None
            if phase is None or not event.folded:
                return
            key = PHASE_PREFIX + phase
        self._fold(key, event.folded)

    def _fold(self, key: str, folded: bool) -> None:
        phase = PhaseId(key.removeprefix(PHASE_PREFIX))
        self.folded = self.folded | {phase} if folded else self.folded - {phase}
        self._outline.stand_on(key)
        if folded:
            self._graph.set_reactive(GraphView.selected, key)
        self._placed = self._cursor()
        first = None
        if not folded and self._deck is not None:
            tasks = self._deck.state.plan.tasks
            first = next((task.id for task in tasks if task.phase == phase), None)
        self._tell(first)


def _empty(deck: Deck) -> str:
    if deck.only is not None:
        back = deck.in_words("{view.filter} asks again, {mark.none} shows all")
        return f"No task is {deck.only.words} now: {back}."
    return "The tasks of the plan appear here, as soon as the run has begun."


def _why(deck: Deck) -> str:
    """Whether the selected task takes long, and why it stands where it stands."""
    if deck.selected is None:
        return ""
    slow = slow_words(deck)  # first: what an agent does may be longer than the room
    return f"{slow}. {deck.why(deck.selected)}" if slow else deck.why(deck.selected)


def _columns(layout: Layout) -> list[list[str]]:
    found: dict[int, list[str]] = {}
    for node, place in layout.nodes.items():
        found.setdefault(place.column, []).append(node)
    return list(found.values())
