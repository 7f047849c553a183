"""Audio formats that leave the box: samples go in as they are spoken, encoded bytes come out as soon as there are any.

One encoder belongs to one answer. Raw and WAV cost nothing; the others are FFmpeg's encoders through PyAV, which is
loaded at the first use only. A second of speech takes them one to five milliseconds of a core.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, cast, get_args

from appliance.audio import SAMPLE_BYTES, wav_header
from appliance.jobs import SPEECH_RATE

AudioFormat = Literal["wav", "pcm", "mp3", "opus", "flac", "aac"]
FORMATS: Final[tuple[AudioFormat, ...]] = get_args(AudioFormat)


class Encoder(Protocol):
    """Turns mono 16-bit samples at `SPEECH_RATE` into one continuous file."""

    def feed(self, pcm: bytes) -> bytes:
        """Encoded bytes that are ready; possibly none yet."""

    def finish(self) -> bytes:
        """The rest. Nothing may be fed afterwards."""


@dataclass(frozen=True, slots=True)
class _Codec:
    media_type: str
    container: str
    name: str
    rate: int
    bit_rate: int | None
    sample_format: str
    options: MappingProxyType[str, str]


_CODECS: Final = MappingProxyType(
    {
        "mp3": _Codec("audio/mpeg", "mp3", "libmp3lame", 24_000, 64_000, "s16p", MappingProxyType({"write_xing": "0"})),
        # Opus knows 48 kHz best. A page for each packet, since a page is what a player gets to hear.
        "opus": _Codec(
            "audio/ogg", "ogg", "libopus", 48_000, 32_000, "s16", MappingProxyType({"page_duration": "20000"})
        ),
        "flac": _Codec("audio/flac", "flac", "flac", 24_000, None, "s16", MappingProxyType({})),
        "aac": _Codec("audio/aac", "adts", "aac", 24_000, 64_000, "fltp", MappingProxyType({})),
    }
)  # fmt: skip

CLIP_BIT_RATE: Final = 24_000
"""Bits a second of a clip: 2.7 KB for a second of recorded speech, in 8 ms of a core."""

MEDIA_TYPES: Final = MappingProxyType(
    {"wav": "audio/wav", "pcm": "audio/pcm"} | {name: codec.media_type for name, codec in _CODECS.items()}
)


def encoder(form: AudioFormat) -> Encoder:
    """A new encoder for one answer."""
    if form == "wav":
        return _Plain(wav_header(SPEECH_RATE))
    if form == "pcm":
        return _Plain(b"")
    return _Compressed(_CODECS[form])


class _Plain:
    def __init__(self, header: bytes) -> None:
        self._header = header

    def feed(self, pcm: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + pcm

    def finish(self) -> bytes:
        return self.feed(b"")


class _Drain(io.RawIOBase):
    """A file that cannot be rewound, whose content is taken away as it is written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


class _Compressed:
    def __init__(self, codec: _Codec) -> None:
        import av
        import numpy as np

        self._av, self._np = av, np
        self._drain = _Drain()
        options = {"flush_packets": "1", **codec.options}
        container: object = av.open(self._drain, "w", format=codec.container, options=options)
        self._container = cast("Any", container)
        self._stream = self._container.add_stream(codec.name, rate=codec.rate, layout="mono")
        if codec.bit_rate is not None:
            self._stream.bit_rate = codec.bit_rate
        self._resampler = av.AudioResampler(format=codec.sample_format, layout="mono", rate=codec.rate)
        self._fed = 0

    def feed(self, pcm: bytes) -> bytes:
        if pcm:
            samples = self._np.frombuffer(pcm, dtype=self._np.int16).reshape(1, -1)
            frame = self._av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = SPEECH_RATE
            frame.time_base = Fraction(1, SPEECH_RATE)
            frame.pts = self._fed
            self._fed += samples.shape[1]
            self._encode(frame)
        return self._drain.take()

    def finish(self) -> bytes:
        self._encode(None)
        for packet in self._stream.encode(None):
            self._container.mux(packet)
        self._container.close()
        return self._drain.take()

    def _encode(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            for packet in self._stream.encode(resampled):
                self._container.mux(packet)


class ClipEncoder:
    """Mono 16-bit samples at `rate` Hz (8, 12, 16, 24 or 48 thousand) to an Ogg Opus file for speech."""

    def __init__(self, rate: int) -> None:
        import av
        import numpy as np

        self._av, self._np, self._rate = av, np, rate
        self._file, self._fed = io.BytesIO(), 0
        container: object = av.open(self._file, "w", format="ogg")
        self._container = cast("Any", container)
        self._stream = self._container.add_stream("libopus", rate=rate, layout="mono", options={"application": "voip"})
        self._stream.bit_rate = CLIP_BIT_RATE

    def feed(self, pcm: bytes) -> None:
        """Samples, at least one."""
        samples = self._np.frombuffer(pcm, dtype=self._np.int16).reshape(1, -1)
        frame = self._av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._fed
        self._fed += samples.shape[1]
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> bytes:
        """The file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.getvalue()


def clip_of(pcm: bytes, rate: int) -> bytes:
    """All of it at once: whole samples, at least one."""
    encode, piece = ClipEncoder(rate), rate * SAMPLE_BYTES
    for start in range(0, len(pcm), piece):  # by the second, so that no copy is large
        encode.feed(pcm[start : start + piece])
    return encode.finish()


def shorter_clip(ogg: bytes, milliseconds: float) -> tuple[bytes, int]:
    """The beginning of a clip of ours, not decoded: as many of its packets as end by then, and their milliseconds."""
    import av

    drain, end = io.BytesIO(), 0.0
    with av.open(io.BytesIO(ogg), "r") as before, av.open(drain, "w", format="ogg") as after:
        source = before.streams.audio[0]
        stream = after.add_stream_from_template(source)
        for packet in before.demux(source):
            if packet.pts is None or not packet.duration:
                continue
            ends = float((packet.pts + packet.duration) * packet.time_base) * 1000
            if ends > milliseconds:
                break
            packet.stream, end = stream, ends
            after.mux(packet)
    return (drain.getvalue(), int(end)) if end > 0 else (b"", 0)
