"""How Dask is set for our use: it carries words and counts slots, and decides nothing.

Rules: no address of the network without TLS, unless somebody says that this will do. Whoever joins
a cluster may run code on all of its machines: what they say to each other is unpickled.
"""

from __future__ import annotations

import logging
from typing import Final
from urllib.parse import urlsplit

import dask
from distributed import Security

from agentdeck.core.errors import UsageError
from agentdeck.core.hook_urls import is_loopback
from agentdeck.core.hosts import is_machine
from agentdeck.engine.remote.scheduler_note import Tls

CONNECT_S: Final = "5s"
PAGES: Final = "127.0.0.1:0"  # Dask opens this port in any case; nothing is served on it
# A worker that is silent for longer leaves the scheduler's list; attempts have their own lease.
WORKER_TTL: Final = "120s"
SETTINGS: Final = {
    "distributed.scheduler.allowed-failures": 0,  # a slot that is lost is not given out again
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-ttl": WORKER_TTL,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.comm.timeouts.connect": CONNECT_S,
    "distributed.comm.timeouts.tcp": "30s",
    "distributed.comm.retry.count": 0,
    "distributed.admin.log-length": 100,
    "distributed.admin.low-level-log-length": 100,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.diagnostics.nvml": False,
    # Pages about themselves, which anybody could read, and which can retire workers.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


def set_dask() -> None:
    """Set Dask in this process, and keep it from writing what nobody reads."""
    dask.config.set(SETTINGS)
    for name in ("distributed", "distributed.worker", "distributed.core", "distributed.scheduler"):
        logging.getLogger(name).setLevel(logging.ERROR)


def security_of(tls: Tls) -> Security | None:
    """What Dask needs of the certificates; None: there are none.

    Raises:
        UsageError: there is only a part of them.
    """
    if not tls.given:
        return None
    tls.check()
    return Security(
        tls_ca_file=tls.ca,
        tls_client_cert=tls.cert,
        tls_client_key=tls.key,
        tls_scheduler_cert=tls.cert,
        tls_scheduler_key=tls.key,
        tls_worker_cert=tls.cert,
        tls_worker_key=tls.key,
        require_encryption=True,
    )


def check_address(address: str, tls: Tls, *, insecure: bool) -> None:
    """Refuse what would go over the network in the clear.

    Raises:
        UsageError: it says what to do instead.
    """
    try:
        url = urlsplit(address)
        names = is_machine(url.hostname or "") and url.port is not None
    except ValueError:
        names = False
    if not names or url.scheme not in ("tcp", "tls") or not url.hostname:
        raise UsageError(f"{address!r} is no address of a scheduler", hint="tls://HOST:PORT")
    if url.scheme == "tls":
        tls.check()
    elif tls.given:
        raise UsageError(f"{address} is without TLS, and certificates are given", hint="tls://…")
    elif not insecure and not is_loopback(url.hostname):
        raise UsageError(
            f"{address} is plain tcp to another machine: who is on the way may run code on both",
            hint="give --tls-ca, --tls-cert and --tls-key; or --insecure in a network of your own",
        )


__all__ = ["PAGES", "check_address", "security_of", "set_dask"]
