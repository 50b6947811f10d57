"""`doctor`: is everything here that a run needs, and if not, what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from agentdeck.cli.output import paint, say, say_json, table
from agentdeck.cli.place import JsonOption, folder_of
from agentdeck.core.errors import EXIT_ENVIRONMENT, EXIT_OK
from agentdeck.core.plan import Plan

OLDEST_SQLITE: Final = (3, 35)  # WAL with everything the journal uses
LOW_DISK: Final = 2 * 1024**3  # bytes; a few worktrees of a large repository
NO_DISK: Final = 200 * 1024**2  # bytes; the journal itself needs little, worktrees much
SMALL_SCREEN: Final = (80, 24)  # cells; below it panes are cut
GIB: Final = 1024**3


class Row(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    state: str  # ok | warn | fail
    found: str
    todo: str = ""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Help")(doctor)


def doctor(
    context: typer.Context,
    plan: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PLAN]", help="Look for the agents of this plan.", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Is everything here that a run needs?"""
    found = None
    if plan is not None:
        from agentdeck.cli.planfile import load_plan

        found, _ = load_plan(plan, folder_of(context))
    rows = [*_basics(), *_repository(folder_of(context)), *_terminal(), *_agents(found)]
    bad = any(row.state == "fail" for row in rows)
    if as_json:
        say_json({"ok": not bad, "checks": rows})
    else:
        cells = [(row.state, row.what, row.found, row.todo) for row in rows]
        table(("", "", "FOUND", "WHAT TO DO"), cells, state=0)
        say(paint("something needed is missing", "red") if bad else paint("ready", "green"))
    return EXIT_ENVIRONMENT if bad else EXIT_OK


def _basics() -> Iterator[Row]:
    from agentdeck.control import machine

    yield Row("python", "ok", machine.python_version())
    git = machine.program("git")
    if git.path is None:
        yield Row("git", "fail", "not found", f"install git {machine.oldest_git()} or newer")
    elif not machine.git_is_new_enough(git.version):
        todo = f"install git {machine.oldest_git()} or newer"
        yield Row("git", "fail", git.version or git.fault, todo)
    else:
        yield Row("git", "ok", git.version)
        settings = machine.git_settings()
        missing = [key for key in ("user.name", "user.email") if key not in settings]
        if missing:
            todo = f"git config --global {missing[0]} YOURS (until then: agentdeck's own)"
            yield Row("git identity", "warn", f"no {' and no '.join(missing)}", todo)
        else:
            yield Row("git identity", "ok", " ".join(settings.values()))
    sqlite = machine.sqlite_version()
    new = tuple(map(int, sqlite.split(".")[:2])) >= OLDEST_SQLITE
    oldest = ".".join(map(str, OLDEST_SQLITE))
    todo = "" if new else f"use a Python with SQLite {oldest} or newer"
    yield Row("sqlite", "ok" if new else "fail", sqlite, todo)
    yield from _state_folder()


def _state_folder() -> Iterator[Row]:
    from agentdeck.control import machine

    folder, fault = str(machine.state_folder()), machine.state_folder_fault()
    if fault:
        yield Row("runs folder", "fail", fault, "set XDG_STATE_HOME to a folder you can write to")
        return
    if machine.socket_is_inside():
        yield Row("runs folder", "ok", folder)
    else:
        todo = "nothing: control sockets go into XDG_RUNTIME_DIR or the temporary folder"
        yield Row("runs folder", "ok", f"{folder} (a long path)", todo)
    free = machine.free_bytes()
    state = "fail" if free < NO_DISK else "warn" if free < LOW_DISK else "ok"
    todo = "" if state == "ok" else "free some space; `agentdeck clean --all` may help"
    yield Row("disk", state, f"{free / GIB:.1f} GiB free", todo)


def _repository(here: Path) -> Iterator[Row]:
    from agentdeck.control.discovery import checkout_dir

    top = checkout_dir(here)
    if top is None:
        yield Row("repository", "warn", f"{here} is in none", "go to one, or say -C DIR")
    else:
        yield Row("repository", "ok", str(top))


def _terminal() -> Iterator[Row]:
    if not sys.stdout.isatty():
        yield Row("terminal", "warn", "stdout is none", "the control room needs one")
        return
    columns, rows = shutil.get_terminal_size()
    small = columns < SMALL_SCREEN[0] or rows < SMALL_SCREEN[1]
    smallest = "x".join(map(str, SMALL_SCREEN))
    todo = f"make it at least {smallest}" if small else ""
    yield Row("terminal", "warn" if small else "ok", f"{columns}x{rows}", todo)
    yield _colours()
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    if encoding == "utf8":
        yield Row("unicode", "ok", "UTF-8")
    else:
        yield Row("unicode", "warn", encoding, "set LANG to a UTF-8 locale, as C.UTF-8")


def _colours() -> Row:
    term = os.environ.get("TERM", "")
    if os.environ.get("NO_COLOR"):
        return Row("colours", "ok", "off (NO_COLOR)")
    if os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Row("colours", "ok", "16 million")
    if "256" in term:
        return Row("colours", "ok", "256")
    if term in ("", "dumb"):
        return Row("colours", "warn", f"TERM={term or '(not set)'}", "use a terminal with colours")
    return Row("colours", "warn", "16", "set COLORTERM=truecolor if your terminal has them")


def _agents(plan: Plan | None) -> Iterator[Row]:
    """The programs of the plan's agents; without a plan those that are built in, as a warning."""
    from agentdeck.control import machine

    wanted = {"claude": False} if plan is None else dict.fromkeys(_programs(plan), True)
    for name, needed in wanted.items():
        found = machine.program(name)
        what = f"agent {name}"
        if found.path is None:
            todo = "install it and put it on PATH, or choose another agent"
            yield Row(what, "fail" if needed else "warn", "not found", todo)
        elif found.fault and not found.version:
            yield Row(what, "warn", f"{found.path}: {found.fault}", f"try `{name} --version`")
        else:
            yield Row(what, "ok", f"{found.version or found.path}")


def _programs(plan: Plan) -> list[str]:
    """What the agents of this plan's tasks start, each once."""
    found = []
    for name in dict.fromkeys(plan.settings(task.id).agent for task in plan.tasks):
        agent = plan.agent_by_name[name]
        if agent.command:
            found.append(agent.command[0])
        elif agent.use not in ("scripted", "human", "command"):
            found.append(agent.use)
    return list(dict.fromkeys(found))
