"""The agents that are known here: those that ship, and the files of the person.

Rules:
- `<config>/agentdeck/agents/NAME.toml` adds an adapter, or stands in place of a shipped one.
- A file that is no adapter is named with its line and left out; the others are not touched by it.
- What a plan says of an agent comes last; that is not looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agentdeck.control.user_folder import AGENTS_FOLDER, user_folder
from agentdeck.core.adapter import Adapter
from agentdeck.core.plan import Plan
from agentdeck.engine.shipped_adapters import shipped_adapters
from agentdeck.plans.adapter_file import MAX_CHARACTERS, read_adapter
from agentdeck.plans.equipping import equip
from agentdeck.plans.problems import PlanProblems, Problem

SHIPPED: Final = "shipped"
MAX_FILES: Final = 1_000  # in the folder; more is not a folder of adapters


@dataclass(frozen=True, slots=True)
class Catalog:
    """Adapters by name, where each comes from, and what could not be read."""

    adapters: Mapping[str, Adapter]
    sources: Mapping[str, str] = field(default_factory=dict)  # a file; what is not here has shipped
    problems: tuple[Problem, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a plan may use: shipped ones first, in their order."""
        return tuple(self.adapters)

    def source(self, name: str) -> str:
        """`shipped`, or the file it comes from."""
        return self.sources.get(name, SHIPPED)


def adapters_folder() -> Path:
    """Where a person keeps adapters."""
    return user_folder() / AGENTS_FOLDER


def load_catalog(folder: Path | None = None) -> Catalog:
    """Every adapter that is known here.

    Args:
        folder: of the person's files, when it is not the default one; it need not exist.
    """
    shipped = shipped_adapters()
    adapters, sources, problems = dict(shipped), dict[str, str](), list[Problem]()
    for path in _files(adapters_folder() if folder is None else folder):
        try:
            adapters[path.stem] = read_adapter(
                _text(path), file=str(path), name=path.stem, bases=shipped
            )
            sources[path.stem] = str(path)
        except PlanProblems as found:
            problems += found.problems
    return Catalog(adapters, sources, tuple(problems))


def equipped(plan: Plan, *, like: Plan | None = None) -> Plan:
    """The plan with the adapters of its agents, as they are known here; see `equip`."""
    return equip(plan, load_catalog().adapters, like=like)


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.toml"))[:MAX_FILES]
    except OSError:
        return []


def _text(path: Path) -> str:
    """The text of a file. Raises PlanProblems."""
    try:
        with path.open("rb") as file:
            return file.read(4 * MAX_CHARACTERS).decode("utf-8-sig")
    except OSError as error:
        fault = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        fault = "not UTF-8"
    raise PlanProblems([Problem(str(path), 1, "", fault)])
