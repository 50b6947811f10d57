"""Times, tokens, counts, money and shares as people write them in plans.

Rules: a function reads the whole text (`duration_of`) or finds nothing; a unit is never guessed.
What is in brackets behind an amount, and words such as `each` or `total`, do not change it. Texts
longer than `MAX_AMOUNT` characters are no amounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from agentdeck.plans.durations import MAX_DURATION_S
from agentdeck.plans.imports.cleaning import clean, without_remark

MAX_AMOUNT: Final = 80  # characters
MAX_COUNT: Final = 10**15  # larger figures are no counts of anything in a plan
MAX_SEARCHED: Final = 20_000  # characters of one line that are searched for amounts

MINUTE: Final = 60.0
HOUR: Final = 3600.0
DAY: Final = 86_400.0
WEEK: Final = 604_800.0

_UNITS: Final = {
    WEEK: ("w", "wk", "wks", "week", "weeks"),
    DAY: ("d", "day", "days"),
    HOUR: ("h", "hr", "hrs", "hour", "hours"),
    MINUTE: ("m", "min", "mins", "minute", "minutes"),
    1.0: ("s", "sec", "secs", "second", "seconds"),
}
_SECONDS: Final = {word: seconds for seconds, words in _UNITS.items() for word in words}
_WORDS: Final = {
    "a": 1.0,
    "an": 1.0,
    "one": 1.0,
    "half": 0.5,
    "half a": 0.5,
    "half an": 0.5,
    "two": 2.0,
    "three": 3.0,
    "four": 4.0,
    "five": 5.0,
    "six": 6.0,
    "seven": 7.0,
    "eight": 8.0,
    "nine": 9.0,
    "ten": 10.0,
    "½": 0.5,
    "¼": 0.25,
    "¾": 0.75,
}
_NUMBER: Final = r"[0-9]{1,3}(?:,[0-9]{3}){1,4}(?:\.[0-9]{1,6})?|[0-9]{1,15}(?:\.[0-9]{1,6})?"
_WORD: Final = "|".join(sorted(_WORDS, key=len, reverse=True))
_UNIT: Final = "|".join(sorted(_SECONDS, key=len, reverse=True))
_TO: Final = r"\s*(?:-|–|—|\.\.\.?|…|\bto\b|\bthrough\b)\s*"
_SPAN: Final = re.compile(
    rf"(?:(?P<low>{_NUMBER})\s*(?P<low_unit>{_UNIT})?{_TO})?"
    rf"(?P<high>{_NUMBER}|\b(?:{_WORD})\b|[½¼¾])\s*-?\s*(?P<unit>{_UNIT})(?![A-Za-z_])(?P<more>\s?\+)?",
    re.IGNORECASE,
)
_LIMIT: Final = (
    r"up to|at most|no more than|max(?:imum)?\.?(?: of)?|at least|min(?:imum)?\.?(?: of)?|under"
    r"|less than|more than|over|[<>≤≥]=?"
)
_ABOUT: Final = rf"~|≈|±|about|around|approx(?:\.|imately)?|ca\.?|roughly|circa|{_LIMIT}"
_LEAD: Final = re.compile(rf"\s*(?:(?P<about>{_ABOUT})\s*)?", re.IGNORECASE)
_TAIL: Final = re.compile(
    r"\s*(?:each|total|in total|per task|per agent|per item|apiece|overall|estimated|est\.?"
    r"|of work|elapsed|expected|\.|,|/\s*task)*\s*\Z",
    re.IGNORECASE,
)
_CLEAR: Final = r"(?![A-Za-z0-9]|\.[0-9])"  # the number ends here
_SCALED: Final = re.compile(
    rf"\$?\s*(?P<low>{_NUMBER})(?:\s?(?P<low_scale>[kmb])(?![a-z]))?{_CLEAR}"
    rf"(?:{_TO}\$?\s*(?P<high>{_NUMBER})(?:\s?(?P<scale>[kmb])(?![a-z]))?{_CLEAR})?"
    r"(?P<share>\s*%)?(?P<more>\s*\+)?",
    re.IGNORECASE,
)
_SCALES: Final = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9}
_TOKENS: Final = re.compile(r"\s*(?:(?:tokens?|toks?)\b)?", re.IGNORECASE)
_MONEY: Final = re.compile(r"\s*(?:(?:usd|dollars?)\b)?", re.IGNORECASE)
_MONEY_WORD: Final = re.compile(r"\$|\b(?:usd|dollars?)\b", re.IGNORECASE)
_REST: Final = re.compile(r"(?![0-9]|[-–][0-9])")  # whatever comes then, but no second half


class Amount(msgspec.Struct, frozen=True):
    """A figure. `low` and `high` are the same unless a range was written."""

    low: float
    high: float
    approx: bool = False  # `~`, `about`, `50K+`, `up to`

    @property
    def middle(self) -> float:
        """Between low and high."""
        return (self.low + self.high) / 2


def duration_of(text: str) -> Amount | None:
    """Seconds, if `text` is a time: `30min`, `1h 30m`, `~35 hours`, `26-32 weeks`, `5 min each`."""
    words = _words(text)
    if words is None:
        return None
    lead = _LEAD.match(words)
    at = lead.end() if lead else 0
    low = high = 0.0
    smallest = None
    approx = bool(lead and lead["about"])
    while span := _SPAN.match(words, at):
        amount, unit = _span(span)
        if amount is None or (smallest is not None and unit >= smallest):
            return None
        low, high, smallest = low + amount.low, high + amount.high, unit
        approx = approx or amount.approx
        at = span.end()
        while at < len(words) and words[at] == " ":
            at += 1
    if smallest is None or not _TAIL.match(words, at) or high > MAX_DURATION_S:
        return None
    return Amount(low, high, approx)


def durations_in(text: str) -> Iterator[tuple[str, Amount]]:
    """Every time that a sentence names, with its words: `("26-32 weeks", ...)`.

    A compound such as `1h 30m` comes as two. The first `MAX_SEARCHED` characters are searched.
    """
    searched = text[:MAX_SEARCHED]
    for span in _SPAN.finditer(searched):
        if _IN_A_NAME.search(searched, max(0, span.start() - 2), span.start()):
            continue  # `wave-2 days`
        before = searched[max(0, span.start() - 16) : span.start()]
        amount, _ = _span(span)
        about = _ABOUT_BEFORE.search(before)
        if amount is not None and amount.high <= MAX_DURATION_S:
            approx = amount.approx or about is not None
            yield (
                ((about[0] if about else "") + span[0]).strip(),
                msgspec.structs.replace(amount, approx=approx),
            )


_IN_A_NAME: Final = re.compile(r"(?:\w|\w[-.])\Z")
_ABOUT_BEFORE: Final = re.compile(rf"(?<!\w)(?:{_ABOUT})\s*\Z", re.IGNORECASE)


def tokens_of(text: str) -> Amount | None:
    """Tokens: `15K`, `50K+`, `612K`, `1.5M`, `12,000 tokens`, `10K-35K tokens`, `< 10K`."""
    return _scaled(text, _TOKENS, ends=True)


def usd_of(text: str) -> Amount | None:
    """US dollars: `$5`, `~$1.60`, `$1-2`, `3 USD`. A bare number is none."""
    if not _MONEY_WORD.search(text[:MAX_AMOUNT]):
        return None
    return _scaled(text, _MONEY, ends=True)


def share_of(text: str) -> Amount | None:
    """A share of one: `60%` gives 0.6, `30-40%` 0.3 to 0.4, `60% reduction` 0.6."""
    found = _scaled(text, _REST, share=True)
    if found is None:
        return None
    return Amount(found.low / 100, found.high / 100, found.approx)


def count_of(text: str) -> Amount | None:
    """How many: `8`, `Up to 8 concurrent`, `2-3 workers`, `three agents`, `x3`.

    A figure with a unit of time, money or share is none.
    """
    words = _words(text)
    if words is None or "%" in words or "$" in words or duration_of(words):
        return None
    words = re.sub(r"\A[x×](?=[0-9])", "", words, flags=re.IGNORECASE)
    first = words.split(" ", 1)[0].lower()
    if first in _WORDS and _WORDS[first] >= 1 and first not in ("a", "an"):
        return Amount(_WORDS[first], _WORDS[first])
    found = _scaled(words, _REST)
    if found is None or found.low != int(found.low) or found.high != int(found.high):
        return None
    return found


def _words(text: str) -> str | None:
    """The text without marks and a remark in brackets; None if it is too long to be an amount."""
    if len(text) > MAX_AMOUNT * 4:
        return None
    words, _ = without_remark(clean(text))
    words = words or clean(text).strip("()")  # all of it was in brackets
    return words if 0 < len(words) <= MAX_AMOUNT else None


def _span(span: re.Match[str]) -> tuple[Amount | None, float]:
    """One `LOW-HIGH UNIT` in seconds, and the seconds of its unit."""
    unit = _SECONDS[span["unit"].lower()]
    high = _number(span["high"]) * unit
    low = high
    if span["low"]:
        low = _number(span["low"]) * _SECONDS.get((span["low_unit"] or span["unit"]).lower(), unit)
    if low > high:
        return None, unit
    return Amount(low, high, bool(span["more"])), unit


def _scaled(
    text: str, unit: re.Pattern[str], *, share: bool = False, ends: bool = False
) -> Amount | None:
    """A figure with `K`, `M` or `B`, and `unit` behind it; `ends` = and nothing else."""
    words = _words(text)
    if words is None:
        return None
    lead = _LEAD.match(words)
    found = _SCALED.match(words, lead.end() if lead else 0)
    if found is None or bool(found["share"]) is not share:
        return None
    ending = unit.match(words, found.end())
    if ending is None or (ends and not _TAIL.match(words, ending.end())):
        return None
    scale = (found["scale"] or "").lower() if found["high"] else (found["low_scale"] or "").lower()
    low = _number(found["low"]) * _SCALES[(found["low_scale"] or scale).lower()]
    high = _number(found["high"]) * _SCALES[scale] if found["high"] else low
    if low > high or high > MAX_COUNT:
        return None
    return Amount(low, high, bool(lead and lead["about"]) or bool(found["more"]))


def _number(text: str) -> float:
    lowered = text.lower()
    return _WORDS[lowered] if lowered in _WORDS else float(text.replace(",", ""))
