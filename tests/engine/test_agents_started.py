"""Adapters in the engine: small programs on PATH stand in for agents, and say what they were given.

Each writes its arguments, its input and some of its variables into the worktree, commits nothing
and ends; what landed is what the agent saw.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.catalog import load_catalog
from agentdeck.control.creating import create_run
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState
from agentdeck.engine.create import open_engine, run_engine
from agentdeck.plans.reader import read_plan

PATIENCE_S = 60.0
PYTHON = f"#!{sys.executable}"  # found by itself, a version manager's would be a shell script
FAKE = f"""\
{PYTHON}
import json, os, sys
seen = dict(argv=sys.argv, stdin=sys.stdin.read(), env=dict(os.environ))
with open(os.environ["AGENTDECK_TASK"] + ".json", "w") as file:
    json.dump(seen, file)
sys.exit(int(os.environ.get("FAKE_EXIT", "0")))
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """`programs(name, text)`: a program on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def make(name: str, text: str = FAKE) -> Path:
        path = folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    return make


def adapter(name: str, text: str) -> Path:
    """A person's own adapter file."""
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "agentdeck" / "agents"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def run_plan(repo: Path, root: Path, text: str) -> RunState:
    """Run a plan until nothing of it moves any more."""
    catalog = load_catalog()
    plan = read_plan(f"version = 1\n{text}", file="plan.toml", adapters=catalog.names)
    folder = create_run(repo, plan, "", root=root)

    async def turn() -> RunState:
        engine = open_engine(folder)
        turning = asyncio.create_task(run_engine(engine))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while engine.state.outcome is None and not _stuck(engine.state):
                    await engine.wait_past(engine.state.seq, 1.0)
        finally:
            engine.stop("test")
            await asyncio.wait_for(turning, PATIENCE_S)
        return engine.state

    return asyncio.run(turn())


def _stuck(state: RunState) -> bool:
    return any(task.state == "failed" for task in state.tasks.values())


def seen(repo: Path, state: RunState, task: str = "A") -> dict[str, Any]:
    """What the agent of a task wrote down."""
    show = ["git", "show", f"{state.target}:{task}.json"]
    done = subprocess.run(show, cwd=repo, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


TASK = '[[task]]\nid = "A"\ntitle = "First"\nprompt = "{prompt} --not an option"\n'


def test_an_agent_of_a_persons_file_reads_its_prompt_on_stdin(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    """A new agent is a file: no code, no table in the plan."""
    programs("my-bot")
    adapter(
        "bot",
        'adapter = 1\ninput = "prompt"\nstart = ["my-bot", "{*model}", "--dir={worktree}"]\n'
        'model = ["-m", "{model}"]\n[env]\nBOT_LOG = "{folder}/bot.log"\nBOT_SET = "{settings}"\n',
    )
    state = run_plan(repo, tmp_path / "runs", TASK + 'agent = "bot"\nmodel = "m-1"\n')
    found = seen(repo, state)
    attempt = state.tasks[TaskId("A")].attempts[0]
    assert found["argv"][1:] == ["-m", "m-1", f"--dir={attempt.path}"]
    assert "{prompt} --not an option" in found["stdin"]
    assert found["env"]["BOT_LOG"].endswith("/attempts/A.1/bot.log")
    assert "BOT_SET" not in found["env"]


def test_a_plan_has_the_last_word_over_a_persons_file(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    programs("my-bot")
    adapter("bot", 'adapter = 1\nstart = ["my-bot", "{*args}"]\n[env]\nA = "file"\nB = "file"\n')
    plan = '[agents.bot]\nargs = ["--fast"]\nenv = { A = "plan" }\n' + TASK + 'agent = "bot"\n'
    found = seen(repo, run_plan(repo, tmp_path / "runs", plan))
    assert found["argv"][1:] == ["--fast"]
    assert (found["env"]["A"], found["env"]["B"]) == ("plan", "file")


def test_a_file_that_changes_does_not_change_a_run_that_goes_on(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    """The journal carries the adapter: the run that was made before goes by the old file."""
    programs("my-bot")
    adapter("bot", 'adapter = 1\nstart = ["my-bot", "old"]\n')
    plan = read_plan(
        "version = 1\n" + TASK + 'agent = "bot"\n', file="p.toml", adapters=load_catalog().names
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    adapter("bot", "not toml at all [")

    async def turn() -> RunState:
        engine = open_engine(folder)
        turning = asyncio.create_task(run_engine(engine))
        async with asyncio.timeout(PATIENCE_S):
            while engine.state.outcome is None:
                await engine.wait_past(engine.state.seq, 1.0)
        engine.stop("test")
        await turning
        return engine.state

    assert seen(repo, asyncio.run(turn()))["argv"][1:] == ["old"]


def test_a_bad_file_is_named_with_its_line_and_breaks_no_other_agent(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    programs("my-bot")
    adapter("good", 'adapter = 1\nstart = ["my-bot"]\n')
    bad = adapter("bad", 'adapter = 1\nstart = ["x"]\noutputt = "plain"\n')
    latin = adapter("latin", "")
    latin.write_bytes(b"# \xe9\n")
    catalog = load_catalog()
    assert {"good", "claude"} <= set(catalog.names)
    assert not {"bad", "latin"} & set(catalog.names)
    assert catalog.source("good").endswith("good.toml")
    assert catalog.source("claude") == "shipped"
    told = [str(problem) for problem in catalog.problems]
    assert any(each.startswith(f"{bad}:3: outputt: unknown key") for each in told)
    assert any(each.startswith(f"{latin}:1: not UTF-8") for each in told)
    assert seen(repo, run_plan(repo, tmp_path / "runs", TASK + 'agent = "good"\n'))


def test_a_persons_file_stands_in_place_of_a_shipped_one(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    programs("my-bot")
    adapter("codex", 'adapter = 1\ninput = "prompt"\nstart = ["my-bot", "mine"]\n')
    found = seen(repo, run_plan(repo, tmp_path / "runs", TASK + 'agent = "codex"\n'))
    assert found["argv"][1:] == ["mine"]


def test_an_exit_status_means_what_the_adapter_says(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    """A login that is missing is no crash: trying again would not help, and a person is asked."""
    programs("my-bot")
    adapter(
        "bot", 'adapter = 1\nstart = ["my-bot"]\n[env]\nFAKE_EXIT = "41"\n[exits]\n41 = "auth"\n'
    )
    state = run_plan(repo, tmp_path / "runs", TASK + 'agent = "bot"\n')
    task = state.tasks[TaskId("A")]
    assert (task.state, task.cause) == ("failed", FailureClass.AUTH)
    assert len(task.attempts) == 1
    exited = task.attempts[0].exit
    assert exited is not None
    assert (exited.code, exited.detail) == (41, "exit 41")


def test_an_agent_with_a_home_of_its_own_finds_it_made_and_private(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    programs(
        "codex", FAKE.replace("seen =", "seen = os.stat(os.environ['CODEX_HOME']).st_mode\nseen =")
    )
    state = run_plan(
        repo,
        tmp_path / "runs",
        '[agents.codex]\nhome = "own"\noutput = "plain"\n' + TASK + 'agent = "codex"\n',
    )
    home = Path(seen(repo, state)["env"]["CODEX_HOME"])
    assert home == tmp_path / "runs" / state.run / "homes" / "codex"
    assert home.stat().st_mode & 0o777 == 0o700


def test_files_that_the_plan_names_are_found_below_the_checkout(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    programs("claude")
    (repo / "servers.json").write_text("{}")
    start = '[agents.claude]\noutput = "plain"\nmcp = "servers.json"\n'
    own = adapter("claude", 'adapter = 1\nbase = "claude"\ninput = "none"\noutput = "plain"\n')
    found = seen(repo, run_plan(repo, tmp_path / "runs", start + TASK + 'agent = "claude"\n'))
    assert own.exists()
    at = found["argv"].index("--mcp-config")
    assert found["argv"][at + 1] == str(repo / "servers.json")


def test_a_file_that_is_not_there_is_a_fault_of_the_setup_with_its_path(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    programs("claude")
    plan = '[agents.claude]\nsettings = "missing.json"\n' + TASK + 'agent = "claude"\n'
    state = run_plan(repo, tmp_path / "runs", plan)
    task = state.tasks[TaskId("A")]
    assert (task.state, task.cause) == ("failed", FailureClass.SETUP)
    assert str(repo / "missing.json") in task.reason


def test_what_has_to_run_once_runs_once_before_any_agent_starts(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    """Three agents start together; each finds what the one first run left."""
    marks = tmp_path / "marks"
    programs("prime", f'#!/bin/sh\nsleep 0.2\necho "$1" >> {marks}\n')
    programs("my-bot", f"#!/bin/sh\ncp {marks} $AGENTDECK_TASK.json\n")
    adapter(
        "bot",
        'adapter = 1\nstart = ["my-bot"]\nfirst_run = ["prime", "{home}"]\n'
        '[home]\nBOT_HOME = "{home}"\n',
    )
    tasks = "".join(
        f'[[task]]\nid = "{name}"\ntitle = "t"\nagent = "bot"\nallow_empty = true\n'
        for name in "ABC"
    )
    state = run_plan(repo, tmp_path / "runs", '[agents.bot]\nhome = "own"\n' + tasks)
    home = tmp_path / "runs" / state.run / "homes" / "bot"
    assert marks.read_text() == f"{home}\n"
    for name in "ABC":
        show = ["git", "show", f"{state.target}:{name}.json"]
        done = subprocess.run(show, cwd=repo, check=True, capture_output=True, text=True)
        assert done.stdout == f"{home}\n"


def test_agents_that_work_at_once_have_ports_of_their_own(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    """Also their gates find them; a plan's own value wins."""
    programs("my-bot", FAKE.replace("sys.exit(", "import time; time.sleep(0.3); sys.exit("))
    adapter("bot", 'adapter = 1\nstart = ["my-bot"]\n')
    gate = '[gates.ports]\nrun = "test -n \\"$PORT_BASE\\""\nwhen = ["task", "merge"]\n'
    tasks = "".join(f'[[task]]\nid = "{name}"\ntitle = "t"\nagent = "bot"\n' for name in "AB")
    state = run_plan(repo, tmp_path / "runs", gate + tasks + 'env = { PORT_BASE = "1" }\n')
    first, second = (seen(repo, state, name)["env"] for name in "AB")
    assert int(first["PORT_BASE"]) >= 20_000
    assert first["PORT_COUNT"] == "10"
    assert second["PORT_BASE"] == "1"
    assert first["COMPOSE_PROJECT_NAME"] != second["COMPOSE_PROJECT_NAME"]


TRACED = """\
import json, sys
def write(event, **properties):
    with open(sys.argv[1], "a") as file:
        file.write(json.dumps({"event": event, "properties": properties}) + "\\n")
write("message_send_starting")
print("thinking")
if sys.argv[2] == "answered":
    write("message_send", prompt_tokens=1234, completion_tokens=56, total_cost=0.25)
    open("done.txt", "w").close()
write("exit", reason="Completed")
"""


@pytest.mark.parametrize("how", ["answered", "silent"])
def test_a_file_beside_the_output_has_the_totals_and_the_result(
    repo: Path, tmp_path: Path, programs: Callable[..., Path], how: str
) -> None:
    """Aider prints no numbers that are exact, and ends with 0 when no model has answered."""
    programs("my-bot", f"{PYTHON}\n{TRACED}")
    adapter(
        "bot",
        f'adapter = 1\nstart = ["my-bot", "{{folder}}/t.jsonl", "{how}"]\n'
        'trace = "t.jsonl"\ntrace_output = "aider-analytics"\n',
    )
    plan = "[defaults]\nretries = 0\n" + TASK + 'agent = "bot"\n'
    task = run_plan(repo, tmp_path / "runs", plan).tasks[TaskId("A")]
    attempt = task.attempts[0]
    assert attempt.exit is not None
    assert attempt.exit.code == 0
    if how == "answered":
        assert (task.state, attempt.exit.ok) == ("landed", True)
        assert (attempt.tokens_in, attempt.tokens_out, attempt.usd) == (1234, 56, 0.25)
    else:
        assert (task.state, attempt.exit.ok) == ("failed", False)
        assert "did not answer" in attempt.exit.detail


def test_an_agent_is_told_where_it_works_by_its_variable_too(
    repo: Path, tmp_path: Path, programs: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent that believes an inherited one works in the user's own checkout, as opencode did."""
    monkeypatch.setenv("PWD", str(repo))
    monkeypatch.setenv("OLDPWD", "/")
    programs("my-bot")
    adapter("bot", 'adapter = 1\nstart = ["my-bot"]\n')
    state = run_plan(repo, tmp_path / "runs", TASK + 'agent = "bot"\n')
    env = seen(repo, state)["env"]
    assert env["PWD"] == state.tasks[TaskId("A")].attempts[0].path
    assert "OLDPWD" not in env


def test_what_an_agent_leaves_for_itself_is_nobodys_work(
    repo: Path, tmp_path: Path, programs: Callable[..., Path]
) -> None:
    """A cache that every agent writes into its worktree would be a conflict of all with all."""
    programs(
        "my-bot", "#!/bin/sh\nmkdir .bot\necho $$ > .bot/cache\necho x > $AGENTDECK_TASK.txt\n"
    )
    adapter("bot", 'adapter = 1\nstart = ["my-bot"]\nleaves = [".bot*"]\n')
    tasks = "".join(f'[[task]]\nid = "{name}"\ntitle = "t"\nagent = "bot"\n' for name in "AB")
    state = run_plan(repo, tmp_path / "runs", tasks)
    assert {task.state for task in state.tasks.values()} == {"landed"}
    show = ["git", "ls-tree", "-r", "--name-only", state.target]
    files = subprocess.run(show, cwd=repo, check=True, capture_output=True, text=True).stdout
    assert {"A.txt", "B.txt"} <= set(files.split())
    assert ".bot/cache" not in files
