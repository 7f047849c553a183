"""A fingerprint says what figures depend on, and nothing of whose machine it is."""

from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from made_up import about

from appliance import settings as settings_module
from benchmarks.fingerprint import changed, differences, doubts, fingerprint

if TYPE_CHECKING:
    from appliance.catalog.lineup import Lineup
    from appliance.settings import Settings


def test_it_says_what_figures_depend_on_and_nothing_of_whose_machine_it_is(settings: Settings, models: Lineup) -> None:
    found = fingerprint(settings, models, {"source": "recorded"})
    assert json.loads(json.dumps(found)) == found
    assert found["processor"]["cores"] >= 1
    assert found["models"]["llm"]["name"] == models.llm.name
    for model in found["models"].values():
        assert len(model["sha256"]) == 16
    assert isinstance(found["builds"]["llama_cpp_for_gpu"], bool)
    assert found["libraries"]["llama-cpp-python"]
    assert found["settings"]["llm.context"] == 1024
    assert len(found["commit"]) == 10 or not (Path(__file__).parents[2] / ".git").exists()
    text = json.dumps(found)
    for private in (str(settings.state_dir.absolute()), str(Path.home()) + "/", settings.store.dir, str(Path.cwd())):
        assert private not in text, private
    if len(platform.node()) > 4:
        assert platform.node() not in text
    assert {"host", "hostname", "user", getpass.getuser()}.isdisjoint(found)


def test_settings_that_are_somebodys_own_words_are_not_quoted() -> None:
    given = settings_module.load(
        environ={},
        overrides={
            "voice": {"instructions": "You work for Anna Example.", "temperature": 0.1},
            "stt": {"hotwords": "Anna"}, "http": {"host": "10.1.2.3"}, "models": {"dir": "/home/anna/models"},
            "llm": {"context": 2048},
        },
    )  # fmt: skip
    found = changed(given)
    assert found["voice.instructions"] == "(set)"
    assert found["voice.temperature"] == 0.1
    assert found["llm.context"] == 2048
    assert not [name for name in found if name.startswith(("http", "models.dir", "store"))]
    assert changed(settings_module.load(environ={})) == {}
    assert msgspec.json.encode(found)


def test_differences_are_named_by_their_place_and_passing_ones_are_not() -> None:
    other = about(
        when="later", commit="x", dirty=True, load={}, memory_gb=16.0, libraries={"numpy": "3.0", "soxr": "1"}
    )
    assert differences(about(), other) == [
        "libraries.numpy: 2.0, 3.0",
        "libraries.soxr: not there, 1",
        "memory_gb: 8.0, 16.0",
    ]
    assert differences(about(), about()) == []


def test_doubts() -> None:
    assert list(doubts(about())) == []
    governed = {"model": "A", "cores": 2, "governor": "powersave"}
    assert len(list(doubts(about(dirty=True, processor=governed)))) == 2
    assert list(doubts({})) == []
