"""Errors meant for a person: what is wrong, where, and what to do next.

Rules: every error a user can cause is a `DeckError`. Its message states the fault in one sentence,
`hint` the next step, and `exit_code` the documented status of the command line tool.
"""

from __future__ import annotations

from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1  # the run ended, but not everything that should have landed has
EXIT_USAGE: Final = 2  # a bad plan, argument or configuration
EXIT_NOT_FOUND: Final = 3  # no such run, task, log
EXIT_REFUSED: Final = 4  # a command that cannot be carried out in the present state
EXIT_ENVIRONMENT: Final = 5  # git, disk, permissions, another engine: the machine, not the input
EXIT_NEEDS_PERSON: Final = 6  # a headless run stands still until a person decides something
EXIT_DAMAGED: Final = 7  # the journal of a run is damaged; `agentdeck runs repair` mends it
EXIT_INTERRUPTED: Final = 130


class DeckError(Exception):
    """Base of all errors meant for a person."""

    exit_code: int = EXIT_FAILED
    stands_alone: bool = False  # each line says what and where; no word is put before it

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DeckError):
    """An argument or a setting is wrong."""

    exit_code = EXIT_USAGE


class NotFoundError(DeckError):
    """A run, task, log or file that was named does not exist."""

    exit_code = EXIT_NOT_FOUND


class RefusedError(DeckError):
    """A command cannot be carried out in the present state of the run."""

    exit_code = EXIT_REFUSED


class EnvironmentFault(DeckError):
    """The machine is at fault: git is missing, the disk is full, somebody else holds a lock."""

    exit_code = EXIT_ENVIRONMENT
