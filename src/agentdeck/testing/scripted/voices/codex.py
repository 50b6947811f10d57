"""Codex CLI: `codex exec --json`, as 0.169.0 was recorded.

Rules:
- Usage is cumulative over the thread, also over a resume; the cached part is within the input.
- Files are changed by patches (`file_change`), everything else is a command of a shell.
- A limit that lasts long makes one `error` line and then nothing; a missing network is waited for.
- No price, no retry time but in words.
"""

from __future__ import annotations

import time

from agentdeck.testing.scripted.calls import EDIT, REMOVE, WRITE, Call
from agentdeck.testing.scripted.clock import hour
from agentdeck.testing.scripted.endings import (
    AGENT,
    AUTH,
    NETWORK,
    OVERLOAD,
    QUOTA,
    RATE_LIMIT,
    REFUSED,
    Trouble,
)
from agentdeck.testing.scripted.output import complain
from agentdeck.testing.scripted.signals import ready, signal
from agentdeck.testing.scripted.voice import HALF_AN_ANSWER, PATIENCE_S, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.attempt import Attempt

RECONNECTS = 5  # before it gives up
RECONNECT_S = 40.0  # between two lines that say there is no network
DISCONNECTED = "stream disconnected before completion: stream closed before response.completed"
WORDS = {
    RATE_LIMIT: "exceeded retry limit, last status: 429 Too Many Requests",
    QUOTA: "You've hit your usage limit. Visit https://chatgpt.com/codex/settings/usage to "
    "purchase more credits or try again at {}.",
    OVERLOAD: "We’re currently experiencing high demand, which may cause temporary errors.",
    AUTH: "unexpected status 401 Unauthorized: {}",
    NETWORK: "waiting for network",
    REFUSED: "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
}


class Codex(Voice):
    """Says it as Codex does."""

    speaks = "codex"
    resumes_by = ("--resume", "-r", "resume")  # the last is the command of `codex exec resume ID`
    retries = RECONNECTS
    limits_turns = False

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._items = 0

    def new_id(self) -> str:
        """A UUID of the kind that begins with the time."""
        return self.ids.uuid(7)

    # --- the story ----------------------------------------------------------------------------

    def begin(self, prompt: str) -> None:
        """Name the thread."""
        self._line("thread.started", thread_id=self.session.id)
        if not self.attempt.model.startswith("gpt-"):
            known = f"Model metadata for `{self.attempt.model}` not found."
            self._item("item.completed", "error", message=f"{known} Defaulting to fallback.")
        self._line("turn.started")

    def await_the_end_of_the_input(self) -> None:
        """Say what it waits for, where nobody looks."""
        complain("Reading additional input from stdin...")
        super().await_the_end_of_the_input()

    def lost(self, trouble: Trouble) -> int:
        """Words, and nothing on standard output."""
        complain(f"Error: thread/resume failed: no rollout found for thread id {trouble.detail}")
        return 1

    def stopped(self, number: int) -> int:
        """An interrupt ends it tidily, anything else at once."""
        return 1 if number == signal.SIGINT else -number

    # --- what the service does ----------------------------------------------------------------

    def outage(self, trouble: Trouble, times: int | None) -> None:
        """Wait for a network, and for a limit that lasts, without an end.

        Raises:
            Trouble: it gave up.
        """
        if times is None and trouble.kind == NETWORK:
            while True:
                self.retried(trouble, 1, RECONNECTS)
                ready(RECONNECT_S)
        if times is None and trouble.kind == RATE_LIMIT and trouble.wait_s > PATIENCE_S:
            self.retried(trouble, 1, RECONNECTS)
            ready(trouble.wait_s)
            return
        super().outage(trouble, times)

    def patience(self, trouble: Trouble) -> int:
        """A quota that is used up is final."""
        return 0 if trouble.kind == QUOTA else RECONNECTS

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """Say that it connects again."""
        if trouble.kind == NETWORK:
            self._line("error", message="Reconnecting... waiting for network")
        else:
            self._line("error", message=f"Reconnecting... {number}/{limit} ({_words(trouble)})")

    def cut(self) -> None:
        """Connect again in vain.

        Raises:
            Trouble: always.
        """
        self.reply()
        self.text(HALF_AN_ANSWER)
        for number in range(1, RECONNECTS + 1):
            again = f"Reconnecting... {number}/{RECONNECTS} ({DISCONNECTED})"
            self._line("error", message=again)
        raise Trouble(AGENT, DISCONNECTED)

    # --- what the format says -----------------------------------------------------------------

    def text(self, text: str) -> None:
        """A whole message."""
        self._item("item.completed", "agent_message", text=text)

    def called(self, call: Call) -> None:
        """A patch or a command begins."""
        call.id = self._next_item()
        self._call("item.started", call, "in_progress", None)

    def ended(self, call: Call) -> None:
        """It has ended."""
        if call.denied is None:
            self._call("item.completed", call, "completed", 0)
        else:
            self._call("item.completed", call, "declined", None)

    def result(self) -> None:
        """The totals of the thread."""
        total = self.meter.total
        usage = {
            "input_tokens": total.taken_in,
            "cached_input_tokens": total.cached,
            "cache_write_input_tokens": 0,
            "output_tokens": total.out,
            "reasoning_output_tokens": 0,
        }
        self._line("turn.completed", usage=usage)

    def broke(self, trouble: Trouble) -> int:
        """The error twice, as it does."""
        words = _words(trouble)
        self._line("error", message=words)
        self._line("turn.failed", error={"message": words})
        return 1

    def _call(self, line: str, call: Call, status: str, code: int | None) -> None:
        if call.kind in (WRITE, EDIT, REMOVE):
            change = "delete" if call.kind == REMOVE else "add" if call.new else "update"
            item = {"id": call.id, "type": "file_change"}
            changes = [{"path": call.path, "kind": change}]
            known = "failed" if status == "declined" else status
            self._line(line, item={**item, "changes": changes, "status": known})
            return
        shell = call.command.replace("\\", "\\\\").replace('"', '\\"')
        output = f"{call.output}\n" if call.output else ""
        item = {"id": call.id, "type": "command_execution", "command": f'/bin/bash -lc "{shell}"'}
        more = {"aggregated_output": output, "exit_code": code, "status": status}
        self._line(line, item={**item, **more})

    def _item(self, line: str, kind: str, **fields: object) -> None:
        self._line(line, item={"id": self._next_item(), "type": kind, **fields})

    def _next_item(self) -> str:
        self._items += 1
        return f"item_{self._items - 1}"

    def _line(self, kind: str, **fields: object) -> None:
        self.out.json({"type": kind, **fields})


def _words(trouble: Trouble) -> str:
    at = trouble.detail
    if trouble.kind == QUOTA:
        at = when(time.time() + trouble.wait_s)
    return WORDS.get(trouble.kind, "{}").format(at)


def when(at: float) -> str:
    """A time of day; with its date, if that is not today's."""
    then, now = time.localtime(at), time.localtime()
    if then[:3] == now[:3]:
        return hour(at)
    day = then.tm_mday
    ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{time.strftime('%b', then)} {day}{ending}, {then.tm_year} {hour(at)}"


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Codex(attempt)
