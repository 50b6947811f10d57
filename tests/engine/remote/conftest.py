"""Machines to work on: a cluster of real processes, and a server for ssh."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentdeck.testing.clustered import Cluster

if TYPE_CHECKING:
    from tests.engine.remote.ssh_server import Server


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Nothing of it runs yet; all that was started is ended."""
    found = Cluster(tmp_path / "cluster")
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """One that listens, and to which ssh of this test is configured."""
    pytest.importorskip("asyncssh")
    from tests.engine.remote.ssh_server import Server

    from agentdeck.engine.remote import ssh_link

    found = Server(tmp_path / "ssh")
    await found.start()
    monkeypatch.setenv(ssh_link.CONFIG, str(found.place / "config"))
    yield found
    found.listening.close()
    found.cut()
    await found.listening.wait_closed()
