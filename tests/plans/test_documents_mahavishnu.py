"""A real plan of drawn boxes, week by week. Everything here was counted in the document by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from agentdeck.core.plan import NoteKind, Strategy
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Draft, DraftTask, Heard
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "mahavishnu-task-orchestration.md"
WEEK_S = 604_800.0

# line of the heading: (weeks, streams, does the document put a sync point at its end)
GROUPS = {
    29: (2, 2, True),
    64: (1, 1, True),
    89: (2, 3, False),
    118: (1, 2, True),
    140: (2, 3, True),
    169: (2, 3, True),
    191: (1, 2, True),
    213: (5, 3, True),
    259: (2, 2, True),
    282: (2, 2, True),
}
# in the order of the document: title, agent, pool, number of bullets that are steps
BOXES = [
    ("NLP Parser", "nlp-engineer", "mahavishnu", 4),
    ("PostgreSQL Schema", "postgres-pro", "mahavishnu", 4),
    ("Task CRUD + Error Handling", "python-pro", "mahavishnu", 5),
    ("Semantic", "soothsayer", "mahavishnu", 4),
    ("Cmd Palette", "frontend-developer", "mahavishnu", 4),
    ("Onboarding", "ux-researcher", "session-buddy", 5),
    ("Documentation", "technical-writer", "mahavishnu", 4),
    ("Quality Assurance", "qa-expert", "crackerjack", 4),
    ("Patterns", "data-scientist", "mahavishnu", 4),
    ("Prediction", "ml-engineer", "mahavishnu", 4),
    ("Dependencies", "backend-developer", "mahavishnu", 4),
    ("Multi-Repo", "fullstack", "mahavishnu", 4),
    ("Cross-Deps", "backend-developer", "mahavishnu", 4),
    ("External API", "security-aud", "mahavishnu", 4),
    ("Crackerjack Integration", "qa-expert", "crackerjack", 4),
    ("Worktree Management", "git-workflow-mgr", "mahavishnu", 4),
    ("TUI", "python-pro", "mahavishnu", 5),
    ("SwiftUI", "swift-expert", "native", 7),
    ("CLI Polish", "frontend-developer", "mahavishnu", 5),
    ("Query Optimization", "db-optimizer", "mahavishnu", 5),
    ("Load Testing", "sre-engineer", "mahavishnu", 5),
    ("Production Deploy", "devops-engineer", "mahavishnu", 4),
    ("Documentation", "technical-writer", "crackerjack", 4),
]


@cache
def imported() -> Draft:
    return read_markdown(DOCUMENT.read_text(encoding="utf-8"), file=DOCUMENT.name)


def by_title() -> dict[str, DraftTask]:
    return {task.title: task for task in imported().tasks}


def rules(heard: Heard) -> list[tuple[int, str]]:
    return [(r.line, r.rule) for r in imported().remarks if r.heard is heard]


def test_every_box_is_a_task() -> None:
    """23 columns in 10 boxes, each with its agent, its pool and its steps."""
    found = [
        (task.title, task.agent, task.pool, task.prompt.count("\n- ")) for task in imported().tasks
    ]
    assert len(found) == 23
    assert found == BOXES


def test_every_week_is_a_phase() -> None:
    """10 groups; each task is planned for all the weeks of its group; 20 weeks in all."""
    draft = imported()
    assert [phase.line for phase in draft.phases] == list(GROUPS)
    for phase, (weeks, streams, sync) in zip(draft.phases, GROUPS.values(), strict=True):
        tasks = [task for task in draft.tasks if task.phase == phase.key]
        assert len(tasks) == streams, phase.title
        assert {task.estimate_s for task in tasks} == {weeks * WEEK_S}, phase.title
        assert phase.sync is sync, phase.title
    assert sum(weeks for weeks, _, _ in GROUPS.values()) == 20
    assert draft.phases[0].title == (
        "Phase 1: Core Implementation / Week 1-2: Dual-Stream Foundation"
    )
    assert draft.strategy is Strategy.WAVES
    assert (29, "weeks-in-order") in rules(Heard.GUESSED)


def test_files_technology_and_dependencies_are_those_of_the_boxes() -> None:
    """Two boxes list files, three a technology, one what it depends on."""
    tasks = by_title()
    assert tasks["NLP Parser"].files == [
        "core/nlp/parser.py",
        "core/nlp/intents.py",
        "core/nlp/entities.py",
    ]
    assert tasks["PostgreSQL Schema"].files == [
        "core/db/schema.py",
        "core/db/migrations/",
        "alembic/",
    ]
    assert sum(bool(task.files) for task in imported().tasks) == 2
    assert {task.title: task.after for task in imported().tasks if task.after} == {
        "Task CRUD + Error Handling": ["Week 1-2 Stream A", "Week 1-2 Stream B"]
    }
    assert [tasks[name].aliases[0] for name in ("NLP Parser", "PostgreSQL Schema")] == [
        "Week 1-2 Stream A",
        "Week 1-2 Stream B",
    ]
    assert [tasks[name].meta["technology"] for name in ("TUI", "SwiftUI", "CLI Polish")] == [
        "Python/Textual",
        "Swift/SwiftUI",
        "Python/Typer",
    ]
    assert "Technology: Swift/SwiftUI" in tasks["SwiftUI"].prompt
    assert tasks["Task CRUD + Error Handling"].meta["remark"] == (
        "Single Agent - Integration Required"
    )


def test_the_tables_beside_the_boxes_give_models_and_skills() -> None:
    """Only the first table has models; five streams have skills."""
    assert {task.title: task.model for task in imported().tasks if task.model} == {
        "NLP Parser": "sonnet",
        "PostgreSQL Schema": "sonnet",
    }
    tasks = by_title()
    assert tasks["NLP Parser"].skills == ["NLP", "LLM integration", "intent parsing"]
    assert tasks["Patterns"].skills == ["Statistical analysis", "pattern detection"]
    assert sum(bool(task.skills) for task in imported().tasks) == 5
    assert tasks["Semantic"].meta["rationale"] == "Semantic search expertise"
    assert tasks["Semantic"].meta["agent as written"] == "akosha"


def test_pools_have_the_sizes_of_their_table() -> None:
    """Four pools; of `2-3 workers` three."""
    pools = [(pool.name, pool.size) for pool in imported().pools]
    assert pools == [("mahavishnu", 3), ("session-buddy", 1), ("crackerjack", 1), ("native", 1)]
    assert (340, "range-high") in rules(Heard.GUESSED)
    by_phase = [line for line, rule in rules(Heard.GUESSED) if rule == "pool-by-phase"]
    assert by_phase == [325, 326, 327]  # the seven boxes that name no pool


def test_every_agent_is_there_once() -> None:
    """18 names over all boxes and tables; ten of them have skills in the table of agents."""
    agents = {agent.name: agent for agent in imported().agents}
    assert set(agents) == {agent for _, agent, _, _ in BOXES}
    assert len(agents) == 18
    assert {agent.use for agent in agents.values()} == {"claude"}
    assert agents["swift-expert"].skills == ["SwiftUI", "macOS native", "IPC"]
    assert agents["ml-engineer"].skills == ["ML models", "predictions"]


def test_sync_points_are_notes_and_the_odd_one_is_told() -> None:
    """One line and ten rows. Week 4 lies inside a group and starts Phase 2 before Phase 1 ends."""
    notes = [note for note in imported().notes if note.text.startswith("Sync point")]
    assert [note.line for note in notes] == [60, *range(352, 362)]
    assert {note.kind for note in notes} == {NoteKind.PROTOCOL}
    odd = [line for line, rule in rules(Heard.LEFT) if rule.startswith("sync-")]
    assert odd == [354, 354, 354]
    assert (51, "join") in rules(Heard.READ)


def test_skills_and_criteria_are_notes() -> None:
    """Four skills that are wanted, five criteria of success."""
    texts = [(note.kind, note.text, note.line) for note in imported().notes]
    wanted = [line for _, text, line in texts if text.startswith("Recommended New Skills:")]
    assert wanted == [387, 388, 389, 390]
    criteria = [(text, line) for kind, text, line in texts if kind is NoteKind.CRITERION]
    assert [line for _, line in criteria] == [436, 437, 438, 439, 440]
    assert criteria[1][0] == "Pool utilization > 70% average"
    assert imported().gates == []


@pytest.mark.parametrize("line", range(31, 300))
def test_no_line_of_a_box_is_left_without_a_word(line: int) -> None:
    """Whatever stands in a code block of the boxes is taken, or has a remark that says why not."""
    text = DOCUMENT.read_text(encoding="utf-8").split("\n")[line - 1]
    left = [r for r in imported().remarks if r.line == line and r.rule == "not-understood"]
    assert not (text.startswith(("│", "├", "└", "┌")) and left)


def test_the_draft_becomes_a_plan_that_can_be_read_back() -> None:
    """All 23 tasks, with what they wait for; written and read again it is the same plan."""
    draft = read_markdown(DOCUMENT.read_text(encoding="utf-8"), file=DOCUMENT.name)
    plan = build(draft, file=DOCUMENT.name).plan
    assert len(plan.tasks) == 23
    assert sum(len(task.after) for task in plan.tasks) == 2
    assert read_plan(write_plan(plan), file="plan.toml") == plan
