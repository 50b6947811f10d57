"""Memory that only points at itself is looked for while nobody types."""

from __future__ import annotations

import gc
import weakref

import pytest

from agentdeck.tui.garbage import REST_S, SELDOM_S, Garbage


class Ring:
    """It points at itself, as a closed screen does."""

    def __init__(self) -> None:
        self.me = self


class Hand:
    """What is typed, and when."""

    now = 1000.0
    key_at = 0.0

    def watch(self) -> float:
        return self.now

    def quiet_s(self) -> float:
        return self.now - self.key_at


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    gc.disable()
    monkeypatch.setattr(gc, "collect", lambda real=gc.collect: real(1))  # what is new is enough
    return Hand()


@pytest.fixture(autouse=True)
def enabled_again() -> object:
    yield
    gc.enable()


def made() -> weakref.ref[Ring]:
    return weakref.ref(Ring())


def test_once_after_keys(hand: Hand) -> None:
    """Not while somebody types, and no second time until a key is pressed again."""
    garbage = Garbage(hand.quiet_s, hand.watch)
    hand.now = hand.key_at = 1001.0
    lost = made()
    garbage.tick()
    assert lost() is not None
    hand.now += REST_S
    garbage.tick()
    assert lost() is None
    later = made()
    hand.now += 1.0
    garbage.tick()
    assert later() is not None


def test_seldom_without_any(hand: Hand) -> None:
    garbage = Garbage(hand.quiet_s, hand.watch)
    lost = made()
    hand.now += SELDOM_S - 1
    garbage.tick()
    assert lost() is not None
    hand.now += 2
    garbage.tick()
    assert lost() is None
