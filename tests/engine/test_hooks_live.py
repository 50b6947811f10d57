"""Hooks of real engines: a receiver on this machine, commands as real processes."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.engine.receiver import SECRET, VARIABLE, receiving
from tests.engine.turning import Running, until, work_until

from agentdeck.core import events as e
from agentdeck.core.events import FileTouched, Outcome, Recorded
from agentdeck.core.hooks import is_waiting, told
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.environment import child_environment
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.hook_command import run_command
from agentdeck.engine.hook_payload import body, payload
from agentdeck.engine.hooks import Offer
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.engine.stop import sweep
from agentdeck.plans.reader import read_plan
from agentdeck.testing.builders import plan, started
from agentdeck.testing.crash import told_in

PLAN = """\
version = 1
[plan]
name = "p"
[agents.sh]
command = ["sh", "-c", "env | grep HOOK_SECRET; echo {task} > {task}.txt"]
[defaults]
agent = "sh"
[gates.ok]
run = "true"
when = "merge"
[[task]]
id = "A"
title = "First"
[[task]]
id = "B"
title = "Second"
after = ["A"]
"""
WEBHOOK = """\
[webhooks.ci]
url = "{url}"
secret_env = "CI_HOOK_SECRET"
events = {events}
"""


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    monkeypatch.setattr("agentdeck.core.hooks.FIRST_WAIT_S", 0.05)


def made(repo: Path, tmp_path: Path, more: str) -> RunFolder:
    text = PLAN + more
    return create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")


def all_told(state: RunState) -> bool:
    return state.outcome is not None and not any(map(is_waiting, state.hooks.values()))


async def test_each_event_comes_once_and_in_order_signed(repo: Path, tmp_path: Path) -> None:
    with receiving() as received:
        folder = made(repo, tmp_path, WEBHOOK.format(url=received.url, events='"*"'))
        state = await work_until(open_engine(folder), all_told)
    assert state.outcome is Outcome.COMPLETE
    assert not received.refused
    wanted = [
        seq
        for seq, event in enumerate(told_in(folder), start=1)
        if not isinstance(
            event, e.HookDelivered | e.AttemptProgressed | e.CollisionsForeseen | e.EngineStopped
        )
    ]
    assert [said["seq"] for said in received.told] == wanted
    assert [said["id"] for said in received.told] == [f"{state.run}:{seq}" for seq in wanted]
    landed = [said for said in received.told if "task.landed" in said["also"]]
    assert [(said["task"], said["title"]) for said in landed] == [("A", "First"), ("B", "Second")]
    assert landed[0]["event"] == "entry.landed"
    assert landed[0]["text"] == f"A: landed as {landed[0]['data']['commit'][:10]}"
    assert landed[0]["version"] == 1
    assert landed[0]["at"].endswith("Z")
    assert "plan" not in received.told[0]["data"]
    assert received.told[-1]["event"] == "run.finished"


async def test_no_agent_learns_what_messages_are_signed_with(repo: Path, tmp_path: Path) -> None:
    with receiving() as received:
        folder = made(repo, tmp_path, WEBHOOK.format(url=received.url, events='"task.*"'))
        await work_until(open_engine(folder), all_told)
    logs = list(folder.path.glob("attempts/*/raw.log"))
    assert len(logs) == 2
    assert not any("HOOK_SECRET" in log.read_text() for log in logs)
    assert SECRET.encode() not in folder.journal.read_bytes()


async def test_errors_are_tried_again_and_delay_nothing_else(repo: Path, tmp_path: Path) -> None:
    with receiving() as received:
        received.answers = [(500, {}), (503, {"Retry-After": "1"}), (429, {}), (301, {})]
        events = '["run.started", "task.landed"]'
        folder = made(repo, tmp_path, WEBHOOK.format(url=received.url, events=events))
        state = await work_until(open_engine(folder), all_told)
    assert state.outcome is Outcome.COMPLETE
    found = told_in(folder)
    failed = [event for event in found if isinstance(event, e.HookFailed)]
    assert [(one.seq, one.number) for one in failed] == [(1, 1), (1, 2), (1, 3), (1, 4)]
    assert failed[0].why == "answered 500"
    assert failed[1].not_before is not None
    assert failed[3].why == "answered 301; redirects are not followed"
    assert [said["event"] for said in received.told] == ["run.started", *["entry.landed"] * 2]
    kinds = [type(event) for event in found]
    assert kinds.index(e.AttemptLaunched) < kinds.index(e.HookDelivered)  # nobody has waited


async def test_a_receiver_that_is_gone_is_given_up_for_that_event(
    repo: Path, tmp_path: Path
) -> None:
    with receiving() as received:
        received.answers = [(410, {})]
        folder = made(repo, tmp_path, WEBHOOK.format(url=received.url, events='"task.landed"'))
        state = await work_until(open_engine(folder), all_told)
    gave_up = [event for event in told_in(folder) if isinstance(event, e.HookGaveUp)]
    assert [(one.tries, one.why) for one in gave_up] == [(1, "answered 410")]
    assert [said["task"] for said in received.told] == ["B"]
    assert told(state, 0.0) == ["hook ci was given up on 1 event: answered 410"]


async def test_nothing_is_sent_unsigned(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    with receiving() as received:
        more = WEBHOOK.format(url=received.url, events='"run.started"')
        folder = made(repo, tmp_path, more + "give_up = 0\n")
        state = await work_until(open_engine(folder), all_told)
    assert not received.paths
    trouble = state.hooks["ci"].trouble
    assert trouble is not None
    assert trouble.why == "the variable CI_HOOK_SECRET is not set: nothing was sent"


TELL = """\
import json, os, sys, pathlib
said = json.load(sys.stdin)
here = pathlib.Path(sys.argv[1])
with here.open("a") as out:
    names = ("AGENTDECK_EVENT", "AGENTDECK_RUN", "AGENTDECK_TASK", "PWD", "CI_HOOK_SECRET")
    given = {name: os.environ.get(name) for name in names}
    out.write(json.dumps({**said, **given, "cwd": os.getcwd(), "pid": os.getpid(),
                          "session": os.getsid(0)}) + "\\n")
print("x" * 1_000_000)
"""


def command(name: str, *words: str, more: str = "") -> str:
    return f'[hooks]\n"{name}" = {{ run = {json.dumps(list(words))}{more} }}\n'


async def test_a_command_is_told_on_its_input(repo: Path, tmp_path: Path) -> None:
    script, out = tmp_path / "tell.py", tmp_path / "told"
    script.write_text(TELL)
    more = command("task.landed", sys.executable, str(script), str(out))
    webhook = WEBHOOK.format(url="http://127.0.0.1:1", events='"run.finished"')
    folder = made(repo, tmp_path, more + webhook + "give_up = 0\n")
    state = await work_until(open_engine(folder), all_told)
    said = [json.loads(line) for line in out.read_text().splitlines()]
    assert [one["task"] for one in said] == ["A", "B"]
    assert said[0]["AGENTDECK_EVENT"] == "entry.landed"
    assert said[0]["AGENTDECK_TASK"] == "A"
    assert said[0]["AGENTDECK_RUN"] == state.run
    assert said[0]["cwd"] == said[0]["PWD"] == str(repo)
    assert said[0]["CI_HOOK_SECRET"] is None
    assert said[0]["pid"] == said[0]["session"]
    assert state.hooks["task.landed"].taken is not None


async def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    repo: Path, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    hangs = f"trap '' TERM; sleep 300 & echo $$ $! >> {pids}; echo waiting; wait; wait"
    more = command("task.landed", "sh", "-c", hangs, more=", timeout = 0.3, retries = 1")
    folder = made(repo, tmp_path, more)
    state = await work_until(open_engine(folder), all_told)
    assert state.outcome is Outcome.COMPLETE
    found = [event for event in told_in(folder) if isinstance(event, e.HookFailed)]
    assert [(one.number, one.why) for one in found] == [
        (1, "sh was ended after 0.3 s: waiting"),
        (2, "sh was ended after 0.3 s: waiting"),
    ] * 2
    gave_up = [event for event in told_in(folder) if isinstance(event, e.HookGaveUp)]
    assert [one.tries for one in gave_up] == [2, 2]
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 8
    assert not [pid for pid in started if _lives(pid)]


def test_who_ends_is_not_waited_for_because_its_children_write_on(tmp_path: Path) -> None:
    """Its children are ended with it, too."""
    tag, began = "none/hook/yes", time.monotonic()
    answer = run_command(
        ("sh", "-c", "for n in 1 2 3 4 5 6; do yes & yes >&2 & done; sleep 0.3"),
        b"",
        cwd=tmp_path,
        env=child_environment({"PATH": os.environ["PATH"]}, tag=tag, extra={}),
        tag=tag,
        timeout_s=20.0,
        ended=threading.Event(),
    )
    assert answer.fault == ""
    assert time.monotonic() - began < 20.0
    assert not sweep(tag)  # nobody was left


async def test_a_command_that_cannot_be_run_and_one_that_fails(repo: Path, tmp_path: Path) -> None:
    more = (
        command("task.landed", "./there-is-none")
        + '"run.finished" = ["sh", "-c", "echo no; exit 3"]\n'
    )
    folder = made(repo, tmp_path, more)
    state = await work_until(open_engine(folder), all_told)
    assert state.outcome is Outcome.COMPLETE
    missing, failed = state.hooks["task.landed"].trouble, state.hooks["run.finished"].trouble
    assert missing is not None
    assert missing.why.startswith("./there-is-none could not be run: ")
    assert failed is not None
    assert failed.why == "sh exited with 3: no"


async def test_a_hook_that_hangs_delays_no_other_hook_and_no_landing(
    repo: Path, tmp_path: Path
) -> None:
    hangs = command("run.started", "sleep", "300", more=', timeout = "5m"')
    with receiving() as received:
        more = hangs + WEBHOOK.format(url=received.url, events='"run.finished"')
        folder = made(repo, tmp_path, more)
        began = time.monotonic()
        state = await work_until(
            open_engine(folder), lambda state: state.hooks["ci"].taken is not None
        )
    assert state.outcome is Outcome.COMPLETE
    assert [said["event"] for said in received.told] == ["run.finished"]
    assert is_waiting(state.hooks["run.started"])
    assert time.monotonic() - began < 60
    tagged = [p for p in psutil.process_iter() if p.name() == "sleep" and _is_of(p, state.run)]
    assert not tagged  # the engine has ended, and so has what it was waiting for


BY_HAND = """\
version = 1
[[task]]
id = "A"
human = true
title = "x"
"""


async def test_what_a_power_cut_could_take_back_is_synced_before_it_is_told(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = Journal.sync

    def sync(journal: Journal) -> None:
        real(journal)
        synced.append(journal.last_seq())

    monkeypatch.setattr(Journal, "sync", sync)
    folder = create_run(repo, read_plan(BY_HAND, file="p.toml"), BY_HAND, root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[TaskId("A")].state is TaskState.ASKING)
        seq = engine.state.seq
        await engine.make_durable(seq)
        assert synced == []  # it was waited for already
        engine.mention(e.EngineSlept(1.0))
        await until(engine, lambda state: state.seq > seq)
        assert engine.state.seq == seq + 1
        await engine.make_durable(seq + 1)
        assert synced == [seq + 1]
        await engine.make_durable(seq + 1)
        assert synced == [seq + 1]


async def test_each_event_is_synced_before_a_hook_hears_of_it(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of one that a power cut takes back would mean another event afterwards."""
    told: list[tuple[str, int]] = []
    made_durable, make = Engine.make_durable, Offer.make

    async def durable(engine: Engine, seq: int) -> None:
        await made_durable(engine, seq)
        told.append(("synced", seq))

    def offer(self: Offer, ended: threading.Event) -> e.HookDelivered | e.HookFailed:
        told.append(("offered", self.recorded.seq))
        return make(self, ended)

    monkeypatch.setattr(Engine, "make_durable", durable)
    monkeypatch.setattr(Offer, "make", offer)
    folder = made(repo, tmp_path, command("task.landed", "true"))
    await work_until(open_engine(folder), all_told)
    offered = [seq for what, seq in told if what == "offered"]
    assert len(offered) == 2
    assert told == [(what, seq) for seq in offered for what in ("synced", "offered")]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_of(process: psutil.Process, run: str) -> bool:
    try:
        return process.environ().get("AGENTDECK_TAG", "").startswith(f"{run}/hook/")
    except psutil.Error:
        return False


async def test_a_receiver_that_dribbles_has_one_time_limit(repo: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dribble() -> None:
            talker, _ = server.accept()
            with talker:
                talker.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.02):
                    try:
                        talker.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=dribble)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        more = WEBHOOK.format(url=url, events='"run.started"')
        folder = made(repo, tmp_path, more + "timeout = 0.5\ngive_up = 0\n")
        state = await work_until(
            open_engine(folder), lambda state: state.hooks["ci"].trouble is not None
        )
        stop.set()
        thread.join()
    trouble = state.hooks["ci"].trouble
    assert trouble is not None
    assert trouble.why == "127.0.0.1 has not answered within 0.5 s"


def test_what_is_told_has_no_secrets_and_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_TOKEN", "value-of-a-token")
    run = started(plan("a"))
    files = tuple(FileTouched(f"src/{n}/value-of-a-token", 1, 0) for n in range(3))
    event = e.AttemptCollected(TaskId("a"), 1, "c", "t", 1, files, fault=f"key={SECRET}")
    said = payload(run.state, Recorded(7, 0.0, event))
    told_of = json.loads(body(run.state.plan, said))
    assert told_of["id"] == f"{run.state.run}:7"
    assert (told_of["task"], told_of["state"]) == ("a", run.task_state("a"))
    assert told_of["data"]["files"][0] == ["src/0/***", 1, 0]
    assert SECRET not in str(told_of)
    many = msgspec.structs.replace(event, files=files * 3_000)
    cut = payload(run.state, Recorded(7, 0.0, many))
    assert (cut["cut"], cut["data"]) == (True, {})
