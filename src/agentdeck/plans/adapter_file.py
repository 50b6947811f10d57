"""Adapter files: TOML text to `Adapter` and back. Everything that is wrong comes out at once.

Rules:
- The name of an adapter is that of its file.
- `base` names an adapter that ships with agentdeck: what the file does not say is as there.
- The values are checked by the table in `adapter_keys`, then against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from agentdeck.core.adapter import Adapter
from agentdeck.core.ids import ID_RULE, id_fault
from agentdeck.core.plan import COMMAND
from agentdeck.plans.adapter_checks import check_adapter
from agentdeck.plans.adapter_keys import ADAPTER_VERSION, BASE_KEY, KEYS, VERSION_KEY
from agentdeck.plans.fields import Fields
from agentdeck.plans.findings import Findings
from agentdeck.plans.keys import Kind, Ref
from agentdeck.plans.problems import PlanProblems, listed, shown
from agentdeck.plans.sections import check_version
from agentdeck.plans.tables import Tables, parse
from agentdeck.plans.writer import pair_text

MAX_CHARACTERS: Final = 1_000_000  # of one file; the longest that ships has 2,500


def read_adapter(
    text: str, *, file: str, name: str, bases: Mapping[str, Adapter] | None = None
) -> Adapter:
    """Read one adapter.

    Args:
        text: TOML.
        file: its name, for messages.
        name: of the adapter: its file's without the ending.
        bases: adapters that it may be based on.

    Raises:
        PlanProblems: the text is no adapter; carries every problem with its line.
    """
    text = text.removeprefix("\ufeff")
    document, places = parse(text, file, what="adapter", most=MAX_CHARACTERS)
    findings = Findings(file, document, places)
    values: dict[str, Any] = {}
    if check_version(document, VERSION_KEY, ADAPTER_VERSION, findings, what="adapter"):
        _check_name(name, findings)
        values = _values(document, name, bases or {}, findings)
    if findings.problems:
        raise PlanProblems(findings.problems)
    return Adapter(**{**values, "name": name})


def write_adapter(adapter: Adapter) -> str:
    """The text of an adapter file; `read_adapter` of it gives `adapter`. Ends in a newline."""
    defaults = Adapter(name=adapter.name)
    lines, tables = [f"{VERSION_KEY} = {ADAPTER_VERSION}\n"], []
    for key in KEYS:
        value = getattr(adapter, key.target)
        if value == getattr(defaults, key.target):
            continue
        if key.kind is Kind.ENV:
            pairs = "".join(pair_text(name, text) for name, text in value.items())
            tables.append(f"[{key.name}]\n{pairs}")
        else:
            plain = list(value) if isinstance(value, tuple) else str(value)
            lines.append(pair_text(key.name, plain))
    return "\n".join(["".join(lines), *tables])


def _check_name(name: str, findings: Findings) -> None:
    fault = id_fault(name)
    if fault is None and name == COMMAND:
        fault = "a plan calls that an agent with a command of its own"
    if fault is not None:
        message = f"{shown(name)} cannot be the name of an agent: {fault}"
        findings.add((), message, f"call the file otherwise; a name is {ID_RULE}")


def _values(
    document: Mapping[str, Any], name: str, bases: Mapping[str, Adapter], findings: Findings
) -> dict[str, Any]:
    table = {key: value for key, value in document.items() if key not in (VERSION_KEY, BASE_KEY)}
    tables = Tables(findings, Fields(findings, {ref: [] for ref in Ref}, None))
    values, meant = tables.values(KEYS, table, ())
    before = len(findings.problems)
    whole = {**_base(document, bases, findings), **values}
    if len(findings.problems) == before:
        check_adapter(name, whole, meant, findings)
    return whole


def _base(
    document: Mapping[str, Any], bases: Mapping[str, Adapter], findings: Findings
) -> dict[str, Any]:
    """The fields of the adapter that this one is based on, without those that say nothing."""
    if BASE_KEY not in document:
        return {}
    named = document[BASE_KEY]
    base = bases.get(named) if isinstance(named, str) else None
    if base is None:
        near = findings.suggestion(named, list(bases)) if isinstance(named, str) else None
        hint = f"did you mean {shown(near)}?" if near else f"known: {listed(list(bases))}"
        findings.add((BASE_KEY,), f"unknown adapter {shown(named)}", hint)
        return {}
    default = Adapter(name=base.name)
    return {
        field: value
        for field, value in msgspec.structs.asdict(base).items()
        if value != getattr(default, field)
    }
