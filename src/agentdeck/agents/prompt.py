"""What an agent is told, and what commits are called.

Rules:
- The brief of the task stands at the margin, as its author wrote it. Everything that other agents,
  gates or git have said is indented, so it cannot be taken for a part of the brief.
- Who goes on in its session has the brief already, and is told only what is new.
- Every part has a bound; the whole is far below what an argument may hold.
- A commit message has one line for each thing, whatever a title holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from agentdeck.agents.foreign_text import indented, listed
from agentdeck.agents.one_line import CUT, one_line, plain_text
from agentdeck.agents.repair_prompt import repair_section
from agentdeck.agents.titles import title_line
from agentdeck.core import evidence
from agentdeck.core.containment import Containment, containment_of
from agentdeck.core.events import AskKind, FailureClass, ReviewVerdict
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import GateWhen, Plan
from agentdeck.core.state import Attempt, RunState, TaskRun

BRIEF_CHARS: Final = 60_000  # a brief longer than a short story belongs into a file of the repo
FEEDBACK_CHARS: Final = 8_000  # the end of a gate's log
REVIEW_CHARS: Final = 60_000  # a review with as many comments as there may be
SAID_CHARS: Final = 20_000  # of one message of a person
SAID_NEW: Final = 10  # messages, the latest ones
SAID_BEFORE: Final = 20  # likewise; who says more has said it in the plan
SAID_BEFORE_CHARS: Final = 1_000  # of each of those
MESSAGE_CHARS: Final = 600  # of each task this one needs
NEEDED_TASKS: Final = 20  # of those told about; a task that needs more is a mere joint
NAMED_FILES: Final = 12  # of each task this one needs
NAMED_PATTERNS: Final = 200  # of the footprint
GATE_CHARS: Final = 300  # of a gate's command
SUBJECT_CHARS: Final = 72  # of a message that lists its parts below anyway
WORD_CHARS: Final = 120  # of a trailer's value

_RULES: Final = """\
- You are in a git worktree of your own, on a branch of your own. Work only below this folder.
- Commit your work when it is done. What is not committed is committed for you, unsorted.
- Do not push, do not switch or change other branches, do not use git stash, do not rewrite commits
  that you did not make.
- Nobody watches: do not ask back, decide, and say in your last message what you decided.
- End with a few sentences on what you changed and what is left open."""
_BOX: Final = """
- You are in a sandbox: you can write in this folder and in $TMPDIR, and read the rest. HEAD is off
  your branch on purpose: commit as usual, and make no branches or tags."""
_GOES_ON: Final = """\
You go on in this conversation. The worktree is as you left it; what you had not committed was
committed for you."""
# Nobody has judged the work of an attempt that ended so.
_INTERRUPTED: Final = frozenset(
    {
        FailureClass.CRASH,
        FailureClass.LOST,
        FailureClass.RATE_LIMIT,
        FailureClass.OVERLOAD,
        FailureClass.NETWORK,
        FailureClass.AUTH,
        FailureClass.QUOTA,
        FailureClass.TURN_LIMIT,
        FailureClass.TIMEOUT,
        FailureClass.BUDGET,
        FailureClass.SETUP,
        FailureClass.STOPPED,
    }
)


def build_prompt(state: RunState, task_id: TaskId, attempt: int) -> str:
    """What the agent of one attempt is told.

    Args:
        attempt: counts from 1; from the second on, why the one before was not enough is told.
    """
    spec, task = state.spec(task_id), state.tasks[task_id]
    if attempt <= len(task.attempts) and task.attempts[attempt - 1].resumed is not None:
        return _only_the_news(state, task, attempt)
    title = title_line(spec)
    parts = [
        f"# Task {task_id}: {title}" if title else f"# Task {task_id}",
        _brief(spec.prompt or spec.title or str(task_id)),
        _feedback(state, task, attempt),
        repair_section(state, task, attempt),
        _said(task, attempt),
        _files(spec.files),
        _gates(state, task),
        _checks(state.plan),
        _needed(state, spec.after),
        f"## How to work\n\n{_RULES}" + _in_its_box(state, task, attempt),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _in_its_box(state: RunState, task: TaskRun, number: int) -> str:
    """What an agent has to know of its sandbox: the errors that it will meet are no mistakes."""
    name = task.attempts[number - 1].agent if number <= len(task.attempts) else None
    agent = state.plan.agent_by_name.get(name) if name is not None else None
    box = containment_of(state.plan, agent) if agent is not None else Containment()
    if not box.contained:
        return ""
    return _BOX + ("" if box.network else " There is no network.")


def commit_message(state: RunState, task_id: TaskId, attempt: int) -> str:
    """The message of the commit in which agentdeck puts what an agent left uncommitted."""
    title = title_line(state.spec(task_id))
    subject = f"{task_id}: {title}" if title else f"{task_id}: work of attempt {attempt}"
    own = [one.hands for one in state.tasks[task_id].attempts if one.number == attempt]
    return _with_trailers(subject, state, task_id, attempt, filter(None, own))


def landing_message(state: RunState, task_id: TaskId, attempt: int) -> str:
    """The message of the commit that lands a task."""
    title = title_line(state.spec(task_id)) or str(task_id)
    hands = evidence.hands_of(state.tasks[task_id], attempt)
    return _with_trailers(f"Complete {task_id}: {title}", state, task_id, attempt, hands)


def revert_message(state: RunState, task_id: TaskId, commit: str) -> str:
    """The message of the commit that takes a landed task back.

    Args:
        commit: the one that brought it in.
    """
    title = title_line(state.spec(task_id)) or str(task_id)
    trailers = (
        f"Agentdeck-Run: {one_line(state.run, WORD_CHARS)}",
        f"Agentdeck-Reverts: {one_line(task_id, WORD_CHARS)}",
    )
    return "\n".join(
        (f"Revert {task_id}: {title}", "", f"This reverts commit {commit}.", "", *trailers, "")
    )


def batch_message(state: RunState, names: Sequence[str]) -> str:
    """The message of the commit by which several entries land in one."""
    shown = ", ".join(one_line(name, WORD_CHARS) for name in names)
    subject = one_line(f"Complete {shown}", SUBJECT_CHARS)
    listed = "".join(f"- {one_line(name, WORD_CHARS)}\n" for name in names)
    run = one_line(state.run, WORD_CHARS)
    return f"{subject}\n\n{listed}\nAgentdeck-Run: {run}\n"


def _with_trailers(
    subject: str, state: RunState, task_id: TaskId, attempt: int, hands: Iterable[str]
) -> str:
    trailers = (
        f"Agentdeck-Run: {one_line(state.run, WORD_CHARS)}",
        f"Agentdeck-Task: {one_line(task_id, WORD_CHARS)}",
        f"Agentdeck-Attempt: {attempt}",
        *(f"Agentdeck-Hands: {one_line(name, WORD_CHARS)}" for name in hands),
    )
    return "\n".join((subject, "", *trailers)) + "\n"


def _brief(text: str) -> str:
    clean = text.replace("\0", "").strip("\n").rstrip()
    if len(clean) <= BRIEF_CHARS:
        return clean
    return clean[:BRIEF_CHARS].rstrip() + f"\n{CUT} (the brief was cut here: it is too long)"


def _only_the_news(state: RunState, task: TaskRun, number: int) -> str:
    """What an agent is told that goes on in the session of the attempt before."""
    before = task.attempts[number - 2]
    interrupted = before.cause in _INTERRUPTED and not task.feedback_by
    cause = f" ({before.cause})" if before.cause and not task.feedback_by else ""
    lead = f"You were interrupted{cause}" if interrupted else f"Your work is not done{cause}"
    parts = [
        f"# Task {task.id}, attempt {number}: go on",
        _GOES_ON,
    ]
    if task.feedback:
        by = f". {_says(task)}" if task.feedback_by else ""
        parts += [f"{lead}{by}:", indented(_tail(task.feedback, _room(before)))]
    elif before.hands:
        parts.append(_by_hand(before))
    elif interrupted or not task.attempts[number - 1].told:
        parts.append(f"{lead}.")
    parts += [repair_section(state, task, number), _said(task, number)]
    parts.append("Go on where you stopped." if interrupted else "Do that, then end.")
    parts.append("What you were told at the beginning still holds.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _room(before: Attempt | None) -> int:
    """How much of the feedback is told: of a review every comment, of a log the end."""
    last = before.reviews[-1].verdict if before is not None and before.reviews else None
    return REVIEW_CHARS if last is ReviewVerdict.REQUEST_CHANGES else FEEDBACK_CHARS


def _by_hand(before: Attempt) -> str:
    """That a person worked where the agent goes on."""
    work = before.collected
    where = f" What they left is commit {work.head[:12]}." if work and work.commits else ""
    return (
        f"{one_line(before.hands, WORD_CHARS)} took this over from you, worked in this worktree by "
        f"hand, and gives it back.{where} Look at what has changed before you go on."
    )


def _says(task: TaskRun) -> str:
    who = "Somebody" if task.feedback_by == "you" else one_line(task.feedback_by, WORD_CHARS)
    return f"{who} looked at it and says"


def _feedback(state: RunState, task: TaskRun, number: int) -> str:
    """Why there is another attempt, in the words of who found it wanting."""
    current = task.attempts[number - 1] if number <= len(task.attempts) else None
    told = current is not None and bool(current.told)
    before = task.attempts[number - 2] if 2 <= number < len(task.attempts) + 2 else None
    by_hand = before is not None and before.hands and current is not None and not current.fresh
    if number <= 1 or not (task.feedback or told or by_hand or task.reverted):
        return ""
    lines = [f"## This is attempt {number}", ""]
    if before is not None and by_hand:
        lines += [_by_hand(before), ""]
    if task.feedback:
        cause = f" ({before.cause})" if before is not None and before.cause else ""
        lead = f"The attempt before was not enough{cause}"
        if task.feedback_by:
            lead += f". {_says(task)}"
        lines += [f"{lead}:", "", indented(_tail(task.feedback, _room(before))), ""]
    lines.append(_where_it_stands(state, task, number, before))
    return "\n".join(lines)


def _said(task: TaskRun, number: int) -> str:
    """What a person said since the attempt before, and to the attempts before."""
    current = task.attempts[number - 1] if number <= len(task.attempts) else None
    if current is None:
        return ""
    new = [_quoted(said.by, said.text, SAID_CHARS) for said in current.told]
    # An attempt that goes on in a session has heard the earlier words.
    earlier = [] if current.resumed else _said_before(task, number)
    parts = (
        ("## What a person adds", new[-SAID_NEW:]),
        ("## What a person said to the attempts before", earlier[-SAID_BEFORE:]),
    )
    return "\n\n".join("\n\n".join([head, *rows]) for head, rows in parts if rows)


def _said_before(task: TaskRun, number: int) -> list[str]:
    found = []
    for attempt in task.attempts[: number - 1]:
        found += [_quoted(said.by, said.text, SAID_BEFORE_CHARS) for said in attempt.told]
        for message in attempt.messages:
            asked = message.answers
            if not message.delivered or (asked and asked.ask is AskKind.PERMISSION):
                continue
            question = f"{one_line(asked.text, GATE_CHARS)} " if asked else ""
            found.append(_quoted(message.by, question + message.text, SAID_BEFORE_CHARS))
    return found


def _quoted(by: str, text: str, limit: int) -> str:
    return indented(f"{one_line(by, WORD_CHARS)}: {plain_text(text, limit)}")


def _where_it_stands(state: RunState, task: TaskRun, number: int, before: Attempt | None) -> str:
    current = task.attempts[number - 1] if number <= len(task.attempts) else None
    if current is None or not current.fresh:
        whose = "Your" if not (before and current) or before.agent == current.agent else "The"
        return f"{whose} earlier work is in this worktree. Look at it first, then go on from there."
    told = f"You start again from the newest state of {one_line(state.target, WORD_CHARS)}."
    if before is not None and before.collected is not None and before.collected.commits:
        told += (
            f" The earlier work is commit {before.collected.head[:12]}: take from it what holds."
        )
    if task.reverted:
        told += (
            f" That had landed, and was taken back by commit {task.reverted[:12]}: git will not"
            " merge it again, so take its changes with `git cherry-pick -n`, or write them anew."
        )
    return told


def _files(patterns: tuple[str, ...]) -> str:
    if not patterns:
        return ""
    named = listed((one_line(pattern, WORD_CHARS) for pattern in patterns), NAMED_PATTERNS)
    return f"## Files\n\nChange files only within these; others work on the rest.\n\n{named}"


def _gates(state: RunState, task: TaskRun) -> str:
    names = [*evidence.task_gates(state, task), *evidence.merge_gates(state, task)]
    gates = [state.plan.gate_by_name[name] for name in dict.fromkeys(names)]
    if not gates:
        return ""
    # A text in the plan became `sh -c TEXT`; the text alone is what a person would type.
    shown = (" ".join(gate.run[2:] if gate.run[:2] == ("sh", "-c") else gate.run) for gate in gates)
    rows = (
        f"{gate.name}: {one_line(command, GATE_CHARS)}"
        for gate, command in zip(gates, shown, strict=True)
    )
    named = listed(rows, NAMED_PATTERNS)
    return f"## Gates\n\nThese commands must exit 0 on your work; run them yourself.\n\n{named}"


def _checks(plan: Plan) -> str:
    """What the author of the plan wants to hold, where no command can prove it."""
    wanted = {GateWhen.TASK, GateWhen.MERGE}
    rows = [
        one_line(gate.check, GATE_CHARS)
        for gate in plan.gates
        if not gate.armed and wanted & set(gate.when)
    ]
    if not rows:
        return ""
    return f"## Checks\n\nSee to it that these hold.\n\n{listed(rows, NAMED_PATTERNS)}"


def _needed(state: RunState, needed: tuple[TaskId, ...]) -> str:
    """What the tasks that this one builds on did."""
    told = [_one_needed(state, state.tasks[task_id]) for task_id in needed[:NEEDED_TASKS]]
    if not told:
        return ""
    more = len(needed) - NEEDED_TASKS
    told += [f"{CUT} and {more} more tasks"] if more > 0 else []
    return "\n\n".join(("## What came before", *told))


def _one_needed(state: RunState, task: TaskRun) -> str:
    title = title_line(state.spec(task.id))
    head = f"### {task.id}: {title}" if title else f"### {task.id}"
    attempt = task.attempt
    if task.landed_commit is None or attempt is None:
        return f"{head}\n\n{one_line(task.reason or task.done_how or task.state, MESSAGE_CHARS)}"
    lines = [head, "", f"Landed as commit {task.landed_commit[:12]}."]
    if attempt.message:
        lines += ["", indented(plain_text(attempt.message, MESSAGE_CHARS))]
    files = attempt.collected.files if attempt.collected else ()
    if files:
        changed = (f"{one_line(f.path, WORD_CHARS)} {_size(f.added, f.removed)}" for f in files)
        lines += ["", listed(changed, NAMED_FILES, len(files))]
    return "\n".join(lines)


def _size(added: int, removed: int) -> str:
    return "(binary)" if added < 0 else f"(+{added} −{removed})"


def _tail(text: str, limit: int) -> str:
    """The end of a text, which is where logs say what went wrong; its first line stays too."""
    if len(text) <= limit:
        return plain_text(text, limit)
    first, _, _ = text[: limit * 2].partition("\n")
    return plain_text(f"{first[:500]}\n{CUT}\n{text[-(limit - 600) :]}", limit)
