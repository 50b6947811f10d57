"""The task pane: log, diff, gates, brief and history of the selected task.

Rules: only the tab that is shown is made. The log is read from the run's folder, live or ended; the
diff is made in a thread, and again only when the task's work may have changed.
"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from agentdeck.control.logtail import LogTail
from agentdeck.core.errors import DeckError
from agentdeck.core.events import ReviewComment
from agentdeck.core.ids import TaskId
from agentdeck.core.state import Attempt
from agentdeck.tui.first_picture import CONTENT_S
from agentdeck.tui.presentation.brief import brief_lines
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.diff import read_diff
from agentdeck.tui.presentation.diff_paint import DiffColours, DiffPainter
from agentdeck.tui.presentation.diff_rows import Draft, Remark, on_line, put, remarks_of
from agentdeck.tui.presentation.gates import gate_lines
from agentdeck.tui.presentation.history import history_lines
from agentdeck.tui.presentation.line import cells
from agentdeck.tui.presentation.log_drawing import LogDrawing, as_text
from agentdeck.tui.presentation.log_lines import format_of
from agentdeck.tui.presentation.log_rows import LogLook, passages_of
from agentdeck.tui.presentation.rendered_source import RenderedSource
from agentdeck.tui.presentation.task_title import attempt_title, no_diff, no_log, task_title
from agentdeck.tui.roles import Roles
from agentdeck.tui.widgets.diff_view import DiffView
from agentdeck.tui.widgets.log_reader import LogReader
from agentdeck.tui.widgets.row_list import LinesView
from agentdeck.tui.widgets.styled import Pane, roles_of
from agentdeck.tui.widgets.tab_strip import TabStrip

TABS: Final = ("log", "diff", "gates", "brief", "history")
MARGIN_CELLS: Final = 2  # left of a log line and right of it
DIFF_AGAIN_S: Final = 5.0  # between two looks at what a live agent has changed


class AttemptFolders(Protocol):
    """Where the logs of a run are."""

    def attempt(self, task: TaskId, number: int) -> Path:
        """The folder of one attempt."""


def log_source(
    folder: AttemptFolders, deck: Deck, attempt: Attempt, task: TaskId, *, width: int, roles: Roles
) -> RenderedSource:
    """The log of an attempt as it reads best."""
    look = log_look(deck, attempt, width=width)
    tail = log_tail(folder, deck, attempt, task)
    return RenderedSource(tail, lambda: passages_of(look), LogDrawing(look, roles))


def log_look(deck: Deck, attempt: Attempt, *, width: int, raw: bool = False) -> LogLook:
    """How the log of an attempt is looked at."""
    return LogLook(
        format_of(deck.state.plan, attempt),
        width - MARGIN_CELLS,
        attempt.path or "",
        raw=raw,
        started_at=attempt.launched_at,
        utc=deck.frozen,
    )


def log_tail(folder: AttemptFolders, deck: Deck, attempt: Attempt, task: TaskId) -> LogTail:
    """The log of an attempt, up to the moment that is shown."""
    path = folder.attempt(task, attempt.number) / "raw.log"
    return LogTail(path, until=log_end(deck, attempt))


def log_end(deck: Deck, attempt: Attempt) -> int | None:
    """Up to which byte the log of an attempt is of the moment that is shown; None = all of it.

    What had been understood of it by then is known, and nothing else.
    """
    if attempt.exit is not None:
        return None
    if deck.replay is not None:
        return attempt.offset
    return attempt.offset or None if deck.frozen else None


class Goal(NamedTuple):
    """A place to go to."""

    task: TaskId
    tab: str
    offset: int = 0  # of a line in the log
    find: str = ""  # what is marked there: a regular expression
    file: str = ""  # in the diff
    line: int = 0


class TaskPane(Pane):
    """Tabs about one task."""

    class TabTurned(Message):
        """Another tab is shown."""

    def __init__(self, folder: AttemptFolders) -> None:
        super().__init__(id="task")
        self._folder = folder
        self._deck: Deck | None = None
        self.tab = "log"
        self.raw = False
        self._log_of: tuple[object, ...] | None = None
        self._diff_of: object = None
        self._diff_at = 0.0
        self._diff_fresh = False  # the next diff that comes is of another task or attempt
        self._painter: DiffPainter | None = None  # of the diff that is shown
        self._remarks: object = None  # what was shown with them
        self._goal: Goal | None = None  # once there is something to go to it in
        self._drafts: dict[tuple[TaskId, int], Draft] = {}  # not sent; by task and attempt

    def compose(self) -> ComposeResult:
        """A row of names and one view for each kind of content."""
        yield self._tab_strip
        with Vertical(id="tab-body"):
            yield from self._views.values()

    def show(self, deck: Deck) -> None:
        """Show this moment."""
        self.show_title(deck)
        about = ", ".join(filter(None, ("raw" if self.raw else "", self.reader.about)))
        log = f"log ({about})" if about else "log"
        names = {name: log if name == "log" else name for name in TABS}
        self._tab_strip.show(tuple((name, names[name].capitalize(), "") for name in TABS), self.tab)
        for name, view in self._views.items():
            if view.display != (name == self._view_name):
                view.display = name == self._view_name
        match self.tab:
            case "log":
                self._show_log(deck)
            case "diff":
                self._show_diff(deck)
            case _:
                make = {"gates": gate_lines, "brief": brief_lines, "history": history_lines}[
                    self.tab
                ]
                lines = self._lines
                room = lines.scrollable_content_region.width
                if self.is_news(deck.subject, deck.second, deck.selected, self.tab, room):
                    lines.show(lambda width: make(deck, width), (deck.selected, self.tab))

    def show_title(self, deck: Deck) -> None:
        """Name the selected task; the rest of the pane may follow."""
        self._deck = deck
        title = task_title(deck)
        self.set_titles(title, attempt_title(deck, self.title_room - cells(title)))

    def turn_to(self, tab: str) -> None:
        """Show another tab; the focus follows if it was here."""
        focused = self.has_focus_within
        self.tab = tab
        if self._deck is not None:
            self.show(self._deck)
        if focused:
            self.focus_view()

    def look_at(self, goal: Goal) -> None:
        """Go to a place, as soon as its log or diff is shown."""
        self._goal, self.tab = goal, goal.tab

    def focus_view(self) -> None:
        """Put the focus on what the tab shows."""
        self._views[self._view_name].focus()

    def turn_raw(self) -> None:
        """The log as it was written, or as it reads best."""
        self.raw = not self.raw
        self.turn_to("log")

    def tick(self) -> bool:
        """Look for new lines of the log, if it is shown. Was there any?"""
        return self.tab == "log" and self._deck is not None and self.reader.tick()

    def on_resize(self) -> None:
        """Prose is wrapped elsewhere."""
        super().on_resize()
        if self._deck is not None:
            self.call_after_refresh(self._again)

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        """A tab was clicked."""
        event.stop()
        self.turn_to(event.tab)

    @property
    def _view_name(self) -> str:
        return self.tab if self.tab in ("log", "diff") else "lines"

    # --- its parts, which it has for life: looking for them each second costs more than a row ----

    @cached_property
    def _tab_strip(self) -> TabStrip:
        return TabStrip(id="tabs")

    @cached_property
    def reader(self) -> LogReader:
        """The log."""
        return LogReader()

    @cached_property
    def _diff(self) -> DiffView:
        return DiffView(id="diff")

    @cached_property
    def _lines(self) -> LinesView:
        return LinesView(id="lines")

    @cached_property
    def _views(self) -> dict[str, LogReader | DiffView | LinesView]:
        return {"log": self.reader, "diff": self._diff, "lines": self._lines}

    def _again(self) -> None:
        if self._deck is not None and self.display:
            self.show(self._deck)

    # --- the log -------------------------------------------------------------------------------

    def _show_log(self, deck: Deck) -> None:
        reader = self.reader
        task, width = deck.task, reader.view.size.width
        attempt = task.attempt if task is not None else None
        reader.view.placeholder = no_log(deck).split("\n", 1)[0] if attempt is not None else ""
        number = attempt.number if attempt is not None else 0
        of = (deck.selected, number)
        said = no_log(deck) if attempt is None else ""
        subject = (of, width, self.raw, id(roles_of(self)), said)
        until = log_end(deck, attempt) if attempt is not None else None
        same = subject == self._log_of and reader.end_at(until)
        if same or width < MARGIN_CELLS:
            if width >= MARGIN_CELLS and attempt is not None:
                self._go_in_log(deck)
            return
        before, self._log_of = self._log_of, subject
        if attempt is None or deck.selected is None:
            reader.show_text(_paragraphs(said, width, roles_of(self)))
            return
        tail = log_tail(self._folder, deck, attempt, deck.selected)
        look = log_look(deck, attempt, width=width, raw=self.raw)
        reader.show_log(tail, look, fresh=before is None or before[0] != of)
        self._go_in_log(deck)

    def _go_in_log(self, deck: Deck) -> None:
        goal = self._goal
        if goal is not None and goal.tab == "log" and goal.task == deck.selected:
            self._goal = None
            self.reader.go_to(goal.offset, goal.find)

    # --- the diff ------------------------------------------------------------------------------

    def _show_diff(self, deck: Deck) -> None:
        view = self._diff
        task, width = deck.task, view.size.width
        attempt = task.attempt if task is not None else None
        if attempt is None or attempt.base is None or task is None or deck.simulated:
            subject: object = (deck.selected, no_diff(deck), width, id(roles_of(self)))
            if subject != self._diff_of and width:
                self._diff_of = subject
                self._painter = None
                view.show_text(_paragraphs(no_diff(deck), width, roles_of(self)))
            return
        self._show_remarks(fresh=False)
        head = attempt.collected.head if attempt.collected else attempt.tools
        subject = (task.id, attempt.number, head, id(roles_of(self)))  # colours are in the rows
        changed_task = not isinstance(self._diff_of, tuple) or self._diff_of[:2] != subject[:2]
        if subject == self._diff_of:
            if self._painter is not None and not changed_task:
                self._go_in_diff(task.id)
            return
        if (
            not changed_task
            and attempt.collected is None
            and deck.now - self._diff_at < DIFF_AGAIN_S
        ):
            return
        self._diff_of, self._diff_at = subject, deck.now
        if changed_task:  # a comment on the lines of another task would go to this one
            self._diff_fresh, self._painter = True, None
            view.show_text([])
            self.set_timer(CONTENT_S, partial(self._say_reads, task.id, subject))
        self.run_worker(
            lambda: self._read_diff(deck, task.id, subject),
            thread=True,
            exclusive=True,
            group="diff",
        )

    def _say_reads(self, task: TaskId, subject: object) -> None:
        """It takes longer than a moment."""
        if self._diff_fresh and subject == self._diff_of:
            view = self.query_one("#diff", DiffView)
            said = f"Git is asked what {task} has changed."
            view.show_text(_paragraphs(said, view.size.width, roles_of(self)))

    def _read_diff(self, deck: Deck, task: TaskId, subject: object) -> None:
        """In a thread: git is asked, and the lines are coloured."""
        from agentdeck.control.repo import diff_of

        painter, problem = None, ""
        try:
            diff = read_diff(diff_of(deck.state, task))
            if diff.files:
                painter = DiffPainter(diff, diff_colours(roles_of(self), dark=self._dark))
                painter.warm()
            else:
                problem = no_diff(deck)
        except DeckError as error:
            problem = f"{error.message}. {error.hint}".strip()
        self.app.call_from_thread(self._put_diff, task, subject, painter, problem)

    @property
    def _dark(self) -> bool:
        return self.app.current_theme.dark

    def _put_diff(
        self, task: TaskId, subject: object, painter: DiffPainter | None, problem: str
    ) -> None:
        if subject != self._diff_of:  # a thread cannot be called off: another was asked since
            return
        fresh, self._diff_fresh = self._diff_fresh, False
        self._painter, self._remarks = painter, None
        if painter is None:
            view = self._diff
            view.show_text(_paragraphs(problem, view.size.width, roles_of(self)))
        self._show_remarks(fresh=fresh)
        self._go_in_diff(task)

    def _go_in_diff(self, task: TaskId) -> None:
        goal = self._goal
        if goal is not None and goal.tab == "diff" and goal.task == task:
            self._goal = None
            self._diff.go_to(goal.file, goal.line)

    # --- comments on the diff --------------------------------------------------------------------

    def draft(self) -> Draft:
        """The comments on the selected task's work that were not sent yet."""
        return self._drafts.get(key, ()) if (key := self._draft_key()) is not None else ()

    def draft_of(self, task: TaskId, attempt: int) -> Draft:
        """Those on the work of any attempt."""
        return self._drafts.get((task, attempt), ())

    def remarks(self) -> list[Remark]:
        """All comments on it, also those of reviewers."""
        task = self._deck.task if self._deck is not None else None
        attempt = task.attempt if task is not None else None
        return remarks_of(attempt, self.draft()) if attempt is not None else []

    def said_of(self, file: str, line: int) -> str:
        """What the draft says of a line."""
        return on_line(self.draft(), file, line)

    def note(self, comment: ReviewComment) -> None:
        """Keep a comment until it is sent; an empty one takes back what was there."""
        key = self._draft_key()
        if key is not None:
            self._drafts[key] = put(self.draft(), comment)
            self._show_remarks(fresh=False)

    def forget_draft(self, task: TaskId, attempt: int) -> None:
        """It was sent."""
        self._drafts.pop((task, attempt), None)
        self._show_remarks(fresh=False)

    def _draft_key(self) -> tuple[TaskId, int] | None:
        task = self._deck.task if self._deck is not None else None
        attempt = task.attempt if task is not None else None
        return (task.id, attempt.number) if task is not None and attempt is not None else None

    def _show_remarks(self, *, fresh: bool) -> None:
        """The diff with all comments, if any is new."""
        view, roles, remarks = self._diff, roles_of(self), self.remarks()
        subject = (tuple(remarks), view.size.width, id(self._painter), id(roles))
        if self._painter is None or (subject == self._remarks and not fresh):
            return
        self._remarks = subject
        view.show_diff(self._painter, remarks, fresh=fresh)


def diff_colours(roles: Roles, *, dark: bool) -> DiffColours:
    """What a diff looks like in a theme."""
    return DiffColours(
        added=roles.style("state-landed"),
        removed=roles.style("state-failed"),
        hunk=roles.style("accent"),
        file=Style(bold=True),
        muted=roles.style("faint"),
        added_line=roles.style("added-line"),
        removed_line=roles.style("removed-line"),
        added_word=roles.style("added-word bold"),
        removed_word=roles.style("removed-word bold"),
        unseen=roles.style("alert"),
        dark=dark,
    )


def _paragraphs(text: str, width: int, roles: Roles) -> list[Text]:
    from agentdeck.tui.presentation.line import wrapped

    return [as_text(line, roles) for line in wrapped(text, width - MARGIN_CELLS, "muted")]
