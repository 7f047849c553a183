"""`POST /v1/audio/speech`: text in, speech out; the first bytes leave with the first clause."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from appliance.encoding import MEDIA_TYPES, AudioFormat, encoder
from appliance.errors import RequestError
from appliance.jobs import SPEECH_RATE, Audio, Speak
from appliance.voice.cached import outcome_of
from appliance.web.box import Box
from appliance.web.described import answers
from appliance.web.identity.guard import NEEDS
from appliance.web.live import CACHE_HEADER, EVENT_STREAM, Live, Write, event
from appliance.web.wire_audio import SpeechDelta, SpeechDone, SpeechRequest


@post(
    "/v1/audio/speech",
    opt={NEEDS: "audio"},
    status_code=200,
    summary="Text to speech",
    operation_class=answers("audio/*", EVENT_STREAM),
)
async def speech(box: NamedDependency[Box], data: JSONBody[SpeechRequest]) -> Response[Any]:
    """Speak a text."""
    box.names.check_model("tts", data.model)
    limit = box.settings.limits.speech_characters
    if not data.input.strip():
        raise RequestError("There is nothing to say in the text.", code="text_empty", param="input")
    if len(data.input) > limit:
        raise RequestError(
            f"The text has {len(data.input)} characters; the limit is {limit}.",
            code="text_too_long",
            param="input",
        )
    voice = data.voice if isinstance(data.voice, str) else str(data.voice.get("id", ""))
    job = Speak(text=data.input, voice=box.names.voice(voice, data.model), speed=data.speed)
    head: dict[str, str] = {}
    if data.stream_format == "sse":
        return Live(lambda write: _events(box, job, data.response_format, write, head), EVENT_STREAM, head)
    kind = MEDIA_TYPES[data.response_format]
    return Live(lambda write: _audio(box, job, data.response_format, write, head), kind, head)


async def _audio(box: Box, job: Speak, form: AudioFormat, write: Write, head: dict[str, str]) -> int:
    encode = await to_thread.run_sync(encoder, form)
    samples = 0
    async with box.stages.tts.stream(job) as parts:
        head[CACHE_HEADER] = outcome_of(parts)
        async for part, pcm in parts:
            if isinstance(part, Audio):
                samples += part.samples
                await write(await to_thread.run_sync(encode.feed, pcm))
    await write(await to_thread.run_sync(encode.finish))
    return samples


async def _events(box: Box, job: Speak, form: AudioFormat, write: Write, head: dict[str, str]) -> None:
    async def delta(audio: bytes) -> None:
        if audio:
            await write(event(SpeechDelta(audio=audio)))

    samples = await _audio(box, job, form, delta, head)
    characters, frames = len(job.text), samples * 50 // SPEECH_RATE
    usage = {"input_tokens": characters, "output_tokens": frames, "total_tokens": characters + frames}
    await write(event(SpeechDone(usage=usage)))
