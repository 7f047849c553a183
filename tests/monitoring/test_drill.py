"""All goes wrong, so that each alert fires, and is mended, so that each is over. The rules go sixty times as fast.

For real: a box that is off, killed and held-up workers, too many callers, callers who hang up, guessed keys, failing
self-tests, a spoiled cache, a locked database, a full disk, an exporter that is off, a broken configuration. From
stand-ins for exporters: GPU, units of systemd, backups, clock, memory of the host, what Alertmanager could not send.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

from monitoring.causes import Causes, going_on
from monitoring.cupboard import cupboard, keys
from monitoring.exporters import ALERTMANAGER, GPU, HOST, node_exporter, stand_in
from monitoring.programs import rules
from monitoring.prometheus import Watched, free_port, prometheus
from monitoring.questions import FILES, unanswered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitoring.prometheus import Prometheus

pytestmark = pytest.mark.drill

TIMES: Final = 60
ALERTS: Final = sorted(rule["alert"] for rule in rules("alert"))
FIRE_SECONDS: Final = 150.0
FORGET_SECONDS: Final = 200.0
ANSWER_SECONDS: Final = 120.0
QUIET_SECONDS: Final = 8.0
BAD: Final = {
    'appliance_gpu_temperature_celsius{gpu="0"}': 91.0,
    'appliance_gpu_throttled{gpu="0",reason="thermal"}': 1.0,
    'appliance_gpu_memory_bytes{gpu="0",kind="used"}': 84.9e9,
    'appliance_gpu_uncorrected_errors_total{gpu="0"}': 2.0,
    'node_systemd_unit_state{name="appliance-backup.service",state="failed",type="oneshot"}': 1.0,
    'node_systemd_unit_state{name="appliance-verify.service",state="failed",type="oneshot"}': 1.0,
    'node_systemd_unit_state{name="caddy.service",state="active",type="notify"}': 0.0,
    'node_systemd_service_restart_total{name="appliance.service"}': 4.0,
    'node_systemd_timer_last_trigger_seconds{name="appliance-backup.timer"}': 1.7e9,
    'node_scrape_collector_success{collector="systemd"}': 0.0,
    "node_memory_MemAvailable_bytes": 1e8,
    "node_vmstat_oom_kill": 1.0,
    "node_timex_sync_status": 0.0,
}
"""The stand-in's figures of a host and a GPU that are not well."""


class Watcher:
    """Notes what fires, and its words."""

    def __init__(self, prometheus: Prometheus, exporter: str) -> None:
        self._prometheus, self._exporter, self._began = prometheus, exporter, time.monotonic()
        self.fired: dict[str, dict[str, Any]] = {}
        self.firing: set[str] = set()

    def note(self, what: str) -> None:
        """For whoever reads why a test failed."""
        print(f"{time.monotonic() - self._began:5.0f} s  {what}")

    def look(self) -> set[str]:
        """What fires now."""
        alerts = [each for each in self._prometheus.alerts() if not self._of_the_machine(each["labels"])]
        found = {each["labels"]["alertname"]: each for each in alerts}
        for name, alert in found.items():
            if name not in self.fired:
                self.fired[name] = alert
                self.note(f"{name} fires")
        for name in self.firing - found.keys():
            self.note(f"{name} is over")
        self.firing = set(found)
        return self.firing

    def _of_the_machine(self, labels: dict[str, str]) -> bool:
        """A machine of tests may have a full disk itself, or a clock that nobody sets."""
        if labels.get("place", "state") != "state":
            return True
        return labels.get("instance") == self._exporter and labels["alertname"] != "TargetDown"

    def quiet(self) -> set[str]:
        """What fires when it has become quiet for a while: nothing, if that does not take too long."""
        deadline, since = time.monotonic() + FIRE_SECONDS, time.monotonic()
        while time.monotonic() - since < QUIET_SECONDS and time.monotonic() < deadline:
            if self.look():
                since = time.monotonic()
            time.sleep(0.2)
        return self.firing

    def wait(self, names: set[str]) -> None:
        """Until all of these have fired, or long enough; tests say which have not."""
        deadline = time.monotonic() + FIRE_SECONDS
        while names - self.fired.keys() and time.monotonic() < deadline:
            self.look()
            time.sleep(0.2)


class Drill:
    """How it went."""

    def __init__(self) -> None:
        self.off: set[str] = set()
        self.well: set[str] = set()
        self.fired: dict[str, dict[str, Any]] = {}
        self.told: set[str] = set()
        self.unanswered = ["not asked"]
        self.broken = ["not asked"]
        self.left: set[str] = set()


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    folder, told = tmp_path_factory.mktemp("drill"), Drill()
    made, port, node_port = keys(folder / "keys"), free_port(), free_port()
    with ExitStack() as stack:
        standing = stack.enter_context(stand_in(GPU | HOST))
        alarmed = stack.enter_context(stand_in(ALERTMANAGER))
        told.told = alarmed.told
        node = ExitStack()
        stack.callback(node.close)
        exporter = node.enter_context(node_exporter(node_port, folder / "node.log"))
        (folder / "prometheus").mkdir()
        watched = Watched(f"127.0.0.1:{port}", made.meter, [exporter, standing.target], alarmed.target)
        running = stack.enter_context(prometheus(folder / "prometheus", watched, TIMES))
        watcher = Watcher(running, exporter)
        watcher.wait({"ApplianceDown"})
        told.off = set(watcher.firing)
        box = stack.enter_context(cupboard(folder, made, port))
        causes = Causes(box)
        stack.callback(causes.client.close)
        with going_on(causes.ask, causes.report_well):
            told.well = watcher.quiet()
            with going_on(causes.talk, causes.think_aloud, causes.interrupt, causes.use):
                deadline = time.monotonic() + ANSWER_SECONDS
                while told.unanswered and time.monotonic() < deadline:
                    told.unanswered = [each for file in FILES for each in unanswered(running, file)]
                    watcher.look()
        told.broken = running.broken_rules()

        standing.figures |= BAD
        alarmed.figures = dict.fromkeys(ALERTMANAGER, 1.0)
        for _ in range(2):
            causes.report("wrong")
        node.close()
        running.reload(lambda text: "broken: " + text)
        with going_on(causes.spoil_the_cache, causes.guess_keys):
            watcher.wait({"CachesFailing", "KeysGuessed"})
        with going_on(*[causes.talk] * 4, causes.hold_the_voice, causes.knock):
            watcher.wait({"SlowTurns", "Refusing"})
        with going_on(*[causes.hang_up] * 4):
            watcher.wait({"TurnsGivenUp"})
        with going_on(causes.lock_the_database):
            watcher.wait({"WritesWaiting"})
        with going_on(causes.kill_the_thinker, causes.ask, causes.fill_the_disk):
            watcher.wait(set(ALERTS))
        told.fired = dict(watcher.fired)

        # Counters stay as they are.
        standing.figures |= {name: (GPU | HOST)[name] for name in BAD if not name.partition("{")[0].endswith("_total")}
        node.enter_context(node_exporter(node_port, folder / "node.log"))
        running.reload(lambda text: text.removeprefix("broken: "))
        deadline = time.monotonic() + FORGET_SECONDS
        with going_on(causes.ask, causes.report_well):
            while watcher.look() and time.monotonic() < deadline:
                time.sleep(0.5)
        told.left = set(watcher.firing)
        yield told


def test_a_box_that_is_off_is_noticed(drill: Drill) -> None:
    assert drill.off == {"ApplianceDown"}


def test_a_box_that_is_well_alarms_nobody(drill: Drill) -> None:
    assert drill.well == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_it_fires(drill: Drill, alert: str) -> None:
    assert alert in drill.fired


@pytest.mark.parametrize("alert", ALERTS)
def test_it_is_over(drill: Drill, alert: str) -> None:
    assert alert not in drill.left


@pytest.mark.parametrize("alert", ALERTS)
def test_its_words_are_whole(drill: Drill, alert: str) -> None:
    for text in drill.fired[alert]["annotations"].values():
        assert "<no value>" not in text
        assert "error" not in text.lower().replace("manyerrors", "").replace("gpuerrors", "").replace("errors", "")
        assert "%!" not in text


def test_alertmanager_is_told_of_all(drill: Drill) -> None:
    assert drill.told == drill.fired.keys()


def test_every_question_of_every_panel_has_an_answer(drill: Drill) -> None:
    assert drill.unanswered == []


def test_every_rule_can_be_worked_out(drill: Drill) -> None:
    assert drill.broken == []
