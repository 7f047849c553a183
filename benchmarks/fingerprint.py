"""What figures were measured on and with: nothing in it names a person, a host, an address or a folder."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psutil

import appliance
from appliance.catalog.faults import CatalogError
from appliance.catalog.lineup import catalog
from appliance.catalog.shelf import Shelf
from appliance.engines.host import ENVIRONMENT
from appliance.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.catalog.lineup import Lineup

LIBRARIES: Final = (
    "ctranslate2", "faster-whisper", "llama-cpp-python", "piper-tts", "onnxruntime", "numpy", "litestar", "uvicorn",
)  # fmt: skip
SECTIONS: Final = ("stt", "llm", "tts", "turn", "embed", "voice", "cache", "limits", "workers")
"""Of the settings: those that a figure can depend on."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}")
"""Of a model or a mode; anything longer may be somebody's own words."""
BUSY: Final = 0.15
"""Load for each core from which on figures are doubtful."""
GIT_SECONDS: Final = 20
BUILDS_SECONDS: Final = 120
BUILDS: Final = """
import json
from appliance.engines.cuda import preload
preload()
told = {}
try:
    from llama_cpp import llama_cpp
    told["llama_cpp_for_gpu"] = bool(llama_cpp.llama_supports_gpu_offload())
except Exception as error:
    told["llama_cpp_for_gpu"] = type(error).__name__
try:
    import ctranslate2
    told["ctranslate2_sees_gpus"] = ctranslate2.get_cuda_device_count()
except Exception as error:
    told["ctranslate2_sees_gpus"] = type(error).__name__
print("\\n" + json.dumps(told))
"""
"""In a process of its own: a library that does not load must not end the benchmark."""
PASSING: Final = ("when", "commit", "dirty", "load")
"""What differs between two runs without making them incomparable."""


def fingerprint(settings: Settings, lineup: Lineup, speech: dict[str, Any]) -> dict[str, Any]:
    """All of it, as JSON has it; `speech` says where the recordings are from."""
    load = round(os.getloadavg()[0], 2)
    cores = len(os.sched_getaffinity(0))
    commit, dirty = _commit()
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "dirty": dirty,
        "appliance": appliance.__version__,
        "processor": {"model": _processor(), "architecture": platform.machine(), "cores": cores, **_frequency()},
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "gpus": list(gpus()),
        "system": {"kernel": platform.release(), "distribution": _distribution(), "python": platform.python_version()},
        "builds": _builds(),
        "libraries": dict(_versions()),
        "models": {
            model.role if model.role != "tts" else f"tts {model.voice}": {
                "name": model.name, "sha256": _digest(settings, model.name),
            }
            for model in (lineup.stt, lineup.llm, *lineup.voices, lineup.turn, lineup.embed)
            if model is not None
        },
        "settings": changed(settings),
        "workers_environment": dict(ENVIRONMENT),
        "speech": speech,
        "load": {"at_start": load, "busy": load > max(0.5, BUSY * cores), "another_box": another_box()},
    }  # fmt: skip


def doubts(about: dict[str, Any]) -> Iterator[str]:
    """Sentences about a fingerprint that make its figures doubtful."""
    load = about.get("load", {})
    if load.get("another_box"):
        yield "Another appliance runs on this machine and shares it: stop it, or take these figures for what is left."
    if load.get("busy"):
        yield f"The machine was busy at the start (load {load['at_start']:g}): figures are worse than it can do."
    if about.get("dirty"):
        yield "The checkout differs from its commit."
    if about.get("processor", {}).get("governor") in ("powersave", "ondemand", "conservative"):
        yield f"The processor's governor is {about['processor']['governor']!r}: clocks change while it is measured."


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Where two fingerprints differ in what figures depend on, as `path: one, other`."""
    one, other = dict(_leaves(before)), dict(_leaves(after))
    return [
        f"{path}: {one.get(path, 'not there')}, {other.get(path, 'not there')}"
        for path in sorted({*one, *other})
        if path.split(".", 1)[0] not in PASSING and one.get(path) != other.get(path)
    ]


def changed(settings: Settings) -> dict[str, Any]:
    """Settings that differ from their defaults; of texts only short names are shown."""
    usual, found = Settings(), {}
    for section in SECTIONS:
        mine, theirs = (msgspec.structs.asdict(getattr(each, section)) for each in (settings, usual))
        for field, value in mine.items():
            if value != theirs[field]:
                found[f"{section}.{field}"] = _shown(value)
    if settings.models.set != usual.models.set:
        found["models.set"] = _shown(settings.models.set)
    return found


def another_box() -> bool:
    """Whether another appliance has workers on this machine; those of a benchmark's own come later."""
    for process in psutil.process_iter(["cmdline"]):
        if "appliance.engines.worker" in (process.info["cmdline"] or ()):
            return True
    return False


def _digest(settings: Settings, name: str) -> str:
    """Of a model's one file, or of the digests of all; its beginning. "" where the catalog does not know them."""
    try:
        model, lock = catalog(settings).models[name], Shelf(settings.models_dir).lock()
    except (CatalogError, KeyError):
        return ""
    known = [digest.sha256 for file in model.files if (digest := lock.expected(model, file)) is not None]
    if len(known) != len(model.files):
        return ""
    return (known[0] if len(known) == 1 else hashlib.sha256("".join(known).encode()).hexdigest())[:16]


def _shown(value: object) -> object:
    if isinstance(value, str):
        return value if NAME.fullmatch(value) else "(set)"
    return value if isinstance(value, bool | int | float) else "(set)"


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from _leaves(each, f"{path}.{number}")
    else:
        yield path, value


def _commit() -> tuple[str, bool]:
    """Of the checkout that this is run from; "" for an installed one."""
    folder = Path(appliance.__file__).parents[1]
    if not (folder / ".git").exists():
        return "", False
    with suppress(OSError, subprocess.TimeoutExpired):
        told = [
            subprocess.run(
                ["git", "-C", str(folder), *words],  # noqa: S607 - wherever this system has it
                capture_output=True, text=True, timeout=GIT_SECONDS, check=False,
            ).stdout.strip()
            for words in (("rev-parse", "--short=10", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]  # fmt: skip
        return told[0], bool(told[1])
    return "", False


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _frequency() -> dict[str, Any]:
    """Governor and highest clock, where the kernel says them; virtual machines seldom do."""
    found: dict[str, Any] = {}
    folder = Path("/sys/devices/system/cpu/cpu0/cpufreq")
    with suppress(OSError):
        found["governor"] = (folder / "scaling_governor").read_text().strip()
    with suppress(OSError, ValueError):
        found["max_mhz"] = int((folder / "cpuinfo_max_freq").read_text()) // 1000
    return found


def _distribution() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    return "unknown"


def _versions() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            yield name, version(name)


def _builds() -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", BUILDS],
            capture_output=True, text=True, timeout=BUILDS_SECONDS, check=False,
            env={**os.environ, "PYTHONPATH": str(Path(appliance.__file__).parents[1])},
        )  # fmt: skip
        told: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return told


def gpus() -> Iterator[dict[str, Any]]:
    """Cards by NVML; none where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return
    try:
        driver = pynvml.nvmlSystemGetDriverVersion()
        for index in range(pynvml.nvmlDeviceGetCount()):
            card = pynvml.nvmlDeviceGetHandleByIndex(index)
            told = {"name": pynvml.nvmlDeviceGetName(card), "driver": driver}
            with suppress(pynvml.NVMLError):
                told["memory_gb"] = round(pynvml.nvmlDeviceGetMemoryInfo(card).total / 1e9, 1)
            with suppress(pynvml.NVMLError):
                told["power_limit_watts"] = pynvml.nvmlDeviceGetPowerManagementLimit(card) // 1000
            yield told
    except pynvml.NVMLError:
        return
    finally:
        pynvml.nvmlShutdown()
