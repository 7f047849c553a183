"""`/v1/admin/backups`: real backups of a box that works, in real files."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pyrage
import pytest
from click.testing import CliRunner
from commands import commands_held
from conftest import until
from scripted import END, ScriptedStage, doors, served
from test_admin_doctor import WAITS, called, gone, hang_up

from appliance.callers.names import Names
from appliance.cli.main import main
from appliance.jobs import Token
from appliance.settings import load
from appliance.store.backup import kept
from appliance.store.database import Database
from appliance.switching import Switching
from appliance.voice.stages import Stages
from appliance.web.admin import backups, child
from appliance.web.box import make_box
from appliance.web.doors import open_doors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.settings import Settings

pytestmark = pytest.mark.long

PATIENCE_SECONDS = 120
DOOR = "/v1/admin/backups"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with doors(stage=ScriptedStage([Token(text="Hello"), END]), overrides={"store": {"dir": str(tmp_path)}}) as made:
        yield made


def listed(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(url + DOOR).raise_for_status().json()
    return found


def over(url: str) -> dict[str, Any]:
    """How the one under way ended."""
    return until(lambda: making(url), lambda seen: seen["state"] != "running")


def making(url: str) -> dict[str, Any]:
    found: dict[str, Any] = listed(url)["making"]
    return found


def made(url: str, **body: Any) -> str:
    """The name of a new one."""
    begun = httpx.post(url + DOOR, json=body)
    assert (begun.status_code, begun.json()["state"]) == (202, "running"), begun.text
    ended = over(url)
    assert (ended["state"], ended["why"]) == ("done", "")
    return str(ended["name"])


@dataclass(frozen=True)
class Choosing:
    """A box at `address` that looks at a choice of models until it is let `go`."""

    address: str
    looks: threading.Event
    go: threading.Event


@contextmanager
def choosing(folder: Path) -> Iterator[Choosing]:
    looks, go = threading.Event(), threading.Event()

    def check(_: Settings) -> None:
        looks.set()
        go.wait(PATIENCE_SECONDS)

    given: dict[str, dict[str, Any]] = {"http": {"open": True}, "store": {"dir": str(folder)}}
    settings = load(environ={}, overrides=given, state_dir=folder, choice=False)
    switching, stage = Switching(settings, check=check), ScriptedStage()
    switching.serve(lambda: None)
    made = make_box(
        settings, Stages(stage, stage, stage, stage), Names(stt="ears", llm="brain", voices={"joe": "mouth"}),
        Database(settings.database), dict, switching=switching,
    )  # fmt: skip
    with served(open_doors(made)) as address:
        yield Choosing(address, looks, go)


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


def audited(url: str) -> list[tuple[str, str]]:
    page = httpx.get(f"{url}/v1/admin/audit").json()["data"]
    return [(entry["action"], entry["object"]) for entry in page]


def test_made_verified_taken_along_and_deleted(url: str, folder: Path, tmp_path: Path) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "model": "brain", "conversation": "kept", "store": True}
    assert httpx.post(f"{url}/v1/chat/completions", json=body).status_code == 200
    assert listed(url)["data"] == []
    name = made(url)
    found = listed(url)
    assert (found["folder"], found["writable"]) == (str(folder), True)
    (entry,) = found["data"]
    assert (entry["name"], entry["bytes"], entry["encrypted"]) == (name, (folder / name).stat().st_size, False)
    assert entry["verified"]["sound"] is True
    verified = httpx.post(f"{url}{DOOR}/{name}/verify", timeout=PATIENCE_SECONDS)
    assert (verified.status_code, verified.json()["sound"], verified.json()["why"]) == (200, True, "")

    with httpx.stream("GET", f"{url}{DOOR}/{name}") as answer:
        assert answer.headers["content-length"] == str(entry["bytes"])
        assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / name).write_bytes(answer.read())
    target = tmp_path / "other"
    done = CliRunner().invoke(main, ["backup", "restore", str(tmp_path / "taken" / name), "--state-dir", str(target)])
    assert done.exit_code == 0, done.output
    assert "1 conversations" in done.output

    assert httpx.delete(f"{url}{DOOR}/{name}").json() == {"name": name, "deleted": True, "object": "backup"}
    assert listed(url)["data"] == []
    assert list(folder.iterdir()) == []
    for method, path in (("GET", ""), ("POST", "/verify"), ("DELETE", "")):
        assert refused(httpx.request(method, f"{url}{DOOR}/{name}{path}")) == (404, "not_found", "name")
    assert [("backup deleted", name), ("backup downloaded", name), ("backup begun", "")] == [
        note for note in audited(url) if note[0].startswith("backup")
    ]


def test_one_that_is_damaged_is_said_to_be(url: str, folder: Path) -> None:
    name = made(url)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    verified = httpx.post(f"{url}{DOOR}/{name}/verify", timeout=PATIENCE_SECONDS).json()
    assert verified["sound"] is False
    assert "is damaged" in verified["why"]
    assert listed(url)["data"][0]["verified"] == verified


def test_one_for_somebody_alone(url: str) -> None:
    name = made(url, recipients=[str(pyrage.x25519.Identity.generate().to_public())])
    (entry,) = listed(url)["data"]
    assert (entry["name"], entry["encrypted"]) == (name, True)
    verified = httpx.post(f"{url}{DOOR}/{name}/verify", timeout=PATIENCE_SECONDS).json()
    assert verified["sound"] is None
    assert "is encrypted" in verified["why"]
    assert refused(httpx.post(url + DOOR, json={"recipients": ["age1wrong"]})) == (400, "invalid_value", "recipients")


@pytest.mark.parametrize(
    "name", ["appliance.db", "..%2Fappliance.db", "%2Fetc%2Fpasswd", ".appliance-20261126T060000Z.tar.gz.new"]
)
def test_nothing_else_is_given_or_taken(url: str, folder: Path, name: str) -> None:
    made(url)
    (folder / "appliance.db").write_bytes(b"mine")
    for method, path in (("GET", ""), ("POST", "/verify"), ("DELETE", "")):
        assert httpx.request(method, f"{url}{DOOR}/{name}{path}").status_code in (404, 405)
    assert (folder / "appliance.db").exists()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    with commands_held(monkeypatch) as let_go:
        yield let_go


def test_one_at_a_time(url: str, held: Callable[[], None]) -> None:
    assert httpx.post(url + DOOR, json={}).status_code == 202
    assert refused(httpx.post(url + DOOR, json={})) == (409, "under_way", None)
    assert refused(httpx.put(f"{url}/v1/admin/models/set", json={"set": None})) == (409, "under_way", None)
    held()
    assert over(url)["state"] == "done"


def test_what_it_fails_with_is_said(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_text("in the way")
    assert refused(httpx.post(url + DOOR, json={})) == (409, "not_here", None)
    monkeypatch.setattr(backups, "check_writable", lambda *_: None)
    assert httpx.post(url + DOOR, json={}).status_code == 202
    ended = over(url)
    assert (ended["state"], ended["name"]) == ("failed", None)
    assert str(folder) in ended["why"]


def test_one_that_is_under_way_is_cancelled(url: str, folder: Path, held: Callable[[], None]) -> None:
    assert refused(httpx.delete(f"{url}{DOOR}/making")) == (404, "not_found", None)
    assert httpx.post(url + DOOR, json={}).status_code == 202
    cancelled = httpx.delete(f"{url}{DOOR}/making").json()
    assert (cancelled["state"], cancelled["name"], cancelled["object"]) == ("cancelled", None, "backup.making")
    assert making(url) == cancelled
    held()
    name = made(url)
    assert [path.name for path in folder.iterdir()] == [name]
    assert ("backup cancelled", "") in audited(url)


def test_the_newest_few_stay(tmp_path: Path, folder: Path) -> None:
    given = {"store": {"dir": str(tmp_path), "backups_keep": 2}}
    with doors(stage=ScriptedStage([Token(text="Hello"), END]), overrides=given) as url:
        names = [made(url) for _ in range(3)]
        assert [each["name"] for each in listed(url)["data"]] == [names[2], names[1]]
    assert sorted(path.name for path in folder.iterdir()) == names[1:]


def test_none_begins_while_another_set_of_models_is_looked_at(tmp_path: Path) -> None:
    with choosing(tmp_path) as box, ThreadPoolExecutor(1) as pool:
        choice = pool.submit(httpx.put, f"{box.address}/v1/admin/models/set", json={"set": "starter"}, timeout=60)
        try:
            assert box.looks.wait(PATIENCE_SECONDS)
            for door, body in ((DOOR, {}), ("/v1/admin/models/pulls", {"names": ["starter"]})):
                assert refused(httpx.post(box.address + door, json=body)) == (409, "under_way", None)
        finally:
            box.go.set()
        assert choice.result(PATIENCE_SECONDS).json()["state"] == "done"
        assert made(box.address)


def test_a_reading_ends_with_its_caller(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, waits = made(url), (sys.executable, "-c", WAITS, str(tmp_path))
    monkeypatch.setattr(child, "run", partial(child.run, command=waits))
    with ThreadPoolExecutor(1) as pool, httpx.Client() as client:
        reading = pool.submit(client.post, f"{url}{DOOR}/{name}/verify", timeout=httpx.Timeout(60, read=None))
        readers = called(tmp_path)
        assert refused(httpx.post(f"{url}{DOOR}/{name}/verify")) == (409, "under_way", None)
        hang_up(client)
        assert gone(readers)
        with pytest.raises(httpx.TransportError):
            reading.result(PATIENCE_SECONDS)


def test_a_reading_that_could_not_happen_is_no_verdict(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = made(url)
    before = listed(url)["data"][0]["verified"]
    fails = (sys.executable, "-c", "raise SystemExit('Error: there is too little room')")
    monkeypatch.setattr(child, "run", partial(child.run, command=fails))
    answer = httpx.post(f"{url}{DOOR}/{name}/verify")
    assert refused(answer)[:2] == (503, "storage_failed")
    assert answer.json()["error"]["message"] == f"{name} could not be read: there is too little room"
    assert listed(url)["data"][0]["verified"] == before


def test_a_reading_that_takes_too_long_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = made(url)
    monkeypatch.setattr(backups, "VERIFY_SECONDS", 0.0)
    assert refused(httpx.post(f"{url}{DOOR}/{name}/verify"))[:2] == (503, "deadline_exceeded")


def test_a_box_that_ends_meanwhile_leaves_nothing_behind(tmp_path: Path, folder: Path) -> None:
    stage = ScriptedStage([Token(text="Hello"), END])
    with doors(stage=stage, overrides={"store": {"dir": str(tmp_path)}}) as url:
        assert httpx.post(url + DOOR, json={}).status_code == 202
        until(lambda: making(url), lambda seen: seen["doing"] or seen["state"] != "running")
    assert all(kept.NAMED.fullmatch(path.name) for path in folder.iterdir())
    assert list((tmp_path / ".backup").iterdir()) == []
