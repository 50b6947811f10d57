"""The tracks of a run: what each task did when, read off its events."""

from __future__ import annotations

from itertools import pairwise

from tests.tui.sample_journal import STARTED_AT, Story, middle, middle_plan

from agentdeck.core import events as e
from agentdeck.core.fold import apply
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.plans.reporting.tracks import MAX_STRETCHES, Tracks

S = TaskState


def tracks_of(told: Story) -> Tracks:
    state, tracks = RunState(), Tracks()
    for recorded in told.history:
        apply(state, recorded)
        tracks.take(state, recorded)
    return tracks


def seen(tracks: Tracks, task: str) -> list[tuple[TaskState, int, float, float | None]]:
    return [
        (
            each.state,
            each.attempt,
            each.began_at - STARTED_AT,
            None if each.ended_at is None else each.ended_at - STARTED_AT,
        )
        for each in tracks.of(TaskId(task))
    ]


def test_a_task_that_landed_has_worked_and_stands_still() -> None:
    """What took no time (its checks, its place in the queue) leaves no stretch."""
    assert seen(tracks_of(middle()), "CORE-001") == [(S.WORKING, 1, 5.0, 385.0)]


def test_waiting_in_the_queue_is_a_stretch_of_its_own_and_goes_on() -> None:
    assert [row[0] for row in seen(tracks_of(middle()), "S-5")] == [S.WORKING, S.QUEUED]
    assert seen(tracks_of(middle()), "S-5")[-1][3] is None


def test_a_retry_is_another_piece_with_its_number() -> None:
    found = seen(tracks_of(middle()), "S-4")
    assert [(state, attempt) for state, attempt, *_ in found] == [(S.WORKING, 1), (S.WORKING, 2)]
    assert found[-1][3] is not None


def test_a_pause_and_a_question_end_the_work_before_them() -> None:
    assert [row[0] for row in seen(tracks_of(middle()), "S-9")] == [S.WORKING, S.PAUSED]
    assert [row[0] for row in seen(tracks_of(middle()), "S-3")] == [S.WORKING, S.ASKING]


def test_the_moment_at_which_a_phase_was_closed_is_kept() -> None:
    told = Story(middle_plan())
    told.wait(40)
    told.tell(e.PhaseClosed(PhaseId("foundation")))
    assert tracks_of(told).closed_at == {"foundation": STARTED_AT + 40}


def test_a_task_that_is_paused_for_ever_and_again_stays_small() -> None:
    """The oldest stretches become one, the newest stay as they were."""
    told = Story(middle_plan())
    told.start("CORE-001")
    for _ in range(MAX_STRETCHES):
        told.wait(1)
        told.tell(e.AttemptFrozen(TaskId("CORE-001"), 1, 1))
        told.wait(1)
        told.tell(e.AttemptThawed(TaskId("CORE-001"), 1))
    found = seen(tracks_of(told), "CORE-001")
    assert len(found) == MAX_STRETCHES
    assert found[0][2] == 0.0
    assert all(a[3] == b[2] for a, b in pairwise(found))
