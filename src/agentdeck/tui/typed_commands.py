"""What a typed line does: it is read, looked at as a key would be, and then done or asked first.

Rules:
- Nothing is done here that a key could not do: the engine's own rule refuses, in its own words.
- What asks before it acts by key asks here too, unless the line has said the answer.
- `.` is the selected task and `marked` are the marked ones, unless a task has that name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agentdeck.control.account_report import account_lines
from agentdeck.control.verb_completion import Candidate, Completion, complete
from agentdeck.control.verb_line import Read, near, read_line
from agentdeck.control.verbs import Argument, Option, Takes, Verb
from agentdeck.core.budgets import RUN
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.errors import DeckError, RefusedError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.pools import places
from agentdeck.core.state import RunState
from agentdeck.plans.typed_limits import wish_of
from agentdeck.tui.bulk_commands import Bulk, result_words
from agentdeck.tui.deck_verbs import deck_verbs, pressing
from agentdeck.tui.keys import PAST, Ask, Context, Key, reason
from agentdeck.tui.presentation.line import plain
from agentdeck.tui.presentation.titles import title_of
from agentdeck.tui.screens.dialogs import Confirm

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

SELECTED: Final = "."
MARKED: Final = "marked"
LOOKED_AT: Final = 200  # tasks that are asked whether a verb could act, at each letter

Act = Callable[[], object]


class TypedCommands:
    """Reads, completes and carries out lines."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self._presses = pressing(app.keys)
        self.verbs = deck_verbs(app.keys, self._presses)

    # --- doing ---------------------------------------------------------------------------------

    def prepare(self, line: str) -> Act:
        """What a line does, once nothing is in the way.

        Raises:
            UsageError: the line cannot be understood.
            RefusedError: it cannot be done now.
        """
        context = self._app.front.context
        read = read_line(line, self.verbs, lambda thing, word: _values(thing, word, context))
        name = read.verb.name
        if name in self._presses:
            return self._press(self._presses[name], read.said["task"], context)
        match name:
            case "goto":
                return lambda: self._app.front.select(TaskId(read.said["task"]))
            case "theme" if read.said["theme"] is None:
                return lambda: self._app.press("deck.theme")
            case "theme":
                return self._theme(read.said["theme"])
            case "budget" if read.said["amount"] is None:
                return self._press("run.budget", None, context)
            case "budget":
                command = wish_of(read.said["scope"] or RUN, read.said["amount"], default="usd")
                return self._send(read, [command], context)
            case _:
                return self._send(read, read.verb.build(read.said), context)

    def why_not(self, line: str) -> str:
        """Why a line that can be understood cannot be done now; empty otherwise."""
        try:
            _ = self.prepare(line)
        except RefusedError as error:
            return error.message
        except DeckError:
            return ""
        return ""

    def _press(self, key_id: str, task: str | None, context: Context) -> Act:
        app = self._app
        if task is not None:
            context = _about(context, [TaskId(task)])
        why = reason(app.key(key_id), context)
        if why is not None:
            raise RefusedError(why)

        def press() -> None:
            if task is not None:
                app.front.select(TaskId(task))
            app.press(key_id)

        return press

    def _theme(self, name: str) -> Act:
        known = self._app.theme_names
        if name not in known:
            raise UsageError(f"there is no theme {name}", hint=near(name, known))
        return lambda: self._app.use_theme(name)

    def _send(self, read: Read, commands: Sequence[AnyCommand], context: Context) -> Act:
        app, deck = self._app, context.deck
        key = app.key(read.verb.key) if read.verb.key else None
        if deck.replay is not None:
            back = f"{app.key_name('replay.turn')} comes back to now" if deck.replay.live else ""
            raise RefusedError(PAST, hint=back)
        if not deck.state.seq:
            raise RefusedError("nothing is known of the run yet")
        if key is not None and key.make is not None and key.why_not is not None:
            why = key.why_not(context)
            if why is not None:
                raise RefusedError(why)
        bulk = _bulk(deck.state, commands)
        if not bulk.commands:
            raise RefusedError(_reasons(bulk))
        if deck.offline:
            raise RefusedError(deck.offline)
        if key is not None and key.ask in (Ask.CONFIRM, Ask.SKIP) and read.verb.asks(read.said):
            return lambda: self._ask(key, read, bulk, context)
        if len(commands) == 1:
            return lambda: app.deliver(commands[0])
        return lambda: app.bulk.send(bulk)

    def _ask(self, key: Key, read: Read, bulk: Bulk, context: Context) -> None:
        """Ask what the key asks."""
        tasks = [task for each in bulk.commands if (task := getattr(each, "task", None))]
        on_queue = "queue" if read.verb.name == "drop" else "plan"
        about = replace(_about(context, tasks), pane=on_queue)
        if len(tasks) > 1:
            self._app.bulk.press(key, about)
        elif key.ask is Ask.SKIP:
            self._app.questions.ask(key, about)
        else:
            title, question, yes = self._app.questions.words(key, about)
            _ = self._app.push_screen(
                Confirm(title, question, yes),
                lambda said: self._app.deliver(bulk.commands[0]) if said else None,
            )

    # --- completing ----------------------------------------------------------------------------

    def complete(self, line: str, cursor: int) -> Completion:
        """What could stand at the cursor."""
        context = self._app.front.context
        return complete(
            line, cursor, self.verbs, lambda verb, thing: self._known(verb, thing, context)
        )

    def _known(self, verb: Verb, thing: Argument | Option, context: Context) -> Iterable[Candidate]:
        state = context.deck.state
        match thing.takes:
            case Takes.TASK:
                return _tasks(verb, thing, context)
            case Takes.SCOPE:
                return _scopes(context)
            case Takes.POOL:
                return [
                    Candidate(pool.name, f"{places(state, pool)} at once")
                    for pool in state.plan.pools
                ]
            case Takes.ACCOUNT:
                lines = account_lines(state, context.deck.now)
                return [Candidate(plain(line.name), plain(line.sentence)) for line in lines]
            case Takes.THEME:
                shown = self._app.theme
                return [
                    Candidate(name, "as it is now" if name == shown else "how the deck looks")
                    for name in self._app.theme_names
                ]
            case _:
                return ()


def _values(thing: Argument | Option, word: str, context: Context) -> Sequence[str]:
    """The tasks that a word stands for; any other word is itself."""
    if thing.takes is not Takes.TASK:
        return (word,)
    tasks = context.deck.state.tasks
    if word in tasks or (word == "all" and thing.many):
        return (word,)
    if word == SELECTED:
        if context.task is None:
            raise UsageError("no task is selected", hint="name one")
        return (context.task,)
    if word == MARKED and thing.many:
        if not context.marked:
            raise UsageError("no task is marked", hint=f"{context.deck.key('mark.task')} marks one")
        return context.marked
    hint = near(word, tasks) or "tab shows them"
    raise UsageError(f"there is no task {plain(word)}", hint=hint)


def _about(context: Context, tasks: Sequence[TaskId]) -> Context:
    """The same moment with these tasks in the place of the selected and the marked ones."""
    many = frozenset(tasks) if len(tasks) > 1 else frozenset()
    selected = tasks[0] if tasks else context.task
    return replace(context, deck=replace(context.deck, selected=selected, marked=many), instead={})


def _bulk(state: RunState, commands: Sequence[AnyCommand]) -> Bulk:
    whys = [(command, refusal(state, command)) for command in commands]
    return Bulk(
        tuple(command for command, why in whys if why is None),
        tuple(
            (getattr(command, "task", None) or TaskId("run"), why) for command, why in whys if why
        ),
    )


def _reasons(bulk: Bulk) -> str:
    if len(bulk.refused) == 1:
        return bulk.refused[0][1]
    return result_words((), bulk.refused)


def _tasks(verb: Verb, thing: Argument | Option, context: Context) -> list[Candidate]:
    """Tasks that the verb can act on first, the selected one at their head."""
    state = context.deck.state
    can: list[Candidate] = []
    cannot: list[Candidate] = []
    order = [*([context.task] if context.task else []), *state.tasks]
    for number, task in enumerate(dict.fromkeys(order)):
        why = _why_not(verb, thing, task, context) if number < LOOKED_AT else None
        if why is None:
            titled = state.plan.by_id.get(task)
            can.append(Candidate(task, title_of(titled) if titled is not None else ""))
        else:
            cannot.append(Candidate(task, f"not now: {why}"))
    if thing.many and context.marked:
        can.insert(0, Candidate(MARKED, f"the {len(context.marked)} tasks that are marked"))
    return can + cannot


def _why_not(verb: Verb, thing: Argument | Option, task: TaskId, context: Context) -> str | None:
    """Why the verb would be refused for this task; None also where that depends on more words."""
    if isinstance(thing, Option):
        return None
    said = verb.unsaid()
    said[thing.name] = (task,) if thing.many else task
    if any(said[other.name] in (None, ()) for other in verb.arguments if other.required):
        return None
    try:
        commands = verb.build(said)
    except UsageError:
        return None
    return refusal(context.deck.state, commands[0]) if commands else None


def _scopes(context: Context) -> list[Candidate]:
    plan = context.deck.state.plan
    return [
        Candidate(RUN, "the whole run"),
        *(Candidate(f"phase:{phase.id}", plain(phase.title)) for phase in plan.phases),
        *(Candidate(f"pool:{pool.name}", "all attempts of this pool") for pool in plan.pools),
    ]


__all__ = ["TypedCommands"]
