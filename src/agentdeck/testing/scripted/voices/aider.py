"""aider: `aider --message …`, as 0.86.2 was recorded, with the file of `--analytics-log`.

Rules:
- It has no tools but edits, which it applies and commits by itself; others are not seen.
- It prints text for people. Tokens and prices are in the analytics file, one event a line.
- It ends with code 0 whatever happened. An answer that ends half-way changes nothing.
- It has no sessions; `--resume` goes on with what it remembers, if it does.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH123

from __future__ import annotations

import time

from agentdeck.testing.scripted.calls import EDIT, READ, SHELL, WRITE, Call
from agentdeck.testing.scripted.endings import (
    AGENT,
    AUTH,
    NETWORK,
    OVERLOAD,
    QUOTA,
    RATE_LIMIT,
    REFUSED,
    Trouble,
    TurnEnds,
)
from agentdeck.testing.scripted.git import git_output
from agentdeck.testing.scripted.output import encoded
from agentdeck.testing.scripted.signals import signal
from agentdeck.testing.scripted.voice import HALF_AN_ANSWER, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.attempt import Attempt

RETRIES = 8  # the wait doubles each time; after half a minute it gives up
HALF_OF_FIRST_WAIT_S = 0.125
ERRORS = {
    RATE_LIMIT: ("RateLimitError", "The API provider has rate limited you. Try again later."),
    QUOTA: ("RateLimitError", "The API provider has rate limited you. Try again later."),
    OVERLOAD: ("InternalServerError", "The API provider's servers are down or overloaded."),
    AUTH: ("AuthenticationError", "The API provider is not able to authenticate you."),
    NETWORK: ("APIConnectionError", "The API provider is not reachable."),
    REFUSED: ("ContentPolicyViolationError", "The API provider has refused the request."),
}


class Aider(Voice):
    """Says it as aider does."""

    speaks = "aider"
    resumes_by = ("--resume",)
    strict = False
    limits_turns = False
    retries = RETRIES

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._log = attempt.option("--analytics-log")
        self._who = self.ids.uuid()
        self._usd = 0.0

    # --- the story ----------------------------------------------------------------------------

    def begin(self, prompt: str) -> None:
        """The head of every run."""
        self._event("launched")
        files = git_output("ls-files").count("\n")
        self.out.text(
            "Detected dumb terminal, disabling fancy input and pretty output.\n\n"
            f"Aider v0.86.2\nModel: {self.attempt.model} with whole edit format\n"
            f"Git repo: .git with {files} files\n"
            "Repo-map: using 1024 tokens, auto refresh"
        )
        self._event("repo", num_files=files)
        self._event("auto_commits", enabled=True)
        self._event("message_send_starting")

    def stopped(self, number: int) -> int:
        """An interrupt is an end like any other."""
        if number != signal.SIGINT:
            return -number
        self.out.text("\n\n^C again to exit")
        self._event("exit", reason="Control-C")
        return 0

    # --- what the service does ----------------------------------------------------------------

    def patience(self, trouble: Trouble) -> int:
        """A bad key does not get better."""
        return 0 if trouble.kind == AUTH else RETRIES

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """The error, each time."""
        self._error(trouble)
        self.out.text(f"Retrying in {HALF_OF_FIRST_WAIT_S * 2**number:.1f} seconds...")

    def cut(self) -> None:
        """Half of an answer holds no edit.

        Raises:
            TurnEnds: always.
        """
        self.say(HALF_AN_ANSWER)
        raise TurnEnds

    # --- what the format says -----------------------------------------------------------------

    def text(self, text: str) -> None:
        """Text, with an empty line before it."""
        self.out.text(f"\n{text}")

    def called(self, call: Call) -> None:
        """An edit is a file in full, in the answer itself."""
        if call.kind in (WRITE, EDIT):
            self.out.text(f"\n{call.target}\n```\n{call.text}```")

    def reply_closed(self, reason: str) -> None:
        """What it estimates that the answer took."""
        reply = self.meter.reply
        self._usd += reply.usd
        sent, received = _short(reply.taken_in), _short(reply.out)
        cost = f"Cost: ${reply.usd:.4f} message, ${self._usd:.4f} session."
        self.out.text(f"\nTokens: {sent} sent, {received} received. {cost}")
        self._event(
            "message_send",
            main_model=self.attempt.model,
            weak_model=self.attempt.model,
            editor_model=self.attempt.model,
            edit_format="whole",
            prompt_tokens=reply.taken_in,
            completion_tokens=reply.out,
            total_tokens=reply.taken_in + reply.out,
            cost=reply.usd,
            total_cost=round(self._usd, 6),
        )

    def returned(self, call: Call) -> None:
        """The answer is complete before its edit is applied."""
        self.calling = None
        if call.kind not in (WRITE, EDIT):
            self._quiet(call)
            return
        self.close("tool-calls")
        self.out.text(f"Applied edit to {call.target}")

    def result(self) -> None:
        """Nothing but the last event."""
        self._event("exit", reason="Completed --message")

    def broke(self, trouble: Trouble) -> int:
        """The error, and the code of a success."""
        self._error(trouble)
        self._event("exit", reason="Completed --message")
        return 0

    def _quiet(self, call: Call) -> None:
        """Of what it does without the model, commits and files it reads are named."""
        if call.kind == SHELL and call.output and call.target.startswith("git commit"):
            self.out.text(f"Commit {call.output}")
        elif call.kind == READ:
            self.out.text(f"Added {call.target} to the chat.")

    def _error(self, trouble: Trouble) -> None:
        if trouble.kind == AGENT or trouble.kind not in ERRORS:
            self.out.text(trouble.detail)
            return
        name, words = ERRORS[trouble.kind]
        self.out.text(f"litellm.{name}: {name}: OpenAIException - {trouble.detail}\n{words}")

    def _event(self, event: str, **properties: object) -> None:
        if not self._log:
            return
        line = {
            "event": event,
            "properties": properties,
            "user_id": self._who,
            "time": int(time.time()),
        }
        with open(self._log, "a", encoding="utf-8") as file:
            file.write(encoded(line, gap=" ") + "\n")


def _short(tokens: int) -> str:
    """A number of tokens as it prints them."""
    if tokens < 1000:
        return str(tokens)
    return f"{tokens / 1000:.1f}k" if tokens < 10_000 else f"{round(tokens / 1000)}k"


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Aider(attempt)
