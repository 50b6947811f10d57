"""Keys as a person wants them: `keys.toml` in the folder of the user's configuration.

    [keys]
    "task.retry" = "ctrl+r"
    "run.end" = ["Q", "f10"]
    "run.promote" = ""              # no key; the palette still has it

Rules:
- What cannot be understood is named with its line and left out; it never keeps the deck from
  starting, and everything else in the file holds.
- A key is what one writes (`r`, `$`, `ctrl+r`, `f10`, `shift+tab`). One key means one thing:
  whoever takes the key of another has to give that one another key too, or none.
- Keys that move the cursor belong to the widget that has the focus, and stay as they are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from textual.keys import Keys, _character_to_key

from agentdeck.tui.keys import TABLE, Key, named
from agentdeck.tui.toml_file import BadFileError, read_file

MAX_KEYS: Final = 4  # for one thing
_NAMED: Final = frozenset(key.value for key in Keys)
_MODIFIED: Final = re.compile(r"((?:ctrl|alt|shift)\+)+(.+)")
# What the deck's widgets and the framework need for themselves.
_TAKEN: Final = frozenset(
    "up down left right enter escape home end pageup pagedown backspace delete ctrl+c j k".split()
)
_SIGNS: Final = {
    "space": "␣", "enter": "⏎", "tab": "⇥", "shift+tab": "⇧⇥", "up": "↑", "down": "↓",
    "left": "←", "right": "→",
}  # fmt: skip


class _BadKeyError(Exception):
    """What a person wrote for a key is none."""


def load_keys(file: Path, table: Sequence[Key] = TABLE) -> tuple[tuple[Key, ...], list[str]]:
    """The table with the keys of a file.

    Args:
        file: may be missing: then the table stays.
        table: the keys as they are shipped.
    Returns: the table, and a sentence `path:line: fault` for each row that was left out.
    """
    try:
        found = read_file(file, "file of keys")
    except FileNotFoundError:
        return named(table), []
    except BadFileError as error:
        return named(table), [str(error)]
    wished, problems = _read(found.data, {key.id: key for key in table if key.keys})
    changed, clashes = _laid_over(table, wished)
    return named(changed), [found.told(name, fault) for name, fault in (*problems, *clashes)]


def shown(names: Sequence[str]) -> str:
    """How keys are written on the screen: `^r F10`."""
    return " ".join(_shown(name) for name in names)


def _read(
    data: Mapping[str, Any], known: Mapping[str, Key]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    problems = [(name, f"unknown key `{name}`; expected [keys]") for name in data if name != "keys"]
    rows = data.get("keys", {})
    if not isinstance(rows, dict):
        return {}, [*problems, ("keys", "[keys] must be a table")]
    wished: dict[str, tuple[str, ...]] = {}
    for name, value in rows.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f", try `{near[0]}`" if near else "; docs/keys.md has the ids"
            problems.append((name, f"nothing is named `{name}`{hint}"))
            continue
        try:
            wished[name] = _names(value)
        except _BadKeyError as fault:
            problems.append((name, f"`{name}`: {fault}"))
    return wished, problems


def _names(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _BadKeyError(f"must be a key in quotes, or a list of them, found {value!r}")
    if len(texts) > MAX_KEYS:
        raise _BadKeyError(f"at most {MAX_KEYS} keys, found {len(texts)}")
    return tuple(dict.fromkeys(_name(text) for text in texts if text))


def _name(text: str) -> str:
    """A key as Textual names it. Raises _BadKeyError."""
    if len(text) == 1:
        name = _character_to_key(text)
    else:
        name = text.lower() if text.lower() in _NAMED or "+" in text else text
    found = _MODIFIED.fullmatch(name)
    bare = found[2] if found is not None else name
    fine = len(text) == 1 or name in _NAMED or (found is not None and _is_plain(bare))
    if not fine or name.startswith("<"):
        near = difflib.get_close_matches(name, _NAMED, n=1)
        hint = f", try `{near[0]}`" if near else "; write `r`, `ctrl+r`, `f10` or `shift+tab`"
        raise _BadKeyError(f"`{text}` is no key{hint}")
    if name in _TAKEN:
        raise _BadKeyError(f"`{text}` moves about or leaves a dialog: it stays what it is")
    return name


def _is_plain(name: str) -> bool:
    return len(name) == 1 or name in _NAMED


def _laid_over(
    table: Sequence[Key], wished: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[Key, ...], list[tuple[str, str]]]:
    """The table with these keys; who would take the key of another keeps its own."""
    wished, problems = dict(wished), []
    while True:
        owners: dict[str, str] = {}
        clash: tuple[str, str, str] | None = None
        for key in table:
            names = wished.get(key.id, tuple(name for name in key.keys.split(",") if name))
            for name in names:
                other = owners.setdefault(name, key.id)
                if other != key.id:
                    clash = (name, other, key.id)
        if clash is None:
            break
        name, *both = clash
        guilty = next(one for one in reversed(both) if one in wished)
        (other,) = (one for one in both if one != guilty)
        problems.append((guilty, f"`{guilty}`: {_shown(name)} is the key of {other} already"))
        del wished[guilty]
    changed = (
        replace(key, keys=",".join(wished[key.id]), show=shown(wished[key.id]) or "—")
        if key.id in wished
        else key
        for key in table
    )
    return tuple(changed), problems


def _shown(name: str) -> str:
    if name in _SIGNS:
        return _SIGNS[name]
    if name.startswith("ctrl+"):
        return f"^{_shown(name.removeprefix('ctrl+'))}"
    for sign in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~":
        if _character_to_key(sign) == name:
            return sign
    return name if len(name) == 1 else name[:1].upper() + name[1:]


__all__ = ["load_keys", "shown"]
