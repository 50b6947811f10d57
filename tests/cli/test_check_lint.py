"""`agentdeck check`: warnings with codes and lines, --strict, --fix, --json, and documents."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Deck = Callable[..., Any]  # the fixture: words to code, out and err

PLAN = """\
version = 1
[plan]
name = "p"
[gates.unit]
run = "surely-no-such-program -q"
[defaults]
agent = "scripted"
[[task]]
id = "A"
title = "First"
prompt = "Write the first file, with a test."
estimate = "5min"
files = ["raedme/x.md"]
[[task]]
id = "B"
title = "Second"
prompt = "Write the second file, with a test."
estimate = "5min"
files = ["docs/b.md"]
after = ["A"]
[[task]]
id = "C"   # the last
title = "Third"
prompt = "Write the third file, with a test."
estimate = "5min"
files = ["docs/c.md"]
after = [
    "A", # needless
    "B",
]
"""


def codes(out: str) -> list[str]:
    return re.findall(r"\[(AD\d\d\d) [a-z-]+\]$", out, re.MULTILINE)


def prepared(repo: Path) -> bytes:
    (repo / "docs").mkdir()
    (repo / "docs" / "a.md").write_text("a\n")
    (repo / "p.toml").write_text(PLAN)
    subprocess.run(["git", "add", "docs"], cwd=repo, check=True)
    return (repo / "p.toml").read_bytes()


def test_warnings_name_file_line_code_and_what_to_do(deck: Deck, repo: Path) -> None:
    prepared(repo)
    said = deck("check", "p.toml")
    assert said.code == 0
    assert codes(said.out) == ["AD403", "AD301", "AD101"]
    assert 'p.toml:5: warning: gates.unit.run: runs "surely-no-such-program"' in said.out
    assert "p.toml:13: warning: task A, files: " in said.out
    assert "p.toml:28: warning: task C, after: waits for A through other tasks already" in said.out
    assert "  hint: take A out of `after`" in said.out
    assert said.out.endswith("p.toml: ok: plan p, 3 tasks, 0 phases, 1 gate, 3 warnings\n")


def test_strict_makes_warnings_problems(deck: Deck, repo: Path) -> None:
    prepared(repo)
    assert deck("check", "p.toml", "--strict").code == 2
    data = json.loads(deck("check", "p.toml", "--strict", "--json").out)
    assert data["ok"] is False
    clean = PLAN.replace("surely-no-such-program -q", "true").replace("raedme", "docs")
    (repo / "p.toml").write_text(clean.replace('    "A", # needless\n', ""))
    strict = deck("check", "p.toml", "--strict")
    assert (strict.code, strict.out) == (0, "p.toml: ok: plan p, 3 tasks, 0 phases, 1 gate\n")


def test_json_has_every_finding_with_its_fields(deck: Deck, repo: Path) -> None:
    prepared(repo)
    data = json.loads(deck("check", "p.toml", "--json").out)
    assert (data["ok"], data["tasks"]) == (True, 3)
    assert data["findings"][-1] == {
        "code": "AD101",
        "rule": "redundant-dependency",
        "severity": "warning",
        "file": "p.toml",
        "line": 28,
        "key": "task C, after",
        "message": "waits for A through other tasks already",
        "fix": "take A out of `after`",
        "fixable": True,
    }


def test_fix_takes_out_what_is_needless_and_keeps_the_rest(deck: Deck, repo: Path) -> None:
    """Once it changes one line and says so, twice it changes nothing."""
    before = prepared(repo)
    said = deck("check", "p.toml", "--fix")
    assert said.code == 0
    assert "p.toml: fixed: A is no longer in `after` of C" in said.out
    assert codes(said.out) == ["AD403", "AD301"]
    after = (repo / "p.toml").read_bytes()
    assert after == before.replace(b'    "A", # needless\n', b"")
    again = deck("check", "p.toml", "--fix")
    assert "fixed" not in again.out
    assert (repo / "p.toml").read_bytes() == after
    data = json.loads(deck("check", "p.toml", "--fix", "--json").out)
    assert data["fixed"] == []


def test_another_repository_can_be_named(deck: Deck, repo: Path, tmp_path: Path) -> None:
    prepared(repo)
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert "AD301" not in codes(deck("check", "p.toml", "--repo", str(other)).out)
    wrong = deck("check", "p.toml", "--repo", "nowhere")
    assert (wrong.code, "there is no such folder" in wrong.err) == (2, True)


def test_a_document_is_looked_at_too_and_not_fixed(deck: Deck, repo: Path) -> None:
    """Lines are those of the document."""
    (repo / "plan.md").write_text(
        "# Plan\n\n## Wave 1\n\n| ID | Task | Files | Depends on | Estimate |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| T1 | First thing | README.md | None | 1h |\n"
        "| T2 | Second thing | README.md | T1 | 1h |\n"
        "| T3 | Third thing | README.md | T1, T2 | 1h |\n"
    )
    said = deck("check", "plan.md")
    assert said.code == 0, said.err
    assert "plan.md:9: warning: task T3, after: waits for T1" in said.out
    fixed = deck("check", "plan.md", "--fix")
    assert fixed.code == 2
    assert "agentdeck import plan.md -o plan.toml" in fixed.err


def test_problems_come_before_warnings(deck: Deck, repo: Path) -> None:
    (repo / "p.toml").write_text(PLAN.replace('after = ["A"]', 'after = ["Z"]'))
    for words in ((), ("--fix",), ("--strict",)):
        said = deck("check", "p.toml", *words)
        assert (said.code, said.out) == (2, "")
        assert "p.toml:20: task B, after" in said.err
