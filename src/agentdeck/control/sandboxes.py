"""Which sandboxes this machine can give, for a face that says so."""

from __future__ import annotations

import msgspec

from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine import landlock, sandbox


class Available(msgspec.Struct, frozen=True):
    """One kind of sandbox, as it is here."""

    kind: Sandbox
    fault: str  # why it cannot be had; empty = it can
    offline_fault: str  # why it cannot be had without a network
    version: str = ""  # as far as there is one


def sandboxes_here() -> list[Available]:
    """Every kind, entered once with a network and once without."""
    abi = landlock.abi()
    versions = {Sandbox.LANDLOCK: f"ABI {abi}" if abi else ""}
    return [
        Available(
            kind,
            sandbox.fault_of(kind, network=True),
            sandbox.fault_of(kind, network=False),
            versions.get(kind, ""),
        )
        for kind in sandbox.SANDBOXES
    ]
