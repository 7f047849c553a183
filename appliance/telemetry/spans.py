"""From what has happened to OpenTelemetry's spans, with the times at which it happened.

    POST /v1/chat/completions            voice.turn
    └── thinking                         ├── endpointing
        ├── queue                        ├── listening
        └── chat smollm2-135m            │   ├── queue
                                         │   └── understand
                                         ├── thinking …
                                         └── speaking …

A job's span begins where the server sends it, `queue` is its wait in the worker, and the last one the worker's own
work. Names of a language job's attributes are those of the GenAI semantic conventions
(https://github.com/open-telemetry/semantic-conventions-genai); the box's own begin with `appliance.`.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from appliance import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.util.types import AttributeValue

    from appliance.jobs import Role
    from appliance.story import JobStory, Story
    from appliance.telemetry.trace_context import Trace
    from appliance.telemetry.traces import Request

    Attributes = Mapping[str, AttributeValue]

SCOPE: Final = InstrumentationScope("appliance", __version__)
STAGES: Final[Mapping[Role, str]] = {
    "stt": "listening", "llm": "thinking", "tts": "speaking", "turn": "endpointing", "embed": "retrieving",
}  # fmt: skip
OPERATIONS: Final = {"generate": "chat", "prepare": "chat", "embed": "embeddings"}
PROVIDER: Final = "llama.cpp"
MS: Final = 1_000_000
"""Nanoseconds."""


def box() -> Resource:
    """What the spans are of."""
    return Resource.create(
        {"service.name": "voice-appliance", "service.version": __version__, "host.name": socket.gethostname()}
    )


@dataclass(frozen=True, slots=True)
class Spans:
    """Makes them. `models` are the names of the models by stage."""

    resource: Resource
    models: Mapping[Role, str]

    def of_turn(self, story: Story, trace: Trace, parent: int) -> Iterator[ReadableSpan]:
        """A turn, its endpointing, and its jobs. `trace` is the turn's own span."""
        begun = min([0.0, *(job.sent for job in story.jobs)])
        attributes: dict[str, AttributeValue] = {
            "appliance.turn.id": story.id,
            "appliance.turn.door": story.door,
            "appliance.turn.outcome": story.outcome,
            "appliance.audio.heard_seconds": story.heard_seconds,
            "appliance.audio.spoken_seconds": story.spoken_seconds,
            **{f"appliance.turn.{name}_ms": at for name, at in story.marks.items()},
        }
        if story.voice_to_voice is not None:
            attributes["appliance.turn.voice_to_voice_ms"] = story.voice_to_voice
        times = (_nanoseconds(story.zero_ms, begun), _nanoseconds(story.zero_ms, story.ended))
        yield self._span("voice.turn", trace, parent, times, attributes, failed=story.outcome == "failed")
        over = story.marks.get("over")
        if over is not None:
            at = (_nanoseconds(story.zero_ms, 0.0), _nanoseconds(story.zero_ms, over))
            yield self._span("endpointing", trace.child(), trace.span, at, {})
        yield from self._of_jobs(story.jobs, trace, story.zero_ms)

    def of_request(self, request: Request, trace: Trace, parent: int) -> Iterator[ReadableSpan]:
        """A request at a door, and its jobs."""
        attributes: dict[str, AttributeValue] = {
            "http.request.method": request.method,
            "http.route": request.route,
            "http.response.status_code": request.status,
        }
        times = (_nanoseconds(request.zero_ms, 0.0), _nanoseconds(request.zero_ms, request.milliseconds))
        name, failed = f"{request.method} {request.route}", request.status >= 500
        yield self._span(name, trace, parent, times, attributes, kind=SpanKind.SERVER, failed=failed)
        yield from self._of_jobs(request.jobs, trace, request.zero_ms)

    def _of_jobs(self, jobs: tuple[JobStory, ...], trace: Trace, zero_ms: int) -> Iterator[ReadableSpan]:
        for job in jobs:
            own = trace.child()
            sent, ended = _nanoseconds(zero_ms, job.sent), _nanoseconds(zero_ms, job.ended)
            attributes: dict[str, AttributeValue] = {
                "appliance.stage": job.stage,
                "appliance.job": job.job,
                "appliance.priority": job.priority,
                "appliance.outcome": job.outcome,
            }
            failed = job.outcome == "failed"
            yield self._span(STAGES[job.stage], own, trace.span, (sent, ended), attributes, failed=failed)
            if job.began is None:
                continue
            began = _nanoseconds(zero_ms, job.began)
            yield self._span("queue", own.child(), own.span, (sent, began), {"appliance.stage": job.stage})
            name, said = self._work(job)
            yield self._span(name, own.child(), own.span, (began, ended), said, failed=failed)

    def _work(self, job: JobStory) -> tuple[str, Attributes]:
        """Name and attributes of what the worker did."""
        said: dict[str, AttributeValue] = {"appliance.worker": job.stage}
        if job.audio_seconds:
            said["appliance.audio.seconds"] = job.audio_seconds
        model = self.models.get(job.stage, "")
        operation = OPERATIONS.get(job.job)
        if operation is None:
            return job.job, said
        said |= {"gen_ai.operation.name": operation, "gen_ai.provider.name": PROVIDER, "gen_ai.request.model": model}
        if job.outcome == "done":
            said |= {"gen_ai.usage.input_tokens": job.prompt_tokens}
            if job.job == "generate":
                said |= {
                    "gen_ai.response.model": model,
                    "gen_ai.usage.output_tokens": job.completion_tokens,
                    "gen_ai.usage.cache_read.input_tokens": job.cached_tokens,
                }
        if job.first is not None and job.job == "generate":
            said["gen_ai.response.time_to_first_chunk"] = round((job.first - job.sent) / 1000, 4)
        return f"{operation} {model}".strip(), said

    def _span(
        self, name: str, own: Trace, parent: int, times: tuple[int, int], attributes: Attributes,
        *, kind: SpanKind = SpanKind.INTERNAL, failed: bool = False,
    ) -> ReadableSpan:  # fmt: skip
        flags = TraceFlags(TraceFlags.SAMPLED)
        return ReadableSpan(
            name=name,
            context=SpanContext(own.id, own.span, is_remote=False, trace_flags=flags),
            parent=SpanContext(own.id, parent, is_remote=True, trace_flags=flags) if parent else None,
            resource=self.resource,
            attributes=attributes,
            kind=kind,
            status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
            start_time=times[0],
            end_time=max(times),
            instrumentation_scope=SCOPE,
        )


def _nanoseconds(zero_ms: int, milliseconds: float) -> int:
    return zero_ms * MS + round(milliseconds * MS)
