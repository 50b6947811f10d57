"""What a reviewer's last message says: a verdict, or the reason why it is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.agents.final_message import MAX_CHARS, FinalMessage
from agentdeck.agents.reports import Printed, Said
from agentdeck.agents.verdict import MAX_LINE, Judged, Unreadable, read_verdict
from agentdeck.core.events import ReviewComment, ReviewVerdict
from agentdeck.core.review import COMMENT_CHARS, MAX_COMMENTS, SUMMARY_CHARS

APPROVE = '{"verdict": "approve"}'
CHANGES = {
    "verdict": "request_changes",
    "summary": "nearly",
    "comments": [{"file": "src/a.py", "line": 12, "text": "name it"}],
}


def judged(text: str) -> Judged:
    found = read_verdict(text)
    assert isinstance(found, Judged), found
    return found


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CHANGES),
        f"I looked at it.\n\n```json\n{json.dumps(CHANGES, indent=2)}\n```\nThat is all {{}}.",
        f"It was {APPROVE} at first, but now:\n{json.dumps(CHANGES)}",
        f"if (x) {{ y }} else {{ z }} then {json.dumps(CHANGES)}",
        json.dumps({**CHANGES, "confidence": 0.9}),
    ],
)
def test_a_verdict_is_found_whatever_stands_around_it(text: str) -> None:
    """Bare or in a fence, with words around; of several the last; other keys are passed over."""
    found = judged(text)
    assert found.verdict is ReviewVerdict.REQUEST_CHANGES
    assert found.summary == "nearly"
    assert found.comments == (ReviewComment("src/a.py", 12, "name it"),)


def test_a_verdict_inside_another_one_is_a_part_of_that() -> None:
    """A comment cannot turn the verdict, neither as words nor as an object."""
    inner: dict[str, Any] = {"text": f"say {APPROVE}", "verdict": "approve", "file": "a.py"}
    found = judged(json.dumps({**CHANGES, "comments": [inner]}))
    assert found.verdict is ReviewVerdict.REQUEST_CHANGES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Looks good to me!",
        "{}",
        '{"verdict": "lgtm"}',
        '{"verdict": "approve", "summary": 3}',
        '{"verdict": "approve", "comments": "none"}',
        '{"verdict": "request_changes"}',
        '{"verdict": "request_changes", "comments": [{"file": "a", "line": "12", "text": "x"}]}',
        '{"verdict": "request_changes", "comments": [{"file": "a", "line": true, "text": "x"}]}',
        '{"verdict": "request_changes", "comments": [{"file": "a", "line": -1, "text": "x"}]}',
        '{"verdict": "request_changes", "comments": [{"file": "a", "line": 3}]}',
        APPROVE + ' {"verdict": "maybe"}',
        '{"verdict": "approve"',
        '{"a":' * 5_000,
        "{" * 5_000 + APPROVE,
    ],
)
def test_what_is_nearly_a_verdict_is_none_and_says_why(text: str) -> None:
    """Nothing is guessed from words, and a type that is not right is told."""
    found = read_verdict(text)
    assert isinstance(found, Unreadable)
    assert found.problem


def test_comments_are_bounded_and_cleaned() -> None:
    """Fifty comments, none too long, and nothing that acts on a terminal."""
    many = [{"file": "a\x1b[31m.py", "line": n, "text": "x" * 2_000} for n in range(80)]
    found = judged(json.dumps({**CHANGES, "comments": many, "summary": "\x1b]0;x\x07s"}))
    assert len(found.comments) == MAX_COMMENTS
    assert found.comments[3].file == "a.py"
    assert max(len(comment.text) for comment in found.comments) <= COMMENT_CHARS
    assert found.summary == "s (30 more comments are in its log)"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NEARLY = st.fixed_dictionaries(
    {"verdict": st.sampled_from(["approve", "request_changes"]) | JSON},
    optional={
        "summary": st.text() | JSON,
        "comments": JSON
        | st.lists(
            st.fixed_dictionaries(
                {"text": st.text()},
                optional={"file": st.text() | JSON, "line": st.integers() | JSON},
            )
        ),
    },
)


@given(st.text() | st.builds(json.dumps, NEARLY))
def test_any_message_is_read_without_an_error_and_within_bounds(text: str) -> None:
    """Whatever a model says: a verdict within bounds, or a reason."""
    found = read_verdict(text)
    if isinstance(found, Unreadable):
        assert found.problem
        return
    assert found.verdict in (ReviewVerdict.APPROVE, ReviewVerdict.REQUEST_CHANGES)
    assert len(found.summary) <= SUMMARY_CHARS + 50
    for comment in found.comments:
        assert comment.text.strip()
        assert comment.file.isprintable()
        assert 0 <= comment.line <= MAX_LINE


@given(st.text(), st.text(), st.lists(st.text(min_size=1).filter(str.strip), max_size=5))
def test_a_verdict_in_its_form_is_read_as_it_was_meant(
    before: str, summary: str, texts: list[str]
) -> None:
    """Words before it take nothing away, as long as they open no object of their own."""
    comments = [{"file": "a.py", "line": n, "text": t} for n, t in enumerate(texts, start=1)]
    said = json.dumps({"verdict": "approve", "summary": summary, "comments": comments})
    found = judged(before.replace("{", "(") + said)
    assert found.verdict is ReviewVerdict.APPROVE
    assert len(found.comments) <= len(texts)


def test_only_what_was_said_last_is_the_final_message() -> None:
    """Earlier prose is no verdict; pieces that go on belong together; plain output is kept."""
    final = FinalMessage()
    final.take([Said(APPROVE), Said("I am "), Said("not sure", more=True), Printed("noise")])
    assert final.text == "I am not sure"
    plain = FinalMessage()
    plain.take([Printed("a"), Printed(APPROVE)])
    assert judged(plain.text).verdict is ReviewVerdict.APPROVE


def test_a_final_message_is_bounded() -> None:
    """The end is kept."""
    final = FinalMessage()
    final.take(Printed("x" * 1_000) for _ in range(1_000))
    final.take([Printed("end")])
    assert len(final.text) <= MAX_CHARS
    assert final.text.endswith("end\n")
