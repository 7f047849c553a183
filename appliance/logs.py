"""Log lines: JSON under systemd, human on a terminal, a request id on each, and never what was said.

Speech, prompts, transcripts and keys do not go into a log, at any level; `tests/architecture` checks the calls.
An exception is logged by type and place alone, since its message may quote its input.
"""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, Final, Literal

import structlog

from appliance.tail import Tail

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor

Format = Literal["auto", "json", "human"]

TAIL: Final = Tail()
"""What this process has logged last."""
APART: Final = frozenset(("event", "level", "timestamp", "exc_info", "stack_info"))
"""Of what a line is made of: not among the fields that are kept."""


def configure(level: str, form: Format) -> None:
    """Send all log lines of this process, the libraries' too, to standard error in one form."""
    human = sys.stderr.isatty() if form == "auto" else form == "human"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if human else "iso", utc=not human),
    ]
    render: Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
        if human
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[_keep, structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for library in ("faster_whisper", "piper", "httpx", "httpcore", "huggingface_hub", "multipart"):
        # Some of these write transcripts or texts at info and debug.
        logging.getLogger(library).setLevel(logging.ERROR)
    # It writes each socket's whole address at info, with what browsers put behind the question mark.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _keep(_: object, __: str, line: EventDict) -> EventDict:
    """What is about to be written goes to the tail too."""
    record: logging.LogRecord = line["_record"]
    fields = {name: value for name, value in line.items() if name not in APART and not name.startswith("_")}
    if isinstance(cause := line.get("exc_info"), tuple) and isinstance(cause[1], BaseException):
        fields |= place_of(cause[1])  # its message may quote what it was given
    TAIL.add(at=record.created, level=record.levelno, logger=record.name, event=line.get("event"), fields=fields)
    return line


def logger(name: str) -> FilteringBoundLogger:
    """The logger of one module."""
    log: FilteringBoundLogger = structlog.get_logger(name)
    return log


def place_of(error: BaseException) -> dict[str, str]:
    """Type and innermost place of an error, as fields for a log line: no message, since it may quote speech."""
    if isinstance(error, BaseExceptionGroup):
        return place_of(error.exceptions[0])
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
    return {"error": type(error).__name__, "at": " < ".join(reversed(places))}
