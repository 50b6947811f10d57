"""The page `docs/themes.md`, drawn from the shipped themes.

Rules: the page is never edited by hand; a test compares it with what this module says.
`python -m agentdeck.testing.theme_table > docs/themes.md` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final

import tomli

from agentdeck.shipped import themes_folder

_EXAMPLE: Final = "deck-dark.toml"
_HEAD: Final = """\
# Themes

Made by `python -m agentdeck.testing.theme_table > docs/themes.md`. Do not edit it by hand.

In the deck `t` shows each theme while you choose; the choice is kept for the repository.
`NO_COLOR=1` draws without colours, `--ascii` without signs outside of ASCII: no state is told by
its colour alone.

## Shipped

| name | | what it is |
| --- | --- | --- |
"""
_OWN: Final = """
## One of your own

A file `NAME.toml` in the folder `themes` beside your settings (`agentdeck config path` says where).
A name that is shipped is replaced by yours. A file with a mistake is named with its line when the
deck opens, and left out.

<!-- block: file themes/mine.toml -->
```toml
{example}```

The colours above `[variables]` are those of Textual. Each of the variables below it is the colour
of a state of a task; what a theme leaves out takes one of the colours above it. Only what asks and
what failed should be loud: `tests/test_themes.py` measures that, and whether text can be read, for
every shipped theme.
"""


def as_document() -> str:
    """The whole page, Markdown."""
    example = themes_folder().joinpath(_EXAMPLE).read_text(encoding="utf-8")
    body = example.split("\n", 1)[1].replace('"deck-dark"', '"mine"')
    return _HEAD + "\n".join(_rows()) + "\n" + _OWN.format(example=body)


def _rows() -> Iterator[str]:
    for file in sorted(themes_folder().iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        text = file.read_text(encoding="utf-8")
        data: dict[str, Any] = tomli.loads(text)
        said = takewhile(lambda line: line.startswith("#"), text.splitlines())
        what = " ".join(line.lstrip("# ") for line in said)
        yield f"| `{data['name']}` | {'dark' if data['dark'] else 'light'} | {what} |"


if __name__ == "__main__":
    print(as_document(), end="")
