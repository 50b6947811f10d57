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

Deck = Callable[..., Any]
PAGE = Path(__file__).parents[2] / "docs" / "client.md"
NOT_RUN = re.compile(r"<!-- block: not run, [^>]+ -->\n$")


def pieces() -> list[tuple[str, bool]]:
    """Each piece, and whether it is to be run."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(each[1], NOT_RUN.search(text[: each.start()]) is None) for each in found]


def test_what_is_shown_runs(deck: Deck, repo: Path) -> None:
    """In the repository of a run that has ended, by somebody who has read no more than this."""
    assert deck("run", "quick.toml", "--headless").code == 0
    said = []
    for text, is_run in pieces():
        if is_run:
            done = subprocess.run(
                [sys.executable, "-c", text], cwd=repo, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (0, ""), text
            said.append(done.stdout)
    assert "2 of 2 landed" in said[0]
    assert "A has landed as" in said[-1]


def test_what_is_only_shown_exists() -> None:
    """Every method with arguments that it takes."""
    [text] = [text for text, is_run in pieces() if not is_run]
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert len(calls) > 15
    sent: list[object] = []

    class Deaf(Wishes[int]):
        def send(self, command: object) -> int:
            sent.append(command)
            return len(sent)

    exec(text, {"deck": Deaf()})
    assert len(sent) == len(calls)


def test_every_method_and_error_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    names = [name for name in vars(agentdeck.Client) if not name.startswith("_")]
    names += [name for name in vars(Wishes) if not name.startswith("_")]
    missing = [name for name in names if not re.search(rf"\b{name}\b", text)]
    assert missing == []
    errors = [name for name in agentdeck.__all__ if name[0].isupper()]
    assert [name for name in errors if f"{name}" not in text] == []
