"""Writes to the issues of tasks, through `gh` or `glab`, so that nothing is written twice.

Rules:
- First it is looked at: what is right already is left alone, and a comment whose mark is there has
  been written. The comment comes last, so that its mark means that all of it is done.
- One that is gone, or a pull request, is given up at once; the rest is tried again.
- Where many issues are written at once there is a pause between them, as trackers ask for.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core.issues import Wish
from agentdeck.core.plan import Tracker
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine import issue_calls as calls
from agentdeck.engine.asked_program import Said, ask
from agentdeck.engine.hook_command import Answer
from agentdeck.engine.redaction import redacted

QUIET: Final = {
    "GH_PROMPT_DISABLED": "1",
    "GH_NO_UPDATE_NOTIFIER": "1",
    "NO_PROMPT": "1",
    "NO_COLOR": "1",
}
PAUSE_S: Final = 1.0  # between two issues of one event
LIMITED_S: Final = 60.0  # to wait after a rate limit that does not say for how long
MAX_PAGES: Final = 20  # of comments: 2,000 since an event are not looked through
SAID_CHARS: Final = 200
WRITTEN: Final = 200  # the status of what was taken
GONE: Final = frozenset({404, 410})
LIMITS: Final = frozenset({403, 429})

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program works, and until when anybody wants it to."""

    cwd: Path
    env: Mapping[str, str]
    tag: str
    ended: threading.Event


class _Refused(Exception):
    """The tracker has not done it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.fault)


def write_all(tracker: Tracker, wishes: Sequence[Wish], place: Place, redact: Redact) -> Answer:
    """Make each issue as it should be; blocks until it is, or one could not be written.

    Args:
        tracker: where they are.
        wishes: how they should be.
        place: where its program works.
        redact: takes secrets out of a comment.
    """
    fault: Answer | None = None
    for number, wish in enumerate(wishes):
        if number and place.ended.wait(PAUSE_S):
            return Answer(0, "the engine has ended")
        try:
            _Issue(tracker, wish, place, redact).write()
        except _Refused as refused:
            if not refused.answer.final:
                return refused.answer
            fault = refused.answer  # the others are written all the same
    return fault or Answer(WRITTEN)


def looked_at(tracker: Tracker, issue: int, place: Place) -> Answer:
    """Read an issue and write nothing: can it be reached as who is logged in?"""
    try:
        _Issue(tracker, Wish(issue), place, str).write()
    except _Refused as refused:
        return refused.answer
    return Answer(WRITTEN)


class _Issue:
    """One issue, and how it should be."""

    def __init__(self, tracker: Tracker, wish: Wish, place: Place, redact: Redact) -> None:
        self._tracker, self._wish, self._place = tracker, wish, place
        self._redact = redact
        self._deadline = time.monotonic() + tracker.timeout_s

    def write(self) -> None:
        """Make it so. Raises _Refused."""
        tracker, wish = self._tracker, self._wish
        if wish.mark and self._is_written():
            return
        try:
            now = calls.found_issue(self._ask(calls.look(tracker, wish.issue)))
        except UNREADABLE:
            raise self._refused("the answer is no issue") from None
        if now.is_request:
            raise self._refused("it is a pull request, and no issue", final=True)
        for call in calls.change(
            tracker,
            wish.issue,
            add=[label for label in wish.add if now.label(tracker, label) is None],
            drop=[name for label in wish.drop if (name := now.label(tracker, label)) is not None],
            open_=None if wish.open in (None, now.open) else wish.open,
        ):
            self._do(call)
        if wish.comment:
            self._do(calls.comment(tracker, wish.issue, self._redact(wish.comment)))

    def _is_written(self) -> bool:
        """Is its comment there? Then all of it has been done before."""
        wish = self._wish
        for page in range(1, MAX_PAGES + 1):
            asked = calls.comments(self._tracker, wish.issue, wish.since, page)
            try:
                notes = calls.found_notes(self._ask(asked))
            except UNREADABLE:
                raise self._refused("the answer is no list of comments") from None
            if any(wish.mark in (note.body or "") for note in notes):
                return True
            if calls.is_last(notes, wish.since):
                return False
        raise self._refused("there are too many comments to look through", final=True)

    def _do(self, call: calls.Call) -> None:
        """Have it done: what answers is no page of somebody between us and the tracker."""
        try:
            msgspec.json.decode(self._ask(call))
        except UNREADABLE:
            raise self._refused("the answer to a change is no JSON") from None
        except _Refused as refused:
            if not call.may_be_gone or refused.answer.status not in GONE:
                raise

    def _ask(self, call: calls.Call) -> bytes:
        place = self._place
        said = ask(
            call.argv,
            call.body,
            cwd=place.cwd,
            env=place.env,
            tag=place.tag,
            deadline=self._deadline,
            ended=place.ended,
        )
        if not said.fault and said.code == 0:
            return said.out
        raise self._judged(call.argv[0], said)

    def _judged(self, program: str, said: Said) -> _Refused:
        if said.fault:
            return self._refused(said.fault)
        words = redacted(said.err, os.environ).strip()
        status = calls.status_in(words)
        line = words.splitlines()[-1][:SAID_CHARS] if words else f"exited with {said.code}"
        limited = status == 429 or "rate limit" in words.casefold()
        wait_s = LIMITED_S if limited and status in (None, *LIMITS) else None
        why = line if line.startswith(program) else f"{program}: {line}"
        return self._refused(why, status=status or said.code, wait_s=wait_s, final=status in GONE)

    def _refused(
        self, why: str, *, status: int = 0, wait_s: float | None = None, final: bool = False
    ) -> _Refused:
        return _Refused(Answer(status, f"issue #{self._wish.issue}: {why}", wait_s, final))


__all__ = ["QUIET", "Place", "looked_at", "write_all"]
