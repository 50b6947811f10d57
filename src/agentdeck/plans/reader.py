"""Plan text to `Plan`: everything that is wrong with the text comes out at once.

Rules:
- The text is read by the table in `keys`; a value that is wrong is reported and left out, and
  reading goes on, so that one look at the errors is enough.
- Nothing in here is a guess: a key that is not known is an error, with the nearest known one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

import msgspec
import tomli

import agentdeck
from agentdeck.core.ids import ID_RULE, id_fault, slug
from agentdeck.core.plan import BUILTIN_AGENTS, PLAN_VERSION, Plan, Strategy, Task
from agentdeck.plans import keys, sections
from agentdeck.plans.fields import MISSING, Convert, Fault, Fields
from agentdeck.plans.findings import Findings
from agentdeck.plans.keys import Key, Kind, Ref, Section, Shape
from agentdeck.plans.positions import Path, Positions, positions
from agentdeck.plans.problems import PlanProblems, Problem, listed, shown

MAX_CHARACTERS: Final = 64_000_000  # of one plan; 100,000 tasks with short prompts have 28 million
MAX_KINDS: Final = 1_000  # of tables of a section that are told apart by the names they have

_TOML_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


def read_plan(text: str, *, file: str, read_file: Callable[[str], str] | None = None) -> Plan:
    """Read a plan.

    Args:
        text: TOML.
        file: its name, for messages; its stem names a plan that has no name.
        read_file: gives the text of a `prompt_file`, as named in the plan; may raise OSError,
            ValueError or DeckError. None = the plan may not name files.

    Raises:
        PlanProblems: the text is no plan; carries every problem with its line.
    """
    document, places = _parse(text.removeprefix("\ufeff"), file)  # some editors write a BOM
    findings = Findings(file, document, places)
    plan = None
    if sections.check_version(document, keys.VERSION_KEY, PLAN_VERSION, findings):
        plan = _Reader(document, findings, read_file).plan(PurePath(file).stem)
    if findings.problems or plan is None:
        raise PlanProblems(findings.problems)
    return plan


def _parse(text: str, file: str) -> tuple[dict[str, Any], Positions]:
    if len(text) > MAX_CHARACTERS:
        message = f"the plan has {len(text)} characters; {MAX_CHARACTERS} is the most"
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


# What a table is asked for, as name, field of the model, key and what makes the value; and has it a
# name that is not known?
_Kind = tuple[list[tuple[str, str, Key, Convert | None]], bool]


class _Reader:
    """Walks one document along the table of keys."""

    def __init__(
        self,
        document: Mapping[str, Any],
        findings: Findings,
        read_file: Callable[[str], str] | None,
    ) -> None:
        self._document = document
        self._findings = findings
        self._fields = Fields(findings, _names(document), read_file)
        self._tasks: list[tuple[Path, Task]] = []  # those that could be read, with their places
        self._kinds: dict[int, dict[tuple[str, ...], _Kind]] = {}  # of tables, by their keys

    def plan(self, stem: str) -> Plan:
        """The plan; it has holes where problems were found."""
        self._unknown_keys(
            self._document,
            [keys.VERSION_KEY, *(section.name for section in keys.SECTIONS)],
            (),
        )
        values: dict[str, Any] = {"name": slug(stem), "tasks": ()}
        for section in keys.SECTIONS:
            if section.name in self._document:
                values.update(self._section(section))
        sections.check_fallbacks(values.get("agents", ()), self._findings)
        sections.check_dependencies(self._tasks, self._findings)
        sections.check_deferred(self._tasks, self._findings)
        strategy = values.get("strategy", Strategy.EAGER)
        sections.check_barriers(self._tasks, values.get("phases", ()), strategy, self._findings)
        if not self._document.get(keys.TASKS.name) and not self._findings.problems:
            self._findings.add((), "the plan has no task", "add a [[task]] with an id and a prompt")
        return Plan(**values)

    def _section(self, section: Section) -> dict[str, Any]:
        raw = self._document[section.name]
        path: Path = (section.name,)
        if section.later:
            self._later(path)
            return {}
        match section.shape:
            case Shape.TABLE:
                return self._table(section, raw, path)
            case Shape.NAMED:
                return {section.field: tuple(self._named(section, raw, path))}
            case Shape.LIST:
                return {section.field: self._listed(section, raw, path)}

    def _table(self, section: Section, raw: Any, path: Path) -> dict[str, Any]:
        if not self._is(raw, dict, f"a table [{section.name}]", path):
            return {}
        values, _ = self._values(section.keys, raw, path)
        return {section.field: section.model(**values)} if section.model else values

    def _named(self, section: Section, raw: Any, path: Path) -> Iterator[Any]:
        if not self._is(raw, dict, f"tables [{section.name}.NAME]", path):
            return
        required = _required(section.model)
        for name, table in raw.items():
            place = (*path, name)
            fault = id_fault(name)
            if fault:
                message = f"{shown(name)} cannot be a name: {fault}"
                self._findings.add(place, message, f"a name is {ID_RULE}")
            if self._is(table, dict, f"a table [{section.name}.NAME]", place):
                values = {"name": name, **self._element(section, table, place)}
                if required <= values.keys():
                    yield section.model(**values)

    def _listed(self, section: Section, raw: Any, path: Path) -> tuple[Any, ...]:
        if not self._is(raw, list, f"tables [[{section.name}]]", path):
            return ()
        placed = []
        ids = []
        required = _required(section.model)
        for index, table in enumerate(raw):
            place = (*path, index)
            if not self._is(table, dict, f"a table [[{section.name}]]", place):
                continue
            values = self._element(section, table, place)
            if section.ref and isinstance(table.get("id"), str):
                ids.append((place, table["id"]))
                values["id"] = table["id"]  # a bad id has been reported; others may still name it
            if required <= values.keys():
                placed.append((place, section.model(**values)))
        sections.check_ids(ids, section, self._findings)
        if section is keys.TASKS:
            self._tasks = placed
        return tuple(element for _, element in placed)

    def _element(self, section: Section, table: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """The fields of one element, with the checks between them."""
        values, meant = self._values(section.keys, table, path)
        if section is keys.AGENTS:
            values = {**sections.check_agent(table, meant, path, self._findings), **values}
        elif section is keys.GATES:
            sections.check_gate(table, meant, path, self._findings)
        elif section is keys.ROUTES:
            sections.check_route(table, meant, path, self._findings)
        elif section is keys.TASKS:
            sections.check_task(table, meant, path, self._findings)
        return values

    def _values(
        self, wanted: Sequence[Key], table: Mapping[str, Any], path: Path
    ) -> tuple[dict[str, Any], set[str]]:
        """Values by field of the model, and the keys that misspelt ones seem to stand for."""
        meant: set[str] = set()
        concerned, unknown = self._concerned(wanted, tuple(table))
        if unknown:
            names = [key.name for key in wanted]
            also = {other: key.name for key in wanted for other in key.also}
            meant = self._unknown_keys(table, names, path, also)
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
            self._later(place)
        elif key.kind is Kind.TABLE:
            if self._is(table[key.name], dict, "a table", place):
                inner, _ = self._values(key.keys, table[key.name], place)
                values[key.target] = key.model(**inner)
        else:
            value = self._fields.value(table[key.name], key, place)
            if value is not MISSING:
                values[key.target] = value

    def _concerned(self, wanted: Sequence[Key], names: tuple[str, ...]) -> _Kind:
        """What a table with just these names is asked for, and whether it has an unknown one.

        The tables of a plan are of few kinds: most have the same names as one before.
        """
        kinds = self._kinds.setdefault(id(wanted), {})  # `keys` has them for good
        found = kinds.get(names)
        if found is None:
            asked = [key for key in wanted if key.name in names or key.required]
            found = (
                [(key.name, key.target, key, self._converter(key, names)) for key in asked],
                not {key.name for key in wanted}.issuperset(names),
            )
            if len(kinds) < MAX_KINDS:
                kinds[names] = found
        return found

    def _converter(self, key: Key, names: tuple[str, ...]) -> Convert | None:
        """What makes the value of a key and needs to know nothing more; None = see `_put`."""
        return None if key.later or key.name not in names else self._fields.converter(key)

    def _unknown_keys(
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

    def _is(self, raw: Any, wanted: type, word: str, path: Path) -> bool:
        if isinstance(raw, wanted):
            return True
        self._findings.add(path, f"expected {word}, found {shown(raw)}")
        return False

    def _later(self, path: Path) -> None:
        version = ".".join(agentdeck.__version__.split(".")[:2])
        self._findings.add(
            path,
            f"is part of plan format {PLAN_VERSION}, but agentdeck {version} cannot do it yet",
            "remove it",
        )


def _required(model: type[msgspec.Struct]) -> frozenset[str]:
    """Without these fields no struct can be made; what is missing has been reported."""
    fields = msgspec.structs.fields(model)
    return frozenset(field.name for field in fields if field.required)


def _names(document: Mapping[str, Any]) -> dict[Ref, list[str]]:
    """Every name the document defines, valid or not: a bad name is reported where it stands."""
    names: dict[Ref, list[str]] = {ref: [] for ref in Ref}
    names[Ref.AGENT].extend(BUILTIN_AGENTS)
    for section in keys.SECTIONS:
        raw = document.get(section.name)
        if section.ref is None:
            continue
        if isinstance(raw, dict) and section.shape is Shape.NAMED:
            names[section.ref].extend(raw)
        elif isinstance(raw, list):
            ids = (element.get("id") for element in raw if isinstance(element, dict))
            names[section.ref].extend(name for name in ids if isinstance(name, str))
    return names
