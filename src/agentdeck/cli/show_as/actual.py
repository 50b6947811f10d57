"""What a run has used, as tables: beside the estimates of its plan.

Rules: a row has two lines, tokens above and money below. A column that says nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.show_as.canvas import MAX_ROWS, grid, heading, remark
from agentdeck.cli.show_as.words import counted, share, tokens, usd
from agentdeck.plans.analysis.actuals import Account, Actuals, Beside, Used
from agentdeck.plans.analysis.prices import MILLION

HEADS: Final = ("LANDED", "ESTIMATE", "ACTUAL", "COMPARED", "OF ESTIMATE", "AHEAD")
LONG: Final = 10 * MILLION  # tokens that are told in millions, so that columns stay narrow
MOST: Final = MAX_ROWS // 2  # of a table; each has two lines
SAME_USD: Final = 0.005  # amounts that look the same in cents


def actual_parts(actual: Actuals) -> Iterator[RenderableType]:
    """The headline, and tables by model, agent and phase."""
    yield heading("Actual", f"of run {actual.run}")
    yield grid(("", ""), list(_headline(actual.total)), wide=(1,))
    parts = (("MODEL", actual.by_model), ("AGENT", actual.by_agent), ("PHASE", actual.by_phase))
    shown = [(name, each) for name, each in parts if len(each) > 1 or name == "MODEL"]
    for name, accounts in shown:
        yield Text()
        yield _table(name, accounts)
        if len(accounts) > MOST:
            yield remark(f"and {len(accounts) - MOST:,} more rows; --json has them all")
    if any(_differs(each) for _, accounts in shown for each in accounts.values()):
        yield Text()
        yield remark(
            "COMPARED is what of ACTUAL went into tasks that have landed, state an estimate and "
            "whose agents report what they use"
        )


def _headline(total: Account) -> Iterator[tuple[str, str]]:
    used, retries = total.used, total.retries
    yield "used", _amount(used, "no attempt has reported anything")
    if retries.attempts:
        yield "  of it retries", _amount(retries, "nothing reported")
    if used.priced:
        priced = counted(used.priced, "attempt")
        said = f"{usd(used.priced_usd)} by the price table: {priced} named no money"
        yield "  of it priced", said
    unknown = []
    if used.no_price:
        unknown.append(f"{counted(used.no_price, 'attempt')} of a model without a price")
    if used.silent:
        unknown.append(f"{counted(used.silent, 'attempt')} without any report")
    if unknown:
        yield "  not counted", "; ".join(unknown)
    yield "of estimate", _compared(total)
    if total.ahead.tasks:
        yield "ahead", _ahead(total)


def _amount(used: Used, nothing: str) -> str:
    if not used.attempts:
        return "nothing yet"
    said = [f"{used.tokens:,} tokens"] if used.tokens else []
    said += [usd(used.usd)] if used.usd is not None else []
    return f"{', '.join(said) or nothing}, in {counted(used.attempts, 'attempt')}"


def _compared(total: Account) -> str:
    said = [
        f"{share(beside.share)} of the {word} ({counted(beside.tasks, 'task')})"
        for word, beside in (("tokens", total.tokens), ("money", total.usd))
        if beside.share is not None
    ]
    return ", ".join(said) or "not known: no landed task has both an estimate and a report"


def _ahead(total: Account) -> str:
    ahead = total.ahead
    said = [f"{ahead.tokens:,} tokens"] if ahead.tokens else []
    said += [usd(ahead.usd)] if ahead.usd is not None else []
    words = [f"{', '.join(said)} by estimate" if said else "", counted(ahead.tasks, "task")]
    if ahead.no_tokens:
        words.append(f"{ahead.no_tokens:,} without tokens")
    if ahead.no_price:
        words.append(f"{ahead.no_price:,} without a price")
    return ", ".join(word for word in words if word)


def _table(name: str, accounts: Mapping[str, Account]) -> RenderableType:
    rows = []
    for key, account in list(accounts.items())[:MOST]:
        rows.append((key or "unsaid", *_tokens_line(account)))
        if any(money := _money_line(account)):
            rows.append(("", *money))
    return grid((name, *HEADS), rows, right=range(1, len(HEADS) + 1), wide=(0,))


def _tokens_line(account: Account) -> tuple[str, ...]:
    beside = account.tokens
    return (
        f"{account.landed:,} of {account.tasks:,}" if account.tasks else "",
        _short(int(beside.estimated)),
        _short(account.used.tokens),
        _short(int(beside.actual)) if _tokens_differ(account) else "",
        _of_estimate(beside),
        _short(account.ahead.tokens),
    )


def _money_line(account: Account) -> tuple[str, ...]:
    beside = account.usd
    return (
        "",
        usd(beside.estimated) if beside.tasks else "",
        usd(account.used.usd) if account.used.usd else "",
        usd(beside.actual) if _money_differs(account) else "",
        _of_estimate(beside),
        usd(account.ahead.usd),
    )


def _of_estimate(beside: Beside) -> str:
    return "" if beside.share is None else share(beside.share)


def _short(count: int) -> str:
    return tokens(count) if count < LONG else f"{count / MILLION:,.1f} M"


def _differs(account: Account) -> bool:
    return _tokens_differ(account) or _money_differs(account)


def _tokens_differ(account: Account) -> bool:
    """Is something compared, and not all that was used?"""
    beside = account.tokens
    return beside.estimated > 0 and beside.actual != account.used.tokens


def _money_differs(account: Account) -> bool:
    beside = account.usd
    return beside.estimated > 0 and abs(beside.actual - (account.used.usd or 0.0)) >= SAME_USD
