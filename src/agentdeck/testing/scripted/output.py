"""What goes to standard output: lines of JSON or text, each written at once.

Rules: JSON is made here, because importing `json` takes as long as half of the start, and most runs
read none. What goes out has no buffer: after a crash all of it is in the log.
"""

from __future__ import annotations

import os

ESCAPES = {code: f"\\u{code:04x}" for code in (*range(32), 127)}
ESCAPES |= {ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t"}


def encoded(value: object, gap: str = "") -> str:
    """A value as JSON on one line.

    Args:
        value: of dictionaries, lists, tuples, strings, numbers, booleans and None.
        gap: what stands behind each comma and colon.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        pairs = (f"{_quoted(str(k))}:{gap}{encoded(v, gap)}" for k, v in value.items())
        return "{" + f",{gap}".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + f",{gap}".join(encoded(item, gap) for item in value) + "]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    return f'"{text.translate(ESCAPES)}"'


def complain(text: str) -> None:
    """Write a line to standard error."""
    os.write(2, f"{text}\n".encode("utf-8", "replace"))


class Out:
    """Standard output. `halve` cuts the next piece in the middle and loses all after it."""

    def __init__(self) -> None:
        self.halve = False
        self._lost = False

    def json(self, value: object, gap: str = "") -> None:
        """Print one JSON line."""
        # What is no character becomes \udXXX, which is how JSON writes it.
        self.raw(encoded(value, gap).encode("utf-8", "backslashreplace") + b"\n")

    def text(self, text: str) -> None:
        """Print a line, or several."""
        self.raw(text.encode("utf-8", "replace") + b"\n")

    def raw(self, data: bytes) -> None:
        """Print bytes as they are."""
        if self._lost:
            return
        if self.halve:
            self._lost, data = True, data[: len(data) // 2]
        while data:
            data = data[os.write(1, data) :]
