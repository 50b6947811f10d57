"""The forecast of collisions of a live run: looks by itself when work has changed, and tells news.

Rules:
- It only looks. An event is posted when what is foreseen differs from what the state knows; a look
  that could not find out about some pairs takes nothing back of them.
- A look is worth it when something has moved: the target, who is live, the HEAD or the index of a
  worktree, or an agent that has said something. An agent may also change files in silence: while
  anybody works, there is a look at least every `SILENT_S`. When nobody does, nothing is looked at.
- Looks take a thread, one at a time, and a tenth of the time at most.
- What goes wrong is logged and tried again later. No run stops because of it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from agentdeck.core import events as e
from agentdeck.core import foreseen
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import RepoName, TaskId
from agentdeck.core.state import LIVE, UNLANDED, Attempt, RunState, TaskState
from agentdeck.engine.collisions import Collision, CollisionWatch, Look
from agentdeck.engine.enginelog import log
from agentdeck.engine.git import first_line
from agentdeck.engine.live_work import Live, mark_of
from agentdeck.engine.setting import Setting

EVERY_S: Final = 1.0  # between two questions whether something has moved; a stat of few files each
SHARE: Final = 10.0  # after a look it rests so many times as long as the look took
SILENT_S: Final = 10.0  # the longest that a change nobody tells of goes unseen
LOOK_S: Final = 5.0  # of one look: an engine that stops waits for it. The next one goes on there
TROUBLE_S: Final = 60.0  # until the next look after one that failed
AT_WORK: Final = LIVE | {TaskState.TAKEN}

Pulse = tuple[object, ...]


async def foresee(at: Setting) -> None:
    """Look again and again, until cancelled."""
    every = list(at.every.values()) or [at]
    watches: dict[RepoName, CollisionWatch] = {}
    seen, looked_at, rest_s = (), 0.0, EVERY_S  # type: Pulse, float, float
    try:
        while True:
            await asyncio.sleep(rest_s)
            rest_s = EVERY_S
            if at.state.outcome is not None:
                continue
            lives = {here.repo: list(live_work(here.state)) for here in every}
            silent = any(at.state.in_state(*AT_WORK))
            pulse = await at.in_thread(_taken([(here.state, lives[here.repo]) for here in every]))
            due = silent and time.monotonic() - looked_at > SILENT_S
            if not any(lives.values()) or (pulse == seen and not due):
                continue
            began = time.monotonic()
            try:
                looks = []
                for here in every:
                    if here.repo not in watches:
                        watches[here.repo] = CollisionWatch(here.git, LOOK_S)  # makes two folders
                    look = _look(watches[here.repo], here.state.tip, lives[here.repo])
                    looks.append(await at.in_thread(look))
                tell(at, joined(looks))
                seen = pulse
            except (DeckError, OSError) as error:
                log.warning("collisions cannot be foreseen: %s", error)
                rest_s = TROUBLE_S
                continue
            looked_at = time.monotonic()
            rest_s = max(EVERY_S, SHARE * (looked_at - began))
    finally:
        for watch in watches.values():
            watch.close()


def joined(looks: Sequence[Look]) -> Look:
    """Looks at several repositories as one; its tip is that of the first."""
    return Look(
        looks[0].tip,
        tuple(branch for look in looks for branch in look.branches),
        tuple(found for look in looks for found in look.collisions),
        sum(look.asked for look in looks),
        sum(look.unknown for look in looks),
        next((look.fault for look in looks if look.fault), ""),
    )


def live_work(state: RunState) -> Iterator[Live]:
    """What to compare in the repository from which the state is seen, in plan order.

    Somebody who works is looked at in the worktree; work that was taken is looked at as pinned.
    """
    for task in state.in_state(*UNLANDED):
        attempt = task.attempt
        if attempt is None or state.plan.repo_of(task.id) != state.lane:
            continue
        if attempt.collected is not None:
            yield Live(task.id, attempt.collected.head)
        elif _has_worktree(attempt):
            yield Live(task.id, worktree=Path(attempt.path or ""))


def tell(at: Setting, look: Look) -> None:
    """Post what is foreseen by now, if that is news."""
    event = news(at.state, look)
    if event is not None:
        at.engine.mention(event)


def news(state: RunState, look: Look) -> e.CollisionsForeseen | None:
    """What a look tells that the state does not know; None = nothing."""
    found = [_foreseen(one) for one in look.collisions]
    if look.unknown:
        known = {(one.one, one.other) for one in found}
        found += [one for one in state.foreseen if (one.one, one.other) not in known]
    event = e.CollisionsForeseen(
        tuple(found[: e.MAX_FORESEEN]), max(0, len(found) - e.MAX_FORESEEN)
    )
    left = foreseen.kept(state, event)
    same = (left, event.more if left else 0) == (state.foreseen, state.foreseen_more)
    return None if same else event


def shown(name: str) -> str:
    """A file name that can be written as JSON, whatever its bytes are."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _foreseen(found: Collision) -> e.Foreseen:
    named = tuple(shown(name) for name in found.files[: e.MAX_FORESEEN_FILES])
    other = None if found.other is None else TaskId(found.other)
    return e.Foreseen(TaskId(found.one), other, named, len(found.files) - len(named) + found.more)


def _look(watch: CollisionWatch, tip: str, lives: list[Live]) -> Callable[[], Look]:
    return lambda: watch.look(tip, lives)


def _taken(every: Sequence[tuple[RunState, list[Live]]]) -> Callable[[], Pulse]:
    """How to find out what would have moved if work had changed."""
    return lambda: tuple(
        (state.tip, _said(state, lives), tuple((live, marks_of(live)) for live in lives))
        for state, lives in every
    )


def _said(state: RunState, lives: Sequence[Live]) -> tuple[int, ...]:
    attempts = [state.tasks[TaskId(live.name)].attempt for live in lives]
    return tuple(attempt.offset if attempt is not None else 0 for attempt in attempts)


def marks_of(live: Live) -> tuple[object, ...]:
    """The last change of HEAD, of its log and of the index of a worktree."""
    if live.worktree is None:
        return ()
    pointer = first_line(live.worktree / ".git")
    if not pointer:
        return ()
    folder = live.worktree / pointer.removeprefix("gitdir: ").strip()
    return tuple(mark_of(folder / name) for name in ("HEAD", "logs/HEAD", "index"))


def _has_worktree(attempt: Attempt) -> bool:
    return attempt.path is not None and attempt.base is not None and not attempt.released
