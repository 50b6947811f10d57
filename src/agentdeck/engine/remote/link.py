"""The way to the workers of one host: who is there, a slot on one, a question and its answer.

Rules: a link carries words and decides nothing. It may lose any of them: what is asked can be asked
again. It says who has joined; whether they answer is found out by asking.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.engine.agent_stdin import NotHeard
from agentdeck.engine.processes import LaunchError
from agentdeck.engine.remote.outpost import PROTOCOL
from agentdeck.engine.stop import TreeFault

ANSWER_S: Final = 30.0  # for an answer to most questions; a fork of a busy machine takes seconds

Answer = dict[str, Any]


class LinkDown(EnvironmentFault):
    """Nobody answers. That says nothing of what goes on there."""


class OutpostFault(EnvironmentFault):
    """The far side could not do what was asked, and says why."""


class Link(Protocol):
    """To the workers of one host."""

    async def workers(self) -> Mapping[str, Mapping[str, int]]:
        """Who has joined: attempts at once, by pool, by name. Raises LinkDown."""

    async def reserve(self, pool: str, run: str, tenancy: str, among: Collection[str]) -> str:
        """A slot for a tenancy on one of these workers; its name. Raises LinkDown."""

    async def ask(
        self, worker: str, ask: Mapping[str, Any], body: bytes = b"", *, timeout_s: float = ANSWER_S
    ) -> tuple[Answer, bytes]:
        """One question and its answer. Raises LinkDown."""

    async def close(self) -> None:
        """Let go. Workers and agents live on."""


_KINDS: Final[dict[str, type[DeckError]]] = {
    kind.__name__: kind for kind in (LaunchError, NotHeard, TreeFault)
}


async def asked(
    link: Link,
    worker: str,
    verb: str,
    body: bytes = b"",
    *,
    timeout_s: float = ANSWER_S,
    **more: Any,
) -> tuple[Answer, bytes]:
    """Ask a worker, and raise what went wrong there.

    Raises:
        LinkDown: it does not answer.
        OutpostFault: it could not; or the fault itself, where it is one that steps know.
    """
    ask = {"protocol": PROTOCOL, "verb": verb, **more}
    answer, data = await link.ask(worker, ask, body, timeout_s=timeout_s)
    fault = answer.get("fault")
    if fault is not None:
        kind = _KINDS.get(str(answer.get("kind")), OutpostFault)
        raise kind(f"{worker}: {fault}", hint=str(answer.get("hint", "")))
    return answer, data


__all__ = ["ANSWER_S", "Answer", "Link", "LinkDown", "OutpostFault", "asked"]
