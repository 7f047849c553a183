"""Servers that follow one another in this process, at sockets that stay: each with another set of models."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Final

import click

from appliance.cli.keys import first_key

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from litestar.types import ASGIApp

    from appliance.engines.host import EngineHost
    from appliance.jobs import Role
    from appliance.settings import Settings
    from appliance.supervision.notify import Supervisor
    from appliance.switching import Switching

MOST_MESSAGE_BYTES = 24 * 1024 * 1024
"""One message of a live client: 15 MiB of audio as base64, and some."""

MOST_WAITING = 4096
"""Connections that wait to be let in; the kernel may allow fewer (net.core.somaxconn)."""
PATIENCE_SECONDS = 60.0
"""So long clients of a socket that outlives the box wait for models to be loaded; then they are told. Less than their
own patience, and long enough for a switch of releases on a slow disk."""
UP_TO_DATE: Final = "the database is being brought up to date"


class Rounds:
    """All servers of one process."""

    def __init__(self, switching: Switching, told: Supervisor | None) -> None:
        self._switching, self._told = switching, told
        self.wyoming: list[socket.socket] = []
        """Sockets for Wyoming clients; they have to be here before the first server begins."""
        self._first = True

    def prepare(self) -> tuple[ASGIApp, Mapping[Role, EngineHost], Settings] | None:
        """The next server's application; None: there is to be none. Ends the command where it cannot be made."""
        from appliance.app import create_app, create_engines
        from appliance.bytes_on_disk import give_way
        from appliance.catalog import lineup
        from appliance.catalog.faults import CatalogError
        from appliance.errors import ApplianceError
        from appliance.settings import SettingsError
        from appliance.store.faults import StoreError
        from appliance.supervision.preparing import preparing

        while (settings := self._switching.next()) is not None:
            try:
                models = lineup.lineup(settings)
                with preparing(self._told, UP_TO_DATE if self._first else f"going over to {settings.models.set}"):
                    give_way(settings.state_dir / "cache")
                    made = first_key(settings) if self._first and not settings.http.open else None
                    engines = create_engines(settings, models)
                    app = create_app(settings, models, engines, self._told, self._switching, self.wyoming)
            except (lineup.ModelsMissing, SettingsError, CatalogError) as error:
                if self._switching.failed(str(error)):
                    continue
                raise click.ClickException(str(error)) from error
            except (StoreError, OSError) as error:  # with any other set it would be the same
                raise click.ClickException(str(error)) from error
            except ApplianceError as error:
                raise click.ClickException(error.message) from error
            if made is not None:
                _log("first admin key made", file=str(made))
            self._first = False
            return app, engines, settings
        return None

    def serve(self, app: ASGIApp, engines: Mapping[Role, EngineHost], settings: Settings,
              listeners: Sequence[socket.socket], patience: float) -> None:  # fmt: skip
        """One server, until it is told to end."""
        import uvicorn

        from appliance.engines.status import loading
        from appliance.web.heads import BoundedHeads
        from appliance.web.server import Server, WebSocket

        switching = self._switching
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
        gc.unfreeze()
        gc.collect()
        gc.freeze()

        def ready() -> bool:
            return not (switching.trying or loading(engine.status for engine in engines.values()))

        def ending() -> None:
            if switching.again:
                return
            for listener in (*listeners, *self.wyoming):  # so that nobody waits in them for a server that never comes
                listener.close()
            if self._told is not None:
                self._told.tell("STOPPING=1")

        server = Server(config, ready=ready, patience=patience, ending=ending)
        switching.serve(server.end)
        self._alive()
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            # The server closes what it is given; who connects meanwhile waits for the next one.
            runner.run(server.serve(sockets=[listener.dup() for listener in listeners]))
        self._alive()

    def _alive(self) -> None:
        """Between two servers nobody else gives signs of life; that one has ended, or begins, is proof."""
        if self._told is not None and self._told.watchdog_seconds is not None:
            self._told.tell("WATCHDOG=1")


def _log(event: str, **fields: str) -> None:
    from appliance import logs

    logs.logger(__name__).info(event, **fields)
