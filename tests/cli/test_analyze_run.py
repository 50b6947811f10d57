"""`--run` of `analyze` and `show`: a real short run beside the estimates of its plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.runs import list_runs

Deck = Callable[..., Any]  # the fixture: words to code, out and err

# Both agents say what they used; the second one names no money and fails at its first attempt.
COSTS = """
version = 1
[plan]
name = "costs"
[agents.teller]
command = ["sh", "-c", '''
echo "{\\"type\\":\\"start\\",\\"model\\":\\"small-2020\\"}"
echo "{\\"type\\":\\"usage\\",\\"in\\":900,\\"out\\":300,\\"usd\\":0.5}"
echo x > "$1.txt"
echo "{\\"type\\":\\"result\\",\\"ok\\":true}"
''', "sh", "{task}"]
output = "scripted"
[agents.again]
command = ["sh", "-c", '''
echo "{\\"type\\":\\"usage\\",\\"in\\":500000,\\"out\\":0}"
if [ ! -e SEEN ]; then touch SEEN; exit 1; fi
echo x > "$1.txt"
echo "{\\"type\\":\\"result\\",\\"ok\\":true}"
''', "sh", "{task}"]
output = "scripted"
[defaults]
agent = "teller"
model = "small"
retries = 1
backoff = "1s"
[[task]]
id = "A"
prompt = "x"
tokens = 1000
[[task]]
id = "B"
prompt = "x"
agent = "again"
tokens = 2000000
[[task]]
id = "C"
prompt = "x"
tokens = 7000
defer = "not now"
"""
PRICES = """
date = "2020-02-02"
input_share = 0.5
[models]
small = { input = 1.0, output = 3.0 }
"""


@pytest.fixture
def place(repo: Path, tmp_path: Path) -> Path:
    """The repository with the plan and a price table."""
    text = COSTS.replace("SEEN", str(tmp_path / "seen"))
    (repo / "costs.toml").write_text(text, encoding="utf-8")
    (repo / "prices.toml").write_text(PRICES, encoding="utf-8")
    return repo


@pytest.fixture
def ran(deck: Deck, place: Path) -> str:
    """The plan was carried out; the id of its run."""
    said = deck("run", "costs.toml", "--headless")
    assert said.code == 0, said.err + said.out
    return list_runs()[0].id


def test_a_run_is_told_beside_its_estimates(deck: Deck, ran: str) -> None:
    """A: 1,200 tokens and $0.50 of 1,000 and $0.002. B: twice 500,000 read at $1 a million, of
    2M tokens and $4.
    """
    said = deck("analyze", "--run", "--prices", "prices.toml", "--json")
    assert said.code == 0, said.err
    data = json.loads(said.out)
    assert (data["name"], data["tasks"], data["cost"]["tokens"]) == ("costs", 3, 2_001_000)
    actual = data["cost"]["actual"]
    assert actual["run"] == ran
    assert (actual["usd"], actual["tokens"], actual["attempts"]) == (1.5, 1_001_200, 3)
    assert (actual["retries"], actual["retries_usd"], actual["priced"]) == (1, 0.5, 2)
    assert actual["compared"]["tokens"] == {
        "tasks": 2,
        "estimated": 2_001_000,
        "actual": 1_001_200,
        "of_estimate": 1_001_200 / 2_001_000,
    }
    assert actual["compared"]["usd"]["estimated"] == pytest.approx(4.002)
    assert set(actual["by_model"]) == {"small"}
    assert actual["by_agent"]["teller"]["usd"] == 0.5
    assert actual["by_agent"]["again"]["compared"]["tokens"]["of_estimate"] == 0.5
    assert actual["ahead"]["tasks"] == 0

    out = deck("analyze", "--prices", "prices.toml", "--run", ran).out
    for words in (
        f"Actual  of run {ran}",
        "used             1,001,200 tokens, $1.50, in 3 attempts",
        "  of it retries  500,000 tokens, $0.50, in 1 attempt",
        "$1.00 by the price table: 2 attempts named no money",
        "50 % of the tokens (2 tasks), 37 % of the money (2 tasks)",
        "OF ESTIMATE",
        "prices of 2020-02-02",
    ):
        assert words in out, f"{words}\n{out}"
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "\x1b" not in out


def test_every_way_to_name_the_run_shows_the_same(deck: Deck, ran: str, place: Path) -> None:
    """Alone, by how its id begins, beside the plan; before another option or at the end."""
    ways = (
        ("show", "--as", "cost", "--json", "--run"),
        ("show", "--run", "--as", "cost", "--json"),
        ("show", "--run", ran[:-1], "--as", "cost", "--json"),
        ("show", f"--run={ran}", "--as", "cost", "--json"),
        ("show", "costs.toml", "--as", "cost", "--json", "--run"),
        ("show", "costs.toml", "--run", ran, "--as", "cost", "--json"),
    )
    told = [deck(*words) for words in ways]
    assert [said.err for said in told] == [""] * len(ways)
    assert len({said.out for said in told}) == 1
    assert json.loads(told[0].out)["actual"]["attempts"] == 3
    assert "COSTS" not in deck("show", "--run", "--as", "outline").out
    assert "A  " in deck("show", "--run").out
    picture = deck("show", "--run", "--as", "cost", "-o", "cost.svg")
    assert picture.code == 0
    assert "ACTUAL" in (place / "cost.svg").read_text(encoding="utf-8")


def test_without_the_option_nothing_is_beside_the_estimates(deck: Deck, ran: str) -> None:
    del ran
    assert json.loads(deck("analyze", "costs.toml", "--json").out)["cost"]["actual"] is None
    assert json.loads(deck("show", "costs.toml", "--as", "cost", "--json").out)["actual"] is None
    assert "Actual" not in deck("analyze", "costs.toml").out


def test_beside_a_plan_the_newest_run_of_that_plan_is_meant(
    deck: Deck, ran: str, place: Path
) -> None:
    """A later run of another plan is not in the way, and cannot be set beside this one."""
    (place / "other.toml").write_text(
        'version = 1\n[plan]\nname = "other"\n[agents.no]\ncommand = ["true"]\n'
        '[defaults]\nagent = "no"\nretries = 0\n'
        '[[task]]\nid = "Z"\nprompt = "x"\nallow_empty = true\n'
    )
    assert deck("run", "other.toml", "--headless").code == 0
    other = list_runs()[0].id
    beside = json.loads(deck("analyze", "costs.toml", "--run", "--json").out)
    assert beside["cost"]["actual"]["run"] == ran
    assert json.loads(deck("analyze", "--run", "--json").out)["cost"]["actual"]["run"] == other
    said = deck("analyze", "costs.toml", "--run", other)
    assert (said.code, said.out) == (2, "")
    assert f"run {other} has no task of costs.toml: its plan is other" in said.err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("analyze",), 2, "Missing argument 'PLAN'."),
        (("show", "--as", "cost"), 2, "Missing argument 'PLAN'."),
        (("analyze", "--run"), 3, "there is no run of this repository"),
        (("analyze", "--run", "nowhere"), 3, "nowhere"),
        (("analyze", "costs.toml", "--run"), 3, "there is no run of the plan costs in this"),
        (("show", "costs.toml", "--run", "nowhere", "--as", "cost"), 3, "nowhere"),
        (("show", "costs.toml", "--run", "--as", "graph"), 2, "--run beside a PLAN is for --as"),
        (("analyze", "nowhere.toml", "--run"), 3, "there is no file nowhere.toml"),
    ],
)
def test_what_cannot_be_shown_is_one_clear_error(
    deck: Deck, place: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    del place
    said = deck(*words)
    assert (said.code, said.out) == (code, "")
    assert says in said.err
    assert "Traceback" not in said.err
