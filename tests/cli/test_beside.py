"""Work on another core: the same result, whatever becomes of the copy."""

from __future__ import annotations

import os
import signal
import threading

import msgspec
import pytest

from agentdeck.cli import beside
from agentdeck.cli.beside import on_another_core
from agentdeck.core.plan import Strategy
from agentdeck.plans.analysis.contract import as_data
from agentdeck.plans.analysis.prices import Prices
from agentdeck.plans.analysis.report import Asked, analyse
from agentdeck.testing.builders import plan


def test_the_work_is_done_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 1)  # other tests have left some idle
    first, second = on_another_core(os.getpid), on_another_core(os.getpid)
    assert len({first(), second(), os.getpid()}) == 3


def test_one_core_does_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_cores", lambda: 1)
    assert on_another_core(os.getpid)() == os.getpid()


def test_a_copy_that_dies_is_replaced() -> None:
    """Killed for want of memory, say: then it is done here."""
    here = os.getpid()

    def work() -> int:
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    assert on_another_core(work)() == here


def test_a_fault_is_raised_here() -> None:
    def work() -> int:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        on_another_core(work)()


@pytest.mark.parametrize("strategy", list(Strategy))
def test_an_analysis_is_the_same(strategy: Strategy) -> None:
    of = plan(*(f"t{n}<t{n - 7}" if n >= 7 else f"t{n}" for n in range(60)))
    asked = Asked(3, strategy, Prices())
    alone, shared = analyse(of, asked), analyse(of, asked, on_another_core)
    assert msgspec.json.encode(as_data(alone)) == msgspec.json.encode(as_data(shared))
