"""`run` and `attach`: a run begins, and somebody sits down in front of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from agentdeck.cli.output import in_terminal, note, safe, say
from agentdeck.cli.place import AsciiOption, PlainOption, RunArgument, chosen_run, folder_of
from agentdeck.cli.pricing import PricesOption, chosen_prices
from agentdeck.cli.room import attach_to, open_deck
from agentdeck.control.runs import RunFolder, fold_sound, runs_of
from agentdeck.core.decide import MAX_AGENTS
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, NotFoundError, UsageError
from agentdeck.core.events import Outcome
from agentdeck.core.plan import Plan
from agentdeck.core.prices import Prices
from agentdeck.core.state import RunState

if TYPE_CHECKING:
    from agentdeck.control.catalog import Catalog

MAX_SPEED: Final = 1_000_000  # beyond it a year is half a minute


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(rich_help_panel="Runs")(run)
    app.command(rich_help_panel="Runs")(attach)


def run(
    context: typer.Context,
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", help="A plan file. Not needed with --resume."),
    ] = None,
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
    speed: Annotated[
        float | None,
        typer.Option("--speed", metavar="N", help="Scripted agents take an Nth of the estimates."),
    ] = None,
    prices: PricesOption = None,
    write_back: Annotated[
        bool,
        typer.Option("--write-back", help="Keep the document true that the plan is made of."),
    ] = False,
    no_attach: Annotated[
        bool, typer.Option("--no-attach", help="Start it in the background and come back.")
    ] = False,
    plain: PlainOption = False,
    ascii_only: AsciiOption = False,
) -> int:
    """Run a plan in this repository."""
    if headless and no_attach:
        raise UsageError("--headless and --no-attach exclude each other", hint="choose one")
    if plain and (headless or no_attach):
        other = "--headless" if headless else "--no-attach"
        raise UsageError(f"{other} and --plain exclude each other", hint="choose one")
    if resume and agents is not None:
        raise UsageError(
            "--resume goes on with the run as it is; --agents is for new runs",
            hint="`agentdeck limit N` changes how many work at once",
        )
    if resume and speed is not None:
        raise UsageError(
            "--resume goes on with the run as it is; --speed is for new runs",
            hint="leave one of them out",
        )
    if resume and write_back:
        raise UsageError(
            "--resume goes on with the run as it is; --write-back is for new runs",
            hint="leave one of them out",
        )
    if resume and prices is not None:
        raise UsageError(
            "--resume goes on with the run as it is; --prices is for new runs",
            hint="leave one of them out",
        )
    if agents is not None and not 1 <= agents <= MAX_AGENTS:
        raise UsageError(f"--agents must be 1 to {MAX_AGENTS}, not {agents}")
    here = folder_of(context)
    if resume:
        folder = _to_resume(plan, here, agent)
    elif plan is None:
        raise UsageError(
            "which plan?",
            hint="`agentdeck run PLAN`; `agentdeck run --resume` goes on with an unfinished run",
        )
    else:
        table = chosen_prices(here, prices)
        folder = _new_run(plan, here, agent, agents, speed, table, write_back=write_back)
    _say_what_is_not_sent(folder)
    if no_attach:
        return _leave(folder)
    if headless or not (plain or in_terminal()):
        if not headless:
            note("stdout is no terminal: running as with --headless")
        from agentdeck.cli.headless import run_headless

        return run_headless(folder)
    return open_deck(folder, here, plain=plain, ascii_only=ascii_only)


def attach(
    context: typer.Context,
    name: RunArgument = None,
    plain: PlainOption = False,
    ascii_only: AsciiOption = False,
) -> int:
    """Open the control room of a run, its engine started if it is gone."""
    folder, here = chosen_run(context, name), folder_of(context)
    return attach_to(folder, here, plain=plain, ascii_only=ascii_only)


def _say_what_is_not_sent(folder: RunFolder) -> None:
    """A word on hooks that can tell nobody here: nothing of them is sent, and the run goes on."""
    from agentdeck.control.hook_report import voiceless

    for missing in voiceless(os.environ, fold_sound(folder)[0].plan):
        note(safe(missing))


def _leave(folder: RunFolder) -> int:
    from agentdeck.control.start import ensure_engine

    ensure_engine(folder)
    say(folder.run)
    note(f"`agentdeck attach {folder.run}` opens the control room, `agentdeck status` reports")
    return EXIT_OK


def _new_run(
    named: Path,
    here: Path,
    agent: str | None,
    agents: int | None,
    speed: float | None,
    prices: Prices,
    *,
    write_back: bool,
) -> RunFolder:
    from agentdeck.cli.planfile import load_plan
    from agentdeck.control.catalog import load_catalog
    from agentdeck.control.creating import create_run

    plan, text = load_plan(named, here)
    plan = changed(plan, agent, agents, speed)
    if write_back or plan.source is not None:
        plan = _with_source(plan, named, here)
    catalog = load_catalog()
    _look_for_agents(plan, catalog, named)
    folder = create_run(here, plan, text, catalog=catalog, prices=prices)
    if plan.keep is not None and plan.keep.archive:
        from agentdeck.control.discovery import checkout_dir
        from agentdeck.control.kept_files import briefs_in, remember_briefs

        remember_briefs(folder, briefs_in(text, here / named, checkout_dir(here) or here))
    return folder


def _look_for_agents(plan: Plan, catalog: Catalog, named: Path) -> None:
    """Refuse a run whose agents are not installed: every attempt of them would fail.

    A plan's own command may come with the worktree, so for that there is only a word.

    Raises:
        EnvironmentFault: a program is missing.
    """
    from agentdeck.control.agent_health import missing_in, program_of
    from agentdeck.plans.equipping import equip

    missing = missing_in(equip(plan, catalog.adapters))
    for agent in missing:
        if agent.adapter is None:
            note(f"agent {agent.name}: the program {safe(program_of(agent))} was not found")
    known = [agent for agent in missing if agent.adapter is not None]
    if known:
        listed = ", ".join(f"{agent.name} ({program_of(agent)})" for agent in known)
        install = next((agent.adapter.install for agent in known if agent.adapter), "")
        raise EnvironmentFault(
            f"agents of this plan are not installed: {listed}",
            hint=f"{install or 'install them'}; or try `--agent scripted`;"
            f" `agentdeck doctor {named}` looks at everything",
        )


def _with_source(plan: Plan, named: Path, here: Path) -> Plan:
    """The plan with its source document as a run keeps it: below the checkout's top folder."""
    from agentdeck.cli.planfile import read_text
    from agentdeck.control.discovery import checkout_dir
    from agentdeck.control.write_back import source_in
    from agentdeck.plans.imports.detect import is_own

    checkout = checkout_dir(here)
    if checkout is None:
        return plan  # `create_run` says that there is no repository
    document = here / named
    if plan.source is not None:
        document = document.parent / plan.source
    elif is_own(str(named), read_text(document, named)):
        raise UsageError(
            f"{named} is a plan file; --write-back is for the document that a plan comes from",
            hint='name the document, or say `source = "FILE"` in [plan]',
        )
    return msgspec.structs.replace(plan, source=source_in(checkout, document, plan))


def changed(plan: Plan, agent: str | None, agents: int | None, speed: float | None) -> Plan:
    """The plan as the options of `run` make it. Raises UsageError."""
    from agentdeck.control.catalog import load_catalog
    from agentdeck.plans.overrides import at_speed, with_agent

    if speed is not None and not 0 < speed <= MAX_SPEED:
        raise UsageError(f"--speed must be above 0 and at most {MAX_SPEED:,}, not {speed:g}")
    if agent is not None:
        plan = with_agent(plan, agent, load_catalog().names)
    if speed is not None:
        plan = at_speed(plan, speed)
    return plan if agents is None else msgspec.structs.replace(plan, agents_limit=agents)


def _to_resume(named: Path | None, here: Path, agent: str | None) -> RunFolder:
    """The newest unfinished run of a plan or of all, or a complete one that needs nothing more."""
    from agentdeck.cli.planfile import load_plan

    plan = None if named is None else load_plan(named, here)[0]
    complete: tuple[RunFolder, RunState] | None = None
    for folder, run in runs_of(here):
        if plan is not None and run.plan.name != plan.name:
            continue
        state = fold_sound(folder)[0]
        if state.outcome is None:
            return _as_started(folder, state, agent)
        if state.outcome is Outcome.COMPLETE and complete is None:
            complete = folder, state
    if complete is not None:
        return _as_started(*complete, agent)
    whose = "there is" if plan is None else f"plan {plan.name!r} has"
    raise NotFoundError(
        f"{whose} no unfinished run in this repository",
        hint="leave --resume out to start one",
    )


def _as_started(folder: RunFolder, state: RunState, agent: str | None) -> RunFolder:
    """The run, unless it was started with another agent than is said now. Raises UsageError."""
    if agent is not None and state.plan != changed(state.plan, agent, None, None):
        raise UsageError(
            f"run {folder.run} was not started with --agent {agent}",
            hint="leave --agent out to go on with it as it is, or --resume to start a new run",
        )
    return folder
