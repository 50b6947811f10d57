"""Confines itself with Landlock, then becomes a command: `python -I -S landlock.py RULES -- ARGV`.

RULES are `--write PATH` (a file, or a folder with all below it), as often as needed, and
`--no-network`. Everything else of the file system can be read and not be written.

Rules:
- Only the standard library, and no package of ours: it is a program between launcher and agent. It
  keeps its pid, so whoever waits for the launcher's child waits for the agent.
- It confines itself before it becomes anything, or ends with 127 and a reason: never without.
- A right that this kernel does not know is not asked for; what must be asked for decides which
  kernels will do (`OLDEST_ABI`, `NETWORK_ABI`). Rights are for good, for all that it starts.
- What it does not cover: reading; UDP; sockets in the file system that it may open; the mode,
  owner and times of files that are its user's own.
"""

# pathlib would take longer to import than all the rest of this script.
# ruff: noqa: PTH112
from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

OLDEST_ABI: Final = 3  # Linux 6.2: before it, any file could be truncated
NETWORK_ABI: Final = 4  # Linux 6.7: bind and connect of TCP
IOCTL_ABI: Final = 5  # Linux 6.10
SCOPE_ABI: Final = 6  # Linux 6.12: signals and abstract sockets end at the sandbox
CANNOT_START: Final = 127  # what a shell returns for a command it cannot find

# Numbers of system calls; the same on every architecture but alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_WANT_VERSION: Final = 1  # flag of landlock_create_ruleset
_PATH_BENEATH: Final = 1  # type of a rule
_PR_SET_NO_NEW_PRIVS: Final = 38

_WRITE_FILE: Final = 1 << 1
_FOLDER_RIGHTS: Final = sum(1 << bit for bit in range(4, 14))  # REMOVE_DIR … MAKE_SYM, REFER
_TRUNCATE: Final = 1 << 14
_IOCTL_DEV: Final = 1 << 15
_FILE_RIGHTS: Final = _WRITE_FILE | _TRUNCATE | _IOCTL_DEV  # of what is no folder
_TCP: Final = 0b11  # bind, connect
_SCOPES: Final = 0b11  # abstract unix sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_fs", ctypes.c_uint64),
        ("handled_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The version of Landlock's interface on this kernel; 0 = none, or it is switched off."""
    if sys.platform != "linux":
        return 0
    found = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _WANT_VERSION)
    return max(0, int(found))


def confine(writable: Sequence[str], *, network: bool) -> None:
    """Take from this process, for good, all that it may not do.

    Args:
        writable: files and folders that are left writable; what is not there is passed over.
        network: False = no TCP.

    Raises:
        OSError: it cannot be done on this kernel.
    """
    version = abi()
    needed = OLDEST_ABI if network else NETWORK_ABI
    if version < needed:
        raise OSError(0, f"Landlock of this kernel has ABI {version}, and {needed} is needed")
    rights = _rights(version)
    attributes = _Ruleset(rights, 0 if network else _TCP, _SCOPES if version >= SCOPE_ABI else 0)
    size = 24 if version >= SCOPE_ABI else 16 if version >= NETWORK_ABI else 8
    ruleset = _called(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    try:
        for path in writable:
            _allow(ruleset, path, rights)
        if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")
        _called(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _rights(version: int) -> int:
    rights = _WRITE_FILE | _FOLDER_RIGHTS | _TRUNCATE
    return rights | (_IOCTL_DEV if version >= IOCTL_ABI else 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        allowed = rights if os.path.isdir(path) else rights & _FILE_RIGHTS
        rule = _PathBeneath(allowed, parent)
        _called(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(parent)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _called(number: int, *arguments: object) -> int:
    found = int(_libc().syscall(number, *arguments))
    if found < 0:
        errno = ctypes.get_errno()
        raise OSError(errno, f"Landlock: {os.strerror(errno)}")
    return found


def main(words: Sequence[str]) -> NoReturn:
    """Do what the command line says; never returns."""
    doing = "be confined"
    try:
        end = words.index("--")
        rules, argv = list(words[:end]), list(words[end + 1 :])
        network = "--no-network" not in rules
        writable = [rules[at + 1] for at, word in enumerate(rules) if word == "--write"]
        confine(writable, network=network)
        doing = f"start {argv[0]}"
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is what we want
    except (OSError, ValueError, IndexError) as fault:
        reason = getattr(fault, "strerror", None) or str(fault)
        os.write(2, f"agentdeck: cannot {doing}: {reason}\n".encode(errors="surrogateescape"))
    os._exit(CANNOT_START)


if __name__ == "__main__":
    main(sys.argv[1:])
