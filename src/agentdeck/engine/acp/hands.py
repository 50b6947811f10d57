"""What the agent may ask of us: permissions, files of the worktree, commands in it.

Rules:
- The SDK checks the shape of a request and calls a method of `Hands`; the answer, or the reason why
  not, goes back to the agent.
- Permission requests are read without that check: one option of a kind that the schema does not
  have would make it refuse the whole request, and nobody could answer.
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from acp import RequestError
from acp.schema import (
    AllowedOutcome,
    CreateTerminalResponse,
    DeniedOutcome,
    EnvVariable,
    KillTerminalResponse,
    ReadTextFileResponse,
    ReleaseTerminalResponse,
    RequestPermissionResponse,
    TerminalExitStatus,
    TerminalOutputResponse,
    WaitForTerminalExitResponse,
    WriteTextFileResponse,
)

from agentdeck.agents.json_line import list_of, text_of
from agentdeck.engine.acp.messages import INTERNAL_ERROR, INVALID_PARAMS, NOT_FOUND
from agentdeck.engine.acp.paths import Refused, shown
from agentdeck.engine.acp.permissions import Option
from agentdeck.engine.acp.terminals import Terminals
from agentdeck.engine.acp.text_files import read_text, write_text
from agentdeck.engine.acp.transport import REQUEST_ID

# Asks whoever decides; the id of the option, or None for "cancelled".
Ask: TypeAlias = Callable[[str, Sequence[Option]], Awaitable[str | None]]


class Hands:
    """Carries out the agent's requests."""

    def __init__(self, root: Path, ask: Ask, terminals: Terminals) -> None:
        self._root = root  # the worktree
        self._ask = ask
        self._terminals = terminals

    async def permit(self, params: Any) -> RequestPermissionResponse:
        """session/request_permission."""
        offered = [
            Option(text_of(option, "optionId"), text_of(option, "kind"))
            for option in list_of(params, "options")
            if text_of(option, "optionId")
        ]
        chosen = await self._ask(REQUEST_ID.get(), offered)
        if chosen is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        outcome = AllowedOutcome(outcome="selected", option_id=chosen)
        return RequestPermissionResponse(outcome=outcome)

    async def read_text_file(
        self, path: str, line: int | None = None, limit: int | None = None, **_rest: Any
    ) -> ReadTextFileResponse:
        """fs/read_text_file."""
        with _faults(path):
            return ReadTextFileResponse(content=read_text(self._root, path, line, limit))

    async def write_text_file(self, path: str, content: str, **_rest: Any) -> WriteTextFileResponse:
        """fs/write_text_file."""
        with _faults(path):
            write_text(self._root, path, content)
        return WriteTextFileResponse()

    async def create_terminal(
        self,
        command: str,
        args: list[str] | None = None,
        env: list[EnvVariable] | None = None,
        cwd: str | None = None,
        output_byte_limit: int | None = None,
        **_rest: Any,
    ) -> CreateTerminalResponse:
        """terminal/create."""
        extra = {variable.name: variable.value for variable in env or ()}
        with _faults(command):
            name = await self._terminals.create(command, args or (), extra, cwd, output_byte_limit)
        return CreateTerminalResponse(terminal_id=name)

    async def terminal_output(self, terminal_id: str, **_rest: Any) -> TerminalOutputResponse:
        """terminal/output."""
        with _faults(terminal_id):
            terminal = self._terminals.get(terminal_id)
        status, tail = terminal.exit, terminal.tail
        answer = TerminalOutputResponse(output=tail.text(), truncated=tail.truncated)
        if status is not None:
            answer.exit_status = TerminalExitStatus(exit_code=status.code, signal=status.signal)
        return answer

    async def wait_for_terminal_exit(
        self, terminal_id: str, **_rest: Any
    ) -> WaitForTerminalExitResponse:
        """terminal/wait_for_exit."""
        with _faults(terminal_id):
            status = await self._terminals.get(terminal_id).wait()
        return WaitForTerminalExitResponse(exit_code=status.code, signal=status.signal)

    async def kill_terminal(self, terminal_id: str, **_rest: Any) -> KillTerminalResponse:
        """terminal/kill."""
        with _faults(terminal_id):
            await self._terminals.get(terminal_id).kill()
        return KillTerminalResponse()

    async def release_terminal(self, terminal_id: str, **_rest: Any) -> ReleaseTerminalResponse:
        """terminal/release."""
        with _faults(terminal_id):
            await self._terminals.release(terminal_id)
        return ReleaseTerminalResponse()


@contextmanager
def _faults(subject: str) -> Iterator[None]:
    """Faults as the protocol words them. Agents know a missing file by its code or its words."""
    try:
        yield
    except Refused as refusal:
        raise RequestError(INVALID_PARAMS, f"refused: {refusal}") from refusal
    except FileNotFoundError as fault:
        raise RequestError(NOT_FOUND, f"Resource not found: {subject}") from fault
    except OSError as fault:
        name = errno.errorcode.get(fault.errno or 0, "")
        reason = f"{shown(subject)}: {name} {fault.strerror}"
        raise RequestError(INTERNAL_ERROR, reason) from fault
