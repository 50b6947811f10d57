"""A deck in a real browser, as somebody sits at it: real key events, and what xterm.js shows.

Rules: everything goes over Chromium's own protocol, one call after the other. The screen is read
from the terminal in the page, as that has understood what came; the pixels are in the pictures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.tui.chromium import Page, chromium

# The page keeps its terminal to itself, as a field of that name.
FIND_TERMINAL: Final = """
Object.defineProperty(Object.prototype, "terminal", {
  configurable: true,
  set(value) {
    Object.defineProperty(this, "terminal", {value, writable: true, configurable: true});
    if (value && value.buffer && value.write) window.shownTerminal = value;
  },
});
"""
SCREEN: Final = """
(() => {
  const shown = window.shownTerminal;
  if (!shown) return "";
  const lines = [];
  for (let row = 0; row < shown.rows; row++)
    lines.push(shown.buffer.active.getLine(row)?.translateToString(true) ?? "");
  return lines.join("\\n");
})()
"""
# Key events that are no letters: the name in the browser, the code of Windows, what they type.
NAMED: Final = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Right": ("ArrowRight", 39, ""),
    "Space": (" ", 32, " "),
}
# The key that a sign stands on, where English is typed: its own code would be that of another key.
SIGNS: Final = {"!": 49, "%": 53, "+": 187, "-": 189, ",": 188, ".": 190, "/": 191, "?": 191}
SHIFTED: Final = "!%+?"
SHIFT: Final = 8  # as a modifier


class BrowserFace:
    """One page of a headless Chromium."""

    def __init__(self, runner: asyncio.Runner, page: Page) -> None:
        self._runner, self._page = runner, page

    def open(self, link: str) -> None:
        """Go to an address, and wait until a deck has drawn something there."""
        _ = self._call("Page.addScriptToEvaluateOnNewDocument", source=FIND_TERMINAL)
        self._runner.run(self._page.go(link))
        self._runner.run(self._page.until("document.body?.classList.contains('-first-byte')"))

    @property
    def screen(self) -> str:
        return str(self._runner.run(self._page.ask(SCREEN)))

    @property
    def words(self) -> str:
        """What the page says where it shows no deck."""
        return str(self._runner.run(self._page.ask("document.body.innerText")))

    def until_closed(self) -> None:
        """Wait until the page says that its deck is gone."""
        self._runner.run(self._page.until("document.body.classList.contains('-closed')"))

    def press(self, key: str) -> None:
        name, code, text = NAMED.get(key) or (key, SIGNS.get(key, ord(key[0].upper())), key)
        about: dict[str, Any] = {"key": name, "windowsVirtualKeyCode": code}
        if key not in NAMED and (key.isupper() or key in SHIFTED):
            about["modifiers"] = SHIFT
        _ = self._call(
            "Input.dispatchKeyEvent",
            type="keyDown" if text else "rawKeyDown",
            **about,
            **({"text": text} if text else {}),
        )
        _ = self._call("Input.dispatchKeyEvent", type="keyUp", **about)

    def type(self, text: str) -> None:
        for letter in text:
            self.press("Space" if letter == " " else letter)

    def keep(self, place: Path) -> None:
        place.with_suffix(".png").write_bytes(self._runner.run(self._page.picture()))
        place.with_suffix(".txt").write_text(self.screen, encoding="utf-8")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._runner.run(self._page.call(method, **params))


@contextmanager
def browser(profile: Path) -> Iterator[BrowserFace]:
    """A browser with an empty profile; it is closed afterwards."""
    with asyncio.Runner() as runner:
        opened = chromium(profile)
        page = runner.run(opened.__aenter__())
        try:
            yield BrowserFace(runner, page)
        finally:
            runner.run(opened.__aexit__(None, None, None))


__all__ = ["BrowserFace", "browser"]
