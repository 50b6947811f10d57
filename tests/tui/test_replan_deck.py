"""The deck while the plan of its run changes: tasks appear and disappear on a live screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.core.events import PlanChanged, Recorded
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase
from agentdeck.core.replan import PlanChange
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock
from agentdeck.tui.snapshot import FixedSource
from agentdeck.tui.widgets.plan_pane import PlanGraph

P1, P2 = PhaseId("p1"), PhaseId("p2")
GONE, NEW = TaskId("C"), TaskId("NEW")


def run() -> Run:
    """A is at work; B and C wait for it."""
    tasks = (task("A", phase=P1), task("B<A", phase=P1), task("C<A", phase=P2))
    of = plan(*tasks, phases=(Phase(P1), Phase(P2)))
    return run_until(started(of), reached("A", TaskState.WORKING))


def deck_of(run: Run, tmp_path: Path) -> DeckApp:
    folder = RunFolder(tmp_path / "run-1")
    return DeckApp(folder, FixedSource(), clock=Clock(run.clock.now), preload=run.history)


def change(app: DeckApp, run: Run) -> None:
    """C is dropped with its phase, and another task comes."""
    what = PlanChange(put=(task("NEW<A", phase=P1),), dropped=(GONE,), phases=(Phase(P1),))
    event = PlanChanged(what, 1, "you")
    app.model.take([Recorded(len(run.history) + 1, run.clock.now, event)])


@pytest.mark.parametrize("view", ["graph", "outline"])
async def test_tasks_appear_and_disappear_on_the_screen(view: str, tmp_path: Path) -> None:
    """Also the selected one: the deck chooses another, and every pane and key still works."""
    before = run()
    app = deck_of(before, tmp_path)
    async with app.run_test(size=(150, 40)) as pilot:
        await pilot.pause()
        if view == "outline":
            app.press("view.plan")
        app.room.select(GONE)
        await pilot.pause()
        change(app, before)
        # A repaint before the next look at the model meets rows of a task that is gone.
        for widget in app.screen.query("*"):
            widget.refresh(layout=True)
        await pilot.pause()
        for key in ("left", "right", "down", "enter", "up"):
            await pilot.press(key)
        app.draw()
        await pilot.pause()
        assert app.room.selected in app.model.state.tasks
        shown = list(app.model.state.tasks)
        assert shown == ["A", "B", "NEW"]
        if view == "graph":
            assert set(app.room.query_one(PlanGraph).drawn.nodes) == set(shown)
        for pane in ("task", "agents", "queue", "plan"):
            app.room.go_to(pane)
            await pilot.pause()
        app.room.select(NEW)
        app.draw()
        await pilot.pause()
        assert app.is_running
        text = app.export_screenshot()
        assert "NEW" in text
