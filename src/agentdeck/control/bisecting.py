"""Find the first landing of a run on which a gate is red."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from agentdeck.control.runs import RunFolder, fold_run
from agentdeck.core import lanes, verdicts
from agentdeck.core.bisection import Search, Suspect, landings, members, narrowed
from agentdeck.core.errors import NotFoundError, RefusedError
from agentdeck.core.ids import GateName, RepoName
from agentdeck.core.plan import OWN_REPO, Gate, GateWhen
from agentdeck.core.state import RunState
from agentdeck.engine.git import Git
from agentdeck.engine.judging import Judge, Judged

FOLDER = "bisect"  # in the run's folder; removed at the end


@dataclass(frozen=True, slots=True)
class Tried:
    """The gate was run on one commit."""

    name: str
    commit: str
    judged: Judged
    left: int  # how many landings it may still be


@dataclass(frozen=True, slots=True)
class Found:
    """The first bad one, and what the gate said there."""

    gate: GateName
    suspect: Suspect
    landing: str  # the first-parent commit of the target that brought it in
    runs: int  # of the gate, by this search


def bisect(
    folder: RunFolder, wanted: str | None = None, repo: str = OWN_REPO
) -> Iterator[Tried | Found]:
    """Search, and tell of each run of the gate as it ends. The last one is `Found`.

    Args:
        folder: of the run.
        wanted: a gate of the plan; without it the `final` one that is red, or the first of them.
        repo: on whose target, by its name in the plan.

    Raises:
        NotFoundError: there is no such gate, or no such repository.
        RefusedError: there is nothing to find: it is green on the target, or red before the run.
        EnvironmentFault: the gate cannot be started.
    """
    whole = fold_run(folder)
    if repo not in lanes.names(whole):
        known = ", ".join(name for name in lanes.names(whole) if name) or "only the plan's own"
        raise NotFoundError(f"the plan has no repository {repo!r}", hint=f"there are: {known}")
    state = lanes.seen(whole, RepoName(repo))
    gate = _gate(state, wanted)
    if not state.landed_here:
        raise RefusedError(
            f"nothing has landed yet{' in that repository' if state.repos else ''}",
            hint="there is nothing to search in",
        )
    git = Git.discover(Path(state.checkout))
    place = folder.path / FOLDER
    searching = _Searching(state, git, gate, Judge(git, state.run, gate, place))
    try:
        yield from searching.run()
    finally:
        searching.judge.close()
        shutil.rmtree(place, ignore_errors=True)


def _gate(state: RunState, wanted: str | None) -> Gate:
    if wanted is not None:
        found = state.plan.gate_by_name.get(GateName(wanted))
        if found is None or not found.armed:
            named = ", ".join(gate.name for gate in state.plan.gates if gate.armed) or "none"
            raise NotFoundError(f"there is no gate {wanted!r} to run", hint=f"there are: {named}")
        return found
    finals = [gate for gate in state.plan.gates_when(GateWhen.FINAL, state.lane) if gate.armed]
    red = (g for g in finals if verdicts.of(state, g.name, state.tip_tree) is verdicts.Standing.RED)
    found = next(red, finals[0] if finals else None)
    if found is None:
        raise NotFoundError("the plan has no final gate", hint="name one with --gate")
    return found


@dataclass
class _Searching:
    state: RunState
    git: Git
    gate: Gate
    judge: Judge
    runs: int = 0

    def run(self) -> Iterator[Tried | Found]:
        state, suspects = self.state, landings(self.state)
        last = len(suspects) - 1
        passes = self._known(suspects[last].commit)
        if passes is None:
            tried = self._try(state.target, suspects[last].commit, len(suspects))
            yield tried
            passes = tried.judged.passes
        if passes:
            raise RefusedError(
                f"gate {self.gate.name} is green on {state.target}", hint="nothing is to be found"
            )
        search = yield from self._through(Search(suspects, -1, last))
        if search.bad == 0:
            yield from self._base_is_good()
        guilty = landing = suspects[search.bad]
        inside = members(state, landing.commit)
        if inside:
            guilty = inside[(yield from self._through(Search(inside, -1, len(inside) - 1))).bad]
        yield Found(self.gate.name, guilty, landing.commit, self.runs)

    def _through(self, search: Search) -> Generator[Tried, None, Search]:
        search = narrowed(search, self._known)
        while search.found is None:
            suspect = search.suspects[search.middle]
            tried = self._try(", ".join(suspect.names), suspect.commit, search.left)
            search = search.told(search.middle, passes=tried.judged.passes)
            yield tried
        return search

    def _base_is_good(self) -> Iterator[Tried]:
        """It was taken for good until now."""
        passes = self._known(self.state.base_commit)
        if passes is None:
            tried = self._try(self.state.base, self.state.base_commit, 1)
            yield tried
            passes = tried.judged.passes
        if not passes:
            raise RefusedError(
                f"gate {self.gate.name} is red on {self.state.base} where the run began",
                hint="no landing made it red",
            )

    def _known(self, commit: str) -> bool | None:
        found = verdicts.of(self.state, self.gate.name, self.git.tree_of(commit))
        return None if found is verdicts.Standing.OPEN else verdicts.passes(found)

    def _try(self, name: str, commit: str, left: int) -> Tried:
        self.runs += 1
        return Tried(name, commit, self.judge.judge(commit), left)
