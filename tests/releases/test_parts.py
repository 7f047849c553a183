"""What a change of releases is made of: programs that hang, a box that is watched, releases that may go."""

from __future__ import annotations

import ast
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from store.archives import contents, fill

import appliance.releases
from appliance.releases import data, lock, running, units
from appliance.releases.command import _interrupt
from appliance.releases.faults import Failed, Interrupted, Refused
from appliance.releases.layout import Layout
from appliance.releases.programs import carrying_seconds
from appliance.releases.running import run
from appliance.releases.service import Service
from appliance.releases.shelf import INCOMPLETE
from appliance.releases.telling import Telling
from appliance.releases.watching import Watching, shares
from releases.scripted import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOURCES = sorted(Path(appliance.releases.__file__).parent.glob("*.py"))
GONE_SECONDS = 20


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_it_needs_python_alone(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            top = name.partition(".")[0]
            assert top in sys.stdlib_module_names or name.startswith("appliance.releases"), name


def test_what_only_the_release_before_had_goes_on_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(tmp_path)
    called: list[list[str]] = []

    def call(command: list[str], _seconds: float, **_: object) -> str:
        called.append(command[1:])
        return ""

    monkeypatch.setattr(units, "run", call)
    for version, names in (("1", ("a.socket", "a-door.socket", "a-night.timer", "a.service")), ("2", ("a.socket",))):
        for name in names:
            (folder := layout.release(version) / "systemd").mkdir(parents=True, exist_ok=True)
            (folder / name.replace("a", "appliance", 1)).touch()
        units.Units(layout).place(version)
    stopped = [line[1] for line in called if line[0] == "stop"]
    assert stopped == ["appliance-door.socket", "appliance-night.timer"]
    assert [path.name for path in layout.units.iterdir()] == ["appliance.socket"]


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(Failed, match=r"(?s)sh -c .*: ended with status 3\n    one\n    two"):
        run(["sh", "-c", "echo one; echo two >&2; exit 3"], 10)
    with pytest.raises(Failed, match="cannot be started: No such file"):
        run(["/no/such/program"], 10)
    with pytest.raises(Failed, match="ended by signal 9"):
        run(["sh", "-c", "kill -9 $$"], 10)
    assert run(["sh", "-c", "cat; exit 1"], 10, stdin=b"given", any_status=True) == "given"
    assert "SECRET" not in run(["env"], 10, env={"HOME": "/"})


def open_while_read(pipe: Path) -> None:
    """A child that was killed is gone a moment later."""
    until = time.monotonic() + GONE_SECONDS
    while time.monotonic() < until:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        time.sleep(0.01)


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    with pytest.raises(Failed, match="not done within 0 s"):
        run(["sh", "-c", f"sleep 1000 <>{held} & wait"], 0.3)
    with pytest.raises(OSError, match="No such device"):  # nobody reads it any more
        open_while_read(held)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_program_that_we_may_not_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []

    def killpg(pid: int, _: int) -> None:
        pids.append(pid)
        raise PermissionError

    end = os.killpg
    monkeypatch.setattr("os.killpg", killpg)
    monkeypatch.setattr(running, "END_SECONDS", 0.1)
    with pytest.raises(Failed, match="not done within 0 s"):
        run(["sleep", "100"], 0.1)
    end(pids[0], signal.SIGKILL)


def test_the_guard_reads_no_program_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr("appliance.releases.service.run", lambda line, *_, **__: calls.append([*map(str, line)]))
    monkeypatch.setattr(sys, "path", ["/anywhere", *sys.path])
    Service(Layout()).guard()
    (line,) = calls
    assert "-P" in line
    assert [word for word in line if "PYTHONPATH" in word] == [f"--setenv=PYTHONPATH={SOURCES[0].parents[2]}"]


def test_a_second_signal_does_not_interrupt_what_the_first_began(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, object] = {}
    monkeypatch.setattr("signal.signal", handlers.__setitem__)
    with pytest.raises(Interrupted, match="SIGINT"):
        _interrupt(signal.SIGINT, None)
    assert handlers == {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_IGN}


def test_a_large_database_may_be_taken_over_for_longer(tmp_path: Path) -> None:
    database = tmp_path / "appliance.db"
    assert carrying_seconds(database) == 3600
    with database.open("wb") as file:
        file.truncate(8_000_000_000)
    assert carrying_seconds(database) == 8000


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_program_ends_with_us(tmp_path: Path) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    child = os.fork()
    if child == 0:
        run(["sh", "-c", f"exec sleep 1000 <{held}"], 100)
        os._exit(0)
    handle = os.open(held, os.O_WRONLY)  # until it reads
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with pytest.raises(BrokenPipeError):  # noqa: PT012 - until the kernel has ended it
        while True:
            os.write(handle, b"more")
    os.close(handle)


def test_two_cannot_work_at_once(tmp_path: Path) -> None:
    with (
        lock.held(tmp_path, "upgrade"),
        pytest.raises(Refused, match=r"another appliance-release is at work \(upgrade, process \d+\)"),
        lock.held(tmp_path, "prune"),
    ):
        pass
    with lock.held(tmp_path, "prune"):
        pass


def test_what_goes_and_what_stays(tmp_path: Path) -> None:
    world = World(tmp_path / "box")
    world.serving("1.0")
    for number, version in enumerate(("1.1", "2.0")):
        world.release(version)
        os.utime(world.layout.release(version), ns=(0, number))
    (world.layout.release("1.1") / INCOMPLETE).touch()
    assert world.shelf.previous() is None
    world.layout.current.unlink()
    world.layout.current.symlink_to("releases/2.0")
    world.shelf.record("2.0")
    assert [each.version for each in world.shelf.every() if each.previous] == ["1.0"]
    assert world.shelf.prune(1) == ["1.1"]
    world.shelf.record("1.0")  # back again: what came after is no way back
    world.layout.current.unlink()
    world.layout.current.symlink_to("releases/1.0")
    assert world.shelf.previous() is None
    with pytest.raises(Refused, match=r"release \.\./1\.0 is not installed here; there are: 1\.0, 2\.0"):
        world.shelf.need("../1.0")
    assert world.shelf.prune(1, spared="2.0") == []
    assert world.shelf.prune(1) == ["2.0"]


def test_a_real_database_is_copied_and_put_back(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path)
    database = layout.remembered / "appliance.db"
    anyio.run(fill, database)
    layout.state.mkdir(parents=True)
    before = contents(database)
    data.take(layout, database, "first")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM keys")
        connection.commit()
    aside = data.put_back(layout, database, "first")
    assert aside is not None
    assert contents(aside)["keys"] == []
    assert contents(database) == before
    assert [path.name for path in database.parent.glob("*.put-back")] == []
    data.forget(layout, database)
    with pytest.raises(Refused, match="there is no copy of the database from before"):
        data.put_back(layout, database, "first")
    damaged = bytearray(database.read_bytes())
    damaged[4096 * 3 : 4096 * 9] = bytes(4096 * 6)
    database.write_bytes(damaged)
    with pytest.raises(Refused, match="the copy of the database"):
        data.take(layout, database, "second")


def test_figures_are_counted_by_status_and_without_questions_after_health() -> None:
    figures = (
        "# HELP appliance_http_requests_total HTTP requests.\n"
        'appliance_http_requests_total{route="/v1/voice/turns",status="200"} 1.2e+02\n'
        'appliance_http_requests_total{route="/v1/voice/turns",status="503"} 3.0\n'
        'appliance_http_requests_total{status="503",route="/health/ready"} 50.0\n'
        'appliance_http_request_seconds_count{route="/v1/voice/turns"} 7.0\n'
    )
    assert shares(figures) == (123, 3)


class Played(Service):
    """Listens where it is told, and lives as it is told."""

    def __init__(self, port: int) -> None:
        super().__init__(Layout())
        self.port, self.alive, self.restarts = port, True, 0

    def active(self) -> bool:
        return self.alive

    def process(self) -> str:
        return f"100 {self.restarts}"

    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self, unit: str = "") -> str:
        return ""


class Answers:
    """By path: status and body."""

    def __init__(self) -> None:
        self.now: dict[str, tuple[int, str]] = {"/health/ready": (200, "{}"), "/metrics": (200, figure(100, 0))}
        self.keys: set[str | None] = set()


def figure(good: int, bad: int) -> str:
    line = 'appliance_http_requests_total{route="/v1",status="%d"} %d.0\n'
    return line % (200, good) + line % (500, bad)


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def port(answers: Answers) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.now[self.path]
            answers.keys.add(self.headers.get("Authorization"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def watched(root: Path, service: Played, change: Callable[[int], None]) -> list[str]:
    """A minute, in which `change` is called at every look."""
    said: list[str] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        change(int(now[0]))

    layout = Layout(root=root)
    layout.probe_key.parent.mkdir(parents=True, exist_ok=True)
    layout.probe_key.write_text("the key\n")
    Watching(layout, service, Telling(None, said.append), sleep=sleep, clock=lambda: now[0]).watch(60)
    assert now[0] >= 60
    return said


def test_a_release_that_is_well_is_let_be(tmp_path: Path, port: int, answers: Answers) -> None:
    def change(now: int) -> None:
        answers.now["/health/ready"] = (503, "{}") if now in {10, 15, 30} else (200, "{}")  # a worker is replaced
        answers.now["/metrics"] = (200, figure(100 + now, 2))

    assert watched(tmp_path, Played(port), change)[-1].endswith("requests, 2 ended with 5xx")
    assert answers.keys == {"Bearer the key"}


NOT_READY = '{"status": "not_ready", "stages": {"llm": {"state": "down", "detail": "no memory"}}}'


def test_a_release_that_is_ill_is_found_out(tmp_path: Path, port: int, answers: Answers) -> None:
    service = Played(port)

    def ill(why: str, change: Callable[[], Any]) -> None:
        with pytest.raises(Failed, match=why):
            watched(tmp_path, service, lambda now: change() if now == 20 else None)
        service.alive, service.restarts = True, 0
        answers.now = Answers().now

    ill("not active any more", lambda: setattr(service, "alive", False))
    ill(r"was restarted \(process, times: 100 0, now 100 1\)", lambda: setattr(service, "restarts", 1))
    ill(
        "not ready, 3 times in a row: llm down no memory",
        lambda: answers.now.update({"/health/ready": (503, NOT_READY)}),
    )
    ill("3 of 103 requests ended with 5xx", lambda: answers.now.update({"/metrics": (200, figure(100, 3))}))
    service.port = 9
    ill("not ready, 3 times in a row: .*refused", lambda: None)


def test_without_its_figures_it_is_watched_all_the_same(tmp_path: Path, port: int, answers: Answers) -> None:
    answers.now["/metrics"] = (403, "")
    assert watched(tmp_path, Played(port), lambda _: None)[-1].endswith("its figures cannot be seen (403)")


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("127.0.0.1:8080 (Stream)", "http://127.0.0.1:8080"), ("0.0.0.0:80 (Stream)", "http://127.0.0.1:80"),
        ("/run/a (Stream)\n[::]:8080 (Stream)", "http://[::1]:8080"), ("/run/a (Stream)", ""),
    ],
)  # fmt: skip
def test_where_it_listens(monkeypatch: pytest.MonkeyPatch, told: str, address: str) -> None:
    monkeypatch.setattr("appliance.releases.service.run", lambda *_, **__: told)
    if address:
        assert Service(Layout()).address() == address
        return
    with pytest.raises(Refused, match="listens on no address"):
        Service(Layout()).address()


def test_a_lost_terminal_ends_nothing(tmp_path: Path) -> None:
    state = Layout(root=tmp_path).state
    state.mkdir(parents=True)
    command = [sys.executable, "-s", "-P", "-m", "appliance.releases", "recover", "--wait", "--root", str(tmp_path)]
    with lock.held(state, "upgrade"):
        process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SOURCES[0].parents[2])})
        while not ignores(process.pid, signal.SIGHUP):
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)
    assert process.wait(30) == 0


def ignores(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    (ignored,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return bool(int(ignored, 16) & 1 << (number - 1))
