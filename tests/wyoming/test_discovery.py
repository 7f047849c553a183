"""The box is found in its network, and is no more when it has gone: real multicast, on this machine alone."""

from __future__ import annotations

import os
import socket

import anyio
import pytest
from anyio.lowlevel import checkpoint
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from appliance.wyoming.discovery import SERVICE, addresses, bound, keep_known

NAME = f"the-box-of-a-test-{os.getpid()}"
"""Of this run alone: who has the name of another one is called otherwise."""


async def test_it_is_found_and_leaves() -> None:
    send, changes = anyio.create_memory_object_stream[tuple[str, ServiceStateChange]](8)

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if name.startswith(NAME):
            send.send_nowait((name, state_change))

    looker = AsyncZeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    try:
        with send, changes, socket.create_server(("127.0.0.1", 0)) as listening, anyio.fail_after(60):
            browser = AsyncServiceBrowser(looker.zeroconf, SERVICE, handlers=[changed])
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keep_known, NAME, [listening])
                name, change = await changes.receive()
                assert (name, change) == (f"{NAME}.{SERVICE}", ServiceStateChange.Added)
                info = AsyncServiceInfo(SERVICE, name)
                assert await info.async_request(looker.zeroconf, 10_000)
                assert (info.parsed_addresses(), info.port) == (["127.0.0.1"], listening.getsockname()[1])
                tasks.cancel_scope.cancel()
            while (await changes.receive())[1] is not ServiceStateChange.Removed:
                await checkpoint()
            await browser.async_cancel()
    finally:
        await looker.async_close()


def test_it_is_announced_where_it_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"127.0.0.1", "192.0.2.7", "2001:db8::7", "::1"}
    monkeypatch.setattr("appliance.wyoming.discovery._machines", lambda: found)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104 - for a moment
        assert addresses(bound([one])) == {"127.0.0.1"}
        assert addresses(bound([other])) == {"192.0.2.7"}
        assert addresses([]) == frozenset()
