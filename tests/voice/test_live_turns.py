"""Turns of a live conversation, without models and in virtual time."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from room import Room, visit
from simulated import Call, Simulated

from appliance import metrics
from appliance.errors import DeadlineExceeded, EngineDown, InternalError, RequestError
from appliance.jobs import Generate, Prepare, Speak, Understand
from appliance.turns.detection import SemanticVad, ServerVad
from appliance.voice.live import events as e
from appliance.voice.live.conversation import Item

STORY = " ".join(f"Chapter {number} is about a king who lost his crown in the deep blue sea." for number in range(16))


def count(name: str, **labels: str) -> float:
    registry: CollectorRegistry = metrics.REGISTRY
    return registry.get_sample_value(name, labels) or 0.0


def test_a_turn_from_the_first_sound_to_the_reply() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["Hello to you too."]
        await room.pause(0.3)
        await room.say("good morning everybody")
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert [kind for kind in room.kinds if kind not in ("TranscriptDelta", "TurnTimed", "Captioned")] == [
        "SpeechStarted", "SpeechStopped", "BufferCommitted", "ItemAdded", "ItemDone", "TranscriptDone",
        "ResponseCreated", "OutputAdded", "ItemAdded", "PartAdded", "PieceDone", "PieceDone", "PartDone", "ItemDone",
        "OutputDone", "ResponseDone",
    ]  # fmt: skip
    (done,) = room.all(e.ResponseDone)
    assert done.response.outcome == "completed"
    assert done.response.output[0].words == "Hello to you too."
    assert room.told() == [("system", "Be brief."), ("user", "good morning everybody")]
    started, item = room.all(e.SpeechStarted)[0], room.all(e.BufferCommitted)[0]
    assert started.item_id == item.item_id
    assert started.at_ms == 0  # the padding of 300 ms reaches to the beginning


def test_the_reply_is_ready_when_the_turn_is_over() -> None:
    async def scene(room: Room) -> None:
        await room.pause(0.3)
        room.end = await room.say("what time is it")  # type: ignore[attr-defined]
        await room.until(e.ResponseDone)

    used = count("appliance_turn_guesses_total", outcome="used")
    room = visit(scene)
    created = room.time_of(room.all(e.ResponseCreated)[0])
    assert room.sounds[0].at == created  # nobody has to wait for it any more
    assert created - room.end < 0.6  # type: ignore[attr-defined]
    assert count("appliance_turn_guesses_total", outcome="used") == used + 1
    assert count("appliance_turn_seconds_count", door="realtime", until="sent") > 0
    assert count("appliance_turn_seconds_count", door="realtime", until="reply") == 0  # only short ones have it by then
    assert len(room.world.llm.asked(Generate)) == 1
    assert room.world.llm.asked(Generate)[0].priority == "typed"
    assert len(room.world.llm.asked(Prepare)) == 1


def test_who_goes_on_speaking_discards_the_guess() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["Too early.", "Now it is right."]
        await room.say("first half")
        await room.pause(0.4)
        await room.say("second half")
        await room.until(e.ResponseDone)

    wasted = count("appliance_turn_guesses_total", outcome="wasted")
    room = visit(scene)
    assert len(room.all(e.ResponseCreated)) == 1
    assert room.all(e.ResponseDone)[0].response.output[0].words == "Now it is right."
    assert room.told()[-1] == ("user", "first half second half")
    assert count("appliance_turn_guesses_total", outcome="wasted") == wasted + 1
    assert count("appliance_turn_guesses_wasted_seconds_total") > 0


def test_semantic_pauses_are_as_long_as_they_sound() -> None:
    async def scene(room: Room) -> None:
        room.world.ends = [0.02, 0.02]
        await room.say("well let me think")
        await room.pause(1.0)
        await room.say("about it")
        await room.until(e.ResponseDone)

    room = visit(scene, SemanticVad())
    assert [done.text for done in room.all(e.TranscriptDone)] == ["well let me think about it"]
    assert len(room.all(e.ResponseDone)) == 1


def test_words_that_end_like_a_sentence_end_a_turn_that_sounds_unfinished() -> None:
    async def scene(room: Room) -> None:
        room.world.ends = [0.02]
        room.end = await room.say("I have said all that I wanted to say.", 1.2)  # type: ignore[attr-defined]
        await room.until(e.ResponseDone)

    room = visit(scene, SemanticVad())
    waited = room.time_of(room.all(e.SpeechStopped)[0]) - room.end  # type: ignore[attr-defined]
    assert 1.4 < waited < 1.7


def test_two_turns_make_a_conversation() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["One.", "Two."]
        await room.say("first")
        await room.until(e.ResponseDone)
        await room.pause(0.5)
        await room.say("second")
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert room.told()[1:] == [("user", "first"), ("assistant", "One."), ("user", "second")]
    assert [item.words for item in room.session.conversation] == ["first", "One.", "second", "Two."]


def test_partial_transcripts_grow_and_end_as_the_whole() -> None:
    async def scene(room: Room) -> None:
        await room.say("one two three four five six seven eight", 3.0)
        await room.until(e.TranscriptDone)

    room = visit(scene)
    deltas = room.all(e.TranscriptDelta)
    assert len(deltas) > 2
    assert room.time_of(deltas[0]) < room.time_of(room.all(e.SpeechStopped)[0])
    assert "".join(delta.delta for delta in deltas) == room.all(e.TranscriptDone)[0].text
    assert {job.priority for job in room.world.stt.asked(Understand)} == {"background", "typed"}


def test_nobody_looks_any_more_at_what_is_over() -> None:
    looks: list[int] = []

    async def scene(room: Room) -> None:
        room.world.look_seconds = 60
        await room.say("one two three four five", 2.0)
        looks.append(room.world.looks)
        await room.until(e.ResponseDone)
        looks.append(room.world.looks)

    room = visit(scene)
    assert looks == [1, 0]
    assert room.all(e.TranscriptDone)[0].text == "one two three four five"


def test_a_noise_is_no_turn() -> None:
    async def scene(room: Room) -> None:
        await room.say("", 0.5)
        await room.pause(1.5)

    room = visit(scene)
    assert room.all(e.TranscriptDone)[0].text == ""
    assert not room.all(e.ResponseCreated)
    assert not room.world.llm.asked(Generate)


def test_silence_after_a_reply_is_answered_if_the_client_wants_it() -> None:
    async def scene(room: Room) -> None:
        await room.say("hello")
        await room.until(e.ResponseDone)
        await room.until(e.ResponseDone, 2)

    room = visit(scene, ServerVad(idle_timeout_ms=5000))
    (timeout,) = room.all(e.IdleTimeout)
    assert timeout.end_ms - timeout.start_ms == 5000
    first, second = (room.time_of(done) for done in room.all(e.ResponseDone))
    assert second - first > 5
    assert room.told()[-1][0] == "system"


def test_without_detection_the_client_says_when() -> None:
    async def scene(room: Room) -> None:
        await room.say("over to you")
        assert room.kinds == []
        room.session.commit()
        room.respond()
        await room.until(e.ResponseDone)
        room.session.clear()
        with pytest.raises(RequestError, match="0 ms of audio"):
            room.session.commit()

    room = visit(scene, None)
    assert room.told()[-1] == ("user", "over to you")
    assert room.world.turn.jobs == []
    assert room.kinds[:2] == ["BufferCommitted", "ItemAdded"]


def test_create_response_off_leaves_the_answer_to_the_client() -> None:
    async def scene(room: Room) -> None:
        await room.say("hello")
        await room.until(e.TranscriptDone)
        await room.pause(0.5)
        assert not room.all(e.ResponseCreated)
        room.respond()
        await room.until(e.ResponseDone)

    visit(scene, ServerVad(create_response=False))


def test_what_cannot_be_understood_is_said_and_tried_again() -> None:
    async def scene(room: Room) -> None:
        late = DeadlineExceeded("The stt stage gave no answer within 30 s.")
        room.world.stt.failing = [late] * 3  # the guess, another try at the end of the turn, and the response's own
        await room.say("please do not lose this", 0.9)
        await room.until(e.ResponseDone)
        room.respond()
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert room.all(e.TranscriptFailed)[0].error.code == "deadline_exceeded"
    first, second = (done.response for done in room.all(e.ResponseDone))
    assert (first.outcome, second.outcome) == ("failed", "completed")
    assert room.told()[-1] == ("user", "please do not lose this")


@pytest.mark.parametrize("role", ["stt", "llm", "tts"])
@pytest.mark.parametrize("when", ["before", "during"])
def test_a_worker_that_is_replaced_is_waited_for(role: str, when: str) -> None:
    async def scene(room: Room) -> None:
        stage: Simulated = getattr(room.world, role)
        down = EngineDown(f"The {role} stage is being replaced.")
        if when == "before":
            stage.failing = [down] * 8
        else:
            stage.dying = [(0, down)] * (2 if role == "llm" else 1)  # there the preparation dies first
        await room.say("do not give up")
        await room.until(e.ResponseDone)

    room = visit(scene)
    (done,) = room.all(e.ResponseDone)
    assert done.response.outcome == "completed"
    assert room.told()[-1] == ("user", "do not give up")
    assert not room.all(e.TranscriptFailed)
    assert room.sounds


@pytest.mark.parametrize("role", ["llm", "tts"])
def test_half_a_reply_is_not_begun_again(role: str) -> None:
    async def scene(room: Room) -> None:
        room.world.replies = [STORY, "And again."]
        await room.pause(1.0)
        if role == "llm":
            room.world.llm.dying = [(9, EngineDown("gone")), (150, EngineDown("gone"))]  # the preparation has one part
        await room.say("tell me a story")
        await room.until(e.PartAdded)
        if role == "tts":
            room.world.tts.dying = [(2, EngineDown("gone"))]
        await room.until(e.ResponseDone)
        await room.say("again")
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    first, second = (done.response for done in room.all(e.ResponseDone))
    assert (first.outcome, second.outcome) == ("failed", "completed")
    assert first.error is not None
    assert first.error.code == "engine_down"
    (item,) = first.output
    assert item.status == "incomplete"
    assert item.source.startswith(item.words)
    assert 8 <= len(item.words.split()) < len(STORY.split()) / 2
    assert [words for _, words in room.told()] == ["Be brief.", "tell me a story", item.words, "again"]


@pytest.mark.parametrize("role", ["llm", "tts"])
def test_a_draft_that_failed_before_the_turn_was_over_is_made_again(role: str) -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["One two three four five six.", "One two three four five six."]
        await room.pause(1.0)
        if role == "llm":
            room.world.llm.dying = [(9, EngineDown("gone")), (3, EngineDown("gone"))]
        else:
            room.world.tts.dying = [(1, EngineDown("gone"))]
        await room.say("count to six")
        await room.until(e.ResponseDone)

    room = visit(scene)
    (done,) = room.all(e.ResponseDone)
    assert done.response.outcome == "completed"
    assert done.response.output[0].words == "One two three four five six."
    assert len(room.world.llm.asked(Generate)) == 2


def test_a_detector_that_is_replaced_misses_nothing() -> None:
    async def scene(room: Room) -> None:
        await room.pause(0.2)
        room.world.turn.failing = [EngineDown("The turn stage is being replaced.")] * 2
        await room.say("still here")
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert [fault.error.code for fault in room.all(e.Fault)] == ["engine_down"]  # told once
    assert room.told()[-1] == ("user", "still here")


def test_a_model_that_fails_leaves_nobody_waiting() -> None:
    async def scene(room: Room) -> None:
        room.world.llm.failing = [EngineDown("gone")] * 100
        await room.say("hello")
        await room.until(e.ResponseDone)
        room.world.llm.failing.clear()
        await room.say("again")
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    first, second = (done.response for done in room.all(e.ResponseDone))
    assert (first.outcome, second.outcome) == ("failed", "completed")
    assert first.error is not None
    assert first.error.code == "engine_down"


def test_a_conversation_that_outgrows_the_context_loses_its_oldest() -> None:
    async def scene(room: Room) -> None:
        await room.say("the oldest thing that was ever said here")
        await room.until(e.ResponseDone)
        await room.say("the newest")
        room.world.llm.failing = [RequestError("too long", code="context_length_exceeded")]
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert room.all(e.ResponseDone)[1].response.outcome == "completed"
    assert room.told(-2)[1][1].startswith("the oldest")
    assert ("user", "the newest") in room.told()
    assert all("oldest" not in text for _, text in room.told())


def test_a_session_may_only_transcribe() -> None:
    async def scene(room: Room) -> None:
        await room.say("take this down")
        await room.until(e.TranscriptDone)
        await room.pause(0.5)
        with pytest.raises(RequestError, match="only transcribes"):
            room.respond()

    room = visit(scene, replies=False)
    assert room.world.llm.jobs == []
    assert not room.world.tts.asked(Speak)


def test_a_turn_whose_speaker_only_coughs_on_is_answered_all_the_same() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["For nobody.", "For you."]
        room.world.clause_seconds = 2.0
        await room.say("is anybody there")
        await room.until(e.ResponseCreated)
        await room.say("", 0.3)
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert [done.response.outcome for done in room.all(e.ResponseDone)] == ["cancelled", "completed"]
    assert room.told() == [("system", "Be brief."), ("user", "is anybody there")]


def test_a_buffer_that_overflows_says_so() -> None:
    async def scene(room: Room) -> None:
        room.session.microphone.most = 16_000
        await room.say("too long", 0.9)
        with pytest.raises(RequestError, match="holds 1 s"):
            await room.say("for this", 0.5)

    visit(scene, None)


def test_a_monologue_is_taken_in_pieces() -> None:
    async def scene(room: Room) -> None:
        room.session.microphone.most = 5 * 16_000
        await room.say("on and on and on", 7.0)
        await room.until(e.TranscriptDone, 2)

    room = visit(scene, ServerVad(create_response=False))
    first, second = room.all(e.SpeechStopped)
    assert first.at_ms <= 5200
    assert second.at_ms > 7000


def test_a_held_reply_goes_on_where_nobody_can_listen() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["One two three four five six seven eight nine ten."]
        await room.say("count to ten")
        await room.until(e.PartAdded)
        await room.pause(0.5)
        await room.sound(2000, 0.2)
        assert room.session.replies.active is not None
        assert room.session.replies.active.playout.held
        room.world.turn.failing = [EngineDown("gone")] * 3
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert room.all(e.ResponseDone)[0].response.outcome == "completed"


def test_a_detector_that_fails_on_something_listens_on() -> None:
    async def scene(room: Room) -> None:
        await room.pause(0.2)
        room.world.turn.failing = [InternalError("The engine failed on this request.")]
        await room.pause(1.0)
        await room.say("can you hear me")
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert room.told()[-1] == ("user", "can you hear me")


def test_speech_winds_the_idle_timer_up_again() -> None:
    async def scene(room: Room) -> None:
        await room.say("hello")
        await room.until(e.ResponseDone)
        await room.pause(4.5)
        await room.say("a question")
        await room.until(e.ResponseDone, 2)
        await room.pause(4)
        assert not room.all(e.IdleTimeout)

    visit(scene, ServerVad(idle_timeout_ms=5000))


def test_a_turn_that_is_owed_is_answered_when_the_buffer_is_cleared() -> None:
    async def scene(room: Room) -> None:
        room.world.clause_seconds = 2.0
        await room.say("is anybody there")
        await room.until(e.ResponseCreated)
        await room.sound(2000, 0.3)
        room.session.clear()
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert [done.response.outcome for done in room.all(e.ResponseDone)] == ["cancelled", "completed"]
    started, stopped = room.all(e.SpeechStarted), room.all(e.SpeechStopped)
    assert [event.item_id for event in started] == [event.item_id for event in stopped]


def test_a_call_that_is_cut_off_is_no_call() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = [Call("c", "look", '{"at": "the', finish="length")]
        await room.say("look at it")
        await room.until(e.ResponseDone)
        await room.say("well")
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    first = room.all(e.ResponseDone)[0].response
    assert (first.outcome, first.output[0].status) == ("incomplete", "incomplete")
    assert room.told()[1:] == [("user", "look at it"), ("user", "well")]


def test_a_call_and_its_answer() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = [Call("c", "look", "{}"), "I see it."]
        await room.say("look at it")
        await room.until(e.ResponseDone)
        room.session.create(Item("o", "function_call_output", call_id="c", text="seen"), None)
        room.respond()
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert room.all(e.ResponseDone)[1].response.output[0].words == "I see it."
    assert room.told()[1:] == [("user", "look at it"), ("assistant", ""), ("tool", "seen")]
