"""Reports of errors to a Sentry server: of every line that the log has at `error`, its type and place.

An exception's message, local variables, source lines, requests, users and other lines of the log stay here: they may
quote what was said. An event is made of a line's own fields by an allow-list; the library's part is the transport, and
what it adds is taken off again before anything is sent. Where no server is set, the library is not even imported.
"""

from __future__ import annotations

import logging
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from appliance import __version__
from appliance.logs import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sentry_sdk import Client

AGAIN_SECONDS: Final = 60.0
"""The same error is reported once in so long."""
MOST_KNOWN: Final = 256
"""Errors that are known to have been reported."""
FLUSH_SECONDS: Final = 2.0
MOST_CHARACTERS: Final = 200
TAGS: Final = ("stage", "code", "kind", "reason", "missing")
"""Fields of a line that are reported, beside type and place. `reason` is why a worker ended."""
OURS: Final = re.compile(r"(sess_)?[0-9a-f]{24,32}")
"""Ids of requests that the box has given; a client's own may be anything."""
PLACE: Final = re.compile(r"([\w.-]+\.py):(\d+) ([\w<>.-]+)")
OTHERS: Final = ("sentry_sdk", "urllib3", "opentelemetry")
"""Libraries whose lines are about this telling itself."""
KEPT: Final = frozenset(
    ("event_id", "timestamp", "level", "platform", "release", "server_name", "logger", "tags", "fingerprint")
)
"""What of an event is sent as it is; its error is made anew."""


class Reports(logging.Handler):
    """Reports what is logged at `error`, the libraries' lines by type and place only. `address` is a DSN."""

    def __init__(self, address: str) -> None:
        super().__init__(logging.ERROR)
        self._client = _client(address)
        self._known: dict[tuple[str, ...], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """A line was logged. Whatever goes wrong here must not be a fault of its own."""
        try:
            if record.name.split(".")[0] not in OTHERS:
                self._report(record)
        except Exception:  # noqa: BLE001, S110 - there is nowhere to tell it
            pass

    def _report(self, record: logging.LogRecord) -> None:
        event = event_of(record)
        alike = tuple(event["fingerprint"])
        now = time.monotonic()
        if now - self._known.get(alike, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return
        self._known.pop(alike, None)
        self._known[alike] = now
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._client.capture_event(event)  # type: ignore[arg-type]

    def end(self) -> None:
        """Send what waits, but not for long."""
        self._client.close(timeout=FLUSH_SECONDS)


@contextmanager
def reporting(address: str) -> Iterator[None]:
    """Report errors meanwhile, and the one that ends it; with an empty address nothing."""
    if not address:
        yield
        return
    reports = Reports(address)
    root = logging.getLogger()
    root.addHandler(reports)
    try:
        yield
    except Exception as error:
        reports.handle(
            logging.LogRecord(__name__, logging.CRITICAL, "", 0, {"event": "box failed", **place_of(error)}, (), None)
        )
        raise
    finally:
        root.removeHandler(reports)
        reports.end()


def event_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a line is reported as. A library's own words are not in it, as they may quote its input."""
    fields: Mapping[str, Any]
    if isinstance(record.msg, dict):
        fields, name = record.msg, str(record.msg.get("event", ""))
    else:
        error = record.exc_info[1] if record.exc_info else None
        fields, name = place_of(error) if error is not None else {}, f"logged by {record.name}"
    kind, places = str(fields.get("error", "")) or name, PLACE.findall(str(fields.get("at", "")))
    tags = {tag: str(fields[tag])[:MOST_CHARACTERS] for tag in TAGS if fields.get(tag)}
    request = str(fields.get("request_id", ""))
    if OURS.fullmatch(request):
        tags["request_id"] = request
    tags["event"] = name
    frames = [
        {"filename": file, "lineno": int(line), "function": function} for file, line, function in reversed(places)
    ]
    where = f"{places[0][0]}:{places[0][1]}" if places else ""
    told = {"type": kind, "value": where or name, **({"stacktrace": {"frames": frames}} if frames else {})}
    return {
        "level": "error" if record.levelno < logging.CRITICAL else "fatal",
        "logger": record.name,
        "tags": tags,
        "fingerprint": [name, kind, where, tags.get("stage", ""), tags.get("reason", "")],
        "exception": {"values": [told]},
    }


def allowed(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event as it may leave: made anew of what is known to be harmless, whatever has been added to it."""
    kept: dict[str, Any] = {name: event[name] for name in KEPT if name in event}
    errors = []
    for error in (event.get("exception") or {}).get("values", ()):
        frames = (error.get("stacktrace") or {}).get("frames", ())
        places = [{name: frame[name] for name in ("filename", "lineno", "function")} for frame in frames]
        made = {"type": error["type"], "value": error["value"]}
        errors.append({**made, "stacktrace": {"frames": places}} if places else made)
    return {**kept, "exception": {"values": errors}}


def _client(address: str) -> Client:
    from sentry_sdk import Client

    return Client(
        dsn=address,
        release=f"voice-appliance@{__version__}",
        before_send=lambda event, _: allowed(event),  # type: ignore[arg-type, return-value]
        default_integrations=False,
        auto_enabling_integrations=False,
        include_local_variables=False,
        include_source_context=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        attach_stacktrace=False,
        auto_session_tracking=False,
        send_client_reports=False,
        propagate_traces=False,
        enable_backpressure_handling=False,
        spotlight=False,
        shutdown_timeout=FLUSH_SECONDS,
    )
