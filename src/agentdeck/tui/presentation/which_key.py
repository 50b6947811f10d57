"""The keys by group, for whoever does not remember one: a letter a group, then the keys themselves.

Rules:
- Only what can be pressed is here; what cannot act now is faint and says why.
- A key stands as the person has it. One that cannot be pressed here as it is gets a digit.
- A group that has no letter in the table gets the first free one of its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from textual.keys import _character_to_key

from agentdeck.tui.keys import Context, Group, Key, label, reason
from agentdeck.tui.presentation.line import Line, Span, cut, fit

LETTERS: Final = {
    Group.TASK: "t",
    Group.RUN: "r",
    Group.MARK: "m",
    Group.MOVE: "g",  # go
    Group.VIEW: "v",
    Group.TIME: "z",  # zoom
    Group.LOG: "l",
    Group.REPLAY: "b",  # back
    Group.DECK: "k",
}
KEY_CELLS: Final = 7
LABEL_CELLS: Final = 20
NUMBERS: Final = "123456789"


class Choice(NamedTuple):
    """A row of the list, and what is pressed for it."""

    key: str  # the letter of a group, or the id of a key
    names: tuple[str, ...]  # as Textual names what is pressed
    shown: str
    label: str
    sentence: str
    refused: bool = False


def groups_of(context: Context) -> list[Choice]:
    """A row for each group that has keys."""
    letters = letters_of([group for group in Group if _of(group, context.keys)])
    found: list[Choice] = []
    for group, letter in letters.items():
        keys = _of(group, context.keys)
        able = sum(reason(key, context) is None for key in keys)
        named = ", ".join(label(key, context) for key in keys)
        found.append(Choice(letter, (letter,), letter, str(group), named, refused=not able))
    return found


def letters_of(groups: Sequence[Group]) -> dict[Group, str]:
    """The letter of each group, no letter twice."""
    found = {group: LETTERS[group] for group in groups if group in LETTERS}
    for group in groups:
        if group not in found:
            taken = set(found.values())
            spare = (*group.casefold(), *"abcdefghijklmnopqrstuvwxyz")
            found[group] = next(sign for sign in spare if sign.isalpha() and sign not in taken)
    return {group: found[group] for group in groups}


def keys_of(letter: str, context: Context) -> list[Choice]:
    """A row for each key of a group; none where no group has the letter."""
    letters = letters_of([group for group in Group if _of(group, context.keys)])
    group = next((group for group, own in letters.items() if own == letter), None)
    if group is None:
        return []
    keys = _of(group, context.keys)
    taken = {name for key in keys for name in (*key.keys.split(","), *_of_a_widget(key))}
    spare = (number for number in NUMBERS if number not in taken)
    found: list[Choice] = []
    for key in keys:
        names = tuple(name for name in key.keys.split(",") if name) or _of_a_widget(key)
        number = "" if names else next(spare, "")
        why = reason(key, context)
        found.append(
            Choice(
                key.id,
                names or ((number,) if number else ()),
                number or key.show,
                label(key, context),
                f"not now: {why}" if why else key.tooltip,
                why is not None,
            )
        )
    return found


def choice_line(choice: Choice, width: int) -> Line:
    """One row."""
    role = "faint" if choice.refused else ""
    shown = fit(choice.shown, KEY_CELLS)
    word = fit(choice.label, LABEL_CELLS)
    room = width - KEY_CELLS - LABEL_CELLS - 2
    return (
        Span(" "),
        Span(shown, "faint" if choice.refused else "key bold"),
        Span(word, role),
        Span(" "),
        Span(cut(choice.sentence, room), "state-paused" if choice.refused else "muted"),
    )


def _of_a_widget(key: Key) -> tuple[str, ...]:
    """What is pressed for a key that a widget has itself: the first sign that it is shown with."""
    sign = "" if key.keys else key.show.split()[0]
    return (_character_to_key(sign),) if len(sign) == 1 and sign.isascii() else ()


def _of(group: Group, keys: Sequence[Key]) -> list[Key]:
    """The keys of a group that can be pressed from here."""
    mine = (key for key in keys if key.group is group and key.id != "deck.keys")
    return [key for key in mine if key.make is not None or key.act]


__all__ = ["Choice", "choice_line", "groups_of", "keys_of", "letters_of"]
