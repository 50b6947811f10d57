"""The built-in scripted agent: does what its prompt says, costs nothing, is the same each time.

It is run as `python -I -S scripted_agent.py --prompt-file FILE` in a worktree: one file, because
it can import nothing beside it, and only modules that start fast. Task, attempt and footprint come
by AGENTDECK_TASK, AGENTDECK_ATTEMPT and AGENTDECK_FILES (one pattern a line).

Rules:
- Lines of the prompt that start with `! ` are its script, done in order: see `INSTRUCTIONS`. A line
  `! on 2: …` holds for the second attempt only, `! on 2+: …` from the second on.
- Without a script it works by itself: some tool calls, one to three files within its footprint, a
  commit. It takes AGENTDECK_SCRIPT_SECONDS, or a fraction of a second.
- Everything it makes up depends on the task and the attempt alone.
- At the end what was written is committed, unless the script said `leave`.
- It answers in JSON lines; a script that cannot be understood is an error before anything is done.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH103, PTH108, PTH110, PTH117, PTH120, PTH122, PTH123

from __future__ import annotations

import os
import select
import signal
import sys
import time
import zlib
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

INSTRUCTIONS = {
    "say": "TEXT — say something",
    "tool": "NAME TARGET — claim to use a tool",
    "sleep": "SECONDS — do nothing, but listen",
    "work": "[SECONDS] — what it does without a script",
    "write": "PATH [LINES] — write a file",
    "append": "PATH TEXT — add a line to a file",
    "remove": "PATH — delete a file",
    "commit": "MESSAGE — commit everything",
    "ask": "QUESTION — wait for an answer on the input",
    "write-answer": "PATH — add the latest answer to a file",
    "fail": "CODE TEXT — end without a result",
    "give-up": "TEXT — end with a result that says it failed",
    "rate-limit": "SECONDS — end with a result that names a limit",
    "hang": "— never end",
    "spam": "LINES — say very much",
    "child": "— leave a process of a session of its own behind",
    "ignore-signals": "— do not end on SIGINT and SIGTERM",
    "leave": "— do not commit what was written",
    "empty": "— change nothing",
}
NEEDS_ARGUMENT = {
    "say",
    "sleep",
    "write",
    "append",
    "remove",
    "commit",
    "ask",
    "fail",
    "rate-limit",
}
MAX_LINES = 1_000_000  # of one file or one spam; a typing error should not fill the disk
MAX_MESSAGE_BYTES = 1 << 20  # of one line on the input
CHILD_SECONDS = 600  # a child that nobody ends must not stay for ever
USD_PER_TOKEN = 0.000004  # made up; makes the money of a demo move
DEFAULT_SECONDS = (0.2, 1.0)  # of work without a script
ESCAPES = {code: f"\\u{code:04x}" for code in (*range(32), 127, *range(0xD800, 0xE000))}
ESCAPES |= {ord('"'): '\\"', ord("\\"): "\\\\"}

THOUGHTS = (
    "Reading what is there before changing anything.",
    "The shape is clear: small functions, one file for each subject.",
    "The names in the neighbouring files suggest how to call this.",
    "One edge case first: an empty input.",
    "This could be simpler. Taking one level of nesting out.",
    "Checking it against the brief once more.",
)
TOOLS = (
    ("Grep", "def |class "),
    ("Read", "README.md"),
    ("Bash", "git log --oneline -5"),
    ("Glob", "**/*.py"),
    ("Bash", "sh tools/check.sh"),
)


class Stopped(Exception):
    """A signal asked for an end."""

    def __init__(self, number: int) -> None:
        self.number = number


class Trouble(Exception):
    """The attempt ends as a failure: exit code, words, and what else the result line says."""

    def __init__(self, code: int, detail: str, *, silent: bool = False, **more: object) -> None:
        self.code, self.detail, self.silent, self.more = code, detail, silent, more


class Dice:
    """Numbers that look random and are the same for the same words."""

    def __init__(self, *words: object) -> None:
        self.state = zlib.crc32("/".join(map(str, words)).encode()) | 1

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1 (xorshift32)."""
        state = self.state
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        self.state = state
        return state % limit

    def between(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        return low + (high - low) * self.below(10_000) / 10_000

    def pick(self, choices: tuple[Any, ...]) -> Any:
        """One of the choices."""
        return choices[self.below(len(choices))]


def parse_script(text: str, attempt: int) -> list[tuple[str, str]]:
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
            holds = _holds(when.strip(), attempt, line)
        word, _, argument = said.strip().partition(" ")
        argument = argument.strip()
        if word not in INSTRUCTIONS:
            raise Trouble(2, f"unknown instruction: {line}")
        if word in NEEDS_ARGUMENT and not argument:
            raise Trouble(2, f"{line!r} lacks its argument: {word} {INSTRUCTIONS[word]}")
        if holds:
            script.append((word, argument))
    return script


def _holds(when: str, attempt: int, line: str) -> bool:
    number = when.removesuffix("+")
    if not number.isdecimal():
        raise Trouble(2, f"expected `! on NUMBER: …` or `! on NUMBER+: …`, found {line!r}")
    return attempt >= int(number) if when.endswith("+") else attempt == int(number)


def emit(kind: str, **fields: object) -> None:
    """Print one JSON line."""
    pairs: list[tuple[str, object]] = [("type", kind), ("at", round(time.time(), 3))]
    pairs += fields.items()
    line = ", ".join(f"{_quoted(name)}: {_json(value)}" for name, value in pairs)
    data = f"{{{line}}}\n".encode()
    while data:
        data = data[os.write(1, data) :]


def _json(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else _quoted(str(value))


def _quoted(text: str) -> str:
    return f'"{text.translate(ESCAPES)}"'


class Work:
    """One attempt at a task."""

    def __init__(self, task: str, attempt: int, files: list[str], prompt: str) -> None:
        self.task, self.attempt, self.files, self.prompt = task, attempt, files, prompt
        self.dice = Dice(task, attempt)
        self.tokens_in = 800 + self.dice.below(2000)
        self.tokens_out = 0
        self.unread = b""
        self.input_open = True
        self.answer = ""
        self.questions = 0
        self.dirty = False
        self.leaves = False

    # --- what it says ----------------------------------------------------------------------

    def do_say(self, text: str) -> None:
        """Say something."""
        self.tokens_out += len(text) // 4 + 20
        emit("text", text=text)

    def do_tool(self, words: str, detail: str = "") -> None:
        """Report a tool call."""
        name, _, target = words.partition(" ")
        self.tokens_in += 300 + self.dice.below(900)
        self.tokens_out += 40 + self.dice.below(160)
        emit("tool", name=name, target=target, status="running", detail=detail)
        self.report_usage()

    def report_usage(self) -> None:
        """Report the totals so far."""
        usd = round((self.tokens_in + 5 * self.tokens_out) * USD_PER_TOKEN, 6)
        emit("usage", **{"in": self.tokens_in, "out": self.tokens_out, "usd": usd})

    def do_spam(self, lines: str) -> None:
        """Say very much."""
        for number in range(1, _count(lines, 1000) + 1):
            emit("text", text=f"line {number}: {self.dice.pick(THOUGHTS)}")

    # --- what it changes -------------------------------------------------------------------

    def do_write(self, words: str) -> None:
        """Write a file anew."""
        path, _, lines = words.partition(" ")
        text = content(path, self.task, _count(lines, 8 + self.dice.below(24)), self.dice)
        self._put(path, text, "w", "Write")

    def do_append(self, words: str) -> None:
        """Add a line to a file."""
        path, _, text = words.partition(" ")
        self._put(path, text + "\n", "a", "Edit")

    def do_remove(self, path: str) -> None:
        """Delete a file, if it is there."""
        inside = _inside(path)
        if os.path.lexists(inside):
            os.unlink(inside)
        self.dirty = True
        self.do_tool(f"Bash rm {inside}")

    def _put(self, path: str, text: str, mode: str, tool: str) -> None:
        inside = _inside(path)
        os.makedirs(os.path.dirname(inside) or ".", exist_ok=True)
        with open(inside, mode, encoding="utf-8") as file:
            file.write(text)
        self.dirty = True
        self.do_tool(f"{tool} {inside}", f"+{text.count(chr(10))} −0")

    def do_commit(self, message: str) -> None:
        """Commit everything, if there is anything."""
        _git("add", "--all")
        if _git_code("diff", "--cached", "--quiet") != 0:
            self.do_tool(f"Bash git commit -m {message}")
            _git("commit", "--quiet", "--no-verify", "--message", message)
        self.dirty = False

    def do_leave(self, _: str) -> None:
        """Do not commit at the end."""
        self.leaves = True

    def do_empty(self, _: str) -> None:
        """Say that nothing had to change."""
        self.do_say("Nothing had to change.")

    def do_work(self, seconds: str) -> None:
        """A believable piece of work within the footprint."""
        total = _seconds(seconds) if seconds else _default_seconds(self.dice)
        paths = places(self.files, self.task, self.dice)
        moments = 3 + 2 * len(paths)
        self.do_say(str(THOUGHTS[0]))
        self.do_sleep(str(total / moments))
        for path in paths:
            self.do_tool(" ".join(self.dice.pick(TOOLS)))
            self.do_sleep(str(total / moments))
            lines = 6 + self.dice.below(30)
            mode, tool = ("a", "Edit") if os.path.exists(_inside(path)) else ("w", "Write")
            self._put(path, content(path, self.task, lines, self.dice), mode, tool)
            self.do_sleep(str(total / moments))
        self.do_say(str(self.dice.pick(THOUGHTS[1:])))
        self.do_sleep(str(2 * total / moments))
        self.do_say(f"Done: {', '.join(paths)}.")

    # --- what it hears ---------------------------------------------------------------------

    def do_sleep(self, seconds: str) -> None:
        """Do nothing, but hear what a person says meanwhile."""
        until = time.monotonic() + _seconds(seconds)
        while (left := until - time.monotonic()) > 0:
            heard = self._hear(left)
            if heard is not None:
                self.do_say(f"Understood: {heard}")

    def do_ask(self, question: str) -> None:
        """Wait for an answer."""
        while (early := self._hear(0)) is not None:
            self.do_say(f"Understood: {early}")
        self.questions += 1
        emit("ask", id=f"q{self.questions}", text=question)
        while (answer := self._hear(None)) is None:
            if not self.input_open:
                raise Trouble(1, "it asked, and nobody can answer: its input is closed")
        self.answer = answer
        self.do_say(f"The answer is: {answer}")

    def do_write_answer(self, path: str) -> None:
        """Keep the latest answer in a file."""
        self._put(path, self.answer + "\n", "a", "Edit")

    def _hear(self, wait_s: float | None) -> str | None:
        """The next message of a person, or None when none came in time (None = wait for ever)."""
        if b"\n" not in self.unread:
            if not self.input_open:
                time.sleep(wait_s or 0)
                return None
            if not select.select([0], [], [], wait_s)[0]:
                return None
            data = os.read(0, 65536)
            self.input_open = bool(data)
            self.unread = (self.unread + data)[-MAX_MESSAGE_BYTES:]
        line, found, rest = self.unread.partition(b"\n")
        if not found:
            return None
        self.unread = rest
        return _message(line)

    # --- how it ends -----------------------------------------------------------------------

    def do_fail(self, words: str) -> NoReturn:
        """End as a crash does: words, a code, no result."""
        code, _, text = words.partition(" ")
        raise Trouble(int(code) if code.isdecimal() else 1, text or "it broke", silent=True)

    def do_give_up(self, text: str) -> NoReturn:
        """End with a result that says it failed."""
        raise Trouble(1, text or "it gave up", cause="agent")

    def do_rate_limit(self, seconds: str) -> NoReturn:
        """End with a result that names a limit and when it resets."""
        retry_at = round(time.time() + _seconds(seconds), 3)
        raise Trouble(1, "the limit is used up", cause="rate limit", retry_at=retry_at)

    def do_hang(self, _: str) -> NoReturn:
        """Never end, and say nothing."""
        while True:
            time.sleep(3600)

    def do_child(self, _: str) -> None:
        """Start a process that the group of this one does not hold."""
        code = f"import os, time; os.setsid(); time.sleep({CHILD_SECONDS})"
        argv = [sys.executable, "-I", "-S", "-c", code]
        quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        pid = os.posix_spawn(sys.executable, argv, os.environ, file_actions=quiet)
        self.do_tool(f"Bash child process {pid}")

    def do_ignore_signals(self, _: str) -> None:
        """Go on whatever is asked; only a kill ends it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def run(self, script: list[tuple[str, str]]) -> None:
        """Do the whole script, commit, report the result."""
        for word, argument in script or [("work", "")]:
            act: Callable[[str], None] = getattr(self, "do_" + word.replace("-", "_"))
            act(argument)
        if self.dirty and not self.leaves:
            self.do_commit(_title(self.prompt) or self.task)
        self.report_usage()
        emit("result", ok=True, detail=f"{self.task} is done")


# --- content ---------------------------------------------------------------------------------


def places(files: list[str], task: str, dice: Dice) -> list[str]:
    """One to three paths that the footprint covers."""
    if not files:
        return [f"work/{task}.md"]
    count = min(len(files), 1 + dice.below(3))
    first = dice.below(len(files))
    chosen = [files[(first + step) % len(files)] for step in range(count)]
    return list(dict.fromkeys(_concrete(pattern, _slug(task)) for pattern in chosen))


def _concrete(pattern: str, name: str) -> str:
    """A path that matches a pattern."""
    suffix = ".md" if pattern.startswith("docs") else ".py"
    parts = [part for part in pattern.split("/") if part]
    if pattern.endswith("/") or parts[-1] == "**":
        parts.append(name + suffix)
    made = [_without_wildcards(part, name) for part in parts if part != "**"]
    return "/".join(made)


def _without_wildcards(part: str, name: str) -> str:
    while "[" in part and "]" in part[part.index("[") :]:
        start = part.index("[")
        end = part.index("]", start)
        part = part[:start] + (part[start + 1 : end].lstrip("!")[:1] or "x") + part[end + 1 :]
    return part.replace("*", name).replace("?", "x")


def _slug(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text.lower()).strip("_") or "task"


def content(path: str, task: str, lines: int, dice: Dice) -> str:
    """Text for a file, in the manner of its suffix."""
    name, suffix = _slug(task), os.path.splitext(path)[1]
    rows: list[str] = []
    while len(rows) < lines:
        number = dice.below(1000)
        if suffix == ".py":
            rows += [f"def {name}_{number}(value: int) -> int:", f"    return value + {number}", ""]
        elif suffix == ".md":
            rows += [f"## {task}, note {number}", "", str(dice.pick(THOUGHTS)), ""]
        elif suffix == ".sql":
            rows.append(f"-- {task}: step {number}")
        else:
            rows.append(f"{task} line {number}")
    # Python is not cut in the middle of a function.
    return "".join(f"{row}\n" for row in (rows if suffix == ".py" else rows[:lines]))


# --- small parts -----------------------------------------------------------------------------


def _inside(path: str) -> str:
    """`path` if it is below the working folder."""
    plain = os.path.normpath(path)
    if os.path.isabs(plain) or plain == ".." or plain.startswith("../"):
        raise Trouble(2, f"{path} is outside of the worktree")
    return plain


def _count(text: str, default: int) -> int:
    return min(int(text), MAX_LINES) if text.strip().isdecimal() else default


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        raise Trouble(2, f"expected seconds, found {text!r}") from None


def _default_seconds(dice: Dice) -> float:
    said = os.environ.get("AGENTDECK_SCRIPT_SECONDS", "")
    return _seconds(said) if said else dice.between(*DEFAULT_SECONDS)


def _title(prompt: str) -> str:
    """What the first line of a prompt says after `# Task `."""
    first = prompt.partition("\n")[0]
    return first.removeprefix("# Task ").strip() if first.startswith("# Task ") else ""


def _message(line: bytes) -> str:
    import json  # takes as long to import as the rest of the start; most runs hear nothing

    try:
        found = json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace").strip()
    text = found.get("text") if isinstance(found, dict) else found
    return str(text)


def _git(*args: str) -> None:
    code = _git_code(*args)
    if code != 0:
        raise Trouble(1, f"git {args[0]} ended with {code}", cause="git")


def _git_code(*args: str) -> int:
    """Run git; what it prints goes into the log as noise."""
    pid = os.posix_spawnp("git", ["git", *args], os.environ)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Stopped(number)


def _option(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1] if name in argv[:-1] else ""


def main(argv: list[str]) -> int:
    """Run one attempt. Returns the exit code."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return _attempt(argv)
    except Stopped as stopped:
        name = signal.Signals(stopped.number).name
        emit("result", ok=False, cause="agent", detail=f"interrupted by {name}")
        return 128 + stopped.number
    except Trouble as trouble:
        if trouble.silent:
            os.write(2, f"{trouble.detail}\n".encode())
        else:
            emit("result", ok=False, detail=trouble.detail, **trouble.more)
        return trouble.code


def _attempt(argv: list[str]) -> int:
    for who in ("AUTHOR", "COMMITTER"):
        os.environ.setdefault(f"GIT_{who}_NAME", "scripted agent")
        os.environ.setdefault(f"GIT_{who}_EMAIL", "scripted@agentdeck.invalid")
    task = os.environ.get("AGENTDECK_TASK", "task")
    number = _count(os.environ.get("AGENTDECK_ATTEMPT", ""), 1)
    files = [line for line in os.environ.get("AGENTDECK_FILES", "").splitlines() if line]
    emit("start", session=f"{task}.{number}", model=_option(argv, "--model") or "scripted")
    path = _option(argv, "--prompt-file")
    if not path:
        raise Trouble(2, "usage: scripted_agent.py --prompt-file FILE [--model NAME]")
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            prompt = file.read()
    except OSError as fault:
        raise Trouble(2, f"the prompt cannot be read: {fault}") from None
    Work(task, number, files, prompt).run(parse_script(prompt, number))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
