"""`config`: a person's own files: what holds and who says so, edited with a look before it is kept.

Rules:
- There is one folder (`control.user_folder`) and one reader for each kind of file: the one by which
  the deck and the command line read it, too.
- An edit that has a fault is not kept: the file stays as it was, and the person may go on editing.
- `check` names every fault with file and line, and ends with 2 if there is one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from agentdeck.cli.aliases import expanded, faults
from agentdeck.cli.line import verbs
from agentdeck.cli.output import in_terminal, note, print_error, safe, say, say_json, table
from agentdeck.cli.place import JsonOption
from agentdeck.control.user_folder import (
    AGENTS_FOLDER,
    KEYS_FILE,
    SETTINGS_FILE,
    THEMES_FOLDER,
    user_folder,
)
from agentdeck.core.errors import EXIT_OK, EXIT_USAGE, EnvironmentFault, UsageError
from agentdeck.tui.settings import Settings, load_settings

SHIPPED: Final = "shipped"
MAX_TOLD: Final = 3  # mistakes of a file, to who only wanted an alias of it
# What the environment says; empty is as if it were not there.
VARIABLES: Final = (
    *("AGENTDECK_PLAIN", "AGENTDECK_ASCII", "AGENTDECK_LOG", "AGENTDECK_NO_TOUR"),
    *("NO_COLOR", "FORCE_COLOR", "VISUAL", "EDITOR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"),
)
NEW: Final = {
    SETTINGS_FILE: """\
# Settings of agentdeck; `agentdeck config show` says what holds.
[deck]
# notify = "bell"      # when something waits for you: bell, osc9, both, none
# remember = true      # open the deck as it was left

[aliases]
# mine = "status --json"
""",
    KEYS_FILE: """\
# Other keys for the deck, by the ids that `?` shows.
[keys]
# "task.retry" = "ctrl+r"
""",
}


class Value(NamedTuple):
    """One thing that is set."""

    name: str
    value: str
    source: str  # `shipped`, `environment`, or `path:line`


group = typer.Typer(
    name="config",
    help="Your own files: settings, keys, themes, agents.",
    invoke_without_command=True,
    no_args_is_help=False,
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    group.callback()(config)
    for verb in (show, path, check, edit):
        group.command()(verb)
    app.add_typer(group, rich_help_panel="Look")


def config(context: typer.Context) -> int:
    """What is set, and where."""
    return EXIT_OK if context.invoked_subcommand is not None else _show(as_json=False)


def show(as_json: JsonOption = False) -> int:
    """What is set, and where each value comes from."""
    return _show(as_json=as_json)


def path(as_json: JsonOption = False) -> int:
    """Where your own files are, whether there are any or not."""
    here = user_folder()
    places = {
        name: here / name for name in (SETTINGS_FILE, KEYS_FILE, THEMES_FOLDER, AGENTS_FOLDER)
    }
    if as_json:
        say_json({"folder": here, "files": {name: str(file) for name, file in places.items()}})
        return EXIT_OK
    say(safe(str(here)))
    table(("", ""), [(name, "" if file.exists() else "not there") for name, file in places.items()])
    return EXIT_OK


def check() -> int:
    """Name every mistake in your own files."""
    found = problems(user_folder())
    for problem in found:
        print_error(problem, alone=True)
    if not found:
        say(f"{safe(str(user_folder()))}: ok")
    return EXIT_USAGE if found else EXIT_OK


def edit(
    file: Annotated[
        str,
        typer.Argument(
            metavar="[FILE]", help="deck.toml, keys.toml, agents/NAME.toml or themes/NAME.toml."
        ),
    ] = SETTINGS_FILE,
) -> int:
    """Open one of your own files in $EDITOR; it is kept when nothing is wrong with it."""
    from agentdeck.control.text_editor import VARIABLES as VARIABLES_OF_EDITOR
    from agentdeck.control.text_editor import edited_by_person, editor_command

    reader = reader_of(file)
    place = user_folder() / file
    before = _text(place) if place.exists() else NEW.get(file, "")
    text, command = before, editor_command()
    if not in_terminal(sys.stdin) and not any(os.environ.get(name) for name in VARIABLES_OF_EDITOR):
        raise EnvironmentFault(
            f"there is no terminal for {command[0]}", hint=f"write {place} yourself, or set $EDITOR"
        )
    while True:
        text = edited_by_person(text, name=place.name, command=command)
        found = _faults(text, file, reader)
        for problem in found:
            print_error(problem, alone=True)
        if not found:
            break
        if not in_terminal(sys.stdin) or not typer.confirm("Edit it again?", default=True):
            raise UsageError(f"{file} was not kept", hint="the file is as it was")
    if text == before:
        note("nothing was changed")
        return EXIT_OK
    _write(place, text)
    say(f"wrote {safe(str(place))}")
    return EXIT_OK


def with_alias(words: Sequence[str]) -> Sequence[str]:
    """The line, with its alias spelled out if its verb is one. Raises UsageError."""
    settings, problems = load_settings(user_folder() / SETTINGS_FILE)
    spelled = expanded(words, settings.aliases, verbs())
    if spelled is words:  # no alias, or one that could not be read
        for problem in problems[:MAX_TOLD]:
            note(safe(problem))
    return spelled


def values(folder: Path) -> list[Value]:
    """Everything that can be set in the settings, and what else is said here."""
    place = folder / SETTINGS_FILE
    found, shipped = load_settings(place)[0], Settings()
    rows = [
        Value(f"deck.{name}", value, _source(place, name, same=value == plain))
        for name, value, plain in (
            ("notify", str(found.notify), str(shipped.notify)),
            ("remember", str(found.remember).lower(), str(shipped.remember).lower()),
        )
    ]
    rows += [
        Value(f"aliases.{name}", line, _source(place, name, same=False))
        for name, line in found.aliases.items()
    ]
    rows += _own_keys(folder)
    for kind in (THEMES_FOLDER, AGENTS_FOLDER):
        rows += [
            Value(f"{kind}.{file.stem}", "", str(file))
            for file in sorted((folder / kind).glob("*.toml"))
        ]
    rows += [Value(name, os.environ[name], "environment") for name in VARIABLES if _said(name)]
    return rows


def problems(folder: Path) -> list[str]:
    """A sentence `path:line: fault` for each mistake in somebody's files."""
    found: list[str] = []
    for name in (SETTINGS_FILE, KEYS_FILE):
        found += reader_of(name)(folder / name)
    for kind in (THEMES_FOLDER, AGENTS_FOLDER):
        if (folder / kind).is_dir():
            found += reader_of(f"{kind}/x.toml")(folder / kind / "x.toml")
    return found


Reader = Callable[[Path], list[str]]


def reader_of(file: str) -> Reader:
    """What finds the faults of such a file. Raises UsageError."""
    parts = Path(file).parts
    if parts == (SETTINGS_FILE,):
        return _settings
    if parts == (KEYS_FILE,):
        return _keys
    if len(parts) == 2 and parts[1].endswith(".toml") and parts[1] != "..toml":
        if parts[0] == THEMES_FOLDER:
            return _themes
        if parts[0] == AGENTS_FOLDER:
            return _agents
    raise UsageError(
        f"{file} is none of your files", hint="deck.toml, keys.toml, agents/NAME.toml, themes/…"
    )


def _settings(place: Path) -> list[str]:
    from agentdeck.tui.toml_file import BadFileError, read_file

    settings, found = load_settings(place)
    bad = faults(settings.aliases, verbs())
    if bad:
        try:
            file = read_file(place, "file of settings")
        except (BadFileError, OSError):  # `load_settings` has said so
            return found
        found += [file.told(name, fault) for name, fault in bad]
    return found


def _keys(place: Path) -> list[str]:
    from agentdeck.tui.keymap import load_keys

    return load_keys(place)[1]


def _themes(place: Path) -> list[str]:
    from agentdeck.tui.theme_files import load_themes

    return load_themes([place.parent])[1]


def _agents(place: Path) -> list[str]:
    from agentdeck.control.catalog import load_catalog

    return [str(problem) for problem in load_catalog(place.parent).problems]


def _own_keys(folder: Path) -> list[Value]:
    from agentdeck.tui.keymap import load_keys
    from agentdeck.tui.keys import KEYS

    place = folder / KEYS_FILE
    if not place.exists():
        return []
    plain = {key.id: key.keys for key in KEYS}
    return [
        Value(f"keys.{key.id}", key.keys, _source(place, key.id, same=False))
        for key in load_keys(place)[0]
        if key.keys != plain[key.id]
    ]


def _source(place: Path, name: str, *, same: bool) -> str:
    """Who says so: the line of the file that names it, else what is shipped."""
    from agentdeck.tui.toml_file import BadFileError, read_file

    try:
        found = read_file(place, "file of settings")
    except (BadFileError, FileNotFoundError):
        return SHIPPED
    told = found.told(name, "").removesuffix(": ")
    said = any(isinstance(rows, dict) and name in rows for rows in found.data.values())
    return told if said else SHIPPED if same else str(place)


def _said(name: str) -> bool:
    return bool(os.environ.get(name))


def _show(*, as_json: bool) -> int:
    here = user_folder()
    rows = values(here)
    found = problems(here)
    if as_json:
        say_json({"values": [row._asdict() for row in rows], "problems": found})
        return EXIT_OK
    table(("NAME", "VALUE", "FROM"), rows)
    for problem in found:
        note(safe(problem))
    return EXIT_OK


def _text(place: Path) -> str:
    try:
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFault(f"{place} cannot be read: {error}") from error


def _faults(text: str, file: str, reader: Reader) -> list[str]:
    """What is wrong with a text that would be kept as this file."""
    with tempfile.TemporaryDirectory(prefix="agentdeck-") as folder:
        tried = Path(folder) / file
        tried.parent.mkdir(exist_ok=True)
        tried.write_text(text, encoding="utf-8")
        return [problem.replace(str(tried), file) for problem in reader(tried)]


def _write(place: Path, text: str) -> None:
    """Put the file there at once or not at all."""
    target = Path(os.path.realpath(place))  # a link to a file kept elsewhere stays one
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=target.parent, prefix=".", delete=False
        ) as file:
            file.write(text)
        Path(file.name).replace(target)
    except OSError as error:
        raise EnvironmentFault(f"{place} cannot be written: {error.strerror}") from error


__all__ = ["problems", "register", "values", "with_alias"]
