"""How an attempt ended, from its process and from what it said: one answer out of several.

Rules:
- The process comes first. An exit status is what it is, with one exception: an agent whose result
  was good and that was ended because it did not go by itself has not failed.
- Then the stream. A result that names a cause counts more than the exit status; of the log and a
  trace beside it, the one that knows of a failure counts, and of two that do the log's.
- Where neither has said how it ended, the exit status may mean something for this agent (`exits` of
  its adapter). Else a limit that it met last, and did not get over, is why it gave up; and the last
  line that is not of its format is the best explanation there is.
- What git says of the work is not looked at here: `core.evidence` asks it last.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentdeck.agents.reports import Ended, Limited, Noise, Said, Told, ToolUsed, Worked
from agentdeck.core.events import FailureClass


class Ending(msgspec.Struct, frozen=True):
    """What `AttemptExited` says."""

    code: int | None
    ok: bool | None
    cause: FailureClass | None
    detail: str
    retry_at: float | None


class Heard(msgspec.Struct):
    """What of a stream explains an end that it does not tell itself."""

    met: Limited | None = None  # a limit that it has not got over
    last_words: str = ""  # the last line that is not of its format

    def take(self, report: Told) -> None:
        """Remember what one report says."""
        match report:
            case Limited(hit=True):
                self.met = report
            case Worked() | Said() | ToolUsed():
                self.met = None
            case Noise(raw, True):
                self.last_words = raw
            case _:
                pass


def ending_of(
    code: int | None,
    log: Ended | None,
    trace: Ended | None = None,
    *,
    exits: Mapping[str, str],
    ended_by_us: bool = False,
    heard: Heard | None = None,
) -> Ending:
    """How an attempt ended.

    Args:
        code: exit status, negative = killed by that signal, None = not known.
        log: the latest result in its output, unless something followed it.
        trace: the result in the file that it writes beside its output.
        exits: which class an exit status stands for, by its digits.
        ended_by_us: it had said its result and was ended because it did not go.
        heard: what else its output said.
    """
    heard = heard or Heard()
    result = weightier(log, trace)
    if result is not None and result.ok:
        return Ending(0 if ended_by_us else code, True, None, result.detail, result.retry_at)
    cause, detail, retry_at = None, "", None
    if result is not None:
        cause, detail, retry_at = result.cause, result.detail, result.retry_at
    meant = exits.get(str(code)) if cause is None else None
    if meant is not None:
        cause, detail = FailureClass(meant), detail or heard.last_words or f"exit {code}"
    gave_up = result is None and cause is None and code is not None and code > 0
    if gave_up and heard.met is not None:
        cause, detail, retry_at = heard.met.cause, heard.met.detail, heard.met.resets_at
    if result is None and code != 0:
        detail = detail or heard.last_words
    return Ending(code, None if result is None else False, cause, detail, retry_at)


def weightier(log: Ended | None, trace: Ended | None) -> Ended | None:
    """The result that counts of those of the log and of the trace.

    The one that knows of a failure, and of two that do the one that names its cause: the log's.
    """
    if log is None or trace is None:
        return log or trace
    if log.ok:
        return log if trace.ok else trace
    return log if log.cause is not None or trace.cause is None else trace
