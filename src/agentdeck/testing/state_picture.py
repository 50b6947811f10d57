"""The picture `docs/states.svg`: the way of a task through its states.

Rules:
- It shows every change in the table of `core.transitions` that happens by itself; `drawn` says
  which, and a test compares. What a person or a changed plan does leads from almost everywhere
  to a few states: drawn, that is a tangle, so a sentence says it, and the page has the table.
- Where everything stands is written down here: `python -m agentdeck.testing.state_picture`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from agentdeck.core import events as e
from agentdeck.core.state import TaskState as S
from agentdeck.core.transitions import TRANSITIONS

WIDTH, HEIGHT = 1190, 370
BOX: Final = (92, 30)  # of a state
LIVE: Final = (S.WORKING, S.ASKING, S.PAUSED)  # the states in the frame: an agent's process runs
FRAME: Final = (375, 38, 210, 168)  # x, y, width, height
FAILING: Final = (S.PREPARING, S.CHECKING, S.REVIEWING, S.QUEUED)
BY_OTHERS: Final = (
    e.TaskRetried, e.TaskSkipped, e.TaskUnskipped, e.TaskCancelled, e.PlanChanged, e.LandingFound,
)  # fmt: skip
PLACES: Final[dict[S, tuple[int, int]]] = {
    S.PENDING: (60, 170),
    S.READY: (175, 170),
    S.PREPARING: (295, 170),
    S.WORKING: (480, 170),
    S.ASKING: (428, 80),
    S.PAUSED: (532, 80),
    S.TAKEN: (660, 80),
    S.CHECKING: (660, 170),
    S.REVIEWING: (775, 170),
    S.PROPOSED: (890, 170),
    S.QUEUED: (1005, 170),
    S.LANDED: (1120, 170),
    S.RETRYING: (400, 290),
    S.FAILED: (540, 290),
    S.SKIPPED: (720, 290),
    S.DEFERRED: (840, 290),
    S.CANCELLED: (1120, 290),
}
FILLS: Final = {
    S.LANDED: "#d5edd8",
    S.FAILED: "#f6d5d2",
    S.CANCELLED: "#f6d5d2",
    S.ASKING: "#fbe9c0",
    S.PROPOSED: "#fbe9c0",
    **dict.fromkeys((S.SKIPPED, S.DEFERRED), "#e6e6e6"),
}
SENTENCE: Final = (
    "A person retries, skips or stops a task in almost every state, and a changed plan defers it:"
    " the table has each of these changes."
)

_PICTURE: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
 font-family="system-ui, sans-serif" font-size="13">
<title>The states of a task</title>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
 orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="#4b5b68"/></marker></defs>
<rect width="{width}" height="{height}" rx="8" fill="#fbfcfd"/>
<rect {frame} rx="8" fill="#eef3f7" stroke="#b8c4cd" stroke-dasharray="4 3"/>
<text {inside} fill="#5f6f7c" font-size="11">its agent runs</text>
<g fill="none" stroke="#4b5b68" stroke-width="1.3">
<path d="{dependencies}" marker-end="url(#a)"/>
{lines}
</g>
{parts}
<text {below} fill="#33414c" text-anchor="middle">{sentence}</text>
</svg>
"""


class Way(NamedTuple):
    """A line of the picture, and the changes that it stands for."""

    sources: tuple[S, ...]
    targets: tuple[S, ...]
    path: str  # of SVG
    words: str = ""
    at: tuple[int, int] = (0, 0)  # where the words begin
    both: bool = False  # there and back


WAYS: Final = (
    Way((S.READY,), (S.PREPARING,), "M221 170H247"),
    Way((S.PREPARING,), (S.WORKING,), "M341 170H432"),
    Way((S.PREPARING,), (S.ASKING,), "M295 155V80H380"),
    Way((S.WORKING,), (S.ASKING,), "M465 154L441 97", both=True),
    Way((S.WORKING,), (S.PAUSED,), "M495 154L519 97", both=True),
    Way((S.PAUSED,), (S.ASKING,), "M486 75H476"),
    Way((S.ASKING,), (S.PAUSED,), "M474 85H484"),
    Way(LIVE, (S.CHECKING,), "M585 170H612"),
    Way(LIVE, (S.TAKEN,), "M585 80H612"),
    Way((S.TAKEN,), (S.CHECKING,), "M660 97V153", both=True),
    Way((S.CHECKING,), (S.REVIEWING,), "M706 170H727"),
    Way((S.CHECKING,), (S.PROPOSED,), "M690 155V132H880V153"),
    Way((S.REVIEWING,), (S.PROPOSED,), "M821 170H842"),
    Way((S.PROPOSED,), (S.QUEUED,), "M936 170H957"),
    Way((S.QUEUED,), (S.LANDED,), "M1051 170H1072"),
    Way((S.CHECKING,), (S.LANDED,), "M698 155V112H1110V153", "nothing to land", (930, 107)),
    Way((S.ASKING,), (S.LANDED,), "M428 65V22H1130V153", "what is there is enough", (930, 17)),
    Way((S.CHECKING,), (S.READY,), "M645 185V222H165V187"),
    Way(
        (S.CHECKING,), (S.PENDING,), "M645 185V222H75V187", "goes on in another attempt", (304, 217)
    ),
    Way(FAILING, (S.RETRYING,), "M295 185V240M660 185V240M775 185V240M1005 185V240M295 240H1005"),
    Way(FAILING, (S.RETRYING,), "M400 240V273", "tried again", (408, 262)),
    Way(FAILING, (S.FAILED,), "M540 240V273", "given up", (548, 262)),
    Way((S.RETRYING,), (S.READY,), "M354 290H185V187"),
    Way((S.RETRYING,), (S.PENDING,), "M354 290H50V187", "when its time has come", (200, 306)),
    Way((S.LANDED,), (S.CANCELLED,), "M1120 185V273", "reverted", (1062, 235)),
)
DEPENDENCIES: Final = "M106 170H127"  # no event: `pending` becomes `ready` by what others do


def by_itself() -> set[tuple[S, S]]:
    """The changes of state that a picture has to show."""
    return {
        (source, target)
        for (source, event), found in TRANSITIONS.items()
        for target in found
        if event not in BY_OTHERS and target is not source
    }


def drawn() -> set[tuple[S, S]]:
    """Those that it shows."""
    pairs = {(source, target) for way in WAYS for source in way.sources for target in way.targets}
    return pairs | {(target, source) for way in WAYS if way.both for source, target in _ends(way)}


def _ends(way: Way) -> list[tuple[S, S]]:
    return [(source, target) for source in way.sources for target in way.targets]


def as_svg() -> str:
    """The picture. It has a ground of its own, so it can stand on a light and on a dark page."""
    x, y, width, height = FRAME
    parts = [*(_words(way) for way in WAYS if way.words), *map(_box, S)]
    return _PICTURE.format(
        width=WIDTH,
        height=HEIGHT,
        frame=f'x="{x}" y="{y}" width="{width}" height="{height}"',
        inside=f'x="{x + 8}" y="{y + 16}"',
        dependencies=DEPENDENCIES,
        lines="\n".join(map(_line, WAYS)),
        parts="\n".join(parts),
        below=f'x="{WIDTH // 2}" y="{HEIGHT - 18}"',
        sentence=SENTENCE,
    )


def _line(way: Way) -> str:
    head = "" if "M" in way.path[1:] else ' marker-end="url(#a)"'  # lines that run together
    tail = ' marker-start="url(#a)"' if way.both else ""
    return f'<path d="{way.path}"{head}{tail}/>'


def _words(way: Way) -> str:
    x, y = way.at
    return f'<text x="{x}" y="{y}" fill="#5f6f7c" font-size="11">{way.words}</text>'


def _box(state: S) -> str:
    (x, y), (width, height) = PLACES[state], BOX
    return (
        f'<rect x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" rx="6"'
        f' fill="{FILLS.get(state, "#ffffff")}" stroke="#4b5b68"/>'
        f'<text x="{x}" y="{y + 4}" fill="#1b252d" text-anchor="middle">{state}</text>'
    )


if __name__ == "__main__":
    print(as_svg(), end="")
