"""Programs that a page starts and that go on beside it.

Rules: each has said that it is ready before the next line is typed, and is ended as by Ctrl-C, the
last one first. It then has to end in good order.
"""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EXIT_INTERRUPTED, EXIT_OK
from agentdeck.testing.settling import settle

ENDS_S: Final = 60.0  # a worker first ends what it has at work
# What each prints when it can be used; the address of `bridge` has the token below it.
READY: Final[Mapping[str, str]] = {
    "bridge": r"^http://\S+$",
    "serve": r"http://\S+",
    "worker join": r"joined",
}


class ServerError(Exception):
    """It did not come up, or not end as it should."""


@dataclass
class Server:
    """One of them, at work."""

    line: str
    process: subprocess.Popen[bytes]
    out: Path

    def said(self) -> str:
        return self.out.read_text(encoding="utf-8", errors="replace")


class Servers:
    """Those of a page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at_work: list[Server] = []
        self.token = ""

    def start(self, line: str, verb: str, place: Path, env: Mapping[str, str]) -> str:
        """Start it, and wait until it is ready; what it has printed.

        Raises:
            ServerError: it ended instead.
        """
        out = self.folder / f"server-{len(list(self.folder.glob('server-*')))}"
        with out.open("wb") as file:
            process = subprocess.Popen(
                ["sh", "-c", f"exec {line}"],
                cwd=place,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        server = Server(line, process, out)
        self.at_work.append(server)
        ready = re.compile(READY[verb], re.MULTILINE)

        def is_up() -> bool:
            return process.poll() is not None or ready.search(server.said()) is not None

        settle(is_up, f"`{line}` to be ready")
        if process.poll() is not None:
            self.at_work.remove(server)
            raise ServerError(f"`{line}` ends with {process.returncode}: {server.said()[-400:]}")
        if verb == "bridge":
            # The token is the last line, and comes with the address.
            settle(lambda: server.said().endswith("\n"), "the token")
            self.token = server.said().splitlines()[-1]
        return server.said()

    def end(self) -> None:
        """As Ctrl-C does, each. Raises ServerError if one of them does not end in good order."""
        faults = []
        while self.at_work:
            server = self.at_work.pop()
            server.process.send_signal(signal.SIGINT)
            try:
                code = server.process.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                server.process.kill()
                server.process.wait()
                faults.append(f"`{server.line}` does not end on Ctrl-C")
                continue
            if code not in (EXIT_OK, EXIT_INTERRUPTED) or "Traceback" in server.said():
                faults.append(f"`{server.line}` is ended, with {code}: {server.said()[-400:]}")
        if faults:
            raise ServerError("\n".join(faults))
