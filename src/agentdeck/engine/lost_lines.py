"""Looks up what others have landed and a piece of work takes away; `core.losses` judges it.

Rules: only files are read that the work changes against the target it has taken in. What is binary
or too large to be read counts as one line that is its object id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agentdeck.core.events import Loss
from agentdeck.core.losses import Versions, lost
from agentdeck.engine.git import Git, GitError

MAX_BLOB_BYTES: Final = 1 << 20  # of a file that is read line by line


def losses(
    git: Git, earlier: str, merged: str, head: str, paths: Sequence[str]
) -> tuple[Loss, ...]:
    """The lines that came into the target after `earlier` began, and that `head` takes away.

    Args:
        git: the repository.
        earlier: the work before it took the target in; or the commit it began from.
        merged: the commit of the target that was taken in.
        head: the work as it is.
        paths: what differs between `merged` and `head`.
    """
    base = git.run("merge-base", earlier, merged).text
    landed = {file.path for file in git.diffstat(base, merged)}
    if not landed.intersection(paths):
        return ()
    commits = (base, earlier, merged, head)
    names = [f"{commit}:{path}" for path in paths for commit in commits]
    found = _read(git, names)
    files = {
        path: Versions(*(found.get(f"{commit}:{path}", ()) for commit in commits)) for path in paths
    }
    return lost(files)


def _read(git: Git, names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The lines of each of these that exists, by name."""
    names = [name for name in names if "\n" not in name]  # git is asked line by line
    asked = git.run("cat-file", "--batch-check", stdin="".join(f"{n}\n" for n in names)).out
    found: dict[str, Sequence[str]] = {}
    small: dict[str, list[str]] = {}
    for name, row in zip(names, asked.split(b"\n"), strict=False):
        parts = row.split(b" ")
        if len(parts) != 3 or parts[1] != b"blob":
            continue
        oid = parts[0].decode()
        if int(parts[2]) > MAX_BLOB_BYTES:
            found[name] = (f"file {oid}",)
        else:
            small.setdefault(oid, []).append(name)
    for oid, text in _contents(git, list(small)):
        lines = (f"file {oid}",) if b"\0" in text else text.decode("utf-8", "replace").splitlines()
        found |= dict.fromkeys(small[oid], lines)
    return found


def _contents(git: Git, oids: Sequence[str]) -> list[tuple[str, bytes]]:
    out = git.run("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in oids)).out
    found, at = [], 0
    for oid in oids:
        end = out.index(b"\n", at)
        parts = out[at:end].split(b" ")
        if len(parts) != 3:
            raise GitError(("cat-file", "--batch"), 0, f"{oid} is missing")
        size = int(parts[2])
        found.append((oid, out[end + 1 : end + 1 + size]))
        at = end + 1 + size + 1
    return found


__all__ = ["losses"]
