"""What a tracker tells us, and what could be done about it. Nothing is done by itself.

Rules:
- What is told is read from the body alone, which is proven; headers are not.
- It is about the repository of the plan's tracker, and about issues: pull requests are left alone.
- A closed issue may propose to skip its task, a comment to answer its agent, a label to take an
  issue up as a task: each only where the plan accepts it. Who may not write to the repository
  answers no agent (GitLab does not say who may), and a permission is given in the deck alone.
- Our own comments and closings propose nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from agentdeck.core.events import AskKind
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Accept, Tracker, TrackerKind
from agentdeck.core.state import SETTLED, RunState, TaskRun
from agentdeck.core.unreadable import UNREADABLE

MAX_TEXT: Final = 4_000  # characters of an answer; more is no answer to a question
MAX_TITLE: Final = 200
OUR_MARK: Final = "<!-- agentdeck "
_MAY_WRITE: Final = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


class _Person(msgspec.Struct, frozen=True):
    login: str = ""
    username: str = ""

    @property
    def name(self) -> str:
        return self.login or self.username


class _Label(msgspec.Struct, frozen=True):
    name: str = ""
    title: str = ""


class _Issue(msgspec.Struct, frozen=True):
    number: int = 0
    iid: int = 0
    title: str = ""
    body: str | None = None
    description: str | None = None
    labels: tuple[_Label | str, ...] = ()
    state: str = ""
    updated_at: str = ""
    pull_request: Any = None
    html_url: str = ""
    url: str = ""
    action: str = ""  # of GitLab
    note: str = ""
    noteable_type: str = ""


class _Comment(msgspec.Struct, frozen=True):
    body: str | None = None
    author_association: str = ""
    user: _Person = _Person()
    created_at: str = ""


class _Place(msgspec.Struct, frozen=True):
    full_name: str = ""
    path_with_namespace: str = ""


class _Changes(msgspec.Struct, frozen=True):
    labels: dict[str, list[_Label]] = {}


class _Body(msgspec.Struct, frozen=True):
    """What GitHub and GitLab send, as far as it is of use."""

    action: str = ""
    issue: _Issue | None = None
    comment: _Comment | None = None
    label: _Label | None = None
    sender: _Person = _Person()
    repository: _Place = _Place()
    object_kind: str = ""
    object_attributes: _Issue | None = None
    changes: _Changes = _Changes()
    user: _Person = _Person()
    project: _Place = _Place()


class Heard(msgspec.Struct, frozen=True):
    """One thing that happened to an issue."""

    what: Accept
    issue: int
    by: str
    at: float  # seconds since the epoch
    repo: str
    title: str = ""
    text: str = ""  # of the comment, or of the issue
    labels: tuple[str, ...] = ()
    may_write: bool = True
    url: str = ""


class Proposal(msgspec.Struct, frozen=True):
    """What could be done, for a person to decide."""

    id: str
    what: Accept
    issue: int
    by: str
    at: float
    task: str = ""  # whom it is about; of a new one its id
    question: str = ""  # which is answered
    title: str = ""
    text: str = ""
    labels: tuple[str, ...] = ()
    url: str = ""


class NothingToDo(Exception):
    """What was heard is of no use here; the message says why."""


def heard(tracker: Tracker, body: bytes) -> Heard:
    """What a proven message says.

    Raises:
        NothingToDo: it is about something else, or cannot be read.
    """
    try:
        found = msgspec.json.decode(body, type=_Body)
    except UNREADABLE:
        raise NothingToDo("it is no message of a tracker") from None
    told = _of_github(found, tracker) if tracker.kind is TrackerKind.GITHUB else None
    if tracker.kind is TrackerKind.GITLAB:
        told = _of_gitlab(found, tracker)
    if told is None:
        raise NothingToDo("it is about nothing that concerns a run")
    if told.repo.casefold() != (tracker.repo or "").casefold():
        raise NothingToDo("it is about another repository")
    return told


def proposal(state: RunState, tracker: Tracker, told: Heard, id_: str) -> Proposal:
    """What could be done about it.

    Args:
        state: of the run.
        tracker: of its plan.
        told: what was heard.
        id_: that the proposal gets.

    Raises:
        NothingToDo: the plan does not accept it, or there is nothing to do.
    """
    if told.what not in tracker.accept:
        raise NothingToDo(f'the plan does not accept "{told.what.value}"')
    tasks = [t for t in state.tasks.values() if state.spec(t.id).issue == told.issue]
    made = Proposal(id_, told.what, told.issue, told.by, told.at, url=told.url)
    match told.what:
        case Accept.TASK:
            if tasks:
                raise NothingToDo(f"#{told.issue} is a task already: {tasks[0].id}")
            name = f"issue-{told.issue}"
            if TaskId(name) in state.tasks:
                raise NothingToDo(f"there is a task {name} already")
            text, labels = told.text, told.labels
            return msgspec.structs.replace(
                made, task=name, title=told.title, text=text, labels=labels
            )
        case Accept.SKIP:
            task = _only(tasks, told.issue)
            if task.state in SETTLED:
                raise NothingToDo(f"{task.id} is {task.state.value} already")
            return msgspec.structs.replace(made, task=task.id)
        case Accept.ANSWER:
            return _answer(_only(tasks, told.issue), told, made)


def in_words(found: Proposal) -> str:
    """What waits for a person, as the end of a sentence about the task it is about."""
    who, way = found.by or "somebody", f"(agentdeck tracker take {found.id})"
    match found.what:
        case Accept.TASK:
            return f"{who} proposes issue #{found.issue} as the task {found.task} {way}"
        case Accept.SKIP:
            return f"{who} has closed issue #{found.issue}, which proposes to skip it {way}"
        case Accept.ANSWER:
            return f"{who} has commented on issue #{found.issue}, which may answer it {way}"


def _answer(task: TaskRun, told: Heard, made: Proposal) -> Proposal:
    if not told.may_write:
        raise NothingToDo(f"{told.by} may not write to the repository")
    asked = task.attempts[-1].questions if task.attempts else []
    question = next((one for one in asked if one.ask is AskKind.QUESTION), None)
    if question is None:
        raise NothingToDo(f"the agent of {task.id} asks nothing")
    if told.at < question.asked_at:
        raise NothingToDo(f"the comment is older than what the agent of {task.id} asks")
    if not told.text:
        raise NothingToDo("the comment says nothing")
    return msgspec.structs.replace(made, task=task.id, question=question.id, text=told.text)


def _only(tasks: list[TaskRun], issue: int) -> TaskRun:
    if len(tasks) != 1:
        many = "several tasks have" if tasks else "no task has"
        raise NothingToDo(f"{many} the issue #{issue}")
    return tasks[0]


def _of_github(found: _Body, tracker: Tracker) -> Heard | None:
    issue, comment = found.issue, found.comment
    if issue is None or issue.number < 1 or issue.pull_request is not None:
        return None
    repo, by = found.repository.full_name, found.sender.name
    if tracker.repo is not None and tracker.repo.count("/") == 2:  # with its host
        repo = f"{tracker.repo.split('/')[0]}/{repo}"
    if comment is not None:
        if found.action != "created":
            return None
        may_write = comment.author_association in _MAY_WRITE
        who, text, at = comment.user.name, comment.body or "", comment.created_at
        return _comment(issue.number, who, text, at, repo, may_write=may_write, url=issue.html_url)
    if found.action == "closed":
        return _heard(Accept.SKIP, issue, issue.number, by, repo)
    wanted = found.label.name if found.label is not None else ""
    if found.action == "labeled" and tracker.label == wanted and issue.state == "open":
        return _heard(Accept.TASK, issue, issue.number, by, repo)
    return None


def _of_gitlab(found: _Body, tracker: Tracker) -> Heard | None:
    about, repo, by = found.object_attributes, found.project.path_with_namespace, found.user.name
    if about is None:
        return None
    if found.object_kind == "note" and about.noteable_type == "Issue" and found.issue is not None:
        at, text, url = about.updated_at, about.note, about.url
        return _comment(found.issue.iid, by, text, at, repo, may_write=True, url=url)
    if found.object_kind != "issue" or about.iid < 1:
        return None
    if about.action == "close":
        return _heard(Accept.SKIP, about, about.iid, by, repo)
    before = {_name(label) for label in found.changes.labels.get("previous", ())}
    after = {_name(label) for label in found.changes.labels.get("current", ())}
    if tracker.label in after - before and about.state == "opened":
        return _heard(Accept.TASK, about, about.iid, by, repo)
    return None


def _comment(
    issue: int, by: str, text: str, at: str, repo: str, *, may_write: bool, url: str
) -> Heard | None:
    if OUR_MARK in text:
        return None
    said = text.strip()[:MAX_TEXT]
    when = _seconds(at)
    return Heard(
        Accept.ANSWER, issue, by[:MAX_TITLE], when, repo, text=said, may_write=may_write, url=url
    )


def _heard(what: Accept, issue: _Issue, number: int, by: str, repo: str) -> Heard:
    return Heard(
        what,
        number,
        by[:MAX_TITLE],
        _seconds(issue.updated_at),
        repo,
        issue.title[:MAX_TITLE],
        issue.body or issue.description or "",
        tuple(name for label in issue.labels if (name := _name(label))),
        url=issue.html_url or issue.url,
    )


def _name(label: _Label | str) -> str:
    return label if isinstance(label, str) else label.name or label.title


def _seconds(moment: str) -> float:
    """Seconds since the epoch, of ISO 8601 or as GitLab writes it. Raises NothingToDo."""
    try:
        at = datetime.fromisoformat(moment.replace(" UTC", "+00:00"))
        if at.tzinfo is None:
            raise ValueError
        return at.timestamp()
    except (ValueError, OverflowError):
        raise NothingToDo("it does not say when it happened") from None


__all__ = ["Heard", "NothingToDo", "Proposal", "heard", "in_words", "proposal"]
