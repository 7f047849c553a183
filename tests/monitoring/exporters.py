"""What Prometheus reads beside the appliance: Debian's node exporter as the role starts it, and a stand-in for what no
machine of a test has: a GPU, a systemd whose units fail, and an Alertmanager, as Debian's wants files in /usr/share."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, StrictUndefined

from monitoring.programs import ROLE, program, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GPU: Final = {
    'appliance_gpu_info{driver="575.57.08",gpu="0",name="NVIDIA H100 80GB HBM3"}': 1.0,
    'appliance_gpu_utilisation_ratio{gpu="0"}': 0.25,
    'appliance_gpu_memory_bytes{gpu="0",kind="total"}': 85e9,
    'appliance_gpu_memory_bytes{gpu="0",kind="used"}': 2e9,
    'appliance_gpu_temperature_celsius{gpu="0"}': 41.0,
    'appliance_gpu_power_watts{gpu="0"}': 120.5,
    'appliance_gpu_power_limit_watts{gpu="0"}': 700.0,
    'appliance_gpu_clock_hertz{clock="sm",gpu="0"}': 1.98e9,
    'appliance_gpu_clock_hertz{clock="memory",gpu="0"}': 2.619e9,
    'appliance_gpu_throttled{gpu="0",reason="thermal"}': 0.0,
    'appliance_gpu_throttled{gpu="0",reason="power"}': 0.0,
    'appliance_gpu_uncorrected_errors_total{gpu="0"}': 0.0,
}
"""As the appliance shows them on a box that has a card."""
HOST: Final = {
    'node_systemd_unit_state{name="appliance-backup.service",state="failed",type="oneshot"}': 0.0,
    'node_systemd_unit_state{name="appliance-verify.service",state="failed",type="oneshot"}': 0.0,
    'node_systemd_unit_state{name="caddy.service",state="active",type="notify"}': 1.0,
    'node_systemd_service_restart_total{name="appliance.service"}': 0.0,
    'node_systemd_timer_last_trigger_seconds{name="appliance-backup.timer"}': 4e9,
    'node_scrape_collector_success{collector="systemd"}': 1.0,
    "node_memory_MemAvailable_bytes": 3e9,
    "node_memory_MemTotal_bytes": 4e9,
    "node_vmstat_oom_kill": 0.0,
    "node_timex_sync_status": 1.0,
    "node_timex_offset_seconds": 0.001,
    'node_filesystem_avail_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"}': 6e10,
    'node_filesystem_size_bytes{device="/dev/sda1",fstype="ext4",mountpoint="/"}': 9e10,
}
"""As node exporter shows them."""
ALERTMANAGER: Final = {'alertmanager_notifications_failed_total{integration="email"}': 0.0}
"""As Alertmanager shows them."""


class StandIn:
    """Figures that a test sets, and the names of alerts that it is told of, as Alertmanager is."""

    def __init__(self, figures: dict[str, float]) -> None:
        self.figures = dict(figures)
        self.told: set[str] = set()
        self.target = ""

    def text(self) -> str:
        """In Prometheus' text format."""
        lines, told = [], set()
        for series, value in sorted(self.figures.items()):
            name = series.partition("{")[0]
            if name not in told:
                lines.append(f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}")
                told.add(name)
            lines.append(f"{series} {value!r}")
        return "\n".join([*lines, ""])


@contextmanager
def stand_in(figures: dict[str, float]) -> Iterator[StandIn]:
    """One that answers at its `target`."""
    standing = StandIn(figures)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(standing.text().encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/api/v2/alerts":
                standing.told.update(alert["labels"]["alertname"] for alert in json.loads(body))
            self.answer(b"")

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        standing.target = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield standing
        finally:
            server.shutdown()
            thread.join()


def arguments(template: str, port: str, **variables: Any) -> list[str]:
    """What the role tells a daemon by `ARGS`, but for its port, which on a machine of tests may be another's."""
    given = read(ROLE / "defaults" / "main.yml") | read(ROLE / "vars" / "main.yml") | variables
    text = Environment(autoescape=False, undefined=StrictUndefined).from_string(  # noqa: S701 - no page
        (ROLE / "templates" / template).read_text()
    )
    (line,) = re.findall(r'^ARGS="(.*)"$', text.render(given), re.MULTILINE)
    return [re.sub(r"127\.0\.0\.1:9\d+$", f"127.0.0.1:{port}", each) for each in shlex.split(f"{line!s}", posix=False)]


@contextmanager
def node_exporter(port: int, log: Path) -> Iterator[str]:
    """Debian's, as the role starts it; its address. What it cannot see in a container it leaves out."""
    command = [program("prometheus-node-exporter"), *arguments("node-exporter.j2", str(port))]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
