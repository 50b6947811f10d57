"""`agentdeck simulate`: makespans as computed by hand, plain lines, and nothing touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.cli.app import main
from agentdeck.control.runs import runs_root

HEAD = """
version = 1
[plan]
name = "by hand"
agents = 4
"""
DIAMOND = (
    HEAD
    + """
[[task]]
id = "A"
prompt = "a"
estimate = "60min"
[[task]]
id = "B"
prompt = "b"
after = ["A"]
estimate = "30min"
[[task]]
id = "C"
prompt = "c"
after = ["A"]
estimate = "90min"
[[task]]
id = "D"
prompt = "d"
after = ["B", "C"]
estimate = "10min"
"""
)
# B and C want the same file; the longer one goes first.
CONFLICT = (DIAMOND.replace('id = "B"', 'id = "B"\nfiles = ["src/x.py"]')).replace(
    'id = "C"', 'id = "C"\nfiles = ["src/"]'
)
# Two phases; C, in the second, needs only A.
WAVES = (
    HEAD
    + """
[[phase]]
id = "one"
[[phase]]
id = "two"
[[task]]
id = "A"
prompt = "a"
phase = "one"
estimate = "10min"
[[task]]
id = "B"
prompt = "b"
phase = "one"
estimate = "50min"
[[task]]
id = "C"
prompt = "c"
phase = "two"
after = ["A"]
estimate = "20min"
"""
)
STUCK = DIAMOND + "[budget]\ntokens = 1000\n"
STUCK = STUCK.replace('id = "A"', 'id = "A"\ntokens = 1000')

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """`say(plan, "--json")` in a folder that is no repository and holds only the plan."""

    def call(plan: str, *words: str) -> tuple[int, str, str]:
        (tmp_path / "plan.toml").write_text(plan)
        code = main(["-C", str(tmp_path), "simulate", "plan.toml", *words])
        captured = capsys.readouterr()
        assert [p.name for p in tmp_path.iterdir()] == ["plan.toml"], (
            "nothing is written beside the plan"
        )
        assert not runs_root().exists(), "and no run is made"
        return code, captured.out, captured.err

    return call


def data(say: Say, plan: str, *words: str) -> dict[str, Any]:
    code, out, err = say(plan, "--json", *words)
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_diamond_is_as_long_as_its_longest_path(say: Say) -> None:
    """60 + 90 + 10 minutes, and every moment of it."""
    assert data(say, DIAMOND) == {
        "makespan_s": 9600,
        "landed": 4,
        "stands_still": None,
        "tasks": [
            {"id": "A", "started_s": 0, "landed_s": 3600, "attempts": 1},
            {"id": "B", "started_s": 3600, "landed_s": 5400, "attempts": 1},
            {"id": "C", "started_s": 3600, "landed_s": 9000, "attempts": 1},
            {"id": "D", "started_s": 9000, "landed_s": 9600, "attempts": 1},
        ],
    }


@pytest.mark.parametrize(
    ("plan", "words", "minutes"),
    [
        (DIAMOND, ("--agents", "1"), 60 + 30 + 90 + 10),
        (CONFLICT, (), 60 + 90 + 30 + 10),
        (WAVES, ("--strategy", "eager"), 50),
        (WAVES, ("--strategy", "waves"), 50 + 20),
    ],
)
def test_the_makespan_is_exact(say: Say, plan: str, words: tuple[str, ...], minutes: float) -> None:
    """One agent; a common file; phases that are no barriers, and that are."""
    assert data(say, plan, *words)["makespan_s"] == 60 * minutes


def test_a_seed_draws_the_times_and_repeats_them(say: Say) -> None:
    """The same seed is the same run; another one is not, and neither is that of the estimates."""
    first, again = data(say, DIAMOND, "--seed", "1"), data(say, DIAMOND, "--seed", "1")
    other = data(say, DIAMOND, "--seed", "2")
    assert first == again
    assert len({first["makespan_s"], other["makespan_s"], 9600}) == 3
    assert first["landed"] == other["landed"] == 4


def test_a_run_that_stands_still_says_why(say: Say) -> None:
    """No makespan, the reason, and the status of a run that needs a person."""
    code, out, _ = say(STUCK, "--json")
    found = json.loads(out)
    assert code == 6
    assert found["makespan_s"] is None
    assert found["stands_still"] == "the budget of 1,000 tokens is used up"
    assert [task["landed_s"] for task in found["tasks"]] == [3600, None, None, None]
    code, out, _ = say(STUCK, "--headless")
    assert code == 6
    assert "stands still after 60 min (simulated): 1 of 4 tasks land; the budget of" in out


def test_headless_prints_the_run_with_its_own_time(say: Say) -> None:
    code, out, err = say(DIAMOND, "--headless")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0] == "simulated run of by hand: nothing is touched; times count from its start"
    assert lines[1] == "  0:00:00  A  working (attempt 1, claude)"
    assert any(line.startswith("  2:40:00  D  landed as ") for line in lines)
    assert lines[-1] == "complete: 4 of 4 tasks land in 2 h 40 min (simulated)"


def test_without_a_terminal_it_is_headless_and_says_so(say: Say) -> None:
    code, out, err = say(DIAMOND)
    assert code == 0
    assert err == "stdout is no terminal: simulating as with --headless\n"
    assert out.endswith("(simulated)\n")


def test_a_bad_plan_is_told_as_by_check(
    say: Say, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = DIAMOND.replace('after = ["A"]', 'after = ["Q"]')
    code, out, err = say(bad, "--json")
    assert (code, out) == (2, "")
    assert main(["-C", str(tmp_path), "check", "plan.toml"]) == 2
    assert err == capsys.readouterr().err
    assert "plan.toml:" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--agents", "0"), "--agents must be 1 to 256, not 0"),
        (("--speed", "0"), "--speed must be 0.1 to 1,000,000, not 0"),
        (("--speed", "nan"), "--speed must be 0.1 to 1,000,000, not nan"),
        (("--strategy", "lazy"), "'lazy' is not one of 'eager', 'waves'"),
    ],
)
def test_a_bad_option_is_one_clear_error(say: Say, words: tuple[str, ...], said: str) -> None:
    code, out, err = say(DIAMOND, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_plan_that_is_not_there_is_not_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-C", str(tmp_path), "simulate", "none.toml"]) == 3
    assert "there is no file none.toml" in capsys.readouterr().err
