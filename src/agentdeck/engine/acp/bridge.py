"""One run of the bridge: start the agent, converse, end the agent.

Rules:
- The agent is started before the SDK is imported, which takes a second or two: it boots meanwhile.
- The first SIGINT, SIGTERM or SIGHUP asks the agent to end its turn, the second ends it.
- However it goes, the agent has ended when this returns.
"""

from __future__ import annotations

import asyncio
import importlib.util
import signal
from typing import TYPE_CHECKING, Any, Final

from agentdeck.core.errors import DeckError
from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.agent_process import AT_THE_END, WHEN_STOPPED, AgentProcess, start
from agentdeck.engine.acp.command_line import Options
from agentdeck.engine.acp.control_input import listen
from agentdeck.engine.acp.control_lines import Prompt
from agentdeck.engine.acp.mcp_servers import read_servers
from agentdeck.engine.acp.outcome import Failed, Outcome, failure
from agentdeck.engine.acp.raw_log import RawLog
from agentdeck.engine.acp.turns import Turns

if TYPE_CHECKING:
    from agentdeck.engine.acp.conversation import Conversation

FIRST_PROMPT: Final = "first"  # its id in notes
STDIN: Final = 0
NO_SDK: Final = "the ACP SDK cannot be used; pip install 'agentdeck[acp]'"


async def run(options: Options, log: RawLog, stdin: int = STDIN) -> Outcome:
    """Converse with one agent and say how it went."""
    signals = _Signals()
    try:
        prompt, servers = _given(options)
        agent = await start(options.agent, options.cwd, log)
    except Failed as failed:
        return failed.outcome
    try:
        return await _converse(agent, options, prompt, servers, log, signals, stdin)
    except Failed as failed:
        return failed.outcome
    finally:
        await agent.end(WHEN_STOPPED if signals.count else AT_THE_END)


async def _converse(
    agent: AgentProcess,
    options: Options,
    prompt: Prompt,
    servers: list[dict[str, Any]],
    log: RawLog,
    signals: _Signals,
    stdin: int,
) -> Outcome:
    try:
        from agentdeck.engine.acp.conversation import Conversation
    except ImportError as fault:
        raise Failed(failure(FailureClass.SETUP, f"{NO_SDK} ({fault})")) from fault
    turns = Turns(options.permissions, stay=options.stay)
    conversation = Conversation(agent, options, turns, log)
    try:
        conversation.begin(prompt, servers)
        signals.reach(conversation)
        listen(stdin, conversation.hear)
        return await conversation.over
    finally:
        await conversation.close()


def _given(options: Options) -> tuple[Prompt, list[dict[str, Any]]]:
    """The first prompt and the MCP servers, from their files."""
    if importlib.util.find_spec("acp") is None:
        raise Failed(failure(FailureClass.SETUP, NO_SDK))
    if not options.cwd.is_dir():
        raise Failed(failure(FailureClass.SETUP, f"there is no folder {options.cwd}"))
    try:
        text = options.prompt_file.read_text(encoding="utf-8")
        servers = options.mcp_servers
        found = [] if servers is None else read_servers(servers.read_text(encoding="utf-8"))
    except (OSError, ValueError, DeckError) as fault:
        raise Failed(failure(FailureClass.SETUP, str(fault))) from fault
    return Prompt(FIRST_PROMPT, text), found


class _Signals:
    """What tells us to end, also before there is a conversation to end."""

    def __init__(self) -> None:
        self.count = 0
        self._conversation: Conversation | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._arrived)

    def reach(self, conversation: Conversation) -> None:
        """From now on, tell this one."""
        self._conversation = conversation
        if self.count:
            conversation.stop()

    def _arrived(self) -> None:
        self.count += 1
        if self._conversation is not None and self.count == 1:
            self._conversation.stop()
        elif self._conversation is not None:
            self._conversation.stop_now()
