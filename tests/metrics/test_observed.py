"""The comparison with a box that counts nothing: it counts nothing."""

from __future__ import annotations

import subprocess
import sys

BLIND = """
from benchmarks.unobserved import COMMAND, blind_server
blind_server()
from appliance import metrics
from appliance.engines.host import EngineHost
metrics.REQUESTS.labels("/", "200").inc()
metrics.REQUEST_SECONDS.labels("/").observe(1.0)
metrics.stage_known("llm", "brain")
metrics.turn_timed("turns", {"reply": 5.0})
with metrics.SESSIONS.track_inprogress(), metrics.WRITE_SECONDS.time():
    metrics.TURNS.labels("turns", "completed").inc()
assert EngineHost.__init__.__kwdefaults__["command"] == COMMAND
samples = [sample for family in metrics.REGISTRY.collect() for sample in family.samples]
print(sum(sample.value for sample in samples if not sample.name.endswith("_info")))
"""


def test_a_blind_box_counts_nothing() -> None:
    said = subprocess.run([sys.executable, "-c", BLIND], capture_output=True, text=True, check=True)
    assert float(said.stdout) == 0
