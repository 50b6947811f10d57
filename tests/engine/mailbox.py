"""Where messages to persons arrive, on this machine: what apprise sends to `json://`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PASSWORD = "hunter2-of-the-tests"
VARIABLE = "MY_URLS"


class Inbox:
    """What came, and what is answered."""

    def __init__(self) -> None:
        self.port, self.status = 0, 200
        self.came: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"json://kim:{PASSWORD}@127.0.0.1:{self.port}/in"

    def lines(self) -> list[str]:
        """What happened, one line each, in the order in which it was told."""
        found = []
        for came in self.came:
            title, message = came["title"].partition(": ")[2], came["message"].splitlines()
            many = title.endswith(" events")
            found += [line.split(" ", 1)[1] for line in message[:-2]] if many else [title]
        return found


@contextmanager
def arriving(inbox: Inbox | None = None) -> Iterator[Inbox]:
    """An inbox that takes what comes; one that was shut before has the port that it had."""
    found = inbox or Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if found.status == 200:
                found.came.append(json.loads(body))
            self.send_response(found.status)
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
