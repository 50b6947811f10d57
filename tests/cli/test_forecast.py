"""`forecast` and what `status` says of the end: plans, live runs, what is learned, and mistakes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from agentdeck.control.runs import fold_run, list_runs
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder, runs_root

Deck = Callable[..., Any]

SPREAD: Final = {"p50", "p80", "p95", "mean", "least", "most"}
# Two tasks, one after the other, that cost tokens; the first one alone has an arm beside it.
PLAN: Final = """
version = 1
[plan]
name = "planned"
[defaults]
agent = "claude"
model = "sonnet"
[[task]]
id = "A"
title = "First"
prompt = "p"
estimate = "10min"
tokens = 10000
[[task]]
id = "B"
title = "Second"
prompt = "p"
after = "A"
estimate = "20min"
tokens = 20000
[[task]]
id = "C"
title = "Beside it"
prompt = "p"
after = "A"
estimate = "5min"
[[task]]
id = "D"
title = "Another year"
prompt = "p"
defer = "not now"
"""


@pytest.fixture
def planned(repo: Path) -> Path:
    found = repo / "planned.toml"
    found.write_text(PLAN, encoding="utf-8")
    return found


def told(deck: Deck, *words: str) -> dict[str, Any]:
    said = deck("forecast", *words, "--json")
    assert said.code == 0, said.err
    data: dict[str, Any] = json.loads(said.out)
    return data


def started(deck: Deck) -> RunFolder:
    """A run whose first agent works and waits."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    (summary,) = list_runs()
    folder = RunFolder(runs_root() / summary.id)
    wait_for(lambda: any(fold_run(folder).in_state(TaskState.WORKING)))
    return folder


def wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


# --- a plan ---------------------------------------------------------------------------------------


def test_the_json_contract_of_a_plan(deck: Deck, planned: Path) -> None:
    """Seconds from the start; quantiles in order; every task but the deferred one."""
    data = told(deck, planned.name, "--samples", "80")
    assert set(data) == {"samples", "finish_s", "usd", "unpriced", "measured", "tasks"}
    assert (data["samples"], data["measured"]) == (80, 0)
    for spread in (data["finish_s"], data["usd"]):
        assert set(spread) == SPREAD
        assert spread["least"] <= spread["p50"] <= spread["p80"] <= spread["p95"] <= spread["most"]
    assert 20 * 60 < data["finish_s"]["p50"] < 80 * 60
    tasks = {row["id"]: row for row in data["tasks"]}
    assert list(tasks) == ["A", "B", "C"]
    for row in tasks.values():
        assert set(row) == {"id", "start_p50_s", "end_p50_s", "end_p80_s", "criticality"}
        assert row["start_p50_s"] < row["end_p50_s"] <= row["end_p80_s"]
    assert tasks["A"]["criticality"] == 1
    assert tasks["B"]["criticality"] > 0.8 > tasks["C"]["criticality"]
    assert data["unpriced"] == 1


def test_people_read_the_end_the_cost_and_what_decides_it(deck: Deck, planned: Path) -> None:
    said = deck("forecast", planned.name)
    assert said.code == 0
    assert "planned  3 tasks ahead, 200 worlds" in said.out
    for words in ("P50", "P80", "P95", "end", "cost", "DECIDES THE END", "100%", "First"):
        assert words in said.out
    assert "0 of 3 durations rest on past runs" in said.out
    assert "1 tasks have no tokens or no price" in said.out


def test_the_same_seed_gives_the_same_answer(deck: Deck, planned: Path) -> None:
    first, again = (told(deck, planned.name, "--seed", "7") for _ in range(2))
    assert first == again
    assert told(deck, planned.name, "--seed", "8") != first


def test_fewer_agents_take_longer_and_scripted_ones_their_time(deck: Deck, planned: Path) -> None:
    """C waits for B, or B for C; scripted agents at a thousandth of the estimates take seconds."""
    alone, many = (told(deck, planned.name, "--agents", n)["finish_s"]["p50"] for n in "14")
    assert alone > many + 120
    played = told(deck, planned.name, "--agent", "scripted", "--speed", "1000")["finish_s"]
    assert played["least"] == played["most"]
    assert 1.8 < played["p50"] < 5


def test_past_runs_are_learned_from_unless_that_is_not_wanted(deck: Deck) -> None:
    """The agent took a moment for its ten minutes: now that is what is expected."""
    before = told(deck, "quick.toml")
    assert before["measured"] == 0
    assert deck("run", "quick.toml", "--headless").code == 0
    learned = told(deck, "quick.toml")
    assert learned["measured"] == 2
    assert learned["finish_s"]["p50"] < before["finish_s"]["p50"] / 10
    assert told(deck, "quick.toml", "--no-past") == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["planned.toml", "--agents", "0"], "--agents must be 1 to"),
        (["planned.toml", "--samples", "0"], "--samples must be 1 to 10,000"),
        (["planned.toml", "--samples", "10001"], "--samples must be 1 to 10,000"),
        (["planned.toml", "--run", "r"], "a plan and --run exclude each other"),
        (["--speed", "10"], "--agent and --speed are for a plan"),
        (["--agent", "scripted"], "--agent and --speed are for a plan"),
        (["planned.toml", "--agent", "nobody"], "nobody"),
        (["planned.toml", "--seed", "x"], "seed"),
        (["no.toml"], "no.toml"),
        (["README.md"], "README.md"),
        ([], "there is no run of this repository"),
        (["--run", "nothing-0000"], "nothing-0000"),
    ],
)
def test_mistakes_are_one_clear_error(
    deck: Deck, planned: Path, words: list[str], message: str
) -> None:
    """On stderr, without a traceback, and nothing on stdout."""
    assert planned.is_file()
    said = deck("forecast", *words)
    assert said.code not in (0, 1)
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


# --- a run ----------------------------------------------------------------------------------------


def test_what_is_left_of_a_run_and_what_status_says_of_it(deck: Deck) -> None:
    """Both tasks are ahead; seconds count from now, and `status` says the same end."""
    folder = started(deck)
    data = told(deck, "--run", folder.run)
    assert [row["id"] for row in data["tasks"]] == ["A", "B"]
    assert [row["id"] for row in told(deck)["tasks"]] == ["A", "B"]
    status = json.loads(deck("status", "--json").out)
    assert set(status["forecast"]) == {"p50_s", "p80_s", "p95_s"}
    ahead = status["forecast"]
    assert 60 < ahead["p50_s"] <= ahead["p80_s"] <= ahead["p95_s"]
    assert ahead["p50_s"] == pytest.approx(data["finish_s"]["p50"], rel=0.2)
    assert status["hints"] == []
    said = deck("status").out
    assert "expected end: " in said
    assert "(half), " in said
    assert "hints:" not in said


def test_a_paused_run_has_no_end_and_one_that_has_ended_neither(deck: Deck, repo: Path) -> None:
    folder = started(deck)
    assert deck("pause").code == 0
    assert json.loads(deck("status", "--json").out)["forecast"] is None
    assert "expected end" not in deck("status").out
    assert deck("resume").code == 0
    (repo.parent / "go").touch()
    wait_for(lambda: fold_run(folder).outcome is not None)
    status = json.loads(deck("status", "--json").out)
    assert (status["forecast"], status["hints"]) == (None, [])
    said = deck("forecast", "--run", folder.run)
    assert said.code == 2
    assert f"run {folder.run} has ended" in said.err


RED = """
version = 1
[plan]
name = "red"
[agents.writer]
command = ["sh", "-c", "echo $1 > $1.txt", "sh", "{task}"]
[defaults]
agent = "writer"
retries = 0
[gates.unit]
run = "false"
when = "task"
"""


def test_status_names_what_comes_back(deck: Deck, repo: Path) -> None:
    """Three tasks are red on the same gate: one hint, for people and for programs."""
    tasks = [f'[[task]]\nid = "T{n}"\ntitle = "t"\nprompt = "p"\n' for n in (1, 2, 3)]
    (repo / "red.toml").write_text(RED + "".join(tasks), encoding="utf-8")
    assert deck("run", "red.toml", "--headless").code == 1
    status = json.loads(deck("status", "--json").out)
    assert status["forecast"] is None
    (hint,) = status["hints"]
    assert hint["kind"] == "gate"
    assert sorted(hint["tasks"]) == ["T1", "T2", "T3"]
    assert hint["sentence"].startswith("gate unit has been red in 3 of the last 3 attempts: T")
    assert f"hints:\n  {hint['sentence']}\n" in deck("status").out
