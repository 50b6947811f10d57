"""Reads and writes files of the worktree for an agent that asks us to.

Rules:
- Symbolic links are followed as long as they end inside the worktree. The resolved path is then
  walked name by name from the worktree's descriptor without following any link, so a link that
  appears in between makes the request fail and leads nowhere.
- Regular files only: a FIFO or a device would hold us up. Sizes are bounded.
- Text is UTF-8, line breaks are kept as they are. What is not text is refused rather than mangled.
- A missing folder on the way to a new file is made.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from agentdeck.engine.acp.paths import Refused, below, shown

MAX_BYTES: Final = 10 << 20  # of a file; sources are far smaller, and it has to fit in a message

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK opening a FIFO would wait for its other end.
_FILE: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def resolve(root: Path, wanted: str) -> tuple[str, ...]:
    """The names that lead from the real worktree to what `wanted` means, links resolved.

    Raises:
        Refused: it is outside, or git's.
    """
    real = os.path.realpath(root)
    names = below((os.fspath(root), real), wanted)
    return below((real,), os.path.realpath(Path(real, *names)))


def read_text(root: Path, wanted: str, line: int | None = None, limit: int | None = None) -> str:
    """The text of a file.

    Args:
        root: the worktree.
        wanted: the file, as the agent names it.
        line: the first line to return, from 1; None = from the start.
        limit: how many lines; None = to the end.

    Raises:
        Refused: it lies outside, is no text, or is too large.
        OSError: it cannot be read, or is not there.
    """
    with _open(root, wanted, os.O_RDONLY) as fd:
        data = _read(fd, wanted)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{shown(wanted)} is not UTF-8 text") from None
    return cut(text, line, limit)


def write_text(root: Path, wanted: str, content: str) -> None:
    """Make `content` the text of a file, new or not.

    Raises:
        Refused: it lies outside, is no regular file, or the content is too large or no text.
        OSError: it cannot be written.
    """
    try:
        data = content.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused("the content holds half a character (a lone surrogate)") from None
    if len(data) > MAX_BYTES:
        raise Refused(f"the content has {len(data)} bytes, more than {MAX_BYTES}")
    with _open(root, wanted, os.O_WRONLY | os.O_CREAT) as fd:
        os.ftruncate(fd, 0)
        while data:
            data = data[os.write(fd, data) :]


def cut(text: str, line: int | None, limit: int | None) -> str:
    """Lines of `text`, with their breaks."""
    if line is None and limit is None:
        return text
    first = max((line or 1) - 1, 0)
    lines = text.split("\n")
    chosen = lines[first:] if limit is None else lines[first : first + limit]
    ends_inside = bool(chosen) and first + len(chosen) < len(lines)
    return "\n".join(chosen) + ("\n" if ends_inside else "")


@contextmanager
def _open(root: Path, wanted: str, flags: int) -> Iterator[int]:
    names = resolve(root, wanted)
    if not names:
        raise Refused(f"{shown(wanted)} is the worktree itself")
    *folders, name = names
    with _folder(root, folders, make=bool(flags & os.O_CREAT)) as folder:
        fd = os.open(name, flags | _FILE, 0o666, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Refused(f"{shown(wanted)} is not a regular file")
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _folder(root: Path, names: list[str], *, make: bool) -> Iterator[int]:
    fd = os.open(os.path.realpath(root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            inner = _enter(fd, name, make=make)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def _enter(folder: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):  # somebody was faster; what it is shows when it is opened
        os.mkdir(name, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _read(fd: int, wanted: str) -> bytes:
    chunks, left = [], MAX_BYTES + 1
    while left and (chunk := os.read(fd, left)):
        chunks.append(chunk)
        left -= len(chunk)
    if not left:
        raise Refused(f"{shown(wanted)} has more than {MAX_BYTES} bytes")
    return b"".join(chunks)
