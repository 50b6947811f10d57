"""What an event says, in plain words and without the state around it.

Rules:
- Every event has a sentence. It names whom it is about first, then says what happened, in the past
  or as what holds from then on. Texts of agents and gates are cut to their first line.
- A tone says how loud it is: most events are calm; failures, and what waits for a person, are not.
- The fold is not asked: the words of an event are the same wherever it is read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, assert_never

from agentdeck.core import events as e
from agentdeck.core import foreseen, refs_words
from agentdeck.core.budgets import USED_UP, limits_in_words, scope_in_words
from agentdeck.core.containment import in_words as in_words_of
from agentdeck.core.containment import refused_in_words, tried_in_words
from agentdeck.core.disk import size_in_words
from agentdeck.core.events import AnyEvent, DiskMark, ReviewVerdict, Verdict
from agentdeck.core.plan import Budget
from agentdeck.core.replan import in_words
from agentdeck.core.words import first_line, listed, short_duration

NAMED: Final = 3  # files, tasks or pairs in one sentence; the event itself has them all
SHORT: Final = 10  # letters of a commit
MESSAGE_CHARS: Final = 300  # of a text that is repeated


class Tone(StrEnum):
    """How loud an event is."""

    CALM = "calm"
    DETAIL = "detail"  # only of interest to whoever looks for it
    PERSON = "person"  # a person did it
    GOOD = "good"  # something is done
    ASKS = "asks"  # it waits for a person
    BAD = "bad"  # something went wrong


class Told(NamedTuple):
    """One event as a person reads it."""

    about: str  # a task, an entry, a gate, an account, or what part of the run
    words: str
    tone: Tone = Tone.CALM


RUN: Final = "run"
QUEUE: Final = "queue"


def told_of(event: AnyEvent) -> Told:
    """The words of an event."""
    match event:
        case (
            e.AttemptProgressed()  # most events are these
            | e.AttemptClaimed()
            | e.WorktreePrepared()
            | e.AttemptLaunched()
            | e.AttemptAsked()
            | e.ProgressReported()
            | e.AskWithdrawn()
            | e.MessageSent()
            | e.MessageDelivered()
            | e.TurnEnded()
            | e.TurnBegan()
            | e.InputClosed()
            | e.AttemptFrozen()
            | e.AttemptThawed()
            | e.LimitHit()
            | e.AttemptExited()
            | e.AttemptCollected()
            | e.RefsTouched()
            | e.WorktreeReleased()
        ):
            return _of_attempt(event)
        case (
            e.TaskPauseAsked()
            | e.TaskResumeAsked()
            | e.TaskStopAsked()
            | e.TaskTakeOverAsked()
            | e.TaskHandedBack()
            | e.HandBackRefused()
            | e.TaskRetried()
            | e.TaskSkipped()
            | e.TaskUnskipped()
            | e.TaskApproved()
            | e.TaskHeld()
            | e.TaskReleased()
            | e.TaskPutFirst()
            | e.MessageQueued()
            | e.TaskContinued()
        ):
            return Told(event.task, _wish(event), _wish_tone(event))
        case (
            e.TaskReviewAsked()
            | e.TaskProposed()
            | e.TaskDone()
            | e.RetryScheduled()
            | e.RetryDue()
            | e.TaskFailed()
            | e.TaskCancelled()
            | e.TaskReverted()
            | e.ReviewStarted()
            | e.ReviewFinished()
        ):
            return _of_work(event)
        case e.AccountLimited() | e.AccountNoted() | e.AccountReopened():
            return _of_account(event)
        case e.HookDelivered() | e.HookFailed() | e.HookPostponed() | e.HookGaveUp():
            return _of_hook(event)
        case (
            e.GateFinished()
            | e.GateReset()
            | e.EntryQueued()
            | e.EntryMoved()
            | e.EntryBuilt()
            | e.EntryConflicted()
            | e.CollisionsForeseen()
            | e.BatchSplit()
            | e.EntryEjected()
            | e.LandingIntended()
            | e.GroupIntended()
            | e.EntryLanded()
            | e.LandingFound()
            | e.LandingLost()
            | e.LandingBlocked()
        ):
            return _of_queue(event)
        case _:
            return _of_run(event)


_Wish = (
    e.TaskPauseAsked
    | e.TaskResumeAsked
    | e.TaskStopAsked
    | e.TaskTakeOverAsked
    | e.TaskHandedBack
    | e.HandBackRefused
    | e.TaskRetried
    | e.TaskSkipped
    | e.TaskUnskipped
    | e.TaskApproved
    | e.TaskHeld
    | e.TaskReleased
    | e.TaskPutFirst
    | e.MessageQueued
    | e.TaskContinued
)
_Work = (
    e.TaskReviewAsked
    | e.TaskProposed
    | e.TaskDone
    | e.RetryScheduled
    | e.RetryDue
    | e.TaskFailed
    | e.TaskCancelled
    | e.TaskReverted
    | e.ReviewStarted
    | e.ReviewFinished
)


def _wish(event: _Wish) -> str:
    match event:
        case e.TaskPauseAsked(_, by):
            return f"paused by {by}"
        case e.TaskResumeAsked(_, by):
            return f"resumed by {by}"
        case e.TaskStopAsked(_, by):
            return f"stopped by {by}"
        case e.TaskTakeOverAsked(_, by):
            return f"taken over by {by}"
        case e.TaskHandedBack(_, _, by, go_on):
            return f"given back by {by}" + (": its agent goes on" if go_on else ": finished")
        case e.HandBackRefused(_, _, reason):
            return f"cannot be given back: {_text(reason)}"
        case e.TaskRetried(_, by, feedback, fresh):
            how = " from the start" if fresh else ""
            return f"tried again{how} by {by}" + (f": {_text(feedback)}" if feedback else "")
        case e.TaskSkipped(_, by):
            return f"skipped by {by}"
        case e.TaskUnskipped(_, by):
            return f"skip taken back by {by}"
        case e.TaskApproved(_, _, by):
            return f"approved by {by}"
        case e.TaskHeld(_, by):
            return f"held by {by}: it does not land"
        case e.TaskReleased(_, by):
            return f"released by {by}"
        case e.TaskPutFirst(_, by):
            return f"moved to the front of the queue by {by}"
        case e.MessageQueued(_, _, text, by):
            return f"{by}, for the next turn: {_text(text)}"
        case e.TaskContinued(_, _, by):
            return f"goes on in another turn: {by} had more to say"
        case _ as never:
            assert_never(never)


def _wish_tone(event: _Wish) -> Tone:
    return Tone.BAD if isinstance(event, e.HandBackRefused) else Tone.PERSON


def _of_work(event: _Work) -> Told:
    task = event.task
    match event:
        case e.TaskReviewAsked():
            return Told(task, "waits for a review of its diff", Tone.ASKS)
        case e.TaskProposed():
            return Told(task, "proven")
        case e.TaskDone(_, how):
            return Told(task, f"done: {how}", Tone.GOOD)
        case e.RetryScheduled(_, _, cause, detail):
            return Told(task, f"tried again ({cause}): {_text(detail)}", Tone.BAD)
        case e.RetryDue():
            return Told(task, "the wait for the next attempt is over", Tone.DETAIL)
        case e.TaskFailed(_, _, cause, detail):
            return Told(task, f"FAILED ({cause}): {_text(detail)}", Tone.BAD)
        case e.TaskCancelled(_, detail):
            return Told(task, f"cancelled: {_text(detail)}", Tone.BAD)
        case e.TaskReverted(_, commit, by):
            return Told(task, f"reverted by {by}: {commit[:SHORT]}", Tone.PERSON)
        case e.ReviewStarted(_, _, _, by):
            return Told(task, f"is reviewed by {by}")
        case e.ReviewFinished(_, _, _, by, verdict, summary, comments, problem):
            more = f" ({len(comments)} comments)" if comments else ""
            words = f"{by}: {verdict}{more}: {_text(problem or summary)}".rstrip(": ")
            wants = verdict in (ReviewVerdict.REQUEST_CHANGES, ReviewVerdict.FAILED)
            return Told(task, words, Tone.BAD if wants else Tone.CALM)
        case _ as never:
            assert_never(never)


_Request = e.RequestMade | e.RequestAnswered


def _of_request(event: _Request) -> Told:
    match event:
        case e.RequestMade(name, by, text, put):
            if put is None:
                return Told(RUN, f"{by} asks ({name}): {_text(text)}", Tone.ASKS)
            return Told(RUN, f"{by} proposes task {put.id} ({name}): {_text(put.title)}", Tone.ASKS)
        case e.RequestAnswered(name, by, accepted, text):
            return Told(
                RUN,
                _more(f"{name} {'accepted' if accepted else 'denied'} by {by}", text),
                Tone.PERSON,
            )
        case _ as never:
            assert_never(never)


def _of_attempt(event: e.AttemptEvent) -> Told:
    about = event.task
    match event:
        case e.AttemptProgressed(activity=activity, message=message):
            used = f"{event.tokens_in + event.tokens_out:,} tokens"
            money = f", ${event.usd:.2f}" if event.usd else ""
            does = _text(activity or message)
            return Told(about, f"{used}{money}" + (f": {does}" if does else ""), Tone.DETAIL)
        case e.AttemptClaimed(_, attempt, agent, model):
            whose = f"{agent} with {model}" if model else agent
            return Told(about, f"attempt {attempt} is given to {whose}")
        case e.WorktreePrepared(_, _, _, branch):
            return Told(about, f"its worktree stands on {branch}", Tone.DETAIL)
        case e.AttemptLaunched(_, attempt):
            box = in_words_of(event.sandbox, network=event.network)
            tried = tried_in_words(event.confined) if event.confined is not None else ""
            where = f" on {event.worker}" if event.worker else ""
            words = f"working{where} (attempt {attempt}" + (f", {box})" if box else ")")
            return Told(about, f"{words}: {tried}" if tried else words)
        case e.AttemptAsked(_, _, _, text):
            return Told(about, f"asks: {_text(text)}", Tone.ASKS)
        case e.ProgressReported(_, _, text, percent):
            share = "" if percent is None else f"{percent} %"
            said = ": ".join(part for part in (share, _text(text)) if part)
            return Told(about, f"is at {said}", Tone.DETAIL)
        case e.AskWithdrawn():
            return Told(about, "needs no answer any more", Tone.DETAIL)
        case e.MessageSent(_, _, _, text, by, _, option, rule):
            whose = f"rule {rule}" if rule else by
            tone = Tone.DETAIL if rule else Tone.PERSON
            return Told(about, f"{whose} says: {_text(text or option)}", tone)
        case e.MessageDelivered():
            return Told(about, "its agent was told", Tone.DETAIL)
        case e.TurnEnded(_, _, turn, _, ok, detail):
            how = "ended well" if ok else "ended badly"
            return Told(about, _more(f"turn {turn} {how}", detail), Tone.DETAIL)
        case e.TurnBegan():
            return Told(about, "its agent is at work again", Tone.DETAIL)
        case e.InputClosed():
            return Told(about, "its agent was told that nothing more comes", Tone.DETAIL)
        case e.AttemptFrozen(_, _, processes):
            return Told(about, f"paused ({processes} processes stand still)")
        case e.AttemptThawed():
            return Told(about, "goes on")
        case e.LimitHit(_, _, cause, detail):
            return Told(about, _more(f"is ended ({cause})", detail), Tone.BAD)
        case e.AttemptExited(_, _, code):
            how = "status unknown" if code is None else f"exit {code}"
            tone = Tone.CALM if code == 0 else Tone.BAD
            refused = _text(refused_in_words(event.refusals, event.refused))
            return Told(
                about, f"the agent ended ({how})" + (f"; {refused}" if refused else ""), tone
            )
        case e.AttemptCollected(_, _, _, _, commits, files, _, fault):
            if fault:
                return Told(about, f"its work cannot be taken: {_text(fault)}", Tone.BAD)
            added = sum(max(0, file.added) for file in files)
            removed = sum(max(0, file.removed) for file in files)
            what = f"{_plural(commits, 'commit')}, {_plural(len(files), 'file')}"
            return Told(about, f"its work was taken: {what} +{added} -{removed}")
        case e.RefsTouched():
            return Told(about, refs_words.sentence(event), Tone.BAD)
        case e.WorktreeReleased():
            return Told(about, "its worktree is free", Tone.DETAIL)
        case _ as never:
            assert_never(never)


def _of_account(event: e.AccountEvent) -> Told:
    match event:
        case e.AccountLimited(account, _, _, cause, detail, until):
            tone = Tone.ASKS if until is None else Tone.BAD
            return Told(account, _more(f"is limited ({cause})", detail), tone)
        case e.AccountNoted(account, _, _, utilization):
            return Told(account, f"has used {utilization:.0%} of its allowance", Tone.DETAIL)
        case e.AccountReopened(account, by):
            words = f"resumed by {by}" if by else "open again"
            return Told(account, words, Tone.PERSON if by else Tone.CALM)
        case _ as never:
            assert_never(never)


def _of_queue(event: e.QueueEvent) -> Told:
    match event:
        case e.GateFinished():
            about = event.task or event.gate
            words = f"gate {event.gate} {event.verdict} ({event.seconds:.0f} s)"
            return Told(about, words, Tone.CALM if event.verdict is Verdict.PASSED else Tone.BAD)
        case e.GateReset(tree, by):
            return Told(QUEUE, f"gates of {tree[:SHORT]} run again, wished by {by}", Tone.PERSON)
        case e.EntryQueued(entry, _, _, _, _, reverts, by):
            what = f": takes {reverts} back, for {by}" if reverts else ""
            return Told(entry, f"is in the merge queue{what}")
        case e.EntryMoved(entry, beside, after, by):
            return Told(entry, f"moved {'behind' if after else 'before'} {beside} by {by}",
                        Tone.PERSON)  # fmt: skip
        case e.EntryBuilt(entry, commit, _, tip, others):
            whom = f" with {listed(others, NAMED)}" if others else ""
            return Told(entry, f"built{whom} as {commit[:SHORT]} on {tip[:SHORT]}", Tone.DETAIL)
        case e.EntryConflicted(entry, _, files):
            return Told(entry, f"conflicts in {', '.join(files[:NAMED])}", Tone.BAD)
        case e.CollisionsForeseen():
            tone = Tone.BAD if event.collisions else Tone.CALM
            return Told("foreseen", _foreseen(event), tone)
        case e.BatchSplit(entries, gate):
            words = f"gate {gate} is red for {', '.join(entries)} together: split"
            return Told(QUEUE, words, Tone.BAD)
        case e.EntryEjected(entry, cause, detail):
            return Told(entry, f"left the queue ({cause}): {_text(detail)}", Tone.BAD)
        case e.LandingIntended(entry, commit):
            return Told(entry, f"is about to land as {commit[:SHORT]}", Tone.DETAIL)
        case e.GroupIntended(moves):
            names = [str(one) for move in moves for one in (move.entry, *move.others)]
            where = ", ".join(move.repo or "the plan's own" for move in moves)
            words = f"{listed(names, NAMED)} are about to land together, in {where}"
            return Told(QUEUE, words, Tone.DETAIL)
        case e.EntryLanded(entry, commit):
            return Told(entry, f"landed as {commit[:SHORT]}", Tone.GOOD)
        case e.LandingFound(commit, _, task, undone=undone):
            words = f"{'was taken back' if undone else 'landed'} as {commit[:SHORT]}: found in git"
            return Told(task or QUEUE, words, Tone.GOOD)
        case e.LandingLost(entry, found, taken_back=back):
            also = (
                f"; taken back in {', '.join(x or 'the plan’s own' for x in back)}" if back else ""
            )
            return Told(entry, f"the target was at {found[:SHORT]}: built again{also}", Tone.BAD)
        case e.LandingBlocked(entry, reason):
            return Told(entry, f"waits to land: {reason}", Tone.ASKS)
        case _ as never:
            assert_never(never)


def _of_hook(event: e.HookEvent) -> Told:
    about = f"hook {event.hook}"
    match event:
        case e.HookDelivered(_, seq, took, status, events, _):
            which = f"event {seq}" if events == 1 else f"{events} events up to {seq}"
            how = f"{status}, {took:.1f} s" if status > 0 else f"{took:.1f} s"
            return Told(about, f"was told {which} ({how})", Tone.DETAIL)
        case e.HookPostponed(_, seq):
            return Told(about, f"is quiet: event {seq} waits for the end of that", Tone.DETAIL)
        case e.HookFailed(_, seq, number, why):
            return Told(about, f"did not take event {seq}, try {number}: {_text(why)}", Tone.BAD)
        case e.HookGaveUp(_, seq, tries, why):
            often = "1 try" if tries == 1 else f"{tries} tries"
            return Told(about, f"gave up on event {seq} after {often}: {_text(why)}", Tone.BAD)
        case _ as never:
            assert_never(never)


def _of_run(event: e.RunEvent) -> Told:
    match event:
        case e.RunStarted(run, plan):
            return Told(RUN, f"{run} began: {plan.name}, {_plural(len(plan.tasks), 'task')}")
        case e.EngineStarted(engine, version):
            return Told(
                "engine", f"agentdeck {version} runs it (process {engine.pid})", Tone.DETAIL
            )
        case e.EngineStopped(reason):
            return Told("engine", _more("stopped", reason), Tone.DETAIL)
        case e.EngineSlept(seconds):
            words = f"slept for {short_duration(seconds)}: stopped, or the machine was asleep"
            return Told("engine", words, Tone.BAD)
        case e.JournalMended(sound, lost, kept):
            words = f"the journal was mended: {_plural(sound, 'event')} sound, {lost} lost ({kept})"
            return Told(RUN, words, Tone.BAD)
        case e.RunPaused(by):
            return Told(RUN, f"paused by {by}: nothing new starts", Tone.PERSON)
        case e.RunResumed(by):
            return Told(RUN, f"resumed by {by}", Tone.PERSON)
        case e.DiskChanged(mark, folder, free, needed):
            if mark is DiskMark.ROOM:
                return Told("disk", f"there is room again: {size_in_words(free)} free", Tone.GOOD)
            what = "agents stand still" if mark is DiskMark.FULL else "nothing new starts"
            has = f"{mark}: {size_in_words(free)} free at {folder}, {size_in_words(needed)} needed"
            return Told("disk", f"{has}; {what}", Tone.ASKS)
        case e.WorkersChanged(pool, workers, fault):
            if fault:
                return Told(f"pool {pool}", fault, Tone.ASKS)
            names = ", ".join(f"{worker.name} ({worker.slots})" for worker in workers)
            tone = Tone.CALM if workers else Tone.ASKS
            return Told(f"pool {pool}", f"workers: {names or 'none'}", tone)
        case e.AgentsLimitSet(limit, by):
            return Told(RUN, f"{limit} agents at once, set by {by}", Tone.PERSON)
        case e.PoolLimitSet(pool, size, by):
            set_to = "as the plan says" if size is None else f"{size} at once"
            return Told("pool", f"{pool}: {set_to}, set by {by}", Tone.PERSON)
        case e.PoolResized(pool, size, short):
            why = short or "the machine is at ease"
            return Told("pool", f"{pool}: {size} at once; {why}")
        case e.BudgetSet(scope, usd, tokens, by):
            limits = " and ".join(limits_in_words(Budget(usd, tokens))) or "no limit"
            return Told("budget", f"{scope_in_words(scope)}: {limits}, set by {by}", Tone.PERSON)
        case e.BudgetMarked(scope, mark):
            if mark >= USED_UP:
                return Told("budget", f"that of {scope_in_words(scope)} is used up", Tone.ASKS)
            return Told("budget", f"{mark:.0%} of that of {scope_in_words(scope)} is used")
        case e.PlanChanged(change, _, by):
            return Told("plan", f"changed by {by}: {in_words(change)}", Tone.PERSON)
        case e.RequestMade() | e.RequestAnswered():
            return _of_request(event)
        case e.RunEndAsked(by):
            return Told(RUN, f"ended by {by}: agents are being stopped", Tone.PERSON)
        case e.RunFinished(outcome):
            return Told(RUN, str(outcome), Tone.GOOD)
        case e.PermissionRuleSet(rule):
            words = f"{rule.decision} {rule.tool} {rule.target}, set by {rule.by}"
            return Told("rules", words, Tone.PERSON)
        case e.PermissionRuleDropped(rule, by):
            return Told("rules", f"{rule} dropped by {by}", Tone.PERSON)
        case e.PermissionsKept():
            return Told("rules", "are kept for the next run", Tone.DETAIL)
        case e.PhaseClosed(phase):
            return Told(RUN, f"phase {phase} is done", Tone.GOOD)
        case e.StepFailed(step, task, error):
            words = f"trouble with {step.split(':', 1)[0]}: {_text(error)}"
            return Told(task or RUN, words, Tone.BAD)
        case e.QueueHeld(by):
            return Told(QUEUE, f"held by {by}: nothing lands", Tone.PERSON)
        case e.QueueReleased(by):
            return Told(QUEUE, f"released by {by}", Tone.PERSON)
        case e.PromoteAsked(by):
            return Told(RUN, f"promotion wished by {by}", Tone.PERSON)
        case e.PromoteWaiting(reason):
            return Told(RUN, f"promotion waits: {reason}", Tone.ASKS)
        case e.BaseDiverged(commit):
            return Told(RUN, f"the base has commits of its own, up to {commit[:SHORT]}")
        case e.Promoted(commit, how):
            return Told(RUN, f"promoted {commit[:SHORT]} ({how})", Tone.GOOD)
        case e.TargetPushed(commit, remote):
            return Told(RUN, f"pushed {commit[:SHORT]} to {remote}")
        case e.PullRequestOpened(url):
            return Told(RUN, f"pull request: {url}")
        case _ as never:
            assert_never(never)


def _foreseen(event: e.CollisionsForeseen) -> str:
    if not event.collisions:
        return "nothing collides any more"
    named = [_pair(one) for one in event.collisions[:NAMED]]
    more = len(event.collisions) - len(named) + event.more
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _pair(one: e.Foreseen) -> str:
    files = foreseen.where(one)
    with_whom = one.other or "what has landed"
    return f"{one.one} collides with {with_whom}{f' in {files}' if files else ''}"


def _text(text: str) -> str:
    return first_line(text)[:MESSAGE_CHARS]


def _more(words: str, detail: str) -> str:
    said = _text(detail)
    return f"{words}: {said}" if said else words


def _plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
