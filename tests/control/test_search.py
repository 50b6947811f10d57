"""The search: what is indexed, what is found, and what becomes of an index that cannot be used."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.control.log_pieces import pieces_after
from agentdeck.control.logtail import LogLine
from agentdeck.control.runs import RunFolder
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.search import indexer as indexing
from agentdeck.control.search import store as stored
from agentdeck.control.search.finder import OF_ONE, Hit, around, find
from agentdeck.control.search.indexer import Indexer, Progress, RunIndex
from agentdeck.control.search.store import FILE, Doc, Source, Store
from agentdeck.control.search.texts import brief_docs, diff_docs
from agentdeck.control.search.wanted import Kind, wanted
from agentdeck.core import events as e
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import AnyEvent
from agentdeck.core.ids import AgentName, ProcessIdentity, RepoName, RunId, TaskId
from agentdeck.core.plan import Agent, Plan, Repo, Task
from agentdeck.core.replan import PlanChange
from agentdeck.engine.journal import Journal

PROCESS = ProcessIdentity(1, 100, "boot")
A, B = TaskId("A"), TaskId("B")
PLAN = Plan(
    name="p",
    tasks=(
        Task(A, "Walrus kernel", prompt="Count every pelican.\nThen stop.", labels=("zoo",)),
        Task(B, "Something else", prompt="Nothing of interest"),
    ),
    agents=(Agent(AgentName("echo"), command=("echo",)),),
)


def say(path: Path, *lines: str, mode: str = "a") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode, encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


class World:
    """A run's folder with a journal that grows."""

    def __init__(self, folder: RunFolder, repo: Path, plan: Plan | None = None) -> None:
        self.folder = folder
        folder.create()
        self._seq, self._at = 0, 1_767_268_800.0
        commit = head(repo)
        self.tell(
            e.RunStarted(
                RunId(folder.run), plan or PLAN, str(repo / ".git"), "main", commit, "tree",
                "deck/p", str(repo),
            ),
            e.AttemptClaimed(A, 1, AgentName("echo"), None),
            e.WorktreePrepared(A, 1, str(repo), "deck/p/A", commit),
            e.AttemptLaunched(A, 1, PROCESS, PROCESS),
        )  # fmt: skip

    def tell(self, *events: AnyEvent) -> None:
        journal = Journal(self.folder.journal, writable=True)
        self._at += 60
        self._seq = journal.append(events, self._at, after=self._seq, durable=False)[-1].seq
        journal.close()

    @property
    def log(self) -> Path:
        return self.folder.attempt(A, 1) / "raw.log"

    def find(self, text: str, most: int = 50) -> list[Hit]:
        return find([self.folder.path], wanted(text), most=most)

    def kinds(self, text: str) -> list[str]:
        return [hit.kind.value for hit in self.find(text)]


def head(repo: Path) -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=repo, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def world(tmp_path: Path) -> World:
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"src/zebra.py": "one = 1\ntwo = 2\nthree = 3\n"})
    return World(RunFolder(tmp_path / "runs" / "run-1"), repo)


def all_of(steps: Iterator[Progress]) -> list[Progress]:
    return list(steps)


def snippet(hit: Hit) -> str:
    return "".join(f"[{piece.text}]" if piece.hit else piece.text for piece in hit.snippet)


def test_everything_that_is_known_of_a_run_is_found(world: World, tmp_path: Path) -> None:
    """Each kind by a word of its own, with the place to go to."""
    (tmp_path / "repo/src/zebra.py").write_text("one = 1\ntwo = 2\nocelot = 3\nthree = 3\n")
    say(world.log, "the first line", "here is a \x1b[31mgiraffe\x1b[0m", "the last line")
    world.tell(e.MessageQueued(A, "n1", "Mind the flamingo", "you"))
    all_of(RunIndex(world.folder).update())
    (task,) = world.find("walrus")
    assert (task.kind, task.task, snippet(task)) == (Kind.TASKS, "A", "A [Walrus] kernel zoo")
    assert world.kinds("pelican") == ["briefs"]
    (log,) = world.find("giraffe")
    assert (log.kind, log.task, log.attempt, log.place) == (Kind.LOGS, "A", 1, 15)
    assert snippet(log) == "here is a [giraffe]"
    (diff,) = world.find("ocelot")
    assert (diff.kind, diff.file, diff.line) == (Kind.DIFFS, "src/zebra.py", 3)
    (event,) = world.find("flamingo")
    assert (event.kind, event.task, event.place) == (Kind.EVENTS, "A", 5)
    assert snippet(event) == "message queued: Mind the [flamingo]"
    assert around(world.folder.path, log, most=1) == [
        (False, "the first line"), (True, "here is a giraffe"), (False, "the last line"),
    ]  # fmt: skip
    assert stat.S_IMODE((world.folder.path / FILE).stat().st_mode) == 0o600


def test_a_log_that_grows_is_read_from_where_it_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is found twice and nothing is read again but the last line."""
    say(world.log, *(f"otter {number}" for number in range(50)))
    index = RunIndex(world.folder)
    all_of(index.update())
    read: list[int] = []

    def counted(fd: int, offset: int, until: int) -> Iterator[list[LogLine]]:
        read.append(until - offset)
        return pieces_after(fd, offset, until)

    monkeypatch.setattr(indexing, "pieces_after", counted)
    say(world.log, "a badger came")
    all_of(index.update())
    assert read == [len("otter 49\na badger came\n")]
    assert len(world.find("badger")) == 1
    (*_, last) = world.find("otter", most=50)
    assert sum(hit.more + 1 for hit in world.find("otter")) == 50
    assert last.more == 50 - OF_ONE
    assert len(world.find("otter task:A", most=50)) == 50
    read.clear()
    all_of(RunIndex(world.folder).update())  # another process: it knows as much
    assert read == [len("a badger came\n")]


def test_a_log_that_was_cut_or_replaced_is_read_anew(world: World) -> None:
    say(world.log, "an otter", "another otter")
    index = RunIndex(world.folder)
    all_of(index.update())
    say(world.log, "a mole", mode="w")
    all_of(index.update())
    assert (world.kinds("otter"), world.kinds("mole")) == ([], ["logs"])
    other = world.log.with_name("other")
    say(other, "a newt, and more of it than before")
    other.replace(world.log)
    all_of(index.update())
    assert (world.kinds("mole"), world.kinds("newt")) == ([], ["logs"])


def test_of_a_long_log_the_end_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many bytes at its end are read, and so many characters of these are kept."""
    monkeypatch.setattr(indexing, "MOST_READ", 10_000)
    monkeypatch.setattr(indexing, "MOST_KEPT", 500)
    say(
        world.log, "an early ibex", *(f"line {number:05}" for number in range(2_000)), "a late lynx"
    )
    index = RunIndex(world.folder)
    all_of(index.update())
    assert (world.kinds("ibex"), world.kinds("lynx")) == ([], ["logs"])
    with sqlite3.connect(world.folder.path / FILE) as db:
        (kept,) = db.execute(
            "SELECT sum(length(text)) FROM words WHERE text LIKE 'line%'"
        ).fetchone()
    assert 400 <= kept <= 500 * stored.SLACK
    say(world.log, *(f"more {number:05}" for number in range(2_000)))
    all_of(index.update())
    assert world.kinds("lynx") == []
    assert world.kinds("01999") == ["logs"]


def test_a_task_that_changes_is_found_as_it_is_now(world: World) -> None:
    index = RunIndex(world.folder)
    all_of(index.update())
    change = PlanChange(put=(Task(A, "Heron kernel"),), dropped=(B,))
    world.tell(e.PlanChanged(change, 1, "you"))
    all_of(index.update())
    assert (world.kinds("walrus"), world.kinds("interest"), world.kinds("heron")) == (
        [], [], ["tasks"],
    )  # fmt: skip


def test_words_are_ranked_by_what_they_are_in(world: World) -> None:
    """A title before a brief before a log, where the words are as rare."""
    say(world.log, "walrus kernel")
    world.tell(e.MessageQueued(A, "n1", "walrus kernel", "you"))
    all_of(RunIndex(world.folder).update())
    assert world.kinds("walrus kernel") == ["tasks", "events", "logs"]
    assert world.kinds("walrus in:logs") == ["logs"]
    assert world.kinds("walrus in:log,events task:a") == ["events", "logs"]
    assert world.kinds("walrus task:B") == []
    assert world.kinds('"kernel walrus"') == []
    assert world.kinds("walrus -zoo") == ["events", "logs"]
    assert world.kinds("walr*") == ["tasks", "events", "logs"]
    assert world.kinds("walr") == []


def test_this_run_comes_before_past_ones(world: World, tmp_path: Path) -> None:
    past = World(RunFolder(tmp_path / "runs" / "run-0"), tmp_path / "repo")
    say(past.log, "a mongoose")
    say(world.log, "a mongoose", "and much else that makes it rank lower: a mongoose")
    all_of(Indexer(world.folder, others=[past.folder]).update())
    found = find([world.folder.path, past.folder.path], wanted("mongoose"), most=9)
    assert [hit.run for hit in found] == ["run-1", "run-1", "run-0"]


def test_while_it_is_read_what_is_there_is_found(world: World) -> None:
    """Every step leaves an index that can be asked, and says how far it is."""
    say(world.log, *(f"stoat {number} " + "x" * 1_000 for number in range(800)))
    counts, shares = [], []
    for step in RunIndex(world.folder).update():
        counts.append(sum(hit.more + 1 for hit in world.find("stoat")))
        if step.what == Kind.LOGS:
            shares.append((step.done, step.of))
    assert counts[0] == 0
    assert any(0 < count < 800 for count in counts)
    assert counts[-1] == 800
    assert [done for done, _ in shares] == sorted(done for done, _ in shares)
    assert shares[-1][0] == shares[-1][1] == world.log.stat().st_size
    assert Progress(Kind.LOGS, 2, 5).words == "logs 40 %"


# --- an index that cannot be used ----------------------------------------------------------------


def test_a_damaged_index_is_made_anew(world: World) -> None:
    """Not a database at all, one of another version, and one with a hole in it."""
    path = world.folder.path / FILE
    for number in range(3):
        all_of(RunIndex(world.folder).update())
        if number == 0:
            path.write_bytes(b"no database, but long enough to look like one" * 100)
        elif number == 1:
            with sqlite3.connect(path) as db:
                db.execute("PRAGMA user_version = 99")
        else:
            size = path.stat().st_size
            with path.open("r+b") as file:
                file.seek(4096)
                file.write(os.urandom(size - 4096))
        assert world.find("walrus") == []
        all_of(RunIndex(world.folder).update())
        assert world.kinds("walrus") == ["tasks"], number


def test_the_second_of_two_lets_the_first_one_write(world: World) -> None:
    all_of(RunIndex(world.folder).update())
    with Store(world.folder.path) as first:
        assert first.held
        (waits,) = all_of(RunIndex(world.folder).update())
        assert waits.waits
        first.put(Source("x", Kind.LOGS, "A", 1), [Doc("a puffin")], mark="")
        assert world.kinds("puffin") == ["logs"]
    with Store(world.folder.path) as second:
        assert second.held


def test_without_full_text_search_it_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_SCHEMA", stored._SCHEMA.replace("fts5(", "fts5x("))
    with pytest.raises(EnvironmentFault, match="no full-text search"):
        all_of(RunIndex(world.folder).update())
    (*_, step, last) = all_of(Indexer(world.folder).update())
    assert "no full-text search (FTS5)" in step.fault
    assert last.ready


def test_a_run_that_cannot_be_read_hides_no_other(world: World, tmp_path: Path) -> None:
    bad = RunFolder(tmp_path / "runs" / "bad")
    bad.create()
    bad.journal.write_bytes(b"no journal")
    steps = all_of(Indexer(world.folder, others=[bad]).update())
    assert not any(step.fault for step in steps)
    assert world.kinds("walrus") == ["tasks"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_folder_that_may_only_be_read_is_named(world: World) -> None:
    world.folder.path.chmod(0o500)
    try:
        with pytest.raises(EnvironmentFault, match="cannot be written"):
            all_of(RunIndex(world.folder).update())
    finally:
        world.folder.path.chmod(0o700)


def test_the_process_reads_and_reads_again(world: World) -> None:
    """As the deck has it: a line asks for what is new, the end of the input ends it."""
    command = [sys.executable, "-m", "agentdeck.control.search", str(world.folder.path), "."]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for word in ("first", "second"):
            say(world.log, f"the {word} gecko")
            if word == "second":
                process.stdin.write(b"more\n")
                process.stdin.flush()
            while not json.loads(process.stdout.readline()).get("ready"):
                pass
        process.stdin.close()
        assert process.wait(30) == 0
    assert sum(hit.more + 1 for hit in world.find("gecko")) == 2


# --- what is typed -------------------------------------------------------------------------------

TYPED = (
    '" "" * -* - AND OR NOT NEAR( ( ) { } ^ : + , ; in: in:x in:logs task: task:A a* "b c" -d '
    "it's x\x00y 数 \ud800 col:x a.b* \"open"
).split(" ")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("indexed")
    with Store(folder) as store:
        store.put(Source("x", Kind.LOGS, "A", 1), [Doc("a b c it's x y 数")], mark="")
    return folder


@given(parts=st.lists(st.sampled_from(TYPED) | st.text(max_size=5), max_size=12), on=st.booleans())
def test_nothing_that_is_typed_is_an_error(indexed: Path, parts: Sequence[str], on: bool) -> None:
    """SQLite itself is asked: it raises for a query that it does not understand."""
    asked = wanted(" ".join(parts), typing=on)
    if asked.match:
        with sqlite3.connect(f"file:{indexed / FILE}?mode=ro", uri=True) as db:
            db.execute("SELECT rowid FROM words WHERE words MATCH ?", (asked.match,)).fetchall()
    find([indexed], asked, most=5)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("one two", '"one" AND "two"'),
        ('"one two" three', '"one two" AND "three"'),
        ("mig*", '"mig"*'),
        ('"one tw"*', '"one tw"*'),
        ("one -two -three", '("one") NOT ("two" OR "three")'),
        ("NOT (a OR b)", '"NOT" AND "(a" AND "OR" AND "b)"'),
        ('say"hi', '"say""hi"'),
        ("--- !!! *", ""),
        ("-only", ""),
    ],
)
def test_words_become_a_query(text: str, match: str) -> None:
    assert wanted(text).match == match


def test_while_one_types_the_last_word_is_a_beginning() -> None:
    assert wanted("red pan", typing=True).match == '"red" AND "pan"*'
    assert wanted("red p", typing=True).match == '"red" AND "p"'
    assert wanted("red pan ", typing=True).match == '"red" AND "pan"'
    assert wanted('"red pan"', typing=True).match == '"red pan"'


def test_a_search_in_one_repository(tmp_path: Path) -> None:
    """Whatever is of a task that works there: its title, and the log of its agent."""
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"a.txt": "x\n"})
    tasks = tuple(
        msgspec.structs.replace(one, repo=RepoName("web") if one.id == A else None)
        for one in PLAN.tasks
    )
    plan = msgspec.structs.replace(PLAN, tasks=tasks, repos=(Repo(RepoName("web"), "../web"),))
    world = World(RunFolder(tmp_path / "runs" / "run-1"), repo, plan)
    say(world.log, "walrus kernel")
    all_of(RunIndex(world.folder).update())
    assert world.kinds("walrus repo:web") == ["tasks", "logs"]
    assert world.kinds("walrus repo:WEB in:logs") == ["logs"]
    assert world.kinds("walrus repo:.") == []
    assert world.kinds("walrus repo:.,web") == ["tasks", "logs"]


def test_a_field_that_is_not_known_is_named() -> None:
    assert wanted("x in:mails").fault.startswith("there is no mails to look through: tasks, briefs")
    assert wanted("x in:LOG,diff").kinds == {Kind.LOGS, Kind.DIFFS}
    assert wanted("task:S-1,s-2 x").tasks == {"s-1", "s-2"}


# --- texts ---------------------------------------------------------------------------------------


def test_a_diff_is_pieces_that_know_their_lines() -> None:
    text = (
        "diff --git a/x y.py b/x y.py\n--- a/x y.py\n+++ b/x y.py\n@@ -1,4 +1,5 @@\n kept\n-old\n"
        "+new\n+more\n kept\n kept\n@@ -20 +21 @@ def f\n-gone\n+come\n"
        "diff --git a/new b/new\nnew file, untracked\n"
    )
    assert [(doc.file, doc.line, doc.text) for doc in diff_docs(text.split("\n"))] == [
        ("x y.py", 0, "x y.py"),
        ("x y.py", 2, "-old\n+new\n+more"),
        ("x y.py", 21, "-gone\n+come"),
        ("new", 0, "new"),
    ]


def test_a_long_brief_is_found_to_its_end() -> None:
    docs = list(brief_docs(Task(A, prompt="word " * 3_000 + "the end")))
    assert len(docs) == 4
    assert docs[-1].text.endswith("the end")
    assert [doc.place for doc in docs] == [0, 1, 2, 3]
