"""The GPU, by what nvidia-smi really prints."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.doctor import gpu, nvidia
from appliance.doctor.child import Answer, Unanswered, ask
from appliance.doctor.needs import needs
from doctor.standing import Asked, found, outcomes, standing

if TYPE_CHECKING:
    from collections.abc import Sequence

H100 = Answer(0, "0, NVIDIA H100 80GB HBM3, 550.90.07, 81559, 81008, Enabled\n")
TWO = Answer(
    0,
    "0, NVIDIA GeForce RTX 3090, 535.183.01, 24576, 24252, Disabled\n"
    "1, NVIDIA GeForce RTX 3090, 535.183.01, 24576, 2000, Disabled\n",
)
OLD = Answer(0, "0, Tesla K80, 470.256.02, 11441, 11380, Enabled\n")
UNIFIED = Answer(0, "0, NVIDIA GB10, 580.95.05, [N/A], [N/A], [N/A]\n")
VIRTUAL = Answer(0, "0, GRID A100D-20C, 525.60.13, 20480, 20000, [Not Supported]\n")
NO_DEVICES = Answer(6, "No devices were found\n")
NO_DRIVER = Answer(
    9,
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
    "Make sure that the latest NVIDIA driver is installed and running.\n\n",
)
MISMATCH = Answer(
    18, "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.107\n"
)  # fmt: skip
LOST = Answer(
    15, "Unable to determine the device handle for GPU0000:65:00.0: GPU is lost.  "
    "Reboot the system to recover this GPU\n",
)  # fmt: skip
BROKEN = Answer(0, '{"needed": [], "missing": [], "llama": null, "llama_error": "OSError", "ctranslate2": 1}')
NO_PROGRAMS = Answer(0, "")


def engines(*, llama: bool = True, cards: int = 1, missing: tuple[str, ...] = ()) -> Answer:
    told = {"needed": ["libcublas.so.12"], "missing": missing, "llama": llama, "ctranslate2": cards}
    return Answer(0, "ggml_cuda_init: found 1 CUDA devices:\n\n" + json.dumps(told) + "\n")


@pytest.mark.parametrize(
    ("answer", "card"),
    [
        (H100, ("NVIDIA H100 80GB HBM3", "550.90.07", 81559, 81008, True)),
        (TWO, ("NVIDIA GeForce RTX 3090", "535.183.01", 24576, 24252, False)),
        (UNIFIED, ("NVIDIA GB10", "580.95.05", None, None, None)),
        (VIRTUAL, ("GRID A100D-20C", "525.60.13", 20480, 20000, None)),
    ],
)
def test_cards_are_read(answer: Answer, card: tuple[str, str, int | None, int | None, bool | None]) -> None:
    first, *others = nvidia.cards(Asked({"--query-gpu": answer}))
    assert (first.name, first.driver, first.total, first.free, first.persistent) == card
    assert len(others) == (answer is TWO)


@pytest.mark.parametrize("answer", [NO_DEVICES, NO_DRIVER, MISMATCH, LOST, Answer(0, ""), Answer(0, "weather: fine\n")])
def test_what_is_no_card_is_none(answer: Answer) -> None:
    with pytest.raises(nvidia.NoCards):
        nvidia.cards(Asked({"--query-gpu": answer}))


def test_use_is_added_up_by_process() -> None:
    asked = Asked({"--query-compute-apps": Answer(0, "12, 750\n12, 10\n13, [N/A]\n")})
    assert nvidia.used(asked) == {12: 760}
    assert nvidia.used(Asked({})) == {}


def test_a_good_card(tmp_path: Path) -> None:
    ground = standing(tmp_path, {"--query-gpu": H100, "compute-apps": NO_PROGRAMS, "-c": engines()})
    checks = found(gpu.checks, ground)
    assert {check.outcome for check in checks.values()} == {"ok"}
    assert set(checks) == {"gpu", "llama.cpp", "gpu libraries", "gpu driver", "gpu memory", "gpu persistence"}


def test_no_card_is_a_note_unless_one_is_asked_for(tmp_path: Path) -> None:
    cpu = {"-c": engines(llama=False, cards=0)}
    assert outcomes(gpu.checks, standing(tmp_path, cpu)) == {
        "gpu": "note", "llama.cpp": "ok", "gpu libraries": "skipped",
    }  # fmt: skip
    assert outcomes(gpu.checks, standing(tmp_path, {**cpu, "nvidia-smi": NO_DEVICES}))["gpu"] == "note"
    demanding = standing(tmp_path, cpu, sections={"stt": {"device": "cuda"}})
    assert outcomes(gpu.checks, demanding)["gpu"] == "fault"


@pytest.mark.parametrize("answer", [NO_DRIVER, MISMATCH, LOST, Unanswered("nvidia-smi gave no answer within 20 s")])
def test_a_driver_that_fails_is_a_fault(tmp_path: Path, answer: Answer | Exception) -> None:
    ground = standing(tmp_path, {"nvidia-smi": answer, "-c": engines()})
    assert outcomes(gpu.checks, ground)["gpu"] == "fault"


def test_a_card_on_the_bus_without_a_driver(tmp_path: Path) -> None:
    device = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "class").write_text("0x030000\n")
    assert outcomes(gpu.checks, standing(tmp_path, {"-c": engines()}))["gpu"] == "warning"
    (device / "class").write_text("0x040300\n")  # its sound output
    assert outcomes(gpu.checks, standing(tmp_path, {"-c": engines()}))["gpu"] == "note"


def test_nothing_computes_without_its_device_file(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidiactl").touch()
    ground = standing(tmp_path, {"--query-gpu": H100, "-c": engines()})
    assert outcomes(gpu.checks, ground)["gpu"] == "fault"
    (tmp_path / "dev/nvidia-uvm").touch()
    assert outcomes(gpu.checks, ground)["gpu"] == "ok"


@pytest.mark.parametrize(
    ("smi", "told", "name", "outcome"),
    [
        (OLD, engines(), "gpu driver", "fault"),
        (VIRTUAL, engines(), "gpu driver", "ok"),
        (H100, engines(llama=False), "llama.cpp", "warning"),
        (H100, engines(missing=("libcudnn.so.9",)), "gpu libraries", "fault"),
        (H100, engines(cards=0), "gpu libraries", "warning"),
        (H100, Answer(-11, ""), "engines", "fault"),
        (H100, BROKEN, "engines", "fault"),
        (H100, Unanswered("python gave no answer within 30 s"), "engines", "warning"),
        (TWO, engines(), "gpu persistence", "note"),
        (UNIFIED, engines(), "gpu memory", "note"),
    ],
)  # fmt: skip
def test_what_is_built_upon_it(
    tmp_path: Path, smi: Answer, told: Answer | Exception, name: str, outcome: str
) -> None:  # fmt: skip
    ground = standing(tmp_path, {"--query-gpu": smi, "compute-apps": NO_PROGRAMS, "-c": told})
    assert outcomes(gpu.checks, ground)[name] == outcome


@pytest.mark.parametrize(("chosen", "outcome"), [("gpu-8gb", "ok"), ("gpu-16gb", "warning"), ("gpu-48gb", "fault")])
def test_memory_against_the_set(tmp_path: Path, chosen: str, outcome: str) -> None:
    smi = Answer(0, "0, NVIDIA L4, 550.90.07, 16376, 7000, Enabled\n")
    answers = {"--query-gpu": smi, "compute-apps": NO_PROGRAMS, "-c": engines()}
    ground = standing(tmp_path, answers, sections={"models": {"set": chosen}})
    check = found(gpu.checks, ground)["gpu memory"]
    assert (check.outcome, "CUDA 450 to 900 MiB for itself" in check.seen) == (outcome, True)


@pytest.mark.parametrize("chosen", ["starter", "gpu-16gb"])
def test_the_doctor_counts_as_the_role_does(tmp_path: Path, chosen: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, str(root / "ansible/roles/models/files/needs.py"), str(root / "models"), chosen]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    counted = needs(standing(tmp_path, sections={"models": {"set": chosen}}).settings)
    assert (counted.ram_mb, counted.vram_mb) == (told["ram_mb"], told["vram_mb"])


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no compiler to make a library that stands in")
def test_cudas_libraries_count_where_the_engines_find_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From wheels they lie in site-packages, where the loader does not look."""
    lib, driver = tmp_path / "site/nvidia/cublas/lib", tmp_path / "driver"
    for name, folder in (("libcublas.so.12", lib), ("libcuda.so.1", driver)):
        folder.mkdir(parents=True)
        make = ["cc", "-shared", "-o", str(folder / name), f"-Wl,-soname,{name}", "-x", "c", "/dev/null"]
        subprocess.run(make, check=True)
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}:{tmp_path / 'site'}")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(driver))
    done = ask((sys.executable, "-P", "-c", gpu.ENGINES, "libcublas.so.12"), gpu.ENGINE_SECONDS)
    told = json.loads(done.out.strip().splitlines()[-1])
    assert (told["needed"], told["missing"]) == (["libcublas.so.12"], [])


def test_the_engines_are_really_asked(tmp_path: Path) -> None:
    """In a process of their own; this machine's build, whatever it is."""
    answers: list[Answer] = []

    def real(command: Sequence[str], seconds: float) -> Answer:
        if "-c" not in command:
            return NO_DEVICES
        answers.append(ask(command, seconds))
        return answers[-1]

    checks = found(gpu.checks, standing(tmp_path, ask=real))
    assert checks["llama.cpp"].outcome in ("ok", "note")
    told = json.loads(answers[0].out.strip().splitlines()[-1])
    assert "libcublas.so.12" in told["needed"]
    assert isinstance(told["ctranslate2"], int)
