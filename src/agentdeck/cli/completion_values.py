"""The values that a shell offers for a word: runs, tasks, agents. One a line, the likeliest first.

Rules:
- Nothing of typer is imported, and nothing is ever an error: where nothing is known, nothing is
  printed. So a Tab outside of a repository is just a Tab.
- Names come from files that are there anyway. No journal is folded for a task's id: the plan that
  a run began with lies beside it. A task that was added later is not offered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agentdeck.control.runs import RunFolder

MAX_VALUES: Final = 500  # nobody chooses from more
MAX_BYTES: Final = 8 * 1024 * 1024  # of a plan; the largest known ones have one


def print_values(words: Sequence[str]) -> int:
    """Print the values of a kind; always 0.

    Args:
        words: the kind, and the run that was named, if one was.
    """
    kind, run = words[0] if words else "", words[1] if len(words) > 1 else None
    with suppress(Exception):  # a shell that completes must not be disturbed, whatever is wrong
        for number, value in enumerate(_KINDS.get(kind, _none)(run)):
            if number == MAX_VALUES:
                break
            if value.isprintable() and not value.startswith("-"):
                print(value)
    return 0


def _none(_: str | None) -> Iterator[str]:
    return iter(())


def _runs(_: str | None) -> Iterator[str]:
    from agentdeck.control.runs import runs_root

    folders = [path for path in runs_root().iterdir() if path.is_dir()]
    for path in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        yield path.name


def _tasks(run: str | None) -> Iterator[str]:
    return _ids(_plan(run), "task")


def _scopes(run: str | None) -> Iterator[str]:
    plan = _plan(run)
    yield "run"
    yield from (f"phase:{name}" for name in _ids(plan, "phase"))
    yield from (f"pool:{name}" for name in plan.get("pools", {}))
    yield from (f"task:{name}" for name in _ids(plan, "task"))


def _agents(run: str | None) -> Iterator[str]:
    from agentdeck.control.user_folder import AGENTS_FOLDER, user_folder
    from agentdeck.core.plan import BUILTIN_AGENTS

    found = dict.fromkeys(BUILTIN_AGENTS)
    found.update(dict.fromkeys(f.stem for f in (user_folder() / AGENTS_FOLDER).glob("*.toml")))
    with suppress(Exception):
        found.update(dict.fromkeys(_plan(run).get("agents", {})))
    return iter(found)


def _verbs(_: str | None) -> Iterator[str]:
    """Words of a person's own, beside the verbs that every script knows."""
    from agentdeck.control.user_folder import SETTINGS_FILE, user_folder
    from agentdeck.tui.settings import load_settings

    return iter(load_settings(user_folder() / SETTINGS_FILE)[0].aliases)


def _files(_: str | None) -> Iterator[str]:
    """A person's own files."""
    from agentdeck.control.user_folder import user_folder

    folder = user_folder()
    yield from ("deck.toml", "keys.toml")
    for kind in ("agents", "themes"):
        yield from (f"{kind}/{file.name}" for file in (folder / kind).glob("*.toml"))


_KINDS: Final[dict[str, Callable[[str | None], Iterator[str]]]] = {
    "runs": _runs,
    "tasks": _tasks,
    "scopes": _scopes,
    "agents": _agents,
    "aliases": _verbs,
    "config": _files,
}


def _ids(plan: dict[str, Any], section: str) -> Iterator[str]:
    return (str(row["id"]) for row in plan.get(section, []))


def _plan(run: str | None) -> dict[str, Any]:
    """The plan that a run began with: the one that is named, or the newest of this repository."""
    import tomli

    folder = _folder(run)
    try:
        with (folder.path / "plan.toml").open("rb") as file:
            return tomli.loads(file.read(MAX_BYTES).decode())
    except (OSError, ValueError):  # a document of another format
        return _plan_of_the_journal(folder)


def _plan_of_the_journal(folder: RunFolder) -> dict[str, Any]:
    from agentdeck.control.runs import first_event

    found = first_event(folder)
    if found is None:
        return {}
    plan = found[1].plan
    return {"task": [{"id": task.id} for task in plan.tasks]}


def _folder(run: str | None) -> RunFolder:
    from agentdeck.control.runs import resolve_run

    return resolve_run(run or None, Path.cwd())


__all__ = ["print_values"]
