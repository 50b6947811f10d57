"""Real agents against a scripted model: where they are, and how each is led to it.

Rules:
- An agent is looked for below `$AGENTDECK_REAL_AGENTS` (see `install.sh`), then on PATH. One that
  is missing is skipped, with the reason.
- Nothing but loopback is asked: every agent has a base URL, a key that is none, and an empty HOME.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from tests.real_agents.scripted_model import ScriptedModel
from tests.real_agents.trials import MISSING, Trial, search_path

from agentdeck.control.scratch_repo import make_repo


@pytest.fixture(scope="session")
def model() -> Iterator[ScriptedModel]:
    """The model's service."""
    with ScriptedModel() as api:
        yield api


@pytest.fixture
def trial(
    model: ScriptedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], Trial]]:
    """`trial("codex", "works")`: an agent, led to a scenario; skipped where it is missing."""
    monkeypatch.setenv("PATH", search_path())
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    made: list[Trial] = []

    def make(agent: str, scenario: str) -> Trial:
        found = Trial(agent, model, scenario, tmp_path)
        if shutil.which(found.program) is None:
            pytest.skip(MISSING.format(found.program))
        make_repo(found.repo, {"README.md": "A scratch repository.\n"})
        made.append(found)
        return found

    yield make
    for each in made:
        each.sweep()
