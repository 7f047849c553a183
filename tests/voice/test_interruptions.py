"""Interruptions of a live reply, without models and in virtual time."""

from __future__ import annotations

import anyio
from room import LONG, Room, visit
from test_live_turns import count

from appliance.turns.detection import ServerVad
from appliance.voice.live import events as e
from appliance.voice.live.session import GO_ON


def test_speech_stops_the_reply_and_its_memory_ends_where_it_was_heard() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.5)
        await room.say("stop that now I have another question", 1.5)
        await room.until(e.ResponseDone, 2)

    true = count("appliance_barge_ins_total", kind="true")
    room = visit(scene)
    first = room.all(e.ResponseDone)[0].response
    assert (first.outcome, first.reason) == ("cancelled", "turn_detected")
    heard = first.output[0].words
    assert heard
    assert LONG.startswith(heard)
    assert room.told()[2] == ("assistant", heard)
    began = room.time_of(room.all(e.SpeechStarted)[1])
    played = began - room.sounds[0].at
    assert abs(len(heard.split()) - played / 0.3) <= 1.5
    assert [each.at for each in room.sounds if each.event.response is first][-1] <= began
    assert first.output[0].status == "incomplete"
    assert count("appliance_barge_ins_total", kind="true") == true + 1


def test_a_cough_holds_the_reply_and_lets_it_go_on() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        await room.say("", 0.2)
        await room.until(e.ResponseDone)

    false = count("appliance_barge_ins_total", kind="false")
    room = visit(scene)
    (done,) = room.all(e.ResponseDone)
    assert done.response.outcome == "completed"
    assert done.response.output[0].words == LONG
    assert len(room.all(e.SpeechStarted)) == 1  # nobody was told of the cough
    assert len(room.all(e.BufferCommitted)) == 1
    assert count("appliance_barge_ins_total", kind="false") == false + 1
    gaps = [later.at - sooner.at for sooner, later in zip(room.sounds, room.sounds[1:], strict=False)]
    assert max(gaps) > 0.3  # it was held for a while


def test_who_only_listens_aloud_does_not_interrupt() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        await room.say("Mm-hmm.", 0.3)
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert [done.response.outcome for done in room.all(e.ResponseDone)] == ["completed"]


def test_a_short_stop_is_enough() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        await room.say("Stop!", 0.3)
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    first, second = (done.response for done in room.all(e.ResponseDone))
    assert (first.outcome, first.reason) == ("cancelled", "turn_detected")
    assert second.outcome == "completed"
    assert room.told()[-1] == ("user", "Stop!")
    assert len(room.all(e.SpeechStarted)) == 2


def test_without_interruptions_the_reply_ends_first() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        await room.say("and another thing")
        await room.until(e.ResponseDone, 2)

    room = visit(scene, ServerVad(interrupt_response=False))
    assert [done.response.outcome for done in room.all(e.ResponseDone)] == ["completed", "completed"]
    assert room.told()[2:] == [("assistant", LONG), ("user", "and another thing")]


def test_speech_before_the_reply_is_heard_goes_on_with_the_turn() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["Never heard.", "To both."]
        await room.say("a first part")
        await room.until(e.SpeechStopped)
        await room.say("and the rest of it")
        await room.until(e.TranscriptDone, 2)
        await room.until(e.ResponseDone, len(room.all(e.ResponseCreated)))

    room = visit(scene)
    assert [done.text for done in room.all(e.TranscriptDone)] == ["a first part", "and the rest of it"]
    assert room.all(e.ResponseDone)[-1].response.outcome == "completed"
    assert ("user", "a first part") in room.told()
    assert room.told()[-1] == ("user", "and the rest of it")


def test_the_client_cancels_and_begins_anew_at_once() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(0.5)
        room.session.cancel(None)
        assert room.kinds[-1] == "ResponseDone"
        room.session.respond(room.session.conduct.style, joins=True, given=None, metadata={"why": "again"})
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    first, second = (done.response for done in room.all(e.ResponseDone))
    assert (first.reason, second.outcome) == ("client_cancelled", "completed")
    assert second.metadata == {"why": "again"}
    assert count("appliance_cancel_seconds_count") > 0


def test_a_cut_is_clamped_to_what_was_sent() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        item = room.all(e.PartAdded)[0].item
        room.session.cancel(None)
        room.session.truncate(item.id, 0, 650)
        assert item.words == "One two"
        room.session.truncate(item.id, 0, 10_000_000)

    room = visit(scene)
    cut, clamped = room.all(e.ItemTruncated)
    assert cut.end_ms == 650
    assert clamped.end_ms <= 1600
    item = room.all(e.PartAdded)[0].item
    assert LONG.startswith(item.words)
    assert abs(len(item.words.split()) - clamped.end_ms / 300) <= 1


def test_a_cut_while_it_sounds_ends_it() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        room.session.truncate(room.all(e.PartAdded)[0].item.id, 0, 700)

    room = visit(scene)
    assert room.all(e.ResponseDone)[0].response.outcome == "cancelled"
    assert room.all(e.PartAdded)[0].item.words == "One two"


def test_audio_leaves_slightly_ahead_of_real_time() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(0.1)
        await room.until(e.ResponseDone)

    room = visit(scene)
    began, sent = room.sounds[0].at, 0.0
    for each in room.sounds:
        assert sent - (each.at - began) <= 0.4 + 1e-6
        sent += len(each.event.pcm) / 2 / 24_000
    assert sent > 4
    assert room.sounds[-1].at - began > sent - 0.6


def test_a_held_reply_goes_on_where_the_client_mutes_itself() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(0.5)
        await room.sound(2000, 0.2)
        active = room.session.replies.active
        assert active is not None
        assert active.playout.held
        await anyio.sleep(30)

    room = visit(scene)
    assert room.all(e.ResponseDone)[0].response.outcome == "completed"


def test_a_yes_over_the_last_words_is_an_answer() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["Shall I do it?", "Done."]
        await room.say("please tidy up")
        await room.until(e.PartAdded)
        await room.pause(0.4)
        await room.say("Yes.", 0.3)
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert [done.response.outcome for done in room.all(e.ResponseDone)] == ["completed", "completed"]
    assert room.told()[2:] == [("assistant", "Shall I do it?"), ("user", "Yes.")]


def test_a_long_noise_stops_the_reply_and_is_not_the_end() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        await room.say("", 0.8)
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert [done.response.outcome for done in room.all(e.ResponseDone)] == ["cancelled", "completed"]
    assert room.told()[-1] == ("system", GO_ON)


def test_two_turns_during_one_reply_are_answered_once() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(0.5)
        await room.say("first question", 0.8)
        await room.pause(0.9)
        await room.say("second question", 0.8)
        await room.until(e.ResponseDone, 2)
        await room.pause(3)

    room = visit(scene, ServerVad(interrupt_response=False))
    assert len(room.all(e.ResponseDone)) == 2
    assert room.told()[-2:] == [("user", "first question"), ("user", "second question")]
