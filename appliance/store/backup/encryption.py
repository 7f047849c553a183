"""Backups that only the holder of a private key can read, in the age format (age-encryption.org), by pyrage.

The library pulls from a reader and pushes into a writer, 64 KiB at a time, so it works in a thread at the other end of
a pipe: memory does not grow with the backup, and nothing that is decrypted touches the disk but the files themselves.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from appliance.store.faults import BackupError, Damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from appliance.store.backup.packing import Reads, Writes

MAGIC: Final = b"age-encryption.org/v1\n"
SUFFIX: Final = ".age"


class Recipients:
    """Public keys, `age1…` each. Raises `BackupError` for what is none."""

    def __init__(self, texts: Sequence[str]) -> None:
        import pyrage

        self.keys: list[Any] = []
        for text in texts:
            try:
                self.keys.append(pyrage.x25519.Recipient.from_str(text))
            except pyrage.RecipientError as wrong:
                raise BackupError(f"{text!r} is no age recipient; one looks like age1…: {wrong}.") from wrong


@contextmanager
def encrypted(out: Writes, recipients: Recipients) -> Iterator[Writes]:
    """What is written goes to `out` encrypted; as it is, if there are no recipients."""
    if not recipients.keys:
        yield out
        return
    import pyrage

    reading, writing = os.pipe()

    def work() -> None:
        with os.fdopen(reading, "rb") as plain:
            pyrage.encrypt_io(plain, out, recipients.keys)

    task = _Task(work)
    try:
        with os.fdopen(writing, "wb") as plain:
            yield plain
    except BrokenPipeError:
        if task.ended() is None:
            raise
    finally:
        task.ended()
    match task.ended():
        case None:
            return
        case pyrage.EncryptError() as failed:
            raise BackupError(f"The backup could not be encrypted: {failed}.") from failed
        case failed:
            raise failed


@contextmanager
def decrypted(source: BinaryIO, name: str, identities: Path | None) -> Iterator[Reads]:
    """The plain bytes of `source`, which may be encrypted or not; `name` is for what is said of it.

    Raises `BackupError` if an identity is needed and none opens it. Reading raises `Damaged` where the bytes
    are not as written.
    """
    head = source.read(len(MAGIC))
    source.seek(0)
    if head != MAGIC:
        if name.endswith(SUFFIX):
            raise Damaged(f"{name} is damaged: it does not begin as an encrypted backup does.")
        yield source
        return
    if identities is None:
        raise BackupError(f"{name} is encrypted; name the file with the key that opens it: --identity FILE.")
    import pyrage

    keys = _identities(identities)
    reading, writing = os.pipe()

    def work() -> None:
        with os.fdopen(writing, "wb") as plain:
            pyrage.decrypt_io(source, plain, keys)

    task = _Task(work)
    with os.fdopen(reading, "rb") as plain:
        try:
            yield _Plain(plain, task, name, identities)
        finally:
            plain.close()  # so that the other end stops, if it has not
            task.ended()


class _Task:
    def __init__(self, work: Callable[[], None]) -> None:
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, args=[work])
        self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whoever waits for it is told
            self._error = error

    def ended(self) -> Exception | None:
        """What it failed with, once it is over."""
        self._thread.join()
        return self._error


class _Plain:
    def __init__(self, pipe: BinaryIO, task: _Task, name: str, identities: Path) -> None:
        self._pipe, self._task = pipe, task
        self._name, self._identities = name, identities

    def read(self, size: int, /) -> bytes:
        chunk = self._pipe.read(size)
        if len(chunk) < size and (error := self._task.ended()) is not None:
            import pyrage

            if isinstance(error, pyrage.DecryptError):
                why = f"no key in {self._identities} opens it, or its head is damaged"
                raise BackupError(f"{self._name}: {why} ({error}).") from error
            raise Damaged("it is not what was encrypted") from error
        return chunk


def _identities(path: Path) -> list[Any]:
    import pyrage

    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        raise BackupError(f"{path}: cannot be read as a file of age identities: {error}.") from error
    if not keys:
        raise BackupError(f"{path}: has no age identity in it; one looks like AGE-SECRET-KEY-1….")
    return keys
