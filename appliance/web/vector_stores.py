"""`/v1/vector_stores`: documents that belong together, and a search in them."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from appliance.callers.caller import Caller
from appliance.web.box import Box
from appliance.web.identity.guard import NEEDS
from appliance.web.wire_files import (
    AddFile,
    ChangeStore,
    CreateStore,
    MemberBody,
    MemberDeleted,
    MemberList,
    Results,
    Search,
    StoreBody,
    StoreDeleted,
    StoreList,
    ends,
    member_body,
    result_body,
    store_body,
)

KNOWLEDGE = {NEEDS: "knowledge"}
STORE = "/v1/vector_stores/{store_id:str}"

Order = Literal["asc", "desc"]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


@post("/v1/vector_stores", opt=KNOWLEDGE, status_code=200, summary="Make a vector store")
async def create_store(
    box: NamedDependency[Box], caller: NamedDependency[Caller], data: JSONBody[CreateStore]
) -> StoreBody:
    """A collection of documents that can be searched."""
    made = await box.collections.create(
        caller.owner, name=data.name or "", metadata=data.metadata, documents=data.file_ids or ()
    )
    return store_body(made)


@get("/v1/vector_stores", opt=KNOWLEDGE, summary="Vector stores")
async def list_stores(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    order: FromQuery[Order] = "desc",
    limit: Limit = 20,
    after: FromQuery[str | None] = None,
) -> StoreList:
    """A page of vector stores, the newest first unless `order` is `asc`."""
    stores, more = await box.collections.page(caller.owner, after=after, limit=limit, newest_first=order == "desc")
    bodies = [store_body(store) for store in stores]
    first, last = ends(bodies)
    return StoreList(data=bodies, first_id=first, last_id=last, has_more=more)


@get(STORE, opt=KNOWLEDGE, summary="One vector store")
async def get_store(box: NamedDependency[Box], caller: NamedDependency[Caller], store_id: FromPath[str]) -> StoreBody:
    """What is known of a vector store."""
    return store_body(await box.collections.get(caller.owner, store_id))


@post(STORE, opt=KNOWLEDGE, status_code=200, summary="Change a vector store")
async def change_store(
    box: NamedDependency[Box], caller: NamedDependency[Caller], store_id: FromPath[str], data: JSONBody[ChangeStore]
) -> StoreBody:
    """Give it another name, other metadata, or both."""
    return store_body(await box.collections.change(caller.owner, store_id, name=data.name, metadata=data.metadata))


@delete(STORE, opt=KNOWLEDGE, status_code=200, summary="Delete a vector store")
async def delete_store(
    box: NamedDependency[Box], caller: NamedDependency[Caller], store_id: FromPath[str]
) -> StoreDeleted:
    """Its files stay."""
    await box.collections.delete(caller.owner, store_id)
    return StoreDeleted(id=store_id)


@post(f"{STORE}/files", opt=KNOWLEDGE, status_code=200, summary="Put a file into a vector store")
async def add_file(
    box: NamedDependency[Box], caller: NamedDependency[Caller], store_id: FromPath[str], data: JSONBody[AddFile]
) -> MemberBody:
    """A file can be in several."""
    return member_body(await box.collections.join(caller.owner, store_id, data.file_id), store_id)


@get(f"{STORE}/files", opt=KNOWLEDGE, summary="Files of a vector store")
async def list_members(
    box: NamedDependency[Box],
    caller: NamedDependency[Caller],
    store_id: FromPath[str],
    order: FromQuery[Order] = "desc",
    limit: Limit = 20,
    after: FromQuery[str | None] = None,
) -> MemberList:
    """A page of its files, and how far each has been read."""
    members, more = await box.collections.members(
        caller.owner, store_id, after=after, limit=limit, newest_first=order == "desc"
    )
    bodies = [member_body(member, store_id) for member in members]
    first, last = ends(bodies)
    return MemberList(data=bodies, first_id=first, last_id=last, has_more=more)


@get(f"{STORE}/files/{{file_id:str}}", opt=KNOWLEDGE, summary="One file of a vector store")
async def get_member(
    box: NamedDependency[Box], caller: NamedDependency[Caller], store_id: FromPath[str], file_id: FromPath[str]
) -> MemberBody:
    """How far it has been read, or why it could not be."""
    return member_body(await box.collections.member(caller.owner, store_id, file_id), store_id)


@delete(f"{STORE}/files/{{file_id:str}}", opt=KNOWLEDGE, status_code=200, summary="Take a file out of a vector store")
async def remove_member(
    box: NamedDependency[Box], caller: NamedDependency[Caller], store_id: FromPath[str], file_id: FromPath[str]
) -> MemberDeleted:
    """The file itself stays."""
    await box.collections.leave(caller.owner, store_id, file_id)
    return MemberDeleted(id=file_id)


@post(f"{STORE}/search", opt=KNOWLEDGE, status_code=200, summary="Search a vector store")
async def search_store(
    box: NamedDependency[Box], caller: NamedDependency[Caller], store_id: FromPath[str], data: JSONBody[Search]
) -> Results:
    """Passages that answer a question, the best first, each with its document, headings and page, and with what stands
    around it under its heading."""
    store = await box.collections.get(caller.owner, store_id)
    found = await box.search(
        caller.owner, data.words, collections=[store.number], limit=data.max_num_results, around=True
    )
    best = found[0].score if found else 0.0
    asked = [data.query] if isinstance(data.query, str) else data.query
    return Results(search_query=asked, data=[result_body(each, best) for each in found])
