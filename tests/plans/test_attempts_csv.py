"""One row for each attempt, which no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest

from agentdeck.core.state import RunState
from agentdeck.plans.reporting.attempts_csv import COLUMNS, attempts_csv
from agentdeck.plans.reporting.csv_text import csv_line
from agentdeck.testing.simulation import seeded


def ended(seed: int) -> RunState:
    simulation = seeded(seed)
    simulation.run()
    return simulation.state


def rows(state: RunState, now: float) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(attempts_csv(state, now))))


@pytest.mark.parametrize("seed", range(8))
def test_the_rows_are_the_attempts_and_add_up_to_the_run(seed: int) -> None:
    state = ended(seed)
    found = rows(state, state.at)
    attempts = [(t.id, a) for t in state.tasks.values() for a in t.attempts]
    assert [(row["task"], row["attempt"]) for row in found] == [
        (name, str(attempt.number)) for name, attempt in attempts
    ]
    tokens = sum(
        int(row["tokens_in"]) + int(row["tokens_out"]) + int(row["review_tokens"]) for row in found
    )
    usd = sum(float(row["usd"] or 0) + float(row["review_usd"]) for row in found)
    assert tokens == state.tokens
    assert usd == pytest.approx(state.usd, abs=1e-4)
    for row, (_, attempt) in zip(found, attempts, strict=True):
        assert datetime.fromisoformat(row["claimed_at"]).timestamp() == pytest.approx(
            attempt.claimed_at, abs=0.001
        )
        assert (row["started_at"] == "") == (attempt.launched_at is None)
        assert float(row["worked_s"]) == pytest.approx(attempt.worked_s(state.at), abs=0.001)
        if attempt.exited_at is not None:
            whole = attempt.exited_at - attempt.claimed_at
            both = float(row["worked_s"]) + float(row["waited_s"])
            assert both == pytest.approx(whole, abs=0.01)


def test_it_has_a_head_also_where_nobody_has_begun() -> None:
    lines = attempts_csv(seeded(1).state, 0.0).splitlines()
    assert lines == [",".join(COLUMNS)]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("plain words", "plain words"),
        ('=HYPERLINK("http://evil")', '"\'=HYPERLINK(""http://evil"")"'),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        (" =1", "'=1"),
        ("\t=1", "'=1"),
        ("\u200b=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a,b", '"a,b"'),
        ("two\nlines", "two lines"),
        ("\x1b[31mred", "red"),
    ],
)
def test_no_text_is_a_formula_or_ends_its_cell(text: str, cell: str) -> None:
    assert csv_line([text]) == f"{cell}\n"


def test_numbers_are_numbers() -> None:
    assert csv_line([-1, 0.25, None, 12345678901]) == "-1,0.25,,12345678901\n"
