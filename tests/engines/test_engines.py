"""Speaking in this process, driven as its worker drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from driving import drain, run

from appliance.engines import piper
from appliance.engines.specs import Piper, PiperVoice
from appliance.jobs import Audio, Speak

if TYPE_CHECKING:
    from appliance.catalog.lineup import Lineup
    from appliance.engines.interleave import Engine


@pytest.fixture(scope="module")
def speaker(models: Lineup) -> Engine:
    voice = models.voices[0]
    return piper.load(Piper(name="tts", voices=[PiperVoice("joe", str(voice.main))]))


def test_no_more_parts_than_granted(speaker: Engine) -> None:
    text = "This is the first sentence of all. Here comes another one that is long enough to be spoken alone."
    said = run(speaker, Speak(text=text), window=1)
    assert [type(each.part) for each in said] == [Audio]
    speaker.grant(1, 10_000)
    rest = drain(speaker)
    assert rest[-1].part is None
    assert len(rest) > 2


def test_unknown_voices_and_mute_texts_are_refused(speaker: Engine) -> None:
    for job, code in ((Speak(text="Hi", voice="bob"), "voice_not_found"), (Speak(text="***"), "text_empty")):
        error = run(speaker, job)[-1].error
        assert error is not None
        assert error.code == code
