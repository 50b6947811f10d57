"""Who waits for whom in a draft: references found, loops and deadlocks refused, waits passed on.

Rules:
- A reference that names nobody is dropped with a remark, never in silence.
- What the document says stands; what a rule guessed gives way where it would close a loop.
- A finished task is waited for by nobody. What waits for a deferred task is deferred too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentdeck.core.errors import UsageError
from agentdeck.core.graph import topological_order
from agentdeck.core.plan import Strategy
from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.names import Match, Resolver
from agentdeck.plans.loops import Place, behind_barriers, loops
from agentdeck.plans.problems import PlanProblems, Problem, listed, shown

MAX_EDGES: Final = 1_000_000  # dependencies of one plan; more fit in no memory and no head
MAX_ROUNDS: Final = 8  # of taking single guesses out of loops before all of them go
MAX_LOOP_SHOWN: Final = 100  # tasks of one loop in a message
MAX_LISTED: Final = 5  # tasks that a remark lists
DONE: Final = "done, says the document"

Needs = dict[int, dict[int, str]]  # task -> the tasks it needs, each with the rule that found it


class Edges:
    """The dependencies of one draft, by position of its tasks.

    Args:
        draft: takes the remarks.
        ids: of the tasks, in their order.
        file: the document's name, for problems.

    Raises:
        UsageError: there are more than `MAX_EDGES`.
        PlanProblems: the document's own dependencies form loops; each is printed whole.
    """

    def __init__(self, draft: Draft, ids: Sequence[str], file: str) -> None:
        self._draft = draft
        self._ids = ids
        self._file = file
        self._where = {name: index for index, name in enumerate(ids)}
        self._named = 0  # names in `after`, of somebody or nobody
        self.resolver = Resolver(draft.tasks, draft.phases)
        self._needs = self._all_needs()
        self._without_loops()
        self._drop_finished()
        self._defer_more()

    def after(self, index: int) -> tuple[int, ...]:
        """The tasks that one needs, in the order in which it names them."""
        return tuple(self._needs[index])

    def refuse_deadlocks(self, phase_of: Sequence[int | None]) -> None:
        """Raise PlanProblems if a task of a barrier phase waits for a later phase.

        Args:
            phase_of: for each task the position of its phase, or None.
        """
        draft = self._draft
        waves = draft.strategy is Strategy.WAVES
        places = {}
        for index, task in enumerate(draft.tasks):
            at = phase_of[index]
            if task.defer is None and not task.done:
                needs = tuple(self._ids[other] for other in self.after(index))
                barrier = at is not None and (waves or draft.phases[at].sync)
                places[self._ids[index]] = Place(needs, at, barrier)
        chains = behind_barriers(places)
        if chains:
            raise PlanProblems(self._deadlock(chain) for chain in chains)

    def _all_needs(self) -> Needs:
        return {index: self._needs_of(index, task) for index, task in enumerate(self._draft.tasks)}

    def _needs_of(self, index: int, task: DraftTask) -> dict[int, str]:
        found: dict[int, str] = {}
        for text in dict.fromkeys(task.after):
            matches, unknown = self.resolver.resolve(text, phase=task.phase)
            self._count(len(matches) + len(unknown), task.line)
            for name in unknown:
                self._nobody(index, name)
            for match in matches:
                if match.index == index:
                    self._itself(index, text, match, alone=len(matches) == 1)
                elif match.index not in found:
                    found[match.index] = match.rule
                    self._remark_guess(index, text, match)
        return found

    def _count(self, more: int, line: int) -> None:
        self._named += more
        if self._named > MAX_EDGES:
            raise UsageError(
                f"{self._file}:{line}: the document has more than {MAX_EDGES:,} dependencies",
                hint="name phases with sync points instead of all the tasks of a phase",
            )

    def _remark_guess(self, index: int, text: str, match: Match) -> None:
        if match.sure:
            return
        rule = "dependency-by-words" if match.rule == "words" else "dependency-on-phase"
        title = self._draft.tasks[match.index].title
        said = f"task {self._ids[index]} waits for {shown(text)}: taken to be "
        self._guessed(index, rule, f"{said}{self._ids[match.index]} ({shown(title)})")

    def _nobody(self, index: int, name: str) -> None:
        several = [self._ids[other] for other in self.resolver.candidates(name)]
        if len(several) > 1:
            rule, why = "ambiguous-dependency", f"could be {listed(several, most=MAX_LISTED)}"
        else:
            rule, why = "unknown-dependency", "no task is called that"
        text = f"task {self._ids[index]} waits for {shown(name)}: {why}"
        self._draft.left(self._draft.tasks[index].line, rule, text)

    def _itself(self, index: int, text: str, match: Match, *, alone: bool) -> None:
        """A list or a guess that holds the task itself is careless; a plain name is a fault."""
        line = self._draft.tasks[index].line
        name = self._ids[index]
        if alone and match.rule in ("id", "id-case"):
            message = f"task {name} waits for itself"
            raise PlanProblems(
                [Problem(self._file, max(1, line), "", message, "take it out of the document")]
            )
        self._draft.left(line, "waits-for-itself", f"task {name} is in {shown(text)} itself")

    def _guessed(self, index: int, rule: str, text: str) -> None:
        self._draft.guessed(self._draft.tasks[index].line, rule, text)

    def _without_loops(self) -> None:
        for left in range(MAX_ROUNDS, -1, -1):
            sound = topological_order(self._needs)
            if len(sound) == len(self._needs):
                return
            if left == 0:
                self._drop_guesses_of_all_loops({*sound})
            found = loops({self._ids[i]: self._names(i) for i in self._needs})
            certain = [loop for loop in found if not self._guesses(loop)]
            if certain:
                raise PlanProblems(self._loop(loop) for loop in certain)
            for index, other in [step for loop in found for step in self._guesses(loop)]:
                self._drop_guess(index, other)

    def _names(self, index: int) -> list[str]:
        return [self._ids[other] for other in self._needs[index]]

    def _guesses(self, loop: Sequence[str]) -> list[tuple[int, int]]:
        """The steps of a loop that a rule has guessed."""
        steps = zip(loop, [*loop[1:], loop[0]], strict=True)
        places = [(self._where[name], self._where[other]) for name, other in steps]
        return [place for place in places if self._is_guess(*place)]

    def _drop_guesses_of_all_loops(self, sound: set[int]) -> None:
        """Take every guess out that could be on a loop, where one by one takes too long."""
        for index, needed in self._needs.items():
            for other in [*needed] if index not in sound else []:
                if other not in sound and self._is_guess(index, other):
                    self._drop_guess(index, other)

    def _is_guess(self, index: int, other: int) -> bool:
        return self._needs[index].get(other) in ("words", "phase")

    def _drop_guess(self, index: int, other: int) -> None:
        del self._needs[index][other]
        text = f"task {self._ids[index]} does not wait for {self._ids[other]}: that closes a loop"
        self._draft.left(self._draft.tasks[index].line, "guess-makes-loop", text)

    def _loop(self, loop: Sequence[str]) -> Problem:
        names = [f"{name} (line {self._task(name).line})" for name in loop]
        if len(names) > MAX_LOOP_SHOWN:
            names[MAX_LOOP_SHOWN:] = [f"({len(loop) - MAX_LOOP_SHOWN} more)"]
        message = f"dependency loop: {' -> '.join([*names, loop[0]])}"
        hint = f"each waits for the next: take one of these {len(loop)} out of the document"
        return Problem(self._file, max(1, self._task(loop[0]).line), "", message, hint)

    def _task(self, name: str) -> DraftTask:
        return self._draft.tasks[self._where[name]]

    def _deadlock(self, chain: Sequence[str]) -> Problem:
        own, last = self._task(chain[0]), self._task(chain[-1])
        by = f" (through {listed(chain[1:-1])})" if len(chain) > 2 else ""
        message = (
            f"task {chain[0]} of phase {shown(own.phase or '')} waits{by} for {chain[-1]} (line"
            f" {last.line}) of the later phase {shown(last.phase or '')}, which waits for"
            " the whole earlier phase: neither can ever start"
        )
        hint = f"move {chain[0]} to the later phase, or {chain[-1]} to the earlier one"
        return Problem(self._file, max(1, own.line), "", message, hint)

    def _drop_finished(self) -> None:
        tasks = self._draft.tasks
        for needed in self._needs.values():
            for other in [other for other in needed if tasks[other].done]:
                del needed[other]

    def _defer_more(self) -> None:
        """What waits for a deferred task is deferred too, with the reason named."""
        tasks = self._draft.tasks
        for index in topological_order(self._needs):
            task = tasks[index]
            if task.done or task.defer is not None:
                continue
            cause = next((i for i in self._needs[index] if tasks[i].defer is not None), None)
            if cause is not None:
                task.defer = f"waits for {self._ids[cause]}, which is deferred"
                self._guessed(index, "deferred-too", f"task {self._ids[index]} {task.defer}")
