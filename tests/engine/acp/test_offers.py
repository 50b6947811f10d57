"""What agents say they can do. The tables are shortened answers of real ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.engine.acp.offers import (
    Change,
    logins_of,
    mode_change,
    model_change,
    offered_to,
    read_offer,
    unattended_login,
)

CLAUDE = {
    "protocolVersion": 1,
    "agentInfo": {"name": "claude-agent-acp", "title": "Claude Agent", "version": "0.100.0"},
    "agentCapabilities": {"loadSession": True, "sessionCapabilities": {"resume": {}}},
    "authMethods": [],
    "_meta": {"steering": {"supported": True}},
}
GEMINI = {
    "protocolVersion": 1,
    "agentCapabilities": {"loadSession": True},
    "authMethods": [
        {"id": "oauth-personal", "name": "Log in with Google"},
        {"id": "gemini-api-key", "name": "Gemini API key", "_meta": {"api-key": {}}},
    ],
}
CLAUDE_SESSION = {
    "modes": {"availableModes": [{"id": "default"}, {"id": "plan"}]},
    "configOptions": [
        {"id": "mode", "category": "mode", "options": [{"value": "default"}]},
        {"id": "model", "category": "model", "options": [{"value": "opus"}]},
    ],
}
GEMINI_SESSION = {"models": {"availableModels": [{"modelId": "auto"}]}}
GROUPED = {"configOptions": [{"id": "model", "options": [{"options": [{"value": "opus"}]}]}]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=10,
)


def test_an_offer_is_read() -> None:
    offer = read_offer(CLAUDE)
    assert (offer.protocol, offer.agent) == (1, "Claude Agent 0.100.0")
    assert offer.loads
    assert offer.resumes
    assert offer.steers


def test_what_is_not_offered_is_not_assumed() -> None:
    offer = read_offer({"protocolVersion": 1})
    assert (offer.loads, offer.resumes, offer.steers) == (False, False, False)
    assert offer.logins == ()
    assert not read_offer(GEMINI).resumes


def test_a_login_that_needs_a_person_is_left_alone() -> None:
    """A browser or a terminal would wait for somebody who is not there."""
    methods = [
        {"id": "chat", "name": "ChatGPT"},
        {"id": "t", "name": "API key", "type": "terminal"},
        {"id": "v", "name": "Key", "type": "env_var", "vars": [{"name": "A"}, {"name": "B"}]},
    ]
    offer = read_offer({"authMethods": methods})
    assert unattended_login(offer, {"A": "1"}) is None
    assert logins_of(offer) == "ChatGPT, API key, Key"
    assert unattended_login(offer, {"A": "1", "B": "2"}) == "v"


def test_a_login_by_key_is_chosen() -> None:
    assert unattended_login(read_offer(GEMINI), {}) == "gemini-api-key"


BY_MODE = "session/set_mode"
BY_OPTION = "session/set_config_option"


@pytest.mark.parametrize(
    ("opened", "mode", "change"),
    [
        (CLAUDE_SESSION, "plan", Change(BY_MODE, {"modeId": "plan"}, ("default", "plan"), True)),
        (CLAUDE_SESSION, "yolo", Change(BY_MODE, {"modeId": "yolo"}, ("default", "plan"), False)),
        ({}, "plan", None),
        (
            {"configOptions": CLAUDE_SESSION["configOptions"]},
            "default",
            Change(BY_OPTION, {"configId": "mode", "value": "default"}, ("default",), True),
        ),
    ],
)
def test_a_mode_is_set_the_way_the_agent_offers(
    opened: Any, mode: str, change: Change | None
) -> None:
    assert mode_change(opened, mode) == change


@pytest.mark.parametrize(
    ("opened", "method"),
    [
        (CLAUDE_SESSION, BY_OPTION),
        (GROUPED, BY_OPTION),
        (GEMINI_SESSION, "session/set_model"),
    ],
)
def test_a_model_is_set_the_way_the_agent_offers(opened: Any, method: str) -> None:
    change = model_change(opened, "opus")
    assert change is not None
    assert change.method == method
    assert change.listed == ("opus" in change.known)


def test_no_models_means_none_can_be_set() -> None:
    assert model_change({"models": {"availableModels": []}}, "opus") is None


@pytest.mark.parametrize(
    ("agent", "wanted", "offered"),
    [
        (["opencode", "acp"], None, (True, True)),
        (["opencode", "acp", "--model", "gemini-2.5"], None, (True, True)),
        (["/usr/bin/gemini", "--acp"], None, (False, True)),
        (["npx", "-y", "@google/gemini-cli@latest", "--acp"], None, (False, True)),
        (["gemini", "--acp"], "all", (True, True)),
        (["opencode", "acp"], "none", (False, False)),
        (["opencode", "acp"], "files", (True, False)),
    ],
)
def test_an_agent_that_fails_with_our_files_is_not_offered_them(
    agent: list[str], wanted: str | None, offered: tuple[bool, bool]
) -> None:
    """Gemini CLI: https://github.com/google-gemini/gemini-cli/issues/26448."""
    assert offered_to(agent, wanted) == offered


@given(JSON)
def test_any_answer_can_be_read(answer: Any) -> None:
    unattended_login(read_offer(answer), {})
    for opened in (answer, {"modes": answer, "models": answer, "configOptions": [answer]}):
        mode_change(opened, "x")
        model_change(opened, "x")
