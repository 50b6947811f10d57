"""Plain mode: a run told in lines, and the command line's verbs typed in front of it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
import typer
from tests.tui.sample_journal import STARTED_AT, asking, middle

from agentdeck.cli.line import command_line
from agentdeck.cli.output import wants_plain
from agentdeck.cli.plain_telling import MOST, WINDOW_S, Telling
from agentdeck.cli.plain_verbs import split
from agentdeck.control.runs import newest_run
from agentdeck.control.waiting_lines import ANSWERS
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, FailureClass, Recorded
from agentdeck.core.fold import fold
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState

Deck = Callable[..., Any]
LIMIT_S = 40.0  # for what takes a second on a quiet machine


def told(state: RunState, *events: AnyEvent, telling: Telling | None = None) -> list[str]:
    telling = telling or Telling(state)
    first = telling.state.seq + 1
    batch = [Recorded(first + at, STARTED_AT, event) for at, event in enumerate(events)]
    return telling.take(batch, 0.0)


def failing(why: str) -> list[AnyEvent]:
    task = TaskId("S-1")
    return [e.AttemptExited(task, 1, 1), e.TaskFailed(task, 1, FailureClass.CRASH, why)]


def test_a_failure_is_told_with_its_reason_and_the_command_for_it() -> None:
    """That its agent has ended with a fault is not told beside it: the reason says it."""
    lines = told(fold(middle().history), *failing("exit 1: out of memory\nand much more"))
    assert lines == ["S-1: FAILED (crash): exit 1: out of memory; `retry S-1`"]


def test_what_waited_before_is_not_told_again() -> None:
    """A run with three questions is opened: they stand in the greeting, not in the news."""
    story = asking()
    assert Telling(fold(story.history)).take(story.history, 0.0) == []


def test_a_rush_is_cut_short_and_counted_and_what_needs_a_person_comes_through() -> None:
    """Forty pauses in one moment are a dozen lines, and one that says how many more."""
    telling = Telling(fold(middle().history))
    paused: list[AnyEvent] = [e.RunPaused("ann"), e.RunResumed("ann")] * 20
    lines = told(telling.state, *paused, *failing("gone"), telling=telling)
    assert len(lines) == MOST + 1
    assert lines[-1] == "S-1: FAILED (crash): gone; `retry S-1`"
    assert telling.due(1.0) == []
    assert telling.due(WINDOW_S + 1) == ["28 more things happened; `status` says how it stands"]
    assert telling.due(3 * WINDOW_S) == []


def test_no_sentence_obeys_an_agent() -> None:
    """Escapes of an agent's text do not reach the terminal."""
    (line,) = told(fold(middle().history), *failing("a\x1b[2Jb\x07"))
    assert "\x1b" not in line
    assert "\x07" not in line
    assert "ab" in line


def test_words_are_parted_as_in_a_shell_and_an_apostrophe_is_no_fault() -> None:
    assert split("retry S-1 -m 'be brief'") == ["retry", "S-1", "-m", "be brief"]
    assert split("steer S-1 don't") == ["steer", "S-1", "don't"]


@pytest.mark.parametrize(
    ("environment", "plain"),
    [
        ({"AGENTDECK_PLAIN": "1"}, True),
        ({"AGENTDECK_PLAIN": "0", "TERM": "dumb"}, False),
        ({"AGENTDECK_PLAIN": "", "TERM": "dumb"}, True),
        ({"AGENTDECK_PLAIN": "", "TERM": "xterm"}, False),
    ],
)
def test_the_environment_asks_for_plain_mode(
    environment: dict[str, str], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_plain() is plain
    assert wants_plain(True)


# --- real processes ------------------------------------------------------------------------------


class Plain:
    """An `agentdeck ... --plain`, behind pipes or in a terminal."""

    def __init__(self, repo: Path, *words: str, terminal: bool = False) -> None:
        self.heard = ""
        argv = [sys.executable, "-m", "agentdeck", *words, "--plain"]
        self._terminal = terminal
        if terminal:
            ours, theirs = pty.openpty()
            self.process = subprocess.Popen(
                argv, cwd=repo, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
            )
            os.close(theirs)
            self._out, self._in = ours, ours
            return
        self.process = subprocess.Popen(
            argv, cwd=repo, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._out, self._in = _number(self.process.stdout), _number(self.process.stdin)

    def type(self, text: str) -> None:
        os.write(self._in, text.encode())

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def until(self, words: str) -> str:
        """Read until `words` were said since the last call; what was said up to there."""
        deadline = time.monotonic() + LIMIT_S
        while words not in self.heard:
            assert time.monotonic() < deadline, f"{words!r} was not said: {self.heard}"
            if not self._read():
                break
        assert words in self.heard, self.heard
        before, _, self.heard = self.heard.partition(words)
        return before + words

    def end(self) -> tuple[int, str]:
        """Its exit status, and what it said last."""
        while self._read():
            pass
        return self.process.wait(LIMIT_S), self.heard

    def _read(self) -> bool:
        ready, _, _ = select.select([self._out], [], [], LIMIT_S)
        assert ready, self.heard
        try:
            found = os.read(self._out, 65536)
        except OSError:  # a terminal whose program has ended
            found = b""
        self.heard += found.decode()
        return bool(found)


def _number(stream: IO[bytes] | None) -> int:
    assert stream is not None
    return stream.fileno()


@pytest.fixture
def waiting(deck: Deck, repo: Path) -> Path:
    """A run whose first task works until the file `go` is there."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    return repo


def test_a_run_is_told_and_commanded_through_pipes(deck: Deck, waiting: Path) -> None:
    """Verbs of the command line are answered, what happens is said, and the run goes on after."""
    plain = Plain(waiting, "attach")
    plain.until("`quit` leaves")
    plain.type("inbox\nlog nope\nwhy\nnonsense\nrun other.toml\ntask A\n")
    said = plain.until("is needed by B")
    assert "nothing waits for you" in said
    assert "there is no task 'nope'" in said
    assert "Missing argument 'TASK'" in said
    assert "there is no command 'nonsense'" in said
    assert "`agentdeck run` in a shell" in said
    plain.type("hold B\n")
    plain.until("B: held")
    (waiting.parent / "go").touch()
    plain.until("A: landed as ")
    plain.type("quit\nstatus\n")
    code, rest = plain.end()
    assert code == 0
    run = newest_run(waiting).run
    assert f"the run goes on; `agentdeck attach --plain {run}` comes back to it" in rest
    assert "\x1b" not in rest
    assert "> " not in rest  # no prompt where nobody types
    # with an empty input it is the teller of the run, and its status is that of the run
    plain = Plain(waiting, "attach")
    plain.close_input()
    plain.until("`quit` leaves")
    assert deck("release", "B").code == 0
    code, rest = plain.end()
    assert code == 0
    assert "B: landed as " in rest
    assert "complete: 2 of 2 tasks have landed" in rest


def test_a_terminal_gets_a_prompt_and_no_cursor_is_moved(waiting: Path) -> None:
    """Ctrl-D, `quit` and Ctrl-C all leave, with the run at work."""
    for how in ("\x04", "quit\n", "interrupt"):
        plain = Plain(waiting, "attach", terminal=True)
        said = plain.until("leaves, and the run goes on\r\n> ")
        plain.type("tasks\n")
        said += plain.until("B: pending. Second\r\n> ")
        if how == "interrupt":
            plain.process.send_signal(signal.SIGINT)
        else:
            plain.type(how)
        code, rest = plain.end()
        assert code == 0
        assert "the run goes on" in rest
        assert "\x1b" not in said + rest


def test_an_ended_run_by_its_parts_and_told_again(deck: Deck, repo: Path) -> None:
    """`tasks`, `task`, `queue` and `inbox` are verbs of the shell as well. In a replay `status`
    tells of the moment, nothing can be changed, and the end is said.
    """
    assert deck("run", "quick.toml", "--headless").code == 0
    assert deck("tasks").out == "A: landed. First\nB: landed. Second\n"
    assert deck("tasks", "--state", "failed").out == "no task is failed\n"
    assert deck("queue").out == "nothing waits to land\n"
    assert deck("inbox").out.endswith("; `promote`\n")
    task = deck("task", "B").out
    assert "B: Second" in task
    assert "needs A" in task
    assert "attempt 1 by writer: took " in task
    assert deck("task", "C").code == 3
    plain = Plain(repo, "replay", "--at", "2")
    plain.until("0 of 2 landed")
    plain.type("retry A\nstatus\nspeed fast\nspeed 1000\nresume\n")
    said = plain.until("the replay goes on")
    assert "retry: this is the past of the run" in said
    assert "0 of 2 landed, " in said
    assert "speed fast: seconds of the run" in said
    plain.until("complete: 2 of 2 tasks have landed")
    plain.close_input()
    assert "`agentdeck attach --plain" in plain.end()[1]
    nobody = Plain(repo, "replay", "--at", "2")  # who could never let it go on
    nobody.close_input()
    assert "0 of 2 landed" in nobody.end()[1]


def test_plain_excludes_what_opens_no_deck(deck: Deck, repo: Path) -> None:
    assert deck("run", "quick.toml", "--plain", "--headless").code == 2


def test_what_is_offered_for_each_kind_of_item_is_a_verb() -> None:
    """What the plain greeting and `inbox` offer is a command that the verbs know."""
    group: Any = typer.main.get_command(command_line())
    assert all(answer.split()[0] in group.commands for answer in ANSWERS.values())
