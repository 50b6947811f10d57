"""From a line to a task, with everything that was understood, guessed, wrong or doubtful.

Rules:
- Values are read by the reader of plan files, so a line may say what a file may say, and a fault
  has the same words. A fault leaves no task; a doubt is only told.
- An id that is not said is the next one where the plan counts its ids, else made of the title.
- Nothing else is made up: what a task does not say holds by the plan's routes and defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from agentdeck.core.ids import TaskId, slug
from agentdeck.core.plan import BUILTIN_AGENTS, Plan, Task
from agentdeck.plans import keys, sections
from agentdeck.plans.fields import Fields, one_line
from agentdeck.plans.findings import Findings
from agentdeck.plans.keys import Ref
from agentdeck.plans.positions import positions
from agentdeck.plans.problems import shown
from agentdeck.plans.quick_add.grammar import Listener, Remark, Sure, Wish
from agentdeck.plans.quick_add.names import Names, free_id, next_id
from agentdeck.plans.quick_add.words import ENDS, MAX_LINE, words_of
from agentdeck.plans.tables import Tables

ID_CHARS: Final = (
    24  # of an id that is made of a title: it becomes a branch, and is read in columns
)
EMPTY: Final = "nothing says what is to be done"


class Understood(msgspec.Struct, frozen=True):
    """What a line means."""

    task: Task | None  # None where there are faults
    values: Mapping[str, Any]  # the keys of `[[task]]`, without the id
    sure: Mapping[str, Sure]  # of each key of these, and of the id
    wishes: tuple[Wish, ...]  # with their places in the line
    faults: tuple[Remark, ...] = ()
    doubts: tuple[Remark, ...] = ()

    @property
    def id(self) -> TaskId:
        """The id that it will get."""
        return TaskId(str(self.values.get("id", "")))

    @property
    def guessed(self) -> bool:
        """Was anything read out of plain words?"""
        return Sure.WORD in self.sure.values()


class QuickAdd:
    """Understands lines for one plan.

    Args:
        plan: that the task is for.
        adapters: names that stand for an agent without a table in the plan.
    """

    def __init__(self, plan: Plan, adapters: Sequence[str] = BUILTIN_AGENTS) -> None:
        self._plan = plan
        self._names = Names(plan, adapters)

    def understand(self, line: str) -> Understood:
        """What a line means; it never raises. O(characters + tasks)."""
        heard = Listener(line, words := words_of(line[:MAX_LINE]), self._names).listen()
        faults = list(heard.faults)
        if len(line) > MAX_LINE:
            hint = "put the rest into a plan file"
            faults.append(Remark(f"the line has more than {MAX_LINE:,} characters", hint))
        values, sure = self._gathered(heard.wishes, faults)
        title = one_line(" ".join(word.text for word in heard.title)).rstrip(ENDS).strip()
        if title:
            values["title"], sure["title"] = title, Sure.SIGN  # it is all that is left
        elif words and "title" not in values:
            faults.append(Remark(EMPTY, "write it in a few words"))
        self._name(values, sure, faults)
        task = self._read(values, heard.wishes, faults) if words else None
        return Understood(
            None if faults else task,
            values,
            sure,
            tuple(heard.wishes),
            tuple(faults),
            tuple(heard.doubts),
        )

    def _gathered(
        self, wishes: Sequence[Wish], faults: list[Remark]
    ) -> tuple[dict[str, Any], dict[str, Sure]]:
        """The wishes by key: lists grow, and one value is said once."""
        values: dict[str, Any] = {}
        sure: dict[str, Sure] = {}
        lists: dict[str, dict[str, None]] = {}
        for wish in wishes:
            before, least = values.get(wish.key), sure.get(wish.key, wish.sure)
            if isinstance(wish.value, list):
                values[wish.key] = lists.setdefault(wish.key, {})
                lists[wish.key].update(dict.fromkeys(wish.value))
            elif isinstance(wish.value, dict) and isinstance(before, dict):
                values[wish.key] = {**before, **wish.value}
            elif before is not None and before != wish.value:
                said = f"two things are said of {wish.key}: {_said(before)} and {_said(wish.value)}"
                faults.append(Remark(said, "keep one of them", wish.start, wish.end, wish.key))
            else:
                values[wish.key] = wish.value
            sure[wish.key] = Sure.WORD if Sure.WORD in (least, wish.sure) else wish.sure
        values |= {key: list(found) for key, found in lists.items()}
        return values, sure

    def _name(self, values: dict[str, Any], sure: dict[str, Sure], faults: list[Remark]) -> None:
        """Put the id in: the one that was said, if it is free, else a new one."""
        if "id" not in values:
            phase = values.get("phase")
            made = slug(str(values.get("title", "")) or "task", max_length=ID_CHARS)
            counted = next_id(self._plan, phase if isinstance(phase, str) else None)
            values["id"], sure["id"] = counted or free_id(self._plan, made), Sure.RULE
            return
        taken = self._names.find(Ref.TASK, str(values["id"]))
        if taken is not None:
            free = free_id(self._plan, taken)
            said = f"there is a task {shown(taken)} already"
            faults.append(Remark(said, f"{free} is free", key="id"))

    def _read(
        self, values: Mapping[str, Any], wishes: Sequence[Wish], faults: list[Remark]
    ) -> Task | None:
        """The task, by the reader of plan files."""
        path = ("task", 0)
        findings = Findings("", {"task": [dict(values)]}, positions(""))
        names = {ref: list(self._names.of.get(ref, {}).values()) for ref in Ref}
        fields = Fields(findings, names, None)
        read, meant = Tables(findings, fields).values(keys.TASKS.keys, values, path)
        if "title" in values or "prompt" in values:
            sections.check_task(values, meant, path, findings)
        for problem in findings.problems:
            where = problem.key.rpartition(", ")[2] if ", " in problem.key else ""
            said = "" if not where or where in problem.message else f"{where}: "
            places = [(wish.start, wish.end) for wish in wishes if wish.key == where]
            place = places[0] if len(places) == 1 else (-1, -1)  # of several it is not known which
            faults.append(Remark(said + problem.message, problem.hint, *place, where))
        return None if faults or not read.get("id") else Task(**read)


def _said(value: object) -> str:
    return shown(value) if isinstance(value, str) else str(value)
