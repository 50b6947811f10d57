"""`demo`: a run with scripted agents in a throw-away repository, so that there is something to see.

Rules: nothing of the user is touched and nothing is paid. Without a terminal a built-in person
answers and approves, so that the demo ends by itself.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import typer

from agentdeck.cli.output import in_terminal, say
from agentdeck.cli.place import AsciiOption, PlainOption
from agentdeck.cli.pricing import shipped_prices
from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.plan import Land
from agentdeck.core.scheduler import is_human
from agentdeck.core.state import RunState, TaskRun, TaskState

ANSWER: Final = "Yes, go ahead. Keep it simple."
PERSON: Final = "demo person"
MAX_RETRIES: Final = 2  # of one task by the demo person; after that it is skipped


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Runs")(demo)


def demo(plain: PlainOption = False, ascii_only: AsciiOption = False) -> int:
    """A run with scripted agents in a throw-away repository."""
    from agentdeck.cli.demo_repo import demo_files
    from agentdeck.control.creating import create_run
    from agentdeck.control.scratch_repo import make_repo
    from agentdeck.plans.reader import read_plan
    from agentdeck.shipped import sample_plan

    text = sample_plan("demo")
    plan = read_plan(text, file="demo.toml")
    repo = Path(tempfile.mkdtemp(prefix="agentdeck-demo-"))
    make_repo(repo, demo_files())
    say(f"demo repository: {repo}")
    folder = create_run(repo, plan, text, prices=shipped_prices())
    if plain or in_terminal():
        from agentdeck.cli.room import open_deck

        code = open_deck(folder, repo, plain=plain, ascii_only=ascii_only)
    else:
        from agentdeck.cli.headless import run_headless

        code = run_headless(folder, wishes=wishes)
    say(f"look at it: git -C {repo} log --first-parent {_target(folder.run, repo)}")
    return code


def _target(run: str, repo: Path) -> str:
    from agentdeck.control.runs import fold_run, resolve_run

    return fold_run(resolve_run(run, repo)).target


def wishes(state: RunState) -> list[AnyCommand]:
    """What the demo person wants now: answers, approvals, another try."""
    found = [wish for task in state.tasks.values() if (wish := _wish(state, task)) is not None]
    return [wish for wish in found if refusal(state, wish) is None]


def _wish(state: RunState, task: TaskRun) -> AnyCommand | None:
    match task.state:
        case TaskState.ASKING if is_human(state, task.id):
            return c.Approve(task.id, by=PERSON)
        case TaskState.ASKING if task.attempt is not None and task.attempt.question is not None:
            return c.Steer(task.id, ANSWER, by=PERSON)
        case TaskState.REVIEWING:
            return c.Approve(task.id, by=PERSON)
        case TaskState.PROPOSED if state.settings(task.id).land is not Land.AUTO:
            return c.Approve(task.id, by=PERSON)
        case TaskState.FAILED if len(task.attempts) <= MAX_RETRIES:
            return c.Retry(task.id, by=PERSON)
        case TaskState.FAILED:
            return c.Skip(task.id, by=PERSON)
        case _:
            return None
