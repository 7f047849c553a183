"""`appliance turns`: how long the stages of turns took on a box that runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import click

from appliance.cli.waterfall import jobs, waterfall

SECONDS: Final = 10.0
"""Longest wait for the box."""

DOORS: Final = {"turns": "spoken", "realtime": "live", "wyoming": "heard elsewhere"}


def _box_options(command: Any) -> Any:
    for option in (
        click.option(
            "--ca-file", type=click.Path(exists=True, dir_okay=False), default=None,
            help="Certificates to trust for https, in place of the system's.",
        ),
        click.option(
            "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
            help="File with a key of the scope history: its own user's turns are shown.",
        ),
        click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the box."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group()
def turns() -> None:
    """How long the stages of spoken and live turns took, as a running box remembers it. Words are not shown."""


@turns.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="How many, the newest first.")
@_box_options
def list_(limit: int, url: str, key_file: Path | None, ca_file: str | None) -> None:
    """The newest turns: when, by which door, what became of them, and the time from voice to voice."""
    for turn in _asked(f"/v1/turns?limit={limit}", url, key_file, ca_file)["data"]:
        at = datetime.fromtimestamp(turn["created_at"], UTC).astimezone()
        waited = turn["voice_to_voice_ms"]
        took = "        –" if waited is None else f"{waited:6.0f} ms"
        click.echo(f"{turn['id']:<30} {at:%Y-%m-%d %H:%M:%S}  {DOORS[turn['door']]:<6}  {turn['outcome']:<11} {took}")


@turns.command()
@click.argument("turn")
@_box_options
def show(turn: str, url: str, key_file: Path | None, ca_file: str | None) -> None:
    """One turn as a picture: when each stage was ready, and how long each job waited and was worked on.

    TURN is the x-turn-id of a spoken turn, or the id of a live response.
    """
    told = _asked(f"/v1/turns/{quote(turn, safe='')}/timings", url, key_file, ca_file)
    used = told["usage"]
    click.echo(f"{told['id']}  {DOORS[told['door']]}, {told['outcome']}, conversation {told['conversation']}")
    click.echo(
        f"  heard {used['heard_seconds']:.1f} s, spoke {used['spoken_seconds']:.1f} s; tokens: {used['prompt_tokens']}"
        f" read ({used['cached_tokens']} of them cached), {used['completion_tokens']} written"
    )
    for line in waterfall(told["marks"]):
        click.echo(line)
    click.echo("jobs: ░ waited, █ worked on")
    for line in jobs(told["jobs"]):
        click.echo(line)


def _asked(path: str, url: str, key_file: Path | None, ca_file: str | None) -> dict[str, Any]:
    """The box's answer. Ends the command with a sentence where there is none."""
    import ssl

    import httpx

    try:
        key = key_file.read_text().strip() if key_file is not None else None
        headers = {"authorization": f"Bearer {key}"} if key else {}
        trusted = ssl.create_default_context(cafile=ca_file)
        answer = httpx.get(f"{url.rstrip('/')}{path}", headers=headers, timeout=SECONDS, verify=trusted)
        told: dict[str, Any] = answer.json()
    except (OSError, UnicodeError, ValueError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"{url} gave no answer: {type(error).__name__}") from error
    if answer.status_code != 200:
        raise click.ClickException(str(told.get("error", {}).get("message", f"the box answered {answer.status_code}")))
    return told
