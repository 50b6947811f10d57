"""What a person does with the tasks of a plan file: add, move, set, link, split, defer, drop.

Rules:
- A verb takes the text of a plan and gives the text afterwards; nothing else of it has changed.
- Each verb leaves the judging to the reader: `edited` reads the result, and a plan with problems is
  refused with all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import id_fault
from agentdeck.core.plan import BUILTIN_AGENTS, Plan
from agentdeck.plans.durations import format_duration, parse_duration
from agentdeck.plans.editing.plantext import PlanText, block_text
from agentdeck.plans.editing.words import Assignment, assignment
from agentdeck.plans.keys import PHASES, TASKS, Shape
from agentdeck.plans.keys import SECTIONS as EVERY_SECTION
from agentdeck.plans.problems import shown
from agentdeck.plans.reader import read_plan

MAX_PARTS: Final = 100  # of one split; more is a list that went wrong
_SHAPES: Final = {section.name: section.shape for section in EVERY_SECTION}

Verb = Callable[[PlanText], None]


class Edited(msgspec.Struct, frozen=True):
    """A plan's text before and after an edit, and the plan that it is now."""

    before: str
    after: str
    plan: Plan


def edited(
    text: str,
    verb: Verb,
    *,
    file: str,
    read_file: Callable[[str], str] | None = None,
    adapters: Sequence[str] = BUILTIN_AGENTS,
) -> Edited:
    """Do a verb on a text and read what came of it.

    Args:
        text: of the plan, as it is in the file; it may have problems that the edit removes.
        verb: one of those below, with its arguments bound.
        file, read_file, adapters: as for `read_plan`.

    Raises:
        PlanProblems: the text is no TOML, or has problems after the edit.
        DeckError: what is named does not exist, or cannot be edited from here.
    """
    plan_text = PlanText(text, file=file)
    verb(plan_text)
    plan_text.commit()
    after = plan_text.text
    plan = read_plan(after, file=file, read_file=read_file, adapters=adapters)
    return Edited(text, after, plan)


def add(plan: PlanText, name: str, values: Mapping[str, Any], *, behind: str | None = None) -> None:
    """A new task: behind another one, else behind the last one of its phase.

    Args:
        values: keys of a task file, without those that say nothing.
        behind: an id; None = by the phase.
    """
    _free(plan, name)
    block = block_text(TASKS, {"id": name, **values})
    if behind is not None:
        plan.add_block("task", block, behind=plan.index(behind))
        return
    plan.add_block("task", block, behind=_last_of(plan, values.get("phase")))


def move(
    plan: PlanText,
    name: str,
    *,
    phase: str | None = None,
    before: str | None = None,
    behind: str | None = None,
) -> None:
    """Another phase, another place in the file, or both.

    Args:
        phase: an id; "" takes the task out of its phase.
        before, behind: an id, at most one of them; without one a task goes to the end of `phase`.
    """
    index = plan.index(name)
    other = behind if before is None else before
    if other is not None and plan.index(other) == index:
        raise UsageError(f"{name} cannot stand beside itself")
    place = _last_of(plan, phase or None, but=index) if other is None else plan.index(other)
    if phase is not None and phase != (plan.value(("task", index, "phase")) or ""):
        plan.set(("task", index, "phase"), phase or None)
        plan.commit()
    if place is None or (before is None and place == index - 1):
        return
    plan_before = plan.names("task")[place]
    block = plan.cut("task", index)
    plan.commit()
    place = plan.index(plan_before)
    if before is not None:
        plan.add_block_before("task", block, place)
    else:
        plan.add_block("task", block, behind=place)


def assign(plan: PlanText, name: str | None, words: Sequence[str]) -> None:
    """Set keys of a task, or of the tables of the plan.

    Args:
        name: the task; None when every word names its own table.
        words: `KEY=VALUE` and so on, see `editing.words`.
    """
    for wish in [assignment(word) for word in words]:
        path = _path(plan, name, wish)
        if wish.how == "+=":
            now = plan.value(path) or []
            plan.add_to_list(path, [item for item in wish.value if item not in now])
        elif wish.how == "-=":
            plan.take_from_list(path, wish.value)
        else:
            plan.set(path, wish.value)
        plan.commit()


def link(plan: PlanText, name: str, needed: str) -> None:
    """`name` waits for `needed`."""
    path = ("task", plan.index(name), "after")
    plan.index(needed)
    if needed in _after(plan, name):
        raise UsageError(f"{name} waits for {needed} already")
    plan.add_to_list(path, [needed])


def unlink(plan: PlanText, name: str, needed: str) -> None:
    """`name` does not wait for `needed` any more."""
    if needed not in _after(plan, name):
        waits = ", ".join(_after(plan, name)) or "nothing"
        raise UsageError(f"{name} does not wait for {needed}", hint=f"it waits for {waits}")
    plan.take_from_list(("task", plan.index(name), "after"), [needed])


def split(plan: PlanText, name: str, parts: Sequence[str], *, parallel: bool = False) -> None:
    """New tasks in the place of one; they share out its estimate, and keep everything else.

    Args:
        parts: ids; the first takes over the text of the old task, with its comments.
        parallel: all wait for what the old one waited for, and what waited for it waits for all.
            Otherwise each waits for the one before it, and the others for the last.
    """
    if not 2 <= len(parts) <= MAX_PARTS:
        raise UsageError(f"a task is split into 2 to {MAX_PARTS} parts, not {len(parts)}")
    index = plan.index(name)
    if len(set(parts)) != len(parts):
        raise UsageError("two of the new tasks have the same id")
    for part in parts:
        if part != name:
            _free(plan, part)
    raw = plan.document["task"][index]
    shared = _shares(raw, len(parts))
    path = ("task", index)
    plan.set((*path, "id"), parts[0])
    for key, value in shared.items():
        plan.set((*path, key), value)
    if raw.get("title"):
        plan.set((*path, "title"), _part_title(raw["title"], 1, len(parts)))
    blocks = []
    for number in range(1, len(parts)):
        fresh = {**raw, **shared, "id": parts[number]}
        if raw.get("title"):
            fresh["title"] = _part_title(raw["title"], number + 1, len(parts))
        if not parallel:
            fresh["after"] = parts[number - 1]
        blocks.append(block_text(TASKS, fresh))
    plan.add_block("task", "\n".join(blocks), behind=index)
    _relink(plan, {name: list(parts) if parallel else [parts[-1]]}, but=index)
    _rename_in_claims(plan, {name: list(parts)})


def defer(plan: PlanText, name: str, reason: str) -> None:
    """The task is no part of the run, for a reason."""
    plan.set(("task", plan.index(name), "defer"), reason)


def drop(plan: PlanText, name: str, *, relink: bool = False) -> None:
    """The task goes, with the comment above it.

    Args:
        relink: what waited for it waits for what it waited for; without it that is refused.
    """
    index = plan.index(name)
    needing = [
        str(raw.get("id"))
        for raw in plan.document["task"]
        if isinstance(raw, dict) and name in _listed(raw.get("after")) and raw.get("id") != name
    ]
    if needing and not relink:
        more = f" and {len(needing) - 5} more" if len(needing) > 5 else ""
        raise UsageError(
            f"{', '.join(needing[:5])}{more} waits for {name}"
            if len(needing) == 1
            else f"{', '.join(needing[:5])}{more} wait for {name}",
            hint="--relink has them wait for what it waits for; `unlink` takes one out",
        )
    _relink(plan, {name: [n for n in _after(plan, name) if n != name]}, but=index)
    _rename_in_claims(plan, {name: []})
    plan.cut("task", index)


# --- parts of the verbs


def _free(plan: PlanText, name: str) -> None:
    fault = id_fault(name)
    if fault is not None:
        raise UsageError(f"{shown(name)} cannot be the id of a task: {fault}")
    if name in plan.names("task"):
        raise UsageError(f"there is a task {name} already")


def _last_of(plan: PlanText, phase: object, *, but: int | None = None) -> int | None:
    """The last task of a phase; of none, the last of an earlier phase, or of the plan."""
    order = plan.names("phase")
    best: tuple[int, int] | None = None
    for number, raw in enumerate(plan.document.get("task", ())):
        if number == but or not isinstance(raw, dict):
            continue
        own = raw.get("phase")
        rank = order.index(own) if own in order else -1
        wanted = order.index(phase) if phase in order else len(order)
        if rank <= wanted and (best is None or (rank, number) >= best or wanted == len(order)):
            best = (rank, number)
    return best[1] if best is not None else None


def _path(plan: PlanText, name: str | None, wish: Assignment) -> tuple[str | int, ...]:
    if wish.section == TASKS.name:
        if name is None:
            raise UsageError(
                f"{wish.key[0]} is a key of a task, and none is named",
                hint=f"put its id before it, or write plan.{wish.key[0]}=…",
            )
        return ("task", plan.index(name), *wish.key)
    if _SHAPES[wish.section] is Shape.LIST:
        if wish.name not in plan.names(wish.section):
            plan.add_block(wish.section, block_text(PHASES, {"id": wish.name}))
            plan.commit()
        return (wish.section, plan.index(wish.name, wish.section), *wish.key)
    return (wish.section, *([wish.name] if wish.name else []), *wish.key)


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list) else []


def _after(plan: PlanText, name: str) -> list[str]:
    return _listed(plan.value(("task", plan.index(name), "after")))


def _relink(plan: PlanText, swaps: Mapping[str, Sequence[str]], *, but: int) -> None:
    for number, raw in enumerate(plan.document.get("task", ())):
        if number != but and isinstance(raw, dict):
            plan.swap_in_list(("task", number, "after"), swaps)


def _rename_in_claims(plan: PlanText, swaps: Mapping[str, Sequence[str]]) -> None:
    claims = plan.document.get("claim", [])
    for number, raw in enumerate(claims if isinstance(claims, list) else []):
        if isinstance(raw, dict) and raw.get("tasks"):
            plan.swap_in_list(("claim", number, "tasks"), swaps)


def _shares(raw: Mapping[str, Any], parts: int) -> dict[str, Any]:
    """What of a task is shared out among its parts."""
    found: dict[str, Any] = {}
    estimate = raw.get("estimate")
    try:
        if isinstance(estimate, str):
            found["estimate"] = format_duration(max(1.0, round(parse_duration(estimate) / parts)))
        elif isinstance(estimate, int | float):
            found["estimate"] = estimate / parts
    except ValueError:
        pass  # the reader says what is wrong with it
    if isinstance(raw.get("tokens"), int):
        found["tokens"] = raw["tokens"] // parts
    return found


def _part_title(title: str, number: int, of: int) -> str:
    return f"{title} ({number}/{of})"
