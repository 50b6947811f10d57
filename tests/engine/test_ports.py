"""Ports: a block for each worktree, kept while it exists, and nobody else's meanwhile."""

from __future__ import annotations

import multiprocessing
import shutil
import socket
from pathlib import Path

import pytest

from agentdeck.engine import ports
from agentdeck.engine.ports import FIRST_PORT, LAST_PORT, PORT_COUNT, claim, environment_of


def trees(tmp_path: Path, *names: str) -> list[Path]:
    made = [tmp_path / "trees" / name for name in names]
    for tree in made:
        tree.mkdir(parents=True)
    return made


def test_a_worktree_keeps_its_block_and_shares_it_with_nobody(tmp_path: Path) -> None:
    state = tmp_path / "state"
    found = trees(tmp_path, "a", "b", "c")
    blocks = [claim(state, tree) for tree in found]
    assert len(set(blocks)) == 3
    assert blocks == [claim(state, tree) for tree in found]
    for base in blocks:
        assert base is not None
        assert FIRST_PORT <= base <= LAST_PORT - PORT_COUNT + 1
        assert base % PORT_COUNT == 0


def test_the_block_of_a_worktree_that_is_gone_is_free_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "BLOCKS", 1)
    first, second = trees(tmp_path, "a", "b")
    base = claim(tmp_path, first)
    assert base is not None
    assert claim(tmp_path, second) is None
    shutil.rmtree(first)
    assert claim(tmp_path, second) == base


def test_a_block_that_somebody_listens_on_is_passed_over(tmp_path: Path) -> None:
    """Other people's lists are not known, but their servers are."""
    (tree,) = trees(tmp_path, "a")
    base = claim(tmp_path / "mine", tree)
    assert base is not None
    with socket.socket() as server:
        server.bind(("127.0.0.1", base + PORT_COUNT - 1))
        server.listen()
        assert claim(tmp_path / "theirs", tree) not in (base, None)


def test_a_list_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    (tree,) = trees(tmp_path, "a")
    (tmp_path / "ports.json").write_text("{half")
    base = claim(tmp_path, tree)
    assert base is not None
    assert claim(tmp_path, tree) == base


def test_engines_that_ask_at_once_get_different_blocks(tmp_path: Path) -> None:
    """Processes of their own, as the engines of several runs are."""
    found = trees(tmp_path, *(f"w{number}" for number in range(12)))
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        blocks = pool.starmap(claim, [(tmp_path / "state", tree) for tree in found])
    assert None not in blocks
    assert len(set(blocks)) == len(found)


def test_the_name_for_containers_is_one_that_compose_takes() -> None:
    env = environment_of("Plan-ab12", Path("/x/w01"), 20_010)
    assert env == {
        "COMPOSE_PROJECT_NAME": "agentdeck-plan-ab12-w01",
        "PORT_BASE": "20010",
        "PORT_COUNT": "10",
    }
    assert "PORT_BASE" not in environment_of("p", Path("/x/w01"), None)
