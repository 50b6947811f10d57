"""`agentdeck show --as`: each view as text, as data and as a file."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.cli.show_as import ShowAs
from agentdeck.cli.show_as.canvas import MAX_ROWS
from agentdeck.cli.show_as.words import share, span, usd
from agentdeck.shipped import sample_plan

Deck = Callable[..., Any]  # the fixture: words to code, out and err
DAW = "daw-agent-parallelism"
HOSTILE = """
version = 1
[[phase]]
id = "p1"
title = "a [link=http://x]b[/link] \\" -->"
[[task]]
id = "A"
title = "[red]x[/red] <b>&amp; \\" ] -- ünïcödé 日本"
prompt = "x"
phase = "p1"
estimate = "90min"
files = ["src/"]
[[task]]
id = "B"
title = "second"
prompt = "x"
after = "A"
files = ["src/[x]*"]
tokens = 5
"""


@pytest.fixture
def place(repo: Path) -> Path:
    (repo / "daw.toml").write_text(sample_plan(DAW), encoding="utf-8")
    (repo / "hostile.toml").write_text(HOSTILE, encoding="utf-8")
    return repo


def shown(deck: Deck, *words: str) -> str:
    said = deck("show", *words)
    assert said.code == 0, said.err
    return str(said.out)


def test_the_graph_has_every_task_once_below_what_it_waits_for(deck: Deck, place: Path) -> None:
    """A tree; the other dependencies stand behind the name. EVAL-003 ends the longest path."""
    out = shown(deck, "daw.toml", "--as", "graph")
    assert "47 tasks, 76 dependencies, longest path 23.5 h (*)" in out
    lines = out.splitlines()
    assert sum("UAT-001" in line.split("  also")[0] for line in lines) == 1
    assert "└─ EVAL-003 *" in out
    assert "EVAL-001 *  3 h  also after EXECUTOR-001" in out
    names = [line.strip("│├└─ ").split()[0] for line in lines[2:] if line.strip()]
    assert len(names) == len(set(names)) == 47


def test_a_deep_chain_goes_on_at_the_margin(deck: Deck, place: Path) -> None:
    tasks = [
        f'[[task]]\nid = "T{i}"\nprompt = "x"\n' + (f'after = "T{i - 1}"\n' if i else "")
        for i in range(60)
    ]
    (place / "deep.toml").write_text("version = 1\n" + "".join(tasks))
    out = shown(deck, "deep.toml", "--as", "graph")
    assert "T59" in out
    assert "… below T" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_the_time_line_fits_and_marks_the_critical_path(deck: Deck, place: Path) -> None:
    """One bar a task under an axis in hours; the last of the critical path ends at the right."""
    out = shown(deck, "daw.toml", "--as", "timeline", "--agents", "8")
    assert "23.5 h with 8 agents, eager, 8 at once" in out
    assert sum("▇" in line for line in out.splitlines()) == 7 + 1  # and the line that explains
    assert sum("▄" in line for line in out.splitlines()) == 40 + 1
    assert max(len(line) for line in out.splitlines()) <= 80
    slow = shown(deck, "daw.toml", "--as", "timeline", "--agents", "1")
    assert "161 h with 1 agent, eager, 1 at once" in slow


def test_waves_tell_what_each_takes(deck: Deck, place: Path) -> None:
    """Phases where there are any, else the layers of the graph."""
    out = shown(deck, "daw.toml", "--as", "waves", "--agents", "8")
    assert "10 waves one after the other, 89.5 h with 8 agents" in out
    assert "wave-5  Wave 5: Planner  5 tasks, 20 h of work in 14 h" in out
    data = json.loads(shown(deck, "quick.toml", "--as", "waves", "--json"))
    assert [wave["tasks"] for wave in data["waves"]] == [["A"], ["B"]]
    assert data["makespan_s"] == 900


def test_the_outline_lists_phases_and_tasks(deck: Deck, place: Path) -> None:
    out = shown(deck, "daw.toml", "--as", "outline")
    assert "wave-2  Wave 2: Core Backend" in out
    assert "  CORE-002 *  CORE-002: Core Backend  1 h; after CORE-001" in out


def test_conflicts_and_cost_are_views_too(deck: Deck, place: Path) -> None:
    assert "one needs the other" in shown(deck, "hostile.toml", "--as", "conflicts")
    assert "5 tokens" in shown(deck, "hostile.toml", "--as", "cost")


@pytest.mark.parametrize("view", list(ShowAs))
def test_every_view_gives_data(deck: Deck, place: Path, view: ShowAs) -> None:
    """Valid JSON on stdout and nothing else."""
    said = deck("show", "hostile.toml", "--as", view, "--json")
    assert said.code == 0
    assert isinstance(json.loads(said.out), dict)


@pytest.mark.parametrize("view", list(ShowAs))
def test_foreign_text_cannot_draw(deck: Deck, place: Path, view: ShowAs) -> None:
    """Brackets are only brackets, and nothing is coloured that was not asked to be."""
    out = shown(deck, "hostile.toml", "--as", view)
    assert "\x1b" not in out
    if view in (ShowAs.GRAPH, ShowAs.OUTLINE, ShowAs.TABLE):
        assert "[red]x[/red]" in out


@pytest.mark.parametrize(
    "view", [view for view in ShowAs if view not in (ShowAs.MERMAID, ShowAs.DOT)]
)
def test_a_picture_is_whole_and_needs_nothing_else(deck: Deck, place: Path, view: ShowAs) -> None:
    """Well-formed SVG; no font, script or style from anywhere."""
    said = deck("show", "hostile.toml", "--as", view, "-o", "view.svg")
    assert (said.code, said.out) == (0, "")
    assert "wrote view.svg" in said.err
    text = (place / "view.svg").read_text(encoding="utf-8")
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "url(http" not in text
    assert not [name for name in (n.tag for n in root.iter()) if name.endswith(("script", "image"))]
    assert not list(place.glob(".view.svg*"))


def test_text_files_hold_what_the_terminal_shows(deck: Deck, place: Path) -> None:
    assert deck("show", "daw.toml", "--as", "outline", "-o", "view.txt").code == 0
    text = (place / "view.txt").read_text(encoding="utf-8")
    assert text.splitlines()[0] == shown(deck, "daw.toml", "--as", "outline").splitlines()[0]


def test_the_ending_of_a_file_says_which_graph_language_is_meant(deck: Deck, place: Path) -> None:
    assert deck("show", "daw.toml", "-o", "g.mmd").code == 0
    assert (place / "g.mmd").read_text() == shown(deck, "daw.toml", "--as", "mermaid")
    assert deck("show", "daw.toml", "--as", "graph", "-o", "g.dot").code == 0
    assert (place / "g.dot").read_text() == shown(deck, "daw.toml", "--as", "dot")


def test_mermaid_has_every_task_and_dependency_and_only_numbers_of_its_own(
    deck: Deck, place: Path
) -> None:
    """Ids are made up, so that no text of a plan can be syntax."""
    lines = shown(deck, "daw.toml", "--as", "mermaid").splitlines()
    assert lines[0] == "flowchart LR"
    assert sum(" --> " in line for line in lines) == 76
    assert sum(line.strip().startswith("t") and '["' in line for line in lines) == 47
    hostile = shown(deck, "hostile.toml", "--as", "mermaid")
    (label,) = [line for line in hostile.splitlines() if line.startswith('  t0["')]
    assert label.count('"') == 2
    assert "#34;" in label
    assert "<b>" not in label


def test_dot_is_read_by_graphviz(deck: Deck, place: Path) -> None:
    """Quotes and backslashes of a title do not end the string they stand in."""
    text = shown(deck, "hostile.toml", "--as", "dot")
    assert text.count("->") == 2  # the dependency, and the arrow in the title of the phase
    assert '\\"' in text
    if shutil.which("dot"):
        done = subprocess.run(
            ["dot", "-Tsvg"], input=text, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--as", "cost", "-o", "x.mmd"), "holds a graph, not --as cost"),
        (("--as", "dot", "-o", "x.mmd"), "holds a graph, not --as dot"),
        (("--as", "mermaid", "-o", "x.svg"), "mermaid is text"),
        (("-o", "x.pdf"), "must end in .svg, .txt, .mmd, .dot, .gv"),
        (("--as", "graph", "--json", "-o", "x.svg"), "--json goes to stdout"),
        (("--as", "timeline", "--agents", "0"), "--agents must be 1 to"),
        (("--as", "pie"), "pie"),
    ],
)
def test_what_cannot_be_shown_is_one_clear_error(
    deck: Deck, place: Path, words: tuple[str, ...], says: str
) -> None:
    said = deck("show", "daw.toml", *words)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert not list(place.glob("x.*"))


def test_a_file_that_cannot_be_written_is_the_machine_s_fault(deck: Deck, place: Path) -> None:
    said = deck("show", "daw.toml", "-o", "no/such/folder/x.svg")
    assert said.code == 5
    assert "cannot be written" in said.err


def test_long_plans_are_cut_with_a_count(deck: Deck, place: Path) -> None:
    tasks = [f'[[task]]\nid = "T{i}"\nprompt = "x"\n' for i in range(MAX_ROWS + 30)]
    (place / "long.toml").write_text("version = 1\n" + "".join(tasks))
    for view in ("timeline", "outline"):
        assert "and 30 more tasks" in shown(deck, "long.toml", "--as", view)
    assert "there are 430 tasks" in shown(deck, "long.toml", "--as", "graph")
    assert len(json.loads(shown(deck, "long.toml", "--as", "timeline", "--json"))["rows"]) == 430


def test_a_plan_that_does_nothing_is_shown(deck: Deck, place: Path) -> None:
    (place / "none.toml").write_text(
        'version = 1\n[[task]]\nid = "A"\nprompt = "x"\ndefer = "later"\n'
    )
    for view in ShowAs:
        assert shown(deck, "none.toml", "--as", view)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_540, "59 min"),
        (3_600, "1 h"),
        (84_600, "23.5 h"),
        (161 * 3600, "161 h"),
        (8_400 * 3600, "350 d"),
        (-3_600, "-1 h"),
    ],
)
def test_durations_are_told_in_one_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_money_and_shares_as_people_write_them() -> None:
    assert [usd(each) for each in (None, 0.0, 0.001, 1.6, 1234.5)] == [
        "",
        "$0.00",
        "under $0.01",
        "$1.60",
        "$1,234.50",
    ]
    assert share(0.854) == "85 %"
