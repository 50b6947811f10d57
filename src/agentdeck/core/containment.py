"""Which sandbox holds for an agent, and how that is said.

Rules:
- The nearest word counts: the agent's own in the plan, then its adapter, then the plan's defaults.
  Where nobody says a word there is no sandbox, and there is a network.
- What a sandbox leaves writable adds up: what the adapter names, where its agent has its state in
  the person's own home, and what the plan names.
- That a sandbox is shut is tried, and what was tried is said. What an agent says of things that it
  was refused is told as its own words.
- Only a sandbox can keep an agent off the network, so `network = false` without one is a mistake.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.plan import HOME_SHARED, Agent, Plan
from agentdeck.core.sandbox_kind import Sandbox


class Containment(msgspec.Struct, frozen=True):
    """In what an agent works."""

    sandbox: Sandbox = Sandbox.NONE
    network: bool = True
    writable: tuple[str, ...] = ()  # outside of the worktree, as they are written

    @property
    def contained(self) -> bool:
        """Is there a sandbox?"""
        return self.sandbox is not Sandbox.NONE

    @property
    def without_effect(self) -> bool:
        """Should it have no network, with nothing that could see to it?"""
        return not self.network and not self.contained


class Confined(msgspec.Struct, frozen=True, array_like=True):
    """What was found when a sandbox was entered and tried, before its agent began."""

    closed: tuple[str, ...]  # places that cannot be written from inside, in words
    open: tuple[str, ...] = ()  # places that can: adapter or plan leave them open
    writable: tuple[str, ...] = ()  # what those leave writable outside of the worktree


def containment_of(plan: Plan, agent: Agent) -> Containment:
    """In what `agent` works by this plan; its adapter has its say if it has one."""
    adapter, defaults = agent.adapter, plan.defaults
    boxes = (agent.sandbox, adapter.sandbox if adapter else None, defaults.sandbox)
    nets = (agent.network, adapter.network if adapter else None, defaults.network)
    return Containment(
        next((box for box in boxes if box is not None), Sandbox.NONE),
        next((net for net in nets if net is not None), True),
        (*(adapter.writable if adapter and agent.home == HOME_SHARED else ()), *agent.writable),
    )


def in_words(sandbox: Sandbox, *, network: bool) -> str:
    """`sandboxed by landlock, network off`; empty where there is no sandbox."""
    if sandbox is Sandbox.NONE:
        return ""
    return f"sandboxed by {sandbox}, network {'on' if network else 'off'}"


def tried_in_words(found: Confined) -> str:
    """`tried before it began: it cannot write your home or refs; it may write ~/.x`."""
    parts = []
    if found.closed:
        *some, last = found.closed
        parts.append(
            f"cannot write {', '.join(some)} or {last}" if some else f"cannot write {last}"
        )
    may = (*found.open, *found.writable)
    if may:
        parts.append(f"may write {', '.join(may)}")
    return "tried before it began: it " + "; it ".join(parts) if parts else ""


def refused_in_words(lines: int, said: tuple[str, ...] = ()) -> str:
    """What an agent's log says of things that it was refused, on one line; empty for nothing."""
    if not lines:
        return ""
    how_often = "once" if lines == 1 else f"{lines} times"
    words = f"its log says, in its own words, that something was refused {how_often}"
    return words + (f": {said[0]}" if said else "")
