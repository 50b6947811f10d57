"""Labels with clocks are drawn each second: the short way makes what the general way makes."""

from __future__ import annotations

import pytest
from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from agentdeck.tui.widgets.graph_view import _strip_of

BOLD, PLAIN, DIM = Style.parse("bold red"), Style.null(), Style.parse("dim")
Parts = list[tuple[str, Style | None]]
LABELS: dict[str, Parts] = {
    "a working task": [("◐", BOLD), (" ", PLAIN), ("T-001", DIM), ("  ", PLAIN), ("05:54", BOLD)],
    "wide letters": [("宽宽", BOLD), (" x", DIM)],
    "a mark that is combined": [("e\u0301", BOLD), ("x", PLAIN)],
    "an empty piece": [("", BOLD), ("abc", DIM)],
    "words without a style between": [("a", BOLD), ("bc", None), ("d", DIM), ("e", None)],
}


def text_of(parts: Parts) -> Text:
    text = Text()
    for words, style in parts:
        text.append(words, style)
    return text


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("more", [0, 1, 7])
def test_a_label_is_what_the_general_way_makes_of_it(name: str, more: int) -> None:
    text = text_of(LABELS[name])
    width = text.cell_len + more
    usual = text.copy()
    usual.truncate(width, overflow="ellipsis", pad=True)
    expected = Strip(usual.render(Console())).adjust_cell_length(width)
    found = _strip_of(text, width)
    assert found is not None
    assert list(found) == list(expected)
    assert found.cell_length == expected.cell_length == width


@pytest.mark.parametrize(
    "text",
    [
        text_of([("too wide", BOLD)]),
        Text("of one style", "bold"),
        Text("without any"),
        Text.from_markup("[bold]one [red]in[/red] another[/bold]"),
    ],
    ids=str,
)
def test_what_is_not_that_plain_is_left_to_the_general_way(text: Text) -> None:
    width = text.cell_len - text.plain.startswith("too")
    assert _strip_of(text, width) is None
