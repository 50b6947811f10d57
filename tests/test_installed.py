"""A wheel, installed where nothing is but what it asks for, works.

Rules: without a network the packages that it requires are lent from this environment, and nothing
else of it can be seen. With one (`soak`) an empty environment gets all from the index.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from agentdeck import __version__

ROOT = Path(__file__).parents[1]
# What an extra brings, or only developers need: nobody else should have to install it.
HEAVY = {"pydantic", "aiohttp", "agent-client-protocol", "mkdocs-material", "pytest", "hypothesis"}
DEMO_S = 200.0  # it takes about a minute


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def required(name: str, seen: set[str]) -> Iterator[Distribution]:
    """The packages that one needs on this machine, without extras, each once."""
    for line in distribution(name).requires or ():
        wanted = Requirement(line)
        key = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if key in seen or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        yield distribution(wanted.name)
        yield from required(wanted.name, seen)
        for extra in wanted.extras:  # `markdown-it-py[linkify]` of textual
            yield from _of_extra(wanted.name, extra, seen)


def _of_extra(name: str, extra: str, seen: set[str]) -> Iterator[Distribution]:
    for line in distribution(name).requires or ():
        wanted = Requirement(line)
        key = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if wanted.marker is None or not wanted.marker.evaluate({"extra": extra}) or key in seen:
            continue
        seen.add(key)
        yield distribution(wanted.name)
        yield from required(wanted.name, seen)


@pytest.fixture(scope="module")
def program(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`agentdeck` in an environment of its own, installed from the wheel without a network."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False)
    (wheel,) = built.glob("*.whl")
    install = ["-m", "pip", "--python", str(folder / "bin" / "python"), "install", "-q"]
    subprocess.run(
        [sys.executable, *install, "--no-index", "--no-deps", "--no-compile", str(wheel)],
        capture_output=True,
        timeout=100,
        check=True,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    for package in required("agentdeck", set()):
        for file in package.files or ():
            top = file.parts[0]
            place = Path(str(package.locate_file(top)))
            if top not in ("..", "__pycache__") and place.exists() and not (site / top).exists():
                (site / top).symlink_to(place)
    return folder / "bin" / "agentdeck"


def said(program: Path, *words: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    hidden = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [program, *words],
        cwd="/",
        env=hidden,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def test_what_it_requires_is_light() -> None:
    """Start-up and installation pay for each of these."""
    seen: set[str] = set()
    names = [package.metadata["Name"] for package in required("agentdeck", seen)]
    assert not HEAVY & seen
    assert len(names) < 30


def test_the_wheel_works_with_nothing_but_what_it_requires(program: Path, tmp_path: Path) -> None:
    assert said(program, "--version").stdout == f"agentdeck {__version__}\n"
    for verb in ("--help", "doctor", "runs", "config", "agents", "schema"):
        done = said(program, verb)
        assert done.returncode in (0, 5), (verb, done.stderr)
        assert "Traceback" not in done.stderr
    plan = tmp_path / "demo.toml"
    plan.write_text((ROOT / "sample_plans" / "quickstart.toml").read_text())
    assert said(program, "check", str(plan)).returncode == 0
    missing = said(program, "serve")
    assert "agentdeck[web]" in missing.stderr or missing.returncode == 3


def test_the_manual_page_lies_where_man_of_that_environment_looks(program: Path) -> None:
    page = program.parents[1] / "share" / "man" / "man1" / "agentdeck.1"
    assert page.read_text() == (ROOT / "docs" / "agentdeck.1").read_text()


def test_the_demo_runs_to_its_end_from_the_wheel(program: Path) -> None:
    """Engine, agents, gates and landings are processes of that environment alone."""
    done = said(program, "demo", timeout_s=DEMO_S)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    found = re.search(r"demo repository: (\S+)", done.stdout)
    assert found is not None
    shutil.rmtree(found[1], ignore_errors=True)


def test_the_source_archive_is_whole_and_holds_no_stray_file(built: Path) -> None:
    """Tests and docs are in it: whoever packs it for a system runs them."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.split("/", 1)[1] for name in file.getnames() if "/" in name}
    for wanted in ("README.md", "LICENSE", "CHANGELOG.md", "Makefile", "pyproject.toml"):
        assert wanted in names
    for folder in ("src", "tests", "docs", "themes", "sample_plans", "bench", ".ci"):
        assert any(name.startswith(f"{folder}/") for name in names), folder
    stray = ("__pycache__", ".venv", "build/site")
    assert not [name for name in names if any(part in name for part in stray)]


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_an_empty_environment_gets_it_from_the_index(
    built: Path, tmp_path: Path, kind: str
) -> None:
    """With a network: as somebody who types `pip install`."""
    venv.create(tmp_path / "env", with_pip=True)
    (package,) = built.glob(kind)
    python = str(tmp_path / "env" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q", str(package)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    program = tmp_path / "env" / "bin" / "agentdeck"
    assert said(program, "--version").stdout == f"agentdeck {__version__}\n"
    assert said(program, "demo", timeout_s=DEMO_S).returncode == 0
