"""Verbs that only look: at a plan, at a run, at one task."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from agentdeck.cli import accounts
from agentdeck.cli.ahead import look_at_run
from agentdeck.cli.budget import priced_usd, remarks
from agentdeck.cli.output import (
    colours,
    in_terminal,
    paint,
    paint_state,
    safe,
    say,
    say_json,
    table,
)
from agentdeck.cli.place import (
    JsonOption,
    RunArgument,
    RunOption,
    chosen_run,
    folder_of,
    looked_at,
)
from agentdeck.cli.run_beside import RunBesideOption, RunMayBeUnnamed, plan_and_run
from agentdeck.cli.show_as import ShowAs
from agentdeck.cli.templates import FormatOption, exclusive, print_rows
from agentdeck.control.account_report import account_lines
from agentdeck.control.budget_report import budget_lines
from agentdeck.control.explaining import explained
from agentdeck.control.run_lines import entry_lines, repo_lines, task_lines
from agentdeck.control.runs import fold_run
from agentdeck.core import hooks, publishing, refs_words
from agentdeck.core.budgets import RUN, budget_of, dollars
from agentdeck.core.containment import in_words as box_words
from agentdeck.core.containment import refused_in_words, tried_in_words
from agentdeck.core.decide import MAX_AGENTS
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.explain import (
    accounts_asking,
    budgets_asking,
    explain,
    short_duration,
    standstill,
)
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import every_target, promotions_waiting
from agentdeck.core.plan import OWN_REPO_WORD, Strategy
from agentdeck.core.state import RunState, TaskRun

REFRESH_S: Final = 0.1  # between two looks at a log that is followed
TASK_HELP: Final = "A task's id."
RAW_HELP: Final = "The bytes as the agent wrote them; in a terminal only what it does not obey."

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")]
TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help=TASK_HELP)]
AttemptOption = Annotated[
    int | None,
    typer.Option("--attempt", metavar="N", min=1, help="Which attempt; without it the latest."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(rich_help_panel="Plans")(check)
    app.command(cls=RunMayBeUnnamed, rich_help_panel="Plans")(show)
    for verb in (status, why, logs, diff):
        app.command(rich_help_panel="Look")(verb)


def check(
    context: typer.Context,
    plan: PlanArgument,
    fix: Annotated[
        bool, typer.Option("--fix", help="Take needless dependencies out of the file.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are problems.")] = False,
    repo: Annotated[
        Path | None,
        typer.Option("--repo", metavar="DIR", help="The repository; without it, this folder's."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Read a plan, name every problem with its line, and what is probably a mistake."""
    from agentdeck.cli.checking import check_plan

    here = folder_of(context)
    return check_plan(plan, here, repo=repo, fix=fix, strict=strict, as_json=as_json)


def show(
    context: typer.Context,
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", help="A plan file. Not needed with --run."),
    ] = None,
    run: RunBesideOption = None,
    view: Annotated[ShowAs, typer.Option("--as", help="Which view of the plan.")] = ShowAs.TABLE,
    agents: Annotated[
        int | None,
        typer.Option("--agents", metavar="N", help="How many may work at once: timeline, waves."),
    ] = None,
    strategy: Annotated[
        Strategy | None,
        typer.Option(help="Phases as barriers, or not: timeline, conflicts. Else as planned."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write the view: .svg, .txt, .mmd or .dot."
        ),
    ] = None,
    template: FormatOption = None,
    as_json: JsonOption = False,
) -> int:
    """A plan: its tasks phase by phase, its graph, its time line, what it costs."""
    from agentdeck.cli.show_as.views import Wish, show_it, view_for

    wanted = view_for(view, out)
    if agents is not None and not 1 <= agents <= MAX_AGENTS:
        raise UsageError(f"--agents must be 1 to {MAX_AGENTS}, not {agents}")
    if as_json and out is not None:
        raise UsageError("--json goes to stdout", hint="leave -o out, or --json")
    if plan is not None and run is not None and wanted is not ShowAs.COST:
        raise UsageError("--run beside a PLAN is for --as cost", hint="leave PLAN out, or --run")
    if template is not None and (out is not None or as_json or wanted is not ShowAs.TABLE):
        raise UsageError("--format is a line for each task", hint="leave --as, -o and --json out")
    found, state = plan_and_run(context, plan, run)
    if template is not None:
        from agentdeck.cli.plantable import TASK_FIELDS, task_rows

        print_rows(template, TASK_FIELDS, task_rows(found))
        return EXIT_OK
    if wanted is ShowAs.TABLE and out is None and not as_json:
        from agentdeck.cli.plantable import print_plan

        print_plan(found)
        return EXIT_OK
    wish = Wish(found, wanted, agents or found.agents_limit, strategy or found.strategy, state)
    place = None if out is None else folder_of(context) / out
    show_it(wish, out=place, as_json=as_json, named=out)
    return EXIT_OK


def status(
    context: typer.Context,
    run: RunArgument = None,
    template: FormatOption = None,
    as_json: JsonOption = False,
) -> int:
    """How a run stands, task by task, and why.

    --format prints one line, of the fields of `run` in its JSON and of `why`, `seq`, `usd` and
    `tokens`; `tasks` is how many there are.
    """
    exclusive(template, as_json)
    from agentdeck.control.vitals import vitals_of

    folder, state, summary, now, code = looked_at(context, run)
    if template is not None:
        more = {"why": standstill(state) or "", "seq": state.seq, "usd": state.usd}
        row = {**msgspec.structs.asdict(summary), **more, "tokens": state.tokens}
        print_rows(template, tuple(row), [row])
        return code
    vitals = vitals_of(folder, state)
    ahead = look_at_run(folder, state, now, folder_of(context), live=summary.engine)
    if as_json:
        data = {**_as_data(state, now), **ahead.as_data()}
        asks = {
            "budgets": budget_lines(state),
            "accounts": account_lines(state, now),
            "asks": [*budgets_asking(state), *accounts_asking(state)],
        }
        health = {"engine_health": vitals.health, "engine_silent_s": vitals.silent_s}
        say_json({"run": summary, "why": standstill(state) or "", **health, **asks, **data})
        return code
    where = safe(every_target(state))
    say(f"{summary.id}  {paint_state(summary.state)}  {safe(summary.plan)} -> {where}")
    about = "about " if priced_usd(state) else ""
    cost = f", {about}${state.usd:.2f}" if state.usd else ""
    allowed = budget_of(state, RUN)
    limit = allowed.usd if allowed is not None else None
    cost += f" of {dollars(limit)}" if cost and limit is not None else ""
    age = short_duration((state.finished_at or now) - state.started_at)
    say(f"{summary.landed} of {summary.tasks} landed, {age}, {state.tokens:,} tokens{cost}")
    from agentdeck.control.waiting_lines import proposed
    from agentdeck.control.words import RunWord, next_step

    hint = next_step(RunWord(summary.state), summary.id)
    stands = standstill(state)
    if vitals.sick and code == EXIT_OK:  # a damaged journal comes first
        say(f"{paint(vitals.words, 'red')}; {vitals.todo(summary.id)}")
    if hint:
        say(f"next: {hint}")
    elif stands is not None and stands not in (*budgets_asking(state), *accounts_asking(state)):
        say(f"stands still: {safe(stands)}")
    for line in (*remarks(state), *accounts.remarks(state, now)):
        say(line)
    for line in (*publishing.told(state), *hooks.told(state, now), *proposed(folder, state)):
        say(safe(line))
    for line in promotions_waiting(state):
        say(f"promotion waits: {safe(line)}")
    for line in ahead.lines(now):
        say(safe(line))
    say()
    rows = [
        (task.id, str(task.state), _attempt_words(task), explain(state, task.id, now))
        for task in state.tasks.values()
    ]
    if not state.repos:
        table(("TASK", "STATE", "ATTEMPT", "WHY"), rows, state=1)
        return code
    placed = [(*row[:3], state.plan.repo_of(row[0]) or OWN_REPO_WORD, row[3]) for row in rows]
    table(("TASK", "STATE", "ATTEMPT", "REPO", "WHY"), placed, state=1)
    return code


def why(
    context: typer.Context, task: TaskArgument, run: RunOption = None, as_json: JsonOption = False
) -> int:
    """Why a task stands where it stands, and why its agent was chosen."""
    from agentdeck.control.repo import task_of
    from agentdeck.control.words import RunWord, next_step

    folder, state, summary, now, code = looked_at(context, run)
    found = task_of(state, TaskId(task))
    sentence = explained(folder, state, found.id, now)
    attempt = found.attempt
    chosen = attempt.why if attempt is not None else ""
    box = box_words(attempt.sandbox, network=attempt.network) if attempt is not None else ""
    found_out = attempt.confined if attempt is not None else None
    tried = tried_in_words(found_out) if found_out is not None else ""
    end = attempt.exit if attempt is not None else None
    refused = refused_in_words(end.refusals, end.refused) if end is not None else ""
    refs = attempt.refs if attempt is not None else None
    reached = refs_words.sentence(refs) if refs is not None else ""
    if as_json:
        data = {"task": found.id, "state": found.state, "why": sentence, "chosen": chosen}
        data |= {"contained": box, "tried": tried, "refused": refused, "refs": reached}
        say_json(data)
        return code
    say(safe(sentence))
    if attempt is not None and chosen:
        say(safe(f"attempt {attempt.number}: {chosen}"))
    for told in (box, tried, refused, reached):
        if attempt is not None and told:
            say(safe(f"attempt {attempt.number}: {told}"))
    hint = next_step(RunWord(summary.state), summary.id)
    if hint:  # nobody is there who could go on with it
        say(f"next: {hint}")
    return code


def logs(
    context: typer.Context,
    task: TaskArgument,
    run: RunOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the attempt has ended.")
    ] = False,
    attempt: AttemptOption = None,
    raw: Annotated[bool, typer.Option("--raw", help=RAW_HELP)] = False,
    review: Annotated[
        bool, typer.Option("--review", help="Of the agent that reviewed it last.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """What the agent of a task has written."""
    from agentdeck.cli.logview import Form, print_log

    if raw and as_json:
        raise UsageError("--raw and --json exclude each other", hint="choose one")
    form = Form.RAW if raw else Form.JSON if as_json else Form.TEXT
    chosen = chosen_run(context, run)
    return print_log(chosen, TaskId(task), attempt, follow=follow, form=form, review=review)


def diff(
    context: typer.Context,
    task: TaskArgument,
    run: RunOption = None,
    attempt: AttemptOption = None,
    stat: Annotated[bool, typer.Option("--stat", help="Only the files and their counts.")] = False,
    as_json: JsonOption = False,
) -> int:
    """What an attempt at a task has changed, also while it works."""
    from agentdeck.control.repo import diff_of, diffstat

    state = fold_run(chosen_run(context, run))
    if stat or as_json:
        touched = diffstat(state, TaskId(task), attempt)
        if as_json:
            files = [{"path": f.path, "added": f.added, "removed": f.removed} for f in touched]
            whole = {} if stat else {"diff": diff_of(state, TaskId(task), attempt)}
            say_json({"task": task, "files": files, **whole})
        else:
            rows = [(f"+{max(0, f.added)}", f"-{max(0, f.removed)}", f.path) for f in touched]
            table(("", "", ""), rows)
        return EXIT_OK
    text = diff_of(state, TaskId(task), attempt)
    if not in_terminal():
        sys.stdout.write(text)
        return EXIT_OK
    for line in text.split("\n"):
        say(_diff_line(line))
    return EXIT_OK


def _diff_line(line: str) -> str:
    shown = safe(line)
    if not colours():
        return shown
    if line.startswith(("diff ", "+++", "---")):
        return paint(shown, "bold")
    return paint(shown, {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], ""))


def _attempt_words(task: TaskRun) -> str:
    attempt = task.attempt
    return f"#{attempt.number} {attempt.agent}" if attempt is not None else ""


def _as_data(state: RunState, now: float) -> dict[str, object]:
    return {
        "seq": state.seq,
        "usd": state.usd,
        "tokens": state.tokens,
        "hooks": hooks.told(state, now),
        "promotion": "; ".join(promotions_waiting(state)),
        "repos": repo_lines(state),
        "pools": [
            {"name": name, "workers": known.joined, "slots": known.slots, "fault": known.fault}
            for name, known in state.workers.items()
        ],
        "tasks": task_lines(state, now),
        "queue": entry_lines(state, now),
    }
