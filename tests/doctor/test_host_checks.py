"""The machine: disks, permissions, ports, the clock, the certificate."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.doctor import clock, permissions, ports, room, tls
from appliance.doctor.check import ok
from appliance.doctor.child import Answer
from doctor.standing import found, outcomes, standing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2027, 1, 1, tzinfo=UTC)
GB = 1_000_000_000


def figures(free: int, *, total: int = 100 * GB, inodes: int = 1_000_000, flags: int = 0) -> os.statvfs_result:
    return os.statvfs_result((4096, 1, total, free, free, 10_000_000, inodes, inodes, flags, 255))


@pytest.mark.parametrize(
    ("disk", "outcome"),
    [
        (figures(50 * GB), "ok"),
        (figures(1 * GB), "warning"),
        (figures(1 * GB, total=2 * GB), "ok"),
        (figures(100_000_000), "fault"),
        (figures(50 * GB, inodes=3), "fault"),
        (figures(50 * GB, flags=os.ST_RDONLY), "fault"),
    ],
)
def test_disks(tmp_path: Path, disk: os.statvfs_result, outcome: str) -> None:
    assert room.disk("disk state", tmp_path, disk, writes=True).outcome == outcome
    read_only = bool(disk.f_flag)
    assert room.disk("disk models", tmp_path, disk, writes=False).outcome != ("fault" if read_only else "")


def test_memory_against_the_set_and_the_unit(tmp_path: Path) -> None:
    assert outcomes(room.checks, standing(tmp_path))["memory"] == "ok"
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    bounded = {"MemoryMax": Answer(0, "MemoryMax=1000000000\n\nMemoryMax=infinity\n")}
    check = found(room.checks, standing(tmp_path, bounded))["memory"]
    assert (check.outcome, "MemoryMax" in check.seen) == ("fault", True)
    assert outcomes(room.checks, standing(tmp_path, wrong="x"))["memory"] == "skipped"


def box(root: Path) -> Path:
    state = root / "var/lib/appliance"
    state.mkdir(parents=True)
    state.chmod(0o700)
    (state / "appliance.db").touch(mode=0o600)
    (root / "etc/appliance/credentials").mkdir(parents=True)
    (root / "etc/appliance/credentials").chmod(0o700)
    (root / "opt/appliance/releases").mkdir(parents=True)
    (root / "var/backups/appliance").mkdir(parents=True)
    (root / "var/backups/appliance").chmod(0o700)
    config = root / "etc/appliance/appliance.toml"
    config.touch()
    config.chmod(0o640)
    return config


@pytest.fixture
def ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs this test stands in for the appliance's user."""
    monkeypatch.setattr(permissions, "_uid", os.geteuid)
    monkeypatch.setattr(permissions, "program", lambda opt, user, group: ok("program owner", str(opt)))


@pytest.mark.usefixtures("ourselves")
def test_permissions(tmp_path: Path) -> None:
    config = box(tmp_path)
    ground = standing(tmp_path, config=config, provisioned=True)
    if os.geteuid() == 0:  # the credentials are root's
        assert set(outcomes(permissions.checks, ground).values()) == {"ok"}
    for path, mode, name, outcome in (
        ("var/lib/appliance", 0o755, "state mode", "fault"),
        ("var/lib/appliance/appliance.db", 0o644, "state files", "fault"),
        ("var/lib/appliance/appliance.db", 0o640, "state files", "fault"),
        ("etc/appliance/credentials", 0o750, "credentials mode", "fault"),
        ("var/backups/appliance", 0o755, "backups mode", "fault"),
        ("etc/appliance/appliance.toml", 0o644, "settings mode", "warning"),
        ("etc/appliance/appliance.toml", 0o660, "settings mode", "fault"),
    ):
        before = (tmp_path / path).stat().st_mode
        (tmp_path / path).chmod(mode)
        assert outcomes(permissions.checks, ground)[name] == outcome, path
        (tmp_path / path).chmod(before)


def test_a_checkout_may_be_looked_into(tmp_path: Path) -> None:
    (tmp_path / "var/lib/appliance").mkdir(parents=True)
    (tmp_path / "var/lib/appliance").chmod(0o755)
    assert outcomes(permissions.checks, standing(tmp_path)) == {"state mode": "note", "program owner": "skipped"}


def test_the_program_is_not_the_users(tmp_path: Path) -> None:
    (tmp_path / "releases/1/venv").mkdir(parents=True)
    (tmp_path / "releases/1/venv/code.py").touch()
    nobody = os.geteuid() + 4321
    assert permissions.program(tmp_path, nobody).outcome == "ok"
    check = permissions.program(tmp_path, os.geteuid())
    assert (check.outcome, check.name) == ("fault", "program owner")
    (tmp_path / "releases/1/venv/code.py").chmod(0o664)
    assert permissions.program(tmp_path, nobody, os.getegid()).outcome == "fault"
    assert permissions.program(tmp_path, nobody, os.getegid() + 1).outcome == "ok"
    (tmp_path / "releases/1/venv/code.py").chmod(0o646)
    assert "everybody" in permissions.program(tmp_path, nobody).seen
    assert permissions.program(tmp_path / "releases", nobody, most=1).outcome == "note"


def test_ports(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ground = standing(tmp_path, sections={"http": {"port": port}})
        check = found(ports.checks, ground)["port"]
        assert (check.outcome, str(os.getpid()) in check.seen) == ("fault", True)  # a test is another program
    assert outcomes(ports.checks, ground)["port"] == "note"
    provisioned = standing(tmp_path, sections={"http": {"port": port}}, provisioned=True)
    assert outcomes(ports.checks, provisioned)["port"] == "fault"


def test_the_port_of_wyoming_clients(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        own = {"wyoming": {"enabled": True, "port": port}}
        assert found(ports.checks, standing(tmp_path, sections=own))["wyoming port"].outcome == "fault"
        handed = standing(tmp_path, sections={"wyoming": {"enabled": True}}, door=("127.0.0.1", port))
        assert "appliance-wyoming.socket" in found(ports.checks, handed)["wyoming port"].do
    assert outcomes(ports.checks, standing(tmp_path, sections=own))["wyoming port"] == "note"
    assert outcomes(ports.checks, standing(tmp_path, sections=own, provisioned=True))["wyoming port"] == "fault"
    assert "wyoming port" not in outcomes(ports.checks, standing(tmp_path))


def test_our_own_server_may_listen(tmp_path: Path) -> None:
    script = tmp_path / "appliance"
    script.write_text(
        "import socket, sys\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "print(listener.getsockname()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, str(script), "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert outcomes(ports.checks, standing(tmp_path, sections={"http": {"port": port}}))["port"] == "ok"
        process.communicate()


def test_a_clock_before_what_was_written(tmp_path: Path) -> None:
    ground = standing(tmp_path)
    assert outcomes(clock.checks, ground)["clock"] == "ok"
    ground.settings.database.parent.mkdir(parents=True)
    ground.settings.database.touch()
    later = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    os.utime(ground.settings.database, (later, later))
    check = found(clock.checks, ground)["clock"]
    assert (check.outcome, "appliance.db" in check.seen) == ("fault", True)


def test_a_clock_before_the_release(tmp_path: Path) -> None:
    release = tmp_path / "opt/appliance/releases/1"
    release.mkdir(parents=True)
    (tmp_path / "opt/appliance/current").symlink_to(release)
    (release / "manifest.json").write_text('{"made": "2999-01-01T00:00:00Z"}')
    assert outcomes(clock.checks, standing(tmp_path))["clock"] == "fault"
    (release / "manifest.json").write_text('{"made": "yesterday"}')
    assert outcomes(clock.checks, standing(tmp_path))["clock"] == "ok"


def test_what_the_kernel_says_of_its_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for said, outcome in (((0x2001, 0.01), "ok"), ((0x0041, 16.0), "warning"), (None, "skipped")):
        monkeypatch.setattr(clock, "_adjtimex", lambda said=said: said)
        assert outcomes(clock.checks, standing(tmp_path, provisioned=True))["clock source"] == outcome


def test_the_kernel_is_really_asked() -> None:
    said = clock._adjtimex()
    assert said is None or (said[0] < 2**16 and said[1] >= 0)


def certificate(begin: datetime, end: datetime, name: str = "box.example") -> tuple[x509.Certificate, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    return made, pem + made.public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("life", "left", "outcome"),
    [
        (timedelta(hours=12), timedelta(hours=11), "ok"),
        (timedelta(hours=12), timedelta(hours=3, minutes=50), "ok"),  # being renewed
        (timedelta(hours=12), timedelta(hours=3), "warning"),
        (timedelta(hours=12), timedelta(minutes=50), "fault"),
        (timedelta(days=365), timedelta(days=60), "ok"),
        (timedelta(days=365), timedelta(days=20), "warning"),
        (timedelta(days=365), timedelta(days=2), "fault"),
        (timedelta(days=365), timedelta(days=-1), "fault"),
        (timedelta(days=365), timedelta(days=366), "fault"),
    ],
)
def test_certificates(life: timedelta, left: timedelta, outcome: str) -> None:
    made, _ = certificate(NOW + left - life, NOW + left)
    assert tls.judge(made, "box.example", NOW).outcome == outcome


def test_a_certificate_for_another_name() -> None:
    made, _ = certificate(NOW - timedelta(days=1), NOW + timedelta(days=90))
    assert tls.judge(made, "other.example", NOW).outcome == "note"


@contextmanager
def proxy(pem: Path) -> Iterator[int]:
    """Shows a certificate for box.example, and none for other names, as Caddy does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.sni_callback = lambda _, name, __: None if name == "box.example" else ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
    ends = threading.Event()

    def serve(listener: socket.socket) -> None:
        while not ends.is_set():
            plain, _ = listener.accept()
            with plain:
                try:
                    with context.wrap_socket(plain, server_side=True) as secured:
                        secured.recv(1)
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        ends.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()


def told(look: Any, real: int, host: str, port: int, names: tuple[str, ...], _: datetime) -> Any:
    """As `tls.look`, of the test's own port and at its own time."""
    assert port == 443
    return look(host, real, names, NOW)


def test_the_certificate_that_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, pem = certificate(NOW - timedelta(days=1), NOW + timedelta(days=90))
    (tmp_path / "proxy.pem").write_bytes(pem)
    with proxy(tmp_path / "proxy.pem") as port:
        assert tls.look("127.0.0.1", port, ("box.example",), NOW).outcome == "ok"
        assert tls.look("127.0.0.1", port, ("unknown.example", "box.example"), NOW).outcome == "ok"
        assert tls.look("127.0.0.1", port, ("unknown.example",), NOW).outcome == "warning"
        monkeypatch.setattr(tls, "look", partial(told, tls.look, port))
        (tmp_path / "etc/caddy").mkdir(parents=True)
        (tmp_path / "etc/caddy/Caddyfile").write_text("{\n\tservers {\n\t}\n}\n\n203.0.113.9, box.example {\n}\n")
        assert outcomes(tls.checks, standing(tmp_path)) == {"tls": "ok"}  # by the site's name, not this machine's
        (tmp_path / "etc/caddy/Caddyfile").unlink()
        assert outcomes(tls.checks, standing(tmp_path)) == {"tls": "warning"}
        monkeypatch.undo()
        named = standing(tmp_path, url=f"https://localhost:{port}/")
        assert outcomes(tls.checks, named) == {"tls": "warning"}  # there is none for localhost
    assert outcomes(tls.checks, named) == {"tls": "skipped"}
    assert tls.look("127.0.0.1", port, ("box.example",), NOW).outcome == "skipped"
