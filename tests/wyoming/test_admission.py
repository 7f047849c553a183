"""Who is let in: by address, number and key. Real sockets; the stages are simulated."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from door import answers, kinds
from scripted_door import LINEUP, VOICES, door
from simulated import World
from wyoming.asr import Transcript
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.handle import Handled
from wyoming.info import Describe
from wyoming.tts import Synthesize

from appliance import settings as settings_module
from appliance.callers.caller import caller_with
from appliance.errors import Forbidden
from appliance.settings import SettingsError
from appliance.wyoming.about import About
from appliance.wyoming.admission import Admission, allowed
from appliance.wyoming.listener import Listener

if TYPE_CHECKING:
    from wyoming.event import Event


async def asked(port: int, event: Event, *last: str) -> list[Event]:
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(event)
        return await answers(client, *last)


async def test_an_address_that_is_not_allowed_is_turned_away() -> None:
    async with door(allow=("192.0.2.0/24",), keys=True) as one:
        stream = await anyio.connect_tcp("127.0.0.1", one.port)
        async with stream:
            with anyio.fail_after(20), pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
                await stream.receive()


@pytest.mark.parametrize(
    ("address", "welcome"),
    [
        ("192.0.2.7", True), ("::ffff:192.0.2.7", True), ("192.0.3.7", False), ("fd00::1", True),
        ("fe80::1%eth0", False), ("", True),
    ],
)  # fmt: skip
async def test_networks(address: str, *, welcome: bool) -> None:
    async with door(keys=True, allow=("192.0.2.0/24", "fd00::/8")) as one:
        assert Admission(one.box).welcomes(address) is welcome


@pytest.mark.parametrize(
    ("http", "wyoming", "said"),
    [
        ({"open": True}, {"allow": ("192.168.0.0/16",)}, "wyoming.allow: a box without keys"),
        ({"open": False}, {}, "wyoming.key: give the id"),
        ({"open": False}, {"key": "x", "allow": ("10.0.0.1/8",)}, "wyoming.allow: 10.0.0.1/8 has host bits set"),
        ({"open": False}, {"key": "x", "allow": ("1.2.3",)}, "wyoming.allow: '1.2.3'"),
    ],
)
def test_settings_that_would_let_in_anybody(http: dict[str, Any], wyoming: dict[str, Any], said: str) -> None:
    settings = settings_module.load(environ={}, overrides={"http": http, "wyoming": {"enabled": True, **wyoming}})
    with pytest.raises(SettingsError) as error:
        allowed(settings)
    assert str(error.value).startswith(said)


async def test_one_too_many_is_told() -> None:
    async with door(connections=2) as one:
        clients = [AsyncTcpClient("127.0.0.1", one.port) for _ in range(2)]
        for client in clients:
            await client.connect()
            await client.write_event(Describe().event())
            await answers(client, "info")
        async with AsyncTcpClient("127.0.0.1", one.port) as third:
            assert Error.from_event((await answers(third))[-1]).code == "overloaded"
        for client in clients:
            await client.disconnect()


async def test_what_is_asked_is_the_keys() -> None:
    world = World()
    world.replies = ["Hello Anna."]
    async with door(world, keys=True) as one:
        context = {"conversation_id": "01JD3VVXQ5E3M8Z4Y6T2K9B7NA"}
        came = await asked(one.port, Transcript("I am Anna.", context=context).event(), "handled", "error")
        assert Handled.from_event(came[-1]).text == "Hello Anna."
        key = await one.box.keys.get(one.box.settings.wyoming.key)
        kept = await one.box.conversations.history(key.owner, context["conversation_id"], 10)
        assert [item.words for item in kept] == ["I am Anna.", "Hello Anna."]
        assert (await one.box.meters.of(caller_with(key, "", one.box.settings))).used.requests == 1


async def test_a_revoked_key_opens_nothing_more() -> None:
    async with door(keys=True) as one:
        async with AsyncTcpClient("127.0.0.1", one.port) as client:
            await client.write_event(Synthesize("Hello.").event())
            assert kinds(await answers(client, "audio-stop", "error"))[-1] == "audio-stop"
            await one.box.keys.revoke(one.box.settings.wyoming.key)
            await client.write_event(Synthesize("Hello.").event())
            error = Error.from_event((await answers(client, "error"))[-1])
            assert (error.code, error.text) == ("invalid_api_key", "wyoming.key: the key is revoked.")
        async with AsyncTcpClient("127.0.0.1", one.port) as client:  # it may still ask what there is
            await client.write_event(Describe().event())
            assert kinds(await answers(client, "info")) == ["info"]


async def test_a_key_that_speaks_only_does_not_answer() -> None:
    async with door(keys=True) as one:
        key, _ = await one.box.keys.create(user="home", name="narrow", role="user", scopes=["audio"])
        admission = Admission(one.box)
        admission._key = key.id
        await admission.guest("127.0.0.1", "audio")
        with pytest.raises(Forbidden, match="needs the scope 'voice'"):
            await admission.guest("127.0.0.1", "voice")


async def test_one_door_at_two_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        async with door() as one, anyio.create_task_group() as tasks:
            listener = Listener(one.admission, About("box", LINEUP, VOICES), most=2, patience=20.0)
            with socket.create_server(("127.0.0.1", 0)) as third:
                tasks.start_soon(listener.run, [other.dup(), third.dup()])
                for each in (other, third):
                    came = await asked(each.getsockname()[1], Describe().event(), "info")
                    assert kinds(came) == ["info"]
            await listener.leave()
            tasks.cancel_scope.cancel()
