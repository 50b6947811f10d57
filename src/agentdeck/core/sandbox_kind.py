"""The kinds of sandboxes, in a module that needs the standard library alone."""

from __future__ import annotations

from enum import StrEnum


class Sandbox(StrEnum):
    """What keeps an agent from writing where it should not. See `core.containment`."""

    NONE = "none"  # nothing but a guard of refs, which a hostile agent can evade
    BWRAP = "bwrap"  # bubblewrap: namespaces of Linux
    LANDLOCK = "landlock"  # a security module of Linux; needs no other program


__all__ = ["Sandbox"]
