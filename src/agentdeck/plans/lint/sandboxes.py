"""Rules about sandboxes and the network; whether a machine has them, only the machine knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from agentdeck.core.containment import containment_of
from agentdeck.core.plan import COMMAND, Agent
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.plans.equipping import agents_named
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import shown

_NEEDS_NO_MODEL: Final = (COMMAND, "scripted", "human")


def _once(rule: Callable[[Subject], Iterator[Hit]]) -> Callable[[Subject], Iterator[Hit]]:
    """One hit of a rule for each place: the defaults hold for many agents, and are one line."""

    def look(subject: Subject) -> Iterator[Hit]:
        yield from {hit.path: hit for hit in reversed(list(rule(subject)))}.values()

    look.__doc__ = rule.__doc__
    return look


@_once
def network_without_sandbox(subject: Subject) -> Iterator[Hit]:
    """No network is wished for an agent, and no sandbox is there to see to it."""
    for agent, place in _agents(subject):
        box = containment_of(subject.plan, agent)
        if box.without_effect and agent.use != "human":
            yield Hit(
                place,
                f"agent {shown(agent.name)} has no sandbox, so nothing keeps it off the network:"
                " such a run is refused",
                'add sandbox = "bwrap" or "landlock", or take `network` out',
            )


@_once
def model_out_of_reach(subject: Subject) -> Iterator[Hit]:
    """An agent that asks a model elsewhere has no network."""
    for agent, place in _agents(subject):
        box = containment_of(subject.plan, agent)
        if box.contained and not box.network and agent.use not in _NEEDS_NO_MODEL:
            message = f"agent {shown(agent.name)} cannot reach its model without a network"
            yield Hit(place, message, "set network = true for it, unless its model is in the box")


@_once
def not_all_of_the_network(subject: Subject) -> Iterator[Hit]:
    """Landlock keeps an agent off TCP alone."""
    for agent, place in _agents(subject):
        box = containment_of(subject.plan, agent)
        if box.sandbox is Sandbox.LANDLOCK and not box.network:
            yield Hit(
                place,
                "Landlock takes TCP away; UDP and sockets in the file system stay",
                'sandbox = "bwrap" takes the whole network away',
            )


def _agents(subject: Subject) -> Iterator[tuple[Agent, Path]]:
    """Each agent that the plan names, with the place of what holds for it of the network."""
    own = {agent.name for agent in subject.plan.agents}
    known = subject.plan.agent_by_name
    for agent in (known[name] for name in sorted(agents_named(subject.plan)) if name in known):
        if agent.name in own and agent.network is not None:
            yield agent, ("agents", agent.name, "network")
        elif subject.plan.defaults.network is not None:
            yield agent, ("defaults", "network")
