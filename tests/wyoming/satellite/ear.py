"""A satellite's own ear for its name, deaf to all but a file: `ear.py FOLDER`. The satellite gives it audio at stdin.

Once there is a file `called` in the folder, its words are told, once, as the name that was heard.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(folder: Path) -> None:
    called = folder / "called"
    while sys.stdin.buffer.read(2_048):
        if called.exists():
            print(called.read_text(), flush=True)
            called.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
