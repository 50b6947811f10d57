"""Plan text to `Plan`: everything that is wrong with the text comes out at once.

Rules:
- The text is read by the table in `keys`; a value that is wrong is reported and left out, and
  reading goes on, so that one look at the errors is enough.
- Nothing in here is a guess: a key that is not known is an error, with the nearest known one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

import msgspec

from agentdeck.core.ids import ID_RULE, id_fault, slug
from agentdeck.core.plan import (
    BUILTIN_AGENTS,
    COMMAND,
    PLAN_VERSION,
    Plan,
    QueueRules,
    Remote,
    Strategy,
    Task,
)
from agentdeck.plans import keys, sections
from agentdeck.plans.equipping import with_agents_named
from agentdeck.plans.fields import Fields
from agentdeck.plans.findings import Findings
from agentdeck.plans.keys import Ref, Section, Shape
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import PlanProblems, shown
from agentdeck.plans.tables import Tables, parse

MAX_CHARACTERS: Final = 64_000_000  # of one plan; 100,000 tasks with short prompts have 28 million


def read_plan(
    text: str,
    *,
    file: str,
    read_file: Callable[[str], str] | None = None,
    adapters: Sequence[str] = BUILTIN_AGENTS,
) -> Plan:
    """Read a plan.

    Args:
        text: TOML.
        file: its name, for messages; its stem names a plan that has no name.
        read_file: gives the text of a `prompt_file`, as named in the plan; may raise OSError,
            ValueError or DeckError. None = the plan may not name files.
        adapters: names that stand for an agent without a table in the plan.

    Raises:
        PlanProblems: the text is no plan; carries every problem with its line.
    """
    text = text.removeprefix("\ufeff")  # some editors write a BOM
    document, places = parse(text, file, what="plan", most=MAX_CHARACTERS)
    findings = Findings(file, document, places)
    plan = None
    if sections.check_version(document, keys.VERSION_KEY, PLAN_VERSION, findings):
        fields = Fields(findings, _names(document, adapters), read_file)
        plan = _Reader(document, findings, fields, adapters).plan(PurePath(file).stem)
    if findings.problems or plan is None:
        raise PlanProblems(findings.problems)
    return with_agents_named(plan)


class _Reader:
    """Walks one document along the table of keys."""

    def __init__(
        self,
        document: Mapping[str, Any],
        findings: Findings,
        fields: Fields,
        adapters: Sequence[str],
    ) -> None:
        self._document = document
        self._findings = findings
        self._adapters = adapters
        self._tables = Tables(findings, fields)
        self._tasks: list[tuple[Path, Task]] = []  # those that could be read, with their places

    def plan(self, stem: str) -> Plan | None:
        """The plan; None where problems were found."""
        self._tables.unknown_keys(
            self._document,
            [keys.VERSION_KEY, *(section.name for section in keys.SECTIONS)],
            (),
        )
        values: dict[str, Any] = {"name": slug(stem), "tasks": ()}
        for section in keys.SECTIONS:
            if section.name in self._document:
                values.update(self._section(section))
        sections.check_remote(values.get("remote", Remote()), self._findings)
        sections.check_pools(values.get("pools", ()), self._findings)
        hooks, webhooks = values.get("hooks", ()), values.get("webhooks", ())
        notify = values.get("notify", ())
        sections.check_hooks(hooks, webhooks, notify, self._findings)
        named = (*webhooks, *notify)
        sections.check_tracker(values.get("tracker"), named, self._findings)
        sections.check_keep(values.get("keep"), self._findings)
        sections.check_repos(values.get("repos", ()), self._findings)
        sections.check_fallbacks(values.get("agents", ()), self._findings)
        agents, queue = values.get("agents", ()), values.get("queue", QueueRules())
        sections.check_resolver(queue, agents, self._findings)
        sections.check_dependencies(self._tasks, self._findings)
        sections.check_deferred(self._tasks, self._findings)
        strategy = values.get("strategy", Strategy.EAGER)
        sections.check_barriers(self._tasks, values.get("phases", ()), strategy, self._findings)
        if not self._document.get(keys.TASKS.name) and not self._findings.problems:
            self._findings.add((), "the plan has no task", "add a [[task]] with an id and a prompt")
        if self._findings.problems:
            return None  # what follows looks at a whole plan
        plan = Plan(**values)
        sections.check_reviewers(plan, self._tasks, self._findings)
        sections.check_hosted(plan, self._tasks, self._findings)
        sections.check_gates_of_tasks(plan, self._tasks, self._findings)
        sections.check_groups(plan, self._tasks, self._findings)
        return plan

    def _section(self, section: Section) -> dict[str, Any]:
        raw = self._document[section.name]
        path: Path = (section.name,)
        match section.shape:
            case Shape.TABLE:
                return self._table(section, raw, path)
            case Shape.NAMED:
                return {section.field: tuple(self._named(section, raw, path))}
            case Shape.LIST:
                return {section.field: self._listed(section, raw, path)}

    def _table(self, section: Section, raw: Any, path: Path) -> dict[str, Any]:
        if not self._tables.is_a(raw, dict, f"a table [{section.name}]", path):
            return {}
        values, _ = self._tables.values(section.keys, raw, path)
        if section.model is None:
            return values
        whole = _required(section.model) <= values.keys()
        return {section.field: section.model(**values)} if whole else {}

    def _named(self, section: Section, raw: Any, path: Path) -> Iterator[Any]:
        if not self._tables.is_a(raw, dict, f"tables [{section.name}.NAME]", path):
            return
        required = _required(section.model)
        for name, said in raw.items():
            table, place = said, (*path, name)
            if section.patterns:
                sections.check_pattern(name, table, place, self._findings)
            elif fault := id_fault(name):
                message = f"{shown(name)} cannot be a name: {fault}"
                self._findings.add(place, message, f"a name is {ID_RULE}")
            if section.short and not isinstance(table, dict):
                table = {section.short: table}
            if self._tables.is_a(table, dict, f"a table [{section.name}.NAME]", place):
                values = {"name": name, **self._element(section, table, place)}
                if required <= values.keys():
                    yield section.model(**values)

    def _listed(self, section: Section, raw: Any, path: Path) -> tuple[Any, ...]:
        if not self._tables.is_a(raw, list, f"tables [[{section.name}]]", path):
            return ()
        placed = []
        ids = []
        required = _required(section.model)
        for index, table in enumerate(raw):
            place = (*path, index)
            if not self._tables.is_a(table, dict, f"a table [[{section.name}]]", place):
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
        values, meant = self._tables.values(section.keys, table, path)
        if section is keys.AGENTS:
            values = {
                **sections.check_agent(table, meant, path, self._adapters, self._findings),
                **values,
            }
        elif section is keys.POOLS:
            found = sections.check_pool(table, meant, path, values, self._findings)
            values = {**values, **found}
        elif section is keys.GATES:
            sections.check_gate(table, meant, path, self._findings)
        elif section is keys.ROUTES:
            sections.check_route(table, meant, path, self._findings)
        elif section is keys.TASKS:
            sections.check_task(table, meant, path, self._findings)
        return values


def _required(model: type[msgspec.Struct]) -> frozenset[str]:
    """Without these fields no struct can be made; what is missing has been reported."""
    fields = msgspec.structs.fields(model)
    return frozenset(field.name for field in fields if field.required)


def _names(document: Mapping[str, Any], adapters: Sequence[str]) -> dict[Ref, list[str]]:
    """Every name the document defines, valid or not: a bad name is reported where it stands."""
    names: dict[Ref, list[str]] = {ref: [] for ref in Ref}
    names[Ref.ADAPTER].extend((COMMAND, *adapters))
    names[Ref.AGENT].extend(adapters)
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
