"""The shipped plans read without a fault and say what the documents they come from say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from agentdeck.cli.app import main
from agentdeck.core.events import GroupIntended
from agentdeck.core.graph import bottom_level_s
from agentdeck.core.plan import Plan, Strategy
from agentdeck.engine.folders import all_runs
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan
from agentdeck.shipped import sample_plan, sample_plans

RUN_S = 90.0  # of four scripted agents that do nothing long; on idle cores it takes five
DOCUMENTS = Path(__file__).parent / "plans" / "documents"
# Task, duration, dependencies: the tables of the DAW document, row by row.
DAW_TABLE = """\
CORE-001           30min
INFRA-001          2hr    CORE-001
INFRA-002          1hr    CORE-001
PROMPT-GOV-001     1hr    CORE-001
CORE-002           1hr    CORE-001
FRONTEND-001       30min  CORE-001
AUTH-001           1hr    CORE-001
DB-001             2hr    CORE-002
CORE-003           3hr    CORE-002
MODEL-001          4hr    CORE-002
AUTH-002           2hr    CORE-002 AUTH-001
MCP-SEC-001        4hr    CORE-003 AUTH-002
MCP-SEC-002        3hr    MCP-SEC-001
MCP-SEC-003        3hr    MCP-SEC-001
MCP-SEC-004        3hr    MCP-SEC-001
PROMPT-GOV-002     4hr    PROMPT-GOV-001 CORE-002
CORE-004           3hr    CORE-002
CORE-005           2hr    CORE-002
CORE-006           3hr    CORE-002 DB-001
OPS-001            2hr    CORE-002
PLANNER-001        6hr    CORE-002 DB-001 CORE-003 MODEL-001
PLANNER-002        3hr    PLANNER-001
COMPLEXITY-001     4hr    PLANNER-001 CORE-003
TASK-DECOMP-001    4hr    PLANNER-001 COMPLEXITY-001
PRD-OUTPUT-001     3hr    PLANNER-001
EXECUTOR-001       6hr    CORE-005 CORE-004 CORE-003 MODEL-001
OPS-002            4hr    EXECUTOR-001 DB-001 CORE-003
RULES-001          3hr    EXECUTOR-001
VALIDATOR-001      8hr    CORE-002 MODEL-001 CORE-003
VALIDATOR-002      4hr    VALIDATOR-001
POLICY-001         6hr    VALIDATOR-001
POLICY-002         4hr    DB-001 POLICY-001
API-001            4hr    CORE-002 AUTH-002
STREAMING-001      4hr    CORE-002 FRONTEND-001
FRONTEND-AUTH-001  3hr    FRONTEND-001 AUTH-001
FRONTEND-002       4hr    FRONTEND-001 STREAMING-001
FRONTEND-003       4hr    FRONTEND-001 STREAMING-001
INFRA-003          3hr    INFRA-002
EVAL-001           3hr    PLANNER-001 EXECUTOR-001
EVAL-002           6hr    EVAL-001 VALIDATOR-001
EVAL-003           3hr    EVAL-002
UAT-001            6hr    VALIDATOR-001 FRONTEND-002 CORE-003
UAT-002            3hr    UAT-001
UAT-003            3hr    UAT-001
DRIFT-001          4hr    OPS-001 EXECUTOR-001
DRIFT-002          3hr    DRIFT-001
ORCHESTRATOR-001   8hr    MODEL-001 PLANNER-001 EXECUTOR-001 VALIDATOR-001
"""
DAW_WAVE_SIZES = (4, 6, 6, 4, 5, 3, 4, 6, 8, 1)
DAW_LONGEST_CHAIN_H = 23.5

# Wave, task, model, package, tokens: the tables of the MAH document, row by row.
MAH_TABLE = """\
1 MAH-TODO-007  haiku   internal/php/              5K
1 MAH-TODO-008  haiku   internal/system/           5K
1 MAH-TODO-009  haiku   internal/metrics/          5K
1 MAH-4C-004    haiku   internal/api/keys/         8K
1 MAH-4C-005    haiku   internal/middleware/       8K
1 MAH-4D-010    haiku   internal/audit/            8K
2 MAH-4A-006    sonnet  internal/deploy/env/       15K
2 MAH-4A-007    sonnet  internal/deploy/logs/      15K
2 MAH-4C-009    haiku   internal/integrations/     10K
2 MAH-4D-008    sonnet  internal/incidents/        15K
2 MAH-3E-001    sonnet  internal/admin/reports/    15K
3 MAH-4A-001    sonnet  internal/deploy/git/       20K
3 MAH-4A-002    sonnet  internal/webhooks/         20K
3 MAH-4C-003    sonnet  internal/ws/               20K
3 MAH-3D-001    sonnet  internal/cron/             20K
4 MAH-4A-003    sonnet  internal/runtime/nodejs/   25K
4 MAH-4A-004    sonnet  internal/runtime/python/   25K
4 MAH-4A-005    sonnet  internal/runtime/static/   25K
4 MAH-4A-010    sonnet  internal/runtime/docker/   30K
5 MAH-4C-002    sonnet  internal/graphql/          30K
5 MAH-4C-008    sonnet  cmd/mah-cli/               30K
5 MAH-4D-009    sonnet  internal/chatops/          25K
5 MAH-4F-001    sonnet  internal/terminal/         30K
6 MAH-4E-001    sonnet  internal/agent/            35K
6 MAH-4E-003    sonnet  internal/placement/        25K
6 MAH-4E-004    sonnet  internal/migration/        30K
"""
SECONDS = {"30min": 1800.0} | {f"{hours}hr": hours * 3600.0 for hours in range(1, 9)}


def load(name: str) -> Plan:
    return read_plan(sample_plan(name), file=f"{name}.toml")


IMPORTED = sorted(path.stem for path in DOCUMENTS.glob("*.md"))


@pytest.mark.parametrize("name", IMPORTED)
def test_a_sample_is_what_the_importer_makes_of_its_document(name: str, tmp_path: Path) -> None:
    """Byte for byte, comments included, so a sample never drifts from its document or importer."""
    shutil.copy(DOCUMENTS / f"{name}.md", tmp_path)
    here = ["-C", str(tmp_path)]
    assert main([*here, "import", f"{name}.md", "-o", f"{name}.toml", "--quiet"]) == 0
    assert (tmp_path / f"{name}.toml").read_text(encoding="utf-8") == sample_plan(name)


def test_all_five_documents_are_samples() -> None:
    assert len(IMPORTED) == 5
    assert set(IMPORTED) < set(sample_plans())


@pytest.mark.parametrize("name", sample_plans())
def test_every_sample_plan_reads_and_each_task_says_what_to_do(name: str) -> None:
    plan = load(name)
    silent = [
        t.id for t in plan.tasks if not (t.title and (t.prompt.strip() or t.defer or t.human))
    ]
    assert plan.tasks
    assert not silent


def test_daw_has_exactly_the_tasks_durations_and_dependencies_of_the_tables() -> None:
    """Each of the 47 rows, nothing invented and nothing lost."""
    rows = [line.split() for line in DAW_TABLE.splitlines()]
    expected = {row[0]: (SECONDS[row[1]], tuple(row[2:])) for row in rows}
    plan = load("daw-agent-parallelism")
    assert len(plan.tasks) == 47
    assert {task.id: (task.estimate_s, task.after) for task in plan.tasks} == expected


def test_daw_keeps_the_ten_waves_and_runs_eagerly_with_eight_agents() -> None:
    plan = load("daw-agent-parallelism")
    sizes = Counter(task.phase for task in plan.tasks)
    assert tuple(sizes[phase.id] for phase in plan.phases) == DAW_WAVE_SIZES
    assert (plan.strategy, plan.agents_limit) == (Strategy.EAGER, 8)


def test_daw_routes_models_by_category() -> None:
    """Setup goes to haiku, the named categories to sonnet; of the others the document is silent."""
    plan = load("daw-agent-parallelism")
    models = {task.id: plan.settings(task.id).model for task in plan.tasks}
    assert {name for name, model in models.items() if model == "haiku"} == {
        "CORE-001",
        "INFRA-001",
        "INFRA-002",
        "INFRA-003",
    }
    sonnet = {name for name, model in models.items() if model == "sonnet"}
    assert sonnet == {n for n in models if re.match(r"(MODEL|PLANNER|MCP-SEC|EVAL|UAT)-", n)}
    assert set(models.values()) == {"haiku", "sonnet", None}


def test_daw_has_the_longest_chain_of_its_tables() -> None:
    """Which is not the one that the document draws."""
    plan = load("daw-agent-parallelism")
    needs = {task.id: task.after for task in plan.tasks}
    lengths = bottom_level_s(needs, {task.id: task.estimate_s or 0.0 for task in plan.tasks})
    assert max(lengths.values()) == DAW_LONGEST_CHAIN_H * 3600


def test_mah_has_exactly_the_tasks_of_the_tables_in_six_waves() -> None:
    """26 tasks with wave, model, package and tokens as written, and no invented dependency."""
    rows = [line.split() for line in MAH_TABLE.splitlines()]
    plan = load("mah-parallel-execution")
    found = [
        [
            str(task.phase).removeprefix("wave-"),
            str(task.id),
            str(plan.settings(task.id).model),
            *task.files,
            f"{(task.tokens or 0) // 1000}K",
        ]
        for task in plan.tasks
        if task.defer is None
    ]
    assert found == rows
    assert len(rows) == 26
    assert [phase.id for phase in plan.phases][:6] == [f"wave-{n}" for n in range(1, 7)]
    assert plan.strategy is Strategy.WAVES
    assert not any(task.after for task in plan.tasks)


def test_mah_defers_the_whole_4b_series_with_its_reason() -> None:
    deferred = [task for task in load("mah-parallel-execution").tasks if task.defer]
    assert [task.id for task in deferred] == [f"MAH-4B-{number:03d}" for number in range(1, 11)]
    assert {task.defer for task in deferred} == {
        "Requires architectural decisions, very high complexity"
    }


def test_quickstart_starts_two_joins_them_and_forks_again() -> None:
    """Five tasks are enough to show waiting, joining and two at once."""
    plan = load("quickstart")
    assert {task.id: task.after for task in plan.tasks} == {
        "GREETING": (),
        "FAREWELL": (),
        "CLI": ("GREETING", "FAREWELL"),
        "TESTS": ("CLI",),
        "README": ("CLI",),
    }
    assert all(task.agent is None for task in plan.tasks), "the command line chooses the agent"


def test_two_repositories_run_as_the_header_of_their_plan_says(tmp_path: Path) -> None:
    """The commands of its comment, word for word; then both sides of the group have landed."""
    text = sample_plan("two-repositories")
    header = text.partition("[plan]")[0]
    said = [re.split(r" {4,}", line[4:])[0] for line in header.splitlines() if line[:4] == "#   "]
    assert [line.split()[0] for line in said] == ["git", "git", "cp", "cd"]
    (tmp_path / "two-repositories.toml").write_text(text)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-e"],
        input="\n".join(said),
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    landed = {name: _subjects(tmp_path / name) for name in ("store", "client")}
    assert landed == {
        "store": [
            "Complete STORE-NOTES: Tell what has changed",
            "Complete STORE-SESSIONS: The store serves sessions",
        ],
        "client": [
            "Complete CLIENT-HINT: Say who is logged in",
            "Complete CLIENT-SESSIONS: The client reads sessions",
        ],
    }
    journal = Journal(all_runs()[0].journal)
    try:
        groups = [one.event for one in journal.read() if isinstance(one.event, GroupIntended)]
    finally:
        journal.close()
    assert [len(group.moves) for group in groups] == [2]


def _subjects(repo: Path) -> list[str]:
    """Of what has landed, the newest first."""
    argv = ["git", "log", "--first-parent", "--format=%s", "deck/sessions"]
    told = subprocess.run(argv, cwd=repo, check=True, capture_output=True, text=True).stdout
    return told.splitlines()[:-1]
