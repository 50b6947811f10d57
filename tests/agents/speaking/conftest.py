"""Real processes of the scripted agent that speak the formats of other agents."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[3]))

from tests.agents.speaking.processes import Run


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "repo"
    folder.mkdir()
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "base"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def speak(repo: Path) -> Iterator[Callable[..., Run]]:
    """`speak("codex", "! say hello", "--resume", "ID")`; see `Run` for the rest."""
    started: list[Run] = []

    def start(speaks: str, script: str, *args: str, **more: Any) -> Run:
        started.append(Run(repo, len(started), speaks, script, args, **more))
        return started[-1]

    yield start
    for run in started:
        run.end()
