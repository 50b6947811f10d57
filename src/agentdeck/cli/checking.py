"""`agentdeck check`: problems that keep a plan from running, and what is probably a mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentdeck.cli.output import note, paint, safe, say, say_json
from agentdeck.core.errors import EXIT_OK, EXIT_USAGE, UsageError

if TYPE_CHECKING:
    from agentdeck.core.plan import Plan
    from agentdeck.plans.lint.finding import Edge, Finding


def check_plan(
    named: Path, folder: Path, *, repo: Path | None, fix: bool, strict: bool, as_json: bool
) -> int:
    """Read a plan, look at it, and say what was found; the exit status.

    Args:
        named: the plan file, as it was typed.
        folder: what it is relative to.
        repo: a folder of the repository it is for; None = `folder`.
        fix: set right what can be.
        strict: warnings are problems.

    Raises:
        PlanProblems: the plan cannot be used (with `as_json` they are printed instead).
    """
    from agentdeck.cli.planfile import load_plan
    from agentdeck.plans.problems import PlanProblems

    try:
        plan, text = load_plan(named, folder)
        edges = _fix(named, folder, plan) if fix else []
        if edges:
            plan, text = load_plan(named, folder)
    except PlanProblems as fault:
        if not as_json:
            raise
        say_json({"ok": False, "problems": list(fault.problems)})
        return fault.exit_code
    findings = _look(named, folder, plan, text, repo)
    failed = strict and any(finding.severity == "warning" for finding in findings)
    counts = {"tasks": len(plan.tasks), "phases": len(plan.phases), "gates": len(plan.gates)}
    if as_json:
        fixed = {"fixed": [f"{edge.task} -> {edge.needs}" for edge in edges]} if fix else {}
        say_json({"ok": not failed, "plan": plan.name, **counts, "findings": findings, **fixed})
    else:
        _print(named, plan, counts, findings, edges, failed=failed)
    return EXIT_USAGE if failed else EXIT_OK


def _look(named: Path, folder: Path, plan: Plan, text: str, repo: Path | None) -> list[Finding]:
    from agentdeck.control.surroundings import around
    from agentdeck.plans.lint.rules import lint
    from agentdeck.plans.lint.subject import Subject

    place = folder if repo is None else folder / repo
    if not place.is_dir():
        raise UsageError(f"--repo {repo}: there is no such folder")
    own = text if _is_own(named, folder) else None
    return lint(Subject(plan, text=own, file=str(named), around=around(plan, place)))


def _is_own(named: Path, folder: Path) -> bool:
    """Is it a plan file, and not a document that was imported?"""
    from agentdeck.cli.planfile import read_text
    from agentdeck.plans.imports.detect import is_own

    return is_own(str(named), read_text(folder / named, named))


def _fix(named: Path, folder: Path, plan: Plan) -> list[Edge]:
    """Take needless dependencies out of the file; which these were."""
    from agentdeck.cli.planfile import read_text
    from agentdeck.control.catalog import load_catalog
    from agentdeck.control.rewrite import replace_file
    from agentdeck.plans.editing.plantext import BOM
    from agentdeck.plans.lint.fix import fixed

    if not _is_own(named, folder):
        raise UsageError(
            f"{named} is no plan file of agentdeck, and only those are changed",
            hint=f"`agentdeck import {named} -o plan.toml` makes one of it",
        )
    path = folder / named
    data = path.read_bytes()
    text = read_text(path, named)
    if data.startswith(BOM.encode()):
        text = BOM + text

    def read_file(name: str) -> str:
        return read_text(path.parent / name, Path(name))

    names = load_catalog().names
    result, edges = fixed(plan, text, file=str(named), read_file=read_file, adapters=names)
    if edges:
        replace_file(path, data, result.after.encode())
    return edges


def _print(
    named: Path,
    plan: Plan,
    counts: dict[str, int],
    findings: Sequence[Finding],
    edges: Sequence[Edge],
    *,
    failed: bool,
) -> None:
    for edge in edges:
        say(f"{safe(str(named))}: fixed: {edge.needs} is no longer in `after` of {edge.task}")
    for finding in findings:
        first, *hint = str(finding).split("\n", 1)
        word = str(finding.severity)
        colour = "yellow" if word == "warning" else "cyan"
        say(safe(first).replace(f" {word}: ", f" {paint(word, colour)}: ", 1))
        if hint:
            say(f"  {paint('hint:', 'cyan')} {safe(hint[0].strip().removeprefix('hint: '))}")
    words = ", ".join(f"{n} {word[:-1] if n == 1 else word}" for word, n in counts.items())
    by = Counter(str(finding.severity) for finding in findings)
    told = {"warning": by["warning"], "note": by["info"]}
    more = "".join(f", {n} {word}{'s' if n > 1 else ''}" for word, n in told.items() if n)
    if failed:
        note(f"{safe(str(named))}: with --strict warnings are problems")
    state = paint("warnings", "yellow") if failed else paint("ok", "green")
    say(f"{safe(str(named))}: {state}: plan {safe(plan.name)}, {words}{more}")
