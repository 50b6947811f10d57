"""What mkdocs is told beyond `mkdocs.yml`.

Rules:
- A page of the nav that is not there is left out of it: `PENDING` names those that may be missing.
- `iframe-worker.js` beside this file is put into the site.
- Links that leave docs/ (the README, the changelog, sample plans) have no page in the site, and
  become plain text there.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, Final

WORKER: Final = "iframe-worker.js"
PENDING: Final = frozenset({"rpc.md", "mcp.md"})
_OUTSIDE: Final = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!guides/)[A-Z][^)]*\)")


def on_config(config: Any) -> Any:
    """Leave out what is not there yet."""
    folder = Path(config["docs_dir"])
    config["nav"] = [_there(entry, folder) for entry in config["nav"]]
    return config


def _there(entry: dict[str, list[str]], folder: Path) -> dict[str, list[str]]:
    return {
        title: [page for page in pages if page not in PENDING or (folder / page).exists()]
        for title, pages in entry.items()
    }


def on_post_build(config: Any) -> None:
    """Put beside the scripts of the theme what is ours."""
    shutil.copy(Path(__file__).with_name(WORKER), Path(config["site_dir"]) / "assets" / WORKER)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page, without links that lead out of the site."""
    return _OUTSIDE.sub(r"\1", markdown)
