"""Transcripts as subtitles: SubRip (`srt`) and WebVTT (`vtt`)."""

from __future__ import annotations

from collections.abc import Iterable

from appliance.jobs import Segment


def srt(segments: Iterable[Segment]) -> str:
    """SubRip: numbered cues, comma before the milliseconds."""
    cues = [
        f"{number}\n{_clock(segment.start, ',')} --> {_clock(segment.end, ',')}\n{segment.text.strip()}\n"
        for number, segment in enumerate(segments, 1)
    ]
    return "\n".join(cues)


def vtt(segments: Iterable[Segment]) -> str:
    """WebVTT (W3C): a header, then cues with a full stop before the milliseconds."""
    cues = [
        f"{_clock(segment.start, '.')} --> {_clock(segment.end, '.')}\n{segment.text.strip().replace('-->', '->')}\n"
        for segment in segments
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    return (
        f"{milliseconds // 3_600_000:02}:{milliseconds // 60_000 % 60:02}:{milliseconds // 1000 % 60:02}"
        f"{mark}{milliseconds % 1000:03}"
    )
