"""The appliance's own commands, as the doors of an administrator's page start them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from appliance.web.admin import child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

PATIENCE_SECONDS = 120


@contextmanager
def commands_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """They wait until they are let go."""
    go, run = threading.Event(), child.run

    async def waits(*arguments: Any) -> str:
        await to_thread.run_sync(go.wait, PATIENCE_SECONDS, abandon_on_cancel=True)
        return await run(*arguments)

    monkeypatch.setattr(child, "run", waits)
    yield go.set
    go.set()
