"""The shipped themes load, can be read, and know a colour for every state of a task."""

from __future__ import annotations

import tomllib
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from textual.color import Color
from textual.theme import Theme

from agentdeck.shipped import themes_folder

STATES = (
    "pending ready working paused asks taken checking proposed queued landed failed blocked "
    "skipped deferred"
).split(" ")
LOUD = ("asks", "failed")
TEXT_CONTRAST = 4.5  # WCAG 2.2 AA for text
STRONG_CONTRAST = 7.0  # WCAG 2.2 AAA
GLYPH_CONTRAST = 3.0  # WCAG 2.2 AA for signs; a glyph always stands beside its colour
LEAST_DISTANCE = 20.0  # CIE76 delta E; about 2 is just visible, 20 is another colour at a glance

FILES = sorted(entry.name for entry in themes_folder().iterdir() if entry.name.endswith(".toml"))
Rgb = tuple[float, float, float]


def load(name: str) -> Theme:
    data: dict[str, Any] = tomllib.loads(themes_folder().joinpath(name).read_text(encoding="utf-8"))
    return Theme(**data)


def linear(colour: str) -> Rgb:
    """Linear light of an sRGB colour, each part 0 to 1."""

    def part(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else float(((share + 0.055) / 1.055) ** 2.4)

    red, green, blue = Color.parse(colour).rgb
    return part(red), part(green), part(blue)


def luminance(rgb: Rgb) -> float:
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2, 1 to 21."""
    low, high = sorted((luminance(linear(one)), luminance(linear(other))))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Rgb) -> Rgb:
    """CIE L*a*b* of linear sRGB, white D65."""

    def bend(value: float) -> float:
        return float(value ** (1 / 3)) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116

    red, green, blue = rgb
    x = bend((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505)
    y = bend(luminance(rgb))
    z = bend((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: Rgb, other: Rgb) -> float:
    pairs = zip(lab(one), lab(other), strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)


def as_seen(rgb: Rgb, red_share: float, blue_share: tuple[float, float]) -> Rgb:
    """Linear light as a dichromat sees it: red and green collapse into one.

    Source: Vienot, Brettel and Mollon, Color Research and Application 24(4), 1999.
    """
    red, green, blue = rgb
    both = red_share * red + (1 - red_share) * green
    third = blue_share[0] * red + blue_share[1] * green + blue
    return both, both, min(max(third, 0.0), 1.0)


PROTANOPIA = (0.11238, (0.00401, -0.00401))
DEUTERANOPIA = (0.29275, (-0.02234, 0.02234))


def test_the_promised_themes_are_there() -> None:
    """Two house themes, high contrast, colour-blind safe, and three classics."""
    names = {load(file).name for file in FILES}
    houses = {"deck-dark", "deck-light", "deck-high-contrast", "deck-okabe-ito"}
    assert names == houses | {"nord", "gruvbox", "dracula"}


@pytest.mark.parametrize("file", FILES)
def test_a_theme_is_named_like_its_file_and_generates_styles(file: str) -> None:
    theme = load(file)
    assert theme.name == Path(file).stem
    styles = theme.to_color_system().generate()
    background = theme.background
    assert background is not None
    assert Color.parse(styles["background"]) == Color.parse(background)


@pytest.mark.parametrize("file", FILES)
def test_text_can_be_read(file: str) -> None:
    theme = load(file)
    least = STRONG_CONTRAST if theme.name == "deck-high-contrast" else TEXT_CONTRAST
    for ground in (theme.background, theme.surface, theme.panel):
        assert theme.foreground is not None
        assert ground is not None
        assert contrast(theme.foreground, ground) >= least, ground


@pytest.mark.parametrize("file", FILES)
def test_every_state_has_a_colour_that_can_be_seen(file: str) -> None:
    theme = load(file)
    assert set(theme.variables) == {f"state-{state}" for state in STATES}
    least = STRONG_CONTRAST if theme.name == "deck-high-contrast" else GLYPH_CONTRAST
    faint = [
        f"{name} {colour} on {ground}: {contrast(colour, ground):.2f}"
        for name, colour in theme.variables.items()
        for ground in (theme.background, theme.surface)
        if ground is not None and contrast(colour, ground) < least
    ]
    assert not faint, "\n".join(faint)


@pytest.mark.parametrize("file", FILES)
def test_what_needs_a_person_looks_like_nothing_else(file: str) -> None:
    """What asks and what failed is far from every other state and from each other."""
    colours = load(file).variables
    near = [
        f"{loud} and {state}: {apart:.1f}"
        for loud in LOUD
        for state in STATES
        if state != loud
        and (apart := distance(linear(colours[f"state-{loud}"]), linear(colours[f"state-{state}"])))
        < LEAST_DISTANCE
    ]
    assert not near, "\n".join(near)


@pytest.mark.parametrize("sight", [PROTANOPIA, DEUTERANOPIA], ids=["protanopia", "deuteranopia"])
def test_the_colour_blind_theme_keeps_the_main_states_apart(
    sight: tuple[float, tuple[float, float]],
) -> None:
    colours = load("deck-okabe-ito.toml").variables
    seen = {
        state: as_seen(linear(colours[f"state-{state}"]), *sight)
        for state in ("working", "asks", "landed", "failed")
    }
    near = [
        f"{one} and {other}: {apart:.1f}"
        for one, other in combinations(seen, 2)
        if (apart := distance(seen[one], seen[other])) < LEAST_DISTANCE
    ]
    assert not near, "\n".join(near)


def test_the_check_of_colour_blind_sight_catches_plain_red_and_green() -> None:
    """A green and a red that everybody else tells apart are nearly one colour for a deuteranope."""
    green, red = linear("#5f9e3f"), linear("#c8553d")
    assert distance(green, red) > LEAST_DISTANCE
    assert distance(as_seen(green, *DEUTERANOPIA), as_seen(red, *DEUTERANOPIA)) < LEAST_DISTANCE
