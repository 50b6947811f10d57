"""Files of the worktree, and nothing else, for an agent that asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.engine.acp import text_files
from agentdeck.engine.acp.paths import Refused, below
from agentdeck.engine.acp.text_files import MAX_BYTES, cut, read_text, resolve, write_text

SECRET = "not for you"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A worktree with a file, beside something that is none of the agent's business."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text(SECRET)
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("a = 1\n")
    (root / ".git").write_text("gitdir: /somewhere\n")
    return root


def untouched(tree: Path) -> bool:
    outside = tree.parent / "outside"
    return [file.name for file in outside.iterdir()] == ["secret"] and (
        (outside / "secret").read_text() == SECRET
    )


@pytest.mark.parametrize("wanted", ["src/a.py", "./src//a.py", "/{tree}/src/a.py"])
def test_a_file_of_the_worktree_is_read(tree: Path, wanted: str) -> None:
    assert read_text(tree, wanted.replace("/{tree}", str(tree))) == "a = 1\n"


def test_a_new_file_is_written_with_its_folders(tree: Path) -> None:
    write_text(tree, str(tree / "new" / "deep" / "b.py"), "b = 2\r\n")
    assert (tree / "new" / "deep" / "b.py").read_bytes() == b"b = 2\r\n"


def test_a_file_is_replaced_and_keeps_its_mode(tree: Path) -> None:
    (tree / "run.sh").write_text("a much longer script\n")
    (tree / "run.sh").chmod(0o755)
    write_text(tree, "run.sh", "short\n")
    assert (tree / "run.sh").read_text() == "short\n"
    assert (tree / "run.sh").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "wanted",
    [
        "/etc/passwd",
        "../outside/secret",
        "src/../../outside/secret",
        "src/../src/a.py",
        "{tree}/../outside/secret",
        "{tree}x/secret",
        "{tree}",
        ".",
        "/",
        "",
        "src/a.py\0",
        ".git",
        ".git/config",
        "{tree}/.GIT/hooks/pre-commit",
        "vendor/lib/.git/config",
    ],
)
def test_every_other_path_is_refused_for_reading_and_writing(tree: Path, wanted: str) -> None:
    wanted = wanted.replace("{tree}", str(tree))
    with pytest.raises(Refused):
        read_text(tree, wanted)
    with pytest.raises(Refused):
        write_text(tree, wanted, "x")
    assert untouched(tree)
    assert (tree / ".git").read_text() == "gitdir: /somewhere\n"


@pytest.mark.parametrize(
    ("link", "target", "wanted"),
    [
        ("out", "../outside", "out/secret"),
        ("out", "../outside", "out/new"),
        ("deep", "src/../../outside", "deep/secret"),
        ("file", "../outside/secret", "file"),
        ("dangling", "../outside/new", "dangling"),
        ("absolute", "{outside}/secret", "absolute"),
        ("chain", "chain2", "chain"),
        ("git", ".git", "git"),
        ("self", "self", "self"),
    ],
)
def test_a_link_that_leads_out_is_refused(tree: Path, link: str, target: str, wanted: str) -> None:
    """Whether it is the file or a folder on the way, by one step or several."""
    (tree / "chain2").symlink_to(tree.parent / "outside" / "secret")
    (tree / link).symlink_to(target.replace("{outside}", str(tree.parent / "outside")))
    with pytest.raises((Refused, OSError)):
        read_text(tree, wanted)
    with pytest.raises((Refused, OSError)):
        write_text(tree, wanted, "x")
    assert untouched(tree)
    assert (tree / ".git").read_text() == "gitdir: /somewhere\n"


def test_a_link_that_stays_inside_is_followed(tree: Path) -> None:
    """Repositories have them: CLAUDE.md for AGENTS.md, a folder under two names."""
    (tree / "AGENTS.md").write_text("rules")
    (tree / "CLAUDE.md").symlink_to("AGENTS.md")
    (tree / "lib").symlink_to("src")
    assert read_text(tree, "CLAUDE.md") == "rules"
    write_text(tree, "CLAUDE.md", "more")
    write_text(tree, "lib/b.py", "b")
    assert (tree / "AGENTS.md").read_text() == "more"
    assert (tree / "CLAUDE.md").is_symlink()
    assert (tree / "src" / "b.py").read_text() == "b"


def test_a_worktree_under_a_link_may_be_named_either_way(tree: Path) -> None:
    """Agents resolve the folder they are given, or do not."""
    alias = tree.parent / "alias"
    alias.symlink_to(tree)
    assert read_text(alias, str(alias / "src" / "a.py")) == "a = 1\n"
    assert read_text(alias, str(tree / "src" / "a.py")) == "a = 1\n"


@pytest.mark.parametrize("wanted", ["src/secret", "src/deep/secret", "top"])
def test_what_becomes_a_link_after_it_was_judged_leads_nowhere(
    tree: Path, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent's own tools can swap a folder or a file between our look and our open."""
    outside = tree.parent / "outside"

    def judge_then_swap(root: Path, path: str) -> tuple[str, ...]:
        names = resolve(root, path)
        (tree / "src").rename(tree / f"src{len(list(tree.iterdir()))}")
        (tree / "src").symlink_to(outside)
        (tree / "top").unlink(missing_ok=True)
        (tree / "top").symlink_to(outside / "secret")
        return names

    monkeypatch.setattr(text_files, "resolve", judge_then_swap)
    with pytest.raises(OSError, match=r"[Nn]ot a directory|symbolic links"):
        read_text(tree, wanted)
    (tree / "src").unlink()
    (tree / "src").mkdir()
    (tree / "top").unlink()
    with pytest.raises(OSError, match=r"[Nn]ot a directory|symbolic links"):
        write_text(tree, wanted, "x")
    assert untouched(tree)


@pytest.mark.parametrize("wanted", ["pipe", "src"])
def test_only_regular_files_are_opened(tree: Path, wanted: str) -> None:
    """A FIFO would hold the bridge up for ever."""
    os.mkfifo(tree / "pipe")
    with pytest.raises((Refused, OSError)):
        read_text(tree, wanted)
    with pytest.raises((Refused, OSError)):
        write_text(tree, wanted, "x")


def test_a_missing_file_is_missing_and_not_refused(tree: Path) -> None:
    """Agents look before they create; the protocol has a code for it."""
    with pytest.raises(FileNotFoundError):
        read_text(tree, "src/none.py")
    with pytest.raises(FileNotFoundError):
        read_text(tree, "none/none.py")
    assert not (tree / "none").exists()


def test_sizes_are_bounded(tree: Path) -> None:
    with (tree / "big").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(Refused, match="more than"):
        read_text(tree, "big")
    with pytest.raises(Refused, match="more than"):
        write_text(tree, "src/a.py", "x" * (MAX_BYTES + 1))
    assert (tree / "src" / "a.py").read_text() == "a = 1\n"


def test_what_is_no_text_is_not_mangled(tree: Path) -> None:
    (tree / "image").write_bytes(b"\x89PNG\xff")
    with pytest.raises(Refused, match="UTF-8"):
        read_text(tree, "image")
    with pytest.raises(Refused, match="surrogate"):
        write_text(tree, "src/a.py", "x\ud800")
    assert (tree / "src" / "a.py").read_text() == "a = 1\n"


@pytest.mark.parametrize(
    ("line", "limit", "found"),
    [
        (None, None, "1\n2\r\n3"),
        (1, 1, "1\n"),
        (2, None, "2\r\n3"),
        (2, 1, "2\r\n"),
        (3, 5, "3"),
        (4, 1, ""),
        (None, 0, ""),
        (0, 1, "1\n"),
    ],
)
def test_lines_are_cut_out_with_their_breaks(
    line: int | None, limit: int | None, found: str
) -> None:
    assert cut("1\n2\r\n3", line, limit) == found


@given(
    st.lists(st.sampled_from(["..", ".", "", "a", ".git", "tree", "t"]), max_size=8), st.booleans()
)
def test_no_spelling_leads_above_the_worktree(names: list[str], absolute: bool) -> None:
    wanted = ("/t/" if absolute else "") + "/".join(names)
    try:
        found = below(("/t/tree",), wanted)
    except Refused:
        return
    assert not {"..", ".git", "", "."} & set(found)
    assert os.path.normpath(Path("/t/tree", *found)).startswith("/t/tree")
    if absolute and wanted.startswith("/"):
        assert os.path.normpath(wanted).startswith("/t/tree")


def test_resolve_names_what_a_link_means(tree: Path) -> None:
    (tree / "lib").symlink_to("src")
    assert resolve(tree, "lib/a.py") == ("src", "a.py")
