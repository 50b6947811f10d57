"""Secrets in texts: keys of services, headers, addresses, known values; nothing hides one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.agents.passages import Passages
from agentdeck.control.redaction import redacted, redacted_data, redacted_json
from agentdeck.control.shown_logs import own_secrets, shown
from agentdeck.engine.enginelog import open_log

BODY = "Ab3" * 12
KNOWN = {
    "MY_API_KEY": 'two words & "more"',
    "HOME": "/home/somebody",
    "LONG_SECRET": "one-line\nother-line",
}
# What is written, and the part of it that must be gone.
SECRETS = {
    "anthropic": (f"sk-ant-api03-{BODY}", BODY),
    "stripe": (f"sk_live_{BODY}", BODY),
    "github": (f"ghp_{BODY}", BODY),
    "github-app": (f"github_pat_{BODY}", BODY),
    "gitlab": (f"glpat-{BODY}", BODY),
    "slack": (f"xoxb-123-{BODY}", BODY),
    "slack-hook": (f"https://hooks.slack.com/services/T0/B0/{BODY}", BODY),
    "amazon": ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    "google": (f"AIza{BODY}", BODY),
    "sendgrid": (f"SG.{BODY}.{BODY}", BODY),
    "token": (f"eyJhbGciOi{BODY}.eyJzdWIi{BODY}.{BODY}", BODY),
    "header": (f"Authorization: Bearer {BODY}", BODY),
    "json-header": (f'"authorization": "Basic {BODY}="', BODY),
    "bearer": (f"curl -H 'bearer {BODY}'", BODY),
    "address": ("https://me:hunter22@host/x", "hunter22"),
    "address-token": (f"https://{BODY}@github.com/x", BODY),
    "assigned": ("DB_PASSWORD = 'correct-horse'", "correct-horse"),
    "json-assigned": ('{"client_secret": "correct-horse"}', "correct-horse"),
    "key": (f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----", BODY),
    "pgp": (f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n{BODY}\n", BODY),
    "key-cut": (f"{BODY}\n{BODY}\n-----END PRIVATE KEY-----", BODY),
    "known": (KNOWN["MY_API_KEY"], "two words"),
    "known-in-json": (json.dumps(KNOWN["MY_API_KEY"]), "two words"),
    "known-in-an-address": ("two%20words%20%26%20%22more%22", "two%20words"),
    "known-line": ("other-line", "other-line"),
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_cut_out_wherever_it_stands(kind: str) -> None:
    text, secret = SECRETS[kind]
    found = redacted(f"{text}\n", KNOWN) if kind == "key-cut" else redacted(f"see {text} .", KNOWN)
    assert secret not in found
    assert "***" in found


_COLOURS = ("\x1b[31m", "\x1b[0m", "\\u001b[1m", "\u200b", "\x1b]0;x\x07", "\x9b1m", "\x00")


@given(
    kind=st.sampled_from(sorted(set(SECRETS) - {"key-cut"})),
    colour=st.sampled_from(_COLOURS),
    share=st.floats(0.05, 0.95),
    before=st.text(st.characters(codec="utf-8", categories=["Zs", "P", "Cc"]), max_size=20),
)
def test_no_sequence_within_hides_a_secret(
    kind: str, colour: str, share: float, before: str
) -> None:
    """Coloured half-way, or with something unseen in it, it is found all the same."""
    text, secret = SECRETS[kind]
    start = text.index(secret)
    at = start + max(1, int(share * len(secret)))
    found = redacted(f"{before} {text[:at]}{colour}{text[at:]} ", KNOWN)
    for each in _COLOURS:
        found = found.replace(each, "")
    assert secret not in found


@pytest.mark.parametrize(
    "piece",
    ["A", "KEY", "KEY ", "token =", "authorization ", "://a:", "sk-", "eyJ", "-----BEGIN ", "x@",
     "\x1b[", "\x1b]", "Ab/+\n", "bearer ", "-----BEGIN A PRIVATE KEY-----", "\\e["],
)  # fmt: skip
def test_a_long_text_of_half_secrets_takes_no_longer_than_its_length(piece: str) -> None:
    """With the square of it the time limit of a test would be over."""
    redacted(piece * (200_000 // len(piece)), KNOWN)


@given(text=st.text(st.characters(codec="utf-8"), max_size=200))
def test_what_holds_no_secret_stays_and_twice_is_as_once(text: str) -> None:
    once = redacted(text, {})
    assert redacted(once, {}) == once
    if text.isalpha() and len(text) < 8:
        assert once == text


class _Said(msgspec.Struct):
    words: list[str]
    more: dict[str, int]


def test_data_keep_their_shape() -> None:
    """Texts are redacted one by one; numbers and names of fields stay, so JSON stays JSON."""
    said = _Said([f"ghp_{BODY}", "plain"], {"token": 123_456_789})
    assert redacted_data(said, {}) == _Said(["***", "plain"], {"token": 123_456_789})
    text = json.dumps({"key": 123_456_789, "said": f"api_key={BODY}"})
    assert json.loads(redacted_json(text, {})) == {"key": 123_456_789, "said": "api_key=***"}


@pytest.fixture
def secret_here(monkeypatch: pytest.MonkeyPatch) -> str:
    """A variable of this process that holds a secret."""
    monkeypatch.setenv("SOME_TOKEN", "zq-known-value-1")
    own_secrets.cache_clear()
    return "zq-known-value-1"


def test_logs_are_shown_without_secrets_also_where_they_came_in_pieces(secret_here: str) -> None:
    """A message in pieces is put together before it is looked through."""
    pieces = [f"I use ghp_{BODY[:10]}", f"{BODY[10:]} and {secret_here[:5]}", secret_here[5:]]
    lines = [
        json.dumps({"type": "message", "role": "assistant", "content": piece, "delta": True})
        for piece in pieces
    ]
    passages = Passages("gemini")
    assert all([passages.goes_on(line.encode()) for line in lines][1:])
    told = " ".join(line.text for line in shown("gemini", [x.encode() for x in lines], root=""))
    assert BODY[10:] not in told
    assert secret_here not in told
    assert told.startswith("I use ***")
    own_secrets.cache_clear()


def test_the_engines_log_has_no_passwords_of_remotes(tmp_path: Path) -> None:
    """Git quotes the address that it could not reach."""
    open_log(tmp_path / "engine.log")
    log = logging.getLogger("agentdeck.engine")
    log.warning("git push failed: unable to access 'https://me:hunter22@host/x.git/'")
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    text = (tmp_path / "engine.log").read_text()
    assert "hunter22" not in text
    assert msgspec.json.decode(text)["level"] == "warning"
