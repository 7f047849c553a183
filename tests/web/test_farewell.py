"""A request that the server, told to end, cannot wait for any longer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from appliance.web.gate import Gate

SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/v1/models", "headers": [], "state": {}}


async def test_it_is_told_to_ask_again() -> None:
    sent: list[Any] = []
    under_way = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        under_way.set()
        await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        await asyncio.sleep(0)  # as a socket's drain does
        sent.append(message)

    gate = Gate(app, 8, 30.0, lambda _: 1000)
    serving = asyncio.create_task(gate(SCOPE, receive, send))  # type: ignore[arg-type]
    await under_way.wait()
    serving.cancel()
    await asyncio.wait([serving])
    start, body = sent
    assert start["status"] == 503
    assert dict(start["headers"])[b"retry-after"] == b"5"
    assert json.loads(body["body"])["error"]["code"] == "overloaded"


async def test_an_answer_that_has_begun_is_broken_off() -> None:
    sent: list[Any] = []
    begun = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    serving = asyncio.create_task(Gate(app, 8, 30.0, lambda _: 1000)(SCOPE, receive, send))  # type: ignore[arg-type]
    await begun.wait()
    serving.cancel()
    await asyncio.wait([serving])
    assert serving.cancelled()
    assert [message["type"] for message in sent] == ["http.response.start"]
