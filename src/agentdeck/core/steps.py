"""Steps: what should be going on. `next_steps` names them, performers do them.

Rules: a step is a frozen value; two steps are the same step when they are equal, so the engine can
compare what should be going on with what is. A performer looks at reality first: doing a step that
was done before finds it done. `key` is what trouble with a step is remembered under.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.events import AnyEvent, TargetMove
from agentdeck.core.ids import EntryId, GateName, RepoName, TaskId
from agentdeck.core.plan import OWN_REPO, GateWhen


class Step(msgspec.Struct, frozen=True, tag_field="step"):
    """Base of all steps."""

    @property
    def key(self) -> str:
        """Short text that names the step, stable over restarts."""
        values = (getattr(self, name) for name in self.__struct_fields__)
        parts = [str(value) for value in values if value is not None]
        return ":".join([str(self.__struct_config__.tag), *parts])


class Record(Step, frozen=True, tag="record"):
    """A pure decision: append these events. No performer is needed."""

    events: tuple[AnyEvent, ...]


class Prepare(Step, frozen=True, tag="prepare"):
    """Make the worktree of an attempt → `WorktreePrepared`."""

    task: TaskId
    attempt: int


class Launch(Step, frozen=True, tag="launch"):
    """Start the agent → `AttemptLaunched`."""

    task: TaskId
    attempt: int


class Watch(Step, frozen=True, tag="watch"):
    """Follow a live attempt: stream, watchdogs, exit → …, `AttemptExited`."""

    task: TaskId
    attempt: int


class Freeze(Step, frozen=True, tag="freeze"):
    """Stop the process tree where it stands → `AttemptFrozen`."""

    task: TaskId
    attempt: int


class Thaw(Step, frozen=True, tag="thaw"):
    """Let the process tree go on → `AttemptThawed`."""

    task: TaskId
    attempt: int


class StopAttempt(Step, frozen=True, tag="stop"):
    """End the process tree: interrupt, terminate, kill. `Watch` reports the exit."""

    task: TaskId
    attempt: int


class Deliver(Step, frozen=True, tag="deliver"):
    """Write a message, or the prompt, to the agent's input → `MessageDelivered`."""

    task: TaskId
    attempt: int
    message: str


class CloseInput(Step, frozen=True, tag="close_input"):
    """Tell an agent that waits for more that nothing comes → `InputClosed`."""

    task: TaskId
    attempt: int


class Collect(Step, frozen=True, tag="collect"):
    """Take the work of an ended attempt → `AttemptCollected`."""

    task: TaskId
    attempt: int


class Release(Step, frozen=True, tag="release"):
    """Free the worktree of a task that needs it no more → `WorktreeReleased`."""

    task: TaskId
    attempt: int


class RunGate(Step, frozen=True, tag="gate"):
    """Run a gate on an exact commit → `GateFinished`."""

    gate: GateName
    when: GateWhen
    tree: str
    commit: str
    run: int
    task: TaskId | None = None  # with `when` = task: in the worktree of this attempt
    attempt: int | None = None
    repo: RepoName = OWN_REPO  # that has the commit

    @property
    def key(self) -> str:
        """A verdict is one on a tree: which commit has it does not matter."""
        parts = (self.gate, self.when, self.tree, self.run, self.task, self.attempt)
        return ":".join(["gate", *(str(part) for part in parts if part is not None)])

    def __eq__(self, other: object) -> bool:
        """A gate goes on when what is built anew has the same tree."""
        return isinstance(other, RunGate) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class RunReview(Step, frozen=True, tag="review"):
    """Have an agent look at the work of an attempt → `ReviewFinished`."""

    task: TaskId
    attempt: int
    run: int


class EndReview(Step, frozen=True, tag="end_review"):
    """End a review whose verdict nobody wants any more → `ReviewFinished`."""

    task: TaskId
    attempt: int
    run: int


class BuildEntry(Step, frozen=True, tag="build"):
    """Make the commit that would land → `EntryBuilt`; `EntryConflicted` for who does not merge."""

    entry: EntryId  # the first of the batch
    tip: str  # what it is built on
    others: tuple[EntryId, ...] = ()

    @property
    def key(self) -> str:
        """As for one entry, whatever goes with it."""
        return f"build:{self.entry}:{self.tip}"


class LandEntry(Step, frozen=True, tag="land"):
    """Move the target by compare-and-swap → `EntryLanded`, `LandingLost` or `LandingBlocked`."""

    entry: EntryId
    commit: str
    expected: str


class LandGroup(Step, frozen=True, tag="land_group"):
    """Move several targets, all or none → `EntryLanded`, `LandingLost` or `LandingBlocked`."""

    moves: tuple[TargetMove, ...]

    @property
    def key(self) -> str:
        """One landing of these commits."""
        return ":".join(["land_group", *(f"{one.entry}:{one.commit}" for one in self.moves)])


class KeepPermissions(Step, frozen=True, tag="keep_permissions"):
    """Write down the rules that outlive the run → `PermissionsKept`."""

    change: int


class PromoteTarget(Step, frozen=True, tag="promote"):
    """Bring the target into the base → `Promoted`, `BaseDiverged`; `PromoteWaiting` on the way."""

    commit: str
    repo: RepoName = OWN_REPO

    @property
    def key(self) -> str:
        """Each repository has a promotion of its own."""
        return f"promote:{self.commit}" + (f":{self.repo}" if self.repo else "")


class PushTarget(Step, frozen=True, tag="push"):
    """Bring the target to the remote of the plan → `TargetPushed`."""

    commit: str

    @property
    def key(self) -> str:
        """A remote that cannot be reached is one trouble, however much lands meanwhile."""
        return "push"


class OpenPullRequest(Step, frozen=True, tag="pull_request"):
    """From the target to the base → `PullRequestOpened`."""


class TellHook(Step, frozen=True, tag="hook"):
    """Tell a hook the next event that it wants → `HookDelivered` or `HookFailed`."""

    hook: str
    after: int  # what it was told up to this event is settled
    number: int  # which try, from 1

    @property
    def key(self) -> str:
        """A hook is told one event at a time."""
        return f"hook:{self.hook}"


IOStep = (
    Prepare
    | Launch
    | Watch
    | Freeze
    | Thaw
    | StopAttempt
    | Deliver
    | CloseInput
    | Collect
    | Release
    | RunGate
    | RunReview
    | EndReview
    | BuildEntry
    | LandEntry
    | LandGroup
    | KeepPermissions
    | PromoteTarget
    | PushTarget
    | OpenPullRequest
    | TellHook
)
AnyStep = Record | IOStep


class Steps(msgspec.Struct, frozen=True):
    """What should be under way, and when to ask again if nothing happens until then."""

    steps: tuple[AnyStep, ...]
    wake_at: float | None
