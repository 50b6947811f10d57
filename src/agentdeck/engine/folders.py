"""Where things stand on disk: the runs folder, and what is inside one run's folder.

Rules: everything is below `<state>/agentdeck` and for its owner alone (0700, 0600). Nothing here
creates anything except through `create`.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

from agentdeck.core.errors import EnvironmentFault, NotFoundError
from agentdeck.core.ids import RepoName, RunId, TaskId, id_fault
from agentdeck.core.plan import OWN_REPO
from agentdeck.engine.private_files import PRIVATE_DIR, SHORT_ROOT, make_private

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the closing zero.
MAX_SOCKET_PATH: Final = 100


def state_root() -> Path:
    """The folder that holds all runs' state: `$XDG_STATE_HOME/agentdeck`, or the platform's own."""
    return Path(platformdirs.user_state_path("agentdeck", appauthor=False))


def runs_root() -> Path:
    """The folder with one folder a run."""
    return state_root() / "runs"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def run(self) -> RunId:
        """The run's id is its folder's name."""
        return RunId(self.path.name)

    @property
    def journal(self) -> Path:
        """The only truth."""
        return self.path / "journal.db"

    @property
    def checkpoint(self) -> Path:
        """A cache: the state after one of the events. See `engine.checkpoint_file`."""
        return self.path / "checkpoint"

    @property
    def engine_log(self) -> Path:
        """What the engine did, one JSON object a line."""
        return self.path / "engine.log"

    @property
    def heartbeat(self) -> Path:
        """When the engine last turned, and when its agents last gave a sign."""
        return self.path / "heartbeat.json"

    @property
    def lock(self) -> Path:
        """Locked while an engine has this run."""
        return self.path / "engine.lock"

    @property
    def plan(self) -> Path:
        """The plan file as it was run."""
        return self.path / "plan.toml"

    @property
    def ballast(self) -> Path:
        """Bytes that are given up when the disk is full, so that the journal can say so."""
        return self.path / "ballast"

    @property
    def worktrees(self) -> Path:
        """Worktrees of attempts, unless the plan names another root."""
        return self.path / "worktrees"

    @property
    def scratch(self) -> Path:
        """Worktrees in which gates run on exact commits."""
        return self.path / "scratch"

    @property
    def socket(self) -> Path:
        """The control socket. In a short private folder when the run's own path is too long."""
        inside = self.path / "control.sock"
        if len(os.fsencode(inside)) <= MAX_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        # Not below $TMPDIR or $XDG_RUNTIME_DIR: every terminal must come to the same path.
        return SHORT_ROOT / f"agentdeck-{os.getuid()}" / f"{digest}.sock"

    @property
    def tool_socket(self) -> Path:
        """Where agents' calls of tools are answered: alone in a short folder of the run's own."""
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return SHORT_ROOT / f"agentdeck-{os.getuid()}" / f"tools-{digest}" / "tools.sock"

    @property
    def permissions(self) -> Path:
        """Rules that outlive runs, beside the folder of all runs."""
        return self.path.parent.parent / "permissions"

    def trees(self, checkout: Path, root: str | None, repo: RepoName = OWN_REPO) -> Path:
        """Where the attempts' worktrees stand: here, or below the `[worktree] root` of the plan.

        A relative root is below the user's checkout. Those of another repository than the plan's
        own stand in a folder of its name, which can be that of no worktree.
        """
        every = checkout / Path(root).expanduser() / self.run if root else self.worktrees
        return every / f"repo-{repo}" if repo else every

    def scratch_of(self, repo: RepoName) -> Path:
        """Worktrees of one repository in which gates run on exact commits."""
        return self.path / "scratch-of" / repo if repo else self.scratch

    def attempt(self, task: TaskId, number: int) -> Path:
        """The folder of one attempt: `prompt.md`, `raw.log`, `pid`, `exit`, `stdin`."""
        return self.path / "attempts" / f"{task}.{number}"

    def home(self, agent: str) -> Path:
        """The state folder of an agent that has one of its own."""
        return self.path / "homes" / agent

    def first_run(self, agent: str) -> Path:
        """The folder of what is run once before an agent starts."""
        return self.path / "first-run" / agent

    def gate(self, gate: str, tree: str, run: int) -> Path:
        """The folder of one run of a gate on one tree."""
        return self.path / "gates" / f"{gate}-{tree[:12]}-{run}"

    def review(self, task: TaskId, number: int, run: int) -> Path:
        """The folder of one review by an agent: files as of an attempt."""
        return self.path / "reviews" / f"{task}.{number}-{run}"

    def create(self) -> None:
        """Make the folder, for its owner alone.

        Raises:
            EnvironmentFault: it cannot be made, or exists already.
        """
        try:
            self.path.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            self.secure()
            self.path.mkdir(mode=PRIVATE_DIR)
        except OSError as error:
            raise EnvironmentFault(
                f"the run's folder {self.path} cannot be made: {error.strerror}",
                hint="set XDG_STATE_HOME to a folder you can write to",
            ) from error

    def secure(self) -> None:
        """See to it that nobody else gets into the folders that hold all runs, or into this one.

        Raises:
            EnvironmentFault: one of them belongs to somebody else.
        """
        if self.path.parent == runs_root():  # a folder that was named is its owner's to look after
            make_private(state_root())
            make_private(self.path.parent)
        if self.path.is_dir():
            make_private(self.path)


def all_runs(root: Path | None = None) -> list[RunFolder]:
    """Every run with a journal, newest first by the journal's last change."""
    folder = runs_root() if root is None else root
    if not folder.is_dir():
        return []
    found = [RunFolder(path) for path in folder.iterdir() if (path / "journal.db").is_file()]
    return sorted(found, key=_changed_at, reverse=True)


def _changed_at(run: RunFolder) -> float:
    try:
        return run.journal.stat().st_mtime
    except FileNotFoundError:  # deleted while we list
        return 0.0


def find_run(name: str, root: Path | None = None) -> RunFolder:
    """The run with this id, or the only one whose id starts so.

    Raises:
        NotFoundError: none, or more than one, fits.
    """
    runs = all_runs(root) if id_fault(name) is None else []
    exact = [run for run in runs if run.run == name]
    fitting = exact or [run for run in runs if run.run.startswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(run.run for run in fitting[:5])
        raise NotFoundError(f"{name!r} fits several runs: {names}", hint="name one of them in full")
    raise NotFoundError(f"there is no run {name!r}", hint="`agentdeck runs` lists them")
