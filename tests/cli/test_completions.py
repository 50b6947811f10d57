"""Completion in real shells: what they offer for a line, in a repository and outside of one."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import Deck

from agentdeck.cli.app import main
from agentdeck.cli.completions import Shell, all_words, script
from agentdeck.cli.line import verbs
from agentdeck.control.runs import newest_run
from agentdeck.core.errors import EXIT_OK

# Of zsh only the function is tried: it adds its words by a builtin that works under a prompt alone.
ZSH = """\
compdef() {{ }}
compadd() {{ [[ $1 == -- ]] && shift; print -l -- "$@" }}
_describe() {{ print -l -- ${{(P)2}} }}
_files() {{ print -l -- * }}
source {script}
words=({words}); CURRENT=$#words
_agentdeck
"""
BASH = """\
source {script}
COMP_LINE={line}; COMP_POINT=${{#COMP_LINE}}
_agentdeck
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "source {script}; complete -C {line}"

Offers = Callable[[str], set[str]]


@pytest.fixture(params=list(Shell))
def offers(request: pytest.FixtureRequest, repo: Path, tmp_path: Path) -> Offers:
    """What a shell offers at the end of a line, in the repository."""
    shell: Shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    place = tmp_path / "script"
    place.write_text(script(shell))
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "agentdeck").write_text(f'#!/bin/sh\nexec {sys.executable} -m agentdeck "$@"\n')
    (folder / "agentdeck").chmod(0o755)

    def ask(line: str, where: Path = repo) -> set[str]:
        words = [*shlex.split(line), *([""] if line.endswith(" ") else [])]
        form = {Shell.BASH: BASH, Shell.ZSH: ZSH, Shell.FISH: FISH}[shell]
        text = form.format(script=place, line=shlex.quote(line), words=shlex.join(words))
        options = {Shell.BASH: "--norc", Shell.ZSH: "-f", Shell.FISH: "--no-config"}
        done = subprocess.run(
            [shell, options[shell], "-c", text],
            cwd=where,
            env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        found = (row.split("\t")[0].split(":")[0] for row in done.stdout.splitlines())
        return {row for row in found if row}

    return ask


def test_verbs_options_and_values(offers: Offers, deck: Deck, repo: Path) -> None:
    assert deck("run", "quick.toml", "--headless").code == EXIT_OK
    run = newest_run(repo).run
    assert {"status", "stop", "steer"} <= offers("agentdeck st")
    assert "--json" in offers("agentdeck status --")
    assert run in offers("agentdeck status ")
    assert run in offers("agentdeck why A --run ")
    assert {"A", "B"} <= offers("agentdeck retry ")
    assert {"A", "B"} <= offers("agentdeck retry A ")
    assert {"claude", "scripted"} <= offers("agentdeck run quick.toml --agent ")
    assert {"add", "drop"} <= offers("agentdeck plan ")
    assert "graph" in offers("agentdeck show quick.toml --as ")
    assert "quick.toml" in offers("agentdeck check q")
    assert {"bash", "zsh", "fish"} <= offers("agentdeck completions ")
    assert {"A", "B"} <= offers("agentdeck -C . why ")


def test_outside_of_a_repository_nothing_breaks(offers: Offers, tmp_path: Path) -> None:
    """No run, no plan, no repository: verbs are there, and values are none."""
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    ask: Callable[..., set[str]] = offers
    assert "status" in ask("agentdeck stat", nowhere)
    assert ask("agentdeck why ", nowhere) == set()
    assert ask("agentdeck status ", nowhere) == set()


def test_every_verb_is_in_every_script() -> None:
    names = {words.name for words in all_words()}
    assert {name.split()[0] for name in names} == verbs()
    for shell in Shell:
        text = script(shell)
        assert [name for name in names if name not in text] == []


def test_values_never_disturb_a_shell(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("runs", "tasks", "scopes", "agents", "aliases", "config", "nonsense"):
        for words in ([kind], [kind, "no-such-run"], [kind, "../x"]):
            assert main(["completions", "values", *words]) == EXIT_OK
    assert main(["completions", "values"]) == EXIT_OK
    assert capsys.readouterr().err == ""


def test_values_start_without_typer_and_the_deck(repo: Path, deck: Deck) -> None:
    """A person waits for them with a finger on Tab."""
    assert deck("run", "quick.toml", "--headless").code == EXIT_OK
    code = (
        "import sys; from agentdeck.cli.app import main; main(['completions', 'values', 'tasks'])\n"
        "print(*sorted({'typer', 'textual', 'networkx', 'git', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["A", "B"]
