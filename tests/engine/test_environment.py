"""What a child inherits, what it must not, and what is never written down."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agentdeck.engine.environment import TAG_VARIABLE, child_environment, redact


def child(base: dict[str, str], **extra: str) -> dict[str, str]:
    return child_environment(base, tag="run/T1.1", extra=extra)


@pytest.mark.parametrize(
    "name",
    [
        "CLAUDECODE",
        "CLAUDE_CODE_ENTRYPOINT",
        "CLAUDE_CODE_SSE_PORT",
        "CLAUDE_CODE_SESSION_ID",
        "CODEX_SANDBOX",
        "CODEX_SANDBOX_NETWORK_DISABLED",
        "GEMINI_CLI",
        "GEMINI_CLI_NO_RELAUNCH",
        "OPENCODE",
        "OPENCODE_SERVER",
        "AIDER_AUTO_COMMITS",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_CONFIG_PARAMETERS",
    ],
)
def test_marks_of_an_outer_agent_or_repository_are_not_passed_on(name: str) -> None:
    assert name not in child({name: "1"})


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "OPENAI_API_KEY",
        "CODEX_HOME",
        "CODEX_API_KEY",
        "CLAUDE_CONFIG_DIR",
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "OPENCODE_CONFIG",
        "GEMINI_API_KEY",
        "GIT_AUTHOR_NAME",
        "GIT_SSH_COMMAND",
    ],
)
def test_keys_addresses_and_identities_stay(name: str) -> None:
    assert child({name: "value"})[name] == "value"


def test_the_plan_may_set_what_is_filtered_but_neither_tag_nor_editor() -> None:
    env = child({}, CODEX_SANDBOX="seatbelt", AGENTDECK_TAG="other", GIT_EDITOR="vi")
    assert env["CODEX_SANDBOX"] == "seatbelt"
    assert env[TAG_VARIABLE] == "run/T1.1"
    assert env["GIT_EDITOR"] == "true"


def git_config(env: dict[str, str], key: str, cwd: Path) -> str:
    asked = subprocess.run(
        ["git", "config", "--get", key],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip()


def test_git_sees_inherited_settings_and_ours_last(tmp_path: Path) -> None:
    """Collection and maintenance are off even if an inherited setting turned them on."""
    base = {
        **os.environ,
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.abbrev",
        "GIT_CONFIG_VALUE_0": "11",
        "GIT_CONFIG_KEY_1": "gc.auto",
        "GIT_CONFIG_VALUE_1": "500",
    }
    env = child(base)
    assert git_config(env, "core.abbrev", tmp_path) == "11"
    assert git_config(env, "gc.auto", tmp_path) == "0"
    assert git_config(env, "maintenance.auto", tmp_path) == "false"


@pytest.mark.parametrize("count", ["", "many", "-1", "3", "99999999999999"])
def test_a_broken_inherited_list_does_not_break_git(tmp_path: Path, count: str) -> None:
    base = {**os.environ, "GIT_CONFIG_COUNT": count, "GIT_CONFIG_KEY_0": "core.abbrev"}
    assert git_config(child(base), "gc.auto", tmp_path) == "0"


def test_redact_hides_values_of_secret_looking_names() -> None:
    env = {
        "ANTHROPIC_API_KEY": "sk-ant-12345678",
        "GITHUB_TOKEN": "ghp_abcdefgh",
        "db_password": "correct horse",
        "PATH": "/usr/bin:/bin",
    }
    text = "key sk-ant-12345678, ghp_abcdefgh; correct horse on /usr/bin:/bin"
    assert redact(text, env) == "key ***, ***; *** on /usr/bin:/bin"


def test_redact_leaves_short_values_and_paths() -> None:
    """A token count or a three-letter key must not punch holes into ordinary text."""
    env = {"MAX_TOKENS": "32000", "API_KEY": "abc", "SSH_KEY_PATH": "/home/me/.ssh/id"}
    env |= {"GIT_CONFIG_KEY_0": "maintenance.auto"}
    text = "abc 32000 /home/me/.ssh/id maintenance.auto"
    assert redact(text, env) == text


def test_redact_hides_a_secret_that_holds_another_and_each_line_of_a_long_one() -> None:
    env = {"A_TOKEN": "abcdefgh", "B_TOKEN": "abcdefgh-more", "P_KEY": "first-line\nsecond-line"}
    assert redact("abcdefgh-more | second-line", env) == "*** | ***"
