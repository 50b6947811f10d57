"""Carries out what `turns` orders, and tells it what happens.

Rules:
- Everything runs in one event loop; orders are carried out in sequence, at once. What takes time
  (a turn, a steer, a cancelled turn that does not end) is a task that reports back.
- The conversation is over when `turns` says so. Whoever runs it then ends the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final, assert_never

from agentdeck.agents.json_line import text_of
from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.agent_process import EOF_GRACE_S, AgentProcess
from agentdeck.engine.acp.command_line import Options
from agentdeck.engine.acp.control_lines import Control, Prompt
from agentdeck.engine.acp.hands import Hands
from agentdeck.engine.acp.messages import cancelled_request
from agentdeck.engine.acp.outcome import AgentError, Failed, Outcome, failure, of_stop_reason
from agentdeck.engine.acp.patience import settles
from agentdeck.engine.acp.peer import Peer
from agentdeck.engine.acp.permissions import Option
from agentdeck.engine.acp.raw_log import RawLog
from agentdeck.engine.acp.session import Servers, Session, open_session
from agentdeck.engine.acp.terminals import Terminals
from agentdeck.engine.acp.troubles import Troubles
from agentdeck.engine.acp.turns import (
    Answer,
    CancelTurn,
    Finish,
    Note,
    Order,
    Send,
    Steer,
    Turns,
)

CANCEL_S: Final = 30.0  # for a turn to end after it was cancelled; a tool may have to be ended
STOP_S: Final = 1.5  # the same when we were told to stop: the engine's next signal is near
QUIET_S: Final = 0.5  # without an update: the history of a loaded session has come
REPLAY_LOOKS: Final = 40  # at `QUIET_S` each; who sends for longer is not replaying
STEER_S: Final = 30.0  # for the answer to a steer


class Conversation:
    """One agent, from its first request to the last."""

    def __init__(self, agent: AgentProcess, options: Options, turns: Turns, log: RawLog) -> None:
        self._agent = agent
        self._options = options
        self._turns = turns
        self._log = log
        self._terminals = Terminals(options.cwd)
        hands = Hands(options.cwd, self._ask, self._terminals)
        self._peer = Peer(agent, log, hands, self._told)
        self._troubles = Troubles()
        self._updates = 0  # so far
        self._session: Session | None = None
        self._waiting: dict[str, asyncio.Future[str | None]] = {}  # permission requests by id
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn_task: asyncio.Task[None] | None = None
        self.over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def begin(self, prompt: Prompt, servers: Servers) -> None:
        """Open the session and start the first turn."""
        self._spawn(self._begin(prompt, servers))

    def hear(self, said: Sequence[Control]) -> None:
        """Take in control lines."""
        for control in said:
            self._do(self._turns.hear(control))

    def stop(self) -> None:
        """End as soon as the agent lets go of its turn, or a little later."""
        self._do(self._turns.stop())
        self._spawn(self._give_up_after(STOP_S))

    def stop_now(self) -> None:
        """End."""
        self._do(self._turns.give_up(failure(FailureClass.STOPPED, "the agent was not waited for")))

    async def close(self) -> None:
        """End what the agent started through us, and stop listening."""
        for task in self._tasks:
            task.cancel()
        await self._peer.close()
        await self._terminals.close()

    def _do(self, orders: Sequence[Order]) -> None:
        for order in orders:
            match order:
                case Send(prompt):
                    self._turn_task = asyncio.ensure_future(self._turn(prompt))
                    self._keep(self._turn_task)
                case Steer(prompt):
                    self._spawn(self._steer(prompt))
                case CancelTurn():
                    self._spawn(self._cancel())
                case Answer(request, option):
                    waiting = self._waiting.pop(request, None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(option)
                case Note(text):
                    self._log.note(text)
                case Finish(outcome):
                    if not self.over.done():
                        self.over.set_result(outcome)
                case _:
                    assert_never(order)

    async def _begin(self, prompt: Prompt, servers: Servers) -> None:
        opening = open_session(self._peer, self._options, servers, self._log)
        try:
            self._session = await opening
        except Failed as failed:
            self._do(self._turns.give_up(failed.outcome))
        except ConnectionError:
            self._do(self._turns.give_up(await self._lost()))
        else:
            if self._session.replayed:
                await self._quiet()
                self._log.replay("ends")
            self._do(self._turns.begin(prompt, steers=self._session.offer.steers))

    def _told(self, method: str, params: Any) -> None:
        if method == "session/update":
            self._updates += 1
            self._troubles.see(params)
        elif method == "$/cancel_request" and (request := cancelled_request(params)) is not None:
            self._do(self._turns.withdraw(request))

    async def _quiet(self) -> None:
        """Wait until no more history comes: Gemini CLI goes on sending it after its answer."""
        seen = -1
        for _ in range(REPLAY_LOOKS):
            if seen == self._updates:
                return
            seen = self._updates
            await asyncio.sleep(QUIET_S)

    async def _turn(self, prompt: Prompt) -> None:
        self._troubles = Troubles()
        try:
            answer = await self._peer.request("session/prompt", self._prompt(prompt))
        except AgentError as error:
            self._do(self._turns.end_turn(error.outcome))
        except ConnectionError:
            self._do(self._turns.give_up(await self._lost()))
        else:
            outcome = of_stop_reason(text_of(answer, "stopReason"))
            self._do(self._turns.end_turn(self._troubles.judge(outcome)))

    async def _steer(self, prompt: Prompt) -> None:
        # Asked for, so that the agent hands the text back instead of starting a turn unseen.
        meta = {"_meta": {"steering": {"idleBehavior": "promptRequired"}}}
        params = {**self._prompt(prompt), **meta}
        try:
            answer = await self._peer.request("_session/steering", params, STEER_S)
        except (AgentError, TimeoutError, ConnectionError) as fault:
            why = str(fault) or type(fault).__name__
            self._do(self._turns.steered(prompt, taken=False, why=why))
        else:
            taken = text_of(answer, "outcome") != "promptRequired"
            self._do(self._turns.steered(prompt, taken=taken))

    async def _cancel(self) -> None:
        try:
            await self._peer.notify("session/cancel", {"sessionId": self._session_id})
        except ConnectionError:
            return  # the turn ends with it
        await self._give_up_after(CANCEL_S)

    async def _give_up_after(self, patience_s: float) -> None:
        turn = self._turn_task
        if turn is None or await settles(patience_s, turn):
            return
        text = f"the agent did not end its turn within {patience_s:g} s of being asked to"
        self._do(self._turns.give_up(failure(FailureClass.STOPPED, text)))

    async def _ask(self, request: str, options: Sequence[Option]) -> str | None:
        if request in self._waiting:
            self._log.note(f"permission request {request} came twice")
            return None
        waiting: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting[request] = waiting
        self._do(self._turns.ask(request, options))
        return await waiting

    async def _lost(self) -> Outcome:
        """Why there is no agent any more."""
        if self._agent.cut:
            return failure(FailureClass.AGENT, "the agent sent a message too long to be read")
        if not await settles(EOF_GRACE_S, self._agent.gone):
            return failure(FailureClass.CRASH, "the agent closed its output")
        code, words = self._agent.gone.result(), self._agent.last_words
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        return failure(FailureClass.CRASH, f"the agent {how}" + (f": {words}" if words else ""))

    @property
    def _session_id(self) -> str:
        return self._session.id if self._session else ""

    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        block = {"type": "text", "text": prompt.text}
        return {"sessionId": self._session_id, "prompt": [block]}

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._keep(asyncio.ensure_future(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            outcome = failure(FailureClass.CRASH, f"the bridge failed: {fault!r}")
            self._do(self._turns.give_up(outcome))
