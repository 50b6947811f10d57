"""Speaking to a live agent: its prompt, messages, answers, and that nothing more comes.

Rules:
- What is said was recorded before, and is said once, as far as a crash allows: see `said`.
- A prompt too long for one writing stays in its file, and the agent is told to read it there.
- An agent that was told something in its last turn may be about to begin another one. It gets a
  moment for that before its input is closed, because it could not ask anything afterwards.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.agents.input import interrupt_line, last_line, message_line, prompt_line
from agentdeck.agents.launching import prompt_in_file
from agentdeck.core import events as e
from agentdeck.core.hearing import PROMPT
from agentdeck.core.state import Attempt
from agentdeck.core.steps import CloseInput, Deliver, StopAttempt
from agentdeck.engine import processes
from agentdeck.engine.agent_stdin import MAX_MESSAGE_BYTES, NotHeard, close_stdin
from agentdeck.engine.attempt_host import running
from agentdeck.engine.said import InputIsClosed, note_closed, say
from agentdeck.engine.setting import Setting, attempt_tag
from agentdeck.engine.stop import thaw
from agentdeck.engine.waiting import wait

INTERRUPT_GRACE_S: Final = 10.0  # for an agent to end its turn; 0.1 to 0.6 s were measured
TURN_MAY_FOLLOW_S: Final = 1.0  # between a result and the next turn; Claude Code takes 0.1 s


async def deliver(at: Setting, step: Deliver) -> None:
    """Write a message, or the prompt, to the agent's input."""
    attempt = at.attempt(step.task, step.attempt)
    host, of = at.host_of(step.task, step.attempt), at.whose(step.task, step.attempt)
    line = _line(at, attempt, step.message, of.folder)
    try:
        await host.say(of, step.message, line, shows=step.message == PROMPT)
    except InputIsClosed:
        await at.record(e.InputClosed(step.task, step.attempt))
        return
    await at.record(e.MessageDelivered(step.task, step.attempt, step.message))


def _line(at: Setting, attempt: Attempt, word: str, folder: Path) -> bytes:
    reads = at.state.plan.agent_by_name[attempt.agent].input
    if word != PROMPT:
        return message_line(reads, next(m for m in attempt.messages if m.id == word))
    file = folder / "prompt.md"
    line = prompt_line(reads, file.read_text(encoding="utf-8"))
    return line if len(line) <= MAX_MESSAGE_BYTES else prompt_line(reads, prompt_in_file(str(file)))


async def interrupt(at: Setting, step: StopAttempt, child: processes.Child) -> None:
    """End the turn by the agent's own protocol, and give it time to end by itself.

    What its session has is kept whole that way. An agent that has no such way, or does not heed it,
    is left to whoever ends it by signals.
    """
    attempt = at.attempt(step.task, step.attempt)
    reads = at.state.plan.agent_by_name[attempt.agent].input
    line, last = interrupt_line(reads), last_line(reads)
    if line is None:
        return
    folder = at.attempt_folder(step.task, step.attempt)
    tag = attempt_tag(at.state.run, step.task, step.attempt)

    def end() -> None:
        if attempt.frozen_at is not None:
            thaw(child, tag)
        with suppress(NotHeard):
            say(folder, "interrupt", line + (last or b""))
        note_closed(folder)
        close_stdin(child)

    await at.in_thread(end)
    await at.record(e.InputClosed(step.task, step.attempt))
    with suppress(TimeoutError):
        await asyncio.wait_for(wait(child), INTERRUPT_GRACE_S)


async def close_input(at: Setting, step: CloseInput) -> None:
    """Tell the agent that nothing more comes; it ends by itself."""
    attempt = at.attempt(step.task, step.attempt)
    host, of = at.host_of(step.task, step.attempt), at.whose(step.task, step.attempt)
    child = await running(host, of)
    if child is None:
        return  # `Watch` reports the exit
    if any(message.delivered and message.answers is None for message in attempt.messages):
        await asyncio.sleep(TURN_MAY_FOLLOW_S)  # a turn that begins meanwhile calls this off
    last = last_line(at.state.plan.agent_by_name[attempt.agent].input)
    await host.close_input(of, child, last)
    await at.record(e.InputClosed(step.task, step.attempt))
