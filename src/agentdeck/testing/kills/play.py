"""One run with kills from its beginning to the verdict on it, by its seed."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final

from agentdeck.testing.kills.checkout import differences, seen_of
from agentdeck.testing.kills.faults import faults
from agentdeck.testing.kills.story import Story, Told, moments
from agentdeck.testing.kills.victims import Kind

EVENTS_A_TASK: Final = 14  # of a run without kills there are about sixteen: not all are at its end


def kinds_of(seed: str, count: int) -> list[Kind]:
    """So many kinds for one run, in no order: none comes again before all others came."""
    chance, found = Random(seed), list[Kind]()
    while len(found) < count:
        found += chance.sample(list(Kind), len(Kind))
    return found[:count]


def played(place: Path, plan: Path, speed: float, seed: str, kinds: list[Kind]) -> Told:
    """Play a run at `place`, which is made; what came of it.

    Raises:
        RuntimeError: a command of agentdeck failed.
        OSError, PlanProblems: the plan cannot be read.
    """
    place.mkdir(parents=True)
    story = Story(place, plan, speed, seed)
    story.play(moments(seed, kinds, EVENTS_A_TASK * len(story.plan.tasks)))
    state = story.ended()
    story.told.faults += faults(story.checkout, story.folder, state, place)
    story.told.faults += differences(story.before, seen_of(story.checkout))
    return story.told


__all__ = ["kinds_of", "played"]
