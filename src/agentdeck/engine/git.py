"""The git command line, bound to one repository: how every git of the engine is started.

Rules:
- Commands are argv lists. The environment is cleaned of what points a git elsewhere, nothing can
  prompt or open an editor, hooks, signing, automatic gc and the fsmonitor daemon are off.
- Once it is told what a person had set (`trust`), it runs no filter, merge driver or other program
  that somebody has put into the configuration of the repository since.
- A git that a signal ended has answered nothing. That is raised, also where a failure would be an
  answer: else a ref would be gone, or a commit lost, because the git that was asked has died.
- Reads take no lock, not even git's optional ones. `write=True` makes what is written durable and
  takes the lock of the repository: a `flock` whose descriptor the git child inherits. If the engine
  is killed, the next one waits until the orphaned git is gone.
- A ref moves only by compare-and-swap.
- Everything here blocks; the engine calls it in threads.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault, NotFoundError, UsageError
from agentdeck.core.events import FileTouched
from agentdeck.engine import failpoints
from agentdeck.engine.environment import append_git_config
from agentdeck.engine.failpoints import GitMoment, Place
from agentdeck.engine.plain_files import open_plain
from agentdeck.engine.repository_programs import LIST, RepositoryPrograms, programs_in

OLDEST_GIT: Final = (2, 38)  # the first with `merge-tree --write-tree`
COMMAND_TIMEOUT_S: Final = 120.0  # plumbing takes milliseconds; this only ends a hang
CHECKOUT_TIMEOUT_S: Final = 1_800.0  # 50,000 files took 45 s on a slow disk
LOCK_TIMEOUT_S: Final = 300.0  # an orphaned git may still be at work
STALE_LOCK_S: Final = 10.0  # git holds the lock file of a ref for milliseconds
OUR_REFS: Final = ("refs/heads/deck/", "refs/agentdeck/")  # nobody else's git should move these
MAX_LINE: Final = 16 * 1024  # bytes of a small file of git's: a path of 4,096, and what leads to it
LOCK_POLL_S: Final = (0.001, 0.05)  # first and longest pause between two tries of a flock
NO_SUCH_COMMAND: Final = 127  # the exit status that a shell has for one it cannot start
ERROR_LINES: Final = 6  # of git's stderr in an error; the fault is said last
KNOWN_PARENTS: Final = 1_000  # of commits that were just made; each is asked for once more
NO_OBJECT: Final = "0" * 40  # as OLD of update-ref: the ref must not exist yet
KEEP: Final = "refs/agentdeck/keep"  # below it: commits that no branch of the user holds

_QUIET: Final = {
    "gc.auto": "0",  # a gc in one worktree can break what another one is writing
    "maintenance.auto": "false",
    "core.fsmonitor": "false",  # its daemon would inherit the lock and keep it
    "core.hooksPath": "/dev/null",
    "core.safecrlf": "false",  # else `add` may refuse what an agent wrote
    "commit.gpgSign": "false",
    "submodule.recurse": "false",
    "diff.ignoreSubmodules": "dirty",  # git would run in a repository whose settings are an agent's
    "i18n.commitEncoding": "UTF-8",
    "log.showSignature": "false",  # it would have `log` and `show` run a program
}
_DURABLE: Final = {
    "core.fsync": "committed",  # by default neither loose objects nor refs are synced
    "core.filesRefLockTimeout": "2000",  # ms; the default of 100 loses against a busy disk
    "core.packedRefsTimeout": "5000",  # ms
}
# What a hook, an agent or a script that started us may have set, and what would lead git astray.
_ASTRAY: Final = frozenset(
    "GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_PREFIX "
    "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_NAMESPACE GIT_CONFIG GIT_CONFIG_PARAMETERS "
    "GIT_AUTHOR_DATE GIT_COMMITTER_DATE GIT_SHALLOW_FILE GIT_GRAFT_FILE GIT_TRACE GIT_EXEC_PATH "
    "GIT_INTERNAL_SUPER_PREFIX GIT_LITERAL_PATHSPECS GIT_GLOB_PATHSPECS GIT_NOGLOB_PATHSPECS "
    "GIT_ICASE_PATHSPECS GIT_EXTERNAL_DIFF GIT_DIFF_OPTS GIT_QUARANTINE_PATH".split(" ")
)
_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")


class GitError(EnvironmentFault):
    """A git command failed, or did not end in time."""

    def __init__(self, args: Sequence[str], code: int | None, err: str) -> None:
        self.code = code
        lines = [line for line in err.strip().splitlines() if line.strip()][-ERROR_LINES:]
        how = "did not end in time" if code is None else f"failed with exit {code}"
        if code is not None and code < 0:
            how = f"was ended by signal {-code}"
        said = ": " + "; ".join(lines) if lines else ""
        shown = (
            part for part in args if not part.startswith(("--git-dir=", "--work-tree="))
        )  # long, and says little
        super().__init__(
            f"git {' '.join(shown)} {how}{said}", hint="the repository is as that git left it"
        )


class GitKilled(GitError):
    """A git was ended by a signal: it has answered nothing, and may have done all, some or none.

    No fault of the repository or of anybody's work. Who looks at what is there can begin again.
    """


class RefMoved(EnvironmentFault):
    """A compare-and-swap lost: the ref was not where it was expected. `found` is None if gone."""

    def __init__(self, ref: str, expected: str | None, found: str | None) -> None:
        self.ref, self.expected, self.found = ref, expected, found
        super().__init__(
            f"{ref} was expected {f'at {expected}' if expected else 'not to exist'} "
            f"and is {f'at {found}' if found else 'gone'}",
            hint="somebody else moved it; look again and decide anew",
        )


@dataclass(frozen=True, slots=True)
class GitResult:
    """What a git command gave back."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """The output without white space around it. Foreign bytes survive as surrogates."""
        return os.fsdecode(self.out).strip()

    @property
    def fields(self) -> list[str]:
        """The output of a `-z` command, split."""
        return os.fsdecode(self.out).split("\0")[:-1]


@contextmanager
def hold_flock(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[int]:
    """Hold an exclusive `flock` on a file and yield its descriptor, for children to inherit.

    It is let go by closing, never by LOCK_UN: a child that outlives us keeps the lock.

    Raises:
        EnvironmentFault: somebody else held it all the time.
    """
    # No link is followed: some of these files lie where an agent may write.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline, pause = time.monotonic() + timeout_s, LOCK_POLL_S[0]
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise EnvironmentFault(
                        f"{path} has been locked by another process for {timeout_s:.0f} s",
                        hint="another agentdeck, or a git that it started, is still writing",
                    ) from None
                time.sleep(pause)
                pause = min(pause * 2, LOCK_POLL_S[1])
        yield fd
    finally:
        os.close(fd)


def is_oid(text: str) -> bool:
    """Whether this is a whole object name."""
    return _OID.match(text) is not None


class Git:
    """One repository. Make it with `Git.discover`. Safe to use from many threads."""

    def __init__(self, common: Path, checkout: Path, version: tuple[int, int]) -> None:
        self.common = common  # the git directory that all worktrees share
        self.checkout = (
            checkout  # top folder of the user's checkout, which may be a linked worktree
        )
        self.version = version
        self.lock_file = common / "agentdeck.lock"
        self._env = _clean_env()
        self._turn = threading.RLock()
        self._depth = 0
        self._lock_fd = -1
        self._parents: dict[str, str] = {}
        self._signs: bool | None = None
        self._programs: RepositoryPrograms | None = None

    @classmethod
    def discover(cls, path: Path) -> Git:
        """The repository that holds `path`: any folder of a checkout, or of a linked worktree.

        Raises:
            UsageError: `path` is in no checkout, or in a bare repository.
            EnvironmentFault: git is missing or too old.
        """
        version = _git_version()
        where = path if path.is_dir() else path.parent
        asked = ["rev-parse", "--path-format=absolute", "--is-bare-repository"]
        probe = cls(where, where, version)
        found = probe.run(*asked, "--git-common-dir", "--show-toplevel", check=False)
        lines = os.fsdecode(found.out).splitlines()
        if found.code != 0 or len(lines) != 3:
            if lines[:1] == ["true"]:
                raise UsageError(
                    f"{path} is a bare git repository", hint="name a checkout or worktree of it"
                )
            said = found.err.strip().splitlines()
            raise UsageError(
                f"{path} is in no git checkout" + (f": {said[0]}" if said else ""),
                hint="run it inside a git repository, or make one with git init",
            )
        git = cls(Path(lines[1]).resolve(), Path(lines[2]).resolve(), version)
        git._env |= git._identity()
        return git

    def programs(self) -> dict[str, str]:
        """The programs that the configuration of the repository itself names now, by key."""
        return programs_in(self.run(*LIST).out)

    def trust(self, programs: Mapping[str, str]) -> None:
        """From now on run only these of the programs that the repository names."""
        self._programs = RepositoryPrograms(self.common, programs)

    def run(
        self,
        *args: str,
        cwd: Path | None = None,
        git_dir: Path | None = None,
        stdin: str | None = None,
        check: bool = True,
        write: bool = False,
        env: Mapping[str, str] | None = None,
        fds: Sequence[int] = (),
        timeout_s: float = COMMAND_TIMEOUT_S,
    ) -> GitResult:
        """Run one git command.

        Args:
            args: without the leading `git`.
            cwd: where; the user's checkout if not said.
            git_dir: of the worktree in which it works, where that is a linked one.
            stdin: text for its input; without it the input is empty.
            check: whether an exit other than 0 is an error.
            write: durable, and under the lock of the repository.
            env: added to the environment.
            fds: descriptors that the child inherits, of locks that it keeps if we die.
            timeout_s: after which it is killed.

        Raises:
            GitError: it failed (with `check`), or did not end in time.
            GitKilled: a signal ended it.
        """
        added = dict(env or {})
        instead = self._instead(git_dir)
        if instead:
            append_git_config(added, instead, self._env)
        if not write:
            return self._start(args, _QUIET, cwd, stdin, check, added, tuple(fds), timeout_s)
        durable = _QUIET | _DURABLE
        with self.writing() as fd:
            return self._start(args, durable, cwd, stdin, check, added, (*fds, fd), timeout_s)

    def _instead(self, git_dir: Path | None) -> Mapping[str, str]:
        """Settings that keep git from running what is not trusted."""
        if self._programs is None:
            return {}

        def listed(args: Sequence[str]) -> bytes:
            words, limit_s = tuple(args), COMMAND_TIMEOUT_S
            return self._start(words, _QUIET, None, None, False, {}, (), limit_s).out

        return self._programs.instead(git_dir, listed)

    def _start(
        self,
        args: tuple[str, ...],
        settings: Mapping[str, str],
        cwd: Path | None,
        stdin: str | None,
        check: bool,
        env: Mapping[str, str],
        fds: tuple[int, ...],
        timeout_s: float,
    ) -> GitResult:
        flags = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        try:
            process = subprocess.Popen(
                ["git", *flags, *args],
                cwd=cwd or (self.checkout if self.checkout.is_dir() else self.common),
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**self._env, **env},
                pass_fds=fds,
                process_group=0,  # Ctrl-C at a headless engine must not end a git half-way
            )
        except OSError as fault:
            raise GitError(args, NO_SUCH_COMMAND, str(fault)) from fault
        failpoints.git(args, GitMoment.RUNNING)
        with process:
            try:
                text = None if stdin is None else os.fsencode(stdin)
                out, said = process.communicate(text, timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise GitError(args, None, f"killed after {timeout_s:.0f} s") from None
            except BaseException:
                process.kill()
                raise
        failpoints.git(args, GitMoment.ENDED)
        err = said.decode("utf-8", "replace")
        if process.returncode < 0:  # whatever `check` says: no answer is no "no"
            raise GitKilled(args, process.returncode, err)
        if check and process.returncode != 0:
            raise GitError(args, process.returncode, err)
        return GitResult(process.returncode, out, err)

    @contextmanager
    def writing(self, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[int]:
        """Hold the lock of the repository; a thread that has it may take it again."""
        if not self._turn.acquire(timeout=timeout_s):
            raise EnvironmentFault(
                f"{self.lock_file} was not free for {timeout_s:.0f} s",
                hint="a git command of this engine takes very long; see engine.log",
            )
        try:
            if self._depth:
                yield self._lock_fd
                return
            with hold_flock(self.lock_file, timeout_s) as fd:
                self._depth, self._lock_fd = 1, fd
                failpoints.reached(Place.REPOSITORY_LOCKED)
                try:
                    yield fd
                finally:
                    self._depth, self._lock_fd = 0, -1
        finally:
            self._turn.release()

    # --- questions ---------------------------------------------------------------------------

    def resolve(self, ref: str) -> str:
        """The commit that a name stands for. Raises NotFoundError."""
        found = self._verify(f"{ref}^{{commit}}")
        if found is None:
            empty = self._verify("HEAD^{commit}") is None
            raise NotFoundError(
                f"there is no commit {ref!r} in {self.checkout}",
                hint="a repository needs a first commit" if empty else "see git branch -a",
            )
        return found

    def ref_tip(self, ref: str) -> str | None:
        """The commit of a whole ref name (`refs/heads/x`), or None if there is no such ref."""
        return self._verify(f"{ref}^{{commit}}") if ref.startswith("refs/") else None

    def tree_of(self, commit: str) -> str:
        """The tree of a commit. Raises NotFoundError."""
        found = self._verify(f"{commit}^{{tree}}")
        if found is None:
            raise NotFoundError(f"there is no commit {commit!r}", hint="was it pruned?")
        return found

    def has(self, commit: str) -> bool:
        """Whether the repository holds a commit, on a ref or not."""
        return self.run("cat-file", "-e", f"{commit}^{{commit}}", check=False).code == 0

    def _verify(self, what: str) -> str | None:
        if what.startswith("-"):
            return None
        found = self.run("rev-parse", "--verify", "--quiet", what, check=False)
        return found.text if found.code == 0 and is_oid(found.text) else None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `old` is in the history of `new`, or is `new`."""
        args = ("merge-base", "--is-ancestor", old, new)
        found = self.run(*args, check=False)
        if found.code not in (0, 1):
            raise GitError(args, found.code, found.err)
        return found.code == 0

    def first_parent(self, commit: str) -> str | None:
        """The first parent of a commit, or None. Looked up once: it is for good."""
        if commit not in self._parents:
            found = self.run("rev-parse", "--verify", "--quiet", f"{commit}^1", check=False).text
            if not found:
                return None
            self.note_parent(commit, found)
        return self._parents[commit]

    def note_parent(self, commit: str, parent: str) -> None:
        """Remember the first parent of a commit that was just made."""
        if len(self._parents) >= KNOWN_PARENTS:
            self._parents.clear()
        self._parents[commit] = parent

    def signs(self) -> bool:
        """Whether the user has git sign their commits. Our own settings do not count, nor those
        that somebody has put into the repository since the run began.

        Asked once for each engine: it is asked for each build.
        """
        if self._signs is None:
            self._signs = self._asked_to_sign()
        return self._signs

    def _asked_to_sign(self) -> bool:
        args = ("config", "--type=bool", "--show-scope", "--get-all", "commit.gpgSign")
        rows = (row.split() for row in self.run(*args, check=False).text.splitlines())
        found = {row[0]: row[1] for row in rows if len(row) == 2}  # by scope, the widest first
        if self._programs is not None:
            found = {scope: found[scope] for scope in found if scope in ("system", "global")}
            if (trusted := self._programs.signing) is not None:
                found["local"] = trusted
        found.pop("command", None)
        return list(found.values())[-1:] == ["true"]

    def current_branch(self) -> str | None:
        """What HEAD of the user's checkout is on, or None when it is detached."""
        found = self.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False)
        return found.text if found.code == 0 else None

    def branch_state(self, branch: str) -> tuple[str | None, Path | None]:
        """The tip of a branch, and the worktree that has it checked out."""
        wanted = f"refs/heads/{branch}"
        form = "--format=%(refname)%00%(objectname)%00%(worktreepath)"
        rows = self.run("for-each-ref", form, wanted).out.splitlines()
        for row in rows:
            name, tip, path = os.fsdecode(row).split("\0")
            if name == wanted:
                return tip, Path(path) if path else None
        return None, None

    def branch_checked_out_at(self, branch: str) -> Path | None:
        """The worktree that a branch belongs to just now, or None.

        A branch that is being rebased or bisected belongs to that worktree, though HEAD is off it.
        """
        return self.branch_state(branch)[1] or self.busy_with(branch)

    def busy_with(self, branch: str) -> Path | None:
        """The worktree in which a branch is being rebased or bisected. Starts no git."""
        for git_dir in (self.common, *sorted((self.common / "worktrees").glob("*"))):
            for name in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"):
                if first_line(git_dir / name) in (branch, f"refs/heads/{branch}"):
                    back = first_line(git_dir / "gitdir")
                    return (git_dir / back).parent if back else git_dir.parent
        return None

    def diffstat(self, base: str, head: str) -> tuple[FileTouched, ...]:
        """Every path that differs between two commits. A rename counts as two paths."""
        flags = ("--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
        rows = self.run("diff", *flags, base, head, "--").fields
        parts = (row.split("\t", 2) for row in rows)
        return tuple(FileTouched(path, _count(added), _count(gone)) for added, gone, path in parts)

    # --- changes -----------------------------------------------------------------------------

    def update_ref(self, ref: str, new: str, old: str | None, *, message: str = "") -> None:
        """Move a ref from `old` to `new`; with `old` None it must not exist yet.

        Raises:
            RefMoved: it is not at `old`.
            GitError: git could not do it, though the ref is where it should be.
        """
        args = ("update-ref", "-m", message or "agentdeck", ref, new, old or NO_OBJECT)
        with self.writing():
            done = self.run(*args, check=False, write=True)
            if done.code != 0 and self._drop_stale_lock(ref):
                done = self.run(*args, check=False, write=True)
        if done.code == 0:
            return
        found = self.ref_tip(ref)
        if found != old:
            raise RefMoved(ref, old, found)
        raise GitError(args, done.code, done.err)

    def is_locked(self, ref: str) -> bool:
        """Does another git hold a ref? A lock that a killed one has left does not count."""
        try:
            found = (self.common / f"{ref}.lock").stat()
        except OSError:
            return False
        return time.time() - found.st_mtime < STALE_LOCK_S

    def _drop_stale_lock(self, ref: str) -> bool:
        """Remove the lock file that a killed git left on a ref of ours. Only inside `writing`."""
        if not ref.startswith(OUR_REFS):
            return False
        lock = self.common / f"{ref}.lock"
        try:
            if time.time() - lock.stat().st_mtime < STALE_LOCK_S:
                return False
            lock.unlink()
        except FileNotFoundError:
            return False
        return True

    def keep(self, ref: str, commit: str) -> None:
        """Make `ref` hold `commit`. What it held before stays reachable beside it."""
        try:
            self.update_ref(ref, commit, None)
        except RefMoved as moved:
            if moved.found is None or moved.found == commit:
                return
            aside = f"{ref}-{moved.found[:12]}"
            if self.ref_tip(aside) != moved.found:
                self.update_ref(aside, moved.found, None)
            self.update_ref(ref, commit, moved.found)

    def _identity(self) -> dict[str, str]:
        """Who commits, where the user has not said it."""
        known = self.run("config", "--get-regexp", r"^user\.(name|email)$", check=False).text
        found: dict[str, str] = {}
        for what, fallback in (("name", "agentdeck"), ("email", "agentdeck@localhost")):
            if not re.search(rf"^user\.{what} \S", known, re.MULTILINE):
                for who in ("AUTHOR", "COMMITTER"):
                    variable = f"GIT_{who}_{what.upper()}"
                    found[variable] = os.environ.get(variable) or fallback
        return found


def _clean_env() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _ASTRAY}
    return kept | {
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_EDITOR": "true",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_PAGER": "cat",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "LC_ALL": "C",
    }


def _git_version() -> tuple[int, int]:
    try:
        done = subprocess.run(["git", "version"], capture_output=True, text=True, check=False)
    except OSError as fault:
        raise EnvironmentFault(f"git cannot be run: {fault}", hint="install git") from fault
    if done.returncode < 0:
        raise GitKilled(("version",), done.returncode, done.stderr)
    said = done.stdout
    match = re.search(r"(\d+)\.(\d+)", said)
    found = (int(match[1]), int(match[2])) if match else (0, 0)
    if found < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        raise EnvironmentFault(
            f"this git is too old: {said.strip() or 'unknown'}",
            hint=f"install git {oldest} or newer",
        )
    return found


def first_line(file: Path) -> str:
    """The first line of a small file of git's, or "" if there is none, or something else."""
    try:
        with os.fdopen(open_plain(file), "rb") as opened:
            return os.fsdecode(opened.read(MAX_LINE).partition(b"\n")[0]).strip()
    except OSError:
        return ""


def _count(text: str) -> int:
    return -1 if text == "-" else int(text)
