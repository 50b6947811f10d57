"""Push the target to a remote, and open a pull request with `gh`.

Rules: a remote is named, never spelled out as a URL, and has to be one of the repository. Nothing
is forced. `gh` is asked first whether there is a pull request already; it is never prompted.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from agentdeck.agents.one_line import one_line
from agentdeck.core import events as e
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.state import RunState
from agentdeck.core.steps import OpenPullRequest, PushTarget
from agentdeck.engine.environment import child_environment
from agentdeck.engine.git import Git
from agentdeck.engine.setting import Setting

PUSH_TIMEOUT_S: Final = 300.0  # a first push of a large history over a slow line
GH_TIMEOUT_S: Final = 60.0
TITLE_CHARS: Final = 200
LISTED: Final = 200  # tasks in the text of a pull request


async def push(at: Setting, step: PushTarget) -> None:
    """Push the commit under the target's name.

    Raises:
        GitError: the remote refused, or cannot be reached.
        EnvironmentFault: the repository has no such remote.
    """
    remote, target = at.state.plan.remote.push or "", at.state.target
    await at.in_thread(lambda: _push(at.git, remote, step.commit, target))
    await at.record(e.TargetPushed(step.commit, remote))


def _push(git: Git, remote: str, commit: str, branch: str) -> None:
    check_remote(git, remote)
    spec = f"{commit}:refs/heads/{branch}"
    git.run("push", "--porcelain", "--no-verify", "--", remote, spec, timeout_s=PUSH_TIMEOUT_S)


def check_remote(git: Git, remote: str) -> None:
    """Raises EnvironmentFault where the repository has no remote of this name."""
    known = git.run("remote").text.split()
    if remote not in known:
        named = ", ".join(known) or "none"
        raise EnvironmentFault(
            f"{git.checkout} has no remote {remote!r}", hint=f"there are: {named}; see git remote"
        )


async def open_pull_request(at: Setting, step: OpenPullRequest) -> None:
    """Open one from the target to the base, or find the one that is there.

    Raises:
        EnvironmentFault: there is no `gh`, or it could not do it.
    """
    del step
    state, checkout = at.state, at.git.checkout
    url = await at.in_thread(lambda: _request(state, checkout))
    await at.record(e.PullRequestOpened(url))


def _request(state: RunState, checkout: Path) -> str:
    found = _gh(checkout, "pr", "view", state.target, "--json", "url", "--jq", ".url")
    if found.returncode == 0 and found.stdout.strip():
        return found.stdout.strip()
    title = one_line(state.plan.name, TITLE_CHARS)
    ends = ("--title", title, "--body-file", "-")
    where = ("--base", state.base, "--head", state.target)
    made = _gh(checkout, "pr", "create", *where, *ends, stdin=_body(state))
    url = made.stdout.strip().splitlines()[-1:] or [""]
    if made.returncode != 0 or not url[0].startswith("http"):
        said = (made.stderr or made.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        words = f"gh could not open a pull request: {said[0]}"
        raise EnvironmentFault(words, hint="see gh auth status")
    return url[0]


def _body(state: RunState) -> str:
    landed = [landing for landing in state.landings if landing.task is not None]
    rows = [
        f"- **{landing.task}** {one_line(state.spec(landing.task).title, TITLE_CHARS)}"
        f" ({(landing.merge or landing.commit)[:10]})"
        for landing in landed[:LISTED]
        if landing.task is not None
    ]
    more = [f"- and {len(landed) - LISTED} more"] if len(landed) > LISTED else []
    return "\n".join([*rows, *more, "", f"Run {state.run} of agentdeck.", ""])


def _gh(cwd: Path, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    extra = {"GH_PROMPT_DISABLED": "1", "NO_COLOR": "1"}
    env = child_environment(os.environ, tag="gh", extra=extra, cwd=str(cwd))
    try:
        return subprocess.run(
            ["gh", *args],
            cwd=cwd,
            env=env,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GH_TIMEOUT_S,
            check=False,
            process_group=0,
        )
    except FileNotFoundError:
        raise EnvironmentFault(
            "gh is not installed, so no pull request was opened", hint="see cli.github.com"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise EnvironmentFault(f"gh could not be run: {fault}", hint="gh auth status") from None


__all__ = ["check_remote", "open_pull_request", "push"]
