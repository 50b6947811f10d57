"""The control room as an app: a source of events, a model, one room, and what keys make happen.

Rules: events are folded as they come and drawn at most fifteen times a second. A command goes to
the engine, and what follows from it comes back as events: the screen shows nothing that the engine
has not said. A refusal is a toast with its reason.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

os.environ.setdefault("TEXTUAL_FPS", "120")  # read when textual is imported; halves a key's wait

from textual import events
from textual.app import App
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.screen import ModalScreen, Screen
from textual.theme import Theme

from agentdeck.control.budget_report import marked_in_words
from agentdeck.control.line_history import LineHistory
from agentdeck.control.person import who
from agentdeck.control.user_folder import KEYS_FILE, SETTINGS_FILE, THEMES_FOLDER, user_folder
from agentdeck.core.budgets import NEAR, unpriced
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError
from agentdeck.core.events import BudgetMarked, Promoted, Recorded
from agentdeck.plans.forecast.history import History
from agentdeck.shipped import themes_folder
from agentdeck.tui.calling import Calling
from agentdeck.tui.forecasting import Forecasting
from agentdeck.tui.garbage import Garbage, settle
from agentdeck.tui.keymap import load_keys
from agentdeck.tui.keys import IN_REPLAY, KEYS, PAST, Key, command_of, is_bulk, reason
from agentdeck.tui.looking_back import LookingBack
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.opening import Opening
from agentdeck.tui.pacing import Pacing
from agentdeck.tui.palette import DeckCommands, DeckPalette
from agentdeck.tui.presentation.carried_out import carried_out
from agentdeck.tui.presentation.header import terminal_title
from agentdeck.tui.presentation.key_names import spoken
from agentdeck.tui.presentation.said import SaidEarlier, sentence
from agentdeck.tui.proposed import Proposed
from agentdeck.tui.remarks import Remarks
from agentdeck.tui.remembering import Remembering
from agentdeck.tui.replay import Replay
from agentdeck.tui.roles import DEFAULTS, Roles
from agentdeck.tui.sampling import Sampling
from agentdeck.tui.screens.full_screen import FullScreen
from agentdeck.tui.screens.room import RoomScreen
from agentdeck.tui.settings import load_settings
from agentdeck.tui.sickness import Sickness
from agentdeck.tui.stylesheet import DeckStylesheet
from agentdeck.tui.theme_files import load_themes
from agentdeck.tui.tour import Tour
from agentdeck.tui.typed_ahead import TypedAhead
from agentdeck.tui.undoing import Undoing

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.driver import Driver
    from textual.notifications import SeverityLevel

    from agentdeck.control.runs import RunFolder
    from agentdeck.core.state import RunState
    from agentdeck.tui.asking import Asking
    from agentdeck.tui.brief_editing import BriefEditing
    from agentdeck.tui.bulk import BulkActs
    from agentdeck.tui.by_hand import ByHand
    from agentdeck.tui.comparing import Comparing
    from agentdeck.tui.questions import Questions
    from agentdeck.tui.typed_commands import TypedCommands

DEFAULT_THEME: Final = "deck-dark"
PALETTE: Final = "--command-palette"  # the framework knows its palette by this
NO_KEY: Final = "<none>"  # the name of a key that no terminal sends
FIRST_PICTURE_S: Final = 0.3  # for it and what its panes look for, before the past is read
PAST_EVENTS: Final = 200_000  # of past runs; under three seconds of reading beside the screen
FINDS: Final = "a task or a command, by a part of its name"
CARRIED_OUT_S: Final = 4.0  # for one sentence that nothing depends on
OFFLINE: Final = "no engine answers; it is asked again by itself"


class Source(Protocol):
    """Where events come from and commands go to."""

    @property
    def connected(self) -> bool:
        """Can commands be sent now?"""

    def follow(self, after: int = 0) -> AsyncIterator[list[Recorded]]:
        """Events behind number `after`, for ever."""

    async def send(self, command: AnyCommand) -> int:
        """Carry out a command; raises a DeckError when it was refused."""

    async def close(self) -> None:
        """Let go of it."""


class Simulation(Protocol):
    """What the deck needs of a run that is only played."""

    @property
    def label(self) -> str:
        """What the header says of it: `simulated, 600x`."""

    def now(self) -> float:
        """Its clock, seconds since the epoch."""

    def change_speed(self, factor: float) -> None:
        """Let its time pass faster or slower."""


class DeckApp(App[None]):
    """The control room."""

    TITLE = "agentdeck"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {DeckCommands}
    BINDINGS: ClassVar[list[BindingType]] = []
    _wanted_theme: str | None = None
    _variables: tuple[Theme, dict[str, str]] | None = None  # of the theme that was asked for last

    def __init__(
        self,
        folder: RunFolder,
        source: Source,
        *,
        clock: Clock | None = None,
        ascii_only: bool | None = None,
        theme: str = DEFAULT_THEME,
        theme_folders: Sequence[Path] | None = None,
        keys_file: Path | None = None,
        settings_file: Path | None = None,
        remembering: Remembering | None = None,
        begin: RunState | None = None,
        preload: Iterable[Recorded] = (),
        past: int = 0,
        simulation: Simulation | None = None,
        replay: Replay | None = None,
        tour: bool = False,
    ) -> None:
        """A deck over one run.

        Args:
            folder: the run's folder; its logs are read from there.
            source: events and commands.
            clock: stands still for pictures.
            ascii_only: None = what the terminal and AGENTDECK_ASCII say.
            theme: the name of a theme; an unknown one is named in a toast.
            theme_folders: None = the shipped and the user's.
            keys_file: the person's own keys; None = that of the user's configuration.
            settings_file: the person's own settings; None = likewise.
            remembering: the layout as it was left, and where it is kept; None = it is not.
            begin: the state of a checkpoint, which is the deck's from here on; what led to it is
                read from the run's journal beside the screen.
            preload: events that are folded before the first picture.
            past: the number of the last event that is there already. Until it is known nothing of
                the run is drawn: half of the past is a run that never was.
            simulation: the run is played, not real; its clock is the deck's.
            replay: what is shown is this, and nothing else.
            tour: begin with the tour.
        """
        super().__init__()
        self.folder = folder
        self.source = source
        self.simulation = simulation
        self.model = Model(clock or (Clock(source=simulation.now) if simulation else None))
        if begin is not None:
            self.model.begin(begin)
        self.model.take(preload)
        self._reads_until = past
        others = self._past if simulation is None else None
        self.forecasting = Forecasting(self.model, others, played=simulation is not None)
        if self.model.clock.frozen:
            self.forecasting.at_once()
        self.sampling = Sampling(self.model, folder)
        self.ascii_only = wants_ascii() if ascii_only is None else ascii_only
        self.settings, self._setting_problems = load_settings(
            settings_file or user_folder() / SETTINGS_FILE
        )
        self.remembering = remembering if self.settings.remember else None
        self._wanted_theme = (self.remembering and self.remembering.theme) or theme
        self._theme_problems = self._load_themes(theme_folders)
        self._begin_with_theme()
        self.said = SaidEarlier()
        self.keys, self._key_problems = load_keys(keys_file or user_folder() / KEYS_FILE)
        self.room = RoomScreen()
        self.person = who()
        self.looking_back = LookingBack(self, replay)
        self.undoing = Undoing(self)
        self.remarks = Remarks(self)
        self.calling = Calling(self, self.settings.notify)
        self.sickness = Sickness(self)
        self.proposed = Proposed(self.model, folder)
        self.pacing = Pacing(self)
        self.garbage = Garbage(lambda: self.pacing.quiet_s)
        self.lines = LineHistory()
        self.tour = Tour(self)
        self.opening = Opening(self)
        self.ahead = TypedAhead(self)
        self._tour_is_due = tour
        self._dirty = False
        self._opened_at = self.model.clock.now()  # what is older was told before
        self._unpriced: set[str] = set()  # models of which the person has been told
        self._forecast_failed = False  # and the person has been told
        self._title_shown = ""
        self._titled_for: tuple[object, ...] = ()
        self._roles: tuple[str, Roles] | None = None

    # --- parts that are imported when they are used first --------------------------------------

    @cached_property
    def asking(self) -> Asking:
        """What agents ask."""
        from agentdeck.tui.asking import Asking

        return Asking(self)

    @cached_property
    def by_hand(self) -> ByHand:
        """What a person does in an agent's place."""
        from agentdeck.tui.by_hand import ByHand

        return ByHand(self)

    @cached_property
    def questions(self) -> Questions:
        """What a key asks before it acts."""
        from agentdeck.tui.questions import Questions

        return Questions(self)

    @cached_property
    def bulk(self) -> BulkActs:
        """What a key does with many tasks."""
        from agentdeck.tui.bulk import BulkActs

        return BulkActs(self)

    @cached_property
    def brief_editing(self) -> BriefEditing:
        """What `e` does."""
        from agentdeck.tui.brief_editing import BriefEditing

        return BriefEditing(self)

    @cached_property
    def comparing(self) -> Comparing:
        """What `X` does."""
        from agentdeck.tui.comparing import Comparing

        return Comparing(self)

    @cached_property
    def typed(self) -> TypedCommands:
        """What typed commands do."""
        from agentdeck.tui.typed_commands import TypedCommands

        return TypedCommands(self)

    # --- themes --------------------------------------------------------------------------------

    def get_css_variables(self) -> dict[str, str]:
        """What the theme means for CSS, made once for each: it is asked for again and again."""
        if self._wanted_theme is None:
            return {}  # the framework's own beginning; nothing is read before the theme is there
        theme = self.current_theme
        if self._variables is None or self._variables[0] is not theme:
            self._variables = (theme, super().get_css_variables())
        return self._variables[1]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of states, for themes that say nothing of them."""
        theme = self.current_theme
        found = {}
        for name, stands_in in DEFAULTS.items():
            colour = getattr(theme, stands_in, None)
            found[name] = colour or theme.foreground or theme.primary
        return found

    @property
    def roles(self) -> Roles:
        """What roles look like in the theme that is shown."""
        if self._roles is None or self._roles[0] != self.theme:
            self._roles = (self.theme, Roles(self.theme_variables, ascii_only=self.ascii_only))
        return self._roles[1]

    @property
    def theme_names(self) -> list[str]:
        """The deck's own and the person's themes, then the framework's."""
        own = [name for name in self._own_themes if name in self.available_themes]
        return own + sorted(name for name in self.available_themes if name not in own)

    def use_theme(self, name: str) -> None:
        """Show another theme."""
        self.theme = name

    def _load_themes(self, folders: Sequence[Path] | None) -> list[str]:
        if folders is None:
            folders = (Path(str(themes_folder())), user_folder() / THEMES_FOLDER)
        themes, problems = load_themes(folders)
        self._own_themes = [theme.name for theme in themes]
        for theme in themes:
            self.register_theme(_whole(theme))
        return problems

    def _begin_with_theme(self) -> None:
        """Have it before any CSS is read: with other colours all of it is read again."""
        wanted = self._wanted_theme or DEFAULT_THEME
        if wanted not in self.available_themes:
            self._theme_problems.append(f"there is no theme named {wanted}")
            wanted = DEFAULT_THEME
        if wanted in self.available_themes:
            self.set_reactive(DeckApp.theme, wanted)
        dark = self.current_theme.dark
        self.set_class(dark, "-dark-mode", update=False)
        self.set_class(not dark, "-light-mode", update=False)
        self.stylesheet = DeckStylesheet(variables=self.get_css_variables())

    # --- life ----------------------------------------------------------------------------------

    def get_driver_class(self) -> type[Driver]:
        """In place of the framework's for a terminal, one that sleeps while nobody types."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from agentdeck.tui.patient_input import PatientDriver

        return PatientDriver

    def on_mount(self) -> None:
        """The room, and the stream of events."""
        self.theme_changed_signal.subscribe(self, self._repaint)
        _ = self.push_screen(self.room)
        self.ahead.start()
        if self._tour_is_due:
            self.call_after_refresh(self.tour.begin)
        if self.keys != KEYS:
            self.set_keymap({key.id: key.keys or NO_KEY for key in self.keys})
        for problem in self._theme_problems:
            self.notify(problem, title="A theme was left out", severity="warning", markup=False)
        for problem in self._key_problems:
            self.notify(problem, title="A key was left out", severity="warning", markup=False)
        for problem in self._setting_problems:
            self.notify(problem, title="A setting was left out", severity="warning", markup=False)
        if self.remembering is not None and self.remembering.problem:
            self.notify(self.remembering.problem, severity="warning", markup=False)
        if not self.model.clock.frozen:
            if self.looking_back.replay is None:
                self.run_worker(self._follow(), name="events", exit_on_error=True)
            if not self.model.whole:
                self.set_timer(FIRST_PICTURE_S, self._recall)
            self.pacing.start()
            self.set_timer(2.0, settle)

    async def _follow(self) -> None:
        async for batch in self.source.follow(self.model.state.seq):
            self.take(batch)
            await asyncio.sleep(0)  # a long history must not keep a key waiting

    def _recall(self) -> None:
        self.run_worker(self._take_in_the_past(), name="past", exit_on_error=True)

    async def _take_in_the_past(self) -> None:
        from agentdeck.tui.recalling import recall

        await recall(self)
        self._dirty = True

    def take(self, batch: Sequence[Recorded]) -> None:
        """Take in what has happened; it is drawn at the next look."""
        self.looking_back.take(batch)
        if self.looking_back.replay is not None:
            return
        self._tell(batch)
        self._dirty = True
        self.pacing.wake()

    def _tell(self, batch: Sequence[Recorded]) -> None:
        """Say what no pane may show: what of money has happened, and that it is in the base."""
        state = self.model.state
        for recorded in batch:
            event = recorded.event
            if recorded.at < self._opened_at:
                continue
            if isinstance(event, Promoted):
                done = f"Everything that landed is in {state.base} now."
                self.notify(done, title="Promoted", markup=False)
            elif isinstance(event, BudgetMarked):
                said = marked_in_words(state, event.scope, event.mark)
                loud: SeverityLevel = "warning" if event.mark >= NEAR else "information"
                if said is not None:
                    self.notify(sentence(said), title="Budget", severity=loud, markup=False)

    def _tell_prices(self) -> None:
        """Name each model without a price, once."""
        for model in unpriced(self.model.state):
            if model not in self._unpriced:
                self._unpriced.add(model)
                text = f"No price for {model or 'a model without a name'}: only its tokens count."
                self.notify(text, title="Budget", severity="warning", markup=False)

    def each_second(self) -> None:
        """Clocks have moved; look at what is done beside the screen."""
        self._dirty = True
        self.garbage.tick()
        if self.remembering is not None:
            self.remembering.tick(self)
        if self.looking_back.replay is not None or self.reads_the_past:
            return
        self.calling.tick()
        self.sickness.tick()
        self.proposed.tick()
        self._tell_prices()
        if self.simulation is None:
            self.sampling.tick()
        if not self.model.whole:
            return
        self.forecasting.tick()
        if self.forecasting.problem and not self._forecast_failed:
            self._forecast_failed = True
            text = f"There is no forecast: {self.forecasting.problem}"
            self.notify(text, severity="warning", markup=False)

    def _past(self) -> History:
        """What past runs have measured; for a thread."""
        from agentdeck.control.past_runs import past_history

        state = self.model.state
        here = Path(state.checkout or state.repo)
        return past_history(here, besides=self.folder.run, most_events=PAST_EVENTS)

    def exit(
        self, result: None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """Leave; the layout is kept."""
        if self.remembering is not None:
            self.remembering.leave(self)
        super().exit(result, return_code, message)

    def on_unmount(self) -> None:
        """Nothing goes on behind a deck that is gone."""
        self.ahead.stop()
        self.pacing.stop()
        self.forecasting.close()

    def _repaint(self, _: Theme) -> None:
        self.call_after_refresh(self.draw)

    @property
    def has_news(self) -> bool:
        """Is something to be drawn, as far as is known?"""
        return self._dirty or self.looking_back.replay is not None

    def draw_if_needed(self) -> None:
        """Show the run as it is now, if that is not on the screen."""
        # Timers fire also while the room is taken down, pane by pane: then there is nothing to do.
        with suppress(NoMatches):
            self._dirty |= self.looking_back.tick()
            if self._dirty and self.looking_back.arrived:
                with self.front.by_itself():
                    self.draw()

    @property
    def reads_the_past(self) -> int:
        """Up to which event, while that is not known; else 0."""
        return self._reads_until if 0 < self.model.state.seq < self._reads_until else 0

    def look_at_logs(self) -> bool:
        """Draw new lines of the logs on the screen. Was there any?"""
        front = self.front
        with suppress(NoMatches), front.by_itself():
            return front.tick_logs()
        return False

    def draw(self) -> None:
        """Show the run as it is now."""
        self._dirty = False
        if self.room.is_mounted and self.front.is_mounted:
            self.front.refresh_deck()
            self._show_title()
            if isinstance(self.screen, ModalScreen):
                self._show_dialog(self.screen)
        self.pacing.wake()

    def _show_dialog(self, screen: Screen[Any]) -> None:
        from agentdeck.tui.screens.dialogs import Dialog

        if isinstance(screen, Dialog) and screen.is_mounted:
            screen.see(self.model.state)

    @property
    def front(self) -> RoomScreen | FullScreen:
        """The screen that a person looks at, below any dialog."""
        for screen in reversed(self._screen_stack):
            if isinstance(screen, RoomScreen | FullScreen):
                return screen
        return self.room

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """A toast; warnings and errors are kept for the inbox."""
        if severity != "information":
            at = self.model.clock.now()
            self.said.add(at, title, message, error=severity == "error")
            self._dirty = True
            self.pacing.wake()
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def _show_title(self) -> None:
        deck = self.room.moment()
        if deck.subject == self._titled_for:
            return
        self._titled_for = deck.subject
        title = terminal_title(deck)
        if title != self._title_shown:
            self._title_shown = title
            self.write_escape(f"\x1b]2;{title}\x07")

    def write_escape(self, text: str) -> None:
        """Tell the terminal something beside the picture."""
        if text and self._driver is not None and not self.is_headless:
            self._driver.write(text)

    async def on_event(self, event: events.Event) -> None:
        """Note that a person is here, then go on; keys when it is their turn."""
        match event:
            case events.Key():
                self.calling.key()
                self.pacing.key()
            case events.AppFocus() | events.AppBlur():
                self.calling.focus(isinstance(event, events.AppFocus))
            case _:
                pass
        if not self.ahead.takes(event):
            await super().on_event(event)

    @property
    def simulated(self) -> str:
        """What is said of a run that is only played; empty for a real one."""
        return self.simulation.label if self.simulation is not None else ""

    @property
    def offline(self) -> str:
        """Why commands cannot be sent; empty when they can."""
        if self.looking_back.replay is not None:
            return PAST
        if self.source.connected or self.model.clock.frozen:
            return ""
        if self.model.sick:
            return self.model.sick
        ended = self.model.state.outcome is not None
        return "the run has ended and its engine is gone" if ended else OFFLINE

    def on_header_bar_alert_pressed(self) -> None:
        """What needs the person was clicked."""
        self.press("view.inbox")

    # --- keys ----------------------------------------------------------------------------------

    def key(self, key_id: str) -> Key:
        """A key as the person has it, by its id."""
        return next(key for key in self.keys if key.id == key_id)

    @cached_property
    def shows(self) -> dict[str, str]:
        """How the person's keys are shown, by id."""
        return {key.id: key.show for key in self.keys}

    def key_name(self, key_id: str) -> str:
        """What a sentence calls a key."""
        return spoken(self.shows[key_id])

    def press(self, key_id: str) -> None:
        """Do what a key means, ask first, or say why it cannot be done."""
        if self.tour.on:
            self.call_after_refresh(self.tour.pressed, key_id)
        key = self.key(key_id)
        if self.looking_back.replay is not None and key_id in IN_REPLAY:
            self.looking_back.act(IN_REPLAY[key_id])
            return
        context = self.front.context
        why = reason(key, context)
        self.remarks.hush()
        if why is not None:
            title = f"{key.show}  {key.label}"
            self.remarks.say(sentence(why), title=title, severity="warning")
            self.ahead.refused(key)
        elif key.make is None:
            self.front.act(key)
        elif is_bulk(key, context):
            self.bulk.press(key, context)
        elif key.ask is None or key.id in context.instead:
            self.deliver(command_of(key, context))
        else:
            self.questions.ask(key, context)

    def deliver(
        self, command: AnyCommand | None, *, then: Callable[[int], object] | None = None
    ) -> None:
        """Send a command; `then` gets the number of its last event, unless it was refused."""
        if command is not None:
            self.run_worker(self._deliver(command, then), group="commands")

    async def _deliver(
        self, command: AnyCommand, then: Callable[[int], object] | None = None
    ) -> None:
        step = self.undoing.step(command)
        words = carried_out(self.model.state, command, agents_seen=self._agents_seen)
        come = self.ahead.expect() if then is not None else None
        try:
            seq = await self.source.send(command)
        except DeckError as error:
            self.tell_fault(error, "Not done")
        else:
            self.undoing.keep([step])
            if words:
                self.remarks.say(words, timeout=CARRIED_OUT_S)
            if then is not None:
                then(seq)
        finally:
            if come is not None:
                come()

    @property
    def _agents_seen(self) -> bool:
        context = self.front.context
        in_room = self.front is self.room and not context.small and not self.room.zoomed
        return in_room or context.pane in ("agents", "load")

    def send_back(self, commands: Sequence[AnyCommand], words: str) -> None:
        """Send what takes something back; nothing takes that back again."""
        self.run_worker(self._send_back(commands, words), group="commands")

    async def _send_back(self, commands: Sequence[AnyCommand], words: str) -> None:
        try:
            for command in commands:
                _ = await self.source.send(command)
        except DeckError as error:
            self.tell_fault(error, "Not taken back")
        else:
            self.notify(f"Taken back: {words}.", markup=False, timeout=4)

    def tell_fault(self, error: DeckError, title: str) -> None:
        """A toast with what is wrong and what to do."""
        text = f"{sentence(error.message)} {sentence(error.hint)}".strip()
        self.notify(text, title=title, severity="warning", markup=False)

    def warn(self, text: str) -> None:
        """A toast that says why something is not done."""
        self.notify(text, title="Not done", severity="warning", markup=False)

    @property
    def can_suspend(self) -> bool:
        """Can the terminal be given to another program? Not in a browser."""
        return self._driver is not None and self._driver.can_suspend

    def after_redraw(self, act: Callable[[], object]) -> None:
        """Do something once what is on the screen now is painted; what is typed waits for it."""
        come = self.ahead.expect()

        async def then() -> None:
            try:
                done = act()
                if isawaitable(done):
                    await done
            finally:
                come()

        self.call_after_refresh(then)

    def action_command_palette(self) -> None:
        """Find a task or a command; the line says what can be found."""
        if not isinstance(self.screen, DeckPalette):
            _ = self.push_screen(DeckPalette(placeholder=FINDS, id=PALETTE))

    async def action_quit(self) -> None:
        """ctrl+q, which the framework has everywhere: no text that is not saved is lost by it."""
        from agentdeck.tui.screens.brief_editor import BriefEditor

        if isinstance(self.screen, BriefEditor) and self.screen.edits:
            self.screen.action_cancel()
        else:
            await super().action_quit()

    def act(self, name: str) -> None:
        """What a key of the whole deck means."""
        self.opening.act(name)

    def remember_line(self, line: str) -> None:
        """Keep a line that was understood, for the next time."""
        if self.lines.add(line):
            keep = partial(self.lines.keep, line)
            self.run_worker(keep, thread=True, group="lines", exit_on_error=False)

    def leave(self) -> None:
        """Leave the deck, and say how to come back; in a browser the page says it."""
        self.exit(message=None if self.is_web else self._farewell())

    def _farewell(self) -> str:
        if self.simulation is not None:
            return "The simulation is over; nothing was touched."
        if self.looking_back.replay is not None and not self.looking_back.replay.live:
            return f"The replay is over. `agentdeck attach {self.folder.run}` opens the run."
        if self.model.state.outcome is not None:
            return f"The run has ended. `agentdeck attach {self.folder.run}` shows it again."
        return f"The run goes on. `agentdeck attach {self.folder.run}` comes back to it."


def _whole(theme: Theme) -> Theme:
    """A theme with a foreground and a background: muted colours are mixed from them."""
    theme.foreground = theme.foreground or ("#d6dbe4" if theme.dark else "#262b33")
    theme.background = theme.background or ("#12151b" if theme.dark else "#f8f7f4")
    return theme


def wants_ascii(flag: bool = False) -> bool:
    """Does the person, by a flag or the environment, or the terminal want ASCII signs only?"""
    asked = flag or os.environ.get("AGENTDECK_ASCII", "") not in ("", "0")
    return asked or os.environ.get("TERM", "") in ("dumb", "linux", "vt100")


__all__ = ["DeckApp", "wants_ascii"]
