"""From a started agent to an open session: initialize, log in if need be, new or continued.

Rules:
- An agent that was slow or refused says so by `Failed`; nobody waits for ever. A login is tried
  only when the agent asks for one, and only one that needs no person.
- `session/resume` is preferred to `session/load`: it does not send the whole history again. An
  agent that has neither cannot continue a session, and a new one would not be what was asked for.
- A mode or model that cannot be had ends the attempt before the agent has done anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from acp.schema import (
    AuthenticateRequest,
    ClientCapabilities,
    FileSystemCapabilities,
    Implementation,
    InitializeRequest,
    LoadSessionRequest,
    NewSessionRequest,
    ResumeSessionRequest,
)
from pydantic import BaseModel, ValidationError

from agentdeck import __version__
from agentdeck.agents.json_line import text_of
from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.command_line import Options
from agentdeck.engine.acp.messages import AUTH_REQUIRED, METHOD_NOT_FOUND
from agentdeck.engine.acp.offers import (
    PROTOCOL,
    Change,
    Offer,
    logins_of,
    mode_change,
    model_change,
    offered_to,
    read_offer,
    unattended_login,
)
from agentdeck.engine.acp.outcome import (
    AgentError,
    Failed,
    Outcome,
    failure,
)
from agentdeck.engine.acp.peer import Peer
from agentdeck.engine.acp.raw_log import RawLog

START_S: Final = 120.0  # for `initialize`; 10 s were seen on a busy machine
OPEN_S: Final = 180.0  # for a session: agents connect to MCP servers and read histories meanwhile
LOGIN_S: Final = 60.0  # a login that takes longer waits for a person after all
SETTING_S: Final = 60.0  # for a mode or a model
LOAD: Final = "session/load"
RESUME: Final = "session/resume"
SHOWN: Final = 12  # values named in a message

Servers: TypeAlias = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Session:
    """An open session."""

    id: str
    offer: Offer
    replayed: bool  # its history comes, or came, as updates


async def open_session(peer: Peer, options: Options, servers: Servers, log: RawLog) -> Session:
    """Shake hands with the agent.

    Raises:
        Failed: it does not come to a session; the outcome says why.
        ConnectionError: the agent is gone.
    """
    opening = _Opening(peer, options, servers, log)
    return await opening.run()


class _Opening:
    def __init__(self, peer: Peer, options: Options, servers: Servers, log: RawLog) -> None:
        self._peer = peer
        self._options = options
        self._servers = servers
        self._log = log

    async def run(self) -> Session:
        files, terminal = offered_to(self._options.agent, self._options.offer)
        answer = await self._ask("initialize", _initialize(files, terminal), START_S)
        offer = read_offer(answer)
        if offer.protocol != PROTOCOL:
            text = f"{offer.agent} speaks ACP version {offer.protocol}, not {PROTOCOL}"
            raise Failed(failure(FailureClass.SETUP, text))
        method, request = self._request(offer)
        opened, replayed = await self._open(offer, method, request)
        session = text_of(opened, "sessionId") or self._options.session or ""
        if not session:
            raise Failed(failure(FailureClass.AGENT, f"{offer.agent} named no session"))
        await self._set(session, "mode", self._options.mode, mode_change, opened)
        await self._set(session, "model", self._options.model, model_change, opened)
        return Session(session, offer, replayed)

    def _request(self, offer: Offer) -> tuple[str, BaseModel]:
        cwd, session = str(self._options.cwd), self._options.session
        place: dict[str, Any] = {"cwd": cwd, "mcpServers": self._servers}
        try:
            if not session:
                return "session/new", NewSessionRequest.model_validate(place)
            place["sessionId"] = session
            if offer.resumes:
                return RESUME, ResumeSessionRequest.model_validate(place)
            if offer.loads:
                return LOAD, LoadSessionRequest.model_validate(place)
        except ValidationError as fault:
            text = f"the MCP servers do not fit the protocol: {fault.errors()[0]['msg']}"
            raise Failed(failure(FailureClass.SETUP, text)) from fault
        text = f"{offer.agent} cannot continue a session: it offers neither resume nor load"
        raise Failed(failure(FailureClass.SETUP, text))

    async def _open(self, offer: Offer, method: str, request: BaseModel) -> tuple[Any, bool]:
        """The answer to the request that opens the session, and whether it was `session/load`."""
        if method == LOAD:
            self._log.replay("begins")
        try:
            heed = (AUTH_REQUIRED, METHOD_NOT_FOUND)
            return await self._ask(method, request, OPEN_S, heed=heed), method == LOAD
        except AgentError as error:
            if error.code == AUTH_REQUIRED:
                await self._log_in(offer, error.outcome)
            elif method == RESUME and offer.loads:
                self._log.note("the agent does not know session/resume after all")
                self._log.replay("begins")
                method = LOAD
            else:
                raise Failed(error.outcome) from error
        return await self._ask(method, request, OPEN_S), method == LOAD

    async def _log_in(self, offer: Offer, wanted: Outcome) -> None:
        login = unattended_login(offer, os.environ)
        if login is None:
            text = f"{wanted.detail}; a person has to log in first. On offer: {logins_of(offer)}"
            raise Failed(failure(FailureClass.AUTH, text))
        request = AuthenticateRequest(method_id=login)
        try:
            await self._ask("authenticate", request, LOGIN_S, heed=(AUTH_REQUIRED,))
        except AgentError as error:
            text = f"login {login} failed: {error}"
            raise Failed(failure(FailureClass.AUTH, text)) from error

    async def _set(
        self, session: str, what: str, value: str | None, change_for: Any, opened: Any
    ) -> None:
        if not value:
            return
        change: Change | None = change_for(opened, value)
        if change is None:
            self._log.note(f"the agent offers no {what}s: {value} was not set")
            return
        if what == "mode" and not change.listed:
            raise Failed(failure(FailureClass.SETUP, _unknown(what, value, change)))
        try:
            params = {"sessionId": session, **change.params}
            await self._peer.request(change.method, params, SETTING_S)
        except (AgentError, TimeoutError) as fault:
            text = f"{_unknown(what, value, change)} ({fault})"
            raise Failed(failure(FailureClass.SETUP, text)) from fault

    async def _ask(
        self, method: str, request: BaseModel, patience_s: float, *, heed: tuple[int, ...] = ()
    ) -> Any:
        """The answer to a request. Errors with a code in `heed` are left to the caller."""
        params = request.model_dump(mode="json", by_alias=True, exclude_unset=True)
        try:
            return await self._peer.request(method, params, patience_s)
        except AgentError as error:
            if error.code in heed:
                raise
            raise Failed(error.outcome) from error
        except TimeoutError as fault:
            text = f"the agent did not answer {method} within {patience_s:.0f} s"
            raise Failed(failure(FailureClass.AGENT, text)) from fault


def _initialize(files: bool, terminal: bool) -> InitializeRequest:
    access = FileSystemCapabilities(read_text_file=files, write_text_file=files)
    return InitializeRequest(
        protocol_version=PROTOCOL,
        client_capabilities=ClientCapabilities(fs=access, terminal=terminal),
        client_info=Implementation(name="agentdeck", title="agentdeck", version=__version__),
    )


def _unknown(what: str, value: str, change: Change) -> str:
    known = ", ".join(change.known[:SHOWN]) + (", …" if len(change.known) > SHOWN else "")
    return f"the agent has no {what} {value!r}; it lists {known or 'none'}"
