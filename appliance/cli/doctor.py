"""`appliance doctor`: what is wrong with this box, and what to do.

With `--json` it prints one object, which later appliances only add to:

    {"format": 1, "appliance": "0.1.0", "at": "2026-11-26T18:00:00Z", "deep": false,
     "outcome": "warning", "checks": [{"name": "disk state", "outcome": "warning", "seen": "…", "do": "…"}]}

`outcome` is "fault", "warning", "note", "ok" or "skipped"; the outer one is the worst there is, and the checks come
in this order. Names stay what they are; `seen` and `do` are sentences for people and may change. `do` may be empty.
No secret, no key and nothing that was said is in either form, so the page can be sent to whoever helps.
"""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from appliance.places import Places

PLACES: Final = Places()
WIDTH: Final = 120
"""Where there is no terminal."""
FAULTS: Final = 1
UNABLE: Final = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--deep", is_flag=True, help="Also read every byte of models, database and newest backup: minutes.")
@click.option(
    "--config", type=click.Path(dir_okay=False, readable=False, path_type=Path), default=None,
    help=f"Settings file in TOML.  [default: {PLACES.config if PLACES.released() else 'none'}]",
)  # fmt: skip
@click.option(
    "--state-dir", type=click.Path(file_okay=False, readable=False, path_type=Path), default=None,
    help=f"Folder of what the box keeps.  [default: {PLACES.default_state()}]",
)  # fmt: skip
@click.option(
    "--url", default=None, help="Address of the box.  [default: the socket unit's on a box, else as the settings say]"
)
@click.option(
    "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help="File with an API key, for the spoken turn.  [default: the probe's own, where it can be read]",
)  # fmt: skip
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
    help="Certificates to trust for https, in place of the system's.",
)  # fmt: skip
def doctor(
    as_json: bool, deep: bool, config: Path | None, state_dir: Path | None, url: str | None, key_file: Path | None,
    ca_file: Path | None,
) -> None:  # fmt: skip
    """Say on one page what is wrong with this box and what to do about it. Nothing is changed.

    It looks at versions, settings, GPU, memory, disks, permissions, ports, clock, certificate, models, database,
    backups, units, and the running server, which it also speaks to. As root it sees all of them; what another user
    may not see is "skipped", with the reason. It works as well while the box is stopped or broken. There is no
    secret on the page.

    \b
    sudo appliance doctor
    appliance doctor --deep --json > doctor.json

    Ends with status 0 if nothing is wrong (there may be notes and warnings), 1 if there is a fault, 2 if it could
    not look.
    """
    if url is not None:
        _check(url)
    try:
        from appliance.doctor.ground import ground
        from appliance.doctor.page import document, page
        from appliance.doctor.rounds import rounds

        stood = ground(config=config, state_dir=state_dir, url=url, key_file=key_file, deep=deep, ca_file=ca_file)
        found = rounds(stood)
    except Exception as error:  # noqa: BLE001 - a message may quote what must not be shown
        click.echo(f"Error: the doctor itself failed: {type(error).__name__}", err=True)
        _leave(UNABLE)
    if as_json:
        click.echo(document(found, at=datetime.now(UTC), deep=deep))
    else:
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size((WIDTH, 50)).columns if terminal else WIDTH
        for line in page(found, width=width, colour=terminal and "NO_COLOR" not in os.environ):
            click.echo(line)
    _leave(FAULTS if any(check.outcome == "fault" for check in found) else 0)


def _check(url: str) -> None:
    """Raises click's `BadParameter`, without the address: there may be a password in it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.BadParameter("write http://HOST:PORT or https://HOST", param_hint="--url")


def _leave(status: int) -> None:
    """By the ordinary way: threads that hang are daemons, and hold nobody up."""
    raise SystemExit(status)
