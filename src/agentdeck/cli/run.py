"""`run` and `attach`: a run begins, and somebody sits down in front of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agentdeck.cli.output import in_terminal, note, say
from agentdeck.cli.place import RunArgument, chosen_run, folder_of
from agentdeck.control.runs import RunFolder, fold_run, runs_of
from agentdeck.core.decide import MAX_AGENTS
from agentdeck.core.errors import EXIT_OK, NotFoundError, UsageError
from agentdeck.core.events import Outcome
from agentdeck.core.plan import Plan


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(rich_help_panel="Runs")(run)
    app.command(rich_help_panel="Runs")(attach)


def run(
    context: typer.Context,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")],
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="Give every task to this agent.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="No control room: plain lines, until it ends.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the newest unfinished run of this plan.")
    ] = False,
    agents: Annotated[
        int | None, typer.Option("--agents", metavar="N", help="How many may work at once.")
    ] = None,
    no_attach: Annotated[
        bool, typer.Option("--no-attach", help="Start it in the background and come back.")
    ] = False,
) -> int:
    """Run a plan in this repository."""
    if headless and no_attach:
        raise UsageError("--headless and --no-attach exclude each other", hint="choose one")
    if resume and agents is not None:
        raise UsageError(
            "--resume goes on with the run as it is; --agents is for new runs",
            hint="`agentdeck agents N` changes how many work at once",
        )
    if agents is not None and not 1 <= agents <= MAX_AGENTS:
        raise UsageError(f"--agents must be 1 to {MAX_AGENTS}, not {agents}")
    here = folder_of(context)
    folder = _to_resume(plan, here, agent) if resume else _new_run(plan, here, agent, agents)
    if no_attach:
        return _leave(folder)
    if headless or not in_terminal():
        if not headless:
            note("stdout is no terminal: running as with --headless")
        from agentdeck.cli.headless import run_headless

        return run_headless(folder)
    return open_deck(folder)


def attach(context: typer.Context, name: RunArgument = None) -> int:
    """Open the control room of a run, its engine started if it is gone."""
    folder = chosen_run(context, name)
    if not in_terminal():
        raise UsageError(
            "the control room needs a terminal, and stdout is none",
            hint="`agentdeck status`, or `agentdeck run PLAN --resume --headless`",
        )
    return open_deck(folder)


def open_deck(folder: RunFolder) -> int:
    """The control room over this run, its engine running unless the run has ended."""
    if fold_run(folder).outcome is None:
        from agentdeck.control.start import ensure_engine

        ensure_engine(folder)
    from agentdeck.tui.app import run_deck

    return run_deck(folder)


def _leave(folder: RunFolder) -> int:
    from agentdeck.control.start import ensure_engine

    ensure_engine(folder)
    say(folder.run)
    note(f"`agentdeck attach {folder.run}` opens the control room, `agentdeck status` reports")
    return EXIT_OK


def _new_run(named: Path, here: Path, agent: str | None, agents: int | None) -> RunFolder:
    from agentdeck.cli.planfile import load_plan
    from agentdeck.control.creating import create_run

    plan, text = load_plan(named, here)
    return create_run(here, _changed(plan, agent, agents), text)


def _changed(plan: Plan, agent: str | None, agents: int | None) -> Plan:
    if agent is not None:
        from agentdeck.plans.overrides import with_agent

        plan = with_agent(plan, agent)
    return plan if agents is None else msgspec.structs.replace(plan, agents_limit=agents)


def _to_resume(named: Path, here: Path, agent: str | None) -> RunFolder:
    """The newest unfinished run of a plan, or a complete one that needs nothing more."""
    from agentdeck.cli.planfile import load_plan

    plan, _ = load_plan(named, here)
    mine = [(folder, run) for folder, run in runs_of(here) if run.plan.name == plan.name]
    states = [(folder, fold_run(folder)) for folder, _ in mine]
    unfinished = [(folder, state) for folder, state in states if state.outcome is None]
    complete = [(folder, state) for folder, state in states if state.outcome is Outcome.COMPLETE]
    for folder, state in (unfinished or complete)[:1]:
        if agent is not None and state.plan != _changed(state.plan, agent, None):
            raise UsageError(
                f"run {folder.run} was not started with --agent {agent}",
                hint="leave --agent out to go on with it as it is, or --resume to start a new run",
            )
        return folder
    raise NotFoundError(
        f"plan {plan.name!r} has no unfinished run in this repository",
        hint="leave --resume out to start one",
    )
