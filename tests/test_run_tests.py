"""Promises of `.ci/run_tests.py`: what it forgives, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "run_tests.py"


def run(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """Let it run a file of tests in a folder of its own."""
    (folder / "test_it.py").write_text(tests, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
    return subprocess.run(
        [sys.executable, str(SCRIPT), "-q", "-p", "no:randomly"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


FAILS_AT = """
from pathlib import Path

def test_it():
    count = Path("count")
    so_far = len(count.read_text()) if count.exists() else 0
    count.write_text("x" * (so_far + 1))
    assert so_far + 1 not in {fails}
"""


@pytest.mark.parametrize(
    ("fails", "code", "runs"),
    [({1}, 0, 4), ({1, 3}, 1, 3)],
)
def test_a_failure_is_forgiven_only_if_it_never_comes_again(
    tmp_path: Path, fails: set[int], code: int, runs: int
) -> None:
    """Green after three passes alone, and then named as flaky; red with the first that fails."""
    done = run(tmp_path, FAILS_AT.format(fails=fails))
    assert done.returncode == code
    assert len((tmp_path / "count").read_text()) == runs
    assert ("FLAKY test_it.py::test_it" in done.stdout) == (code == 0)


def test_many_failures_are_not_looked_at_again(tmp_path: Path) -> None:
    """Four tests that fail once are red."""
    body = "from pathlib import Path\n"
    for name in "abcd":
        body += FAILS_AT.format(fails={1}).replace("count", name).replace("test_it", f"test_{name}")
    done = run(tmp_path, body)
    assert done.returncode == 1
    assert "FLAKY" not in done.stdout


def test_tests_that_cannot_be_read_are_red(tmp_path: Path) -> None:
    """An error of collection is what pytest says."""
    assert run(tmp_path, "def test_it(:\n").returncode not in (0, 1)
