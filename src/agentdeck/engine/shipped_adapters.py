"""The adapters that ship with agentdeck, read from its package.

Rules: they are read once and never change while a process lives. A file that cannot be read is a
fault of the installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from agentdeck.core.adapter import Adapter
from agentdeck.core.plan import BUILTIN_AGENTS
from agentdeck.plans.adapter_file import read_adapter


@cache
def shipped_adapters() -> Mapping[str, Adapter]:
    """Every shipped adapter by its name, in the order in which they are shown."""
    folder = files("agentdeck").joinpath("agents", "catalog")
    found = {}
    for name in BUILTIN_AGENTS:
        text = folder.joinpath(f"{name}.toml").read_text(encoding="utf-8")
        found[name] = read_adapter(text, file=f"agentdeck/agents/catalog/{name}.toml", name=name)
    return MappingProxyType(found)
