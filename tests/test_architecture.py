"""The repository keeps its own rules: import direction, purity, file names, links in documents."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "agentdeck"

# layer -> what it may import of agentdeck. `shipped` is the module that finds themes and samples.
ALLOWED: dict[str, frozenset[str]] = {
    "core": frozenset({"core"}),
    "plans": frozenset({"core", "plans"}),
    "agents": frozenset({"core", "agents"}),
    "engine": frozenset({"core", "plans", "agents", "engine"}),
    "control": frozenset({"core", "plans", "agents", "engine", "control"}),
    "mcp": frozenset({"core", "plans", "agents", "engine", "control", "mcp"}),
    "tui": frozenset({"core", "plans", "agents", "control", "shipped", "tui"}),
    "cli": frozenset({"core", "plans", "agents", "control", "mcp", "shipped", "tui", "cli"}),
    "shipped": frozenset({"core"}),
    "webhooks": frozenset({"core"}),
    "client": frozenset({"core", "engine", "control", "client"}),
    "__main__": frozenset({"cli"}),
}
UNRESTRICTED = frozenset({"testing"})

PURE = frozenset({"core", "plans", "agents"})
IMPURE_MODULES = frozenset(
    "asyncio concurrent ctypes fcntl getpass glob io locale logging mmap multiprocessing os "
    "platform pwd queue random sched secrets select selectors shutil signal socket socketserver "
    "sqlite3 ssl subprocess tempfile threading time urllib uuid".split(" ")
)
IMPURE_BUILTINS = frozenset({"open", "input", "print"})
IMPURE_METHODS = frozenset(  # of datetime, date and Path
    "now utcnow today read_text read_bytes write_text write_bytes mkdir unlink rmdir touch rglob "
    "iterdir is_file is_dir expanduser cwd home".split(" ")
)
# layer -> packages it may import from outside the standard library; a missing layer may use any
THIRD_PARTY: dict[str, frozenset[str]] = {
    "core": frozenset({"msgspec", "networkx"}),
    "plans": frozenset({"markdown_it", "msgspec", "networkx", "tomli", "tomli_w", "yaml"}),
    "agents": frozenset({"msgspec", "networkx"}),
}
# layer -> what it must never see: faces leave git and the database of a run to others
FORBIDDEN: dict[str, frozenset[str]] = {
    "engine": frozenset({"textual", "typer", "rich"}),
    "control": frozenset({"textual", "typer"}),
    "tui": frozenset({"git", "sqlite3"}),
    "cli": frozenset({"git", "sqlite3"}),
}
# (file below src/agentdeck, what it imports or calls) -> the reason it may
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("core/hook_urls.py", "urllib.parse"): "takes a text apart and opens nothing",
    ("core/hosts.py", "urllib.parse"): "takes a text apart and opens nothing",
    ("agents/readers.py", "io"): "BytesIO cuts bytes in memory into lines, faster than split",
}

BANNED_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager"})


@dataclass(frozen=True)
class Use:
    """Something one file imports or calls."""

    line: int
    name: str  # a dotted module, or `name()` for a call

    @property
    def top(self) -> str:
        return self.name.split(".")[0]


def layer_of(path: str) -> str:
    """The layer of a file, by its path below the package: `core/plan.py` -> `core`."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[Use]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Use(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if module == "agentdeck":  # `from agentdeck import core` names the layer last
                yield from (Use(node.lineno, f"agentdeck.{alias.name}") for alias in node.names)
            else:
                yield Use(node.lineno, module)


def impure_calls(tree: ast.AST) -> Iterator[Use]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in IMPURE_BUILTINS:
            yield Use(node.lineno, f"{called.id}()")
        elif isinstance(called, ast.Attribute) and called.attr in IMPURE_METHODS:
            yield Use(node.lineno, f"{called.attr}()")


def faults(path: str, source: str) -> list[str]:
    """What one file does that its layer may not.

    Args:
        path: below `src/agentdeck`, with forward slashes.
        source: its text.
    """
    layer = layer_of(path)
    if layer in UNRESTRICTED or layer == "__init__":
        return []
    if layer not in ALLOWED:
        return [f"{path}: {layer!r} is no layer; give it a row in ALLOWED"]
    tree = ast.parse(source)
    uses = [(use, why) for use in imports(tree) if (why := import_fault(layer, use))]
    if layer in PURE:
        uses += [(use, "is not pure") for use in impure_calls(tree)]
    return [
        f"{path}:{use.line}: {use.name} {why}"
        for use, why in uses
        if (path, use.name) not in EXCEPTIONS
    ]


def import_fault(layer: str, use: Use) -> str | None:
    if use.name.startswith("."):
        return "is relative; write the whole name"
    if use.top == "agentdeck":
        parts = use.name.split(".")
        target = parts[1] if len(parts) > 1 else ""
        if target in ("", "__version__") or target in ALLOWED[layer]:
            return None
        return f"points the wrong way: {layer} may import {', '.join(sorted(ALLOWED[layer]))}"
    if use.top in FORBIDDEN.get(layer, ()):
        return f"is not for {layer}"
    if layer in PURE and use.top in IMPURE_MODULES:
        return f"is not pure, and {layer} is"
    foreign = use.top not in sys.stdlib_module_names
    if foreign and layer in THIRD_PARTY and use.top not in THIRD_PARTY[layer]:
        return f"is not among the packages of {layer}"
    return None


def source_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_every_import_points_down_the_layers_and_pure_layers_stay_pure() -> None:
    """From core at the bottom up to cli at the top; nothing that ships needs `testing`."""
    found = [
        fault
        for file in source_files()
        for fault in faults(file.relative_to(PACKAGE).as_posix(), file.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/plan.py", "from agentdeck.engine.loop import Loop"),
        ("core/plan.py", "def f():\n    import agentdeck.plans.reader"),
        ("core/plan.py", "from ..plans import reader"),
        ("core/plan.py", "import asyncio"),
        ("core/plan.py", "from os import environ"),
        ("core/plan.py", "import psutil"),
        ("core/plan.py", "from datetime import datetime\nx = datetime.now()"),
        ("plans/reader.py", "x = open('plan.toml')"),
        ("agents/claude.py", "import time"),
        ("agents/claude.py", "from agentdeck.plans import reader"),
        ("engine/loop.py", "from agentdeck import control"),
        ("engine/loop.py", "import textual.app"),
        ("tui/app.py", "from agentdeck.engine.journal import Journal"),
        ("tui/app.py", "from agentdeck.cli import app"),
        ("cli/demo.py", "from agentdeck.testing.clock import Clock"),
        ("stray.py", "import json"),
    ],
)
def test_the_walk_sees_a_wrong_import(path: str, source: str) -> None:
    """Each of these breaks a rule; a walk that lets one through would guard nothing."""
    assert faults(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/plan.py", "import msgspec\nfrom agentdeck.core.ids import TaskId"),
        ("plans/reader.py", "import difflib, tomllib, tomli_w\nfrom agentdeck.core import plan"),
        ("engine/loop.py", "import asyncio, os\nfrom agentdeck.plans.reader import read_plan"),
        ("cli/app.py", "from agentdeck import __version__\nfrom agentdeck.tui.app import Deck"),
        ("testing/clock.py", "from agentdeck.tui.app import Deck\nimport time"),
    ],
)
def test_the_walk_lets_right_imports_through(path: str, source: str) -> None:
    assert faults(path, source) == []


def test_every_exception_is_still_needed() -> None:
    """An exception whose import is gone is removed, so the table stays the truth."""
    for path, name in EXCEPTIONS:
        tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
        names = {use.name for use in [*imports(tree), *impure_calls(tree)]}
        assert name in names, f"{path} no longer uses {name}"


def test_no_file_has_a_name_that_says_nothing() -> None:
    """A file is named for its subject, so nobody can put "something else" in it."""
    scripts = [*source_files(), *ROOT.glob("tests/**/*.py"), *ROOT.glob("bench/**/*.py")]
    vague = [str(file) for file in scripts if BANNED_NAMES & set(file.stem.split("_"))]
    assert not vague
