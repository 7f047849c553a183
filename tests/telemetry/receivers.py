"""Servers that take what the box tells of itself: an OTLP collector and a Sentry server, over real sockets."""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

sys.path += [str(Path(__file__).parents[1] / each) for each in ("web", "voice", "realtime")]

WAIT_SECONDS = 30


class Receiver:
    """Keeps every request as it came: head and body, uncompressed. `status` is what it answers."""

    def __init__(self, url: str) -> None:
        self.url, self.status = url, 200
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self.news = threading.Condition()

    def took(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        with self.news:
            self.requests.append((path, headers, body))
            self.news.notify_all()

    def wait(self, found: Callable[[], Any]) -> Any:
        """What `found` gives, once it gives something."""
        until = time.monotonic() + WAIT_SECONDS
        with self.news:
            while not (result := found()):
                assert self.news.wait(max(0.0, until - time.monotonic())), "it never came"
        return result

    @property
    def everything(self) -> bytes:
        """All bytes of all requests: paths, heads, bodies."""
        return b"".join(f"{path} {dict(headers)}".encode() + body for path, headers, body in self.requests)

    @property
    def dsn(self) -> str:
        """As a Sentry server is named."""
        return self.url.replace("://", "://public@") + "/7"

    @property
    def spans(self) -> list[Span]:
        """Of a collector."""
        found = []
        for _, _, body in self.requests:
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                of = {each.key: _plain(each.value) for each in resource.resource.attributes}
                found += [Span(span, of) for scope in resource.scope_spans for span in scope.spans]
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """Of a Sentry server: each envelope's event."""
        found = []
        for _, _, body in self.requests:
            lines = body.split(b"\n")
            found += [json.loads(lines[at + 1]) for at, line in enumerate(lines) if b'"type":"event"' in line]
        return found


class Span:
    """One span, in plain values; times are nanoseconds since the epoch."""

    def __init__(self, span: Any, resource: Mapping[str, Any]) -> None:
        self.name, self.trace, self.id, self.parent = (
            str(span.name), span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
        )  # fmt: skip
        self.start, self.end, self.failed = span.start_time_unix_nano, span.end_time_unix_nano, span.status.code == 2
        self.attributes = {each.key: _plain(each.value) for each in span.attributes}
        self.resource = resource

    def __repr__(self) -> str:
        return f"{self.name} {self.id}<{self.parent} {self.attributes}"


def _plain(value: Any) -> Any:
    return getattr(value, str(value.WhichOneof("value")))


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            match self.headers.get("content-encoding"):
                case "gzip":
                    body = gzip.decompress(body)
                case "deflate":
                    body = zlib.decompress(body)
            receiver.took(self.path, dict(self.headers), body)
            self.send_response(receiver.status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
