"""A unified diff of git, read: its files with what happened to each in words, and their lines.

Rules: pure, one pass. Lines end at a line feed and nowhere else: a form feed or another sign that
Python takes for the end of a line belongs to the text. What git says with modes, ids and
`similarity index` is said in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

SHORT_ID: Final = 7  # characters of a commit that are shown
_MODES: Final = {"100644": "a file", "100755": "executable", "120000": "a symbolic link",
                 "160000": "a submodule"}  # fmt: skip
_UNQUOTED: Final = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, '"': 34, "\\": 92}


class DiffFile(NamedTuple):
    """One file of a diff."""

    path: str
    note: str  # new, deleted, binary, renamed from …: in words; "" = changed
    lines: list[str]  # with their signs; hunks begin with @@
    sizes: tuple[int, int] = (0, 0)  # lines added and removed


class Head:
    """What stands between `diff --git` and the first hunk."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._said: dict[str, str] = {}
        self._binary = False
        self._untracked = False

    def take(self, line: str) -> None:
        """The next line of it."""
        if line == "new file, untracked":
            self._untracked = True
        elif line.startswith(("Binary files ", "GIT binary patch")):
            self._binary = True
        else:
            for key in ("new file mode ", "deleted file mode ", "old mode ", "new mode ",
                        "rename from ", "rename to ", "copy from ", "copy to ", "--- ", "+++ ",
                        "index "):  # fmt: skip
                if line.startswith(key):
                    self._said[key.strip()] = line.removeprefix(key)

    @property
    def path(self) -> str:
        """The file as it is now; a deleted one as it was."""
        for key in ("rename to", "copy to"):
            if key in self._said:
                return _unquoted(self._said[key])
        for key in ("+++", "---"):
            name = _unquoted(self._said.get(key, "").rstrip("\t"))
            if name.startswith(("a/", "b/")):
                return name[2:]
        return _from_line(self._line.removeprefix("diff --git "))

    def note(self, lines: list[str]) -> str:
        """What happened to the file, in words."""
        said = self._said
        if self._untracked:
            return "new, not committed"
        module = _submodule(lines)
        parts: list[str] = []
        if "rename from" in said:
            parts.append(f"renamed from {_unquoted(said['rename from'])}")
        if "copy from" in said:
            parts.append(f"copied from {_unquoted(said['copy from'])}")
        if "new file mode" in said:
            parts.append("new" + _kind(said["new file mode"]))
        if "deleted file mode" in said:
            parts.append("deleted" + _kind(said["deleted file mode"]))
        if "old mode" in said and "new mode" in said:
            parts.append(_mode_change(said["old mode"], said["new mode"]))
        if module:
            parts = [part.removesuffix(", a submodule") for part in parts]
            parts.append(module)
        elif self._binary:
            parts.append("binary")
        elif not lines and parts in (["new"], ["deleted"]):
            parts.append("empty")
        return ", ".join(parts)


def files_of(text: str) -> list[DiffFile]:
    """The files of a unified diff as git writes it."""
    found: list[DiffFile] = []
    head: Head | None = None
    lines: list[str] = []
    in_head = False
    for line in _lines(text):
        if line.startswith("diff --git "):
            if head is not None:
                found.append(_file(head, lines))
            head, lines, in_head = Head(line), [], True
        elif head is None:
            continue
        elif in_head and not line.startswith("@@"):
            head.take(line)
        else:
            in_head = False
            lines.append(line)
    if head is not None:
        found.append(_file(head, lines))
    return found


def _lines(text: str) -> Iterator[str]:
    lines = text.split("\n")
    return iter(lines[:-1] if lines and not lines[-1] else lines)


def _file(head: Head, lines: list[str]) -> DiffFile:
    note = head.note(lines)
    if "submodule" in note:
        lines = []
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    return DiffFile(head.path, note, lines, (added, removed))


def size_of(file: DiffFile) -> tuple[int, int]:
    """Lines added and removed."""
    return file.sizes


def _kind(mode: str) -> str:
    return "" if mode == "100644" else f", {_MODES.get(mode, f'mode {mode}')}"


def _mode_change(old: str, new: str) -> str:
    if (old, new) == ("100644", "100755"):
        return "made executable"
    if (old, new) == ("100755", "100644"):
        return "not executable any more"
    return f"was {_MODES.get(old, old)}, is {_MODES.get(new, new)}"


def _submodule(lines: list[str]) -> str:
    """What became of a submodule; empty where there is none."""
    ids = {}
    for line in lines:
        if line.startswith("@@"):
            continue
        name = line[1:].removeprefix("Subproject commit ")
        if len(line) < 2 or name == line[1:]:
            return ""
        ids[line[0]] = name[:SHORT_ID] + ("-dirty" if name.endswith("-dirty") else "")
    if len(ids) == 2:
        return f"submodule moved from {ids['-']} to {ids['+']}"
    return f"submodule at {next(iter(ids.values()))}" if ids else ""


def _from_line(names: str) -> str:
    """The path of `a/PATH b/PATH`: both halves are the same where nothing was renamed."""
    if names.startswith('"'):
        return _unquoted(names[: names.find('" ') + 1])[2:]
    half = (len(names) - 1) // 2
    if names[2:half] == names[half + 3 :]:
        return names[2:half]
    return names.rpartition(" b/")[2]


def _unquoted(name: str) -> str:
    """A path as it is; git quotes one with quotes, backslashes or control characters as C does."""
    if not (len(name) > 1 and name.startswith('"') and name.endswith('"')):
        return name
    found = bytearray()
    rest = iter(name[1:-1])
    for char in rest:
        if char != "\\":
            found += char.encode("utf-8", "replace")
            continue
        code = next(rest, "\\")
        if code in _UNQUOTED:
            found.append(_UNQUOTED[code])
        else:
            digits = code + next(rest, "") + next(rest, "")
            octal = len(digits) == 3 and all(digit in "01234567" for digit in digits)
            found += bytes([int(digits, 8) & 255]) if octal else digits.encode()
    return found.decode("utf-8", "replace")
