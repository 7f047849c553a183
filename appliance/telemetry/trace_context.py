"""Which trace the current work belongs to: W3C Trace Context (https://www.w3.org/TR/trace-context/), version 00.

`tracestate` is not continued: it is free text of the client's.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
SAMPLED: Final = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """A span that others are children of. `span` is 0 for one that does not exist: whoever comes next is the root."""

    id: int
    span: int
    sampled: bool = True

    def child(self) -> Trace:
        """The same trace, with a new span."""
        return Trace(self.id, _random(64), self.sampled)


TRACE: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)
"""What the current task is part of; tasks inherit it from whoever starts them."""


def continued(traceparent: str) -> Trace:
    """The client's span, or the beginning of a new trace where there is no header that can be read."""
    found = PARENT.fullmatch(traceparent)
    if found is not None:
        version, trace, span, flags, more = found.groups()
        known = version != "ff" and (version != "00" or more is None)
        if known and int(trace, 16) and int(span, 16):
            return Trace(int(trace, 16), int(span, 16), bool(int(flags, 16) & SAMPLED))
    return Trace(_random(128), 0)


def _random(bits: int) -> int:
    return secrets.randbits(bits) or 1
