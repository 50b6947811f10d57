"""What the deck says of an attempt's sandbox, and of refs that were not its own."""

from __future__ import annotations

import msgspec
from tests.tui.sample_journal import STARTED_AT, Story, middle

from agentdeck.core.containment import Confined
from agentdeck.core.events import RefsTouched
from agentdeck.core.ids import TaskId
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt, Exit
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.history import history_lines
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.task_title import attempt_title


def with_attempt(**changes: object) -> Deck:
    """A deck in the middle of its run, at a task whose latest attempt is changed so."""
    story: Story = middle()
    task = next(task for task in story.state.tasks.values() if task.attempt is not None)
    assert task.attempt is not None
    task.attempts[-1] = msgspec.structs.replace(task.attempt, **changes)
    return Deck(story.state, STARTED_AT + story.at, TaskId(task.id), frozen=True)


def attempt_of(deck: Deck) -> Attempt:
    assert deck.task is not None
    assert deck.task.attempt is not None
    return deck.task.attempt


def test_the_title_of_an_attempt_says_its_sandbox() -> None:
    """Where there is room; the number of the attempt stays when there is none."""
    boxed = with_attempt(sandbox=Sandbox.LANDLOCK, network=False)
    assert "sandboxed by landlock, network off" in text_of(attempt_title(boxed, 200))
    assert text_of(attempt_title(boxed, 3)) == f"#{attempt_of(boxed).number}"
    assert "sandbox" not in text_of(attempt_title(with_attempt(), 200))


def test_the_history_says_what_was_tried_and_what_its_agent_says_of_it() -> None:
    """What agentdeck has tried is said as a fact, what stands in the log as the agent's words."""
    confined = Confined(("your home", "refs"), ("your checkout",), ("~/.x/",))
    exit_ = Exit(0, True, None, "", None, 9, ("sh: ~/x: Permission denied", "git: EROFS"))
    deck = with_attempt(sandbox=Sandbox.BWRAP, confined=confined, exit=exit_)
    said = " ".join(text_of(line).strip() for line in history_lines(deck, 76))
    assert "before it began: it cannot write your home or refs; it may write your checkout" in said
    assert "its log says, in its own words, that something was refused 9 times: sh: ~/x: " in said
    assert said.endswith("git: EROFS") or "git: EROFS " in said


def test_the_history_says_the_sandbox_and_what_was_reached_for() -> None:
    """The refs that it was kept from moving stand with the attempt, for good."""
    refs = RefsTouched(TaskId("x"), 1, refused=("refs/heads/main",))
    deck = with_attempt(sandbox=Sandbox.BWRAP, refs=refs)
    said = [text_of(line).strip() for line in history_lines(deck, 80)]
    assert "sandboxed by bwrap, network on" in said
    assert "was kept from moving main" in said
