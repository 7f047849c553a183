"""All that the service manager is told while the appliance runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from appliance.supervision.starting import announce
from appliance.supervision.watchdog import watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.engines.host import EngineHost
    from appliance.jobs import Role
    from appliance.store.database import Database
    from appliance.supervision.notify import Supervisor


async def supervise(
    supervisor: Supervisor, hosts: Mapping[Role, EngineHost], database: Database, load_seconds: float
) -> None:
    """Until cancelled."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(
            announce, supervisor, lambda: {role: host.status for role, host in hosts.items()}, load_seconds
        )
        tasks.start_soon(watch, supervisor, hosts, database)
