"""Which option of a permission request is taken when a policy answers, not a person.

Rules:
- Options are chosen by kind: their ids are the agent's own business and differ.
- Once is enough: an "always" may be kept in the agent's settings and outlive the attempt. It is
  taken only where an agent that may do everything offers nothing else, and never for a refusal
  that can be had for once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Policy: TypeAlias = Literal["ask", "allow", "deny"]

_KINDS: Final = {
    "allow": ("allow_once", "allow_always"),
    "deny": ("reject_once", "reject_always"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that the agent would take."""

    id: str
    kind: str  # allow_once, allow_always, reject_once, reject_always, or one of a later protocol


def choose(options: Sequence[Option], policy: Literal["allow", "deny"]) -> str | None:
    """The id of the option that `policy` takes; None (cancelled) if none has a fitting kind."""
    for kind in _KINDS[policy]:
        for option in options:
            if option.kind == kind:
                return option.id
    return None
