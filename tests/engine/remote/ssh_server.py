"""A real ssh server on loopback, for tests; its user has nothing of ours installed."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh

READ = 64 * 1024


class Server:
    """An ssh server that runs commands as this user, in a home of their own."""

    def __init__(self, place: Path) -> None:
        self.place, self.home = place, place / "home"
        self.home.mkdir(parents=True)
        self.port = 0
        self.connections: list[object] = []

    async def start(self) -> None:
        host, user = asyncssh.generate_private_key("ssh-ed25519"), self.place / "id"
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(user)
        user.chmod(stat.S_IRUSR)
        authorized = self.place / "authorized"
        authorized.write_bytes(key.export_public_key())
        self.listening = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host],
            authorized_client_keys=str(authorized),
            process_factory=self._run,
            encoding=None,
        )
        self.port = self.listening.get_port()
        known = self.place / "known_hosts"
        line = host.export_public_key().decode().strip()
        known.write_text(f"[127.0.0.1]:{self.port} {line}\n")
        (self.place / "config").write_text(
            f"Host *\n  IdentityFile {user}\n  UserKnownHostsFile {known}\n"
        )

    async def _run(self, process: Any) -> None:
        self.connections.append(process.channel.get_connection())
        child = await asyncio.create_subprocess_shell(
            process.command or "",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(self.home), "PATH": f"{Path(sys.executable).parent}:{os.defpath}"},
        )
        assert child.stdin is not None
        assert child.stdout is not None
        into = asyncio.create_task(self._pump(process.stdin, child.stdin))
        with suppress(OSError):  # asyncssh drops a connection over what goes wrong in a redirection
            await self._pump(child.stdout, process.stdout)
        into.cancel()
        child.stdin.close()  # also where the connection broke first: the command learns of it
        with suppress(OSError):
            process.exit(await child.wait())

    async def _pump(self, source: Any, goal: Any) -> None:
        """Pass on what comes, and that nothing more comes."""
        with suppress(OSError, asyncssh.Error):
            while data := await source.read(READ):
                goal.write(data)
                await goal.drain()
        goal.close() if isinstance(goal, asyncio.StreamWriter) else goal.write_eof()

    def cut(self) -> None:
        """The network is gone, for all that is connected now."""
        for connection in self.connections:
            connection.abort()  # type: ignore[attr-defined]
        self.connections.clear()
