"""A network between the page and the box that can be lost: nothing passes, and nobody is told."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 65_536


class Network:
    """Carries what is sent to its own port to another one of this machine, and back, while it is `up`."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._up = threading.Event()
        self._up.set()
        self._over = threading.Event()
        self._open: list[socket.socket] = []

    def lose(self) -> None:
        """From now on nothing passes."""
        self._up.clear()

    def find(self) -> None:
        """It passes again; what was sent meanwhile comes late, as TCP has it."""
        self._up.set()

    def run(self) -> None:
        """Until it is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        self._up.wait()
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._to)) as box:
            self._open += [client, box]
            with selectors.DefaultSelector() as waiting:
                waiting.register(client, selectors.EVENT_READ, box)
                waiting.register(box, selectors.EVENT_READ, client)
                while not self._over.is_set():
                    for key, _ in waiting.select(0.2):
                        data = key.fileobj.recv(PIECE)  # type: ignore[union-attr]
                        self._up.wait()
                        if not data:
                            return
                        key.data.sendall(data)

    def close(self) -> None:
        """Nothing is left of it."""
        self._over.set()
        self._up.set()
        self._listener.close()
        for each in self._open:
            with suppress(OSError):
                each.close()


@contextmanager
def network(port: int) -> Iterator[Network]:
    """To a port of this machine's."""
    made = Network(port)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()
        thread.join(5)
