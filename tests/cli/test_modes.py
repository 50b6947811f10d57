"""Every file that a whole run leaves is its owner's alone, whatever the umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import QUICK, Deck

from agentdeck.core.ids import TaskId
from agentdeck.engine.folders import RunFolder, runs_root, state_root

GATE = """
[gates.look]
run = "true"
when = "merge"
"""


@pytest.fixture
def _careless() -> Iterator[None]:
    """A umask that lets everybody do everything."""
    before = os.umask(0)
    yield
    os.umask(before)


def loose(top: Path) -> list[str]:
    """What others could enter, read or write. What is in worktrees is the repository's."""
    found = []
    for folder, names, files in os.walk(top):
        if Path(folder).name in ("worktrees", "scratch"):
            names[:] = []
        for path in (Path(folder), *(Path(folder, name) for name in (*names, *files))):
            how = path.lstat()
            wanted = 0o700 if stat.S_ISDIR(how.st_mode) else 0o600
            program = path.parent.name == "hooks" and stat.S_IMODE(how.st_mode) == 0o700
            if stat.S_ISLNK(how.st_mode) or program or "worktrees/" in str(path.relative_to(top)):
                continue
            if stat.S_IMODE(how.st_mode) != wanted:
                found.append(f"{stat.S_IMODE(how.st_mode):o} {path.relative_to(top)}")
    return sorted(set(found))


@pytest.mark.usefixtures("_careless")
def test_every_file_of_a_run_is_its_owners_alone(repo: Path, deck: Deck) -> None:
    """State folder, journal with its wal, sockets, logs, prompts, gates, bundle, cached search."""
    (repo / "gated.toml").write_text(QUICK + GATE)
    assert deck("run", "gated.toml", "--headless").code == 0
    (run,) = (RunFolder(path) for path in runs_root().iterdir())
    deck("find", "red")
    deck("debug", "bundle", "-o", "bundle.tgz")
    assert (run.path / "journal.db").is_file()
    assert (run.attempt(TaskId("A"), 1) / "prompt.md").is_file()
    assert loose(state_root()) == []
    assert stat.S_IMODE((repo / "bundle.tgz").stat().st_mode) == 0o600


@pytest.mark.usefixtures("_careless")
def test_every_file_of_a_live_run_is_its_owners_alone(repo: Path, deck: Deck) -> None:
    """While an engine is at work: its socket, its output, the log that a database writes ahead."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    (run,) = (RunFolder(path) for path in runs_root().iterdir())
    assert stat.S_ISSOCK(run.socket.stat().st_mode)
    assert loose(state_root()) == []
    assert stat.S_IMODE(run.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(run.socket.parent.stat().st_mode) == 0o700
