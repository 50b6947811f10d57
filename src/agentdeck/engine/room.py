"""What one attempt may write in a sandbox, and how its worktree is made ready for that.

Rules:
- Writable: the worktree, its own entry in the repository (`worktrees/<name>`: HEAD, index, log),
  the store of objects, folders that git keeps beside it for large files and known conflicts, a
  temporary folder, a folder for files of the agent, its log, and what adapter and plan name.
- No shared ref is writable, not even its own branch: files of refs are made anew beside the old
  ones, and who may do that to one may do it to all in that folder. So HEAD is off the branch, and
  agentdeck brings the commits over when it takes the work (`collect`).
- The folders of all runs are hidden where the sandbox can do that: journals, control sockets, other
  worktrees. What the engine believes of an attempt (`pid`, `exit`) is never writable.
- Settings that git would take from the entry are only read, or the sandbox is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agentdeck.core.containment import Containment
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import LinkedTree
from agentdeck.engine.room_folders import OWN, granted, make_folders, real
from agentdeck.engine.sandbox import Room

_BESIDE_OBJECTS: Final = ("lfs", "rr-cache")  # large files; how known conflicts were solved
_NOT_TO_TOUCH: Final = ("commondir", "gitdir", "config.worktree")  # where git would be led astray


def own_folder(folder: Path, sandbox: Sandbox) -> Path:
    """Where an agent has its files beside its output: in a sandbox not where ours are."""
    return folder if sandbox is Sandbox.NONE else folder / OWN


def furnished(
    tree: LinkedTree,
    folder: Path,
    runs: Path,
    box: Containment,
    home: str | None,
    tools: Path | None = None,
) -> Room:
    """Make what a sandboxed agent may write, and say what that is. Doing it twice does no harm.

    Args:
        tree: its worktree.
        folder: of the attempt.
        runs: the folder with the folders of all runs.
        box: what holds for its agent.
        home: the agent's own state folder, if it has one.
        tools: the folder of the socket for its calls of tools, if it has any.

    Raises:
        EnvironmentFault: it cannot be made, or the sandbox cannot keep git's settings safe.
    """
    if box.sandbox is Sandbox.LANDLOCK and _has_settings_of_worktrees(tree.git):
        raise EnvironmentFault(
            "this repository has settings for each worktree (extensions.worktreeConfig), and"
            " Landlock cannot keep an agent from changing its own",
            hint='use sandbox = "bwrap"',
        )
    tree.distrust()
    own, log, temporary = make_folders(folder)
    common = tree.git.common
    beside = [common / name for name in _BESIDE_OBJECTS if (common / name).is_dir()]
    mine = [tree.path, tree.git_dir, common / "objects", *beside, own, log, temporary]
    return Room(
        cwd=str(tree.path),
        writable=tuple(real(path) for path in (*mine, *([Path(home)] if home else ()))),
        granted=tuple(granted(box.writable, tree.git.checkout)),
        kept=(
            str(tree.path / ".git"),
            *(str(tree.git_dir / name) for name in _NOT_TO_TOUCH),
        ),
        hidden=(real(runs), real(temporary.parent)),
        shown=(real(folder), real(common), *(() if tools is None else (real(tools),))),
    )


def leave_branch(tree: LinkedTree) -> None:
    """Take HEAD off its branch. Files and index stay as they are."""
    with tree.hold():
        tree.drop_stale_locks()  # of a git that was killed at this
        if tree.run("symbolic-ref", "--quiet", "HEAD", check=False).code == 0:
            head = tree.run("rev-parse", "HEAD").text
            tree.run("update-ref", "--no-deref", "-m", "agentdeck: sandboxed", "HEAD", head)


def rejoin_branch(tree: LinkedTree, branch: str) -> None:
    """Put HEAD back on its branch, with all that was committed off it: a person takes over.

    Raises:
        EnvironmentFault: the branch is not where it was left; HEAD is as before.
    """
    with tree.hold():
        tree.drop_stale_locks(branch)
        if tree.run("symbolic-ref", "--quiet", "HEAD", check=False).code == 0:
            return
        ref, head = f"refs/heads/{branch}", tree.run("rev-parse", "HEAD").text
        tip = tree.git.ref_tip(ref)
        if tip != head:
            tree.git.update_ref(ref, head, tip, message="agentdeck: out of the sandbox")
        tree.run("symbolic-ref", "HEAD", ref)


def _has_settings_of_worktrees(git: Git) -> bool:
    asked = ("config", "--type=bool", "--get", "extensions.worktreeConfig")
    return git.run(*asked, check=False).text == "true"
