"""A unified diff as lines for the screen: files with their size, hunks, changes in colour.

Rules: pure; called in a thread. At most `MAX_LINES` lines are made, and what is left out is said.
Code is coloured by the file's language where one is known; a changed line keeps its sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from rich.text import Text

from agentdeck.control.sanitize import clean
from agentdeck.tui.presentation.diff_rows import DiffRow

MAX_LINES: Final = 20_000
MAX_COLOURED: Final = 3_000  # lines that get syntax colours: beyond, reading is not what one does
NUMBER_CELLS: Final = 5


class DiffColours(NamedTuple):
    """Styles in the words of rich."""

    added: str
    removed: str
    hunk: str
    file: str
    muted: str
    dark: bool


class DiffFile(NamedTuple):
    """One file of a diff."""

    path: str
    note: str  # new, deleted, binary, ...
    lines: list[str]


def files_of(text: str) -> list[DiffFile]:
    """The files of a unified diff as git writes it."""
    found: list[DiffFile] = []
    path, note, lines = "", "", list[str]()
    in_head = False
    for line in text.splitlines():
        if line.startswith("diff --git "):
            if path:
                found.append(DiffFile(path, note, lines))
            path, note, lines, in_head = line.rpartition(" b/")[2], "", [], True
        elif in_head and line.startswith("@@"):
            in_head = False
            lines.append(line)
        elif in_head:
            note = _note(line) or note
        else:
            lines.append(line)
    if path:
        found.append(DiffFile(path, note, lines))
    return found


def _note(line: str) -> str:
    for start, note in (
        ("new file, untracked", "new, not committed"),
        ("new file", "new"),
        ("deleted file", "deleted"),
        ("Binary files", "binary"),
        ("old mode", "mode changed"),
    ):
        if line.startswith(start):
            return note
    return ""


def size_of(file: DiffFile) -> tuple[int, int]:
    """Lines added and removed."""
    added = sum(line.startswith("+") for line in file.lines)
    return added, sum(line.startswith("-") for line in file.lines)


def diff_texts(text: str, colours: DiffColours) -> list[Text]:
    """The diff, ready to be shown."""
    return [row.text for row in diff_rows(text, colours)]


def diff_rows(text: str, colours: DiffColours) -> list[DiffRow]:
    """The diff, ready to be gone through."""
    files = files_of(text)
    found: list[DiffRow] = []
    added = sum(size_of(file)[0] for file in files)
    removed = sum(size_of(file)[1] for file in files)
    if files:
        word = "file" if len(files) == 1 else "files"
        size = Text.assemble((f"{len(files)} {word} ", "bold"), *_size(added, removed, colours))
        found.append(DiffRow(size, "text"))
    for file in files:
        for row in _file(file, colours, coloured=len(found) < MAX_COLOURED):
            if len(found) >= MAX_LINES:
                rest = Text("… the rest is left out; `git diff` has it", colours.muted)
                found.append(DiffRow(rest, "text"))
                return found
            found.append(row)
    return found


def _size(added: int, removed: int, colours: DiffColours) -> list[tuple[str, str]]:
    return [(f"+{added}", colours.added), (" ", ""), (f"−{removed}", colours.removed)]


def _file(file: DiffFile, colours: DiffColours, *, coloured: bool) -> Iterator[DiffRow]:
    note = f"  {file.note}" if file.note else ""
    path = clean(file.path.encode("utf-8", "replace"))
    yield DiffRow(Text(""), "text")
    head = Text.assemble((path, colours.file), (note, colours.muted), "  ")
    if file.lines:
        head.append_text(Text.assemble(*_size(*size_of(file), colours)))
    yield DiffRow(head, "file", file.path)
    code = _coloured(file, colours) if coloured else None
    number = 0
    for at, line in enumerate(file.lines):
        if line.startswith("@@"):
            number = _new_start(line)
            shown = clean(line.encode("utf-8", "replace"))
            hunk = Text(" " * NUMBER_CELLS + "  " + shown, colours.hunk)
            yield DiffRow(hunk, "hunk", file.path, number)
            continue
        sign = line[:1] or " "
        role = {"+": colours.added, "-": colours.removed}.get(sign, "")
        shown = str(number) if sign in "+ " and number else ""
        here, kind = number, "gone" if sign == "-" else "line"
        number += sign in "+ "
        text = Text(shown.rjust(NUMBER_CELLS) + " ", colours.muted)
        text.append(sign, role)
        text.append_text(code[at] if code is not None else Text(_safe(line[1:]), role))
        yield DiffRow(text, kind, file.path, here)


def _safe(line: str) -> str:
    return clean(line.encode("utf-8", "replace")).expandtabs(4)


def _new_start(hunk: str) -> int:
    try:
        return int(hunk.partition("+")[2].partition(" ")[0].partition(",")[0])
    except ValueError:
        return 0


def _coloured(file: DiffFile, colours: DiffColours) -> list[Text] | None:
    """The lines with syntax colours, one each; None where the language is not known."""
    from rich.syntax import Syntax

    name = Syntax.guess_lexer(file.path)
    if name in ("default", "text"):
        return None
    source = "\n".join(_safe(line[1:]) for line in file.lines)
    syntax = Syntax("", name, theme="ansi_dark" if colours.dark else "ansi_light")
    lines = list(syntax.highlight(source).split("\n", allow_blank=True))
    for text, line in zip(lines, file.lines, strict=False):
        # the sign's colour wins where the syntax has none, so a change is seen on the whole line
        text.style = {"+": colours.added, "-": colours.removed}.get(line[:1], "")
    short = len(file.lines) - len(lines)
    return lines + [Text("")] * max(0, short)
