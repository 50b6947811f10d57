"""Themes from files: `*.toml` in the folders of the program and of the user.

Rules: a bad file is named with its line and left out; it never keeps the program from starting.
A later folder wins over an earlier one, so a user can replace a shipped theme by its name.
The keys are those of `textual.theme.Theme`; `name` may be left out and is then the file's name.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from textual.color import Color, ColorParseError
from textual.theme import Theme

MAX_FILES: Final = 200  # in one folder; more is a mistake, not a collection
MAX_BYTES: Final = 64 * 1024  # of one file; real ones have one or two KiB

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
_AT_LINE: Final = re.compile(r"at line (\d+)")


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
    text = ""
    try:
        if path.stat().st_size > MAX_BYTES:
            problems.append(f"{path}:1: larger than {MAX_BYTES // 1024} KiB, so it is no theme")
            return None
        text = path.read_bytes().decode("utf-8")
        return _theme(tomllib.loads(text), path.stem)
    except OSError as error:
        problems.append(f"{path}:1: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(f"{path}:{line}: is not UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        problems.append(f"{path}:{line}: {error}")
    except _BadThemeError as error:
        problems.append(f"{path}:{_line_of(text, error.key)}: {error}")
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


def _line_of(text: str, key: str) -> int:
    """The line that sets `key`, counted from 1; 1 when it stands nowhere."""
    pattern = re.compile(rf"""\s*\[?["']?{re.escape(key)}["']?\s*[=\]]""")
    for number, line in enumerate(text.splitlines(), start=1):
        if key and pattern.match(line):
            return number
    return 1
