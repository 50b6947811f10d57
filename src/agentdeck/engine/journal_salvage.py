"""Rows of a journal, found in the bytes of a damaged database and its log.

Rules:
- Nothing of SQLite is trusted: neither its header, nor which pages belong to the tree, nor the
  checksums of its log. Whatever looks like a row of the table of events is a candidate, wherever it
  lies, also more than one for a number.
- A candidate proves nothing. The chain says which of them are what was written (`longest`).
"""

from __future__ import annotations

import re
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agentdeck.core.chain import LINK_BYTES, START, link

PAGE_SIZES: Final = tuple(512 << n for n in range(8))  # that SQLite knows: 512 to 65536
USUAL_PAGE: Final = 4096  # where a header is damaged; journals have never had another size
WAL_HEADER: Final = 32  # bytes before the first frame
FRAME_HEADER: Final = 24  # bytes before the page in a frame
MAX_IMAGES: Final = 8  # of one overflow page that are tried, the newest first
MAX_EVENT: Final = 256 * 1024 * 1024  # bytes; a length beyond it is a flipped bit
# Header of a record: its length, NULL for the row's own number, `at`, `v`, `event`, `link`.
_HEADER: Final = re.compile(
    rb"[\x05-\x0b]\x00([\x01-\x09])([\x01-\x06\x08\x09])([\x80-\xff]{0,3}[\x00-\x7f])(\x1c|\x00)?",
    re.DOTALL,
)
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type: bytes
_BLOB: Final = 12  # the first serial type of one


@dataclass(frozen=True, slots=True)
class Row:
    """What looks like an event."""

    seq: int
    at: float
    version: int
    event: bytes
    link: bytes | None


@dataclass(frozen=True, slots=True)
class _Pages:
    """All images of all pages."""

    size: int
    images: Mapping[int, Sequence[bytes]]  # by number, the newest first


def rows_in(database: bytes, log: bytes = b"") -> Iterator[Row]:
    """Everything in a database and its write-ahead log that looks like an event."""
    pages = _pages(database, log)
    for images in pages.images.values():
        for image in images:
            yield from _rows_on(image, pages)


def longest(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """The longest run of rows from the first event on that the chain bears out.

    A row whose own link is damaged is taken when the row behind it bears it out. Rows of before
    links are taken as they come, until one has a link.

    Returns: those rows, and the rows behind them that nothing bears out.
    """
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row not in found[row.seq]:
            found[row.seq].append(row)
    sound: list[Row] = []
    before, linked, seq = START, False, 1
    while (next_one := _fitting(found, seq, before, linked=linked)) is not None:
        sound.append(next_one)
        before = _reckoned(before, next_one)
        linked, seq = linked or next_one.link is not None, seq + 1
    return sound, [one for seq in sorted(found) if seq > len(sound) for one in found[seq]]


def _fitting(
    found: Mapping[int, Sequence[Row]], seq: int, before: bytes, *, linked: bool
) -> Row | None:
    candidates = found.get(seq, ())
    for row in candidates:
        if row.link == _reckoned(before, row):
            return row
    for row in candidates:
        after = _reckoned(before, row)
        if any(one.link == _reckoned(after, one) for one in found.get(seq + 1, ())):
            return row
    old = [row for row in candidates if row.link is None]
    return old[0] if len(old) == 1 and not linked else None


def _reckoned(before: bytes, row: Row) -> bytes:
    return link(before, row.seq, row.at, row.version, row.event)


def _pages(database: bytes, log: bytes) -> _Pages:
    size = _page_size(database, log)
    images: dict[int, list[bytes]] = defaultdict(list)
    for at in range(0, len(database), size):
        images[at // size + 1].append(database[at : at + size])
    for at in range(WAL_HEADER, len(log), FRAME_HEADER + size):
        (number,) = struct.unpack(">I", log[at : at + 4].ljust(4, b"\0"))
        images[number].insert(0, log[at + FRAME_HEADER : at + FRAME_HEADER + size])
    return _Pages(size, images)


def _page_size(database: bytes, log: bytes) -> int:
    (stated,) = struct.unpack(">H", database[16:18].ljust(2, b"\0"))
    (logged,) = struct.unpack(">I", log[8:12].ljust(4, b"\0"))
    for size in (logged, 65536 if stated == 1 else stated):
        if size == USUAL_PAGE:
            return USUAL_PAGE
    both = logged in PAGE_SIZES and logged == stated
    return logged if both else USUAL_PAGE


def _rows_on(image: bytes, pages: _Pages) -> Iterator[Row]:
    for match in _HEADER.finditer(image):
        head = _Head.read(image, match)
        if head is None:
            continue
        seq = head.number_before(image)
        if seq is None:
            continue
        for payload in _payloads(image, match.start(), head.size, pages):
            found = head.row(seq, payload)
            if found is not None:
                yield found


@dataclass(frozen=True, slots=True)
class _Head:
    """The header of a record, and how long the record is by it."""

    start: int
    length: int  # of the header
    at: int  # serial types
    version: int
    event: int  # bytes
    linked: bool
    size: int  # of the whole record

    @classmethod
    def read(cls, image: bytes, match: re.Match[bytes]) -> _Head | None:
        length = image[match.start()]
        at, version = match[1][0], match[2][0]
        serial, taken = _varint(match[3], 0)
        last = match[4]
        linked = last == b"\x1c"
        fixed = 4 + len(match[3])
        # The last column is not there in rows of before links, and what follows is of the body.
        if length == fixed:
            linked = False
        elif last is None or length != fixed + 1:
            return None
        event = (serial - _BLOB) // 2
        if taken != len(match[3]) or serial < _BLOB or serial % 2 or event > MAX_EVENT:
            return None
        body = _width(at) + _width(version) + event + (LINK_BYTES if linked else 0)
        return cls(match.start(), length, at, version, event, linked, length + body)

    def number_before(self, image: bytes) -> int | None:
        """The number of the row: it stands before the record, behind the record's length."""
        size = _as_varint(self.size)
        for width in range(1, 6):
            at = self.start - width
            if at >= len(size) and image[at - len(size) : at] == size:
                number, taken = _varint(image, at)
                if taken == width and number > 0:
                    return number
        return None

    def row(self, seq: int, payload: bytes) -> Row | None:
        if len(payload) < self.size:
            return None
        at = self.length
        when, at = _number(payload, at, self.at)
        version, at = _number(payload, at, self.version)
        event, at = payload[at : at + self.event], at + self.event
        stored = payload[at : at + LINK_BYTES] if self.linked else None
        return Row(seq, float(when), int(version), event, stored)


def _payloads(image: bytes, start: int, size: int, pages: _Pages) -> Iterator[bytes]:
    """The record that starts at `start`, with what of it lies on other pages.

    https://www.sqlite.org/fileformat2.html, "Cell Payload Overflow Pages"; a table's leaf.
    """
    most = pages.size - 35
    if size <= most:
        yield image[start : start + size]
        return
    least = (pages.size - 12) * 32 // 255 - 23
    local = least + (size - least) % (pages.size - 4)
    local = least if local > most else local
    begun = image[start : start + local]
    pointer = image[start + local : start + local + 4]
    if len(pointer) == 4:
        (number,) = struct.unpack(">I", pointer)
        for turn in range(MAX_IMAGES):
            rest = _overflow(number, size - local, pages, turn)
            if rest is None:
                return
            yield begun + rest


def _overflow(number: int, wanted: int, pages: _Pages, turn: int) -> bytes | None:
    """The rest of a record; `turn` counts how old the images of its pages are."""
    found, newest = bytearray(), True
    while wanted > len(found):
        images = pages.images.get(number, ())
        if not images:
            return None
        newest = newest and turn >= len(images)
        image = images[min(turn, len(images) - 1)]
        (number,) = struct.unpack(">I", image[:4].ljust(4, b"\0"))
        found += image[4:]
        if len(image) < pages.size:
            break
    return None if newest and turn else bytes(found[:wanted])


def _number(payload: bytes, at: int, serial: int) -> tuple[float, int]:
    if serial == 7:
        (real,) = struct.unpack(">d", payload[at : at + 8])
        return real, at + 8
    if serial in (8, 9):
        return serial - 8, at
    width = _INTEGERS[serial]
    return int.from_bytes(payload[at : at + width], "big", signed=True), at + width


def _width(serial: int) -> int:
    return 8 if serial == 7 else _INTEGERS.get(serial, 0)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of SQLite's own form, of at most five bytes here; and how many it takes."""
    value = 0
    for taken in range(1, 6):
        if at + taken > len(data):
            return 0, 0
        byte = data[at + taken - 1]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, taken
    return 0, 0


def _as_varint(value: int) -> bytes:
    found = bytearray([value & 0x7F])
    while value := value >> 7:
        found.insert(0, value & 0x7F | 0x80)
    return bytes(found)
