"""The environment that an agent, gate or setup command gets, and what of it is never written down.

Rules:
- Nothing that marks us as running inside another agent is passed on: a nested agent behaves
  differently. Keys, base URLs and folders with credentials stay.
- Nothing that points git at another repository or index is passed on.
- `PWD` is where the child works: some programs believe it more than the system, and an inherited
  one leads them into the user's own checkout.
- git never opens an editor, asks in a terminal, or starts garbage collection of its own.
- What webhooks are signed with, and where persons are told, is for the engine alone.
- `TAG_VARIABLE` marks every process of one attempt, so that escaped ones are found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from agentdeck.core.plan import Plan

TAG_VARIABLE: Final = "AGENTDECK_TAG"
_HOOK: Final = "/hook/"  # in no id of a run or a task

# Variables that agent CLIs set for their own children.
_AGENT_PREFIXES: Final = (
    "CLAUDE_CODE_",
    "CODEX_",
    "GEMINI_CLI_",
    "OPENCODE_",
    "AIDER_",
    "CURSOR_",
    "QWEN_CODE_",
    "GOOSE_",
    "COPILOT_",
)
_AGENT_MARKS: Final = frozenset(
    {"CLAUDECODE", "GEMINI_CLI", "OPENCODE", "QWEN_CODE", "CURSOR_AGENT", "AGENT", "AI_AGENT"}
)
# Of those, what a person sets: where credentials are, whom to ask, which cloud.
_KEPT: Final = re.compile(
    r"""
    .*_(API_KEY|AUTH_TOKEN|OAUTH_TOKEN|ACCESS_TOKEN|GITHUB_TOKEN|BASE_URL|API_BASE|HOME)
    | CLAUDE_CODE_(USE|SKIP)_.* | .*_(CONFIG|CONFIG_DIR|CONFIG_CONTENT|MODEL|PROVIDER)
    | .*_CA_CERT(IFICATE|S)? | .*_MAX_(OUTPUT_TOKENS|RETRIES)
    """,
    re.VERBOSE,
)
# `git rev-parse --local-env-vars` without the numbered configuration, and what hooks leave behind.
_GIT_REDIRECTS: Final = frozenset(
    "GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG GIT_CONFIG_PARAMETERS GIT_OBJECT_DIRECTORY "
    "GIT_DIR GIT_WORK_TREE GIT_IMPLICIT_WORK_TREE GIT_GRAFT_FILE GIT_INDEX_FILE "
    "GIT_NO_REPLACE_OBJECTS GIT_REPLACE_REF_BASE GIT_PREFIX GIT_INTERNAL_SUPER_PREFIX "
    "GIT_SHALLOW_FILE GIT_COMMON_DIR GIT_NAMESPACE GIT_QUARANTINE_PATH GIT_REFLOG_ACTION "
    "GIT_AUTHOR_DATE GIT_COMMITTER_DATE GIT_INDEX_VERSION GIT_EXTERNAL_DIFF "
    "GIT_LITERAL_PATHSPECS".split()
)
_GIT_FIXED: Final = {
    "GIT_EDITOR": "true",
    "GIT_SEQUENCE_EDITOR": "true",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_MERGE_AUTOEDIT": "no",
}
# Parallel worktrees: a collection of one agent's git must not prune what another is writing.
_GIT_CONFIG: Final = {"gc.auto": "0", "maintenance.auto": "false"}
_MAX_GIT_CONFIG: Final = 1000  # a larger inherited count is an accident, not a configuration

MIN_SECRET_LENGTH: Final = 8  # characters; shorter values would redact ordinary words
_SECRET_NAME: Final = re.compile(r"(?i:KEY|TOKEN|SECRET|PASSW(OR)?D|PASSPHRASE|CREDENTIAL)")
_NO_SECRET_NAME: Final = re.compile(r"(?i:GIT_CONFIG_KEY_\d+|KEYBOARD.*|.*_(FILE|PATH|DIR))")
REDACTED: Final = "***"


def hook_tag(run: str, hook: str) -> str:
    """What marks every process of the command of a hook."""
    return f"{run}{_HOOK}{hook}"


def is_of_hook(tag: str) -> bool:
    """Does a tag mark what a hook has started?"""
    return _HOOK in tag


def child_environment(
    base: Mapping[str, str],
    *,
    tag: str,
    extra: Mapping[str, str],
    cwd: str | None = None,
    git_config: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What a child gets of `base`, with `extra` from the plan on top.

    Args:
        base: usually the environment of the engine.
        tag: unique to the attempt; the value of `TAG_VARIABLE`.
        extra: set as given, also names that would be filtered; the tag, the place and the switches
            for git cannot be changed by it.
        cwd: the folder it works in.
        git_config: settings for git beyond those that every child gets.
    """
    env = inherited(base)
    env.update(extra)
    env.update(_GIT_FIXED)
    env.update({} if cwd is None else {"PWD": cwd})
    append_git_config(env, _GIT_CONFIG | dict(git_config or {}), env)
    env[TAG_VARIABLE] = tag
    return env


def inherited(base: Mapping[str, str]) -> dict[str, str]:
    """What of an environment is passed on to a child."""
    return {name: value for name, value in base.items() if not _is_filtered(name)}


def is_secret(name: str) -> bool:
    """Does a variable of this name hold something that is never written down?"""
    return bool(_SECRET_NAME.search(name) and not _NO_SECRET_NAME.fullmatch(name))


def secret_variables(plan: Plan) -> set[str]:
    """The variables that hold what messages to others, and from them, are proven with."""
    found = set(plan.hook_secrets.values())
    proven = plan.tracker.secret_env if plan.tracker is not None else None
    return found | ({proven} if proven is not None else set())


def without_signing(environment: Mapping[str, str], plan: Plan) -> dict[str, str]:
    """An environment for children: who knows what webhooks are signed with can forge them."""
    signing = secret_variables(plan)
    return {name: value for name, value in environment.items() if name not in signing}


def for_a_person(environment: Mapping[str, str], base: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child, for a person at a terminal: git may ask them and open an editor.

    Args:
        environment: of a child.
        base: theirs.
    """
    env = {name: value for name, value in environment.items() if name not in _GIT_FIXED}
    return env | {name: base[name] for name in _GIT_FIXED if name in base}


def redact(text: str, environment: Mapping[str, str]) -> str:
    """`text` with the values of all variables that look secret replaced by `***`."""
    for secret in _secrets(environment):
        text = text.replace(secret, REDACTED)
    return text


def _is_filtered(name: str) -> bool:
    if name in _GIT_REDIRECTS or name in _AGENT_MARKS or name in ("PWD", "OLDPWD"):
        return True
    return name.startswith(_AGENT_PREFIXES) and not _KEPT.fullmatch(name)


def append_git_config(
    env: dict[str, str], settings: Mapping[str, str], base: Mapping[str, str]
) -> None:
    """Add our settings to `env`, after those inherited from `base`: git takes the last."""
    inherited = base.get("GIT_CONFIG_COUNT", "0")
    count = int(inherited) if inherited.isascii() and inherited.isdigit() else 0
    numbers = range(count) if count <= _MAX_GIT_CONFIG else range(0)
    complete = all(f"GIT_CONFIG_{part}_{n}" in base for n in numbers for part in ("KEY", "VALUE"))
    first = len(numbers) if complete else 0  # git refuses to work with an incomplete list
    for number, (key, value) in enumerate(settings.items(), start=first):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    env["GIT_CONFIG_COUNT"] = str(first + len(settings))


def _secrets(environment: Mapping[str, str]) -> list[str]:
    """Values to hide, longest first, so that one within another leaves no rest."""
    found: set[str] = set()
    for name, value in environment.items():
        if is_secret(name):
            # A key of several lines also shows up line by line.
            parts = [part.strip() for part in (value, *value.splitlines())]
            found.update(parts)
            found.update(json.dumps(part, ensure_ascii=False)[1:-1] for part in parts)
            found.update(quote(part, safe="") for part in parts if part.isascii())
    return sorted((s for s in found if len(s) >= MIN_SECRET_LENGTH), key=len, reverse=True)
