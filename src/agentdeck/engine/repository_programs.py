"""Programs that the configuration of a repository names, and git of the engine runs for it.

An agent can write the configuration that all worktrees share: a filter, a merge driver, a program
that signs. git of the engine must not run what an agent has put there.

Rules:
- What a person had set when the run began is what git of the engine uses, whatever the
  configuration says by now. Where they had set nothing, it uses what their own files say, or what
  git has, or nothing.
- Only the repository's own files are doubted; those of the person and the machine are theirs.
- The files are looked at before each command (their times and sizes) and read when they have
  changed. Who changes them in the millisecond between that and the command is not kept out; a
  sandbox in which they are read-only keeps everybody out.
- Hooks and fsmonitor are off in any case, see `engine.git`.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.engine.enginelog import log

LIST: Final = ("config", "--list", "--show-scope", "--includes", "-z")
MAX_KNOWN: Final = 200  # worktrees whose settings are remembered; more are not live at once
NAMED: Final = 5  # settings in one line of the log
_TRUE: Final = frozenset({"true", "yes", "on", "1", ""})  # as git reads them
_OWN: Final = frozenset({"local", "worktree"})  # scopes that belong to the repository

# Which settings, and what is used where a person had set nothing. An empty filter changes nothing;
# a merge driver does what git does by itself.
_HARMLESS: Final = (
    (re.compile(r"filter\..*\.(clean|smudge|process)", re.DOTALL), ""),
    (re.compile(r"filter\..*\.required", re.DOTALL), "false"),
    (re.compile(r"merge\..*\.driver", re.DOTALL), "git merge-file --marker-size=%L %A %O %B"),
    (re.compile(r"gpg\.program|gpg\.openpgp\.program"), "gpg"),
    (re.compile(r"gpg\.ssh\.program"), "ssh-keygen"),
    (re.compile(r"gpg\.x509\.program"), "gpgsm"),
    (re.compile(r"gpg\.ssh\.defaultkeycommand|core\.gitproxy|core\.alternaterefscommand"), ""),
    (re.compile(r"core\.sshcommand"), "ssh"),
    (re.compile(r"commit\.gpgsign"), "false"),
)

Mark = tuple[int, ...]  # what tells that a file has not changed; () = there is none


@dataclass(frozen=True, slots=True)
class _Known:
    """What was found when the files were as `marks` says."""

    marks: tuple[Mark, ...]
    instead: Mapping[str, str]


def programs_in(listed: bytes) -> dict[str, str]:
    """The settings of the repository itself that name programs, by key, from git's list."""
    rows = _settings(listed)
    return {
        key: value for scope, key, value in rows if scope in _OWN and _harmless(key) is not None
    }


class RepositoryPrograms:
    """What git of the engine uses instead of what the repository says by now. For many threads."""

    def __init__(self, common: Path, trusted: Mapping[str, str]) -> None:
        """Nothing is read yet.

        Args:
            common: the git directory that all worktrees share.
            trusted: as `programs_in` found them when the run began.
        """
        self._common = common
        self._trusted = trusted
        self._known: dict[Path, _Known] = {}
        self._told: frozenset[str] = frozenset()
        self._turn = threading.Lock()

    def instead(
        self, git_dir: Path | None, listed: Callable[[Sequence[str]], bytes]
    ) -> Mapping[str, str]:
        """The settings that a command needs so that it runs nothing that an agent has named.

        Args:
            git_dir: of the worktree in which it works; None = the user's checkout.
            listed: what git prints, for the arguments that list a configuration.
        """
        place = git_dir or self._common
        files = (self._common / "config", self._common / "config.worktree")
        marks = tuple(_mark(file) for file in (*files, place / "config.worktree"))
        with self._turn:
            known = self._known.get(place)
        if known is not None and known.marks == marks:
            return known.instead
        rows = list(_settings(listed((f"--git-dir={place}", *LIST))))
        own = [(key, value) for scope, key, value in rows if scope in _OWN]
        wider = {key: value for scope, key, value in rows if scope not in _OWN}
        instead = dict(self._instead(own, wider))
        may_change = any(key.startswith("include") for key, _ in own)  # in another file
        with self._turn:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            if not may_change:
                self._known[place] = _Known(marks, instead)
            new = sorted(instead.keys() - self._told)
            self._told |= instead.keys()
        if new:
            more = f" and {len(new) - NAMED} more" if len(new) > NAMED else ""
            log.warning(
                "the configuration of the repository was changed while the run went on, and git of "
                "the engine does not heed it: %s%s",
                ", ".join(new[:NAMED]),
                more,
            )
        return instead

    @property
    def signing(self) -> str | None:
        """Whether a person had the repository sign commits: `true`, `false`, or None: not said."""
        said = self._trusted.get("commit.gpgsign")
        return None if said is None else "true" if said.lower() in _TRUE else "false"

    def _instead(
        self, own: Sequence[tuple[str, str]], wider: Mapping[str, str]
    ) -> Iterator[tuple[str, str]]:
        for key, value in own:
            harmless = _harmless(key)
            if harmless is None:
                continue
            wanted = self._trusted.get(key, wider.get(key, harmless))
            if value != wanted:
                yield key, wanted


def _settings(listed: bytes) -> Iterator[tuple[str, str, str]]:
    """Scope, key and value of each setting."""
    fields = [os.fsdecode(field) for field in listed.split(b"\0")]
    for scope, setting in zip(fields[::2], fields[1::2], strict=False):
        key, _, value = setting.partition("\n")
        yield scope, key, value


def _harmless(key: str) -> str | None:
    """What is used where nobody had set this; None: it names no program."""
    return next((value for pattern, value in _HARMLESS if pattern.fullmatch(key)), None)


def _mark(file: Path) -> Mark:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
