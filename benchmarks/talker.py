"""A child process that answers lines of JSON with lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Talker:
    """One such process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._in, self._out = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)

    def hear(self) -> Any:
        """Its next line."""
        line = self._out.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.wait()}")
        return json.loads(line)

    def tell(self, order: object) -> None:
        """Tell it a line."""
        self._in.write(json.dumps(order) + "\n")
        self._in.flush()

    def ask(self, order: object) -> Any:
        """Tell it a line, and hear its answer."""
        self.tell(order)
        return self.hear()


@contextmanager
def talker(module: str, *arguments: str, environ: Mapping[str, str | None] | None = None) -> Iterator[Talker]:
    """Run a module; ends it on the way out. `environ`: variables to set, or (None) to leave out."""
    settings = {name: value for name, value in {**os.environ, **(environ or {})}.items() if value is not None}
    command: Sequence[str] = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings) as process:
        try:
            yield Talker(process)
        finally:
            process.kill()
