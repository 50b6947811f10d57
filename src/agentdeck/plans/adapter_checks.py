"""Checks between the keys of an adapter file: what one value alone cannot show.

Rules: each check looks at what was read, and reports; none of them stops the reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from agentdeck.core.adapter import GROUPS, WORDS
from agentdeck.core.events import FailureClass
from agentdeck.plans.findings import Findings
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import listed, shown

HUMAN: Final = "human"  # the one adapter that is nobody's program
_COMMANDS: Final = ("start", "resume", "take_over")
_OTHER_COMMANDS: Final = ("first_run", "version", "login")
_GROUPS: Final = ("model", "allow", "ask", "mcp", "tools", "settings")
_TABLES: Final = ("env", "root_env", "home")
_PLACE: Final = re.compile(r"\{(\*?)([a-z_]+)\}")
_STATUS: Final = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_VERSION: Final = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
MAX_STATUS: Final = 255  # of a process


def check_adapter(name: str, values: Mapping[str, Any], meant: set[str], to: Findings) -> None:
    """Report what does not fit together in an adapter.

    Args:
        name: of the adapter; `human` needs no command.
        values: what could be read, by field; also what came from its base.
        meant: keys that misspelt ones seem to stand for.
        to: takes the problems.
    """
    if "start" not in values and "start" not in meant and name != HUMAN:
        to.add((), "`start` is missing", "add it: the command that begins a session")
    _places(values, to)
    _groups(values, to)
    _sessions(values, to)
    _exits(values, to)
    _trace(values, to)
    minimum = values.get("minimum", "")
    if minimum and not _VERSION.fullmatch(minimum):
        message = f"expected a version, found {shown(minimum)}"
        to.add(("minimum",), message, 'write "1.2.3"')
    if minimum and not values.get("version"):
        to.add(("minimum",), "has no command to compare it with", "add `version`")


def _places(values: Mapping[str, Any], to: Findings) -> None:
    """Every `{word}` is one that will be replaced, every `{*group}` an argument of its own."""
    for path, text, in_command in _texts(values):
        for star, word in _PLACE.findall(text):
            known = GROUPS if star else WORDS
            if word not in known:
                near = to.suggestion(word, known)
                braced = [f"{{{star}{each}}}" for each in known]
                hint = f"did you mean {{{star}{near}}}?" if near else f"known: {listed(braced)}"
                to.add(path, f"unknown {{{star}{word}}} in {shown(text)}", hint)
            elif star and not in_command:
                commands = listed([f"`{each}`" for each in _COMMANDS])
                to.add(path, f"{{*{word}}} stands in {shown(text)}", f"only {commands} have groups")
            elif star and text != f"{{*{word}}}":
                hint = "a group becomes any number of arguments"
                to.add(path, f"{{*{word}}} must be an argument of its own in {shown(text)}", hint)


def _texts(values: Mapping[str, Any]) -> Iterator[tuple[Path, str, bool]]:
    """Every text with places, where it stands, and whether it is an argument of the agent."""
    for key in (*_COMMANDS, *_OTHER_COMMANDS, *_GROUPS):
        for index, text in enumerate(values.get(key, ())):
            yield (key, index), text, key in _COMMANDS
    for key in _TABLES:
        for name, text in values.get(key, {}).items():
            yield (key, name), text, False
    if "trace" in values:
        yield ("trace",), values["trace"], False


def _groups(values: Mapping[str, Any], to: Findings) -> None:
    """What a group becomes is worth nothing where no command has the group."""
    start = values.get("start")
    if start is None:
        return
    for key in _GROUPS:
        group = "{*permissions}" if key in ("allow", "ask") else f"{{*{key}}}"
        if values.get(key) and group not in start:
            to.add((key,), f"is never used: `start` has no {group}", f"put {group} into `start`")
    for group in ("model", "mcp", "tools", "settings"):
        if f"{{*{group}}}" in start and not values.get(group):
            to.add(("start",), f"has {{*{group}}}, and nothing says what it is", f"add `{group}`")
    if "{*permissions}" in start and not (values.get("allow") or values.get("ask")):
        hint = "add `allow`, `ask` or both"
        to.add(("start",), "has {*permissions}, and nothing says what it is", hint)


def _sessions(values: Mapping[str, Any], to: Findings) -> None:
    for key in ("resume", "take_over"):
        words = values.get(key)
        if words and not any("{session}" in word for word in words):
            hint = "without it another session could be meant"
            to.add((key,), "does not say {session}", hint)
    if any("{session}" in word for word in values.get("start", ())):
        to.add(("start",), "has {session}, which a new session does not have", "take it out")


def _exits(values: Mapping[str, Any], to: Findings) -> None:
    causes = [str(cause) for cause in FailureClass]
    for status, cause in values.get("exits", {}).items():
        if not _STATUS.fullmatch(status) or int(status) > MAX_STATUS:
            message = f"{shown(status)} is no exit status of a failure"
            to.add(("exits", status), message, f"1 to {MAX_STATUS}")
        if cause not in causes:
            near = to.suggestion(cause, causes)
            hint = f"did you mean {shown(near)}?" if near else f"one of {listed(causes, most=40)}"
            to.add(("exits", status), f"unknown cause {shown(cause)}", hint)


def _trace(values: Mapping[str, Any], to: Findings) -> None:
    trace = values.get("trace", "")
    if trace.startswith(("/", "~")) or ".." in trace.split("/"):
        message = f"{shown(trace)} leads out of the attempt's folder"
        to.add(("trace",), message, "name a file in it, and tell the agent {folder}/FILE")
    for one, other in (("trace", "trace_output"), ("trace_output", "trace")):
        if values.get(one) and not values.get(other):
            to.add((one,), f"stands without `{other}`", f"add `{other}`")
