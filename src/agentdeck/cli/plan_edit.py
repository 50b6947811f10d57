"""`agentdeck plan VERB` edits a plan file; `--run` and `replan` bring the edit into a run.

Rules:
- A verb changes only the lines that it is about. The plan is read before anything is written: with
  problems nothing is, and they are told like by `check`.
- With `--run` the engine is asked first. What it refuses is not written either.
"""

from __future__ import annotations

import sys
from difflib import unified_diff
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from agentdeck.cli.output import colours, note, paint, safe, say
from agentdeck.cli.place import RunOption, chosen_run, folder_of
from agentdeck.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from agentdeck.control.runs import RunFolder
    from agentdeck.core.commands import EditPlan
    from agentdeck.core.plan import Plan
    from agentdeck.plans.editing.verbs import Edited, Verb

MAX_PROMPT: Final = 1_000_000  # characters of a prompt from stdin

app = typer.Typer(
    name="plan",
    help="Edit a plan file, and the run of it.",
    no_args_is_help=True,
)

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")]
TaskArgument = Annotated[str, typer.Argument(metavar="ID", help="A task's id.")]
PairsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="Keys of the plan file: KEY=VALUE, KEY= takes out, KEY+=NAME and KEY-=NAME for lists.",
        show_default=False,
    ),
]
LiveOption = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Change this run too: its id, or how that begins. Without it: only the file.",
    ),
]
DryOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
]
BehindOption = Annotated[
    str | None, typer.Option("--after-task", metavar="ID", help="Stand behind this task.")
]


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (add, move, assign, link, unlink, split, defer, drop):
        app.command(name="set" if verb is assign else None)(verb)
    main.add_typer(app, rich_help_panel="Plans")
    main.command(rich_help_panel="Act")(replan)


def add(
    context: typer.Context,
    plan: PlanArgument,
    task: TaskArgument,
    pairs: PairsArgument = None,
    title: Annotated[str, typer.Option("--title", metavar="TEXT", help="What it is about.")] = "",
    prompt: Annotated[
        str,
        typer.Option("--prompt", metavar="TEXT", help="What the agent is told; - reads stdin."),
    ] = "",
    after: Annotated[
        list[str] | None, typer.Option("--after", metavar="ID", help="A task it waits for.")
    ] = None,
    phase: Annotated[
        str | None, typer.Option("--phase", metavar="ID", help="The phase it belongs to.")
    ] = None,
    files: Annotated[
        list[str] | None, typer.Option("--files", metavar="GLOB", help="Files it touches.")
    ] = None,
    behind: BehindOption = None,
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Add a task: at the end of its phase, or behind another task."""
    from agentdeck.plans.editing import verbs, words

    if prompt == "-":
        prompt = sys.stdin.read(MAX_PROMPT)
    given = {"title": title, "prompt": prompt, "phase": phase}
    values: dict[str, Any] = {name: text for name, text in given.items() if text}
    for name, items in (("after", after), ("files", files)):
        if items:
            values[name] = [each for item in items for each in words.value_of(name, item)]
    for wish in [words.assignment(word) for word in pairs or ()]:
        if wish.section != "task" or wish.how != "=":
            raise UsageError(f"{'.'.join(wish.key)}{wish.how} is for `plan set`")
        place = values.setdefault(wish.key[0], {}) if len(wish.key) > 1 else values
        place[wish.key[-1]] = wish.value
    said = {name: value for name, value in values.items() if value is not None}
    verb: Verb = partial(verbs.add, name=task, values=said, behind=behind)
    return carry_out(context, plan, verb, run, dry_run=dry_run)


def move(
    context: typer.Context,
    plan: PlanArgument,
    task: TaskArgument,
    phase: Annotated[
        str | None, typer.Option("--phase", metavar="ID", help='Into this phase; "" is none.')
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="ID", help="Stand before this task.")
    ] = None,
    behind: BehindOption = None,
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Put a task into another phase, or elsewhere in the file."""
    from agentdeck.plans.editing import verbs

    if before is not None and behind is not None:
        raise UsageError("--before and --after-task exclude each other", hint="choose one")
    if phase is None and before is None and behind is None:
        raise UsageError("nothing says where to", hint="--phase, --before or --after-task")
    verb: Verb = partial(verbs.move, name=task, phase=phase, before=before, behind=behind)
    return carry_out(context, plan, verb, run, dry_run=dry_run)


def assign(
    context: typer.Context,
    plan: PlanArgument,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[ID] KEY=VALUE...",
            help="Keys of the task, or of other tables: plan.agents=8, gates.unit.timeout=5min."
            " KEY= takes out, KEY+=NAME and KEY-=NAME change lists.",
        ),
    ],
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Set keys of a task, or of the plan."""
    from agentdeck.plans.editing import verbs

    name, pairs = (None, words) if "=" in words[0] else (words[0], words[1:])
    if not pairs:
        raise UsageError("nothing says what to set", hint="write KEY=VALUE, such as title=Start")
    return carry_out(
        context, plan, partial(verbs.assign, name=name, words=pairs), run, dry_run=dry_run
    )


def link(
    context: typer.Context,
    plan: PlanArgument,
    task: TaskArgument,
    needed: Annotated[str, typer.Argument(metavar="NEEDED", help="The task it waits for.")],
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Have a task wait for another one."""
    from agentdeck.plans.editing import verbs

    return carry_out(
        context, plan, partial(verbs.link, name=task, needed=needed), run, dry_run=dry_run
    )


def unlink(
    context: typer.Context,
    plan: PlanArgument,
    task: TaskArgument,
    needed: Annotated[str, typer.Argument(metavar="NEEDED", help="The task it waited for.")],
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Have a task not wait for another one any more."""
    from agentdeck.plans.editing import verbs

    return carry_out(
        context, plan, partial(verbs.unlink, name=task, needed=needed), run, dry_run=dry_run
    )


def split(
    context: typer.Context,
    plan: PlanArgument,
    task: TaskArgument,
    parts: Annotated[list[str], typer.Argument(metavar="NEW...", help="Ids of the new tasks.")],
    parallel: Annotated[
        bool, typer.Option("--parallel", help="Side by side; else one after the other.")
    ] = False,
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Put several tasks in the place of one."""
    from agentdeck.plans.editing import verbs

    verb: Verb = partial(verbs.split, name=task, parts=parts, parallel=parallel)
    return carry_out(context, plan, verb, run, dry_run=dry_run)


def defer(
    context: typer.Context,
    plan: PlanArgument,
    task: TaskArgument,
    reason: Annotated[str, typer.Option("--reason", "-m", metavar="TEXT", help="Why.")],
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Leave a task out of the run, for a reason; `set ID defer=` takes it in again."""
    from agentdeck.plans.editing import verbs

    if not reason.strip():
        raise UsageError("a reason is needed", hint="--reason TEXT")
    return carry_out(
        context, plan, partial(verbs.defer, name=task, reason=reason), run, dry_run=dry_run
    )


def drop(
    context: typer.Context,
    plan: PlanArgument,
    task: TaskArgument,
    relink: Annotated[
        bool, typer.Option("--relink", help="What waited for it waits for what it waited for.")
    ] = False,
    run: LiveOption = None,
    dry_run: DryOption = False,
) -> int:
    """Take a task out of the plan."""
    from agentdeck.plans.editing import verbs

    return carry_out(
        context, plan, partial(verbs.drop, name=task, relink=relink), run, dry_run=dry_run
    )


def replan(context: typer.Context, plan: PlanArgument, run: RunOption = None) -> int:
    """Bring the changes of an edited plan file into the run that goes on."""
    from agentdeck.cli.planfile import load_plan

    new, _ = load_plan(plan, folder_of(context))
    folder = chosen_run(context, run)
    _into_run(folder, None, new)
    return EXIT_OK


# --- what the verbs share


def carry_out(
    context: typer.Context, named: Path, verb: Verb, run: str | None, *, dry_run: bool
) -> int:
    """Do a verb on a plan file, and with `run` bring it into that run first.

    Raises:
        DeckError: nothing is written.
    """
    from agentdeck.cli.planfile import read_text
    from agentdeck.control.catalog import load_catalog
    from agentdeck.control.rewrite import replace_file
    from agentdeck.plans.editing.plantext import BOM
    from agentdeck.plans.editing.verbs import edited

    path = folder_of(context) / named
    text = read_text(path, named)  # without the mark that some editors put first
    data = path.read_bytes()
    if data.startswith(BOM.encode()):
        text = BOM + text
    _own_format(named, text)

    def read_file(name: str) -> str:
        return read_text(path.parent / name, Path(name))

    names = load_catalog().names
    result = edited(text, verb, file=str(named), read_file=read_file, adapters=names)
    if result.after == result.before:
        note(f"{safe(str(named))}: nothing changes")
        return EXIT_OK
    if dry_run:
        _print_diff(result, str(named))
        return EXIT_OK
    if run is not None:
        old = _before(result, str(named), read_file)
        _into_run(chosen_run(context, run), old, result.plan)
    replace_file(path, data, result.after.encode())
    say(f"{safe(str(named))}: {_counted(result)}")
    return EXIT_OK


def _own_format(named: Path, text: str) -> None:
    from agentdeck.plans.imports.detect import is_own

    if not is_own(str(named), text):
        raise UsageError(
            f"{named} is no plan file of agentdeck, and only those are edited",
            hint=f"`agentdeck import {named} -o plan.toml` makes one of it",
        )


def _before(result: Edited, file: str, read_file: Any) -> Plan:
    from agentdeck.control.catalog import load_catalog
    from agentdeck.plans.reader import read_plan

    names = load_catalog().names
    return read_plan(result.before, file=file, read_file=read_file, adapters=names)


def _counted(result: Edited) -> str:
    """`2 lines changed`, as a diff counts them."""
    changed = [line for line in _diff(result, "") if line[:1] in "+-"][2:]
    new, old = (sum(line[0] == sign for line in changed) for sign in "+-")
    return f"{new} {'line' if new == 1 else 'lines'} added, {old} removed"


def _diff(result: Edited, file: str) -> list[str]:
    before, after = (text.splitlines() for text in (result.before, result.after))
    return list(unified_diff(before, after, file, file, lineterm=""))


def _print_diff(result: Edited, file: str) -> None:
    for line in _diff(result, file):
        shown = safe(line)
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        say(paint(shown, colour) if colours() else shown)


def _into_run(folder: RunFolder, old: Plan | None, new: Plan) -> None:
    """Ask the run's engine to take an edit in. Raises Refused, EngineGone."""
    from agentdeck.control.replanning import edit_command
    from agentdeck.control.runs import fold_run
    from agentdeck.core.replan import in_words
    from agentdeck.core.replan_rules import consequences

    state = fold_run(folder)
    command = edit_command(folder, state, new, old=old)
    if command is None:
        note(f"run {folder.run}: nothing changes")
        return
    remarks = consequences(state, command.change)
    _send(folder, command)
    say(f"{folder.run}: {safe(in_words(command.change))}")
    for remark in remarks:
        note(safe(remark))


def _send(folder: RunFolder, command: EditPlan) -> None:
    from agentdeck.control.blocking import EngineGone, connect
    from agentdeck.control.runs import fold_run
    from agentdeck.core.decide import Refused, refusal

    try:
        engine = connect(folder)
    except EngineGone:
        why_not = refusal(fold_run(folder), command)
        if why_not is not None:
            raise Refused(why_not) from None
        raise
    with engine:
        engine.send(command)


__all__ = ["carry_out", "register"]
