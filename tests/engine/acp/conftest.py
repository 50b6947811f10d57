"""A bridge for each test that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.acp.driven_bridge import Begin, Drive, Steps


@pytest.fixture
async def drive(tmp_path: Path) -> AsyncIterator[Begin]:
    """`drive(steps, **options)`: a bridge that has begun."""
    begun: list[Drive] = []

    def begin(steps: Steps | str, **options: Any) -> Drive:
        begun.append(Drive(tmp_path, steps, **options))
        return begun[-1]

    yield begin
    for one in begun:
        await one.close()
