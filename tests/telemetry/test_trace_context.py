"""W3C's traceparent, as clients send it and as they should not."""

from __future__ import annotations

import pytest

from appliance.telemetry.trace_context import continued
from appliance.telemetry.traces import endpoint

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"  # pragma: allowlist secret


def test_a_trace_is_gone_on_with() -> None:
    found = continued(f"00-{TRACE}-{SPAN}-01")
    assert (found.id, found.span, found.sampled) == (int(TRACE, 16), int(SPAN, 16), True)
    child = found.child()
    assert (child.id, child.sampled) == (found.id, True)
    assert child.span not in (0, found.span)
    assert not continued(f"00-{TRACE}-{SPAN}-00").child().sampled
    assert continued(f"01-{TRACE}-{SPAN}-03-what-comes-later").id == int(TRACE, 16)


@pytest.mark.parametrize(
    "header",
    [
        "", "hello", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more", f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE}-{SPAN}",
    ],
)  # fmt: skip
def test_what_cannot_be_read_begins_a_new_trace(header: str) -> None:
    first, second = continued(header), continued(header)
    assert first.span == second.span == 0
    assert first.id != second.id
    assert first.id != int(TRACE, 16)


def test_a_collector_is_named_with_or_without_its_path() -> None:
    assert endpoint("http://box:4318") == endpoint("http://box:4318/") == "http://box:4318/v1/traces"
    assert endpoint("https://traces.example/otlp/v1/traces") == "https://traces.example/otlp/v1/traces"
