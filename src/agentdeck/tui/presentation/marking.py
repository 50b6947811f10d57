"""Which tasks a filter means: by state, phase, label, repository and a pattern of their ids.

Rules: what is not said does not matter; what is said must all be true. Patterns are globs without
regard to case, several parted by commas or blanks.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import OWN_REPO_WORD
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import plain


class Filter(NamedTuple):
    """Empty = anything."""

    ids: str = ""
    state: str = ""
    phase: str = ""
    label: str = ""
    repo: str = ""  # `.` = the plan's own


class Options(NamedTuple):
    """What there is to choose from: value and name, in the order of the plan."""

    states: Sequence[tuple[str, str]]
    phases: Sequence[tuple[str, str]]
    labels: Sequence[tuple[str, str]]
    repos: Sequence[tuple[str, str]] = ()  # none where there is only one


def words_of(wanted: Filter) -> str:
    """What a filter asks for, in a few words; empty where it asks for nothing."""
    repo = f"repo:{wanted.repo}" if wanted.repo else ""
    parts = (wanted.state, wanted.ids.strip(), wanted.phase, wanted.label, repo)
    return " · ".join(filter(None, parts))


def options_of(deck: Deck) -> Options:
    """Only what some task has."""
    plan = deck.state.plan
    states = dict.fromkeys(str(deck.status(task)) for task in deck.state.tasks)
    labels = dict.fromkeys(label for task in plan.tasks for label in task.labels)
    return Options(
        [(state, state) for state in sorted(states)],
        [(phase.id, plain(phase.title) or phase.id) for phase in plan.phases],
        [(label, plain(label)) for label in labels],
        [(name or OWN_REPO_WORD, name or OWN_REPO_WORD) for name in plan.lanes]
        if plan.repos
        else (),
    )


def matching(deck: Deck, wanted: Filter) -> list[TaskId]:
    """The tasks that are meant, in plan order. O(tasks · patterns)."""
    patterns = wanted.ids.replace(",", " ").lower().split()
    return [
        task.id
        for task in deck.state.plan.tasks
        if task.id in deck.state.tasks
        and (not patterns or any(fnmatchcase(task.id.lower(), pattern) for pattern in patterns))
        and wanted.state in ("", str(deck.status(task.id)))
        and wanted.phase in ("", task.phase)
        and (not wanted.label or wanted.label in task.labels)
        and wanted.repo in ("", task.repo or OWN_REPO_WORD)
    ]
