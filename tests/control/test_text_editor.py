"""A person's own editor, with real programs in its place."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from agentdeck.control.text_editor import edited_by_person, editor_command
from agentdeck.core.errors import DeckError, EnvironmentFault, UsageError


def script(folder: Path, body: str) -> tuple[str, ...]:
    """A program that gets the arguments of an editor."""
    path = folder / "editor.py"
    path.write_text(f"import os, pathlib, sys\npath = pathlib.Path(sys.argv[-1])\n{body}\n")
    return sys.executable, str(path)


def test_the_variable_is_split_as_a_shell_does_and_read_by_none() -> None:
    """$VISUAL before $EDITOR; words with blanks hold together, and nothing is carried out."""
    said = {"EDITOR": "nano", "VISUAL": "code --wait 'a b' $(touch x) ; rm"}
    assert editor_command(said) == ("code", "--wait", "a b", "$(touch", "x)", ";", "rm")
    assert editor_command({"VISUAL": " ", "EDITOR": "nano -w"}) == ("nano", "-w")


def test_without_a_variable_an_editor_that_is_there_is_taken(tmp_path: Path) -> None:
    """And without one of those it is said what to do."""
    (tmp_path / "vi").write_text("#!/bin/sh\n")
    (tmp_path / "vi").chmod(0o755)
    assert editor_command({"PATH": str(tmp_path)}) == ("vi",)
    with pytest.raises(EnvironmentFault, match="no editor"):
        editor_command({"PATH": str(tmp_path / "none")})
    with pytest.raises(UsageError, match="VISUAL"):
        editor_command({"VISUAL": "vi 'x"})


def test_the_text_goes_there_and_back(tmp_path: Path) -> None:
    """Byte for byte, in a folder of its own that nobody else can read, which is gone afterwards."""
    seen = tmp_path / "seen"
    command = script(
        tmp_path,
        f"mode = oct(path.parent.stat().st_mode & 0o777)\n"
        f"pathlib.Path({str(seen)!r}).write_text(f'{{path}} {{mode}}')\n"
        "path.write_bytes(path.read_bytes() + b'more\\r\\n')",
    )
    assert edited_by_person("a\r\né\n", name="../x/T-1.md", command=command) == "a\r\né\nmore\r\n"
    path, mode = seen.read_text().split()
    assert (Path(path).name, mode) == ("T-1.md", "0o700")
    assert not Path(path).parent.exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("path.write_text('lost'); sys.exit(3)", "ended with 3"),
        ("path.unlink()", "gone"),
        ("path.write_bytes(b'\\xff')", "UTF-8"),
        ("path.write_bytes(b'x' * 4_000_001)", "more than 4 MB"),
    ],
)
def test_what_cannot_be_taken_says_why(tmp_path: Path, body: str, said: str) -> None:
    """The caller's text is as it was."""
    with pytest.raises(DeckError, match=said):
        edited_by_person("x", name="T.md", command=script(tmp_path, body))


def test_a_command_that_is_not_there_says_so() -> None:
    with pytest.raises(EnvironmentFault, match="cannot be started"):
        edited_by_person("x", name="T.md", command=(os.devnull + "/none",))
