"""Which sandbox holds for an agent, and what is said of it."""

from __future__ import annotations

import pytest

from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter
from agentdeck.core.containment import (
    Confined,
    Containment,
    containment_of,
    in_words,
    refused_in_words,
    tried_in_words,
)
from agentdeck.core.events import RefMove, RefsTouched
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import HOME_OWN, Agent, Defaults, Land, Plan
from agentdeck.core.refs_words import sentence
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import IOStep, Launch, Watch
from agentdeck.testing.builders import identity, plan, reached, run_until, started

T = TaskId("T")
BWRAP, LANDLOCK, NONE = Sandbox.BWRAP, Sandbox.LANDLOCK, Sandbox.NONE
OLD, NEW = "a" * 40, "b" * 40
HOLDS = "hold commits of it that agentdeck did not bring there"


@pytest.mark.parametrize(
    ("own", "adapter", "default", "found"),
    [
        (None, None, None, NONE),
        (None, None, BWRAP, BWRAP),
        (None, LANDLOCK, BWRAP, LANDLOCK),
        (NONE, LANDLOCK, BWRAP, NONE),
        (BWRAP, LANDLOCK, None, BWRAP),
    ],
)
def test_the_nearest_word_counts(
    own: Sandbox | None, adapter: Sandbox | None, default: Sandbox | None, found: Sandbox
) -> None:
    """The agent's own in the plan, then its adapter, then the defaults, then none."""
    agent = Agent(AgentName("a"), use="a", sandbox=own, adapter=Adapter("a", sandbox=adapter))
    plan = Plan(name="p", tasks=(), agents=(agent,), defaults=Defaults(sandbox=default))
    assert containment_of(plan, agent).sandbox is found


def test_its_state_in_the_home_of_a_person_is_writable_only_where_it_uses_that() -> None:
    """What the adapter names is for a shared home; what the plan names is for each."""
    adapter = Adapter("a", writable=("~/.a",))
    plan = Plan(name="p", tasks=())
    shared = Agent(AgentName("a"), use="a", adapter=adapter, writable=("cache",))
    own = Agent(AgentName("a"), use="a", adapter=adapter, writable=("cache",), home=HOME_OWN)
    assert containment_of(plan, shared).writable == ("~/.a", "cache")
    assert containment_of(plan, own).writable == ("cache",)


def test_no_network_without_a_sandbox_has_no_effect() -> None:
    """And with one it has, and with a network there is nothing to see to."""
    assert Containment(NONE, network=False).without_effect
    assert not Containment(BWRAP, network=False).without_effect
    assert not Containment(NONE).without_effect


def test_a_sandbox_in_words() -> None:
    assert in_words(LANDLOCK, network=False) == "sandboxed by landlock, network off"
    assert in_words(BWRAP, network=True) == "sandboxed by bwrap, network on"
    assert in_words(NONE, network=True) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Confined(("your home",)), "tried before it began: it cannot write your home"),
        (Confined(("a", "b", "c")), "tried before it began: it cannot write a, b or c"),
        (
            Confined(("refs",), ("your home",), ("~/.x/",)),
            "tried before it began: it cannot write refs; it may write your home, ~/.x/",
        ),
        (Confined((), ("your home",)), "tried before it began: it may write your home"),
        (Confined(()), ""),
    ],
)
def test_what_was_tried_in_words(found: Confined, words: str) -> None:
    """What is shut and what is open, and nothing where nothing was tried."""
    assert tried_in_words(found) == words


def test_what_an_agent_says_of_refusals_is_told_as_its_own_words() -> None:
    """On one line, with the first of them where it is known."""
    own = "its log says, in its own words, that something was refused"
    assert refused_in_words(0, ("x",)) == ""
    assert refused_in_words(1, ("x: EROFS",)) == f"{own} once: x: EROFS"
    assert refused_in_words(3) == f"{own} 3 times"


def test_what_was_found_of_a_sandbox_stays_with_its_attempt() -> None:
    """What was tried before it began, and what its log says at its end."""
    tried = Confined(("refs",))

    def boxed(_: RunState, step: IOStep) -> list[e.AnyEvent] | None:
        me = identity(1)
        match step:
            case Launch(name, number):
                return [e.AttemptLaunched(name, number, me, me, BWRAP, True, tried)]
            case Watch(name, number):
                return [e.AttemptExited(name, number, 0, True, refusals=2, refused=("x: EROFS",))]
        return None

    run = run_until(started(plan("T", land=Land.AUTO)), reached("T", TaskState.LANDED), boxed)
    (attempt,) = run.state.tasks[T].attempts
    assert attempt.confined == tried
    assert attempt.exit is not None
    assert (attempt.exit.refusals, attempt.exit.refused) == (2, ("x: EROFS",))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            RefsTouched(T, 1, refused=("refs/heads/main", "refs/stash")),
            "was kept from moving main, refs/stash",
        ),
        (
            RefsTouched(T, 1, moved=(RefMove("refs/heads/main", OLD, NEW),)),
            f"main {HOLDS} (to undo: git update-ref refs/heads/main {OLD})".replace(
                "hold", "holds"
            ),
        ),
        (
            RefsTouched(T, 1, moved=(RefMove("refs/heads/deck/r/A", OLD, NEW, True),)),
            "deck/r/A held commits of it that agentdeck did not bring there (put back)",
        ),
        (
            RefsTouched(
                T,
                1,
                moved=(
                    RefMove("refs/heads/deck/r/A", OLD, NEW, True),
                    RefMove("refs/heads/deck/o/new", "", NEW),
                ),
            ),
            f"deck/r/A, deck/o/new {HOLDS} (to undo: git update-ref -d refs/heads/deck/o/new)",
        ),
        (
            RefsTouched(T, 1, changed=(RefMove("refs/heads/main", OLD, ""),)),
            "while it worked, main was deleted (it was at aaaaaaaaaa)",
        ),
    ],
)
def test_refs_that_were_reached_for_in_words(found: RefsTouched, said: str) -> None:
    assert sentence(found) == said
