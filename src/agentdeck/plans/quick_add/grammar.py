"""What each word of a line means: a sign, a lead word with what follows it, or a word of the title.

The grammar, in sentences:
1. Signs are certain: `@agent` or `@agent:model`, `#label`, `~30m` or `~15k` (tokens), `$2`, and
   `key=value` or `key:value` with a key of `[[task]]`. Behind ` -- ` stands the prompt.
2. Lead words are guesses, and mean something only before what fits: `after S-1, S-2 and S-3`,
   `files src/a/**`, `in src/a/` (which the title keeps), `phase core`, `gates unit, lint`,
   `by codex`, `about 30 min`, `priority 5`, `risk high`; an id with a colon begins the line
   (`S-9: …`).
3. Everything else is the title. So is what stands in "double quotes", always.
4. No word is looked at more often than `MAX_AHEAD` times: O(characters).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, NamedTuple

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import id_fault
from agentdeck.plans.durations import parse_duration
from agentdeck.plans.editing.words import value_of
from agentdeck.plans.keys import TASKS, Kind, Ref
from agentdeck.plans.problems import listed, shown
from agentdeck.plans.quick_add.names import MAX_NEAR, Names
from agentdeck.plans.quick_add.words import Word
from agentdeck.plans.typed_limits import typed

MAX_AHEAD: Final = 3  # words of one amount: `1 h 30min`, `15 k tokens`
MAX_NAMED: Final = 6  # ids that are there, where one is not
PROMPT: Final = "--"
RISKS: Final = ("low", "medium", "high")


class Sure(StrEnum):
    """How sure a part is."""

    SIGN = "sign"  # a sign or a key says so
    WORD = "word"  # read out of plain words
    RULE = "rule"  # nobody said it: it follows from the plan


class Wish(NamedTuple):
    """One thing that was understood."""

    key: str  # of `[[task]]`
    value: Any  # as a plan file has it
    sure: Sure
    start: int  # characters from the start of the line
    end: int


class Remark(NamedTuple):
    """Something that is wrong, or was not understood."""

    text: str
    hint: str = ""
    start: int = -1  # -1 = no place of the line
    end: int = -1
    key: str = ""  # that it is about


class Heard(NamedTuple):
    """A line taken apart."""

    wishes: list[Wish]
    title: list[Word]
    faults: list[Remark]  # with one of these there is no task
    doubts: list[Remark]


_KEYS: Final = {
    key.name: key
    for key in TASKS.keys
    if not key.later and key.kind not in (Kind.ENV, Kind.TABLE, Kind.FILE)
}
_SPELT: Final = {
    **{other: name for name, key in _KEYS.items() for other in key.also if other != "name"},
    **{name: name for name in _KEYS},
    "label": "labels",
    "tag": "labels",
    "tags": "labels",
    "file": "files",
    "gate": "gates",
}
_PAIR: Final = re.compile(r"([A-Za-z_]+)[=:](.+)", re.DOTALL)
_LABEL: Final = re.compile(r"#([^\W\d][\w./-]*)")
_AGENT: Final = re.compile(r"@([A-Za-z0-9][A-Za-z0-9._-]*)(?::(\S+))?")
_TOKENS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?\s*(?:k|[kKmM]\s*tokens?|K)", re.ASCII)
_NO_PATH: Final = re.compile(r"[\"'`(]")
_SUFFIX: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}\Z")


class Listener:
    """Takes one line apart; used once."""

    def __init__(self, line: str, words: list[Word], names: Names) -> None:
        self._line, self._words, self._names = line, words, names
        self._near_left = MAX_NEAR
        self.heard = Heard([], [], [], [])

    def listen(self) -> Heard:
        """Go through the words."""
        at = 0
        while at < len(self._words):
            at = self._step(at)
        return self.heard

    def _step(self, at: int) -> int:
        """Use one word, or several; the first one that is left."""
        word = self._words[at]
        if not word.quoted:
            if word.text == PROMPT and at + 1 < len(self._words):
                return self._prompt(at)
            for read in (self._sign, self._pair, self._first_id):
                if read(at):
                    return at + 1
            if word.text[0] == "~" and word.text[1:2].isdigit():
                return self._amount(at)
            lead = _LEADS.get(word.text.lower())
            if lead is not None and (then := lead(self, at)) > at:
                return then
        self.heard.title.append(word)
        return at + 1

    def _wish(self, key: str, value: Any, sure: Sure, first: int, last: int) -> None:
        start, end = self._words[first].start, self._words[last].end
        self.heard.wishes.append(Wish(key, value, sure, start, end))

    def _fault(self, text: str, hint: str, first: int, last: int, key: str = "") -> None:
        start, end = self._words[first].start, self._words[last].end
        self.heard.faults.append(Remark(text, hint, start, end, key))

    # --- signs

    def _prompt(self, at: int) -> int:
        last = len(self._words) - 1
        self._wish("prompt", self._line[self._words[at + 1].start :].strip(), Sure.SIGN, at, last)
        return len(self._words)

    def _sign(self, at: int) -> bool:
        text = self._words[at].bare
        if (match := _AGENT.fullmatch(text)) is not None:
            self._wish("agent", self._names.whole(Ref.AGENT, match[1]), Sure.SIGN, at, at)
            if match[2]:
                self._wish("model", match[2], Sure.SIGN, at, at)
        elif (match := _LABEL.fullmatch(text)) is not None:
            self._wish("labels", [match[1]], Sure.SIGN, at, at)
        elif text[:1] == "$" and text[1:2].isdigit():
            try:
                amount = typed(text)
            except UsageError as error:
                self._fault(error.message, "write $2 or $0.50", at, at)
            else:
                self._wish("budget", {amount.of or "usd": amount.amount}, Sure.SIGN, at, at)
        else:
            return False
        return True

    def _pair(self, at: int) -> bool:
        """`key=value`."""
        match = _PAIR.fullmatch(self._words[at].bare)
        name = _SPELT.get(match[1].lower()) if match is not None else None
        if match is None or name is None or match[2].startswith("//"):  # `file://…`
            return False
        key = _KEYS[name]
        try:
            value = value_of(name, match[2])
        except UsageError as error:
            self._fault(error.message, error.hint, at, at)
            return True
        if key.ref in self._names.of:
            assert key.ref is not None
            many = isinstance(value, list)
            found = [self._names.whole(key.ref, str(v)) for v in (value if many else [value])]
            value = ([] if found == ["none"] else found) if many else found[0]
        self._wish(name, value, Sure.SIGN, at, at)
        return True

    def _amount(self, at: int) -> int:
        """`~30m`, `~1h 30m`, `~15k tokens`."""
        found = self._measure(at, self._words[at].text[1:])
        if found is not None:
            key, value, then = found
            self._wish(key, value, Sure.SIGN, at, then - 1)
            return then
        said = shown(self._words[at].bare[1:])
        self._fault(f"{said} is no time", "write ~30m, ~1h30m, or ~15k tokens", at, at, "estimate")
        return at + 1

    def _measure(self, at: int, first: str) -> tuple[str, Any, int] | None:
        """The longest time or number of tokens that begins here, and the word behind it."""
        texts = [first]
        for word in self._words[at + 1 : at + MAX_AHEAD]:
            if word.quoted:
                break
            texts.append(word.text)
        for size in range(len(texts), 0, -1):
            text = " ".join(texts[:size]).rstrip(",;.")
            if _TOKENS.fullmatch(text):
                amount = typed(text).amount
                return "tokens", round(amount or 0.0), at + size
            try:
                parse_duration(text)
            except ValueError:
                continue
            return "estimate", text, at + size
        return None

    # --- guesses

    def _first_id(self, at: int) -> bool:
        """`S-9: Fix …`: an id that begins the line."""
        word = self._words[at]
        name = word.text[:-1]
        if at or word.text[-1:] != ":" or id_fault(name) is not None:
            return False
        if not self._names.is_like_an_id(name) and self._names.find(Ref.TASK, name) is None:
            return False
        self._wish("id", name, Sure.WORD, at, at)
        return True

    def _listed(self, ref: Ref, key: str, first: int, at: int) -> int:
        """`S-1, S-2 and S-3` behind a lead word."""
        found: list[str] = []
        then, due = at, True  # due: a comma or `and` says that there is another
        while then < len(self._words) and not self._words[then].quoted:
            word = self._words[then]
            if found and word.text.lower() in ("and", "&", "+"):
                if not self._begins(ref, then + 1):
                    break
                then, due = then + 1, True
                continue
            names = [self._names.find(ref, part) for part in word.bare.split(",")]
            if any(name is None for name in names):
                if due and ref is Ref.TASK and self._names.is_like_an_id(word.bare.rstrip(".")):
                    self._unknown_task(word.bare.rstrip("."), then)
                    found, then = found or [""], then + 1
                break
            found += [name for name in names if name is not None]
            then, due = then + 1, word.goes_on
        if not found:
            self._doubt(ref, first, at)
            return first
        if known := list(dict.fromkeys(filter(None, found))):
            self._wish(key, known, Sure.WORD, first, then - 1)
        return then

    def _begins(self, ref: Ref, at: int) -> bool:
        if at >= len(self._words) or self._words[at].quoted:
            return False
        text = self._words[at].bare
        known = all(self._names.find(ref, part) is not None for part in text.split(","))
        return known or (ref is Ref.TASK and self._names.is_like_an_id(text.rstrip(".")))

    def _unknown_task(self, name: str, at: int) -> None:
        near = self._near(Ref.TASK, name)
        like = [] if near else self._names.like(name) or list(self._names.of[Ref.TASK].values())
        hint = f"did you mean {near}?" if near else f"there are {listed(like, most=MAX_NAMED)}"
        self._fault(f"there is no task {shown(name)}", hint, at, at, "after")

    def _near(self, ref: Ref, text: str) -> str | None:
        if self._near_left <= 0:
            return None
        self._near_left -= 1
        return self._names.near(ref, text)

    def _doubt(self, ref: Ref, first: int, at: int) -> None:
        """Say that a word was taken for one of the title, where it is nearly a name."""
        if at >= len(self._words) or self._words[at].quoted:
            return
        text = self._words[at].bare
        near = self._near(ref, text)
        if near is not None:
            said = f"{shown(f'{self._words[first].text} {text}')} is taken for words of the title"
            start, end = self._words[first].start, self._words[at].end
            hint = f"did you mean the {ref.value} {near}?"
            self.heard.doubts.append(Remark(said, hint, start, end))

    def _after(self, at: int) -> int:
        return self._listed(Ref.TASK, "after", at, at + 1)

    def _depends(self, at: int) -> int:
        on = self._words[at + 1].text.lower() if at + 1 < len(self._words) else ""
        return self._listed(Ref.TASK, "after", at, at + 2) if on == "on" else at

    def _before(self, at: int) -> int:
        """What others wait for is theirs to say."""
        if self._begins(Ref.TASK, at + 1):
            said = (
                f"{shown(f'{self._words[at].text} {self._words[at + 1].bare}')} is not understood"
            )
            hint = "a new task can only wait for others; `agentdeck plan link` has others wait"
            self._fault(said, hint, at, at + 1)
            return at + 2
        return at

    def _gates(self, at: int) -> int:
        if at + 1 < len(self._words) and self._words[at + 1].bare.lower() == "none":
            self._wish("gates", [], Sure.WORD, at, at + 1)
            return at + 2
        return self._listed(Ref.GATE, "gates", at, at + 1)

    def _one(self, ref: Ref, key: str, at: int) -> int:
        """One name behind a lead word."""
        if at + 1 >= len(self._words) or self._words[at + 1].quoted:
            return at
        name = self._names.find(ref, self._words[at + 1].bare)
        if name is None:
            if key != "agent" or self._words[at].text.lower() == "agent":
                self._doubt(ref, at, at + 1)
            return at
        self._wish(key, name, Sure.WORD, at, at + 1)
        return at + 2

    def _phase(self, at: int) -> int:
        return self._one(Ref.PHASE, "phase", at)

    def _pool(self, at: int) -> int:
        return self._one(Ref.POOL, "pool", at)

    def _by(self, at: int) -> int:
        return self._one(Ref.AGENT, "agent", at)

    def _paths(self, at: int, is_path: Callable[[str], bool]) -> int:
        found: list[str] = []
        then = at + 1
        while then < len(self._words) and not self._words[then].quoted:
            parts = [part for part in self._words[then].bare.split(",") if part]
            if not parts or not all(map(is_path, parts)):
                break
            found += parts
            then += 1
        if found:
            self._wish("files", found, Sure.WORD, at, then - 1)
        return then if found else at

    def _files(self, at: int) -> int:
        return self._paths(at, _is_path)

    def _in(self, at: int) -> int:
        """A place that belongs to the sentence stays in the title as well."""
        then = self._paths(at, _is_deep)
        self.heard.title.extend(self._words[at:then])
        return then

    def _about(self, at: int) -> int:
        if at + 1 >= len(self._words) or not self._words[at + 1].text[0].isdigit():
            return at
        found = self._measure(at + 1, self._words[at + 1].text)
        if found is None:
            return at
        key, value, then = found
        self._wish(key, value, Sure.WORD, at, then - 1)
        return then

    def _priority(self, at: int) -> int:
        text = self._words[at + 1].bare if at + 1 < len(self._words) else ""
        if not re.fullmatch(r"-?[0-9]{1,9}", text):
            return at
        self._wish("priority", int(text), Sure.WORD, at, at + 1)
        return at + 2

    def _risk(self, at: int) -> int:
        text = self._words[at + 1].bare.lower() if at + 1 < len(self._words) else ""
        if text not in RISKS:
            return at
        self._wish("risk", text, Sure.WORD, at, at + 1)
        return at + 2


def _is_deep(text: str) -> bool:
    """Has it a folder or a star?"""
    return _NO_PATH.search(text) is None and ("/" in text or "*" in text)


def _is_path(text: str) -> bool:
    return _is_deep(text) or (_NO_PATH.search(text) is None and _SUFFIX.search(text) is not None)


_LEADS: Final[dict[str, Callable[[Listener, int], int]]] = {
    "after": Listener._after,  # noqa: SLF001 - the table of the class above
    "needs": Listener._after,  # noqa: SLF001
    "depends": Listener._depends,  # noqa: SLF001
    "before": Listener._before,  # noqa: SLF001
    "files": Listener._files,  # noqa: SLF001
    "file": Listener._files,  # noqa: SLF001
    "touches": Listener._files,  # noqa: SLF001
    "in": Listener._in,  # noqa: SLF001
    "phase": Listener._phase,  # noqa: SLF001
    "pool": Listener._pool,  # noqa: SLF001
    "gate": Listener._gates,  # noqa: SLF001
    "gates": Listener._gates,  # noqa: SLF001
    "by": Listener._by,  # noqa: SLF001
    "agent": Listener._by,  # noqa: SLF001
    "about": Listener._about,  # noqa: SLF001
    "takes": Listener._about,  # noqa: SLF001
    "est": Listener._about,  # noqa: SLF001
    "estimate": Listener._about,  # noqa: SLF001
    "priority": Listener._priority,  # noqa: SLF001
    "risk": Listener._risk,  # noqa: SLF001
}
