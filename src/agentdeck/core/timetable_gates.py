"""The gates of a timetable: how those of a task cut its times into rounds, and those of the run.

Rules:
- A task's gates take no time of their own here; where a check or a merge takes none at all, each
  gate still takes a round.
- A gate of the run is green on the commit it ran on. A landing moves the tip, and what was green
  before it is so no more.
- A gate that is no longer wanted before it ends is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentdeck.core.ids import GateName, PhaseId, TaskId
from agentdeck.core.moments import Moment, in_parts
from agentdeck.core.plan import GateWhen, Plan


class Gates:
    """How the gates of a plan cut its times into rounds."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._on_task = {gate.name: gate.retries for gate in plan.gates_when(GateWhen.TASK)}
        self._on_merge = {gate.name for gate in plan.gates_when(GateWhen.MERGE)}
        self._of_phase = {
            phase.id: tuple(gate.name for gate in plan.phase_gates(phase)) for phase in plan.phases
        }
        self.preflight = [gate.name for gate in plan.gates_when(GateWhen.PREFLIGHT)]
        self.of_tasks, self.of_merges = bool(self._on_task), bool(self._on_merge)
        self.of_the_run = bool(self.preflight or any(self._of_phase.values()))

    def of_phase(self, phase: PhaseId) -> tuple[GateName, ...]:
        """The gates that close a phase."""
        return self._of_phase[phase]

    def checked(self, now: Moment, task: TaskId, check_s: float, *, red: bool) -> Moment:
        """When the work that ended now has been judged: collected first, then each gate."""
        wanted = set(self._plan.settings(task).gates)
        retries = [again for name, again in self._on_task.items() if name in wanted]
        runs = len(retries) + (retries[-1] if red and retries else 0)
        return in_parts(now, check_s, runs)

    def green_after(self, tasks: Iterable[TaskId]) -> set[GateName]:
        """The gates that are green on the tip, once these have landed as one."""
        wanted: set[GateName] = set()
        for task in tasks:
            wanted.update(self._plan.settings(task).gates)
        return self._on_merge & wanted


class RunGates:
    """The gates of the whole run: preflight, and those that close a phase."""

    def __init__(self, gates: Gates, *, begun: bool) -> None:
        """`begun`: the preflight gates are behind it."""
        self._gates = gates
        self.preflight = [] if begun else gates.preflight  # those to come
        self._green: set[GateName] = set()  # on the tip
        self._green_base = self._green  # on the base, which the tip is until something lands
        self._landings = 0
        self._under_way: dict[tuple[GateWhen, GateName, int], int] = {}
        self._started = 0

    def landed(self, tasks: Iterable[TaskId]) -> None:
        """The tip has moved: only what was proved of the merge is green on it."""
        self._landings += 1
        self._green = self._gates.green_after(tasks)

    def open_gate(self, phase: PhaseId) -> GateName | None:
        """The first gate of a phase that is not green."""
        gates = self._gates.of_phase(phase)
        return next((gate for gate in gates if gate not in self._green), None)

    def to_start(self, closable: PhaseId | None) -> list[int]:
        """The gates that should run now and do not yet, as numbers; the others are dropped.

        Args:
            closable: the phase that has settled and could be closed.
        """
        wanted: list[tuple[GateWhen, GateName, int]] = []
        if self.preflight:
            wanted.append((GateWhen.PREFLIGHT, self.preflight[0], 0))
        gate = None if closable is None else self.open_gate(closable)
        if gate is not None:
            wanted.append((GateWhen.PHASE, gate, self._landings))
        before = self._under_way
        self._under_way = {key: before[key] for key in wanted if key in before}
        new = [key for key in wanted if key not in before]
        for key in new:
            self._started += 1
            self._under_way[key] = self._started
        return [self._under_way[key] for key in new]

    def ended(self, number: int) -> None:
        """A gate is green, unless it was dropped."""
        for key, flight in list(self._under_way.items()):
            if flight == number:
                (self._green if key[0] is GateWhen.PHASE else self._green_base).add(key[1])
                del self._under_way[key]
        self.preflight = [gate for gate in self.preflight if gate not in self._green_base]
