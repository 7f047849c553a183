"""`appliance demo`: start the appliance, ask it a question aloud as any client would, and keep it serving."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import click
import httpx

from appliance.audio import wav
from appliance.cli.options import load_settings, with_settings_options
from appliance.cli.serve import listen
from appliance.jobs import SPEECH_RATE

READY_SECONDS: Final = 300.0
STAGES: Final = ("transcript", "first_token", "first_clause", "first_audio", "reply", "done")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="TCP port.")
@click.option("--question", default="Why is the sky blue?", show_default=True, help="What is asked aloud.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("reply.wav"), show_default=True,
    help="Where the spoken reply is written.",
)  # fmt: skip
@click.option("--once", is_flag=True, help="End after the answer instead of serving on.")
@with_settings_options
def demo(
    host: str, port: int, question: str, out: Path, once: bool, config: Path | None, state_dir: Path
) -> None:  # fmt: skip
    """Start the appliance, speak a question to it, print and keep its answer, and serve until Ctrl-C."""
    load_settings(config, state_dir)  # a wrong setting is said here, before anything starts
    _check_free(host, port)
    command = [sys.executable, "-m", "appliance", "serve", "--open", "--host", host, "--port", str(port)]
    command += ["--state-dir", str(state_dir), *(["--config", str(config)] if config else [])]
    started = time.monotonic()
    server = subprocess.Popen(command)
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        with httpx.Client(base_url=base, timeout=120) as client:
            _wait_ready(client, server)
            click.echo(f"\nready after {time.monotonic() - started:.1f} s; asking aloud: {question}")
            _ask(client, question, out)
        click.echo(_next_steps(base, out))
        if not once:
            server.wait()
    except KeyboardInterrupt:
        click.echo("\nstopping")
    finally:
        _stop(server)


def _check_free(host: str, port: int) -> None:
    """Otherwise whatever serves there already would be asked, and answer."""
    try:
        listen(host, port).close()
    except OSError as error:
        raise click.ClickException(
            f"{host}:{port} cannot be taken ({error.strerror}): is a box running there? --port takes another."
        ) from error


def _wait_ready(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise click.ClickException("the appliance did not start; its message is above")
        try:
            answer = client.get("/health/ready")
            if answer.status_code == 200 and server.poll() is None:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise click.ClickException(f"the appliance was not ready within {READY_SECONDS:.0f} s; see /health/ready")


def _ask(client: httpx.Client, question: str, out: Path) -> None:
    spoken = client.post("/v1/audio/speech", json={"input": question, "response_format": "wav"})
    _check(spoken)
    request = client.build_request(
        "POST",
        "/v1/voice/turns",
        headers={"accept": "text/event-stream"},
        files={"audio": ("question.wav", spoken.content, "audio/wav")},
        data={"response_format": "pcm"},
    )
    answer = client.send(request, stream=True)
    pcm = bytearray()
    try:
        if answer.status_code != 200:
            answer.read()
        _check(answer)
        for line in answer.iter_lines():
            if line.startswith("data: "):
                pcm += _show(json.loads(line.removeprefix("data: ")))
    finally:
        answer.close()
    out.write_bytes(wav(bytes(pcm), SPEECH_RATE))


def _show(happened: dict[str, Any]) -> bytes:
    """Print one event of the turn; the audio in it, if any."""
    match happened.get("type"):
        case "turn.transcript":
            click.echo(f"  heard:   {happened['text']}\n  replies: ", nl=False)
        case "turn.text.delta":
            click.echo(happened["delta"], nl=False)
        case "turn.audio.delta":
            return base64.b64decode(happened["audio"])
        case "turn.done":
            timings = happened["timings"]
            shown = "  ".join(f"{name} {timings[f'{name}_ms']}" for name in STAGES)
            click.echo(f"\n  ms since the question's last byte:  {shown}")
        case None if "error" in happened:
            raise click.ClickException(happened["error"]["message"])
    return b""


def _check(answer: httpx.Response) -> None:
    if answer.status_code != 200:
        raise click.ClickException(f"the appliance answered {answer.status_code}: {answer.text}")


def _next_steps(base: str, out: Path) -> str:
    return f"""
The spoken reply is in {out}. The appliance serves on (Ctrl-C ends it); try next:

  curl -sN {base}/v1/voice/turns -F audio=@{out} -F conversation=me -o next.wav     talk; again to go on
  curl -sN {base}/v1/audio/speech --json '{{"input": "Hello there."}}' -o hello.mp3
  curl -s {base}/v1/audio/transcriptions -F file=@hello.mp3
  {base}/health/ready     {base}/metrics     {base}/schema
"""


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
