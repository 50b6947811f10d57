"""Is what would be released whole? Builds it, installs it where nothing is, and tries it.

Rules:
- Nothing is published here, and nothing outside of `dist/` and a temporary folder is written.
- The version is said in one place, `src/agentdeck/__init__.py`; the changelog speaks of it.
- Each fault is one line, and the status is 1 if there was one.
- What the docs say of the installation is typed as it stands there, where README.md, docs/mcp.md,
  docs/tutorial.md and docs/guides/browser.md have a block that is `run by` this file: with pip,
  pipx and uv, from an index, in an empty home. There `agentdeck` means the wheel that was built.

    python .ci/release_check.py [--no-install]
"""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
DIST: Final = ROOT / "dist"
MAX_WHEEL: Final = 4_000_000  # bytes; more means that something strayed into it
INSTALL_S: Final = 900.0  # from an index, all that it requires


def main(arguments: list[str]) -> int:
    """Look at everything; 0 if nothing is wrong."""
    version = _version()
    print(f"release-check: agentdeck {version}")
    faults = [*_changelog(version), *_build(version)]
    if not faults and "--no-install" not in arguments:
        faults += [*_install(version), *_docs()]
    for fault in faults:
        print(f"release-check: FAULT {fault}")
    if not faults:
        print(f"release-check: ok, in {DIST.relative_to(ROOT)}/")
    return int(bool(faults))


def _version() -> str:
    text = (ROOT / "src" / "agentdeck" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: Final)? = "([^"]+)"', text, re.MULTILINE)
    return found[1] if found is not None else ""


def _changelog(version: str) -> Iterator[str]:
    if re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version) is None:
        yield f"version {version!r} is none"
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if f"## [{version}]" not in text and version not in text.split("\n### ", 1)[0]:
        yield f"CHANGELOG.md says nothing of {version}"


def _build(version: str) -> Iterator[str]:
    for old in DIST.glob("agentdeck-*"):
        old.unlink()
    done = _run([sys.executable, "-m", "hatchling", "build", "-d", str(DIST)], ROOT)
    if done.returncode:
        yield f"it cannot be built: {done.stderr.strip()}"
        return
    wheel = next(DIST.glob("*.whl"))
    with zipfile.ZipFile(wheel) as file:
        about = next(name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        told = email.message_from_bytes(file.read(about))
    if told["Version"] != version:
        yield f"the wheel says {told['Version']}, the code {version}"
    if wheel.stat().st_size > MAX_WHEEL:
        yield f"the wheel has {wheel.stat().st_size:,} bytes, more than {MAX_WHEEL:,}"
    if not str(told.get_payload()).strip():
        yield "the wheel has no description"
    for wanted in ("Requires-Python", "License-Expression", "Summary", "Keywords"):
        if not told[wanted]:
            yield f"the wheel does not say its {wanted}"


def _install(version: str) -> Iterator[str]:
    """As somebody with an empty environment does."""
    with tempfile.TemporaryDirectory(prefix="agentdeck-release-") as folder:
        place = Path(folder)
        _run([sys.executable, "-m", "venv", str(place / "env")], place)
        python = place / "env" / "bin" / "python"
        wheel = str(next(DIST.glob("*.whl")))
        done = _run([str(python), "-m", "pip", "install", "-q", wheel], place)
        if done.returncode:
            yield f"it cannot be installed: {done.stderr.strip()}"
            return
        program = str(place / "env" / "bin" / "agentdeck")
        for words in (["--version"], ["--help"], ["schema"], ["demo"]):
            done = _run([program, *words], place)
            if done.returncode:
                yield f"`agentdeck {' '.join(words)}` ends with {done.returncode}: {done.stderr}"
            if words == ["--version"] and done.stdout.strip() != f"agentdeck {version}":
                yield f"it calls itself {done.stdout.strip()!r}"


def _docs() -> Iterator[str]:
    """The blocks of the docs that install it, each in an environment of its own."""
    sys.path.append(str(ROOT))
    from tests.docs.blocks import blocks_of, pages, text_of
    from tests.docs.lines import typed

    wheel = next(DIST.glob("*.whl")).resolve()
    blocks = [block for page in pages() for block in blocks_of(page, text_of(page))]
    for block in (one for one in blocks if one.elsewhere == ".ci/release_check.py"):
        with tempfile.TemporaryDirectory(prefix="agentdeck-release-") as folder:
            place = Path(folder)
            _run([sys.executable, "-m", "venv", str(place / "env")], place)
            # Older ones know no constraint by address for a name with extras.
            pip = [str(place / "env/bin/python"), "-m", "pip", "install", "-q"]
            _run([*pip, "--upgrade", "pip>=24", "pipx", "uv"], place)
            (place / "constraint").write_text(f"agentdeck @ {wheel.as_uri()}\n", encoding="utf-8")
            shown = f"{place}/env/bin:{place}/.local/bin:{os.environ['PATH']}"
            env = {"HOME": folder, "PATH": shown}
            env |= dict.fromkeys(("PIP_CONSTRAINT", "UV_CONSTRAINT"), str(place / "constraint"))
            for line in typed(block.kind, block.text):
                print(f"release-check: {block.page}: {line.text.split('  ')[0]}", flush=True)
                done = _run(["sh", "-c", line.text], place, env)
                if done.returncode:
                    yield f"{block.place}: `{line.text}` ends with {done.returncode}: {done.stderr}"


def _run(
    arguments: list[str], place: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        cwd=place,
        env=None if env is None else {**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
