"""`POST /v1/audio/transcriptions` and `/translations`: audio in, words out."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body

from appliance.jobs import Segment, Transcribe
from appliance.voice.cached import outcome_of
from appliance.voice.listening import Transcription, heard_first, transcribe
from appliance.web.box import Box
from appliance.web.described import answers
from appliance.web.identity.guard import NEEDS
from appliance.web.live import CACHE_HEADER, EVENT_STREAM, Live, Write, event
from appliance.web.subtitles import srt, vtt
from appliance.web.wire_audio import (
    DurationUsage,
    Granularity,
    SegmentBody,
    TranscriptAnswer,
    TranscriptDelta,
    TranscriptDone,
    TranscriptFormat,
    TranscriptionForm,
    TranslationForm,
    VerboseAnswer,
    WordBody,
    hotwords,
)

MULTIPART = Body(media_type=RequestEncodingType.MULTI_PART)
WRITTEN = answers("application/json", "text/plain", "application/x-subrip", "text/vtt", EVENT_STREAM)


@post(
    "/v1/audio/transcriptions", opt={NEEDS: "audio"}, status_code=200, summary="Speech to text", operation_class=WRITTEN
)
async def transcriptions(box: NamedDependency[Box], data: Annotated[TranscriptionForm, MULTIPART]) -> Response[Any]:
    """Transcribe a recording in its own language."""
    box.names.check_model("stt", data.model)
    job = Transcribe(
        language=data.language or box.settings.stt.language or None,
        prompt=data.prompt,
        hotwords=hotwords(data.keywords, box.settings.stt),
        temperature=data.temperature,
        words="word" in data.granularities,
        max_seconds=box.settings.limits.audio_seconds,
    )
    audio = await data.file.read()
    if data.stream:
        head: dict[str, str] = {}
        return Live(lambda write: _stream(box, job, audio, write, head), EVENT_STREAM, head)
    done = await transcribe(box.stages.stt, job, audio)
    return _told(done, data.response_format, job, data.granularities)


@post(
    "/v1/audio/translations",
    opt={NEEDS: "audio"},
    status_code=200,
    summary="Speech in any language to English text",
    operation_class=WRITTEN,
)
async def translations(box: NamedDependency[Box], data: Annotated[TranslationForm, MULTIPART]) -> Response[Any]:
    """Translate a recording to English."""
    box.names.check_model("stt", data.model)
    job = Transcribe(
        task="translate",
        prompt=data.prompt,
        temperature=data.temperature,
        max_seconds=box.settings.limits.audio_seconds,
    )
    done = await transcribe(box.stages.stt, job, await data.file.read())
    return _told(done, data.response_format, job, [])


def _told(
    done: Transcription, form: TranscriptFormat, job: Transcribe, granularities: list[Granularity]
) -> Response[Any]:
    answer = _answer(done, form, job, granularities)
    answer.headers[CACHE_HEADER] = done.outcome
    return answer


def _answer(
    done: Transcription, form: TranscriptFormat, job: Transcribe, granularities: list[Granularity]
) -> Response[Any]:
    usage = DurationUsage(seconds=round(done.heard.seconds, 2))
    match form:
        case "text":
            return Response(done.text + "\n", media_type="text/plain; charset=utf-8")
        case "srt":
            return Response(srt(done.segments), media_type="application/x-subrip; charset=utf-8")
        case "vtt":
            return Response(vtt(done.segments), media_type="text/vtt; charset=utf-8")
        case "verbose_json":
            segments = [SegmentBody.of(segment) for segment in done.segments]
            words = [WordBody.of(word) for segment in done.segments for word in segment.words]
            return Response(
                VerboseAnswer(
                    task=job.task,
                    language=done.heard.language,
                    duration=round(done.heard.seconds, 3),
                    text=done.text,
                    segments=segments if "segment" in granularities or not job.words else None,
                    words=words if job.words else None,
                    usage=usage,
                )
            )
        case "json":
            return Response(TranscriptAnswer(text=done.text, usage=usage))


async def _stream(box: Box, job: Transcribe, audio: bytes, write: Write, head: dict[str, str]) -> None:
    text = ""
    async with box.stages.stt.stream(job, audio) as parts:
        head[CACHE_HEADER] = outcome_of(parts)
        heard = await heard_first(parts)
        async for part, _ in parts:
            if isinstance(part, Segment):
                delta = part.text if text else part.text.lstrip()
                text += delta
                await write(event(TranscriptDelta(delta=delta)))
    usage = {"type": "duration", "seconds": round(heard.seconds, 2)}
    await write(event(TranscriptDone(text=text.strip(), usage=usage)))
