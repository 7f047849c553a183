"""OpenAI's words for files and vector stores: documents, and those that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar.datastructures import UploadFile
from msgspec import Meta

from appliance.store.collections import Collection, Member
from appliance.store.documents import Document, Status
from appliance.store.passages import Found
from appliance.store.surroundings import Surrounded
from appliance.web.wire_responses import Metadata

FileId = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(max_length=256)]
FileStatus = Literal["uploaded", "processed", "error"]
MemberStatus = Literal["in_progress", "completed", "failed"]

FILE_STATUS: dict[Status, FileStatus] = {
    "waiting": "uploaded", "reading": "uploaded", "ready": "processed", "failed": "error", "going": "error",
}  # fmt: skip
MEMBER_STATUS: dict[Status, MemberStatus] = {
    "waiting": "in_progress", "reading": "in_progress", "ready": "completed", "failed": "failed", "going": "failed",
}  # fmt: skip


class FileForm(msgspec.Struct, kw_only=True):
    """Form of `POST /v1/files`. The kind of the file is known by its name."""

    file: Annotated[UploadFile, Meta(description="txt, md, html, pdf, docx, csv, json or jsonl.")]
    purpose: Annotated[str, Meta(max_length=64)] = "assistants"


class FileBody(msgspec.Struct, frozen=True, kw_only=True):
    """A document. `status_details` says why it could not be read; `passages` how many of it have been."""

    id: str
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: FileStatus
    status_details: str | None
    passages: int
    object: Literal["file"] = "file"


class FileList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of documents. `most_bytes` is the size of the largest that is taken."""

    data: list[FileBody]
    first_id: str | None
    last_id: str | None
    has_more: bool
    most_bytes: int
    object: Literal["list"] = "list"


class FileDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A document is gone."""

    id: str
    object: Literal["file"] = "file"
    deleted: bool = True


class PassageBody(msgspec.Struct, frozen=True, kw_only=True):
    """A passage of a document, and what stands around it. `start` is its first character in the document's whole text;
    `number` is what citations call `passage`."""

    file_id: str
    filename: str
    number: int
    heading: str
    page: int | None
    start: int
    before: str
    text: str
    after: str
    object: Literal["file.passage"] = "file.passage"


class CreateStore(msgspec.Struct, kw_only=True):
    """Body of `POST /v1/vector_stores`."""

    name: Name | None = None
    file_ids: Annotated[list[FileId], Meta(max_length=500)] | None = None
    metadata: Metadata | None = None


class ChangeStore(msgspec.Struct, kw_only=True):
    """What of a vector store can be changed."""

    name: Name | None = None
    metadata: Metadata | None = None


class FileCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How far its files have been read."""

    in_progress: int
    completed: int
    failed: int
    total: int
    cancelled: int = 0


class StoreBody(msgspec.Struct, frozen=True, kw_only=True):
    """A vector store: a collection of documents."""

    id: str
    name: str
    created_at: int
    last_active_at: int
    usage_bytes: int
    file_counts: FileCounts
    status: Literal["in_progress", "completed"]
    metadata: dict[str, str]
    object: Literal["vector_store"] = "vector_store"


class StoreList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of vector stores."""

    data: list[StoreBody]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class StoreDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A vector store is gone; its files are not."""

    id: str
    object: Literal["vector_store.deleted"] = "vector_store.deleted"
    deleted: bool = True


class AddFile(msgspec.Struct, kw_only=True):
    """Body of `POST /v1/vector_stores/{id}/files`."""

    file_id: FileId


class LastError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a file could not be read: a word of the protocol's, and a sentence."""

    message: str
    code: Literal["server_error", "unsupported_file", "invalid_file"] = "invalid_file"


class MemberBody(msgspec.Struct, frozen=True, kw_only=True):
    """A file in a vector store."""

    id: str
    created_at: int
    vector_store_id: str
    usage_bytes: int
    status: MemberStatus
    last_error: LastError | None
    object: Literal["vector_store.file"] = "vector_store.file"


class MemberList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a vector store's files."""

    data: list[MemberBody]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: Literal["list"] = "list"


class MemberDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """A file has left a vector store."""

    id: str
    object: Literal["vector_store.file.deleted"] = "vector_store.file.deleted"
    deleted: bool = True


class Search(msgspec.Struct, kw_only=True):
    """Body of `POST /v1/vector_stores/{id}/search`. Filters and ranking options are not applied."""

    query: Annotated[str, Meta(min_length=1, max_length=4096)] | Annotated[list[str], Meta(min_length=1, max_length=8)]
    max_num_results: Annotated[int, Meta(ge=1, le=50)] = 10

    @property
    def words(self) -> str:
        """All that is asked for."""
        return self.query if isinstance(self.query, str) else " ".join(self.query)[:4096]


class ResultText(msgspec.Struct, frozen=True, kw_only=True):
    """What a passage says."""

    text: str
    type: Literal["text"] = "text"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where in its document what was found is: titles above it, the page if there are pages, its first character, its
    number. The text may begin before it, and go on behind it."""

    heading: str
    page: int | None
    start: int
    number: int


class ResultBody(msgspec.Struct, frozen=True, kw_only=True):
    """A passage that was found; scores compare the results of one search only."""

    file_id: str
    filename: str
    score: float
    content: list[ResultText]
    place: Place
    attributes: dict[str, str] = {}


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the best first."""

    search_query: list[str]
    data: list[ResultBody]
    has_more: bool = False
    next_page: str | None = None
    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"


def file_body(document: Document) -> FileBody:
    """A document as clients get it."""
    return FileBody(
        id=document.id, bytes=document.bytes, created_at=document.created_ms // 1000, filename=document.name,
        purpose=document.purpose, status=FILE_STATUS[document.status], status_details=document.message or None,
        passages=document.passages,
    )  # fmt: skip


def passage_body(document: Document, passage: Surrounded) -> PassageBody:
    """A passage as clients get it."""
    return PassageBody(
        file_id=document.id, filename=document.name, number=passage.ordinal, heading=passage.heading,
        page=passage.page, start=passage.start, before=passage.before, text=passage.text, after=passage.after,
    )  # fmt: skip


def store_body(collection: Collection) -> StoreBody:
    """A collection as clients get it."""
    counts: dict[MemberStatus, int] = {}
    for status, count in collection.counts.items():
        told = MEMBER_STATUS[status]  # type: ignore[index]
        counts[told] = counts.get(told, 0) + count
    waiting = counts.get("in_progress", 0)
    return StoreBody(
        id=collection.id, name=collection.name, created_at=collection.created_ms // 1000,
        last_active_at=collection.created_ms // 1000, usage_bytes=collection.bytes,
        file_counts=FileCounts(
            in_progress=waiting, completed=counts.get("completed", 0), failed=counts.get("failed", 0),
            total=sum(counts.values()),
        ),
        status="in_progress" if waiting else "completed", metadata=dict(collection.metadata),
    )  # fmt: skip


def member_body(member: Member, collection: str) -> MemberBody:
    """A document in a collection as clients get it."""
    document = member.document
    error = LastError(message=document.message) if document.status == "failed" else None
    return MemberBody(
        id=document.id, created_at=member.added_ms // 1000, vector_store_id=collection, usage_bytes=document.bytes,
        status=MEMBER_STATUS[document.status], last_error=error,
    )  # fmt: skip


def result_body(found: Found, best: float) -> ResultBody:
    """A passage as clients get it; the best one of a search has the score 1."""
    return ResultBody(
        file_id=found.document, filename=found.name, score=round(found.score / best, 4) if best > 0 else 1.0,
        content=[ResultText(text=found.text)],
        place=Place(heading=found.heading, page=found.page, start=found.start, number=found.ordinal),
    )  # fmt: skip


def ends(data: Sequence[FileBody | StoreBody | MemberBody]) -> tuple[str | None, str | None]:
    """Ids of a page's first and last."""
    return (data[0].id, data[-1].id) if data else (None, None)
