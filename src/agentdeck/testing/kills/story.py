"""One run with kills: who is killed when, the killing itself, and what is wrong at the end.

Rules:
- A seed decides which kinds are killed and at which moments: numbers of the journal, and some
  milliseconds behind them. Which process of a kind is hit, and what it does just then, is chance.
- The run is begun and gone on with by the command line, as a person would.
- After a kill of an engine nobody is there for a while; then `agentdeck run --resume`. Nothing
  else is ever done for the run: who comes back from another kill comes back by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGKILL
from typing import Final

from agentdeck.control.runs import fold_run
from agentdeck.core.explain import standstill
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.identity import is_alive, send
from agentdeck.engine.journal import Journal
from agentdeck.testing.kills.checkout import make_checkout, seen_of
from agentdeck.testing.kills.deck import Deck
from agentdeck.testing.kills.prepared import prepared
from agentdeck.testing.kills.victims import Kind, Victim, engine_of, victims

FIRST_EVENT: Final = 4  # the run has begun
PAST_EVENT_S: Final = 0.2  # at most, from the event of a moment to its kill
NOBODY_S: Final = 1.5  # at most, without an engine: agents end meanwhile
LOOK_S: Final = 0.005  # between two looks; a gate takes sixty times as long
GIT_LOOK_S: Final = 0.0003  # a git command takes some milliseconds
APPEARS_S: Final = 20.0  # for somebody of a kind to be there
WANTED_GIT_S: Final = 3.0  # for a certain git command, before any other will do
GONE_S: Final = 10.0  # from SIGKILL to the end of a process
DRAWS_S: Final = 60.0  # for a control room to come up on a busy machine
STARTS_S: Final = 120.0  # for a command that starts an engine
STILL_S: Final = 120.0  # without an event a run stands still for good; longest wait of one: 60 s
GONE_LOOKS: Final = 3  # a second apart, in which there is no engine, though there should be one
ENDS_S: Final = 60.0  # for the engine to go after its run has ended: 3 s without a client
# Half of the git commands that are killed change something; most of all only read.
WRITING: Final = ("update-ref", "commit-tree", "merge-tree", "worktree", "checkout", "commit")


@dataclass(frozen=True, slots=True)
class Moment:
    """When somebody is to be killed."""

    event: int  # the journal has it
    late_s: float
    kind: Kind
    git: str  # the command that is preferred, where the kind is git
    nobody_s: float  # without an engine afterwards, where the kind is engine


@dataclass(slots=True)
class Told:
    """What came of a run."""

    seed: str
    run: str = ""
    kills: list[tuple[Kind, str]] = field(default_factory=list)  # with the event and the name
    missed: list[str] = field(default_factory=list)  # why somebody was not killed
    events: int = 0
    landed: int = 0
    tasks: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def by_kind(self) -> Counter[Kind]:
        """How many of each kind were killed."""
        return Counter(kind for kind, _ in self.kills)


def moments(seed: str, kinds: list[Kind], last_event: int) -> list[Moment]:
    """A moment for each of the kinds, in the order in which they come."""
    chance = Random(seed)
    events = sorted(chance.choices(range(FIRST_EVENT, last_event), k=len(kinds)))
    mixed = chance.sample(kinds, len(kinds))
    return [
        Moment(
            event,
            chance.uniform(0, PAST_EVENT_S),
            kind,
            chance.choice((*WRITING, *[""] * len(WRITING))),
            chance.uniform(0, NOBODY_S),
        )
        for event, kind in zip(events, mixed, strict=True)
    ]


class Story:
    """A run in a place of its own."""

    def __init__(self, place: Path, plan: Path, speed: float, seed: str) -> None:
        """Make the checkout and begin the run.

        Raises:
            RuntimeError: a command of agentdeck failed.
            OSError, PlanProblems: the plan cannot be read.
        """
        self.told = Told(seed)
        self.checkout = place / "checkout"
        self.checkout.mkdir(parents=True)
        self._env = _environment(place)
        make_checkout(self.checkout)
        self.plan, text = prepared(plan, speed)
        self._plan_file = place / "plan.toml"
        self._plan_file.write_text(text, encoding="utf-8")
        self.before = seen_of(self.checkout)
        self._begun = time.monotonic()
        self.told.run = self._agentdeck("run", str(self._plan_file), "--no-attach").strip()
        runs = Path(self._env["XDG_STATE_HOME"]) / "agentdeck" / "runs"
        self.folder = RunFolder(runs / self.told.run)
        self._journal = Journal(self.folder.journal)
        self._deck: Deck | None = None

    def play(self, planned: list[Moment]) -> None:
        """Let the run come to its end, with these kills in it."""
        decks = sum(moment.kind is Kind.DECK for moment in planned)
        try:
            for moment in planned:
                if decks and self._deck is None:
                    self._deck = Deck(self.told.run, self.checkout, self._env)
                if not self._goes_on(lambda m=moment: self._seq() >= m.event):  # type: ignore[misc]
                    self.told.missed.append(f"{moment.kind}: the run ended before")
                    continue
                time.sleep(moment.late_s)
                self._strike(moment)
                decks -= moment.kind is Kind.DECK
            self._goes_on(lambda: False)
        finally:
            if self._deck is not None:
                self._deck.close()
            self._journal.close()
        self._until(lambda: engine_of(self.folder) is None, ENDS_S)

    def ended(self) -> RunState:
        """The state at the end; figures of it go into `told`."""
        state = fold_run(self.folder, whole=True)
        self.told.events, self.told.tasks = state.seq, len(state.tasks)
        self.told.landed = sum(task.state == "landed" for task in state.tasks.values())
        self.told.seconds = time.monotonic() - self._begun
        return state

    # --- killing ----------------------------------------------------------------------------------

    def _strike(self, moment: Moment) -> None:
        if moment.kind is Kind.DECK:
            self._strike_deck()
            return
        victim = self._found(moment)
        if victim is None or not send(victim.process, SIGKILL):
            self.told.missed.append(f"{moment.kind}: there was none")
            return
        self.told.kills.append((moment.kind, f"{victim.what} at event {self._seq()}"))
        self._until(lambda: not is_alive(victim.process), GONE_S)
        if moment.kind is Kind.ENGINE:
            time.sleep(moment.nobody_s)
            self._agentdeck("run", str(self._plan_file), "--resume", "--no-attach")

    def _strike_deck(self) -> None:
        deck = self._deck
        if deck is None or not deck.drawn.wait(DRAWS_S) or not deck.alive:
            how = "never began" if deck is None else deck.said
            self.told.missed.append(f"deck: {how}")
            return
        deck.kill()
        self._deck = None
        self.told.kills.append((Kind.DECK, f"deck at event {self._seq()}"))

    def _found(self, moment: Moment) -> Victim | None:
        """Somebody of the kind, once there is one; None: the run has ended before."""
        is_git = moment.kind is Kind.GIT
        began = time.monotonic()
        while (waited := time.monotonic() - began) < APPEARS_S:
            found = victims(self.folder, moment.kind)
            if is_git and moment.git and waited < WANTED_GIT_S:
                found = [one for one in found if one.what == f"git {moment.git}"]
            if found:
                return Random(f"{moment}").choice(found)
            if waited > 1 and self._over():
                return None
            time.sleep(GIT_LOOK_S if is_git else LOOK_S)
        return None

    # --- the run ----------------------------------------------------------------------------------

    def _seq(self) -> int:
        return self._journal.last_seq()

    def _over(self) -> bool:
        return fold_run(self.folder).outcome is not None

    def _goes_on(self, there: Callable[[], bool]) -> bool:
        """Wait while the run goes on; False: it is over, or stands still."""
        seq, since, looked, gone = self._seq(), time.monotonic(), 0.0, 0
        while not there():
            time.sleep(LOOK_S)
            now = time.monotonic()
            if self._seq() != seq:
                seq, since = self._seq(), now
            if now - looked < 1:
                continue
            looked = now
            state = fold_run(self.folder)
            if state.outcome is not None:
                return False
            gone = gone + 1 if engine_of(self.folder) is None else 0
            if gone >= GONE_LOOKS:
                self.told.faults.append("the engine has ended, and the run has not")
                return False
            if now - since > STILL_S or (now - since > 5 and standstill(state) is not None):
                why = standstill(state) or f"nothing has happened for {STILL_S:.0f} s"
                self.told.faults.append(f"the run stands still: {why}")
                return False
        return True

    def _until(self, true: Callable[[], bool], patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while not true() and time.monotonic() < deadline:
            time.sleep(LOOK_S)

    def _agentdeck(self, *args: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "agentdeck", *args],
            cwd=self.checkout,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STARTS_S,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"agentdeck {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout


def _environment(place: Path) -> dict[str, str]:
    """An environment in which nothing of a real person is read or written."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "XDG_", "AGENTDECK_"))
    }
    config = place / "gitconfig"
    config.write_text("[user]\n name = A Person\n email = person@example.invalid\n", "utf-8")
    homes = {
        "HOME": place / "home",
        "XDG_CONFIG_HOME": place / "config",
        "XDG_STATE_HOME": place / "state",
        "XDG_DATA_HOME": place / "data",
        "XDG_CACHE_HOME": place / "cache",
        "XDG_RUNTIME_DIR": place / "runtime",
    }
    for folder in homes.values():
        folder.mkdir(mode=0o700)
    more = {"GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}
    return kept | {name: str(folder) for name, folder in homes.items()} | more


__all__ = ["Moment", "Story", "Told", "moments"]
