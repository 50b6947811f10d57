"""Rules about hooks: commands that cannot be run, those that cannot tell anybody, and trackers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentdeck.core.issues import PROGRAMS
from agentdeck.core.plan import TRACKER, Plan
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import shown

MESSENGER: Final = "apprise"  # the package that sends messages to persons


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
    for person in subject.plan.notify:
        if not (subject.around.packages or {}).get(MESSENGER, True):
            yield Hit(
                ("notify", person.name),
                f"is told by {MESSENGER}, which is not installed here, so nothing would be sent",
                'pip install "agentdeck[notify]"',
            )
    tracker = subject.plan.tracker
    if tracker is not None and not (subject.around.programs or {}).get(
        PROGRAMS[tracker.kind], True
    ):
        yield Hit(
            (TRACKER, "kind"),
            f"is written with {shown(PROGRAMS[tracker.kind])}, which is not on the PATH",
            "install it and log in, or take the table out",
        )


def missing_secret(subject: Subject) -> Iterator[Hit]:
    """A hook whose variable is not in the environment: nothing is sent unsigned, or to nowhere."""
    plan = subject.plan
    needs: list[tuple[Path, str]] = [
        *((("webhooks", each.name, "secret_env"), each.secret_env) for each in plan.webhooks),
        *((("notify", each.name, "urls_env"), each.urls_env) for each in plan.notify),
    ]
    for path, variable in needs:
        if not (subject.around.variables or {}).get(variable, True):
            yield Hit(
                path,
                f"the variable {variable} is not set here, so nothing would be sent",
                "set it where the run is started",
            )
    tracker = subject.plan.tracker
    name = tracker.secret_env if tracker is not None else None
    if name is not None and not (subject.around.variables or {}).get(name, True):
        yield Hit(
            (TRACKER, "secret_env"),
            f"the variable {name} is not set here, so nothing that comes in could be proven",
            "set it where `agentdeck tracker receive` runs",
        )


def no_issue(subject: Subject) -> Iterator[Hit]:
    """A tracker beside tasks of which none has an issue: nothing is ever written."""
    plan = subject.plan
    if plan.tracker is not None and all(task.issue is None for task in plan.tasks):
        yield Hit(
            (TRACKER,),
            "no task has an issue, so nothing is written there",
            "add `issue = NUMBER` to tasks, or make the plan with `agentdeck import --issues`",
        )


def unknown_zone(subject: Subject) -> Iterator[Hit]:
    """A zone of quiet hours that this machine has never heard of: it would never be quiet."""
    for person in subject.plan.notify:
        if person.zone and not (subject.around.zones or {}).get(person.zone, True):
            yield Hit(
                ("notify", person.name, "zone"),
                f"{shown(person.zone)} is no time zone that is known here: it would never be quiet",
                'as "Europe/Berlin"; where zones are missing, `pip install tzdata`',
            )


def programs(plan: Plan) -> set[str]:
    """The programs of all hooks, for somebody who can look for them."""
    own = {hook.run[0] for hook in plan.hooks}
    return own | ({PROGRAMS[plan.tracker.kind]} if plan.tracker is not None else set())


__all__ = ["MESSENGER", "missing_program", "missing_secret", "no_issue", "programs", "unknown_zone"]
