"""A process that answers at the socket that it was handed, until it is told to stop.

With two arguments it is ready once there is a file of the first one's name, and waits so many seconds for that. A third
one says for how many seconds it waits, at its end, for what is under way.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import uvicorn

from appliance.supervision.activation import given_sockets
from appliance.web.heads import BoundedHeads
from appliance.web.server import Server, WebSocket

FILE, PATIENCE = (Path(sys.argv[1]), float(sys.argv[2])) if len(sys.argv) > 1 else (Path(os.devnull), 0.0)
GRACE = int(sys.argv[3]) if len(sys.argv) > 3 else 10


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Says who answered, once the whole body is here; a WebSocket is held open.

    At /much one is sent more than fits on the line.
    """
    if scope["type"] == "lifespan":
        for stage in ("startup", "shutdown"):
            await receive()
            print("here" if stage == "startup" else "gone", flush=True)
            await send({"type": f"lifespan.{stage}.complete"})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/much":
            await send({"type": "websocket.send", "bytes": bytes(32 << 20)})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    while (await receive()).get("more_body"):
        pass
    said = str(os.getpid() if FILE.exists() else "too early").encode()
    headers = [(b"content-length", str(len(said)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": said})


if __name__ == "__main__":
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws=WebSocket, http=BoundedHeads, timeout_graceful_shutdown=GRACE
    )
    server = Server(config, ready=FILE.exists, patience=PATIENCE, ending=lambda: print("ending", flush=True))
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve(sockets=list(given_sockets().http)))
