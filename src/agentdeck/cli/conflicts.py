"""`agentdeck conflicts`: which live tasks would collide if their work were merged now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import typer

from agentdeck.cli.output import safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunOption, chosen_run
from agentdeck.control.runs import fold_run, summary_of
from agentdeck.core.errors import EXIT_OK

if TYPE_CHECKING:
    from agentdeck.control.collision_report import Collisions

NAMED_FILES: Final = 5  # of a collision in a table; --json has up to a hundred


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Look")(conflicts)


def conflicts(context: typer.Context, run: RunOption = None, as_json: JsonOption = False) -> int:
    """Which live tasks would collide if they were merged now, and in which files.

    Compared is everything that is worked on or waits to land, uncommitted files too: each with each
    and with the target. Nothing is changed by it, and the run does not wait for it.

    JSON: `run`, `target`, `tip`; `live`, a list of `task`, `state`, `commit` (null = it could not
    be compared), `uncommitted` (files), `note`, `queue_place` (null = not queued), `queue_why`;
    `collisions`, a list of `tasks` (two; one, where `target` is true), `target`, `files`,
    `more_files`; `unknown` (pairs that could not be asked about) and `fault` (why).
    """
    from agentdeck.control.collision_report import look_at_collisions

    folder = chosen_run(context, run)
    state = fold_run(folder)
    now = time.time() if summary_of(folder, state).engine else state.at
    found = look_at_collisions(state, now)
    if as_json:
        say_json(found)
        return EXIT_OK
    if found.collisions:
        table(("TASK", "STATE", "WITH", "IN"), _rows(found), state=1)
    else:
        say(_nothing(found))
    for one in sorted(found.live, key=lambda one: one.queue_place or 0):
        if one.queue_place is not None:
            say(safe(f"{one.queue_place}. in the merge queue: {one.task} {one.queue_why}"))
    for one in found.live:
        if one.note:
            say(safe(f"{one.task}: {one.note}"))
    if found.unknown:
        why = f": {found.fault}" if found.fault else ""
        say(safe(f"of {found.unknown} pairs it could not be found out{why}"))
    return EXIT_OK


def _rows(found: Collisions) -> Iterator[tuple[str, ...]]:
    states: dict[str, str] = {one.task: str(one.state) for one in found.live}
    for one in found.collisions:
        first, *others = one.tasks
        unnamed = len(one.files[NAMED_FILES:]) + one.more_files
        files = ", ".join(one.files[:NAMED_FILES]) or "no file in particular"
        more = f" and {unnamed} more" if unnamed else ""
        yield (
            first,
            states[first],
            others[0] if others else f"target {found.target}",
            files + more,
        )


def _nothing(found: Collisions) -> str:
    compared = sum(one.commit is not None for one in found.live)
    if not found.live:
        return "nobody works and nothing waits to land: there is nothing to compare"
    known = ", as far as is known" if found.unknown or compared < len(found.live) else ""
    tasks = "1 live task" if compared == 1 else f"{compared} live tasks"
    others = "each other and with " if compared > 1 else ""
    return f"no collisions: {tasks} compared with {others}{safe(found.target)}{known}"


__all__ = ["register"]
