"""The language of the scripted agent: its instructions, and how they are found in a prompt.

Rules:
- Lines of a prompt that start with `! ` are its script, done in order: see `INSTRUCTIONS`.
- A line `! on 2: …` holds for the second attempt only, `! on 2+: …` from the second on, and
  `! on resume: …` when an earlier session goes on.
- A script that cannot be understood is an error, in whatever line of whatever attempt.
"""

from __future__ import annotations

from agentdeck.testing.scripted.endings import SCRIPT, Trouble

INSTRUCTIONS = {
    # what it does
    "say": "TEXT — say something",
    "last-word": "TEXT — say something, and nothing more at the end",
    "tool": "NAME TARGET — claim to use a tool",
    "sleep": "SECONDS — do nothing, but listen",
    "work": "[SECONDS] — what it does without a script",
    "write": "PATH [LINES] — write a file",
    "append": "PATH TEXT — add a line to a file",
    "remove": "PATH — delete a file",
    "commit": "MESSAGE — commit everything",
    "ask": "QUESTION — wait for an answer, in the manner of the format; "
    "`ask permission` — from here on, ask before each tool, where the format can",
    "write-answer": "PATH — add the latest answer to a file",
    "call": "TOOL [JSON] — call a tool of agentdeck through MCP, and wait for its answer; "
    "`write-answer` keeps it",
    "child": "— leave a process of a session of its own behind",
    "ignore-signals": "— do not end on SIGINT and SIGTERM",
    "merge": "[HOW] — take in the commit that the prompt names; where both sides meet, keep "
    "`both`, or `mine`, or `theirs`; with `neither`, leave it alone",
    "resolve": "HOW — how it merges when its session is told to",
    "leave": "— do not commit what was written",
    "empty": "— change nothing",
    # how it fails by itself
    "fail": "CODE TEXT — end without a result; the text goes to standard error",
    "give-up": "TEXT — end with a result that says it failed",
    "crash": "[SIGNAL] — die by a signal, KILL if none is named",
    "refuse": "[TEXT] — the model will not do it",
    "turn-limit": "— the turns it was given are used up",
    # how the service of its model fails: for ever, or so many times and then no more
    "rate-limit": "SECONDS [TIMES] — 429, with the seconds after which to try again",
    "quota": "SECONDS — the allowance is used up, and resets in so many seconds",
    "overload": "[TIMES] — 500",
    "network": "[TIMES] — no connection",
    "unauthorized": "— 401",
    "cut": "— the answer of the model ends half-way",
    # how it does not end
    "hang": "— never end, and say nothing",
    "hang-after-result": "— never end once the result was said",
    "await-stdin": "— before anything else, wait for the end of the input",
    "runaway": "[RATE] — do the same for ever, so many times a second (4)",
    # what it does to its reader
    "spam": "LINES — say very much",
    "flood": "MEGABYTES — print so much, in lines of its format",
    "long-line": "MEGABYTES — print one line of its format as long as that",
    "endless-line": "MEGABYTES — print so much without a line break, then hang",
    "garbage": "[LINES] — print lines that are not of its format",
    "partial-line": "[CODE] — end in the middle of a line, without a result",
}
RESOLUTIONS = ("both", "mine", "theirs", "neither")
NEEDS_ARGUMENT = {
    "resolve",
    *("say", "last-word", "sleep", "write", "append", "remove", "commit", "ask", "fail"),
    *("rate-limit", "quota", "flood", "long-line", "endless-line", "call"),
}
# A session that goes on goes on behind these, though they did not come to their end.
NOT_REPEATED = {
    *("sleep", "ask", "fail", "give-up", "crash", "refuse", "turn-limit"),
    *("rate-limit", "quota", "overload", "network", "unauthorized", "cut"),
    *("hang", "runaway", "endless-line", "partial-line"),
}
# These hold for the process, so a process that goes on in the middle of a script does them again.
SETTINGS = {
    *(("ask", "permission"), ("ignore-signals", ""), ("leave", "")),
    ("hang-after-result", ""),
}
MAX_LINES = 1_000_000  # of one file or one spam; a typing error should not fill the disk


def parse_script(text: str, attempt: int, *, resumed: bool = False) -> list[tuple[str, str]]:
    """The instructions of a prompt for one attempt, as (word, argument).

    Raises:
        Trouble: one of them is not known or lacks its argument, of whatever attempt it is.
    """
    script = []
    for line in text.split("\n"):
        if not line.startswith("! "):
            continue
        said, holds = line[2:].strip(), True
        if said.startswith("on ") and ":" in said:
            when, _, said = said[3:].partition(":")
            holds = _holds(when.strip(), attempt, line, resumed=resumed)
        word, _, argument = said.strip().partition(" ")
        argument = argument.strip()
        if word not in INSTRUCTIONS:
            raise Trouble(SCRIPT, f"unknown instruction: {line}", code=2)
        if word in NEEDS_ARGUMENT and not argument:
            lacking = f"{line!r} lacks its argument: {word} {INSTRUCTIONS[word]}"
            raise Trouble(SCRIPT, lacking, code=2)
        if holds:
            script.append((word, argument))
    return script


def _holds(when: str, attempt: int, line: str, *, resumed: bool) -> bool:
    if when == "resume":
        return resumed
    number = when.removesuffix("+")
    if not number.isdecimal():
        expected = "`! on NUMBER: …`, `! on NUMBER+: …` or `! on resume: …`"
        raise Trouble(SCRIPT, f"expected {expected}, found {line!r}", code=2)
    return attempt >= int(number) if when.endswith("+") else attempt == int(number)


def commit_to_merge(prompt: str) -> str:
    """The commit after the first `git merge` of a prompt, in hex; empty if it names none."""
    word = prompt.partition("git merge ")[2][:64]
    end = next((at for at, letter in enumerate(word) if letter not in "0123456789abcdef"), 64)
    return word[:end]


def has_script(text: str) -> bool:
    """Whether any line of a prompt is an instruction."""
    return text.startswith("! ") or "\n! " in text


def count_in(text: str, default: int) -> int:
    """The number that a text is, at most `MAX_LINES`; the default if it is none."""
    return min(int(text), MAX_LINES) if text.strip().isdecimal() else default


def seconds_in(text: str) -> float:
    """The seconds that a text names.

    Raises:
        Trouble: it names none.
    """
    try:
        return max(0.0, float(text))
    except ValueError:
        raise Trouble(SCRIPT, f"expected seconds, found {text!r}", code=2) from None
