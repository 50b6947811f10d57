"""Plain mode: a run told line by line, and commands by line, in place of the control room.

For screen readers, dumb terminals and pipes. Rules:
- Only lines are written: no cursor is moved, nothing is drawn twice, and there is no colour unless
  FORCE_COLOR asks for it. The prompt stands only where a person types into a terminal.
- What happens is said as it happens (`plain_telling`), what is typed is a verb of the command line
  (`plain_verbs`). While a verb works, sentences wait.
- `quit`, Ctrl-D and Ctrl-C leave; the run goes on, and how to come back is said. Ctrl-C during a
  verb ends only that. An input that is empty from the beginning is nobody: then it only tells,
  until the run has ended.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from agentdeck.cli.app import EXIT_PIPE
from agentdeck.cli.headless import closing_lines, exit_status
from agentdeck.cli.looking import item_words
from agentdeck.cli.output import in_terminal, note, plainly, print_error, safe, say
from agentdeck.cli.place import Place
from agentdeck.cli.plain_telling import Telling
from agentdeck.cli.plain_verbs import Verbs, split
from agentdeck.cli.progress import time_of_day
from agentdeck.control.runs import RunFolder, fold_run
from agentdeck.control.waiting_lines import answer_to
from agentdeck.core import inbox
from agentdeck.core.errors import EXIT_OK, DeckError
from agentdeck.core.events import Recorded
from agentdeck.core.fold import fold
from agentdeck.core.state import RunState, TaskState

if TYPE_CHECKING:
    from agentdeck.tui.replay import Replay

PROMPT: Final = "> "
LEAVE: Final = ("quit", "exit", "q")
TICK_S: Final = 0.5  # between two looks at what only time changes
LISTED: Final = 8  # things that wait, at the beginning
CHUNK: Final = 64 * 1024  # bytes of input at once
MAX_LINE: Final = 64 * 1024  # bytes of one command
_WORKING: Final = (TaskState.WORKING, TaskState.PREPARING, TaskState.CHECKING)


class Feed(Protocol):
    """Where events come from; `fileno` can be read when there are some."""

    def fileno(self) -> int | None:
        """What to wait for; None = only time brings something."""

    @property
    def tick_s(self) -> float:
        """Seconds after which to look, at the latest."""

    @property
    def stands_still(self) -> bool:
        """Will nothing more come unless somebody commands it?"""

    def take(self) -> list[Recorded]:
        """What has happened since the last look. Raises DeckError."""

    def obey(self, words: Sequence[str]) -> str | None:
        """Carry out a command to the feed itself: what to say, None = it is none."""

    def close(self) -> None:
        """Let go of it."""


def open_plain(folder: RunFolder, here: Path) -> int:
    """Tell of a run and take commands until the person leaves; the exit status.

    Args:
        here: the folder that verbs act in.
    """
    from agentdeck.cli.plain_feed import LiveFeed

    state = fold_run(folder)
    with plainly():
        return _Session(folder, here, state, LiveFeed(folder, state.seq)).run()


def replay_plain(folder: RunFolder, here: Path, replay: Replay) -> int:
    """Tell of a run again, at the pace of `replay`; the exit status."""
    from agentdeck.cli.plain_feed import ReplayFeed

    state = fold(replay.events[: replay.count])
    with plainly():
        return _Session(folder, here, state, ReplayFeed(replay), past=True).run()


class _Session:
    def __init__(
        self, folder: RunFolder, here: Path, state: RunState, feed: Feed, *, past: bool = False
    ) -> None:
        self._folder, self._here, self._feed, self._past = folder, here, feed, past
        self._telling = Telling(state)
        self._verbs = Verbs()
        self._input = sys.stdin.fileno() if sys.stdin is not None else None
        self._stamps = not in_terminal()  # a file has to say when; a voice only what
        self._typed = self._input is not None and in_terminal(sys.stdin)
        self._prompts = self._typed and in_terminal()
        self._read = b""
        self._heard = False  # was there ever a line?
        self._at_prompt = False
        self._ended = False  # and it was said

    @property
    def state(self) -> RunState:
        return self._telling.state

    def run(self) -> int:
        try:
            self._begin()
            return self._go_on()
        except KeyboardInterrupt:
            say()
            return self._farewell()
        finally:
            self._feed.close()

    # --- telling -------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._past:
            say(f"replay of run {self._folder.run}")
        for line in _standing(self.state):
            say(line)
        if self._past:
            say("`pause`, `resume` and `speed N` are for its time; `help` lists the commands")
        else:
            say("`help` lists the commands; `quit` leaves, and the run goes on")
        self._ended = self.state.outcome is not None
        self._ask()

    def _go_on(self) -> int:
        while True:
            self._wait()
            if not self._tell(self._feed.take()):
                return exit_status(self.state)
            for line in self._lines():
                if not self._answer(line):
                    return self._farewell()
            if self._input is None and (self._heard or self._typed):
                return self._farewell()

    def _wait(self) -> None:
        places = [place for place in (self._input, self._feed.fileno()) if place is not None]
        tick_s = min(self._feed.tick_s, TICK_S) if self._telling.keeps_back else self._feed.tick_s
        ready, _, _ = select.select(places, [], [], tick_s)
        if self._input in ready:
            self._hear()

    def _tell(self, batch: list[Recorded]) -> bool:
        """Say what has happened; False = nobody listens any more, and nothing more will come."""
        now = time.monotonic()
        lines = [*self._telling.take(batch, now), *self._telling.due(now)]
        if self.state.outcome is not None and not self._ended:
            self._ended = True
            lines += closing_lines(self.state)
        if lines and self._at_prompt:
            say()
        at = f"{time_of_day(self.state.at)}  " if self._stamps else ""
        for line in lines:
            say(f"{at}{line}")
        if lines:
            self._ask()
        nobody = self._input is None and not self._heard and not self._typed
        return not (nobody and (self._ended or self._feed.stands_still))

    def _ask(self) -> None:
        if self._prompts:
            sys.stdout.write(PROMPT)
            self._at_prompt = True
        sys.stdout.flush()

    # --- commands ------------------------------------------------------------------------------

    def _hear(self) -> None:
        assert self._input is not None
        found = os.read(self._input, CHUNK)
        if not found:
            self._input = None
            if self._read:
                self._read += b"\n"
            elif self._at_prompt:
                say()  # Ctrl-D leaves the cursor behind the prompt
        self._read += found
        if len(self._read) > MAX_LINE and b"\n" not in self._read:
            self._read = b""
            print_error(f"a line has more than {MAX_LINE // 1024} KiB: it was left out")

    def _lines(self) -> list[str]:
        *lines, self._read = self._read.split(b"\n")
        self._heard |= bool(lines)
        return [line.decode(errors="replace").strip() for line in lines]

    def _answer(self, line: str) -> bool:
        """Carry out one line; False = leave."""
        self._at_prompt = False
        words = split(line)
        if words and words[0] in LEAVE:
            return False
        if words:
            self._carry_out(words)
        self._ask()
        return True

    def _carry_out(self, words: list[str]) -> None:
        try:
            said = self._feed.obey(words)
            if said is not None:
                say(said)
            elif words[0] in ("help", "?"):
                self._verbs.help(words[1:])
                if len(words) == 1:
                    say("help COMMAND: what it takes")
                    say("quit: leave; the run goes on")
            else:
                moment = self.state if self._past else None
                code = self._verbs.carry_out(Place(self._here, self._folder, moment), words)
                if code == EXIT_PIPE:
                    raise BrokenPipeError
        except DeckError as error:
            print_error(error.message, error.hint)
        sys.stderr.flush()

    def _farewell(self) -> int:
        run = self._folder.run
        if self._past:
            note(f"the replay is over; `agentdeck attach --plain {run}` opens the run")
        elif self.state.outcome is not None:
            note(f"the run has ended; `agentdeck attach --plain {run}` shows it again")
        else:
            note(f"the run goes on; `agentdeck attach --plain {run}` comes back to it")
        return EXIT_OK


def _standing(state: RunState) -> list[str]:
    """How the run stands, and what waits for the person."""
    landed = sum(1 for _ in state.in_state(TaskState.LANDED))
    working = sum(1 for _ in state.in_state(*_WORKING))
    how = f", {state.outcome}" if state.outcome is not None else f", {working} at work"
    where = f"{safe(state.plan.name)} to {safe(state.target)}"
    lines = [f"run {state.run}: {where}, {landed} of {len(state.tasks)} landed{how}"]
    needed = [item for item, _ in inbox.ranked(state, inbox.waiting(state)) if item.needs_you]
    for item in needed[:LISTED]:
        answer = answer_to(item)
        words = safe(item_words(state, item, state.at))
        lines.append(f"{words}; `{safe(answer)}`" if answer else words)
    if len(needed) > LISTED:
        lines.append(f"and {len(needed) - LISTED} more wait for you; `inbox` has them all")
    return lines


__all__ = ["Feed", "open_plain", "replay_plain"]
