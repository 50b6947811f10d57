"""Effects of events about the rules that answer for a person."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import events as e
from agentdeck.core.permissions import Scope
from agentdeck.core.state import RunState


def take(
    state: RunState, event: e.PermissionRuleSet | e.PermissionRuleDropped | e.PermissionsKept
) -> None:
    """The effect of `event`. What is of scope `plan` has to be written down."""
    match event:
        case e.PermissionRuleSet(rule):
            state.rules[rule.id] = rule
            state.rules_so_far += 1
            if rule.scope is Scope.PLAN:
                state.rule_changes += 1
        case e.PermissionRuleDropped(name):
            dropped = state.rules.pop(name)
            if dropped.scope is Scope.PLAN:
                state.rule_changes += 1
                state.dropped_rules.append(dropped)
        case e.PermissionsKept(change):
            state.rule_changes_kept = change
        case _ as never:
            assert_never(never)
