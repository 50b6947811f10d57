"""What is to be seen of an agent on this machine: its program, its version, its login.

Rules:
- Facts only; a face judges them. Nothing of the agent is changed, and no model is asked.
- A login can hide (in a keychain, in a file of a gateway's). Only the agent's own command says that
  there is none; where it has no such command, what is not seen is not known.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.control import machine
from agentdeck.core.adapter import Adapter
from agentdeck.core.plan import COMMAND, HOME_SHARED, Agent, Plan
from agentdeck.engine.shipped_adapters import shipped_adapters

AT_ONCE: Final = 4  # programs that are asked at the same time; each may start a JavaScript engine
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")


class Login(StrEnum):
    """Is somebody logged in?"""

    YES = "yes"
    NO = "no"  # the agent itself says so
    UNSEEN = "not seen"
    NONE = ""  # it needs none, or nothing is known of it


class Health(msgspec.Struct, frozen=True):
    """One agent on this machine."""

    program: str  # empty = it comes with agentdeck, or is a person
    path: str | None = None
    version: str = ""  # a number such as 1.2.3, where it says one
    fault: str = ""  # why it does not say one
    too_old: bool = False
    login: Login = Login.NONE
    login_how: str = ""  # what it was seen by, or how to get one

    @property
    def there(self) -> bool:
        """Can it be started?"""
        return not self.program or self.path is not None


def missing(adapter: Adapter) -> bool:
    """Is its program not there? Looks on PATH only, so it takes no time."""
    return bool(adapter.command) and shutil.which(adapter.command) is None


def agents_found() -> list[str]:
    """The shipped agents whose program is there, the one to be preferred first."""
    shipped = shipped_adapters().items()
    return [name for name, each in shipped if each.command and not missing(each)]


def health_of(
    adapter: Adapter, env: Mapping[str, str] | None = None, *, shared_home: bool = True
) -> Health:
    """Ask an agent's program for its version and its login. Blocking: seconds.

    Args:
        env: variables that a plan gives the agent; they may hold its login.
        shared_home: whether it would use a person's own state folder, with its logins.
    """
    program = adapter.command
    path = shutil.which(program) if program else None
    login, how = Login.NONE, ""
    if path is not None:
        login, how = _login(adapter, {**os.environ, **(env or {})}, shared_home=shared_home)
    if path is None or not adapter.version:
        return Health(program, path, login=login, login_how=how)
    said = machine.program(adapter.version[0], adapter.version[1:])
    found = _VERSION.search(said.version)
    version = found[0] if found else ""
    fault = "" if version else said.fault or "it names no version"
    too_old = bool(version and adapter.minimum) and _older(version, adapter.minimum)
    return Health(program, path, version, fault, too_old, login, how)


def health_of_all(adapters: Iterable[Adapter]) -> dict[str, Health]:
    """The health of several agents, by their adapters' names; a program is asked once."""
    wanted = list(adapters)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(health_of, wanted))
    return {adapter.name: each for adapter, each in zip(wanted, found, strict=True)}


def agents_of(plan: Plan) -> list[Agent]:
    """The agents that tasks of a plan are given to, each once, in the order of the tasks."""
    names = [plan.settings(task.id).agent for task in plan.tasks if not task.defer]
    return [plan.agent_by_name[name] for name in dict.fromkeys(names)]


def program_of(agent: Agent) -> str:
    """The program that an agent of a plan is; empty when it is none, or comes with agentdeck."""
    if agent.use == COMMAND and agent.command:
        first = agent.command[0]
        return "" if first.startswith("{") else first
    return agent.adapter.command if agent.adapter else ""


def health_in(agent: Agent) -> Health:
    """The health of an agent as a plan configures it. Blocking: seconds."""
    if agent.adapter is None:
        program = program_of(agent)
        return Health(program, shutil.which(program) if program else None)
    return health_of(agent.adapter, agent.env, shared_home=agent.home == HOME_SHARED)


def missing_in(plan: Plan) -> list[Agent]:
    """The agents of a plan's tasks whose program is not there. Looks on PATH only.

    Args:
        plan: with the adapters of its agents.
    """
    found = []
    for agent in agents_of(plan):
        program = program_of(agent)
        # What has a path may be in a worktree, which is not there yet.
        if program and "/" not in program and shutil.which(program) is None:
            found.append(agent)
    return found


def _login(adapter: Adapter, env: Mapping[str, str], *, shared_home: bool) -> tuple[Login, str]:
    named = next((name for name in env if env[name] and _is_key(name, adapter.keys)), None)
    if named is not None:
        return Login.YES, named
    wanted = f"set {adapter.keys[0]}" if adapter.keys and "*" not in adapter.keys[0] else ""
    if not shared_home:
        needs = bool(adapter.keys or adapter.login or adapter.login_files)
        return (Login.UNSEEN, wanted) if needs else (Login.NONE, "")
    words = " ".join(adapter.login)
    if adapter.login:
        if not machine.program(adapter.login[0], adapter.login[1:]).fault:
            return Login.YES, words
        return Login.NO, f"log in with {adapter.command}" + (f", or {wanted}" if wanted else "")
    for file in adapter.login_files:
        if Path(file).expanduser().is_file():
            return Login.YES, file
    if adapter.login_files or adapter.keys:
        return Login.UNSEEN, wanted
    return Login.NONE, ""


def _is_key(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _older(version: str, minimum: str) -> bool:
    return _numbers(version) < _numbers(minimum)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
