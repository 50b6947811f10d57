"""The DAW plan with eight scripted agents, led from its start to its promotion with keys alone.

Three times the same story (`daw_story`): in a terminal of 80 by 24 and of 120 by 36, and in a
browser. `make soak` runs them; alone:

    .venv/bin/pytest -m soak -rP tests/tui/test_daw_whole.py       # with all steps and their times
    DECK_SCREENS=/tmp/screens .venv/bin/pytest -m soak …           # and a picture behind each
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import pytest
from tests.tui.browser_face import browser
from tests.tui.chromium import PROGRAM
from tests.tui.daw_story import assert_facts, lead, make_place
from tests.tui.leading import Leader, Step
from tests.tui.test_serve import is_deck
from tests.tui.test_tmux import Terminal, end_run

from agentdeck.control.runs import newest_run
from agentdeck.core.errors import DeckError
from agentdeck.testing.settling import settle

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

DECK: Final = (sys.executable, "-m", "agentdeck")
RUN: Final = ("run", "daw.toml", "--agent", "scripted", "--speed", "2000")
END_S: Final = 60.0  # for a server that is interrupted


class TmuxFace(Terminal):
    """A shell in tmux."""

    def open(self, columns: int, rows: int) -> None:
        """Open it in the repository."""
        size = ("-x", str(columns), "-y", str(rows))
        self.tmux("new-session", "-d", *size, "-c", str(self.repo), "env", "PS1=$ ", "sh")

    def keep(self, place: Path) -> None:
        place.with_suffix(".txt").write_text(self.screen, encoding="utf-8")


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Path]:
    """A folder for the repository; nothing of its run outlives the test."""
    folder = tmp_path / "repo"
    yield folder
    with suppress(DeckError):
        end_run(newest_run(folder))


@pytest.mark.tmux
@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=["80x24", "120x36"])
def test_in_a_terminal(repo: Path, isolated_home: Path, size: tuple[int, int]) -> None:
    """The command is typed, the deck is led and left, and the shell has the farewell."""
    before = make_place(repo)
    face = TmuxFace(isolated_home, repo)
    try:
        face.open(*size)
        leader = Leader(face, f"{size[0]}x{size[1]}")
        line = " ".join((*DECK, *RUN, "--agents", "8"))
        leader.do([Step("", r"\$"), Step("", r"--agents +8", text=line), Step("Enter", "/47 ")])
        lead(leader)
        folder = newest_run(repo)
        leader.do([
            Step("q", rf"The run has ended\. `agentdeck attach {folder.run}` shows it again\."),
            Step("", r"again\.\s+\$"),
            Step("", r"\$\?", text="echo left with $?"),
            Step("Enter", r"left with 0"),
        ])  # fmt: skip
    finally:
        face.close()
    print(*leader.told, sep="\n")
    assert_facts(repo, folder, before, isolated_home)


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
def test_in_a_browser(repo: Path, isolated_home: Path, tmp_path: Path) -> None:
    """One agent works until keys in the page let eight; the page and its server know of the end."""
    before = make_place(repo)
    begun = [*DECK, "-C", str(repo), *RUN, "--agents", "1", "--no-attach"]
    subprocess.run(begun, check=True, capture_output=True, timeout=END_S)
    folder = newest_run(repo)
    with _server(repo) as server, browser(tmp_path / "profile") as face:
        assert server.stdout is not None
        leader = Leader(face, "browser")
        face.open(server.stdout.readline().strip())
        leader.do([
            Step("", r"╭─ Agents ─+ \d of 1 "),
            *(Step("+", rf"╭─ Agents ─+ \d of {count} ") for count in range(2, 9)),
        ])  # fmt: skip
        lead(leader)
        leader.face.press("q")
        face.until_closed()
        assert "The deck is closed." in face.words
        running = psutil.Process(server.pid)
        settle(lambda: not any(map(is_deck, running.children())), "an end of the deck")
        assert server.poll() is None
        server.send_signal(signal.SIGINT)
        said, _ = server.communicate(timeout=END_S)
        assert server.returncode == 0
        assert said.count("\n") == 1, said  # the link for the next browser, and nothing of the deck
        assert said.startswith("http://")
    print(*leader.told, sep="\n")
    assert_facts(repo, folder, before, isolated_home)


@contextmanager
def _server(repo: Path) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [*DECK, "-C", str(repo), "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        yield server
    finally:
        if server.poll() is None:
            server.kill()
        _ = server.communicate()
