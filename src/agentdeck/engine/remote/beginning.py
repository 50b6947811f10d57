"""Begins an attempt on a worker: its branch, the setup of its worktree, its prompt, its agent.

Rules: each part may be done again. The environment of the agent is that of the worker, filtered as
here, and what the plan adds; nothing of the environment of the engine goes there.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from agentdeck.agents.launching import Place, command_line
from agentdeck.agents.prompt import build_prompt
from agentdeck.core.containment import Containment, containment_of
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.plan import HOME_OWN, HOME_SHARED, Agent
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt
from agentdeck.engine.agent_place import agent_of
from agentdeck.engine.attempt_host import Whose
from agentdeck.engine.attempts import SETUP_TIMEOUT_S, variables_of
from agentdeck.engine.private_files import make_private, write_private
from agentdeck.engine.processes import Child
from agentdeck.engine.remote.far_tools import given_to
from agentdeck.engine.remote.link import LinkDown
from agentdeck.engine.remote.outreach import POLL_S, Outreach
from agentdeck.engine.remote.sending import files_folder, put, repo_id, send_tree
from agentdeck.engine.remote.tenancy import Tenancy, child_of, confined_of
from agentdeck.engine.room import own_folder
from agentdeck.engine.setting import Setting
from agentdeck.engine.tool_pass import PASS


async def begin(reach: Outreach, tenancy: Tenancy, attempt: Attempt, of: Whose) -> Child:
    """Send the branch, set up the clone, and start the agent. What was done is found done."""
    at = reach.at.of_task(of.task)
    hello = reach.hello.get(tenancy.worker)
    if hello is None:
        raise LinkDown(f"worker {tenancy.worker} is not there")
    await send_tree(reach, tenancy, attempt, of)
    if argv := at.state.plan.worktree.setup:
        await _set_up(reach, tenancy, argv)
    agent = agent_of(at.state.plan, attempt)
    prompt = build_prompt(at.state, of.task, of.attempt)
    box = containment_of(at.state.plan, agent)
    folder = f"{run_folder(reach, tenancy.worker)}/{tenancy.name}"
    place = _place(hello, folder, tenancy, attempt, agent, prompt, box.sandbox)
    given = await at.in_thread(lambda: given_to(at, of, agent, place, folder))
    how = command_line(agent, given.place)
    await at.in_thread(lambda: write_private(of.folder / "prompt.md", prompt))
    for name, data in {"prompt.md": prompt.encode(), **given.files}.items():
        await put(reach, tenancy, name, data)
    extra = variables_of(at.state, of.task, of.attempt) | given.env | how.env
    answer, _ = await reach.ask(
        tenancy,
        "launch",
        argv=list(how.argv),
        env=extra | dict(at.state.spec(of.task).env),
        stdin=how.stdin,
        tag=reach.tag(tenancy),
        limit_s=tenancy.left_s,
        home=agent.name if agent.home == HOME_OWN else None,
        tools=PASS in given.files,
        repo=repo_id(at.git.common),
        box=_box(at, box, agent, place),
    )
    tenancy.confined = confined_of(answer["confined"])
    return child_of(of.folder, answer["child"])


def run_folder(reach: Outreach, worker: str) -> str:
    """The folder of the run on a worker that has said hello."""
    return f"{reach.hello[worker]['place']}/runs/{reach.run}"


async def _set_up(reach: Outreach, tenancy: Tenancy, argv: tuple[str, ...]) -> None:
    """`[worktree] setup`, there."""
    if tenancy.setup == "none":
        await reach.ask(
            tenancy,
            "launch",
            argv=list(argv),
            env={},
            stdin="null",
            tag=f"{reach.tag(tenancy)}/setup",
            limit_s=SETUP_TIMEOUT_S,
            setup=True,
        )
        tenancy.setup = "running"
    while tenancy.setup == "running":
        await asyncio.sleep(POLL_S)
        if tenancy.lost:
            raise LinkDown(tenancy.lost)
    if tenancy.setup_code != 0 or tenancy.setup != "ended":
        _, said = await reach.ask(tenancy, "read", file="raw.log", offset=0, setup=True)
        folder = tenancy.folder / "setup"
        make_private(folder)
        write_private(folder / "raw.log", said)
        lines = said.decode(errors="replace").strip().splitlines()
        raise EnvironmentFault(
            f"[worktree] setup failed on {tenancy.worker} (exit {tenancy.setup_code}): "
            f"{lines[-1] if lines else 'it printed nothing'}",
            hint=f"its log is {folder / 'raw.log'}",
        )


def _place(
    hello: dict[str, Any],
    folder: str,
    tenancy: Tenancy,
    attempt: Attempt,
    agent: Agent,
    prompt: str,
    sandbox: Sandbox,
) -> Place:
    """Where the agent works, as paths there. `folder` is that of its tenancy."""
    home: str | None = None
    if agent.home == HOME_OWN:
        home = f"{folder.rpartition('/')[0]}/homes/{agent.name}"
    elif agent.home != HOME_SHARED:
        home = re.sub(r"^~(?=/)", lambda _: str(hello["home"]), agent.home)
    return Place(
        prompt=prompt,
        prompt_file=f"{folder}/prompt.md",
        worktree=f"{folder}/tree",
        folder=str(own_folder(Path(folder), sandbox)),
        task=tenancy.task,
        python=str(hello["python"]),
        package=str(hello["package"]),
        as_root=bool(hello["root"]),
        model=attempt.model,
        home=home,
    )


def _box(at: Setting, box: Containment, agent: Agent, place: Place) -> dict[str, Any] | None:
    """The sandbox of the agent, for the far side; None: it has none."""
    if not box.contained:
        return None
    return {
        "sandbox": str(box.sandbox),
        "network": box.network,
        "writable": list(box.writable),
        "home": place.home,
        "files": files_folder(at.git.checkout),
        "who": f"agent {agent.name}",
    }


__all__ = ["begin", "run_folder"]
