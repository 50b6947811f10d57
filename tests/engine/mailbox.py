"""Where messages to persons arrive, on this machine: what apprise sends to `json://`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from tests.engine.receiver import listening

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

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """One request; the status and headers of its answer."""
        if self.status == 200:
            self.came.append(json.loads(body))
        return self.status, {}


def arriving(inbox: Inbox | None = None) -> AbstractContextManager[Inbox]:
    """An inbox that takes what comes; one that was shut before has the port that it had."""
    return listening(inbox or Inbox())
