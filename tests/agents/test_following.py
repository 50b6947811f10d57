"""Following a log: the totals are those of reading every line, for the price of the last few."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.agents.line_reader import Context
from agentdeck.agents.plain import PlainLines
from agentdeck.agents.readers import LAST_LINES, Reader, line_reader
from agentdeck.agents.reports import Report
from agentdeck.agents.summary import Summary

MAX_LINE = 400  # bytes; short enough for a drawn line to be longer, long enough for a full report

LINES = [b"", b" ", b"\r", b"\x1b[1m", b"ok\rbetter", b"  one  ", b"\xff\xfe", b"x" * 300]
CUT = [b" " * MAX_LINE + b"gone", b"kept" + b" " * MAX_LINE + b"\r", "…".encode() * MAX_LINE]

line = st.sampled_from([*LINES, *CUT]) | st.binary(max_size=12)
output = st.lists(line, max_size=30).map(b"\n".join)


def reader(stream_format: str, message: str) -> Reader:
    return Reader(
        line_reader(stream_format, Context()),
        100,
        Summary(message=message),
        MAX_LINE,
        LAST_LINES[stream_format],
    )


@pytest.mark.parametrize("stream_format", LAST_LINES)
@given(
    data=output,
    cuts=st.lists(st.integers(0, 2000), max_size=6),
    message=st.sampled_from(["", "\n", "before", "many\n" * 20, "wide " * 240]),
)
def test_any_output_in_any_pieces_is_followed_as_if_every_line_was_read(
    stream_format: str, data: bytes, cuts: list[int], message: str
) -> None:
    """Offset and totals are the same after each piece; of the reports the last ones are left."""
    simple, fast = reader(stream_format, message), reader(stream_format, message)
    at = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        every, left = simple.feed(data[at:cut]), fast.follow(data[at:cut])
        assert left == every[len(every) - len(left) :]
        assert state(fast) == state(simple)
        at = cut
    assert fast.finish() == simple.finish()
    assert state(fast) == state(simple)


def state(reader: Reader) -> tuple[object, ...]:
    return reader.offset, reader.result, reader.summary


class Counted(PlainLines):
    """Counts the lines that it is given."""

    count = 0

    def read(self, line: bytes) -> list[Report]:
        self.count += 1
        return super().read(line)


def test_a_flood_of_plain_output_is_not_looked_at_line_by_line() -> None:
    """Ten thousand lines in one piece take no more reading than twenty."""
    looked_at = []
    for lines in (20, 10_000):
        plain = Counted(Context())
        Reader(plain, 0, Summary(), last_lines=LAST_LINES["plain"]).follow(b"PASSED\n" * lines)
        looked_at.append(plain.count)
    assert looked_at[0] == looked_at[1] <= 2 * LAST_LINES["plain"]
