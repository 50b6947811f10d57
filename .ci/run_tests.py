"""Runs pytest, and looks again at the very few tests that failed while all cores were busy.

Rules:
- A test that fails in the whole run is run `TIMES` more, alone. Only if it passes each time is the
  run called green, and the test is named as flaky in the last lines: it has a race to be mended.
- More than `FEW` failures, errors of collection and interrupts are what pytest says they are.

Arguments are those of pytest.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

FEW: Final = 3  # of some thousands; more have a cause in the change
TIMES: Final = 3  # alone, one after the other
TESTS_FAILED: Final = 1  # pytest's exit code for it
LAST_FAILED: Final = Path(".pytest_cache/v/cache/lastfailed")


def main(arguments: list[str]) -> int:
    """Run the tests; the exit code of pytest, or 0 if the failures were flaky."""
    LAST_FAILED.unlink(missing_ok=True)
    code = _pytest(arguments)
    failed = _failed() if code == TESTS_FAILED else []
    if not 0 < len(failed) <= FEW:
        return code
    print(f"tests: {len(failed)} failed beside others; alone, {TIMES} times:", flush=True)
    for _ in range(TIMES):
        if again := _pytest(["-q", "-n", "0", *failed]):
            return again
    for test in failed:
        print(f"tests: FLAKY {test}", flush=True)
    return 0


def _pytest(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False).returncode


def _failed() -> list[str]:
    try:
        return sorted(json.loads(LAST_FAILED.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
