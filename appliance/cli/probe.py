"""`appliance probe`: speak to a box and judge its answer."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
import click

if TYPE_CHECKING:
    from appliance.probing.verdict import Verdict

EXITS: Final = {"ok": 0, "wrong": 1, "silent": 2, "busy": 3}
CREDENTIAL: Final = "probe.key"


@click.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the box.")
@click.option(
    "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help=f"File with a key for the scopes voice, audio and metrics. [default: $CREDENTIALS_DIRECTORY/{CREDENTIAL}]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option("--report/--no-report", default=True, show_default=True, help="Tell the box how it went.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True,
    help="Seconds for the whole answer, each time.",
)  # fmt: skip
@click.option(
    "--tries", type=click.IntRange(min=1), default=1, show_default=True,
    help="So often a wrong answer is asked for in all: only if each one is wrong, the box is ill.",
)  # fmt: skip
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False), default=None,
    help="Certificates to trust for https, in place of the system's.",
)  # fmt: skip
@click.option("--voice", default=None, help="Voice that answers, in English; one of the box's if absent.")
@click.pass_context
def probe(
    context: click.Context, url: str, key_file: Path | None, as_json: bool, report: bool, timeout: float,
    tries: int, ca_file: str | None, voice: str | None,
) -> None:  # fmt: skip
    """Speak a known recording to a box, and judge what it heard and what it said.

    Exits with 0 if all is well, 1 if the answer is wrong, 2 if there is none, and 3 if the box had no room for it.
    What a box says, and how it sounds, is partly chance; whoever decides by one answer asks again (--tries).
    Nothing of it is remembered by the box but the last outcome, which /health/ready and /metrics show.
    """
    try:
        key = _key(key_file)
        verdict, untold = anyio.run(_probe, url, key, ca_file, timeout, tries, voice, report)
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(asdict(verdict)))
    else:
        click.echo(_sentence(verdict))
    if untold:
        click.echo(untold, err=True)
    context.exit(EXITS[verdict.outcome])


def _key(given: Path | None) -> str | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if given is None and folder and (Path(folder) / CREDENTIAL).is_file():
        given = Path(folder) / CREDENTIAL
    return given.read_text().strip() if given is not None else None


async def _probe(
    url: str, key: str | None, ca_file: str | None, most: float, tries: int, voice: str | None, report: bool
) -> tuple[Verdict, str]:
    from appliance.probing import talking

    async with talking.box(url, key, ca_file) as client:
        verdict = await talking.probe(client, most, voice)
        for _ in range(1, tries):
            if verdict.outcome != "wrong":
                break
            click.echo(f"{_sentence(verdict)}; asked again", err=True)
            verdict = await talking.probe(client, most, voice)
        told = await talking.report(client, verdict) if report else ""
    return verdict, told


def _sentence(verdict: Verdict) -> str:
    told = "; ".join(each for each in (verdict.reason, verdict.not_judged) if each)
    return f"{verdict.outcome} after {verdict.seconds:.1f} s" + (f": {told}" if told else "")
