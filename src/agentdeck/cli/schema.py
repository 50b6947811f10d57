"""`schema`: the JSON schema of plans, for editors; see docs/editors.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from agentdeck.cli.output import safe, say
from agentdeck.cli.place import folder_of
from agentdeck.core.errors import EXIT_OK, EnvironmentFault

NAME: Final = "plan.schema.json"
LINE: Final = f"#:schema ./{NAME}\n"  # the first of a plan beside it


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Plans")(schema)


def schema(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write it there, in place of stdout."),
    ] = None,
) -> int:
    """The JSON schema of plan files, for editors.

    With `#:schema ./plan.schema.json` as the first line of a plan, editors complete its keys.
    """
    from agentdeck.plans.schema import schema_document

    if out is None:
        print(schema_document(), end="")
        return EXIT_OK
    write_schema(folder_of(context) / out)
    say(f"wrote {safe(str(out))}")
    return EXIT_OK


def write_schema(path: Path) -> None:
    """Write the schema of this version; one that is there is replaced. Raises EnvironmentFault."""
    from agentdeck.plans.schema import schema_document

    try:
        path.write_text(schema_document(), encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error


__all__ = ["LINE", "NAME", "register", "write_schema"]
