"""Where a person's own files lie: settings, keys, themes and adapters of agents.

Rules: the folder is the platform's own for configuration; nothing here creates it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import platformdirs

SETTINGS_FILE: Final = "deck.toml"
KEYS_FILE: Final = "keys.toml"
THEMES_FOLDER: Final = "themes"  # a folder, one file for each
AGENTS_FOLDER: Final = "agents"  # likewise


def user_folder() -> Path:
    """`~/.config/agentdeck` on Linux; on macOS below `~/Library/Application Support`."""
    return Path(platformdirs.user_config_path("agentdeck", appauthor=False))


__all__ = ["AGENTS_FOLDER", "KEYS_FILE", "SETTINGS_FILE", "THEMES_FOLDER", "user_folder"]
