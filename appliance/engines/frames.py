"""The words between a host and its worker, and how they lie on the socket.

One frame is two big-endian 32-bit lengths, a msgpack message and a raw payload:

    | message length | payload length | message (msgpack) | payload (bytes as they are) |

Many jobs share the socket, told apart by `id`. A worker may send only as many parts of a job as it was granted
(`window` with the job, `Grant` as the client takes them), so a slow client costs bounded memory and holds up
nobody else. `Abort` is a message like any other.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.engines.figures import Figures
from appliance.engines.specs import AnySpec
from appliance.jobs import AnyJob, AnyPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.streams.buffered import BufferedByteReceiveStream

LENGTHS: Final = struct.Struct("!II")
WINDOW: Final = 64
"""Parts of one job that may be under way unread."""

WHOLE_REPLY: Final = 2**31
"""Window of a language model's jobs. Their parts are words and vectors, and the context or the request bounds them, so
that no sequence waits for a client."""


class Load(msgspec.Struct, frozen=True, tag=True):
    """Parent to child, first of all: load this and say `Loaded`."""

    spec: AnySpec
    beat_seconds: float
    log_level: str
    log_format: str


class Start(msgspec.Struct, frozen=True, tag=True):
    """Parent to child: a job, with its payload."""

    id: int
    job: AnyJob
    request_id: str
    window: int = WINDOW
    user: str = ""
    """Whose it is: users take turns."""


class Grant(msgspec.Struct, frozen=True, tag=True):
    """Parent to child: the client took `parts` parts of job `id`; so many more may be sent."""

    id: int
    parts: int


class Abort(msgspec.Struct, frozen=True, tag=True):
    """Parent to child: nobody waits for job `id` any more. Nothing is answered."""

    id: int


class Promote(msgspec.Struct, frozen=True, tag=True):
    """Parent to child: somebody listens for job `id` now; it goes before all that is not live."""

    id: int


class Hold(msgspec.Struct, frozen=True, tag=True):
    """Parent to child: for `seconds` do only what belongs to some users, and what else there is seldom.

    Of the users in `live` that is what somebody listens for, of those in `others` everything. `then`: what holds after
    those seconds, in which turns are between two stages.
    """

    seconds: float
    live: list[str] = []
    others: list[str] = []
    then: Hold | None = None


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """Child to parent: the model is in memory."""

    seconds: float


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Child to parent, in place of `Loaded` and as its last word: the model will not be served, and why."""

    reason: str


class Beat(msgspec.Struct, frozen=True, tag=True):
    """Child to parent, every `beat_seconds`: `steps` counts the engine's steps; while `busy` it has to grow."""

    steps: int
    busy: bool
    figures: Figures | None = None
    """What the engine has done; none while it loads, and of engines that count nothing."""


class Emit(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Child to parent: a part of job `id`, with its payload."""

    id: int
    part: AnyPart
    began: float | None = None
    """When the worker took the job in hand, in seconds of `time.monotonic()`; with the first word of each job."""


class Done(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Child to parent: job `id` is complete."""

    id: int
    began: float | None = None
    """As in `Emit`."""


class Failed(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """Child to parent: job `id` ended with an error from the table of codes."""

    id: int
    code: str
    message: str
    param: str | None = None
    began: float | None = None
    """As in `Emit`."""


ToWorker = Load | Start | Grant | Promote | Abort | Hold
ToHost = Loaded | Refused | Beat | Emit | Done | Failed

_encoder = msgspec.msgpack.Encoder()
decode_to_worker: Callable[[bytes], ToWorker] = msgspec.msgpack.Decoder(ToWorker).decode
decode_to_host: Callable[[bytes], ToHost] = msgspec.msgpack.Decoder(ToHost).decode


def encode(message: ToWorker | ToHost, payload: bytes = b"") -> bytes:
    """Head of a frame: everything but the payload, which is sent after it without being copied."""
    body = _encoder.encode(message)
    return LENGTHS.pack(len(body), len(payload)) + body


async def receive(stream: BufferedByteReceiveStream) -> tuple[ToHost, bytes]:
    """The next frame from a worker, with its payload."""
    message_length, payload_length = LENGTHS.unpack(await stream.receive_exactly(LENGTHS.size))
    message = decode_to_host(await stream.receive_exactly(message_length))
    return message, await stream.receive_exactly(payload_length) if payload_length else b""
