"""Where a recording is spoken, and how it is cut for Whisper: at pauses, so that no word is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from faster_whisper.vad import VadOptions, get_speech_timestamps

from appliance.jobs import STT_RATE, UTTERANCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

BLOCK_SAMPLES: Final = 120 * STT_RATE
"""Searched for speech at once; a longer recording is searched block by block, so that others get their turn."""

PAUSE_SAMPLES: Final = 3 * STT_RATE
"""A longer pause ends a stretch: Whisper tells stories in silence."""

PADDING_MS: Final = 200

Span = tuple[int, int]
"""First sample and the one after the last."""


def spoken(samples: NDArray[np.float32]) -> Iterator[list[Span] | None]:
    """Find speech by Silero VAD; yields None while there is progress, and at last all spoken parts in order.

    `samples`: mono at `STT_RATE`, shape (n,). A part is at most `UTTERANCE_SECONDS` long: longer speech without a pause
    is cut where it is the least loud for a tenth of a second.
    """
    options = VadOptions(
        min_silence_duration_ms=500, speech_pad_ms=PADDING_MS, max_speech_duration_s=UTTERANCE_SECONDS
    )  # fmt: skip
    parts: list[Span] = []
    start = 0
    while start < samples.size:
        end = min(start + BLOCK_SAMPLES, samples.size)
        found = [
            (start + part["start"], start + part["end"])
            for part in get_speech_timestamps(samples[start:end], options)
        ]  # fmt: skip
        # The last part may go on in the next block, which then begins with it.
        open_end = end < samples.size and bool(found) and end - found[-1][1] < STT_RATE and found[-1][0] > start
        start = found.pop()[0] if open_end else end
        parts += found
        yield None
    yield parts


def stretches(parts: list[Span], longest: int, pause: int) -> Iterator[Span]:
    """Join neighbouring parts to stretches of at most `longest` samples, without a pause of more than `pause` in them.

    A part that is longer by itself is cut.
    """
    begin = end = parts[0][0]
    for first, last in parts:
        if end > begin and (last - begin > longest or first - end > pause):
            yield begin, end
            begin = first
        end = last
        while end - begin > longest:
            yield begin, begin + longest
            begin += longest
    if end > begin:
        yield begin, end
