"""Pages that are made from the code say what it says; `make pages` writes them anew."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.blocks import ROOT, pages, text_of

from agentdeck.cli.app import EXIT_CRASH, EXIT_PIPE
from agentdeck.cli.man_page import as_roff
from agentdeck.cli.reference import EXIT_CODES, exit_codes_page, verb_names
from agentdeck.control.bridge import server
from agentdeck.control.protocol import PROTOCOL
from agentdeck.core import errors, events
from agentdeck.core.event_names import NAMES
from agentdeck.core.plan import PLAN_VERSION
from agentdeck.core.webhook_signature import VERSION as SIGNATURE
from agentdeck.engine import hook_payload, journal
from agentdeck.engine.remote import outpost
from agentdeck.plans.adapter_keys import ADAPTER_VERSION
from agentdeck.plans.reporting import card, compare, report
from agentdeck.testing import event_table, theme_table

DOCS = ROOT / "docs"
PENDING = {"rpc.md", "mcp.md"}  # may come: `docs/site/hooks.py` leaves them out until then


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("events.md", event_table.as_document),
        ("themes.md", theme_table.as_document),
        ("exit-codes.md", exit_codes_page),
        ("agentdeck.1", as_roff),
    ],
)
def test_a_page_is_what_the_code_makes(name: str, made: Any) -> None:
    """If this fails: `make pages`."""
    assert (DOCS / name).read_text(encoding="utf-8") == made()


def test_the_page_of_events_has_every_name_that_a_hook_may_ask_for() -> None:
    page = event_table.as_document()
    assert [name for name in NAMES if f"`{name}`" not in page] == []


def test_every_exit_status_has_its_row() -> None:
    """None that is defined anywhere is missing, and each says what to do next."""
    defined = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert set(EXIT_CODES) == defined | {EXIT_CRASH, EXIT_PIPE}
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| [^|]+ \|$", exit_codes_page(), re.MULTILINE)
    assert sorted(map(int, rows)) == sorted(EXIT_CODES)


def test_the_manual_page_has_every_verb_and_nothing_that_roff_would_obey() -> None:
    page = as_roff()
    for name in verb_names():
        assert f'.SS "{name}'.replace("-", "\\-") in page
    for line in page.splitlines():
        assert not line.startswith("'"), line
        if line.startswith("."):
            assert re.match(r'\.(\\"|TH|SH|SS|TP|PP|B|I|RB|RI|BR|IR)( |$)', line), line


@pytest.mark.parametrize("program", [["mandoc", "-T", "lint", "-W", "error"], ["man", "-l"]])
def test_the_manual_page_is_drawn(program: list[str]) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed")
    done = subprocess.run(
        [*program, str(DOCS / "agentdeck.1")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    if program[0] == "man":
        assert "agentdeck plan add PLAN ID" in done.stdout


def test_the_versions_of_formats_are_those_of_the_code() -> None:
    """docs/versions.md names each with its number."""
    rows = re.findall(
        r"^\| ([^|]+) \| (v?\d+|agentdeck\.v\d+) \|", text_of("docs/versions.md"), re.MULTILINE
    )
    found = {re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", name).strip(): number for name, number in rows}
    assert report.REPORT_VERSION == card.CARD_VERSION == compare.COMPARE_VERSION
    assert found == {
        "plan": str(PLAN_VERSION),
        "adapter file": str(ADAPTER_VERSION),
        "events in the journal": str(events.VERSION),
        "journal database": str(journal.SCHEMA_VERSION),
        "protocol of the socket": str(PROTOCOL),
        "WebSocket of the bridge": server.PROTOCOL,
        "questions of pools on more machines": str(outpost.PROTOCOL),
        "payload of hooks": str(hook_payload.VERSION),
        "signature of webhooks": SIGNATURE.removesuffix(","),
        "report, evidence card, comparison": str(report.REPORT_VERSION),
    }


class _Loader(yaml.SafeLoader):
    """Passes over what mkdocs makes of Python names."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def test_every_page_has_its_place_in_the_site() -> None:
    text = (DOCS / "site" / "mkdocs.yml").read_text(encoding="utf-8")
    nav = yaml.load(text, _Loader)["nav"]
    placed = [page for part in nav for group in part.values() for page in group]
    written = {page.removeprefix("docs/") for page in pages() if page.startswith("docs/")}
    assert len(placed) == len(set(placed))
    assert written <= set(placed)
    assert set(placed) - written <= PENDING


def test_the_site_is_built_without_a_warning_and_asks_nobody(tmp_path: Path) -> None:
    """Strict, and no page loads a font, script, style or picture from elsewhere."""
    pytest.importorskip("material")
    config = str(DOCS / "site" / "mkdocs.yml")
    build = ["-m", "mkdocs", "build", "--quiet", "--strict", "-f", config, "-d", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *build], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        loads = re.findall(r"<(?:script|img|link)[^>]+(?:src|href)=.?https?:", page.read_text())
        assert loads == [], page.name
