"""Attempts on this machine: see `engine.attempt_host`.

Rules: nothing is between the steps and the processes; what blocks is done in a thread.
"""

from __future__ import annotations

from pathlib import Path

from agentdeck.agents.launching import command_line
from agentdeck.agents.prompt import build_prompt
from agentdeck.core import events as e
from agentdeck.core.containment import Confined, containment_of
from agentdeck.core.ids import ProcessIdentity
from agentdeck.core.steps import Collect, Launch
from agentdeck.engine import processes
from agentdeck.engine.agent_place import agent_of, make_home, place_of
from agentdeck.engine.agent_stdin import close_stdin
from agentdeck.engine.attempt_host import Brought, Whose
from agentdeck.engine.attempts import first_run, variables_of
from agentdeck.engine.confinement import places_of, try_out
from agentdeck.engine.given_environment import note_environment
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.moved_refs import note_refs
from agentdeck.engine.private_files import make_private, write_private
from agentdeck.engine.process_tree import usage
from agentdeck.engine.processes import Child, Finished, Found, Lost
from agentdeck.engine.ref_guard import raise_guard
from agentdeck.engine.room import furnished, leave_branch
from agentdeck.engine.room_folders import temporary_variables
from agentdeck.engine.said import InputIsClosed, note_closed, say
from agentdeck.engine.sandbox import enter, refuse_containment
from agentdeck.engine.setting import Setting
from agentdeck.engine.stop import GRACE_S, freeze, stands_still, stop, sweep, thaw
from agentdeck.engine.tool_pass import (
    MCP_VARIABLE,
    SERVERS,
    note_pass,
    note_servers,
    refuse_without_sdk,
    with_tools,
)
from agentdeck.engine.waiting import wait


class Here:
    """This machine."""

    def __init__(self, at: Setting) -> None:
        self._at = at

    async def launch(self, step: Launch) -> None:
        """Start the agent, or find it started."""
        at = self._at.of_task(step.task)
        attempt, of = at.attempt(step.task, step.attempt), at.whose(step.task, step.attempt)
        state = at.state
        agent = agent_of(state.plan, attempt)
        folder = of.folder
        box = containment_of(state.plan, agent)
        refuse_containment(box, f"agent {agent.name}")
        prompt = build_prompt(state, step.task, step.attempt)
        place = place_of(at.folder, at.git.checkout, step.task, attempt, agent, prompt, box.sandbox)
        refuse_without_sdk(state.plan)
        tools, named = bool(state.plan.tools.given), place.mcp
        if tools and agent.driver is not None:
            place = with_tools(place, agent.driver, folder)
        how = command_line(agent, place)
        worktree = Path(place.worktree)
        extra = {
            **variables_of(state, step.task, step.attempt),
            **({MCP_VARIABLE: str(folder / SERVERS)} if tools else {}),
            **how.env,
            **state.spec(step.task).env,
            **(temporary_variables(folder) if box.contained else {}),
        }
        before = at.attempt_folder(step.task, step.attempt - 1) if step.attempt > 1 else None

        def start() -> tuple[Child, Confined | None]:
            make_private(folder)
            make_home(place)
            note_environment(folder, at.added(extra, worktree))
            write_private(Path(place.prompt_file), prompt)
            if tools:
                note_pass(at.folder, state.plan, step.task, step.attempt, folder)
                note_servers(folder, named)
            tree, hooks = linked(at.git, worktree), None
            begun = not isinstance(processes.look(folder), processes.NeverStarted)
            if not box.contained:
                hooks = raise_guard(tree, folder, attempt.branch or "", before)
                if not begun:
                    note_refs(at.git, folder)
            elif not begun:
                leave_branch(tree)
            argv, confined = tuple(how.argv), None
            if box.contained:
                calls = at.folder.tool_socket.parent if tools else None
                room = furnished(tree, folder, at.folder.path.parent, box, place.home, calls)
                confined = try_out(box.sandbox, room, places_of(at, step.task, tree), box)
                argv = enter(box.sandbox, room, argv, network=box.network)
            environment = at.environment(of.tag, extra, worktree, hooks=hooks)
            return processes.launch(folder, argv, worktree, environment, stdin=how.stdin), confined

        await first_run(at, f"{of.tag}/first-run", agent, place, box)
        child, confined = await at.in_thread(start)
        launched = e.AttemptLaunched(
            step.task,
            step.attempt,
            child.launcher,
            child.agent,
            box.sandbox,
            box.network,
            confined,
        )
        await at.record(launched)

    def tree_of(self, of: Whose) -> str:
        """Its worktree."""
        return self._at.of_task(of.task).attempt(of.task, of.attempt).path or ""

    async def look(self, of: Whose) -> Found:
        """What became of it."""
        return processes.look(of.folder)

    async def wait(self, of: Whose, child: Child) -> Finished | Lost:  # noqa: ARG002
        """Return once the agent has ended."""
        return await wait(child)

    async def stands_still(self, of: Whose, child: Child) -> int:
        """How many processes of it are stopped, if all are."""
        return await self._at.in_thread(lambda: stands_still(child, of.tag))

    async def freeze(self, of: Whose, child: Child) -> int:
        """Stop the whole tree where it stands."""
        return await self._at.in_thread(lambda: len(freeze(child, of.tag)))

    async def thaw(self, of: Whose, child: Child) -> None:
        """Let the tree go on."""
        await self._at.in_thread(lambda: thaw(child, of.tag))

    async def stop(self, of: Whose, child: Child, grace_s: tuple[float, float] = GRACE_S) -> None:
        """End the tree."""
        await stop(child, of.tag, grace_s=grace_s)

    async def sweep(self, of: Whose, since: ProcessIdentity | None) -> None:
        """Kill what is left of it."""
        await self._at.in_thread(lambda: sweep(of.tag, since=since))

    async def cpu_s(self, of: Whose, child: Child) -> float:
        """Seconds of one core that its tree has used."""
        return (await self._at.in_thread(lambda: usage(child, of.tag))).cpu_s

    async def say(self, of: Whose, word: str, data: bytes, *, shows: bool) -> None:
        """Write to the agent's input, once."""
        log = of.folder / "raw.log"
        seen = (lambda: log.stat().st_size > 0) if shows else None
        await self._at.in_thread(lambda: say(of.folder, word, data, seen=seen))

    async def close_input(self, of: Whose, child: Child, last: bytes | None) -> None:
        """Say the last words, and that nothing more comes."""

        def close() -> None:
            try:
                if last is not None:
                    say(of.folder, "end", last)
            except InputIsClosed:
                pass
            note_closed(of.folder)
            close_stdin(child)

        await self._at.in_thread(close)

    async def bring_home(self, step: Collect) -> Brought:  # noqa: ARG002
        """It worked in its worktree on this machine: all is there."""
        return Brought()
