"""What comes in from a tracker: proven, heard once, and kept as proposals for a person.

Rules:
- A request is refused before anything is made of its body: too large, not signed, not right.
- The same body is heard once, whatever number its delivery has, and none that is older than
  `MAX_AGE_S`: by then its mark may be forgotten. Where more come than are remembered, the rest is
  refused and not believed.
- Nothing is sent to the engine here. A person takes a proposal, or drops it.
- All stands in one file of the run's folder, for its owner alone, and is written whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from agentdeck.core.errors import EnvironmentFault, NotFoundError, RefusedError, UsageError
from agentdeck.core.plan import Tracker
from agentdeck.core.proposals import Heard, NothingToDo, Proposal, heard, proposal
from agentdeck.core.state import RunState
from agentdeck.core.tracker_signature import SignatureError, check
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.private_files import make_private, open_private

MAX_HEAD: Final = 64 * 1024  # bytes of a request before its body; servers allow less
MAX_BODY: Final = 1024 * 1024  # bytes; the text of an issue has 256 KiB at most
MAX_HEADERS: Final = 200
MAX_AGE_S: Final = 3 * 24 * 3600.0  # for so long a delivery can be sent again by hand
AHEAD_S: Final = 300.0  # that the tracker's clock may be before ours
MAX_SEEN: Final = 10_000  # bodies that are remembered
MAX_WAITING: Final = 200  # proposals; nobody reads more
ID_LETTERS: Final = 8
INBOX: Final = "inbox.json"


class Request(msgspec.Struct, frozen=True):
    """An HTTP request."""

    headers: dict[str, str]
    body: bytes


class _Seen(msgspec.Struct, frozen=True):
    digest: str
    at: float


class _Kept(msgspec.Struct):
    """The file."""

    version: int = 1
    seen: list[_Seen] = []
    waiting: list[Proposal] = []


def read_request(stream: BinaryIO) -> Request:
    """A request with its head and its body, and no byte more than they have.

    Raises:
        UsageError: it is no request, or too large.
    """
    headers: dict[str, str] = {}
    read = 0
    while True:
        line = stream.readline(MAX_HEAD + 1)
        read += len(line)
        if read > MAX_HEAD or len(headers) > MAX_HEADERS:
            raise UsageError(f"the head of the request has more than {MAX_HEAD // 1024} KiB")
        if line in (b"\r\n", b"\n"):
            break
        if not line.endswith(b"\n"):
            raise UsageError(
                "the request has no end of its head", hint="headers, an empty line, then the body"
            )
        name, colon, value = line.decode("latin-1").strip().partition(":")
        if colon and " " not in name:  # not the line with the method
            headers[name.lower()] = value.strip()
    return Request(headers, _body(stream, headers))


def _body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit() and len(length) < 10):
        raise UsageError("the request does not say its content-length")
    if int(length) > MAX_BODY:
        raise UsageError(f"the body has {int(length):,} bytes; {MAX_BODY:,} is the most")
    body = stream.read(int(length))
    if len(body) < int(length):
        raise UsageError("the body ends before its content-length")
    return body


def receive(folder: RunFolder, state: RunState, request: Request, *, now: float) -> Proposal:
    """Hear a request; what could be done about it, which is kept.

    Raises:
        NothingToDo: it is proven, and of no use here.
        RefusedError: it is not to be believed, or was heard before.
        UsageError: the plan accepts nothing, or the secret is not set.
    """
    tracker = accepting(state)
    secret = os.environ.get(tracker.secret_env or "", "")
    if not secret:
        raise UsageError(
            f"the variable {tracker.secret_env} is not set, so nothing can be proven",
            hint="set it to the secret of the webhook",
        )
    try:
        check(tracker.kind, secret, request.headers, request.body, now=now)
    except SignatureError as fault:
        raise RefusedError(f"the request is refused: {fault}") from None
    told = heard(tracker, request.body)
    _check_age(told, now)
    digest = hashlib.sha256(request.body).hexdigest()
    with _file(folder) as kept:
        kept.seen = [one for one in kept.seen if one.at > now - 2 * MAX_AGE_S]
        if any(one.digest == digest for one in kept.seen):
            raise RefusedError("the request is refused: it was heard before")
        if len(kept.seen) >= MAX_SEEN or len(kept.waiting) >= MAX_WAITING:
            raise RefusedError(
                "the request is refused: too many were heard",
                hint="`agentdeck tracker list` has what waits for you",
            )
        kept.seen.append(_Seen(digest, now))
        found = proposal(state, tracker, told, digest[:ID_LETTERS])
        kept.waiting.append(found)
        return found


def accepting(state: RunState) -> Tracker:
    """The tracker of a run whose plan lets something in. Raises UsageError."""
    tracker = state.plan.tracker
    if tracker is None or not tracker.accept:
        raise UsageError(
            "the plan of this run lets nothing in from a tracker",
            hint='add accept = ["skip"], repo and secret_env to [tracker]; see docs/trackers.md',
        )
    return tracker


def _check_age(told: Heard, now: float) -> None:
    if not now - MAX_AGE_S <= told.at <= now + AHEAD_S:
        raise RefusedError("the request is refused: it is of long ago, or a clock is wrong")


def waiting(folder: RunFolder) -> list[Proposal]:
    """The proposals that wait for a person, the oldest first."""
    with _file(folder) as kept:
        return list(kept.waiting)


def told(folder: RunFolder) -> list[str]:
    """What a person should know of proposals, in a line."""
    try:
        count = len(_read(folder.path / "tracker" / INBOX).waiting) if changed_at(folder) else 0
    except EnvironmentFault as fault:
        return [f"what the tracker proposes: {fault.message}"]
    wait = "1 tracker proposal waits" if count == 1 else f"{count} tracker proposals wait"
    return [f"{wait}: `agentdeck tracker list`"] if count else []


def kept_proposals(folder: RunFolder) -> list[Proposal]:
    """The same at a glance, for who only mentions them: nothing is locked, or made.

    The file is written whole, so it is as it was at some moment. One that cannot be read has none.
    """
    try:
        return _read(folder.path / "tracker" / INBOX).waiting
    except (OSError, EnvironmentFault):
        return []


def changed_at(folder: RunFolder) -> int:
    """When the file was written last, in nanoseconds of its system's clock; 0 = there is none."""
    try:
        return (folder.path / "tracker" / INBOX).stat().st_mtime_ns
    except OSError:
        return 0


def named(folder: RunFolder, id_: str) -> Proposal:
    """One of them. Raises NotFoundError."""
    for found in waiting(folder):
        if found.id == id_:
            return found
    raise NotFoundError(
        f"there is no proposal {id_}", hint="`agentdeck tracker list` has those that wait"
    )


def remove(folder: RunFolder, id_: str) -> None:
    """Nobody has to decide it any more."""
    with _file(folder) as kept:
        kept.waiting = [one for one in kept.waiting if one.id != id_]


@contextmanager
def _file(folder: RunFolder) -> Iterator[_Kept]:
    """What is kept, held alone, and written whole at the end if nothing went wrong on the way."""
    place = folder.path / "tracker"
    make_private(place)
    lock = open_private(place / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _read(place / INBOX)
        before = msgspec.json.encode(kept)
        try:
            yield kept
        except NothingToDo:
            _write(place, kept)  # it was heard all the same
            raise
        if msgspec.json.encode(kept) != before:
            _write(place, kept)
    except OSError as error:
        raise EnvironmentFault(f"{place} cannot be written: {error.strerror}") from error
    finally:
        os.close(lock)


def _read(path: Path) -> _Kept:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return _Kept()
    except UNREADABLE:
        raise EnvironmentFault(
            f"{path} cannot be read", hint="take it away: proposals in it are lost"
        ) from None


def _write(place: Path, kept: _Kept) -> None:
    new = place / "inbox.json.new"
    fd = open_private(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(kept))
        file.flush()
        os.fsync(file.fileno())
    new.replace(place / INBOX)


__all__ = [
    "Request",
    "accepting",
    "changed_at",
    "kept_proposals",
    "named",
    "read_request",
    "receive",
    "remove",
    "told",
    "waiting",
]
