"""What could stand where the cursor of a line is: verbs, tasks, options, values.

Rules:
- A candidate replaces the word at the cursor, or adds one. Each comes with one sentence.
- What begins as typed comes before what only holds it. What was said is not offered again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

from agentdeck.control.verb_line import Word, verb_of, words_of
from agentdeck.control.verbs import Argument, Option, Takes, Verb

MAX_CANDIDATES: Final = 600  # a plan's tasks and a few more; nobody walks further


class Candidate(NamedTuple):
    """One thing that could stand there."""

    word: str
    sentence: str


# The values there are for a thing, in the order in which they are offered.
Known: TypeAlias = Callable[[Verb, Argument | Option], Iterable[Candidate]]


class Completion(NamedTuple):
    """What could stand from `start` to `end` of the line."""

    start: int
    end: int
    candidates: tuple[Candidate, ...]
    verb: Verb | None = None  # that is typed already

    def put(self, line: str, number: int) -> tuple[str, int]:
        """The line with a candidate in it, and where the cursor then stands."""
        word = self.candidates[number].word
        word = f'"{word}"' if " " in word and self.verb is not None else word
        return line[: self.start] + word + line[self.end :], self.start + len(word)


def complete(line: str, cursor: int, verbs: Sequence[Verb], known: Known) -> Completion:
    """What could stand at the cursor of a line.

    Args:
        cursor: characters before it.
        known: the values that arguments and options of a verb may have.
    """
    words = words_of(line[:cursor])
    in_word = bool(words) and words[-1].end == cursor
    typed = words[-1] if in_word else Word("", cursor, cursor)
    before = words[:-1] if in_word else words
    found = verb_of(before, verbs)
    if found is None or (found[1] == len(before) and _goes_on(found[0], typed.text, verbs)):
        return _verbs(line[:cursor], cursor, verbs)
    verb, count = found
    behind = before[count:]
    return Completion(
        typed.start, cursor, tuple(_offers(verb, behind, typed.text, known))[:MAX_CANDIDATES], verb
    )


def _goes_on(verb: Verb, typed: str, verbs: Sequence[Verb]) -> bool:
    """Could what is typed be the second word of another verb?"""
    begun = f"{verb.name} {typed}"
    return bool(typed) and any(other.name.startswith(begun) for other in verbs if other is not verb)


def _verbs(typed: str, cursor: int, verbs: Sequence[Verb]) -> Completion:
    start = len(typed) - len(typed.lstrip())
    offered = (Candidate(verb.name, verb.sentence) for verb in verbs)
    return Completion(start, cursor, tuple(_fitting(" ".join(typed.split()), offered)))


def _offers(verb: Verb, behind: Sequence[Word], typed: str, known: Known) -> Iterable[Candidate]:
    waiting, used, place = _walk(verb, behind)
    if waiting is not None:
        yield from _fitting(typed, _values(verb, waiting, known))
        return
    if not typed.startswith("-") and place is not None:
        said = {word.text for word in behind}
        values = (each for each in _values(verb, place, known) if each.word not in said)
        yield from _fitting(typed, values)
    if typed.startswith("-") or (not typed and (place is None or not place.required)):
        options = (
            Candidate(option.names[0], option.help)
            for option in verb.options
            if option.many or option.name not in used
        )
        yield from _fitting(typed, options)


def _walk(verb: Verb, behind: Sequence[Word]) -> tuple[Option | None, set[str], Argument | None]:
    """The option that waits for its value, those that were said, and the argument that is next."""
    waiting: Option | None = None
    used: set[str] = set()
    places = 0
    for word in behind:
        if waiting is not None:
            waiting = None
            continue
        name, sign, _ = word.text.partition("=")
        option = verb.option(name)
        if option is None:
            places += 1
            continue
        used.add(option.name)
        waiting = option if option.takes is not Takes.FLAG and not sign else None
    many = next((argument for argument in verb.arguments if argument.many), None)
    place = verb.arguments[places] if places < len(verb.arguments) else many
    if place is not None and place.many and places:
        place = replace(place, required=False)  # another one need not follow
    return waiting, used, place


def _values(verb: Verb, thing: Argument | Option, known: Known) -> Iterable[Candidate]:
    if isinstance(thing, Option) and thing.choices is not None:
        return [Candidate(str(choice), thing.help) for choice in thing.choices]
    return known(verb, thing)


def _fitting(typed: str, offered: Iterable[Candidate]) -> list[Candidate]:
    """Those that begin as typed, then those that hold it; a single letter is held by too many."""
    if not typed:
        return list(offered)
    wanted = typed.casefold()
    begin: list[Candidate] = []
    hold: list[Candidate] = []
    for candidate in offered:
        word = candidate.word.casefold()
        if word.startswith(wanted):
            begin.append(candidate)
        elif len(wanted) > 1 and (wanted in word or wanted in candidate.sentence.casefold()):
            hold.append(candidate)
    return begin + hold


__all__ = ["Candidate", "Completion", "Known", "complete"]
