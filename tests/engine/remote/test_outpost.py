"""The far side of an attempt: what it does, what it refuses, and what it needs to be there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentdeck
from agentdeck.core.ids import TaskId
from agentdeck.engine.git import Git
from agentdeck.engine.remote import mail, outpost
from agentdeck.engine.remote.bundles import BadBundle, attempt_ref, pack, unpack
from agentdeck.engine.remote.outpost import PROTOCOL, act
from agentdeck.engine.remote.outpost_git import run_git
from agentdeck.engine.remote.parcel import pack as pack_private

NAME = "T1.1"
PATIENCE_S = 30.0
Sh = Callable[..., str]


class Outpost:
    """Asks the far side below a folder, as an engine does."""

    def __init__(self, root: Path) -> None:
        self.root, self.number = root, 1_000
        root.mkdir(mode=0o700)

    def __call__(self, verb: str, body: bytes = b"", **more: Any) -> dict[str, Any]:
        return self.both(verb, body, **more)[0]

    def both(self, verb: str, body: bytes = b"", **more: Any) -> tuple[dict[str, Any], bytes]:
        self.number += 1
        ask = {"run": "r", "tenancy": NAME, "number": self.number, "repo": "repo"} | more
        return asyncio.run(act(self.root, {"protocol": PROTOCOL, "verb": verb, **ask}, body))

    def poll(self, *names: str, number: int | None = None) -> dict[str, Any]:
        more: dict[str, Any] = {} if number is None else {"number": number}
        return self("poll", tenancies=dict.fromkeys(names, (0, 60.0)), spared=[], **more)

    def begin(
        self,
        git: Git,
        tmp_path: Path,
        *argv: str,
        name: str = NAME,
        furnish: dict[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """An agent in a clone of the repository's main."""
        head = git.ref_tip("refs/heads/main") or ""
        tips = self("tips", tenancy=name)["tips"]
        if pack(git, "main", head, tips, tmp_path / "b"):
            data = (tmp_path / "b").read_bytes()
            self("put", data, file="base.bundle", offset=0, tenancy=name)
        who: dict[str, Any] = {"user_name": "n", "user_email": "e@e"}
        tree = self("prepare", head=head, branch="main", tenancy=name, **who, **(furnish or {}))
        assert "fault" not in tree, tree
        how: dict[str, Any] = {
            "env": {},
            "stdin": "null",
            "tag": f"{self.root}/{name}",
            "limit_s": 60.0,
        } | more
        begun = self("launch", argv=list(argv), tenancy=name, **how)
        assert "fault" not in begun, begun
        return str(tree["tree"])

    def until(self, state: str, name: str = NAME) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while (about := self.poll(name)["tenancies"][name])["state"] != state:
            assert time.monotonic() < deadline, about
            time.sleep(0.02)
        return dict(about)


@pytest.fixture
def far(tmp_path: Path) -> Outpost:
    return Outpost(tmp_path / "far")


def test_work_goes_out_is_done_and_comes_home(
    far: Outpost, git: Git, repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """A commit of the agent and a file that it left, on top of main, in the ref of the attempt."""
    script = "git -C . commit -q --allow-empty -m mine; echo new > new.txt; echo done"
    far.begin(git, tmp_path, "sh", "-c", script)
    about = far.until("ended")
    assert about["code"] == 0
    took = far("collect", message="left behind")
    assert took["left"] == 1
    answer, data = far.both("read", file="work.bundle", offset=0)
    assert answer["size"] == len(data) == took["size"]
    bundle = tmp_path / "home"
    bundle.write_bytes(data)
    ref = attempt_ref("r", TaskId("T1"), 1)
    unpack(git, bundle, ref, took["head"])
    assert sh(repo, "log", "--format=%s", f"main..{ref}") == "left behind\nmine"
    assert sh(repo, "show", f"{ref}:new.txt") == "new"
    # The next attempt on this machine is sent nothing that is there.
    assert not pack(git, "main", git.ref_tip("refs/heads/main") or "", far("tips")["tips"], bundle)


def test_what_comes_home_is_what_was_announced_or_nothing(
    far: Outpost, git: Git, tmp_path: Path
) -> None:
    """Another commit than the one that was named, half a bundle, no bundle: no ref is made."""
    far.begin(git, tmp_path, "sh", "-c", "echo new > new.txt")
    far.until("ended")
    took = far("collect", message="m")
    _, data = far.both("read", file="work.bundle", offset=0)
    bundle, ref = tmp_path / "home", "refs/agentdeck/runs/r/T1.1"
    for bad, head in ((data, "1" * 40), (data[: len(data) // 2], took["head"]), (b"x", "1" * 40)):
        bundle.write_bytes(bad)
        with pytest.raises(BadBundle):
            unpack(git, bundle, ref, head)
        assert git.ref_tip(ref) is None


def test_who_is_not_counted_on_is_fenced(far: Outpost, git: Git, tmp_path: Path) -> None:
    """Its process is killed, its folder goes, and nothing begins in its name again."""
    tree = far.begin(git, tmp_path, "sleep", "600")
    child = far.until("running")["child"]
    assert far.poll("T2.1")["fenced"] == [NAME]
    assert not Path(f"/proc/{child[1][0]}/stat").exists() or _is_zombie(child[1][0])
    assert not Path(tree).exists()
    late: dict[str, Any] = {
        "argv": ["true"],
        "env": {},
        "stdin": "null",
        "tag": "x",
        "limit_s": 1.0,
    }
    assert "not known here" in far("launch", **late)["fault"]


def test_a_folder_goes_when_nobody_writes_into_it_any_more(
    far: Outpost, git: Git, tmp_path: Path
) -> None:
    """Its launcher notes how the agent ended: what is noted late would stay there for ever."""
    far.begin(git, tmp_path, "sleep", "600")
    launcher = far.until("running")["child"][0][0]
    os.kill(launcher, signal.SIGSTOP)  # the slowest there is
    far.poll("T2.1")
    assert not Path(f"/proc/{launcher}/stat").exists() or _is_zombie(launcher)
    assert not (far.root / "runs" / "r" / NAME).exists()


def test_a_question_of_an_engine_that_is_gone_begins_nothing(far: Outpost) -> None:
    """Its number is below that of a poll that came since."""
    far.poll(number=5_000)
    assert "an engine that is gone" in far("tips", number=4_999)["fault"]
    assert far("tips", number=5_001) == {"tips": []}


def test_a_poll_that_comes_late_fences_nobody_who_is_younger(
    far: Outpost, git: Git, tmp_path: Path
) -> None:
    far.begin(git, tmp_path, "sleep", "600")
    assert far.poll(number=500)["fenced"] == []
    assert far.until("running")
    assert far.poll()["fenced"] == [NAME]


def test_who_is_counted_on_by_another_way_is_spared(far: Outpost, git: Git, tmp_path: Path) -> None:
    """A run may reach one worker under two names; neither ends the attempts of the other."""
    far.begin(git, tmp_path, "sleep", "600")
    assert far("poll", tenancies={}, spared=[NAME])["fenced"] == []
    assert far.until("running")
    assert far.poll()["fenced"] == [NAME]


def test_asking_twice_begins_once(far: Outpost, git: Git, tmp_path: Path) -> None:
    far.begin(git, tmp_path, "sleep", "600")
    first = far.until("running")["child"]
    far.begin(git, tmp_path, "sleep", "600")
    assert far.until("running")["child"] == first
    far("stop", grace_s=(0.5, 0.5))
    assert far.until("ended")["code"] < 0


def test_an_agent_whose_time_is_up_is_ended_without_an_engine(
    far: Outpost, git: Git, tmp_path: Path
) -> None:
    far.begin(git, tmp_path, "sleep", "600", limit_s=0.1)
    time.sleep(0.2)  # its time
    outpost.end_overdue_everywhere(far.root)
    deadline = time.monotonic() + PATIENCE_S
    while not (far.root / "runs/r" / NAME / "exit").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_tree_is_frozen_and_thawed(far: Outpost, git: Git, tmp_path: Path) -> None:
    far.begin(git, tmp_path, "sleep", "600")
    far.until("running")
    assert far("freeze")["still"] >= 1
    assert far.poll(NAME)["tenancies"][NAME]["still"] >= 1
    far("thaw")
    assert far.poll(NAME)["tenancies"][NAME]["still"] == 0
    far.poll()


def test_what_is_in_no_commit_comes_into_the_clone_and_into_no_commit(
    far: Outpost, git: Git, tmp_path: Path
) -> None:
    """Sent, linked and cloned files, and what agents leave for themselves; the rest is kept."""
    files = far.root / "files" / "shop"
    (files / "data").mkdir(parents=True)
    (files / "deps").mkdir()
    (files / "deps" / "lib").write_text("x")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".env").write_text("KEY=1\n")
    pack_private(checkout, [".env"], tmp_path / "private")
    far("tips")
    far("put", (tmp_path / "private").read_bytes(), file="private.tar", offset=0)
    far("put", b".aider*\n", file="excludes", offset=0)
    furnish = {"files": "shop", "linked": ["data", "none"], "cached": ["deps", "none"]}
    script = "cat .env deps/lib; touch .aider.log seen data/made deps/made"
    tree = Path(far.begin(git, tmp_path, "sh", "-c", script, furnish=furnish))
    assert far.until("ended")["code"] == 0
    assert (tree / ".env").stat().st_mode & 0o777 == 0o600
    assert (files / "data" / "made").exists()
    assert not (files / "deps" / "made").exists()
    assert not (tree.parent / "private.tar").exists()
    took = far("collect", message="m")
    assert took["left"] == 1
    names = run_git(tree, "diff", "--name-only", "HEAD~", "HEAD")
    assert names == "seen"


@pytest.mark.parametrize(("key", "name"), [("link", "../x"), ("link", "/etc"), ("cache", "a/../b")])
def test_links_and_clones_that_lead_elsewhere_are_refused(
    far: Outpost, git: Git, tmp_path: Path, key: str, name: str
) -> None:
    head = git.ref_tip("refs/heads/main") or ""
    assert pack(git, "main", head, far("tips")["tips"], tmp_path / "b")
    far("put", (tmp_path / "b").read_bytes(), file="base.bundle", offset=0)
    more: dict[str, Any] = {{"link": "linked", "cache": "cached"}[key]: [name], "files": "shop"}
    assert f"[worktree] {key}" in far("prepare", head=head, branch="main", **more)["fault"]


def test_each_worktree_has_ports_and_a_name_of_its_own(
    far: Outpost, git: Git, tmp_path: Path
) -> None:
    said = []
    for name in (NAME, "T2.1"):
        script = "echo $PORT_BASE $PORT_COUNT $COMPOSE_PROJECT_NAME"
        far.begin(git, tmp_path, "sh", "-c", script, name=name)
        deadline = time.monotonic() + PATIENCE_S
        while far.poll(NAME, "T2.1")["tenancies"][name]["state"] != "ended":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        said.append((far.root / "runs/r" / name / "raw.log").read_text().split())
    assert [each[2] for each in said] == ["agentdeck-r-t1-1", "agentdeck-r-t2-1"]
    assert said[0][0] != said[1][0]


def test_a_call_of_a_tool_is_named_fetched_and_answered_while_its_agent_counts(
    far: Outpost, git: Git, tmp_path: Path
) -> None:
    far.begin(git, tmp_path, "sleep", "600", tools=True)
    far.until("running")
    box = far.root / "runs/r" / NAME / mail.FOLDER
    mail.post(box, "c-1", b"what is asked")
    assert far.poll(NAME)["tenancies"][NAME]["calls"] == ["c-1"]
    assert far.both("call", key="c-1") == ({}, b"what is asked")
    assert far("answer", b"an answer", key="c-1") == {}
    assert "calls" not in far.poll(NAME)["tenancies"][NAME]
    assert mail.take_answer(box, "c-1") == b"an answer"
    mail.post(box, "c-2", b"too late")
    assert far.poll()["fenced"] == [NAME]
    assert "not known here" in far("call", key="c-2")["fault"]
    assert "not known here" in far("answer", b"x", key="c-2")["fault"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"run": "../x"}, "is no run"),
        ({"tenancy": "a/../b"}, "is no tenancy"),
        ({"tenancy": "a..b"}, "is no tenancy"),
        ({"tenancy": ["x"]}, "is no tenancy"),
        ({"verb": "shell"}, "no 'shell' to be asked"),
        ({"verb": "put", "file": "pid", "offset": 0}, "no file 'pid'"),
        ({"verb": "put", "file": "settings.json/x", "offset": 0}, "no file"),
        ({"verb": "put", "file": "prompt.md", "offset": 1 << 40}, "more than"),
        ({"verb": "prepare", "head": "--upload-pack=x", "branch": "main"}, "is no commit"),
        ({"verb": "prepare", "head": "1" * 40, "branch": "-x"}, "is no branch"),
        ({"verb": "read", "file": "../../lock", "offset": 0}, "no file"),
        ({"verb": "call", "key": "../x"}, "is no key of a call"),
        ({"verb": "answer", "key": "a.b"}, "is no key of a call"),
        ({"protocol": 0}, "protocol"),
    ],
)
def test_what_is_no_name_is_refused_at_the_door(
    far: Outpost, more: dict[str, Any], words: str
) -> None:
    ask = {"protocol": PROTOCOL, "verb": "tips", "run": "r", "tenancy": NAME, "number": 1}
    answer, _ = asyncio.run(act(far.root, ask | {"repo": "repo"} | more))
    assert words in answer["fault"]


def test_it_needs_the_standard_library_alone() -> None:
    """It is sent to machines on which nothing of ours is installed."""
    source = Path(agentdeck.__file__).parent.parent
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r})\n"
        "import agentdeck.engine.remote.outpost\n"
        "known = {*sys.stdlib_module_names, 'agentdeck', '__main__'}\n"
        "print({m.split('.')[0] for m in sys.modules} - known)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "set()", done.stderr


def _is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
