"""`--run` of verbs that look at a plan: the run whose plan is meant, or that is set beside one.

Rules: `--run` alone is the newest run of the repository, and beside a PLAN the newest of a plan of
that name. A run that has no task of the PLAN is refused: nothing could be compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperCommand

from agentdeck.cli.place import chosen_run, folder_of
from agentdeck.core.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from agentdeck.control.runs import RunFolder
    from agentdeck.core.plan import Plan
    from agentdeck.core.state import RunState

FLAG: Final = "--run"
NEWEST: Final = ""  # the value of the option where nobody names a run

RunBesideOption = Annotated[
    str | None,
    typer.Option(
        FLAG,
        metavar="[RUN]",
        help="Show what this run has used beside the estimates: its id, or how that begins. "
        "Without a name the newest; without PLAN the run's own plan.",
        show_default=False,
    ),
]


class RunMayBeUnnamed(TyperCommand):
    """A verb whose `--run` may stand alone, at the end or before another option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give `--run` the empty name where none follows; a shell that completes may yet."""
        return super().parse_args(ctx, args if ctx.resilient_parsing else _named(args))


def _named(words: list[str]) -> list[str]:
    end = words.index("--") if "--" in words else len(words)
    named = list(words)
    for index, word in enumerate(words[:end]):
        follows = words[index + 1] if index + 1 < end else "-"
        if word == FLAG and follows.startswith("-"):
            named[index] = f"{FLAG}={NEWEST}"
    return named


def plan_and_run(
    context: typer.Context, plan: Path | None, run: str | None
) -> tuple[Plan, RunState | None]:
    """The plan that is meant, and the run, if one is.

    Raises:
        UsageError: neither a plan nor a run is named, or the run is of another plan.
        NotFoundError: there is no such file or run.
    """
    from agentdeck.cli.planfile import load_plan
    from agentdeck.control.runs import fold_run

    if plan is None:
        if run is None:
            hint = "name a plan file, or --run for the plan of a run"
            raise UsageError("Missing argument 'PLAN'.", hint=hint)
        state = fold_run(chosen_run(context, run or None))
        return state.plan, state
    found, _ = load_plan(plan, folder_of(context))
    if run is None:
        return found, None
    folder = chosen_run(context, run) if run else _newest_of(found, folder_of(context))
    state = fold_run(folder)
    if not any(task.id in state.tasks for task in found.tasks):
        raise UsageError(
            f"run {state.run} has no task of {plan}: its plan is {state.plan.name}",
            hint="without PLAN, --run shows the run's own plan",
        )
    return found, state


def _newest_of(plan: Plan, repo: Path) -> RunFolder:
    from agentdeck.control.runs import runs_of

    for folder, begun in runs_of(repo):
        if begun.plan.name == plan.name:
            return folder
    raise NotFoundError(
        f"there is no run of the plan {plan.name} in this repository",
        hint="`agentdeck runs` lists them; --run RUN names one",
    )
