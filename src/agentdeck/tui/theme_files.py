"""Themes from files: `*.toml` in the folders of the program and of the user.

Rules: a bad file is named with its line and left out; it never keeps the program from starting.
A later folder wins over an earlier one, so a user can replace a shipped theme by its name.
The keys are those of `textual.theme.Theme`; `name` may be left out and is then the file's name.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

from agentdeck.tui.toml_file import BadFileError, read_file

MAX_FILES: Final = 200  # in one folder; more is a mistake, not a collection

_COLOURS: Final = (
    "primary secondary warning error success accent foreground background surface panel boost"
).split()
_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "name": str,
    **dict.fromkeys(_COLOURS, str),
    "dark": bool,
    "luminosity_spread": (int, float),
    "text_alpha": (int, float),
    "variables": dict,
    "ansi": bool,
}
_WORDS: Final = {str: "text in quotes", bool: "true or false", dict: "a table"}


class _BadThemeError(Exception):
    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def load_themes(folders: Iterable[str | os.PathLike[str]]) -> tuple[list[Theme], list[str]]:
    """Read every theme.

    Args:
        folders: shipped ones first, the user's last; those that do not exist are passed over.
    Returns: themes by name, sorted; and a sentence `path:line: fault` for each file left out.
    """
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in map(Path, folders):
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
        except OSError:
            continue
        if len(files) > MAX_FILES:
            problems.append(f"{folder}: {len(files)} themes, only the first {MAX_FILES} are read")
        for path in files[:MAX_FILES]:
            theme = _load(path, problems)
            if theme is not None:
                themes[theme.name] = theme
    return [themes[name] for name in sorted(themes)], problems


def _load(path: Path, problems: list[str]) -> Theme | None:
    try:
        file = read_file(path, "theme")
    except FileNotFoundError:
        problems.append(f"{path}:1: is gone")
        return None
    except BadFileError as error:
        problems.append(str(error))
        return None
    try:
        return _theme(file.data, path.stem)
    except _BadThemeError as error:
        problems.append(file.told(error.key, str(error)))
    return None


def _theme(data: Mapping[str, Any], stem: str) -> Theme:
    for key, value in data.items():
        kind = _KINDS.get(key)
        if kind is None:
            near = difflib.get_close_matches(key, _KINDS, n=1)
            raise _BadThemeError(
                key, f"unknown key `{key}`" + (f", try `{near[0]}`" if near else "")
            )
        is_flag = isinstance(value, bool)
        if not isinstance(value, kind) or (is_flag and kind is not bool):
            wanted = _WORDS.get(kind, "a number") if isinstance(kind, type) else "a number"
            raise _BadThemeError(key, f"`{key}` must be {wanted}, found {value!r}")
        if key in _COLOURS:
            _check_colour(key, str(value))
    if "primary" not in data:
        raise _BadThemeError("", "`primary` is missing, the one colour that a theme must have")
    for key, value in data.get("variables", {}).items():
        if not isinstance(value, str):
            raise _BadThemeError(key, f"variable `{key}` must be text in quotes, found {value!r}")
    return Theme(**{"name": stem, **data})


def _check_colour(key: str, value: str) -> None:
    try:
        Color.parse(value)
    except ColorParseError:
        raise _BadThemeError(
            key, f"`{key}` is no colour: {value!r}; write #rrggbb or a name such as `teal`"
        ) from None
