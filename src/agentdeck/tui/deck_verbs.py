"""The verbs of the deck's own line: those that send commands, and those of the screen.

Rules:
- What sends a command is `control.verb_table`, in the words of the shell.
- Every key of the screen is a verb too: the last word of its id, or the whole id where another verb
  has that name. What its sentence says is what the key's help says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agentdeck.control.verb_table import VERBS
from agentdeck.control.verbs import Argument, Said, Takes, Verb
from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.tui.keys import Ask, Group, Key

GOTO: Final = "goto"
THEME: Final = "theme"
BUDGET: Final = "budget"
LEAVE: Final = "quit"  # what every other program calls it

_ABOUT: Final = Argument("task", Takes.TASK, "[TASK]", "The task to look at.", required=False)


def _nothing(_: Said) -> list[AnyCommand]:
    return []


OWN: Final = (
    Verb(
        GOTO,
        "Look at a task.",
        _nothing,
        (Argument("task", Takes.TASK, "TASK", "The task to look at."),),
    ),
    Verb(
        "agents",
        "How many agents may work at once.",
        lambda said: [c.SetAgents(said["agents"])],
        (Argument("agents", Takes.NUMBER, "N", "How many may work at once."),),
    ),
    Verb(
        BUDGET,
        "Another limit: 20, +5 for more, 2M for tokens, none; without one: see them all.",
        _nothing,
        (
            Argument("amount", Takes.AMOUNT, "[AMOUNT]", "Money or tokens.", required=False),
            Argument("scope", Takes.SCOPE, "[SCOPE]", "Of what; else the run.", required=False),
        ),
    ),
    Verb(
        THEME,
        "Another theme; without a name: choose one.",
        _nothing,
        (Argument("theme", Takes.THEME, "[NAME]", "A theme.", required=False),),
    ),
)
_PLAIN_NAMES: Final = (Group.MOVE, Group.VIEW, Group.DECK, Group.TASK, Group.RUN)
_NOT_TYPED: Final = frozenset({"deck.command"})  # one is there already


def pressing(keys: Sequence[Key]) -> dict[str, str]:
    """The verbs that press a key: their names, and the ids of the keys."""
    taken = {verb.name for verb in (*VERBS, *OWN)}
    found = {LEAVE: "deck.leave"}
    for key in keys:
        if key.id in _NOT_TYPED or not (key.act or key.ask is Ask.HAND_BACK):
            continue
        word = key.id.partition(".")[2].replace("_", "-")
        plain = key.group in _PLAIN_NAMES and word not in taken and word not in found
        found[word if plain else key.id] = key.id
    return found


def deck_verbs(keys: Sequence[Key], presses: Mapping[str, str]) -> tuple[Verb, ...]:
    """Every verb of the line; `presses` is what `pressing` found."""
    by_id = {key.id: key for key in keys}
    return (
        *VERBS,
        *OWN,
        *(
            Verb(name, by_id[key].tooltip, _nothing, (_ABOUT,), key=key)
            for name, key in presses.items()
        ),
    )


__all__ = ["BUDGET", "GOTO", "THEME", "deck_verbs", "pressing"]
