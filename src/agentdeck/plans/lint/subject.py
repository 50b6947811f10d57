"""What lint looks at: a plan, what is known of the repository and the machine, and the lines.

Rules:
- What is not known (`None`) is not judged: without a repository no footprint matches "nothing".
- Lines are looked up only for what is said, and the text is read for them once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

import msgspec

from agentdeck.core.plan import Plan, Task
from agentdeck.plans.analysis.network import Network, network_of, with_barriers
from agentdeck.plans.analysis.tree import Tree
from agentdeck.plans.equipping import agents_named
from agentdeck.plans.keys import SECTIONS
from agentdeck.plans.positions import Path, Positions, positions

MAX_LINES: Final = 12  # named in one message

_FIELD: Final = {section.name: section.field for section in SECTIONS if section.field}


class Around(msgspec.Struct, frozen=True):
    """What somebody who may look has seen around the plan."""

    files: tuple[str, ...] | None = None  # that git tracks, below the repository; None = no idea
    programs: Mapping[str, bool] | None = None  # by name or path: is it there?
    variables: Mapping[str, bool] | None = None  # of the environment: is it set?
    packages: Mapping[str, bool] | None = None  # of extras: are they installed?
    zones: Mapping[str, bool] | None = None  # named time zones: are they known here?
    adapters: Mapping[str, str] = {}  # the program of each, by the adapter's name
    skills: Mapping[str, tuple[str, ...]] = {}  # what agents of each adapter can do, where it says


class Subject:
    """A plan under the eyes of the rules."""

    def __init__(
        self, plan: Plan, *, text: str | None = None, file: str, around: Around | None = None
    ) -> None:
        """Prepare to look.

        Args:
            text: of the plan file; None = the plan was made of another document, and a task's
                `line` is the line in that.
        """
        self.plan = plan
        self.file = file
        self.around = around or Around()
        self._text = text

    @cached_property
    def active(self) -> list[tuple[int, Task]]:
        """The tasks that will be done, with their places in the file."""
        return [(at, task) for at, task in enumerate(self.plan.tasks) if not task.defer]

    @cached_property
    def able(self) -> Plan:
        """The plan in which agents that say no skills have those of their adapters."""
        skills, own = self.around.skills, {agent.name for agent in self.plan.agents}
        if not skills:
            return self.plan
        more = [self.plan.agent_by_name[name] for name in sorted(agents_named(self.plan) - own)]
        agents = tuple(
            agent
            if agent.able or agent.use not in skills
            else msgspec.structs.replace(agent, skills=skills[agent.use])
            for agent in (*self.plan.agents, *more)
        )
        return msgspec.structs.replace(self.plan, agents=agents)

    @cached_property
    def network(self) -> Network:
        """The plan by dependencies alone."""
        return network_of(self.plan)

    @cached_property
    def gated(self) -> Network:
        """The plan with its barriers."""
        return with_barriers(self.network, self.plan)

    @cached_property
    def tree(self) -> Tree | None:
        """The repository's files."""
        return Tree(self.around.files) if self.around.files is not None else None

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each task stands in the file, counted from 0."""
        return {task.id: at for at, task in enumerate(self.plan.tasks)}

    @cached_property
    def _places(self) -> Positions | None:
        return positions(self._text) if self._text is not None else None

    def line(self, path: Path) -> int:
        """The line of a key, or of the nearest one above it; 1 where none is known."""
        if self._places is not None:
            return self._places.find(path).line
        if path[:1] == ("task",) and len(path) > 1 and isinstance(path[1], int):
            return self.plan.tasks[path[1]].line or 1
        return 1

    def lines(self, paths: Iterable[Path]) -> str:
        """`lines 3, 8 and 12`, or `line 3`; empty where no line is known."""
        found = list(dict.fromkeys(str(line) for p in paths if (line := self.line(p)) > 1))
        if not found:
            return ""
        if len(found) == 1:
            return f"line {found[0]}"
        if len(found) > MAX_LINES:
            return f"lines {', '.join(found[:MAX_LINES])} and {len(found) - MAX_LINES} more"
        return f"lines {', '.join(found[:-1])} and {found[-1]}"

    def key(self, path: Path) -> str:
        """A path as a person says it: `task T3, after`, `gates.unit`."""
        names = [part for part in path[2:] if isinstance(part, str)]
        if len(path) > 1 and isinstance(path[1], int):
            element = getattr(self.plan, _FIELD[str(path[0])])[path[1]]
            name = getattr(element, "id", None) or f"number {path[1] + 1}"
            return ", ".join([f"{path[0]} {name}", *names])
        return ".".join(str(part) for part in path)
