"""The demo, whole: it is what a newcomer types first."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.soak
def test_the_demo_ends_well_by_itself(
    deck: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal the demo person answers; what it says to look at is there to be seen."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = deck("demo")
    assert said.code == 0, said.err
    hint = re.search(r"look at it: git -C (\S+) log --first-parent (\S+)", said.out)
    assert hint is not None
    log = subprocess.run(
        ["git", "-C", hint[1], "log", "--first-parent", "--format=%s", hint[2]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Complete RELEASE" in log.stdout
