"""What an agent writes into the repository's configuration is not run by git of the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.core.errors import DeckError
from agentdeck.engine.collect import collect
from agentdeck.engine.create import create_run
from agentdeck.engine.git import Git
from agentdeck.engine.landing import Conflict, merged_tree
from agentdeck.engine.worktrees import Worktrees
from agentdeck.plans.reader import read_plan

Sh = Callable[..., str]
PLAN = 'version = 1\n[plan]\nname = "p"\n[[task]]\nid = "A"\nprompt = "x"\nagent = "scripted"\n'


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that is there once one of the agent's programs has run."""
    return tmp_path / "it-ran"


@pytest.fixture
def trusting(git: Git) -> Git:
    """As the engine of a run has it that began before anybody wrote into the configuration."""
    git.trust(git.programs())
    return git


def collected(git: Git, tmp_path: Path, sh: Sh, *settings: str) -> str:
    """Have an agent write settings and a filtered file, and take its work: the file's content."""
    trees = Worktrees(git, tmp_path / "trees", run="r1")
    got = trees.prepare("T1", "deck/r1/T1", git.resolve("main"))
    for name, value in zip(settings[::2], settings[1::2], strict=True):
        sh(got.path, "config", *name.split(), value)
    (got.path / ".gitattributes").write_text("*.txt filter=x\n")
    (got.path / "new.txt").write_text("as it was\n")
    work = collect(git, got.path, got.branch, got.base, message="left")
    assert work.fault is None
    trees.release("T1")
    return git.run("show", f"{work.head}:new.txt").text


@pytest.mark.parametrize("kind", ["clean", "process"])
@pytest.mark.parametrize("where", ["", "--worktree"])
def test_a_filter_of_an_agent_is_not_run(
    trusting: Git, tmp_path: Path, mark: Path, sh: Sh, kind: str, where: str
) -> None:
    """Nor is the work lost for want of it, though it was called required."""
    touch = f"touch {mark}; cat"
    on = ("extensions.worktreeConfig", "true", f"{where} filter.x.{kind}", touch)
    found = collected(trusting, tmp_path, sh, *on, f"{where} filter.x.required", "true")
    assert found == "as it was"
    assert not mark.exists()


def test_a_filter_in_an_included_file_is_not_run(
    trusting: Git, tmp_path: Path, mark: Path, sh: Sh
) -> None:
    """Also where that file changes after the configuration was read."""
    other = tmp_path / "other"
    other.write_text("[core]\n")
    sh(trusting.checkout, "config", "include.path", str(other))
    trusting.run("status", cwd=trusting.checkout)
    other.write_text(f'[filter "x"]\n\tclean = touch {mark}\n')
    assert collected(trusting, tmp_path, sh) == "as it was"
    assert not mark.exists()


def test_a_filter_that_a_person_had_set_is_run(git: Git, tmp_path: Path, sh: Sh) -> None:
    """As they had set it, whatever an agent makes of it."""
    sh(git.checkout, "config", "filter.x.clean", "sed s/was/should/")
    git.trust(git.programs())
    assert collected(git, tmp_path, sh, "filter.x.clean", "sed s/was/must/") == "as it should"


def test_a_filter_of_the_persons_own_files_is_run(
    git: Git, tmp_path: Path, sh: Sh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of git-lfs, where an agent has hidden it behind one of the repository."""
    own = tmp_path / "own"
    own.write_text('[user]\n\tname=x\n\temail=x@y\n[filter "x"]\n\tclean = sed s/was/should/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    git = Git.discover(git.checkout)
    git.trust(git.programs())
    assert collected(git, tmp_path, sh, "filter.x.clean", "sed s/was/must/") == "as it should"


def test_a_merge_driver_of_an_agent_is_not_run(
    trusting: Git, repo: Path, mark: Path, sh: Sh, commit_on: Callable[..., str]
) -> None:
    """The files are merged as git itself does, conflicts and all."""
    sh(repo, "config", "merge.x.driver", f"touch {mark}; true")
    base = commit_on("", {".gitattributes": "* merge=x\n", "a": "1\n2\n3\n4\n5\n"}, "main")
    (repo / ".gitattributes").write_text("* merge=x\n")
    one = commit_on("", {"a": "one\n2\n3\n4\n5\n"}, base)
    two = commit_on("", {"a": "1\n2\n3\n4\ntwo\n"}, base)
    both = merged_tree(trusting, one, two)
    assert not isinstance(both, Conflict)
    assert trusting.run("show", f"{both}:a").text == "one\n2\n3\n4\ntwo"
    assert isinstance(merged_tree(trusting, one, commit_on("", {"a": "x\n"}, base)), Conflict)
    assert not mark.exists()


def test_an_agent_cannot_have_landings_signed(trusting: Git, repo: Path, sh: Sh) -> None:
    """Its wish, or its program, would keep everybody from landing."""
    sh(repo, "config", "commit.gpgSign", "true")
    sh(repo, "config", "gpg.program", "false")
    assert not trusting.signs()


@pytest.mark.parametrize(("said", "signs"), [("true", True), ("false", False)])
def test_what_a_person_wants_signed_stays_so(
    git: Git, repo: Path, sh: Sh, said: str, signs: bool
) -> None:
    sh(repo, "config", "commit.gpgSign", said)
    git.trust(git.programs())
    sh(repo, "config", "commit.gpgSign", "false" if signs else "true")
    assert git.signs() is signs


def test_a_run_knows_what_was_set_when_it_began(repo: Path, tmp_path: Path, sh: Sh) -> None:
    """It is in the journal, so an engine that starts later does not trust what agents wrote."""
    from agentdeck.core.events import RunStarted
    from agentdeck.engine.journal import Journal

    sh(repo, "config", "filter.x.clean", "cat")
    folder = create_run(repo, read_plan(PLAN, file="plan.toml"), "", root=tmp_path / "runs")
    journal = Journal(folder.journal)
    first = next(iter(journal.history())).event
    journal.close()
    assert isinstance(first, RunStarted)
    assert first.programs == {"filter.x.clean": "cat"}


@pytest.mark.parametrize("ignore", ["", "none"])
def test_a_repository_inside_the_work_runs_nothing(
    trusting: Git, tmp_path: Path, mark: Path, sh: Sh, ignore: str
) -> None:
    """Its configuration is the agent's alone, so nobody looks into it."""
    trees = Worktrees(trusting, tmp_path / "trees", run="r1")
    got = trees.prepare("T1", "deck/r1/T1", trusting.resolve("main"))
    inner = got.path / "inner"
    sh(got.path, "init", "--quiet", str(inner))
    (inner / ".gitattributes").write_text("* filter=x\n")
    (inner / "f").write_text("one\n")
    sh(inner, "add", "--all")
    sh(inner, "commit", "--quiet", "-m", "inner")
    if ignore:
        modules = f'[submodule "inner"]\n\tpath = inner\n\turl = /x\n\tignore = {ignore}\n'
        (got.path / ".gitmodules").write_text(modules)
    sh(got.path, "add", "--all")
    sh(inner, "config", "filter.x.clean", f"touch {mark}; cat")
    (inner / "f").write_text("two\n")
    try:
        collect(trusting, got.path, got.branch, got.base, message="left")
        trees.release("T1")
    except DeckError as fault:
        pytest.fail(str(fault))
    assert not mark.exists()
