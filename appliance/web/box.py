"""What the handlers are given: the appliance as seen from the doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from appliance.callers.documents import with_documents
from appliance.callers.failures import Failures
from appliance.callers.lines import Lines
from appliance.callers.meter import Meter, Meters
from appliance.callers.metered import metered
from appliance.callers.names import Names
from appliance.knowledge.ingest import Ingest
from appliance.knowledge.limits import Limits
from appliance.knowledge.meaning import Meaning
from appliance.knowledge.search import Search
from appliance.settings import Settings
from appliance.store.assistants import Assistant, Assistants
from appliance.store.audit import Audit
from appliance.store.clips import Clips
from appliance.store.collections import Collections
from appliance.store.conversations import Conversations
from appliance.store.database import Database
from appliance.store.documents import Documents
from appliance.store.keys import Keys
from appliance.store.passages import Passages
from appliance.store.responses import Responses
from appliance.store.sign_ins import SignIns
from appliance.store.turns import Turns
from appliance.store.usage import Usage
from appliance.store.vectors import Vectors
from appliance.switching import Switching
from appliance.telemetry.traces import Traces
from appliance.voice.noted import noted
from appliance.voice.recorder import Recorder
from appliance.voice.stages import Stages
from appliance.voice.stories import Stories
from appliance.web.admin.cores import Cores
from appliance.web.admin.doctor_child import DoctorChild
from appliance.web.admin.errands import Errands
from appliance.web.admin.verdicts import Verdicts
from appliance.web.scrape import Scrape
from appliance.web.self_tests import SelfTests
from appliance.web.sources import sources

if TYPE_CHECKING:
    from appliance.jobs import Role


@dataclass(frozen=True, slots=True)
class Box:
    """One appliance. `health` gives each stage's status by role."""

    settings: Settings
    stages: Stages
    names: Names
    database: Database
    health: Callable[[], Mapping[str, Any]]
    conversations: Conversations
    clips: Clips
    recorder: Recorder
    responses: Responses
    turns: Turns
    stories: Stories
    traces: Traces
    keys: Keys
    sign_ins: SignIns
    audit: Audit
    lines: Lines
    meters: Meters
    usage: Usage
    documents: Documents
    collections: Collections
    ingest: Ingest
    assistants: Assistants
    meaning: Meaning
    search: Search
    scrape: Scrape
    switching: Switching
    pulls: Errands = field(default_factory=Errands)
    backups_made: Errands = field(default_factory=Errands)
    verdicts: Verdicts = field(default_factory=Verdicts)
    spoken: SelfTests = field(default_factory=SelfTests)
    cores: Cores = field(default_factory=Cores)
    doctor: DoctorChild = field(default_factory=DoctorChild)
    failures: Failures = field(default_factory=Failures)
    meter: Meter = field(default_factory=Meter)
    """What whoever asks has used. Outside a request nothing is counted."""
    assistant: Assistant | None = None
    """Who answers this request, where it names one."""

    def seen_by(self, meter: Meter) -> Box:
        """The same box, with stages that count."""
        return replace(self, stages=metered(self.stages, meter), meter=meter)

    def answering_as(self, assistant: Assistant | None, *, aloud: bool) -> Box:
        """The box that a request was given, as it answers for an assistant; for none as before.

        An assistant's documents are its owner's, whoever asks it. `aloud`: its replies are spoken.
        """
        stages = self.stages
        if assistant is not None and assistant.collections:
            stages = with_documents(
                stages, self.search, assistant.owner, assistant.collections, assistant.retrieval,
                context=self.settings.llm.context, aloud=aloud,
            )  # fmt: skip
        return replace(self, assistant=assistant, stages=stages)


def make_box(
    settings: Settings,
    stages: Stages,
    names: Names,
    database: Database,
    health: Callable[[], Mapping[str, Any]],
    embedder: str = "",
    switching: Switching | None = None,
) -> Box:
    """A box that remembers in `database`. `embedder`: digest of the model that makes vectors."""
    stages, turns = noted(stages), Turns(database)
    models: dict[Role, str] = {
        "stt": names.stt,
        "llm": names.llm,
        "turn": names.turn,
        "embed": names.embed or names.llm,
    }
    traces = Traces(settings.telemetry.traces_to, models)
    usage, documents, clips = Usage(database), Documents(database), Clips(database)
    vectors = Vectors(database, embedder or names.embed)
    meaning = Meaning(stages.embed, vectors, settings.embed.query_ms)
    return Box(
        settings=settings,
        stages=stages,
        names=names,
        database=database,
        health=health,
        conversations=Conversations(database),
        clips=clips,
        recorder=Recorder(clips, stages.stt, on=settings.store.keep_audio),
        responses=Responses(database),
        turns=turns,
        stories=Stories(turns, traces),
        traces=traces,
        keys=Keys(database),
        sign_ins=SignIns(database, settings.http.sign_in_hours * 3600),
        audit=Audit(database),
        lines=Lines(settings.limits.sessions),
        usage=usage,
        meters=Meters(usage),
        documents=documents,
        collections=Collections(database),
        search=Search(Passages(database, vectors), meaning),
        scrape=Scrape(sources(settings, health, documents)),
        assistants=Assistants(database),
        meaning=meaning,
        switching=switching or Switching(settings),
        ingest=Ingest(documents, settings.database.with_name("documents"), Limits(), meaning.tell),
    )
