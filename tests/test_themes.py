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
from agentdeck.tui.roles import Roles

STATES = (
    "pending ready working paused asks taken checking proposed queued landed failed blocked "
    "skipped deferred"
).split(" ")
LOUD = ("asks", "failed")
TEXT_CONTRAST = 4.5  # WCAG 2.2 AA for text
STRONG_CONTRAST = 7.0  # WCAG 2.2 AAA
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
    """House themes, high contrast and colour-blind safe ones, each dark and light; and classics."""
    found = {load(file).name: load(file).dark for file in FILES}
    assert found == {
        "deck-dark": True,
        "deck-light": False,
        "deck-high-contrast": True,
        "deck-high-contrast-light": False,
        "deck-okabe-ito": True,
        "deck-tol": False,
        "nord": True,
        "gruvbox": True,
        "dracula": True,
    }


@pytest.mark.parametrize("file", FILES)
def test_a_theme_is_named_like_its_file_and_generates_styles(file: str) -> None:
    theme = load(file)
    assert theme.name == Path(file).stem
    styles = theme.to_color_system().generate()
    background = theme.background
    assert background is not None
    assert Color.parse(styles["background"]) == Color.parse(background)


def least_of(theme: Theme) -> float:
    return STRONG_CONTRAST if "high-contrast" in theme.name else TEXT_CONTRAST


@pytest.mark.parametrize("file", FILES)
def test_every_role_that_is_read_can_be_read(file: str) -> None:
    """Text that comes second or last, keys, what is filled with colour, the row of the cursor."""
    theme = load(file)
    roles = Roles(theme.to_color_system().generate() | dict(theme.variables))
    assert theme.foreground is not None
    assert theme.background is not None
    for role in ("muted", "faint", "key", "alert", "alert-good", "alert-calm", "tab-on"):
        style = roles.style(role)
        assert style.color is not None
        shown = style.color.get_truecolor().hex
        ground = style.bgcolor.get_truecolor().hex if style.bgcolor else theme.background
        assert contrast(shown, ground) >= TEXT_CONTRAST, role
    for cursor in ("cursor", "cursor-rest"):
        under = roles.style(cursor).bgcolor
        assert under is not None
        assert contrast(theme.foreground, under.get_truecolor().hex) >= TEXT_CONTRAST, cursor


@pytest.mark.parametrize("file", FILES)
def test_text_can_be_read(file: str) -> None:
    theme = load(file)
    least = least_of(theme)
    for ground in (theme.background, theme.surface, theme.panel):
        assert theme.foreground is not None
        assert ground is not None
        assert contrast(theme.foreground, ground) >= least, ground


@pytest.mark.parametrize("file", FILES)
def test_every_state_has_a_colour_that_can_be_seen(file: str) -> None:
    theme = load(file)
    assert set(theme.variables) == {f"state-{state}" for state in STATES}
    least = least_of(theme)  # it is the colour of words too: who asks, what failed
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
@pytest.mark.parametrize("file", ["deck-okabe-ito.toml", "deck-tol.toml"])
def test_a_colour_blind_theme_keeps_the_main_states_apart(
    file: str,
    sight: tuple[float, tuple[float, float]],
) -> None:
    colours = load(file).variables
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
