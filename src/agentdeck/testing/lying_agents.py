"""What becomes of agents that hang or lie, as a table for people; part of `docs/failures.md`.

Rules: each row names the agents in `tests/engine/test_liars.py` that show it, and a test there
compares the two.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from agentdeck.core.events import FailureClass
from agentdeck.engine.processes import MAX_LOG_BYTES
from agentdeck.engine.watching import MIB


class Lie(NamedTuple):
    """One way to go wrong."""

    does: str
    cause: FailureClass | None  # of the failure; None = the work lands
    then: str
    shown_by: tuple[str, ...]


LIES: Final = (
    Lie(
        "is silent, and uses no CPU",
        FailureClass.IDLE,
        "ended after `idle_timeout`, with all it started",
        ("silent", "printing-one-line", "daemon-and-hanging"),
    ),
    Lie("is busy for ever", FailureClass.TIMEOUT, "ended after `timeout`", ("spinning",)),
    Lie("ignores SIGINT and SIGTERM", FailureClass.IDLE, "SIGKILL, 10 s later", ("deaf",)),
    Lie(
        f"prints more than {MAX_LOG_BYTES // MIB} MiB",
        FailureClass.OUTPUT,
        "ended by its launcher, also while no engine runs",
        ("printing-gigabytes",),
    ),
    Lie(
        "leaves a daemon behind: new session, two forks, no environment",
        None,
        "the daemon is ended with its agent",
        ("leaving-a-daemon",),
    ),
    Lie(
        "kills its launcher",
        FailureClass.LOST,
        "what it started is found by group, session and environment alone",
        ("killing-its-launcher",),
    ),
    Lie("stops its launcher", FailureClass.IDLE, "it is woken", ("stopping-its-launcher",)),
    Lie("ends well and has done nothing", FailureClass.NO_WORK, "", ("doing-nothing",)),
    Lie("says that the tests pass", FailureClass.GATE, "the gate is red", ("green-by-its-word",)),
    Lie(
        "commits to another branch, or detached",
        None,
        "the commits are taken over; the other branch stays",
        ("on-another-branch", "detached"),
    ),
    Lie(
        "rewrites the base, or starts a history of its own",
        FailureClass.GIT,
        "nothing is taken, nothing is lost",
        ("amending-the-base", "with-a-history-of-its-own", "on-a-branch-of-no-commit"),
    ),
    Lie(
        "drops commits of its own",
        None,
        "they stay on a ref below `refs/agentdeck/keep`",
        ("dropping-its-commits",),
    ),
    Lie(
        "deletes `.git`, its folder, its entry, or breaks its index",
        FailureClass.GIT,
        "the next attempt has another worktree",
        (
            "without-its-git-file",
            "with-a-repository-instead",
            "without-its-folder",
            "without-its-entry",
            "unregistered",
            "with-a-broken-index",
        ),
    ),
    Lie(
        "leaves a merge or lock files", FailureClass.GIT, "locks alone do no harm", ("in-a-merge",)
    ),
    Lie(
        "commits a link to a repository inside its work",
        FailureClass.GIT,
        "one that is not committed is left out",
        ("link-to-a-repository",),
    ),
    Lie(
        "leaves pipes, sockets, links that lead out, odd names, huge files",
        None,
        "pipes and sockets are left out; a link is taken as a link",
        (
            "pipes-and-sockets",
            "pipe-that-git-reads",
            "links-that-lead-out",
            "control-characters",
            "no-utf-8",
            "huge",
        ),
    ),
)

_HEAD: Final = """
## Agents that hang or lie

| an agent that | ends as | |
| --- | --- | --- |
"""
_TAIL: Final = """
Work in git's stash is no work: the attempt fails as `git` and says so. `git gc --prune=now` takes
nothing that is committed, staged or in the list of past heads of a worktree; a commit that waits to
land and is on no ref yet is built again. What was amended away is held by that list until the
attempt is over, so `git reflog expire --all` in any worktree lets go of it.

Programs that an agent names in the configuration of the repository (filters, merge drivers, hooks,
fsmonitor, signing) are not run by git of the engine; `engine.log` names the settings. Git of other
agents, and your own, runs them. A push uses the remotes as the configuration has them by then.

On Linux no process escapes while its launcher lives, whatever group, session, parents or
environment it leaves behind: the launcher is the subreaper of its tree. An agent that kills its
launcher can hide a process that has left all four. On other systems such a process is found as long
as its parents live. cgroups are not used.

An edit in your checkout or in the worktree of another is told where the stream of the agent says
it. Of files that were written by a command nobody knows who wrote them; in the worktree of another
they are taken for its work. Only a sandbox keeps them from being written.
"""


def as_section() -> str:
    """The section, Markdown with one table."""
    rows = (f"| {lie.does} | {_ends(lie)} | {lie.then} |\n" for lie in LIES)
    return _HEAD + "".join(rows) + _TAIL


def _ends(lie: Lie) -> str:
    return "landed" if lie.cause is None else f"`{lie.cause}`"
