"""Tells hooks of events: the next one that a hook wants is read from the journal and offered once.

Rules:
- Nothing is offered that a power cut could take back: its number would mean another event then.
- Each offer has a thread of its own that keeps nobody waiting, not even the end of the engine: what
  is in the way of one hook delays neither the others nor anything else.
- An engine that ends in between has not recorded what came of it; the event is offered again, under
  the same id.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, assert_never

from agentdeck.core import events as e
from agentdeck.core.event_names import names_of, wants
from agentdeck.core.events import Recorded
from agentdeck.core.issues import Wish, wishes
from agentdeck.core.plan import AnyHook, Hook, Plan, Tracker, Webhook
from agentdeck.core.state import RunState
from agentdeck.core.steps import TellHook
from agentdeck.engine.environment import child_environment, without_signing
from agentdeck.engine.hook_command import Answer, run_command
from agentdeck.engine.hook_payload import body, id_of, payload, task_of
from agentdeck.engine.issues import QUIET, Place, write_all
from agentdeck.engine.known_secrets import known_secrets
from agentdeck.engine.redaction import redacted
from agentdeck.engine.setting import Setting
from agentdeck.engine.webhook import send

READ_EVENTS: Final = 500  # at once: a few milliseconds
LATE_S: Final = 1.0  # after the time limit of a webhook, whose name may still be looked up
MAX_WHY: Final = 500  # characters of a reason in the journal

Read = Callable[[int, int], list[Recorded]]


@dataclass(frozen=True, slots=True)
class Offer:
    """One event for one hook."""

    state: RunState
    hook: AnyHook
    recorded: Recorded
    number: int  # which try
    said: dict[str, Any]  # as `payload` has made it
    now: float  # seconds since the epoch
    wishes: tuple[Wish, ...] = ()  # of a tracker

    @classmethod
    def of(
        cls, state: RunState, hook: AnyHook, recorded: Recorded, number: int, now: float
    ) -> Offer:
        """The offer as things stand now: the state may go on while it is made."""
        wished = wishes(state, hook, recorded) if isinstance(hook, Tracker) else ()
        return cls(state, hook, recorded, number, payload(state, recorded), now, wished)

    def make(self, ended: threading.Event) -> e.HookDelivered | e.HookFailed:
        """Offer it; blocks until it is taken, or not, or nobody waits for it any more."""
        began = time.monotonic()
        match self.hook:
            case Hook() as hook:
                answer = self._command(hook, body(self.state.plan, self.said), ended)
            case Webhook() as hook:
                answer = self._send(hook, body(self.state.plan, self.said))
            case Tracker() as hook:
                answer = self._track(hook, ended)
            case _ as never:
                assert_never(never)
        return self.outcome(answer, round(time.monotonic() - began, 3))

    def outcome(self, answer: Answer, took: float) -> e.HookDelivered | e.HookFailed:
        """The event that tells of it."""
        name, seq = self.hook.name, self.recorded.seq
        if not answer.fault:
            return e.HookDelivered(name, seq, took, answer.status)
        wait_s = answer.wait_s
        return e.HookFailed(
            name,
            seq,
            self.number,
            answer.fault[:MAX_WHY],
            self.recorded.at,
            None if wait_s is None else self.now + wait_s,
            answer.final,
        )

    def _send(self, hook: Webhook, told: bytes) -> Answer:
        id_ = id_of(self.state, self.recorded)
        return send(hook, id_, told, environment=os.environ, now=self.now)

    def _track(self, tracker: Tracker, ended: threading.Event) -> Answer:
        checkout = Path(self.state.checkout)
        tag = f"{self.state.run}/hook/{tracker.name}"
        base = without_signing(os.environ, self.state.plan)
        env = child_environment(base, tag=tag, extra=QUIET, cwd=str(checkout))
        secrets = known_secrets(self.state.plan)
        place = Place(checkout, env, tag, ended)
        return write_all(tracker, self.wishes, place, lambda text: redacted(text, secrets))

    def _command(self, hook: Hook, told: bytes, ended: threading.Event) -> Answer:
        checkout, event = Path(self.state.checkout), self.recorded.event
        tag = f"{self.state.run}/hook/{hook.name}"
        extra = {
            "AGENTDECK_EVENT": names_of(event)[0],
            "AGENTDECK_RUN": self.state.run,
            "AGENTDECK_TASK": task_of(event),
        }
        base = without_signing(os.environ, self.state.plan)
        env = child_environment(base, tag=tag, extra=extra, cwd=str(checkout))
        return run_command(
            hook.run,
            told,
            cwd=checkout,
            env=env,
            tag=tag,
            timeout_s=hook.timeout_s,
            ended=ended,
        )


async def tell(at: Setting, step: TellHook) -> None:
    """Tell a hook the next event that it wants."""
    engine, hook = at.engine, at.state.plan.hook_by_name[step.hook]
    found = await _next(engine.read, hook, step.after)
    await engine.make_durable(found.seq)
    offer = Offer.of(at.state, hook, found, step.number, engine.clock())
    await at.record(await _made(offer))


async def _next(read: Read, hook: AnyHook, after: int) -> Recorded:
    for found in _looks(read, hook, after):
        if found is not None:
            return found
        await asyncio.sleep(0)  # others have their turn between two chunks
    raise LookupError(f"nothing behind event {after} is for {hook.name}")


def next_for(read: Read, hook: AnyHook, after: int) -> Recorded | None:
    """The next event that a hook wants, for who has nothing else to do."""
    return next((found for found in _looks(read, hook, after) if found is not None), None)


def _looks(read: Read, hook: AnyHook, after: int) -> Iterator[Recorded | None]:
    """Of one chunk after the other, the first event that the hook wants."""
    while behind := read(after, READ_EVENTS):
        yield next((one for one in behind if wants(hook.events, one.event)), None)
        after = behind[-1].seq


async def _made(offer: Offer) -> e.HookDelivered | e.HookFailed:
    """Make an offer in a thread that ends with the process, and that nobody has to wait for."""
    loop, ended = asyncio.get_running_loop(), threading.Event()
    done: asyncio.Future[e.HookDelivered | e.HookFailed] = loop.create_future()

    def settle(outcome: e.HookDelivered | e.HookFailed | Exception) -> None:
        if done.done():
            return
        if isinstance(outcome, Exception):
            done.set_exception(outcome)
        else:
            done.set_result(outcome)

    def make() -> None:
        outcome: e.HookDelivered | e.HookFailed | Exception
        try:
            outcome = offer.make(ended)
        except Exception as fault:  # noqa: BLE001 - it is looked at where it is awaited
            outcome = fault
        with suppress(RuntimeError):  # the loop has been closed: nobody wants to know
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=make, name=f"hook {offer.hook.name}", daemon=True).start()
    if not isinstance(offer.hook, Webhook):
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            ended.set()
            await asyncio.wait([done])  # its processes are ended first
            raise
    patience_s = offer.hook.timeout_s + LATE_S
    try:
        return await asyncio.wait_for(done, patience_s)
    except TimeoutError:
        words = f"nothing was heard of it within {patience_s:g} s"
        return offer.outcome(Answer(0, words), patience_s)


def missing_secrets(environment: Mapping[str, str], plan: Plan) -> list[str]:
    """Webhooks of a plan that could not be signed here, in words."""
    return [
        f"webhook {hook.name}: the variable {hook.secret_env} is not set, so nothing is sent"
        for hook in plan.webhooks
        if not environment.get(hook.secret_env)
    ]


__all__ = ["Offer", "missing_secrets", "next_for", "tell"]
