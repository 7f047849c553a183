"""`/v1/admin/models`: what there is, and real pulls of tiny models from an index in a folder."""

from __future__ import annotations

import hashlib
import os
import zipfile
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from commands import commands_held
from conftest import until
from scripted import END, ScriptedStage, doors

from appliance.jobs import Token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DOOR = "/v1/admin/models"
DATA = {"ears": b"hears", "brain": b"thinks" * 50_000, "mouth": b"speaks", "far": b"far away"}
MODELS = {
    "ears": ("stt", "faster-whisper"),
    "brain": ("llm", "llama.cpp"),
    "mouth": ("tts", "piper"),
    "far": ("llm", "llama.cpp"),
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Manifests, and an index that has the wheels of all models but one."""
    manifests, index = tmp_path / "manifests", tmp_path / "index"
    manifests.mkdir()
    index.mkdir()
    for name, (role, engine) in MODELS.items():
        data = DATA[name]
        if name != "far":
            with zipfile.ZipFile(index / f"tiny_{name}-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr(f"tiny_{name}/model", data)
                info = f"tiny_{name}-1.0.dist-info"
                wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny_{name}\nVersion: 1.0\n")
                wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
                wheel.writestr(f"{info}/RECORD", "")
        voice = 'voice = "joe"\n' if role == "tts" else ""
        (manifests / f"{name}.toml").write_text(
            f'name = "{name}"\nrole = "{role}"\nengine = "{engine}"\ndescription = "tiny"\nlicence = "MIT"\n'
            f'languages = ["en"]\nmain = "model"\nneeds = {{ ram_mb = 1 }}\n{voice}[[files]]\npath = "model"\n'
            f'bytes = {len(data)}\nsha256 = "{hashlib.sha256(data).hexdigest()}"\nsource = "pypi:tiny_{name}==1.0"\n'
            f'member = "tiny_{name}/model"\n'
        )
    (manifests / "sets.toml").write_text(
        '[starter]\ndescription = "near"\nmodels = ["ears", "brain", "mouth"]\n'
        '[away]\ndescription = "far"\nmodels = ["ears", "far", "mouth"]\n'
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return tmp_path


@pytest.fixture
def url(root: Path) -> Iterator[str]:
    given = {"models": {"manifests": str(root / "manifests"), "dir": str(root / "models")}}
    with doors(stage=ScriptedStage([Token(text="Hello"), END]), overrides=given) as made:
        yield made


def listed(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(url + DOOR).raise_for_status().json()
    return found


def pulled(url: str, *names: str) -> dict[str, Any]:
    """How a pull ended."""
    begun = httpx.post(f"{url}{DOOR}/pulls", json={"names": names})
    assert (begun.status_code, begun.json()["state"], begun.json()["names"]) == (202, "running", [*names]), begun.text
    return until(lambda: current(url), lambda pull: pull["state"] != "running")


def current(url: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}{DOOR}/pulls/current").raise_for_status().json()
    return found


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


def test_what_there_is_and_what_is_pulled(url: str, root: Path) -> None:
    before = listed(url)
    assert {model["id"]: (model["state"], model["in_use"]) for model in before["data"]} == {
        "brain": ("missing", True), "ears": ("missing", True), "far": ("missing", False), "mouth": ("missing", True)
    }  # fmt: skip
    assert [(each["name"], each["complete"], each["in_use"]) for each in before["sets"]] == [
        ("starter", False, True), ("away", False, False)
    ]  # fmt: skip
    assert (before["pull"], before["switch"], before["set"]) == (None, None, "starter")
    assert httpx.get(f"{url}{DOOR}/pulls/current").json() is None
    pull = pulled(url, "starter")
    assert (pull["state"], pull["why"], pull["installed"]) == ("done", "", ["ears", "brain", "mouth"])
    after = listed(url)
    assert after["pull"] == pull
    assert [each["complete"] for each in after["sets"]] == [True, False]
    (brain,) = [model for model in after["data"] if model["id"] == "brain"]
    assert (brain["state"], brain["bytes"], brain["sets"]) == ("installed", len(DATA["brain"]), ["starter"])
    (root / "models" / "brain" / "model").write_bytes(b"short")
    assert [each["state"] for each in listed(url)["data"] if each["id"] == "brain"] == ["damaged"]
    assert pulled(url, "starter")["installed"] == ["brain"]
    notes = httpx.get(f"{url}/v1/admin/audit").json()["data"]
    assert [(note["action"], note["object"], note["times"]) for note in notes] == [("models pull begun", "starter", 2)]


def test_what_a_pull_fails_with_is_said(url: str) -> None:
    pull = pulled(url, "away")
    assert pull["state"] == "failed"
    assert "tiny_far==1.0" in pull["why"]
    assert "Check the network" in pull["why"]
    states = {model["id"]: model["state"] for model in listed(url)["data"]}
    assert (states["ears"], states["far"]) == ("installed", "missing")


def test_what_cannot_be_pulled_is_refused_at_once(url: str, root: Path) -> None:
    for names in (["nowhere"], [], ["../ears"]):
        answer = httpx.post(f"{url}{DOOR}/pulls", json={"names": names})
        assert refused(answer)[:2] == (400, "invalid_value")
        assert str(refused(answer)[2]).startswith("names")
    (root / "models").write_text("in the way")
    assert refused(httpx.post(f"{url}{DOOR}/pulls", json={"names": ["ears"]})) == (409, "not_here", None)


def test_a_box_that_cannot_start_itself_again_says_so(url: str) -> None:
    assert refused(httpx.put(f"{url}{DOOR}/set", json={"set": "away"})) == (409, "not_here", None)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    with commands_held(monkeypatch) as let_go:
        yield let_go


def test_one_at_a_time_until_it_is_cancelled(url: str, held: Callable[[], None]) -> None:
    body = {"names": ["starter"]}
    assert httpx.post(f"{url}{DOOR}/pulls", json=body).status_code == 202
    assert refused(httpx.post(f"{url}{DOOR}/pulls", json=body)) == (409, "under_way", None)
    assert refused(httpx.put(f"{url}{DOOR}/set", json={"set": "away"})) == (409, "under_way", None)
    cancelled = httpx.delete(f"{url}{DOOR}/pulls/current").json()
    assert (cancelled["state"], cancelled["names"]) == ("cancelled", ["starter"])
    assert refused(httpx.delete(f"{url}{DOOR}/pulls/current")) == (404, "not_found", None)
    held()
    assert pulled(url, "starter")["state"] == "done"


def test_a_cancelled_command_ends_with_all_that_it_has_started(url: str, root: Path) -> None:
    """pip finds a package whose making never ends."""
    os.mkfifo(root / "index" / "tiny_far-1.0-py3-none-any.whl")
    assert httpx.post(f"{url}{DOOR}/pulls", json={"names": ["away"]}).status_code == 202

    def fetching() -> bool:
        assert listed(url)["pull"]["state"] == "running"
        return any((root / "models" / ".downloads" / "far").glob("pip-*"))

    until(fetching)
    assert httpx.delete(f"{url}{DOOR}/pulls/current").json()["state"] == "cancelled"
    (root / "index" / "tiny_far-1.0-py3-none-any.whl").unlink()
    assert pulled(url, "ears")["state"] == "done"  # it does not wait for the lock of one that lives on
