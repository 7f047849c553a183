"""The words from a reader to its parent, and how they lie in the pipe.

A frame is a big-endian 32-bit length and a msgpack message of so many bytes. The pipe is the only bound there is, and
the only one needed: who does not take passages stops the reader.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from appliance.knowledge.passage import Passage

if TYPE_CHECKING:
    from anyio.streams.buffered import BufferedByteReceiveStream

LENGTH: Final = struct.Struct("!I")
MOST_BYTES: Final = 65_536
"""Of a message. A passage has a fifth of that; more comes from a reader that its file has taken over."""

Code = Literal[
    "document_unreadable", "document_encrypted", "document_empty", "document_too_large", "document_unsupported"
]


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The document cannot be read (further), and why. `place` is for the log if it is a fault of the reader's own."""

    code: Code
    message: str
    place: dict[str, str] = {}


class Done(msgspec.Struct, frozen=True, tag=True):
    """That was all. `peak` is the reader's largest resident memory in bytes."""

    peak: int


Message = Passage | Failed | Done

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)


def encode(message: Message) -> bytes:
    """A whole frame."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


async def receive(stream: BufferedByteReceiveStream) -> Message:
    """The next message. Raises `ValueError` for what is none."""
    (length,) = LENGTH.unpack(await stream.receive_exactly(LENGTH.size))
    if length > MOST_BYTES:
        raise ValueError("a frame is too long")
    return _decoder.decode(await stream.receive_exactly(length))
