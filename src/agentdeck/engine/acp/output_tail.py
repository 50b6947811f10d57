"""The end of a command's output, as much of it as an agent wants to keep.

Rules: what is dropped is dropped from the start, and never half a character: the first byte kept
begins one. Memory stays within twice the limit.
"""

from __future__ import annotations

from typing import Final

MAX_CONTINUATION: Final = 3  # bytes of a UTF-8 character after its first


class OutputTail:
    """Collects output."""

    def __init__(self, limit: int) -> None:
        self._limit = limit  # bytes
        self._kept = bytearray()
        self._total = 0

    @property
    def truncated(self) -> bool:
        """Whether some of the output is gone."""
        return self._total > self._limit

    def add(self, data: bytes) -> None:
        """More output."""
        self._total += len(data)
        self._kept += data[-self._limit :] if self._limit else b""
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    def text(self) -> str:
        """What is kept. Bytes that are no UTF-8 come out as replacement characters."""
        kept = bytes(self._kept[-self._limit :]) if self._limit else b""
        if self.truncated:
            start = 0
            while start < min(MAX_CONTINUATION, len(kept)) and kept[start] & 0xC0 == 0x80:
                start += 1
            kept = kept[start:]
        return kept.decode("utf-8", "replace")
