"""What the bridge says next, decided without IO."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.control_lines import Cancel, Control, End, Mistake, Permission, Prompt
from agentdeck.engine.acp.outcome import Outcome, failure, of_stop_reason
from agentdeck.engine.acp.permissions import Option, Policy
from agentdeck.engine.acp.turns import (
    MAX_QUEUED,
    Answer,
    CancelTurn,
    Finish,
    Note,
    Order,
    Send,
    Steer,
    Turns,
)

FIRST, MORE, LAST = Prompt("1", "first"), Prompt("2", "more"), Prompt("3", "last")
GOOD = of_stop_reason("end_turn")
CANCELLED = of_stop_reason("cancelled")
BROKEN = failure(FailureClass.NETWORK, "no route")
OPTIONS = (
    Option("a", "reject_always"),
    Option("b", "allow_always"),
    Option("c", "reject_once"),
    Option("d", "allow_once"),
)


def begun(policy: Policy = "ask", *, steers: bool = False, stay: bool = False) -> Turns:
    turns = Turns(policy, stay=stay)
    assert turns.begin(FIRST, steers=steers) == [Send(FIRST)]
    return turns


def acts(orders: list[Order]) -> list[Order]:
    return [order for order in orders if not isinstance(order, Note)]


def test_after_a_turn_with_nothing_to_say_it_is_over() -> None:
    assert begun().end_turn(GOOD) == [Finish(GOOD)]


def test_a_prompt_that_comes_during_a_turn_is_the_next_one() -> None:
    """Its own turn decides how the conversation ends."""
    turns = begun()
    assert acts(turns.hear(MORE)) == []
    assert turns.end_turn(BROKEN) == [Send(MORE)]
    assert turns.end_turn(GOOD) == [Finish(GOOD)]


def test_a_prompt_before_the_session_is_open_waits_for_its_turn() -> None:
    turns = Turns()
    assert acts(turns.hear(MORE)) == []
    assert turns.begin(FIRST, steers=False) == [Send(FIRST)]
    assert turns.end_turn(GOOD) == [Send(MORE)]


def test_an_agent_that_can_be_steered_gets_a_prompt_at_once() -> None:
    turns = begun(steers=True)
    assert turns.hear(MORE) == [Steer(MORE)]
    assert acts(turns.steered(MORE, taken=True)) == []
    assert turns.end_turn(GOOD) == [Finish(GOOD)]


def test_a_steer_that_came_too_late_is_sent_as_a_prompt() -> None:
    """The turn may end while the agent answers; the text must not be lost."""
    turns = begun(steers=True)
    turns.hear(MORE)
    assert turns.end_turn(GOOD) == []
    assert acts(turns.steered(MORE, taken=False)) == [Send(MORE)]
    assert turns.end_turn(GOOD) == [Finish(GOOD)]


def test_a_steer_that_was_refused_during_the_turn_follows_it() -> None:
    turns = begun(steers=True)
    turns.hear(MORE)
    assert acts(turns.steered(MORE, taken=False, why="no")) == []
    assert turns.end_turn(GOOD) == [Send(MORE)]


def test_prompts_keep_their_order_when_one_waits_already() -> None:
    turns = begun(steers=True)
    turns.hear(MORE)
    turns.steered(MORE, taken=False)
    assert acts(turns.hear(LAST)) == []
    assert turns.end_turn(GOOD) == [Send(MORE)]


def test_the_queue_is_bounded_and_says_what_it_drops() -> None:
    turns = begun()
    for number in range(MAX_QUEUED):
        turns.hear(Prompt(str(number), "x"))
    (note,) = turns.hear(LAST)
    assert isinstance(note, Note)
    assert "3 was dropped" in note.text


def test_staying_waits_for_prompts_until_the_input_ends() -> None:
    turns = begun(stay=True)
    assert turns.end_turn(GOOD) == []
    assert turns.hear(MORE) == [Send(MORE)]
    assert turns.end_turn(CANCELLED) == []
    assert turns.hear(End()) == [Finish(CANCELLED)]


def test_the_end_of_input_lets_queued_prompts_run() -> None:
    turns = begun(stay=True)
    turns.hear(MORE)
    assert turns.hear(End()) == []
    assert turns.end_turn(GOOD) == [Send(MORE)]
    assert turns.end_turn(GOOD) == [Finish(GOOD)]


def test_staying_ends_with_a_failure() -> None:
    """Whoever started it decides whether to try again; waiting would hide the failure."""
    assert begun(stay=True).end_turn(BROKEN) == [Finish(BROKEN)]


def test_a_permission_waits_for_its_answer() -> None:
    turns = begun()
    assert turns.ask("7", OPTIONS) == []
    assert turns.hear(Permission("7", "d")) == [Answer("7", "d")]


@pytest.mark.parametrize("said", [Permission("8", "d"), Permission("7", "allow_once")])
def test_an_answer_that_fits_no_open_request_grants_nothing(said: Permission) -> None:
    """Neither another request nor an id that was not offered; the request stays open."""
    turns = begun()
    turns.ask("7", OPTIONS)
    assert acts(turns.hear(said)) == []
    assert turns.hear(Permission("7", None)) == [Answer("7", None)]


def test_an_answer_counts_once() -> None:
    turns = begun()
    turns.ask("7", OPTIONS)
    turns.hear(Permission("7", "d"))
    assert acts(turns.hear(Permission("7", "b"))) == []


@pytest.mark.parametrize(("policy", "chosen"), [("allow", "d"), ("deny", "c")])
def test_a_policy_answers_at_once_and_for_once(policy: Policy, chosen: str) -> None:
    """By kind: the ids of the options mean nothing, and "always" outlives the attempt."""
    assert begun(policy).ask("7", OPTIONS) == [Answer("7", chosen)]


def test_a_policy_without_a_fitting_option_cancels_and_says_so() -> None:
    orders = begun("deny").ask("7", [Option("x", "allow_once"), Option("y", "later_kind")])
    assert acts(orders) == [Answer("7", None)]
    assert len(orders) == 2


def test_cancel_answers_every_open_request_after_it_was_sent() -> None:
    """As the protocol wants it; requests that come before the turn ends are cancelled too."""
    turns = begun()
    turns.ask("7", OPTIONS)
    turns.ask("8", OPTIONS)
    assert turns.hear(Cancel()) == [CancelTurn(), Answer("7", None), Answer("8", None)]
    assert turns.ask("9", OPTIONS) == [Answer("9", None)]
    assert turns.end_turn(CANCELLED) == [Finish(CANCELLED)]


def test_cancel_ends_one_turn_and_not_what_is_queued() -> None:
    turns = begun()
    turns.hear(MORE)
    turns.hear(Cancel())
    assert turns.end_turn(CANCELLED) == [Send(MORE)]


def test_a_prompt_after_a_cancel_does_not_steer_the_dying_turn() -> None:
    turns = begun(steers=True)
    turns.hear(Cancel())
    assert acts(turns.hear(MORE)) == []
    assert turns.end_turn(CANCELLED) == [Send(MORE)]


def test_cancel_before_the_session_is_open_skips_the_first_turn() -> None:
    turns = Turns()
    turns.hear(Cancel())
    assert turns.begin(FIRST, steers=False) == [Finish(CANCELLED)]


def test_cancel_without_a_turn_changes_nothing() -> None:
    turns = begun(stay=True)
    turns.end_turn(GOOD)
    assert acts(turns.hear(Cancel())) == []
    assert turns.hear(MORE) == [Send(MORE)]


def test_stop_drops_the_queue_and_ends_with_the_turn() -> None:
    turns = begun()
    turns.hear(MORE)
    assert acts(turns.stop()) == [CancelTurn()]
    assert acts(turns.hear(LAST)) == []
    assert turns.end_turn(CANCELLED) == [Finish(CANCELLED)]


def test_stop_before_the_first_turn_is_the_end() -> None:
    (finish,) = Turns().stop()
    assert isinstance(finish, Finish)
    assert finish.outcome.cause is FailureClass.STOPPED


def test_stop_between_turns_keeps_how_the_last_one_ended() -> None:
    turns = begun(stay=True)
    turns.end_turn(GOOD)
    assert turns.stop() == [Finish(GOOD)]


def test_a_lost_agent_is_the_end_with_its_reason() -> None:
    turns = begun()
    turns.ask("7", OPTIONS)
    assert turns.give_up(BROKEN) == [Answer("7", None), Finish(BROKEN)]
    assert turns.give_up(BROKEN) == []


def test_an_agent_lost_while_stopping_was_stopped() -> None:
    """It may have got the same signal; that is no crash."""
    turns = begun()
    turns.stop()
    (finish,) = turns.give_up(failure(FailureClass.CRASH, "killed by signal 2"))
    assert isinstance(finish, Finish)
    assert finish.outcome.cause is FailureClass.STOPPED


def test_a_withdrawn_request_needs_no_answer_any_more() -> None:
    turns = begun()
    turns.ask("7", OPTIONS)
    assert turns.withdraw("7") == [Answer("7", None)]
    assert turns.withdraw("7") == []
    assert acts(turns.hear(Permission("7", "d"))) == []


def test_a_line_that_means_nothing_is_noted() -> None:
    assert begun().hear(Mistake("what?")) == [Note("control line ignored: what?")]


CALLS = st.lists(
    st.one_of(
        st.builds(Prompt, st.sampled_from("12"), st.just("x")),
        st.builds(Permission, st.sampled_from("123"), st.sampled_from(["a", "d", "zz", None])),
        st.sampled_from([Cancel(), End(), Mistake("?")]),
        st.sampled_from(["ask", "withdraw", "end", "fail", "steered", "kept", "stop", "lost"]),
    ),
    max_size=40,
)


class World:
    """Plays the agent's part against `Turns`, as far as an agent can."""

    def __init__(self, policy: Policy, stay: bool, steers: bool) -> None:
        self.turns = Turns(policy, stay=stay)
        self.running = False
        self.steers: list[Prompt] = []
        self.open: set[str] = set()
        self.answered: list[str] = []
        self.asked = 0
        self.over: Outcome | None = None
        self.take(self.turns.begin(FIRST, steers=steers))

    def take(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, Note):
                continue
            assert self.over is None, f"{order} after the end"
            match order:
                case Send():
                    assert not self.running, "two turns at once"
                    self.running = True
                case Steer(prompt):
                    assert self.running
                    self.steers.append(prompt)
                case CancelTurn():
                    assert self.running
                case Answer(request):
                    self.open.remove(request)  # fails if it is answered twice
                case Finish(outcome):
                    assert not self.open, "the end leaves a request without an answer"
                    self.over = outcome

    def call(self, call: Control | str) -> None:
        turns = self.turns
        if not isinstance(call, str):
            return self.take(turns.hear(call))
        match call:
            case "ask" if self.over is None:
                self.asked += 1
                self.open.add(str(self.asked))
                self.take(turns.ask(str(self.asked), OPTIONS))
            case "withdraw":
                self.take(turns.withdraw(str(self.asked)))
            case "end" | "fail" if self.running:
                self.running = False
                self.take(turns.end_turn(GOOD if call == "end" else BROKEN))
            case "steered" | "kept" if self.steers:
                self.take(turns.steered(self.steers.pop(0), taken=call == "steered"))
            case "stop":
                self.take(turns.stop())
            case "lost":
                self.running = False
                self.take(turns.give_up(BROKEN))
        return None


@given(st.sampled_from(["ask", "allow", "deny"]), st.booleans(), st.booleans(), CALLS)
def test_whatever_happens_in_whatever_order_the_rules_hold(
    policy: Policy, stay: bool, steers: bool, calls: list[Any]
) -> None:
    """One turn at a time, each request answered once, one end, nothing after it; and it ends."""
    world = World(policy, stay, steers)
    for call in calls:
        world.call(call)
    for call in ["stop", "end", "kept", "end"]:
        world.call(call)
    assert world.over is not None
