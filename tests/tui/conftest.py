"""Lets the tests of the control room import what they share, as `tests.tui.sample_journal`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
