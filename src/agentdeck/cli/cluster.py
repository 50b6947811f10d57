"""`agentdeck cluster` and `agentdeck worker`: pools on more machines."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.listening import HostOption, PortOption
from agentdeck.cli.output import note, say, say_json, table
from agentdeck.cli.place import JsonOption
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.ids import id_fault, slug

if TYPE_CHECKING:
    from agentdeck.control.cluster import Tls

MAX_SLOTS: Final = 1_000  # of one pool on one worker; more is a slip of the finger
_POOL: Final = re.compile(r"(?P<name>[^=]+)=(?P<slots>[0-9]{1,4})")

cluster = typer.Typer(name="cluster", help="The scheduler that workers join.", no_args_is_help=True)
worker = typer.Typer(name="worker", help="Work for a cluster.", no_args_is_help=True)

CaOption = Annotated[
    str,
    typer.Option("--tls-ca", metavar="PEM", envvar="AGENTDECK_TLS_CA", help="Who is trusted."),
]
CertOption = Annotated[
    str,
    typer.Option(
        "--tls-cert", metavar="PEM", envvar="AGENTDECK_TLS_CERT", help="This machine's certificate."
    ),
]
KeyOption = Annotated[
    str, typer.Option("--tls-key", metavar="PEM", envvar="AGENTDECK_TLS_KEY", help="Its key.")
]
InsecureOption = Annotated[
    bool,
    typer.Option("--insecure", help="Other machines without TLS: whoever listens may run code."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    cluster.command(name="start")(start)
    cluster.command(name="status")(status)
    cluster.command(name="stop")(stop)
    worker.command(name="join")(join)
    app.add_typer(cluster, rich_help_panel="Runs")
    app.add_typer(worker, rich_help_panel="Runs")


def start(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8786,
    tls_ca: CaOption = "",
    tls_cert: CertOption = "",
    tls_key: KeyOption = "",
    insecure: InsecureOption = False,
) -> int:
    """Start the scheduler of this machine; pools with `host = "cluster"` use it.

    It goes on by itself. Other machines join it with the line that is printed; it listens to them
    only with TLS.
    """
    from agentdeck.control import cluster as control

    tls = _tls(tls_ca, tls_cert, tls_key)
    named = f"[{host}]" if ":" in host else host
    found = control.start(
        f"{'tls' if tls.given else 'tcp'}://{named}:{port}", tls, insecure=insecure
    )
    say(found.address)
    note(f"agentdeck worker join {found.address} --pool NAME=SLOTS    # on each machine that works")
    return EXIT_OK


def status(
    address: Annotated[
        str, typer.Argument(metavar="[ADDRESS]", help="Of this machine if not said.")
    ] = "",
    as_json: JsonOption = False,
) -> int:
    """Who has joined, and how many attempts of which pool each takes at once."""
    from agentdeck.control import cluster as control

    where, found = control.joined(address)
    if as_json:
        say_json({"scheduler": where, "workers": found})
        return EXIT_OK
    say(f"scheduler {where}: {len(found)} worker{'s' * (len(found) != 1)}")
    rows = [
        (
            one.name,
            ", ".join(f"{pool} {slots}" for pool, slots in one.slots.items()) or "none",
            f"{one.seen_s:.0f} s ago",
            one.address,
        )
        for one in found
    ]
    if rows:
        table(("WORKER", "SLOTS", "HEARD", "ADDRESS"), rows)
    return EXIT_OK


def stop() -> int:
    """End the scheduler of this machine. Agents work on, and workers wait for the next one."""
    from agentdeck.control import cluster as control

    note(f"the scheduler {control.stop().address} has ended; agents work on")
    return EXIT_OK


def join(
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="Of the scheduler, tls://HOST:PORT.")
    ],
    pools: Annotated[
        list[str] | None,
        typer.Option("--pool", metavar="NAME=SLOTS", help="Attempts at once; again for others."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="How it is called; the host's name.")
    ] = "",
    root: Annotated[
        Path | None,
        typer.Option("--root", metavar="DIR", help="Where it keeps mirrors and worktrees."),
    ] = None,
    tls_ca: CaOption = "",
    tls_cert: CertOption = "",
    tls_key: KeyOption = "",
    insecure: InsecureOption = False,
) -> int:
    """Have this machine work for a cluster, until Ctrl-C.

    Its agents outlive it: the next worker of the same name goes on with them.
    """
    from agentdeck.control import cluster as control

    slots = dict(_slots(text) for text in pools or ())
    if not slots:
        raise UsageError("no --pool is named, so it would get no work", hint="--pool big=4")
    called = name or slug(socket.gethostname())
    if (fault := id_fault(called)) is not None:
        raise UsageError(f"--name {called}: {fault}")
    control.join(
        address,
        called,
        slots,
        _tls(tls_ca, tls_cert, tls_key),
        insecure=insecure,
        root=root,
        tell=_tell,
    )
    return EXIT_OK


def _tls(*files: str) -> Tls:
    """As they are called from here: the scheduler works in another folder."""
    from agentdeck.control.cluster import Tls

    return Tls(*(str(Path(file).absolute()) if file else "" for file in files))


def _slots(text: str) -> tuple[str, int]:
    found = _POOL.fullmatch(text)
    if found is None or id_fault(found["name"]) is not None:
        raise UsageError(f"--pool {text} is not NAME=SLOTS", hint="--pool big=4")
    slots = int(found["slots"])
    if not 1 <= slots <= MAX_SLOTS:
        raise UsageError(f"--pool {text}: slots are 1 to {MAX_SLOTS}")
    return found["name"], slots


def _tell(line: str) -> None:
    note(line)
    sys.stderr.flush()


__all__ = ["register"]
