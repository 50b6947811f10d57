"""How the agent speaks: one class for each stream format, and what they have in common.

Rules:
- A voice is told the story (`begin`, `say`, `announce`, `returned`, `finish`, `failed`) and says it
  as the command line of its vendor does. It decides nothing about the story, but what the vendor
  decides: whether a tool may be used, how often the service is asked again, the exit code.
- A reply of the model is text, then at most one tool call. The first of either opens it; the tool's
  result, or the end of the turn, closes it.
- What a vendor was not seen to do is left to this class: nothing is shown.
"""

from __future__ import annotations

from agentdeck.testing.scripted.calls import READ, Call
from agentdeck.testing.scripted.dice import Dice
from agentdeck.testing.scripted.endings import (
    CRASH,
    NO_SESSION,
    SCRIPT,
    SESSION_USED,
    TURN_LIMIT,
    Trouble,
    TurnEnds,
)
from agentdeck.testing.scripted.output import Out, complain
from agentdeck.testing.scripted.session import Session
from agentdeck.testing.scripted.signals import ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentdeck.testing.scripted.attempt import Attempt
    from agentdeck.testing.scripted.session import Store
    from agentdeck.testing.scripted.tokens import Meter
    from agentdeck.testing.scripted.work import Work

PATIENCE_S = 60.0  # a limit that lasts longer is not waited out; 1 s and 3600 s were measured
HALF_AN_ANSWER = "The first half of the answer, and then"


class Voice:
    """One format."""

    speaks = ""  # the name of the format
    resumes_by: tuple[str, ...] = ("--resume", "-r")  # options that name the session to go on with
    names_by = ""  # the option that chooses the id of a new one
    strict = True  # an unknown session is an error
    limits_turns = True  # it can be told how many turns it has
    tells_output = True  # what a command printed is shown
    retries = 0  # how often the service is asked again before the vendor gives up, as shown

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.out = Out()
        self.ids = Dice(self.speaks, attempt.task, attempt.number)
        self.session: Session
        self.meter: Meter
        self.following = False  # there is a session
        self.replying = False  # a reply is open
        self.calling: Call | None = None  # a call whose end was not told yet
        self.calls = 0  # of the process
        self.last_text = ""

    # --- sessions -----------------------------------------------------------------------------

    def new_id(self) -> str:
        """An id for a new session, made from task and attempt."""
        return self.ids.uuid()

    def opened(self, store: Store) -> Session:
        """The session that this process was told to go on with, else a new one.

        Raises:
            Trouble: there is none of that id; or the id that a new one should have is taken.
        """
        name = self.attempt.option(*self.resumes_by)
        wanted = self.attempt.option(self.names_by) if self.names_by else ""
        if name:
            found = self.found(store, name)
            if found is None and self.strict:
                raise Trouble(NO_SESSION, name)
            return found or Session(name, self.attempt.cwd)
        if wanted and store.find(wanted):
            raise Trouble(SESSION_USED, wanted)
        return Session(wanted or self.new_id(), self.attempt.cwd)

    def found(self, store: Store, name: str) -> Session | None:
        """A session by its id, if the vendor would find it from here."""
        return store.find(name)

    def follow(self, session: Session, meter: Meter) -> None:
        """Speak for this session from now on."""
        self.session, self.meter, self.following = session, meter, True
        if session.resumed:  # else the ids of the earlier process would come again
            words = (self.speaks, self.attempt.task, self.attempt.number, session.total.replies)
            self.ids = Dice(*words)

    @property
    def converses(self) -> bool:
        """Whether prompts come over the input, one after the other."""
        return False

    def converse(self, store: Store, start: Callable[[Session], Work]) -> int:
        """Take prompts until the input ends. Returns the exit code.

        Args:
            store: where sessions are kept.
            start: begins to work in a session.
        """
        raise NotImplementedError

    # --- the story ----------------------------------------------------------------------------

    def begin(self, prompt: str) -> None:
        """A turn begins, with a prompt."""

    def say(self, text: str) -> None:
        """The model says something."""
        self.reply()
        self.last_text = text
        self.text(text)

    def announce(self, call: Call) -> None:
        """The model wants to use a tool."""
        self.reply()
        self.calls += 1
        self.calling = call
        self.called(call)

    def permit(self, call: Call) -> None:
        """Ask whether a tool may be used, and put the answer into `call.denied`."""

    def writes(self, call: Call) -> bool:
        """Whether somebody else has written the file of a call instead of the agent."""
        return False

    def returned(self, call: Call) -> None:
        """The tool has ended, or was not allowed to begin."""
        self.calling = None
        self.ended(call)
        self.close("tool-calls")

    def ask(self, question: str) -> str:
        """Ask a person.

        Raises:
            TurnEnds: the answer comes with the next prompt, if any comes.
        """
        self.say(question)
        raise TurnEnds

    def hear(self, wait_s: float) -> str | None:
        """What a person says within so many seconds, or None."""
        ready(wait_s)
        return None

    def poll(self) -> None:
        """Hear what has come in meanwhile, if anybody talks over the input."""

    def await_the_end_of_the_input(self) -> None:
        """Read the input to its end, as some do before they begin."""
        from agentdeck.testing.scripted.hearing import Ears

        Ears().until_the_end()

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """The service was asked in vain and is asked again, for the `number`th time of `limit`."""

    def finish(self, detail: str) -> None:
        """The turn ends well. `detail` is the model's last word, "" if it has said that already."""
        self.last_words(detail)
        self.close("stop")
        self.result()

    def last_words(self, detail: str) -> None:
        """Say how it ended, if that was not said yet."""
        if detail:
            self.meter.out += len(detail) // 4 + 20
            self.say(detail)

    def failed(self, trouble: Trouble) -> int:
        """The turn ends badly. Returns the exit code."""
        if trouble.kind == TURN_LIMIT and not self.limits_turns:
            trouble = Trouble(SCRIPT, f"{self.speaks} has no limit of turns", code=2)
        if trouble.kind in (CRASH, SCRIPT):
            complain(trouble.detail)
            return trouble.code
        if trouble.kind in (NO_SESSION, SESSION_USED):
            return self.lost(trouble)
        return self.broke(trouble)

    def lost(self, trouble: Trouble) -> int:
        """No session of that id can be had. Returns the exit code."""
        complain(trouble.detail)
        return 1

    def stopped(self, number: int) -> int:
        """A signal came. Returns the exit code, or minus the signal to die by it."""
        return -number

    # --- what the service does --------------------------------------------------------------

    def outage(self, trouble: Trouble, times: int | None) -> None:
        """The service fails so many times, or (None) until the vendor gives up.

        Raises:
            Trouble: it gave up.
        """
        shown = self.patience(trouble) if times is None else times
        for number in range(1, shown + 1):
            self.retried(trouble, number, max(shown, self.retries))
        if times is None:
            raise trouble

    def patience(self, trouble: Trouble) -> int:
        """How often the service is asked again before the vendor gives up on this trouble."""
        return self.retries

    def cut(self) -> None:
        """The answer of the model ends half-way. Most ask again and show nothing of it."""

    def spin(self, work: Work) -> None:
        """One round of work that leads nowhere."""
        work.use(Call(READ, "Read", "README.md"))

    # --- what a format says -------------------------------------------------------------------

    def reply(self) -> None:
        """Open a reply of the model, unless one is open."""
        if not self.replying:
            self.replying = True
            self.meter.open_reply()
            self.reply_opened()

    def close(self, reason: str) -> None:
        """Close the reply that is open, if any."""
        if self.replying:
            self.replying = False
            self.meter.close_reply()
            self.reply_closed(reason)

    def reply_opened(self) -> None:
        """Say that the model begins to answer."""

    def reply_closed(self, reason: str) -> None:
        """Say that it has answered: `tool-calls` or `stop`."""

    def text(self, text: str) -> None:
        """Say what the model said."""

    def called(self, call: Call) -> None:
        """Say which tool begins."""

    def ended(self, call: Call) -> None:
        """Say how it ended."""

    def result(self) -> None:
        """Say that the turn ended well."""

    def broke(self, trouble: Trouble) -> int:
        """Say what ended the turn. Returns the exit code."""
        complain(trouble.detail)
        return trouble.code
