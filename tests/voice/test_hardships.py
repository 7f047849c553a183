"""Live conversations under which something gives way, without models and in virtual time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from room import LONG, Room, visit

from appliance.errors import EngineDown, InternalError, Overloaded, RequestError
from appliance.jobs import Generate, Prepare, Speak
from appliance.turns.detection import ServerVad
from appliance.voice.live import events as e
from appliance.voice.live.conversation import Item, Said
from appliance.voice.live.replies import Replies
from appliance.voice.live.session import LiveSession

if TYPE_CHECKING:
    from appliance.voice.live.draft import Draft
    from appliance.voice.live.utterance import Utterance


def outcomes(room: Room) -> list[str]:
    return [done.response.outcome for done in room.all(e.ResponseDone)]


def test_a_conversation_that_has_outgrown_the_context_keeps_its_beginning_for_many_turns() -> None:
    turns = 60

    async def scene(room: Room) -> None:
        room.world.context = 2000
        room.world.replies = ["I heard you say so, my friend."] * turns
        for number in range(turns):
            await room.say(f"this is what I have to say in turn {number}", 0.6)
            await room.until(e.ResponseDone, number + 1)
        room.world.replies.clear()

    room = visit(scene)
    assert outcomes(room) == ["completed"] * turns
    told = [job.messages for job in room.world.llm.asked(Generate) if fits(job, 2000)]
    assert len(told) == turns
    assert all(messages[1].role == "user" for messages in told)  # as templates want it
    beginnings = [messages[1].content for messages in told]
    changes = sum(before != after for before, after in pairwise(beginnings))
    assert 3 <= changes <= turns / 5  # what goes goes for good, and not for one turn only
    prepared = [fits(job, 2000) for job in room.world.llm.asked(Prepare)]
    assert sum(prepared) >= 0.9 * turns


def fits(job: Generate | Prepare, context: int) -> bool:
    room = job.room if isinstance(job, Generate) else 0
    return sum(len(message.content) for message in job.messages) + room <= context


def test_an_item_that_nobody_can_understand_fails_no_response() -> None:
    async def scene(room: Room) -> None:
        item = Item("tiny", said=[Said(audio=bytes(100), rate=16_000, aloud=True)])
        room.session.create(item, None)
        room.world.stt.failing = [RequestError("The utterance has 100 bytes.", code="audio_empty")]
        room.respond()
        await room.until(e.ResponseDone)
        await room.say("and now")
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert outcomes(room) == ["completed", "completed"]
    assert room.told()[1:] == [("assistant", "I heard you."), ("user", "and now")]


def test_a_reply_that_cannot_fit_takes_nothing_from_the_others() -> None:
    async def scene(room: Room) -> None:
        room.world.context = 1000
        for number in range(4):
            await room.say(f"fact {number}")
            await room.until(e.ResponseDone, number + 1)
        style = replace(room.session.conduct.style, instructions="x" * 1000)
        room.session.respond(style, joins=True, given=None, metadata=None)
        await room.until(e.ResponseDone, 5)
        room.session.update(replace(room.session.conduct, style=style))
        await room.say("fact 4")
        await room.until(e.ResponseDone, 6)
        room.session.update(replace(room.session.conduct, style=replace(style, instructions="Be brief.")))
        await room.say("fact 5")
        await room.until(e.ResponseDone, 7)

    room = visit(scene)
    assert outcomes(room) == ["completed"] * 4 + ["failed"] * 2 + ["completed"]
    assert [words for role, words in room.told() if role == "user"] == [f"fact {number}" for number in range(6)]


def test_one_reply_of_long_instructions_leaves_the_conversation_alone() -> None:
    async def scene(room: Room) -> None:
        room.world.context = 1000
        for number in range(8):
            await room.say(f"this is fact {number} of all the facts")
            await room.until(e.ResponseDone, number + 1)
        style = replace(room.session.conduct.style, instructions="x" * 700, max_tokens=50)
        room.session.respond(style, joins=True, given=None, metadata=None)
        await room.until(e.ResponseDone, 9)
        await room.say("the last")
        await room.until(e.ResponseDone, 10)

    room = visit(scene)
    assert outcomes(room) == ["completed"] * 10
    assert len([role for role, _ in room.told(-2) if role == "user"]) < 8
    assert len([role for role, _ in room.told() if role == "user"]) == 9


def test_all_audio_of_an_item_is_understood() -> None:
    async def scene(room: Room) -> None:
        levels = [room.world.level(words) for words in ("the first part", "the second part")]
        pieces = [Said(audio=level.to_bytes(2, "little") * 16_000, rate=16_000, aloud=True) for level in levels]
        room.session.create(Item("both", said=pieces), None)
        room.respond()
        await room.until(e.ResponseDone)

    assert visit(scene).told()[-1] == ("user", "the first part the second part")


def test_a_job_that_its_workers_die_of_is_given_to_two_only() -> None:
    async def scene(room: Room) -> None:
        room.world.stt.dying = [(0, EngineDown("gone"))] * 4  # the guess's two, and two of the response's own
        await room.say("these words kill", 0.9)
        await room.until(e.ResponseDone)
        assert not room.world.stt.dying
        await room.say("and these do not")
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert isinstance(room.all(e.TranscriptFailed)[0].error, InternalError)
    assert outcomes(room) == ["failed", "completed"]
    assert room.told()[1:] == [("user", "and these do not")]


def test_room_is_waited_for() -> None:
    async def scene(room: Room) -> None:
        room.world.tts.failing = [Overloaded("The tts stage is busy with 16 requests.")] * 6
        await room.say("is there room")
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert outcomes(room) == ["completed"]
    first, *_, last = room.world.tts.asked(Speak)
    assert (first.priority, last.priority) == ("typed", "live")  # by then the turn was over


@pytest.mark.parametrize("role", ["llm", "tts"])
def test_a_turn_that_ends_while_a_worker_is_waited_for_is_live_then(role: str) -> None:
    async def scene(room: Room) -> None:
        stage = getattr(room.world, role)
        await room.pause(0.5)
        stage.failing = [EngineDown("gone")] * 6
        await room.say("hello there")
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert outcomes(room) == ["completed"]
    jobs = getattr(room.world, role).asked(Generate if role == "llm" else Speak)
    assert jobs[0].priority == "typed"
    assert jobs[-1].priority == "live"


def test_a_sound_while_nobody_can_listen_does_not_keep_a_reply_waiting() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        room.world.stt.failing = [EngineDown("gone")] * 8
        room.cough = anyio.current_time()  # type: ignore[attr-defined]
        await room.sound(2000, 0.3)
        await room.until(e.ResponseDone)

    room = visit(scene)
    (first, *_) = room.all(e.ResponseDone)
    assert first.response.outcome == "cancelled"  # it may have been a "stop"
    assert room.time_of(first) - room.cough < 1  # type: ignore[attr-defined]


def test_a_short_stop_that_nobody_could_understand_at_once_is_written_down() -> None:
    async def scene(room: Room) -> None:
        await room.reply_sounds(1.0)
        room.world.stt.failing = [EngineDown("gone")]
        await room.say("stop it", 0.3)
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert outcomes(room) == ["cancelled", "completed"]
    assert [done.text for done in room.all(e.TranscriptDone)] == ["count for me please", "stop it"]
    assert not room.all(e.TranscriptFailed)


def test_who_answers_the_last_words_of_a_reply_may_go_on() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = ["Do you want to hear more about it?", "Good."]
        await room.say("tell me")
        await room.until(e.PartAdded)
        await room.pause(1.0)
        await room.say("yes", 0.2)
        await room.pause(0.2)
        await room.sound(2000, 0.12)
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert outcomes(room) == ["completed", "completed"]


def test_nothing_is_said_unasked_where_the_client_answers_itself() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = [LONG, "Yes?"]
        await room.say("count for me please")
        await room.until(e.TranscriptDone)
        room.respond()
        await room.until(e.PartAdded)
        await room.pause(1.0)
        await room.say("stop that, I have a question")
        await room.until(e.TranscriptDone, 2)
        room.respond()
        await room.until(e.ResponseDone, 2)
        room.session.clear()
        await room.pause(2.0)

    room = visit(scene, ServerVad(create_response=False))
    assert outcomes(room) == ["cancelled", "completed"]


def test_a_reply_that_the_client_begins_while_the_user_speaks_does_not_drown_the_user() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = [LONG, "Yes?"]
        await room.say("I was about", 1.0)
        room.respond()
        await room.say("to say something long", 2.5)
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert outcomes(room) == ["cancelled", "completed"]
    sounded = [each for each in room.sounds if each.event.response is room.all(e.ResponseDone)[0].response]
    assert len(sounded) <= 25  # pieces of 20 ms: what leaves ahead
    assert room.told()[-1] == ("user", "I was about to say something long")


def test_a_fault_in_a_turn_does_not_make_the_session_deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    take_turn = LiveSession.take_turn
    faults = [ValueError("something nobody thought of")]

    def faulty(self: LiveSession, utterance: Utterance, audio: bytes) -> None:
        if faults:
            raise faults.pop()
        take_turn(self, utterance, audio)

    monkeypatch.setattr(LiveSession, "take_turn", faulty)

    async def scene(room: Room) -> None:
        await room.say("the first")
        await room.until(e.Fault)
        await room.say("the second")
        await room.until(e.ResponseDone)

    room = visit(scene)
    assert [type(fault.error) for fault in room.all(e.Fault)] == [InternalError]
    assert outcomes(room) == ["completed"]
    assert room.told()[-1] == ("user", "the second")


def test_a_turn_that_is_owed_is_answered_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    take_turn = LiveSession.take_turn
    taken: list[Utterance] = []

    def faulty(self: LiveSession, utterance: Utterance, audio: bytes) -> None:
        taken.append(utterance)
        if len(taken) == 2:
            raise ValueError("something nobody thought of")
        take_turn(self, utterance, audio)

    monkeypatch.setattr(LiveSession, "take_turn", faulty)

    async def scene(room: Room) -> None:
        room.world.clause_seconds = 1.0
        await room.say("a first part")
        await room.until(e.ResponseCreated)
        await room.say("and the rest of it")
        await room.until(e.ResponseDone, 2)

    room = visit(scene)
    assert outcomes(room) == ["cancelled", "completed"]
    assert room.told()[-1] == ("user", "a first part")


def test_an_id_that_is_being_spoken_is_taken() -> None:
    async def scene(room: Room) -> None:
        await room.say("a turn", 0.5)
        started = await room.until(e.SpeechStarted)
        with pytest.raises(RequestError, match="being said"):
            room.session.create(Item(started.item_id, said=[Said(text="mine")]), None)
        await room.until(e.ResponseDone)

    assert outcomes(visit(scene)) == ["completed"]


def test_a_full_buffer_is_told_of_once() -> None:
    async def scene(room: Room) -> None:
        second = bytes(48_000)
        for _ in range(60):
            await room.session.append(second)
        with pytest.raises(RequestError, match="holds 60 s"):
            await room.session.append(second)
        for _ in range(60):
            await room.session.append(second)
        room.session.clear()
        for _ in range(60):
            await room.session.append(second)
        with pytest.raises(RequestError, match="holds 60 s"):
            await room.session.append(second)

    visit(scene, None)


def test_a_reply_that_is_refused_leaves_nothing_behind() -> None:
    async def scene(room: Room) -> None:
        room.world.replies = [LONG]
        await room.say("count for me please")
        await room.until(e.PartAdded)
        drafts = [room.session.replies.draft(room.session.conduct.style, None) for _ in range(3)]
        for draft in drafts:
            with pytest.raises(RequestError, match="not over yet"):
                room.session.replies.begin(draft, room.session.conduct.style)
        assert all(draft.ended.is_set() for draft in drafts)
        await room.until(e.ResponseDone)

    assert outcomes(visit(scene)) == ["completed"]


def test_a_guess_that_is_whole_when_the_client_asks_for_a_reply_and_leaves_does_not_stay_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drafts: list[Draft] = []
    make = Replies.draft

    def noted(self: Replies, *given: Any, **how: Any) -> Draft:
        drafts.append(make(self, *given, **how))
        return drafts[-1]

    monkeypatch.setattr(Replies, "draft", noted)

    async def scene(room: Room) -> None:
        await room.say("what time is it")
        while not (drafts and drafts[0].ended.is_set()):
            assert not room.all(e.SpeechStopped)  # the user may still go on
            await room.pause(0.02)
        room.respond()

    visit(scene)
    assert len(drafts) == 2
    ends = [end for draft in drafts for end in (draft.words, draft.sound)]
    assert [end.statistics().open_receive_streams for end in ends] == [0, 0, 0, 0]


def test_a_model_that_is_far_behind_reads_ahead_once_at_most() -> None:
    async def scene(room: Room) -> None:
        room.world.reading_seconds = 60.0
        for number in range(3):
            await room.pause(0.3)
            await room.say(f"question number {number}")
            await room.until(e.ResponseDone, number + 1)

    room = visit(scene)
    assert len(room.world.llm.asked(Prepare)) == 3
    assert room.world.most_reading == 1
