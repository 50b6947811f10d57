"""The fingerprint of what gates run in, and that verdicts follow it over a restart."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.turning import work_until

from agentdeck.core import events as e
from agentdeck.core.ids import GateName
from agentdeck.core.plan import Gate, GateWhen
from agentdeck.core.state import RunState
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.gate_environment import fingerprint
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan

Sh = Callable[..., str]
PATIENCE_S = 60.0


def gates(program: str) -> tuple[Gate, ...]:
    return (Gate(GateName("unit"), (program, "-x"), (GateWhen.MERGE,)),)


def test_another_variable_or_another_program_is_another_environment(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    base = {"PATH": str(tmp_path), "LANG": "C"}
    first = fingerprint(base, gates("tool"))
    assert fingerprint(dict(reversed(base.items())), gates("tool")) == first
    assert fingerprint(base | {"LANG": "de_DE"}, gates("tool")) != first
    assert fingerprint({"PATH": str(tmp_path), "LA": "NGC"}, gates("tool")) != first
    tool.write_text("#!/bin/sh\nexit 1\n")
    assert fingerprint(base, gates("tool")) != first
    assert fingerprint(base, gates("missing")) != first
    checklist = Gate(GateName("look"), (), (GateWhen.PHASE,))
    assert fingerprint(base, (checklist,)) == fingerprint(base, ())


@pytest.mark.parametrize(
    "name", ["TERM", "COLUMNS", "SSH_CONNECTION", "TMUX_PANE", "PWD", "GITHUB_TOKEN", "CLAUDECODE"]
)
def test_another_terminal_or_token_is_the_same_environment(name: str) -> None:
    base = {"PATH": "/nowhere"}
    assert fingerprint(base | {name: "x"}, gates("tool")) == fingerprint(base, gates("tool"))


PLAN = """
version = 1
[plan]
name = "p"
[queue]
repair = "ask"
[agents.writer]
output = "plain"
command = ["sh", "-c", "echo x > $1.txt", "sh", "{task}"]
[gates.tool]
run = ["sh", "-c", "test $NEEDED = there"]
when = "merge"
[[task]]
id = "A"
prompt = "x"
agent = "writer"
"""


def test_a_red_gate_runs_again_when_the_engine_starts_in_another_environment(
    tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target is red because a tool is missing; a person installs it and starts again.

    Nothing has to be told to be tried: the same tree is gated again, is green, and lands.
    """
    monkeypatch.setenv("NEEDED", "missing")
    folder = create_run(repo, read_plan(PLAN, file="p.toml"), "", root=tmp_path / "runs")

    def is_frozen(state: RunState) -> bool:
        return bool(state.gate_runs(GateName("tool"), state.base_tree))

    state = asyncio.run(work_until(open_engine(folder), is_frozen))
    assert not state.landings
    monkeypatch.setenv("NEEDED", "there")
    state = asyncio.run(work_until(open_engine(folder), lambda state: bool(state.landings)))
    journal = Journal(folder.journal)
    found = [r.event for r in journal.history() if isinstance(r.event, e.GateFinished)]
    journal.close()
    landed = [gate for gate in found if gate.tree == state.tip_tree]
    assert [(gate.verdict, gate.environment == state.environment) for gate in landed] == [
        (e.Verdict.FAILED, False),
        (e.Verdict.PASSED, True),
    ]
    assert state.environment == fingerprint(os.environ, state.plan.gates)
