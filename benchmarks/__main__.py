"""`make bench`: starts a box of its own and prints its figures; `--json FILE` keeps them."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import httpx

from appliance.settings import Settings
from benchmarks import footprint, turn

IDLE_SECONDS = 20.0


@click.command()
@click.option("--turns", default=20, show_default=True, help="Turns of each kind; medians are shown.")
@click.option("--state-dir", type=click.Path(path_type=Path), default=Path(os.environ.get("STATE", ".state")))
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Keep the figures here.")
def main(turns: int, state_dir: Path, json_file: Path | None) -> None:
    """Measure one spoken turn, start-up, memory and idle load on this machine."""
    command = [sys.executable, "-m", "appliance", "serve", "--open", "--port", "0", "--state-dir", str(state_dir)]
    environ = {**os.environ, "APPLIANCE_VOICE__TEMPERATURE": "0", "APPLIANCE_LOG__FORMAT": "json"}
    environ |= {"APPLIANCE_VOICE__HISTORY_MESSAGES": "0"}
    with tempfile.NamedTemporaryFile("r") as log, Path(log.name).open("w") as output:
        started = time.perf_counter()
        with subprocess.Popen(command, stderr=output, env=environ) as server:
            try:
                figures = measure(Path(log.name), server, started, turns)
            finally:
                server.terminate()
    for name, value in figures.items():
        click.echo(f"{name:<34} {value:>10}")
    if json_file:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


def measure(log: Path, server: subprocess.Popen[bytes], started: float, turns: int) -> dict[str, float]:
    """All figures; seconds, megabytes, percent, and the ratio of the two kinds of turn."""
    while (found := re.search(r"http://[\d.:]+", log.read_text())) is None:
        if server.poll() is not None:
            raise click.ClickException(log.read_text())
        time.sleep(0.02)
    with httpx.Client(base_url=found[0], timeout=300) as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.02)
        ready = time.perf_counter() - started
        question = client.post(
            "/v1/audio/speech", json={"input": "Why is the sky blue?", "response_format": "wav"}
        ).content
        voice = Settings().voice
        streamed, staged = [], []
        for number in range(turns + 1):
            click.echo(f"\rturn {number} of {turns}", nl=False, err=True)
            pair = (
                turn.streamed(client, question),
                turn.staged(client, question, voice.instructions, voice.max_reply_tokens),
            )
            if number:  # the first of each warms
                streamed.append(pair[0])
                staged.append(pair[1])
        click.echo("\rmeasuring memory and idle load", err=True)
        pss = footprint.pss_bytes(server.pid) / 1e6
    idle = footprint.idle_share(server.pid, IDLE_SECONDS)
    fast = statistics.median(sample.seconds for sample in streamed)
    slow = statistics.median(sample.seconds for sample in staged)
    return {
        "ready_s": round(ready, 2),
        "turn_first_audio_streamed_s": round(fast, 3),
        "turn_first_audio_staged_s": round(slow, 3),
        "staged_over_streamed": round(slow / fast, 2),
        "reply_characters_streamed": statistics.median(sample.characters for sample in streamed),
        "reply_characters_staged": statistics.median(sample.characters for sample in staged),
        "memory_pss_mb": round(pss),
        "idle_percent_of_a_core": round(100 * idle, 2),
        "turns": turns,
    }


if __name__ == "__main__":
    main()
