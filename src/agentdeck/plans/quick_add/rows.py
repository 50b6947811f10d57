"""What was understood of a line, one row for each part: for the dialog and for the command line.

Rules: what every task has comes first and always, so that rows do not jump while one types; the
rest only where it is said. A row says where it comes from: a guess repeats the words it was read
out of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from agentdeck.core.plan import Land, Plan, Task, TaskSettings
from agentdeck.core.words import listed, short_duration
from agentdeck.plans.quick_add.grammar import Sure
from agentdeck.plans.quick_add.understood import Understood

SIGNS: Final = {Sure.SIGN: "=", Sure.WORD: "~", Sure.RULE: "·"}
MAX_NAMED: Final = 8  # names in one row
LEGEND: Final = "= said  ~ guessed  · by the plan"
WRONG: Final = "✖"
NOT_KNOWN: Final = "what is said is not known"
_LANDS: Final = {
    Land.AUTO: "when it is green",
    Land.APPROVE: "after your approval",
    Land.REVIEW: "after a review",
}
_ALSO: Final = (
    ("phase", "phase"),
    ("pool", "pool"),
    ("tokens", "tokens"),
    ("budget", "budget"),
    ("priority", "priority"),
    ("risk", "risk"),
    ("complexity", "complexity"),
    ("kind", "kind"),
    ("skills", "skills"),
    ("review", "review"),
    ("retries", "retries"),
    ("timeout", "timeout"),
    ("idle_timeout", "idle"),
    ("exclusive", "alone"),
    ("allow_empty", "no commit"),
    ("defer", "defer"),
    ("line", "line"),
)


class Row(NamedTuple):
    """One part."""

    label: str
    value: str
    sure: Sure
    note: str = ""  # where it comes from
    wrong: bool = False  # a fault is about it


def rows_of(line: str, found: Understood, plan: Plan) -> list[Row]:
    """The rows, those of every task first.

    Args:
        line: what was typed.
        found: what it means; with faults in it the rows show what is understood all the same.
        plan: that the task is for.
    """
    wrong = {fault.key for fault in found.faults}
    return [
        Row(
            label,
            NOT_KNOWN if key in wrong and key not in found.values else value,
            found.sure.get(key, Sure.RULE),
            note or _words(line, found, key),
            key in wrong,
        )
        for key, label, value, note in _rows(found, plan)
    ]


def _rows(found: Understood, plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    """Key, label, value and note of each row."""
    values, task = found.values, found.task
    holds = plan.settings_of(task or Task(id=found.id))
    yield "title", "title", str(values.get("title", "")), ""
    yield "id", "id", found.id, "" if "id" in found.sure and _is_said(found, "id") else "free"
    if "prompt" in values:
        yield "prompt", "prompt", str(values["prompt"]), ""
    yield "after", "after", _text(values.get("after")) or "nothing: it may start at once", ""
    yield _agent(found, task, holds)
    yield _estimate(found, task, holds)
    yield "labels", "tags", _text(values.get("labels")) or "none", ""
    yield "files", "files", _text(values.get("files")) or "any: no footprint is given", ""
    gates = holds.gates if task is not None else values.get("gates", holds.gates)
    yield "gates", "gates", _text(list(gates)) or "none", ""
    lands = f"after a review by {holds.reviewer}" if holds.reviewer else _LANDS[holds.land]
    key = "review" if "review" in values else "land"
    yield key, "lands", lands if task is not None else str(values.get(key, lands)), ""
    for key, label in _ALSO:
        if key in values and key != "review":
            yield key, label, _text(values[key]), ""


def _agent(found: Understood, task: Task | None, holds: TaskSettings) -> tuple[str, str, str, str]:
    values = found.values
    agent = str(values.get("agent", holds.agent))
    if holds.agent == "human":
        agent = "a person"
    other = task is None and "agent" in values  # and nobody knows which model it has
    model = values.get("model") or (None if other else holds.model)
    key = "agent" if "agent" in values else "human" if "human" in values else "agent"
    return key, "agent", f"{agent} · {model}" if model else agent, ""


def _estimate(
    found: Understood, task: Task | None, holds: TaskSettings
) -> tuple[str, str, str, str]:
    usual = short_duration(holds.estimate_s)
    said = usual if task is not None else str(found.values.get("estimate", usual))
    return "estimate", "estimate", said, ""


def _is_said(found: Understood, key: str) -> bool:
    return found.sure.get(key) in (Sure.SIGN, Sure.WORD)


def _words(line: str, found: Understood, key: str) -> str:
    """The words that a guess was read out of."""
    if found.sure.get(key) is not Sure.WORD:
        return ""
    said = [line[w.start : w.end] for w in found.wishes if w.key == key and w.sure is Sure.WORD]
    return f"from “{listed(said, 2)}”" if said else ""


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return listed([str(each) for each in value], MAX_NAMED)
        case dict():
            return ", ".join(
                f"${amount:.2f}" if of == "usd" else f"{amount:,.0f} {of}"
                for of, amount in value.items()
                if isinstance(amount, int | float)
            )
        case _:
            return str(value)


__all__ = ["LEGEND", "SIGNS", "WRONG", "Row", "rows_of"]
