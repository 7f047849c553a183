"""Pulling from the hub, played by a server on the loopback: pinning, resuming, and what the lock is for."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.conftest import World

pytestmark = pytest.mark.long


COMMIT, NEXT_COMMIT = "1" * 40, "2" * 40
LARGE = 24_000_000
"""More than two of the pieces (10 MB) in which the hub's library writes to disk."""


@dataclass
class StandIn:
    """Files by path, at the commit that `main` is now; large files carry their SHA-256, small ones do not."""

    files: dict[str, bytes]
    commit: str = COMMIT
    cut_after: int | None = None
    """Close the connection once, after that many bytes."""
    hold_after: int | None = None
    """Send that many bytes and then nothing, until `release`."""
    release: threading.Event = field(default_factory=threading.Event)
    forged_etag: str | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, revision and Range of every request, in order."""
    address: str = ""

    def ranges(self) -> list[str]:
        return [range_ for method, _, range_ in self.asked if method == "GET"]


@contextmanager
def serving(hub: StandIn) -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return None

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            range_ = self.headers.get("Range", "")
            found = re.fullmatch(r"/tiny/llm/resolve/([^/]+)/(.+)", self.path)
            hub.asked.append((self.command, found[1] if found else self.path, range_))
            if not found or found[2] not in hub.files or found[1] not in ("main", hub.commit):
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            data = hub.files[found[2]]
            start = int(range_.removeprefix("bytes=").rstrip("-")) if range_ else 0
            self.send_response(206 if range_ else 200)
            self.send_header("X-Repo-Commit", hub.commit)
            etag = hashlib.sha256(data).hexdigest() if len(data) > 1000 else "small"
            self.send_header("ETag", f'"{hub.forged_etag or etag}"')
            self.send_header("Content-Length", str(len(data) - start))
            if range_:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if body:
                self._send(data[start:])

        def _send(self, data: bytes) -> None:
            cut, hub.cut_after = hub.cut_after, None
            hold, hub.hold_after = hub.hold_after, None
            first = cut or hold
            try:
                self.wfile.write(data[:first])
                if cut:
                    self.close_connection = True
                    return
                if hold:
                    self.wfile.flush()
                    hub.release.wait()
                    self.wfile.write(data[hold:])
            except OSError:
                self.close_connection = True  # the client was killed: that is what some tests do

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            hub.release.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def hub(empty_world: World) -> Iterator[StandIn]:
    """A repository with a large and a small file, and a model made of them."""
    files = {"deep/llm.gguf": empty_world.content("llm", LARGE), "card": b"a card"}
    empty_world.manifest(
        "brain",
        "llm",
        "llm.gguf",
        empty_world.hub_file("llm.gguf", member="deep/llm.gguf"),
        empty_world.hub_file("card"),
    )
    with serving(StandIn(files)) as hub:
        empty_world.environment |= {"HF_ENDPOINT": hub.address, "HF_HUB_DOWNLOAD_TIMEOUT": "60"}
        yield hub


def test_the_first_pull_records_commit_sizes_and_digests(empty_world: World, hub: StandIn) -> None:
    status, output = empty_world.finish("pull", "brain")
    assert status == 0, output
    assert (empty_world.models / "brain/llm.gguf").read_bytes() == hub.files["deep/llm.gguf"]
    lock = json.loads((empty_world.models / "models.lock").read_text())
    assert lock == {
        "brain": {
            "revisions": {"hf:tiny/llm": COMMIT},
            "files": {
                path: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for path, data in (("llm.gguf", hub.files["deep/llm.gguf"]), ("card", hub.files["card"]))
            },
        }
    }
    assert {revision for method, revision, _ in hub.asked if method == "GET"} == {COMMIT}
    assert f"tiny/llm/deep/llm.gguf: 100 % of {LARGE / 1e6:.1f} MB" in output
    assert empty_world.run("verify", "brain").exit_code == 0


def test_a_later_pull_asks_for_the_locked_commit(empty_world: World, hub: StandIn) -> None:
    empty_world.finish("pull", "brain")
    (empty_world.models / "brain/card").unlink()
    hub.asked.clear()
    assert empty_world.finish("pull", "brain")[0] == 0
    assert {revision for _, revision, _ in hub.asked} == {COMMIT}


def test_another_file_at_the_locked_commit_is_refused(empty_world: World, hub: StandIn) -> None:
    empty_world.finish("pull", "brain")
    (empty_world.models / "brain/card").unlink()
    hub.files["deep/llm.gguf"] = empty_world.content("forged", LARGE)
    status, output = empty_world.finish("pull", "brain")
    assert status == 1
    assert "brain/llm.gguf: at the locked commit" in output
    assert not hub.ranges()[2:], "it is refused before it is fetched"


def test_a_forged_small_file_is_refused_by_its_digest(empty_world: World, hub: StandIn) -> None:
    empty_world.finish("pull", "brain")
    (empty_world.models / "brain/card").unlink()
    hub.files["card"] = b"A card"
    status, output = empty_world.finish("pull", "brain")
    assert status == 1
    assert "brain/card: what was fetched is not what it should be" in output
    assert empty_world.shelf.state(empty_world.catalog.models["brain"]) == "damaged"


def test_a_commit_that_is_gone_is_said(empty_world: World, hub: StandIn) -> None:
    empty_world.finish("pull", "brain")
    (empty_world.models / "brain/card").unlink()
    hub.commit = NEXT_COMMIT
    status, output = empty_world.finish("pull", "brain")
    assert status == 1
    assert f"tiny/llm at {COMMIT}: the hub has no deep/llm.gguf there" in output


def test_bytes_that_are_not_what_the_hub_promises_are_refused(empty_world: World, hub: StandIn) -> None:
    hub.forged_etag = "a" * 64
    status, output = empty_world.finish("pull", "brain")
    assert status == 1
    assert "what was fetched is not what it should be" in output
    assert not (empty_world.models / "brain").exists()
    assert not (empty_world.models / "models.lock").exists()


def test_a_cut_connection_is_taken_up_where_it_broke(empty_world: World, hub: StandIn) -> None:
    hub.cut_after = LARGE - 1_000_000
    status, output = empty_world.finish("pull", "brain")
    assert status == 0, output
    assert [range_ for range_ in hub.ranges() if range_], "the second request asked for the rest only"
    assert empty_world.run("verify", "brain").exit_code == 0


def test_a_killed_download_is_taken_up_by_the_next_process(empty_world: World, hub: StandIn) -> None:
    hub.hold_after = LARGE - 1_000_000
    with empty_world.start("pull", "brain") as process:
        while process.poll() is None and not _partial(empty_world):
            pass
        assert process.poll() is None
        process.kill()
        process.communicate()
    kept = _partial(empty_world)
    assert empty_world.shelf.state(empty_world.catalog.models["brain"]) == "missing"
    hub.asked.clear()
    status, output = empty_world.finish("pull", "brain")
    assert status == 0, output
    assert hub.ranges()[0] == f"bytes={kept}-"
    assert empty_world.run("verify", "brain").exit_code == 0
    assert not empty_world.shelf.downloads("brain").exists()


def _partial(world: World) -> int:
    return sum(path.stat().st_size for path in world.shelf.downloads("brain").rglob("*.partial"))


def test_a_second_pull_waits_for_the_first(empty_world: World, hub: StandIn) -> None:
    hub.hold_after = 1_000_000
    with empty_world.start("pull", "brain") as first:
        assert first.stdout is not None
        assert "0 %" in first.stdout.readline()
        with empty_world.start("pull", "brain") as second:
            assert second.stdout is not None
            assert "Another process is changing" in second.stdout.readline()
            hub.release.set()
            assert "1 installed now" in first.communicate()[0]
            assert "0 installed now, 1 before" in second.communicate()[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(hub.ranges()) == 2, "each file was fetched once"


def test_a_hub_that_cannot_be_reached_says_what_to_do(empty_world: World, hub: StandIn) -> None:
    empty_world.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
    status, output = empty_world.finish("pull", "brain")
    assert status == 1
    assert "tiny/llm at main: the model hub cannot be reached" in output
    assert "appliance models import DIR" in output


@pytest.mark.parametrize("commit", ["none", "../../elsewhere"])
def test_what_is_no_hub_is_said(empty_world: World, hub: StandIn, commit: str) -> None:
    hub.commit = commit
    status, output = empty_world.finish("pull", "brain")
    assert status == 1
    assert "what answers is not a model hub" in output


def test_the_lock_comes_along_with_an_import(
    empty_world: World, hub: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty_world.finish("pull", "brain")
    carried = tmp_path_factory.mktemp("carried") / "models"
    empty_world.models.rename(carried)
    result = empty_world.run("import", str(carried))
    assert result.exit_code == 0, result.output
    assert "brain" in json.loads((empty_world.models / "models.lock").read_text())
    assert empty_world.run("verify", "brain").exit_code == 0


def test_an_import_without_the_lock_is_refused(
    empty_world: World, hub: StandIn, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty_world.finish("pull", "brain")
    carried = tmp_path_factory.mktemp("carried") / "models"
    empty_world.models.rename(carried)
    (carried / "models.lock").unlink()
    result = empty_world.run("import", str(carried))
    assert result.exit_code == 1
    assert "must come along with the models" in result.output
    assert not (empty_world.models / "brain").exists()
