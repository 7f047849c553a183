"""A box with releases, where systemd and the releases' programs are played: by rules that real ones have.

Each release knows some steps of the database; its service refuses a database with steps that it does not know, makes
those that are missing, and then acknowledges a sentence. A call may be killed or failed at any moment that counts: when
something is brought to the disk, or a program is called.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from appliance.releases import data, durable, programs, returning, service, units
from appliance.releases.command import main
from appliance.releases.faults import Failed
from appliance.releases.layout import Layout
from appliance.releases.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STEPS = {"1.0": ("m001", "m002"), "1.1": ("m001", "m002"), "2.0": ("m001", "m002", "m003")}
SERVED = ("appliance.service", "appliance.socket")
UNITS = {"1.0": (*SERVED, "appliance-old.timer"), "1.1": SERVED, "2.0": (*SERVED, "appliance-backup.timer")}


@dataclass
class Accident:
    """At the moment number `at`: `how` is kill, fail or full. `told` is asked which moments count."""

    how: str = ""
    at: int = 0
    also: int = 0
    moments: list[str] = field(default_factory=list)

    def moment(self, what: str) -> None:
        self.moments.append(what)
        if len(self.moments) not in {self.at, self.also} or not self.how:
            return
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "full":
            raise OSError(28, "No space left on device")
        raise Failed(f"{what}: failed as it was told to")


class World:
    """The box below `root`."""

    def __init__(self, root: Path) -> None:
        self.root, self.layout = root, Layout(root=root)
        self.shelf = Shelf(self.layout)
        self.database = root / "var/lib/appliance/appliance.db"
        self._backing_up: int | None = None
        for folder in ("var/lib/appliance", "run", "etc/appliance", "opt/appliance/releases"):
            (root / folder).mkdir(parents=True)

    def release(self, version: str) -> None:
        folder = self.layout.release(version)
        (folder / "systemd").mkdir(parents=True)
        for name in UNITS[version]:
            (folder / "systemd" / name).write_text(f"{name} of {version}")
        (folder / "manifest.json").write_text(json.dumps({"version": version, "made": "2026-11-26", "set": "starter"}))

    def serving(self, version: str) -> None:
        """As if it had served for a long time."""
        self.release(version)
        self.layout.state.mkdir(parents=True, exist_ok=True)
        self.shelf.record(version)
        units_of = self.layout.units
        units_of.mkdir(parents=True)
        for name in UNITS[version]:
            (units_of / name).write_text(f"{name} of {version}")
        self.layout.current.symlink_to(f"releases/{version}")
        self._serve()

    def ill(self, version: str, *commands: str) -> None:
        """Its program fails at these."""
        (self.layout.release(version) / "ill").write_text(" ".join(commands))

    def backing_up(self) -> None:
        """All through the next call a backup is under way, until it is stopped; and one is begun whenever it may."""
        (self.root / "run/backing-up").touch()

    @property
    def active(self) -> str:
        path = self.root / "run/active"
        return path.read_text() if path.exists() else ""

    def journal_left(self) -> bool:
        return (self.layout.state / "upgrade.json").exists()

    def said(self) -> list[str]:
        return said(self.database)

    def acknowledged(self) -> list[str]:
        path = self.root / "run/acknowledged"
        return sorted(path.read_text().split()) if path.exists() else []

    def whole(self, version: str | None, *, aside: bool = False) -> None:
        """All of the box is that release's, and nothing that was acknowledged is lost, or kept `aside` at least."""
        assert self.shelf.current() == version
        assert self.active == (version or "")
        there = sorted(path.name for path in self.layout.units.glob("*")) if self.layout.units.is_dir() else []
        assert there == sorted(UNITS[version] if version else ())
        for name in there:
            assert (self.layout.units / name).read_text() == f"{name} of {version}"
        assert not self.layout.state.joinpath("upgrade.json").exists()
        assert not (self.root / "run/held").exists()
        if version is not None:
            assert applied(self.database) == list(STEPS[version])
            kept = {words for file in self.database.parent.glob("appliance.db.newer-*") for words in said(file)}
            assert {*self.said(), *kept} == set(self.acknowledged())
            assert aside or not kept

    def tidy(self) -> None:
        """No copy of what people said is left, but what is put aside; after a last look at whether all is well."""
        assert self.call("recover")[0] == 0
        assert not list(self.layout.state.glob("before/*"))
        assert not list(self.database.parent.glob(".*"))
        assert not list(self.database.parent.glob("*.put-back"))

    def call(self, *words: str, accident: Accident | None = None) -> tuple[int, str]:
        """`appliance-release`, in a process of its own; its status (below 0: the signal) and what it said."""
        output = self.root / "run/output"
        child = os.fork()
        if child == 0:
            status = 99
            try:
                out = io.StringIO()
                try:
                    with redirect_stdout(out), redirect_stderr(out):
                        status = self._called(words, accident or Accident())
                finally:
                    output.write_text(out.getvalue())
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        if os.WIFSIGNALED(ended):
            return -os.WTERMSIG(ended), ""
        status = os.WEXITSTATUS(ended)
        assert status in {0, 1, 3, 4}, output.read_text()
        return status, output.read_text()

    def moments(self) -> list[str]:
        """Of the last call."""
        return (self.root / "run/moments").read_text().splitlines()

    def _called(self, words: Sequence[str], accident: Accident) -> int:
        def counted(what: str, act: Callable[..., Any]) -> Callable[..., Any]:
            def acts(*args: Any, **options: Any) -> Any:
                accident.moment(f"{what} {args[0]}")
                return act(*args, **options)

            return acts

        if accident.how != "fail":
            for name in ("write", "point", "remove", "sync"):
                setattr(durable, name, counted(name, getattr(durable, name)))
        if accident.how == "full":
            vars(data)["shutil"] = SimpleNamespace(**{**vars(shutil), "copyfileobj": half(accident)})

        def run(command: Sequence[str | Path], _seconds: float, **_options: Any) -> str:
            line = [str(word) for word in command]
            if accident.how != "full":
                accident.moment(" ".join(line))
            return self._run(line)

        returning.WAIT_SECONDS = data.ALONE_SECONDS = 0.0  # type: ignore[misc]
        self._back_up()
        for module in (programs, service, units):
            setattr(module, "run", run)  # noqa: B010 - mypy does not take the assignment
        setattr(os, "fsync", lambda _: None)  # noqa: B010 - whoever is killed loses no power
        status = main([*words, "--root", str(self.root)])
        (self.root / "run/moments").write_text("\n".join(accident.moments))
        return status

    def _run(self, line: list[str]) -> str:
        if "releases" in Path(line[0]).parts:
            return self._program(Path(line[0]).parents[2].name, line[1:])
        return self._systemd(line)

    def _systemd(self, line: list[str]) -> str:
        held, active = self.root / "run/held", self.root / "run/active"
        match line:
            case ["systemctl", "stop", *names]:
                if "appliance-release-hold.service" in names:
                    held.unlink(missing_ok=True)
                if "appliance-backup.service" in names and self._backing_up is not None:
                    os.close(self._backing_up)
                    self._backing_up = None
                if "appliance.service" in names:
                    active.unlink(missing_ok=True)
            case ["systemctl", "start", "--no-block", *names]:
                if "appliance.service" in names:
                    (self.root / "run/queued").touch()
            case ["systemctl", "start", *names]:  # a timer may come after the service, and waits with it
                assert not held.exists(), "would wait for ever"
                if "appliance.service" in names:
                    self._serve()
                if "appliance-backup.service" in names:
                    self._fails(str(self.shelf.current()), "create")
                    (self.root / "run/backed-up").touch()
            case ["systemctl", "show", "--value", "-p", "LoadState", "appliance-backup.service"]:
                return "loaded" if (self.root / "run/backup-unit").exists() else "not-found"
            case ["systemctl", "is-enabled", _]:
                return "enabled"
            case ["systemctl", "show", "--value", "-p", "ActiveState", "appliance.service"]:
                return "active" if active.exists() else "inactive"
            case ["systemctl", "show", "--value", "-p", "ActiveState", _]:
                return "activating" if (self.root / "run/booting").exists() else "inactive"
            case ["systemctl", "show", "--value", "-p", "Listen", _]:
                return "127.0.0.1:8080 (Stream)"
            case ["systemd-run", *words] if "--unit=appliance-release-hold.service" in words:
                assert {"--property=Before=appliance.service", "--property=Before=appliance-backup.service"} < {*words}
                held.touch()
            case ["journalctl", *_]:
                return "the last line"
        return ""

    def boot(self) -> None:
        """As the box starts: recovered before the service."""
        (self.root / "run/active").unlink(missing_ok=True)
        (self.root / "run/held").unlink(missing_ok=True)
        (self.root / "run/booting").touch()
        assert self.call("recover")[0] == 0
        (self.root / "run/booting").unlink()
        if self.layout.current.is_symlink():
            self._serve()

    def _serve(self) -> None:
        version = self.layout.current.readlink().name
        self._fails(version, "serve")
        unit = self.layout.units / "appliance.service"
        if unit.read_text() != f"appliance.service of {version}":
            raise Failed("the unit is another release's")
        with closing(sqlite3.connect(self.database)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("CREATE TABLE IF NOT EXISTS steps (name)")
            connection.execute("CREATE TABLE IF NOT EXISTS said (words)")
            there = [row[0] for row in connection.execute("SELECT name FROM steps")]
            if set(there) - set(STEPS[version]):
                raise Failed("the database is a newer appliance's")
            connection.executemany(
                "INSERT INTO steps VALUES (?)", [[step] for step in STEPS[version] if step not in there]
            )
            words = f"{len(self.acknowledged())}-by-{version}"
            connection.execute("INSERT INTO said VALUES (?)", [words])
            connection.commit()
        with (self.root / "run/acknowledged").open("a") as file:
            file.write(words + "\n")
        (self.root / "run/active").write_text(version)

    def _fails(self, version: str, command: str) -> None:
        ill = self.layout.release(version) / "ill"
        if ill.exists() and command in ill.read_text().split():
            raise Failed(f"{version} {command}: is ill")

    def _back_up(self) -> None:
        """By the clock; not while it is held."""
        if (
            (self.root / "run/backing-up").exists()
            and self._backing_up is None
            and not (self.root / "run/held").exists()
        ):
            self._backing_up = os.open(self.database.parent, os.O_RDONLY)
            fcntl.flock(self._backing_up, fcntl.LOCK_SH)

    def _program(self, version: str, words: list[str]) -> str:
        self._back_up()
        command = words[1] if words[0] in {"store", "backup"} else words[0]
        self._fails(version, command)
        if command == "rehearse" and "--keep" not in words:
            self._fails(version, "rehearse-back")
        match words:
            case ["store", "rehearse", *rest]:
                if "--keep" in rest:
                    shutil.copyfile(self.database, rest[rest.index("--keep") + 1])
            case ["store", "steps", *_]:
                there = applied(self.database) if self.database.exists() else None
                told = {"database": str(self.database), "known": STEPS[version], "applied": there}
                return json.dumps(told)
            case ["store", "take-over", file, *_]:
                if self._backing_up is not None:
                    raise Failed("the appliance runs on this database; stop it first")
                return take_over(Path(file), STEPS[version])
            case ["probe", *_]:
                if self.active != version:
                    raise Failed("probe: no answer")
        return f"{' '.join(words[:2])} of {version}\n"


def half(accident: Accident) -> Callable[..., None]:
    """A copy that may find the disk full in its midst."""

    def copies(source: Any, target: Any, length: int = 0) -> None:
        data_of = source.read()
        target.write(data_of[: len(data_of) // 2])
        accident.moment(f"copy {source.name}")
        target.write(data_of[len(data_of) // 2 :])

    return copies


def applied(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM steps ORDER BY name")]


def said(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return sorted(row[0] for row in connection.execute("SELECT words FROM said"))


def take_over(database: Path, known: Sequence[str]) -> str:
    if not set(applied(database)) - set(known):
        return "nothing to take over"
    fresh = database.with_name("fresh")
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript("CREATE TABLE steps (name); CREATE TABLE said (words)")
        connection.executemany("INSERT INTO steps VALUES (?)", [[step] for step in known])
        connection.executemany("INSERT INTO said VALUES (?)", [[words] for words in said(database)])
        connection.commit()
    fresh.replace(database)
    return "taken over"
