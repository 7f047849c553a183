"""A microphone in a silent room: `microphone.py FOLDER`. Raw audio, mono, 16 bits at 16 kHz, as it is heard, to stdout.

Once there is a file `say` in the folder, its audio is heard, once. It needs nothing but Python.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Final

CHUNK: Final = 640
"""Bytes of 20 ms."""
SECONDS: Final = CHUNK / 32_000


def main(folder: Path) -> None:
    words = folder / "say"
    pcm, due = b"", time.monotonic()
    while True:
        if not pcm and words.exists():
            pcm = words.read_bytes()
            words.unlink()
        chunk, pcm = pcm[:CHUNK].ljust(CHUNK, b"\0"), pcm[CHUNK:]
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        due += SECONDS
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
