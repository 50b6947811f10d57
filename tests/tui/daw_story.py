"""The DAW plan with something for a person to do, and how it is led with keys alone.

Rules: what a task waits for does not come by itself, so no step depends on how fast the machine is:
a question stays open until it is answered, and an agent that hangs works until it is stopped.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

from tests.tui.leading import Leader, Step
from tests.tui.test_tmux import git

from agentdeck.control.runs import fold_run
from agentdeck.core import events as e
from agentdeck.core.events import Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.shipped import sample_plan
from agentdeck.testing.kills.checkout import differences, make_checkout, seen_of
from agentdeck.testing.kills.faults import outliving

DAW: Final = "daw-agent-parallelism"
TASKS: Final = 47
# What the agents of some of its tasks do beside their work, so that a person has something to do.
SCRIPTS: Final = {
    "INFRA-001": "! ask Which database, postgres or sqlite?\n! write-answer db.txt",
    "INFRA-002": "! on 1: give-up the docker daemon does not answer\n! append infra.txt done",
    "AUTH-001": "! append auth.txt done\n! ask May I change the schema?\n! write-answer schema.txt",
    "MODEL-001": "! on 1: give-up no such model\n! append model.txt done",
    "PROMPT-GOV-001": "! on 1: hang\n! append limits.txt done",
}
APPROVED: Final = ("DB-001", "API-001")
SKIPPED: Final = "UAT-003"  # nothing needs it, and it cannot start before MODEL-001 was retried


def daw_plan() -> str:
    """The plan; its base is `main`, whatever is checked out."""
    blocks = map(_with_work, sample_plan(DAW).split("\n[[task]]\n"))
    text = "\n[[task]]\n".join(blocks).replace("[defaults]\n", "[defaults]\nretries = 0\n", 1)
    return text.replace("[plan]\n", '[plan]\nbase = "main"\n', 1)


def _with_work(block: str) -> str:
    """One task of the plan, with its script or its approval."""
    name = block.partition('id = "')[2].partition('"')[0]
    if name in APPROVED:
        return block.replace("\nphase = ", '\nland = "approve"\nphase = ', 1)
    if name not in SCRIPTS:
        return block
    head, mark, rest = block.partition('tasks.json."""')
    assert mark, name
    return f'{head}tasks.json.\n\n{SCRIPTS[name]}\n"""{rest}'


# What a person did once, in the journal.
ONCE: Final = (
    e.RunPaused, e.RunResumed, e.QueueHeld, e.QueueReleased, e.TaskPauseAsked, e.TaskResumeAsked,
    e.TaskStopAsked, e.TaskSkipped, e.TaskHeld, e.TaskReleased, e.TaskPutFirst, e.PromoteAsked,
    e.Promoted, e.EngineStarted, e.EngineStopped,
)  # fmt: skip


# --- what a person does --------------------------------------------------------------------------

WORKING: Final = "[◐◓◒◑]"
RUN_S: Final = 900.0  # for all tasks that are left; on idle cores half a minute

# The keys below are those of the plan, once it has the focus: in a log `/` would find text.
TO_THE_PLAN: Final = Step("1", r"╭─ Plan ─", gone=r"& filter")
OPENED: Final = (Step("", rf"{DAW}(.|\n)*╭─ Plan ─"), Step("", r"! \d need you"))
LOOKED_ROUND: Final = (
    Step("w", r" Wall "), Step("Escape", r"╭─ Plan ─"),
    Step("g", r"g timeline"), Step("g", r"g graph"), Step("g", r"g outline"),
    Step("%", r"╭─ Load ─"), Step("Escape", r"╭─ Plan ─"),
    Step("E", r"╭─ Events ─"), Step("Escape", r"╭─ Plan ─"),
    Step("S", r"╭─ Spending ─"), Step("Escape", r"╭─ Plan ─"),
    Step("?", r"╭─ Keys ─"), Step("Escape", r"╭─ Plan ─", gone=r"╭─ Keys ─"),
)  # fmt: skip
RUN_LED: Final = (
    Step("P", r"‖ paused"), Step("P", r"need you", gone=r"‖ paused"),
    Step("H", r"queue held"), Step("H", r"need you", gone=r"queue held"),
    Step("3", r"╭─ Agents ─+ \d of 8"), Step("-", r"╭─ Agents ─+ \d of 7"),
    Step("u", r"╭─ Agents ─+ \d of 8"), Step("4", r"╭─ Merge queue "), Step("1", r"╭─ Plan ─"),
)  # fmt: skip


def shown(task: str, sign: str) -> str:
    """The task's pane, with this sign of its state."""
    return rf"╭─ {sign} {task} "


def looked_at(task: str, sign: str) -> tuple[Step, ...]:
    """A task is found by its id, and its pane shows it in this state."""
    return (
        TO_THE_PLAN,
        Step("/", r"part of its name"),
        Step("", rf"{task}  \S.*\n\W*task, ", text=task),
        Step("Enter", rf"(╭─ \S|2) {task}\b", gone=r"task, "),
        Step("2", shown(task, sign)),
    )


TASKS_LED: Final = (
    *looked_at("PROMPT-GOV-001", WORKING),
    Step("i", r"╭─ A message to PROMPT-GOV-001 ─"),
    Step("", r"name the limits", text="name the limits"),
    Step("Enter", r"is told", gone=r"╭─ A message"),
    Step("Space", shown("PROMPT-GOV-001", "‖")),
    Step("Space", shown("PROMPT-GOV-001", WORKING)),
    Step("x", r"╭─ Stop PROMPT-GOV-001 ─"),
    Step("Right Enter", shown("PROMPT-GOV-001", "✕")),
    Step("r", shown("PROMPT-GOV-001", "✔")),
    *looked_at(SKIPPED, "[○⊘]"),
    Step("s", rf"╭─ Skip {SKIPPED} ─"),
    Step("Enter", shown(SKIPPED, "↷")),
    *looked_at("MODEL-001", "✖"),
    Step("r", shown("MODEL-001", "✔")),
    *looked_at("DB-001", "◇"),
    Step("4", r"DB-001 +approval needed \(a\)"),
    TO_THE_PLAN,
    Step("h", r"\bheld\b"),  # the sentence is wrapped where the pane is narrow
    Step("a", r"is held by you"),
    Step("h", r"DB-001 has landed"),
)
PROMOTED: Final = (
    Step("M", rf"╭─ Promote ─(.|\n)* {TASKS - 1} landings"),
    Step("Right Enter", r"Nothing waits for you", gone=r"╭─ Promote ─"),
    Step("Escape", r"╭─ Plan ─"),
)


def lead(leader: Leader) -> None:
    """From an open deck to the promotion; only the key that leaves the deck is left."""
    leader.do(OPENED + LOOKED_ROUND + RUN_LED + TASKS_LED)
    leader.do([Step("!", r"╭─ Inbox ─")])
    answered = []
    while (waits := _what_waits(leader)) is not None:
        answered.append(waits[1])
        leader.do(_answer(*waits))
    assert set(answered) == {"AUTH-001", "INFRA-001", "INFRA-002", "API-001"}, answered
    leader.do(PROMOTED)


def _what_waits(leader: Leader) -> tuple[str, str] | None:
    """The sign and the task that the inbox shows in full; None once the run is complete."""
    screen = leader.until(
        lambda screen: " ✔ complete " in screen or _in_front(screen) is not None,
        "something that waits, or the end of the run",
        RUN_S,
    )
    return None if " ✔ complete " in screen else _in_front(screen)


def _in_front(screen: str) -> tuple[str, str] | None:
    found = re.findall(r"╭─ (\S) ([A-Z][A-Z0-9-]*)(?: |$)", screen)
    return found[-1] if found else None


def _answer(sign: str, task: str) -> tuple[Step, ...]:
    """What a person does with a row of the inbox, until that is a row no more."""
    row = rf"(?m)^│ {re.escape(sign)} {task} "
    match sign:
        case "?":
            words = "sqlite, and quickly"
            return (
                Step("i", rf"╭─ {task} asks ─"), Step("", words, text=words),
                Step("Enter", r"╭─ Inbox ─", gone=rf"{row}|╭─ {task} asks ─"),
            )  # fmt: skip
        case "✖":
            words = "a, quite another way"
            return (
                Step("R", rf"╭─ Retry {task} ─"), Step("", words, text=words),
                Step("Enter", r"╭─ Inbox ─", gone=rf"{row}|╭─ Retry {task} ─"),
            )  # fmt: skip
        case "◇":
            return (Step("m", r"╭─ Inbox ─", gone=row),)
        case _:
            raise AssertionError(f"{sign} {task} waits for a person")


# --- what is true afterwards ---------------------------------------------------------------------


def make_place(repo: Path) -> dict[str, str]:
    """A person's checkout on a branch beside `main`, with work of theirs; what it looks like."""
    make_checkout(repo)
    git(repo, "switch", "--quiet", "--create", "desk")
    (repo / "daw.toml").write_text(daw_plan(), encoding="utf-8")
    return seen_of(repo)


def assert_facts(repo: Path, folder: RunFolder, before: dict[str, str], home: Path) -> None:
    """What git, the journal and the machine say of a run that was led to its end.

    Args:
        repo: the person's checkout.
        folder: of the run.
        before: what the checkout looked like.
        home: the folder that everything of this run, and nothing else, was started with.
    """
    # The engine goes once nobody looks any more; then nothing of the run is left.
    assert outliving(home) == []
    state = fold_run(folder)
    assert state.outcome is Outcome.COMPLETE
    states = {str(task.id): task.state for task in state.tasks.values()}
    assert len(states) == TASKS
    assert states.pop(SKIPPED) is TaskState.SKIPPED
    assert set(states.values()) == {TaskState.LANDED}
    # The person's branch moved to what was gated, each task once; nothing else of theirs did.
    assert git(repo, "rev-parse", "main") == git(repo, "rev-parse", f"deck/{DAW}")
    trailer = "--format=%(trailers:key=Agentdeck-Task,valueonly,separator=)"
    landed = git(repo, "log", "--first-parent", trailer, "desk..main").split()
    assert sorted(landed) == sorted(states)
    assert git(repo, "show", "main:db.txt") == "sqlite, and quickly"
    assert [one.partition(" was ")[0] for one in differences(before, seen_of(repo))] == [
        "the person's .git/refs/heads/main"
    ]
    # Each key did what it says.
    journal = Journal(folder.journal)
    try:
        told = [recorded.event for recorded in journal.history()]
    finally:
        journal.close()
    count = Counter(type(event) for event in told)
    assert {kind.__name__: count[kind] for kind in ONCE if count[kind] != 1} == {}
    assert state.tasks[TaskId("INFRA-002")].feedback == "a, quite another way"
    assert isinstance(told[-1], e.EngineStopped)
