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

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.core.adapter import Sandbox
from agentdeck.core.containment import Containment
from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.folders import SHORT_ROOT
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import LinkedTree
from agentdeck.engine.private_files import PRIVATE_DIR, make_private
from agentdeck.engine.sandbox import Room

OWN: Final = "own"  # below an attempt's folder: files that its agent writes beside its output
_BESIDE_OBJECTS: Final = ("lfs", "rr-cache")  # large files; how known conflicts were solved
_NOT_TO_TOUCH: Final = ("commondir", "gitdir", "config.worktree")  # where git would be led astray
_XDG: Final = {
    "~/.config/": "XDG_CONFIG_HOME",
    "~/.cache/": "XDG_CACHE_HOME",
    "~/.local/share/": "XDG_DATA_HOME",
    "~/.local/state/": "XDG_STATE_HOME",
}
_TEMPORARY: Final = ("TMPDIR", "TMP", "TEMP")


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
    own, temporary = folder / OWN, temporary_of(folder)
    own.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    for each in (temporary.parent, temporary):  # others may have made one of that name before us
        make_private(each, linked=False, hint="look who made it, and remove it")
    log = folder / "raw.log"
    log.touch(mode=0o600)
    common = tree.git.common
    beside = [common / name for name in _BESIDE_OBJECTS if (common / name).is_dir()]
    mine = [tree.path, tree.git_dir, common / "objects", *beside, own, log, temporary]
    return Room(
        cwd=str(tree.path),
        writable=tuple(_real(path) for path in (*mine, *([Path(home)] if home else ()))),
        granted=tuple(_granted(box, tree.git.checkout)),
        kept=(
            str(tree.path / ".git"),
            *(str(tree.git_dir / name) for name in _NOT_TO_TOUCH),
        ),
        hidden=(_real(runs), _real(temporary.parent)),
        shown=(_real(folder), _real(common), *(() if tools is None else (_real(tools),))),
    )


def temporary_variables(folder: Path) -> dict[str, str]:
    """What leads programs to the temporary folder of the attempt of `folder`."""
    return dict.fromkeys(_TEMPORARY, str(temporary_of(folder)))


def temporary_of(folder: Path) -> Path:
    """Its temporary folder. The path is short: sockets in it may have 108 bytes."""
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return SHORT_ROOT / f"agentdeck-{os.getuid()}" / f"t-{digest}"


def forget_temporary(folder: Path) -> None:
    """Remove its temporary folder; nothing of it lives any more."""
    shutil.rmtree(temporary_of(folder), ignore_errors=True)


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


def _granted(box: Containment, checkout: Path) -> Iterator[str]:
    for name in box.writable:
        path = checkout / _at_home(name)
        if name.endswith("/"):
            with suppress(OSError):  # then it is not writable inside, and the agent says so
                path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        if path.exists():
            yield _real(path)


def _at_home(name: str) -> Path:
    """A path with its `~`; the XDG folders stand where the environment says."""
    for usual, variable in _XDG.items():
        if name.startswith(usual) and os.environ.get(variable):
            return Path(os.environ[variable], name.removeprefix(usual))
    return Path(name).expanduser()


def _has_settings_of_worktrees(git: Git) -> bool:
    asked = ("config", "--type=bool", "--get", "extensions.worktreeConfig")
    return git.run(*asked, check=False).text == "true"


def _real(path: Path) -> str:
    return os.path.realpath(path)
