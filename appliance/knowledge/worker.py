"""The child's side: `python -m appliance.knowledge.worker KIND --parent PID --limits JSON`.

It reads one document from standard input, which must be a file, and writes frames to standard output. A full pipe holds
it up; a closed one ends it, as does the end of its parent.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import msgspec

from appliance import logs
from appliance.errors import RequestError
from appliance.knowledge import charsets, confinement, reading
from appliance.knowledge.frames import Done, Failed, encode
from appliance.knowledge.kinds import KINDS
from appliance.knowledge.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from appliance.knowledge.frames import Message
    from appliance.knowledge.kinds import Kind


def messages(file: BinaryIO, kind: Kind, limits: Limits, peak: Callable[[], int]) -> Iterator[Message]:
    """Passages, and at last `Done` or `Failed`. `peak` tells how much memory it took."""
    try:
        yield from reading.passages(file, kind, limits)
    except RequestError as error:
        cause = error.__cause__
        yield Failed(error.code, error.message, logs.place_of(cause) if cause else {})  # type: ignore[arg-type]
    except MemoryError:
        gc.collect()
        yield Failed(
            "document_unreadable", f"Reading the file needs more memory than the {limits.memory >> 20} MB it may have."
        )
    except RecursionError:
        yield Failed("document_unreadable", "The file is nested too deeply.")
    except Exception as error:  # noqa: BLE001 - a file can bring any library to raise anything
        yield Failed("document_unreadable", "The file is damaged.", logs.place_of(error))
    else:
        yield Done(peak())


def main() -> None:
    """Entry point of a reader's process."""
    parser = argparse.ArgumentParser(description="Reads one document for the appliance.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--parent", type=int, required=True, help="process that waits for the passages")
    parser.add_argument("--limits", required=True, help="what reading may cost, as JSON")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    confinement.end_with(arguments.parent)
    limits = msgspec.json.decode(arguments.limits, type=Limits)
    logging.disable()  # libraries complain of a file in its own words
    reading.reader(arguments.kind)
    charsets.warm()
    peak = confinement.confine(limits)
    file, out = sys.stdin.buffer, sys.stdout.fileno()
    for message in messages(file, arguments.kind, limits, peak):
        _write(out, encode(message))
    sys.exit()


def _write(out: int, frame: bytes) -> None:
    rest = memoryview(frame)
    while rest:
        rest = rest[os.write(out, rest) :]


if __name__ == "__main__":
    main()
