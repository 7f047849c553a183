"""Any audio that a person has, to mono 16 kHz samples. Runs in the listening worker only: files may be hostile."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np

from appliance.audio import UNKNOWN_LENGTH
from appliance.errors import RequestError
from appliance.jobs import STT_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

PARAM: Final = "file"

DECLARING: Final = ("flac", "mov", "wav")
"""Containers whose headers say how long the audio is; for the others FFmpeg only estimates."""

SHORTFALL_SECONDS: Final = 0.25
BLOCK_SAMPLES: Final = 30 * STT_RATE


def decode(data: bytes, max_seconds: float) -> Iterator[NDArray[np.float32] | None]:
    """Decode `data`; yields None while there is progress, and at last all samples: shape (n,), 16 kHz, −1 to 1.

    Raises `RequestError`: `audio_empty`, `audio_not_recognised`, `audio_truncated` or `audio_too_long`.
    """
    if not data:
        raise RequestError("The file is empty.", code="audio_empty", param=PARAM)
    _check_wav(data)
    blocks: list[NDArray[np.int16]] = []
    samples = reported = 0
    declared: float | None = None
    try:
        with av.open(io.BytesIO(data), metadata_errors="ignore") as container:
            declared = _declared_seconds(container)
            if declared is not None and declared > max_seconds:
                raise _too_long(declared, max_seconds)
            for block in _samples(container):
                blocks.append(block)
                samples += block.size
                if samples > max_seconds * STT_RATE:
                    raise _too_long(samples / STT_RATE, max_seconds)
                if samples - reported > BLOCK_SAMPLES:
                    reported = samples
                    yield None
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        if samples:
            raise _truncated(samples / STT_RATE, declared) from error
        raise RequestError(
            "The file is not audio in any format that can be decoded (wav, mp3, m4a, ogg, opus, webm, flac and others "
            "can).",
            code="audio_not_recognised",
            param=PARAM,
        ) from error
    if samples == 0:
        raise RequestError("The file holds no audio samples.", code="audio_empty", param=PARAM)
    if declared is not None and samples / STT_RATE < declared - max(SHORTFALL_SECONDS, 0.02 * declared):
        raise _truncated(samples / STT_RATE, declared)
    yield np.concatenate(blocks).astype(np.float32) / 32768.0


def _samples(container: Any) -> Iterator[NDArray[np.int16]]:
    if not container.streams.audio:
        raise ValueError("no audio stream")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=STT_RATE)
    for frame in container.decode(container.streams.audio[0]):
        frame.pts = None
        for resampled in resampler.resample(frame):
            yield resampled.to_ndarray()[0]
    for resampled in resampler.resample(None):
        yield resampled.to_ndarray()[0]


def _declared_seconds(container: Any) -> float | None:
    stream = container.streams.audio[0] if container.streams.audio else None
    if stream is None or stream.duration is None or not stream.time_base:
        return None
    if not any(name in DECLARING for name in container.format.name.split(",")):
        return None
    seconds = float(stream.duration * stream.time_base)
    return seconds if 0 < seconds < 1e6 else None


def _check_wav(data: bytes) -> None:
    """FFmpeg believes the file's size before the header's; so look at the header here."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"data":
            streamed = size in (0, UNKNOWN_LENGTH) or size >= 0x7FFFF000  # as FFmpeg, sox and browsers write streams
            if not streamed and position + 8 + size > len(data):
                raise RequestError(
                    f"The WAV header promises {size} bytes of samples, the file holds {len(data) - position - 8}.",
                    code="audio_truncated",
                    param=PARAM,
                )
            return
        position += 8 + size + size % 2
    raise RequestError("The WAV file ends before its samples begin.", code="audio_truncated", param=PARAM)


def _too_long(seconds: float, limit: float) -> RequestError:
    return RequestError(
        f"The audio is {seconds:.0f} s long or longer; the limit is {limit:.0f} s.",
        code="audio_too_long",
        param=PARAM,
    )


def _truncated(seconds: float, declared: float | None) -> RequestError:
    promise = f" of the {declared:.1f} s that its header promises" if declared is not None else ""
    return RequestError(f"The file breaks off after {seconds:.1f} s{promise}.", code="audio_truncated", param=PARAM)
