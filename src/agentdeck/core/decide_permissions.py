"""Rules for what agents ask to do: set beforehand, left behind by an answer, taken back."""

from __future__ import annotations

import re
from typing import Final

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent
from agentdeck.core.permissions import (
    CUT,
    MAX_EXACT,
    Decision,
    PermissionRule,
    Scope,
    words_of,
)
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.state import Question, RunState

MAX_RULES: Final = 500  # each is looked at for each request; a person sets about ten
_GLOB: Final = re.compile(r"[*?\[]")


def remembered(
    state: RunState, question: Question, command: c.Answer, decision: Decision
) -> PermissionRule:
    """The rule that an answer leaves behind. Raises Refused where none can be made of it."""
    assert command.remember is not None
    words = words_of(question)
    exact = command.target is None
    text = words.text if command.target is None else command.target
    if exact and (len(text) > MAX_EXACT or (text.endswith(CUT) and not words.known)):
        raise Refused(
            f"{command.task} asks about a target too long to remember",
            hint="answer it once, or remember a glob such as *",
        )
    return PermissionRule(
        _next_id(state),
        command.remember,
        decision,
        _literal(question.tool),
        text,
        exact,
        command.task if command.remember is Scope.TASK else None,
        command.until,
        command.by,
    )


def set_permission(state: RunState, command: c.SetPermission) -> list[AnyEvent]:
    """A rule that no question has led to."""
    if (command.scope is Scope.TASK) != (command.task is not None):
        raise Refused("a rule of scope task names a task, and no other rule does")
    if command.task is not None:
        task_of(state, command.task)
    if not command.tool.strip() or not command.target.strip():
        raise Refused("a rule names a tool and a target", hint="* means any")
    words = (command.decision, command.tool.strip(), command.target.strip())
    rule = PermissionRule(
        _next_id(state),
        command.scope,
        *words,
        task=command.task,
        expires_at=command.until,
        by=command.by,
    )
    same = next((other for other in state.rules.values() if other.key == rule.key), None)
    if same is not None and same.scope is rule.scope and same.expires_at == rule.expires_at:
        raise Refused(f"rule {same.id} says this already")
    return [e.PermissionRuleSet(rule)]


def drop_permission(state: RunState, command: c.DropPermission) -> list[AnyEvent]:
    """A rule is taken back."""
    if command.rule not in state.rules:
        known = ", ".join(state.rules) or "there is none"
        raise Refused(f"there is no rule {command.rule} ({known})")
    return [e.PermissionRuleDropped(command.rule, command.by)]


def _next_id(state: RunState) -> str:
    if len(state.rules) >= MAX_RULES:
        raise Refused(f"{MAX_RULES} rules are set already", hint="drop some, or use a glob")
    return f"r{state.rules_so_far + 1}"


def _literal(text: str) -> str:
    """A glob that fits this text alone."""
    return _GLOB.sub(r"[\g<0>]", text)
