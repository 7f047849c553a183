"""Proof for the service manager's watchdog that the appliance gets on; without it, it is started again.

Three things have to be seen between two signs of life: the event loop comes round, the disk's writer takes a change or
gets on with a long one, and each stage's host hears its worker or is replacing it within the time that this may take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import anyio

from appliance import logs
from appliance.errors import ApplianceError, DeadlineExceeded
from appliance.store.touch import touch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.jobs import Role
    from appliance.store.database import Database
    from appliance.supervision.notify import Supervisor

log = logs.logger(__name__)

SIGNS: Final = 3
"""Signs of life within the time after which their absence counts."""
MOST_SECONDS: Final = 600.0
"""Longest that one write counts for its headway alone. After a long backup a log of gigabytes is written back at once,
and to be ended in the middle of that would only begin it again at the next start."""


class Host(Protocol):
    """Whoever keeps a stage's worker alive."""

    @property
    def due(self) -> float:
        """When it has to have taken its next step, in seconds of the event loop's clock."""


async def watch(supervisor: Supervisor, hosts: Mapping[Role, Host], database: Database) -> None:
    """Give signs of life until cancelled, if anybody wants them, as long as there is proof."""
    if supervisor.watchdog_seconds is None:
        return
    every = supervisor.watchdog_seconds / SIGNS
    written = Written(database)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(written.keep_proving, every)
        while True:
            await anyio.sleep(every)
            written.look()
            missing = unproven(hosts, written, 2 * every)
            if missing:
                log.error("no proof of life", missing=missing)
            else:
                supervisor.tell("WATCHDOG=1")


def unproven(hosts: Mapping[Role, Host], written: Written, most: float) -> list[str]:
    """What does not get on. A change must have passed the disk's writer in the last `most` seconds."""
    now = anyio.current_time()
    stuck: list[str] = [stage for stage, host in hosts.items() if now > host.due]
    return [*stuck, "store"] if now - written.at > most else stuck


class Written:
    """Changes of nothing that matters, to see that the database's writer gets on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.at = anyio.current_time()
        """When one was made or refused, or a longer one before it was seen to get on."""
        self._made_at = self.at
        self._headway = database.headway.seen()

    async def keep_proving(self, every: float) -> None:
        """One change every so many seconds, until cancelled."""
        while True:
            try:
                await self._database.write(touch)
            except ApplianceError as refused:
                # A disk that is full or read-only answers, and to start again would not help. One that hangs does not.
                proven = not isinstance(refused, DeadlineExceeded)
            else:
                proven = True
            if proven:
                self.at = self._made_at = anyio.current_time()
            await anyio.sleep(every)

    def look(self) -> None:
        """See whether what is being written gets on, though it is not done."""
        before, self._headway = self._headway, self._database.headway.seen()
        now = anyio.current_time()
        if before is not None and self._headway not in (None, before) and now - self._made_at < MOST_SECONDS:
            self.at = now
