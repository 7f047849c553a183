"""What the listening engine decides without its model: what is nothing, who shares a pass, where speech is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from appliance.engines.interleave import Interleaved
from appliance.engines.whisper import engine, files, guards, sentences, short, stretches
from appliance.engines.whisper.short import Found, Wanted
from appliance.engines.whisper.utterances import Utterances
from appliance.errors import RequestError
from appliance.jobs import STT_RATE, Segment, Transcribe, Understand, Understood

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.engines.interleave import Emission, Progress
    from appliance.jobs import AnyJob, Priority


@pytest.mark.parametrize(
    ("text", "does"),
    [
        (" Why is the sky blue? Why is the sky blue?", True),
        ("one two, one two, one two", True),
        ("Sunday is the best part. Sunday is the best part. Sunday is the", True),
        ("Yes. Yes.", True),
        ("Please help help help", True),
        ("Why is the sky blue?", False),
        ("Ask not what your country can do for you, ask what you can do for your country.", False),
        ("no", False),
        ("", False),
    ],
)
def test_a_phrase_over_and_over_is_seen(text: str, does: bool) -> None:
    assert guards.repeats(text) == does


@pytest.mark.parametrize(
    ("text", "no_speech", "logprob", "level", "nothing"),
    [
        ("", 0.0, 0.0, 0.1, True),
        (" . . ", 0.0, 0.0, 0.1, True),
        ("[BLANK_AUDIO] (coughs) *sighs* ♪ la la ♪", 0.0, 0.0, 0.1, True),
        ("Thank you.", 0.9, -0.3, 0.1, True),
        ("Thanks for watching!", 0.5, -0.3, 0.1, True),
        ("Thank you.", 0.01, -0.2, 0.0001, True),
        ("Thank you.", 0.01, -0.2, 0.1, False),
        ("You You", 0.62, -0.9, 0.1, True),
        ("I'm going to get some water.", 0.74, -1.7, 0.1, True),
        ("I don't know.", 0.43, -1.7, 0.1, True),
        ("Ask not!", 0.18, -1.2, 0.1, False),
        ("and throw myself on earth", 0.39, -1.19, 0.1, False),
        ("Stop!", 0.1, -0.8, 0.1, False),
        ("No.", 0.03, -0.7, 0.1, False),
    ],
)
def test_what_stands_for_silence(text: str, no_speech: float, logprob: float, level: float, nothing: bool) -> None:
    assert guards.said_nothing(text, no_speech, logprob, level=level) == nothing


@pytest.mark.parametrize(
    ("text", "no_speech", "again"),
    [(" .", 0.08, True), ("", 0.0, True), (" .", 0.5, False), (" Stop.", 0.08, False)],
)
def test_a_voice_without_a_word_is_listened_to_again(text: str, no_speech: float, again: bool) -> None:
    assert guards.missed(text, no_speech) == again


def test_hints_that_come_back_from_noise_are_nothing() -> None:
    hints = ["Ferdinand, Kunigunde"]
    assert guards.said_nothing("Kunigunde", 0.5, -0.5, hints=hints)
    assert not guards.said_nothing("Kunigunde", 0.5, -0.5)
    assert not guards.said_nothing("Kunigunde", 0.05, -0.5, hints=hints)


def test_more_than_anyone_can_say_is_no_speech() -> None:
    assert guards.endless("o" * 100, 1.0, 1.0)
    assert guards.endless("la la la", 4.0, 2.5)
    assert not guards.endless("Good morning.", 0.3, 1.0)


def test_stretches_are_cut_at_pauses() -> None:
    speech = [(0, 40), (50, 90), (100, 330)]
    assert list(stretches.stretches(speech, 100, 1000)) == [(0, 90), (100, 200), (200, 300), (300, 330)]
    assert list(stretches.stretches([(0, 40), (50, 60), (95, 99)], 100, 20)) == [(0, 60), (95, 99)]


def test_stretches_share_a_pass_that_is_not_too_long_and_not_half_empty() -> None:
    assert files.shared([10, 10, 10, 10], 30) == 3
    assert files.shared([10, 9], 80) == 2
    assert files.shared([9, 10], 19) == 1
    assert files.shared([10, 2, 2], 80) == 1
    assert files.shared([50], 30) == 1


def test_a_stretch_that_whisper_did_not_finish_is_seen() -> None:
    heard = Segment(id=0, start=1.0, end=5.0, text="words")
    assert files.breaks_off([heard], 8.0)
    assert files.breaks_off([], 8.0)
    assert not files.breaks_off([heard], 6.0)


def test_a_block_that_ends_in_a_part_leaves_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = [(10, 40), (90, 130), (150, 190)]

    def search(samples: np.ndarray[Any, Any], _options: object) -> list[dict[str, int]]:
        begin, end = int(samples[0]), int(samples[-1]) + 1
        return [
            {"start": max(first, begin) - begin, "end": min(last, end) - begin}
            for first, last in speech
            if first < end and last > begin
        ]

    monkeypatch.setattr(stretches, "get_speech_timestamps", search)
    monkeypatch.setattr(stretches, "BLOCK_SAMPLES", 100)
    monkeypatch.setattr(stretches, "STT_RATE", 10)
    *progress, found = stretches.spoken(np.arange(200, dtype=np.float32))
    assert found == speech
    assert progress == [None] * len(progress)
    assert len(progress) > 1


def test_sentences_have_the_times_that_the_tokens_say() -> None:
    first_time = 1000
    tokens = [1000, 5, 6, 1100, 1150, 7, 1200]
    assert list(sentences.sentences(tokens, first_time, 10.0)) == [
        sentences.Sentence(0.0, 2.0, [5, 6]),
        sentences.Sentence(3.0, 4.0, [7]),
    ]
    assert list(sentences.sentences([5, 6], first_time, 3.0)) == [sentences.Sentence(0.0, 3.0, [5, 6])]
    assert list(sentences.sentences([1100, 5, 1500], first_time, 3.0)) == [sentences.Sentence(2.0, 3.0, [5])]
    (_, second) = sentences.sentences([1100, 5, 1150, 1050, 6, 1060], first_time, 9.0)
    assert (second.start, second.end) == (3.0, 3.0)


def test_features_are_continued_with_silence() -> None:
    made = short.padded(np.array([[0.5, -1.0], [0.2, 0.1]], dtype=np.float32), 3)
    assert made.tolist() == [[0.5, -1.0, -1.0], [pytest.approx(0.2), pytest.approx(0.1), -1.0]]
    assert short.padded(np.ones((2, 5), dtype=np.float32), 3).shape == (2, 3)


class Passes:
    """Stands in for the model: keeps who shared which pass; what it finds is each utterance's prompt."""

    def __init__(self, *, sure: bool = True) -> None:
        self.made: list[list[str | None]] = []
        self.full: list[bool] = []
        self.sure = sure
        self.fails = False

    def check(self, language: str | None) -> None:
        pass

    def hint_tokens(self, wanted: Wanted) -> int:
        return len(wanted.hotwords or "")

    def frames(self, seconds: float) -> int:
        return int(seconds * 100)

    def hear(self, wanted: Sequence[Wanted], *, full: bool = False) -> list[Found]:
        if self.fails:
            raise RuntimeError("out of memory")
        self.made.append([each.prompt for each in wanted])
        self.full.append(full)
        said = {"mumbled": "Stop." if full else "."}
        return [
            Found(said.get(each.prompt or "", each.prompt or ""), [], "en", 1.0, -0.1, 1.0, 0.0, self.sure or full)
            for each in wanted
        ]


def pcm(seconds: float) -> bytes:
    return np.full(int(seconds * STT_RATE), 1000, "<i2").tobytes()


def waiting(passes: Passes, *given: tuple[str, float, Priority], together: int = 2) -> Utterances:
    """Utterances that all wait, numbered from 1: name, seconds, priority."""
    made = Utterances(cast("short.ShortPass", passes), together)
    for number, (name, seconds, priority) in enumerate(given, 1):
        made.add(number, Understand(prompt=name, priority=priority), pcm(seconds), "")
    return made


def finish(utterances: Utterances) -> list[Emission]:
    said = []
    while utterances:
        said += utterances.step()
    return said


def test_live_ones_go_first_and_no_other_joins_them() -> None:
    passes = Passes()
    given: list[tuple[str, float, Priority]] = [
        ("look", 1, "background"), ("perhaps", 1, "typed"), ("a", 1, "live"), ("b", 1, "live"), ("c", 1, "live"),
    ]  # fmt: skip
    said = finish(waiting(passes, *given))
    assert passes.made == [["a", "b"], ["c"], ["perhaps"], ["look"]]
    assert [each.id for each in said if each.part is None] == [3, 4, 5, 2, 1]
    parts = {each.id: each.part for each in said if isinstance(each.part, Understood)}
    assert {number: part.text for number, part in parts.items()} == {
        number: name for number, (name, *_) in enumerate(given, 1)
    }


def of_users(passes: Passes, *given: tuple[str, Priority], together: int = 2) -> Utterances:
    """As `waiting`; the first letter of a name is its user's."""
    made = waiting(passes, together=together)
    for number, (name, priority) in enumerate(given, 1):
        made.add(number, Understand(prompt=name, priority=priority), pcm(1), "", name[0])
    return made


def test_nobodys_only_utterance_waits_for_many_of_another_user_nor_takes_longer_for_them() -> None:
    passes = Passes()
    loud: list[tuple[str, Priority]] = [("a1", "live"), ("a2", "live"), ("a3", "live"), ("a4", "live")]
    utterances = of_users(passes, *loud)
    utterances.step()
    utterances.add(9, Understand(prompt="b1", priority="typed"), pcm(1), "", "b")
    finish(utterances)
    assert passes.made == [["a1", "a2"], ["b1"], ["a3", "a4"]]


def test_users_take_turns_and_share_passes_as_equals() -> None:
    passes = Passes()
    finish(of_users(passes, ("a1", "live"), ("a2", "live"), ("b1", "live"), ("c1", "live"), ("a3", "typed")))
    assert passes.made == [["a1", "b1"], ["c1"], ["a2"], ["a3"]]
    passes = Passes()
    finish(of_users(passes, *((f"{user}{at}", "live") for at in range(3) for user in "ab"), together=8))
    assert [len(made) for made in passes.made] == [6]  # where many fit into a pass, they are not kept apart
    passes = Passes()
    utterances = of_users(passes, ("a1", "live"), ("a2", "live"), ("a3", "live"))
    for number in range(10, 14):  # one after another: there is always one that waits
        utterances.add(number, Understand(prompt=f"b{number}"), pcm(1), "", "b")
        utterances.step()
    assert {"a1", "a2"} < {name for made in passes.made for name in made}


def test_a_guess_is_heard_however_many_turns_of_others_are_over() -> None:
    passes = Passes()
    utterances = of_users(passes, ("a1", "live"), ("b1", "live"), ("c1", "typed"))
    for number in range(10, 14):
        utterances.step()
        utterances.add(2 * number, Understand(prompt=f"a{number}"), pcm(1), "", "a")
        utterances.add(2 * number + 1, Understand(prompt=f"b{number}"), pcm(1), "", "b")
    assert ["c1"] in passes.made


def test_a_promoted_one_is_live_and_an_aborted_one_is_gone() -> None:
    passes = Passes()
    utterances = waiting(passes, ("a", 1, "live"), ("look", 1, "background"), ("b", 1, "live"), together=4)
    utterances.promote(2)
    assert utterances.abort(3)
    assert not utterances.abort(3)
    finish(utterances)
    assert passes.made == [["a", "look"]]


def test_only_alike_lengths_share_a_pass() -> None:
    passes = Passes()
    finish(waiting(passes, ("a", 10, "live"), ("b", 20, "live"), ("c", 11, "live"), ("d", 8.9, "live"), together=4))
    assert passes.made == [["a", "c", "d"], ["b"]]


def test_only_prompts_of_one_length_share_a_pass() -> None:
    passes = Passes()
    utterances = waiting(passes, ("a", 1, "live"), together=4)
    utterances.add(2, Understand(prompt="b", hotwords="names"), pcm(1), "")
    finish(utterances)
    assert passes.made == [["a"], ["b"]]


def test_a_voice_without_a_word_is_heard_again_with_the_full_context() -> None:
    passes = Passes()
    first, _ = finish(waiting(passes, ("mumbled", 1, "live")))
    assert isinstance(first.part, Understood)
    assert (first.part.text, passes.full) == ("Stop.", [False, True])


def test_a_doubtful_one_is_heard_again_after_those_who_wait() -> None:
    passes = Passes(sure=False)
    said = finish(waiting(passes, ("a", 1, "live"), ("b", 1, "live"), ("c", 1, "live")))
    assert passes.made == [["a", "b"], ["c"], ["a", "b"], ["c"]]
    assert passes.full == [False, False, True, True]
    assert len(said) == 6


def test_a_pass_that_fails_ends_its_own_jobs_only() -> None:
    passes = Passes()
    utterances = waiting(passes, ("a", 1, "live"), ("b", 1, "typed"))
    passes.fails = True
    (failed,) = utterances.step()
    assert failed.error is not None
    assert failed.error.code == "internal_error"
    passes.fails = False
    assert [each.id for each in finish(utterances)] == [2, 2]


@pytest.mark.parametrize(
    ("payload", "code"), [(b"", "audio_empty"), (pcm(1)[:-1], "audio_empty"), (pcm(28.1), "audio_too_long")]
)
def test_wrong_utterances_are_refused(payload: bytes, code: str) -> None:
    with pytest.raises(RequestError) as refusal:
        Utterances(cast("short.ShortPass", Passes()), 2).add(1, Understand(), payload, "")
    assert (refusal.value.code, refusal.value.param) == (code, "audio")


def test_utterances_do_not_starve_recordings() -> None:
    order: list[str] = []

    class Counted(Passes):
        def hear(self, wanted: Sequence[Wanted], *, full: bool = False) -> list[Found]:
            order.append("utterance")
            return super().hear(wanted, full=full)

    def begin(_job: AnyJob, _payload: bytes) -> Iterator[Progress]:
        for _ in range(3):
            order.append("file")
            yield None

    utterances = Utterances(cast("short.ShortPass", Counted()), 1)
    both = engine.WhisperEngine(utterances, Interleaved(begin, 1))
    both.submit(1, Transcribe(), b"", request_id="", window=9)
    for number in range(2, 14):
        both.submit(number, Understand(), pcm(1), request_id="", window=9)
    both.submit(99, Understand(), b"", request_id="", window=9)
    said = both.step()
    assert [each.id for each in said if each.error] == [99]
    while both.busy:
        said += both.step()
    assert order[:8] == ["utterance"] * 3 + ["file"] + ["utterance"] * 3 + ["file"]
    assert order.count("file") == 3
    assert {each.id for each in said if each.part is None and not each.error} == set(range(1, 14))
