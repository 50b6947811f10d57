"""A run that goes on: what the blocks act on that are marked `in a run that goes on`.

Rules: its tasks have the names that the docs use. `T1` and `T-3` ask, `T-3` before it acts, too;
the others listen until they are stopped. Its plan has a pool, a budget and a tracker. A request of
the tracker lies beside the plan, in the file `request`, and one like it was received before, so
that two proposals are open.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.ids import TaskId
from agentdeck.engine.folders import RunFolder
from agentdeck.testing.settling import settle

SECRET: Final = "a secret of a tracker"
SECRET_ENV: Final = "TRACKER_SECRET"
WAITS: Final = "! sleep 600"  # longer than a page takes
PLAN: Final = f"""\
version = 1
[plan]
name = "Market"
agents = 8
[defaults]
agent = "scripted"
[agents.claude]
permissions = "ask"
[pools.build]
size = 2
[budget]
usd = 20
[tracker]
kind = "github"
repo = "acme/shop"
label = "ready"
accept = ["task"]
secret_env = "{SECRET_ENV}"
[[task]]
id = "T1"
prompt = "! ask Which port?\\n{WAITS}"
[[task]]
id = "T2"
prompt = "{WAITS}"
[[task]]
id = "T-3"
agent = "claude"
prompt = "! ask Keep the old name?\\n! ask permission\\n! write a.txt\\n! write b.txt\\n{WAITS}"
[[task]]
id = "T4"
after = ["T2"]
prompt = "! write d.txt"
"""


def make(repo: Path) -> None:
    """Make the repository of the run, and its request."""
    make_repo(repo, {"README.md": "# Market\n", "plan.toml": PLAN})
    (repo / "request").write_bytes(request(21))


def request(number: int) -> bytes:
    """An issue has got the label: one HTTP request as GitHub sends it."""
    labels = [{"name": "ready"}]
    issue = {"number": number, "title": f"Sell more of {number}", "state": "open", "body": "Do it."}
    now = datetime.fromtimestamp(time.time(), UTC).isoformat().replace("+00:00", "Z")
    said = {
        "action": "labeled",
        "issue": {**issue, "updated_at": now, "labels": labels},
        "label": labels[0],
        "sender": {"login": "ann"},
        "repository": {"full_name": "acme/shop"},
    }
    body = json.dumps(said).encode()
    sign = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = f"POST / HTTP/1.1\r\nContent-Length: {len(body)}\r\nX-Hub-Signature-256: sha256={sign}"
    return head.encode() + b"\r\n\r\n" + body


def wait_until_it_asks(folder: RunFolder, task: str) -> None:
    """Its agent has a question that is open."""

    def asks() -> bool:
        attempt = fold_run(folder).tasks[TaskId(task)].attempt
        return attempt is not None and bool(attempt.questions)

    settle(asks, f"{task} to ask")
