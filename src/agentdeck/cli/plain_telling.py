"""What plain mode says while a run goes on: one short sentence for what is worth telling.

Rules:
- The sentences are those of `cli.progress`. What only says that all is well with a single step
  (an agent that ended in good order, a lane that was foreseen) is left out here.
- Where something begins to wait for a person, the sentence ends with the command that answers it.
- Of what is only a step to something that is told in the same breath, only the latter is said.
- In `WINDOW_S` seconds at most `MOST` sentences, and as many of what needs a person; none twice in
  a row about the same. What was kept back is counted, and what of it needs a person is named.
- Pure: times come from outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from agentdeck.cli.looking import item_words
from agentdeck.cli.output import safe
from agentdeck.cli.progress import sentence_of
from agentdeck.control.waiting_lines import answer_to
from agentdeck.core import events as e
from agentdeck.core import inbox
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.fold import apply
from agentdeck.core.inbox import Item
from agentdeck.core.state import RunState

MOST: Final = 12  # sentences in one window; a voice needs about a minute for them
WINDOW_S: Final = 10.0
NAMED: Final = 5  # of what needs a person, in a sentence about what was kept back
MAX_SUBJECTS: Final = 2_000  # whose last sentence is remembered; a plan has at most 500 tasks
_DETAIL: Final = (
    *(e.AttemptThawed, e.TaskProposed, e.CollisionsForeseen, e.ReviewStarted),
    e.StepFailed,  # it is tried again; what stands still for it waits for the person
)
_STEPS: Final = (e.AttemptExited, e.GateFinished, e.EntryConflicted, e.EntryEjected)


class Telling:
    """Turns events into sentences, and keeps them few."""

    def __init__(self, state: RunState) -> None:
        """`state` is folded on here; what waits in it already was told before."""
        self.state = state
        self._waiting = {item.key for item in _needed(state)}
        self._last: dict[str, str] = {}
        self._news_at: deque[float] = deque(maxlen=MOST)
        self._needs_at: deque[float] = deque(maxlen=MOST)
        self._kept = 0
        self._kept_needs: dict[str, str] = {}  # by the item's key: its name

    def take(self, batch: Sequence[Recorded], now: float) -> list[str]:
        """Fold what has happened, and say it.

        Args:
            batch: the next events.
            now: seconds on any clock that never goes back.
        Returns: sentences that are safe to print.
        """
        found: list[tuple[str, str]] = []
        steps: dict[str, int] = {}  # the latest sentence about one, if it is only a step
        for recorded in batch:
            if recorded.seq <= self.state.seq:
                continue
            apply(self.state, recorded)
            said = self._sentence(recorded.event)
            if said is None:
                continue
            if said[0] in steps:
                found[steps.pop(said[0])] = ("", "")
            if isinstance(recorded.event, _STEPS):
                steps[said[0]] = len(found)
            found.append(said)
        return self._few([said for said in found if said[0]], self._newly(), now)

    def due(self, now: float) -> list[str]:
        """What was kept back, once the rush is over."""
        if not self._kept or (self._news_at and now - self._news_at[-1] < WINDOW_S):
            return []
        kept, needs = self._kept, self._kept_needs
        self._kept, self._kept_needs = 0, {}
        self._news_at.append(now)
        more = f"{kept} more thing{'s' if kept > 1 else ''} happened; `status` says how it stands"
        still = [needs[item.key] for item in _needed(self.state) if item.key in needs]
        if not still:
            return [more]
        rest = f" and {len(still) - NAMED} more" if len(still) > NAMED else ""
        wait = "waits" if len(still) == 1 else "wait"
        named = safe(", ".join(still[:NAMED]))
        return [f"{named}{rest} {wait} for you; `inbox` tells what for", more]

    @property
    def keeps_back(self) -> bool:
        """Is there something to be said later?"""
        return self._kept > 0

    def _sentence(self, event: AnyEvent) -> tuple[str, str] | None:
        if isinstance(event, e.EngineStopped) and self.state.outcome is None:
            run = self.state.run
            return "run", f"its engine has stopped; `agentdeck attach {run}` starts it again"
        fine = isinstance(event, e.AttemptExited) and event.code == 0
        return None if fine or isinstance(event, _DETAIL) else sentence_of(event, self.state)

    def _newly(self) -> list[Item]:
        """What waits for the person now, and did not before."""
        needed = _needed(self.state)
        found = [item for item in needed if item.key not in self._waiting]
        self._waiting = {item.key for item in needed}
        return found

    def _few(self, found: list[tuple[str, str]], newly: list[Item], now: float) -> list[str]:
        spoken = {subject for subject, _ in found}
        first = {item.name: item for item in newly if item.name in spoken}
        lines: list[str] = []
        for at, (subject, words) in enumerate(found):
            later = any(other == subject for other, _ in found[at + 1 :])
            item = None if later else first.get(subject)
            if words != self._last.get(subject):
                self._say(lines, f"{safe(subject)}: {safe(words)}", item, now)
            self._remember(subject, words)
        for item in newly:
            if item.name not in spoken:
                words = item_words(self.state, item, self.state.at)
                self._say(lines, safe(words), item, now)
        return lines

    def _say(self, lines: list[str], sentence: str, item: Item | None, now: float) -> None:
        said_at = self._news_at if item is None else self._needs_at
        if len(said_at) == MOST and now - said_at[0] < WINDOW_S:
            self._kept += 1
            if item is not None:
                self._kept_needs[item.key] = item.name
            return
        said_at.append(now)
        answer = answer_to(item) if item is not None else ""
        lines.append(f"{sentence}; `{safe(answer)}`" if answer else sentence)

    def _remember(self, subject: str, words: str) -> None:
        self._last.pop(subject, None)
        self._last[subject] = words
        if len(self._last) > MAX_SUBJECTS:
            del self._last[next(iter(self._last))]


def _needed(state: RunState) -> list[Item]:
    return [item for item in inbox.waiting(state) if item.needs_you]


__all__ = ["Telling"]
