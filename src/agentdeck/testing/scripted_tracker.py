"""A scripted `gh` and `glab`: real programs on a PATH whose issues stand in a JSON file.

`python -m agentdeck.testing.scripted_tracker FOLDER` makes both in FOLDER/bin, and their file
FOLDER/issues.json.

Rules: one call at a time has the file. What it says under `faults` befalls the calls that come, one
each: `fail`, `limit`, `login`, `gone`, `garbage`; and what is done and then `hang`s, says more than
anybody reads (`flood`), or fails (`late`); "" befalls nothing. `calls` keeps what was asked.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

FILE: Final = "issues.json"
HANG_S: Final = 60.0  # longer than anybody waits
FLOOD_BYTES: Final = 40 * 1024 * 1024  # more than anybody reads

State = dict[str, Any]
_ISSUE: Final = re.compile(
    r"(?:repos/(?P<repo>[^/]+/[^/]+)|projects/(?P<project>[^/]+))/issues/(?P<number>[0-9]+)"
    r"(?:/(?P<part>comments|notes|labels)(?:/(?P<name>.+))?)?"
)


def install(folder: Path, issues: Sequence[dict[str, Any]] = ()) -> Path:
    """Make both programs; the folder to put on the PATH.

    Args:
        folder: of the programs and their file.
        issues: each with `number` and `title`, and perhaps `body`, `labels`, `state`, `milestone`.
    """
    bin_folder = folder / "bin"
    bin_folder.mkdir(parents=True, exist_ok=True)
    found = {str(each["number"]): {**_fresh(), **each} for each in issues}
    (folder / FILE).write_text(json.dumps({"issues": found, "faults": [], "calls": []}))
    for name in ("gh", "glab"):
        program = bin_folder / name
        program.write_text(
            f"#!/bin/sh\nSCRIPTED_TRACKER='{folder}' SCRIPTED_AS={name} exec '{sys.executable}' -I"
            f" '{Path(__file__).resolve()}' \"$@\"\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return bin_folder


@contextmanager
def changing(folder: Path) -> Iterator[State]:
    """The file, held while it is changed."""
    with (folder / FILE).open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        state = json.load(file)
        try:
            yield state
        finally:
            text = json.dumps(state, indent=1)
            file.seek(0)
            file.write(text)
            file.truncate()


def now_in(folder: Path) -> State:
    """The file as it is."""
    with changing(folder) as state:
        return state


def _fresh() -> dict[str, Any]:
    return {"body": "", "labels": [], "state": "open", "comments": [], "milestone": None}


class _Answer(Exception):
    def __init__(self, code: int, said: str) -> None:
        self.code, self.said = code, said
        super().__init__(said)


def _run(argv: list[str], given: str, program: str, folder: Path) -> int:
    late = False
    with changing(folder) as state:
        fault = state["faults"].pop(0) if state["faults"] else ""
        state["calls"].append({"program": program, "argv": argv, "body": given, "fault": fault})
        late = fault == "late"
        try:
            if fault not in ("", "late"):
                _befall(fault, program)
            said = _asked(argv, given, program, state)
        except _Answer as answer:
            sys.stderr.write(answer.said + "\n")
            return answer.code
    if late:
        sys.stderr.write(f"{program}: the connection was lost\n")
        return 1
    sys.stdout.write(said)
    return 0


def _befall(fault: str, program: str) -> None:
    match fault:
        case "limit":
            raise _Answer(1, f"{program}: API rate limit exceeded for user ID 1. (HTTP 403)")
        case "login":
            raise _Answer(4, f"To get started, please run:  {program} auth login")
        case "gone":
            raise _Answer(1, f"{program}: Not Found (HTTP 404)")
        case "garbage":
            sys.stdout.write("<html>\x1b[31mproxy says hello\n")
        case "hang" | "flood":
            return
        case _:
            raise _Answer(1, f"{program}: Bad Gateway (HTTP 502)")
    raise SystemExit(0)


def _asked(argv: list[str], given: str, program: str, state: State) -> str:
    if argv[:2] == ["issue", "list"]:
        return json.dumps(_listed(argv[2:], program, state))
    if argv[:1] == ["api"]:
        return json.dumps(_api(argv[1:], given, program, state))
    raise _Answer(1, f"unknown command {' '.join(argv)!r}")


def _options(words: list[str]) -> tuple[list[str], dict[str, str]]:
    plain, options, at = [], {}, 0
    while at < len(words):
        if words[at].startswith("-"):
            options[words[at]] = words[at + 1]
            at += 1
        else:
            plain.append(words[at])
        at += 1
    return plain, options


def _listed(words: list[str], program: str, state: State) -> list[dict[str, Any]]:
    _, options = _options(words)
    label = options.get("--label")
    found = [
        each
        for each in state["issues"].values()
        if each["state"] == "open" and (label is None or label in each["labels"])
    ]
    if program == "glab":
        size, page = int(options["--per-page"]), int(options["--page"])
        return [_gitlab(each) for each in found[size * (page - 1) : size * page]]
    names = options["--json"].split(",")
    shown = [_github_listed(each) for each in found[: int(options["--limit"])]]
    return [{name: each[name] for name in names} for each in shown]


def _github_listed(issue: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": issue["number"],
        "title": issue["title"],
        "body": issue["body"],
        "labels": [{"id": "x", "name": name, "color": "ededed"} for name in issue["labels"]],
        "state": issue["state"].upper(),
        "milestone": {"number": 1, "title": issue["milestone"]} if issue["milestone"] else None,
        "author": {"login": issue.get("author", "someone")},
        "assignees": [{"login": name} for name in issue.get("assignees", [])],
        "url": f"https://github.com/acme/shop/issues/{issue['number']}",
    }


def _gitlab(issue: dict[str, Any]) -> dict[str, Any]:
    return {
        "iid": issue["number"],
        "title": issue["title"],
        "description": issue["body"],
        "labels": issue["labels"],
        "state": "opened" if issue["state"] == "open" else "closed",
        "milestone": {"title": issue["milestone"]} if issue["milestone"] else None,
        "author": {"username": issue.get("author", "someone")},
        "assignees": [],
        "web_url": f"https://gitlab.com/acme/shop/-/issues/{issue['number']}",
    }


def _api(words: list[str], given: str, program: str, state: State) -> Any:
    plain, options = _options(words)
    url = urlsplit(plain[0])
    found = _ISSUE.fullmatch(url.path)
    issue = state["issues"].get(found["number"]) if found else None
    if found is None or issue is None:
        raise _Answer(1, f"{program}: Not Found (HTTP 404)")
    body = json.loads(given) if given else {}
    method, part = options["--method"], found["part"]
    if part in ("comments", "notes"):
        return _commented(issue, method, body, parse_qs(url.query))
    if part == "labels":
        _label(issue, method, body, found["name"])
    elif method in ("PATCH", "PUT"):
        _changed(issue, body)
    return _gitlab(issue) if program == "glab" else _github_issue(issue)


def _github_issue(issue: dict[str, Any]) -> dict[str, Any]:
    shown = {**_github_listed(issue), "state": issue["state"]}
    return {**shown, **({"pull_request": {}} if issue.get("request") else {})}


def _commented(issue: dict[str, Any], method: str, body: dict[str, Any], query: Any) -> Any:
    if method == "POST":
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        issue["comments"].append({"body": body["body"], "created_at": at})
        return issue["comments"][-1]
    since = query.get("since", [""])[0]
    newest_first = "sort" in query
    found = [each for each in issue["comments"] if each["created_at"] >= since]
    found = found[::-1] if newest_first else found
    size, page = int(query["per_page"][0]), int(query["page"][0])
    return found[size * (page - 1) : size * page]


def _label(issue: dict[str, Any], method: str, body: dict[str, Any], name: str | None) -> None:
    """As GitHub does, for which `Bug` is `bug`."""
    there = {each.casefold() for each in issue["labels"]}
    if method == "POST":
        issue["labels"] += [each for each in body["labels"] if each.casefold() not in there]
        return
    gone = unquote(name or "").casefold()
    if gone not in there:
        raise _Answer(1, "gh: Label does not exist (HTTP 404)")
    issue["labels"] = [each for each in issue["labels"] if each.casefold() != gone]


def _changed(issue: dict[str, Any], body: dict[str, Any]) -> None:
    issue["state"] = body.get("state", issue["state"])
    issue["state"] = {"close": "closed", "reopen": "open"}.get(
        body.get("state_event", ""), issue["state"]
    )
    added = [name for name in body.get("add_labels", "").split(",") if name]
    dropped = body.get("remove_labels", "").split(",")
    kept = [name for name in issue["labels"] if name not in dropped]
    issue["labels"] = [*kept, *(name for name in added if name not in kept)]


def main(argv: list[str]) -> int:
    """Answer as `gh` or `glab`, or make both."""
    folder = os.environ.get("SCRIPTED_TRACKER")
    if folder is None:
        made = install(Path(argv[0]).resolve())
        sys.stdout.write(f"put {made} on the PATH\n")
        return 0
    here, program = Path(folder), os.environ["SCRIPTED_AS"]
    given = sys.stdin.read() if "--input" in argv else ""
    code = _run(argv, given, program, here)
    fault = now_in(here)["calls"][-1]["fault"]
    if fault == "hang":
        time.sleep(HANG_S)
    elif fault == "flood":
        sys.stdout.write("x" * FLOOD_BYTES)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
