"""The names of a plan as a person types them: in any case, or nearly right.

Rules: a name that is there in another case is meant. One that is only nearly there is never taken
for granted: it is named, and the person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agentdeck.core.plan import Plan
from agentdeck.plans.keys import Ref
from agentdeck.plans.problems import nearest

MAX_NEAR: Final = 8  # names that are compared with all others in one line; each takes O(names)
MOST_DIGITS: Final = 12  # of the number in an id that is counted on
_ID: Final = re.compile(r"[A-Z]+[-_.]?[0-9][A-Za-z0-9._-]*|[A-Za-z][A-Za-z0-9]*[-_][A-Za-z0-9._-]+")
_DIGITS: Final = re.compile(r"[0-9]+")


class Names:
    """Every name that a line can mention.

    Args:
        plan: whose names they are.
        adapters: names that stand for an agent without a table in the plan.
    """

    def __init__(self, plan: Plan, adapters: Sequence[str]) -> None:
        agents = dict.fromkeys([*plan.agent_by_name, *adapters])
        self.of: Mapping[Ref, dict[str, str]] = {
            Ref.TASK: _by_case(task.id for task in plan.tasks),
            Ref.PHASE: _by_case(phase.id for phase in plan.phases),
            Ref.GATE: _by_case(gate.name for gate in plan.gates),
            Ref.AGENT: _by_case(agents),
            Ref.POOL: _by_case(pool.name for pool in plan.pools),
        }
        self._shapes = {_shape(name) for name in self.of[Ref.TASK]}

    def find(self, ref: Ref, text: str) -> str | None:
        """The name that is meant, or None."""
        known = self.of[ref]
        return known.get(text.casefold()) or known.get(text.rstrip(".:").casefold())

    def whole(self, ref: Ref, text: str) -> str:
        """The name that is meant, or the text as it is: the reader says what is wrong with it."""
        return self.find(ref, text) or text

    def near(self, ref: Ref, text: str) -> str | None:
        """A name that is nearly this. O(names)."""
        return nearest(text, list(self.of[ref].values()))

    def like(self, text: str) -> list[str]:
        """Tasks whose ids differ from this only in their numbers, in the order of the plan."""
        shape = _shape(text.casefold())
        return [name for folded, name in self.of[Ref.TASK].items() if _shape(folded) == shape]

    def is_like_an_id(self, text: str) -> bool:
        """Can this hardly be anything but a task's id? `S-99` can, `login` and `v2` cannot."""
        return _ID.fullmatch(text) is not None or (
            any(char.isdigit() for char in text)
            and not text[:1].isdigit()
            and _shape(text.casefold()) in self._shapes
        )


def _by_case(names: Iterable[str]) -> dict[str, str]:
    return {name.casefold(): name for name in names}


def _shape(text: str) -> str:
    """Ids that differ only in their numbers have one shape."""
    return _DIGITS.sub("0", text)


_COUNTED: Final = re.compile(rf"(.*?)([0-9]{{1,{MOST_DIGITS}}})", re.DOTALL)


def next_id(plan: Plan, phase: str | None) -> str | None:
    """The next number where ids are counted (`S-3`, `S-4` give `S-5`); None where they are not.

    The commonest beginning of the phase's ids counts, or of all where the phase has none; at least
    two ids, and half of them, must have it. O(tasks).
    """
    among = [task.id for task in plan.tasks if task.phase == phase] if phase else []
    ids: list[str] = [*among] or [task.id for task in plan.tasks]
    counted: dict[str, list[str]] = {}
    for name in ids:
        if (match := _COUNTED.fullmatch(name)) is not None:
            counted.setdefault(match[1], []).append(match[2])
    if not counted:
        return None
    start = max(counted, key=lambda each: len(counted[each]))  # the first one of equals
    numbers = counted[start]
    if len(numbers) < 2 or len(numbers) * 2 < len(ids):
        return None
    taken = {task.id.casefold() for task in plan.tasks}
    last, width = max(map(int, numbers)), min(map(len, numbers))
    return next(
        name
        for number in range(last + 1, last + 2 + len(taken))
        if (name := f"{start}{number:0{width}}").casefold() not in taken
    )


def free_id(plan: Plan, wanted: str) -> str:
    """`wanted`, or with the first number behind it that makes it new. O(tasks)."""
    taken = {task.id.casefold() for task in plan.tasks}
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name.casefold() not in taken)
