"""The document in prose: streams with fields, numbered tasks, human tasks, an alternative."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.core.plan import NoteKind, Plan, Strategy
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Heard, Imported
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "ai-webhook-multi-agent.md"

# line, title, hours, after: 4 human tasks, 3 streams, 3 numbered tasks, 2 alternatives, 3 streams
TASKS = [
    (15, "Test MCP tools", 0.75, []),
    (16, "Migrate JSON data", 0.75, ["test-mcp-tools"]),
    (17, "Switch to Postgres", 0.75, ["migrate-json-data"]),
    (18, "End-to-end testing", 0.75, ["switch-to-postgres"]),
    (28, "Session CLI Tool", 2, []),
    (47, "LLM API Guide", 2, []),
    (68, "Webhook Examples", 1, []),
    (124, "Agent Registry Configuration", 1, []),
    (125, "Control Agent Implementation", 4, ["agent-registry-configuration"]),
    (126, "Task Queue Worker", 3, ["control-agent-implementation"]),
    (134, "Agent Registry + Spawn Logic", 3, []),
    (143, "Task Management Logic", 3, []),
    (162, "Agent Heartbeat", 2, []),
    (180, "LISTEN/NOTIFY", 3, []),
    (199, "Structured Logging", 2, []),
]
FILES = {
    "Session CLI Tool": ["session_cli.py", "client/session_cli.py"],
    "LLM API Guide": [
        "docs/LLM_SESSION_API.md",
        "docs/CHATGPT_INTEGRATION.md",
        "docs/CLAUDE_MOBILE_INTEGRATION.md",
    ],
    "Webhook Examples": [
        "examples/create_session.json",
        "examples/conversation_batch.json",
        "examples/store_memory.json",
        "examples/delegate_task.json",
        "examples/add_artifact.json",
        "examples/README.md",
    ],
    "Agent Heartbeat": ["client/heartbeat.py", "control_agent.py"],
    "LISTEN/NOTIFY": [
        "database/triggers_notify.sql",
        "client/notification_listener.py",
        "client/client.py",
    ],
    "Structured Logging": ["client/logging_config.py", "client/"],
}


@pytest.fixture(scope="module")
def imported() -> Imported:
    text = DOCUMENT.read_text(encoding="utf-8")
    return build(read_markdown(text, file=DOCUMENT.name), file=DOCUMENT.name)


@pytest.fixture(scope="module")
def plan(imported: Imported) -> Plan:
    return imported.plan


def test_every_task_of_the_document_is_there_once(plan: Plan) -> None:
    """15 tasks; the batches further down name nine of them again and make no new ones."""
    found = [
        (task.line, task.title, (task.estimate_s or 0) / 3600, list(task.after))
        for task in plan.tasks
    ]
    assert found == TASKS


def test_phases_run_in_order(plan: Plan) -> None:
    """Four phases with 4, 3, 5 and 3 tasks; no task names one of another phase, so they wait."""
    assert [phase.title for phase in plan.phases] == [
        "Phase 1: Infrastructure Validation",
        "Phase 2: Session Management",
        "Phase 3: Agent Orchestration",
        "Phase 4: Real-Time Features",
    ]
    counts = [sum(task.phase == phase.id for task in plan.tasks) for phase in plan.phases]
    assert counts == [4, 3, 5, 3]
    assert plan.strategy is Strategy.WAVES
    assert plan.agents_limit == 3


def test_people_do_the_first_phase(plan: Plan) -> None:
    """Four tasks for a human, one after the other; their three hours are divided."""
    assert [task.human for task in plan.tasks] == [True] * 4 + [False] * 11
    assert plan.tasks[3].meta["why sequential"] == "Depends on all above"


def test_files_are_those_of_the_lists(plan: Plan) -> None:
    """Marks such as `(new)` and verbs are no part of a path; a folder may stand for "all files"."""
    assert {task.title: list(task.files) for task in plan.tasks if task.files} == FILES


def test_agents_and_prompts(plan: Plan) -> None:
    """Of "Claude Code (Agent 2) or Codex" the first is taken; the steps are the prompt."""
    agents = [task.agent for task in plan.tasks]
    assert agents == [None] * 4 + ["claude"] * 3 + [None] * 3 + ["claude"] * 5
    guide = next(task for task in plan.tasks if task.title == "LLM API Guide")
    assert guide.meta["agent"] == "Claude Code (Agent 2) or Codex"
    assert guide.prompt == (
        "LLM API Guide\n\n"
        "Create comprehensive LLM integration guide\n\n"
        "- Document all webhook commands with examples\n"
        "- Payload format for each command type\n"
        "- Response formats\n"
        "- Error handling\n"
        "- Best practices\n"
        "- Example prompts for ChatGPT/Claude"
    )


def test_the_other_way_to_do_it_is_deferred(plan: Plan) -> None:
    """Two streams only happen "if we split control agent"."""
    deferred = {task.title: task.defer for task in plan.tasks if task.defer}
    assert deferred == {
        "Agent Registry + Spawn Logic": "an alternative: If we split control agent",
        "Task Management Logic": "an alternative: If we split control agent",
    }


def test_what_can_be_mocked_is_no_dependency(plan: Plan) -> None:
    """It is kept with the task, and remarked."""
    heartbeat = next(task for task in plan.tasks if task.title == "Agent Heartbeat")
    assert heartbeat.after == ()
    assert heartbeat.meta["soft dependency"] == "Needs control_agent.py structure (can mock)"
    assert heartbeat.meta["blockers"] == "None if we provide interface spec"


def test_the_conflict_is_a_risk_with_its_solution(plan: Plan) -> None:
    """Three ways out, as the answer."""
    (risk,) = [note for note in plan.notes if note.kind is NoteKind.RISK]
    assert risk.line == 352
    assert "Agent 2 and Agent 3 both update client/client.py" in risk.text
    assert risk.answer.count(";") == 2


def test_what_was_guessed(imported: Imported) -> None:
    """Each guess once, with the line it comes from."""
    guesses = [(one.line, one.rule) for one in imported.remarks if one.heard is Heard.GUESSED]
    assert sorted(guesses) == [
        (1, "timeout-from-estimates"),
        (9, "phases-in-order"),
        (9, "sequential-section"),
        (20, "total-divided"),
        (48, "first-of-several"),
        (69, "first-of-several"),
        (97, "agents-at-once"),
        (122, "ordinal-words"),
        (126, "dependency-by-words"),
        (175, "soft-dependency"),
        (204, "folder-from-words"),
    ]


def test_lists_of_agents_are_recognised(imported: Imported) -> None:
    """Batches 1 to 3 name three tasks each."""
    again = [one.line for one in imported.remarks if one.rule == "known-again"]
    assert {244, 245, 246, 259, 260, 261, 276, 277, 278} <= set(again)


def test_the_plan_is_a_plan(plan: Plan) -> None:
    """Written as a file and read again it is the same."""
    again = read_plan(write_plan(plan), file="plan.toml")
    assert again.tasks == plan.tasks
    assert again.notes == plan.notes
