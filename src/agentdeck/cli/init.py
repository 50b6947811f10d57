"""`init`: a commented plan for this repository, with the gates that it seems to have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from agentdeck.cli.output import note, safe, say
from agentdeck.cli.place import folder_of
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, UsageError

MAX_BYTES: Final = 1024 * 1024  # read of a file that may name a test command


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Plans")(init)


def init(
    context: typer.Context,
    plan: Annotated[
        Path, typer.Argument(metavar="[FILE]", help="Where to; it must not exist yet.")
    ] = Path("plan.toml"),
    schema: Annotated[
        bool,
        typer.Option("--schema", help="And plan.schema.json beside it, for editors."),
    ] = False,
) -> int:
    """Write a commented plan to start from."""
    from agentdeck.cli.schema import LINE, NAME, write_schema
    from agentdeck.control.agent_health import agents_found
    from agentdeck.control.discovery import checkout_dir
    from agentdeck.control.repo import branch_now
    from agentdeck.plans.template import init_plan

    here = folder_of(context)
    top = checkout_dir(here)
    if top is None:
        raise UsageError(f"{here} is in no git checkout", hint="`git init` makes one")
    gates = list(likely_gates(top))
    text = init_plan(
        name=top.name,
        base=branch_now(here) or "",
        gates=gates,
        agents=agents_found(),
    )
    path = here / plan
    if schema:
        text = LINE + text
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{plan} exists already", hint="name another file") from None
    except OSError as error:
        raise EnvironmentFault(f"{plan} cannot be written: {error.strerror}") from error
    say(f"wrote {safe(str(plan))}")
    if schema:
        write_schema(path.parent / NAME)
        say(f"wrote {safe(str(plan.parent / NAME))}")
    found = ", ".join(f"{name} ({command})" for name, command in gates)
    note(f"gates found: {safe(found)}" if found else "no test command was found: add a gate")
    note(f"next: edit it, then `agentdeck check {plan}` and `agentdeck run {plan}`")
    return EXIT_OK


def likely_gates(top: Path) -> Iterator[tuple[str, str]]:
    """(name, command) for each way of testing that the files of a checkout point to."""
    if _has_pytest(top):
        yield "test", "python -m pytest -q"
    if _has_npm_test(top):
        yield "npm-test", "npm test"
    if (top / "Cargo.toml").is_file():
        yield "cargo-test", "cargo test"
    if (top / "go.mod").is_file():
        yield "go-test", "go test ./..."
    if re.search(r"^test\s*:(?!=)", _text(top / "Makefile"), re.MULTILINE):
        yield "make-test", "make test"


def _has_pytest(top: Path) -> bool:
    if any((top / name).is_file() for name in ("pytest.ini", "conftest.py", "tests/conftest.py")):
        return True
    if "pytest" in _text(top / "pyproject.toml") + _text(top / "tox.ini"):
        return True
    return any((top / "tests").glob("test_*.py"))


def _has_npm_test(top: Path) -> bool:
    try:
        package = json.loads(_text(top / "package.json") or "{}")
    except ValueError:
        return False
    scripts = package.get("scripts") if isinstance(package, dict) else None
    test = scripts.get("test") if isinstance(scripts, dict) else None
    # What `npm init` writes when there is none.
    return isinstance(test, str) and "no test specified" not in test


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode(errors="replace")
    except OSError:
        return ""
