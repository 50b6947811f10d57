"""`report` and `gates`, by the command line, on a real run with a batch, a retry and a failure."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentdeck.cli.app import main
from agentdeck.control.reporting import told_of
from agentdeck.control.runs import fold_run, newest_run, runs_of
from agentdeck.control.scratch_repo import make_repo
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reporting.report import Report, report_of


@dataclass(frozen=True)
class Said:
    """What one command line gave back."""

    code: int
    out: str
    err: str


Deck = Callable[..., Said]

# The first of A, B and C is gated until the others wait for it, so these land in one batch. R
# needs a second attempt, X never does it, Y waits for it. The gate of F is red once, then green.
PLAN = r"""
version = 1
[plan]
name = "shop"
agents = 4
[queue]
slots = 1
[defaults]
agent = "teller"
retries = 1
backoff = "1s"
[agents.teller]
output = "scripted"
command = ["sh", "-c", '''
echo '{"type":"start","model":"small-1","session":"s-1"}'
echo '{"type":"usage","in":900,"out":300,"usd":0.25}'
if test "$1" = X; then exit 3; fi
if test "$1" = R && test ! -e SEEN; then touch SEEN; exit 4; fi
echo "$1" > "$1.txt"
echo '{"type":"result","ok":true}'
''', "sh", "{task}"]
[gates.unit]
run = ["sh", "-c", '''
echo looked
if test -e F.txt && test ! -e RED; then touch RED; echo "| no <i>good</i>"; exit 7; fi
touch MARK.$AGENTDECK_TASK
''']
when = "task"
retries = 1
[gates.whole]
run = ["sh", "-c", "until test -e MARK.A -a -e MARK.B -a -e MARK.C; do sleep 0.05; done; sleep 1"]
when = "merge"
[[phase]]
id = "build"
title = "Build <b>it</b>"
[[phase]]
id = "later"
[[task]]
id = "A"
title = "First | <script>alert(1)</script>"
prompt = "make A\n```\n</pre><script>alert(2)</script>"
phase = "build"
[[task]]
id = "B"
title = "Second"
prompt = "make B"
phase = "build"
[[task]]
id = "C"
title = "Third"
prompt = "make C"
phase = "build"
[[task]]
id = "F"
title = "Flaky"
prompt = "make F"
phase = "later"
after = ["A", "B", "C"]
[[task]]
id = "R"
title = "Retried"
prompt = "make R"
phase = "later"
[[task]]
id = "X"
title = "Fails"
prompt = "make X"
phase = "later"
[[task]]
id = "Y"
title = "Waits"
prompt = "make Y"
after = "X"
[[task]]
id = "Z"
title = "Another day"
prompt = "make Z"
defer = "not now"
"""


def git(place: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


AGAIN = """
version = 1
[plan]
name = "again"
[agents.writer]
command = ["sh", "-c", "echo x > again.txt"]
[defaults]
agent = "writer"
[gates.unit]
run = "true"
when = "task"
[[task]]
id = "A"
prompt = "x"
"""


@dataclass(frozen=True)
class Shop:
    """A repository, and where its runs are."""

    place: Path

    @property
    def repo(self) -> Path:
        return self.place / "repo"

    def run(self) -> None:
        """Carry out the plan; the headless engine is gone when this returns."""
        assert main(["-C", str(self.repo), "run", "shop.toml", "--headless"]) == 1


def open_shop(place: Path, patch: pytest.MonkeyPatch) -> Shop:
    patch.setenv("XDG_STATE_HOME", str(place / "state"))
    return Shop(place)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A run that has come to its end. The tests only look at it, or at its repository."""
    place = tmp_path_factory.mktemp("shop")
    text = PLAN.replace("SEEN", str(place / "seen")).replace("RED", str(place / "red"))
    text = text.replace("MARK", str(place / "mark"))
    (place / "repo").mkdir()
    make_repo(place / "repo", {"shop.toml": text, "again.toml": AGAIN})
    with pytest.MonkeyPatch.context() as patch:
        shop = open_shop(place, patch)
        shop.run()
    return shop


@pytest.fixture
def repo(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Path:
    return open_shop(shop.place, monkeypatch).repo


@pytest.fixture
def deck(repo: Path, capsys: pytest.CaptureFixture[str]) -> Deck:
    """`deck("report", "--notes")` in the repository of the run."""

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = main(["-C", str(repo), *words])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def ran(repo: Path) -> RunFolder:
    """The run, with no note on any commit."""
    git(repo, "update-ref", "-d", "refs/notes/agentdeck")
    return runs_of(repo)[-1][0]


def report_json(deck: Deck, *words: str) -> dict[str, Any]:
    said = deck("report", "--format", "json", *words)
    assert said.code == 0, said.err
    return dict(json.loads(said.out))


def tasks_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["card"]["task"]: task for group in report["phases"] for task in group["tasks"]}


def test_the_report_of_a_real_run(deck: Deck, ran: RunFolder, repo: Path) -> None:
    """One story: everything that the journal knows of each task, in all three forms."""
    report = report_json(deck)
    state = fold_run(ran)
    assert msgspec.convert(report, Report) == report_of(told_of(ran))
    totals = report["totals"]
    assert totals["states"] == {"landed": 5, "failed": 1, "pending": 1, "deferred": 1}
    assert (totals["attempts"], totals["retries"], totals["usd"]) == (8, 2, 2.0)
    assert (totals["tokens"], totals["gates_flaky"], totals["gates_red"]) == (9600, 1, 0)
    assert (report["needs_person"], report["skipped"]) == (["X"], ["Z"])
    assert [(g["id"], g["landed"]) for g in report["phases"]] == [
        ("build", 3),
        ("later", 2),
        (None, 0),
    ]
    tasks = tasks_of(report)
    tries = tasks["R"]["card"]["attempts"]
    assert [(one["ended"], one["exit_code"], one["usd"]) for one in tries] == [
        ("retried: crash", 4, 0.25),
        ("landed", 0, 0.25),
    ]
    assert (tries[1]["model"], tries[1]["tokens_in"], tries[1]["tokens_out"]) == (
        "small-1",
        900,
        300,
    )
    failed = tasks["X"]["card"]
    assert (failed["cause"], failed["landing"], tasks["X"]["rollback"]) == ("crash", None, None)
    assert tasks["X"]["why"] == "the agent ended with exit 3"
    flaky = next(row for row in tasks["F"]["card"]["gates"] if row["gate"] == "unit")
    assert (flaky["verdict"], flaky["runs"]) == ("flaky", 2)
    assert flaky["red_line"] == "| no <i>good</i>"
    assert (ran.path / flaky["log"]).is_dir()
    assert (ran.path / flaky["red_log"] / "raw.log").read_text().endswith("| no <i>good</i>\n")
    for name in "ABCFR":
        landing = tasks[name]["card"]["landing"]
        assert landing["tree"] == git(repo, "rev-parse", f"{landing['commit']}^{{tree}}")
        assert landing["head"] == git(repo, "rev-parse", f"{landing['merge']}^2")
        assert tasks[name]["card"]["files"] == [{"path": f"{name}.txt", "added": 1, "removed": 0}]
    assert deck("report").out == deck("report", "--format", "markdown").out
    for form in ("markdown", "html"):
        words = deck("report", "--format", form).out
        assert f"git revert -m 1 {tasks['A']['card']['landing']['merge']}" in words
        assert state.run in words
    assert "<script>" not in deck("report", "--format", "html").out


def test_each_task_of_a_batch_can_be_taken_back_alone(
    deck: Deck, ran: RunFolder, repo: Path
) -> None:
    """The command of the report, done with git: the file of that task goes, the others stay."""
    del ran
    tasks = tasks_of(report_json(deck))
    in_batch = [name for name, task in tasks.items() if task["rollback"] and together(task)]
    assert in_batch, "no two tasks have landed in one commit"
    for name in in_batch:
        git(repo, "checkout", "-q", "--detach", "deck/shop")
        words = tasks[name]["rollback"]["command"].split()
        git(repo, *words[1:], "--no-edit")
        gone = git(repo, "diff", "--name-status", "deck/shop", "HEAD")
        assert gone == f"D\t{name}.txt"
    git(repo, "checkout", "-q", "main")


def together(task: dict[str, Any]) -> bool:
    return bool(task["card"]["landing"]["together"])


def test_a_file_is_written_as_a_whole_and_only_over_a_report(
    deck: Deck, ran: RunFolder, repo: Path
) -> None:
    """Its name says the form; what is no report stays, unless `--force` says that it may go."""
    del ran
    for name, begins in (
        ("r.html", "<!doctype html>"),
        ("r.md", "<!-- agentdeck-report 1 -->\n# Report: shop"),
        ("r.json", '{\n  "kind": "agentdeck-report"'),
        ("plain", "<!-- agentdeck-report 1 -->"),
    ):
        said = deck("report", "-o", name)
        assert (said.code, said.out, said.err) == (0, "", f"wrote {name}\n")
        assert (repo / name).read_text().startswith(begins)
        assert deck("report", "-o", name, "--format", "html").code == 0, "a report may be replaced"
        assert (repo / name).read_text().startswith("<!doctype html>")
    mine = repo / "mine.md"
    mine.write_text("# My notes on agentdeck-reports\n" + "x" * 300)
    before = mine.read_bytes()
    mine.write_bytes(b"\n" * 200 + before)
    before = mine.read_bytes()
    said = deck("report", "-o", "mine.md")
    assert (said.code, said.out) == (4, "")
    assert "is no report of agentdeck" in said.err
    assert mine.read_bytes() == before
    assert deck("report", "-o", "mine.md", "--force").code == 0
    assert mine.read_text().startswith("<!-- agentdeck-report")
    assert deck("report", "-o", ".").code == 2
    assert deck("report", "-o", "no/such/r.md").code == 5
    assert not list(repo.glob(".*agentdeck-*"))


def test_a_page_is_not_poured_into_a_terminal(
    deck: Deck, ran: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    del ran
    monkeypatch.setattr("agentdeck.cli.reporting.in_terminal", lambda: True)
    said = deck("report", "--format", "html")
    assert (said.code, said.out) == (2, "")
    assert "-o report.html" in said.err
    assert deck("report").out.startswith("<!-- agentdeck-report 1 -->")


@pytest.fixture
def second(deck: Deck, ran: RunFolder, repo: Path) -> Iterator[RunFolder]:
    """A later run in the same repository, with a gate of the same name; it is gone afterwards."""
    assert deck("run", "again.toml", "--headless").code == 0
    folder = newest_run(repo)
    assert folder.run != ran.run
    yield folder
    shutil.rmtree(folder.path)


def change_journal(folder: RunFolder, statement: str) -> None:
    """A change that no engine would make."""
    with closing(sqlite3.connect(folder.journal, isolation_level=None)) as database:
        database.execute(statement)


# --- gates ---------------------------------------------------------------------------------------


def test_the_gates_of_a_run(deck: Deck, ran: RunFolder) -> None:
    """F was red once and then green on the same tree; nothing else was red."""
    told = json.loads(deck("gates", "--json").out)
    assert told["runs"] == [ran.run]
    unit, whole = told["gates"]
    assert (unit["gate"], unit["when"], unit["runs"], unit["flaky"]) == ("unit", ["task"], 6, 1)
    assert (unit["passed"], unit["failed"], unit["pass_rate"]) == (5, 1, 5 / 6)
    red = unit["last_red"]
    assert (red["task"], red["code"], red["last_line"]) == ("F", 7, "| no <i>good</i>")
    assert (ran.path / red["log"] / "raw.log").is_file()
    assert (whole["pass_rate"], whole["last_red"]) == (1.0, None)
    assert 1 <= whole["median_s"] <= whole["longest_s"]
    out = deck("gates").out
    assert re.search(r"^unit +task +6 +5 +83% +1 +0 ", out, re.MULTILINE), out
    assert "unit: | no <i>good</i>\n" in out


def test_the_gates_of_all_runs_of_the_repository(
    deck: Deck, ran: RunFolder, second: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older runs come first; a journal that cannot be read is named; there is a bound."""
    told = json.loads(deck("gates", "--all", "--json").out)
    assert told["runs"] == [ran.run, second.run]
    assert told["gates"][0]["last_red"]["run"] == ran.run
    one = json.loads(deck("gates", "--run", second.run, "--json").out)
    both = json.loads(deck("gates", "--all", "--json").out)
    first = json.loads(deck("gates", "--run", ran.run, "--json").out)
    counted = [each["gates"][0]["runs"] for each in (first, one, both)]
    assert counted[2] == counted[0] + counted[1]
    change_journal(second, "update events set v = v + 99 where seq = 5")
    broken = json.loads(deck("gates", "--all", "--json").out)
    assert (broken["runs"], broken["unreadable"]) == ([ran.run], [second.run])
    assert f"run {second.run} cannot be read" in deck("gates", "--all").err
    change_journal(second, "update events set v = v - 99 where seq = 5")
    assert json.loads(deck("gates", "--all", "--json").out) == told
    monkeypatch.setattr("agentdeck.control.reporting.MAX_RUNS", 1)
    bounded = json.loads(deck("gates", "--all", "--json").out)
    assert (bounded["runs"], bounded["left_out"]) == ([second.run], 1)
    assert "1 older run was not looked at" in deck("gates", "--all").err
    monkeypatch.setattr("agentdeck.control.reporting.MAX_EVENTS", 10)
    assert json.loads(deck("gates", "--all", "--json").out)["cut"] == [second.run]
    assert deck("gates", "--all", "--run", ran.run).code == 2


# --- notes ---------------------------------------------------------------------------------------


def note_of(repo: Path, commit: str) -> dict[str, Any]:
    return dict(json.loads(git(repo, "notes", "--ref=agentdeck", "show", commit)))


def test_notes_stand_on_the_commits_and_are_written_once(
    deck: Deck, ran: RunFolder, repo: Path
) -> None:
    """Each card on its own merge; the commit of a batch names its merges; other notes stay."""
    git(repo, "notes", "add", "-m", "mine", "deck/shop")
    said = deck("report", "--notes")
    assert said.code == 0, said.err
    tasks = tasks_of(report_json(deck))
    for name in "ABCFR":
        card = tasks[name]["card"]
        assert note_of(repo, card["landing"]["merge"]) == card
        if card["landing"]["together"]:
            batch = note_of(repo, card["landing"]["commit"])
            assert batch["kind"] == "agentdeck-batch"
            assert {"task": name, "title": card["title"], "merge": card["landing"]["merge"]} in (
                batch["merges"]
            )
    tip = git(repo, "rev-parse", "refs/notes/agentdeck")
    again = deck("report", "--notes")
    assert "0 written" in again.out
    assert git(repo, "rev-parse", "refs/notes/agentdeck") == tip
    assert git(repo, "notes", "show", "deck/shop") == "mine"
    assert git(repo, "status", "--porcelain", "--untracked-files=no") == ""
    commits = {landing.commit for landing in fold_run(ran).landings}
    merges = {landing.merge or landing.commit for landing in fold_run(ran).landings}
    noted = git(repo, "notes", "--ref=agentdeck", "list").splitlines()
    assert {row.split()[1] for row in noted} == commits | merges


def test_a_note_of_somebody_else_stays(deck: Deck, ran: RunFolder, repo: Path) -> None:
    """One of ours that is out of date is replaced; a commit that is gone is named."""
    landings = fold_run(ran).landings
    theirs, ours = (landing.merge or landing.commit for landing in landings[:2])
    git(repo, "notes", "--ref=agentdeck", "add", "-m", "mine", theirs)
    git(repo, "notes", "--ref=agentdeck", "add", "-m", '{ "kind": "agentdeck-card" }', ours)
    said = deck("report", "--notes")
    assert said.code == 0
    assert f"{theirs[:12]} has a note of somebody else's there, which stays" in said.err
    assert git(repo, "notes", "--ref=agentdeck", "show", theirs) == "mine"
    assert note_of(repo, ours)["version"] == 1


@pytest.mark.parametrize(
    "words", [("--notes", "-o", "x.md"), ("--notes", "--format", "json"), ("--run", "nowhere")]
)
def test_what_makes_no_sense_is_one_error(deck: Deck, words: tuple[str, ...]) -> None:
    said = deck("report", *words)
    assert (said.code, said.out) == (3 if "nowhere" in words else 2, "")
    assert "Traceback" not in said.err


def test_pictures_of_the_deck_stand_in_a_page_and_beside_a_text(deck: Deck, tmp_path: Path) -> None:
    """The same journal gives the same bytes, with pictures too."""
    words = ("--picture", "main", "--picture", "timeline")
    said = deck("report", "-o", str(tmp_path / "r.html"), *words)
    assert said.code == 0, said.err
    page = (tmp_path / "r.html").read_text()
    assert page.count('<img src="data:image/svg+xml;base64,') == 2
    assert "The deck at the end: timeline" in page
    assert deck("report", "-o", str(tmp_path / "r.html"), *words).code == 0
    assert (tmp_path / "r.html").read_text() == page
    assert deck("report", "-o", str(tmp_path / "r.md"), *words).code == 0
    text = (tmp_path / "r.md").read_text()
    for screen in ("main", "timeline"):
        assert f"](r-{screen}.svg)" in text
        picture = (tmp_path / f"r-{screen}.svg").read_text()
        assert picture.startswith("<svg ")
        assert "https://" not in picture
    assert ">X" in (tmp_path / "r-main.svg").read_text()
    (tmp_path / "r-main.svg").write_text("mine")
    assert deck("report", "-o", str(tmp_path / "r.md"), *words).code == 4
    assert (tmp_path / "r-main.svg").read_text() == "mine"
    assert deck("report", "--picture", "main").code == 2
    assert deck("report", "-o", str(tmp_path / "r.json"), "--picture", "main").code == 2
    wrong = deck("report", "-o", str(tmp_path / "x.html"), "--picture", "nothing")
    assert (wrong.code, "there is no screen 'nothing'" in wrong.err) == (2, True)
