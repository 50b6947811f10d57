"""What stands beside the id of a task: its title, and in a plan of several repositories its own."""

from __future__ import annotations

from agentdeck.core.ids import RepoName
from agentdeck.core.plan import Plan, Task
from agentdeck.core.titles import beside_id
from agentdeck.tui.presentation.line import EMPTY, Line, Span, fit, plain


def title_of(task: Task) -> str:
    """Its title as one harmless line, without the id in front; empty where that is all of it."""
    return beside_id(task.id, plain(task.title))


def repo_tag(plan: Plan, repo: RepoName) -> Line:
    """`web `, as wide for each repository; nothing where the plan has but one."""
    if not plan.repos:
        return EMPTY
    return (Span(fit(repo, max(map(len, plan.lanes))), "accent"), Span(" "))
