"""The tools of an agent as its server offers them, and what it says of their answers.

The arguments are in `core.tool_calls`. Some clients show their model the text of an answer alone,
and others its data alone: both say all of it.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.ids import TaskId
from agentdeck.core.offered import Offered, Reply
from agentdeck.core.tool_calls import ARGUMENTS, Came, Outcome

PROPOSES: Final = "propose_task"
WAITS: Final = "wait_for_answer"
OFFERED: Final = {
    name: Offered(
        name,
        arguments,
        reads_only=name == WAITS,
        idempotent=name not in ("ask_person", PROPOSES),
        at_once=True,
    )
    for name, arguments in ARGUMENTS.items()
}


def instructions_for(task: TaskId) -> str:
    """What an agent is told of all of them."""
    return (
        f"You work on task {task} of a run of agentdeck, beside other agents. These tools "
        "reach the person who leads the run."
    )


def reply_of(found: Outcome, key: str, *, proposes: bool) -> Reply:
    """What is said of a call that has come to something.

    Args:
        key: of what was asked.
        proposes: a task was proposed, which nobody need wait for.
    """
    if found.came is Came.WAITS and proposes:
        words = (
            f"It is proposed, with the id {key}, and a person decides. You need not wait: go on "
            "with your task."
        )
        return Reply(words, data={"state": "proposed", "id": key, "said": words})
    if found.came is Came.WAITS:
        words = (
            f"Nobody has answered yet. The question stays open, with the id {key}: call "
            f'{WAITS} with {{"id": "{key}"}}, or go on and ask for the answer later.'
        )
        return Reply(words, data={"state": "waits", "id": key, "said": words})
    data = {"state": "done", "yes": found.ok, "id": key, "answer": found.text}
    return Reply(found.text, data=data)


__all__ = ["OFFERED", "PROPOSES", "WAITS", "instructions_for", "reply_of"]
