"""What a verb is: its name, what it takes, in which words that is said, which commands it means.

Rules:
- A verb is data. The command line of the shell is built from it (`cli.verb_functions`), and the
  line of the deck reads and completes by it (`control.verb_line`), so the words cannot differ.
- Whoever reads a line hands `build` one value for each thing that may be said; nothing here reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from agentdeck.core.commands import AnyCommand


class Takes(StrEnum):
    """What a value is, and with that how it is completed."""

    FLAG = "flag"  # said or not; bool
    NUMBER = "number"  # int
    TEXT = "text"
    TASK = "task"
    SCOPE = "scope"  # of a budget
    AMOUNT = "amount"  # of money or tokens, as `plans.typed_limits` reads it
    ACCOUNT = "account"
    POOL = "pool"
    THEME = "theme"


@dataclass(frozen=True, slots=True)
class Argument:
    """What stands behind a verb by its place."""

    name: str  # of its value
    takes: Takes
    metavar: str  # as it is named to a person; in brackets where it may be missing
    help: str
    required: bool = True
    many: bool = False  # as many as are said; a tuple
    in_shell: str = ""  # what only the command line of the shell can do; behind `help` there


@dataclass(frozen=True, slots=True)
class Option:
    """What is said by name."""

    name: str  # of its value
    names: tuple[str, ...]  # with their dashes, the long one first
    help: str
    takes: Takes = Takes.FLAG
    metavar: str = ""
    many: bool = False  # may be repeated; a tuple
    choices: type[StrEnum] | None = None  # the only values


# By the names of arguments and options. What was not said is False, None, "" or ().
Said: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb."""

    name: str  # a word, or two
    sentence: str  # what it does
    build: Callable[[Said], list[AnyCommand]]  # raises UsageError where words exclude each other
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    done: str = ""  # what is said of a task afterwards
    more: str = ""  # further sentences, for the reference
    key: str = ""  # the key of the deck that does the same; it says what is asked first
    asks: Callable[[Said], bool] = lambda _: True  # is that asked, so said?

    @property
    def usage(self) -> str:
        """The verb with what it takes."""
        words = [self.name, *(argument.metavar for argument in self.arguments)]
        for option in self.options:
            value = f" {option.metavar}" if option.metavar else ""
            words.append(f"[{option.names[0]}{value}]")
        return " ".join(words)

    def option(self, word: str) -> Option | None:
        """The option that goes by a name."""
        return next((option for option in self.options if word in option.names), None)

    def unsaid(self) -> dict[str, Any]:
        """The values when nothing is said."""
        found: dict[str, Any] = {argument.name: () for argument in self.arguments if argument.many}
        for argument in self.arguments:
            found.setdefault(argument.name, None)
        for option in self.options:
            found[option.name] = _unsaid(option)
        return found


def _unsaid(option: Option) -> object:
    if option.many:
        return ()
    return False if option.takes is Takes.FLAG else None


__all__ = ["Argument", "Option", "Said", "Takes", "Verb"]
