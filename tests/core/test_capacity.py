"""Handing out capacity: nobody gets what another has, and the quick way is the slow way."""

from __future__ import annotations

from random import Random

import pytest

from agentdeck.core.capacity import Capacity, Hindrance, Obstacle, start_order
from agentdeck.core.dispatcher import Dispatcher
from agentdeck.core.ids import AgentName, PhaseId, PoolName, TaskId
from agentdeck.core.plan import Phase, Plan, Pool, Strategy, Task
from agentdeck.testing.builders import plan, task

A, B, C = map(TaskId, "ABC")
GPU = PoolName("gpu")
FOOTPRINTS: tuple[tuple[str, ...], ...] = (
    ("CHANGELOG.md",),
    ("CHANGELOG.md", "src/"),
    ("src/a/",),
    ("src/a/one.py", "docs/x.md"),
    ("src/b/two.py",),
    ("src/**/two.py", "CHANGELOG.md"),
    ("docs/*.md",),
    ("docs/x.md", "src/b/two.py"),
    ("lib/z.py",),
)


def crowded_plan(random: Random, count: int) -> Plan:
    """Many ready tasks at once that want the same files, places and slots."""
    pools = (Pool(GPU, random.randint(1, 2)), Pool(PoolName("disk"), 1))
    phases = tuple(Phase(PhaseId(f"p{n}"), sync=random.random() < 0.5) for n in range(3))
    chances = {name: random.choice((0.0, 0.1, 0.5)) for name in ("pool", "human", "needs", "own")}
    alone = random.choice((0.0, 0.05))
    tasks: list[Task] = []
    for number in range(count):
        needs = (
            random.sample(tasks, min(len(tasks), 2)) if random.random() < chances["needs"] else []
        )
        files: tuple[str, ...] = random.choice(FOOTPRINTS) if random.random() < 0.8 else ()
        files += (f"own/{number}",) if random.random() < chances["own"] else ()
        tasks.append(
            task(
                f"T{number}",
                after=tuple(needed.id for needed in needs if not needed.defer),
                files=files,
                pool=random.choice(pools).name if random.random() < chances["pool"] else None,
                phase=phases[number * 3 // count].id if random.random() < 0.5 else None,
                human=random.random() < chances["human"],
                exclusive=random.random() < alone,
                priority=random.randint(-1, 1),
                estimate_s=random.choice((60.0, 600.0)),
                defer="later" if random.random() < 0.03 else None,
            )
        )
    return plan(
        *tasks,
        pools=pools,
        phases=phases,
        agents_limit=random.randint(1, 6),
        strategy=random.choice(list(Strategy)),
    )


class SlowDispatcher:
    """The same by a look at every task each time."""

    def __init__(self, of: Plan) -> None:
        self.plan = of
        self.capacity = Capacity(of, of.agents_limit)
        self.ready: set[TaskId] = set()
        self.pending = {each.id for each in of.tasks if not each.defer}
        self.settled = {each.id for each in of.tasks if each.defer}
        self.landed: set[TaskId] = set()
        self.closed: set[PhaseId] = set()
        self.close()

    def close(self) -> None:
        """Close what can be closed, one phase after the other, and see who is ready."""
        barriers = [p for p in self.plan.phases if p.sync or self.plan.strategy is Strategy.WAVES]
        for phase in self.plan.phases:
            members = {each.id for each in self.plan.tasks if each.phase == phase.id}
            if members <= self.settled:
                self.closed.add(phase.id)
            elif phase in barriers:
                break
        for name in list(self.pending):
            spec = self.plan.by_id[name]
            index = len(self.plan.phases) if spec.phase is None else 0
            if spec.phase is not None:
                index = self.plan.phase_index[spec.phase]
                opened = all(p.id in self.closed for p in self.plan.phases[:index] if p in barriers)
            else:
                opened = True
            if opened and self.landed.issuperset(spec.after):
                self.pending.discard(name)
                self.ready.add(name)

    def claim(self) -> list[TaskId]:
        """One walk over all ready tasks in order, as the scheduler does it."""
        place = start_order(self.plan)
        started, reserved = [], []
        for name in sorted(self.ready, key=place.__getitem__):
            found = self.capacity.obstacle(name, place[name])
            if found is None:
                self.capacity.take(name)
                started.append(name)
            elif found.kind in (Hindrance.FOOTPRINT, Hindrance.EXCLUSIVE):
                self.capacity.reserve(name, place[name])
                reserved.append(name)
        for name in reserved:
            self.capacity.give_back(name)
        self.ready.difference_update(started)
        return started


@pytest.mark.parametrize("seed", range(300))
def test_the_dispatcher_starts_whom_a_fresh_walk_starts(seed: int) -> None:
    """Whatever ends in which order, and whoever fails and comes again on the way."""
    random = Random(seed)
    of = crowded_plan(random, random.choice((5, 20, 60)))
    quick, slow = Dispatcher(of), SlowDispatcher(of)
    quick.begin()
    while quick.close_phase():  # those of deferred tasks alone
        pass
    at_work: list[TaskId] = []
    working: list[TaskId] = []
    resting: list[TaskId] = []
    for _ in range(20 * len(of.tasks)):
        started = quick.claim()
        assert started == slow.claim()
        at_work += started
        working += [name for name in started if not of.by_id[name].human]
        if not (at_work or resting):
            break
        if resting and (not at_work or random.random() < 0.3):
            name = resting.pop(random.randrange(len(resting)))
            quick.again(name)
            slow.ready.add(name)
            continue
        name = random.choice(at_work)
        if name in working:
            working.remove(name)
            quick.give_slot_back(name)
            slow.capacity.give_slot_back(name)
            continue
        at_work.remove(name)
        slow.capacity.give_back(name)
        if random.random() < 0.2:
            quick.failed(name)
            resting.append(name)
            continue
        quick.landed(name)
        slow.landed.add(name)
        slow.settled.add(name)
        while quick.close_phase():
            pass
        slow.close()
    assert quick.left == 0
    assert not slow.ready | slow.pending


def test_who_waits_for_files_by_now_is_not_taken_for_one_who_waits_for_its_pool() -> None:
    """With a place in its pool and no slot, and a person's task behind it on the same files."""
    of = plan(
        task("first", pool=GPU, priority=9),
        task("Z g", after=("first",), priority=8),
        task("X", pool=GPU, priority=7),
        task("A f g", pool=GPU, priority=6),
        task("H f", after=("first",), priority=5, human=True),
        task("last"),
        pools=(Pool(GPU, 1),),
        agents_limit=2,
    )
    dispatcher = Dispatcher(of)
    dispatcher.begin()
    assert dispatcher.claim() == ["first", "last"]
    dispatcher.done(TaskId("first"))
    assert dispatcher.claim() == ["Z"]
    dispatcher.done(TaskId("Z"))
    assert dispatcher.claim() == ["X", "H"]  # nobody is on the files of A, so it reserves nothing
    dispatcher.done(TaskId("X"))
    assert dispatcher.claim() == []
    dispatcher.done(TaskId("H"))
    assert dispatcher.claim() == ["A"]


def test_a_plain_loop_runs_a_plan_to_its_end() -> None:
    """Claim, report done, claim again: all that a loop over a plan needs."""
    of = crowded_plan(Random(1), 60)
    dispatcher = Dispatcher(of)
    dispatcher.begin()
    done = []
    while claimed := dispatcher.claim():
        for name in claimed:
            dispatcher.done(name)
        done += claimed
    assert sorted(done) == sorted(each.id for each in of.tasks if not each.defer)
    assert dispatcher.left == 0


def test_what_is_given_back_can_be_taken_again() -> None:
    of = plan(task("A src/", pool=GPU), task("B src/x", pool=GPU), "C", pools=(Pool(GPU, 1),))
    capacity = Capacity(of, 2)
    capacity.take(A)
    assert capacity.obstacle(B, 1) == Obstacle(Hindrance.FOOTPRINT, A, "src/x")
    capacity.give_back(A)
    assert capacity.obstacle(B, 1) == Obstacle(Hindrance.POOL, pool=GPU)
    assert capacity.give_slot_back(A) == GPU
    assert capacity.obstacle(B, 1) is None
    capacity.take(B)
    capacity.take(C)
    assert not capacity.slots_left


def test_only_those_before_a_task_are_in_its_way() -> None:
    of = plan("A src/", "B src/x", task("C", exclusive=True))
    capacity = Capacity(of, 2)
    capacity.reserve(B, 5)
    assert capacity.obstacle(A, 4) is None
    assert capacity.obstacle(A, 6) == Obstacle(Hindrance.FOOTPRINT, B, "src/")
    capacity.reserve(C, 7)
    assert capacity.obstacle(A, 8) == Obstacle(Hindrance.EXCLUSIVE, C)
    capacity.give_back(C)
    assert capacity.obstacle(C, 8) is None
    capacity.take(B)
    assert capacity.obstacle(C, 8) == Obstacle(Hindrance.EXCLUSIVE, B)


def test_a_person_needs_no_slot_and_no_place() -> None:
    pools = (Pool(GPU, 1, agents=(AgentName("human"),)),)
    capacity = Capacity(plan(task("A", human=True), "B", pools=pools), 1)
    capacity.take(B)
    assert capacity.full(A) is None
    capacity.take(A)
    assert capacity.slots_used == 1
