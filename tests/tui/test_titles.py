"""What stands beside an id does not say it again."""

from __future__ import annotations

import pytest

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Task
from agentdeck.tui.presentation.titles import title_of


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("AUTH-1: Log in", "Log in"),
        ("AUTH-1 – Log in", "Log in"),
        ("AUTH-1", ""),
        ("AUTH-10: Log in", "AUTH-10: Log in"),
        ("AUTH-1ers", "AUTH-1ers"),
        ("Log in after AUTH-1", "Log in after AUTH-1"),
        ("", ""),
        ("AUTH-1: two\nlines \x1b[31m", "two lines"),
    ],
)
def test_the_id_in_front_of_a_title_is_left_out(title: str, shown: str) -> None:
    """Only the whole id, and only at the beginning."""
    assert title_of(Task(id=TaskId("AUTH-1"), title=title)) == shown
