"""Frames as they come: whole, in pieces, wrong in every way; and never more of them than may be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, async_read_event
from wyoming.version import __version__

from appliance.errors import RequestError, TooLarge, TooSlow
from appliance.wyoming.frames import MOST_DATA, MOST_HEAD, MOST_PAYLOAD, Frame, Frames, Gone, Malformed, Silent, frame

if TYPE_CHECKING:
    from collections.abc import Iterable


class Pieces:
    """A stream that gives these one after another and then ends, or stays."""

    extra_attributes: dict[object, object] = {}  # noqa: RUF012 - it has none

    def __init__(self, pieces: Iterable[bytes], *, stays: bool = False) -> None:
        self._pieces, self._stays, self.given = iter(pieces), stays, 0

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        for piece in self._pieces:
            if piece:
                self.given += len(piece)
                assert len(piece) <= max_bytes
                return piece
        if self._stays:
            await anyio.sleep_forever()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        pass


async def read(*pieces: bytes) -> list[Frame | type[Exception]]:
    """All frames, and the error at their end."""
    frames, found = Frames(Pieces(pieces), 20), list[Frame | type[Exception]]()  # type: ignore[arg-type]
    while True:
        try:
            found.append(await frames.next(20))
        except (Gone, RequestError) as error:
            return [*found, type(error)]


async def test_frames_come_whole_and_in_pieces() -> None:
    events = [
        Event("ping", {"text": "ä"}),
        Event("audio-chunk", {"rate": 16_000}, bytes(range(256)) * 9),
        Event("describe"),
    ]
    told = b"".join(frame(event) for event in events)
    wanted = [
        *(Frame(event.type, event.data, event.payload or b"", __version__) for event in events), Gone
    ]  # fmt: skip
    assert await read(told) == wanted
    assert await read(*(told[at : at + 1] for at in range(len(told)))) == wanted
    assert await read(*(told[at : at + 7] for at in range(0, len(told), 7))) == wanted


async def test_what_is_sent_is_read_by_the_protocols_own_library() -> None:
    import asyncio

    reader, event = asyncio.StreamReader(), Event("transcript", {"text": "Grüße"}, b"\x00\n\xff")
    reader.feed_data(frame(event))
    assert await async_read_event(reader) == event


async def test_data_goes_before_what_stands_in_the_line() -> None:
    data = b'{"b": 2}'
    head = json.dumps({"type": "x", "data": {"a": 1, "b": 1}, "data_length": len(data), "more": [1]}).encode()
    assert (await read(head + b"\n" + data))[0] == Frame("x", {"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (b"", Gone), (b'{"type": "ping"', Gone), (b'{"type": "ping", "data_length": 9}\n{}', Gone),
        (b'{"type": "x", "payload_length": 3}\nab', Gone),
        (b"\n", Malformed), (b"hello\n", Malformed), (b"[1]\n", Malformed), (b"{}\n", Malformed),
        (b"\xff\xfe\n", Malformed), (b'{"type": 3}\n', Malformed), (b'{"type": ""}\n', Malformed),
        (b'{"type": "x", "data_length": -1}\n', Malformed),
        (b'{"type": "x", "data_length": "9"}\n', Malformed), (b'{"type": "x", "payload_length": 1.5}\n', Malformed),
        (b'{"type": "x", "data_length": 2}\n[]', Malformed), (b'{"type": "x", "data_length": 2}\n{{', Malformed),
        (b'{"type": "x", "data": ' + b"[" * 30_000 + b"\n", Malformed),
        (b'{"type": "' + b"x" * 65 + b'"}\n', Malformed),
        (b"x" * MOST_HEAD + b"\n", TooLarge),
        (b'{"type": "x", "data_length": %d}\n' % (MOST_DATA + 1), TooLarge),
        (b'{"type": "x", "payload_length": %d}\n' % (MOST_PAYLOAD + 1), TooLarge),
        (b'{"type": "x", "payload_length": %d}\n' % 10**30, TooLarge),
    ],
)  # fmt: skip
async def test_what_is_no_frame(told: bytes, error: type[Exception]) -> None:
    pieces = [told[at : at + 4096] for at in range(0, len(told), 4096)]
    assert await read(*pieces) == [error]


async def test_a_line_without_an_end_is_not_read_for_ever() -> None:
    endless = Pieces(b"x" * 4096 for _ in range(10**9))
    with pytest.raises(TooLarge):
        await Frames(endless, 20).next(20)  # type: ignore[arg-type]
    assert endless.given < 2 * MOST_HEAD


@pytest.mark.parametrize(
    "told", [b'{"type"', b'{"type": "x", "data_length": 2}\n{', b'{"type": "x", "payload_length": 2}\n{']
)
async def test_half_a_frame_is_not_waited_for(told: bytes) -> None:
    with pytest.raises(TooSlow, match="rest of a frame"):
        await Frames(Pieces([told], stays=True), 0.01).next(20)  # type: ignore[arg-type]


async def test_nothing_is_not_waited_for_either() -> None:
    with pytest.raises(Silent):
        await Frames(Pieces([], stays=True), 20).next(0.01)  # type: ignore[arg-type]


@given(
    st.lists(
        st.binary(max_size=80) | st.sampled_from([frame(Event("ping", {"text": "x"})), b"\n", b'{"type": "x"']),
        max_size=6,
    )
)
async def test_whatever_comes_is_a_frame_or_an_error(pieces: list[bytes]) -> None:
    *found, last = await read(*pieces)
    assert all(isinstance(each, Frame) for each in found)
    assert last in (Gone, Malformed, TooLarge)
