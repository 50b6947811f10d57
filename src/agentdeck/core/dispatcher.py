"""Hands out the tasks of a plan: claim what may start now, report what is done, claim again.

The decisions are those of a walk over all ready tasks, as `core.scheduler` does it after each
event, by the same `core.capacity`; a test holds the two together. Here only those are looked at
that may start.

Rules:
- A ready task is in front (to be looked at), waits for files, or is parked because its pool or all
  slots are full. While all slots are taken nobody is looked at, unless a person's task is ready,
  which needs none; and nobody behind a task that works alone.
- A task that waits for files is kept under the pattern it waits for. Only the first of a pattern is
  looked at again, when the one task that is known to be in its way gives up its files or stops
  reserving; those behind it wait for the first one at least.
- A parked task reserves nothing, unless somebody is on its files by now. That is found out when a
  task behind it on the same files could start, and not before.

Each task is looked at a few times: near O(n log n + dependencies) for n tasks. A parked task costs
a look for each start of another one on its files that is not held up by the same pool.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from agentdeck.core.capacity import Capacity, Hindrance
from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.lineup import lineup
from agentdeck.core.open_phases import OpenPhases
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.wait_lists import Parked, first_of

# Where a task stands. Plain numbers: 100,000 tasks ask for them many times.
_PENDING: Final = 0
_FRONT: Final = 1  # ready; to be looked at
_WAITS: Final = 2  # ready; for files
_PARKED: Final = 3  # ready; for a place in its pool, or for a slot
_BEGUN: Final = 4
_OVER: Final = 5  # settled, or stuck for good


class Dispatcher:
    """The ready tasks of one run of a plan, and the capacity they compete for.

    Each task goes `claim` → `give_slot_back` → `landed`, or → `failed` → `again` → `claim`.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        agents_limit: int | None = None,
        strategy: Strategy | None = None,
        settled: Iterable[TaskId] = (),
        unsatisfying: Iterable[TaskId] = (),
        stuck: Iterable[TaskId] = (),
        closed: Iterable[PhaseId] = (),
    ) -> None:
        """Nothing is ready before `begin`. O((tasks + dependencies) * log tasks).

        Args:
            agents_limit: agents at work at once; None = what the plan says.
            strategy: None = what the plan says.
            settled: tasks that are over. Deferred ones always are.
            unsatisfying: those of them that let nobody start who needs them.
            stuck: tasks that never settle.
            closed: phases that are closed.
        """
        self.plan = plan
        limit = plan.agents_limit if agents_limit is None else agents_limit
        self.capacity = Capacity(plan, limit)
        line = lineup(plan)
        self._line = line
        self._order, self._place = line.order, line.place
        self._state = [_PENDING] * len(line.order)
        self._why: dict[TaskId, Hindrance] = {}
        self.newly_ready: list[TaskId] = []  # since `became_ready`
        self.stirred = True  # since `claim`: may it start somebody by now?

        self._front: list[int] = []  # heap of places; old entries included, as in all heaps here
        self._people = 0  # people's tasks that are ready and have not begun
        self._fresh: list[int] = []  # in front, and no look was taken yet
        self._waiting: dict[str, list[int]] = {}  # pattern -> heap of those who wait for it
        self._waits_for: list[str | None] = [None] * len(line.order)
        self._behind: dict[int, list[int]] = {}  # who is in the way -> first of a pattern each
        self._parked = Parked()
        self._begun_in: dict[int, PoolName | None] = {}  # of those that could have begun elsewhere
        self._ranked: list[TaskId] = []  # started in this walk, and still ranked by their place

        self._phases = OpenPhases(plan, strategy or plan.strategy, set(closed))
        gone = {task.id for task in plan.tasks if task.defer}
        over = set(settled) | gone
        self._missing = list(line.needs)  # how many others each one waits for
        for task in over - gone - set(unsatisfying):
            for needing in line.needing[self._place[task]]:
                self._missing[needing] -= 1
        for task in over:
            place = self._place[task]
            self._state[place] = _OVER
            self._phases.settle(line.phases[place])
        for task in stuck:
            self._state[self._place[task]] = _OVER
        self._left = sum(state is not _OVER for state in self._state)

    # --- what a loop over the plan needs ----------------------------------------------------------

    def begin(self, under_way: Iterable[TaskId] = ()) -> None:
        """Find the tasks that are ready at the start; `under_way` have begun already."""
        for task in under_way:
            self._state[self._place[task]] = _BEGUN
        for place, missing in enumerate(self._missing):
            if not missing and self._state[place] == _PENDING:
                self._dependencies_done(place)

    def done(self, task: TaskId) -> None:
        """All of a claimed task is over: its agent is gone and its work has landed."""
        if not self._line.by_hand[self._place[task]]:
            self.give_slot_back(task)
        self.landed(task)
        while self.close_phase():
            pass

    @property
    def left(self) -> int:
        """Tasks that have not landed and are not out of the run."""
        return self._left

    # --- what happens to a task -------------------------------------------------------------------

    def give_slot_back(self, task: TaskId) -> None:
        """The agent of a claimed task is gone; its files are still its own."""
        self.stirred = True
        pool = self.capacity.give_slot_back(task)
        place = self._place[task]
        if self._line.others[place]:  # who has begun goes on
            self._begun_in[place] = pool
        if pool is not None:
            self._fill(pool)

    def failed(self, task: TaskId) -> None:
        """The work of a claimed task came to nothing: others may have its files."""
        self.stirred = True
        self.capacity.give_back(task)
        self._state[self._place[task]] = _PENDING
        self._is_out_of_the_way(self._place[task])

    def again(self, task: TaskId) -> None:
        """A task that failed is ready for another try."""
        self._ready(self._place[task])

    def landed(self, task: TaskId) -> bool:
        """The work of a claimed task has landed: who needed it may start.

        Returns whether all tasks of its phase have settled by that.
        """
        self.stirred = True
        self.capacity.give_back(task)
        place = self._place[task]
        self._state[place] = _OVER
        self._left -= 1
        if place in self._behind:
            self._is_out_of_the_way(place)
        missing = self._missing
        for other in self._line.needing[place]:
            missing[other] -= 1
            if not missing[other] and self._state[other] == _PENDING:
                self._dependencies_done(other)
        return self._phases.settle(self._line.phases[place])

    def closable(self) -> PhaseId | None:
        """The phase that may be closed next, or None."""
        at = self._phases.closable()
        return None if at is None else self.plan.phases[at].id

    def close_phase(self) -> PhaseId | None:
        """Close the next phase that may be; who waited for it is ready. None: there is none."""
        at = self._phases.closable()
        if at is None:
            return None
        for place in self._phases.close(at):
            self._ready(place)
        return self.plan.phases[at].id

    def became_ready(self) -> list[TaskId]:
        """The tasks that became ready since this was asked last."""
        found, self.newly_ready = self.newly_ready, []
        return found

    def why(self, task: TaskId) -> Hindrance | None:
        """What a task had to wait for when it was first looked at; None = nothing.

        While all slots are taken nobody is looked at, and that is what they wait for.
        """
        return self._why.get(task)

    def _dependencies_done(self, place: int) -> None:
        phase = self._line.phases[place]
        if phase <= self._phases.last_open:
            self._ready(place)
        else:
            self._phases.wait(phase, place)

    def _ready(self, place: int) -> None:
        self.stirred = True
        self.newly_ready.append(self._order[place])
        self._people += self._line.by_hand[place]
        self._state[place] = _FRONT
        heappush(self._front, place)
        self._fresh.append(place)

    # --- who starts -------------------------------------------------------------------------------

    def claim(self) -> list[TaskId]:
        """Start every task that may start now, in the order in which they come first."""
        started: list[TaskId] = []
        if not self.stirred:
            return started
        self.stirred = False
        capacity = self.capacity
        may_look = self._people or capacity.slots_used < capacity.agents_limit
        if may_look and not capacity.somebody_alone:
            while (place := self._next()) is not None and self._look(place, started):
                pass
        if self._ranked:
            for task in self._ranked:
                self.capacity.hold(task)
            self._ranked.clear()
        if self._fresh:
            self._note_why()
        return started

    def _next(self) -> int | None:
        """The first task that is worth a look."""
        if not self.capacity.slots_left:
            return self._first_in_front() if self._people else None
        front = self._first_in_front()
        waiting = self._parked.first(None)
        if front is None or waiting is None:
            return waiting if front is None else front
        return min(front, waiting)

    def _first_in_front(self) -> int | None:
        front, state = self._front, self._state
        while front and state[front[0]] != _FRONT:
            heappop(front)
        return front[0] if front else None

    def _look(self, place: int, started: list[TaskId]) -> bool:
        """Start one task, or find out what it waits for. False: nobody behind it may start."""
        task, line = self._order[place], self._line
        exclusive, files = line.exclusive[place], line.files[place]
        if exclusive and not self.capacity.idle:
            return False
        if self._state[place] == _PARKED:
            self._unpark(place)
        else:
            heappop(self._front)
        if files and self._blocked(place):
            return True
        pool = self._begun_in[place] if place in self._begun_in else line.pools[place]
        lacking = None if line.by_hand[place] else self.capacity.lacking(pool)
        full: tuple[PoolName | None, ...] = (pool if lacking is Hindrance.POOL else None,)
        if lacking is Hindrance.POOL and len(self._pools_of(place)) > 1:
            pool, full = self._elsewhere(place)
        if lacking is not None and full:
            self._why.setdefault(task, lacking)
            self._park(place, full)
            return True
        if files and self._parked.on_files:
            self._judge_parked(place)
            if self._blocked(place):
                return True
        self._start(place, pool)
        started.append(task)
        return not exclusive

    def _elsewhere(self, place: int) -> tuple[PoolName | None, tuple[PoolName | None, ...]]:
        """The pool in which somebody else begins a task; else nothing, and all that is full."""
        full: list[PoolName | None] = []
        for pool in self._pools_of(place):
            lacking = self.capacity.lacking(pool)
            if lacking is None:
                return pool, ()
            full.append(pool if lacking is Hindrance.POOL else None)
        return None, tuple(full)

    def _pools_of(self, place: int) -> tuple[PoolName | None, ...]:
        """Where a task may take its place, the first choice first; nowhere if it takes none."""
        if self._line.by_hand[place]:
            return ()
        if place in self._begun_in:
            return (self._begun_in[place],)
        return (self._line.pools[place], *self._line.others[place])

    def _start(self, place: int, pool: PoolName | None) -> None:
        task, capacity = self._order[place], self.capacity
        if self._parked.on_files:
            # One that is parked before it was not in its way, and it is in nobody's way before it
            # in this walk; in the next one it is.
            capacity.hold(task, place)
            self._ranked.append(task)
        else:
            capacity.hold(task)
        self._state[place] = _BEGUN
        if self._waits_for[place] is not None:
            self._stop_waiting(place, in_the_way=True)
        if self._line.by_hand[place]:
            self._people -= 1
            return
        capacity.take_slot(task, pool)
        for each in self._pools_of(place):
            self._fill(each)

    def _note_why(self) -> None:
        """Say what those wait for who became ready and were not looked at."""
        first = self._first_in_front()
        wall = first is not None and self._line.exclusive[first]
        by_one = self.capacity.somebody_alone or wall
        kind = Hindrance.EXCLUSIVE if by_one else Hindrance.AGENTS
        for place in self._fresh:
            if self._state[place] == _FRONT:
                self._why.setdefault(self._order[place], kind)
        self._fresh.clear()

    def _to_front(self, place: int) -> None:
        if self._state[place] != _FRONT:
            self._state[place] = _FRONT
            heappush(self._front, place)

    # --- waiting for files ------------------------------------------------------------------------

    def _blocked(self, place: int) -> bool:
        """Is somebody on the files of a task? Then it waits, and reserves its own."""
        task = self._order[place]
        found = self.capacity.in_its_files(task, place)
        if found is None:
            return False
        if self._state[place] == _PARKED:
            self._unpark(place)  # before its pool is filled, so that it does not get that place
        self._why.setdefault(task, Hindrance.FOOTPRINT)
        self._wait(place, self._place[found[0]], found[1])
        for pool in self._pools_of(place):
            self._fill(pool)
        return True

    def _wait(self, place: int, other: int, pattern: str) -> None:
        """Wait for `pattern`, which `other` is on."""
        self._state[place] = _WAITS
        if self._waits_for[place] != pattern:
            self._stop_waiting(place, in_the_way=True)
            self._waits_for[place] = pattern
            heappush(self._waiting.setdefault(pattern, []), place)
            self.capacity.reserve(self._order[place], place)
        if self._first_waiting(pattern) == place:
            self._behind.setdefault(other, []).append(place)

    def _first_waiting(self, pattern: str) -> int | None:
        heap = self._waiting[pattern]
        found = first_of(heap, lambda place: self._waits_for[place] == pattern)
        if found is None:
            del self._waiting[pattern]
        return found

    def _stop_waiting(self, place: int, *, in_the_way: bool) -> None:
        """Leave the files it waited for to the next one: to wait for this one, or to be looked at.

        Args:
            in_the_way: it is on these files now, or goes on reserving them.
        """
        pattern = self._waits_for[place]
        if pattern is None:
            return
        self._waits_for[place] = None
        following = self._first_waiting(pattern)
        if following is None or following < place:
            return
        if in_the_way:
            self._behind.setdefault(place, []).append(following)
        elif self._state[following] == _WAITS:
            self._to_front(following)

    def _is_out_of_the_way(self, place: int) -> None:
        """It holds and reserves nothing any more: the first of each pattern behind it looks up."""
        for other in self._behind.pop(place, ()):
            pattern = self._waits_for[other]
            if self._state[other] == _WAITS and pattern and self._first_waiting(pattern) == other:
                self._to_front(other)

    # --- waiting for a place ----------------------------------------------------------------------

    def _park(self, place: int, pools: tuple[PoolName | None, ...]) -> None:
        task = self._order[place]
        self._state[place] = _PARKED
        if self._waits_for[place] is not None:
            self._stop_waiting(place, in_the_way=False)
            self.capacity.give_back(task)
            self._is_out_of_the_way(place)
        self._parked.put(place, task, self._line.files[place], pools)

    def _unpark(self, place: int) -> None:
        self._state[place] = _PENDING
        self._parked.drop(place, self._order[place])

    def _fill(self, pool: PoolName | None) -> None:
        """There may be a place in a pool: the first one parked for it is worth a look."""
        if pool is None or not self.capacity.has_place(pool):
            return
        first = self._parked.first(pool)
        if first is not None:
            self._unpark(first)
            self._to_front(first)

    def _judge_parked(self, place: int) -> None:
        """Parked tasks before `place` on its files wait for files by now if somebody is on theirs.

        The same is asked of those that they depend on in turn, first things first.
        """
        found: set[TaskId] = set()
        pending = [place]
        while pending:
            asking = pending.pop()
            for task in self._parked.before(asking, self._line.files[asking]):
                if task not in found:
                    found.add(task)
                    pending.append(self._place[task])
        for at in sorted(self._place[task] for task in found):
            self._blocked(at)
