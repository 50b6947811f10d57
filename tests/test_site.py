"""The docs as a site: it is built without a word, and all that its pages load is in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

pytest.importorskip("mkdocs")
CONFIG: Final = Path(__file__).parents[1] / "docs" / "site" / "mkdocs.yml"
LOADED: Final = re.compile(
    r"<(?:script|img|iframe)\b[^>]*\ssrc=[\"']?([^\"'\s>]+)"
    r"|<link\b(?=[^>]*\srel=[\"']?(?:stylesheet|icon|preload))[^>]*\shref=[\"']?([^\"'\s>]+)"
)


def test_the_site_can_be_read_from_a_folder(tmp_path: Path) -> None:
    """Nothing comes from elsewhere; search and dark pages have what they need without a server."""
    words = ["-m", "mkdocs", "build", "--quiet", "--strict", "-f", str(CONFIG), "-d", str(tmp_path)]
    built = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        if page.name == "404.html":  # what stands in it is from the top of a server
            continue
        loads = ["".join(found) for found in LOADED.findall(page.read_text(encoding="utf-8"))]
        assert any(each.endswith("iframe-worker.js") for each in loads)
        for each in loads:
            where = page.parent / each.partition("?")[0]
            assert each.startswith("data:") or where.is_file(), f"{page.name} loads {each}"
    assert (tmp_path / "search" / "search_index.js").is_file()
