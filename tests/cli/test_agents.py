"""`agents`, `doctor PLAN`, and the look for agents before a run. Scripts on PATH stand in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.cli import agents_page_text
from agentdeck.cli.agents_page import markdown
from agentdeck.control.runs import list_runs
from agentdeck.core.adapter import GROUPS, WORDS, Input
from agentdeck.plans.adapter_file import read_adapter

Deck = Callable[..., Any]  # the fixture: words to code, out and err

VERSION = (
    '#!/bin/sh\nif [ "$1" = --version ]; then echo "bot {version} (Bot)"; exit 0; fi\n{rest}\n'
)
WRITES = 'echo "hello from agentdeck" > hello.txt'


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is alone on PATH with what git and sh need."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def program(path: Path, name: str, *, version: str = "1.2.3", rest: str = WRITES) -> None:
    file = path / name
    file.write_text(VERSION.format(version=version, rest=rest))
    file.chmod(0o755)


def adapter(name: str, text: str) -> Path:
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "agentdeck" / "agents"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.toml"
    file.write_text(f"adapter = 1\n{text}")
    return file


BOT = (
    'title = "Bot"\nstart = ["bot", "{prompt}"]\nresume = ["bot", "--on", "{session}"]\n'
    'version = ["bot", "--version"]\nminimum = "1.2"\nlogin = ["bot", "login"]\n'
    'keys = ["BOT_KEY"]\ninstall = "pip install bot"\nskills = ["docs"]\n'
)


def listed(deck: Deck) -> dict[str, dict[str, Any]]:
    said = deck("agents", "--json")
    return {row["name"]: row for row in json.loads(said.out)["agents"]}


def test_the_list_says_what_is_installed_and_what_it_can_do(deck: Deck, path: Path) -> None:
    """Found or not, which version, whose login, and what of it works."""
    program(path, "bot", rest='[ "$1" = login ] && exit 1')
    file = adapter("bot", BOT)
    bot = listed(deck)["bot"]
    assert (bot["version"], bot["login"], bot["too_old"]) == ("1.2.3", "no", False)
    assert bot["path"] == str(path / "bot")
    assert (bot["can"], bot["skills"], bot["source"]) == (["resume"], ["docs"], str(file))
    codex = listed(deck)["codex"]
    assert (codex["path"], codex["login"], codex["source"]) == (None, "", "shipped")
    assert "npm" in str(codex["install"])
    table = deck("agents").out
    assert "not found" in next(line for line in table.splitlines() if line.startswith("codex"))
    assert "1.2.3" in next(line for line in table.splitlines() if line.startswith("bot"))


def test_a_login_is_seen_by_its_variable_its_command_or_its_file(
    deck: Deck, path: Path, monkeypatch: pytest.MonkeyPatch, isolated_home: Path
) -> None:
    program(path, "bot", rest='[ "$1" = login ] && exit 0')
    adapter("bot", BOT)
    adapter("filed", 'start = ["bot"]\nlogin_files = ["~/.bot/auth"]\n')
    assert listed(deck)["bot"]["login_how"] == "bot login"
    assert listed(deck)["filed"]["login"] == "not seen"
    (isolated_home / ".bot").mkdir()
    (isolated_home / ".bot" / "auth").touch()
    assert listed(deck)["filed"]["login"] == "yes"
    monkeypatch.setenv("BOT_KEY", "k")
    assert listed(deck)["bot"]["login_how"] == "BOT_KEY"


def test_a_bad_file_is_told_beside_the_list(deck: Deck, path: Path) -> None:
    bad = adapter("bad", 'start = ["x"]\ntitel = "X"\n')
    said = deck("agents")
    assert said.code == 0
    assert f"{bad}:3: titel: unknown key" in said.err
    shown = deck("agents", "show", "bad")
    assert (shown.code, "titel" in shown.err) == (3, True)


def test_an_adapter_is_shown_as_a_file_that_could_stand_in_its_place(
    deck: Deck, path: Path
) -> None:
    shown = deck("agents", "show", "gemini")
    assert shown.code == 0
    text = shown.out
    assert text.startswith("# gemini: ships with agentdeck\nadapter = 1\n")
    adapter("gemini", text.split("adapter = 1\n")[1])
    again = deck("agents", "show", "gemini").out
    assert again.splitlines()[1:] == text.splitlines()[1:]
    assert listed(deck)["gemini"]["source"] != "shipped"
    assert 'did you mean "gemini"?' in deck("agents", "show", "gemni").err


def test_a_trial_runs_a_real_task_and_says_what_came_of_it(deck: Deck, path: Path) -> None:
    """Through engine, worktree, gate and landing; nothing of it is left, and no run is listed."""
    program(path, "bot")
    adapter("bot", BOT)
    said = deck("agents", "test", "bot")
    assert said.code == 0, said
    assert "passed: bot: it wrote the file, and the work landed" in said.out
    assert list_runs() == []


def test_a_trial_that_fails_says_why_and_keeps_the_logs(deck: Deck, path: Path) -> None:
    program(path, "bot", rest="echo 'no such model'; exit 3")
    adapter("bot", BOT)
    said = deck("agents", "test", "bot")
    assert said.code == 1
    out, err = said.out, said.err
    assert "failed: bot:" in out
    assert "exit: 3" in out
    assert "| no such model" in out
    kept = Path(err.strip().rsplit(" ", 1)[1])
    assert (kept / "repo" / "README.md").is_file()


def test_a_trial_of_what_is_not_installed_says_how_it_is(deck: Deck, path: Path) -> None:
    adapter("bot", BOT)
    said = deck("agents", "test", "bot")
    assert said.code == 1
    assert "pip install bot" in said.err
    assert deck("agents", "test", "human").code == 2


PLAN = 'version = 1\n[[task]]\nid = "A"\nprompt = "x"\nagent = "bot"\n'


def rows(deck: Deck, repo: Path) -> dict[str, dict[str, str]]:
    (repo / "p.toml").write_text(PLAN)
    said = deck("doctor", "p.toml", "--json")
    return {row["what"]: row for row in json.loads(said.out)["checks"]}


def test_the_doctor_looks_at_the_agents_of_a_plan(
    deck: Deck, repo: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not there, too old, not logged in, fine: each with what to do."""
    adapter("bot", BOT)
    row = rows(deck, repo)["agent bot"]
    assert (row["state"], "pip install bot" in row["todo"]) == ("fail", True)
    program(path, "bot", version="1.1.9", rest='[ "$1" = login ] && exit 1')
    row = rows(deck, repo)["agent bot"]
    assert (row["state"], row["found"]) == ("warn", "1.1.9, older than 1.2")
    program(path, "bot", version="1.10.0", rest='[ "$1" = login ] && exit 1')
    row = rows(deck, repo)["agent bot"]
    assert (row["state"], row["found"]) == ("fail", "1.10.0, not logged in")
    monkeypatch.setenv("BOT_KEY", "k")
    row = rows(deck, repo)["agent bot"]
    assert (row["state"], row["found"]) == ("ok", "1.10.0, logged in (BOT_KEY)")


def test_a_key_that_only_the_plan_gives_is_a_login(deck: Deck, repo: Path, path: Path) -> None:
    program(path, "bot", rest='[ "$1" = login ] && exit 1')
    adapter("bot", BOT)
    (repo / "k.toml").write_text(PLAN + '[agents.bot]\nenv = { BOT_KEY = "k" }\n')
    said = deck("doctor", "k.toml", "--json")
    checks = {row["what"]: row for row in json.loads(said.out)["checks"]}
    assert checks["agent bot"]["state"] == "ok"


def test_a_run_whose_agent_is_not_installed_does_not_start(
    deck: Deck, repo: Path, path: Path
) -> None:
    """Every attempt would fail; nothing is made, and the way out is named."""
    adapter("bot", BOT)
    (repo / "p.toml").write_text(PLAN)
    said = deck("run", "p.toml", "--headless")
    assert said.code == 5
    assert "bot (bot)" in said.err
    assert "pip install bot" in said.err
    assert list_runs() == []


def test_check_warns_of_an_agent_that_is_not_installed(deck: Deck, repo: Path, path: Path) -> None:
    adapter("bot", BOT)
    (repo / "p.toml").write_text(PLAN)
    assert 'agent bot is the program "bot", which is not there' in deck("check", "p.toml").out


def test_a_run_can_be_given_to_an_agent_of_a_persons_file(
    deck: Deck, repo: Path, path: Path
) -> None:
    program(path, "bot", rest="echo x > $AGENTDECK_TASK.txt")
    adapter("bot", BOT)
    assert deck("run", "quick.toml", "--agent", "bot", "--headless").code == 0


def test_the_page_about_agents_is_up_to_date() -> None:
    """docs/agents.md is what `python -m agentdeck.cli.agents_page` prints."""
    page = (Path(__file__).parents[2] / "docs" / "agents.md").read_text(encoding="utf-8")
    assert page == markdown()


def test_the_page_has_every_word_and_its_example_reads() -> None:
    assert tuple(agents_page_text.WORD_MEANINGS) == WORDS
    assert tuple(agents_page_text.GROUP_MEANINGS) == GROUPS
    assert tuple(agents_page_text.INPUT_MEANINGS) == tuple(Input)
    example = agents_page_text.FILE.split("```toml\n")[1].split("```")[0]
    assert read_adapter(example, file="bot.toml", name="bot").resumes
