"""`appliance talk`: a live conversation with a box, by microphone and loudspeaker or with recordings."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import click

from appliance.audio import wav
from appliance.cli.line import RATE, Line, LineError, Mouth, call
from appliance.cli.waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_SECONDS: Final = 60.0
"""Longest wait for an answer to a recording."""


@click.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the box.")
@click.option(
    "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help="File with the API key of the box, if it wants one: a key on a command line is there for all to see.",
)  # fmt: skip
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False), default=None,
    help="Certificates to trust for https, in place of the system's.",
)  # fmt: skip
@click.option(
    "--wav", "wavs", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Say this recording instead of using a microphone; may be repeated: one turn each.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Keep the replies' audio here, as WAV."
)
@click.option("--voice", default=None, help="Voice of the replies.")
@click.option("--language", default=None, help="Language that is spoken, such as en or de; detected if absent.")
@click.option("--instructions", default=None, help="What the assistant is told in place of the box's own.")
@click.option(
    "--detection", type=click.Choice(["server_vad", "semantic_vad"]), default="semantic_vad", show_default=True,
    help="How the box notices that a turn is over.",
)  # fmt: skip
def talk(
    url: str, key_file: Path | None, ca_file: str | None, wavs: tuple[Path, ...], out: Path | None, voice: str | None,
    language: str | None, instructions: str | None, detection: str,
) -> None:  # fmt: skip
    """Talk with a box: what you say, its reply and each turn's stages are shown as they come. Ctrl-C ends it.

    Without --wav it needs a microphone and a loudspeaker, and the package `sounddevice`.
    """
    transcription = {"model": "default", **({"language": language} if language else {})}
    session: dict[str, Any] = {
        "audio": {
            "input": {"transcription": transcription, "turn_detection": {"type": detection}},
            "output": {"voice": voice} if voice else {},
        }
    }
    if instructions is not None:
        session["instructions"] = instructions
    screen = Screen()
    scene: Callable[[Line], Any]
    scene = functools.partial(_recordings, wavs, screen) if wavs else _microphone(screen)
    lines: list[Line] = []

    async def speak(line: Line) -> None:
        lines.append(line)
        await scene(line)

    try:
        key = key_file.read_text().strip() if key_file is not None else None
        anyio.run(call, url, key, session, screen.show, speak, ca_file)
    except LineError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("")
    finally:
        if out is not None and lines:
            pcm = b"".join(bytes(reply.pcm) for reply in lines[0].replies)
            out.write_bytes(wav(pcm, RATE))
            click.echo(f"the replies' audio is in {out}")


class Screen:
    """Shows a conversation as it goes."""

    def __init__(self) -> None:
        self._partial = ""
        self._timings: dict[str, float] = {}
        self._begun = False

    def show(self, event: dict[str, Any]) -> None:
        """One event. Raises `LineError` if the conversation cannot be had as it was asked for."""
        match event["type"]:
            case "session.updated":
                self._begun = True
            case "conversation.item.input_audio_transcription.delta":
                self._partial += event["delta"]
                if sys.stdout.isatty():
                    click.echo(f"\r  you: {self._partial}", nl=False)
            case "conversation.item.input_audio_transcription.completed":
                self._partial = ""
                click.echo(f"{chr(13) if sys.stdout.isatty() else ''}  you: {event['transcript']}")
            case "response.created":
                click.echo("  box: ", nl=False)
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                click.echo(event["delta"], nl=False)
            case "appliance.turn.timings":
                self._timings = event["milliseconds"]
            case "response.done":
                status = event["response"]["status"]
                click.echo("" if status == "completed" else f" … ({status})")
                for line in waterfall(self._timings):
                    click.echo(line)
                self._timings = {}
            case "error" if not self._begun:
                raise LineError(event["error"]["message"])
            case "error":
                click.echo(f"  box says: {event['error']['message']}", err=True)  # the conversation goes on


async def _recordings(files: tuple[Path, ...], screen: Screen, line: Line) -> None:  # noqa: ARG001 - the same face
    mouth = Mouth(line)
    await mouth.silence(0.5)
    for number, file in enumerate(files):
        await mouth.say(recording(file))
        answered = functools.partial(_answered, line, number + 1)
        await mouth.silent_until(answered, ANSWER_SECONDS)
        await mouth.silence(0.5)
    if any(reply.status == "failed" for reply in line.replies):
        raise LineError("Not every recording was answered.")


def _answered(line: Line, count: int) -> bool:
    return len(line.replies) >= count and all(reply.done.is_set() for reply in line.replies)


def recording(file: Path) -> bytes:
    """Any audio file as mono 16-bit samples at `RATE`. Raises `LineError` if it is none."""
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    pcm = bytearray()
    try:
        with av.open(str(file)) as container:
            for frame in [*container.decode(audio=0), None]:
                for resampled in resampler.resample(frame):
                    pcm += bytes(resampled.planes[0])[: resampled.samples * 2]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise LineError(f"{file} is not audio that can be read.") from error
    return bytes(pcm)


def _microphone(screen: Screen) -> Callable[[Line], Any]:
    try:
        from appliance.cli.sound_card import converse
    except (ImportError, OSError) as error:
        raise click.ClickException(
            f"No microphone can be used ({error}). Install the package sounddevice and the library PortAudio, "
            "or give --wav FILE."
        ) from error
    return functools.partial(converse, screen)
