"""What is said: WAV files, whatever their rate."""

from __future__ import annotations

import array
import io
import wave

RATE = 24_000
"""Samples a second that live conversations have."""


class RecordingError(Exception):
    """Not a recording that can be said; the message says why."""


def samples(file: bytes) -> bytes:
    """A WAV file's sound: its first channel, at `RATE`, by linear interpolation. Raises `RecordingError`."""
    try:
        with wave.open(io.BytesIO(file)) as sound:
            channels, width, rate = sound.getnchannels(), sound.getsampwidth(), sound.getframerate()
            frames = sound.readframes(sound.getnframes())
    except (wave.Error, EOFError) as error:
        raise RecordingError(f"it is no WAV file ({error})") from error
    if width != 2:
        raise RecordingError(f"samples have to have 16 bits, not {8 * width}")
    own = array.array("h", frames)[::channels]
    count = len(own) * RATE // rate
    places = ((number * rate // RATE, number * rate % RATE) for number in range(count))
    between = (
        own[at] + (own[min(at + 1, len(own) - 1)] - own[at]) * rest // RATE for at, rest in places
    )  # integers, so that they stay within 16 bits
    return array.array("h", between).tobytes()
