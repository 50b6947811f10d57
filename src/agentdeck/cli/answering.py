"""`answer` and `permissions`: what agents ask, and the rules that answer for a person."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import say, say_json, table
from agentdeck.cli.place import JsonOption, RunOption, chosen_run
from agentdeck.control.person import who
from agentdeck.control.runs import fold_run
from agentdeck.core import commands as c
from agentdeck.core.answers import given_answers
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import MAX_MESSAGE
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import ALLOW, ANY, DENY, Decision, PermissionRule, Scope

app = typer.Typer(
    name="permissions",
    help="Rules that answer what agents ask to do.",
    invoke_without_command=True,
    no_args_is_help=False,
)


class Always(StrEnum):
    """How far an answer is remembered."""

    TASK = "task"
    RUN = "run"
    PLAN = "plan"


ForOption = Annotated[
    str | None,
    typer.Option("--for", metavar="TIME", help="The rule holds so long: 30min, 2h, 1d."),
]
AllowOption = Annotated[bool, typer.Option("--allow", help="Yes.")]
DenyOption = Annotated[bool, typer.Option("--deny", help="No.")]


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    main.command(rich_help_panel="Act")(answer)
    app.callback()(permissions)
    app.command()(add)
    app.command()(drop)
    main.add_typer(app, rich_help_panel="Act")


def answer(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task that asks something.")],
    text: Annotated[
        str,
        typer.Argument(
            metavar="[TEXT]",
            help="The answer; with --deny why not, with --allow what else; - reads stdin.",
            show_default=False,
        ),
    ] = "",
    run: RunOption = None,
    allow: AllowOption = False,
    deny: DenyOption = False,
    option: Annotated[
        str, typer.Option("--option", metavar="ID", help="One of the agent's own answers.")
    ] = "",
    question: Annotated[
        str,
        typer.Option("--question", metavar="ID", help="Which one; without it the oldest."),
    ] = "",
    always: Annotated[
        Always | None,
        typer.Option("--always", help="Answer such requests so: in the task, run or plan."),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="GLOB", help="With --always: on what; else on this."),
    ] = None,
    lasts: ForOption = None,
) -> int:
    """Answer what the agent of a task asks."""
    chosen = _option(allow=allow, deny=deny, option=option)
    if always is None and (target is not None or lasts is not None):
        raise UsageError("--target and --for are for --always", hint="say --always run")
    command = c.Answer(
        TaskId(task),
        chosen,
        sys.stdin.read(MAX_MESSAGE + 1) if text == "-" else text,
        question,
        Scope(always) if always else None,
        target,
        _until(lasts),
        who(),
    )
    return _send(context, run, command, f"{task}: answered")


def permissions(
    context: typer.Context,
    run: RunOption = None,
    log: Annotated[
        bool, typer.Option("--log", help="Every answer that was given, and who gave it.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """The rules of a run, and with --log every answer."""
    if context.invoked_subcommand is not None:
        return EXIT_OK
    state = fold_run(chosen_run(context, run))
    if log:
        given = given_answers(state)
        if as_json:
            say_json({"answers": [msgspec.to_builtins(each) for each in given]})
            return EXIT_OK
        rows = [
            (
                _moment(each.at),
                f"{each.task}#{each.attempt}",
                each.tool,
                each.target,
                "allowed" if each.allowed else "denied",
                each.by,
                each.rule,
            )
            for each in given
        ]
        table(("AT", "ATTEMPT", "TOOL", "TARGET", "ANSWER", "BY", "RULE"), rows)
        return EXIT_OK
    if as_json:
        say_json({"rules": [msgspec.to_builtins(rule) for rule in state.rules.values()]})
        return EXIT_OK
    now = time.time()
    rules = [_rule_row(rule, now) for rule in state.rules.values()]
    table(("RULE", "DECISION", "TOOL", "TARGET", "FOR", "BY", "UNTIL"), rules)
    return EXIT_OK


def add(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="A glob: Bash, Edit, * for any.")],
    target: Annotated[
        str, typer.Argument(metavar="[TARGET]", help="A glob: pytest *, src/*; * for anything.")
    ] = ANY,
    run: RunOption = None,
    allow: AllowOption = False,
    deny: DenyOption = False,
    task: Annotated[
        str | None, typer.Option("--task", metavar="TASK", help="Only what this task asks.")
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Also in later runs of this plan in this repository.")
    ] = False,
    lasts: ForOption = None,
) -> int:
    """Answer requests beforehand; a deny beats every allow."""
    if task is not None and plan:
        raise UsageError("--task and --plan exclude each other", hint="choose one")
    decision = Decision(_option(allow=allow, deny=deny, option="") or _neither())
    scope = Scope.TASK if task is not None else Scope.PLAN if plan else Scope.RUN
    about = TaskId(task) if task is not None else None
    command = c.SetPermission(scope, decision, tool, target, about, _until(lasts), who())
    return _send(context, run, command, f"{decision}: {tool} {target}, for the {scope}")


def drop(
    context: typer.Context,
    rules: Annotated[list[str], typer.Argument(metavar="RULE...", help="Rules, by their ids.")],
    run: RunOption = None,
) -> int:
    """Take rules back."""
    folder = chosen_run(context, run)
    with engine_for(folder, c.DropPermission(rules[0])) as engine:
        for rule in dict.fromkeys(rules):
            engine.send(c.DropPermission(rule, who()))
            say(f"{rule}: dropped")
    return EXIT_OK


def _send(context: typer.Context, run: str | None, command: AnyCommand, done: str) -> int:
    with engine_for(chosen_run(context, run), command) as engine:
        engine.send(command)
    say(done)
    return EXIT_OK


def _option(*, allow: bool, deny: bool, option: str) -> str:
    if allow + deny + bool(option) > 1:
        raise UsageError("--allow, --deny and --option exclude each other", hint="choose one")
    return ALLOW if allow else DENY if deny else option


def _neither() -> str:
    raise UsageError("a rule allows or denies", hint="say --allow or --deny")


def _until(lasts: str | None) -> float | None:
    """When a time from now is over, seconds since the epoch. Raises UsageError."""
    from agentdeck.plans.durations import EXAMPLES, parse_duration

    if lasts is None:
        return None
    try:
        return time.time() + parse_duration(lasts)
    except ValueError as error:
        raise UsageError(f"--for {lasts!r}: {error}", hint=f"write {EXAMPLES}") from None


def _rule_row(rule: PermissionRule, now: float) -> tuple[str, ...]:
    over = rule.expires_at is not None and rule.expires_at <= now
    until = "" if rule.expires_at is None else "over" if over else _moment(rule.expires_at)
    reach = f"task {rule.task}" if rule.scope is Scope.TASK else str(rule.scope)
    if rule.scope is not Scope.TASK and rule.task is not None:
        reach += f", tasks {rule.task}"
    return (rule.id, rule.decision, rule.tool, rule.target, reach, rule.by, until)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


__all__ = ["register"]
