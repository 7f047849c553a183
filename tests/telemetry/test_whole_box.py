"""A whole box in a process of its own, with real models: its workers' spans, and what is reported when one dies."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import httpx
import psutil
from conftest import serving
from receivers import receiving

if TYPE_CHECKING:
    from pathlib import Path

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"  # pragma: allowlist secret
STAGES = {"listening": "transcribe", "thinking": "chat", "speaking": "speak"}


def test_workers_spans_are_part_of_their_turn_and_a_workers_death_is_reported(question: bytes, tmp_path: Path) -> None:
    with receiving() as collector, receiving() as sentry:
        told = {"APPLIANCE_TELEMETRY__TRACES_TO": collector.url, "APPLIANCE_TELEMETRY__ERRORS_TO": sentry.dsn}
        with serving(tmp_path / "log", **told) as (box, url):
            done = httpx.post(
                f"{url}/v1/voice/turns", files={"audio": ("a.wav", question)}, data={"language": "en"},
                headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "accept": "text/event-stream"},
            )  # fmt: skip
            assert "turn.done" in done.text
            (voice,) = [child for child in psutil.Process(box.pid).children() if "tts" in child.cmdline()]
            voice.send_signal(signal.SIGSEGV)
            sentry.wait(lambda: sentry.events)
        # it has ended by itself, and so all has been sent
        spans = collector.spans
        (turn,) = [span for span in spans if span.name == "voice.turn"]
        assert turn.trace == TRACE
        for stage, work in STAGES.items():
            job = next(span for span in spans if span.name == stage and span.parent == turn.id)
            queue, worked = [span for span in spans if span.parent == job.id]
            assert queue.name == "queue"
            assert worked.name.startswith(work)
            assert turn.start <= job.start <= queue.end <= worked.start <= worked.end <= job.end <= turn.end
        (chat, *_) = [span for span in spans if span.name.startswith("chat ") and span.trace == TRACE]
        assert chat.attributes["gen_ai.usage.input_tokens"] > 0
        assert chat.attributes["gen_ai.usage.output_tokens"] > 0
        death: dict[str, Any] = sentry.events[0]
        assert death["tags"]["event"] == "worker ended"
        assert death["tags"]["stage"] == "tts"
        assert death["tags"]["reason"] == "the worker ended by signal SIGSEGV"
        for words in (b"sky is blue", b"grass", b"va_"):
            assert words not in collector.everything + sentry.everything
