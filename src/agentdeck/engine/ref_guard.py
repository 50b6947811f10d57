"""The guard of refs: hooks that keep an agent from moving refs that are not its own.

Rules:
- The hooks are for what an agent starts, by `core.hooksPath` in its environment. The repository
  and its settings stay as they are, and its own hooks run as before (`guard_hook.sh`).
- It stops mistakes, not malice: who takes the setting out of the environment is not stopped. So
  what has moved is looked at afterwards, too (`moved_refs`); a sandbox does stop it.
- What was refused stands in a file beside the hooks. An agent may write there; it can only accuse
  itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import LinkedTree
from agentdeck.engine.private_files import make_private, write_private

HOOK: Final = Path(__file__).with_name("guard_hook.sh")
FOLDER: Final = "hooks"  # below the attempt's
MAX_NOTED: Final = 64 * 1024  # bytes of refusals that are read; a loop may write more
_EXECUTABLE: Final = 0o700
# Those that git runs where an agent may be at work. What changes how git goes on merely by being
# there (push-to-checkout, proc-receive), or runs at every look at the index, is not among them.
_HOOKS: Final = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit"),
    *("prepare-commit-msg", "commit-msg", "post-commit", "pre-rebase", "post-checkout"),
    *("post-merge", "post-rewrite", "pre-push", "pre-auto-gc", "pre-receive", "update"),
    *("post-receive", "post-update", "sendemail-validate", "reference-transaction"),
)


def raise_guard(tree: LinkedTree, folder: Path, branch: str, before: Path | None) -> Path:
    """Make the hooks for an attempt; the folder for `core.hooksPath`. Twice does no harm.

    Args:
        tree: its worktree.
        folder: of the attempt.
        branch: that it works on, short name; "" = none is its own.
        before: the folder of the attempt before: what that has made is the agent's own, too.
    """
    hooks = folder / FOLDER
    make_private(hooks)
    own = f"refs/heads/{branch}" if branch else ""
    ours, general = _hooks_of(tree.git)
    entry, top = os.path.realpath(tree.git_dir), os.path.realpath(tree.path)
    lines = (os.fspath(tree.git.common), entry, own, top, ours, general)
    write_private(hooks / "own", b"".join(os.fsencode(line) + b"\n" for line in lines))
    if before is not None and not (hooks / "made").exists():
        write_private(hooks / "made", _read(before / FOLDER / "made"))
    script = hooks / "reference-transaction"
    script.write_bytes(HOOK.read_bytes())
    script.chmod(_EXECUTABLE)
    for name in _HOOKS:
        if not (hooks / name).exists():
            (hooks / name).symlink_to(script.name)
    return hooks


def refused(folder: Path) -> tuple[str, ...]:
    """The refs that the attempt of `folder` was kept from moving, each once."""
    lines = _read(folder / FOLDER / "refused").decode(errors="replace").split("\n")[:-1]
    return tuple(dict.fromkeys(lines))


def _hooks_of(git: Git) -> tuple[str, str]:
    """Where the repository has its hooks; and what is set for all repositories, if it is."""
    asked = ("config", "--show-scope", "--type=path", "--get-all", "core.hooksPath")
    rows = (row.partition("\t") for row in git.run(*asked, check=False).text.splitlines())
    found = [(scope, path) for scope, _, path in rows if scope != "command"]  # that is us
    general = next((path for scope, path in found if scope in ("global", "system")), "")
    return found[-1][1] if found else os.fspath(git.common / "hooks"), general


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as found:
            return found.read(MAX_NOTED)
    except OSError:
        return b""
