"""Journals in which the merge queue is full of life: batches, slots, holds, conflicts, flakes."""

from __future__ import annotations

from tests.tui.sample_journal import Story, object_id, task

from agentdeck.core import events as e
from agentdeck.core.events import Verdict
from agentdeck.core.ids import EntryId, GateName, TaskId
from agentdeck.core.plan import Gate, GateWhen, Plan, QueueRules

TITLES = (
    "Dead letter queue for webhooks that fail three times",
    "Signature check",
    "Rate limits per customer",
    "Replay of old deliveries",
    "Metrics of the outbound worker",
    "A page that shows the last hundred deliveries",
    "Back-off with jitter",
    "Docs",
)
GATES = (
    Gate(GateName("unit"), ("pytest", "-q"), (GateWhen.MERGE,), retries=1),
    Gate(GateName("lint"), ("ruff", "check"), (GateWhen.MERGE,)),
    Gate(GateName("e2e"), ("make", "e2e"), (GateWhen.MERGE,)),
)
SECONDS = {"unit": 38.0, "lint": 4.0, "e2e": 95.0}


class QueueStory(Story):
    """A run whose tasks reach the queue at once."""

    def __init__(self, count: int, *, slots: int = 2, titles: tuple[str, ...] = TITLES) -> None:
        tasks = [task(f"Q-{n}", titles[n % len(titles)]) for n in range(1, count + 1)]
        rules = QueueRules(batch=2, slots=slots)
        super().__init__(Plan(name="webhooks", tasks=tuple(tasks), gates=GATES, queue=rules))

    def propose(self, task: str) -> None:
        attempt = self.state.tasks[TaskId(task)].attempts[-1]
        assert attempt.collected is not None
        self.tell(e.TaskProposed(TaskId(task), attempt.number, attempt.collected.head))

    def queue(self, task: str) -> None:
        attempt = self.state.tasks[TaskId(task)].attempts[-1]
        assert attempt.collected is not None
        head = attempt.collected.head
        entry = EntryId(task)  # as the engine names it
        self.tell(e.EntryQueued(entry, e.EntryKind.TASK, head, TaskId(task), attempt.number))

    def enters(self, *tasks: str) -> None:
        for name in tasks:
            self.start(name)
            self.end(name)
            self.propose(name)
            self.queue(name)

    def makes(self, *tasks: str, tip: str) -> str:
        """The car of these tasks on top of a commit; its commit."""
        lead, *others = (EntryId(name) for name in tasks)
        commit = object_id("car " + " ".join(tasks))
        merges = tuple(object_id("merge " + name) for name in tasks) if others else ()
        tree = object_id("tree of " + commit)
        self.tell(e.EntryBuilt(lead, commit, tree, tip, tuple(others), merges))
        return commit

    def gated(self, commit: str, *gates: str, verdict: Verdict = Verdict.PASSED) -> None:
        """Gates run one after the other, each as long as it usually does."""
        tree = object_id("tree of " + commit)
        for gate in gates:
            self.wait(SECONDS[gate])
            run = self.state.next_gate_run(GateName(gate), tree)
            code = 0 if verdict is Verdict.PASSED else 1
            self.tell(
                e.GateFinished(
                    GateName(gate), GateWhen.MERGE, tree, commit, run, verdict, code,
                    SECONDS[gate] + run / 4, f"gates/{gate}",
                )
            )  # fmt: skip

    def lands(self, *tasks: str, commit: str) -> None:
        lead, *others = (EntryId(name) for name in tasks)
        self.tell(e.LandingIntended(lead, commit, self.tip, tuple(others)))
        tree = object_id("tree of " + commit)
        for name in tasks:
            self.tell(e.EntryLanded(EntryId(name), commit, tree, TaskId(name)))
        self.tip = commit


def train_under_way() -> QueueStory:
    """Two cars at their gates, one entry held, one that does not merge behind others, two more."""
    told = QueueStory(10)
    told.wait(60)
    told.enters("Q-1", "Q-2")
    first = told.makes("Q-1", "Q-2", tip=told.tip)
    told.gated(first, "unit", verdict=Verdict.FAILED)
    told.gated(first, "unit", "lint", "e2e")
    told.lands("Q-1", "Q-2", commit=first)
    told.wait(120)
    told.enters("Q-3", "Q-4", "Q-5", "Q-6", "Q-7", "Q-8", "Q-9", "Q-10")
    second = told.makes("Q-3", "Q-4", tip=told.tip)
    third = told.makes("Q-5", "Q-6", tip=second)
    told.tell(e.EntryConflicted(EntryId("Q-8"), second, ("src/deliveries.py",), (EntryId("Q-5"),)))
    told.gated(second, "unit", "lint")
    told.gated(third, "unit")
    told.wait(2)
    told.tell(e.TaskHeld(TaskId("Q-7"), "you"))
    return told


def one_waits() -> QueueStory:
    """A single entry, whose first gate was never green here."""
    told = QueueStory(1, slots=1)
    told.enters("Q-1")
    told.makes("Q-1", tip=told.tip)
    told.wait(12)
    told.tell(e.AgentsLimitSet(2, "you"))
    return told


def crowd(count: int = 200) -> QueueStory:
    """Very many entries, with long names."""
    told = QueueStory(count, slots=4, titles=("An uncommonly long title " * 4, *TITLES))
    told.enters(*(f"Q-{n}" for n in range(1, count + 1)))
    told.makes("Q-1", "Q-2", tip=told.tip)
    told.wait(9)
    told.tell(e.AgentsLimitSet(2, "you"))
    return told
