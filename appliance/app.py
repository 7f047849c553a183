"""Where the appliance is put together: the only place that knows all its parts."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any

import anyio
from litestar import Litestar
from msgspec.structs import asdict

from appliance.audio import SAMPLE_BYTES
from appliance.callers.names import Names
from appliance.catalog.lineup import lineup as line_up
from appliance.catalog.provenance import digest_of, draft_of
from appliance.engines.host import EngineHost
from appliance.engines.precedence import Precedence
from appliance.engines.specs import Encoder, Llama, Piper, PiperVoice, Turn, Whisper
from appliance.engines.status import Probe
from appliance.jobs import DETECT_SAMPLES, Detect, Embed, Generate, Judge, Message, Speak, Transcribe
from appliance.settings import SettingsError
from appliance.store.database import Database
from appliance.supervision.supervise import supervise
from appliance.voice.cache import Cache
from appliance.voice.cached import Cached
from appliance.voice.phrases import keep_ready
from appliance.voice.stages import Stages
from appliance.web.box import make_box
from appliance.web.doors import open_doors
from appliance.wyoming.about import About, name_of
from appliance.wyoming.admission import Admission
from appliance.wyoming.discovery import keep_known
from appliance.wyoming.listener import Listener
from appliance.wyoming.satellites import keep_called
from appliance.wyoming.wake_words import wake_words

if TYPE_CHECKING:
    import socket

    from litestar.types import ASGIApp

    from appliance.catalog.lineup import Installed, Lineup
    from appliance.engines.status import StageStatus
    from appliance.jobs import AnyJob, Role
    from appliance.settings import Settings
    from appliance.supervision.notify import Supervisor
    from appliance.switching import Switching


MANY_CORES = 8
"""So many are enough for all stages at once."""
SILENT_BYTES = DETECT_SAMPLES * SAMPLE_BYTES
"""A window of silence."""


def create_engines(settings: Settings, lineup: Lineup) -> dict[Role, EngineHost]:
    """A host for each stage, not running yet."""
    stt, llm, tts = settings.stt, settings.llm, settings.tts
    whisper = Whisper(
        name=lineup.stt.name, path=str(lineup.stt.main), device=stt.device, compute_type=stt.compute_type,
        threads=stt.threads, beam_size=stt.beam_size,
    )  # fmt: skip
    alike = {key: value for key, value in asdict(llm).items() if key in Llama.__struct_fields__}
    llama = Llama(
        name=lineup.llm.name, path=str(lineup.llm.main), digest=digest_of(settings, lineup.llm.name),
        cache_dir=str(settings.state_dir / "cache" / "llm") if llm.cache_mb else "",
        draft_path=str(draft_of(settings) or ""), **alike,
    )  # fmt: skip
    voices = [PiperVoice(voice, str(model.main)) for voice, model in _voices(settings, lineup).items()]
    piper = Piper(
        name=next(iter(_voices(settings, lineup).values())).name,
        voices=voices,
        cuda=tts.cuda,
        threads=tts.threads,
    )
    turn = Turn(
        name=lineup.turn.name if lineup.turn else "silero",
        path=str(lineup.turn.main) if lineup.turn else "",
        threads=settings.turn.threads,
        wake_words={word.name: str(word.file) for word in wake_words()} if settings.wyoming.enabled else {},
    )
    encoder = lineup.embed and Encoder(
        name=lineup.embed.name, path=str(lineup.embed.main), threads=settings.embed.threads,
        gpu_layers=settings.embed.gpu_layers,
    )  # fmt: skip
    meaning = Probe(Embed(texts=["Ready."], priority="typed"))
    spoken = resources.files("appliance").joinpath("probe.flac").read_bytes()
    hello = Generate(messages=[Message("user", "Say yes.")], max_tokens=4)
    # Noticing turns takes next to nothing, and is never held.
    precedence = Precedence() if _yields_to_live(settings) else None
    hosts: dict[Role, EngineHost] = {
        "stt": EngineHost("stt", whisper, Probe(Transcribe(), spoken), settings, precedence),
        "llm": EngineHost("llm", llama, Probe(hello), settings, precedence),
        "tts": EngineHost("tts", piper, Probe(Speak(text="Ready.")), settings, precedence),
        "turn": EngineHost("turn", turn, Probe(Judge() if turn.path else Detect(), bytes(SILENT_BYTES)), settings),
    }
    if encoder:
        hosts["embed"] = EngineHost("embed", encoder, meaning, settings, precedence)
    return hosts


def _yields_to_live(settings: Settings) -> bool:
    wanted = settings.workers.yield_to_live
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return cores < MANY_CORES if wanted == "auto" else wanted == "on"


def create_caches(settings: Settings, lineup: Lineup) -> tuple[Cache, Cache]:
    """Of what was spoken, and of what was heard in recordings."""
    cache, stt, voices = settings.cache, settings.stt, _voices(settings, lineup)
    folder, usual = settings.state_dir / "cache", next(iter(voices))
    heard = f"{digest_of(settings, lineup.stt.name)} {stt.compute_type} {stt.beam_size} {stt.device}"

    spoken = {name: f"{digest_of(settings, model.name)} {name} {settings.tts.cuda}" for name, model in voices.items()}

    def voice(job: AnyJob) -> str:
        return spoken.get((job.voice if isinstance(job, Speak) else None) or usual, "")

    return (
        Cache("speech", folder / "speech", cache.speech_mb, cache.days, voice),
        Cache("transcripts", folder / "transcripts", cache.transcripts_mb, cache.days, lambda _: heard),
    )


def check_servable(settings: Settings) -> None:
    """Raise what would keep a server with these settings from starting: `ModelsMissing`, `SettingsError`."""
    create_engines(settings, line_up(settings))


def create_app(
    settings: Settings, lineup: Lineup, engines: Mapping[Role, EngineHost], supervisor: Supervisor | None = None,
    switching: Switching | None = None, wyoming: Sequence[socket.socket] = (),
) -> ASGIApp:  # fmt: skip
    """The whole appliance as an ASGI application; its lifespan starts and ends the engines, and tells `supervisor`.

    `switching` knows the way to another set of models, if there is one; `wyoming` are the sockets of that door, which
    stay open. Raises `StoreError` if there is a database that cannot be used.
    """
    names = Names(
        stt=lineup.stt.name,
        llm=lineup.llm.name,
        turn=lineup.turn.name if lineup.turn else "",
        embed=lineup.embed.name if lineup.embed else "",
        voices={voice: model.name for voice, model in _voices(settings, lineup).items()},
        languages={model.name: model.languages for model in lineup.voices},
    )
    database = Database(settings.database)
    database.open()
    speech, transcripts = create_caches(settings, lineup)
    stages = Stages(
        Cached(engines["stt"], transcripts),
        engines["llm"],
        Cached(engines["tts"], speech),
        engines["turn"],
        engines.get("embed"),
    )
    embedder = digest_of(settings, lineup.embed.name) if lineup.embed else ""

    def health() -> dict[Any, StageStatus]:
        return {role: engine.status for role, engine in engines.items()}

    box = make_box(settings, stages, names, database, health, embedder, switching)

    @asynccontextmanager
    async def engines_run(_: Litestar) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            for engine in engines.values():
                tasks.start_soon(engine.run)
            tasks.start_soon(keep_ready, stages.tts, settings.cache.phrases)
            if switching is not None:
                tasks.start_soon(switching.prove, health, settings.workers.load_seconds)
            if supervisor is not None:
                tasks.start_soon(supervise, supervisor, engines, database, settings.workers.load_seconds)
            yield
            tasks.cancel_scope.cancel()

    if not settings.wyoming.enabled:
        return open_doors(box, [engines_run])
    about = About(
        name_of(settings), lineup, _voices(settings, lineup), wake_words(), settings.wyoming.endpointing != "client"
    )
    admission = Admission(box)

    @asynccontextmanager
    async def wyoming_served(_: Litestar) -> AsyncIterator[None]:
        listener = Listener(
            admission, about, most=settings.wyoming.connections, patience=settings.workers.reader_seconds
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.run, [each.dup() for each in wyoming])
            if settings.wyoming.discovery:
                tasks.start_soon(keep_known, about.name, wyoming)
            for each in settings.wyoming.satellites:
                tasks.start_soon(keep_called, each, admission, about, settings.workers.reader_seconds)
            yield
            await listener.leave()
            tasks.cancel_scope.cancel()

    return open_doors(box, [engines_run], beside=[wyoming_served])


def _voices(settings: Settings, lineup: Lineup) -> dict[str, Installed]:
    """Installed voices by short name, the default first."""
    voices = {model.voice or model.name: model for model in lineup.voices}
    wanted = settings.tts.voice
    if wanted and wanted not in voices:
        raise SettingsError(f"tts.voice: there is no installed voice {wanted!r}; there are {', '.join(voices)}")
    return {wanted: voices[wanted], **voices} if wanted else voices
