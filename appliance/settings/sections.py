"""The sections of the settings and their fields, each with its default and meaning."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_type_hints

import msgspec
from msgspec import Meta

from appliance.settings.section import Count, Days, Hours, Megabytes, Most, Seconds, Section
from appliance.settings.stages import Embed, Llm, Stt, Tts, Turn
from appliance.settings.wyoming import Wyoming

if TYPE_CHECKING:
    from collections.abc import Mapping


class Http(Section, frozen=True):
    """Where the box listens."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes a free one.")] = 8080
    open: Annotated[bool, Meta(description="Answer without keys. Refused on any address but loopback.")] = False
    origins: Annotated[
        tuple[str, ...], Meta(description="Other origins whose pages may use the box, such as https://intra.example.")
    ] = ()
    proxies: Annotated[
        tuple[str, ...], Meta(description="Addresses of proxies whose word for a client's address is believed.")
    ] = ()
    sign_in_hours: Annotated[Hours, Meta(description="How long a browser stays signed in.")] = 168.0


class Models(Section, frozen=True):
    """Which models the box runs and where they are."""

    set: Annotated[str, Meta(description="Name of a set in `models/sets.toml`.")] = "starter"
    dir: Annotated[
        str, Meta(description="Folder of the installed models; empty means `models` in the state folder.")
    ] = ""
    manifests: Annotated[
        str, Meta(description="Folder of the manifests; empty means those that come with the appliance.")
    ] = ""


class Voice(Section, frozen=True):
    """The spoken turn."""

    instructions: Annotated[str, Meta(description="What the assistant is told before each conversation.")] = (
        "You are a helpful voice assistant. Answer in plain spoken English, in two or three short sentences, "
        "without lists or markup."
    )
    max_reply_tokens: Annotated[Count, Meta(description="Longest reply, in tokens of the language model.")] = 160
    temperature: Annotated[float, Meta(ge=0, le=2, description="Sampling temperature of spoken replies.")] = 0.6
    history_messages: Annotated[
        int, Meta(ge=0, description="Earlier messages of a conversation that the model sees again.")
    ] = 16
    lead_ms: Annotated[
        int, Meta(ge=50, le=5000, description="How far a live reply's audio is sent ahead of being played.")
    ] = 400


class Store(Section, frozen=True):
    """What is remembered, and for how long."""

    dir: Annotated[str, Meta(description="Folder of the database; empty means the state folder.")] = ""
    backups: Annotated[
        str, Meta(description="Folder of backups, of this box alone; empty means `backups` beside the database.")
    ] = ""
    backups_keep: Annotated[
        int, Meta(ge=0, description="Backups there that stay when an admin has one made from elsewhere; 0: all.")
    ] = 5
    user_days: Annotated[
        Days, Meta(description="Conversations of users that were not used for so long go; 0: never.")
    ] = 0
    admin_days: Annotated[
        Days, Meta(description="Conversations of admins that were not used for so long go; 0: never.")
    ] = 0
    response_days: Annotated[Days, Meta(description="Responses older than this go; 0: never.")] = 30
    keep_audio: Annotated[
        bool,
        Meta(description="Whether what was said aloud is kept beside its words, as Opus, 10 minutes an item at most."),
    ] = False
    audit_days: Annotated[Days, Meta(description="Entries of the audit log older than this go; 0: never.")] = 400


class Cache(Section, frozen=True):
    """What need not be done twice. `llm.cache_mb` is the language model's part."""

    speech_mb: Annotated[Megabytes, Meta(description="Disk for what was spoken, in MB; 0 keeps none.")] = 256
    transcripts_mb: Annotated[Megabytes, Meta(description="Disk for transcripts of recordings, in MB; 0: none.")] = 32
    days: Annotated[Days, Meta(description="Entries older than this are not used; 0: as long as there is room.")] = 30
    phrases: Annotated[
        tuple[str, ...], Meta(description="What is kept ready to be said by the default voice at once.")
    ] = ()


class Limits(Section, frozen=True):
    """What one request may ask for."""

    body_mb: Annotated[Count, Meta(description="Largest request body, in units of 1,000,000 bytes.")] = 100
    document_mb: Annotated[Count, Meta(description="Largest document, in units of 1,000,000 bytes.")] = 512
    audio_seconds: Annotated[Seconds, Meta(description="Longest audio to transcribe.")] = 3600.0
    turn_seconds: Annotated[Seconds, Meta(description="Longest audio of a spoken turn.")] = 120.0
    speech_characters: Annotated[Count, Meta(description="Longest text to speak.")] = 4096
    sessions: Annotated[
        Count, Meta(description="Live conversations and spoken turns at once; one more is refused.")
    ] = 64
    requests: Annotated[Count, Meta(description="HTTP connections served at once; one more is refused.")] = 256


class Allowance(Section, frozen=True):
    """What one key may use; 0 is as much as it likes."""

    requests_minute: Annotated[Most, Meta(description="Requests a minute; as many may come at once.")] = 0
    requests_at_once: Annotated[Most, Meta(description="Requests that are answered at the same time.")] = 0
    sessions: Annotated[Most, Meta(description="Live conversations and spoken turns at the same time.")] = 0
    audio_seconds_day: Annotated[Most, Meta(description="Seconds of audio a day, heard and spoken.")] = 0
    tokens_day: Annotated[Most, Meta(description="Tokens a day, read and written.")] = 0
    documents_day: Annotated[Most, Meta(description="Documents a day.")] = 0


class UserLimits(Allowance, frozen=True):
    """What each key of a user may use, unless it has limits of its own. 0 is as much as it likes."""

    requests_minute: Annotated[Most, Meta(description="Requests a minute; as many may come at once.")] = 300
    requests_at_once: Annotated[Most, Meta(description="Requests that are answered at the same time.")] = 32
    sessions: Annotated[Most, Meta(description="Live conversations and spoken turns at the same time.")] = 8
    audio_seconds_day: Annotated[Most, Meta(description="Seconds of audio a day, heard and spoken.")] = 86_400
    tokens_day: Annotated[Most, Meta(description="Tokens a day, read and written.")] = 10_000_000
    documents_day: Annotated[Most, Meta(description="Documents a day.")] = 1_000


class AdminLimits(Allowance, frozen=True):
    """What each key of an admin may use, unless it has limits of its own. 0 is as much as it likes."""


class Workers(Section, frozen=True):
    """How the engines' processes are watched."""

    beat_seconds: Annotated[Seconds, Meta(description="Time between two heartbeats of a worker.")] = 1.0
    silent_seconds: Annotated[
        Seconds,
        Meta(description="A worker that sends no heartbeat for so long is replaced; one that loads has 30 s at least."),
    ] = 4.0
    stall_seconds: Annotated[
        Seconds, Meta(description="A worker whose job makes no progress for so long is replaced.")
    ] = 60.0
    load_seconds: Annotated[Seconds, Meta(description="Longest time to load and warm a model.")] = 300.0
    reader_seconds: Annotated[
        Seconds, Meta(description="A client that takes none of its answer for so long loses it.")
    ] = 30.0
    yield_to_live: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="Whether other work waits a moment while a live turn is under way. `auto`: on few cores."),
    ] = "auto"


class Log(Section, frozen=True):
    """What is written about the work; never what was said."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least severe line kept.")] = "info"
    format: Annotated[
        Literal["auto", "json", "human"],
        Meta(description="`auto` is human on a terminal and JSON elsewhere."),
    ] = "auto"


class Telemetry(Section, frozen=True):
    """Where the box tells of itself, to whoever runs it. Words of anybody's are in neither; empty: nobody is told."""

    traces_to: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s/]+\S*)?$",
            description="OTLP collector over HTTP, such as http://127.0.0.1:4318, that gets a trace of each turn.",
        ),
    ] = ""
    errors_to: Annotated[
        str,
        Meta(
            pattern=r"^(https?://[^\s/@]+@[^\s/]+/\S+)?$",
            description="DSN of a Sentry server that gets the type and place of each error.",
        ),
    ] = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All sections, and the folder where the box keeps what it must remember."""

    state_dir: Path = Path(".state")
    file: Path | None = None
    """Where they were read from, beside the environment."""
    http: Http = Http()
    models: Models = Models()
    stt: Stt = Stt()
    llm: Llm = Llm()
    tts: Tts = Tts()
    turn: Turn = Turn()
    embed: Embed = Embed()
    voice: Voice = Voice()
    store: Store = Store()
    cache: Cache = Cache()
    limits: Limits = Limits()
    user_limits: UserLimits = UserLimits()
    admin_limits: AdminLimits = AdminLimits()
    workers: Workers = Workers()
    log: Log = Log()
    telemetry: Telemetry = Telemetry()
    wyoming: Wyoming = Wyoming()

    @property
    def database(self) -> Path:
        """File of all that is remembered."""
        return (Path(self.store.dir) if self.store.dir else self.state_dir) / "appliance.db"

    @property
    def backups(self) -> Path:
        """Folder of the backups."""
        return Path(self.store.backups) if self.store.backups else self.database.with_name("backups")

    @property
    def models_dir(self) -> Path:
        """Folder of the installed models."""
        return Path(self.models.dir) if self.models.dir else self.state_dir / "models"


SECTIONS: Mapping[str, type[Section]] = {
    name: hint for name, hint in get_type_hints(Settings).items() if name not in ("state_dir", "file")
}
