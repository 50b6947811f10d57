"""Several repositories and tasks that land together, as the core decides it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core import groups, lanes, queue, train
from agentdeck.core.decide import Refused, decide
from agentdeck.core.events import Verdict
from agentdeck.core.explain import explain, standstill
from agentdeck.core.fold import apply
from agentdeck.core.ids import EntryId, RepoName, TaskId
from agentdeck.core.lanes import ground, seen
from agentdeck.core.next_steps import next_steps
from agentdeck.core.plan import Plan, Repo
from agentdeck.core.replan import PlanChange
from agentdeck.core.replan_rules import refusals
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import BuildEntry, LandEntry, LandGroup, Record, RunGate
from agentdeck.testing.builders import gate, plan

API, WEB = RepoName("api"), RepoName("web")
A, B, C = TaskId("A"), TaskId("B"), TaskId("C")


def two_repos(*tasks: str, together: tuple[str, ...] = ("A", "B"), **where: str) -> Plan:
    """Tasks, each in a repository by keyword, of which some land together."""
    made = plan(*tasks, gates=(gate("unit"),))
    bound = []
    for task in made.tasks:
        repo = RepoName(where[task.id]) if task.id in where else None
        mates = tuple(TaskId(t) for t in together if t != task.id)
        bound.append(
            msgspec.structs.replace(task, repo=repo, land_with=mates if task.id in together else ())
        )
    names = dict.fromkeys(where.values())
    repos = tuple(Repo(RepoName(name), f"../{name}") for name in names)
    return msgspec.structs.replace(made, tasks=tuple(bound), repos=repos)


class Run:
    """A run whose entries come and whose gates end as a test says."""

    def __init__(self, of: Plan) -> None:
        self.state = RunState()
        self.tell(
            e.RunStarted(
                "r",  # type: ignore[arg-type]
                of,
                "/own/.git",
                "main",
                "own0",
                "own0-tree",
                "deck/p",
                repos=tuple(
                    e.RepoStarted(
                        repo.name,
                        f"/{repo.name}/.git",
                        f"/{repo.name}",
                        "main",
                        f"{repo.name}0",
                        f"{repo.name}0-tree",
                        "deck/p",
                    )
                    for repo in of.repos
                ),
            )
        )

    def tell(self, *events: e.AnyEvent) -> None:
        for event in events:
            apply(self.state, e.Recorded(self.state.seq + 1, self.state.seq * 1.0, event))

    def queued(self, *names: str) -> None:
        """Proven work of these tasks is in the queue."""
        for name in names:
            task = TaskId(name)
            for event in (
                e.AttemptClaimed(task, 1, "claude", None, None, True),  # type: ignore[arg-type]
                e.WorktreePrepared(task, 1, f"/w/{name}", f"deck/{name}", "base"),
            ):
                self.tell(event)
            self.state.tasks[task].state = TaskState.PROPOSED
            entry = e.EntryQueued(EntryId(name), e.EntryKind.TASK, f"{name}.1", task, 1)
            self.tell(msgspec.structs.replace(entry, repo=self.state.plan.repo_of(task)))

    def steps(self) -> list[object]:
        """What the queues want now."""
        return list(queue.next_steps(self.state, self.state.at))

    def go(self, red: tuple[str, ...] = ()) -> list[Any]:
        """Build, gate and decide until only landings are left; what was decided.

        Args:
            red: tasks whose merge is red by the gate.
        """
        decided: list[Any] = []
        for _ in range(50):
            steps = self.steps()
            work = next((s for s in steps if isinstance(s, BuildEntry | RunGate | Record)), None)
            if work is None:
                return decided
            if isinstance(work, Record):
                decided += work.events
                self.tell(*(x for x in work.events if not isinstance(x, e.TaskFailed)))
                if any(isinstance(x, e.EntryEjected) for x in work.events):
                    return decided
            elif isinstance(work, BuildEntry):
                names = "&".join((work.entry, *work.others))
                built = (f"{work.tip}+{names}", f"{work.tip}+{names}-tree", work.tip, work.others)
                self.tell(e.EntryBuilt(work.entry, *built))
            else:
                verdict = Verdict.FAILED if any(n in work.tree for n in red) else Verdict.PASSED
                told = (work.gate, work.when, work.tree, work.commit, work.run, verdict)
                self.tell(e.GateFinished(*told, 0, 1.0, "gates/x"))
        raise AssertionError("it never ends")

    def why(self, name: str) -> str:
        return explain(self.state, TaskId(name), self.state.at)


def test_each_repository_has_a_queue_and_a_tip_of_its_own() -> None:
    """What lands in one moves the tip of no other, and both are at work at once."""
    run = Run(two_repos("A", "B", together=(), B="web"))
    run.queued("A", "B")
    builds = [step for step in run.steps() if isinstance(step, BuildEntry)]
    assert [(step.entry, step.tip) for step in builds] == [("A", "own0"), ("B", "web0")]
    run.go()
    lands = [step for step in run.steps() if isinstance(step, LandEntry)]
    assert [(step.entry, step.expected) for step in lands] == [("A", "own0"), ("B", "web0")]
    run.tell(e.EntryLanded(EntryId("B"), "web0+B", "web0+B-tree", B))
    assert (run.state.tip, ground(run.state, WEB).tip) == ("own0", "web0+B")
    assert [one.entry for one in seen(run.state, WEB).landed_here] == ["B"]
    assert run.state.landed_here == []


def test_a_group_lands_by_one_event_that_names_all_targets() -> None:
    run = Run(two_repos("A", "B", B="web"))
    run.queued("A", "B")
    decided = run.go()
    assert decided == [
        e.GroupIntended(
            (
                e.TargetMove(RepoName(""), EntryId("A"), "own0+A", "own0"),
                e.TargetMove(WEB, EntryId("B"), "web0+B", "web0"),
            )
        )
    ]
    assert [step for step in run.steps() if isinstance(step, LandEntry | LandGroup)] == [
        LandGroup(decided[0].moves)
    ]


def test_a_group_waits_until_all_of_it_is_queued_and_others_go_past() -> None:
    run = Run(two_repos("A", "B", "C", B="web"))
    run.queued("A", "C")
    assert [s.entry for s in run.steps() if isinstance(s, BuildEntry)] == ["C"]
    assert run.why("A") == "A waits to land together with B, which is ready"
    assert groups.waits_in_queue(run.state, run.state.tasks[A])


def test_one_side_red_and_nothing_is_intended() -> None:
    """The red side goes back to its task; the other keeps its place, its build and its verdict."""
    run = Run(two_repos("A", "B", B="web"))
    run.queued("A", "B")
    decided = run.go(red=("B",))
    assert [type(event) for event in decided][:1] == [e.EntryEjected]
    assert not any(isinstance(event, e.GroupIntended) for event in decided)
    assert list(run.state.queue) == ["A"]
    assert run.state.queue[EntryId("A")].intended is None
    assert run.go() == []
    assert "A waits to land together with B" in run.why("A")


def test_a_held_member_holds_its_group() -> None:
    run = Run(two_repos("A", "B", B="web"))
    run.queued("A", "B")
    run.tell(e.TaskHeld(B, "you"))
    assert run.go() == []
    assert run.why("A") == "A waits to land together with B, which is held by you"
    assert standstill(run.state) is not None


def test_two_groups_cannot_wait_for_each_other() -> None:
    """Priorities say A before C in one repository and D before B in the other: the groups keep one
    order in both.
    """
    of = two_repos("A", "B", "C", "D", together=("A", "B"), B="web", D="web")
    tasks = {task.id: task for task in of.tasks}
    tasks[C] = msgspec.structs.replace(tasks[C], land_with=(TaskId("D"),))
    tasks[A] = msgspec.structs.replace(tasks[A], priority=1)
    tasks[TaskId("D")] = msgspec.structs.replace(tasks[TaskId("D")], priority=5)
    run = Run(msgspec.structs.replace(of, tasks=tuple(tasks.values())))
    run.queued("A", "B", "C", "D")
    orders = [[one.id for one in queue.in_order(lane)] for lane in lanes.lanes(run.state)]
    assert orders == [["C", "A"], ["D", "B"]]
    decided = run.go()
    assert isinstance(decided[0], e.GroupIntended)
    assert [move.entry for move in decided[0].moves] == ["C", "D"]


def test_a_group_in_one_repository_is_one_batch_that_is_not_split() -> None:
    run = Run(two_repos("A", "B", "C"))
    run.queued("C", "A", "B")
    builds = [step for step in run.steps() if isinstance(step, BuildEntry)]
    assert [(step.entry, step.others) for step in builds] == [("C", ())]
    run.go()
    run.tell(e.EntryLanded(EntryId("C"), "own0+C", "own0+C-tree", C))
    decided = run.go(red=("A",))
    assert [event.entry for event in decided if isinstance(event, e.EntryEjected)] == ["A", "B"]
    assert not any(isinstance(event, e.BatchSplit) for event in decided)


def test_the_side_that_was_moved_is_built_again_and_the_other_is_not_gated_again() -> None:
    run = Run(two_repos("A", "B", B="web"))
    run.queued("A", "B")
    run.go()
    run.tell(e.LandingLost(EntryId("B"), "theirs", "theirs-tree", "web0+B", (RepoName(""),)))
    assert ground(run.state, WEB).tip == "theirs"
    entries = run.state.queue
    assert (entries[EntryId("A")].intended, entries[EntryId("B")].build) == (None, None)
    assert entries[EntryId("A")].build is not None
    builds = [s for s in run.steps() if isinstance(s, BuildEntry)]
    assert [(step.entry, step.tip) for step in builds] == [("B", "theirs")]
    decided = run.go()
    assert isinstance(decided[-1], e.GroupIntended)


def test_a_side_that_stays_lets_the_other_follow_by_itself() -> None:
    """Somebody has gone on from A's target: A is in, and B comes when it is green on its own."""
    run = Run(two_repos("A", "B", B="web"))
    run.queued("A", "B")
    run.go()
    run.tell(
        e.EntryLanded(EntryId("A"), "own0+A", "own0+A-tree", A),
        e.LandingLost(EntryId("B"), "theirs", "theirs-tree", "web0+B"),
    )
    decided = run.go()
    assert decided == [e.LandingIntended(EntryId("B"), "theirs+B", "theirs")]


def test_a_blocked_group_is_told_of_both_and_tried_again_later() -> None:
    run = Run(two_repos("A", "B", B="web"))
    run.queued("A", "B")
    run.go()
    run.tell(e.LandingBlocked(EntryId("B"), "deck/p of web is checked out", 1e9))
    assert not any(isinstance(s, LandGroup) for s in queue.next_steps(run.state, 1e9 - 1))
    assert any(isinstance(s, LandGroup) for s in queue.next_steps(run.state, 1e9))
    for name in "AB":
        assert run.why(name) == f"{name} waits to land: deck/p of web is checked out"


# --- taking back ---------------------------------------------------------------------------------


def landed_run(*tasks: str, **where: str) -> Run:
    """Of `A` and `B`, which landed together, and of others that landed after them."""
    run = Run(two_repos("A", "B", *tasks, together=("A", "B"), **where))
    run.queued("A", "B")
    run.go()
    lands_all(run)
    for name in tasks:
        run.queued(name.partition("<")[0])
        run.go()
        lands_all(run)
    return run


def lands_all(run: Run) -> None:
    """Everything that is landing is in."""
    for lane in lanes.lanes(run.state):
        builds = [
            one.build for one in lane.queue.values() if one.intended and one.repo == lane.lane
        ]
        for build in dict.fromkeys(build for build in builds if build is not None):
            run.tell(*train.landed(run.state, build))


@pytest.mark.parametrize("where", [{"B": "web"}, {}])
def test_what_landed_together_is_taken_back_together(where: dict[str, str]) -> None:
    """From either side, in one event for all targets, or in one commit of the one target."""
    for name in (A, B):
        run = landed_run(**where)
        run.tell(*decide(run.state, c.Revert(name, with_dependents=True)))
        [intended] = run.go()
        moves = intended.moves if isinstance(intended, e.GroupIntended) else [intended]
        assert {entry for m in moves for entry in (m.entry, *m.others)} == {"revert@A", "revert@B"}
        lands_all(run)
        assert [run.state.tasks[each].state for each in (A, B)] == [TaskState.CANCELLED] * 2


@pytest.mark.parametrize("where", [{"B": "web"}, {}])
@pytest.mark.parametrize("red", ["revert@A", "revert@B"])
def test_where_one_side_cannot_be_taken_back_none_is(where: dict[str, str], red: str) -> None:
    run = landed_run(**where)
    tips = [lane.tip for lane in lanes.lanes(run.state)]
    run.tell(*decide(run.state, c.Revert(A, with_dependents=True)))
    decided = run.go(red=(red,))
    assert not any(isinstance(x, e.GroupIntended | e.LandingIntended) for x in decided)
    assert {x.entry for x in decided if isinstance(x, e.EntryEjected)} == {"revert@A", "revert@B"}
    assert run.state.queue == {}
    assert [lane.tip for lane in lanes.lanes(run.state)] == tips
    assert all(run.state.tasks[each].state is TaskState.LANDED for each in (A, B))
    assert all("its revert did not land" in run.why(each) for each in "AB")
    assert any("is to go together with the revert of" in run.why(each) for each in "AB")


def test_reverts_of_what_was_built_on_a_group_land_before_it() -> None:
    run = landed_run("C<B", B="web")
    run.tell(*decide(run.state, c.Revert(A, with_dependents=True)))
    [first] = run.go()
    assert (first.entry, isinstance(first, e.LandingIntended)) == ("revert@C", True)
    lands_all(run)
    [second] = run.go()
    assert isinstance(second, e.GroupIntended)


def test_before_one_side_is_taken_back_it_is_said_which_other_side_stays() -> None:
    run = landed_run(B="web")
    with pytest.raises(Refused) as refused:
        decide(run.state, c.Revert(A))
    assert refused.value.message == (
        "A is one side of what landed: B (in web) landed together with it"
    )
    assert refused.value.hint == (
        "take them back together, all or none (--with-dependents), or A alone (--only);"
        " then B (in web) stays landed"
    )
    run.tell(*decide(run.state, c.Revert(A, only=True)))
    [intended] = run.go()
    assert (type(intended), intended.entry) == (e.LandingIntended, "revert@A")
    lands_all(run)
    assert [run.state.tasks[each].state for each in (A, B)] == [
        TaskState.CANCELLED,
        TaskState.LANDED,
    ]


def test_nobody_of_a_group_is_moved_by_itself() -> None:
    run = Run(two_repos("A", "B", "C", B="web"))
    run.queued("A", "B", "C")
    with pytest.raises(Refused, match="A lands together with B, so they have one place"):
        decide(run.state, c.Move(A, c.Place.DOWN))
    with pytest.raises(Refused, match="nobody is put beside it"):
        decide(run.state, c.Move(C, c.Place.BEFORE, A))
    with pytest.raises(Refused, match="queue of another repository"):
        decide(run.state, c.Move(C, c.Place.BEFORE, B))


def test_the_same_path_in_two_repositories_is_no_conflict() -> None:
    """Both start; in one repository the second waits for the first."""
    apart = Run(two_repos("A src/x.py", "B src/x.py", together=(), B="web"))
    same = Run(two_repos("A src/x.py", "B src/x.py", together=(), A="web", B="web"))
    for run, count in ((apart, 2), (same, 1)):
        found = next_steps(run.state, 0.0).steps
        claims = [x for s in found if isinstance(s, Record) for x in s.events]
        assert sum(isinstance(event, e.AttemptClaimed) for event in claims) == count


def test_a_gate_of_one_repository_judges_no_other() -> None:
    of = two_repos("A", "B", together=(), B="web")
    only = msgspec.structs.replace(of.gates[0], repos=("web",))
    run = Run(msgspec.structs.replace(of, gates=(only,)))
    run.queued("A", "B")
    for step in run.steps():
        assert isinstance(step, BuildEntry)
        run.tell(e.EntryBuilt(step.entry, f"{step.entry}!", f"{step.entry}-tree", step.tip))
    found = run.steps()
    assert [type(step) for step in found] == [Record, RunGate]
    assert isinstance(found[1], RunGate)
    assert (found[1].tree, found[1].repo) == ("B-tree", "web")


def test_who_lands_together_is_fixed_while_the_run_goes_on() -> None:
    run = Run(two_repos("A", "B", "C", B="web"))
    loose = msgspec.structs.replace(run.state.spec(A), land_with=())
    partner = msgspec.structs.replace(run.state.spec(B), land_with=())
    found = refusals(run.state, PlanChange(put=(loose, partner)))
    assert found == ["A: which tasks land together is fixed while the run goes on"]
    bound = msgspec.structs.replace(run.state.spec(A), after=(B,))
    assert any(
        "neither can ever land" in said for said in refusals(run.state, PlanChange((bound,)))
    )
    nowhere = msgspec.structs.replace(run.state.spec(C), repo=RepoName("ios"))
    assert refusals(run.state, PlanChange(put=(nowhere,))) == ["C: there is no repository ios"]


def test_each_repository_is_promoted_by_itself() -> None:
    run = Run(two_repos("A", "B", together=(), B="web"))
    run.queued("A", "B")
    run.go()
    run.tell(e.EntryLanded(EntryId("B"), "web0+B", "web0+B-tree", B))
    run.tell(*decide(run.state, c.Promote()))
    assert (run.state.promote_wanted, ground(run.state, WEB).promote_wanted) == (False, True)
    run.tell(e.PromoteWaiting("x.py has local changes", WEB))
    assert ground(run.state, WEB).promote_reason == "x.py has local changes"
    run.tell(e.Promoted("web0+B", "ref", WEB))
    assert lanes.unpromoted(run.state) == []


def test_a_group_that_is_foreseen_to_collide_inside_still_goes_as_a_whole() -> None:
    """Only git can say whether it merges: a forecast never keeps a group, or others, waiting."""
    run = Run(two_repos("A", "B", "C"))
    run.queued("A", "B", "C")
    run.tell(e.CollisionsForeseen((e.Foreseen(A, B, ("x",)), e.Foreseen(A, C, ("x",)))))
    builds = [step for step in run.steps() if isinstance(step, BuildEntry)]
    assert [(step.entry, step.others) for step in builds] in ([("A", ("B",))], [("C", ())])
    assert sorted(x.id for x in queue.in_order(run.state)) == ["A", "B", "C"]


def test_a_group_that_waits_for_a_frozen_queue_does_not_hide_that_the_run_stands_still() -> None:
    """A is green and first; B stands behind X, which is red on a target that is red by itself."""
    of = two_repos("A", "B", "X", B="web", X="web")
    tasks = tuple(
        msgspec.structs.replace(task, priority=5) if task.id == "X" else task for task in of.tasks
    )
    run = Run(msgspec.structs.replace(of, tasks=tasks))
    run.queued("A", "B", "X")
    run.go(red=("X", "web0-tree"))
    assert "A is green and waits to land together with B" in run.why("A")
    assert standstill(run.state) == "gate unit is red on deck/p of web"
