"""Theme files: good ones are themes, bad ones are named with their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App

from agentdeck.tui.theme_files import load_themes
from agentdeck.tui.toml_file import MAX_BYTES

GOOD = """\
name = "night"
primary = "#88C0D0"
dark = true
luminosity_spread = 0.2

[variables]
block-cursor-foreground = "#101010"
"""


def write(folder: Path, name: str, text: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


async def test_a_theme_file_can_be_used_by_an_app(tmp_path: Path) -> None:
    write(tmp_path, "any.toml", GOOD)
    themes, problems = load_themes([tmp_path])
    assert problems == []
    app: App[None] = App()
    async with app.run_test():
        app.register_theme(themes[0])
        app.theme = "night"
        assert app.get_css_variables()["block-cursor-foreground"] == "#101010"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('primary = "#fff"\nname = \n', 2, "Invalid value"),
        ('primary = "#fff"\n\nacent = "red"\n', 3, "try `accent`"),
        ('primary = "#fff"\nerror = "reddish"\n', 2, "'reddish'"),
        ('dark = "yes"\nprimary = "#fff"\n', 1, "true or false"),
        ('primary = "#fff"\ntext_alpha = true\n', 2, "a number"),
        ("name = 'x'\n", 1, "`primary` is missing"),
        ('primary = "#fff"\n[variables]\nborder = 3\n', 3, "variable `border`"),
        ('primary = "#fff"\nvariables = 3\n', 2, "a table"),
        (b"primary = '#fff'\n# \xff\n", 2, "UTF-8"),
        ("#" * (MAX_BYTES + 1), 1, "KiB"),
    ],
)
def test_a_bad_file_is_named_with_its_line_and_the_others_load(
    tmp_path: Path, text: str | bytes, line: int, words: str
) -> None:
    bad = write(tmp_path, "bad.toml", text)
    write(tmp_path, "good.toml", GOOD)
    themes, problems = load_themes([tmp_path])
    assert [theme.name for theme in themes] == ["night"]
    assert len(problems) == 1
    assert problems[0].startswith(f"{bad}:{line}: ")
    assert words in problems[0]


def test_the_file_name_is_the_name_when_none_is_given(tmp_path: Path) -> None:
    write(tmp_path, "harbour.toml", "primary = 'teal'\n")
    assert [theme.name for theme in load_themes([tmp_path])[0]] == ["harbour"]


def test_a_users_theme_replaces_a_shipped_one_of_the_same_name(tmp_path: Path) -> None:
    write(tmp_path / "shipped", "night.toml", GOOD)
    write(tmp_path / "user", "mine.toml", GOOD.replace("#88C0D0", "#ff0000"))
    themes, _ = load_themes([tmp_path / "shipped", tmp_path / "user", tmp_path / "missing"])
    assert [theme.primary for theme in themes] == ["#ff0000"]


def test_a_folder_that_is_called_toml_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "x.toml").mkdir()
    themes, problems = load_themes([tmp_path])
    assert (themes, len(problems)) == ([], 1)
