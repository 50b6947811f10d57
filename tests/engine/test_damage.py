"""A journal that a disk has damaged: identical, or refused; and mended to what was sound of it.

The files are those of a real run on real git whose engine was killed: a database with a checkpoint
behind it, and a log that nobody has taken in.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core import events as e
from agentdeck.core.chain import LINK_BYTES
from agentdeck.core.codec import JournalFormatError, encode_event
from agentdeck.core.errors import EXIT_DAMAGED, DeckError, EnvironmentFault
from agentdeck.core.events import VERSION, AnyEvent, Recorded
from agentdeck.core.fold import fold
from agentdeck.core.ids import RunId, TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.core.state import TaskState
from agentdeck.engine import journal as journal_module
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.found_landings import found_landings
from agentdeck.engine.git import Git
from agentdeck.engine.journal import Journal, JournalDamaged
from agentdeck.engine.mending import UNPROVEN, mend

T, U = TaskId("T"), TaskId("U")
LARGE = "x" * 20_000  # of a plan: its event lies on several pages
TOLD = 120  # events behind the first one
CHECKPOINT = 60  # after so many the log is taken into the database
JOURNAL, WAL, MARK = "journal.db", "journal.db-wal", "journal.mark"


def _git(where: Path, *args: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["git", *args], cwd=where, check=True, capture_output=True, text=True, input=stdin
    )
    return done.stdout.strip()


def _commit(repo: Path, parent: str, message: str) -> str:
    tree = _git(repo, "rev-parse", f"{parent}^{{tree}}")
    return _git(repo, "commit-tree", tree, "-p", parent, stdin=message)


@pytest.fixture(scope="module")
def damaged_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run as a killed engine leaves it; its target holds what its journal says."""
    place = tmp_path_factory.mktemp("damage")
    repo = place / "repo"
    repo.mkdir()
    _git(repo, "init", "--quiet", "--initial-branch=main")
    _git(repo, "commit", "--quiet", "--allow-empty", "-m", "first")
    first = _git(repo, "rev-parse", "HEAD")
    folder = RunFolder(place / "made" / "run-0001")
    folder.path.mkdir(parents=True)
    plan = Plan(name="p", tasks=(Task(id=T, prompt=LARGE), Task(id=U)))
    landed = _commit(
        repo,
        first,
        "Complete T\n\nAgentdeck-Run: run-0001\nAgentdeck-Task: T\nAgentdeck-Attempt: 1\n",
    )
    _git(repo, "update-ref", "refs/heads/deck/p", landed)
    tree = _git(repo, "rev-parse", f"{first}^{{tree}}")
    started = e.RunStarted(
        RunId("run-0001"), plan, str(repo / ".git"), "main", first, tree, "deck/p", str(repo)
    )
    events: list[AnyEvent] = [started]
    events += [e.AgentsLimitSet(number + 1, "ann" * (number % 7)) for number in range(TOLD)]
    events += [e.LandingFound(landed, tree, T, 1), e.TaskHeld(U, "ann")]
    journal = Journal(folder.journal, writable=True)
    for number, event in enumerate(events):
        journal.append([event], 1_000.0 + number, after=number)
        if number == CHECKPOINT:
            journal._db.execute("pragma wal_checkpoint(truncate)")
    kept = place / "run-0001"
    shutil.copytree(folder.path, kept)  # before the last connection takes the log in
    journal.close()
    assert (kept / WAL).stat().st_size > 0
    return kept


def _copy(source: Path, to: Path) -> RunFolder:
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for name in (JOURNAL, WAL, MARK):
        shutil.copy2(source / name, to / name)
    return RunFolder(to)


def _read(folder: RunFolder) -> tuple[list[Recorded], DeckError | None]:
    """The events that are given, and the refusal."""
    found: list[Recorded] = []
    try:
        journal = Journal(folder.journal)
    except DeckError as fault:
        return [], fault
    try:
        found.extend(journal.history())
    except DeckError as fault:
        return found, fault
    finally:
        journal.close()
    return found, None


def _whole(damaged_run: Path, tmp: Path) -> list[Recorded]:
    found, fault = _read(_copy(damaged_run, tmp / "whole" / "run-0001"))
    assert fault is None
    return found


def _is_told_kindly(fault: DeckError) -> None:
    assert isinstance(fault, EnvironmentFault)
    if isinstance(fault, JournalDamaged):
        assert fault.exit_code == EXIT_DAMAGED
        assert "agentdeck runs repair run-0001" in fault.hint
    assert JOURNAL in fault.message or "event" in fault.message
    assert "\n" not in fault.message


_file, _where = st.sampled_from([JOURNAL, WAL]), st.floats(0, 1)
damage = st.one_of(
    st.tuples(st.just("flip"), _file, _where, st.integers(1, 255)),
    st.tuples(st.just("cut"), _file, _where, st.just(0)),
    st.tuples(st.just("zero"), _file, _where, st.integers(1, 9_000)),
    st.tuples(st.just("page"), st.just(JOURNAL), _where, st.integers(1, 40)),
)
# The mark guards the journal: it is no use where both are damaged.
of_the_mark = st.tuples(st.just("flip"), st.just(MARK), _where, st.integers(1, 255))


def _harm(folder: RunFolder, how: tuple[str, str, float, int]) -> None:
    kind, name, where, what = how
    file = folder.path / name
    data = bytearray(file.read_bytes())
    if not data:
        return
    at = min(len(data) - 1, int(where * len(data)))
    match kind:
        case "flip":
            data[at] ^= what
        case "cut":
            del data[at:]
        case "zero":
            data[at : at + what] = bytes(len(data[at : at + what]))
        case "page":  # one page is written over another
            page, pages = 4096, max(1, len(data) // 4096)
            source, target = at // page % pages, (at // page + what) % pages
            data[target * page : (target + 1) * page] = data[source * page : (source + 1) * page]
    file.write_bytes(data)


@given(hows=st.one_of(st.lists(damage, min_size=1, max_size=3), st.tuples(of_the_mark)))
def test_damage_is_refused_and_mended_to_a_prefix_or_it_changes_nothing(
    damaged_run: Path,
    tmp_path_factory: pytest.TempPathFactory,
    hows: list[tuple[str, str, float, int]],
) -> None:
    """Bytes flipped, cut off, zeroed or written over with a page, in database, log and mark.

    What is read is the beginning of what was written; if it is not all of it, that is said. A
    mending then gives a journal that is sound, begins as the old one did, and knows what landed.
    """
    tmp = tmp_path_factory.mktemp("case")
    whole = _whole(damaged_run, tmp)
    folder = _copy(damaged_run, tmp / "run-0001")
    for how in hows:
        _harm(folder, how)
    before = {name: (folder.path / name).read_bytes() for name in (JOURNAL, WAL, MARK)}
    found, fault = _read(_copy(folder.path, tmp / "read" / "run-0001"))
    assert found == whole[: len(found)]
    if fault is None:
        assert len(found) == len(whole)
    else:
        _is_told_kindly(fault)
    try:
        mended = mend(folder)
    except EnvironmentFault as refused:
        assert fault is not None
        _is_told_kindly(refused)
        return
    assert (mended is None) == (fault is None)
    if mended is None:
        return
    after, wrong = _read(folder)
    assert wrong is None
    assert len(found) <= mended.sound <= len(whole)
    assert after[: mended.sound] == whole[: mended.sound]
    told = after[mended.sound].event
    assert isinstance(told, e.JournalMended)
    assert told.sound == mended.sound
    assert fold(after).tasks[T].state is TaskState.LANDED, "what has landed is known from git"
    for name, data in before.items():
        assert (Path(mended.kept) / name).read_bytes() == data, "the damaged files are kept"
    shutil.rmtree(tmp)


def _of_before_links(path: Path, events: list[AnyEvent]) -> None:
    """A journal as agentdeck wrote it before rows had links."""
    db = sqlite3.connect(path)
    db.execute(
        "create table events ("
        "seq integer primary key, at real not null, v integer not null, event blob not null)"
    )
    rows = [(n, float(n), VERSION, encode_event(one)) for n, one in enumerate(events, 1)]
    db.executemany("insert into events values (?, ?, ?, ?)", rows)
    db.execute("pragma user_version=1")
    db.commit()
    db.close()


def test_a_journal_of_before_links_is_read_and_gone_on_with(tmp_path: Path) -> None:
    """Its first new row proves all the old ones; who reads from the middle is not misled."""
    path = tmp_path / "run-0001" / JOURNAL
    path.parent.mkdir()
    old: list[AnyEvent] = [e.AgentsLimitSet(n, "ann") for n in range(1, 6)]
    _of_before_links(path, old)
    assert [one.event for one in Journal(path).history()] == old
    for after in (5, 6):  # the second writer finds what the first one has made of it
        journal = Journal(path, writable=True)
        journal.append([e.TaskHeld(T, "bob")], 9.0, after=after)
        journal.close()
    assert len(list(Journal(path).history())) == 7
    assert [one.seq for one in Journal(path).read(after=2)] == [3, 4, 5, 6, 7]
    db = sqlite3.connect(path)
    db.execute("update events set at = 2.5 where seq = 2")
    db.commit()
    db.close()
    with pytest.raises(JournalDamaged, match="event 6 of the journal cannot be read"):
        list(Journal(path).history())


def _changed(folder: RunFolder, sql: str) -> None:
    db = sqlite3.connect(folder.journal)
    db.execute(sql)
    db.commit()
    db.close()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("update events set at = at + 1 where seq = 7", "event 7 .* its link does not fit"),
        ("update events set v = 1 where seq = 7", "event 7 .* its link does not fit"),
        ("update events set v = 99 where seq = 7", "event 7 .* its link does not fit"),
        ("delete from events where seq = 7", "event 7 .* it is missing, 8 comes next"),
        ("delete from events where seq > 100", "behind event 100: 123 were acknowledged"),
        ("update events set link = null where seq = 7", "event 7 .* its link .* is missing"),
        ("update events set event = 5 where seq = 7", "something else than an event"),
        ("pragma user_version = 1", "says it has format 1, but it was written in format 2"),
        ("pragma user_version = 9", "says it has format 9, but it was written in format 2"),
        ("drop table events", "no such table"),
    ],
)
def test_each_kind_of_damage_is_named(
    damaged_run: Path, tmp_path: Path, sql: str, says: str
) -> None:
    """Which event, what was found, what was expected; and the next step."""
    folder = _copy(damaged_run, tmp_path / "run-0001")
    _changed(folder, sql)
    _, fault = _read(folder)
    assert isinstance(fault, JournalDamaged)
    assert re.search(says, fault.message), fault.message
    _is_told_kindly(fault)


def test_another_runs_journal_is_not_taken_for_this_one(damaged_run: Path, tmp_path: Path) -> None:
    """A database that is whole, but not the one whose events were acknowledged here."""
    folder = _copy(damaged_run, tmp_path / "run-0001")
    _changed(folder, "pragma wal_checkpoint(truncate)")
    assert not (folder.path / WAL).exists()
    other = Journal(tmp_path / JOURNAL, writable=True)
    other.append([e.AgentsLimitSet(n + 1, "eve") for n in range(200)], 1.0, after=0)
    other.close()
    (tmp_path / JOURNAL).replace(folder.journal)
    _, fault = _read(folder)
    assert isinstance(fault, JournalDamaged)
    assert "the mark beside does not fit" in fault.message


def test_an_event_of_a_newer_agentdeck_is_never_dropped(
    damaged_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is newer is not damage: a mending refuses, and says who can read it."""
    folder = _copy(damaged_run, tmp_path / "run-0001")
    with monkeypatch.context() as patched:
        patched.setattr(journal_module, "VERSION", VERSION + 1)
        journal = Journal(folder.journal, writable=True)
        journal.append([e.TaskHeld(U, "newer")], 9.0, after=journal.last_seq())
        journal.close()
    before = folder.journal.read_bytes()
    with pytest.raises(JournalFormatError, match=f"has format {VERSION + 1}"):
        mend(folder)
    assert folder.journal.read_bytes() == before


def test_a_mending_that_was_killed_begins_anew_and_loses_nothing(
    damaged_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the log was taken away, before the new journal stands in its place."""
    folder = _copy(damaged_run, tmp_path / "run-0001")
    whole, _ = _read(folder)
    folder = _copy(damaged_run, tmp_path / "run-0001")
    data = bytearray((folder.path / WAL).read_bytes())
    data[-LINK_BYTES] ^= 1  # of the last frame: only its events are gone
    (folder.path / WAL).write_bytes(data)

    class Killed(BaseException):
        pass

    def killed(_: Path, __: Path) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            mend(folder)
    assert not (folder.path / WAL).exists()
    mended = mend(folder)
    assert mended is not None
    assert mended.sound >= len(whole) - 1
    assert _read(folder)[0][: mended.sound] == whole[: mended.sound]
    assert mend(folder) is None


def test_what_is_lost_and_can_still_be_read_is_kept_as_text(
    damaged_run: Path, tmp_path: Path
) -> None:
    """One object a line, in a private file beside what was damaged."""
    folder = _copy(damaged_run, tmp_path / "run-0001")
    _changed(folder, "delete from events where seq = 90")
    mended = mend(folder)
    assert mended is not None
    assert (mended.sound, mended.lost) == (89, 34)
    file = Path(mended.kept) / UNPROVEN
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["seq"] for line in lines} >= set(range(91, 124))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_batch_and_a_revert_are_found_in_git(damaged_run: Path, tmp_path: Path) -> None:
    """Each piece of a batch by its own commit; a revert takes back; others move the tip."""
    folder = _copy(damaged_run, tmp_path / "run-0001")
    state = fold(_read(folder)[0][:1])
    repo = tmp_path / "repo"
    _git(tmp_path, "clone", "--quiet", "--mirror", state.repo, str(repo / ".git"))
    _git(repo, "config", "core.bare", "false")

    def commit(parents: tuple[str, ...], *trailers: str) -> str:
        flags = [word for parent in parents for word in ("-p", parent)]
        told = "".join(f"{line}\n" for line in ("Agentdeck-Run: run-0001", *trailers))
        return _git(repo, "commit-tree", state.base_tree, *flags, stdin=f"Told\n\n{told}")

    base = state.base_commit
    one = commit((base,), "Agentdeck-Task: T", "Agentdeck-Attempt: 2")
    two = commit((one,), "Agentdeck-Task: U", "Agentdeck-Attempt: 1")
    batch = commit((base, two))
    revert = commit((batch,), "Agentdeck-Reverts: U")
    foreign = _git(repo, "commit-tree", state.base_tree, "-p", revert, stdin="by hand\n")
    _git(repo, "update-ref", "refs/heads/deck/p", foreign)
    assert found_landings(Git.discover(repo), state) == [
        e.LandingFound(batch, state.base_tree, T, 2, one),
        e.LandingFound(batch, state.base_tree, U, 1, two),
        e.LandingFound(revert, state.base_tree, U, None, undone=True),
        e.LandingFound(foreign, state.base_tree),
    ]
