"""Texts without secrets: values that are known, and what has the shape of one.

Rules:
- Values are those of variables whose name says that they are secret.
- Shapes are those of keys of known services, of private keys, of passwords and tokens in addresses
  and headers, and of anything that is assigned to a name that says so. Rather too much is cut out
  than too little.
- Nothing here takes more than linear time: what it looks through is written by others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from agentdeck.engine.environment import REDACTED, redact

_SHAPES: Final = re.compile(
    r"""
    \b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{16,} | \bwhsec_[A-Za-z0-9]{16,}  # OpenAI, Anthropic, Stripe
    | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_[A-Za-z0-9_]{20,} | \bglpat-[A-Za-z0-9_-]{16,}
    | \bxox[abeprs]-[A-Za-z0-9-]{10,} | \bxapp-[A-Za-z0-9-]{10,}     # Slack
    | \bhooks\.slack\.com/services/[A-Za-z0-9/]{20,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b              # Amazon
    | \bAIza[A-Za-z0-9_-]{30,} | \bya29\.[A-Za-z0-9_-]{20,}  # Google
    | \bhf_[A-Za-z0-9]{20,} | \bnpm_[A-Za-z0-9]{20,} | \bpypi-[A-Za-z0-9_-]{16,}
    | \bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,} | \bdop_v1_[a-f0-9]{32,}  # SendGrid and others
    | \beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*  # JSON web token
    | -----BEGIN[ ][A-Z ]{0,40}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----.*?
      (?:-----END[ ][A-Z ]{0,40}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----|\Z)
    # The end of one whose begin was cut off with the start of a log.
    | \A[A-Za-z0-9+/=\s]{1,20000}-----END[ ][A-Z ]{0,40}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_ADDRESSES: Final = re.compile(r"(?<=://)([^\s/:@]{1,256}):([^\s/@]{1,1024})(?=@)")
_ALONE_IN_ADDRESSES: Final = re.compile(r"(?<=://)[^\s/:@]{20,1024}(?=@)")  # a token as the user
_HEADERS: Final = re.compile(
    r"(?i)(\bauthorization\W{1,8}(?:(?:bearer|basic|token)\W{1,8})?|\bbearer[ \t]{1,8}(?=\S{20}))"
    r"([A-Za-z0-9._~+/=-]{8,})"
)
# From the last word of the name on: looking for its begin would take the square of a long word.
_ASSIGNED: Final = re.compile(
    r"""
    ((?i:KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)  # the name's end
    \\?["']?\s{0,8}[=:]\s{0,8}\\?["']?)                             # its sign
    (?!true\b|false\b|null\b|None\b)([^\s"'\\,;{}\[\]]{8,})         # its value
    """,
    re.VERBOSE,
)
# Colours and the like, as bytes or as JSON writes them: one within a key would hide it.
_SEQUENCES: Final = re.compile(
    r"(?:\x1b|\\u001[bB]|\\x1[bB]|\\e|\\033)(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|\][^\x07\x1b\\]{0,512}(?:\x07|\\u0007|(?:\x1b|\\u001[bB])\\{1,2})?|[@-Z^_])"
    r"|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)


def redacted(text: str, known: Mapping[str, str]) -> str:
    """`text` without secrets. O(length).

    Where a secret shows only without the escape sequences and invisible characters in it, the text
    comes back without any of those.

    Args:
        known: variables by name; the values of those that look secret are cut out wherever they
            stand.
    """
    found = _cut(text, known)
    bare = _SEQUENCES.sub("", found)
    if bare == found:
        return found
    without = _cut(bare, known)
    return found if without == bare else without


def _cut(text: str, known: Mapping[str, str]) -> str:
    text = redact(text, known)
    text = _SHAPES.sub(REDACTED, text)
    text = _IN_ADDRESSES.sub(rf"\1:{REDACTED}", text)
    text = _ALONE_IN_ADDRESSES.sub(REDACTED, text)
    text = _HEADERS.sub(rf"\1{REDACTED}", text)
    return _ASSIGNED.sub(rf"\1{REDACTED}", text)


__all__ = ["redacted"]
