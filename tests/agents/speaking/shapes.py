"""Compares the shape of lines with recorded ones: keys and JSON types, not values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STREAMS = Path(__file__).parents[1] / "streams"


def recorded(name: str) -> list[dict[str, Any]]:
    """The lines of a recording; of one that has both sides, those of the agent."""
    lines = [json.loads(line) for line in (STREAMS / name).read_text("utf-8").splitlines()]
    if "dir" in lines[0]:
        return [line["msg"] for line in lines if line["dir"] == "agent"]
    return lines


def kind_of(line: dict[str, Any]) -> tuple[str, ...]:
    """What makes two lines comparable, in whatever format."""
    words = [line.get("type"), line.get("subtype"), line.get("method"), line.get("role")]
    for part in (line.get("item"), line.get("part")):
        if isinstance(part, dict):
            words += [part.get("type"), part.get("tool"), part.get("status")]
    update = (line.get("params") or {}).get("update") or {}
    words += [update.get("sessionUpdate"), update.get("kind"), update.get("status")]
    call = (line.get("params") or {}).get("toolCall") or {}
    words += [call.get("kind"), line.get("tool_name"), line.get("status")]
    words += [key for key in ("result", "error") if key in line and "jsonrpc" in line]
    if isinstance(line.get("result"), dict):
        words += sorted(set(line["result"]) & {"sessionId", "protocolVersion", "stopReason"})
    content = (line.get("message") or {}) if isinstance(line.get("message"), dict) else {}
    for block in content.get("content", []):
        words += [block.get("type"), block.get("name"), str(block.get("is_error"))]
    return tuple(str(word) for word in words if word is not None)


def lacking(wanted: Any, found: Any, path: str = "", left_out: Iterable[str] = ()) -> list[str]:
    """Where `found` has not the shape of `wanted`.

    Args:
        wanted: recorded.
        found: ours.
        path: of both, with dots.
        left_out: paths below which nothing is compared.
    """
    if path in left_out:
        return []
    if _type(wanted) != _type(found):
        return [f"{path}: {_type(found)} instead of {_type(wanted)}"]
    if isinstance(wanted, dict):
        faults = []
        for key, value in wanted.items():
            below = f"{path}.{key}" if path else key
            if key in found:
                faults += lacking(value, found[key], below, left_out)
            elif below not in left_out:
                faults.append(f"{below} is not there")
        return faults
    if isinstance(wanted, list) and wanted and found:
        return lacking(wanted[0], found[0], f"{path}[]", left_out)
    return []


def unlike(
    wanted: list[dict[str, Any]], found: list[dict[str, Any]], left_out: Iterable[str] = ()
) -> list[str]:
    """What lines of a recording have no counterpart of their shape among ours."""
    faults = []
    for line in wanted:
        tried = [
            lacking(line, each, "", left_out) for each in found if kind_of(each) == kind_of(line)
        ]
        if not tried:
            faults.append(f"no line of the kind {kind_of(line)}")
        elif all(tried):
            faults.append(f"{kind_of(line)}: {min(tried, key=len)}")
    return faults


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {str: "string", dict: "object", list: "array", type(None): "null"}[type(value)]
