"""The command palette: every command, every task, every theme, by a part of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from agentdeck.tui.keys import Context, reason
from agentdeck.tui.presentation.key_names import NO_KEY
from agentdeck.tui.presentation.line import plain
from agentdeck.tui.presentation.titles import title_of

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp


class _Row(NamedTuple):
    text: str
    help: str
    run: Callable[[], object]
    task: str = ""  # the row is this task and nothing that is done to it


NAMED: Final = 1_000.0  # is added to the score of a task that is named; no other comes near
LEAST_TYPED: Final = 3  # characters of an id that name a task; fewer may be meant for a command
CHOOSING: Final = frozenset("enter up down pageup pagedown ctrl+home ctrl+end".split())
LAST: Final = 0.001  # the score of what is offered below everything else
SPEED_STEP: Final = 2.0  # how much faster or slower one command makes a simulation


class DeckPalette(CommandPalette):
    """The framework's palette; no key chooses in what was found for other words."""

    def holds_back(self, key: str) -> bool:
        """Enter and the arrows wait for what was typed before them to be found."""
        group = self._GATHER_COMMANDS_GROUP
        return key in CHOOSING and any(
            worker.group == group and not worker.is_finished and not worker.is_cancelled
            for worker in self.workers
        )


class DeckCommands(Provider):
    """Keys first, then tasks; themes only once something is typed.

    Who types an id looks for that task: it stands before what could be done to it, so that enter
    never retries or stops what one only wanted to see.
    """

    @property
    def deck_app(self) -> DeckApp:
        """The app, by its own type."""
        return cast("DeckApp", self.app)

    def rows(self) -> Iterator[_Row]:
        """What can be found."""
        yield from self._speeds()
        yield from self._keys()
        yield from self._tasks()
        for name in self.deck_app.theme_names:
            yield _Row(
                f"Theme {name}", "how the deck looks", partial(self.deck_app.use_theme, name)
            )

    async def discover(self) -> Hits:
        """What is there before anything is typed."""
        for row in (*self._speeds(), *self._keys(), *self._tasks()):
            yield DiscoveryHit(Content(row.text), row.run, row.text, row.help)

    async def search(self, query: str) -> Hits:
        """What fits."""
        matcher = self.matcher(query)
        for row in self.rows():
            score = matcher.match(row.text)
            if score > 0:
                score += _naming(row.task, query)
                yield Hit(score, Content(row.text), row.run, row.text, row.help)
        if query.strip() and reason(self.deck_app.key("view.search"), self._context) is None:
            text = f"Search everything for {plain(query)}"
            about = "tasks, briefs, logs, diffs, the journal"
            yield Hit(LAST, Content(text), partial(self._search_all, query), text, about)

    @property
    def _context(self) -> Context:
        return self.deck_app.front.context

    def _search_all(self, query: str) -> None:
        from agentdeck.tui.screens.search import SearchScreen

        _ = self.deck_app.push_screen(SearchScreen(query.strip()))

    def _keys(self) -> Iterator[_Row]:
        """Those that can act now before those that cannot, which say why."""
        context = self.deck_app.front.context
        keys = [
            key
            for key in context.keys
            if key.make is not None or key.act not in ("", "command_palette")
        ]
        for key in sorted(keys, key=lambda key: reason(key, context) is not None):
            why = reason(key, context)
            about = (
                f" {context.task}" if key.make is not None and key.of_task and context.task else ""
            )
            name = key.label[:1].upper() + key.label[1:]
            text = f"{name}{about}" + (f"  ({key.show})" if key.show != NO_KEY else "")
            run = partial(self.deck_app.press, key.id)
            yield _Row(text, f"not now: {why}" if why else key.tooltip, run)

    def _speeds(self) -> Iterator[_Row]:
        """Only where time is played."""
        simulation = self.deck_app.simulation
        if simulation is None:
            return
        for name, factor in (("Faster", SPEED_STEP), ("Slower", 1 / SPEED_STEP)):
            text = f"{name} simulation"
            yield _Row(text, f"now {simulation.label}", partial(simulation.change_speed, factor))

    def _tasks(self) -> Iterator[_Row]:
        """In plan order; choosing one looks at it."""
        front = self.deck_app.front
        deck = self.deck_app.room.moment()
        for task in deck.state.plan.tasks:
            text = f"{task.id}  {title_of(task)}"
            about = f"task, {deck.status(task.id)}"
            yield _Row(text, about, partial(front.select, task.id), task.id)


def _naming(task: str, query: str) -> float:
    """What a row gains where its task is named by what is typed."""
    typed, whole = query.strip().casefold(), task.casefold()
    if not typed or not whole.startswith(typed):
        return 0.0
    if typed == whole:
        return 2 * NAMED
    return NAMED if len(typed) >= LEAST_TYPED else 0.0
