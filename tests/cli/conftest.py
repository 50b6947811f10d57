"""A repository, plans in it, and the command line called as a shell would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentdeck.cli.app import main
from agentdeck.control import blocking
from agentdeck.control.runs import fold_run, list_runs
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.start import ensure_engine
from agentdeck.core import commands as c
from agentdeck.core.errors import DeckError
from agentdeck.engine.folders import RunFolder, runs_root

QUICK = r"""
version = 1
[plan]
name = "quick"
[agents.writer]
command = ["sh", "-c", '''
printf 'I write \033[31mred\033[0m\n'
echo "$1" > "$1.txt"
''', "sh", "{task}"]
[defaults]
agent = "writer"
[[task]]
id = "A"
title = "First"
prompt = "write the file that is named so"
estimate = "10min"
[[task]]
id = "B"
title = "Second"
prompt = "write the file that is named so"
after = "A"
estimate = "5min"
"""
# The agent waits until a file `go` is beside the repository.
WAITS = QUICK.replace('name = "quick"', 'name = "waits"').replace(
    "printf", "until [ -e GO ]; do sleep 0.05; done; printf"
)


@dataclass(frozen=True)
class Said:
    """What one command line gave back."""

    code: int
    out: str
    err: str


Deck = Callable[..., Said]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    waits = WAITS.replace("GO", str(tmp_path / "go"))
    make_repo(folder, {"README.md": "hello\n", "quick.toml": QUICK, "waits.toml": waits})
    return folder


@pytest.fixture
def deck(repo: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Deck]:
    """`deck("status", "--json")` in the repository; no run of it is left at work."""

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = main(["-C", str(repo), *words])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    yield call
    (repo.parent / "go").touch()
    for run in list_runs():
        if run.state in ("complete", "stopped", "unreadable"):
            continue
        with suppress(DeckError):
            end_run(RunFolder(runs_root() / run.id))


def end_run(folder: RunFolder) -> None:
    """Stop everything that a run has at work, and its engine."""
    ensure_engine(folder)
    with blocking.connect(folder) as client:
        with suppress(DeckError):
            client.send(c.EndRun())
        after = 0
        while fold_run(folder).outcome is None and (batch := client.events(after, wait_s=20)):
            after = batch[-1].seq
        client.stop("the test is over")
