"""Whom does a reference mean? Tasks are referred to by id, alias, title, or a few words of it.

Rules:
- The surest way wins: the id, the id in another case, an alias, the title, then words that only one
  task has all of (`CLI Tool` for `Session CLI Tool`).
- Where several tasks could be meant, one in the same phase wins if it is the only one there;
  otherwise nobody is meant. A wrong edge is worse than a missing one that is told.
- Everything is looked up in indexes, and every search has a bound: 100,000 tasks take seconds.
"""

from __future__ import annotations

import fnmatch
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from agentdeck.plans.imports.cleaning import clean
from agentdeck.plans.imports.draft import DraftPhase, DraftTask
from agentdeck.plans.imports.mentions import MAX_RANGE, is_nobody, names_in, range_of

MAX_NAME: Final = 300  # characters of a name that is looked up; longer ones are sentences
MAX_SAME: Final = 64  # tasks kept for one alias or title; more can never be told apart
MAX_WORDS: Final = 24  # of one title that can be found by
MAX_CANDIDATES: Final = 200  # tasks looked at for one set of words; commoner words tell nothing
MAX_GLOB_TESTS: Final = 2_000_000  # ids compared with globs in one draft; about two seconds
MAX_KEPT: Final = 50_000  # names whose meaning is remembered
COMPILING: Final = 200  # comparisons that take as long as making the pattern of a glob

_WORD: Final = re.compile(r"[^\W_]+")
_PREFIX: Final = re.compile(r"(?:task|step|story|issue|item)s?\s+#?(?=\S)|#", re.IGNORECASE)
_NOISE: Final = frozenset(
    "the a an of for to in on and or with all both task tasks step output outputs result results "
    "complete completed completion done finished from".split()
)


class Match(msgspec.Struct, frozen=True):
    """Whom a reference means."""

    index: int  # of the task
    rule: str  # `id`, `id-case`, `alias`, `title`, `glob`, `phase`, `words`

    @property
    def sure(self) -> bool:
        """Does the document say so, or could the rule be wrong?"""
        return self.rule not in ("phase", "words")


class Resolver:
    """Finds the tasks of one draft by what they are called.

    Args:
        tasks: in the order of the document. O(characters of their names) to begin with.
        phases: those whose name may stand for all of their tasks.
    """

    def __init__(self, tasks: Sequence[DraftTask], phases: Sequence[DraftPhase] = ()) -> None:
        self._phases = [task.phase for task in tasks]
        self._ids: dict[str, int] = {}
        self._folded: dict[str, list[int]] = {}
        self._aliases: dict[str, list[int]] = {}
        self._titles: dict[str, list[int]] = {}
        self._words: dict[str, list[int]] = {}
        self._sets: list[list[frozenset[str]]] = []
        self._globs: dict[str, list[int]] = {}
        self._glob_tests = 0
        self._kept: dict[tuple[str, str | None], list[Match]] = {}
        self._members = _members(tasks, phases)
        for index, task in enumerate(tasks):
            if task.id:
                self._ids.setdefault(task.id, index)
            _add(self._folded, _key(task.id), index)
            _add(self._titles, _key(clean(task.title[:MAX_NAME])), index)
            for alias in task.aliases:
                _add(self._aliases, _key(alias), index)
            self._index_words(index, [task.title, *task.aliases])
        self._sorted = sorted((name, index) for name, index in self._ids.items())

    def _index_words(self, index: int, names: Iterable[str]) -> None:
        sets = list(dict.fromkeys(words_of(name) for name in names))
        self._sets.append(sets)
        for word in frozenset().union(*sets):
            found = self._words.setdefault(word, [])
            if len(found) <= MAX_CANDIDATES:
                found.append(index)

    def find(self, text: str, *, phase: str | None = None) -> Match | None:
        """The one task that `text` means.

        Args:
            text: as written.
            phase: key of the phase that the reference stands in.
        """
        if len(text) > MAX_NAME:
            return None
        if text in self._ids:
            return Match(self._ids[text], "id")
        name = clean(text).strip(" .:\"'")
        for spelling in dict.fromkeys((name, _PREFIX.sub("", name, count=1))):
            match = self._named(spelling, phase)
            if match is not None:
                return match
        return self._by_words(name, phase)

    def resolve(self, text: str, *, phase: str | None = None) -> tuple[list[Match], list[str]]:
        """Everybody whom a list, a range or a glob means, each once, and the names of nobody.

        `A, B and C`, `T1–T3`, `INFRA-*`; `None` gives two empty lists.
        """
        if is_nobody(text):
            return [], []
        whole = self._meant(text, phase) if range_of(text.strip()) is None else []
        if whole:
            return [*whole], []
        found: dict[int, Match] = {}
        unknown = []
        for name in names_in(text):
            matches = self._meant(name, phase)
            if not matches:
                unknown.append(name)
            for one in matches:
                found.setdefault(one.index, one)
        return list(found.values()), unknown

    def _meant(self, name: str, phase: str | None) -> list[Match]:
        """Whom one name means. The same names come again and again, so they are kept."""
        key = (name, phase)
        if key not in self._kept:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[key] = self._look_up(name, phase)
        return self._kept[key]

    def _look_up(self, name: str, phase: str | None) -> list[Match]:
        """A task, what a glob matches, or the tasks of a phase."""
        match = self.find(name, phase=phase)
        if match is not None and match.sure:
            return [match]
        members = self._members.get(_key(clean(name[:MAX_NAME])), ())
        if members:
            return [Match(index, "phase") for index in members]
        return [match] if match else self._globbed(name)

    def find_all(self, text: str, *, phase: str | None = None) -> list[Match]:
        """Everybody whom a list, a range or a glob means, each once."""
        return self.resolve(text, phase=phase)[0]

    def candidates(self, text: str) -> list[int]:
        """The tasks that a name could mean, where it could mean several. At most `MAX_SAME`."""
        key = _key(clean(text[:MAX_NAME]))
        for names in (self._folded, self._aliases, self._titles):
            if key in names:
                return names[key]
        return self._with_words(words_of(text))[:MAX_SAME]

    def _named(self, name: str, phase: str | None) -> Match | None:
        if name in self._ids:
            return Match(self._ids[name], "id")
        key = _key(name)
        for rule, names in (
            ("id-case", self._folded),
            ("alias", self._aliases),
            ("title", self._titles),
        ):
            index = self._one(names.get(key, []), phase)
            if index is not None:
                return Match(index, rule)
        return None

    def _by_words(self, name: str, phase: str | None) -> Match | None:
        index = self._one(self._with_words(words_of(name)), phase)
        return None if index is None else Match(index, "words")

    def _with_words(self, wanted: frozenset[str]) -> list[int]:
        """The tasks that have all of these words in one of their names."""
        if not wanted:
            return []
        rarest = min((self._words.get(word, []) for word in wanted), key=len)
        if len(rarest) > MAX_CANDIDATES:
            return []
        return [index for index in rarest if any(wanted <= words for words in self._sets[index])]

    def _one(self, found: Sequence[int], phase: str | None) -> int | None:
        if len(found) == 1:
            return found[0]
        near = [index for index in found if phase is not None and self._phases[index] == phase]
        return near[0] if len(near) == 1 and len(found) <= MAX_CANDIDATES else None

    def _globbed(self, name: str) -> list[Match]:
        """The tasks whose ids match a glob; none if there are more than `MAX_RANGE`."""
        if "*" not in name or len(name) > MAX_NAME:
            return []
        if name not in self._globs:
            self._globs[name] = self._matching(name)
        return [Match(index, "glob") for index in self._globs[name]]

    def _matching(self, glob: str) -> list[int]:
        start = glob[: glob.index("*")]
        first = bisect_left(self._sorted, (start, -1))
        last = bisect_left(self._sorted, (start + "\U0010ffff", -1))
        self._glob_tests += last - first
        if not start or self._glob_tests > MAX_GLOB_TESTS:
            return []  # everything is nobody in particular
        if len(start) == len(glob) - 1:
            found = [index for _, index in self._sorted[first:last]]
        else:
            self._glob_tests += COMPILING
            pattern = re.compile(fnmatch.translate(glob.replace("[", "[[]").replace("?", "[?]")))
            found = [
                index
                for name, index in self._sorted[first:last]
                if len(name) <= MAX_NAME and pattern.match(name)
            ]
        return sorted(found) if len(found) <= MAX_RANGE else []


def _members(
    tasks: Sequence[DraftTask], phases: Sequence[DraftPhase]
) -> dict[str, tuple[int, ...]]:
    """The tasks of each phase by its names: `wave-1`, `Wave 1: Foundation`, `Wave 1`."""
    by_key: dict[str, list[int]] = {phase.key: [] for phase in phases}
    for index, task in enumerate(tasks):
        if task.phase in by_key:
            by_key[task.phase].append(index)
    found: dict[str, tuple[int, ...]] = {}
    for phase in phases:
        members = tuple(by_key[phase.key])
        title = clean(phase.title[:MAX_NAME])
        for name in dict.fromkeys((phase.key, title, title.split(":", maxsplit=1)[0])):
            if name and 0 < len(members) <= MAX_RANGE:
                found.setdefault(_key(name), members)
    return found


def words_of(text: str) -> frozenset[str]:
    """The words of a name that tell something, in lower case, without the `s` of a plural."""
    words = _WORD.findall(text[:MAX_NAME].casefold())
    plain = [word[:-1] if len(word) > 3 and word[-1] == "s" else word for word in words]
    return frozenset([word for word in plain if word not in _NOISE][:MAX_WORDS])


def _key(name: str) -> str:
    return " ".join(name[:MAX_NAME].casefold().split())


def _add(names: dict[str, list[int]], key: str, index: int) -> None:
    if not key:
        return
    found = names.setdefault(key, [])
    if len(found) < MAX_SAME and (not found or found[-1] != index):
        found.append(index)
