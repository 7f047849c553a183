"""`appliance serve`: the appliance itself."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.options import config_of, load_settings, with_settings_options
from appliance.web.identity.origins import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.settings import Settings
    from appliance.supervision.notify import Supervisor


@click.command()
@click.option("--host", default=None, help="Address to listen on. [default: 127.0.0.1, or the settings']")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=None,
    help="TCP port; 0 takes a free one. [default: 8080]",
)
@click.option("--open", "open_", is_flag=True, help="Answer without keys; on loopback addresses only.")
@with_settings_options
def serve(host: str | None, port: int | None, open_: bool, config: Path | None, state_dir: Path) -> None:
    """Start the appliance and serve until told to stop.

    It listens at once; /health/ready says 200 when each model has answered a real request. Without --open callers
    need a key: the first start makes one for an admin and says in which file it is; `appliance keys` makes more.

    Started by systemd it takes the sockets that it is handed, and says how it is (Type=notify, WatchdogSec=).
    """
    from appliance.supervision.notify import status, supervisor

    told = supervisor()
    try:
        _serve(host, port, open_, config, state_dir, told)
    except click.ClickException as error:
        if told is not None:
            told.tell(status(error.message))
        raise


def _serve(
    host: str | None, port: int | None, open_: bool, config: Path | None, state_dir: Path,
    told: Supervisor | None,
) -> None:  # fmt: skip
    from appliance.supervision.activation import ActivationError, given_sockets

    try:
        listeners = given_sockets()
    except ActivationError as error:
        raise click.ClickException(str(error)) from error
    if listeners and (host is not None or port is not None):
        raise click.ClickException("--host and --port: systemd hands over the socket; set ListenStream= there.")
    given: dict[str, Any] = {"host": host, "port": port, "open": True if open_ else None}
    overrides = {"http": {key: value for key, value in given.items() if value is not None}}
    settings = load_settings(config, state_dir, overrides)
    own = load_settings(config, state_dir, overrides, choice=False).models.set
    hosts = [_host(each) for each in listeners] or [settings.http.host]
    if settings.http.open:
        _check_open(hosts)
    run(settings, listeners, told, own=own, config=config_of(config, state_dir))


def _host(listener: socket.socket) -> str:
    """The address of a socket; one in the file system is this machine's."""
    return "::1" if listener.family == socket.AF_UNIX else str(listener.getsockname()[0])


def _check_open(hosts: Iterable[str]) -> None:
    """Without keys the box answers anybody who reaches it, so only this machine may reach it."""
    for host in hosts:
        if not is_loopback(host):
            raise click.ClickException(f"--open answers without keys and is refused on {host}; use 127.0.0.1 or ::1.")


def run(
    settings: Settings, listeners: list[socket.socket], told: Supervisor | None, *, own: str | None = None,
    config: Path | None = None,
) -> None:  # fmt: skip
    """Serve until SIGTERM or SIGINT, at `listeners`, or where the settings say if there are none.

    `own` is the set of models that the settings name without the choice, `config` the file that they are from.
    """
    from appliance import logs
    from appliance.app import check_servable
    from appliance.cli.rounds import PATIENCE_SECONDS, Rounds
    from appliance.settings import chosen
    from appliance.supervision.activation import shown
    from appliance.switching import Switching
    from appliance.telemetry.reports import reporting

    logs.configure(settings.log.level, settings.log.format)
    switching = Switching(settings, own, overruled=chosen.overruled(), check=check_servable)
    rounds, outlived = Rounds(switching, told, config), bool(listeners)
    prepared = rounds.prepare()
    try:
        listeners = listeners or [listen(settings.http.host, settings.http.port)]
    except OSError as error:
        raise click.ClickException(str(error)) from error
    for listener in listeners:
        logs.logger(__name__).info("listening", address=shown(listener))
    patience = PATIENCE_SECONDS if outlived else 0.0
    with reporting(settings.telemetry.errors_to):
        while prepared is not None:
            rounds.serve(*prepared, listeners, patience)
            prepared, patience = rounds.prepare(), PATIENCE_SECONDS


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections at `host` and `port`. Raises `OSError` if the address cannot be taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    listener.set_inheritable(False)
    return listener
