"""`appliance serve`: the appliance itself."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.options import load_settings, with_settings_options
from appliance.supervision.activation import Given
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
        given = given_sockets()
    except ActivationError as error:
        raise click.ClickException(str(error)) from error
    if given.http and (host is not None or port is not None):
        raise click.ClickException("--host and --port: systemd hands over the socket; set ListenStream= there.")
    wanted: dict[str, Any] = {"host": host, "port": port, "open": True if open_ else None}
    overrides = {"http": {key: value for key, value in wanted.items() if value is not None}}
    settings = load_settings(config, state_dir, overrides)
    own = load_settings(config, state_dir, overrides, choice=False).models.set
    hosts = [_host(each) for each in given.http] or [settings.http.host]
    if settings.http.open:
        _check_open(hosts)
    run(settings, given, told, own=own)


def _host(listener: socket.socket) -> str:
    """The address of a socket; one in the file system is this machine's."""
    return "::1" if listener.family == socket.AF_UNIX else str(listener.getsockname()[0])


def _check_open(hosts: Iterable[str]) -> None:
    """Without keys the box answers anybody who reaches it, so only this machine may reach it."""
    for host in hosts:
        if not is_loopback(host):
            raise click.ClickException(f"--open answers without keys and is refused on {host}; use 127.0.0.1 or ::1.")


def run(
    settings: Settings, given: Given, told: Supervisor | None, *, own: str | None = None,
) -> None:  # fmt: skip
    """Serve until SIGTERM or SIGINT, at sockets that are given, or where the settings say if there are none.

    `own` is the set of models that the settings name without the choice.
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
    rounds = Rounds(switching, told)
    prepared = rounds.prepare()
    try:
        at = _where(settings, given)
    except OSError as error:
        raise click.ClickException(str(error)) from error
    rounds.wyoming.extend(at.wyoming)
    for listener in at.http:
        logs.logger(__name__).info("listening", address=shown(listener))
    for listener in at.wyoming:
        logs.logger(__name__).info("listening", address=shown(listener, "tcp"))
    patience = PATIENCE_SECONDS if given.http else 0.0
    with reporting(settings.telemetry.errors_to):
        while prepared is not None:
            rounds.serve(*prepared, at.http, patience)
            prepared, patience = rounds.prepare(), PATIENCE_SECONDS


def _where(settings: Settings, given: Given) -> Given:
    """Sockets of all doors. Raises `OSError` if an address cannot be taken."""
    http, wyoming = given.http or (listen(settings.http.host, settings.http.port),), given.wyoming
    if not settings.wyoming.enabled:
        for each in wyoming:  # so that nobody waits in them for an answer that never comes
            each.close()
        return Given(http)
    return Given(http, wyoming or (listen(settings.wyoming.host, settings.wyoming.port),))


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections at `host` and `port`. Raises `OSError` if the address cannot be taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    listener.set_inheritable(False)
    return listener
