"""`add`: one line in plain words becomes a task of a run, or of a plan file.

Rules: what was understood is said before anything is done. A line with a fault does nothing, and
every fault is named. In a terminal it is asked once; `--yes` does not ask.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import in_terminal, note, paint, safe, say, say_json
from agentdeck.cli.place import JsonOption, RunOption, chosen_run, folder_of
from agentdeck.core.errors import EXIT_OK, NotFoundError, UsageError

if TYPE_CHECKING:
    from agentdeck.core.plan import Plan
    from agentdeck.plans.editing.verbs import Verb
    from agentdeck.plans.quick_add.understood import Understood

LABEL_CELLS: Final = 10
MAX_STDIN: Final = 100_000  # characters read of a line; the reader says where a line is too long


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Act")(add)


def add(
    context: typer.Context,
    line: Annotated[
        str,
        typer.Argument(
            metavar="LINE",
            help="The task, in quotes: Fix login after S-1 ~30m @codex #auth files src/auth/**."
            " - reads it from stdin.",
        ),
    ],
    run: RunOption = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="PLAN",
            help="Add it to this plan file; with --run to that run too.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is understood, and add nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Add a task to the run, from one line in plain words.

    Signs are certain: @agent, @agent:model, #tag, ~30m, ~15k tokens, $2, key=value, and -- before
    the prompt. Words are guesses, and said so: after S-1, files src/**, in src/a/, phase, gates,
    by. What is in "double quotes" is only words. `agentdeck plan add` has a key for each of them.
    """
    from agentdeck.control.catalog import load_catalog
    from agentdeck.control.runs import fold_run
    from agentdeck.plans.quick_add.understood import QuickAdd

    text = (sys.stdin.read(MAX_STDIN) if line == "-" else line).strip()
    catalog = load_catalog()
    if plan is not None:
        return _to_file(context, plan, text, run, dry_run=dry_run, yes=yes, as_json=as_json)
    try:
        folder = chosen_run(context, run)
    except NotFoundError as error:
        also = "" if run else "; --plan PLAN adds it to a plan file"
        raise NotFoundError(error.message, hint=error.hint + also) from None
    state = fold_run(folder)
    found = QuickAdd(state.plan, catalog.names).understand(text)
    _tell(text, found, state.plan, as_json=as_json)
    task = _without_faults(found)

    from agentdeck.control.replanning import add_command
    from agentdeck.core.decide import decide
    from agentdeck.core.replan_rules import consequences

    command = add_command(state, task, catalog.adapters)
    decide(state, command)  # a refusal is told before anything is asked
    for remark in consequences(state, command.change):
        note(safe(remark))
    if dry_run:
        return EXIT_OK
    if not _agreed(f"Add {found.id} to run {folder.run}?", yes=yes or as_json):
        return EXIT_OK
    with engine_for(folder, command) as engine:
        engine.send(command)
    if not as_json:
        say(f"{folder.run}: {safe(found.id)} added")
    return EXIT_OK


def _to_file(
    context: typer.Context,
    named: Path,
    text: str,
    run: str | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Into a plan file, by the verb `plan add`."""
    from agentdeck.cli.plan_edit import carry_out
    from agentdeck.cli.planfile import load_plan
    from agentdeck.control.catalog import load_catalog
    from agentdeck.plans.editing import verbs
    from agentdeck.plans.quick_add.understood import QuickAdd

    plan, _ = load_plan(named, folder_of(context))
    found = QuickAdd(plan, load_catalog().names).understand(text)
    _tell(text, found, plan, as_json=as_json)
    _without_faults(found)
    values = {name: value for name, value in found.values.items() if name != "id"}
    verb: Verb = partial(verbs.add, name=found.id, values=values)
    asked = dry_run or _agreed(f"Add {found.id} to {named}?", yes=yes or as_json)
    return carry_out(context, named, verb, run, dry_run=dry_run) if asked else EXIT_OK


def _without_faults(found: Understood) -> Any:
    """The task. Raises UsageError, with every fault."""
    from agentdeck.plans.quick_add.understood import EMPTY

    if found.task is not None:
        return found.task
    lines = [f"{fault.text} ({fault.hint})" if fault.hint else fault.text for fault in found.faults]
    raise UsageError("\n".join(lines or [EMPTY]), hint="nothing was added")


def _agreed(question: str, *, yes: bool) -> bool:
    if yes or not in_terminal(sys.stdin) or typer.confirm(question):
        return True
    note("nothing was done")
    return False


def _tell(line: str, found: Understood, plan: Plan, *, as_json: bool) -> None:
    """What was understood: rows for a person, keys for a program."""
    from agentdeck.plans.quick_add.rows import LEGEND, SIGNS, WRONG, rows_of

    if as_json:
        told = {
            "id": found.id,
            "task": {name: value for name, value in found.values.items() if name != "id"},
            "sure": dict(found.sure),
            "faults": [{"text": fault.text, "hint": fault.hint} for fault in found.faults],
            "doubts": [{"text": doubt.text, "hint": doubt.hint} for doubt in found.doubts],
        }
        say_json(told)
        return
    if not line:
        return
    for row in rows_of(line, found, plan):
        sign = WRONG if row.wrong else SIGNS[row.sure]
        shown = f"{sign} {row.label.ljust(LABEL_CELLS)}{safe(row.value)}"
        say(shown + (paint(f"  {safe(row.note)}", "dim") if row.note else ""))
    say(paint(LEGEND, "dim"))
    for doubt in found.doubts:
        note(safe(f"{doubt.text}: {doubt.hint}" if doubt.hint else doubt.text))


__all__ = ["register"]
