"""Evidence cards as git notes: what has proven a commit, beside the commit.

Rules:
- Only `refs/notes/agentdeck` is written. A note there that is not ours stays as it is.
- A note that says already what it should is not written again, so a second time changes nothing.
- Each task's card is on its own merge commit. The commit by which a batch moved the target says
  which merges are in it.
- Git writes the notes under the lock that engines take too, and a card of a landing does not
  change any more, so an engine may be at work meanwhile.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from agentdeck.control.redaction import known_secrets, redacted_data
from agentdeck.core.lanes import lanes
from agentdeck.core.state import RunState
from agentdeck.engine.git import Git
from agentdeck.plans.reporting.card import Card, cards, in_order_of_landing
from agentdeck.plans.reporting.told import Told

REF: Final = "agentdeck"  # below refs/notes/
_OURS: Final = '"kind": "agentdeck-'
_HEAD_CHARS: Final = 100  # `kind` is the first field of each note


class NotesWritten(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the notes; ids of commits."""

    written: list[str]
    unchanged: list[str]
    foreign: list[str]  # have a note of somebody else's, which stays
    gone: list[str]  # commits that the repository does not have any more


def write_notes(told: Told) -> NotesWritten:
    """Write the card of each landing of a run as a note on its commits.

    Raises:
        UsageError: the repository is gone.
        GitError: git cannot write them.
    """
    result = NotesWritten(written=[], unchanged=[], foreign=[], gone=[])
    every = notes(told)
    for lane in lanes(told.state):
        here = {name for one in lane.landed_here for name in (one.commit, one.merge)}
        mine = {commit: note for commit, note in every.items() if commit in here}
        _write(Git.discover(_place(lane)), mine, result)
    return result


def _write(git: Git, wanted: dict[str, str], result: NotesWritten) -> None:
    """Write notes on commits of one repository."""
    found = _listed(git)
    for commit, note in wanted.items():
        if git.run("cat-file", "-e", f"{commit}^{{commit}}", check=False).code != 0:
            result.gone.append(commit)
            continue
        there = found.get(commit)
        if there == git.run("hash-object", "--stdin", stdin=note).text:
            result.unchanged.append(commit)
        elif there is not None and not _is_ours(git, there):
            result.foreign.append(commit)
        else:
            blob = git.run("hash-object", "-w", "--stdin", stdin=note, write=True).text
            git.run("notes", f"--ref={REF}", "add", "-f", "-C", blob, commit, write=True)
            result.written.append(commit)


def notes(told: Told) -> dict[str, str]:
    """The text of each note, by the commit that it is on, in the order of the landings."""
    known = known_secrets(told.state.plan)
    landed = [redacted_data(card, known) for card in in_order_of_landing(cards(told))]
    found = {card.landing.merge: _text(card) for card in landed if card.landing is not None}
    batches: dict[str, list[Card]] = {}
    for card in landed:
        if card.landing is not None and card.landing.merge != card.landing.commit:
            batches.setdefault(card.landing.commit, []).append(card)
    for commit, inside in batches.items():
        found[commit] = _text(_batch(told, commit, inside))
    return found


def _batch(told: Told, commit: str, inside: list[Card]) -> dict[str, Any]:
    merges = [
        {"task": card.task, "title": card.title, "merge": card.landing.merge}
        for card in inside
        if card.landing is not None
    ]
    return {
        "kind": "agentdeck-batch",
        "version": 1,
        "run": told.state.run,
        "commit": commit,
        "merges": merges,
    }


def _text(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _place(state: RunState) -> Path:
    checkout = Path(state.checkout)
    return checkout if state.checkout and checkout.is_dir() else Path(state.repo)


def _listed(git: Git) -> dict[str, str]:
    """The blob of the note of each commit that has one."""
    rows = git.run("notes", f"--ref={REF}", "list").text.splitlines()
    pairs = (row.split(" ", 1) for row in rows if " " in row)
    return {commit: blob for blob, commit in pairs}


def _is_ours(git: Git, blob: str) -> bool:
    return _OURS in git.run("cat-file", "blob", blob).text[:_HEAD_CHARS]
