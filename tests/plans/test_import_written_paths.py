"""Paths that documents name become footprints, and nothing else does."""

from __future__ import annotations

import pytest

from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.written_paths import add_files, inside, paths_in


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("src/a.py", "src/a.py"),
        ("./src/a.py", "src/a.py"),
        ("`src/a.py`", "src/a.py"),
        ("src/a.py:12-30", "src/a.py"),
        ("src/a.py#L4", "src/a.py"),
        ("src/**/*.ts", "src/**/*.ts"),
        ("docs/", "docs/"),
        ("../other/a.py", None),
        ("src/../../a.py", None),
        ("/etc/hosts", None),
        ("~/notes.md", None),
        ("C:\\a.py", None),
        ("https://example.org/a.py", None),
        ("", None),
    ],
)
def test_a_path_is_below_the_repository_or_none(written: str, path: str | None) -> None:
    assert inside(written) == path


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("Create User model in src/models/user.py", ["src/models/user.py"]),
        ("Write src/a.ts, then tests/a.test.ts.", ["src/a.ts", "tests/a.test.ts"]),
        ("Configure linting in .eslintrc.json", [".eslintrc.json"]),
        ("Update `README.md` (see web/src/)", ["README.md", "web/src/"]),
        ("Use CI/CD and/or TCP/IP", []),
        ("POST /api/users returns 201", []),
        ("See plan.md and https://example.org/a/b.html", []),
        ("Version 1.2 of e.g. v2.0/3.1", []),
        ("Never in ../secret/key.pem", []),
        ("src/a.py src/a.py", ["src/a.py"]),
    ],
)
def test_running_text_names_only_what_is_clearly_a_path(text: str, paths: list[str]) -> None:
    assert paths_in(text) == paths


def test_what_is_no_path_of_the_repository_is_remarked_and_each_file_is_named_once() -> None:
    draft = Draft(name="x", format="x")
    task = DraftTask(title="t", line=3, files=["a.py"])
    add_files(task, ["a.py", "./a.py", "b/", "/c"], draft, 7)
    assert task.files == ["a.py", "b/"]
    assert [(remark.line, remark.rule) for remark in draft.remarks] == [(7, "path-outside")]
