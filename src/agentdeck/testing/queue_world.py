"""A merge queue with known culprits: what would happen to each entry is known beforehand.

Work is known by its task. Some of it is red by itself, some pairs are red together, some pairs do
not merge. `answer` tells what a step of the queue leads to, for `builders.run_until`; everything
else goes well. `wish` is a person who moves and drops what waits. `alone` is the simple model: one
entry at a time, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from random import Random

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.events import AnyEvent, Verdict
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.state import RunState
from agentdeck.core.steps import BuildEntry, IOStep, RunGate
from agentdeck.testing.builders import gate_finished

Pair = frozenset[TaskId]
DROPS = 0.2  # of a person's wishes


@dataclass
class QueueWorld:
    """What is wrong with which work, and what was done with it."""

    bad: frozenset[TaskId] = frozenset()
    bad_together: frozenset[Pair] = frozenset()
    clashes: frozenset[Pair] = frozenset()
    inside: dict[str, tuple[TaskId, ...]] = field(default_factory=dict)  # by commit
    trees: dict[str, tuple[TaskId, ...]] = field(default_factory=dict)  # by tree
    gated: list[tuple[TaskId, ...]] = field(default_factory=list)  # each run of a gate

    def answer(self, state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        """What comes of a step of the queue; None = it is no such step, or it goes well."""
        if isinstance(step, BuildEntry):
            return list(self._fold(state, step))
        if isinstance(step, RunGate):
            inside = self.trees.get(step.tree, ())
            self.gated.append(inside)
            return [gate_finished(step, Verdict.FAILED if self.is_red(inside) else Verdict.PASSED)]
        return None

    def is_red(self, inside: Sequence[TaskId]) -> bool:
        """Is a gate red on exactly this work?"""
        together = any(frozenset(pair) in self.bad_together for pair in combinations(inside, 2))
        return together or any(task in self.bad for task in inside)

    def merges(self, inside: Sequence[TaskId], task: TaskId) -> bool:
        """Can work be folded in behind other work?"""
        return not any(frozenset((task, other)) in self.clashes for other in inside)

    def wish(self, state: RunState, random: Random) -> AnyCommand | None:
        """A move or a drop that is possible now; None = there is none."""
        queued = [entry.task for entry in state.queue.values() if entry.task is not None]
        if not queued:
            return None
        task, beside = random.choice(queued), random.choice(queued)
        chosen: AnyCommand = c.Move(task, random.choice(tuple(c.Place)), beside)
        if random.random() < DROPS:
            chosen = c.Drop(task)
        return chosen if refusal(state, chosen) is None else None

    def alone(self, order: Sequence[TaskId]) -> list[TaskId]:
        """What lands if each is judged by itself, in this order, on what has landed."""
        landed: list[TaskId] = []
        for task in order:
            if self.merges(landed, task) and not self.is_red([*landed, task]):
                landed.append(task)
        return landed

    def _fold(self, state: RunState, step: BuildEntry) -> Iterable[AnyEvent]:
        below = self.inside.get(step.tip, ())
        inside, names = below, list[EntryId]()
        for name in (step.entry, *step.others):
            task = state.queue[name].task
            assert task is not None
            if self.merges(inside, task):
                inside, names = (*inside, task), [*names, name]
            elif self.merges(below, task):
                yield e.EntryConflicted(name, step.tip, (f"{task}.txt",), tuple(names))
            else:
                yield e.EntryConflicted(name, step.tip, (f"{task}.txt",))
        if not names:
            return
        commit = f"commit-{len(self.inside) + 1}"
        tree = "+".join(inside)
        self.inside[commit] = self.trees[tree] = inside
        merges = tuple(f"{commit}-{name}" for name in names) if len(names) > 1 else ()
        yield e.EntryBuilt(names[0], commit, tree, step.tip, tuple(names[1:]), merges)


__all__ = ["QueueWorld"]
