"""Themes and sample plans are found in a checkout and in an installed wheel alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agentdeck import __version__
from agentdeck.core.errors import NotFoundError
from agentdeck.shipped import price_table, sample_plan, sample_plans, themes_folder

ROOT = Path(__file__).parents[1]
ASK_THE_INSTALLED = """
import json, agentdeck
from agentdeck.shipped import price_table, sample_plan, sample_plans, themes_folder
print(json.dumps({
    "prices": price_table(),
    "file": agentdeck.__file__,
    "themes": sorted(entry.name for entry in themes_folder().iterdir()),
    "plans": {name: sample_plan(name) for name in sample_plans()},
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_a_checkout_finds_its_own_folders() -> None:
    assert {"quickstart", "daw-agent-parallelism", "mah-parallel-execution"} <= set(sample_plans())
    assert themes_folder().joinpath("deck-dark.toml").is_file()
    text = (ROOT / "sample_plans" / "quickstart.toml").read_text(encoding="utf-8")
    assert sample_plan("quickstart") == text
    assert sample_plan("quickstart.toml") == text


def test_an_unknown_plan_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(NotFoundError) as caught:
        sample_plan("quickstrat")
    assert "quickstrat" in caught.value.message
    assert "quickstart" in caught.value.hint


@pytest.mark.parametrize("name", ["../pyproject", "/etc/hostname", "", "themes/../quickstart"])
def test_a_name_cannot_lead_out_of_the_folder(name: str) -> None:
    with pytest.raises(NotFoundError):
        sample_plan(name)


def test_the_wheel_holds_every_file_that_is_not_code(wheel: Path) -> None:
    """Themes, plans, the typing marker and style sheets travel with the package."""
    held = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src" / "agentdeck"
    wanted = {
        f"agentdeck/_shipped/{folder}/{file.name}"
        for folder in ("themes", "sample_plans")
        for file in (ROOT / folder).glob("*.toml")
    }
    for kind in ("*.tcss", "*.toml"):  # style sheets, prices, the adapters of agents
        wanted |= {f"agentdeck/{file.relative_to(package)}" for file in package.rglob(kind)}
    wanted.add("agentdeck/py.typed")
    assert wanted <= held
    assert f"agentdeck-{__version__}-" in wheel.name


def test_the_wheel_holds_nothing_else_than_the_package(wheel: Path) -> None:
    """No test, cache or stray folder of the checkout ends up on a user's machine."""
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    about = f"agentdeck-{__version__}"
    assert tops == {"agentdeck", f"{about}.dist-info", f"{about}.data"}
    data = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(f"{about}.data")]
    assert data == [f"{about}.data/data/share/man/man1/agentdeck.1"]  # where pip puts it for `man`
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "__pycache__" in name]


def test_an_installed_package_finds_the_same_themes_and_plans(wheel: Path, tmp_path: Path) -> None:
    """Imported from an unpacked wheel, far from the checkout, it answers the same."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    answer = subprocess.run(
        [sys.executable, "-c", ASK_THE_INSTALLED],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert Path(found["file"]).is_relative_to(site)
    assert found["themes"] == sorted(entry.name for entry in themes_folder().iterdir())
    assert found["plans"] == {name: sample_plan(name) for name in sample_plans()}
    assert found["prices"] == price_table()
