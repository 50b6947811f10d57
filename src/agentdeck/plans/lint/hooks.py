"""Rules about hooks: commands that cannot be run, and webhooks that cannot be signed."""

from __future__ import annotations

from collections.abc import Iterator

from agentdeck.core.plan import Plan
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject
from agentdeck.plans.problems import shown


def missing_program(subject: Subject) -> Iterator[Hit]:
    """A hook whose program is neither on this machine nor in the repository."""
    for hook in subject.plan.hooks:
        there = (subject.around.programs or {}).get(hook.run[0], True)
        if not there:
            where = "in the repository" if "/" in hook.run[0] else "on the PATH"
            yield Hit(
                ("hooks", hook.name),
                f"runs {shown(hook.run[0])}, which is not {where}",
                "install it, or correct the command",
            )


def missing_secret(subject: Subject) -> Iterator[Hit]:
    """A webhook whose secret is not in the environment: nothing is ever sent unsigned."""
    for hook in subject.plan.webhooks:
        if not (subject.around.variables or {}).get(hook.secret_env, True):
            yield Hit(
                ("webhooks", hook.name, "secret_env"),
                f"the variable {hook.secret_env} is not set here, so nothing would be sent",
                "set it where the run is started",
            )


def programs(plan: Plan) -> set[str]:
    """The programs of all hooks, for somebody who can look for them."""
    return {hook.run[0] for hook in plan.hooks}


__all__ = ["missing_program", "missing_secret", "programs"]
