"""Reads the tables of a TOML document along a list of keys.

Rules: a key that is not known is a problem, with the nearest known one; a value that is wrong is
reported and left out, and reading goes on. One slip of the finger is one problem: what a misspelt
key seems to stand for is not reported as missing too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import tomli

import agentdeck
from agentdeck.core.plan import PLAN_VERSION
from agentdeck.plans.fields import MISSING, Convert, Fault, Fields
from agentdeck.plans.findings import Findings
from agentdeck.plans.keys import Key, Kind
from agentdeck.plans.positions import Path, Positions, positions
from agentdeck.plans.problems import PlanProblems, Problem, listed, shown

MAX_KINDS: Final = 1_000  # of tables of a section that are told apart by the names they have

# What a table is asked for, as name, field of the model, key and what makes the value; and has it a
# name that is not known?
_Kind = tuple[list[tuple[str, str, Key, Convert | None]], bool]

_TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


def parse(text: str, file: str, *, what: str, most: int) -> tuple[dict[str, Any], Positions]:
    """A text as a document, with the places of its keys.

    Args:
        text: TOML.
        file: its name, for messages.
        what: a word for what the text is, such as `plan`.
        most: characters that it may have.

    Raises:
        PlanProblems: it is longer, or no TOML.
    """
    if len(text) > most:
        message = f"the {what} has {len(text)} characters; {most} is the most"
        raise PlanProblems([Problem(file, 1, "", message)])
    try:
        return tomli.loads(text), positions(text)
    except RecursionError:
        fault, line = "values are nested too deeply", 1
    except tomli.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        fault = f"not TOML: {_TOML_PLACE.sub('', str(error))}"
        line = int(place[1]) if place and place[1] else text.rstrip().count("\n") + 1
    except ValueError as error:  # a number of thousands of digits, a date that does not exist
        fault, line = f"not TOML: {error}", 1
    raise PlanProblems([Problem(file, line, "", fault, "see https://toml.io")]) from None


class Tables:
    """Reads tables of one document."""

    def __init__(self, findings: Findings, fields: Fields) -> None:
        self._findings = findings
        self._fields = fields
        # Of tables, by the keys they are read along.
        self._kinds: dict[int, tuple[Sequence[Key], dict[tuple[str, ...], _Kind]]] = {}

    def values(
        self, wanted: Sequence[Key], table: Mapping[str, Any], path: Path
    ) -> tuple[dict[str, Any], set[str]]:
        """Values by field of the model, and the keys that misspelt ones seem to stand for."""
        meant: set[str] = set()
        concerned, unknown = self._concerned(wanted, tuple(table))
        if unknown:
            names = [key.name for key in wanted]
            also = {other: key.name for key in wanted for other in key.also}
            meant = self.unknown_keys(table, names, path, also)
        values: dict[str, Any] = {}
        for name, target, key, convert in concerned:
            if convert is None:
                self._put(key, table, path, values, meant)
                continue
            try:
                values[target] = convert(table[name], key)
            except Fault as fault:
                self._findings.add((*path, name), fault.message, fault.hint)
        return values, meant

    def _put(
        self,
        key: Key,
        table: Mapping[str, Any],
        path: Path,
        values: dict[str, Any],
        meant: set[str],
    ) -> None:
        """Put the value of a key into `values`, if there is one; the place of its faults counts."""
        place = (*path, key.name)
        if key.name not in table:
            if key.name not in meant:
                self._findings.add(path, f"`{key.name}` is missing", f"add it: {key.doc}")
        elif key.later:
            self.later(place)
        elif key.kind is Kind.TABLE:
            if self.is_a(table[key.name], dict, "a table", place):
                inner, _ = self.values(key.keys, table[key.name], place)
                values[key.target] = key.model(**inner)
        else:
            value = self._fields.value(table[key.name], key, place)
            if value is not MISSING:
                values[key.target] = value

    def _concerned(self, wanted: Sequence[Key], names: tuple[str, ...]) -> _Kind:
        """What a table with just these names is asked for, and whether it has an unknown one.

        The tables of a document are of few kinds: most have the same names as one before.
        """
        # With `wanted` itself beside its identity: while it is kept, no other can have that.
        kept, kinds = self._kinds.setdefault(id(wanted), (wanted, {}))
        found = kinds.get(names)
        if found is None:
            asked = [key for key in kept if key.name in names or key.required]
            found = (
                [(key.name, key.target, key, self._converter(key, names)) for key in asked],
                not {key.name for key in kept}.issuperset(names),
            )
            if len(kinds) < MAX_KINDS:
                kinds[names] = found
        return found

    def _converter(self, key: Key, names: tuple[str, ...]) -> Convert | None:
        """What makes the value of a key and needs to know nothing more; None = see `_put`."""
        return None if key.later or key.name not in names else self._fields.converter(key)

    def unknown_keys(
        self,
        table: Mapping[str, Any],
        known: Sequence[str],
        path: Path,
        also: Mapping[str, str] | None = None,
    ) -> set[str]:
        """Report the keys that do not exist. Returns those that they seem to stand for."""
        meant: set[str] = set()
        if table.keys() <= set(known):
            return meant
        names = {**{name: name for name in known}, **(also or {})}
        for name in table:
            if name in known:
                continue
            near = names.get(name.lower()) or self._findings.suggestion(name, list(names))
            hint = f"did you mean `{names[near]}`?" if near else f"known: {listed(known, most=40)}"
            self._findings.add((*path, name), "unknown key", hint)
            meant.update([names[near]] if near else [])
        return meant

    def is_a(self, raw: Any, wanted: type, word: str, path: Path) -> bool:
        """Is the value of this type? Else it is reported."""
        if isinstance(raw, wanted):
            return True
        self._findings.add(path, f"expected {word}, found {shown(raw)}")
        return False

    def later(self, path: Path) -> None:
        """Report a key that belongs to the format, but that this version cannot do."""
        version = ".".join(agentdeck.__version__.split(".")[:2])
        self._findings.add(
            path,
            f"is part of plan format {PLAN_VERSION}, but agentdeck {version} cannot do it yet",
            "remove it",
        )
