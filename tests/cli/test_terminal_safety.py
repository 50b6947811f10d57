"""No text of a plan, an agent, a gate, git or an argument can act on a terminal, whatever the verb.

Rules: one run in which everything that others write is hostile, and every verb that can be called
on it, into a pipe and into a terminal. A verb that is not called here stands in `LEFT_OUT`, with
the reason.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.conftest import Deck, Said

from agentdeck.cli.headless import run_headless
from agentdeck.cli.reference import verb_names
from agentdeck.control.creating import create_run
from agentdeck.control.sanitize import harmless
from agentdeck.core.unseen import in_json, in_toml
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.tui.snapshot import SCREENS

# Clipboard, title, another screen, device strings, both widths of CSI, return, rubout, overrides.
HOSTILE = (
    "a\x1b]52;c;cm0=\x07b\x1b]0;mine\x07c\x1b[?1049h\x1b[2Jd\x1bP+q\x1b\\e\x1b_x\x1b\\f\x9b31mg"
    "\x9d0;t\x9ch\x1b]8;;http://x\x1b\\i\r\x08\x0b\x0c\x0e\x7fj\u202egpj\u2066\u200f\u200b\ufeff\U000e0041k"
    "\x1b[8ml\x1b[0m\x1b]never closed"
)
SOFT = "".join(char for char in HOSTILE if char >= " " and not "\x7f" <= char <= "\x9f")
MANY = HOSTILE * 3 + "\x1b[" + "9" * 5_000
ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0041]"
)
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def quoted(text: str) -> str:
    """A string of TOML; as JSON writes it, but for characters of more than 16 bits."""
    return in_toml(json.dumps(text, ensure_ascii=False))


def plan(title: str = SOFT) -> str:
    """A plan in which each text that may be anything is hostile."""
    bad, soft = quoted(HOSTILE), quoted(title)
    says = shlex.quote(HOSTILE)
    name = shlex.quote("f\x1b]0;x\x07\n\u202e.txt")
    ok = quoted(f"printf '%s\\n' {says}; printf x > {name}; printf x > $AGENTDECK_TASK.txt")
    fails = quoted(f"printf '%s\\n' {says} >&2; exit 3")
    gate = quoted(f"printf '%s\\n' {says}; test ! -e C.txt")
    return f"""
version = 1
[plan]
name = {soft}
[defaults]
agent = "ok"
retries = 0
[agents.ok]
command = ["sh", "-c", {ok}]
[agents.fails]
command = ["sh", "-c", {fails}]
[agents.me]
use = "human"
[gates.look]
run = ["sh", "-c", {gate}]
when = "task"
[[phase]]
id = "p"
title = {soft}
[[task]]
id = "A"
title = {soft}
prompt = {quoted(MANY)}
phase = "p"
files = ["src/**", {soft}]
[[task]]
id = "B"
title = {soft}
prompt = {bad}
agent = "fails"
[[task]]
id = "C"
title = {soft}
prompt = {bad}
[[task]]
id = "D"
title = {soft}
agent = "me"
prompt = {bad}
[[task]]
id = "E"
title = {soft}
prompt = {bad}
after = ["B"]
"""


@pytest.fixture
def run(repo: Path, deck: Deck, capsys: pytest.CaptureFixture[str]) -> RunFolder:
    """A headless run of that plan, which has come as far as it can."""
    (repo / "bad.toml").write_text(plan())
    (repo / "worse.toml").write_text(plan(HOSTILE))
    words = f"# {HOSTILE}\n\n- [ ] {HOSTILE}\n- [ ] T2: {HOSTILE} (depends on T1)\n"
    (repo / "bad.md").write_text(words, newline="")
    made = read_plan(plan(), file="bad.toml", read_file=None)
    # What no plan file may say, and the journal of another version, or a client, may.
    tasks = tuple(msgspec.structs.replace(task, title=HOSTILE) for task in made.tasks)
    phases = tuple(msgspec.structs.replace(phase, title=HOSTILE) for phase in made.phases)
    worse = msgspec.structs.replace(made, name=HOSTILE, tasks=tasks, phases=phases)
    create_run(repo, worse, plan())  # another one, to compare
    folder = create_run(repo, worse, plan())
    capsys.readouterr()
    code = run_headless(folder)
    said = Said(code, *capsys.readouterr())
    assert code in (1, 6), said.err
    assert faults("run", said) == []
    return folder


def faults(verb: str, said: Said, *, styled: bool = False) -> list[str]:
    """What in it acts, but for colours in a terminal."""
    found = [f"{verb}: {said.err}"] if said.code == 70 or "Traceback" in said.err else []
    for where, text in (("stdout", said.out), ("stderr", said.err)):
        rest = STYLE.sub("", text) if styled else text
        if acts := ACTS.search(rest):
            around = rest[max(0, acts.start() - 60) : acts.end() + 10]
            found.append(f"{verb}, {where}: {around!r}")
    return found


# Verb by verb, as it is typed; the plan or the run of above is meant.
LINES = """
check bad.toml
check bad.toml --json
check worse.toml
check worse.toml --json
show bad.toml
show bad.toml --json
show --as mermaid bad.toml
show --as dot bad.toml
show --as timeline bad.toml
show --as outline -o view.txt bad.toml
show --as graph -o view.svg bad.toml
show --run
import bad.md
import bad.md --json
status
status --json
why A
why B
why E
logs A
logs A --json
logs B
task A
task B
tasks
queue
inbox
inbox --json
conflicts
replan bad.toml
analyze bad.toml
analyze --run
forecast
simulate bad.toml --headless
pause A
resume A
retry B --feedback HOSTILE
skip HOSTILE
unskip A
approve HOSTILE
merge A
hold B
release B
stop HOSTILE
move A --up
drop A
steer A HOSTILE
limit 2
promote
add HOSTILE --yes
answer A HOSTILE
take-over HOSTILE
hand-back A
revert A
bisect
clean --all
replay --plain
attach --plain
find mine
find HOSTILE
find never --json
export
export -o PROGRESS.md
export --as tasks.json
export --as plan
report
report -o report.html
report -o report.json
gates
gates --json
compare RUN OTHER
doctor bad.toml
doctor RUN
plan add bad.toml HOSTILE
plan add bad.toml Z title=HOSTILE
plan move bad.toml A --before HOSTILE
plan set bad.toml A title=HOSTILE
plan link bad.toml A HOSTILE
plan unlink bad.toml E B
plan split bad.toml A HOSTILE A2
plan defer bad.toml E --reason HOSTILE
plan drop bad.toml E
agents
agents show HOSTILE
permissions
permissions add HOSTILE HOSTILE --allow
permissions drop HOSTILE
budget
budget set HOSTILE --usd 1
budget raise HOSTILE --usd 1
accounts
accounts resume HOSTILE
hooks list RUN
hooks deliver RUN
hooks try bad.toml HOSTILE
tracker receive RUN
tracker list RUN
tracker take HOSTILE
tracker drop HOSTILE
pools RUN
pools --json
skills
skills HOSTILE
mcp HOSTILE
accept HOSTILE HOSTILE
deny HOSTILE HOSTILE
cluster start --host HOSTILE
cluster status HOSTILE
cluster stop HOSTILE
worker join HOSTILE
metrics
rpc socket HOSTILE
rpc socket RUN
rpc call HOSTILE
rpc call status HOSTILE
rpc schema
traces
traces --json
traces RUN --endpoint HOSTILE
runs
runs --json
runs repair RUN
debug bundle -o HOSTILE
tasks --format {{id}}{{title}}{{why}}
runs --format {{plan}}HOSTILE
show bad.toml --format {{title}}
status --format HOSTILE
config
config show
config path
config check
config edit HOSTILE
completions zsh
completions HOSTILE
schema
schema -o HOSTILE
snapshot RUN -o HOSTILE
snapshot RUN -o REPO/room.svg
snapshot RUN -o REPO/events.txt --screen events --size 200x60
init HOSTILE
run HOSTILE
HOSTILE
-C HOSTILE status
status --HOSTILE
end --yes
"""
WRITTEN = "view.txt view.svg PROGRESS.md report.html report.json room.svg events.txt".split()
LEFT_OUT = {
    "agentdeck diff": "into a pipe it is a patch, byte for byte; below it is called in a terminal",
    "agentdeck demo": "its plan is our own",
    "agentdeck serve": "goes on until it is ended; what it prints is a link",
    "agentdeck bridge": "goes on until it is ended; what it prints is an address",
    "agentdeck agents test": "starts agents of others",
}


def words_of(line: str, run: RunFolder, repo: Path) -> list[str]:
    other = next((each.name for each in run.path.parent.iterdir() if each.name != run.run), "none")
    names = {"RUN": run.run, "OTHER": other, "REPO": str(repo), "HOSTILE": HOSTILE}
    words = line.split()
    for name, text in names.items():
        words = [word.replace(name, text) for word in words]
    return words


def test_nothing_of_others_acts_on_a_terminal(
    run: RunFolder, repo: Path, deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a pipe there is no control character at all; into a terminal only our own colours."""
    (repo / "typed").write_text("quit\n")
    found: list[str] = []
    for line in LINES.strip().splitlines():
        with (repo / "typed").open() as typed:
            monkeypatch.setattr(sys, "stdin", typed)
            found += faults(line, deck(*words_of(line, run, repo)))
    monkeypatch.setattr("agentdeck.cli.output.in_terminal", lambda *_: True)
    for line in ("status", "tasks", "task B", "inbox", "queue", "gates", "show bad.toml", "logs A"):
        found += faults(line, deck(*words_of(line, run, repo)), styled=True)
    for module in ("inspect", "logview", "show_as.canvas"):
        monkeypatch.setattr(f"agentdeck.cli.{module}.in_terminal", lambda *_: True)
    for line in ("diff A", "logs A --raw", "logs B --raw", "logs A", "show --as tree bad.toml"):
        found += faults(line, deck(*words_of(line, run, repo)), styled=True)
    for name in WRITTEN:
        found += faults(name, Said(0, (repo / name).read_text(), ""))
    assert found == []


@pytest.mark.soak
@pytest.mark.timeout(1_200)  # seconds; thirty screens of a deck
def test_nothing_of_others_acts_on_any_screen_of_the_deck(
    run: RunFolder, repo: Path, deck: Deck
) -> None:
    """What each screen draws of that run has no control character in it."""
    found: list[str] = []
    for screen in SCREENS:
        out = repo / f"{screen}.txt"
        said = deck("snapshot", run.run, "-o", str(out), "--screen", screen, "--size", "200x60")
        found += faults(screen, said)
        if said.code == 0:
            found += faults(screen, Said(0, out.read_text(), ""))
    assert found == []


def test_every_verb_is_called_here_or_says_why_not() -> None:
    """A verb that is new is called with hostile texts, too."""
    called = {f"agentdeck {line}" for line in LINES.strip().splitlines()}
    for verb in verb_names():
        there = any(f"{line} ".startswith(f"{verb} ") for line in called)
        assert there != (verb in LEFT_OUT), verb


_any = st.text(st.characters(codec="utf-8") | st.sampled_from(list(HOSTILE)), max_size=60)


@given(text=_any)
def test_the_last_door_lets_nothing_through(text: str) -> None:
    """Lines, tabs and letters stay, whatever they are; in colour only colours besides."""
    plain = harmless(text, styled=False)
    assert not ACTS.search(plain)
    assert not ACTS.search(STYLE.sub("", harmless(text, styled=True)))
    assert harmless(plain, styled=False) == plain
    if text.isprintable() and not ACTS.search(text):
        assert plain == text
    assert harmless(f"\x1b[31m{plain}\x1b[0m", styled=True) == f"\x1b[31m{plain}\x1b[0m"


@given(text=_any)
def test_what_cannot_be_seen_is_written_with_escapes(text: str) -> None:
    """JSON and TOML say the same to a reader, in letters that a terminal only shows."""
    as_json = in_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(as_json) == text
    assert not ACTS.search(as_json)
    as_toml = in_toml(json.dumps(text, ensure_ascii=False))
    assert tomllib.loads(f"x = {as_toml}") == {"x": text}
    assert not ACTS.search(as_toml)
