"""A small TOML file of a person: read whole, and a fault in it is named with its line."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli

MAX_BYTES: Final = 64 * 1024  # of one file; real ones have one or two KiB
_AT_LINE: Final = re.compile(r"at line (\d+)")


class BadFileError(Exception):
    """A file cannot be read; the message is `path:line: fault`."""


@dataclass(frozen=True)
class TomlFile:
    """What stands in a file, and where."""

    path: Path
    text: str
    data: dict[str, Any]

    def told(self, key: str, fault: str) -> str:
        """`path:line: fault`, with the line that sets `key`; 1 when it stands nowhere."""
        pattern = re.compile(rf"""\s*\[?["']?{re.escape(key)}["']?\s*[=\]]""")
        lines = enumerate(self.text.splitlines(), start=1)
        line = next((number for number, row in lines if key and pattern.match(row)), 1)
        return f"{self.path}:{line}: {fault}"


def read_file(path: Path, what: str) -> TomlFile:
    """Read a file.

    Args:
        path: where it is.
        what: what it cannot be when it is too large: "theme".

    Raises:
        FileNotFoundError: there is none.
        BadFileError: it is too large, no text, or no TOML.
    """
    text = ""
    try:
        found = _bytes_of(path)
        if len(found) > MAX_BYTES:
            raise BadFileError(f"{path}:1: larger than {MAX_BYTES // 1024} KiB, so it is no {what}")
        text = found.decode("utf-8")
        return TomlFile(path, text, tomli.loads(text))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadFileError(f"{path}:1: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadFileError(f"{path}:{line}: is not UTF-8 text") from error
    except RecursionError:
        raise BadFileError(f"{path}:1: values are nested too deeply") from None
    except ValueError as error:  # no TOML; a number of thousands of digits, a day that there is not
        place = _AT_LINE.search(str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        raise BadFileError(f"{path}:{line}: {error}") from error


def _bytes_of(path: Path) -> bytes:
    """One byte more than may be at most. A pipe is not waited for; the null device is empty."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) and not os.path.samestat(found, Path(os.devnull).stat()):
            raise BadFileError(f"{path}:1: is no file")
        return file.read(MAX_BYTES + 1)


__all__ = ["BadFileError", "TomlFile", "read_file"]
