"""`appliance serve`: the appliance itself."""

from __future__ import annotations

import asyncio
import gc
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.cli.keys import first_key
from appliance.cli.options import load_settings, with_settings_options
from appliance.web.identity.origins import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.settings import Settings
    from appliance.supervision.notify import Supervisor

MOST_MESSAGE_BYTES = 24 * 1024 * 1024
"""One message of a live client: 15 MiB of audio as base64, and some."""

MOST_WAITING = 4096
"""Connections that wait to be let in; the kernel may allow fewer (net.core.somaxconn)."""
PATIENCE_SECONDS = 60.0
"""So long clients of a socket that outlives the box wait for models to be loaded; then they are told. Less than their
own patience, and long enough for a switch of releases on a slow disk."""


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
    hosts = [_host(each) for each in listeners] or [settings.http.host]
    if settings.http.open:
        _check_open(hosts)
    run(settings, listeners, told)


def _host(listener: socket.socket) -> str:
    """The address of a socket; one in the file system is this machine's."""
    return "::1" if listener.family == socket.AF_UNIX else str(listener.getsockname()[0])


def _check_open(hosts: Iterable[str]) -> None:
    """Without keys the box answers anybody who reaches it, so only this machine may reach it."""
    for host in hosts:
        if not is_loopback(host):
            raise click.ClickException(f"--open answers without keys and is refused on {host}; use 127.0.0.1 or ::1.")


def run(settings: Settings, listeners: list[socket.socket], told: Supervisor | None) -> None:
    """Serve until SIGTERM or SIGINT, at `listeners`, or where the settings say if there are none."""
    import uvicorn

    from appliance import logs
    from appliance.app import create_app, create_engines
    from appliance.bytes_on_disk import give_way
    from appliance.catalog.lineup import ModelsMissing, lineup
    from appliance.errors import ApplianceError
    from appliance.settings import SettingsError
    from appliance.store.faults import StoreError
    from appliance.supervision.activation import shown
    from appliance.supervision.preparing import preparing
    from appliance.supervision.starting import loading
    from appliance.telemetry.reports import reporting
    from appliance.web.heads import BoundedHeads
    from appliance.web.server import Server, WebSocket

    logs.configure(settings.log.level, settings.log.format)
    try:
        models = lineup(settings)
        with preparing(told, "the database is being brought up to date"):
            give_way(settings.state_dir / "cache")
            made = None if settings.http.open else first_key(settings)
            engines = create_engines(settings, models)
            app = create_app(settings, models, engines, told)
        outlived = bool(listeners)
        listeners = listeners or [listen(settings.http.host, settings.http.port)]
    except (ModelsMissing, SettingsError, StoreError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except ApplianceError as error:
        raise click.ClickException(error.message) from error
    if made is not None:
        logs.logger(__name__).info("first admin key made", file=str(made))
    for listener in listeners:
        logs.logger(__name__).info("listening", address=shown(listener))
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws=WebSocket,
        ws_max_size=MOST_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        http=BoundedHeads,
        proxy_headers=bool(settings.http.proxies),
        forwarded_allow_ips=list(settings.http.proxies),
        backlog=MOST_WAITING,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
    )
    # What is there now stays: to look through it takes the collector 40 ms, and all streams stand still meanwhile.
    gc.collect()
    gc.freeze()
    server = Server(
        config,
        ready=lambda: not loading(engine.status for engine in engines.values()),
        patience=PATIENCE_SECONDS if outlived else 0.0,
        ending=_stopping(told),
    )
    with (
        reporting(settings.telemetry.errors_to),
        asyncio.Runner(loop_factory=config.get_loop_factory()) as runner,
    ):
        runner.run(server.serve(sockets=listeners))


def _stopping(told: Supervisor | None) -> Callable[[], object]:
    return lambda: told is not None and told.tell("STOPPING=1")


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections at `host` and `port`. Raises `OSError` if the address cannot be taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    listener.set_inheritable(False)
    return listener
