"""The page `docs/metrics.md`: every metric, with what it means.

Rules: the page is never edited by hand; a test compares it with what this module says.
`python -m agentdeck.control.metrics_page > docs/metrics.md` writes it anew.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.control.metrics import Surroundings, as_text
from agentdeck.control.vitals import Health, Vitals
from agentdeck.core.state import RunState
from agentdeck.plans.reporting.tally import BOUNDS_S, Tally

_HEAD: Final = """\
# Metrics

<!-- Made by `python -m agentdeck.control.metrics_page`; change the code, not this page. -->

A run in the text format of Prometheus: once from the shell, or again and again from
[the bridge](bridge.md).

```sh
agentdeck metrics            # of the newest run of this repository; or name the run
```

```sh
agentdeck bridge --port 9464 --token-file ~/.config/agentdeck-token
```

```yaml
scrape_configs:
  - job_name: agentdeck
    authorization: { credentials_file: /home/me/.config/agentdeck-token }
    static_configs: [{ targets: ["127.0.0.1:9464"] }]
```

`--open-metrics` lets `/metrics` be read without a token, from this machine alone.

- **Counters never fall**, whatever is restarted: engine, bridge or machine. They are what the
  journal of the run adds up to. Usage that an agent's stream takes back stays counted. Only a
  journal that was mended after damage may count less.
- Every sample has the label `run`. Labels hold names of the plan and words of agentdeck, never what
  an agent or a gate has written.
- `agentdeck_event_delay_seconds` and `agentdeck_bridge_sockets` are of the bridge, so
  `agentdeck metrics` does not print them.
- What an agent that reports no usage has used is not known, and counts nothing.

Two alerts that are worth having:

```yaml
groups:
  - name: agentdeck
    rules:
      - alert: AgentdeckNeedsYou
        expr: agentdeck_inbox_items{needs_you="true"} > 0
        for: 5m
      - alert: AgentdeckEngineSick
        expr: agentdeck_engine_healthy == 0 or agentdeck_engine_heartbeat_lag_seconds > 30
        for: 1m
```
"""
_HELP: Final = re.compile(r"# HELP (\S+) (.*)\n# TYPE \S+ (\S+)")
# The labels of those that have no sample in a run in which nothing has happened yet.
_LABELS: Final = {
    "agentdeck_events_total": "kind",
    "agentdeck_asks_total": "ask",
    "agentdeck_task_failures_total": "cause",
    "agentdeck_attempts_total": "agent",
    "agentdeck_retries_total": "cause",
    "agentdeck_attempt_duration_seconds": "agent",
    "agentdeck_tokens_total": "agent, direction",
    "agentdeck_cost_usd_total": "agent",
    "agentdeck_reviews_total": "verdict",
    "agentdeck_gate_runs_total": "gate, verdict",
    "agentdeck_gate_duration_seconds": "gate",
    "agentdeck_landings_total": "kind",
    "agentdeck_ejections_total": "cause",
}


def page() -> str:
    """The whole page, Markdown."""
    around = Surroundings(alive=True, vitals=Vitals(Health.WELL, 1, 0.0), delay_s=0.0, watching=0)
    text = as_text(RunState(), Tally(), around, 0.0)
    rows = [
        f"| `{name}` | {kind} | {_labels(name, text)} | {told} |"
        for name, told, kind in _HELP.findall(text)
    ]
    head = "| metric | type | labels | what it says |\n| --- | --- | --- | --- |"
    bounds = ", ".join(f"{bound:g}" for bound in BOUNDS_S)
    foot = f"Histograms have buckets up to {bounds} seconds."
    return "\n".join([_HEAD, "## All of them", "", head, *rows, "", foot, ""])


def _labels(name: str, text: str) -> str:
    if name in _LABELS:
        return _LABELS[name]
    sample = re.search(rf"^{name}\{{(.*)\}} ", text, re.MULTILINE)
    found = re.findall(r'(\w+)="', sample[1]) if sample is not None else []
    return ", ".join(label for label in found if label != "run")


if __name__ == "__main__":
    print(page(), end="")

__all__ = ["page"]
