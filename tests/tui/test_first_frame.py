"""What the first picture costs: CSS is read once, one picture is painted, no garbage is sought."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from tests.tui.sample_journal import STARTED_AT, middle, write_run
from textual.css.parse import parse
from textual.css.stylesheet import StylesheetParseError
from textual.design import ColorSystem
from textual.screen import Screen
from textual.theme import Theme

from agentdeck.tui.app import DeckApp
from agentdeck.tui.garbage import settle
from agentdeck.tui.model import Clock
from agentdeck.tui.show import show_deck
from agentdeck.tui.snapshot import FixedSource
from agentdeck.tui.stylesheet import DeckStylesheet

WAIT_S = 60.0


def deck(tmp_path: Path) -> DeckApp:
    """The room of a run in the middle, at a moment that stands."""
    story = middle()
    return DeckApp(
        write_run(story, tmp_path),
        FixedSource(),
        preload=story.history,
        clock=Clock(STARTED_AT + story.at),
        theme="deck-light",
        keys_file=tmp_path,
    )


def shown(screen: Screen[Any]) -> list[str]:
    return [strip.text for strip in screen._compositor.render_strips()]


@pytest.mark.parametrize("size", [(120, 36), (200, 60), (80, 24)])
async def test_what_is_painted_first_is_what_stays(
    tmp_path: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """You should see no picture that is empty and then fills up."""
    app, painted = deck(tmp_path), list[list[str]]()
    real = DeckApp._display

    def kept(self: DeckApp, screen: Screen[Any], update: Any) -> None:
        real(self, screen, update)
        if screen is self.room and update is not None:
            painted.append(shown(screen))

    monkeypatch.setattr(DeckApp, "_display", kept)
    async with app.run_test(size=size) as pilot:
        async with asyncio.timeout(WAIT_S):
            while not painted:
                await pilot.pause(0.01)
        await pilot.pause()
        said = "\n".join(painted[0])
        assert "CORE-001" in said
        assert "S-2" in said
        if size[0] > 100:
            assert "Merge queue" in said
            assert "History" in said
        assert painted[0] == shown(app.screen)


async def test_each_piece_of_css_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes later to a screen does not have all of it read again; nor does a theme."""
    read: Counter[tuple[Any, str, int]] = Counter()  # by place, scope and rank

    def counted(scope: str, css: str, read_from: Any, **named: Any) -> Any:
        read[read_from, scope, named["tie_breaker"]] += 1
        return parse(scope, css, read_from, **named)

    monkeypatch.setattr("textual.css.stylesheet.parse", counted)
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert len(read) > 10
        assert max(read.values()) == 1, read.most_common(3)
        app.theme = "deck-dark"
        await pilot.pause()
        for place, piece in app.stylesheet.source.items():
            again = read[place, piece.scope, piece.tie_breaker]
            assert again == 2, f"other colours mean another reading: {place}"


async def test_the_colours_of_a_theme_are_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And only those of the theme that is shown."""
    made: list[str] = []
    real = Theme.to_color_system

    def noted(theme: Theme) -> ColorSystem:
        made.append(theme.name)
        return real(theme)

    monkeypatch.setattr(Theme, "to_color_system", noted)
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        app.theme = "deck-dark"
        await pilot.pause()
    assert made == ["deck-light", "deck-dark"]


def test_a_fault_leaves_what_was_read_before() -> None:
    sheet = DeckStylesheet(variables={"ink": "red"})
    sheet.add_source("Label { color: $ink; }", read_from=("a", "a"))
    (rule,) = sheet.rules
    sheet.add_source("Label { colour: green; }", read_from=("b", "b"))
    with pytest.raises(StylesheetParseError):
        sheet.reparse()
    assert sheet._rules == [rule]
    sheet.reparse()  # what is wrong is not read again
    assert sheet.rules == [rule]


def test_other_variables_mean_another_reading() -> None:
    """And a copy reads for itself, whatever becomes of the first one."""
    sheet = DeckStylesheet(variables={"ink": "red"})
    sheet.add_source("Label { color: $ink; }", read_from=("a", "a"))
    (red,) = sheet.rules
    sheet.set_variables({"ink": "red"})
    sheet.reparse()
    assert sheet.rules == [red]
    copied = sheet.copy()
    sheet.set_variables({"ink": "blue"})
    sheet.reparse()
    (blue,) = sheet.rules
    assert (blue.styles.color.hex, red.styles.color.hex) == ("#0000FF", "#FF0000")
    copied.reparse()
    assert copied.rules[0].styles.color.hex == "#FF0000"


class Played:
    """An app that is over at once."""

    return_code = 3

    def __init__(self, fault: Exception | None = None) -> None:
        self._fault = fault
        self.collected: bool | None = None

    def run(self) -> None:
        self.collected = gc.isenabled()
        if self._fault is not None:
            raise self._fault


def test_no_garbage_is_looked_for_while_a_deck_starts() -> None:
    """Afterwards it is again, however the deck has ended."""
    app = Played()
    assert show_deck(cast(DeckApp, app)) == 3
    assert (app.collected, gc.isenabled()) == (False, True)
    with pytest.raises(OSError, match="terminal"):
        show_deck(cast(DeckApp, Played(OSError("terminal"))))
    assert gc.isenabled()


def test_garbage_is_looked_for_once_a_deck_stands() -> None:
    before = gc.get_threshold()
    gc.disable()
    try:
        settle()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*before)
