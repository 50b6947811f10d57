"""Every verb's bad input: one message, the right status, a next step, never a traceback."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agentdeck.cli import app as app_module
from agentdeck.cli.app import main
from agentdeck.control.runs import runs_root
from agentdeck.core.decide import MAX_AGENTS


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("frobnicate", 2, "frobnicate"),
        ("--no-such-option", 2, "--no-such-option"),
        ("check", 2, "PLAN"),
        ("check none.toml", 3, "there is no file none.toml"),
        ("check quik.toml", 3, "did you mean quick.toml?"),
        ("check .", 2, "is a folder"),
        ("check bad.toml", 2, "bad.toml:3:"),
        ("check latin.toml", 2, "latin.toml:1: not UTF-8"),
        ("show none.toml", 3, "there is no file"),
        ("run", 2, "PLAN"),
        ("run --resume", 3, "there is no unfinished run in this repository"),
        ("run none.toml", 3, "there is no file"),
        ("run bad.toml", 2, "bad.toml:3:"),
        ("run quick.toml --agent nobody", 2, "nobody"),
        ("run quick.toml --agents 0", 2, "--agents must be 1 to"),
        (f"run quick.toml --agents {MAX_AGENTS + 1}", 2, "--agents must be 1 to"),
        ("run quick.toml --agents many", 2, "valid int"),
        ("run quick.toml --headless --no-attach", 2, "exclude each other"),
        ("run quick.toml --resume", 3, "no unfinished run"),
        ("run quick.toml --resume --agent writer", 3, "no unfinished run"),
        ("run quick.toml --resume --agents 3", 2, "--resume"),
        ("attach", 3, "there is no run"),
        ("attach nothing", 3, "there is no run 'nothing'"),
        ("status ../../etc", 3, "there is no run"),
        ("status", 3, "`agentdeck run PLAN` starts one"),
        ("why", 2, "TASK"),
        ("why A", 3, "there is no run"),
        ("logs A --attempt 0", 2, "--attempt"),
        ("logs A --raw --json", 2, "exclude each other"),
        ("pause A", 3, "there is no run"),
        ("resume", 3, "there is no run"),
        ("retry --fresh", 2, "name the task"),
        ("skip", 2, "TASK"),
        ("unskip", 2, "TASK"),
        ("approve --run x", 3, "there is no run 'x'"),
        ("merge", 2, "TASK"),
        ("hold", 3, "there is no run"),
        ("release", 3, "there is no run"),
        ("stop", 2, "TASK"),
        ("steer A", 2, "TEXT"),
        ("limit many", 2, "valid int"),
        ("promote", 3, "there is no run"),
        ("end --yes", 3, "there is no run"),
        ("snapshot", 2, "RUN"),
        ("snapshot x", 2, "--out"),
        ("snapshot x -o f.svg --size big", 2, "COLUMNSxROWS"),
        ("snapshot x -o f.svg --size 3x3", 2, "cannot be drawn"),
        ("snapshot x -o f.svg", 3, "there is no run 'x'"),
        ("clean", 2, "--all"),
        ("clean x --all", 2, "--all"),
        ("clean x --yes", 3, "there is no run 'x'"),
        ("doctor none.toml", 3, "there is no file"),
        ("init quick.toml", 2, "exists already"),
        ("init no/such/plan.toml", 5, "cannot be written"),
    ],
)
def test_bad_input_is_told_in_one_message(
    repo: Path, capsys: pytest.CaptureFixture[str], words: str, code: int, says: str
) -> None:
    """Status, message and next step; nothing on stdout, nothing done."""
    (repo / "bad.toml").write_text('version = 1\n[plan]\nnmae = "x"\n[[task]]\nid = "A"\n')
    (repo / "latin.toml").write_bytes(b"version = 1 # caf\xe9\n")
    found = main(["-C", str(repo), *words.split(" ")])
    out, err = capsys.readouterr()
    assert (found, out) == (code, "")
    assert says in err
    assert err.startswith(("error: ", "bad.toml:", "latin.toml:"))
    assert "Traceback" not in err
    assert not list(runs_root().glob("*"))


def test_the_folder_of_dash_c_must_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", "/no/such/folder", "runs"]) == 2
    assert "/no/such/folder" in capsys.readouterr().err


def test_outside_of_a_repository_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`status`, `init` and `run` each say what is missing and how to get it."""
    (tmp_path / "p.toml").write_text('version = 1\n[[task]]\nid = "A"\nprompt = "x"\n')
    start = ["run", "p.toml", "--headless", "--agent", "scripted"]
    for words, code in ((["status"], 3), (["init"], 2), (start, 2)):
        assert main(["-C", str(tmp_path), *words]) == code
        said = capsys.readouterr()
        assert "repository" in said.err or "checkout" in said.err


def test_a_fault_of_its_own_leaves_a_crash_log_and_no_traceback(
    repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line on the terminal; the traceback in a file for its owner alone."""

    def broken() -> None:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr("agentdeck.cli.runs.list_runs", broken)
    assert main(["-C", str(repo), "runs"]) == app_module.EXIT_CRASH
    err = capsys.readouterr().err
    assert "ZeroDivisionError: a fault of ours" in err
    assert "Traceback" not in err
    (log,) = (runs_root().parent / "crashes").glob("*.log")
    assert str(log) in err
    assert "Traceback" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_without_a_verb_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code = main([])
    said = capsys.readouterr()
    assert code == 2
    assert (said.out + said.err).count("Usage: agentdeck") == 1


@pytest.mark.parametrize("words", [["--version"], ["-C", os.curdir, "--version"]])
def test_the_version_is_said(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    from agentdeck import __version__

    assert main(words) == 0
    assert capsys.readouterr().out == f"agentdeck {__version__}\n"
