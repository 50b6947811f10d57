"""Attempts on the workers of one host: see `engine.attempt_host`. The link says how to reach them.

Rules: what is asked goes to the worker that was noted for the attempt. What it said last is
answered at once; what it has to do is waited for, at most until it is given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core import evidence, policy
from agentdeck.core.containment import containment_of
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import ProcessIdentity
from agentdeck.core.state import Attempt, Wanted
from agentdeck.core.steps import Collect, Launch
from agentdeck.engine import processes
from agentdeck.engine.agent_place import agent_of
from agentdeck.engine.attempt_host import Brought, Whose
from agentdeck.engine.enginelog import log
from agentdeck.engine.processes import Child, Finished, Found, Lost
from agentdeck.engine.remote.beginning import begin, run_folder
from agentdeck.engine.remote.homing import take_home
from agentdeck.engine.remote.link import ANSWER_S, Link, LinkDown
from agentdeck.engine.remote.note import Note, read_note, write_note
from agentdeck.engine.remote.outreach import LOOK_S, Outreach
from agentdeck.engine.remote.tenancy import Tenancy
from agentdeck.engine.said import InputIsClosed
from agentdeck.engine.sandbox import refuse_without_effect
from agentdeck.engine.setting import Setting
from agentdeck.engine.stop import GRACE_S

RESERVE_S: Final = 20.0  # for a slot that a worker was said to have


class Far:
    """The workers of one host."""

    def __init__(self, at: Setting, host: str, link: Link, every: dict[str, Tenancy]) -> None:
        """`every` are the tenancies of the run on all of its hosts, which they share."""
        self._at = at
        self._reach = Outreach(at, host, link, every)

    async def keep(self) -> None:
        """Look after what runs there, until cancelled."""
        await self._reach.keep()

    async def close(self) -> None:
        """Let go. Agents live on."""
        await self._reach.close()

    def tree_of(self, of: Whose) -> str:
        """Its worktree, as its agent knows it."""
        note = read_note(of.folder)
        return note.tree if note is not None else ""

    async def launch(self, step: Launch) -> None:
        """Begin on a worker, or find it begun; where that is lost, the attempt is given up."""
        at = self._at.of_task(step.task)
        attempt, of = at.attempt(step.task, step.attempt), at.whose(step.task, step.attempt)
        agent = agent_of(at.state.plan, attempt)
        box = containment_of(at.state.plan, agent)
        refuse_without_effect(box, f"agent {agent.name}")
        await self._reach.looked.wait()
        tenancy = self._reach.tenancy_of(of)
        if tenancy is None or read_note(of.folder) is None:
            worker = await self._reserve(attempt, of)
            if worker is None:
                return
            tree = f"{run_folder(self._reach, worker)}/{of.task}.{of.attempt}/tree"
            note = Note(self._reach.host, worker, tree)
            await at.in_thread(lambda: write_note(of.folder, note))
            tenancy = self._reach.count_on(of, worker)
        child = await self._begun(tenancy, attempt, of)
        if child is None:
            await self._give_up(of, tenancy.lost)
            return
        tenancy.launched = True
        await at.record(
            e.AttemptLaunched(
                step.task,
                step.attempt,
                child.launcher,
                child.agent,
                box.sandbox,
                box.network,
                msgspec.structs.replace(tenancy.confined, writable=box.writable)
                if tenancy.confined is not None
                else None,
                worker=tenancy.worker,
            )
        )

    async def _reserve(self, attempt: Attempt, of: Whose) -> str | None:
        """A worker with a slot; None: there is none, and the attempt was given up."""
        pool = attempt.pool or ""
        try:
            async with asyncio.timeout(RESERVE_S):
                while not (able := self._reach.able(pool)):
                    await asyncio.sleep(LOOK_S)
                name = f"{of.task}.{of.attempt}"
                return await self._reach.link.reserve(pool, self._reach.run, name, able)
        except (LinkDown, TimeoutError) as fault:
            why = str(fault) or f"no worker of pool {pool} had a slot within {RESERVE_S:.0f} s"
            await self._give_up(of, why)
            return None

    async def _give_up(self, of: Whose, why: str) -> None:
        state = self._at.of_task(of.task).state
        task = state.tasks[of.task]
        if task.wanted is Wanted.STOP or state.ending:
            await self._at.record(e.TaskCancelled(task.id, evidence.stopped_words(task)))
            return
        now = self._at.engine.clock()
        await self._at.record(policy.after_failure(state, task, FailureClass.WORKER, why, now))

    async def _begun(self, tenancy: Tenancy, attempt: Attempt, of: Whose) -> Child | None:
        """The processes of an attempt that has begun; None: it is lost."""
        while True:
            await tenancy.known.wait()
            if tenancy.lost:
                return None
            if tenancy.child is not None:
                return tenancy.child
            try:
                return await begin(self._reach, tenancy, attempt, of)
            except LinkDown as fault:
                log.info("%s waits for %s: %s", tenancy.name, tenancy.worker, fault)
                await asyncio.sleep(LOOK_S)

    async def bring_home(self, step: Collect) -> Brought:
        """Its commits are here since it ended: bring them to its ref, branch and worktree."""
        return await take_home(self._at.of_task(step.task), step)

    # --- a live attempt ---------------------------------------------------------------------------

    async def look(self, of: Whose) -> Found:
        """What became of it, as soon as its worker has said something, or is given up."""
        if (outcome := processes.read_exit(of.folder)) is not None:
            return outcome
        tenancy = self._reach.tenancy_of(of)
        if tenancy is None:
            note = read_note(of.folder)
            if note is None:
                return processes.NeverStarted()
            tenancy = self._reach.count_on(of, note.worker, launched=True)
        await tenancy.known.wait()
        if tenancy.outcome is not None:
            return tenancy.outcome
        child = tenancy.child or self._journalled(of)
        if child is None:
            return processes.NeverStarted()
        return processes.Running(child, launcher_alive=True)

    def _journalled(self, of: Whose) -> Child | None:
        attempt = self._at.of_task(of.task).attempt(of.task, of.attempt)
        if attempt.launcher is None or attempt.process is None:
            return None
        return Child(of.folder, attempt.launcher, attempt.process)

    async def wait(self, of: Whose, child: Child) -> Finished | Lost:
        """Return once all of it is here, or it is lost."""
        tenancy = self._reach.tenancy_of(of)
        if tenancy is None:
            return Lost(child, "nothing is known of it")
        await tenancy.over.wait()
        assert tenancy.outcome is not None
        return tenancy.outcome

    async def stands_still(self, of: Whose, child: Child) -> int:  # noqa: ARG002
        """How many processes of it are stopped, as its worker said last."""
        tenancy = self._reach.tenancy_of(of)
        return tenancy.still if tenancy is not None else 0

    async def freeze(self, of: Whose, child: Child) -> int:  # noqa: ARG002
        """Stop the whole tree where it stands."""
        answer, _ = await self._of(of, "freeze")
        return int(answer["still"])

    async def thaw(self, of: Whose, child: Child) -> None:  # noqa: ARG002
        """Let the tree go on."""
        await self._of(of, "thaw")

    async def stop(self, of: Whose, child: Child, grace_s: tuple[float, float] = GRACE_S) -> None:
        """End the tree, and wait until its end is here."""
        await self._of(of, "stop", grace_s=list(grace_s), timeout_s=sum(grace_s) + ANSWER_S)
        self._reach.stir.set()
        await self.wait(of, child)

    async def sweep(self, of: Whose, since: ProcessIdentity | None) -> None:
        """Its launcher does that there."""

    async def cpu_s(self, of: Whose, child: Child) -> float:  # noqa: ARG002
        """Seconds of one core that its tree has used, as its worker said last."""
        tenancy = self._reach.tenancy_of(of)
        return tenancy.cpu_s if tenancy is not None else 0.0

    async def say(self, of: Whose, word: str, data: bytes, *, shows: bool) -> None:
        """Write to the agent's input, once."""
        answer, _ = await self._of(of, "say", data, word=word, shows=shows)
        if answer.get("closed"):
            raise InputIsClosed(f"the input of the agent of {of.task} is closed")

    async def close_input(self, of: Whose, child: Child, last: bytes | None) -> None:  # noqa: ARG002
        """Say the last words, and that nothing more comes."""
        if last is not None:
            with suppress(InputIsClosed):
                await self.say(of, "end", last, shows=False)
        await self._of(of, "close")

    def _of(
        self, of: Whose, verb: str, body: bytes = b"", **more: Any
    ) -> Coroutine[Any, Any, tuple[dict[str, Any], bytes]]:
        tenancy = self._reach.tenancy_of(of)
        if tenancy is None:
            raise LinkDown(f"nothing is known of {of.task}#{of.attempt}")
        return self._reach.ask(tenancy, verb, body, **more)


__all__ = ["Far"]
