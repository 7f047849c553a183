"""Noticing speech and the end of a turn: both models, driven as their worker drives them."""

from __future__ import annotations

import subprocess
import sys
import threading
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driving import drain, run
from faster_whisper.audio import decode_audio
from faster_whisper.feature_extractor import FeatureExtractor
from faster_whisper.vad import get_vad_model

import appliance
from appliance.engines.faults import ModelUnusable
from appliance.engines.specs import Turn
from appliance.engines.turn.engine import TurnEngine, load
from appliance.engines.turn.log_mel import LogMel
from appliance.engines.turn.silero import MOST_WINDOWS, STATE_BYTES, Silero, _weights
from appliance.engines.turn.smart_turn import SAMPLES, SmartTurn
from appliance.jobs import DETECT_SAMPLES, STT_RATE, Detect, Detected, Judge, Judged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.catalog.lineup import Lineup
    from appliance.engines.interleave import Emission, Engine

PROBE = Path(appliance.__file__).with_name("probe.flac")
WINDOW = 2 * DETECT_SAMPLES
PATIENCE_SECONDS = 30
"""Longest wait for what a test sets free itself; reached only where it fails."""


class Held:
    """Judges when it is told to. `begun` is set once somebody waits for it."""

    def __init__(self) -> None:
        self.begun, self.free = threading.Event(), threading.Event()
        self.judged = 0

    def judge(self, pcm: bytes) -> float:
        self.begun.set()
        self.free.wait(PATIENCE_SECONDS)
        self.judged += 1
        if not pcm:
            raise ArithmeticError
        return 0.75


@pytest.fixture(scope="module")
def spec(models: Lineup) -> Turn:
    assert models.turn is not None
    return Turn(name="turn", path=str(models.turn.main), threads=1)


@pytest.fixture(scope="module")
def engine(spec: Turn) -> Engine:
    return load(spec)


@pytest.fixture
def held() -> Iterator[Held]:
    judge = Held()
    yield judge
    judge.free.set()


@pytest.fixture(scope="module")
def speech() -> bytes:
    """The probe, as many whole windows as it has."""
    samples = decode_audio(str(PROBE), sampling_rate=STT_RATE)
    pcm = (samples[: samples.size // DETECT_SAMPLES * DETECT_SAMPLES] * 32_768.0).round().astype("<i2")
    return bytes(pcm.tobytes())


def beside(held: Held) -> TurnEngine:
    """An engine whose judgements are held."""
    return TurnEngine(Silero(), held)  # type: ignore[arg-type]


def submit(engine: Engine, job_id: int, job: Detect | Judge, payload: bytes) -> None:
    engine.submit(job_id, job, payload, request_id="", window=1)


def code(said: list[Emission]) -> str:
    """Why the only job failed."""
    (emission,) = said
    assert emission.error is not None
    return emission.error.code


def judged(engine: Engine, pcm: bytes) -> float:
    part, end = run(engine, Judge(), payload=pcm)
    assert isinstance(part.part, Judged)
    assert end.part is None
    return part.part.probability


def recording(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (STT_RATE, 1, 2)
        pcm: bytes = file.readframes(file.getnframes())
    return pcm


@pytest.mark.parametrize("together", [1, 3])
def test_a_stream_in_pieces_sounds_like_the_whole(engine: Engine, speech: bytes, together: int) -> None:
    state, found = b"", []
    for start in range(0, len(speech), together * WINDOW):
        heard, end = run(engine, Detect(state=len(state)), payload=state + speech[start : start + together * WINDOW])
        assert isinstance(heard.part, Detected)
        assert end.part is None
        found += heard.part.probabilities
        state = heard.payload
        assert len(state) == STATE_BYTES
    # A copy, since faster-whisper silences the end of the last window in place; so that one differs.
    samples = np.frombuffer(speech, "<i2").astype(np.float32) / 32_768.0
    whole = get_vad_model()(samples.copy()).ravel()
    assert len(found) == whole.size
    np.testing.assert_allclose(found[:-1], whole[:-1], atol=1e-4)
    assert max(found) > 0.9
    assert min(found) < 0.1


def test_a_new_worker_goes_on_where_the_old_one_was(speech: bytes) -> None:
    half = len(speech) // WINDOW // 2 * WINDOW
    first, rest = speech[:half], speech[half:]
    _, state = Silero().detect(b"", first)
    whole, _ = Silero().detect(b"", speech)
    told, _ = Silero().detect(state, rest)
    forgotten, _ = Silero().detect(b"", rest)
    np.testing.assert_allclose(told, whole[half // WINDOW :], atol=1e-4)
    assert np.abs(np.subtract(forgotten, told)).max() > 0.01


@pytest.mark.parametrize(
    ("state", "payload", "why", "param"),
    [
        (0, b"", "audio_empty", "audio"),
        (0, bytes(WINDOW - 1), "audio_empty", "audio"),
        (0, bytes(WINDOW - 2), "invalid_value", "audio"),
        (0, bytes(WINDOW * (MOST_WINDOWS + 1)), "audio_too_long", "audio"),
        (STATE_BYTES - 4, bytes(STATE_BYTES - 4 + WINDOW), "invalid_value", "state"),
        (STATE_BYTES, bytes(STATE_BYTES), "audio_empty", "audio"),
    ],
)
def test_wrong_sizes_are_said(engine: Engine, state: int, payload: bytes, why: str, param: str) -> None:
    said = run(engine, Detect(state=state), payload=payload)
    assert code(said) == why
    assert said[0].error is not None
    assert said[0].error.param == param


@pytest.mark.parametrize("payload", [b"", b"\0\0\0"])
def test_nothing_is_no_turn(engine: Engine, payload: bytes) -> None:
    assert code(run(engine, Judge(), payload=payload)) == "audio_empty"


def test_sounds_look_as_they_do_to_whisper(speech: bytes) -> None:
    samples = np.zeros(SAMPLES, dtype=np.float32)
    said = np.frombuffer(speech, "<i2") / 32_768.0
    samples[-said.size :] = said
    theirs = FeatureExtractor(chunk_length=8)(samples, padding=0)
    np.testing.assert_allclose(LogMel()(samples), theirs, atol=1e-3)


@pytest.mark.parametrize("sentence", ["spk1_snt3.wav", "spk1_snt4.wav", "spk1_snt5.wav"])
def test_whole_sentences_end_a_turn_and_halves_do_not(engine: Engine, recorded: Path, sentence: str) -> None:
    pcm = recording(recorded / sentence)
    assert judged(engine, pcm) > 0.5
    assert judged(engine, pcm[: len(pcm) // 4 * 2]) < 0.2


def test_only_the_last_seconds_are_judged(engine: Engine, recorded: Path) -> None:
    pcm = b"".join(recording(recorded / f"spk1_snt{number}.wav") for number in (1, 2, 3, 4))
    assert len(pcm) > 2 * SAMPLES
    assert judged(engine, pcm) == judged(engine, pcm[-2 * SAMPLES :])


def test_no_stream_waits_for_a_judgement(held: Held, speech: bytes) -> None:
    engine = beside(held)
    submit(engine, 1, Judge(), speech)
    assert held.begun.wait(PATIENCE_SECONDS)
    submit(engine, 2, Detect(), speech[:WINDOW])
    assert [(each.id, type(each.part)) for each in engine.step()] == [(2, Detected), (2, type(None))]
    assert engine.step() == []
    assert held.judged == 0
    assert engine.busy
    held.free.set()
    part, end = drain(engine)
    assert part.part == Judged(probability=0.75)
    assert (end.id, end.part, end.error) == (1, None, None)


def test_what_is_aborted_is_not_heard_of(held: Held, speech: bytes) -> None:
    engine = beside(held)
    for job_id in (1, 2):
        submit(engine, job_id, Judge(), speech)
    submit(engine, 3, Detect(), speech[:WINDOW])
    assert held.begun.wait(PATIENCE_SECONDS)
    for job_id in (1, 2, 3, 4):
        engine.abort(job_id)
    assert not engine.busy
    assert engine.step() == []
    held.free.set()
    submit(engine, 5, Judge(), speech)
    assert {each.id for each in drain(engine)} == {5}
    assert held.judged == 2  # the one that had begun, and the last one


def test_a_fault_is_one_jobs_own(held: Held, speech: bytes) -> None:
    held.free.set()
    engine = beside(held)
    submit(engine, 1, Judge(), b"")
    submit(engine, 2, Judge(), speech)
    said = {each.id: each for each in drain(engine)}
    assert code([said[1]]) == "internal_error"
    assert said[2].error is None


def test_without_a_judge_speech_is_still_noticed(speech: bytes) -> None:
    engine = load(Turn(name="silero"))
    assert code(run(engine, Judge(), payload=speech)) == "model_not_found"
    assert isinstance(run(engine, Detect(), payload=speech)[0].part, Detected)


@pytest.mark.parametrize("how", ["missing", "empty", "broken", "cut", "another"])
def test_unusable_models_are_refused(spec: Turn, tmp_path: Path, how: str) -> None:
    path = tmp_path / "model.onnx"
    data = Path(spec.path).read_bytes()
    given = {"empty": b"", "broken": b"\xff" * 64, "cut": data[: len(data) // 2], "another": _weights().read_bytes()}
    if how in given:
        path.write_bytes(given[how])
    with pytest.raises(ModelUnusable, match="mels" if how == "another" else "missing or broken"):
        SmartTurn(str(path), 1)


def test_the_worker_brings_nothing_of_whispers_along(spec: Turn) -> None:
    code = (
        "import sys\nfrom appliance.engines.specs import Turn\nfrom appliance.engines.turn.engine import load\n"
        "load(Turn(name='turn', path=sys.argv[1]))\n"
        "print(*{'faster_whisper', 'ctranslate2', 'av'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code, spec.path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
