"""What is never given away: values of secrets that are known, and what has the shape of one.

Rules:
- Values are known from variables whose name says that they are secret: of this process, and of the
  agents and tasks of a plan.
- Shapes are those of keys of known services, of private keys, of passwords in addresses, and of
  anything that is assigned to a name that says so. Rather too much is cut out than too little.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from agentdeck.core.plan import Plan
from agentdeck.engine.environment import REDACTED, is_secret, redact

_SHAPES: Final = re.compile(
    r"""
    \b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}            # OpenAI, Anthropic, Stripe and alike
    | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_[A-Za-z0-9_]{20,} | \bglpat-[A-Za-z0-9_-]{16,}
    | \bxox[abprs]-[A-Za-z0-9-]{10,}             # Slack
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b              # Amazon
    | \bAIza[A-Za-z0-9_-]{30,} | \bya29\.[A-Za-z0-9_-]{20,}  # Google
    | \bhf_[A-Za-z0-9]{20,} | \bnpm_[A-Za-z0-9]{20,} | \bpypi-[A-Za-z0-9_-]{16,}
    | \beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*  # JSON web token
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_ADDRESSES: Final = re.compile(r"(?<=://)([^\s/:@]+):([^\s/@]+)(?=@)")
_HEADERS: Final = re.compile(
    r"(?i)\b(authorization\W+(?:bearer|basic|token)?\W*)([A-Za-z0-9._~+/=-]{8,})"
)
_ASSIGNED: Final = re.compile(
    r"""
    ((?i:[A-Z0-9_.-]*(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?))  # a name
    \\?["']?\s*[=:]\s*\\?["']?)                                                      # its sign
    (?!true\b|false\b|null\b|None\b)([^\s"'\\,;{}\[\]]{8,})                          # its value
    """,
    re.VERBOSE,
)


def secrets_of(plan: Plan) -> dict[str, str]:
    """Variables of a plan's agents and tasks that hold secrets, by name."""
    found: dict[str, str] = {}
    given = [agent.env for agent in plan.agents] + [task.env for task in plan.tasks]
    for place, variables in enumerate(given):
        for name, value in variables.items():
            if is_secret(name):
                found[f"{name}_{place}_KEY"] = value
    return found


def redacted(text: str, known: Mapping[str, str]) -> str:
    """`text` without secrets.

    Args:
        known: variables by name; the values of those that look secret are cut out wherever they
            stand.
    """
    text = redact(text, known)
    text = _SHAPES.sub(REDACTED, text)
    text = _IN_ADDRESSES.sub(rf"\1:{REDACTED}", text)
    text = _HEADERS.sub(rf"\1{REDACTED}", text)
    return _ASSIGNED.sub(rf"\1{REDACTED}", text)


__all__ = ["redacted", "secrets_of"]
