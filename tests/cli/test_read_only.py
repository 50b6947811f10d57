"""A state folder that cannot be written: told in one message, by whoever needs to write."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import Deck

from agentdeck.control.creating import create_run
from agentdeck.core.errors import EXIT_ENVIRONMENT, EXIT_OK
from agentdeck.engine.folders import runs_root
from agentdeck.plans.reader import read_plan


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """A folder that nobody may write in, not even root."""
    bind = ["mount", "--bind", str(place), str(place)]
    if os.geteuid() != 0 or subprocess.run(bind, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        again = ["mount", "-o", "remount,ro,bind", str(place)]
        subprocess.run(again, check=True, capture_output=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_read_only_state_folder_is_named_by_every_verb(deck: Deck, repo: Path) -> None:
    """One message and a next step, no traceback; nothing is half done."""
    text = (repo / "waits.toml").read_text()
    folder = create_run(repo, read_plan(text, file="waits.toml"), text)
    with read_only(runs_root()):
        for words in (
            ("run", "waits.toml", "--no-attach"),
            ("run", "waits.toml", "--resume", "--no-attach"),
            ("attach", "--plain", str(folder.run)),
        ):
            said = deck(*words)
            assert said.code == EXIT_ENVIRONMENT, (words, said)
            assert "Read-only file system" in said.err or "read-only" in said.err, said.err
            assert "Traceback" not in said.err
            assert "hint:" in said.err
        told = deck("status", folder.run)
        assert (told.code, told.err) == (EXIT_OK, ""), "what is there can be read"
        assert "0 of 2 landed" in told.out
