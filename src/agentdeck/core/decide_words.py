"""What a person says to an agent: steering, and answers to what it asks."""

from __future__ import annotations

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide_permissions import remembered
from agentdeck.core.events import AnyEvent, AskKind
from agentdeck.core.hearing import TURN_TO_COME, hears, hears_answer
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import ALLOW, DENY, Decision, choose, rejects
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.scheduler import is_human
from agentdeck.core.state import Attempt, Question, RunState, TaskRun, TaskState

MAX_MESSAGE = 64_000  # characters; more is a document, and belongs into a file


def steer(state: RunState, command: c.Steer) -> list[AnyEvent]:
    """A message for the agent that works, or for the turn to come."""
    task = task_of(state, command.task)
    text = checked_text(command.text)
    if not text:
        raise Refused("the message is empty")
    if is_human(state, task.id):
        raise Refused(f"{task.id} is done by a person: approve it when it is done")
    if task.state not in TURN_TO_COME:
        raise Refused(f"{task.id} is {task.state}: no turn follows{_way_back(task)}")
    attempt = task.attempt
    questions = attempt.questions if attempt is not None else ()
    open_ones = (q for q in questions if q.ask is AskKind.QUESTION)
    asked = next((q for q in open_ones if hears_answer(state, task, q)), None)
    if attempt is None or (asked is None and not hears(state, task)):
        return [e.MessageQueued(task.id, f"n{task.queued_so_far + 1}", text, command.by)]
    return [_said(task.id, attempt, 1, text, command.by, asked)]


def answer(state: RunState, command: c.Answer) -> list[AnyEvent]:
    """The answer to an open question."""
    task = task_of(state, command.task)
    text = checked_text(command.text)
    if is_human(state, task.id):
        raise Refused(f"{task.id} is done by a person: approve it when it is done")
    attempt = task.attempt
    if attempt is None or not attempt.questions:
        raise Refused(f"{task.id} asks nothing")
    question = _meant(task, attempt, command.question)
    if not hears_answer(state, task, question):
        raise Refused(f"{task.id} is being ended: nobody hears an answer")
    if question.ask is AskKind.PERMISSION:
        return _permit(state, attempt, question, command, text)
    if command.remember is not None:
        raise Refused("only what an agent asks to do can be remembered, not words")
    if command.option:
        text = text or _label(task, question, command.option)
    if not text:
        raise Refused("the answer is empty")
    return [_said(task.id, attempt, 1, text, command.by, question)]


def _meant(task: TaskRun, attempt: Attempt, wanted: str) -> Question:
    if not wanted:
        return attempt.questions[0]
    found = next((question for question in attempt.questions if question.id == wanted), None)
    if found is None:
        raise Refused(f"{task.id} does not ask {wanted} any more")
    return found


def _label(task: TaskRun, question: Question, option: str) -> str:
    found = next((offered.label for offered in question.options if offered.id == option), None)
    if found is None:
        offered = ", ".join(each.id for each in question.options) or "words only"
        raise Refused(f"{task.id} does not offer {option!r} ({offered})")
    return found


def _permit(
    state: RunState, attempt: Attempt, question: Question, command: c.Answer, text: str
) -> list[AnyEvent]:
    ids = [offered.id for offered in question.options]
    if not command.option:
        raise Refused(f"{command.task} asks for a permission: allow or deny it")
    if command.option in ids:
        option = command.option
    elif command.option in (ALLOW, DENY):
        option = choose(question.options, Decision(command.option))
    else:
        offered = ", ".join([*ids, ALLOW, DENY])
        raise Refused(f"{command.task} does not offer {command.option!r} ({offered})")
    no = rejects(question.options, option)
    events: list[AnyEvent] = []
    if command.remember is not None:
        decision = Decision.DENY if no else Decision.ALLOW
        events.append(e.PermissionRuleSet(remembered(state, question, command, decision)))
    said = _said(command.task, attempt, 1, text if no else "", command.by, question, option)
    events.append(said)
    # A yes has no words with it: they follow, where somebody hears them.
    if text and not no and hears(state, task_of(state, command.task)):
        events.append(_said(command.task, attempt, 2, text, command.by))
    return events


def _said(
    task: TaskId,
    attempt: Attempt,
    offset: int,
    text: str,
    by: str,
    question: Question | None = None,
    option: str = "",
) -> e.MessageSent:
    number = f"m{len(attempt.messages) + offset}"
    answers = question.id if question is not None else None
    return e.MessageSent(task, attempt.number, number, text, by, answers, option)


def _way_back(task: TaskRun) -> str:
    sent_back = task.state in (TaskState.REVIEWING, TaskState.PROPOSED)
    return "; a retry with feedback sends it back" if sent_back else ""


def checked_text(text: str) -> str:
    """What is said, without white space around it. Raises Refused when it is too long."""
    said = text.strip()
    if len(said) > MAX_MESSAGE:
        raise Refused(
            f"the message has {len(said):,} characters; at most {MAX_MESSAGE:,} are taken"
        )
    return said
