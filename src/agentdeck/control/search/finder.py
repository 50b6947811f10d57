"""Asks indexes what they have: the best hits first, with the words marked.

Rules: nothing is written here, and an index that is missing, damaged or being made anew just has
nothing yet. The run that is looked at comes before others. Of one log at most `OF_ONE` hits are
told, with how many more there are: else one noisy log would hide everything. Who names the task
gets them all.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from agentdeck.control.search.store import BUSY_S, FILE, VERSION, no_fts5
from agentdeck.control.search.wanted import Kind, Wanted

OF_ONE: Final = 5  # hits of one log, one diff, one journal
MOST_ROWS: Final = 1_000  # of one index that are ranked; who looks for a common word adds another
SNIPPET_WORDS: Final = 24  # FTS5 allows 64; a row of a screen has room for so many
_OPEN, _CLOSE = "\x02", "\x03"  # around a word that was found; no text in the index has them
# How much a hit counts: an id or a title that has the word is what was meant, most of the time.
_WEIGHTS: Final = {
    Kind.TASKS: 4.0,
    Kind.BRIEFS: 1.6,
    Kind.EVENTS: 1.4,
    Kind.DIFFS: 1.0,
    Kind.LOGS: 0.8,
}
_CASES: Final = " ".join(f"WHEN '{kind}' THEN {weight}" for kind, weight in _WEIGHTS.items())


class Piece(NamedTuple):
    """A part of a snippet."""

    text: str
    hit: bool = False


class Hit(NamedTuple):
    """One thing that was found."""

    run: str
    kind: Kind
    task: str  # empty = of the run
    attempt: int  # 0 = of none
    place: int  # the offset in a log, the number of an event
    file: str
    line: int  # of the file, in a diff
    at: float | None
    snippet: tuple[Piece, ...]
    more: int = 0  # hits in the same log that are not told


def find(folders: Sequence[Path], wanted: Wanted, *, most: int) -> list[Hit]:
    """The best hits, of the first folder's run before others.

    Args:
        folders: of runs; the one that is looked at first.
        most: hits in all.

    Raises:
        EnvironmentFault: SQLite has no FTS5.
    """
    if not wanted.match:
        return []
    of_one = most if wanted.tasks else OF_ONE
    here = list(_bounded(_hits(folders[0], wanted), of_one)) if folders else []
    others = [pair for folder in folders[1:] for pair in _bounded(_hits(folder, wanted), of_one)]
    ranked = [*here, *sorted(others, key=lambda pair: pair[0])]
    return [hit for _, hit in ranked[:most]]


def around(folder: Path, hit: Hit, *, most: int) -> list[tuple[bool, str]]:
    """What stands around a hit in its source, in order: is it the hit itself, and the text.

    Args:
        most: documents before it, and behind it.
    """
    sql = (
        "SELECT d.place, w.text FROM docs d JOIN words w ON w.rowid = d.id"
        " JOIN sources s ON s.id = d.source"
        " WHERE s.kind = ? AND s.task = ? AND s.attempt = ? AND d.place {} ? ORDER BY d.place {}"
        " LIMIT ?"
    )
    values = (hit.kind, hit.task, hit.attempt, hit.place)
    try:
        with closing(_opened(folder / FILE)) as db:
            before = db.execute(sql.format("<", "DESC"), (*values, most)).fetchall()
            behind = db.execute(sql.format(">=", "ASC"), (*values, most + 1)).fetchall()
    except sqlite3.Error:
        return []
    return [(place == hit.place, text) for place, text in (*reversed(before), *behind)]


def _opened(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S)


def _bounded(rows: Iterable[tuple[float, int, Hit]], of_one: int) -> Iterator[tuple[float, Hit]]:
    found = list(rows)
    counts = Counter(source for _, source, _ in found)
    told: Counter[int] = Counter()
    for rank, source, hit in found:
        told[source] += 1
        if told[source] < of_one:
            yield rank, hit
        elif told[source] == of_one:
            yield rank, hit._replace(more=counts[source] - of_one)


def _hits(folder: Path, wanted: Wanted) -> list[tuple[float, int, Hit]]:
    """Rank, source and hit, the best first."""
    path = folder / FILE
    if not path.is_file():
        return []
    try:
        with closing(_opened(path)) as db:
            if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                return []
            return [_hit(folder.name, row, wanted) for row in db.execute(*_query(wanted))]
    except sqlite3.Error as error:
        if (fault := no_fts5(error)) is not None:
            raise fault from error
        return []


def _query(wanted: Wanted) -> tuple[str, list[str | int]]:
    where, values = ["words MATCH ?"], list[str | int]([wanted.match])
    for column, names in (("s.kind", wanted.kinds), ("lower(s.task)", wanted.tasks)):
        if names:
            where.append(f"{column} IN ({', '.join('?' * len(names))})")
            values += sorted(names)
    if wanted.repos:
        places = ", ".join("?" * len(wanted.repos))
        of_repo = f"SELECT task FROM repos WHERE lower(repo) IN ({places})"  # noqa: S608 - as above
        where.append(f"s.task IN ({of_repo})")
        values += sorted(wanted.repos)
    snippet = f"snippet(words, 0, '{_OPEN}', '{_CLOSE}', '…', {SNIPPET_WORDS})"
    text = (
        f"SELECT bm25(words) * CASE s.kind {_CASES} END AS rank, s.id, s.kind, s.task, s.attempt,"  # noqa: S608
        f" d.place, d.file, d.line, d.at, {snippet}, CASE s.kind WHEN 'diffs' THEN words.text END"
        " FROM words JOIN docs d ON d.id = words.rowid JOIN sources s ON s.id = d.source"
        f" WHERE {' AND '.join(where)} ORDER BY rank, d.id LIMIT {MOST_ROWS}"
    )
    return text, values


def _hit(run: str, row: Sequence[object], wanted: Wanted) -> tuple[float, int, Hit]:
    rank, source, kind, task, attempt, place, file, line, at, snippet, whole = row
    number = int(str(line))
    if whole is not None:
        number = _line_of(str(whole), number, wanted.words)
    hit = Hit(
        run,
        Kind(str(kind)),
        str(task),
        int(str(attempt)),
        int(str(place)),
        str(file),
        number,
        float(str(at)) if at is not None else None,
        tuple(_pieces(str(snippet))),
    )
    return float(str(rank)), int(str(source)), hit


def _line_of(text: str, first: int, words: Sequence[str]) -> int:
    """The line of the new file with the most of the words; `text` begins with line `first`."""
    best, most, at = first, 0, first
    for row in text.split("\n"):
        found = sum(word in row.casefold() for word in words)
        if found > most:
            best, most = at, found
        at += not row.startswith("-")
    return best


def _pieces(snippet: str) -> Iterator[Piece]:
    """A snippet on one line, its marked words apart."""
    one_line = re.sub(r"\s+", " ", snippet)
    for part in re.split(f"({_OPEN}[^{_CLOSE}]*{_CLOSE})", one_line):
        if part.startswith(_OPEN):
            yield Piece(part[1:-1], hit=True)
        elif part:
            yield Piece(part)
