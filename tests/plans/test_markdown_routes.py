"""Tables that speak of many tasks at once become routes, complexities and deferrals."""

from __future__ import annotations

from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.markdown.document import read_markdown

TASKS = (
    "| ID | Task | Time |\n|-|-|-|\n| X-4A-1 | a | 1h |\n| X-4A-2 | b | 1h |\n"
    "| X-TODO-1 | c | 1h |\n"
    "| X-3D-1 | d | 1h |\n| X-3E-1 | e | 1h |\n\n"
)


def read(text: str) -> Draft:
    return read_markdown(f"# P\n\n{TASKS}## More\n\n{text}", file="p.md")


def rules(draft: Draft) -> set[str]:
    return {remark.rule for remark in draft.remarks}


def test_categories_with_globs() -> None:
    """Each id and glob that matches is a route; the others are told."""
    draft = read(
        "| Category | Model | Agent |\n|-|-|-|\n| Build (X-4A-*, X-3D-1) | Haiku | Codex |\n"
        "| Gone (Y-*) | opus | |\n| Review (after all) | sonnet | |\n| None (X-*) | Mix | |\n"
    )
    routes = [(route.id, route.model, route.agent) for route in draft.routes]
    assert routes == [("X-4A-*", "haiku", "codex"), ("X-3D-1", "haiku", "codex")]
    assert {"glob-matches-nothing", "category"} <= rules(draft)
    plan = build(draft, file="p.md").plan
    assert [plan.settings(task.id).model for task in plan.tasks] == [
        "haiku", "haiku", None, "haiku", None,
    ]  # fmt: skip


def test_routes_by_complexity() -> None:
    """A table of complexities routes by them."""
    draft = read("| Complexity | Model |\n|-|-|\n| Low | haiku |\n| Very High | opus |\n")
    routes = [(route.complexity, route.model) for route in draft.routes]
    assert routes == [("low", "haiku"), ("very-high", "opus")]


def test_series_by_id() -> None:
    """The first word of a series is a part of the ids; `Phase 3` means 3, 3A and 3B."""
    draft = read(
        "| Series | Count | Complexity | Model |\n|-|-|-|-|\n| 4A (Apps) | 2 | HIGH | Sonnet |\n"
        "| TODO fixes | 1 | LOW | Skip for now - too early |\n| Phase 3 | 2 | MEDIUM | Mix |\n"
        "| Suite | 1 | LOW | Haiku |\n"
    )
    assert [task.complexity for task in draft.tasks] == ["high", "high", "low", "medium", "medium"]
    assert [task.model for task in draft.tasks] == ["sonnet", "sonnet", None, None, None]
    assert [task.defer for task in draft.tasks][2] == "Skip for now - too early"
    assert {"series-by-id", "series", "series-skipped"} <= rules(draft)


def test_what_else_a_row_says_is_a_note() -> None:
    """Nothing of it is lost."""
    draft = read("| Category | Model | Why |\n|-|-|-|\n| Build (X-4A-*) | haiku | fast |\n")
    notes = [note.text for note in draft.notes]
    assert "Category: Build (X-4A-*); Model: haiku; Why: fast" in notes
