"""Named places at which an engine can be made to end as by a power cut, for tests of recovery.

Rules:
- The names are a closed set, `NAMES`: boundaries that every step, fact and git command has, told by
  its kind, and a few places inside work of several steps. A test kills an engine at each of them.
- `AGENTDECK_FAILPOINTS` arms them: names with commas between, each ended by `@3` where its third
  passage is meant. The first one that is reached kills the process, with SIGKILL: no `finally`
  runs, and what was started lives on. It says its name on standard error before.
- Who is not armed pays for the look at an empty table. No child inherits the variable.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from enum import StrEnum
from typing import Final, get_args

from agentdeck.core import events as e
from agentdeck.core.errors import UsageError
from agentdeck.core.events import AnyEvent
from agentdeck.core.steps import IOStep, Step
from agentdeck.engine.failpoint_places import Place, armed, pass_by, reached

VARIABLE: Final = "AGENTDECK_FAILPOINTS"


class GitMoment(StrEnum):
    """Moments of one git command."""

    RUNNING = "running"  # it was started, and will outlive us
    ENDED = "ended"  # it has done its work, and nobody knows what came of it


# What performers do in the world, told as facts (`Engine.record`).
FACTS: Final[tuple[type[AnyEvent], ...]] = (
    e.WorktreePrepared,
    e.AttemptLaunched,
    e.AttemptFrozen,
    e.AttemptThawed,
    e.MessageDelivered,
    e.InputClosed,
    e.AttemptExited,
    e.AttemptCollected,
    e.WorktreeReleased,
    e.ReviewFinished,
    e.GateFinished,
    e.EntryBuilt,
    e.EntryConflicted,
    e.EntryLanded,
    e.TaskReverted,
    e.BaseDiverged,
    e.Promoted,
    e.TargetPushed,
    e.PullRequestOpened,
    e.PermissionsKept,
    e.HookDelivered,
    e.HookFailed,
)
# Git commands that change something.
GIT_VERBS: Final = (
    "worktree",
    "checkout",
    "clean",
    "update-index",
    "commit",
    "symbolic-ref",
    "merge-tree",
    "commit-tree",
    "update-ref",
    "merge",
    "push",
)


def _step_name(step: type[Step]) -> str:
    return f"begun:{step.__struct_config__.tag}"


def _fact_name(fact: type[AnyEvent]) -> str:
    return f"known:{fact.__struct_config__.tag}"


def _git_name(verb: str, moment: GitMoment) -> str:
    return f"git:{verb}:{moment}"


NAMES: Final = (
    *(place.value for place in Place),
    *(_step_name(step) for step in get_args(IOStep)),
    *(_fact_name(fact) for fact in FACTS),
    *(_git_name(verb, moment) for verb in GIT_VERBS for moment in GitMoment),
)


def arm(environ: MutableMapping[str, str]) -> None:
    """Arm what `AGENTDECK_FAILPOINTS` names, and take the variable away.

    Raises:
        UsageError: it names a place that there is not, or not a passage.
    """
    armed.clear()
    for word in filter(None, environ.pop(VARIABLE, "").split(",")):
        name, _, passage = word.partition("@")
        if name not in NAMES:
            raise UsageError(
                f"{VARIABLE} names {name!r}, which is no failpoint",
                hint="NAMES in agentdeck.engine.failpoints has them all",
            )
        if passage and not (passage.isascii() and passage.isdigit() and int(passage) > 0):
            raise UsageError(
                f"{VARIABLE} has {word!r}", hint="a passage is counted from 1, such as @3"
            )
        armed[name] = int(passage or 1)


def begun(step: Step) -> None:
    """A performer has a step before it."""
    if armed:
        pass_by(_step_name(type(step)))


def known(facts: Sequence[AnyEvent]) -> None:
    """A performer has done what these facts tell, and the journal does not know it."""
    if armed:
        for fact in facts:
            pass_by(_fact_name(type(fact)))


def git(args: Sequence[str], moment: GitMoment) -> None:
    """A git command with these arguments was started, or has ended."""
    if armed:
        pass_by(_git_name(_verb(args), moment))


def _verb(args: Sequence[str]) -> str:
    """`merge` of `--git-dir=x -c a=b merge --ff-only`."""
    at = 0
    while at < len(args) and args[at].startswith("-"):
        at += 2 if args[at] == "-c" else 1
    return args[at] if at < len(args) else ""


__all__ = ["FACTS", "GIT_VERBS", "NAMES", "VARIABLE", "GitMoment", "Place", "arm", "reached"]
