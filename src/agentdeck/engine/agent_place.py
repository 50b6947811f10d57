"""Where the agent of an attempt works, and with what: paths as they are on this machine.

Rules:
- Files that a plan names for an agent are below the user's checkout unless they are absolute; `~`
  is the home folder.
- A state folder of an agent's own lies below the run's folder, one for each agent of the plan: all
  its attempts share it, so that a session can go on in a later one.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import msgspec

import agentdeck
from agentdeck.agents.launching import Place
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import HOME_OWN, HOME_SHARED, Agent, Plan
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.room import own_folder
from agentdeck.engine.shipped_adapters import shipped_adapters

PACKAGE: Final = Path(agentdeck.__file__).parent
PRIVATE_DIR: Final = 0o700  # logins and whole conversations lie in a state folder


def agent_of(plan: Plan, attempt: Attempt) -> Agent:
    """The agent of an attempt, with its adapter.

    A run that was changed over the wire may name an agent that nobody has equipped; what ships is
    taken then.
    """
    return equipped(plan.agent_by_name[attempt.agent])


def equipped(agent: Agent) -> Agent:
    """An agent with its adapter, if anybody knows one."""
    if agent.driver is not None:
        return agent
    return msgspec.structs.replace(agent, adapter=shipped_adapters().get(agent.use))


def place_of(
    run: RunFolder,
    checkout: Path,
    task: TaskId,
    attempt: Attempt,
    agent: Agent,
    prompt: str,
    sandbox: Sandbox | None = None,
) -> Place:
    """Everything that the command line of an agent can be made of.

    Args:
        sandbox: in which it will work; None = that of the attempt.

    Raises:
        EnvironmentFault: a file that the plan names for the agent is not there.
    """
    return place_in(
        run,
        checkout,
        agent,
        folder=run.attempt(task, attempt.number),
        worktree=attempt.path or "",
        task=task,
        prompt=prompt,
        model=attempt.model,
        session=attempt.resumed,
        sandbox=attempt.sandbox if sandbox is None else sandbox,
    )


def place_in(
    run: RunFolder,
    checkout: Path,
    agent: Agent,
    *,
    folder: Path,
    worktree: str,
    task: TaskId,
    prompt: str,
    model: str | None,
    session: str | None = None,
    sandbox: Sandbox = Sandbox.NONE,
) -> Place:
    """The same, for an agent that works in this worktree and has its files in this folder.

    Raises:
        EnvironmentFault: a file that the plan names for the agent is not there.
    """
    return Place(
        prompt=prompt,
        prompt_file=str(folder / "prompt.md"),
        worktree=worktree,
        folder=str(own_folder(folder, sandbox)),
        task=task,
        python=sys.executable,
        package=str(PACKAGE),
        as_root=os.geteuid() == 0,
        model=model,
        session=session,
        home=_home(run, checkout, agent),
        mcp=file_of(checkout, agent, "mcp", agent.mcp),
        settings=file_of(checkout, agent, "settings", agent.settings),
    )


def leavings(plan: Plan) -> list[str]:
    """What the agents of a plan leave in a worktree for themselves, as in .gitignore.

    Of all of them: another agent may go on in the worktree of one that failed.
    """
    drivers = (agent.driver for agent in plan.agents)
    patterns = (pattern for driver in drivers if driver for pattern in driver.leaves)
    return list(dict.fromkeys(patterns))


def make_home(place: Place) -> None:
    """Make the state folder of an agent's own; some agents refuse one that is not there."""
    if place.home is not None:
        Path(place.home).mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)


def _home(run: RunFolder, checkout: Path, agent: Agent) -> str | None:
    if agent.home == HOME_SHARED:
        return None
    if agent.home == HOME_OWN:
        return str(run.home(agent.name))
    return str(_below(checkout, agent.home))


def file_of(checkout: Path, agent: Agent, key: str, named: str | None) -> str | None:
    """The file that a plan names for an agent under `key`.

    Raises:
        EnvironmentFault: it is not there.
    """
    if named is None:
        return None
    path = _below(checkout, named)
    if not path.is_file():
        raise EnvironmentFault(
            f"agent {agent.name} wants {key} = {named!r}, and there is no file {path}",
            hint="name a file of the repository's checkout, or an absolute path",
        )
    return str(path)


def _below(checkout: Path, named: str) -> Path:
    return checkout / Path(named).expanduser()
