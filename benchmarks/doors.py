"""A box without models, as a process: its doors and its disk are the real ones, and whatever needs a model is refused.

`python -m benchmarks.doors FOLDER` serves over the database in that folder, and says its port as a line of JSON.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import sys
from typing import TYPE_CHECKING

import uvicorn

from appliance import logs, settings
from appliance.callers.names import Names
from appliance.cli.serve import listen
from appliance.errors import EngineDown
from appliance.store.database import Database
from appliance.voice.stages import Stages
from appliance.web.box import make_box
from appliance.web.doors import open_doors
from appliance.web.heads import BoundedHeads

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from appliance.jobs import AnyJob
    from appliance.voice.stages import Answer


class Nobody:
    """A stage without a model."""

    def stream(self, job: AnyJob, payload: bytes = b"") -> AbstractAsyncContextManager[Answer]:
        """Refuse."""
        del job, payload
        raise EngineDown("There are no models in this box.")


def main(folder: str) -> None:
    """Serve until killed."""
    logs.configure("error", "json")
    chosen = settings.load(environ={}, overrides={"http": {"open": True}, "store": {"dir": folder}})
    stage, names = Nobody(), Names(stt="none", llm="none", voices={"none": "none"})
    box = make_box(chosen, Stages(stage, stage, stage, stage), names, Database(chosen.database), dict)
    app = open_doors(box)
    listener = listen("127.0.0.1", 0)
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, http=BoundedHeads)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, 9)  # ends with whoever started it
    main(sys.argv[1])
