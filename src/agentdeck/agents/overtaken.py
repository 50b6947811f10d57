"""The lines of a piece that are shown at its end: those whose place no other has taken.

Rules:
- Of lines that are skimmed one after the other, the latest prose is shown, then the latest activity
  that came after it, then what has been used. The summary takes from these what it would have had
  by reading every line.
- Of prose in pieces the last ones are cleaned, as many as a summary keeps, and joined at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentdeck.agents.one_line import plain_piece
from agentdeck.agents.reports import MESSAGE_CHARS, Said
from agentdeck.agents.skimming import ACTIVE, CALLS, COUNTS, GOES_ON, SPEAKS, M, Skimming
from agentdeck.agents.summary import Summary


def skimmed(
    skimming: Skimming[M], summary: Summary, lines: Sequence[bytes], start: int
) -> tuple[int, int]:
    """Skim lines as far as that can be done, and bring the summary up to date.

    Args:
        skimming: what reads them; its memory is that of the end afterwards.
        summary: of the attempt; it is changed.
        lines: each with its line break.
        start: the first one that is skimmed.

    Returns:
        The number of the first line that has to be read, and what those before it do, in the bits
        of `skimming`.
    """
    before, skim = skimming.memory, skimming.skim
    prose: bytes | None = None  # the beginning of the latest, when it is among these lines
    more: list[str] = []  # what goes on it
    active: bytes | None = None  # the latest activity, when it came after that prose
    end, did, calls = start, 0, 0
    for end in range(start, len(lines)):
        line = lines[end]
        does = skim(line)
        if does is None:
            break
        did |= does
        if does & SPEAKS:
            active = None
            if does & GOES_ON:
                more.append(skimming.piece)
            else:
                prose = line
                more.clear()
        elif does & ACTIVE:
            active = line
            if does & CALLS:
                calls += 1
    else:
        end = len(lines)
    summary.tools += calls
    if prose is not None:
        _show(skimming, summary, prose)
    if more:
        summary.show(Said(_latest(more), more=True))
    if active is not None:
        _show(skimming, summary, active)
    if did & COUNTS:
        for report in skimming.used(before):
            summary.take(report)
    return end, did


def _latest(pieces: list[str]) -> str:
    """The end of what the pieces say, longer than a message if all of it is."""
    latest, chars = list[str](), 0
    for piece in reversed(pieces):
        latest.append(plain_piece(piece, MESSAGE_CHARS))
        chars += len(latest[-1])
        if chars > MESSAGE_CHARS:
            break
    return "".join(reversed(latest))


def _show(skimming: Skimming[M], summary: Summary, line: bytes) -> None:
    for report in skimming.words(line):
        summary.show(report)
