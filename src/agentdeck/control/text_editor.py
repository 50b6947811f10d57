"""A person's own editor on a text: `$VISUAL`, else `$EDITOR`, else what is there.

Rules:
- The command is the person's own variable, split as a shell splits words; no shell reads it, and
  no text of a plan, an agent or a log is ever part of it. The file's path is its last argument.
- The text lies in a folder that nobody else can read, and is gone afterwards.
- An editor that ends with an error has given nothing back (`:cq` means that).
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agentdeck.control.take_over import terminal_lent
from agentdeck.core.errors import EnvironmentFault, UsageError

VARIABLES: Final = ("VISUAL", "EDITOR")
KNOWN: Final = ("nano", "vi", "vim")  # tried in this order where no variable says anything
MAX_BYTES: Final = 4_000_000  # of a text; as long as a prompt may be, in UTF-8


def editor_command(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The command of the person's editor.

    Raises:
        UsageError: a variable cannot be split into words.
        EnvironmentFault: there is no editor.
    """
    said = os.environ if environment is None else environment
    for name in VARIABLES:
        text = said.get(name, "").strip()
        if not text:
            continue
        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            raise UsageError(f"${name} is no command: {error}", hint=f"it says {text}") from None
    for name in KNOWN:
        if shutil.which(name, path=said.get("PATH")) is not None:
            return (name,)
    raise EnvironmentFault("there is no editor", hint="set $EDITOR, such as EDITOR=nano")


def edited_by_person(text: str, *, name: str, command: tuple[str, ...]) -> str:
    """Open the editor on this terminal and wait until the person leaves it; the text afterwards.

    Args:
        name: of the file, for the editor's title and its colours; no part of a path.

    Raises:
        EnvironmentFault: it cannot be started, ended with an error, or left no text.
    """
    with tempfile.TemporaryDirectory(prefix="agentdeck-") as folder:
        path = Path(folder) / Path(name).name
        path.write_text(text, encoding="utf-8", newline="")
        try:
            with terminal_lent():
                code = subprocess.call([*command, str(path)])
        except OSError as error:
            raise EnvironmentFault(
                f"{command[0]} cannot be started: {error.strerror}", hint="set $EDITOR to another"
            ) from error
        if code != 0:
            raise EnvironmentFault(
                f"{command[0]} ended with {code}: its text was not taken",
                hint="the text is as it was",
            )
        return _read(path)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise EnvironmentFault(f"the text has more than {MAX_BYTES // 1_000_000} MB")
        return data.decode("utf-8")
    except OSError as error:
        raise EnvironmentFault(f"the text is gone: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EnvironmentFault("the text is no UTF-8", hint="the text is as it was") from error
