"""Taking in what others have landed: what the scripted agent does when its work is sent back.

Rules: it merges the commit that its prompt names. Where both sides meet it keeps both, or the one
that its script prefers, or leaves the conflict alone.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH123

from __future__ import annotations

from agentdeck.testing.scripted.calls import SHELL, Call
from agentdeck.testing.scripted.endings import SCRIPT, Trouble
from agentdeck.testing.scripted.git import git, git_code, git_output
from agentdeck.testing.scripted.script import RESOLUTIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentdeck.testing.scripted.work import Work

_MARKERS = ("<<<<<<< ", "=======\n", ">>>>>>> ", "||||||| ")


def _merge(work: Work, how: str) -> None:
    """Take in the commit that the prompt names; without one there is nothing to do."""
    how = how or "both"
    if how not in RESOLUTIONS:
        raise Trouble(SCRIPT, f"expected one of {', '.join(RESOLUTIONS)}, found {how!r}", code=2)
    commit = work.to_merge
    if not commit or how == "neither":
        work.say("There is nothing that I would merge.")
        return

    def act() -> str:
        prefer = [] if how == "both" else ["-X", "ours" if how == "mine" else "theirs"]
        if git_code("merge", "--quiet", "--no-edit", "--no-verify", *prefer, commit) != 0:
            for path in git_output("diff", "--name-only", "--diff-filter=U", "-z").split("\0"):
                if path:
                    _keep_both(path)
            git("add", "--all")
            git("commit", "--quiet", "--no-verify", "--no-edit")
        return ""

    work.use(Call(SHELL, "Bash", f"git merge {commit}"), act)
    work.say(f"I have taken in {commit}.")


def _keep_both(path: str) -> None:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = [line for line in file if not line.startswith(_MARKERS)]
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(lines)


def _nothing(_work: Work, _: str) -> None:
    """It is looked for when the work is sent back."""


ACTIONS: dict[str, Callable[[Work, str], None]] = {"merge": _merge, "resolve": _nothing}
