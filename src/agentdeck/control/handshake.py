"""What both clients say and check when they meet an engine, or meet none."""

from __future__ import annotations

from agentdeck.control import protocol as rpc
from agentdeck.control.protocol import EngineGone, NoAnswer
from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.folders import RunFolder


def gone(folder: RunFolder) -> EngineGone:
    """The error that says so."""
    return EngineGone(
        f"no engine answers for run {folder.run}",
        hint=f"`agentdeck attach {folder.run}` starts it again",
    )


def no_answer(folder: RunFolder, waited_s: float) -> NoAnswer:
    """The error that says that it hangs."""
    return NoAnswer(
        f"the engine of run {folder.run} has not answered in {waited_s:g} s",
        hint=f"`agentdeck doctor {folder.run}` says how it is",
    )


def check_hello(hello: rpc.Hello, folder: RunFolder) -> rpc.Hello:
    """`hello`, if this side can talk to that engine.

    Raises:
        EnvironmentFault: it runs another run, or speaks a newer protocol.
    """
    if hello.run != folder.run:
        raise EnvironmentFault(f"the engine at {folder.socket} runs {hello.run}, not {folder.run}")
    if hello.protocol > rpc.PROTOCOL:
        raise EnvironmentFault(
            f"the engine speaks protocol {hello.protocol}, this agentdeck up to {rpc.PROTOCOL}",
            hint=f"use agentdeck {hello.version} or newer",
        )
    return hello


__all__ = ["EngineGone", "NoAnswer", "check_hello", "gone", "no_answer"]
