"""The vocabulary of plans: what short texts mean, and that no text takes long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.plan import COMPLEXITIES
from agentdeck.plans.imports import words
from agentdeck.plans.imports.words import Amount, Status

H = words.HOUR
W = words.WEEK


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("30min", Amount(1800, 1800)),
        ("2hr", Amount(2 * H, 2 * H)),
        ("4h", Amount(4 * H, 4 * H)),
        ("1h30m", Amount(5400, 5400)),
        ("1 hour 30 minutes", Amount(5400, 5400)),
        ("1.5 weeks", Amount(1.5 * W, 1.5 * W)),
        ("26-32 weeks", Amount(26 * W, 32 * W)),
        ("8–12 hours", Amount(8 * H, 12 * H)),
        ("2h-3h", Amount(2 * H, 3 * H)),
        ("30 min - 1 hour", Amount(1800, H)),
        ("2 to 3 hours", Amount(2 * H, 3 * H)),
        ("~35 hours", Amount(35 * H, 35 * H, True)),
        ("~5 min each", Amount(300, 300, True)),
        ("2 hours", Amount(2 * H, 2 * H)),
        ("half a day", Amount(43200, 43200)),
        ("1-hour", Amount(H, H)),
        ("Up to 8 hours", Amount(8 * H, 8 * H, True)),
        ("4h+", Amount(4 * H, 4 * H, True)),
        ("(3 hours total)", Amount(3 * H, 3 * H)),
        ("33.5 hours (irreducible minimum)", Amount(33.5 * H, 33.5 * H)),
        ("**2 hours**", Amount(2 * H, 2 * H)),
        ("3", None),
        ("Hour 5-9", None),
        ("None", None),
        ("12-8 hours", None),
        ("30m 1h", None),
        ("2 hours of meetings about it", None),
        ("4 parsecs", None),
        ("999 weeks", None),
        ("", None),
    ],
)
def test_durations(text: str, wanted: Amount | None) -> None:
    """The whole text is a time, or it is none."""
    assert words.duration_of(text) == wanted


def test_durations_in_a_sentence() -> None:
    """Each with its own words."""
    found = list(words.durations_in("(6 weeks → 4 weeks), ~24 hours vs (~65hr), wave-2 days"))
    assert [said for said, _ in found] == ["6 weeks", "4 weeks", "~24 hours", "~65hr"]
    assert [amount.approx for _, amount in found] == [False, False, True, True]


@pytest.mark.parametrize(
    ("read", "text", "wanted"),
    [
        (words.tokens_of, "15K", Amount(15_000, 15_000)),
        (words.tokens_of, "50K+ tokens", Amount(50_000, 50_000, True)),
        (words.tokens_of, "612K", Amount(612_000, 612_000)),
        (words.tokens_of, "1.5M", Amount(1_500_000, 1_500_000)),
        (words.tokens_of, "12,000", Amount(12_000, 12_000)),
        (words.tokens_of, "10K-35K tokens", Amount(10_000, 35_000)),
        (words.tokens_of, "10-35K", Amount(10_000, 35_000)),
        (words.tokens_of, "< 10K", Amount(10_000, 10_000, True)),
        (words.tokens_of, "-", None),
        (words.tokens_of, "15K lines of code", None),
        (words.count_of, "Up to 8 concurrent", Amount(8, 8, True)),
        (words.count_of, "2-3 workers", Amount(2, 3)),
        (words.count_of, "three agents", Amount(3, 3)),
        (words.count_of, "x3", Amount(3, 3)),
        (words.count_of, "66 Pending Tasks", Amount(66, 66)),
        (words.count_of, "80%", None),
        (words.count_of, "4h", None),
        (words.count_of, "1.5", None),
        (words.count_of, "2-3x throughput", None),
        (words.usd_of, "~$1.60", Amount(1.6, 1.6, True)),
        (words.usd_of, "$1-2", Amount(1, 2)),
        (words.usd_of, "3 USD", Amount(3, 3)),
        (words.usd_of, "3", None),
        (words.share_of, "30-40%", Amount(0.3, 0.4)),
        (words.share_of, "60% reduction", Amount(0.6, 0.6)),
        (words.share_of, "80%+ utilization", Amount(0.8, 0.8, True)),
        (words.share_of, "3", None),
    ],
)
def test_figures(read: Callable[[str], Amount | None], text: str, wanted: Amount | None) -> None:
    """A unit is never guessed."""
    assert read(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        *[(nobody, []) for nobody in ("None", "—", "-", "n/a", "", "None (can mock)", "None - ok")],
        ("A, B and C", ["A", "B", "C"]),
        ("T1, T2, and T3", ["T1", "T2", "T3"]),
        ("T1–T3", ["T1", "T2", "T3"]),
        ("T1-T3", ["T1", "T2", "T3"]),
        ("T1..T3", ["T1", "T2", "T3"]),
        ("T001-T003", ["T001", "T002", "T003"]),
        ("1.1-1.3", ["1.1", "1.2", "1.3"]),
        ("API-08 through -10", ["API-08", "API-09", "API-10"]),
        ("API-08 through API-10", ["API-08", "API-09", "API-10"]),
        ("API-1 to 3", ["API-1", "API-2", "API-3"]),
        ("API-4", ["API-4"]),
        ("T1-3", ["T1-3"]),
        ("T9–T3", ["T9–T3"]),
        ("T1–T5000", ["T1–T5000"]),
        ("INFRA-*, `X`", ["INFRA-*", "X"]),
        ("T1 T2 T3", ["T1", "T2", "T3"]),
        ("Depends on T1 (soft), T2", ["T1", "T2"]),
        ("Week 1-2 Stream A + Stream B outputs", ["Week 1-2 Stream A", "Stream B outputs"]),
        ("A, A", ["A"]),
        ("tool (a, b), guide", ["tool", "guide"]),
    ],
)
def test_names(text: str, wanted: list[str]) -> None:
    """Lists, ranges and nobody."""
    assert words.names_in(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("✅ Done", Status.DONE),
        ("✅", Status.DONE),
        ("✅ COMPLETE", Status.DONE),
        ("[x]", Status.DONE),
        ("In Progress", Status.ACTIVE),
        ("🚧", Status.ACTIVE),
        ("TODO", Status.TODO),
        ("⛔", Status.BLOCKED),
        ("Skip for now - needs architectural decisions", Status.DEFERRED),
        ("deferred: no time", Status.DEFERRED),
        ("cancelled", Status.CANCELLED),
        ("✅ HIGHLY PARALLELIZABLE", None),
        ("✅ Exists", None),
        ("⚠️", None),
        ("⭐ BIGGEST WIN", None),
        ("Complete the CLI tool", None),
        ("", None),
    ],
)
def test_status(text: str, wanted: Status | None) -> None:
    """Words first; a picture only when it stands alone."""
    assert words.status_of(text) is wanted


def test_a_title_and_its_status() -> None:
    """What a picture says behind or before a title."""
    assert words.split_status("Phase 0: Core ✅ COMPLETE") == ("Phase 0: Core", Status.DONE)
    assert words.split_status("✅ **Docs**") == ("Docs", Status.DONE)
    assert words.split_status("UI ⭐ BIGGEST WIN") == ("UI BIGGEST WIN", None)
    assert words.split_status("Plain") == ("Plain", None)


@pytest.mark.parametrize(
    ("read", "text", "wanted"),
    [
        (words.model_of, "Sonnet", "sonnet"),
        (words.model_of, "all agents use haiku", "haiku"),
        (words.model_of, "claude-sonnet-4-5", "claude-sonnet-4-5"),
        (words.model_of, "GPT-4o", "gpt-4o"),
        (words.model_of, "Mix (Haiku for CRUD, Sonnet for complex)", None),
        (words.model_of, "magnum opus-like", None),
        (words.complexity_of, "MEDIUM-HIGH", "medium-high"),
        (words.complexity_of, "VERY HIGH", "very-high"),
        (words.complexity_of, "Low-Medium", "low-medium"),
        (words.complexity_of, "complex", "high"),
        (words.complexity_of, "XL", "very-high"),
        (words.complexity_of, "purple", None),
        (words.risk_of, "Critical", "high"),
        (words.agent_of, "Claude Code (Agent 1)", "claude"),
        (words.agent_of, "Claude Code (Agent 2) or Codex", "claude"),
        (words.agent_of, "Codex", "codex"),
        (words.agent_of, "Human", "human"),
        (words.agent_of, "nlp-engineer", "nlp-engineer"),
        (words.agent_of, "soothsayer (akosha)", "soothsayer"),
        (words.agent_of, "Claude Code x3", "claude"),
        (words.agent_of, "claude-reviewer", "claude-reviewer"),
        (words.agent_of, "TBD", None),
        (words.agent_of, "—", None),
    ],
)
def test_lookups(read: Callable[[str], str | None], text: str, wanted: str | None) -> None:
    """Models, complexities, risks, agents."""
    assert read(text) == wanted


def test_complexities_are_those_of_the_plan() -> None:
    """Whatever is understood can be written down."""
    assert {words.complexity_of(word) for word in COMPLEXITIES} == set(COMPLEXITIES)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("**`core`** [docs](http://x) *now* ~~old~~ 🎉", "core docs now old"),
        ("`src/**/*.py` (new)", "src/**/*.py"),
        ("INFRA-*, MODEL-*", "INFRA-*, MODEL-*"),
        ("*.py and *.js", "*.py and *.js"),
        ("**API-***", "API-*"),
        ("a_b __init__.py _em_", "a_b __init__.py em"),
        ("one<br>two", "one two"),
        ("A → B", "A → B"),
    ],
)
def test_marks_are_taken_off(text: str, wanted: str) -> None:
    """Emphasis and pictures go, globs and arrows stay."""
    assert words.clean(text) == wanted


READERS: tuple[Callable[[str], Any], ...] = (
    words.clean,
    words.duration_of,
    lambda text: list(words.durations_in(text)),
    words.tokens_of,
    words.count_of,
    words.usd_of,
    words.share_of,
    words.names_in,
    words.status_of,
    words.split_status,
    words.model_of,
    words.models_in,
    words.complexity_of,
    words.agents_in,
)


@given(st.text(alphabet=st.sampled_from("ab1-–.*_`[](),$%~+ \n✅⛔xhKT"), max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    """Every function answers."""
    for read in READERS:
        read(text)


@pytest.mark.parametrize(
    "piece",
    ["[", "](", "*a", "**", "_", "`", "(", ")", "1", "1-", ",", " ", "a ", "✅", "1h ", "~~"],
)
def test_long_texts_are_read_to_their_end(piece: str) -> None:
    """A cell of 300,000 signs: an expression that goes back for each letter would never end."""
    text = piece * (300_000 // len(piece))
    for read in READERS:
        read(text)
