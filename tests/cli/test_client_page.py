"""Every piece of Python on the page about the client does what the page says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agentdeck
from agentdeck.client.wishes import Wishes
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]
# What T1 and T2 at work, T6 outside of the queue, and a run in which nothing landed do not take.
REFUSED = {"retry", "approve", "merge", "drop", "promote", "revert"}
PAGE = Path(__file__).parents[2] / "docs" / "client.md"
LINE_BY_LINE = "<!-- block: line by line -->\n"
ASKS = """
version = 1
[plan]
name = "asks"
land = "approve"
[defaults]
agent = "scripted"
[[task]]
id = "T1"
prompt = "! ask Which port?"
budget = { tokens = "5M" }
[[task]]
id = "T2"
prompt = "! sleep 600"
[[task]]
id = "T3"
after = "T2"
prompt = "! write c.txt"
[[task]]
id = "T4"
after = "T3"
prompt = "! write d.txt"
[[task]]
id = "T5"
prompt = "! sleep 600"
[[task]]
id = "T6"
after = "T5"
prompt = "! write f.txt"
"""


def pieces() -> list[tuple[str, bool]]:
    """Each piece, and whether it is a program; the others are lines for whoever has a client."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(each[1], not text[: each.start()].endswith(LINE_BY_LINE)) for each in found]


def test_what_is_shown_runs(deck: Deck, repo: Path) -> None:
    """In the repository of a run that has ended, by somebody who has read no more than this."""
    assert deck("run", "quick.toml", "--headless").code == 0
    said = []
    for text, is_program in pieces():
        if is_program:
            done = subprocess.run(
                [sys.executable, "-c", text], cwd=repo, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, ""), text
            said.append(done.stdout)
    assert "2 of 2 landed" in said[0]
    assert "A has landed as" in said[-1]


def test_every_line_that_acts_is_heard_by_the_engine(deck: Deck, repo: Path) -> None:
    """One after the other in one run: it is done, or refused with a reason of that moment."""
    [text] = [text for text, is_program in pieces() if not is_program]
    lines = [ast.unparse(line) for line in ast.parse(text).body]
    (repo / "asks.toml").write_text(ASKS)
    assert deck("run", "asks.toml", "--no-attach").code == 0
    refused: dict[str, str] = {}
    with agentdeck.Client.of(repo) as client:
        settle(lambda: "asks" in client.explain("T1"), "the question of T1")
        for line in lines:
            try:
                assert eval(line, {"deck": client}) > 0, line
            except agentdeck.RefusedError as error:
                refused[line] = error.message
        settle(lambda: client.status().state in ("stopped", "complete"), "the end of the run")
    assert len(lines) > 15
    assert {line.partition(".")[2].split("(")[0] for line in refused} == REFUSED, refused


def test_every_method_and_error_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = [name for name in vars(agentdeck.Client) if not name.startswith("_")]
    names += [name for name in vars(Wishes) if not name.startswith("_")]
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert missing == []
    errors = [name for name in agentdeck.__all__ if name[0].isupper()]
    assert [name for name in errors if f"{name}" not in text] == []
