"""Everything that can be done for a job beside the decoding: a thread that reads orders, and one for the disk.

Templates, tokens, grammars and kept states take milliseconds to a second. Done between two steps, they would stall
the speech of all others; here they cost only the job's own client.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.bytes_on_disk import FAULTS
from appliance.errors import ApplianceError, InternalError
from appliance.logs import logger, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.engines.llama.order import Order
    from appliance.engines.llama.states import States

log = logger(__name__)

WRITES: Final = 2
"""States that may wait to be written; more are let go, as the disk is slower than the memory then."""


@dataclass(frozen=True, slots=True)
class Read:
    """An order that is ready, or why it never will be."""

    job_id: int
    orders: Sequence[Order] = ()
    error: ApplianceError | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A state from the disk for an order; nothing if it was not there any more."""

    order: Order
    tokens: Sequence[int] = ()
    state: bytes = b""


class Desk:
    """The thread and what comes back from it."""

    def __init__(self, states: States | None) -> None:
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._done: queue.SimpleQueue[Read | Fetched] = queue.SimpleQueue()
        self._states = states
        self._writes = threading.BoundedSemaphore(WRITES)
        self._open = 0

    @property
    def busy(self) -> bool:
        """Whether something will come back."""
        return self._open > 0

    @property
    def keeps(self) -> bool:
        """Whether there is a disk for states."""
        return self._states is not None

    def read(self, job_id: int, request_id: str, read: Callable[[], Sequence[Order]]) -> None:
        """Have an order read."""

        def work() -> None:
            try:
                self._done.put(Read(job_id, read()))
            except ApplianceError as error:
                self._done.put(Read(job_id, error=error))
            except Exception as error:  # noqa: BLE001 - one job's fault must not end the others
                log.error("job not read", request_id=request_id, **place_of(error))
                self._done.put(Read(job_id, error=InternalError("The engine failed on this request.")))

        self._open += 1
        self._reader.submit(work)

    def find(self, tokens: Sequence[int], *, whole: bool) -> tuple[bytes | None, int]:
        """The kept state that has most of a prompt. For orders that are being read."""
        return self._states.find(tokens, whole=whole) if self._states is not None else (None, 0)

    def fetch(self, order: Order, key: bytes) -> None:
        """Bring a state from the disk."""

        def work() -> None:
            found = None
            try:
                found = self._states.load(key) if self._states is not None else None
            except FAULTS as error:
                log.warning("kept state not read", **place_of(error))
            self._done.put(Fetched(order, *found) if found is not None else Fetched(order))

        self._open += 1
        self._disk.submit(work)

    def keep(self, tokens: Sequence[int], state: Callable[[], bytes], *, shorter: bool) -> bool:
        """Write a state, if the disk keeps up."""
        if self._states is None or not self._writes.acquire(blocking=False):
            return False
        # A copy: the slot gives its room away before the disk's turn comes, and its tokens would be another's then.
        data, kept, states = state(), list(tokens), self._states

        def work() -> None:
            try:
                states.keep(kept, data, shorter=shorter)
            except FAULTS as error:
                log.warning("state not kept", **place_of(error))
            finally:
                self._writes.release()

        self._disk.submit(work)
        return True

    def take(self, wait_seconds: float) -> list[Read | Fetched]:
        """What has come back; waits for the first if asked to."""
        taken: list[Read | Fetched] = []
        try:
            if wait_seconds and self._open:
                taken.append(self._done.get(timeout=wait_seconds))
            while True:
                taken.append(self._done.get_nowait())
        except queue.Empty:
            pass
        self._open -= len(taken)
        return taken

    def wait(self) -> None:
        """Until everything that was to be kept is on disk."""
        self._disk.submit(lambda: None).result()

    def close(self) -> None:
        """Finish what was begun and end the threads."""
        self._reader.shutdown()
        self._disk.shutdown()
        if self._states is not None:
            self._states.close()
