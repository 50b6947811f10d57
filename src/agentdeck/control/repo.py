"""Facts of the repository that a face shows: diffs and branches, read-only.

Rules:
- GitPython is imported where it is used: it is slow to import, and most faces never need it.
- Nothing here locks, writes, or runs a program that the repository's configuration names.
- A diff is cut at `MAX_DIFF` bytes and says so.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentdeck.core.errors import EnvironmentFault, NotFoundError
from agentdeck.core.events import FileTouched
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import of_task as lane_of
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt, RunState, TaskRun
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import linked

if TYPE_CHECKING:
    from git import Repo

MAX_DIFF: Final = 4 * 1024 * 1024  # bytes; more than anybody reads, less than a screen minds
MAX_UNTRACKED: Final = 1_000  # names
CHUNK: Final = 64 * 1024  # bytes
_CALM: Final = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.quotePath=false",
    "-c",
    "core.safecrlf=false",
)
# What a person has configured of these would change what a diff looks like to a reader.
_PLAIN: Final = ("--no-ext-diff", "--no-textconv", "--no-color")
_AS_READ: Final = (
    *("--find-renames", "-l1000"),  # files that may have been renamed; git compares all with all
    *("--src-prefix=a/", "--dst-prefix=b/", "--submodule=short"),
)


_NOT_INSIDE: Final = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "diff.ignoreSubmodules",
    "GIT_CONFIG_VALUE_0": "dirty",
}


def diff_of(state: RunState, task: TaskId, attempt: int | None = None) -> str:
    """What an attempt changed, as a unified diff.

    Collected work is compared as it was pinned; live work as it is in the worktree, with the names
    of untracked files.

    Args:
        attempt: counts from 1; None = the latest.

    Raises:
        NotFoundError: no such task or attempt, or it has no worktree yet.
        EnvironmentFault: the repository or the worktree is gone.
    """
    found = attempt_of(state, task, attempt)
    with _opened(lane_of(state, task), found) as place:
        text = _bounded(place, "diff", *_PLAIN, *_AS_READ, *_span(found), "--")
        return text + "".join(_as_new_file(name) for name in _untracked(place, found))


def diffstat(state: RunState, task: TaskId, attempt: int | None = None) -> tuple[FileTouched, ...]:
    """The paths that an attempt touched; untracked files of live work count as unknown lines (-1).

    Raises:
        NotFoundError, EnvironmentFault: as `diff_of`.
    """
    found = attempt_of(state, task, attempt)
    if found.collected is not None:
        return found.collected.files
    with _opened(lane_of(state, task), found) as place:
        rows = _bounded(
            place, "diff", "--numstat", "-z", "--no-renames", *_PLAIN, *_span(found), "--"
        ).split("\0")
        touched = [_numbers(row) for row in rows if row.count("\t") >= 2]
        touched += [FileTouched(name, -1, -1) for name in _untracked(place, found)]
    return tuple(touched)


def task_of(state: RunState, task: TaskId) -> TaskRun:
    """A task by its id. Raises NotFoundError, with the nearest id."""
    found = state.tasks.get(task)
    if found is None:
        near = get_close_matches(task, state.tasks, n=1)
        hint = f"did you mean {near[0]}?" if near else "`agentdeck status` lists them"
        raise NotFoundError(f"there is no task {task!r} in run {state.run}", hint=hint)
    return found


def attempt_of(state: RunState, task: TaskId, number: int | None) -> Attempt:
    """An attempt by its number, or the latest one. Raises NotFoundError."""
    run = task_of(state, task)
    found = (
        run.attempt
        if number is None
        else next((attempt for attempt in run.attempts if attempt.number == number), None)
    )
    if found is None:
        which = "no attempt" if number is None else f"no attempt {number}"
        raise NotFoundError(
            f"{task} has {which} yet ({len(run.attempts)} so far)", hint=f"it is {run.state}"
        )
    return found


def branch_now(start: Path) -> str | None:
    """The branch that the checkout around `start` is on; None = detached, or no repository."""
    from git import Repo
    from git.exc import GitError

    try:
        with Repo(start, search_parent_directories=True) as repo:
            return None if repo.head.is_detached else repo.active_branch.name
    except (GitError, OSError, ValueError):
        return None


def _span(attempt: Attempt) -> tuple[str, ...]:
    assert attempt.base is not None
    base = attempt.own_base or attempt.base
    return (base, attempt.collected.head) if attempt.collected else (base,)


def _opened(state: RunState, attempt: Attempt) -> Repo:
    """The repository for collected work, else the attempt's worktree.

    What a sandboxed agent has in its worktree has no say in where its repository is, and git does
    not look into repositories inside of it.
    """
    if attempt.base is None or attempt.path is None:
        raise NotFoundError("the attempt has no worktree yet", hint="wait until it works")
    from git import Repo
    from git.exc import GitError

    place = state.repo if attempt.collected is not None else attempt.path
    try:
        repo = Repo(place)
        if attempt.collected is None and attempt.sandbox is not Sandbox.NONE:
            tree = linked(Git.discover(Path(state.checkout)), Path(place))
            repo.git.update_environment(
                GIT_DIR=str(tree.git_dir),
                GIT_WORK_TREE=str(tree.path),
                GIT_COMMON_DIR=str(tree.git.common),
                **_NOT_INSIDE,
            )
        return repo
    except (GitError, OSError) as error:
        raise EnvironmentFault(
            f"{place} is no repository any more: {type(error).__name__}",
            hint="was it moved or deleted?",
        ) from error


def _bounded(repo: Repo, *args: str) -> str:
    """The output of one git command, at most `MAX_DIFF` bytes of it."""
    environment = {"GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat", "LC_ALL": "C"}
    process = repo.git.execute(["git", *_CALM, *args], as_process=True, env=environment)
    running = process.proc
    assert running is not None
    assert running.stdout is not None
    data = bytearray()
    while len(data) <= MAX_DIFF and (chunk := running.stdout.read(CHUNK)):
        data += chunk
    if len(data) > MAX_DIFF:
        running.terminate()
        running.communicate()
        cut = data[:MAX_DIFF].rpartition(b"\n")[0]
        mebibytes = MAX_DIFF // 1024 // 1024
        return cut.decode(errors="replace") + f"\n... cut after {mebibytes} MiB\n"
    _, said = running.communicate()
    if running.returncode != 0:
        fault = said.decode(errors="replace").strip().splitlines()
        raise EnvironmentFault(f"git {args[0]} failed: {fault[-1] if fault else 'no reason given'}")
    return data.decode(errors="replace")


def _untracked(repo: Repo, attempt: Attempt) -> list[str]:
    if attempt.collected is not None:
        return []
    names = _bounded(repo, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return [name for name in names if name][:MAX_UNTRACKED]


def _as_new_file(name: str) -> str:
    return f"diff --git {_quoted(f'a/{name}')} {_quoted(f'b/{name}')}\nnew file, untracked\n"


def _quoted(name: str) -> str:
    """A name as git writes it in a diff: one with a line's end in it cannot begin a line."""
    if not any(char < " " or char in '"\\\x7f' for char in name):
        return name
    return '"' + "".join(map(_escaped, name)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return f"\\{ord(char):03o}" if char < " " or char == "\x7f" else char


def _numbers(row: str) -> FileTouched:
    added, removed, path = row.split("\t", 2)
    return FileTouched(path, *(-1 if count == "-" else int(count) for count in (added, removed)))
