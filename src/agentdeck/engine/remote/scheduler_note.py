"""The scheduler that this machine started, and the certificates that go with it.

Rules: the note is for its owner alone. Certificates are named by files; nothing of them is copied.
`AGENTDECK_TLS_CA`, `_CERT` and `_KEY` name them where a plan names a scheduler itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import NotFoundError, UsageError
from agentdeck.engine.folders import state_root
from agentdeck.engine.identity import identity_of
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import make_private, write_private

VARIABLES: Final = {
    "ca": "AGENTDECK_TLS_CA",
    "cert": "AGENTDECK_TLS_CERT",
    "key": "AGENTDECK_TLS_KEY",
}
NOTE_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Tls:
    """The files of certificates: who is trusted, who we are."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    @property
    def given(self) -> bool:
        """Is there any?"""
        return bool(self.ca or self.cert or self.key)

    def check(self) -> None:
        """Refuse half of them, and files that are not there.

        Raises:
            UsageError: it says which.
        """
        files = asdict(self)
        lacks = [name for name, file in files.items() if not file]
        if lacks:
            raise UsageError(
                f"there is no --tls-{lacks[0]}",
                hint="TLS needs all of --tls-ca, --tls-cert and --tls-key",
            )
        for name, file in files.items():
            if not os.access(file, os.R_OK):
                raise UsageError(f"--tls-{name} {file} cannot be read", hint="name a PEM file")


@dataclass(frozen=True, slots=True)
class SchedulerNote:
    """A scheduler of this machine."""

    address: str
    pid: int
    start_ticks: int
    tls: Tls = Tls()

    @property
    def alive(self) -> bool:
        """Is that very process there?"""
        found = identity_of(self.pid)
        return found is not None and found.start_ticks == self.start_ticks


def note_file() -> Path:
    """Where the note is."""
    return state_root() / "cluster" / "scheduler.json"


def read_scheduler() -> SchedulerNote | None:
    """The scheduler that was started last; it may have ended."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        found = json.loads(read_plain(note_file(), NOTE_BYTES))
        tls = Tls(**{name: str(found["tls"][name]) for name in ("ca", "cert", "key")})
        return SchedulerNote(
            str(found["address"]), int(found["pid"]), int(found["start_ticks"]), tls
        )
    return None


def write_scheduler(note: SchedulerNote) -> None:
    """Note a scheduler in the place of the one before."""
    make_private(note_file().parent)
    write_private(note_file(), json.dumps(asdict(note)))


def address_and_tls(named: str, environ: Mapping[str, str]) -> tuple[str, Tls]:
    """Where a scheduler is, and with which certificates.

    Args:
        named: its address; "" = that of this machine.
        environ: names the certificates.

    Raises:
        NotFoundError: this machine has started none.
    """
    given = Tls(**{name: environ.get(variable, "") for name, variable in VARIABLES.items()})
    noted = read_scheduler()
    if noted is not None and named in ("", noted.address):
        return noted.address, given if given.given else noted.tls
    if not named:
        raise NotFoundError(
            "no scheduler was started on this machine", hint="agentdeck cluster start"
        )
    return named, given


__all__ = [
    "VARIABLES",
    "SchedulerNote",
    "Tls",
    "address_and_tls",
    "note_file",
    "read_scheduler",
    "write_scheduler",
]
