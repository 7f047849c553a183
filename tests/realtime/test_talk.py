"""`appliance talk` against a real socket."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from doors import simulated_doors
from simulated import World

from appliance.audio import read_wav, wav
from appliance.cli.main import main
from appliance.cli.waterfall import waterfall
from appliance.errors import EngineDown, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulated_doors() as url:
        yield url


def test_a_recording_is_a_turn(url: str, tmp_path: Path) -> None:
    question, out = tmp_path / "q.wav", tmp_path / "r.wav"
    question.write_bytes(wav(np.full(16_000, 2000, dtype="<i2").tobytes(), 16_000))
    done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "you: some words" in done.output
    assert "box: I heard you." in done.output
    assert "words understood" in done.output
    pcm, rate = read_wav(out.read_bytes())
    assert rate == 24_000
    assert len(pcm) / 2 / rate == pytest.approx(0.9)  # three words


def test_a_fault_is_shown_and_the_conversation_goes_on(tmp_path: Path) -> None:
    question, world = tmp_path / "q.wav", World()
    question.write_bytes(wav(np.full(16_000, 2000, dtype="<i2").tobytes(), 16_000))
    world.turn.failing = [EngineDown("The turn stage is being replaced.")]
    with simulated_doors(world=world) as url:
        done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question)])
    assert done.exit_code == 0, done.output
    assert "box says: The turn stage is being replaced." in done.output
    assert "box: I heard you." in done.output


def test_a_recording_that_is_not_answered_is_an_error(tmp_path: Path) -> None:
    question, world = tmp_path / "q.wav", World()
    question.write_bytes(wav(np.full(16_000, 2000, dtype="<i2").tobytes(), 16_000))
    world.llm.failing = [InternalError("The engine failed.")] * 10
    with simulated_doors(world=world) as url:
        done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question)])
    assert done.exit_code == 1
    assert "Not every recording was answered." in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--url", "http://127.0.0.1:9"], "cannot be reached"),
        (["--key-file", "key"], "secret"),
        (["--voice", "nobody"], "no voice"),
    ],
)
def test_what_is_wrong_is_said(url: str, tmp_path: Path, arguments: list[str], words: str) -> None:
    question = tmp_path / "q.wav"
    question.write_bytes(wav(bytes(32_000), 16_000))
    (tmp_path / "key").write_text("ek_nobody\n")
    given = [str(tmp_path / "key") if each == "key" else each for each in arguments]
    done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(question), *given])
    assert done.exit_code == 1
    assert words in done.output


@contextmanager
def secured(folder: Path) -> Iterator[tuple[str, Path]]:
    """A server with a certificate of its own making, which answers 404 to all; and that certificate."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "box")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    (folder / "box.crt").write_bytes(made)
    (folder / "box.pem").write_bytes(made + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "box.pem")

    def serve() -> None:
        for _ in range(2):
            plain, _ = listener.accept()
            with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as each:
                each.recv(10_000)
                each.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", folder / "box.crt"
        thread.join()


def test_a_boxs_own_authority_is_trusted_if_one_says_so(tmp_path: Path) -> None:
    question = tmp_path / "q.wav"
    question.write_bytes(wav(bytes(32_000), 16_000))
    with secured(tmp_path) as (url, certificate):
        command = ["talk", "--url", url, "--wav", str(question)]
        assert "CERTIFICATE_VERIFY_FAILED" in CliRunner().invoke(main, command).output
        trusting = CliRunner().invoke(main, [*command, "--ca-file", str(certificate)])
    assert "does not take live conversations. (server rejected WebSocket connection: HTTP 404)" in trusting.output


def test_a_file_that_is_no_audio(url: str, tmp_path: Path) -> None:
    file = tmp_path / "q.wav"
    file.write_text("hello")
    done = CliRunner().invoke(main, ["talk", "--url", url, "--wav", str(file)])
    assert done.exit_code == 1
    assert "not audio" in done.output


def test_a_waterfall_begins_each_bar_where_the_one_before_ended() -> None:
    lines = waterfall({"paused": 100.0, "understood": 300.0, "first_audio": 500.0, "over": 600.0, "sent": 600.0})
    assert [line.split("█")[0].rstrip() for line in lines] == [
        "  pause noticed", "  words understood", "  first audio", "  turn over", "  audio sent",
    ]  # fmt: skip
    assert lines[1].index("█") == 19 + round(100 / 600 * 40)
    assert lines[-1].endswith("600 ms")
    assert waterfall({}) == []
