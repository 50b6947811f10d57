"""The vocabulary of plans: what short texts such as `✅ Done`, `MEDIUM-HIGH` or `Sonnet` mean.

Rules: pure functions on short texts; each gives None where the text does not say it. This is the
module that importers ask; amounts, names and marks have files of their own and are named here too.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from agentdeck.core.ids import slug
from agentdeck.plans.imports.amounts import (
    DAY,
    HOUR,
    MINUTE,
    WEEK,
    Amount,
    count_of,
    duration_of,
    durations_in,
    share_of,
    tokens_of,
    usd_of,
)
from agentdeck.plans.imports.cleaning import PICTURE, clean, without_mark, without_remark
from agentdeck.plans.imports.mentions import is_nobody, names_in, range_of

MAX_WORDS: Final = 400  # characters of a text that is looked up; a longer one says no single thing


class Status(StrEnum):
    """How far a document says that a task is."""

    TODO = "todo"
    ACTIVE = "active"
    BLOCKED = "blocked"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"
    DONE = "done"


_STATUS_WORDS: Final = {
    Status.TODO: "todo|to do|open|pending|not started|new|backlog|planned|queued|ready|waiting",
    Status.ACTIVE: (
        "active|in progress|in-progress|in_progress|wip|doing|started|ongoing|under way|underway"
        "|working|review|in review|hooked"
    ),
    Status.BLOCKED: "blocked|stuck|waiting on others",
    Status.DEFERRED: (
        "deferred|defer|postponed|later|on hold|on-hold|paused|parked|skip|skipped|skip for now"
        "|not now|out of scope|future|optional - skip"
    ),
    Status.CANCELLED: "cancelled|canceled|dropped|wontfix|won't fix|won't do|abandoned|obsolete",
    Status.DONE: (
        "done|complete|completed|finished|closed|landed|merged|shipped|implemented|resolved"
        "|passed|passes"
    ),
}
_STATUS: Final = {
    word: status for status, words in _STATUS_WORDS.items() for word in words.split("|")
}
_STATUS_PICTURES: Final = {
    **dict.fromkeys("✅☑✔✓🎉🟢", Status.DONE),
    **dict.fromkeys("🚧🔄⏳⌛🏗🔨🟡🔵", Status.ACTIVE),
    **dict.fromkeys("⛔🛑🔴", Status.BLOCKED),
    **dict.fromkeys("⏸⏭⏩💤🚫", Status.DEFERRED),
    **dict.fromkeys("❌✗✘🗑", Status.CANCELLED),
    **dict.fromkeys("⬜☐⚪📋🔲", Status.TODO),
}
_STATUS_END: Final = re.compile(r"\s*(?:\s[-–—]\s|[:;,.(!])")

_FAMILIES: Final = r"haiku|sonnet|opus"
_MODEL: Final = re.compile(
    r"(?<![\w-])(?:"
    rf"(?P<full>claude-[a-z0-9.-]*[a-z0-9]|(?:gpt|gemini|deepseek|qwen|kimi|glm|grok|llama|codestral"
    r"|mistral|devstral)-?[0-9][a-z0-9.-]*|(?:gemini|gpt|deepseek|qwen|kimi|glm|grok|llama|mistral)"
    r"-[a-z0-9.-]*[a-z0-9]|o[134](?:-(?:mini|pro|preview))?)"
    rf"|(?P<family>{_FAMILIES}))(?![\w-])",
    re.IGNORECASE,
)

_COMPLEXITY: Final = {
    "very low": "low",
    "trivial": "low",
    "tiny": "low",
    "simple": "low",
    "easy": "low",
    "small": "low",
    "minor": "low",
    "low": "low",
    "xs": "low",
    "s": "low",
    "low medium": "low-medium",
    "simple medium": "low-medium",
    "moderate": "medium",
    "normal": "medium",
    "standard": "medium",
    "medium": "medium",
    "med": "medium",
    "m": "medium",
    "medium high": "medium-high",
    "moderate high": "medium-high",
    "complex": "high",
    "hard": "high",
    "large": "high",
    "big": "high",
    "difficult": "high",
    "high": "high",
    "l": "high",
    "very high": "very-high",
    "extreme": "very-high",
    "critical": "very-high",
    "epic": "very-high",
    "huge": "very-high",
    "xl": "very-high",
    "xxl": "very-high",
}
_RISK: Final = {
    "low": "low",
    "minor": "low",
    "medium": "medium",
    "moderate": "medium",
    "med": "medium",
    "high": "high",
    "very high": "high",
    "critical": "high",
    "severe": "high",
}
_HUMANS: Final = frozenset(
    "human humans person people you me manual manually operator owner user maintainer".split()
)
_KNOWN_AGENTS: Final = (
    ("claude", re.compile(r"\bclaude\b")),
    ("codex", re.compile(r"\bcodex\b")),
    ("gemini", re.compile(r"\bgemini\b")),
    ("aider", re.compile(r"\baider\b")),
    ("cursor", re.compile(r"\bcursor\b")),
    ("opencode", re.compile(r"\bopen-?code\b")),
    ("copilot", re.compile(r"\bcopilot\b")),
)
_ANYBODY: Final = frozenset({"any", "anyone", "anybody", "tbd", "?", "agent", "ai", "all", "mix"})
_TIMES: Final = re.compile(r"\s*(?:(?:\bx|×)\s?[0-9]{1,4}|\b[0-9]{1,4}\s?x\b)\s*\Z")
_ALTERNATIVES: Final = re.compile(r"\s+or\s+|\s*[,;+&]\s*|\s+and\s+", re.IGNORECASE)


def status_of(text: str) -> Status | None:
    """What a status cell, or what follows a title, says: `✅ Done`, `in progress`, `Skip for now`.

    A picture counts only when no other words stand beside it: `✅ HIGHLY PARALLEL` is no status.
    """
    if len(text) > MAX_WORDS:
        return None
    words = clean(text).strip(" .!*").casefold()
    if words in ("[x]", "x"):
        return Status.DONE
    if not words:
        found = (_STATUS_PICTURES.get(char) for char in text)
        return next((status for status in found if status is not None), None)
    if words in _STATUS:
        return _STATUS[words]
    end = _STATUS_END.search(words)
    return _STATUS.get(words[: end.start()].strip()) if end else None


def split_status(text: str) -> tuple[str, Status | None]:
    """A title, and the status that a picture puts behind or before it.

    `Core ✅ COMPLETE` gives `("Core", DONE)`, `✅ Core` gives `("Core", DONE)`, and
    `Core ✅ HIGHLY PARALLEL` is no status: `("Core HIGHLY PARALLEL", None)`.
    """
    if len(text) > MAX_WORDS:
        return clean(text), None
    picture = PICTURE.search(text)
    if picture is None:
        return clean(text), None
    before, after = text[: picture.start()], text[picture.start() :]
    status = status_of(after)
    if before.strip() and status is not None:
        return clean(before).rstrip(" -–—:("), status
    alone = status_of(picture[0]) if not before.strip() else None
    return clean(text), alone


def model_of(text: str) -> str | None:
    """The one model that is named: `Sonnet` gives `sonnet`, `all agents use haiku` gives `haiku`.

    Two different ones (`Haiku or Sonnet`) are none.
    """
    if len(text) > MAX_WORDS:
        return None
    found = set()
    for match in _MODEL.finditer(clean(text)):
        found.add(match[0].lower())
    return found.pop() if len(found) == 1 else None


def models_in(text: str) -> list[str]:
    """Every model that is named, in order, each once, in lower case."""
    return list(dict.fromkeys(match[0].lower() for match in _MODEL.finditer(text[:MAX_WORDS])))


def complexity_of(text: str) -> str | None:
    """One of `core.plan.COMPLEXITIES`: `MEDIUM-HIGH`, `very high`, `S`, `complex`."""
    return _looked_up(text, _COMPLEXITY)


def risk_of(text: str) -> str | None:
    """`low`, `medium` or `high`."""
    return _looked_up(text, _RISK)


def agent_of(text: str) -> str | None:
    """The agent that is named, as an id: `Claude Code (Agent 1)` gives `claude`, `Human` `human`.

    Of several (`Claude Code or Codex`) the first. `Any`, `TBD`, `—` are none.
    """
    names = agents_in(text)
    return names[0] if names else None


def agents_in(text: str) -> list[str]:
    """Every agent that is named, in order, each once."""
    if len(text) > MAX_WORDS or is_nobody(text):
        return []
    words = without_remark(clean(text))[0] or clean(text).strip("()")
    found = dict.fromkeys(_agent(part) for part in _ALTERNATIVES.split(words))
    return [name for name in found if name]


def _agent(text: str) -> str:
    name = _TIMES.sub("", without_remark(text)[0].casefold()).strip()
    if not name or name in _ANYBODY or is_nobody(name):
        return ""
    if set(name.split()) & _HUMANS and len(name.split()) <= 2:
        return "human"
    if re.fullmatch(r"[\w.-]+", name) and "-" in name:
        return slug(name)  # `claude-reviewer` is a name of its own
    known = next((known for known, words in _KNOWN_AGENTS if words.search(name)), None)
    return known or slug(name)


def _looked_up(text: str, table: dict[str, str]) -> str | None:
    if len(text) > MAX_WORDS:
        return None
    words = re.sub(r"[^a-z]+", " ", without_remark(clean(text))[0].lower())
    words = re.sub(r"\b(?:to|complexity|risk|priority|effort|size)\b", " ", words)
    return table.get(" ".join(words.split()))


__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "WEEK",
    "Amount",
    "Status",
    "agent_of",
    "agents_in",
    "clean",
    "complexity_of",
    "count_of",
    "duration_of",
    "durations_in",
    "is_nobody",
    "model_of",
    "models_in",
    "names_in",
    "range_of",
    "risk_of",
    "share_of",
    "split_status",
    "status_of",
    "tokens_of",
    "usd_of",
    "without_mark",
    "without_remark",
]
