"""Values and names as TOML writes them; all quoting is the writer's."""

from __future__ import annotations

from typing import Any

import tomli_w

from agentdeck.plans.writer import pair_text


def literal(name: str | int, value: Any) -> str:
    """A value as it is written behind `name = `."""
    if isinstance(value, dict):
        return inline(value)
    key = str(name) or "x"
    return pair_text(key, value).removeprefix(f"{key_text(key)} = ").removesuffix("\n")


def inline(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{key_text(name)} = {inline(inner)}" for name, inner in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(inline(item) for item in value)}]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").removesuffix("\n")


def key_text(name: str) -> str:
    """A key, in quotes where it needs them."""
    return pair_text(name, 0).removesuffix(" = 0\n")
