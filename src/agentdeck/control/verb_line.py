"""A line with a verb: what it says, or what is wrong with it. No shell reads it.

Rules:
- Words are parted by blanks. Quotes hold a word together, and only where they begin one, so that
  `don't` needs none. Nothing else has a meaning: no variables, no globs, no escapes.
- A text at the end of a line is the rest of the line as it stands.
- What is not understood is named, with what is near to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from agentdeck.control.verbs import Argument, Option, Said, Takes, Verb
from agentdeck.core.errors import UsageError

MAX_LINE: Final = 4_000  # characters; more is no command but a paste
_QUOTES: Final = "\"'"


class Word(NamedTuple):
    """A word and where it stands."""

    text: str  # without its quotes
    start: int
    end: int  # behind its last character, or its quote


class Read(NamedTuple):
    """What a line says."""

    verb: Verb
    said: Said


def words_of(line: str) -> list[Word]:
    """The words of a line; a quote that is not closed ends with the line."""
    found: list[Word] = []
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        start = at
        if line[at] in _QUOTES:
            end = line.find(line[at], at + 1)
            end = len(line) if end < 0 else end
            found.append(Word(line[at + 1 : end], start, min(end + 1, len(line))))
            at = end + 1
            continue
        while at < len(line) and not line[at].isspace():
            at += 1
        found.append(Word(line[start:at], start, at))
    return found


def verb_of(words: Sequence[Word], verbs: Sequence[Verb]) -> tuple[Verb, int] | None:
    """The verb that a line begins with, and of how many words it is; the longest name holds."""
    for count in (2, 1):
        name = " ".join(word.text for word in words[:count])
        if len(words) >= count:
            found = next((verb for verb in verbs if verb.name == name), None)
            if found is not None:
                return found, count
    return None


def read_line(
    line: str,
    verbs: Sequence[Verb],
    expand: Callable[[Argument | Option, str], Sequence[str]] = lambda _, word: (word,),
) -> Read:
    """Read a line.

    Args:
        expand: the values that a word stands for, such as the selected task; it may raise a
            UsageError where there is nothing of that name.

    Raises:
        UsageError: what is wrong, and what to write.
    """
    words = words_of(line[:MAX_LINE])
    found = verb_of(words, verbs)
    if found is None:
        raise _unknown_verb(words, verbs)
    verb, count = found
    said = _values(verb, line, words[count:], expand)
    for argument in verb.arguments:
        if argument.required and said[argument.name] in (None, ()):
            raise UsageError(f"{verb.name} needs {argument.metavar}", hint=f"write {verb.usage}")
    return Read(verb, said)


def near(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is none: what is near to it; empty when nothing is."""
    by_letters = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_letters, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(by_letters[name] for name in found)}?" if found else ""


def _unknown_verb(words: Sequence[Word], verbs: Sequence[Verb]) -> UsageError:
    if not words:
        return UsageError("nothing is typed", hint="tab shows what there is")
    word = words[0].text
    longer = [verb.name for verb in verbs if verb.name.startswith(f"{word} ")]
    if longer:
        return UsageError(f"{word} needs a word more", hint=f"write {' or '.join(longer)}")
    hint = near(word, (verb.name for verb in verbs)) or "tab shows what there is"
    return UsageError(f"there is no command {word}", hint=hint)


class _Values:
    """What was said so far."""

    def __init__(self, verb: Verb) -> None:
        self.found: dict[str, Any] = verb.unsaid()

    def put(self, thing: Argument | Option, values: Sequence[object]) -> None:
        if thing.many:
            self.found[thing.name] = (*self.found[thing.name], *values)
        else:
            (self.found[thing.name],) = values


def _values(
    verb: Verb,
    line: str,
    words: Sequence[Word],
    expand: Callable[[Argument | Option, str], Sequence[str]],
) -> Mapping[str, Any]:
    values = _Values(verb)
    places = _places(verb)
    rest = iter(words)
    options_end = False
    for word in rest:
        if word.text == "--" and not options_end:
            options_end = True
        elif word.text.startswith("-") and len(word.text) > 1 and not options_end:
            option, value = _option(verb, word, rest)
            values.put(option, _read_value(option, value, expand))
        else:
            argument = next(places, None)
            if argument is None:
                raise UsageError(f"{word.text} is too much here", hint=f"write {verb.usage}")
            if argument.takes is Takes.TEXT:
                values.put(argument, (_text(line, word, words),))
                break
            values.put(argument, _read_value(argument, word.text, expand))
    return values.found


def _places(verb: Verb) -> Iterator[Argument]:
    """The argument that each next word is for."""
    for argument in verb.arguments:
        yield argument
        while argument.many:
            yield argument


def _text(line: str, word: Word, words: Sequence[Word]) -> str:
    """The rest of the line; a single word in quotes without them."""
    return word.text if word is words[-1] else line[word.start : MAX_LINE].strip()


def _option(verb: Verb, word: Word, rest: Iterator[Word]) -> tuple[Option, str]:
    name, sign, value = word.text.partition("=")
    option = verb.option(name)
    if option is None:
        known = [name for option in verb.options for name in option.names]
        hint = near(name, known) or (f"it has {', '.join(known)}" if known else "it has none")
        raise UsageError(f"{verb.name} has no option {name}", hint=hint)
    if option.takes is Takes.FLAG:
        if sign:
            raise UsageError(f"{name} takes no value", hint=f"write {name} alone")
        return option, ""
    if not sign:
        follows = next(rest, None)
        if follows is None:
            raise UsageError(f"{name} needs {option.metavar}", hint=f"write {verb.usage}")
        value = follows.text
    return option, value


def _read_value(
    thing: Argument | Option,
    word: str,
    expand: Callable[[Argument | Option, str], Sequence[str]],
) -> Sequence[object]:
    if thing.takes is Takes.FLAG:
        return (True,)
    if thing.takes is Takes.NUMBER:
        if not (word.isascii() and word.lstrip("+-").isdigit() and len(word) < 10):
            raise UsageError(f"{word} is no number", hint=f"{thing.metavar} is one, such as 6")
        return (int(word),)
    if isinstance(thing, Option) and thing.choices is not None:
        return (_choice(thing, thing.choices, word),)
    return expand(thing, word)


def _choice(option: Option, choices: type[StrEnum], word: str) -> StrEnum:
    try:
        return choices(word.casefold())
    except ValueError:
        known = " or ".join(choices)
        raise UsageError(f"{word} is nothing for {option.names[0]}", hint=known) from None


__all__ = ["MAX_LINE", "Read", "Word", "near", "read_line", "verb_of", "words_of"]
