"""A box goes over to another set of models while it runs: real models, real sockets, a real kill."""

from __future__ import annotations

import shutil
import signal
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import httpx
import psutil
import pytest
from click.testing import CliRunner
from conftest import STATE, serving, until, wait_ready
from manager import manager
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from appliance import settings
from appliance.catalog import lineup
from appliance.catalog.faults import ModelsMissing
from appliance.cli.main import main
from appliance.cli.rounds import Rounds
from appliance.errors import Conflict, RequestError
from appliance.settings import Models, Settings, SettingsError, chosen
from appliance.store.faults import StoreError
from appliance.switching import Switch, Switching

pytestmark = pytest.mark.long

MANIFESTS = Path(__file__).parents[2] / "models"
JOE, BRAIN = "en_US-joe-medium", "smollm2-135m-instruct"
EARS = ("whisper-base", "smart-turn-v3.2")
PATIENCE_SECONDS = 120
SETS = {
    "one": (*EARS, BRAIN, JOE),
    "two": (*EARS, BRAIN, "jane", JOE),
    "ill": (*EARS, "hollow", JOE),
    "absent": (*EARS, "qwen3-4b", JOE),
}


class World:
    """A state folder whose models are the installed ones, one of them under a second name, and one that is no model."""

    def __init__(self, root: Path) -> None:
        self.state, self.manifests, self.log = root / "state", root / "manifests", root / "log"
        shutil.copytree(MANIFESTS, self.manifests, ignore=shutil.ignore_patterns("*.md"))
        voice = (self.manifests / f"{JOE}.toml").read_text()
        voice = voice.replace(f'name = "{JOE}"', 'name = "jane"').replace('voice = "joe"', 'voice = "jane"')
        (self.manifests / "jane.toml").write_text(voice)
        brain = (self.manifests / f"{BRAIN}.toml").read_text()
        (self.manifests / "hollow.toml").write_text(brain.replace(f'name = "{BRAIN}"', 'name = "hollow"'))
        sets = [f'[{name}]\ndescription = "{name}"\nmodels = {list(models)}\n' for name, models in SETS.items()]
        (self.manifests / "sets.toml").write_text("".join(sets))
        models = self.state / "models"
        models.mkdir(parents=True)
        for name in (*EARS, BRAIN, JOE):
            (models / name).symlink_to((STATE / "models" / name).resolve())
        (models / "jane").symlink_to((STATE / "models" / JOE).resolve())
        (models / "hollow").mkdir()
        for file in (models / BRAIN).iterdir():
            with (models / "hollow" / file.name).open("wb") as hollow:
                hollow.truncate(file.stat().st_size)
        config = root / "appliance.toml"
        config.write_text(f'[models]\nset = "one"\nmanifests = "{self.manifests}"\n')
        self.config = config

    @property
    def environ(self) -> dict[str, str]:
        return {"APPLIANCE_MODELS__MANIFESTS": str(self.manifests), "APPLIANCE_LLM__CONTEXT": "1024"}

    def load(self) -> Settings:
        return settings.load(self.config, environ={}, state_dir=self.state)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    (made.state / chosen.FILE).write_bytes(chosen.written("one"))
    return made


def get(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/v1/admin/models", timeout=PATIENCE_SECONDS).raise_for_status().json()
    return found


def put(url: str, name: str | None) -> httpx.Response:
    return httpx.put(f"{url}/v1/admin/models/set", json={"set": name}, timeout=PATIENCE_SECONDS)


def switched(url: str, name: str | None) -> dict[str, Any]:
    """What came of a switch. Who asks waits in the socket meanwhile."""
    answer = put(url, name)
    assert (answer.status_code, answer.json()["state"]) == (202, "switching"), answer.text
    return until(lambda: get(url), lambda found: found["switch"]["state"] != "switching")


def voices(url: str) -> list[str]:
    models = httpx.get(f"{url}/v1/models", timeout=PATIENCE_SECONDS).raise_for_status().json()["data"]
    return next(list(model["voices"]) for model in models if model["id"] == "tts-1")


def test_who_asks_meanwhile_is_answered(world: World, tmp_path: Path) -> None:
    over, answered = threading.Event(), threading.Semaphore(0)

    def ask(url: str) -> list[list[str]]:
        heard: list[list[str]] = []
        while not over.is_set():
            heard.append(voices(url))
            answered.release()
        return heard

    def talk(url: str) -> int:
        """The code with which a live conversation ends."""
        with connect(f"ws{url.removeprefix('http')}/v1/realtime?model=default") as live:
            live.recv(PATIENCE_SECONDS)
            answered.release()
            with pytest.raises(ConnectionClosed) as closed:
                deque(live, 0)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code

    with manager(tmp_path) as told, ThreadPoolExecutor(3) as clients:
        given = {**world.environ, "NOTIFY_SOCKET": told.address, "WATCHDOG_USEC": "90000000"}
        with serving(world.log, world.state, **given) as (process, url):
            told.until("READY=1")
            asking, talking = [clients.submit(ask, url) for _ in range(2)], clients.submit(talk, url)
            try:
                for _ in range(3):
                    assert answered.acquire(timeout=PATIENCE_SECONDS)
                workers = psutil.Process(process.pid).children()
                found = switched(url, "two")
                assert talking.result(PATIENCE_SECONDS) == 1012
                until(lambda: voices(url), lambda found: found == ["jane", "joe"])
            finally:
                over.set()
            heard = [each for client in asking for each in client.result(PATIENCE_SECONDS)]
            assert {tuple(each) for each in heard} <= {("joe",), ("jane", "joe")}
            assert found["switch"] == {
                "state": "done", "from": "one", "to": "two", "why": "", "object": "models.switch"
            }  # fmt: skip
            assert (found["set"], found["settings_set"]) == ("two", "starter")
            assert [each["name"] for each in found["sets"] if each["in_use"]] == ["two"]
            assert {each["id"] for each in found["data"] if each["in_use"]} == {*EARS, BRAIN, "jane", JOE}
            assert chosen.read(world.state) == "two"
            assert not psutil.wait_procs(workers, timeout=0)[1]
            lines = told.until("READY=1")
            assert "STOPPING=1" not in lines
            assert "WATCHDOG=1" in lines
            page = httpx.get(f"{url}/metrics").text
            assert page.count("appliance_stage_model_info{") == 4
    assert world.load().models.set == "two"


def test_a_set_that_does_not_get_ready_is_left_again(world: World) -> None:
    with serving(world.log, world.state, **world.environ) as (_, url):
        found = switched(url, "ill")
        assert found["switch"]["state"] == "failed"
        assert "llm" in found["switch"]["why"]
        assert found["set"] == "one"
        assert chosen.read(world.state) == "one"
        wait_ready(url)
        assert voices(url) == ["joe"]
        for name, said in (("absent", "qwen3-4b (missing)"), ("nowhere", "there is no set 'nowhere'")):
            answer = put(url, name)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "set")
            assert said in answer.json()["error"]["message"]
        same = put(url, "one")
        assert (same.status_code, same.json()["state"]) == (202, "done")


def test_a_kill_in_the_middle_leaves_the_set_before(world: World) -> None:
    def hollow_ended() -> bool:
        return any('"worker ended"' in line and '"llm"' in line for line in world.log.read_text().splitlines())

    with serving(world.log, world.state, **world.environ) as (process, url):
        assert put(url, "ill").status_code == 202
        until(hollow_ended)
        process.kill()
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    with serving(world.log, world.state, **world.environ) as (_, url):
        assert get(url)["set"] == "one"
        assert get(url)["switch"] is None


def test_a_choice_that_has_gone_does_not_keep_the_box_from_starting(world: World) -> None:
    (world.state / chosen.FILE).write_bytes(chosen.written("absent"))
    sets = (world.manifests / "sets.toml").read_text()
    (world.manifests / "sets.toml").write_text(sets.replace("[one]", "[starter]"))
    with serving(world.log, world.state, **world.environ) as (_, url):
        found = get(url)
        assert (found["set"], found["switch"]["state"], found["switch"]["from"]) == ("starter", "failed", "starter")
        assert "qwen3-4b (missing)" in found["switch"]["why"]


def test_the_choice_goes_before_the_file_and_after_the_environment(world: World) -> None:
    (world.state / chosen.FILE).write_bytes(chosen.written("two"))
    assert world.load().models.set == "two"
    assert settings.load(world.config, environ={}, state_dir=world.state, choice=False).models.set == "one"
    assert settings.load(world.config, environ={}).models.set == "one"
    given = settings.load(world.config, environ={chosen.OVERRULED_BY: "ill"}, state_dir=world.state)
    assert given.models.set == "ill"
    arguments = ["models", "list", "--config", str(world.config), "--state-dir", str(world.state)]
    assert "Set in use: two." in CliRunner().invoke(main, arguments).output
    for text in ("[models]\nset = 3", "[stt]\n", "[models"):
        (world.state / chosen.FILE).write_text(text)
        with pytest.raises(SettingsError, match=r"chosen\.toml: .*Remove it"):
            world.load()


async def tried(switching: Switching, choice: str | None) -> Switch:
    """A choice of a server that would end now."""
    ended: list[bool] = []
    switching.serve(lambda: ended.append(True))
    switch = await switching.choose(choice)
    assert ended == ([True] if switch.state == "switching" else [])
    return switch


async def test_going_back_to_what_the_settings_say(tmp_path: Path) -> None:
    given = Settings(state_dir=tmp_path, models=Models(set="two"))
    switching = Switching(given, "one", check=lambda _: None)
    assert switching.next() == given
    assert (await tried(switching, "two")).state == "done"
    assert chosen.read(tmp_path) == "two"
    assert (await tried(switching, None)).to == "one"
    with pytest.raises(Conflict, match="going over"):
        await switching.choose("two")
    again = switching.next()
    assert again is not None
    assert again.models.set == "one"
    assert chosen.read(tmp_path) == "two"
    await switching.prove(dict, 1.0)
    assert switching.last == Switch(state="done", before="two", to="one")
    assert chosen.read(tmp_path) is None
    assert switching.next() is None


async def test_where_no_choice_is_possible(tmp_path: Path) -> None:
    given = Settings(state_dir=tmp_path)
    with pytest.raises(Conflict, match="does not start itself again"):
        await Switching(given).choose("two")
    overruled = Switching(given, overruled=True)
    overruled.serve(lambda: None)
    with pytest.raises(Conflict, match=chosen.OVERRULED_BY):
        await overruled.choose("two")

    def refuse(_: Settings) -> None:
        raise SettingsError("models.set: no")

    switching = Switching(given, check=refuse)
    switching.serve(lambda: None)
    with pytest.raises(RequestError, match=r"models\.set: no"):
        await switching.choose("two")
    assert switching.last is None
    assert not switching.failed("nothing to go back to")


async def test_a_choice_that_cannot_be_kept_is_left_again(tmp_path: Path) -> None:
    switching = Switching(Settings(state_dir=tmp_path), check=lambda _: None)
    assert switching.next() is not None
    await tried(switching, "two")
    assert switching.next() is not None
    (tmp_path / chosen.FILE / "in the way").mkdir(parents=True)
    await switching.prove(dict, 1.0)
    assert switching.last == Switch(
        state="failed", before="starter", to="two", why="The disk is failing: nothing can be remembered."
    )
    again = switching.next()
    assert again is not None
    assert again.models.set == "starter"


@pytest.mark.parametrize("wrong", [StoreError("the database is newer"), OSError("no room")])
async def test_what_is_no_sets_fault_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: Exception
) -> None:
    def broken(_: Settings) -> None:
        raise wrong

    switching = Switching(Settings(state_dir=tmp_path), check=lambda _: None)
    assert switching.next() is not None
    await tried(switching, "two")
    monkeypatch.setattr(lineup, "lineup", broken)
    with pytest.raises(click.ClickException, match=str(wrong)):
        Rounds(switching, None).prepare()
    assert switching.last == Switch(state="switching", before="starter", to="two")


async def test_a_set_whose_models_have_gone_leads_to_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def gone(given: Settings) -> None:
        asked.append(given.models.set)
        raise ModelsMissing("gone")

    switching = Switching(Settings(state_dir=tmp_path), check=lambda _: None)
    assert switching.next() is not None
    await tried(switching, "two")
    monkeypatch.setattr(lineup, "lineup", gone)
    with pytest.raises(click.ClickException, match="gone"):
        Rounds(switching, None).prepare()
    assert asked == ["two", "starter"]
