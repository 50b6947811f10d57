"""`--ascii`: every verb that opens the control room draws it with signs of ASCII alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.tui.sample_journal import middle, write_run

from agentdeck.cli.app import main
from agentdeck.control.scratch_repo import make_repo
from agentdeck.tui.app import DeckApp

RUN = "run plan.toml --agent scripted"
PLAN = """
version = 1
[plan]
name = "signs"
[[task]]
id = "A"
prompt = "! append a.txt done"
"""


@pytest.fixture
def here(tmp_path: Path, isolated_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a plan, before a terminal that knows every sign."""
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"plan.toml": PLAN})
    monkeypatch.chdir(repo)
    monkeypatch.setenv("TERM", "xterm-256color")
    for module in ("room", "run", "demo", "replaying", "simulate"):
        monkeypatch.setattr(f"agentdeck.cli.{module}.in_terminal", lambda: True)
    return repo


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[DeckApp]:
    """The decks that would have been shown; no engine is started for them."""
    decks: list[DeckApp] = []

    def show(app: DeckApp) -> int:
        decks.append(app)
        return 0

    monkeypatch.setattr("agentdeck.tui.show.show_deck", show)
    monkeypatch.setattr("agentdeck.control.start.wake", lambda _: None)
    return decks


@pytest.mark.parametrize(
    "line",
    ["attach", "replay RUN --at 9", f"{RUN} --speed 2", "demo", "simulate plan.toml"],
)
@pytest.mark.parametrize("flag", ["--ascii", ""])
def test_the_flag_reaches_the_deck(
    line: str, flag: str, here: Path, opened: list[DeckApp], tmp_path: Path
) -> None:
    """And without it the deck has the signs that the terminal knows."""
    folder = write_run(middle(), tmp_path / "runs")
    if line == "attach":
        assert main(RUN.split()) == 0
        opened.clear()
    words = [str(folder.path) if word == "RUN" else word for word in line.split()]
    assert main([*words, *flag.split()]) == 0
    (deck,) = opened
    assert deck.ascii_only is bool(flag)


def test_what_is_drawn_has_no_other_letter(
    here: Path, opened: list[DeckApp], tmp_path: Path
) -> None:
    """You should see the room of a run in the middle, its graph and its footer, in ASCII."""
    folder = write_run(middle(), tmp_path / "runs")
    assert main(["replay", str(folder.path), "--ascii"]) == 0
    (deck,) = opened

    async def drawn() -> str:
        async with deck.run_test(size=(120, 36)) as pilot:
            await pilot.pause()
            return "\n".join(strip.text for strip in deck.screen._compositor.render_strips())

    text = asyncio.run(drawn())
    assert "CORE-001" in text
    assert not {sign for sign in text if not sign.isascii()}
