"""A run of the simulation that can be named, and made again from its name.

Rules:
- A seed stands for a plan, a mix of faults and what is drawn from it as the run goes on. A
  situation is a seed from which some of that is left out: tasks, faults, the seed's own draws.
- The same name gives the same journal. It is written as the options of a command line.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.testing.scripted_world import Faults
from agentdeck.testing.simulation import Ending, Simulation, course_of

COMMAND: Final = "python -m agentdeck.testing.simulation"


@dataclass(frozen=True)
class Situation:
    """What a seed stands for, or less."""

    seed: int
    draw: int | None = None  # another seed for what happens; None = the same
    without: tuple[TaskId, ...] = ()  # tasks that its plan has and this one has not
    calm: tuple[str, ...] = ()  # faults that never happen, by their names in `Faults`

    @property
    def plan(self) -> Plan:
        """Its plan: of the tasks that are left, each needs what is left of what it needed."""
        plan, _ = course_of(self.seed)
        kept = [task for task in plan.tasks if task.id not in self.without]
        tasks = (
            msgspec.structs.replace(
                task, after=tuple(name for name in task.after if name not in self.without)
            )
            for task in kept
        )
        return msgspec.structs.replace(plan, tasks=tuple(tasks))

    @property
    def faults(self) -> Faults:
        """Its mix of faults."""
        _, usual = course_of(self.seed)
        return replace(usual, **dict.fromkeys(self.calm, 0))

    @property
    def troubles(self) -> tuple[str, ...]:
        """The faults that can happen in it."""
        return tuple(name for name, often in vars(self.faults).items() if often)

    @property
    def command(self) -> str:
        """The command line that replays it."""
        more = [
            f"--draw {self.draw}" if self.draw is not None else "",
            f"--without {','.join(self.without)}" if self.without else "",
            f"--only '{','.join(self.troubles)}'" if self.calm else "",
        ]
        return " ".join([f"{COMMAND} --seed {self.seed}", *(part for part in more if part)])

    def simulation(self) -> Simulation:
        """It, at its beginning. Raises whatever the core raises already there."""
        return Simulation(self.plan, self.seed if self.draw is None else self.draw, self.faults)


@dataclass(frozen=True)
class Breach:
    """A situation in which the core breaks a rule, or simply breaks."""

    situation: Situation
    error: Exception
    place: str  # where it was seen: two breaches with the same place are the same one
    history: Sequence[Recorded] = field(default=(), repr=False)  # up to then
    met: Mapping[str, int] = field(
        default_factory=dict, repr=False
    )  # faults, and how often they happened

    @property
    def size(self) -> tuple[int, int, int]:
        """Tasks, faults that can happen, events: less of it is easier to understand."""
        situation = self.situation
        return len(situation.plan.tasks), len(situation.troubles), len(self.history)


def tried(situation: Situation) -> Ending | Breach:
    """Run it to its end, or to where it breaks."""
    try:
        simulation = situation.simulation()
    except Exception as error:  # noqa: BLE001 - of the core, not only a broken invariant
        return Breach(situation, error, _place_of(error))
    try:
        return simulation.run()
    except Exception as error:  # noqa: BLE001 - the same
        return Breach(situation, error, _place_of(error), simulation.history, simulation.met)


def _place_of(error: Exception) -> str:
    """The line that raised it, and for errors of the core their kind."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
