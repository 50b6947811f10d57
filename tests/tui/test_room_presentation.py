"""Presentation by tables: widths, figures and forecasts, without a terminal."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.tui.sample_journal import (
    STARTED_AT,
    Story,
    awkward,
    begun,
    finished,
    large,
    limited,
    middle,
)

from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation import figures
from agentdeck.tui.presentation.accounts import account_figure, nobody_starts
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.forecast import critical_path
from agentdeck.tui.presentation.header import counts, header_line, progress, terminal_title
from agentdeck.tui.presentation.line import (
    EMPTY,
    Span,
    cells,
    cut,
    cut_line,
    fit,
    spread,
    text_of,
    wrapped,
)
from agentdeck.tui.presentation.status import SIGNS, Status, ascii_signs


def deck(story: Story, selected: str | None = None) -> Deck:
    task = TaskId(selected) if selected else None
    return Deck(story.state, STARTED_AT + story.at, task, frozen=True)


@given(st.text(), st.integers(0, 60))
def test_a_cut_text_never_has_more_cells_than_it_may(text: str, width: int) -> None:
    plain = "".join(char for char in text if char.isprintable())
    assert cell_len(cut(plain, width)) <= width
    assert cell_len(fit(plain, width)) == width
    assert cells(cut_line((Span(plain), Span("tail")), width)) <= width
    assert cells(spread((Span(plain),), (Span("right"),), width)) <= width


@given(st.text(max_size=200), st.integers(12, 60))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    assert all(cells(line) <= width for line in wrapped(text, width, indent="  "))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "00:00"), (59.9, "00:59"), (3599, "59:59"), (3600, "1h00"), (172_800, "2d00")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert figures.duration(seconds) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (999, "999"), (1_000, "1.0k"), (14_200, "14k"), (999_999, "1.0M"), (2e7, "20M")],
)
def test_counts_have_four_cells_at_most(number: int, shown: str) -> None:
    assert figures.count(int(number)) == shown


def test_every_status_has_a_sign_of_its_own_in_both_alphabets() -> None:
    """One cell each, so columns stay; never told apart by colour alone."""
    assert set(SIGNS) == set(Status)
    for signs in ([s.glyph for s in SIGNS.values()], [s.ascii for s in SIGNS.values()]):
        assert len(set(signs)) == len(SIGNS)
        assert all(cell_len(sign) == 1 for sign in signs)
    assert all(ascii_signs(sign.glyph) == sign.ascii for sign in SIGNS.values())


@pytest.mark.parametrize("story", [begun, middle, large, awkward, limited, finished])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 200, 300])
def test_the_header_fills_its_line_exactly(story: object, width: int) -> None:
    assert callable(story)
    assert cells(header_line(deck(story()), width)) == width


def test_the_need_for_a_person_comes_first() -> None:
    assert text_of(header_line(deck(middle()), 80)).strip().startswith("! 3 need you")
    assert terminal_title(deck(middle())).startswith("(3) ")
    assert "need" not in text_of(header_line(deck(finished()), 120))


def stopped(*stops: object) -> Deck:
    """A run in which three things wait for a person, and a person has stopped something."""
    moment = deck(middle())
    changed = {"paused": "P" in stops, "queue_held": "H" in stops}
    return replace(moment, state=msgspec.structs.replace(moment.state, **changed))


def test_a_paused_run_and_a_held_queue_are_said_beside_what_waits() -> None:
    """Else the key that did it says nothing, and nobody sees why all stands still."""
    paused = text_of(header_line(stopped("P"), 80))
    assert "! 3 need you   ‖ paused " in paused
    assert "queue held" not in paused
    assert "! 3 need you   queue held " in text_of(header_line(stopped("H"), 80))
    both = text_of(header_line(stopped("P", "H"), 80))
    assert "! 3 need you   ‖ paused   queue held " in both
    assert text_of(progress(stopped())) in both


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
def test_the_header_with_all_that_is_stopped_fills_its_line_exactly(width: int) -> None:
    assert cells(header_line(stopped("P", "H"), width)) == width


def test_the_counts_go_after_the_end_of_the_plans_name() -> None:
    """On 80 cells the name is cut before nobody sees any more how many work."""
    moment = deck(middle())
    name = "a name of a plan that is long"
    plan = msgspec.structs.replace(moment.state.plan, name=name)
    state = msgspec.structs.replace(moment.state, plan=plan)
    line = text_of(header_line(replace(moment, state=state), 80))
    assert "a name of" in line
    assert text_of(counts(moment, words=False)) in line


def test_a_frozen_account_counts_down() -> None:
    """At the top, above the agents, and in the sentence of each task that waits for it."""
    moment = deck(limited())
    assert text_of(header_line(moment, 80)).strip().startswith("‖ anthropic 03:59")
    assert text_of(account_figure(moment, 80)) == "anthropic opens in 03:59 (12:05)"
    assert text_of(account_figure(moment, 50)) == "anthropic opens in 03:59"
    assert nobody_starts(moment) == (
        "Nobody starts: anthropic is rate limited, open again in 4 min."
    )
    assert "anthropic is rate limited" in moment.why(TaskId("PAY-3"))
    later = replace(moment, now=moment.now + 30)
    assert "03:29" in text_of(header_line(later, 80))


def test_an_account_that_lets_nobody_in_needs_a_person() -> None:
    """Before the tasks that need one: all of them may wait for it."""
    moment = deck(limited(closed=True))
    assert text_of(header_line(moment, 80)).strip().startswith("! anthropic needs you")
    assert "agentdeck accounts resume anthropic" in nobody_starts(moment)


def test_no_account_is_spoken_of_while_all_are_open() -> None:
    for story in (middle(), finished()):
        assert (account_figure(deck(story), 80), nobody_starts(deck(story))) == (EMPTY, "")


def test_the_sentence_is_the_one_of_every_face() -> None:
    moment = deck(middle())
    for task in moment.state.tasks:
        assert moment.why(task) == explain(moment.state, task, moment.now)


def test_the_critical_path_is_a_chain_of_open_tasks() -> None:
    """The longest one, as long as nothing is forecast."""
    moment = deck(middle())
    state, path = moment.state, critical_path(moment)
    assert len(path) > 1
    assert all(state.tasks[task].landed_commit is None for task in path)
    for earlier, later in pairwise(path):
        assert earlier in state.spec(later).after


@given(st.text(st.sampled_from("ab  .-\t\n✔é\x1b["), max_size=40), st.integers(1, 50))
def test_plain_lines_are_wrapped_as_all_others_are(text: str, width: int) -> None:
    """The short way for them gives what the long one does: that one is taken beside a wide sign."""
    lines = [text_of(line) for line in wrapped(text, width)]
    room = max(8, width)
    longer = [text_of(line) for line in wrapped(text.replace("a", "å"), width)]
    assert [line.replace("å", "a") for line in longer] == lines
    assert all(cell_len(line) <= room for line in lines)
