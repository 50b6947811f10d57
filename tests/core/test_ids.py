"""What can be an id: it stands in paths and in refs, so both have their say."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.ids import MAX_ID_LENGTH, id_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is empty"),
        ("a" * (MAX_ID_LENGTH + 1), f"it has {MAX_ID_LENGTH + 1} characters"),
        ("a b", "it has a character that is not allowed"),
        ("-a", "it has a character that is not allowed"),
        ("a\n", "it has a character that is not allowed"),
        ("a..b", "it has '..', or ends in '.' or '.lock'"),
        ("a.lock", "it has '..', or ends in '.' or '.lock'"),
        ("a.", "it has '..', or ends in '.' or '.lock'"),
        ("a" * MAX_ID_LENGTH, None),
        ("S-2.b_1", None),
    ],
)
def test_what_is_wrong_with_an_id_is_said(text: str, fault: str | None) -> None:
    assert id_fault(text) == fault


@settings(max_examples=40)
@given(st.text(alphabet="aZ09._-/~^: @{\\", max_size=8))
def test_git_takes_whatever_is_an_id_as_part_of_a_ref(text: str) -> None:
    """And so is a name below a folder: none leads out of it."""
    if id_fault(text) is None:
        asked = ["git", "check-ref-format", f"refs/heads/deck/{text}"]
        assert subprocess.run(asked, check=False).returncode == 0
        assert "/" not in text
        assert text not in (".", "..")
