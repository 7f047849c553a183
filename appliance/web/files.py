"""`/v1/files`: documents that the box can answer from."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Annotated, Any, Literal

from anyio import to_thread
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery, PathParameter, QueryParameter
from litestar.response import File

from appliance.callers.caller import Caller
from appliance.errors import NotFound, RequestError
from appliance.ids import new_id
from appliance.knowledge.kinds import kind_of
from appliance.store.usage import Amount
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS
from appliance.web.wire_files import (
    FileBody,
    FileDeleted,
    FileForm,
    FileList,
    PassageBody,
    ends,
    file_body,
    passage_body,
)

PATH = "/v1/files"
KNOWLEDGE = {NEEDS: "knowledge"}
PIECE = 1 << 20
"""Bytes that are copied at a time."""
MOST_NAME = 255
MOST_PASSAGE = (1 << 31) - 1
"""Number of a passage."""


@post(PATH, opt=KNOWLEDGE, status_code=200, summary="Hand in a document")
async def create_file(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    data: Annotated[FileForm, Body(media_type=RequestEncodingType.MULTI_PART)],
) -> FileBody:
    """It is kept at once and read in the background; `status` says how far that is."""
    name = os.path.basename(data.file.filename.replace("\\", "/"))[-MOST_NAME:]  # noqa: PTH119 - a client's, no path of ours
    kind_of(name)
    box.meter.check_documents()
    document = new_id("file")
    place = box.ingest.file(document)
    try:
        size, sha256 = await to_thread.run_sync(_keep, data.file.file, place, box.settings.limits.document_mb)
        made = await box.documents.add(
            caller.owner, document, name=name, purpose=data.purpose, size=size, sha256=sha256
        )
    except BaseException:
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
        raise
    box.meter.count(Amount(documents=1))
    box.ingest.tell()
    return file_body(made)


def _keep(file: SpooledTemporaryFile[bytes], place: Path, limit_mb: int) -> tuple[int, str]:
    """Copy an upload to its place; its size and its SHA-256. Raises `RequestError` where it is too large."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    size, digest = 0, hashlib.sha256()
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while piece := file.read(PIECE):
            size += len(piece)
            if size > limit_mb * 1_000_000:
                raise RequestError(
                    f"The document is over the limit of {limit_mb} MB.", code="body_too_large", param="file"
                )
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    return size, digest.hexdigest()


@get("/v1/files", opt=KNOWLEDGE, summary="Documents")
async def list_files(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    order: FromQuery[Literal["asc", "desc"]] = "desc",
    limit: Annotated[int, QueryParameter(ge=1, le=10_000)] = 100,
    after: FromQuery[str | None] = None,
) -> FileList:
    """A page of documents, the newest first unless `order` is `asc`."""
    documents, more = await box.documents.page(caller.owner, after=after, limit=limit, newest_first=order == "desc")
    bodies = [file_body(document) for document in documents]
    first, last = ends(bodies)
    most = box.settings.limits.document_mb * 1_000_000
    return FileList(data=bodies, first_id=first, last_id=last, has_more=more, most_bytes=most)


@get("/v1/files/{file_id:str}", opt=KNOWLEDGE, summary="One document")
async def get_file(box: NamedDependency[Box], caller: NamedDependency[Caller], file_id: FromPath[str]) -> FileBody:
    """What is known of a document."""
    return file_body(await box.documents.get(caller.owner, file_id))


@get("/v1/files/{file_id:str}/content", opt=KNOWLEDGE, summary="A document as it was handed in")
async def get_content(
    box: NamedDependency[Box], caller: NamedDependency[Caller], file_id: FromPath[str]
) -> Response[Any]:
    """Always as a download, so that no browser runs what is in it."""
    document = await box.documents.get(caller.owner, file_id)
    place = box.ingest.file(document.id)
    if not await to_thread.run_sync(place.is_file):
        raise NotFound("The file of the document is gone.", param="file_id")
    return File(place, filename=document.name, media_type="application/octet-stream")


@get("/v1/files/{file_id:str}/passages/{passage:str}", opt=KNOWLEDGE, summary="One passage of a document")
async def get_passage(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    file_id: FromPath[str],
    passage: Annotated[int, PathParameter(ge=0, le=MOST_PASSAGE)],
) -> PassageBody:
    """The passage that a citation names, and what stands right before and behind it under its heading."""
    return passage_body(*await box.documents.passage(caller.owner, file_id, passage))


@delete("/v1/files/{file_id:str}", opt=KNOWLEDGE, status_code=200, summary="Delete a document")
async def delete_file(
    box: NamedDependency[Box], caller: NamedDependency[Caller], file_id: FromPath[str]
) -> FileDeleted:
    """For good, and out of all vector stores."""
    await box.documents.delete(caller.owner, file_id)
    box.audit.note(caller.actor, "document deleted", file_id, caller.address)
    box.ingest.tell()
    return FileDeleted(id=file_id)
