"""`agentdeck skills`: what the agents of a plan can do, and which tasks ask for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunOption, chosen_run, folder_of
from agentdeck.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from agentdeck.core.plan import Plan
    from agentdeck.core.skills import Skill

HEADS: Final = ("SKILL", "AGENTS", "TASKS")
NAMED: Final = 6  # tasks in one row; --json has them all


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Plans")(skills)


def skills(
    context: typer.Context,
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", help="A plan file. Without it: the plan of a run."),
    ] = None,
    run: RunOption = None,
    as_json: JsonOption = False,
) -> int:
    """Every skill of a plan: which agents have it, and which tasks ask for it."""
    from agentdeck.core.skills import registry

    found = _plan(context, plan, run)
    told = registry(found)
    if as_json:
        say_json({"plan": found.name, "skills": told})
        return EXIT_OK
    if not told:
        say("no agent of this plan has skills, and no task asks for one")
        return EXIT_OK
    table(HEADS, [_cells(skill) for skill in told])
    for skill in told:
        if not skill.agents and found.skilled:
            near = f"; did you mean {safe(skill.nearest)}?" if skill.nearest else ""
            note(f"no agent has {safe(skill.name)}: what asks for it would wait for ever{near}")
    if not found.skilled:
        note("no agent of this plan has skills, so these are words for people: any agent will do")
    return EXIT_OK


def _plan(context: typer.Context, named: Path | None, run: str | None) -> Plan:
    from agentdeck.cli.planfile import load_plan
    from agentdeck.control.catalog import equipped
    from agentdeck.control.runs import fold_run

    if named is None:
        return fold_run(chosen_run(context, run)).plan
    if run is not None:
        raise UsageError("a plan and --run exclude each other", hint="leave one of them out")
    return equipped(load_plan(named, folder_of(context))[0])


def _cells(skill: Skill) -> tuple[str, ...]:
    tasks = ", ".join(skill.tasks[:NAMED])
    more = f" and {len(skill.tasks) - NAMED} more" if len(skill.tasks) > NAMED else ""
    return (skill.name, ", ".join(skill.agents) or "-", f"{tasks}{more}" or "-")
