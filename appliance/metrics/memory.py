"""What is remembered and what need not be done twice: the database, caches, clips, documents. Once a transaction, a
query, a look-up, a document."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from appliance.metrics.registry import REGISTRY

DISK_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)

WRITE_SECONDS: Final = Histogram(
    "appliance_store_write_seconds",
    "Time to commit the changes that waited, together, to disk.",
    buckets=DISK_SECONDS,
    registry=REGISTRY,
)
READ_SECONDS: Final = Histogram(
    "appliance_store_read_seconds",
    "Time of one query of the database, searches included.",
    buckets=DISK_SECONDS,
    registry=REGISTRY,
)
WRITES_WAITING: Final = Gauge("appliance_store_writes_waiting", "Changes that wait to be written.", registry=REGISTRY)
WRITES_FAILED: Final = Counter(
    "appliance_store_writes_failed_total", "Changes that could not be written.", ["code"], registry=REGISTRY
)
CACHE: Final = Counter(
    "appliance_cache_total", "Answers that were looked for in a cache.", ["purpose", "outcome"], registry=REGISTRY
)
CACHE_FAULTS: Final = Counter(
    "appliance_cache_faults_total", "Caches that were damaged or could not be used.", ["purpose"], registry=REGISTRY
)
CLIPS: Final = Counter(
    "appliance_clips_total", "Clips of what was said aloud: kept or lost.", ["outcome"], registry=REGISTRY
)
DOCUMENTS: Final = Counter(
    "appliance_documents_total", "Documents that were read, or why they could not be.", ["outcome"], registry=REGISTRY
)

for _code in ("storage_full", "storage_failed"):
    WRITES_FAILED.labels(_code)
for _word in ("kept", "lost"):
    CLIPS.labels(_word)
for _word in (
    "ready", "document_unreadable", "document_unsupported", "document_encrypted", "document_empty", "document_too_large"
):  # fmt: skip
    DOCUMENTS.labels(_word)


def cache_known(purpose: str) -> None:
    """There is a cache for something: what can be counted of it begins at 0."""
    for outcome in ("hit", "miss"):
        CACHE.labels(purpose, outcome)
    CACHE_FAULTS.labels(purpose)
