"""`--format`: one line for each thing, as a person or a script wants it.

    agentdeck runs --format '{{id}} {{state}}'

Rules:
- `{{name}}` is the value of a field, `{{name.part}}` of one inside it. Nothing else means
  anything: no conditions, no filters, no code. A tab and a new line are
  written as in Python.
- The fields are those that `--json` prints. One that is not known is an error that names them all,
  also where there is nothing to print.
- Nothing is an empty text, yes and no are `true` and `false`, a list is joined by commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Final

import msgspec
import typer

from agentdeck.cli.output import safe, say
from agentdeck.core.errors import UsageError

MAX_TEMPLATE: Final = 2_000  # letters; a line on a screen has some hundred
_FIELD: Final = re.compile(r"\{\{\s*([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\s*\}\}")
_ESCAPES: Final = {"\\t": "\t", "\\n": "\n", "\\\\": "\\"}

FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="TEMPLATE",
        help="A line for each, such as '{{id}} {{state}}', with fields of --json.",
    ),
]


class Template:
    """A template that was read."""

    def __init__(self, text: str, fields: Sequence[str]) -> None:
        """Read one. Raises UsageError.

        Args:
            text: what was typed.
            fields: the names that it may use.
        """
        if len(text) > MAX_TEMPLATE:
            raise UsageError(f"--format has more than {MAX_TEMPLATE:,} letters")
        self.parts = _FIELD.split(re.sub(r"\\[tn\\]", lambda found: _ESCAPES[found[0]], text))
        for number, part in enumerate(self.parts):
            if number % 2 and part not in fields:
                near = get_close_matches(part, fields, n=1)
                hint = f"try {{{{{near[0]}}}}}; " if near else ""
                raise UsageError(
                    f"--format: there is no field {{{{{part}}}}}",
                    hint=f"{hint}there are: {', '.join(fields)}",
                )
            if not number % 2 and ("{{" in part or "}}" in part):
                raise UsageError(
                    f"--format: {part.strip()!r} is no field",
                    hint="a field is {{name}}, in small letters",
                )

    def line(self, row: Mapping[str, Any]) -> str:
        """What the template makes of one thing, harmless to print."""
        return "".join(
            safe(_text(_value(row, part))) if number % 2 else part
            for number, part in enumerate(self.parts)
        )


def print_rows(text: str, fields: Sequence[str], rows: Iterable[Any]) -> None:
    """Print a line for each row: a struct, or a table. Raises UsageError."""
    template = Template(text, fields)
    for row in rows:
        say(template.line(row if isinstance(row, Mapping) else msgspec.structs.asdict(row)))


def _value(row: Any, path: str) -> Any:
    for name in path.split("."):
        if row is None:
            return None
        row = row[name] if isinstance(row, Mapping) else getattr(row, name)
    return row


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | tuple() | set() | frozenset():
            return ",".join(_text(each) for each in value)
        case float():
            return f"{value:.15g}"
        case _:
            return str(value)


def exclusive(template: str | None, as_json: bool) -> None:
    """Raises UsageError where both are asked for."""
    if template is not None and as_json:
        raise UsageError("--format and --json exclude each other", hint="choose one")


__all__ = ["FormatOption", "Template", "exclusive", "print_rows"]
