"""Bytes that arrive in pieces, made into whole lines.

Rules: a line longer than the limit is cut to it and counted in `cut`; memory stays bounded by the
limit, and the work is linear in the bytes, whatever the pieces are.
"""

from __future__ import annotations


class LineSplitter:
    """Collects pieces of one stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit  # bytes of one line
        self._rest = bytearray()
        self._overflowing = False
        self.cut = 0  # lines that lost their end

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, without their line breaks."""
        *ended, rest = data.split(b"\n")
        lines = []
        for piece in ended:
            self._add(piece)
            lines.append(self._take())
        self._add(rest)
        return lines

    def finish(self) -> list[bytes]:
        """The last line, if the stream ended without a line break."""
        return [self._take()] if self._rest else []

    def _add(self, piece: bytes) -> None:
        room = self._limit - len(self._rest)
        if len(piece) > room:
            self._overflowing = True
        self._rest += piece[:room]

    def _take(self) -> bytes:
        line = bytes(self._rest)
        self._rest.clear()
        self.cut += self._overflowing
        self._overflowing = False
        return line
