"""The folder of installed models: what is on it, and how a model gets there whole or not at all.

<root>/<model>/<files>       installed; appears by one rename
<root>/.staging/<model>      being put together and verified
<root>/.downloads/<model>    fetched so far; kept until the model is installed, so a killed pull goes on
<root>/models.lock           what hub models were at their first pull
<root>/.busy                 held by whoever changes the shelf
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from filelock import FileLock, Timeout

from appliance.catalog import lock, verify
from appliance.catalog.faults import CatalogError, Damaged
from appliance.catalog.lock import Digest, Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from appliance.catalog.manifest import File, Model

State = Literal["installed", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The models folder at `root`, which need not exist yet."""

    root: Path

    def folder(self, name: str) -> Path:
        """Where a model is once installed."""
        return self.root / name

    def downloads(self, name: str) -> Path:
        """Where what is fetched for a model is kept until it is installed."""
        return self.root / ".downloads" / name

    @property
    def staging(self) -> Path:
        """Where models are put together; on the same filesystem as the result."""
        return self.root / ".staging"

    def leftovers(self, name: str) -> list[Path]:
        """What a pull that was killed after installing `name` did not come to remove."""
        places = (self.downloads(name), self.staging / name, self.staging / f"{name}.old")
        return [place for place in places if place.exists()]

    def clear(self, name: str) -> None:
        """Remove the leftovers of an installed model."""
        for place in self.leftovers(name):
            shutil.rmtree(place, ignore_errors=True)

    def lock(self) -> Lock:
        """The lock file as it is now."""
        return lock.read(self.root)

    def state(
        self, model: Model, known: Lock | None = None, *, deep: bool = False, on_bytes: verify.Watch | None = None
    ) -> State:
        """Cheap check by existence and sizes; a `deep` one reads every byte, of which `on_bytes` hears."""
        if not self.folder(model.name).is_dir():
            return "missing"
        faults = verify.faults(model, self.folder(model.name), known or self.lock(), deep=deep, on_bytes=on_bytes)
        return "damaged" if faults else "installed"

    @contextmanager
    def exclusive(self, say: Callable[[str], None]) -> Iterator[None]:
        """Be the only process that changes the shelf; a second one says so and waits its turn.

        The kernel drops the lock when its holder dies, so nothing stale can remain.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            busy = FileLock(self.root / ".busy")
            try:
                busy.acquire(timeout=0)
            except Timeout:
                say(f"Another process is changing {self.root}; waiting for it to finish.")
                busy.acquire()
        except OSError as error:
            raise CatalogError(f"{self.root}: the models folder cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            busy.release()

    def install(
        self,
        model: Model,
        read: Callable[[File], Iterable[bytes]],
        expected: Callable[[File], Digest | None],
        before: Callable[[dict[str, Digest]], None] | None = None,
    ) -> None:
        """Write every file from `read` into staging, compare it with `expected`, move the whole into place.

        Raises Damaged for the first file that differs; then the shelf is as it was. `before` hears the
        digests after all are right and before the model appears. Call it inside `exclusive`.
        """
        staged = self.staging / model.name
        shutil.rmtree(staged, ignore_errors=True)
        found: dict[str, Digest] = {}
        for file in model.files:
            target = staged / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            digest, must = _write(target, read(file)), expected(file)
            if must is not None and digest != must:
                shutil.rmtree(staged, ignore_errors=True)
                raise Damaged(
                    f"{model.name}/{file.path}: what was fetched is not what it should be: {digest.bytes} "
                    f"bytes with SHA-256 {digest.sha256} instead of {must.bytes} bytes "
                    f"with SHA-256 {must.sha256}"
                )
            found[file.path] = digest
        if before is not None:
            before(found)
        self._place(model.name, staged)

    def _place(self, name: str, staged: Path) -> None:
        for folder in (staged, *(path for path in staged.rglob("*") if path.is_dir())):
            _sync(folder)
        old = self.staging / f"{name}.old"
        shutil.rmtree(old, ignore_errors=True)
        if self.folder(name).exists():
            self.folder(name).rename(old)
        staged.rename(self.folder(name))
        _sync(self.root)
        shutil.rmtree(old, ignore_errors=True)


def _write(target: Path, read: Iterable[bytes]) -> Digest:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        for chunk in read:
            digest.update(chunk)
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())  # a power cut after the rename must not leave an empty file with the right name
    return Digest(size, digest.hexdigest())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
