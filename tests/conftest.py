"""What holds for every test: nothing of the real user is read or written, and runs repeat.

Rules:
- Each test has a HOME and XDG folders of its own, below one short temporary root (a Unix socket
  path may have only about 100 bytes, and `control.sock` lies deep in a run's folder).
- git knows an identity, `main` as first branch and no configuration of the machine.
- Compiled modules are kept, whatever the shell says: hundreds of processes are started, and each
  would compile the package anew, which takes longer than most of them live.
- Textual's animations are off before it is imported; time zone and locale are fixed.
- Hypothesis runs the profile of HYPOTHESIS_PROFILE: "ci" (the same examples each time) or "soak".
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # textual reads it while it is imported

import pytest
from hypothesis import HealthCheck, settings

# No deadline: two shared cores make single examples slow without anything being wrong.
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,  # `make soak` tries thousands
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "soak",
    database=None,
    deadline=None,
    max_examples=2_000,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

GIT_CONFIG = """\
[user]
    name = Deck Tester
    email = tester@example.invalid
[init]
    defaultBranch = main
[gc]
    auto = 0
[maintenance]
    auto = false
[commit]
    gpgSign = false
[tag]
    gpgSign = false
[advice]
    detachedHead = false
"""

# Variables of a shell, a git hook or an agent that runs the tests: all of them change results.
_FOREIGN_PREFIXES = ("GIT_", "XDG_", "AGENTDECK_", "CLAUDE", "ANTHROPIC_", "TEXTUAL_")
_OURS = "AGENTDECK_REAL_AGENTS"  # where real agents are installed, for tests/real_agents
_FOREIGN = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TMUX", "COLUMNS", "LINES", "EDITOR", "VISUAL")
_numbers = count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Clean the environment before any test module, and with it the package, is imported."""
    for name in list(os.environ):
        if (name.startswith(_FOREIGN_PREFIXES) and name != _OURS) or name in _FOREIGN:
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # in the processes that tests start
    sys.dont_write_bytecode = False  # in this one, of the tests too
    os.environ.update(
        TEXTUAL_ANIMATIONS="none",
        TERM="xterm-256color",
        AGENTDECK_NO_TOUR="1",  # every home of a test is one where no deck was opened before
        TZ="UTC",
        LC_ALL="C.UTF-8",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_TERMINAL_PROMPT="0",
    )
    time.tzset()
    root = Path(tempfile.mkdtemp(prefix="deck-"))
    config.stash[_ROOT] = root
    gitconfig = root / "gitconfig"
    gitconfig.write_text(GIT_CONFIG, encoding="utf-8")
    os.environ["GIT_CONFIG_GLOBAL"] = str(gitconfig)
    _point_home_at(root / "session")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove every home of this session."""
    root = config.stash.get(_ROOT, None)
    if root is not None:
        shutil.rmtree(root, ignore_errors=True)


def pytest_collection_finish() -> None:
    """Thousands of collected tests live to the end: the garbage collector need not look at them."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what drives a terminal where there is no tmux."""
    if item.get_closest_marker("tmux") and shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")


@pytest.fixture(autouse=True)
def isolated_home(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh HOME with XDG folders; environment changes of the test itself are undone too."""
    home = pytestconfig.stash[_ROOT] / f"h{next(_numbers)}"
    for name, folder in _home_variables(home).items():
        monkeypatch.setenv(name, str(folder))
    yield home
    shutil.rmtree(home, ignore_errors=True)


_ROOT = pytest.StashKey[Path]()


def _point_home_at(home: Path) -> None:
    os.environ.update({name: str(folder) for name, folder in _home_variables(home).items()})


def _home_variables(home: Path) -> dict[str, Path]:
    """Make the folders below `home` and say which variable names which."""
    found = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_STATE_HOME": home / "state",
        "XDG_DATA_HOME": home / "data",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_RUNTIME_DIR": home / "run",
    }
    for folder in found.values():
        folder.mkdir(parents=True, exist_ok=True)
    found["XDG_RUNTIME_DIR"].chmod(0o700)  # the XDG standard asks for it, and tools check
    return found


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a quarter of the time tests wait for processes and polls."""
    return (os.cpu_count() or 1) + 1
