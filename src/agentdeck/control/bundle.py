"""A debug bundle: one archive with what somebody who was not there needs to understand a run.

Rules:
- Texts only, each cut to its last bytes and redacted before it goes into the archive.
  Work of agents is not in it: no diffs, no worktrees, no files of the repository, no prompts beside
  those of the plan and the journal.
- The archive is for its owner alone and never written over another file. What is in it is said.
- A part that cannot be read is left out, and that is said too: a sick run is what it is for.
"""

from __future__ import annotations

import io
import os
import platform
import sqlite3
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from agentdeck import __version__
from agentdeck.control.diagnosis import diagnose
from agentdeck.control.redaction import redacted, secrets_of
from agentdeck.control.runs import fold_sound
from agentdeck.control.user_folder import user_folder
from agentdeck.core.codec import encode_recorded
from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.core.lanes import lanes
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.plain_files import open_plain

MAX_EVENTS: Final = 200_000  # of the journal; a run of a day has a tenth
TAIL: Final = 256 * 1024  # bytes of the engine's logs
LOG_TAIL: Final = 32 * 1024  # bytes of one agent's or gate's log
MAX_LOGS: Final = 400  # of agents and gates together, the newest first
MAX_CONFIG: Final = 64 * 1024  # bytes of one file
GIT_S: Final = 20.0  # for one look
SHOWN_COMMITS: Final = 200


class Part(msgspec.Struct, frozen=True):
    """One file of the archive."""

    name: str
    bytes: int
    problem: str = ""  # why it is not in it


def write_bundle(folder: RunFolder, to: Path, now: float | None = None) -> tuple[Part, ...]:
    """Write the archive; what is in it.

    Args:
        to: a file that is not there yet.
        now: seconds since the epoch; None = the present.

    Raises:
        EnvironmentFault: it cannot be written, or something is there already.
    """
    now = time.time() if now is None else now
    parts: list[Part] = []
    try:
        fd = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EnvironmentFault(
            f"{to} cannot be written: {error.strerror}", hint="name another file with -o"
        ) from error
    try:
        with os.fdopen(fd, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            known = _known(folder)
            for name, text in _parts(folder, now):
                data = redacted(text, known).encode()
                info = tarfile.TarInfo(f"{folder.run}/{name}")
                info.size, info.mode, info.mtime = len(data), 0o600, int(now)
                archive.addfile(info, io.BytesIO(data))
                parts.append(Part(name, len(data)))
    except OSError as error:
        to.unlink(missing_ok=True)
        raise EnvironmentFault(
            f"{to} cannot be written: {error.strerror}", hint="free some space, or use -o"
        ) from error
    return tuple(parts)


def _known(folder: RunFolder) -> Mapping[str, str]:
    try:
        return {**os.environ, **secrets_of(fold_sound(folder)[0].plan)}
    except DeckError:
        return os.environ


def _parts(folder: RunFolder, now: float) -> Iterator[tuple[str, str]]:
    yield "about.json", _about(folder, now)
    yield "diagnosis.json", _diagnosis(folder, now)
    yield "journal.jsonl", _journal(folder)
    for file in (folder.plan, folder.path / "heartbeat.json", folder.path / "journal.mark"):
        if file.is_file():
            yield file.name, _tail(file, TAIL)
    for pattern in ("engine.log*", "engine.out"):
        for file in sorted(folder.path.glob(pattern)):
            yield file.name, _tail(file, TAIL)
    yield "refs.txt", _refs(folder)
    yield from _logs(folder)
    config = user_folder()
    for file in sorted(config.rglob("*.toml"))[:MAX_LOGS]:
        yield f"config/{file.relative_to(config)}", _tail(file, MAX_CONFIG)


def _about(folder: RunFolder, now: float) -> str:
    told = {
        "run": folder.run,
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "agentdeck": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "git": _git(None, "--version"),
        "platform": platform.platform(),
        "variables": sorted(n for n in os.environ if n.startswith(("AGENTDECK_", "XDG_", "GIT_"))),
        "files": [
            {"name": file.name, "bytes": file.stat().st_size, "mode": oct(file.stat().st_mode)}
            for file in sorted(folder.path.iterdir())
            if file.is_file()
        ],
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _diagnosis(folder: RunFolder, now: float) -> str:
    try:
        findings = diagnose(folder, now).findings
    except DeckError as fault:
        return f"{fault.message}\n"
    return msgspec.json.format(msgspec.json.encode(findings), indent=2).decode() + "\n"


def _journal(folder: RunFolder) -> str:
    lines: list[str] = []
    try:
        journal = Journal(folder.journal)
        try:
            for recorded in journal.history():
                lines.append(encode_recorded(recorded).decode())
                if len(lines) == MAX_EVENTS:
                    break
        finally:
            journal.close()
    except DeckError as fault:
        lines.append(msgspec.json.encode({"damage": fault.message}).decode())
    return "\n".join(lines) + "\n"


def _refs(folder: RunFolder) -> str:
    try:
        state = fold_sound(folder)[0]
    except DeckError as fault:
        return f"{fault.message}\n"
    told = []
    for lane in lanes(state):
        repo = Path(lane.repo)
        told += [*_run_refs(lane, repo), _git(repo, "worktree", "list")]
    return "\n".join(told)


def _run_refs(state: RunState, repo: Path) -> Iterator[str]:
    form = "--format=%(objectname) %(refname) %(subject)"
    heads = (f"refs/heads/{state.target}", f"refs/heads/{state.base}")
    own = (
        f"refs/heads/deck/{state.run}",
        f"refs/agentdeck/keep/{state.run}",
        f"refs/agentdeck/runs/{state.run}",
    )
    yield _git(repo, "for-each-ref", form, *heads, *own)
    span = f"{state.base_commit}..refs/heads/{state.target}"
    flags = ("--first-parent", f"--max-count={SHOWN_COMMITS}", "--format=%H %P %s")
    yield _git(repo, "log", *flags, span, "--")


def _git(repo: Path | None, *args: str) -> str:
    where = () if repo is None else (f"--git-dir={repo}", "--no-optional-locks")
    try:
        done = subprocess.run(
            ["git", *where, *args], capture_output=True, text=True, timeout=GIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"git: {error}\n"
    return done.stdout if done.returncode == 0 else done.stderr


def _logs(folder: RunFolder) -> Iterator[tuple[str, str]]:
    files = [
        file
        for kind in ("attempts", "gates", "reviews")
        for name in ("raw.log", "exit", "pid")
        for file in (folder.path / kind).glob(f"*/{name}")
    ]
    for file in sorted(files, key=_changed_at, reverse=True)[:MAX_LOGS]:
        yield str(file.relative_to(folder.path)), _tail(file, LOG_TAIL)


def _changed_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _tail(file: Path, most: int) -> str:
    """The last bytes of a file, from a line's start: half a secret would not be known for one."""
    try:
        with os.fdopen(open_plain(file), "rb") as data:
            size = data.seek(0, os.SEEK_END)
            data.seek(max(0, size - most))
            found = data.read(most)
    except OSError as error:
        return f"{file.name} cannot be read: {error.strerror}\n"
    if size > most:
        found = found[found.find(b"\n") + 1 :]
    return found.decode(errors="replace")


__all__ = ["Part", "write_bundle"]
