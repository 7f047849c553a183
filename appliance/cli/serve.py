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
    from appliance.settings import Settings

MOST_MESSAGE_BYTES = 24 * 1024 * 1024
"""One message of a live client: 15 MiB of audio as base64, and some."""


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
    """
    given: dict[str, Any] = {"host": host, "port": port, "open": True if open_ else None}
    overrides = {"http": {key: value for key, value in given.items() if value is not None}}
    settings = load_settings(config, state_dir, overrides)
    _check_open(settings)
    run(settings)


def _check_open(settings: Settings) -> None:
    """Without keys the box answers anybody who reaches it, so only this machine may reach it."""
    host = settings.http.host
    if settings.http.open and not is_loopback(host):
        raise click.ClickException(f"--open answers without keys and is refused on {host}; use 127.0.0.1 or ::1.")


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    import uvicorn

    from appliance import logs
    from appliance.app import create_app, create_engines
    from appliance.catalog.lineup import ModelsMissing, lineup
    from appliance.settings import SettingsError
    from appliance.store.faults import StoreError
    from appliance.web.heads import BoundedHeads

    logs.configure(settings.log.level, settings.log.format)
    try:
        models = lineup(settings)
        made = None if settings.http.open else first_key(settings)
        app = create_app(settings, models, create_engines(settings, models))
        listener = listen(settings.http.host, settings.http.port)
    except (ModelsMissing, SettingsError, StoreError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if made is not None:
        logs.logger(__name__).info("first admin key made", file=str(made))
    host, port = listener.getsockname()[:2]
    address = f"[{host}]" if ":" in host else host
    logs.logger(__name__).info("listening", address=f"http://{address}:{port}")
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MOST_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        http=BoundedHeads,
        proxy_headers=bool(settings.http.proxies),
        forwarded_allow_ips=list(settings.http.proxies),
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
    )
    # What is there now stays: to look through it takes the collector 40 ms, and all streams stand still meanwhile.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listener]))


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections at `host` and `port`. Raises `OSError` if the address cannot be taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=512)
    listener.set_inheritable(False)
    return listener
