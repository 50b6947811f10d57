"""The verbs that send commands, as one table: for the shell and for the line of the deck.

Rules:
- Several tasks are several commands. Where no task may be said, the run itself is meant.
- What a verb means for values that exclude each other is an error that says which to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from agentdeck.control.diff_comments import read_comments
from agentdeck.control.verbs import Argument, Option, Said, Takes, Verb
from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import UsageError
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.plans.typed_limits import Of, typed

ALL: Final = "all"  # of `approve`: no task by name

TASKS: Final = Argument("tasks", Takes.TASK, "TASK...", "One task or several.", many=True)
MAYBE_TASKS: Final = Argument(
    "tasks", Takes.TASK, "[TASK]...", "One task or several.", required=False, many=True
)
REQUEST: Final = Argument("request", Takes.TEXT, "REQUEST", "The id of a request, such as r1.")
SCOPE: Final = Argument("scope", Takes.SCOPE, "SCOPE", "run, phase:ID, pool:NAME or task:ID.")

Make = Callable[[TaskId], AnyCommand]


def _each(make: Make) -> Callable[[Said], list[AnyCommand]]:
    return lambda said: [make(TaskId(task)) for task in dict.fromkeys(said["tasks"])]


def _each_or_run(make: Callable[[TaskId | None], AnyCommand]) -> Callable[[Said], list[AnyCommand]]:
    return lambda said: [make(task) for task in _targets(said["tasks"])]


def _targets(tasks: Sequence[str]) -> list[TaskId | None]:
    return [TaskId(task) for task in dict.fromkeys(tasks)] or [None]


def _retry(said: Said) -> list[AnyCommand]:
    tasks, feedback, fresh = said["tasks"], said["feedback"] or "", said["fresh"]
    if not tasks and (feedback or fresh or said["comment"]):
        raise UsageError("--feedback, --fresh and --comment are for tasks", hint="name the task")
    if said["comment"] and len(tasks) > 1:
        raise UsageError("--comment is on the diff of one task", hint="name one task")
    comments = read_comments(said["comment"])
    return [c.Retry(task, feedback, fresh, comments=comments) for task in _targets(tasks)]


def _skip(said: Said) -> list[AnyCommand]:
    mode = said["mode"]
    if mode is not None and said["cascade"]:
        raise UsageError("--as and --cascade exclude each other", hint="choose one")
    mode = mode or (SkipMode.CASCADE if said["cascade"] else SkipMode.DONE)
    return [c.Skip(TaskId(task), mode) for task in dict.fromkeys(said["tasks"])]


def _approve(said: Said) -> list[AnyCommand]:
    tasks = said["tasks"]
    return [c.Approve(task) for task in _targets(() if tuple(tasks) == (ALL,) else tasks)]


def _at_once(said: Said) -> list[AnyCommand]:
    if said["pool"] is None:
        return [c.SetAgents(said["agents"])]
    return [c.SetPoolLimit(PoolName(said["pool"]), said["agents"] or None)]


def _move(said: Said) -> list[AnyCommand]:
    places = {"up": c.Place.UP, "down": c.Place.DOWN, "before": c.Place.BEFORE}
    places["after"] = c.Place.AFTER
    asked = [name for name in places if said[name]]
    if len(asked) != 1:
        raise UsageError(
            "say one place to move to" if asked else "nothing says where to",
            hint="--up, --down, --before TASK or --after TASK",
        )
    beside = said[asked[0]]
    to = TaskId(beside) if isinstance(beside, str) else None
    return [c.Move(TaskId(said["task"]), places[asked[0]], to)]


def _revert(said: Said) -> list[AnyCommand]:
    if said["with_dependents"] and said["only"]:
        raise UsageError("--with-dependents and --only exclude each other")
    return [c.Revert(TaskId(said["task"]), said["with_dependents"], said["only"])]


def _set_budget(said: Said) -> list[AnyCommand]:
    usd, tokens = _one_limit(said)
    return [
        c.SetBudget(
            said["scope"],
            usd=msgspec.UNSET if usd is None else _limit(usd, "usd"),
            tokens=msgspec.UNSET if tokens is None else _count(_limit(tokens, "tokens")),
        )
    ]


def _raise_budget(said: Said) -> list[AnyCommand]:
    usd, tokens = _one_limit(said)
    extra = 0.0 if usd is None else _limit(usd, "usd", adds=True)
    count = None if tokens is None else _count(_limit(tokens, "tokens", adds=True))
    return [c.RaiseBudget(said["scope"], extra or 0.0, count or 0)]


def _one_limit(said: Said) -> tuple[str | None, str | None]:
    if said["usd"] is None and said["tokens"] is None:
        raise UsageError("nothing is said of the limit", hint="add --usd AMOUNT or --tokens COUNT")
    return said["usd"], said["tokens"]


def _limit(text: str, of: Of, *, adds: bool = False) -> float | None:
    said = typed(text)
    if said.of not in (None, of):
        raise UsageError(f"--{of} {text} is something else", hint=f"--{said.of} {text}")
    if said.more and not adds:
        raise UsageError(f"--{of} {text} says how much more", hint="`budget raise` adds")
    if said.amount is None and adds:
        raise UsageError("a limit is taken away by `budget set`", hint=f"--{of} none")
    return said.amount


def _count(amount: float | None) -> int | None:
    return None if amount is None else round(amount)


VERBS: Final[tuple[Verb, ...]] = (
    Verb(
        "pause", "Freeze tasks; without one: start nothing new in the run.",
        _each_or_run(c.Pause), (MAYBE_TASKS,), done="paused", key="task.pause",
    ),
    Verb(
        "resume", "Undo a pause, of tasks or of the run.",
        _each_or_run(c.Resume), (MAYBE_TASKS,), done="resumed", key="task.pause",
    ),
    Verb(
        "retry", "Another attempt; without a task: gates of a red target again.",
        _retry, (MAYBE_TASKS,), done="retried", key="task.retry",
        options=(
            Option("feedback", ("--feedback", "-m"), "What the next attempt should know.",
                   Takes.TEXT, "TEXT"),
            Option("fresh", ("--fresh",), "Start from the target, not from the earlier work."),
            Option("comment", ("--comment",), "On a line of the diff; may be repeated.",
                   Takes.TEXT, "FILE:LINE:TEXT", many=True),
        ),
    ),
    Verb(
        "skip", "Leave tasks out.",
        _skip, (TASKS,), done="skipped", key="task.skip",
        asks=lambda said: said["mode"] is None and not said["cascade"],
        options=(
            Option("cascade", ("--cascade",), "Skip what needs it too; else it counts as done."),
            Option("mode", ("--as",), "It counts as done, or what needs it is skipped too.",
                   Takes.TEXT, "done|cascade", choices=SkipMode),
        ),
    ),
    Verb(
        "unskip", "Take a skip back.",
        _each(c.Unskip), (TASKS,), done="not skipped", key="task.unskip",
    ),
    Verb(
        "approve", 'A yes to proven work, or to all; "done" for what a person does.',
        _approve, (MAYBE_TASKS,), done="approved", key="task.approve",
    ),
    Verb(
        "merge", "Merge now: approved, and to the front of the queue.",
        _each(c.Merge), (TASKS,), done="put first", key="task.merge",
    ),
    Verb(
        "hold", "Do not land tasks; without one: land nothing.",
        _each_or_run(c.Hold), (MAYBE_TASKS,), done="held", key="task.hold",
    ),
    Verb(
        "release", "Lift a hold, of tasks or of the whole queue.",
        _each_or_run(c.Release), (MAYBE_TASKS,), done="released", key="task.hold",
    ),
    Verb(
        "stop", "End the agents of tasks; what they did is kept.",
        _each(c.Stop), (TASKS,), done="stopping", key="task.stop",
    ),
    Verb(
        "move",
        "Another place in the merge queue; `merge` is for the front, `plan move` for the plan.",
        _move, (Argument("task", Takes.TASK, "TASK", "A task in the merge queue."),), done="moved",
        options=(
            Option("up", ("--up",), "One place nearer to landing."),
            Option("down", ("--down",), "One place farther."),
            Option("before", ("--before",), "Land before this task.", Takes.TASK, "TASK"),
            Option("after", ("--after",), "Land after this task.", Takes.TASK, "TASK"),
        ),
    ),
    Verb(
        "drop",
        "Take tasks out of the merge queue; their work is kept, and a retry tries them again.",
        _each(c.Drop), (TASKS,), done="dropped", key="task.stop",
    ),
    Verb(
        "steer", "A message to the agent of a task, or the answer to its question.",
        lambda said: [c.Steer(TaskId(said["task"]), said["text"])],
        (
            Argument("task", Takes.TASK, "TASK", "A task that is being worked on."),
            Argument("text", Takes.TEXT, "TEXT", "The message", in_shell="; - reads it from stdin"),
        ),
        more="An agent that cannot be spoken to while it works is told with its next turn.",
    ),
    Verb(
        "accept", "Take a proposed task into the plan, or answer the question of a client.",
        lambda said: [c.AnswerRequest(said["request"], text=said["text"] or "")],
        (REQUEST, Argument("text", Takes.TEXT, "[TEXT]", "The answer.", required=False)),
        done="accepted",
        more="What is requested, and its id, stands in the inbox.",
    ),
    Verb(
        "deny", "Say no to a proposed task, or to the question of a client.",
        lambda said: [c.AnswerRequest(said["request"], False, said["text"] or "")],
        (REQUEST, Argument("text", Takes.TEXT, "[TEXT]", "Why.", required=False)),
        done="denied",
    ),
    Verb(
        "limit", "How many agents may work at once, in the run or in one of its pools.",
        _at_once, (Argument("agents", Takes.NUMBER, "N", "How many may work at once."),),
        options=(
            Option("pool", ("--pool",), "In this pool; 0 = as the plan says.", Takes.POOL, "POOL"),
        ),
    ),
    Verb(
        "promote", "Bring what has landed into the base branch. Works on ended runs too.",
        lambda _: [c.Promote()], key="run.promote",
    ),
    Verb(
        "end", "Stop all agents and end the run; what has landed stays.",
        lambda _: [c.EndRun()], done="ending", key="run.end", asks=lambda said: not said["yes"],
        options=(Option("yes", ("--yes", "-y"), "Do not ask."),),
    ),
    Verb(
        "revert", "Take back what has landed of a task. Works on ended runs too.",
        _revert, (Argument("task", Takes.TASK, "TASK", "A task that has landed."),),
        key="task.revert",
        options=(
            Option("with_dependents", ("--with-dependents",),
                   "What landed on top of it too, the latest first; what landed together with "
                   "it goes with it, all or none."),
            Option("only", ("--only",),
                   "It alone, whatever was built on it or landed together with it."),
        ),
        more="The revert is an entry of the merge queue: it lands when the gates pass without the "
        "work. What\nlanded on top of it is named first.",
    ),
    Verb(
        "budget set", "Set a limit; what waits for it goes on.", _set_budget, (SCOPE,),
        options=(
            Option("usd", ("--usd",), "US dollars; none = no limit.", Takes.TEXT, "AMOUNT"),
            Option("tokens", ("--tokens",), "Tokens, such as 500K or 2M; none = no limit.",
                   Takes.TEXT, "COUNT"),
        ),
    ),
    Verb(
        "budget raise", "Allow so much more than now; what waits for it goes on.",
        _raise_budget, (SCOPE,),
        options=(
            Option("usd", ("--usd",), "So many US dollars more.", Takes.TEXT, "AMOUNT"),
            Option("tokens", ("--tokens",), "So many tokens more.", Takes.TEXT, "COUNT"),
        ),
    ),
    Verb(
        "accounts resume",
        "Let attempts start on an account again, at once and as many as there are slots.",
        lambda said: [c.ReopenAccount(said["name"])],
        (Argument("name", Takes.ACCOUNT, "NAME", "An account, as it is listed."),),
        done="resumed",
    ),
)  # fmt: skip


def verb_named(name: str) -> Verb:
    """The verb of this name; a LookupError is a fault of the program."""
    return next(verb for verb in VERBS if verb.name == name)


__all__ = ["ALL", "VERBS", "verb_named"]
