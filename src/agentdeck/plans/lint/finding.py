"""What lint says: one finding each for one place, with a code that stays the same.

Rules: a code is never used for anything else, also when its rule is gone. A message says what is
so, `fix` what could be done about it. Text of the plan is shown in quotes, as in problems.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agentdeck.core.ids import TaskId


class Severity(StrEnum):
    """How much a finding matters."""

    WARNING = "warning"  # probably a mistake
    INFO = "info"  # worth knowing


class Hit(msgspec.Struct, frozen=True):
    """One place that a rule found. `path` leads to it in the plan file."""

    path: tuple[str | int, ...]
    message: str
    fix: str = ""
    also: str = ""  # the lines of others that are meant too, when the rule has counted them itself


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a person should look at."""

    code: str  # AD101
    rule: str  # redundant-dependency
    severity: Severity
    file: str
    line: int  # counts from 1
    key: str  # `task T3, after`; empty for the plan as a whole
    message: str
    fix: str = ""
    fixable: bool = False  # `check --fix` does it

    def __str__(self) -> str:
        about = f"{self.key}: " if self.key else ""
        fix = f"\n  hint: {self.fix}" if self.fix else ""
        where = f"{self.file}:{self.line}: {self.severity}"
        return f"{where}: {about}{self.message} [{self.code} {self.rule}]{fix}"


class Edge(msgspec.Struct, frozen=True):
    """One entry of `after`."""

    task: TaskId
    needs: TaskId
