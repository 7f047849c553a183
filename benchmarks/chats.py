"""The client of the language benchmark: many streamed chats at once, from one process that does next to nothing.

Its processor time counts against the box on the same machine, so it reads sockets and notes times, and decodes JSON
only when a stream has ended. `python -m benchmarks.chats` reads a line of JSON for each round, and answers with one.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

TEXT = b'"delta":{"content":'
USAGE = re.compile(rb'"completion_tokens":(\d+)')
CACHED = re.compile(rb'"cached_tokens":(\d+)')


@dataclass(slots=True)
class Stream:
    """One chat: when it was sent, and when each of its events with text came (seconds of one clock)."""

    sent: float = 0.0
    times: list[float] = field(default_factory=list)
    tokens: int = 0
    cached: int = 0
    error: str = ""

    @property
    def first(self) -> float:
        """Seconds until the first text."""
        return self.times[0] - self.sent


async def chat(port: int, body: dict[str, Any], delay: float = 0.0) -> Stream:
    """Send one streamed chat, `delay` seconds from now, and read it to its end."""
    stream = Stream()
    if delay:
        await asyncio.sleep(delay)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    data = json.dumps({**body, "stream": True, "stream_options": {"include_usage": True}}).encode()
    fields = ("Host: localhost", "Content-Type: application/json", "Connection: close", f"Content-Length: {len(data)}")
    head = "\r\n".join(("POST /v1/chat/completions HTTP/1.1", *fields, "", ""))
    stream.sent = time.perf_counter()
    writer.write(head.encode() + data)
    kept = bytearray()
    while piece := await reader.read(2**16):
        now = time.perf_counter()
        looked_at = max(0, len(kept) - len(TEXT) + 1)  # a mark may be cut by the end of a piece
        kept += piece
        stream.times.extend([now] * kept.count(TEXT, looked_at))
    writer.close()
    usage, cached = USAGE.findall(kept), CACHED.findall(kept)
    if not usage:
        stream.error = kept[:600].decode(errors="replace")
        return stream
    stream.tokens, stream.cached = int(usage[-1]), int(cached[-1]) if cached else 0
    return stream


async def chats(port: int, bodies: list[dict[str, Any]], delays: list[float]) -> list[Stream]:
    """All at once."""
    return list(await asyncio.gather(*(chat(port, body, delay) for body, delay in zip(bodies, delays, strict=True))))


def main() -> None:
    """One round a line."""
    for line in sys.stdin:
        order = json.loads(line)
        delays = order.get("delays") or [0.0] * len(order["bodies"])
        streams = asyncio.run(chats(order["port"], order["bodies"], delays))
        print(json.dumps([asdict(stream) for stream in streams]), flush=True)


if __name__ == "__main__":
    main()
