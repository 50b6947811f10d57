"""The far side: what an attempt needs on the machine where its agent runs. No engine is there.

Rules:
- Only the standard library and what of agentdeck needs no more: with an adapter over ssh this file
  is sent to machines that have Python and git alone. It needs Linux: identities come from /proc.
- One question, one answer (`act`). Nothing here decides. Each act looks first at what is there, so
  that a question that was asked twice, or by an engine that has died since, does no harm.
- A *tenancy* is one try of the engine to have one attempt on one machine: `TASK.ATTEMPT.TOKEN`.
  Its folder is that of an attempt anywhere: `spec`, `pid`, `exit`, `raw.log`, `stdin`, and beside
  them `tree`, a clone of the machine's mirror. Agents never see a ref of the engine's repository.
- *Fencing*: each question carries the engine's number, which only grows. `poll` names the tenancies
  that the engine counts on. Every other one of the run that is older than the question is fenced:
  what lives of it is killed by identity, and nothing is launched or collected in it any more. A
  tenancy that is asked for with an older number than the latest poll's does not come to be.
- An agent outlives whoever started it, and nobody having asked for a while is no reason to end it.
  What the engine would have ended by its time limit is ended here (`end_overdue`).
- Names that come from outside become folders and refs: they are checked at the door.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from agentdeck import __version__
from agentdeck.core.errors import DeckError, RefusedError, UsageError
from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine import processes
from agentdeck.engine.agent_stdin import close_stdin
from agentdeck.engine.environment import child_environment
from agentdeck.engine.furnishing import clone_in, exclude_line, link_in
from agentdeck.engine.identity import is_alive, send
from agentdeck.engine.plain_files import NotPlainError, open_plain
from agentdeck.engine.ports import claim, variables
from agentdeck.engine.private_files import make_private, write_private
from agentdeck.engine.process_tree import usage
from agentdeck.engine.remote import mail, parcel
from agentdeck.engine.remote.outpost_git import CannotTake, bring_home, locked, run_git
from agentdeck.engine.remote.outpost_room import (
    BOX,
    box_of,
    boxed,
    note_box,
    read_box,
    read_confined,
    try_box,
)
from agentdeck.engine.room_folders import OWN, forget_temporary, temporary_variables
from agentdeck.engine.said import InputIsClosed, note_closed, say
from agentdeck.engine.stop import TreeFault, freeze, stands_still, stop, sweep, thaw

PROTOCOL: Final = 2  # of questions and answers; both sides must have the same
CHUNK: Final = 4 * 1024 * 1024  # bytes of a log or a bundle in one answer
LOGS_BYTES: Final = 8 * 1024 * 1024  # of all logs in one answer to a poll; the rest comes next
MAX_FILE: Final = 1024 * 1024 * 1024  # bytes that may be put into one file
MAX_WORK: Final = 512 * 1024 * 1024  # of the bundle of an attempt's commits
MAX_TIPS: Final = 64  # commits of a mirror that the engine is told of; it sends what is on top
LAUNCHER_S: Final = 2.0  # to write one line and end; one that stands still is killed
LOOK_S: Final = 0.01  # whether it has ended
PUT_OFF_S: Final = 20.0  # between two changes of a deadline: polls come several times a second
BIRTH, FENCED, DEADLINE, TAG, START = "birth", "fenced", "deadline", "tag", "start"
RESULT_REF: Final = "refs/agentdeck/result"
PRIVATE_TAR, EXCLUDES = "private.tar", "excludes"
FILES: Final = "files"  # below the root: what plans link and clone, in a folder for each checkout
_PUT: Final = re.compile(
    r"(base\.bundle|prompt\.md|tools\.json|mcp\.json|private\.tar|excludes|settings(\.[a-z]{1,8})?)\Z"
)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_OID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_BRANCH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,255}\Z")

Ask = Mapping[str, Any]
Answer = dict[str, Any]


async def act(root: Path, ask: Ask, body: bytes = b"") -> tuple[Answer, bytes]:
    """Do what is asked, below `root`. What goes wrong is an answer: `fault`, `hint`, `kind`."""
    try:
        if ask.get("protocol") != PROTOCOL:
            raise UsageError(
                f"this is protocol {PROTOCOL} of agentdeck {__version__}, asked was "
                f"{ask.get('protocol')}",
                hint="install the same agentdeck on both machines",
            )
        return await _act(root, ask, body)
    except DeckError as fault:
        return {"fault": fault.message, "hint": fault.hint, "kind": type(fault).__name__}, b""
    except (OSError, ValueError, KeyError, TypeError) as fault:
        return {"fault": f"{type(fault).__name__}: {fault}", "hint": "", "kind": "fault"}, b""


async def _act(root: Path, ask: Ask, body: bytes) -> tuple[Answer, bytes]:
    verb = ask["verb"]
    if verb == "hello":
        return _hello(root), b""
    place = _Place(root, ask)
    if verb == "stop":
        return await place.stop(), b""
    if verb == "read":
        return await asyncio.to_thread(place.read)
    if verb == "poll":
        return await asyncio.to_thread(place.poll)
    if verb == "call":
        return await asyncio.to_thread(place.call)
    calls: dict[str, Callable[[], Answer]] = {
        "tips": place.tips,
        "put": lambda: place.put(body),
        "prepare": place.prepare,
        "launch": place.launch,
        "freeze": place.freeze,
        "thaw": place.thaw,
        "say": lambda: place.say(body),
        "close": place.close,
        "answer": lambda: place.answer(body),
        "collect": place.collect,
        "clean": place.clean,
    }
    if verb not in calls:
        raise UsageError(f"there is no {verb!r} to be asked for")
    return await asyncio.to_thread(calls[verb]), b""


def _hello(root: Path) -> Answer:
    return {
        "place": str(root),
        "version": __version__,
        "python": sys.executable,
        "package": str(Path(processes.__file__).parent.parent),
        "host": socket.gethostname(),
        "home": str(Path.home()),
        "root": os.geteuid() == 0,
        "linux": sys.platform == "linux" and Path("/proc/self/stat").exists(),
        "git": shutil.which("git") is not None,
    }


class _Place:
    """One question's run, tenancy and folders, with the names in it checked."""

    def __init__(self, root: Path, ask: Ask) -> None:
        self.ask = ask
        self.root = root
        self.run = _checked(_NAME, ask["run"], "run")
        self.runs = root / "runs" / self.run
        self.number = int(ask["number"])

    # --- folders ----------------------------------------------------------------------------------

    @property
    def tenancy(self) -> str:
        """`TASK.ATTEMPT.TOKEN`."""
        return _checked(_NAME, self.ask["tenancy"], "tenancy")

    @property
    def folder(self) -> Path:
        """Of the tenancy, or of the setup in it."""
        here = self.runs / self.tenancy
        return here / "setup" if self.ask.get("setup") else here

    @property
    def tree(self) -> Path:
        """Where the agent works."""
        return self.runs / self.tenancy / "tree"

    @property
    def mirror(self) -> Path:
        """Of the repository, bare, shared by all that is done for it here."""
        return self.root / "mirrors" / f"{_checked(_NAME, self.ask['repo'], 'repo')}.git"

    def _living(self) -> Path:
        """The folder of a tenancy that exists and is not fenced."""
        top = self.runs / self.tenancy
        if not (top / BIRTH).exists():
            raise RefusedError(f"{self.tenancy} is not known here")
        if (top / FENCED).exists():
            raise RefusedError(f"{self.tenancy} is fenced: the engine has given it up")
        return top

    def _born(self) -> Path:
        """The folder of the tenancy, made if it may be."""
        top = self.runs / self.tenancy
        if not (top / BIRTH).exists():
            if self.number < _number_in(self.runs / "seen"):
                raise RefusedError(f"{self.tenancy} was asked for by an engine that is gone")
            make_private(top)
            write_private(top / BIRTH, str(self.number))
        return self._living()

    # --- git --------------------------------------------------------------------------------------

    def tips(self) -> Answer:
        """Commits that the mirror has: what is sent builds on them. A tenancy begins with this."""
        self._born()
        if not self.mirror.is_dir():
            return {"tips": []}
        rows = run_git(
            self.mirror,
            "for-each-ref",
            "--sort=-creatordate",
            f"--count={MAX_TIPS}",
            "--format=%(objectname)",
        )
        return {"tips": list(dict.fromkeys(rows.split()))}

    def put(self, body: bytes) -> Answer:
        """A piece of a file that the engine sends."""
        name, offset = self.ask["file"], int(self.ask["offset"])
        if not isinstance(name, str) or not _PUT.match(name):
            raise UsageError(f"there is no file {name!r} to be put")
        if offset < 0 or offset + len(body) > MAX_FILE:
            raise UsageError(f"{name} has more than {MAX_FILE // 1024 // 1024} MiB")
        file = self._born() / name
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, offset)  # what a try before has written behind it
            os.pwrite(fd, body, offset)
        finally:
            os.close(fd)
        return {"size": offset + len(body)}

    def prepare(self) -> Answer:
        """The clone in which the agent works, on its branch, at the commit it begins with."""
        top = self._born()
        head = _checked(_OID, self.ask["head"], "commit")
        branch = _checked(_BRANCH, self.ask["branch"], "branch")
        if (top / START).exists():
            (top / PRIVATE_TAR).unlink(missing_ok=True)
            return {"tree": str(self.tree)}
        bundle = top / "base.bundle"
        with locked(self.root / "mirrors" / "lock"):
            if not (self.mirror / "HEAD").exists():
                make_private(self.mirror)
                run_git(self.mirror, "init", "--bare", "--quiet", ".")
            if bundle.exists():
                run_git(self.mirror, "bundle", "verify", "--quiet", str(bundle))
                ref = f"+refs/heads/{branch}:refs/agentdeck/tips/{self.tenancy}"
                run_git(self.mirror, "fetch", "--quiet", "--no-tags", str(bundle), ref)
                bundle.unlink()
            run_git(self.mirror, "cat-file", "-e", f"{head}^{{commit}}")
            self._forget_tips()
        shutil.rmtree(self.tree, ignore_errors=True)  # of a try that ended half-way
        run_git(top, "clone", "--quiet", "--shared", "--no-checkout", str(self.mirror), "tree")
        run_git(self.tree, "remote", "remove", "origin")
        for key in ("name", "email"):
            if value := self.ask.get(f"user_{key}"):
                run_git(self.tree, "config", f"user.{key}", str(value))
        run_git(self.tree, "checkout", "--quiet", "-B", branch, head)
        self._furnish(top)
        write_private(top / START, f"{head} {branch}")
        (top / PRIVATE_TAR).unlink(missing_ok=True)
        return {"tree": str(self.tree)}

    def _furnish(self, top: Path) -> None:
        """Bring what is in no commit into the clone, and keep it out of commits."""
        sent = top / PRIVATE_TAR
        names = parcel.unpack(sent, self.tree) if sent.exists() else []
        source = self.root / FILES / _checked(_NAME, self.ask.get("files") or "none", "folder")
        for name in map(str, self.ask.get("linked", ())):
            names += [name.strip("/")] if link_in(source, self.tree, name) else []
        for name in map(str, self.ask.get("cached", ())):
            names += [goal] if (goal := clone_in(source, self.tree, name)) else []
        told = (top / EXCLUDES).read_bytes() if (top / EXCLUDES).exists() else b""
        lines = "".join(f"{exclude_line(name)}\n" for name in names)
        exclude = self.tree / ".git" / "info" / "exclude"
        exclude.parent.mkdir(exist_ok=True)
        exclude.write_bytes(told + lines.encode(errors="surrogateescape"))

    def _forget_tips(self) -> None:
        """Keep the newest refs alone; the objects stay, nothing is collected here."""
        rows = run_git(
            self.mirror, "for-each-ref", "--sort=-creatordate", "--format=%(refname)"
        ).split()
        for ref in rows[MAX_TIPS:]:
            run_git(self.mirror, "update-ref", "-d", ref)

    def collect(self) -> Answer:
        """Commit what the agent left, and pack its commits. What cannot be taken is a `lack`."""
        top = self._living()
        start, _, branch = (top / START).read_text().partition(" ")
        if isinstance(processes.look(top), processes.Running):
            raise RefusedError(f"the agent of {self.tenancy} is alive")
        box = read_box(top)
        git = partial(run_git, inside=None if box is None else partial(boxed, self.root, top, box))
        try:
            head, left = bring_home(self.tree, branch, start, str(self.ask["message"]), git)
        except CannotTake as lack:
            return {"lack": str(lack)}
        bundle = self._bundle()
        bundle.unlink(missing_ok=True)
        size = 0
        if head != start:
            git(self.tree, "update-ref", RESULT_REF, head)
            have = f"^{start}"
            git(self.tree, "bundle", "create", "--quiet", str(bundle), RESULT_REF, have)
            size = bundle.lstat().st_size
            if size > MAX_WORK:
                bundle.unlink()
                return {"lack": f"its commits have more than {MAX_WORK // 1024 // 1024} MiB"}
        return {"head": head, "left": left, "size": size}

    def _bundle(self) -> Path:
        """Where its commits are packed: where git may write, if that is in a sandbox."""
        top = self.runs / self.tenancy
        return (top / OWN if (top / BOX).exists() else top) / "work.bundle"

    # --- processes --------------------------------------------------------------------------------

    def launch(self) -> Answer:
        """Start the agent, or the setup of its clone, or find it started."""
        top, folder = self._living(), self.folder
        tag = str(self.ask["tag"])
        argv = [str(word) for word in self.ask["argv"]]
        extra = variables(f"agentdeck-{self.run}-{self.tenancy}".replace(".", "-"), self._ports())
        extra |= {str(name): str(value) for name, value in self.ask["env"].items()}
        make_private(folder)
        if self.ask.get("tools"):
            make_private(folder / mail.FOLDER)
        if home := self.ask.get("home"):
            make_private(self.runs / "homes" / _checked(_NAME, home, "home"))
        write_private(folder / TAG, tag)
        write_private(folder / DEADLINE, str(time.time() + float(self.ask["limit_s"])))
        if self.ask.get("box") is not None:
            argv = list(self._into_box(argv))
            extra |= temporary_variables(folder)
        environment = child_environment(os.environ, tag=tag, extra=extra, cwd=str(self.tree))
        mode = self.ask["stdin"]
        if mode not in ("null", "fifo", "file"):
            raise UsageError(f"there is no input {mode!r}")
        if (top / FENCED).exists():  # a poll came between
            raise RefusedError(f"{self.tenancy} is fenced: the engine has given it up")
        child = processes.launch(folder, argv, self.tree, environment, stdin=mode)
        return {"child": _identities(child), "confined": read_confined(top)}

    def _into_box(self, argv: list[str]) -> tuple[str, ...]:
        """The command inside of the sandbox that is asked for, which was tried."""
        top, asked = self.runs / self.tenancy, self.ask["box"]
        files = self.root / FILES / _checked(_NAME, asked["files"], "folder")
        box = box_of(asked, self.mirror, files)
        note_box(top, box)
        if isinstance(processes.look(top), processes.NeverStarted):
            try_box(self.root, top, box)
        return boxed(self.root, top, box, argv)

    def _ports(self) -> int | None:
        """The first of the ports that the worktree has to itself on this machine."""
        return claim(self.root, self.tree)

    def _child(self) -> processes.Child | None:
        found = processes.look(self.folder)
        return found.child if isinstance(found, processes.Running) else None

    def _tag(self) -> str:
        return (self.folder / TAG).read_text()

    def freeze(self) -> Answer:
        """Stop the whole tree where it stands."""
        self._living()
        child = self._child()
        return {"still": len(freeze(child, self._tag())) if child is not None else 0}

    def thaw(self) -> Answer:
        """Let it go on."""
        self._living()
        if (child := self._child()) is not None:
            thaw(child, self._tag())
        return {}

    async def stop(self) -> Answer:
        """End the tree: interrupt, terminate, kill, with grace between."""
        first, second = self.ask["grace_s"]
        child = await asyncio.to_thread(self._child)
        if child is not None:
            await stop(child, self._tag(), grace_s=(float(first), float(second)))
        return {}

    def say(self, body: bytes) -> Answer:
        """Write to the agent's input, once."""
        folder = self._living()
        seen = (lambda: (folder / "raw.log").stat().st_size > 0) if self.ask["shows"] else None
        try:
            say(folder, str(self.ask["word"]), body, seen=seen)
        except InputIsClosed:
            return {"closed": True}
        return {}

    def close(self) -> Answer:
        """Nothing more is said to the agent."""
        folder = self._living()
        note_closed(folder)
        if (child := self._child()) is not None:
            close_stdin(child)
        return {}

    # --- calls of tools ---------------------------------------------------------------------------

    def _key(self) -> str:
        return _checked(mail.KEY, self.ask["key"], "key of a call")

    def call(self) -> tuple[Answer, bytes]:
        """What the agent calls."""
        key = self._key()
        return {}, mail.read_call(self._living() / mail.FOLDER, key)

    def answer(self, body: bytes) -> Answer:
        """What comes of a call."""
        if len(body) > mail.MAX_ANSWER:
            raise UsageError(f"an answer has at most {mail.MAX_ANSWER:,} bytes")
        key = self._key()
        mail.answer(self._living() / mail.FOLDER, key, body)
        return {}

    # --- looking ----------------------------------------------------------------------------------

    def poll(self) -> tuple[Answer, bytes]:
        """How the tenancies are that the engine counts on, with what their logs have more.

        All others of the run are fenced, if they are older than the question.
        """
        make_private(self.runs)
        seen = self.runs / "seen"
        if self.number > _number_in(seen):
            write_private(seen, str(self.number))
        wanted: Mapping[str, tuple[int, float]] = self.ask["tenancies"]
        counted = [*wanted, *self.ask["spared"]]  # it may have others, asked for another way
        names = {_checked(_NAME, name, "tenancy") for name in counted}
        fenced = [name for name in self._known() if name not in names and self._fence(name)]
        end_overdue(self.runs)
        found, logs, room = {}, [], LOGS_BYTES
        for name, (offset, left_s) in wanted.items():
            put_off(self.runs / name, float(left_s))
            about, log = self._about(self.runs / name, int(offset), min(room, CHUNK))
            found[name] = about
            logs.append(log)
            room -= len(log)
        return {"tenancies": found, "fenced": fenced}, b"".join(logs)

    def _known(self) -> Iterator[str]:
        for birth in self.runs.glob(f"*/{BIRTH}"):
            yield birth.parent.name

    def _fence(self, name: str) -> bool:
        """Give a tenancy up for good, unless it is younger than the question. Was it alive?"""
        top = self.runs / name
        if _number_in(top / BIRTH) > self.number:
            return False
        write_private(top / FENCED, str(self.number))  # first: nothing starts after this
        lived = [_kill(folder) for folder in (top, top / "setup")]
        _forget(top)
        return any(lived)

    def _about(self, top: Path, offset: int, most: int) -> tuple[Answer, bytes]:
        if not (top / BIRTH).exists():
            return {"state": "unknown", "log": 0}, b""
        setup = processes.look(top / "setup")
        about: Answer = {"setup": _word(setup)}
        if isinstance(setup, processes.Finished):
            about["setup_code"] = setup.code
        found = processes.look(top)
        size = _size(top / "raw.log")
        log = _read(top / "raw.log", offset, most)
        about |= {"state": _word(found), "log": len(log), "size": size}
        match found:
            case processes.Running(child):
                tag = (top / TAG).read_text()
                about["child"] = _identities(child)
                about["cpu_s"] = usage(child, tag).cpu_s
                about["still"] = stands_still(child, tag)
                if (confined := read_confined(top)) is not None:
                    about["confined"] = confined
                if calls := mail.waiting(top / mail.FOLDER):
                    about["calls"] = calls
            case processes.Finished(code, ended_at, too_long):
                if (ended := processes.read_child(top)) is not None:
                    processes.reap(ended.launcher)
                about |= {"code": code, "ended_at": ended_at, "too_long": too_long}
            case processes.Lost(child):
                about["child"] = _identities(child)
            case _:
                pass
        return about, log

    def read(self) -> tuple[Answer, bytes]:
        """A piece of a file of the tenancy."""
        name = self.ask["file"]
        if name not in ("raw.log", "work.bundle"):
            raise UsageError(f"there is no file {name!r} to be read")
        self._living()
        file = self._bundle() if name == "work.bundle" else self.folder / name
        data = _read(file, int(self.ask["offset"]), CHUNK)
        return {"size": _size(file)}, data

    def clean(self) -> Answer:
        """Forget the tenancy: its work is on a ref of the engine's repository, or given up."""
        top = self.runs / self.tenancy
        if (top / BIRTH).exists():
            write_private(top / FENCED, str(self.number))
            for folder in (top, top / "setup"):
                _kill(folder)
            _forget(top)
        return {}


def _forget(top: Path) -> None:
    forget_temporary(top)
    shutil.rmtree(top, ignore_errors=True)


def put_off(top: Path, left_s: float) -> None:
    """The engine has been heard: an agent may work for so long from now on without another word."""
    for note in (top / DEADLINE, top / "setup" / DEADLINE):
        with suppress(OSError, ValueError):
            at = time.time() + left_s
            if at - float(note.read_text()) > PUT_OFF_S:
                write_private(note, str(at))


def end_overdue(runs: Path) -> None:
    """End agents of a run whose time is up, as its engine would have, were it there."""
    for note in (*runs.glob(f"*/{DEADLINE}"), *runs.glob(f"*/setup/{DEADLINE}")):
        folder = note.parent
        if (folder / "exit").exists():
            continue
        with suppress(OSError, ValueError):
            if time.time() > float(note.read_text()):
                _kill(folder)


def end_overdue_everywhere(root: Path) -> None:
    """The same, for all runs that were ever here."""
    for runs in (root / "runs").glob("*"):
        end_overdue(runs)


def has_begun(root: Path, run: str, tenancy: str) -> bool:
    """Is a tenancy known here?"""
    return (_top(root, run, tenancy) / BIRTH).exists()


def is_over(root: Path, run: str, tenancy: str) -> bool:
    """Does nothing of a tenancy live, or will, as far as can be seen here?"""
    top = _top(root, run, tenancy)
    return not (top / BIRTH).exists() or (top / FENCED).exists() or (top / "exit").exists()


def _top(root: Path, run: str, tenancy: str) -> Path:
    return root / "runs" / _checked(_NAME, run, "run") / _checked(_NAME, tenancy, "tenancy")


def _kill(folder: Path) -> bool:
    """Kill what lives of a folder's agent, by identity. Did anything?"""
    with suppress(DeckError):
        found = processes.look(folder)
        if not isinstance(found, processes.Running):
            return False
        tag = (folder / TAG).read_text()
        seen = {found.child.agent}
        with suppress(TreeFault):
            seen |= freeze(found.child, tag)
        for identity in seen:
            with suppress(PermissionError):
                send(identity, signal.SIGKILL)
        with suppress(TreeFault):
            sweep(tag, seen, since=found.child.agent)
        _see_off(found.child.launcher)
        return True
    return False


def _see_off(launcher: ProcessIdentity) -> None:
    """Wait until it has noted how its agent ended: what it wrote later would keep the folder."""
    begun = time.monotonic()
    while is_alive(launcher) and time.monotonic() - begun < 2 * LAUNCHER_S:
        processes.reap(launcher)
        if time.monotonic() - begun > LAUNCHER_S:
            with suppress(PermissionError):
                send(launcher, signal.SIGKILL)
        time.sleep(LOOK_S)


def _word(found: processes.Found) -> str:
    match found:
        case processes.NeverStarted():
            return "none"
        case processes.Running():
            return "running"
        case processes.Finished():
            return "ended"
        case processes.Lost():
            return "lost"


def _identities(child: processes.Child) -> list[list[object]]:
    return [[one.pid, one.start_ticks, one.boot_id] for one in (child.launcher, child.agent)]


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:
        return 0


def _read(file: Path, offset: int, most: int) -> bytes:
    if most <= 0 or offset < 0:
        return b""
    try:
        fd = open_plain(file)
    except (FileNotFoundError, NotPlainError):
        return b""
    try:
        return os.pread(fd, min(most, CHUNK), offset)
    finally:
        os.close(fd)


def _number_in(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _checked(rule: re.Pattern[str], value: object, what: str) -> str:
    if not isinstance(value, str) or not rule.match(value) or ".." in value:
        raise UsageError(f"{value!r} is no {what}")
    return value


def answer_lines() -> None:
    """Answer questions on standard input until it ends: a line of JSON, then its body.

    The first argument is the root. Each answer goes out the same way.
    """
    import json

    root = Path(sys.argv[1]).expanduser()
    make_private(root)
    while line := sys.stdin.buffer.readline():
        ask = json.loads(line)
        body = sys.stdin.buffer.read(int(ask.pop("body", 0)))
        answer, data = asyncio.run(act(root, ask, body))
        head = json.dumps(answer | {"body": len(data)}).encode()
        sys.stdout.buffer.write(head + b"\n" + data)
        sys.stdout.buffer.flush()


__all__ = [
    "CHUNK",
    "MAX_WORK",
    "PROTOCOL",
    "RESULT_REF",
    "act",
    "answer_lines",
    "end_overdue_everywhere",
    "has_begun",
    "is_over",
]
