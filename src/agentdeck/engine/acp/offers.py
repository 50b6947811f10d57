"""What an agent says it can do, and which requests follow from what we want of it. Pure.

Rules:
- Foreign tables are read without trust: what is missing or of another shape is "not offered".
- A mode that the agent does not list is refused: modes are about what it may do. A model is tried
  all the same, lists of models are often incomplete; the agent's refusal is final.
- We offer files and terminals, except to an agent that is known to fail with them.
- A login is tried only where it needs no person: its variables are set, or it takes an API key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentdeck.agents.json_line import count_of, list_of, table_of, text_of

PROTOCOL: Final = 1
_API_KEY: Final = re.compile(r"api[-_ ]?key", re.IGNORECASE)


# Gemini CLI (0.61) takes our "no such file" for a failure and then creates no file at all:
# https://github.com/google-gemini/gemini-cli/issues/26448
_NO_FILES: Final = re.compile(r"(^|/)gemini(\.js)?$|gemini-cli")


def offered_to(agent: Sequence[str], wanted: str | None) -> tuple[bool, bool]:
    """Whether we read and write files, and whether we run commands, for an agent.

    Args:
        agent: its command.
        wanted: "all", "files", "terminal", "none"; None = what suits it.
    """
    if wanted is None:
        wanted = "terminal" if any(_NO_FILES.search(word) for word in agent) else "all"
    return wanted in ("all", "files"), wanted in ("all", "terminal")


@dataclass(frozen=True, slots=True)
class Offer:
    """The answer to `initialize`."""

    protocol: int
    agent: str
    loads: bool  # earlier sessions, with a replay of their history
    resumes: bool  # earlier sessions, without it
    steers: bool
    logins: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A request that sets a mode or a model."""

    method: str
    params: dict[str, Any]
    known: tuple[str, ...]  # the values that the agent lists
    listed: bool  # whether the wanted one is among them


def read_offer(answer: Any) -> Offer:
    """What the agent can do."""
    able = table_of(answer, "agentCapabilities")
    info = table_of(answer, "agentInfo")
    steering = table_of(table_of(answer, "_meta"), "steering")
    name = text_of(info, "title") or text_of(info, "name") or "the agent"
    return Offer(
        protocol=count_of(answer, "protocolVersion"),
        agent=f"{name} {text_of(info, 'version')}".strip(),
        loads=able.get("loadSession") is True,
        resumes=isinstance(table_of(able, "sessionCapabilities").get("resume"), dict),
        steers=steering.get("supported") is True,
        logins=tuple(m for m in list_of(answer, "authMethods") if isinstance(m, dict)),
    )


def unattended_login(offer: Offer, environment: Mapping[str, str]) -> str | None:
    """The id of a login that needs no person, if there is one."""
    for method in offer.logins:
        names = [text_of(entry, "name") for entry in list_of(method, "vars")]
        if text_of(method, "type") == "env_var" and all(environment.get(n) for n in names):
            return text_of(method, "id") or None
    for method in offer.logins:
        if text_of(method, "type") in ("", "agent") and _takes_key(method):
            return text_of(method, "id") or None
    return None


def logins_of(offer: Offer) -> str:
    """The logins on offer, for a person."""
    names = [text_of(m, "name") or text_of(m, "id") for m in offer.logins]
    return ", ".join(name for name in names if name) or "none"


def mode_change(opened: Any, mode: str) -> Change | None:
    """How to set a mode in the session that `opened` answered; None if it offers none."""
    modes = [text_of(m, "id") for m in list_of(table_of(opened, "modes"), "availableModes")]
    if modes:
        return Change("session/set_mode", {"modeId": mode}, tuple(modes), mode in modes)
    return _option_change(opened, "mode", mode)


def model_change(opened: Any, model: str) -> Change | None:
    """How to set a model in the session that `opened` answered; None if it offers none."""
    change = _option_change(opened, "model", model)
    if change is not None:
        return change
    models = [text_of(m, "modelId") for m in list_of(table_of(opened, "models"), "availableModels")]
    if not models:
        return None
    return Change("session/set_model", {"modelId": model}, tuple(models), model in models)


def _option_change(opened: Any, category: str, value: str) -> Change | None:
    for option in list_of(opened, "configOptions"):
        if category in (text_of(option, "category"), text_of(option, "id")):
            known = tuple(_values(option))
            params = {"configId": text_of(option, "id"), "value": value}
            return Change("session/set_config_option", params, known, value in known)
    return None


def _values(option: Any) -> list[str]:
    """The values of an option; they may stand in groups."""
    found = []
    for entry in list_of(option, "options"):
        inner = list_of(entry, "options")
        found += [text_of(one, "value") for one in inner] if inner else [text_of(entry, "value")]
    return [value for value in found if value]


def _takes_key(method: dict[str, Any]) -> bool:
    if isinstance(table_of(method, "_meta").get("api-key"), dict):
        return True
    return bool(_API_KEY.search(text_of(method, "id")) or _API_KEY.search(text_of(method, "name")))
