"""A receiver of webhooks on this machine, as strict as one should be."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar

from agentdeck.webhooks import SignatureError, verify

SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
VARIABLE = "CI_HOOK_SECRET"


@dataclass
class Received:
    """What came, and what is answered."""

    port: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)  # in the order in which they came
    refused: list[str] = field(default_factory=list)  # why a message was not believed
    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)  # then 204
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/deck"

    @property
    def once(self) -> list[dict[str, Any]]:
        """Each event as it came first: those whose id is known have been heard of."""
        return list({said["id"]: said for said in reversed(self.told)}.values())[::-1]

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """One request; the status and headers of its answer."""
        self.paths.append(path)
        try:
            said = verify(SECRET, headers, body)
        except SignatureError as fault:
            self.refused.append(str(fault))
            return 401, {}
        status, more = self.answers.pop(0) if self.answers else (204, {})
        if 200 <= status < 300:
            self.told.append(said)
        return status, more


class Taker(Protocol):
    """Who is told something, by HTTP."""

    port: int

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """One request; the status and headers of its answer."""


Who = TypeVar("Who", bound=Taker)


def receiving(received: Received | None = None) -> AbstractContextManager[Received]:
    """A receiver that listens meanwhile; one that was down before has the port that it had."""
    return listening(received or Received())


@contextmanager
def listening(found: Who) -> Iterator[Who]:
    """Who is told, meanwhile; one who was away before has the port that they had."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, more = found.take(self.path, dict(self.headers.items()), body)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", found.port), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
