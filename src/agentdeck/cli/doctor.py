"""`doctor`: is everything here that a run needs, and if not, what to do about it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from agentdeck.cli.output import paint, say, say_json, table
from agentdeck.cli.place import JsonOption, folder_of
from agentdeck.core.errors import EXIT_ENVIRONMENT, EXIT_OK
from agentdeck.core.issues import PROGRAMS
from agentdeck.core.plan import Plan

if TYPE_CHECKING:
    from agentdeck.control.agent_health import Health
    from agentdeck.control.runs import RunFolder
    from agentdeck.core.adapter import Adapter

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
            metavar="[PLAN|RUN]",
            help="Look for the agents of this plan; or what is wrong with this run.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Is everything here that a run needs? Or: what is wrong with a run, and what mends it?"""
    found = None
    run = None if plan is None else _run_named(context, plan)
    if run is not None:
        from agentdeck.cli.diagnosing import print_diagnosis

        return print_diagnosis(run, as_json=as_json)
    if plan is not None:
        from agentdeck.cli.planfile import load_plan
        from agentdeck.control.catalog import equipped

        found = equipped(load_plan(plan, folder_of(context))[0])
    agents = _agents() if found is None else _agents_of(found)
    boxes = _sandboxes(found)
    hooks = [] if found is None else _hooks(found)
    pools = [] if found is None else _pools(found)
    here = [*_basics(), *_repository(folder_of(context)), *_terminal()]
    rows = [*here, *boxes, *agents, *pools, *hooks]
    bad = any(row.state == "fail" for row in rows)
    if as_json:
        say_json({"ok": not bad, "checks": rows})
    else:
        cells = [(row.state, row.what, row.found, row.todo) for row in rows]
        table(("", "", "FOUND", "WHAT TO DO"), cells, state=0)
        say(paint("something needed is missing", "red") if bad else paint("ready", "green"))
    return EXIT_ENVIRONMENT if bad else EXIT_OK


def _run_named(context: typer.Context, name: Path) -> RunFolder | None:
    """The run of this name, where no file has it."""
    from agentdeck.control.runs import resolve_run

    here = folder_of(context)
    if (here / name).exists() or name.suffix or len(name.parts) != 1:
        return None
    return resolve_run(str(name), here)


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
        todo = "nothing: control sockets go into a short folder of yours below /tmp"
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


def _sandboxes(plan: Plan | None) -> Iterator[Row]:
    """What can keep agents in their place here; a fault where the plan wants what cannot be had."""
    from agentdeck.control.sandboxes import sandboxes_here
    from agentdeck.core.containment import containment_of

    wanted = [containment_of(plan, agent) for agent in plan.agents] if plan is not None else []
    for one in sandboxes_here():
        mine = [box for box in wanted if box.sandbox is one.kind]
        fault = one.fault or one.offline_fault
        needed = (one.fault and mine) or any(not box.network for box in mine)
        what = f"sandbox {one.kind}"
        if not fault:
            version = f" ({one.version})" if one.version else ""
            yield Row(what, "ok", f"works, with and without a network{version}")
            continue
        found = fault if one.fault else f"works, but not with network = false: {fault}"
        todo = "another sandbox, another machine, or none: docs/threat-model.md"
        yield Row(what, "fail" if needed else "ok", found, todo if needed else "")


def _agents() -> Iterator[Row]:
    """The agents that are found here, and the files of agents that cannot be read."""
    from agentdeck.control.agent_health import health_of_all, missing
    from agentdeck.control.catalog import load_catalog

    catalog = load_catalog()
    there = [each for each in catalog.adapters.values() if each.command and not missing(each)]
    if not there:
        names = ", ".join(name for name, each in catalog.adapters.items() if each.command)
        yield Row("agents", "warn", "none that is known was found", f"install one of {names}")
    for name, health in health_of_all(there).items():
        yield _agent(name, catalog.adapters[name], health, needed=False)
    for problem in catalog.problems:
        yield Row("agent files", "warn", f"{problem.file}:{problem.line}", problem.message)


def _agents_of(plan: Plan) -> Iterator[Row]:
    """The agents of a plan's tasks: without one of them, its tasks cannot start."""
    from agentdeck.control.agent_health import agents_of, health_in

    for agent in agents_of(plan):
        health = health_in(agent)
        if not health.program:
            continue
        if agent.adapter is not None:
            yield _agent(agent.name, agent.adapter, health, needed=True)
        elif health.path is None:
            todo = f"install {health.program} and put it on PATH, or choose another agent"
            yield Row(f"agent {agent.name}", "fail", f"{health.program} was not found", todo)
        else:
            yield Row(f"agent {agent.name}", "ok", health.path)


def _pools(plan: Plan) -> Iterator[Row]:
    """Can the machines of pools that are elsewhere be reached? Those over ssh are not asked."""
    from agentdeck.control.cluster import pool_health

    for pool in plan.pools:
        if pool.host is not None:
            yield Row(f"pool {pool.name}", *pool_health(pool))


def _hooks(plan: Plan) -> Iterator[Row]:
    """Is there what they need? Nobody is asked whether they answer."""
    from agentdeck.control.hook_report import can_send

    for name, variable in plan.hook_secrets.items():
        todo = "set it where the run is started; until then nothing is sent"
        there = bool(os.environ.get(variable))
        found = f"{variable} is {'set' if there else 'not set'}"
        yield Row(f"hook {name}", "ok" if there else "warn", found, "" if there else todo)
    if plan.notify and not can_send():
        todo = 'pip install "agentdeck[notify]"; until then nothing is sent'
        yield Row("apprise", "warn", "is not installed, and tells persons", todo)
    if plan.tracker is not None:
        program = PROGRAMS[plan.tracker.kind]
        where = shutil.which(program)
        todo = "" if where else f"install {program} and log in; until then no issue is written"
        found = where or f"{program} was not found"
        yield Row(f"tracker {plan.tracker.kind}", "ok" if where else "warn", found, todo)


def _agent(name: str, adapter: Adapter, health: Health, *, needed: bool) -> Row:
    from agentdeck.control.agent_health import Login

    what, trial = f"agent {name}", f"`agentdeck agents test {adapter.name}` tells"
    if health.path is None:
        todo = f"{adapter.install or 'install it and put it on PATH'}; or choose another agent"
        return Row(what, "fail", f"{health.program} was not found", todo)
    version = health.version or health.path
    if health.too_old:
        todo = adapter.install or "install a newer one"
        return Row(what, "warn", f"{version}, older than {adapter.minimum}", todo)
    if health.fault:
        return Row(what, "warn", f"{health.path}: {health.fault}", trial)
    if health.login is Login.NO:
        state = "fail" if needed else "warn"
        return Row(what, state, f"{version}, not logged in", health.login_how)
    if health.login is Login.UNSEEN:
        state = "warn" if needed else "ok"
        return Row(what, state, f"{version}, no login seen", health.login_how or trial)
    login = f", logged in ({health.login_how})" if health.login is Login.YES else ""
    return Row(what, "ok", version + login)
