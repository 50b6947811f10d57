"""A person at work on a task by hand: the agent's own session on their terminal, or a shell.

Rules:
- The command is a list of arguments from the agent's adapter, with its session in it; no shell
  reads it. Where the agent has no screen, no session, or is not installed here, it is a shell.
- It runs in the attempt's worktree with what was set for the attempt (ports, folders, settings),
  but git may ask the person and open their editor.
- It is the person's process, not the run's: it carries a tag of its own, so nothing that ends the
  attempt ends it, and the end of the run leaves it alone.
- Afterwards the terminal is as it was, whatever the command did to it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.agents.launching import take_over_line
from agentdeck.core.assignment import session_of
from agentdeck.core.errors import EnvironmentFault, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import of_task
from agentdeck.core.state import Attempt, RunState
from agentdeck.engine.agent_place import agent_of, place_of
from agentdeck.engine.environment import child_environment, for_a_person
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.git import Git
from agentdeck.engine.given_environment import given_environment
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.process_tree import HANDS
from agentdeck.engine.setting import attempt_tag

FALLBACK_SHELL: Final = "/bin/sh"
MAX_SHOWN: Final = 60  # characters of a command in a sentence


class Hands(msgspec.Struct, frozen=True):
    """What is run for a person, and where."""

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    what: str  # in words
    is_shell: bool = False
    why_a_shell: str = ""  # instead of the agent's own screen; "" = it is that, or was asked for


def hands_on(
    folder: RunFolder,
    state: RunState,
    task: TaskId,
    *,
    shell: bool = False,
    base: Mapping[str, str] | None = None,
) -> Hands:
    """What a person runs who has taken `task` over.

    Args:
        shell: a shell, also where the agent has a screen of its own.
        base: the person's environment; None = that of this process.

    Raises:
        EnvironmentFault: the worktree is gone.
    """
    attempt = state.tasks[task].attempt
    if attempt is None or not attempt.path or not Path(attempt.path).is_dir():
        raise EnvironmentFault(f"the worktree of {task} is gone", hint=f"agentdeck why {task}")
    mine = os.environ if base is None else base
    added = given_environment(folder.attempt(task, attempt.number))
    argv, more, why = _own_screen(folder, state, task, attempt, asked=not shell)
    env = _environment(folder, state, task, attempt, added | more, mine)
    if argv and shutil.which(argv[0], path=env.get("PATH")) is not None:
        words = " ".join(argv)
        shown = words if len(words) <= MAX_SHOWN else words[: MAX_SHOWN - 1] + "…"
        return Hands(argv, attempt.path, env, shown)
    why = f"{argv[0]} is not installed here" if argv else why
    command = mine.get("SHELL") or FALLBACK_SHELL
    return Hands((command,), attempt.path, env, f"a shell ({command})", True, "" if shell else why)


def _own_screen(
    folder: RunFolder, state: RunState, task: TaskId, attempt: Attempt, *, asked: bool
) -> tuple[tuple[str, ...], dict[str, str], str]:
    """The agent's interactive command and its variables; none, and why."""
    if not asked:
        return (), {}, ""
    agent = agent_of(state.plan, attempt)
    session = session_of(attempt)
    if session is None:
        return (), {}, f"{agent.name} has named no session"
    checkout = Path(of_task(state, task).checkout)
    try:
        place = place_of(folder, checkout, task, attempt, agent, "")
        how = take_over_line(agent, msgspec.structs.replace(place, session=session))
    except (UsageError, EnvironmentFault) as error:
        return (), {}, error.message
    return how.argv, how.env, ""


def _environment(
    folder: RunFolder,
    state: RunState,
    task: TaskId,
    attempt: Attempt,
    added: dict[str, str],
    base: Mapping[str, str],
) -> dict[str, str]:
    worktree = Path(attempt.path or "")
    excludes = linked(Git.discover(Path(of_task(state, task).checkout)), worktree).excludes
    env = child_environment(
        base,
        tag=attempt_tag(folder.run, task, attempt.number) + HANDS,
        extra=added,
        cwd=str(worktree),
        git_config={"core.excludesFile": str(excludes)} if excludes else None,
    )
    return for_a_person(env, base)


def greeting(task: TaskId, hands: Hands) -> list[str]:
    """What a person is told before the terminal is something else's; not made safe yet."""
    why = [f"{hands.why_a_shell}: this is a shell"] if hands.why_a_shell else []
    return [*why, f"{task} is yours: {hands.what} in {hands.cwd}; leave it to come back"]


def work_by_hand(hands: Hands) -> int:
    """Run it on this terminal until the person leaves it; its exit status.

    Raises:
        EnvironmentFault: it cannot be started.
    """
    with terminal_lent():
        try:
            return subprocess.call(hands.argv, cwd=hands.cwd, env=hands.env)
        except OSError as error:
            raise EnvironmentFault(
                f"{hands.argv[0]} cannot be started: {error.strerror}",
                hint="agentdeck take-over --shell opens a shell instead",
            ) from error


@contextmanager
def terminal_lent() -> Iterator[None]:
    """While a program of the person has the terminal: it comes back as it was."""
    sys.stdout.flush()
    sys.stderr.flush()
    with _terminal_kept(), _interrupts_are_theirs():
        yield


@contextmanager
def _interrupts_are_theirs() -> Iterator[None]:
    """Ctrl-C is for the command; a handler of ours is not inherited by it, an ignored signal is."""
    before = {}
    for number in (signal.SIGINT, signal.SIGQUIT):
        before[number] = signal.signal(number, lambda _number, _frame: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _terminal_kept() -> Iterator[None]:
    """Give the terminal back as it was, and this process its foreground."""
    descriptor = next((fd for fd in (0, 1, 2) if os.isatty(fd)), None)
    if descriptor is None:
        yield
        return
    before = termios.tcgetattr(descriptor)
    try:
        yield
    finally:
        ignored = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # else we would be stopped here
        with suppress(OSError, termios.error):  # the terminal went away
            os.tcsetpgrp(descriptor, os.getpgrp())
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        signal.signal(signal.SIGTTOU, ignored)


__all__ = ["Hands", "greeting", "hands_on", "terminal_lent", "work_by_hand"]
