"""Rules that answer permission requests for a person, and what an answer means.

Rules of the rules:
- A deny beats every allow, whatever their scopes: who forbids something for the whole plan is not
  overruled by an allow for one task. Among rules of one decision the narrower scope is named as the
  one that answered (task, run, plan), and of one scope the one that was set last.
- Tool and target are globs, compared with the case that they are written in; `*` crosses `/`. An
  exact rule means its target as it stands.
- A wildcard in an allow does not stretch over what a shell would read as another command or file:
  `pytest *` does not allow `pytest; rm -rf /`. Only the bare `*` does.
- A target that was cut, or whose words are not known exactly, is allowed by the bare `*`, by the
  same target, or by a wildcard when it is a single word. A deny looks at all that is known.
- A rule that has expired answers nothing.
- agentdeck remembers by itself: it never picks an agent's own "always" where there is a "once".
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.unreadable import UNREADABLE

ANY: Final = "*"
WRITTEN: Final = "p"  # how the id of a rule of the plan's file begins
ALLOW: Final = "allow"  # what a permission is answered with where an agent names no options
DENY: Final = "deny"
NOBODY: Final = "nobody"  # who answers when nobody does
CUT: Final = "…"  # the end of a text that was cut when it was read
MAX_EXACT: Final = 2_000  # characters of a target that is remembered as it stands

_OPERATORS: Final = re.compile(r"[;&|`<>\n\r]|\$\(")


class Scope(StrEnum):
    """How far a rule reaches."""

    TASK = "task"
    RUN = "run"
    PLAN = "plan"  # also later runs of the plan in this repository


class Decision(StrEnum):
    """What a rule answers."""

    ALLOW = "allow"
    DENY = "deny"


class OptionKind(StrEnum):
    """What an answer means, whatever its agent calls it."""

    ALLOW_ONCE = "allow_once"
    ALLOW_ALWAYS = "allow_always"
    REJECT_ONCE = "reject_once"
    REJECT_ALWAYS = "reject_always"
    ANSWER = "answer"  # one to a question


class PermissionRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer given beforehand."""

    id: str
    scope: Scope
    decision: Decision
    tool: str = ANY  # glob
    target: str = ANY  # glob, or the target itself
    exact: bool = False
    task: str | None = None  # a glob for ids; None = any
    expires_at: float | None = None  # seconds since the epoch
    by: str = ""

    @property
    def is_written(self) -> bool:
        """Does it stand in the plan's file?"""
        return self.id.startswith(WRITTEN)

    @property
    def key(self) -> tuple[Any, ...]:
        """What it says, whoever said it when."""
        return (self.decision, self.tool, self.target, self.exact, self.task)


class Offered(Protocol):
    """One answer that an agent offers."""

    @property
    def id(self) -> str:
        """The agent's own."""

    @property
    def kind(self) -> OptionKind:
        """What it means."""


class Request(Protocol):
    """What an agent wants to do."""

    @property
    def tool(self) -> str:
        """With which tool."""

    @property
    def target(self) -> str:
        """On what, one line, perhaps cut."""

    @property
    def payload(self) -> str:
        """JSON of the agent; `input` holds what its tool is given."""


class Words(msgspec.Struct, frozen=True):
    """A target as it was meant."""

    text: str
    known: bool  # exactly, with its line breaks


_NARROW: Final = {Scope.TASK: 0, Scope.RUN: 1, Scope.PLAN: 2}


def rule_for(
    rules: Iterable[PermissionRule], task: TaskId, request: Request, now: float
) -> PermissionRule | None:
    """The rule that answers a request at `now`, or None: a person has to. O(rules)."""
    words = words_of(request)
    fitting = [rule for rule in rules if _fits(rule, task, request, words, now)]
    newest_first = reversed(fitting)
    order = sorted(newest_first, key=lambda r: (r.decision is Decision.ALLOW, _NARROW[r.scope]))
    return order[0] if order else None


def words_of(request: Request) -> Words:
    """The target of a request in full, as far as its payload has it."""
    target = request.target
    for value in _strings(request.payload):
        flat = " ".join(value.split())
        if flat == target or (target.endswith(CUT) and flat.startswith(target[:-1].rstrip())):
            return Words(value, known=True)
        if value.endswith(f"/{target}") and target:  # a path, shown from the agent's folder
            return Words(target, known=True)
    return Words(target, known=False)


def rejects(options: Iterable[Offered], option: str) -> bool:
    """Is this answer to a permission a no?"""
    kind = next((offered.kind for offered in options if offered.id == option), None)
    if kind is None:
        return option == DENY
    return kind in (OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS)


def choose(options: Iterable[Offered], decision: Decision) -> str:
    """The id of the option that means `decision` and as little beyond it as there is."""
    kinds = (
        (OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS)
        if decision is Decision.ALLOW
        else (OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS)
    )
    offered = list(options)
    for kind in kinds:
        found = next((option.id for option in offered if option.kind is kind), None)
        if found is not None:
            return found
    return ALLOW if decision is Decision.ALLOW else DENY


def _strings(payload: str) -> Iterator[str]:
    try:
        found = msgspec.json.decode(payload) if payload else None
    except UNREADABLE:
        return
    given = found.get("input") if isinstance(found, dict) else None
    if isinstance(given, dict):
        yield from (value for value in given.values() if isinstance(value, str))


def _fits(rule: PermissionRule, task: TaskId, request: Request, words: Words, now: float) -> bool:
    if rule.expires_at is not None and now >= rule.expires_at:
        return False
    if rule.task is not None and not fnmatch.fnmatchcase(task, rule.task):
        return False
    if not fnmatch.fnmatchcase(request.tool, rule.tool):
        return False
    if rule.target == ANY and not rule.exact:
        return True
    if rule.exact:
        return rule.target == words.text
    if rule.decision is Decision.DENY:
        flat = " ".join(words.text.split())
        texts = {request.target, words.text, flat}
        return any(fnmatch.fnmatchcase(text, rule.target) for text in texts)
    return _is_plain(words) and fnmatch.fnmatchcase(words.text, rule.target)


def _is_plain(words: Words) -> bool:
    """May a wildcard stretch over it?"""
    if _OPERATORS.search(words.text):
        return False
    return words.known or not (words.text.endswith(CUT) or len(words.text.split()) > 1)
