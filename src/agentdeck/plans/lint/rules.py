"""Every rule of lint, as data, and the one walk over them.

Rules:
- A rule is a function from the subject to hits. It has a code, a name and a severity here.
- Of one rule at most `MAX_EACH` hits are told one by one; the rest is counted, with lines.
- Everything is linear in the plan, or has a bound that it names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.plans.lint import (
    capacity,
    dependencies,
    footprints,
    gates,
    hooks,
    routes,
    sandboxes,
    wording,
)
from agentdeck.plans.lint.finding import Finding, Hit, Severity
from agentdeck.plans.lint.subject import Subject

MAX_EACH: Final = 10  # findings of one rule that are told one by one


class Rule(msgspec.Struct, frozen=True):
    """One thing that lint looks for."""

    code: str
    name: str
    severity: Severity
    look: Callable[[Subject], Iterator[Hit]]
    fixable: bool = False


_W: Final = Severity.WARNING
_I: Final = Severity.INFO

RULES: Final = (
    Rule("AD101", "redundant-dependency", _W, dependencies.redundant_dependency, fixable=True),
    Rule("AD102", "phase-order", _W, dependencies.phase_order),
    Rule("AD103", "empty-phase", _W, dependencies.empty_phase),
    Rule("AD104", "waits-for-person", _I, dependencies.waits_for_person),
    Rule("AD201", "missing-prompt", _W, wording.missing_prompt),
    Rule("AD202", "short-prompt", _W, wording.short_prompt),
    Rule("AD203", "duplicate-title", _W, wording.duplicate_title),
    Rule("AD204", "missing-estimate", _W, wording.missing_estimate),
    Rule("AD301", "footprint-matches-nothing", _W, footprints.matches_nothing),
    Rule("AD302", "footprint-too-wide", _W, footprints.too_wide),
    Rule("AD303", "missing-footprint", _W, footprints.missing),
    Rule("AD304", "unordered-conflict", _I, footprints.conflict),
    Rule("AD401", "unused-gate", _W, gates.unused),
    Rule("AD402", "gate-without-command", _I, gates.without_command),
    Rule("AD403", "gate-program-missing", _W, gates.missing_program),
    Rule("AD501", "unused-pool", _W, capacity.unused_pool),
    Rule("AD502", "pool-for-others", _W, capacity.pool_for_others),
    Rule("AD503", "agent-missing", _W, capacity.missing_agent),
    Rule("AD504", "unknown-skill", _W, capacity.unknown_skill),
    Rule("AD505", "lacking-skill", _W, capacity.lacking_skill),
    Rule("AD506", "timeout-below-estimate", _W, capacity.short_timeout),
    Rule("AD507", "budget-below-estimate", _W, capacity.small_budget),
    Rule("AD508", "network-without-sandbox", _W, sandboxes.network_without_sandbox),
    Rule("AD509", "model-out-of-reach", _W, sandboxes.model_out_of_reach),
    Rule("AD510", "not-all-of-the-network", _I, sandboxes.not_all_of_the_network),
    Rule("AD511", "files-elsewhere", _I, capacity.files_elsewhere),
    Rule("AD601", "route-without-effect", _W, routes.without_effect),
    Rule("AD701", "hook-program-missing", _W, hooks.missing_program),
    Rule("AD702", "hook-secret-missing", _W, hooks.missing_secret),
    Rule("AD703", "notify-zone-unknown", _W, hooks.unknown_zone),
    Rule("AD704", "tracker-without-issue", _W, hooks.no_issue),
)


def lint(subject: Subject, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """Everything that the rules find, in the order of the lines."""
    found = [finding for rule in rules for finding in _findings(subject, rule)]
    return sorted(found, key=lambda finding: (finding.line, finding.code))


def _findings(subject: Subject, rule: Rule) -> Iterator[Finding]:
    hits = list(rule.look(subject))
    most = len(hits) if len(hits) <= MAX_EACH else MAX_EACH - 1
    for hit in hits[:most]:
        yield _finding(subject, rule, hit)
    rest = [hit for hit in hits[most:] if not hit.also]
    if rest:
        where = subject.lines([hit.path for hit in rest])
        more = Hit(
            rest[0].path,
            f"and {len(rest)} more like this{f' ({where})' if where else ''}: {rest[0].message}",
            rest[0].fix,
            also=where or "counted",
        )
        yield _finding(subject, rule, more)
    for hit in hits[most:]:
        if hit.also:
            yield _finding(subject, rule, hit)


def _finding(subject: Subject, rule: Rule, hit: Hit) -> Finding:
    return Finding(
        code=rule.code,
        rule=rule.name,
        severity=rule.severity,
        file=subject.file,
        line=subject.line(hit.path),
        key="" if hit.also else subject.key(hit.path),
        message=hit.message,
        fix=hit.fix,
        fixable=rule.fixable,
    )
