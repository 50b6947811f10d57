"""The requests that `gh api` and `glab api` are asked to make: lists of arguments, and JSON. Pure.

Rules: text goes by the input and never by an argument, which every process of the machine can read.
What comes back is foreign: read as far as it is understood, in fixed shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import msgspec

from agentdeck.core.issues import PROGRAMS
from agentdeck.core.plan import Tracker, TrackerKind

PAGE: Final = 100  # comments; the most that both give at once
SLACK_S: Final = 3600.0  # that our clock and theirs may differ

_STATUS: Final = re.compile(r"\bHTTP(?: status)?[ :]*([1-5][0-9]{2})\b")


class Call(msgspec.Struct, frozen=True):
    """One request."""

    argv: tuple[str, ...]
    body: bytes = b""
    may_be_gone: bool = False  # what it takes away; then it is as it should be


class Issue(msgspec.Struct, frozen=True):
    """An issue as it is there."""

    open: bool
    labels: frozenset[str]
    is_request: bool = False  # a pull request, which has a number like an issue

    def label(self, tracker: Tracker, name: str) -> str | None:
        """What a label of the issue is called there; None = the issue has none such.

        GitHub takes `Bug` and `bug` for one label, and keeps the name that it has.
        """
        if tracker.kind is not TrackerKind.GITHUB:
            return name if name in self.labels else None
        return next((one for one in self.labels if one.casefold() == name.casefold()), None)


class _Label(msgspec.Struct, frozen=True):
    name: str = ""


class _Found(msgspec.Struct, frozen=True):
    state: str
    labels: tuple[str | _Label, ...] = ()
    pull_request: Any = None


class Note(msgspec.Struct, frozen=True):
    """A comment."""

    body: str | None = ""
    created_at: str = ""


def look(tracker: Tracker, issue: int) -> Call:
    """Ask for an issue."""
    return _call(tracker, "GET", _issue_path(tracker, issue))


def found_issue(data: bytes) -> Issue:
    """What `look` was answered. Raises what msgspec raises at bytes of others."""
    found = msgspec.json.decode(data, type=_Found)
    names = (label if isinstance(label, str) else label.name for label in found.labels)
    is_open = found.state in ("open", "opened", "reopened")
    return Issue(is_open, frozenset(names), found.pull_request is not None)


def comments(tracker: Tracker, issue: int, since: float, page: int) -> Call:
    """Ask for comments that are not older than `since`, seconds since the epoch."""
    path = _issue_path(tracker, issue)
    if tracker.kind is TrackerKind.GITLAB:
        asked = f"order_by=created_at&sort=desc&per_page={PAGE}&page={page}"
        return _call(tracker, "GET", f"{path}/notes?{asked}")
    when = quote(_moment(since - SLACK_S), safe="")
    return _call(tracker, "GET", f"{path}/comments?since={when}&per_page={PAGE}&page={page}")


def found_notes(data: bytes) -> list[Note]:
    """What `comments` was answered. Raises what msgspec raises at bytes of others."""
    return msgspec.json.decode(data, type=list[Note])


def is_last(notes: list[Note], since: float) -> bool:
    """Is there nothing behind this page that could be as young as `since`?"""
    oldest = min((note.created_at for note in notes if note.created_at), default="")
    return len(notes) < PAGE or (oldest[:19] < _moment(since - SLACK_S)[:19])


def change(
    tracker: Tracker,
    issue: int,
    *,
    add: Iterable[str],
    drop: Iterable[str],
    open_: bool | None,
) -> list[Call]:
    """Change labels and whether it is open, one request where one is enough."""
    path, add, drop = _issue_path(tracker, issue), list(add), list(drop)
    if tracker.kind is TrackerKind.GITLAB:
        said: dict[str, object] = {}
        said |= {"add_labels": ",".join(add)} if add else {}
        said |= {"remove_labels": ",".join(drop)} if drop else {}
        said |= {} if open_ is None else {"state_event": "reopen" if open_ else "close"}
        return [_call(tracker, "PUT", path, said)] if said else []
    calls = [_call(tracker, "POST", f"{path}/labels", {"labels": add})] if add else []
    for name in drop:
        taken = _call(tracker, "DELETE", f"{path}/labels/{quote(name, safe='')}")
        calls.append(msgspec.structs.replace(taken, may_be_gone=True))
    if open_ is not None:
        state = {"state": "open"} if open_ else {"state": "closed", "state_reason": "completed"}
        calls.append(_call(tracker, "PATCH", path, state))
    return calls


def comment(tracker: Tracker, issue: int, text: str) -> Call:
    """Write a comment."""
    what = "notes" if tracker.kind is TrackerKind.GITLAB else "comments"
    return _call(tracker, "POST", f"{_issue_path(tracker, issue)}/{what}", {"body": text})


def status_in(said: str) -> int | None:
    """The HTTP status that a program names in its words, or None."""
    found = _STATUS.findall(said)
    return int(found[-1]) if found else None


def _call(tracker: Tracker, method: str, path: str, body: object = None) -> Call:
    argv = [PROGRAMS[tracker.kind], "api", "--method", method, path]
    parts = tracker.repo.split("/") if tracker.repo else []
    if tracker.kind is TrackerKind.GITHUB and len(parts) == 3:
        argv += ["--hostname", parts[0]]
    if body is None:
        return Call(tuple(argv))
    argv += ["--header", "Content-Type: application/json", "--input", "-"]
    return Call(tuple(argv), msgspec.json.encode(body))


def _issue_path(tracker: Tracker, issue: int) -> str:
    """The words in braces, and `:id`, are what the programs themselves fill in."""
    if tracker.kind is TrackerKind.GITLAB:
        project = quote(tracker.repo, safe="") if tracker.repo else ":id"
        return f"projects/{project}/issues/{issue}"
    place = "/".join(tracker.repo.split("/")[-2:]) if tracker.repo else "{owner}/{repo}"
    return f"repos/{place}/issues/{issue}"


def _moment(seconds: float) -> str:
    at = datetime.fromtimestamp(max(0, int(seconds)), UTC)
    return at.isoformat().replace("+00:00", "Z")


__all__ = ["Call", "Issue", "Note", "change", "comment", "comments", "found_issue"]
__all__ += ["found_notes", "is_last", "look", "status_in"]
