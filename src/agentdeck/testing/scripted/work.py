"""One conversation of the agent: takes a prompt, does its script, reports to its voice.

Rules:
- A prompt with a script is answered by that. One without goes on with what is left of the session's
  script; if nothing is left, the first is answered by `work`, or by a reviewer with a yes, and a
  later one by a few words, or by the merge that it asks for.
- At the end of a script what was written is committed, unless it said `leave`.
- Everything that it makes up depends on the task and the attempt alone.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH103, PTH120, PTH123

from __future__ import annotations

import os
import time

from agentdeck.testing.scripted import doing
from agentdeck.testing.scripted.calls import EDIT, SHELL, WRITE, Call, inside_path
from agentdeck.testing.scripted.dice import Dice
from agentdeck.testing.scripted.endings import CRASH, SCRIPT, Trouble, TurnEnds, hang
from agentdeck.testing.scripted.git import git, git_code, git_output
from agentdeck.testing.scripted.script import (
    NOT_REPEATED,
    SETTINGS,
    commit_to_merge,
    parse_script,
)
from agentdeck.testing.scripted.tokens import Meter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentdeck.testing.scripted.attempt import Attempt
    from agentdeck.testing.scripted.session import Session, Store
    from agentdeck.testing.scripted.voice import Voice

ANSWER_CHARS = 4000  # of a prompt that is taken for an answer


class Work:
    """The conversation of one session in this process."""

    def __init__(self, attempt: Attempt, voice: Voice, session: Session, store: Store) -> None:
        self.voice, self.session = voice, session
        self.task, self.files = attempt.task, attempt.files
        self.dice = Dice(attempt.task, attempt.number)
        self.meter = Meter(session.context, session.total)
        self.answer = ""
        self.leaves = False
        self.to_merge = ""  # the commit that the latest prompt says to take in
        self.asks_permission = False
        self.has_last_word = False  # it has said that already
        self.hangs = False  # once the result was said
        self._number = attempt.number
        self._store = store
        self._turns = 0
        self._heard = 800 + self.dice.below(2000)  # tokens of the prompt

    def turn(self, prompt: str) -> int:
        """Answer one prompt. Returns the exit code, if nothing follows.

        Raises:
            Trouble: of the kind that ends the process, not only the turn.
            Stopped, Interrupted: somebody wants an end.
        """
        self._turns += 1
        fault, last_word = None, ""
        try:
            last_word = self._take_up(prompt)
        except Trouble as trouble:
            fault = trouble
        if any(word == "await-stdin" for word, _ in self.session.script[self.session.done :]):
            self.voice.await_the_end_of_the_input()
        self.meter.open_turn(self._heard)
        self.voice.follow(self.session, self.meter)
        self.voice.begin(prompt)
        if fault:
            raise fault
        try:
            code = self._to_the_end(last_word)
        finally:
            self._keep()
        if self.hangs:
            hang()
        return code

    def _to_the_end(self, last_word: str) -> int:
        try:
            self._perform()
            if self.session.dirty and not self.leaves:
                self.commit(self.session.title or self.task)
        except TurnEnds:
            last_word = ""
        except Trouble as trouble:
            if trouble.kind in (CRASH, SCRIPT):
                raise
            return self.voice.failed(trouble)
        self.voice.finish("" if self.has_last_word else last_word)
        return 0

    def _take_up(self, prompt: str) -> str:
        """Settle which script is done now. Returns what is said at its end."""
        session, first = self.session, self._turns == 1
        session.title = session.title or _title(prompt)
        script = parse_script(prompt, self._number, resumed=session.resumed and first)
        words = " ".join(prompt.split())[:ANSWER_CHARS]
        self.to_merge = commit_to_merge(prompt)
        if not first:
            self._heard = len(prompt) // 4
        if not script and session.done < len(session.script):
            self.answer = words
            for word, argument in session.script[: session.done] if first else ():
                if (word, argument) in SETTINGS:
                    doing.action(word)(self, argument)
        elif script or (first and not session.resumed):
            session.script, session.done = script or [self._usual()], 0
        elif self.to_merge:
            how = next((said for word, said in session.script if word == "resolve"), "both")
            session.script, session.done = [("resolve", how), ("merge", how)], 0
        else:
            session.script, session.done = [("say", f"Understood: {words}")], 0
            return ""
        return f"{self.task} is done"

    def _usual(self) -> tuple[str, str]:
        """What it does without a script: the work, or as a reviewer a yes to it."""
        if os.environ.get("AGENTDECK_REVIEW"):
            return "last-word", '{"verdict": "approve", "summary": "It does what its brief says."}'
        return "work", ""

    def _perform(self) -> None:
        session = self.session
        while session.done < len(session.script):
            word, argument = session.script[session.done]
            session.done += word in NOT_REPEATED
            self._keep()
            self.voice.poll()
            doing.action(word)(self, argument)
            session.done += word not in NOT_REPEATED

    def _keep(self) -> None:
        self.session.context = self.meter.context
        self._store.keep(self.session)

    # --- what instructions are made of --------------------------------------------------------

    def say(self, text: str) -> None:
        """Say something."""
        self.meter.out += len(text) // 4 + 20
        self.voice.say(text)

    def use(self, call: Call, act: Callable[[], str] | None = None) -> None:
        """Use a tool, if it may be used.

        Args:
            call: what is wanted.
            act: does it, and returns what the tool prints; None = it is only claimed.
        """
        heard = 300 + self.dice.below(900)
        self.meter.out += 40 + self.dice.below(160)
        self.voice.announce(call)
        if self.asks_permission:
            self.voice.permit(call)
        if call.denied is None and act is not None:
            call.output = act()
        self.meter.context += heard
        self.voice.returned(call)

    def put(self, path: str, text: str, kind: int) -> None:
        """Write a file anew, or add to it."""
        inside = inside_path(path)
        call = Call(kind, "Write" if kind == WRITE else "Edit", inside, text)
        call.new = not os.path.lexists(inside)

        def act() -> str:
            if not self.voice.writes(call):
                os.makedirs(os.path.dirname(inside) or ".", exist_ok=True)
                mode = "a" if kind == EDIT else "w"
                with open(inside, mode, encoding="utf-8", errors="replace") as file:
                    file.write(call.text)
            self.session.dirty = True
            return ""

        self.use(call, act)

    def commit(self, message: str) -> None:
        """Commit everything, if there is anything."""
        git("add", "--all")
        if git_code("diff", "--cached", "--quiet") != 0:

            def act() -> str:
                git("commit", "--quiet", "--no-verify", "--message", message)
                told = self.voice.tells_output
                return git_output("log", "-1", "--format=%h %s").strip() if told else ""

            self.use(Call(SHELL, "Bash", f"git commit -m {message}"), act)
        self.session.dirty = False

    def sleep(self, seconds: float) -> None:
        """Do nothing, but hear what a person says meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            heard = self.voice.hear(left)
            if heard is not None:
                self.say(f"Understood: {heard}")


def _title(prompt: str) -> str:
    """What the first line of a prompt says after `# Task `."""
    first = prompt.partition("\n")[0]
    return first.removeprefix("# Task ").strip() if first.startswith("# Task ") else ""
