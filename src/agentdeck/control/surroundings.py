"""What lint may know of the repository and the machine around a plan: files and programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from agentdeck.control.catalog import load_catalog
from agentdeck.control.repo_history import tracked_files
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.plan import Plan
from agentdeck.engine.environment import secret_variables
from agentdeck.engine.notice import can_send, is_zone
from agentdeck.plans.lint import capacity, gates, hooks
from agentdeck.plans.lint.subject import Around


def around(plan: Plan, folder: Path) -> Around:
    """What is to be seen from `folder`. Where there is no repository, files are not judged."""
    try:
        files = tracked_files(folder)
    except EnvironmentFault:  # no git, or a repository that it cannot read
        files = None
    top = _top(folder) if files is not None else None
    catalog = load_catalog().adapters
    adapters = {name: each.command for name, each in catalog.items()}
    skills = {name: each.skills for name, each in catalog.items() if each.skills}
    variables = {name: bool(os.environ.get(name)) for name in secret_variables(plan)}
    programs = gates.programs(plan) | hooks.programs(plan) | capacity.programs(plan, adapters)
    zones = {each.zone: is_zone(each.zone) for each in plan.notify if each.zone}
    packages = {hooks.MESSENGER: can_send()} if plan.notify else {}
    return Around(files, _found(programs, top), variables, packages, zones, adapters, skills)


def _top(folder: Path) -> Path | None:
    """The top folder of the checkout."""
    here = folder.resolve()
    return next((each for each in (here, *here.parents) if (each / ".git").exists()), None)


def _found(programs: Iterable[str], top: Path | None) -> dict[str, bool]:
    """Which programs are there. Those of the repository are not judged without one."""
    found = {}
    for program in programs:
        if "/" not in program:
            found[program] = shutil.which(program) is not None
        elif Path(program).is_absolute() or top is not None:
            found[program] = ((top or Path()) / program).exists()
    return found
