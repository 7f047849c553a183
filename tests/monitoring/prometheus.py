"""A real Prometheus with the role's configuration, rules and arguments; only the ports and the pace are a test's."""

from __future__ import annotations

import json
import math
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx
from jinja2 import Environment, StrictUndefined

from monitoring.exporters import arguments
from monitoring.programs import ROLE, RULES, program, read, yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

EVERY: Final = "1s"
"""Time between two looks, and the longest that one may take."""
PATIENCE_SECONDS: Final = 30.0
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION: Final = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=offset )(\d+)([smhd])")


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def faster(text: str, times: int) -> str:
    """Durations of an expression, divided. What is counted over more than an hour is counted over one, and so forgotten
    within a minute; a trend needs its time."""
    longest = math.inf if "predict_linear" in text else SECONDS["h"]

    def shorter(found: re.Match[str]) -> str:
        number, unit = found[1] or found[3], found[2] or found[4]
        return f"{int(min(int(number) * SECONDS[unit], longest)) * 1000 // times}ms"

    return DURATION.sub(shorter, text)


def rules_for(folder: Path, times: int) -> None:
    """The role's rules, `times` as fast."""
    folder.mkdir()
    for file in RULES:
        content = read(file)
        for rule in [rule for group in content["groups"] for rule in group["rules"]]:
            rule["expr"] = faster(rule["expr"], times)
            if "for" in rule:
                rule["for"] = faster(f"[{rule['for']}]", times).strip("[]")
        (folder / file.name).write_text(yaml.safe_dump(content))


@dataclass(frozen=True, slots=True)
class Watched:
    """What it reads."""

    box: str
    """Host and port."""
    key: str
    node: Sequence[str]
    alertmanager: str


def configuration(folder: Path, watched: Watched, own: str) -> dict[str, Any]:
    """The role's template, with what a test has in other places."""
    variables = read(ROLE / "defaults" / "main.yml") | {
        "appliance_url_host": watched.box,
        "inventory_hostname": "cupboard",
    }
    template = Environment(autoescape=False, undefined=StrictUndefined)  # noqa: S701 - no page
    text = template.from_string((ROLE / "templates" / "prometheus.yml.j2").read_text()).render(variables)
    config: dict[str, Any] = yaml.safe_load(text)
    config["global"] |= dict.fromkeys(("scrape_interval", "evaluation_interval"), EVERY)
    config["rule_files"] = [str(folder / "rules" / "*.yml")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [watched.alertmanager]
    places = {
        "appliance": [watched.box],
        "node": list(watched.node),
        "alertmanager": [watched.alertmanager],
        "prometheus": [own],
    }
    for job in config["scrape_configs"]:
        (targets,) = job["static_configs"]
        targets["targets"] = places[job["job_name"]]
        if "authorization" in job:
            (folder / "key").write_text(watched.key)
            job["authorization"]["credentials_file"] = str(folder / "key")
    return config


class Prometheus:
    """One that runs."""

    def __init__(self, address: str, config: Path, process: subprocess.Popen[bytes]) -> None:
        self._client = httpx.Client(base_url=f"http://{address}/api/v1", timeout=30)
        self._config, self._process = config, process

    def close(self) -> None:
        """It is asked no more."""
        self._client.close()

    def _get(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Its series now; those that are not numbers, such as a share of nothing, left out."""
        found: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return [each for each in found if each["value"][1] != "NaN"]

    def alerts(self) -> list[dict[str, Any]]:
        """Those that fire."""
        return [each for each in self._get("alerts")["alerts"] if each["state"] == "firing"]

    def broken_rules(self) -> list[str]:
        """What is wrong with rules that cannot be worked out."""
        groups = self._get("rules")["groups"]
        return [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]

    def rules(self) -> int:
        """How many it has."""
        return sum(len(group["rules"]) for group in self._get("rules")["groups"])

    def reload(self, change: Callable[[str], str]) -> None:
        """Have it read its configuration again, after a change."""
        self._config.write_text(change(self._config.read_text()))
        self._process.send_signal(signal.SIGHUP)


def until(good: Callable[[], Any], seconds: float = PATIENCE_SECONDS, every: float = 0.1) -> Any:
    """What `good` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := good()):
        assert time.monotonic() < deadline, f"{seconds} s, and still not so"
        time.sleep(every)
    return found


def answers(address: str) -> bool:
    """Whether somebody does, and well."""
    try:
        return httpx.get(address, timeout=30).is_success
    except httpx.TransportError:
        return False


@contextmanager
def prometheus(folder: Path, watched: Watched, times: int = 1) -> Iterator[Prometheus]:
    """Debian's, which keeps its data in `folder`. `times`: how much faster than real its rules go."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    rules_for(folder / "rules", times)
    config = folder / "prometheus.yml"
    config.write_text(json.dumps(configuration(folder, watched, address)))
    given = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--rules.alert.resend-delay={EVERY}"]
    command = [program("prometheus"), *arguments("prometheus.j2", str(port)), *given]
    with (folder / "log").open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            running = Prometheus(address, config, process)
            until(lambda: answers(f"http://{address}/-/ready") or process.poll() is not None)
            assert process.poll() is None, (folder / "log").read_text()
            yield running
            running.close()
        finally:
            process.terminate()
            process.wait(30)
