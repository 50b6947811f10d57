"""How a person wants the deck: `deck.toml` in the folder of the user's configuration.

    [deck]
    notify = "both"         # when something begins to wait for you: bell, osc9, both or none
    remember = false        # open with the layout as shipped, not as it was left

    [aliases]
    mine = "status --json"  # a word of your own for a line; see `cli.aliases`

Rules: what cannot be understood is named with its line and left out; it never keeps the deck from
starting, and everything else in the file holds.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from agentdeck.tui.toml_file import BadFileError, read_file

_TABLES: Final = ("deck", "aliases")


class Notify(StrEnum):
    """How the terminal calls a person who looks elsewhere."""

    BELL = "bell"
    OSC9 = "osc9"  # a notification of the desktop, from terminals that know OSC 9
    BOTH = "both"
    NONE = "none"


@dataclass(frozen=True)
class Settings:
    """What can be set."""

    notify: Notify = Notify.BELL
    remember: bool = True
    aliases: Mapping[str, str] = field(default_factory=dict)


def load_settings(file: Path) -> tuple[Settings, list[str]]:
    """What a file sets.

    Args:
        file: may be missing: then all is as shipped.
    Returns: the settings, and a sentence `path:line: fault` for each row that was left out.
    """
    try:
        found = read_file(file, "file of settings")
    except FileNotFoundError:
        return Settings(), []
    except BadFileError as error:
        return Settings(), [str(error)]
    settings, problems = _read(found.data)
    return settings, [found.told(name, fault) for name, fault in problems]


def _read(data: Mapping[str, Any]) -> tuple[Settings, list[tuple[str, str]]]:
    problems = [
        (name, f"unknown key `{name}`; expected [deck] or [aliases]")
        for name in data
        if name not in _TABLES
    ]
    aliases, faults = _read_aliases(data.get("aliases", {}))
    problems += faults
    rows, settings = data.get("deck", {}), Settings(aliases=aliases)
    if not isinstance(rows, dict):
        return settings, [*problems, ("deck", "[deck] must be a table")]
    for name, value in rows.items():
        match name:
            case "notify" if value in list(Notify):
                settings = replace(settings, notify=Notify(value))
            case "notify":
                listed = ", ".join(Notify)
                problems.append((name, f"`notify` must be one of {listed}, found {value!r}"))
            case "remember" if isinstance(value, bool):
                settings = replace(settings, remember=value)
            case "remember":
                problems.append((name, f"`remember` must be true or false, found {value!r}"))
            case _:
                near = difflib.get_close_matches(name, ("notify", "remember"), n=1)
                hint = f", try `{near[0]}`" if near else "; expected notify or remember"
                problems.append((name, f"nothing is named `{name}`{hint}"))
    return settings, problems


def _read_aliases(rows: object) -> tuple[dict[str, str], list[tuple[str, str]]]:
    if not isinstance(rows, dict):
        return {}, [("aliases", "[aliases] must be a table")]
    problems = [
        (name, f"alias `{name}` must be a line in quotes, found {value!r}")
        for name, value in rows.items()
        if not isinstance(value, str)
    ]
    return {name: value for name, value in rows.items() if isinstance(value, str)}, problems


__all__ = ["Notify", "Settings", "load_settings"]
