"""`agentdeck config`, aliases and `--format`: a person's own files, words and lines."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Deck

from agentdeck.cli.aliases import expanded, fault_of
from agentdeck.cli.line import verbs
from agentdeck.cli.templates import Template
from agentdeck.control.user_folder import user_folder
from agentdeck.core.errors import EXIT_ENVIRONMENT, EXIT_NOT_FOUND, EXIT_OK, EXIT_USAGE, UsageError


def own(name: str, text: str) -> Path:
    """One of a person's own files."""
    place = user_folder() / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def editor(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str, code: int = 0) -> None:
    """An editor that writes this."""
    script = folder / "editor.py"
    script.write_text(f"import sys\nopen(sys.argv[1], 'w').write({text!r})\nsys.exit({code})\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")


def test_show_says_of_each_value_where_it_comes_from(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTDECK_PLAIN", "1")
    place = own("deck.toml", '[deck]\n\nnotify = "none"\n[aliases]\nmine = "status"\n')
    own("keys.toml", '[keys]\n"task.retry" = "f9"\n')
    shown = json.loads(deck("config", "show", "--json").out)
    found = {row["name"]: (row["value"], row["source"]) for row in shown["values"]}
    assert found["deck.notify"] == ("none", f"{place}:3")
    assert found["deck.remember"] == ("true", "shipped")
    assert found["aliases.mine"] == ("status", f"{place}:5")
    assert found["keys.task.retry"] == ("f9", f"{place.with_name('keys.toml')}:2")
    assert found["AGENTDECK_PLAIN"] == ("1", "environment")
    assert shown["problems"] == []
    assert "deck.notify" in deck("config").out


def test_check_names_every_mistake_with_its_line(deck: Deck) -> None:
    assert deck("config", "check").code == EXIT_OK
    own("deck.toml", '[deck]\nnotify = "loud"\n[aliases]\nstatus = "runs"\nx = "y"\n')
    own("keys.toml", '[keys]\n"task.retyr" = "f9"\n')
    own("themes/bad.toml", "primary = 1\n")
    own("agents/bot.toml", "adapter = 1\nstrat = 'bot'\n")
    said = deck("config", "check")
    assert (said.code, said.out) == (EXIT_USAGE, "")
    for words in (
        "deck.toml:2: `notify` must be",
        "deck.toml:4: alias `status` is a verb already",
        "deck.toml:5: alias `x` must begin with a verb, found `y`",
        "keys.toml:2: nothing is named `task.retyr`",
        "bad.toml:1:",
        "bot.toml:2:",
    ):
        assert words in said.err, words


def test_an_edit_is_kept_when_it_holds(
    deck: Deck, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor(monkeypatch, tmp_path, '[deck]\nnotify = "none"\n')
    assert deck("config", "edit").code == EXIT_OK
    assert (user_folder() / "deck.toml").read_text() == '[deck]\nnotify = "none"\n'
    assert "nothing was changed" in deck("config", "edit").err


def test_an_edit_with_a_mistake_is_not_kept(
    deck: Deck, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file stays as it was, and the line of the mistake is told."""
    before = own("deck.toml", "[deck]\nremember = false\n")
    editor(monkeypatch, tmp_path, '[deck]\nnotify = "loud"\n')
    said = deck("config", "edit")
    assert said.code == EXIT_USAGE
    assert "deck.toml:2: `notify` must be one of" in said.err
    assert before.read_text() == "[deck]\nremember = false\n"
    editor(monkeypatch, tmp_path, "[deck]\n", code=1)
    assert deck("config", "edit").code == EXIT_ENVIRONMENT
    assert before.read_text() == "[deck]\nremember = false\n"


def test_without_a_terminal_no_editor_is_guessed(
    deck: Deck, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A script that forgot to say which would hang in one, or write into its screen."""
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    guessed = tmp_path / "nano"
    guessed.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    guessed.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = deck("config", "edit")
    assert said.code == EXIT_ENVIRONMENT
    assert "there is no terminal for nano" in said.err
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("name", ["../x.toml", "/etc/x.toml", "x", "themes/a/b.toml", "other.toml"])
def test_only_a_persons_own_files_are_edited(deck: Deck, name: str) -> None:
    assert deck("config", "edit", name).code == EXIT_USAGE


def test_a_link_to_a_file_kept_elsewhere_stays_one(
    deck: Deck, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("")
    user_folder().mkdir(parents=True)
    (user_folder() / "deck.toml").symlink_to(kept)
    editor(monkeypatch, tmp_path, "[deck]\nremember = false\n")
    assert deck("config", "edit").code == EXIT_OK
    assert kept.read_text() == "[deck]\nremember = false\n"
    assert (user_folder() / "deck.toml").is_symlink()


def test_an_alias_is_its_line_and_what_is_typed_behind_it(deck: Deck) -> None:
    own("deck.toml", '[aliases]\nmine = "runs --json"\n')
    assert json.loads(deck("mine").out) == {"runs": []}
    assert deck("mine", "--nonsense").code == EXIT_USAGE
    assert "No such command" in deck("yours").err
    broken = own("deck.toml", '[aliases\nmine = "runs"\n')
    assert f"{broken}:1: " in deck("mine").err, "or one would look for it in vain"


def test_an_alias_cannot_shadow_a_verb_nor_lead_to_another(deck: Deck) -> None:
    own("deck.toml", '[aliases]\nruns = "status"\none = "two"\ntwo = "one"\n')
    assert "there is no run yet" in deck("runs").out
    said = deck("one")
    assert said.code == EXIT_USAGE
    assert "must begin with a verb, found `two`" in said.err


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("status", "runs"), ("Mine", "runs"), ("a b", "runs"), ("-x", "runs"), ("mine", ""),
        ("mine", "'runs"), ("mine", "sh -c id"), ("mine", "runs " + "x " * 200),
    ],
)  # fmt: skip
def test_what_is_no_alias_is_told(name: str, line: str) -> None:
    assert fault_of(name, line, verbs())


def test_no_shell_reads_an_alias() -> None:
    """Signs of a shell are words like any other."""
    found = expanded(["-C", "x", "mine", "$(id)"], {"mine": "why '; id' `id`"}, verbs())
    assert found == ["-C", "x", "why", "; id", "`id`", "$(id)"]


def test_a_line_of_a_form_of_ones_own(deck: Deck) -> None:
    assert deck("show", "quick.toml", "--format", "{{id}}\\t{{after}}|{{ phase }}").out == (
        "A\t|\nB\tA|\n"
    )
    assert deck("run", "quick.toml", "--headless").code == EXIT_OK
    assert deck("status", "--format", "{{state}} {{landed}}/{{tasks}}").out == "complete 2/2\n"
    assert deck("tasks", "--format", "{{id}}={{state}} {{attempts}}").out == (
        "A=landed 1\nB=landed 1\n"
    )
    assert deck("runs", "--format", "{{plan}} {{engine}}").out == "quick false\n"


def test_a_field_that_is_not_known_is_an_error_also_where_there_is_nothing_to_print(
    deck: Deck,
) -> None:
    said = deck("runs", "--format", "{{id}} {{sate}}")
    assert said.code == EXIT_USAGE
    assert "there is no field {{sate}}" in said.err
    assert "try {{state}}; there are: id, plan" in said.err
    assert deck("runs", "--format", "x", "--json").code == EXIT_USAGE
    assert deck("status", "--format", "{{id}}").code == EXIT_NOT_FOUND


@pytest.mark.parametrize(
    "text",
    ["{{id", "id}}", "{{}}", "{{id|upper}}", "{{id()}}", "{{__class__}}", "{{ID}}", "x" * 3_000],
)
def test_nothing_but_fields_means_anything(text: str) -> None:
    with pytest.raises(UsageError):
        Template(text, ("id",))


def test_a_field_cannot_speak_to_the_terminal() -> None:
    assert "\x1b" not in Template("{{id}}", ("id",)).line({"id": "a\x1b[31mb\nc"})
    assert "\n" not in Template("{{id}}", ("id",)).line({"id": "a\nb"})


def test_init_writes_the_schema_beside_the_plan(deck: Deck, repo: Path) -> None:
    assert deck("init", "new.toml", "--schema").code == EXIT_OK
    assert (repo / "new.toml").read_text().startswith("#:schema ./plan.schema.json\n")
    assert json.loads((repo / "plan.schema.json").read_text()) == json.loads(deck("schema").out)
    assert deck("check", "new.toml").code in (EXIT_OK, EXIT_USAGE)
    assert os.path.lexists(repo / "new.toml")
