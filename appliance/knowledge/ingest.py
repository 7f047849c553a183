"""Reads documents one after the other, as long as the box runs, and takes up again where it was when it ended."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from appliance import metrics
from appliance.errors import ApplianceError, RequestError
from appliance.knowledge.parsing import parsed
from appliance.logs import logger, place_of
from appliance.store.documents import Passage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.knowledge.limits import Limits
    from appliance.store.documents import Document, Documents

log = logger(__name__)

TOGETHER: Final = 100
"""Passages that are written at once: a few milliseconds, so that no turn waits long."""
LOOK_SECONDS: Final = 60.0
"""Longest time until a document is noticed that nobody has told of."""
RETRY_SECONDS: Final = 10.0
"""After the disk or the database has failed."""


class Ingest:
    """The one reader. Files are in `folder`, by the id of their document; `tell` is called when one has been read."""

    def __init__(
        self, documents: Documents, folder: Path, limits: Limits, tell: Callable[[], None] = lambda: None
    ) -> None:
        self._documents, self.folder, self._limits, self._tell = documents, folder, limits, tell
        self._news = anyio.Event()

    def tell(self) -> None:
        """There is something to do."""
        self._news.set()

    def file(self, document: str) -> Path:
        """Where a document's file is."""
        return self.folder / document

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._news = anyio.Event()
            try:
                while (document := await self._documents.to_do()) is not None:
                    await self._do(document)
            except ApplianceError as error:
                log.warning("documents not read now", code=error.code)
                await anyio.sleep(RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - one document's fault must not end the reader
                log.error("reader failed", **place_of(error))
                await anyio.sleep(RETRY_SECONDS)
            with anyio.move_on_after(LOOK_SECONDS):
                await self._news.wait()

    async def _do(self, document: Document) -> None:
        if document.status == "going":
            await to_thread.run_sync(self._unlink, document.id)
            await self._documents.remove(document)
            return
        await self._documents.begin(document)
        began = anyio.current_time()
        try:
            await self._read(document)
        except FileNotFoundError:
            await self._documents.fail(document, "document_unreadable", "The box has lost the file; hand it in again.")
            metrics.DOCUMENTS.labels("document_unreadable").inc()
        except RequestError as error:
            await self._documents.fail(document, error.code, error.message)
            metrics.DOCUMENTS.labels(error.code).inc()
            log.info("document not read", document=document.id, code=error.code)
        else:
            await self._documents.finish(document)
            self._tell()
            metrics.DOCUMENTS.labels("ready").inc()
            log.info("document read", document=document.id, seconds=round(anyio.current_time() - began, 2))

    async def _read(self, document: Document) -> None:
        batch: list[Passage] = []
        async with parsed(self.file(document.id), document.name, self._limits) as passages:
            async for each in passages:
                batch.append(
                    Passage(
                        ordinal=each.ordinal, heading=each.heading, page=each.page, start=each.start, text=each.text
                    )
                )
                if len(batch) == TOGETHER:
                    if not await self._documents.put(document, batch):
                        return
                    batch = []
        if batch:
            await self._documents.put(document, batch)

    def _unlink(self, document: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.file(document).unlink()
