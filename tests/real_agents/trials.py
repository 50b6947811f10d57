"""One real agent on a plan of its own, led to the scripted model."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.real_agents.scripted_model import ScriptedModel

from agentdeck.control.catalog import load_catalog
from agentdeck.control.creating import create_run
from agentdeck.core.state import RunState
from agentdeck.engine.create import open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.stop import sweep
from agentdeck.plans.reader import read_plan

PATIENCE_S = 540.0  # for a whole run; the slowest agents retry for minutes
MODEL = "scripted-model"
BINS = ("node_modules/.bin", "py/bin", "mini/bin")  # where `install.sh` puts programs
MISSING = "{} is not there: see tests/real_agents/install.sh, or put it on PATH"


def search_path() -> str:
    """PATH with the agents of the prefix first."""
    prefix = os.environ.get("AGENTDECK_REAL_AGENTS")
    own = [str(Path(prefix) / folder) for folder in BINS] if prefix else []
    return ":".join([*own, os.environ["PATH"]])


def _claude(url: str) -> str:
    return f"""\
env = {{ ANTHROPIC_BASE_URL = "{url}", ANTHROPIC_API_KEY = "none", CLAUDE_CODE_MAX_RETRIES = "2" }}
"""


def _codex(url: str) -> str:
    how = 'env_key="SCRIPTED_KEY", wire_api="responses"'
    provider = f'{{name="scripted", base_url="{url}/v1", {how}}}'
    settings = [f"model={MODEL}", "model_provider=scripted", f"model_providers.scripted={provider}"]
    args = [word for setting in settings for word in ("-c", setting)]
    return f'args = {json.dumps(args)}\nenv = {{ SCRIPTED_KEY = "none" }}\n'


def _opencode(url: str) -> str:
    limits = {MODEL: {"limit": {"context": 200_000, "output": 8_000}}}
    options = {"baseURL": f"{url}/v1", "apiKey": "none"}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": limits}
    config = {"model": f"scripted/{MODEL}", "provider": {"scripted": provider}}
    return (
        f"env = {{ OPENCODE_CONFIG_CONTENT = {json.dumps(json.dumps(config))},"
        ' OPENCODE_DISABLE_MODELS_FETCH = "1" }\n'
    )


def _gemini(url: str) -> str:
    folder = Path(os.environ["HOME"]) / ".gemini"
    folder.mkdir(exist_ok=True)
    settings = {
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    return f'env = {{ GEMINI_API_KEY = "none", GOOGLE_GEMINI_BASE_URL = "{url}" }}\n'


def _litellm(url: str, args: str = "[]") -> str:
    env = f'env = {{ OPENAI_API_BASE = "{url}/v1", OPENAI_API_KEY = "none" }}\n'
    return f'model = "openai/{MODEL}"\nargs = {args}\n{env}'


def _aider(url: str) -> str:
    return _litellm(url, '["--edit-format", "whole"]')


# The keys of `[agents.NAME]` that lead each agent to a base URL.
LED: dict[str, Callable[[str], str]] = {
    "claude": _claude,
    "codex": _codex,
    "opencode": _opencode,
    "gemini": _gemini,
    "aider": _aider,
    "mini": _litellm,
    "claude-acp": _claude,
    "opencode-acp": _opencode,
    "gemini-acp": _gemini,
}


def _failed(state: RunState) -> int:
    """How many attempts have failed."""
    attempts = [attempt for task in state.tasks.values() for attempt in task.attempts]
    return sum(attempt.cause is not None for attempt in attempts)


class Trial:
    """An agent, a scenario, a repository."""

    def __init__(self, agent: str, model: ScriptedModel, scenario: str, place: Path) -> None:
        self.agent = agent
        self.repo = place / "repo"
        self.runs = place / "runs"
        self.program = load_catalog().adapters[agent].command
        self.key = f"{scenario}/{agent}-{os.urandom(3).hex()}"
        self.model = model
        self._url = model.url(*self.key.split("/"))
        self._tag = ""

    def run(
        self,
        tasks: dict[str, str],
        *,
        defaults: str = "retries = 0",
        more: str = "",
        failures: int = 0,
    ) -> RunState:
        """Run a plan until it has ended, or more attempts have failed than may.

        Args:
            tasks: by id what else a `[[task]]` says; each creates the file `ID.txt`.
            defaults: lines of `[defaults]`.
            more: lines of other tables.
            failures: attempts that may fail.
        """
        text = f'version = 1\n[defaults]\nagent = "{self.agent}"\n{defaults}\n'
        text += f"[agents.{self.agent}]\n{LED[self.agent](self._url)}{more}"
        for name, lines in tasks.items():
            text += f'[[task]]\nid = "{name}"\ntitle = "Write {name}"\n'
            text += f'prompt = "Create the file {name}.txt with a greeting."\n{lines}\n'
        plan = read_plan(text, file="trial.toml", adapters=load_catalog().names)
        folder = create_run(self.repo, plan, text, root=self.runs)
        self._tag = folder.run
        return asyncio.run(self._turn(folder, failures))

    async def _turn(self, folder: RunFolder, failures: int) -> RunState:
        engine = open_engine(folder)
        turning = asyncio.create_task(run_engine(engine))
        try:
            async with asyncio.timeout(PATIENCE_S):
                while engine.state.outcome is None and _failed(engine.state) <= failures:
                    await engine.wait_past(engine.state.seq, 1.0)
        finally:
            engine.stop("the trial is over")
            await asyncio.wait_for(turning, 60.0)
        return engine.state

    def landed(self, state: RunState, file: str) -> str:
        """What landed under a name."""
        show = ["git", "show", f"{state.target}:{file}"]
        done = subprocess.run(show, cwd=self.repo, capture_output=True, text=True, check=False)
        return done.stdout

    def sweep(self) -> None:
        """End what is left of the agent, if a test went wrong."""
        for number in range(1, 4):
            for task in "ABC":
                sweep(f"{self._tag}/{task}.{number}")
