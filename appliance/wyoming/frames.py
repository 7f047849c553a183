"""Frames of the Wyoming protocol: a line of JSON, data that goes with it, and bytes. Nothing unbounded is read.

https://github.com/OHF-Voice/wyoming: a line such as {"type": "ping", "data_length": 13, "payload_length": 0}, then as
many bytes of JSON, then as many of payload. A frame that is wrong in its form ends the connection, as nobody can tell
where the next one begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import anyio
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream
from msgspec import Meta
from wyoming.version import __version__

from appliance.errors import RequestError, TooLarge, TooSlow

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream
    from wyoming.event import Event

MOST_HEAD: Final = 65_536
"""Bytes of a line, as in the protocol's own library; an event's data may stand in it."""
MOST_DATA: Final = 262_144
"""Bytes: ten thousand names that a transcript is to know."""
MOST_PAYLOAD: Final = 1_048_576
"""Bytes: half a minute of sound."""

T = TypeVar("T")
Length = Annotated[int, Meta(ge=0)]


class Gone(Exception):
    """The other side has left: in order, or in the middle of a frame."""


class Silent(Exception):
    """Nothing has come for too long."""


class Malformed(RequestError):
    """What came is no frame."""


class _Head(msgspec.Struct):
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    version: str | None = None
    data: dict[str, Any] | None = None
    data_length: Length | None = None
    payload_length: Length | None = None


_head: Final = msgspec.json.Decoder(_Head)
_data: Final = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it came. `version` is that of the other side's library, if it tells."""

    type: str
    data: dict[str, Any]
    payload: bytes = b""
    version: str = ""


class Frames:
    """Those that come on a connection. A frame that has begun has to be whole within `patience` seconds."""

    def __init__(self, stream: ByteReceiveStream, patience: float) -> None:
        self._patience = patience
        self._bytes = BufferedByteReceiveStream(stream)

    async def next(self, idle_seconds: float = inf) -> Frame:
        """The next one. Raises `Gone`, `Malformed`, `TooLarge`, `TooSlow` for half of one, and `Silent`."""
        try:
            first = b""
            with anyio.move_on_after(idle_seconds):
                first = await self._bytes.receive_exactly(1)
            if not first:
                raise Silent
            with anyio.move_on_after(self._patience):
                return await self._rest(first)
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise Gone from error
        raise TooSlow("The rest of a frame comes too slowly.")

    async def _rest(self, first: bytes) -> Frame:
        if first == b"\n":
            raise Malformed("A frame begins with a line of JSON.")
        try:
            line = first + await self._bytes.receive_until(b"\n", MOST_HEAD - 1)
        except anyio.DelimiterNotFound:
            raise TooLarge(f"The line is longer than {MOST_HEAD} bytes.", param="type") from None
        head = _decoded(_head, line, "The line")
        data = dict(head.data or {})
        if head.data_length:
            _check(head.data_length, MOST_DATA, "data_length")
            more: dict[str, Any] = _decoded(_data, await self._bytes.receive_exactly(head.data_length), "The data")
            data |= more
        payload = b""
        if head.payload_length:
            _check(head.payload_length, MOST_PAYLOAD, "payload_length")
            payload = await self._bytes.receive_exactly(head.payload_length)
        return Frame(head.type, data, payload, head.version or "")


def frame(event: Event) -> bytes:
    """An event as it is sent."""
    data = msgspec.json.encode(event.data) if event.data else b""
    head: dict[str, Any] = {"type": event.type, "version": __version__}
    if data:
        head["data_length"] = len(data)
    if event.payload:
        head["payload_length"] = len(event.payload)
    return b"".join((msgspec.json.encode(head), b"\n", data, event.payload or b""))


def _check(length: int, most: int, param: str) -> None:
    if length > most:
        raise TooLarge(f"{param} is {length}; the limit is {most} bytes.", param=param)


def _decoded(decoder: msgspec.json.Decoder[T], data: bytes, what: str) -> T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise Malformed(f"{what} of a frame: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed(f"{what} of a frame is not JSON.") from None
