"""The tour: five steps over the room, each a pane, two sentences and the key to press next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from agentdeck.tui.presentation.key_names import in_words, spoken
from agentdeck.tui.presentation.line import EMPTY, Line, Span, wrapped

CARD_CELLS: Final = 58  # of a card with its frame, where the screen has them
MARGIN: Final = 2  # cells between the card and the edge


class Step(NamedTuple):
    """One step."""

    pane: str  # plan | task | agents | queue | header
    key: str  # the id of the key that goes on
    title: str
    said: str  # what the pane is
    then: str  # what the key does; behind its name


STEPS: Final = (
    Step(
        "plan",
        "view.plan",
        "The plan",
        "Every task of the plan is here, with its state and with what it needs.",
        "turns the plan: as a graph, as an outline, on a timeline.",
    ),
    Step(
        "task",
        "view.next_tab",
        "The task",
        "The task with the cursor: the log of its agent, its diff, gates, brief and history.",
        "turns to the next of these tabs.",
    ),
    Step(
        "agents",
        "move.queue",
        "The agents",
        "Whoever is at work, what they do just now, and for how long.",
        "goes on to the merge queue; {move.plan} and its neighbours are the panes.",
    ),
    Step(
        "queue",
        "move.next_pane",
        "The merge queue",
        "Proven work waits here and lands once its gates pass on exactly what would land.",
        "goes from pane to pane.",
    ),
    Step(
        "header",
        "view.inbox",
        "What needs you",
        "What waits for a person is counted at the left of the first line, and loud.",
        "opens all of it, one answer after the other. That is the tour; {deck.help} has the rest.",
    ),
)


def card_lines(number: int, width: int, shows: Mapping[str, str]) -> list[Line]:
    """What a card says.

    Args:
        number: of the step, from 0.
        width: cells of a line.
        shows: by id, how the person's keys are shown.
    """
    step = STEPS[number]
    key = spoken(shows[step.key])
    found: list[Line] = list(wrapped(step.said, width))
    found.append(EMPTY)
    rows = list(wrapped(f"Press {key}: it {in_words(step.then, shows)}", width))
    return [*found, _lit(rows[0], f"Press {key}"), *rows[1:]]


def _lit(row: Line, begin: str) -> Line:
    """A row whose first words stand out."""
    text = "".join(span.text for span in row)
    if not text.startswith(begin):
        return row
    return (Span(begin, "key bold"), Span(text[len(begin) :]))


def place_of(pane: str, screen: tuple[int, int], card: tuple[int, int]) -> tuple[int, int]:
    """Where the card stands: beside the pane it is about, as far as there is a beside.

    Args:
        screen: columns and rows.
        card: columns and rows.
    """
    width, height = screen
    left = MARGIN
    right = max(0, width - card[0] - MARGIN)
    above = MARGIN
    below = max(0, height - card[1] - MARGIN)
    match pane:
        case "plan":
            return right, below
        case "task":
            return left, below
        case "agents":
            return right, above
        case "queue":
            return left, above
        case _:
            return max(0, (width - card[0]) // 2), max(0, (height - card[1]) // 2)


__all__ = ["CARD_CELLS", "STEPS", "Step", "card_lines", "place_of"]
