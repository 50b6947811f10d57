"""The deck in a real terminal: real keys, real engine, real agents, and what the screen says.

Rules: each test has a tmux server, a repository and a run of its own. It waits for words on the
screen, or for facts in the journal, with a bound; it never sleeps on a guess.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from agentdeck.control import blocking
from agentdeck.control.runs import fold_run, newest_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.start import ensure_engine
from agentdeck.core import commands as c
from agentdeck.core.errors import DeckError
from agentdeck.core.events import EngineStarted, EngineStopped, Outcome
from agentdeck.core.ids import ProcessIdentity, TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.identity import is_alive
from agentdeck.engine.journal import Journal
from agentdeck.testing.settling import settle

pytestmark = pytest.mark.tmux

WAIT_S: Final = 40.0  # for anything; on idle cores everything takes under 2 s
PROC_S: Final = 5.0  # for /proc to say what the screen says already
WORKING: Final = "[◐◓◒]"
TASKS: Final = ("LONG", "FAILS", "ASKS", "YES", "NOW", "SKIPPED")

# LONG works until a file `go` is beside the repository, with a child in a session of its own.
PLAN: Final = """
version = 1
[plan]
name = "keys"
agents = 8
[agents.patient]
command = ["sh", "-c", '''
setsid sleep 600 &
until [ -e GO ]; do sleep 0.05; done
kill $!
echo done > long.txt
''']
[defaults]
agent = "scripted"
retries = 0
[[task]]
id = "LONG"
agent = "patient"
prompt = "wait"
[[task]]
id = "FAILS"
prompt = '''
! on 1: give-up the disk smells of smoke
! append fails.txt done
'''
[[task]]
id = "ASKS"
prompt = '''
! ask Which colour?
! write-answer colour.txt
'''
[[task]]
id = "YES"
land = "approve"
prompt = "! append yes.txt done"
[[task]]
id = "NOW"
land = "approve"
prompt = "! append now.txt done"
[[task]]
id = "SKIPPED"
after = "LONG"
prompt = "! append skipped.txt done"
"""


class Terminal:
    """A tmux server with one window, and the deck in it."""

    def __init__(self, folder: Path, repo: Path) -> None:
        self.repo = repo
        self._config = folder / "tmux.conf"
        self._config.write_text(
            "set -g default-terminal screen-256color\nset -g status off\nset -sg escape-time 0\n"
        )
        self._pid = folder / "deck.pid"
        self._server = f"deck-{os.getpid()}-{time.monotonic_ns()}"
        self._env = {**os.environ, "TMUX_TMPDIR": str(folder)}

    def tmux(self, *args: str) -> str:
        argv = ["tmux", "-u", "-L", self._server, "-f", str(self._config), *args]
        done = subprocess.run(
            argv, env=self._env, capture_output=True, text=True, timeout=WAIT_S, check=True
        )
        return done.stdout

    def start(self, columns: int, rows: int, *run: str) -> None:
        """Open the deck over a new run; `run` is what stands behind the verb."""
        # The inner shell becomes the deck; the outer one says how that ended, and keeps the screen.
        inner = 'echo $$ > "$0"; exec "$@"'
        outer = 'sh -c "$@"; echo "left with $?"; exec cat'
        deck = [sys.executable, "-m", "agentdeck", "-C", str(self.repo), "run"]
        argv = ["sh", "-c", outer, "sh", inner, str(self._pid), *deck, *(run or ("keys.toml",))]
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), *argv)

    @property
    def deck(self) -> int:
        """The pid of the deck's process."""
        return int(self._pid.read_text())

    @property
    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def sees(self, pattern: str) -> str:
        """Wait until the screen fits; the screen."""
        seen = [""]

        def fits() -> bool:
            seen[0] = self.screen
            return re.search(pattern, seen[0]) is not None

        settle(fits, lambda: f"{pattern!r} on\n{seen[0]}")
        return seen[0]

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def select(self, task: str, sign: str = r"\S") -> None:
        """Put the cursor of the outline on a task, row by row, and see it in the task's pane."""
        for key, passed in zip(("Home", *["Down"] * len(TASKS)), TASKS, strict=False):
            self.press(key)
            self.stands(passed, sign if passed == task else r"\S")
            if passed == task:
                return

    def stands(self, task: str, sign: str) -> None:
        """Wait until the selected task is shown with this sign."""
        self.sees(rf"╭─ {sign} {task} ─")

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):  # it is gone already
            self.tmux("kill-server")


@pytest.fixture
def terminal(tmp_path: Path, isolated_home: Path) -> Iterator[Terminal]:
    """A terminal at a repository with the plan; nothing of its run outlives the test."""
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"keys.toml": PLAN.replace("GO", str(tmp_path / "go"))})
    terminal = Terminal(isolated_home, repo)
    yield terminal
    terminal.close()
    (tmp_path / "go").touch()
    with suppress(DeckError):
        end_run(newest_run(repo))


def end_run(folder: RunFolder) -> None:
    """Stop everything that a run has at work, and its engine."""
    if fold_run(folder).outcome is None:
        ensure_engine(folder)
    with blocking.connect(folder) as client:
        with suppress(DeckError):
            client.send(c.EndRun())
        settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
        client.stop("the test is over")


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def state_of(repo: Path) -> RunState:
    return fold_run(newest_run(repo))


def engines(folder: RunFolder) -> list[ProcessIdentity]:
    """The engines that a run has had, the first one at the front."""
    journal = Journal(folder.journal)
    try:
        return [r.event.engine for r in journal.history() if isinstance(r.event, EngineStarted)]
    finally:
        journal.close()


def ended_in_order(folder: RunFolder) -> bool:
    """Is the end of the engine the last thing that the journal tells?"""
    journal = Journal(folder.journal)
    try:
        return isinstance(journal.read(journal.last_seq() - 1)[0].event, EngineStopped)
    finally:
        journal.close()


def agent_of(repo: Path, task: str) -> ProcessIdentity:
    process = state_of(repo).tasks[TaskId(task)].attempts[-1].process
    assert process is not None
    return process


def family(agent: ProcessIdentity) -> dict[int, str]:
    """The state in /proc of an agent and of all processes below it, by pid; none that has ended."""
    parents: dict[int, tuple[int, str]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            parents[int(stat.parent.name)] = (int(parent), state)
    found = {agent.pid}
    while more := {pid for pid, (parent, _) in parents.items() if parent in found} - found:
        found |= more
    states = {pid: parents[pid][1] for pid in found if pid in parents}
    return {pid: state for pid, state in states.items() if state not in "ZX"}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_run_is_led_from_its_start_to_promotion_with_keys_alone(
    terminal: Terminal, tmp_path: Path
) -> None:
    """Pause, resume, retry, skip, answer, approve, merge, promote, leave: each is seen."""
    repo = terminal.repo
    terminal.start(120, 36)
    terminal.sees(r"! 4 need you")
    terminal.press("g")
    terminal.sees(r"g timeline")

    terminal.select("LONG", WORKING)
    agent = agent_of(repo, "LONG")
    settle(lambda: len(family(agent)) >= 3, lambda: f"its children, not {family(agent)}")
    terminal.press("Space")
    terminal.stands("LONG", "‖")
    settle(lambda: set(family(agent).values()) == {"T"}, lambda: f"T, not {family(agent)}", PROC_S)
    terminal.sees(r"␣ resume")
    terminal.press("Space")
    terminal.sees(r"␣ pause")
    terminal.stands("LONG", WORKING)
    settle(lambda: "T" not in family(agent).values(), lambda: f"no T: {family(agent)}", PROC_S)

    terminal.select("FAILS", "✖")
    terminal.sees(r"the disk smells of smoke")
    terminal.press("r")
    terminal.stands("FAILS", "✔")
    assert git(repo, "show", "deck/keys:fails.txt") == "done"

    terminal.select("SKIPPED", "○")
    terminal.press("s")
    terminal.sees(r"╭─ Skip SKIPPED ─")
    terminal.press("Enter")
    terminal.stands("SKIPPED", "↷")

    terminal.select("ASKS", r"\?")
    terminal.press("i")
    terminal.sees(r"╭─ ASKS asks ─(.|\n)*Which colour\?")
    terminal.type("green; $(touch x)")
    terminal.sees(r"green; \$\(touch x\)")
    terminal.press("Enter")
    terminal.stands("ASKS", "✔")
    assert git(repo, "show", "deck/keys:colour.txt") == "green; $(touch x)"

    terminal.select("YES", "◇")
    terminal.press("a")
    terminal.stands("YES", "✔")
    assert git(repo, "show", "deck/keys:yes.txt") == "done"

    terminal.select("NOW", "◇")
    terminal.press("m")
    terminal.stands("NOW", "✔")
    assert git(repo, "show", "deck/keys:now.txt") == "done"

    (tmp_path / "go").touch()
    terminal.sees(r"✔ complete ")
    assert git(repo, "show", "deck/keys:long.txt") == "done"
    assert git(repo, "ls-tree", "--name-only", "main") == "keys.toml"
    terminal.press("M")
    terminal.sees(r"╭─ Promote ─(.|\n)*5 landings from deck/keys into main")
    terminal.press("Right", "Enter")
    terminal.sees(r"✔ all in main ─")
    assert git(repo, "rev-parse", "main") == git(repo, "rev-parse", "deck/keys")
    files = ["colour.txt", "fails.txt", "keys.toml", "long.txt", "now.txt", "yes.txt"]
    assert git(repo, "ls-tree", "--name-only", "main").split() == files

    terminal.press("q")
    folder = newest_run(repo)
    terminal.sees(rf"The run has ended\. `agentdeck attach {folder.run}` shows it again\.")
    terminal.sees(r"left with 0")
    assert fold_run(folder).outcome is Outcome.COMPLETE
    assert not is_alive(agent)
    # The engine ends a while after the last deck has gone, and writes that down; it never crashes.
    (engine,) = engines(folder)
    assert is_alive(engine) or ended_in_order(folder)


def test_a_burst_of_keys_goes_where_each_of_them_was_meant_to(terminal: Terminal) -> None:
    """Whole lines and dialogs in one piece each, as who knows the deck types: none is lost."""
    repo = terminal.repo
    terminal.start(120, 36)
    terminal.sees(r"! 4 need you")
    terminal.type(":steer ASKS squash Quirks: sqaxQ\r")
    settle(lambda: state_of(repo).tasks[TaskId("ASKS")].state is TaskState.LANDED, "ASKS")
    assert git(repo, "show", "deck/keys:colour.txt") == "squash Quirks: sqaxQ"
    # The inbox and back, the events with the help over them and back, the palette to a task, `a`.
    terminal.press("!", "q", "E", "?", "q", "q", "C-p", "Y", "E", "S", "Enter", "a")
    settle(
        lambda: state_of(repo).tasks[TaskId("YES")].state is TaskState.LANDED,
        lambda: f"YES on\n{terminal.screen}",
    )
    assert state_of(repo).tasks[TaskId("NOW")].state is TaskState.PROPOSED
    terminal.type("nqax more Quiet work")
    terminal.sees(r"qax more Quiet work")
    terminal.press("Escape")  # alone: with a letter behind it, it is another key to a terminal
    settle(lambda: "Add a task" not in terminal.screen, "the dialog to go")
    terminal.type(":quit\r")
    terminal.sees(r"left with 0")
    assert len(state_of(repo).tasks) == len(TASKS)


def test_a_task_is_taken_over_in_the_terminal_of_the_deck(terminal: Terminal) -> None:
    """The deck makes room for a real shell in the worktree, and comes back when that is left."""
    repo, long = terminal.repo, TaskId("LONG")
    terminal.start(120, 36)
    terminal.sees(r"! 4 need you")
    terminal.press("g")
    terminal.sees(r"g timeline")
    terminal.select("LONG", WORKING)
    agent = agent_of(repo, "LONG")
    terminal.press("o")
    terminal.sees(r"patient has named no session(.|\n)*Take it over")
    terminal.press("y")
    terminal.sees(r"LONG is yours: a shell")
    assert not is_alive(agent)
    terminal.type("echo $((6 * 7)) > long.txt; cat long.txt")
    terminal.press("Enter")
    terminal.sees(r"(?m)^42$")
    terminal.type("sleep 600")
    terminal.press("Enter", "C-c")
    terminal.type("exit")
    terminal.press("Enter")
    terminal.sees(r"╭─ LONG is in your hands ─")
    assert state_of(repo).tasks[long].state is TaskState.TAKEN
    terminal.press("Enter")
    terminal.sees(r"LONG is in the hands of .* \(o open, O hand back\)")
    terminal.press("O", "f")
    terminal.stands("LONG", "✔")
    assert git(repo, "show", "deck/keys:long.txt") == "42"


def test_a_killed_deck_takes_nothing_with_it(terminal: Terminal, tmp_path: Path) -> None:
    """Engine and agents do not notice: what was at work lands, in the same attempt."""
    repo, long = terminal.repo, TaskId("LONG")
    terminal.start(120, 36)
    terminal.sees(r"! 4 need you")
    settle(lambda: state_of(repo).tasks[long].state is TaskState.WORKING, "LONG at work")
    folder, agent = newest_run(repo), agent_of(repo, "LONG")
    (engine,) = engines(folder)
    assert engine.pid != terminal.deck
    os.kill(terminal.deck, signal.SIGKILL)
    terminal.sees(r"left with 137")
    assert is_alive(engine)
    assert is_alive(agent)
    before = git(repo, "rev-parse", "deck/keys")

    (tmp_path / "go").touch()

    def landed() -> list[str]:
        return [str(task.id) for task in state_of(repo).in_state(TaskState.LANDED)]

    settle(lambda: landed() == ["LONG", "SKIPPED"], lambda: f"two landings, not {landed()}")
    assert git(repo, "show", "deck/keys:long.txt") == "done"
    assert git(repo, "rev-parse", "deck/keys") != before
    assert len(state_of(repo).tasks[long].attempts) == 1
    assert engines(folder) == [engine]
    assert is_alive(engine)


def test_a_deck_that_is_left_says_how_to_come_back(terminal: Terminal) -> None:
    """`q` in the middle of a run: engine and agents go on, and `attach` is named."""
    repo = terminal.repo
    terminal.start(120, 36)
    terminal.sees(r"! 4 need you")
    terminal.sees(rf"{WORKING} LONG 0")
    terminal.press("q")
    folder = newest_run(repo)
    terminal.sees(rf"The run goes on\. `agentdeck attach {folder.run}` comes back to it\.")
    terminal.sees(r"left with 0")
    (engine,) = engines(folder)
    assert is_alive(engine)
    assert is_alive(agent_of(repo, "LONG"))


def test_on_80_by_24_panes_are_tabs_and_nothing_is_cut(terminal: Terminal) -> None:
    """Each digit shows one pane, whole: its frame closes in the last column of every row."""
    terminal.start(80, 24)
    terminal.sees(r"! 4 need you")
    terminal.press("g")
    terminal.sees(r"g timeline")
    for key, task in (("Home", "LONG"), ("Down", "FAILS")):
        terminal.press(key)
        terminal.sees(rf" 2 {task} ")
    titles = {"1": "Plan", "2": r"✖ FAILS", "3": "Agents", "4": "Merge queue"}
    for key in ("2", "3", "4", "1"):
        terminal.press(key)
        rows = terminal.sees(rf"(?m)^╭─ {titles[key]} ").split("\n")
        header, tabs, *frame, keys = rows[:24]
        assert all(len(row) <= 80 for row in rows), rows
        assert "! 4 need you" in header
        for word in ("1 Plan", "2 FAILS", "3 Agents", "4 Queue"):
            assert word in tabs
        assert "".join(row[79:] for row in frame) == "╮" + "│" * (len(frame) - 2) + "╯"
        assert "".join(row[0] for row in frame) == "╭" + "│" * (len(frame) - 2) + "╰"
        assert [row for row in frame if "╭─" in row] == frame[:1], "more than one pane"
        assert "q leave" in keys
        assert "? help" in keys
