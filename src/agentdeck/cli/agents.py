"""`agents`: which agents are known here, how one is described, and whether it really works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption
from agentdeck.core.errors import EXIT_OK, NotFoundError

if TYPE_CHECKING:
    from agentdeck.control.agent_health import Health
    from agentdeck.control.catalog import Catalog
    from agentdeck.core.adapter import Adapter

app = typer.Typer(
    name="agents",
    help="The agents that are known here.",
    invoke_without_command=True,
    no_args_is_help=False,
)
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="An agent, as `agentdeck agents` lists it.")
]
SHORT: Final = {"shipped": "agentdeck"}


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    from agentdeck.cli.agent_trial import trial

    app.callback()(agents)
    app.command()(show)
    app.command(name="test")(trial)
    main.add_typer(app, rich_help_panel="Plans")


def agents(context: typer.Context, as_json: JsonOption = False) -> int:
    """Every agent that is known here: is it installed, logged in, and what can it do?"""
    if context.invoked_subcommand is not None:
        return EXIT_OK
    from agentdeck.control.agent_health import health_of_all
    from agentdeck.control.catalog import load_catalog

    catalog = load_catalog()
    told = health_of_all(catalog.adapters.values())
    if as_json:
        rows = [_row(catalog, name, told[name]) for name in catalog.names]
        say_json({"agents": rows, "problems": list(catalog.problems)})
        return EXIT_OK
    cells = [_cells(catalog, name, told[name]) for name in catalog.names]
    table(("NAME", "AGENT", "VERSION", "LOGIN", "FORMAT", "CAN", "SKILLS", "FROM"), cells)
    for problem in catalog.problems:
        note(f"{safe(str(problem))}; this agent is left out")
    return EXIT_OK


def show(name: Name) -> int:
    """The adapter of an agent as TOML: how it is started, resumed and understood."""
    from agentdeck.control.catalog import adapters_folder, load_catalog
    from agentdeck.plans.adapter_file import write_adapter

    catalog = load_catalog()
    adapter = named(catalog, name)
    source = catalog.source(name)
    say(f"# {name}: {'ships with agentdeck' if source == 'shipped' else source}")
    say(write_adapter(adapter).rstrip("\n"))
    if source == "shipped":
        note(f"{adapters_folder() / name}.toml would stand in its place")
    return EXIT_OK


def named(catalog: Catalog, name: str) -> Adapter:
    """The adapter of this name. Raises NotFoundError, with the nearest one."""
    from agentdeck.plans.problems import listed, nearest, shown

    found = catalog.adapters.get(name)
    if found is not None:
        return found
    for problem in catalog.problems:
        if problem.file.endswith(f"/{name}.toml"):
            raise NotFoundError(f"agent {shown(name)} cannot be read: {problem}")
    near = nearest(name, catalog.names)
    hint = f"did you mean {shown(near)}?" if near else f"known: {listed(catalog.names)}"
    raise NotFoundError(f"there is no agent {shown(name)}", hint=hint)


def abilities(adapter: Adapter) -> dict[str, bool]:
    """What an agent can do, by the words for it."""
    from agentdeck.core.adapter import CONVERSING

    return {
        "resume": adapter.resumes,
        "steer": adapter.input in CONVERSING,
        "ask": adapter.asks,
        "take over": bool(adapter.take_over),
        "own home": bool(adapter.home),
    }


def _row(catalog: Catalog, name: str, health: Health) -> dict[str, Any]:
    adapter = catalog.adapters[name]
    return {
        "name": name,
        "title": adapter.title,
        "source": catalog.source(name),
        **msgspec.to_builtins(health),
        "minimum": adapter.minimum,
        "format": adapter.output,
        "can": [word for word, able in abilities(adapter).items() if able],
        "skills": list(adapter.skills),
        "install": adapter.install,
    }


def _cells(catalog: Catalog, name: str, health: Health) -> tuple[str, ...]:
    adapter = catalog.adapters[name]
    source = catalog.source(name)
    return (
        name,
        adapter.title,
        version_words(adapter, health),
        str(health.login) or "-",
        adapter.output if adapter.start else "-",
        ", ".join(word for word, able in abilities(adapter).items() if able) or "-",
        ", ".join(adapter.skills) or "-",
        SHORT.get(source, source),
    )


def version_words(adapter: Adapter, health: Health) -> str:
    """Is it installed, and which version?"""
    if not health.program:
        return "-"
    if health.path is None:
        return "not found"
    if health.too_old:
        return f"{health.version} (older than {adapter.minimum})"
    return health.version or (f"found ({health.fault})" if health.fault else "found")
