"""The tools that agentdeck gives to its agents: their arguments, and what a call comes to.

Rules:
- The structs below are the arguments, exactly: the schema that an agent is shown is made of them,
  and a call is read by them. What they do not name is refused.
- A call has a key. What it comes to is read from the state by that key, so that an answer is found
  again by whoever asks later, also after the engine was started anew.
- Nothing here says whether a tool may be used: `core.decide_tools` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from agentdeck.core.decide_tools import (
    MAX_FILES,
    MAX_OPTION,
    MAX_OPTIONS,
    MAX_PATTERN,
    MAX_PROGRESS,
    lacking,
    request_of,
)
from agentdeck.core.decide_words import MAX_MESSAGE
from agentdeck.core.ids import MAX_ID_LENGTH, RunId, TaskId
from agentdeck.core.permissions import rejects
from agentdeck.core.state import Attempt, Message, Request, RunState

MAX_TITLE: Final = 200  # characters
MAX_AFTER: Final = 100  # tasks that one task needs

_Line = Annotated[str, Meta(min_length=1, max_length=MAX_OPTION)]
_Pattern = Annotated[str, Meta(min_length=1, max_length=MAX_PATTERN)]
_Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_LENGTH)]


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the arguments of all tools."""


class AskPerson(Arguments, frozen=True):
    """Ask the person who leads this run a question and wait for the answer.

    Use it when you cannot decide something yourself. If nobody has answered within the wait, you
    get an id: call wait_for_answer with it, as often as you need.
    """

    question: Annotated[
        str, Meta(min_length=1, max_length=MAX_MESSAGE, description="The question, in full.")
    ]
    options: Annotated[
        tuple[_Line, ...],
        Meta(max_length=MAX_OPTIONS, description="Answers to choose from, if there are any."),
    ] = ()


class WaitForAnswer(Arguments, frozen=True):
    """Wait for the answer to something you have asked for: a question, files, or a task."""

    id: Annotated[
        str,
        Meta(min_length=1, max_length=MAX_ID_LENGTH, description="The id that you were given."),
    ]


class ReportProgress(Arguments, frozen=True):
    """Say how far you are. It is shown beside your task; nobody has to answer."""

    text: Annotated[
        str, Meta(max_length=MAX_PROGRESS, description="What you are at, on one line.")
    ] = ""
    percent: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None,
        Meta(description="How much of your task is done."),
    ] = None


class ProposeTask(Arguments, frozen=True):
    """Propose a task for the plan of this run: work you have found that is not part of yours.

    It does not wait: a person decides, unless the plan allows it at once.
    """

    title: Annotated[str, Meta(min_length=1, max_length=MAX_TITLE, description="On one line.")]
    prompt: Annotated[
        str, Meta(min_length=1, max_length=MAX_MESSAGE, description="What its agent is told.")
    ]
    why: Annotated[
        str, Meta(max_length=MAX_MESSAGE, description="Why it is needed, for the person.")
    ] = ""
    id: Annotated[
        str, Meta(max_length=MAX_ID_LENGTH, description="Its id; one is made up if it is empty.")
    ] = ""
    after: Annotated[
        tuple[_Id, ...], Meta(max_length=MAX_AFTER, description="Ids of tasks it needs.")
    ] = ()
    files: Annotated[
        tuple[_Pattern, ...],
        Meta(max_length=MAX_FILES, description="Files it will touch: globs, or folders with /."),
    ] = ()


class RequestFiles(Arguments, frozen=True):
    """Ask to touch files that are not among those of your task, and wait for the answer.

    Do not touch them before you have it: work outside of your files is not accepted.
    """

    files: Annotated[
        tuple[_Pattern, ...],
        Meta(
            min_length=1,
            max_length=MAX_FILES,
            description="Paths or globs below the top of the repository, or folders with /.",
        ),
    ]
    why: Annotated[str, Meta(max_length=MAX_MESSAGE, description="Why you need them.")] = ""


ARGUMENTS: Final[Mapping[str, type[Arguments]]] = {
    "ask_person": AskPerson,
    "report_progress": ReportProgress,
    "propose_task": ProposeTask,
    "request_files": RequestFiles,
    "wait_for_answer": WaitForAnswer,
}


def tools_of(given: tuple[str, ...]) -> tuple[str, ...]:
    """All tools of an agent that is given some; what is asked can be waited for."""
    asks = any(name != "report_progress" for name in given)
    return (*given, *(("wait_for_answer",) if asks else ()))


class ToolPass(msgspec.Struct, frozen=True):
    """What the server of one attempt's tools works with; the content of a file of its owner's."""

    socket: str
    run: RunId
    task: TaskId
    attempt: int
    secret: str  # proves that a call is of this attempt
    tools: tuple[str, ...]
    wait_s: float  # of one call for its answer


class Came(StrEnum):
    """What a call has come to."""

    DONE = "done"  # there is an answer
    WAITS = "waits"  # there is none yet
    UNKNOWN = "unknown"  # nothing of this key was asked


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call has come to, and what its agent is told."""

    came: Came
    text: str = ""
    ok: bool = True  # a no is no failure of the call, but it is a no


def outcome(state: RunState, task: TaskId, number: int, key: str) -> Outcome:
    """What was asked by attempt `number` of a task under this key."""
    found = state.tasks.get(task)
    attempt = next((a for a in found.attempts if a.number == number), None) if found else None
    if attempt is None:
        return Outcome(Came.UNKNOWN)
    answered = _answer(attempt, key)
    if answered is not None:
        return _of_message(answered)
    if any(question.id == key for question in attempt.questions):
        return Outcome(Came.WAITS)
    request = request_of(state, f"{task}#{number}", key)
    return Outcome(Came.UNKNOWN) if request is None else of_request(request)


def of_request(request: Request) -> Outcome:
    """What has become of a request of the run."""
    answer = request.answer
    if answer is None:
        return Outcome(Came.WAITS)
    why = f": {answer.text}" if answer.text else ""
    if not answer.accepted:
        what = "will not answer" if request.put is None else f"denied task {request.put.id}"
        return Outcome(Came.DONE, f"{answer.by} {what}{why}", ok=False)
    if request.put is None:
        return Outcome(Came.DONE, answer.text)
    return Outcome(Came.DONE, f"Task {request.put.id} is in the plan{why}")


def has_files(state: RunState, task: TaskId, files: tuple[str, ...]) -> bool:
    """May the task touch all of these?"""
    return task in state.plan.by_id and not lacking(state, task, files)


def _answer(attempt: Attempt, key: str) -> Message | None:
    answers = (m for m in attempt.messages if m.answers is not None and m.answers.id == key)
    return next(answers, None)


def _of_message(message: Message) -> Outcome:
    asked = message.answers
    assert asked is not None
    if not asked.files:
        return Outcome(Came.DONE, message.text)
    named = ", ".join(asked.files)
    if rejects(asked.options, message.option):
        why = f": {message.text}" if message.text else ""
        return Outcome(Came.DONE, f"You may not touch {named}{why}", ok=False)
    return Outcome(Came.DONE, f"You may touch {named} now.")


__all__ = [
    "ARGUMENTS",
    "Arguments",
    "AskPerson",
    "Came",
    "Outcome",
    "ProposeTask",
    "ReportProgress",
    "RequestFiles",
    "ToolPass",
    "WaitForAnswer",
    "has_files",
    "of_request",
    "outcome",
    "tools_of",
]
