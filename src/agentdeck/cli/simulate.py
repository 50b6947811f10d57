"""`simulate`: a plan played on a virtual clock, in the control room or as plain lines.

Rules: the repository and the state folder are not looked at, so this works anywhere. Virtual
seconds are counted from the start of the run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from agentdeck.cli.output import in_terminal, note, paint_state, safe, say, say_json, wants_plain
from agentdeck.cli.place import AsciiOption, JsonOption, folder_of
from agentdeck.core.decide import MAX_AGENTS
from agentdeck.core.errors import UsageError
from agentdeck.core.explain import needs_person
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.times import TaskTimes

if TYPE_CHECKING:
    from agentdeck.plans.forecast.ring import VirtualRing


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Plans")(simulate)


def simulate(
    context: typer.Context,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")],
    agents: Annotated[
        int | None, typer.Option("--agents", metavar="N", help="How many may work at once.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            metavar="X",
            help="Simulated seconds for each real one. Without it the run takes about a minute.",
        ),
    ] = None,
    strategy: Annotated[
        Strategy | None,
        typer.Option(help="Phases as barriers, or not. Without it: as the plan says."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            metavar="N",
            help="Let chance decide how long things take and what fails; the same N, the same run.",
        ),
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="No control room: plain lines, as fast as can be.")
    ] = False,
    as_json: JsonOption = False,
    ascii_only: AsciiOption = False,
) -> int:
    """Play a plan as it would run, without an agent and without touching anything.

    Every task takes its estimate, unless a seed is given. Keys work as in a real run.
    """
    _check_options(agents, speed)
    from agentdeck.cli.planfile import load_plan
    from agentdeck.control.catalog import equipped

    found, text = load_plan(plan, folder_of(context))
    found = equipped(found)
    play = Play(found, _drawn(found, seed), agents, strategy)
    if as_json:
        return _as_json(play)
    if headless or wants_plain() or not in_terminal():
        if not (headless or in_terminal()):
            note("stdout is no terminal: simulating as with --headless")
        return _headless(play)
    return _in_the_deck(play, text, speed, ascii_only=ascii_only)


class Play(NamedTuple):
    """What is to be played."""

    plan: Plan
    times: dict[TaskId, TaskTimes] | None  # None = the estimates
    agents: int | None  # None = as the plan says
    strategy: Strategy | None

    def ring(self) -> VirtualRing:
        """The run, at its start."""
        from agentdeck.control.simulated import REPORTS
        from agentdeck.plans.forecast.ring import VirtualRing

        # With the reports of the deck: a budget that stops agents half-way does so here as well.
        return VirtualRing(
            self.plan,
            self.times,
            agents_limit=self.agents,
            strategy=self.strategy,
            reports=REPORTS,
        )


def _drawn(plan: Plan, seed: int | None) -> dict[TaskId, TaskTimes] | None:
    if seed is None:
        return None
    from agentdeck.plans.forecast.chance import Chance
    from agentdeck.plans.forecast.durations import Durations

    return Durations(plan).drawn(Chance(seed))


def _check_options(agents: int | None, speed: float | None) -> None:
    from agentdeck.control.simulated import MAX_SPEED, MIN_SPEED

    if agents is not None and not 1 <= agents <= MAX_AGENTS:
        raise UsageError(f"--agents must be 1 to {MAX_AGENTS}, not {agents}")
    if speed is not None and not MIN_SPEED <= speed <= MAX_SPEED:
        raise UsageError(f"--speed must be {MIN_SPEED:g} to {MAX_SPEED:,.0f}, not {speed:g}")


def _in_the_deck(play: Play, text: str, speed: float | None, *, ascii_only: bool) -> int:
    import asyncio

    from agentdeck.control.simulated import SimulatedSource, fitting_speed
    from agentdeck.tui.app import DeckApp, wants_ascii
    from agentdeck.tui.show import show_deck

    if speed is None:
        speed = fitting_speed(last_moment_s(play.ring().run()))
    source = SimulatedSource(
        play.plan,
        play.times,
        text=text,
        speed=speed,
        agents_limit=play.agents,
        strategy=play.strategy,
    )
    try:
        signs = wants_ascii(ascii_only)
        return show_deck(DeckApp(source.folder, source, simulation=source, ascii_only=signs))
    finally:
        asyncio.run(source.close())


def _headless(play: Play) -> int:
    from agentdeck.cli.headless import exit_status
    from agentdeck.cli.progress import line_of
    from agentdeck.core.fold import apply

    ring, told = play.ring(), RunState()
    say(f"simulated run of {safe(play.plan.name)}: nothing is touched; times count from its start")
    while True:
        for recorded in ring.events_after(told.seq):
            apply(told, recorded)
            line = line_of(recorded, told, stamp=elapsed)
            if line is not None:
                say(line)
        at = ring.next_at()
        if at is None:
            break
        ring.advance(at)
    for line in closing_lines(ring):
        say(line)
    return exit_status(ring.state)


def _as_json(play: Play) -> int:
    from agentdeck.cli.headless import exit_status

    ring = play.ring()
    ring.run()
    say_json(as_data(ring))
    return exit_status(ring.state)


def elapsed(seconds: float) -> str:
    """`  1:05:00`, hours, minutes and seconds since the start of the run."""
    whole = round(seconds)
    return f"{whole // 3600:3}:{whole // 60 % 60:02}:{whole % 60:02}"


def last_moment_s(state: RunState) -> float:
    """When the last event was, seconds since the start of the run."""
    return state.at - state.started_at


def as_data(ring: VirtualRing) -> dict[str, Any]:
    """A run that was played, for programs. Times are seconds since its start.

    `makespan_s` is null when the run stands still; `stands_still` says why then.
    """
    state = ring.state
    return {
        "makespan_s": last_moment_s(state) if state.outcome is not None else None,
        "landed": sum(1 for _ in state.in_state(TaskState.LANDED)),
        "stands_still": ring.standstill,
        "tasks": [
            {
                "id": task.id,
                "started_s": task.attempts[0].claimed_at if task.attempts else None,
                "landed_s": task.landed_at,
                "attempts": len(task.attempts),
            }
            for task in state.tasks.values()
        ],
    }


def closing_lines(ring: VirtualRing) -> list[str]:
    """How the run that was played ended, and how long it took."""
    from agentdeck.core.explain import explain, short_duration

    state = ring.state
    landed = sum(1 for _ in state.in_state(TaskState.LANDED))
    done = f"{landed} of {len(state.tasks)} tasks land"
    took = short_duration(last_moment_s(state))
    if state.outcome is not None:
        return [f"{paint_state(str(state.outcome))}: {done} in {took} (simulated)"]
    lines = [f"stands still after {took} (simulated): {done}; {safe(ring.standstill or '')}"]
    return lines + [f"  {safe(explain(state, task.id, state.at))}" for task in needs_person(state)]
