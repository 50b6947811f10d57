"""Tells hooks of events: the next one that a hook wants is read from the journal and offered once.

Rules:
- Nothing is offered that a power cut could take back: its number would mean another event then.
- To a person all is told at once that waits for them, in quiet hours nothing.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, assert_never

from agentdeck.core import events as e
from agentdeck.core.event_names import names_of, wants
from agentdeck.core.events import Recorded
from agentdeck.core.issues import Wish, wishes
from agentdeck.core.plan import AnyHook, Hook, Notify, Plan, Tracker, Webhook
from agentdeck.core.state import RunState
from agentdeck.core.steps import TellHook
from agentdeck.engine.environment import child_environment, without_signing
from agentdeck.engine.hook_command import Answer, run_command
from agentdeck.engine.hook_payload import body, id_of, payload, task_of
from agentdeck.engine.issues import QUIET, Place, write_all
from agentdeck.engine.known_secrets import known_secrets
from agentdeck.engine.notice import SENDER, argv_of, can_send, gathered, message, silent_until
from agentdeck.engine.notice_program import MISSING
from agentdeck.engine.redaction import redacted
from agentdeck.engine.setting import Setting
from agentdeck.engine.webhook import send

READ_EVENTS: Final = 500  # at once: a few milliseconds
LATE_S: Final = 1.0  # after the time limit of a webhook, whose name may still be looked up
MAX_WHY: Final = 500  # characters of a reason in the journal

Read = Callable[[int, int], list[Recorded]]


@dataclass(frozen=True, slots=True)
class Offer:
    """One event for one hook, or several for a person."""

    state: RunState
    hook: AnyHook
    recorded: Recorded  # the first of them
    last: int  # number of the last of them
    events: int  # how many
    number: int  # which try
    said: dict[str, Any]  # as `payload` has made it
    now: float  # seconds since the epoch
    wishes: tuple[Wish, ...] = ()  # of a tracker, as things stood when it was read

    def make(self, ended: threading.Event) -> e.HookDelivered | e.HookFailed:
        """Offer it; blocks until it is taken, or not, or nobody waits for it any more."""
        began = time.monotonic()
        told = body(self.state.plan, self.said)
        match self.hook:
            case Hook() as hook:
                answer = self._command(hook.run, told, ended)
            case Notify() as hook:
                answer = self._command(argv_of(hook), told, ended, own=SENDER)
            case Webhook() as hook:
                answer = self._send(hook, told)
            case Tracker() as hook:
                answer = self._track(hook, ended)
            case _ as never:
                assert_never(never)
        return self.outcome(answer, round(time.monotonic() - began, 3))

    def outcome(self, answer: Answer, took: float) -> e.HookDelivered | e.HookFailed:
        """The event that tells of it."""
        name, seq = self.hook.name, self.recorded.seq
        if not answer.fault:
            first = seq if self.events > 1 else None
            return e.HookDelivered(name, self.last, took, answer.status, self.events, first)
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

    def _command(
        self, argv: Sequence[str], told: bytes, ended: threading.Event, own: str = ""
    ) -> Answer:
        hook = self.hook
        checkout, event = Path(self.state.checkout), self.recorded.event
        tag = f"{self.state.run}/hook/{hook.name}"
        extra = {
            "AGENTDECK_EVENT": names_of(event)[0],
            "AGENTDECK_RUN": self.state.run,
            "AGENTDECK_TASK": task_of(event),
        }
        base = without_signing(os.environ, self.state.plan)
        if isinstance(hook, Notify):  # the program is ours, and works nowhere
            extra[hook.urls_env] = os.environ.get(hook.urls_env, "")
            checkout = Path("/")
        env = child_environment(base, tag=tag, extra=extra, cwd=str(checkout))
        return run_command(
            argv,
            told,
            cwd=checkout,
            env=env,
            tag=tag,
            timeout_s=hook.timeout_s,
            ended=ended,
            own=own,
        )


async def tell(at: Setting, step: TellHook) -> None:
    """Tell a hook the next event that it wants."""
    engine, hook = at.engine, at.state.plan.hook_by_name[step.hook]
    offer = None
    for offer in offers(engine.read, at.state, step, engine.clock()):
        if offer is None:
            await asyncio.sleep(0)  # others have their turn between two chunks
    if offer is None:
        raise LookupError(f"nothing behind event {step.after} is for {hook.name}")
    if isinstance(hook, Notify) and (until := silent_until(hook, offer.now)) is not None:
        await at.record(e.HookPostponed(hook.name, offer.recorded.seq, until))
        return
    await engine.make_durable(offer.last)
    await at.record(await _made(offer))


def offers(read: Read, state: RunState, step: TellHook, now: float) -> Iterator[Offer | None]:
    """What a hook is told next: None between two chunks of the journal, the offer last.

    Args:
        read: events behind a number, no more than so many.
        state: of the run.
        step: which hook, and what it has got.
        now: seconds since the epoch.
    """
    hook = state.plan.hook_by_name[step.hook]
    if isinstance(hook, Notify):
        for found in gathered(read, hook, step.after):
            if found is None:
                yield None
                continue
            said = message(state, hook, found)
            yield Offer(state, hook, found.first, found.last, found.events, step.number, said, now)
        return
    after = step.after
    while behind := read(after, READ_EVENTS):
        for one in behind:
            if wants(hook.events, one.event):
                said = payload(state, one)
                wished = wishes(state, hook, one) if isinstance(hook, Tracker) else ()
                yield Offer(state, hook, one, one.seq, 1, step.number, said, now, wished)
                return
        yield None
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


def voiceless(environment: Mapping[str, str], plan: Plan) -> list[str]:
    """Hooks of a plan that could tell nobody here, in words."""
    unset = [
        f"hook {name}: the variable {variable} is not set, so nothing is sent"
        for name, variable in plan.hook_secrets.items()
        if not environment.get(variable)
    ]
    if can_send():
        return unset
    return unset + [f"hook {each.name}: {MISSING}; nothing is sent" for each in plan.notify]


__all__ = ["Offer", "offers", "tell", "voiceless"]
