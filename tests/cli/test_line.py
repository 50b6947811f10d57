"""A line imports what its verb needs, and knows every verb all the same."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from agentdeck.cli.app import main
from agentdeck.cli.line import MODULES, command_line
from agentdeck.cli.room import is_plain_attach


def verbs(app: typer.Typer) -> list[str]:
    return list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", MODULES)
def test_the_table_names_the_verbs_of_each_module(module: str) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    import_module(f"agentdeck.cli.{module}").register(app)
    assert tuple(verbs(app)) == MODULES[module]


def test_a_line_without_a_verb_that_is_known_knows_all() -> None:
    """Help, completion, a wrong word: whoever parses it needs every verb."""
    everything = verbs(command_line())
    assert len(everything) == sum(len(names) for names in MODULES.values())
    for words in ([], ["--help"], ["atach"], ["-C"]):
        assert verbs(command_line(words)) == everything
    for words in (["attach", "x"], ["-C", "there", "run", "plan.toml"]):
        assert verbs(command_line(words)) == ["run", "attach"]


def test_the_plainest_lines_are_known() -> None:
    """A verb and the name of a run; whatever may be an option is parsed by who knows them."""
    assert all(map(is_plain_attach, (["attach"], ["attach", "x"], ["attach", "x y"])))
    assert not is_plain_attach([])
    for rest in ("--plain", "-h", "x --plain", "x y", "--plain x"):
        assert not is_plain_attach(["attach", *rest.split()])
    assert not is_plain_attach(["run", "x"])
    assert not is_plain_attach(["-C", "x", "attach"])


@pytest.mark.parametrize("run", [(), ("no-such-run",)])
def test_a_plain_line_does_what_the_whole_command_line_does(
    run: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Without typer and with it: the same status, and the same words."""
    monkeypatch.chdir(tmp_path)
    plain = (main(["attach", *run]), *capsys.readouterr())
    assert plain == (main(["-C", ".", "attach", *run]), *capsys.readouterr())
    assert plain[0] != 0
    assert "there is no run" in plain[2]


def test_the_room_is_opened_without_what_other_verbs_need() -> None:
    """Importing all verbs took a tenth of a second of the way to the first picture."""
    asked = "import sys; from agentdeck.cli.line import command_line; command_line(['attach'])"
    said = f"{asked}; print(*(name for name in sys.modules if name.startswith('agentdeck.')))"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "agentdeck.cli.run" in loaded
    assert not loaded & {"agentdeck.cli.analyze", "agentdeck.plans.reader", "agentdeck.tui.app"}
