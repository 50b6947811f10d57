"""Tells one hook of a plan something that has not happened, so that a person sees whether it works.

Rules: nothing is written down, and no run is needed. In quiet hours a message goes out, too: who
tries it is awake.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, assert_never

from agentdeck.core.errors import UsageError
from agentdeck.core.plan import AnyHook, Hook, Notify, Plan, Tracker, Webhook
from agentdeck.engine.environment import child_environment, without_signing
from agentdeck.engine.hook_command import Answer, run_command
from agentdeck.engine.hook_payload import VERSION, body
from agentdeck.engine.issues import QUIET, Place, looked_at
from agentdeck.engine.notice import SENDER, argv_of
from agentdeck.engine.webhook import send

EVENT: Final = "hook.tried"  # no event of a run is called so
WORDS: Final = "this is a trial: nothing has happened"


def try_hook(plan: Plan, name: str, folder: Path) -> Answer:
    """Tell a hook; blocks until it has taken it, or not, or its time is up.

    Args:
        plan: that the hook is in.
        name: of the hook; that of a command is its pattern.
        folder: where a command works.

    Raises:
        UsageError: the plan has no such hook.
    """
    hook = plan.hook_by_name.get(name)
    if hook is None:
        known = ", ".join(plan.hook_by_name) or "the plan has none"
        raise UsageError(f"the plan has no hook {name}", hint=f"hooks: {known}")
    now = time.time()
    said = body(plan, _said(plan, hook, now))
    match hook:
        case Webhook():
            id_ = f"trial:{time.time_ns()}"
            return send(hook, id_, said, environment=os.environ, now=now)
        case Hook():
            return _command(plan, hook, hook.run, said, folder)
        case Notify():
            return _command(plan, hook, argv_of(hook), said, Path("/"), own=SENDER)
        case Tracker():
            return _look(plan, hook, folder)
        case _ as never:
            assert_never(never)


def _said(plan: Plan, hook: AnyHook, now: float) -> dict[str, Any]:
    if isinstance(hook, Notify):
        return {"title": f"{plan.name}: {WORDS}", "text": f"told by {hook.name}", "kind": "info"}
    at = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    return {
        "version": VERSION,
        "id": f"trial:{time.time_ns()}",
        "run": "",
        "plan": plan.name,
        "seq": 0,
        "at": at.replace("+00:00", "Z"),
        "event": EVENT,
        "also": [],
        "text": WORDS,
        "data": {},
    }


def _look(plan: Plan, tracker: Tracker, folder: Path) -> Answer:
    """An issue is read, and nothing is written: a comment could not be taken back."""
    issue = next((task.issue for task in plan.tasks if task.issue is not None), None)
    if issue is None:
        return Answer(-1, "no task of the plan has an issue")
    tag = f"trial/{os.getpid()}/hook/{tracker.name}"
    base = without_signing(os.environ, plan)
    env = child_environment(base, tag=tag, extra=QUIET, cwd=str(folder))
    return looked_at(tracker, issue, Place(folder, env, tag, threading.Event()))


def _command(
    plan: Plan, hook: Hook | Notify, argv: tuple[str, ...], said: bytes, at: Path, own: str = ""
) -> Answer:
    tag = f"trial/{os.getpid()}/hook/{hook.name}"
    extra = {"AGENTDECK_EVENT": EVENT, "AGENTDECK_RUN": "", "AGENTDECK_TASK": ""}
    if isinstance(hook, Notify):
        extra[hook.urls_env] = os.environ.get(hook.urls_env, "")
    base = without_signing(os.environ, plan)
    env = child_environment(base, tag=tag, extra=extra, cwd=str(at))
    return run_command(
        argv,
        said,
        cwd=at,
        env=env,
        tag=tag,
        timeout_s=hook.timeout_s,
        ended=threading.Event(),
        own=own,
    )


__all__ = ["EVENT", "try_hook"]
