"""What the service manager is told before the stages are begun: migrations of a large database take their time."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from appliance.supervision.notify import status
from appliance.supervision.starting import EXTEND, EXTEND_EVERY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.supervision.notify import Supervisor

MOST_SECONDS: Final = 3600.0
"""Nobody can see from outside whether a migration gets on, so this bounds one that does not."""


@contextmanager
def preparing(supervisor: Supervisor | None, what: str) -> Iterator[None]:
    """Ask for more time as long as the block lasts, but not for longer than `MOST_SECONDS`; `what` is the status.

    A thread asks, as the block may keep its own thread busy.
    """
    if supervisor is None:
        yield
        return
    over = threading.Event()
    asking = threading.Thread(target=_ask, args=(supervisor, what, over), name="preparing", daemon=True)
    asking.start()
    try:
        yield
    finally:
        over.set()
        asking.join()


def _ask(supervisor: Supervisor, what: str, over: threading.Event) -> None:
    for _ in range(int(MOST_SECONDS / EXTEND_EVERY_SECONDS)):
        supervisor.tell(EXTEND, status(what))
        if over.wait(EXTEND_EVERY_SECONDS):
            return
