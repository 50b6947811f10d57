"""Hooks are told in order, tried again ever more rarely, and keep nobody waiting."""

from __future__ import annotations

from typing import get_args

import pytest

from agentdeck.core import events as e
from agentdeck.core import hooks
from agentdeck.core.event_names import NAMES, TAGS, fault_of, names_of, wants
from agentdeck.core.events import AnyEvent, EntryKind, Outcome, Verdict
from agentdeck.core.ids import EntryId, GateName, ProcessIdentity, TaskId
from agentdeck.core.plan import AnyHook, GateWhen, Hook, Notify, Webhook
from agentdeck.core.state import RunState
from agentdeck.core.steps import Record, TellHook
from agentdeck.core.webhook_signature import SignatureError, signed, verified
from agentdeck.testing.builders import Run, plan, started
from agentdeck.webhooks import verify

A = TaskId("A")
URL = "https://example.org/"
DAY_S = 86_400.0


def told(run: Run) -> list[TellHook | Record]:
    """What is wanted of hooks now."""
    return list(hooks.steps(run.state, run.clock.now))


def run_with(*every: AnyHook) -> Run:
    commands = tuple(hook for hook in every if isinstance(hook, Hook))
    webhooks = tuple(hook for hook in every if isinstance(hook, Webhook))
    notify = tuple(hook for hook in every if isinstance(hook, Notify))
    return started(plan("a", hooks=commands, webhooks=webhooks, notify=notify))


def gate(verdict: Verdict) -> AnyEvent:
    return e.GateFinished(GateName("g"), GateWhen.MERGE, "t", "c", 1, verdict, 1, 1.0, "")


@pytest.mark.parametrize(
    ("pattern", "event", "hears"),
    [
        ("task.claimed", e.AttemptClaimed(A, 1, "x"), True),  # type: ignore[arg-type]
        ("attempt.claimed", e.AttemptClaimed(A, 1, "x"), True),  # type: ignore[arg-type]
        ("task.*", e.AttemptClaimed(A, 1, "x"), True),  # type: ignore[arg-type]
        ("task.failed", e.AttemptClaimed(A, 1, "x"), False),  # type: ignore[arg-type]
        ("gate.failed", gate(Verdict.FAILED), True),
        ("gate.failed", gate(Verdict.TIMED_OUT), True),
        ("gate.failed", gate(Verdict.BROKEN), False),
        ("gate.failed", gate(Verdict.PASSED), False),
        ("gate.passed", gate(Verdict.PASSED), True),
        ("task.landed", e.EntryLanded(EntryId("A"), "c", "t", A), True),
        ("task.landed", e.EntryLanded(EntryId("base@c"), "c", "t"), False),
        ("task.queued", e.EntryQueued(EntryId("base@c"), EntryKind.BASE, "c"), False),
        ("*", e.AttemptProgressed(A, 1, 5), False),
        ("attempt.*", e.AttemptProgressed(A, 1, 5), False),
        ("attempt.progressed", e.AttemptProgressed(A, 1, 5), True),
        ("*", e.EngineStopped(""), False),
        ("*", e.HookFailed("ci", 1, 1, "", 0.0), False),
        ("*", e.StepFailed("hook:ci", None, "", 0.0), False),
        ("*", e.StepFailed("push", None, "", 0.0), True),
        ("run.*", e.RunFinished(Outcome.COMPLETE), True),
    ],
)
def test_which_events_a_pattern_means(pattern: str, event: AnyEvent, hears: bool) -> None:
    assert wants((pattern,), event) is hears
    assert wants(("promote.asked", pattern), event) is hears


def test_every_event_has_a_name_and_those_about_hooks_have_none() -> None:
    assert names_of(e.RunFinished(Outcome.COMPLETE)) == ("run.finished",)
    assert not [name for name in NAMES if name.startswith("hook.")]
    assert len(TAGS) == len(get_args(AnyEvent)) - 4
    assert all(fault_of(name) is None for name in (*NAMES, "*", "task.*"))
    faults = [fault_of(name) for name in ("hook.failed", "task", "tsk.*", "task.dnoe", "")]
    assert None not in faults


def test_a_hook_is_told_one_event_at_a_time_and_in_order() -> None:
    run = run_with(Webhook("ci", URL, "S", ("run.started", "run.paused", "run.resumed")))
    run.append(e.RunPaused("kim"), e.RunResumed("kim"))
    assert told(run) == [TellHook("ci", 0, 1)]
    run.append(e.HookDelivered("ci", 1, 0.1, 204))
    assert told(run) == [TellHook("ci", 1, 1)]
    paused, resumed = run.state.seq - 2, run.state.seq - 1
    run.append(e.HookDelivered("ci", paused, 0.1, 204))
    run.append(e.HookDelivered("ci", resumed, 0.1, 204))
    assert told(run) == []
    run.append(e.RunPaused("kim"))
    assert told(run) == [TellHook("ci", run.state.seq - 1, 1)]  # what is between is no business


def test_a_webhook_is_tried_again_ever_more_rarely_until_it_is_given_up() -> None:
    run = run_with(Webhook("ci", URL, "S", ("run.started",), give_up_s=DAY_S))
    began, waits = run.clock.now, []
    for number in range(1, 1000):
        wanted = told(run)
        if wanted and isinstance(wanted[0], Record):
            break
        assert wanted == [TellHook("ci", 0, number)]
        run.append(e.HookFailed("ci", 1, number, "answered 500", began))
        again = run.state.hooks["ci"].retry_at
        assert again is not None
        waits.append(again - run.clock.now)
        run.clock.advance_to(again)
    assert all(2.0**n <= wait <= 2.0**n * 1.25 for n, wait in enumerate(waits[:8]))
    assert max(waits) == hooks.LONGEST_WAIT_S
    trouble = run.state.hooks["ci"].trouble
    assert trouble is not None
    assert trouble.at == began + DAY_S  # the last try is when the time is up
    [over] = wanted
    assert isinstance(over, Record)
    run.append(*over.events)
    assert run.state.hooks["ci"].given_up == 1
    assert told(run) == []


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    """What was to be tried again in a minute was tried a day later."""
    run = run_with(Webhook("ci", URL, "S", ("run.started",)))
    run.append(e.HookFailed("ci", 1, 1, "answered 500", run.clock.now))
    assert told(run) == []
    before = run.clock.now - DAY_S
    assert list(hooks.steps(run.state, before)) == [TellHook("ci", 0, 2)]
    assert hooks.wakes(run.state, before) == [0.0]


def test_what_a_receiver_asks_for_is_minded_within_bounds() -> None:
    for asked, waits_s in ((120.0, 120.0), (1e9, hooks.LONGEST_ASKED_S)):
        run = run_with(Webhook("ci", URL, "S"))
        now = run.clock.now
        run.append(e.HookFailed("ci", 1, 1, "answered 503", now, now + asked))
        assert run.state.hooks["ci"].retry_at == now + waits_s
        assert run.steps().wake_at == now + waits_s


ME = Notify("me", "MY_URLS", ("run.paused", "run.resumed"), group_s=60.0)


def test_what_happens_together_is_one_message_to_a_person() -> None:
    run = run_with(ME)
    run.append(e.RunPaused("kim"))
    paused = run.state.seq
    assert told(run) == []
    assert run.steps().wake_at == run.clock.now + 60.0
    run.clock.advance(59.0)
    run.append(e.RunResumed("kim"))
    resumed = run.state.seq
    assert told(run) == []
    run.clock.advance(1.0)
    assert told(run) == [TellHook("me", paused - 1, 1)]
    run.append(e.RunPaused("kim"))  # while it is sent
    run.append(e.HookDelivered("me", resumed, 0.1, 0, 2, paused))
    assert told(run) == []
    run.clock.advance(60.0)
    assert told(run) == [TellHook("me", resumed, 1)]


def test_in_quiet_hours_a_person_is_told_nothing_and_afterwards_all() -> None:
    run = run_with(ME)
    run.append(e.RunPaused("kim"))
    paused = run.state.seq
    run.clock.advance(60.0)
    morning = run.clock.now + 3600.0
    run.append(e.HookPostponed("me", paused, morning))
    assert told(run) == []
    assert run.steps().wake_at == morning
    assert hooks.are_quiet(run.state, run.clock.now)
    assert hooks.told(run.state, run.clock.now) == [
        "hook me is quiet: what waits for it is told in 60 min"
    ]
    run.append(e.RunResumed("kim"))
    run.clock.advance_to(morning)
    assert not hooks.are_quiet(run.state, run.clock.now)
    assert told(run) == [TellHook("me", paused - 1, 1)]
    assert hooks.told(run.state, run.clock.now) == []


def test_a_run_that_has_ended_gathers_no_more() -> None:
    run = run_with(Notify("me", "MY_URLS", ("run.finished",), group_s=60.0))
    run.append(e.RunFinished(Outcome.COMPLETE))
    assert told(run) == [TellHook("me", run.state.seq - 1, 1)]


def test_a_message_that_told_of_what_is_settled_is_told_again() -> None:
    """Its first event was given up on meanwhile: what was counted does not hold any more."""
    from agentdeck.core.stale import StaleEvent, check

    run = run_with(ME)
    run.append(e.RunPaused("kim"), e.RunResumed("kim"))
    resumed = run.state.seq
    run.append(e.HookGaveUp("me", resumed - 1, 1, "no"))
    with pytest.raises(StaleEvent, match="told less"):
        check(run.state, e.HookDelivered("me", resumed, 0.1, 0, 2, resumed - 1))
    check(run.state, e.HookDelivered("me", resumed, 0.1, 0))


def test_each_event_is_offered_once_however_old_it_is() -> None:
    run = run_with(Webhook("ci", URL, "S", ("run.started",), give_up_s=1.0))
    began = run.clock.now
    run.clock.advance(DAY_S)
    assert told(run) == [TellHook("ci", 0, 1)]
    run.append(e.HookFailed("ci", 1, 1, "", began))
    assert isinstance(told(run)[0], Record)


@pytest.mark.parametrize("retries", [0, 2])
def test_a_command_is_run_as_often_as_its_retries_say(retries: int) -> None:
    run = run_with(Hook("run.started", ("tell",), retries=retries))
    for number in range(1, retries + 2):
        run.clock.advance(1000)
        assert told(run) == [TellHook("run.started", 0, number)]
        run.append(e.HookFailed("run.started", 1, number, "exit 1", 0.0))
    assert isinstance(told(run)[0], Record)


def test_hooks_do_not_wait_for_each_other() -> None:
    run = run_with(Hook("run.*", ("tell",), retries=3), Webhook("ci", URL, "S"))
    run.append(e.HookFailed("run.*", 1, 1, "exit 1", 0.0))
    assert told(run) == [TellHook("ci", 0, 1)]


@pytest.mark.parametrize(
    "event",
    [
        e.HookDelivered("ci", 2, 0.1, 204),  # it does not want that one yet
        e.HookDelivered("other", 1, 0.1, 204),
        e.HookFailed("ci", 1, 2, "", 0.0),  # there was no first try
        e.HookDelivered("ci", 0, 0.1, 204),
    ],
)
def test_a_report_that_cannot_be_is_dropped(event: AnyEvent) -> None:
    from agentdeck.core.stale import StaleEvent, check

    run = run_with(Webhook("ci", URL, "S", ("run.started",)))
    while run.state.seq < 2:
        run.append(e.EngineStarted(ProcessIdentity(1, 1, "b"), "0"))
    with pytest.raises(StaleEvent):
        check(run.state, event)


def test_a_person_is_told_of_hooks_that_fail() -> None:
    run = run_with(Webhook("ci", URL, "S", ("run.started",)))
    run.append(e.HookFailed("ci", 1, 1, "answered 500\nx", run.clock.now))
    assert hooks.told(run.state, run.clock.now) == [
        "hook ci fails (1): answered 500; tried again in 1 s"
    ]


def test_without_hooks_a_state_holds_nothing_of_them() -> None:
    assert RunState().hooks == {}
    assert started(plan("a")).state.hooks == {}


SECRET, ID, BODY, NOW = "whsec_c2VjcmV0", "run-1:7", b'{"id":"run-1:7"}', 1_700_000_000


def test_a_right_signature_is_believed() -> None:
    headers = signed(SECRET, ID, NOW, BODY)
    assert verify(SECRET, headers, BODY, now=NOW + 200) == {"id": ID}
    upper = {name.title(): value for name, value in headers.items()}
    assert verify(SECRET, upper, BODY, now=NOW) == {"id": ID}
    both = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
    assert verified(SECRET, both, BODY, now=NOW) == ID


def test_the_signature_is_that_of_the_standard() -> None:
    """The example of standardwebhooks.com, reckoned with another implementation of HMAC."""
    import base64
    import hashlib

    key, block = base64.b64decode(SECRET.removeprefix("whsec_")), 64
    padded = key.ljust(block, b"\0")
    inner = hashlib.sha256(bytes(x ^ 0x36 for x in padded) + b"%s.%d." % (ID.encode(), NOW) + BODY)
    outer = hashlib.sha256(bytes(x ^ 0x5C for x in padded) + inner.digest())
    expected = f"v1,{base64.b64encode(outer.digest()).decode()}"
    assert signed(SECRET, ID, NOW, BODY)["webhook-signature"] == expected


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"webhook-signature": "v1,AAAA"}, "does not fit"),
        ({"webhook-signature": ""}, "no webhook-signature"),
        ({"webhook-id": "run-1:8"}, "does not fit"),
        ({"webhook-timestamp": str(NOW + 1)}, "does not fit"),
        ({"webhook-timestamp": "soon"}, "no time"),
        ({"webhook-signature": "v1,ä"}, "does not fit"),
    ],
)
def test_a_wrong_message_is_refused(change: dict[str, str], why: str) -> None:
    with pytest.raises(SignatureError, match=why):
        verify(SECRET, {**signed(SECRET, ID, NOW, BODY), **change}, BODY, now=NOW)


def test_another_body_another_secret_or_another_time_is_refused() -> None:
    headers = signed(SECRET, ID, NOW, BODY)
    with pytest.raises(SignatureError, match="does not fit"):
        verify(SECRET, headers, BODY + b" ", now=NOW)
    with pytest.raises(SignatureError, match="does not fit"):
        verify("other", headers, BODY, now=NOW)
    for late in (NOW + 301, NOW - 301):
        with pytest.raises(SignatureError, match="too old"):
            verify(SECRET, headers, BODY, now=late)
    with pytest.raises(SignatureError, match="is base64"):
        verify("whsec_?", headers, BODY, now=NOW)
