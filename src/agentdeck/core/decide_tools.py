"""What agents want through tools of agentdeck, and clients through `agentdeck mcp`.

Rules:
- An agent speaks for its own attempt while that goes on. Who it is was proven before; an attempt
  that has ended, or is being ended, is refused.
- The plan says which tools there are, and whether a person is asked (`[tools]`).
- A caller chooses the key of what it wants: the same key again is the same wish, and changes
  nothing. So a caller that has lost the answer of an engine can ask again.
- A question, and a request for files, is one more way to ask: it stands among the questions of its
  attempt, and whatever answers those answers it.
- A proposed task, and the question of a client, is a request of the run: nothing waits for it, and
  it stays open when its agent has ended. A run does not end over an open proposal.
- Files that were granted are a change of the plan by whoever granted them.
- Nothing is without a bound: open questions, requests, files, texts.
"""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core import footprint, replan_rules
from agentdeck.core.decide_words import checked_text
from agentdeck.core.events import AnyEvent, AskKind, AskOption
from agentdeck.core.hearing import calls
from agentdeck.core.ids import TaskId, id_fault
from agentdeck.core.permissions import OptionKind, rejects
from agentdeck.core.plan import MayCall, MayPropose, MayWiden, Task
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.replan import PlanChange
from agentdeck.core.state import HOLDS_FOOTPRINT, Attempt, Request, RunState, TaskRun
from agentdeck.core.wanted import open_requests

MAX_OPEN: Final = 8  # questions of one attempt; a person is asked one thing at a time
MAX_OPEN_REQUESTS: Final = 50  # of a run: more is a loop, not a plan
MAX_REQUESTS: Final = 1_000  # of a run, the settled ones among them
MAX_OPTIONS: Final = 12  # answers to choose from
MAX_OPTION: Final = 200  # characters of one
MAX_FILES: Final = 50  # patterns in one request
MAX_PATTERN: Final = 500  # characters of one
MAX_TASK_FILES: Final = 500  # patterns of a task; each change of it is in the journal with all
MAX_PROGRESS: Final = 300  # characters: it is one line
FILES_TOOL: Final = "request_files"  # as rules for permissions know it
BY_PLAN: Final = "the plan"


# --- what agents want ----------------------------------------------------------------------------


def ask_person(state: RunState, command: c.AskPerson) -> list[AnyEvent]:
    """A question, which its agent waits for."""
    attempt = _speaker(state, command.task, command.attempt)
    if state.plan.tools.ask_person is MayCall.DENY:
        raise _not_given("ask_person")
    if is_known(attempt, command.question):
        return []
    _check_new(attempt, command.question)
    text, options = _question(command.text, command.options)
    offered = tuple(
        AskOption(str(number), label, OptionKind.ANSWER)
        for number, label in enumerate(options, start=1)
    )
    asked = e.AttemptAsked(
        command.task, command.attempt, command.question, text, options=offered, by_tool=True
    )
    return [asked]


def report_progress(state: RunState, command: c.ReportProgress) -> list[AnyEvent]:
    """How far it is; what is known already is no event."""
    attempt = _speaker(state, command.task, command.attempt)
    if state.plan.tools.report_progress is MayCall.DENY:
        raise _not_given("report_progress")
    text = " ".join(command.text.split())
    if not text and command.percent is None:
        raise Refused("the progress says nothing", hint="give a text, a percent, or both")
    if len(text) > MAX_PROGRESS:
        raise Refused(f"the text has {len(text):,} characters; at most {MAX_PROGRESS} are taken")
    if command.percent is not None and not 0 <= command.percent <= 100:
        raise Refused(f"percent must be 0 to 100, not {command.percent}")
    if (text, command.percent) == (attempt.reported, attempt.percent):
        return []
    return [e.ProgressReported(command.task, command.attempt, text, command.percent)]


def request_files(state: RunState, command: c.RequestFiles) -> list[AnyEvent]:
    """More files for a task: it has them at once, or a person is asked."""
    attempt = _speaker(state, command.task, command.attempt)
    policy = state.plan.tools.request_files
    if policy is MayWiden.DENY:
        raise _not_given(FILES_TOOL)
    files = _patterns(command.files)
    wanted = lacking(state, command.task, files)
    if not wanted or is_known(attempt, command.question):
        return []
    _check_new(attempt, command.question)
    if len(state.plan.by_id[command.task].files) + len(wanted) > MAX_TASK_FILES:
        raise Refused(f"{command.task} would have more than {MAX_TASK_FILES} patterns of files")
    why = checked_text(command.text)
    in_the_way = holder(state, command.task, wanted)
    if policy is MayWiden.FREE and in_the_way is None:
        return [_widened(state, command.task, wanted, f"{command.task}#{command.attempt}")]
    named = ", ".join(wanted)
    words = f"May it touch {named} too?"
    if in_the_way is not None:
        words += f" {in_the_way} has them now."
    asked = e.AttemptAsked(
        command.task,
        command.attempt,
        command.question,
        f"{words} {why}" if why else words,
        AskKind.PERMISSION,
        FILES_TOOL,
        named,
        by_tool=True,
        files=wanted,
    )
    return [asked]


def make_request(state: RunState, command: c.MakeRequest) -> list[AnyEvent]:
    """A task for the plan, or the question of a client."""
    by, allowed = command.by, False
    if command.task is not None:
        if command.put is None:
            raise Refused("an agent asks with ask_person")
        _speaker(state, command.task, command.attempt or 0)
        if state.plan.tools.propose_task is MayPropose.DENY:
            raise _not_given("propose_task")
        by = f"{command.task}#{command.attempt}"
        allowed = state.plan.tools.propose_task is MayPropose.ALLOW
    if request_of(state, by, command.key) is not None:
        return []
    _check_key(command.key)
    if state.ending:
        raise Refused("the run is ending")
    if len(open_requests(state)) >= MAX_OPEN_REQUESTS:
        raise Refused(f"{MAX_OPEN_REQUESTS} requests are open already")
    if len(state.requests) >= MAX_REQUESTS:
        raise Refused(f"this run has had {MAX_REQUESTS} requests: it takes no more")
    name = f"r{len(state.requests) + 1}"
    if command.put is None:
        text, options = _question(command.text, command.options)
        return [e.RequestMade(name, by, text, options=options, key=command.key)]
    put = command.put if command.put.id else _named(state, command.put)
    change = _new_task(state, put)
    made = e.RequestMade(name, by, checked_text(command.text), put, key=command.key)
    if not allowed:
        return [made]
    changed = e.PlanChanged(change, state.plan_changes + 1, by)
    return [made, changed, e.RequestAnswered(name, BY_PLAN)]


# --- what a person says --------------------------------------------------------------------------


def answer_request(state: RunState, command: c.AnswerRequest) -> list[AnyEvent]:
    """A yes, a no, or an answer."""
    request = state.requests.get(command.request)
    if request is None:
        known = ", ".join(each.id for each in open_requests(state)) or "none is open"
        raise Refused(f"there is no request {command.request[:80]} ({known})")
    if request.answer is not None:
        how = "accepted" if request.answer.accepted else "denied"
        raise Refused(f"{request.id} was {how} already, by {request.answer.by}")
    if state.ending:
        raise Refused("the run is ending")
    text = checked_text(command.text)
    if request.put is None and command.accept and not text:
        raise Refused("the answer is empty")
    answered = e.RequestAnswered(request.id, command.by, command.accept, text)
    if request.put is None or not command.accept:
        return [answered]
    change = _new_task(state, request.put)
    return [e.PlanChanged(change, state.plan_changes + 1, command.by), answered]


# --- what follows, and what is known -------------------------------------------------------------


def due_grant(state: RunState, task: TaskRun) -> e.PlanChanged | None:
    """The change of the plan that a granted request for files leads to; None = nothing is due."""
    attempt = task.attempt
    for message in attempt.messages if attempt is not None else ():
        asked = message.answers
        if asked is None or not asked.files or rejects(asked.options, message.option):
            continue
        wanted = lacking(state, task.id, asked.files)
        if wanted:
            return _widened(state, task.id, wanted, message.by)
    return None


def open_proposals(state: RunState) -> list[Request]:
    """Tasks that somebody has proposed and nobody has answered."""
    return [request for request in open_requests(state) if request.put is not None]


def lacking(state: RunState, task: TaskId, files: tuple[str, ...]) -> tuple[str, ...]:
    """Which of these patterns the task does not have; it has all if it names no files."""
    mine = state.plan.by_id[task].files
    if not mine:
        return ()
    return tuple(each for each in files if each not in mine and not _is_covered(mine, each))


def _is_covered(mine: tuple[str, ...], each: str) -> bool:
    """Is it one file, and the task's already? Whether one glob is within another nobody looks."""
    one_file = not each.endswith("/") and not any(letter in each for letter in "*?[")
    return one_file and footprint.covers(mine, each)


def holder(state: RunState, task: TaskId, files: tuple[str, ...]) -> TaskId | None:
    """Another task that has begun, has not landed, and may touch one of these files."""
    for other in state.in_state(*HOLDS_FOOTPRINT):
        theirs = state.plan.by_id[other.id].files
        if other.id != task and theirs and footprint.overlap(files, theirs) is not None:
            return other.id
    return None


def is_known(attempt: Attempt, question: str) -> bool:
    """Was this asked before, whether or not it was answered?"""
    answered = (m.answers.id for m in attempt.messages if m.answers is not None)
    return question in {*(each.id for each in attempt.questions), *answered}


def request_of(state: RunState, by: str, key: str) -> Request | None:
    """What somebody has made under this key."""
    requests = state.requests.values()
    return next((each for each in requests if (each.by, each.key) == (by, key)), None)


# --- checks at the door --------------------------------------------------------------------------


def _speaker(state: RunState, name: TaskId, number: int) -> Attempt:
    task = task_of(state, name)
    attempt = task.attempt
    if attempt is None or attempt.number != number or not calls(task):
        raise Refused(f"attempt {number} of {name} does not go on any more")
    return attempt


def _not_given(tool: str) -> Refused:
    return Refused(f"the plan does not let agents use {tool}", hint=f"[tools] {tool} says so")


def _check_key(key: str) -> None:
    fault = id_fault(key)
    if fault is not None:
        raise Refused(f"the key of a request cannot be {key[:80]!r}: {fault}")


def _check_new(attempt: Attempt, key: str) -> None:
    _check_key(key)
    if len(attempt.questions) >= MAX_OPEN:
        raise Refused(f"{MAX_OPEN} questions of it are open already")


def _question(text: str, options: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    said = checked_text(text)
    if not said:
        raise Refused("the question is empty")
    labels = tuple(label.strip() for label in options)
    if len(labels) > MAX_OPTIONS:
        raise Refused(f"{len(labels)} options; at most {MAX_OPTIONS} can be offered")
    if any(not label or len(label) > MAX_OPTION for label in labels):
        raise Refused(f"an option has 1 to {MAX_OPTION} characters")
    return said, labels


def _patterns(files: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(file.strip() for file in files))
    if not 1 <= len(found) <= MAX_FILES:
        raise Refused(f"a request names 1 to {MAX_FILES} files, not {len(found)}")
    for each in found:
        fault = footprint.fault_of(each)
        if fault is not None or len(each) > MAX_PATTERN:
            why = fault or f"it has more than {MAX_PATTERN} characters"
            raise Refused(
                f"{each[:80]!r} is no file of the repository: {why}",
                hint="a path or glob below its top",
            )
        if each.count("*") > footprint.MAX_STARS:
            raise Refused(
                f"{each[:80]!r} has more than {footprint.MAX_STARS} stars", hint="name a folder"
            )
    return found


def _named(state: RunState, put: Task) -> Task:
    taken = {name.casefold() for name in state.plan.by_id}
    taken |= {request.put.id.casefold() for request in open_proposals(state) if request.put}
    number = next(n for n in range(1, len(taken) + 2) if f"new-{n}" not in taken)
    return msgspec.structs.replace(put, id=TaskId(f"new-{number}"))


def _new_task(state: RunState, put: Task) -> PlanChange:
    """The change that brings a proposed task in. Raises Refused where the plan cannot take it."""
    if put.id in state.plan.by_id:
        raise Refused(f"there is a task {put.id} already", hint="give it another id, or none")
    if put.files:
        put = msgspec.structs.replace(put, files=_patterns(put.files))
    change = PlanChange(put=(put,))
    found = replan_rules.refusals(state, change)
    if found:
        raise Refused("; ".join(found[:5]))
    return change


def _widened(state: RunState, task: TaskId, files: tuple[str, ...], by: str) -> e.PlanChanged:
    spec = state.plan.by_id[task]
    wider = msgspec.structs.replace(spec, files=(*spec.files, *files))
    return e.PlanChanged(PlanChange(put=(wider,)), state.plan_changes + 1, by)
