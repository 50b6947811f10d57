"""`agentdeck hooks`: what is told of the events of a run, and telling what was not.

Rules: where an engine runs it tells the hooks; `deliver` is for runs that have none any more, and
`try` for plans that have not begun.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from agentdeck.cli.ahead import clock
from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunArgument, chosen_run, folder_of
from agentdeck.control.runs import fold_run, summary_of
from agentdeck.core.errors import EXIT_FAILED, EXIT_OK, RefusedError
from agentdeck.core.hooks import is_waiting
from agentdeck.core.words import first_line

if TYPE_CHECKING:
    from agentdeck.control.hook_report import HookLine

HEADS: Final = ("HOOK", "KIND", "EVENTS", "PENDING", "TAKEN", "NEXT TRY", "FAILED")
NAMED: Final = 2  # events of a hook in the table; a notice has a dozen, and --json has all
_HELP: Final = ("--help", "-h")


class _RunOrVerb(TyperGroup):
    """`hooks RUN` lists as `hooks list RUN` does: a verb is what is called so."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the verb in where it is left out."""
        named = bool(args) and (args[0] in self.commands or args[0] in _HELP)
        return super().parse_args(ctx, args if named else ["list", *args])


app = typer.Typer(name="hooks", help="What is told of events.", cls=_RunOrVerb)


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    app.command(name="list")(show)
    app.command(name="deliver")(deliver)
    app.command(name="try")(try_)
    main.add_typer(app, rich_help_panel="Look")


def show(context: typer.Context, run: RunArgument = None, as_json: JsonOption = False) -> int:
    """The hooks of a run: what they still wait for, what they took last, what failed."""
    from agentdeck.control.hook_report import hook_lines

    folder = chosen_run(context, run)
    state = fold_run(folder)
    lines = hook_lines(folder, state)
    if as_json:
        say_json({"run": state.run, "hooks": lines})
        return EXIT_OK
    if not lines:
        say("the plan of this run has no hooks")
        return EXIT_OK
    now = time.time()
    table(HEADS, [_cells(line, now) for line in lines])
    if any(line.pending for line in lines) and not summary_of(folder, state).engine:
        note(f"no engine runs: `agentdeck hooks deliver {folder.run}` tells what is left")
    return EXIT_OK


def deliver(context: typer.Context, run: RunArgument = None) -> int:
    """Tell the hooks of a run that has no engine what they have not got."""
    from agentdeck.control.hook_report import hook_told

    folder = chosen_run(context, run)
    state = fold_run(folder)
    if summary_of(folder, state).engine:
        raise RefusedError(
            f"run {folder.run} has an engine, and that tells its hooks",
            hint=f"`agentdeck hooks {folder.run}` says how far it is, and when it tries again",
        )
    for line in hook_told(folder):
        say(safe(line))
    left = [name for name, each in fold_run(folder).hooks.items() if is_waiting(each)]
    if left:
        note(f"not all was told: {safe(', '.join(left))}")
        return EXIT_FAILED
    say("nothing is left to tell")
    return EXIT_OK


def try_(
    context: typer.Context,
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")],
    hook: Annotated[str, typer.Argument(metavar="HOOK", help="Its name; a pattern is one, too.")],
) -> int:
    """Tell one hook of a plan something that has not happened: does it get there?"""
    from agentdeck.cli.planfile import load_plan
    from agentdeck.control.hook_report import try_hook

    here = folder_of(context)
    found = load_plan(plan, here)[0]
    answer = try_hook(found, hook, here)
    if answer.fault:
        note(f"hook {safe(hook)} was not told: {safe(answer.fault)}")
        return EXIT_FAILED
    status = f" ({answer.status})" if answer.status > 0 else ""  # of HTTP; a program has no other
    if found.tracker is not None and hook == found.tracker.name:
        say(f"the tracker answers{status}: an issue was read, and nothing written")
    else:
        say(f"hook {safe(hook)} was told{status}")
    return EXIT_OK


def _cells(line: HookLine, now: float) -> tuple[str, ...]:
    taken, trouble = line.taken, line.trouble
    failed = ""
    if trouble is not None:
        failed = f"{trouble.seq} at {clock(trouble.at, now)}: {first_line(trouble.why)}"
    if line.given_up:
        failed += f" (given up: {line.given_up})"
    more = len(line.events) - NAMED
    return (
        line.name,
        line.kind,
        " ".join((*line.events[:NAMED], *([f"and {more} more"] if more > 0 else ()))),
        str(line.pending),
        "" if taken is None else f"{taken.seq} at {clock(taken.at, now)}",
        "" if line.next_try is None else clock(line.next_try, now),
        failed,
    )
