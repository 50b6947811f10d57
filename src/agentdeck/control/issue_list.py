"""The issues of a tracker that have a label, as a text that an importer reads.

Rules: `gh` or `glab` is asked, once or page by page, in the repository of the folder or in one that
is named. What it answers is foreign: no more than `MAX_ISSUES`, and nothing but a list of tables.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from agentdeck.core.errors import EnvironmentFault, NotFoundError, UsageError
from agentdeck.core.issues import PROGRAMS, is_repository
from agentdeck.core.plan import TrackerKind
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.asked_program import ask
from agentdeck.engine.environment import child_environment
from agentdeck.engine.issues import QUIET
from agentdeck.engine.redaction import redacted

MAX_ISSUES: Final = 1_000  # of one label; more is no plan
PAGE: Final = 100  # the most that GitLab gives at once
TIMEOUT_S: Final = 120.0  # a thousand issues are ten requests or more
FIELDS: Final = "number,title,body,labels,state,milestone,author,assignees,url"
SAID_CHARS: Final = 300


def issues_text(
    kind: TrackerKind, label: str, *, repo: str | None, folder: Path
) -> tuple[str, bool]:
    """The open issues with a label, one on each line, and whether there are more than are read.

    Raises:
        EnvironmentFault: the program is missing, or could not do it.
        NotFoundError: there is none.
        UsageError: the label or the repository cannot be one.
    """
    if not label.strip() or "," in label or not label.isprintable():
        raise UsageError(f"{label!r} is no label", hint="name one label, without a comma")
    if repo is not None and not is_repository(repo, kind):
        raise UsageError(f"{repo!r} is no repository", hint='write it "OWNER/NAME"')
    where = [] if repo is None else ["--repo", repo]
    found = _github(label, where, folder) if kind is TrackerKind.GITHUB else []
    if kind is TrackerKind.GITLAB:
        found = _gitlab(label, where, folder)
    if not found:
        place = repo or f"the repository of {folder}"
        raise NotFoundError(f"no open issue of {place} has the label {label!r}")
    lines = [msgspec.json.encode(each).decode() for each in found[:MAX_ISSUES]]
    return "[\n" + ",\n".join(lines) + "\n]\n", len(found) > MAX_ISSUES


def _github(label: str, where: list[str], folder: Path) -> list[dict[str, Any]]:
    words = ["issue", "list", "--label", label, "--state", "open"]
    return _asked(
        TrackerKind.GITHUB,
        [*words, "--limit", str(MAX_ISSUES + 1), "--json", FIELDS, *where],
        folder,
    )


def _gitlab(label: str, where: list[str], folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for page in range(1, MAX_ISSUES // PAGE + 2):
        words = ["issue", "list", "--label", label, "--output", "json"]
        paged = ["--per-page", str(PAGE), "--page", str(page)]
        more = _asked(TrackerKind.GITLAB, [*words, *paged, *where], folder)
        found += more
        if len(more) < PAGE:
            break
    return found


def _asked(kind: TrackerKind, words: list[str], folder: Path) -> list[dict[str, Any]]:
    program = PROGRAMS[kind]
    tag = f"import/{os.getpid()}"
    said = ask(
        [program, *words],
        b"",
        cwd=folder,
        env=child_environment(os.environ, tag=tag, extra=QUIET, cwd=str(folder)),
        tag=tag,
        deadline=time.monotonic() + TIMEOUT_S,
        ended=threading.Event(),
    )
    hint = f"`{program} auth status` says whether it is logged in"
    if said.fault:
        if shutil.which(program) is None:
            hint = f"install {program} and log in: `{program} auth login`"
        raise EnvironmentFault(f"{said.fault}, so no issue was read", hint=hint)
    if said.code != 0:
        lines = redacted(said.err, os.environ).strip().splitlines()
        why = lines[-1][:SAID_CHARS] if lines else f"it exited with {said.code}"
        raise EnvironmentFault(f"{program} could not list the issues: {why}", hint=hint)
    try:
        return msgspec.json.decode(said.out or b"[]", type=list[dict[str, Any]])
    except UNREADABLE:
        raise EnvironmentFault(
            f"{program} gave no list of issues in JSON", hint=f"a newer {program} may do it"
        ) from None


__all__ = ["MAX_ISSUES", "issues_text"]
