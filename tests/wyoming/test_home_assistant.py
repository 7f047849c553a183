"""Home Assistant itself, with its own Wyoming integration, at a real box: a whole Assist run, and what goes wrong."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import SPEECH
from foreign import alike, environment, recording, said_in, say, speaking_wyoming, words_in, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foreign import Box

pytestmark = pytest.mark.long

DRIVER = Path(__file__).parent / "home_assistant" / "assist.py"
SECONDS = 240
SENTENCE = ["the", "child", "almost", "hurt", "the", "small", "dog"]
SAID = "The weather is fine in the garden today."
ENTITIES = {name: f"{name}.kitchen" for name in ("stt", "tts", "conversation", "wake_word")}

Seen = dict[str, Any]


def assist(what: str, box: Box, folder: Path, *options: str, library: Path | None = None) -> Seen:
    """What happens to a Home Assistant at that box; with another edition of the protocol's library, if it is given."""
    folder.mkdir()
    command = [str(environment(".homeassistant", "Home Assistant")), str(DRIVER), what, f"--port={box.port}"]
    environ = {"PYTHONPATH": str(library or ""), "HOME": str(folder)}
    done = subprocess.run(
        [*command, *options, str(folder)], env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: Seen = json.loads(done.stdout)
    return seen


def ended(seen: Seen, kind: str) -> Seen:
    """What an event of the pipeline's run says."""
    (data,) = [event["data"] for event in seen["run"] if event["type"] == kind]
    found: Seen = data
    return found


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    environment(".homeassistant", "Home Assistant")
    if not SPEECH.is_dir():
        pytest.skip("no recorded speech beside this checkout")
    with speaking_wyoming(tmp_path_factory.mktemp("box") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def seen(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """All that Assist asks of a box."""
    folder = tmp_path_factory.mktemp("assist")
    wake = folder / "wake.wav"
    wake.write_bytes(recording(say(box.url, "Hey Jarvis.")))
    return assist("all", box, folder / "home", f"--speech={SPEECH / 'spk1_snt1.wav'}", f"--wake={wake}")


def test_the_box_is_set_up_as_it_is_found_and_as_somebody_types(seen: Seen) -> None:
    for way in ("found", "typed"):
        assert seen["set_up"][way] == {"type": "create_entry", "title": "Kitchen", "entities": ENTITIES}
    assert seen["set_up"]["removed"] == {"entities": {}}
    assert seen["set_up"]["state"] == "loaded"
    assert seen["set_up"]["again"] == {"type": "abort", "reason": "already_configured"}


def test_it_listens(seen: Seen) -> None:
    assert seen["hear"]["result"] == "success"
    assert words_of(seen["hear"]["text"]) == SENTENCE


def test_it_speaks(box: Box, seen: Seen) -> None:
    assert seen["say"]["loudest"] > 1_000
    assert alike(words_in(box.url, Path(seen["say"]["file"]).read_bytes()), words_of(SAID))


def test_it_answers(seen: Seen) -> None:
    first, second = seen["ask"]
    for answer in (first, second):
        assert answer["type"] == "action_done"
        assert answer["speech"].strip()
    assert first["conversation"] == second["conversation"]


def test_it_runs_a_whole_pipeline(box: Box, seen: Seen) -> None:
    kinds = [event["type"] for event in seen["run"]]
    stages = [kind for stage in ("stt", "intent", "tts") for kind in (f"{stage}-start", f"{stage}-end")]
    assert [kind for kind in kinds if kind in stages] == stages
    assert (kinds[0], kinds[-1]) == ("run-start", "run-end")
    assert "error" not in kinds
    assert words_of(ended(seen, "stt-end")["stt_output"]["text"]) == SENTENCE
    answer = ended(seen, "intent-end")["intent_output"]["response"]
    assert answer["response_type"] == "action_done"
    assert answer["speech"]["plain"]["speech"].strip()
    assert ended(seen, "tts-start")["tts_input"] == answer["speech"]["plain"]["speech"]
    sound = seen["fetched"]
    assert (sound["status"], sound["type"]) == (200, "audio/x-wav")
    assert sound["loudest"] > 1_000
    assert words_in(box.url, Path(sound["file"]).read_bytes())


def test_it_waits_for_its_name(seen: Seen) -> None:
    assert seen["wake"]["heard"] == "hey_jarvis"
    assert seen["wake"]["phrase"] == "Hey Jarvis"
    assert "hey_jarvis" in seen["wake"]["known"]


def test_a_voice_that_is_not_there_is_an_error_and_nothing_else_suffers(seen: Seen) -> None:
    assert "No TTS" in seen["nobody"]["error"]
    assert words_of(seen["after"]["text"]) == SENTENCE


def test_one_conversation_is_remembered_as_one(box: Box, tmp_path: Path) -> None:
    """The library that Home Assistant has here leaves out which conversation it is; the box's own does not."""
    library = tmp_path / "library"
    library.mkdir()
    ours = distribution("wyoming")
    for part in {file.parts[0] for file in ours.files or () if ".." not in file.parts}:
        (library / part).symlink_to(Path(str(ours.locate_file(part))))
    first, second = assist("talk", box, tmp_path / "home", library=library)["ask"]
    assert first["type"] == second["type"] == "action_done"
    said = said_in(first["conversation"], box.url)
    assert [who for who, _ in said] == ["user", "assistant"] * 2
    assert [said[1][1], said[3][1]] == [first["speech"], second["speech"]]


def test_a_box_that_dies_while_it_listens_is_an_error(tmp_path: Path, recorded: Path) -> None:
    environment(".homeassistant", "Home Assistant")
    with speaking_wyoming(tmp_path / "log") as box:
        speech, process = f"--speech={recorded / 'spk1_snt1.wav'}", f"--process={box.process.pid}"
        seen = assist("death", box, tmp_path / "home", speech, process)
        box.process.wait(30)
    assert ended(seen, "error")["code"] == "stt-stream-failed"
    assert seen["run"][-1]["type"] == "run-end"
    assert seen["hear"] == {"result": "error", "text": None}
    assert "No TTS" in seen["say"]["error"]
    assert seen["ask"]["type"] == "error"
