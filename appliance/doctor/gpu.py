"""The graphics card: driver, libraries, builds that use it, room for the models. No card is no more than a note."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import psutil

from appliance.catalog.faults import CatalogError
from appliance.doctor import nvidia
from appliance.doctor.check import Check, fault, note, ok, skipped, warning
from appliance.doctor.child import Absent, Forbidden, Unanswered
from appliance.doctor.needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.doctor.ground import Ground
    from appliance.doctor.nvidia import Card

OLDEST_DRIVER: Final = (525, 60, 13)
"""For CUDA 12, by NVIDIA's table of minor version compatibility."""
LIBRARIES: Final = ("libcublas.so.12", "libcudnn.so.9")
"""What CTranslate2 loads by name at its first use of a card. Its builds differ: some do without cuDNN."""
OVERHEAD: Final = "450 to 900 MiB"
"""As it was found on one card, in all; it is not in the manifests."""
ENGINE_SECONDS: Final = 30.0
ENGINES: Final = """
import ctypes, importlib.util, json, mmap, pathlib, re, sys
def why(error):
    absent = re.search(r"(lib[\\w.+-]+): cannot open shared object", str(error))
    return f"{absent[1]} is not there" if absent else type(error).__name__
answer = {"needed": [], "missing": [], "llama": None, "ctranslate2": None}
spec = importlib.util.find_spec("ctranslate2")
folder = pathlib.Path(spec.origin).parent if spec and spec.origin else pathlib.Path("/nowhere")
libraries = [*folder.glob("*.so*"), *folder.with_name("ctranslate2.libs").glob("libctranslate2*")]
for name in sys.argv[1:]:
    for library in libraries:
        with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            if text.find(name.rpartition(".")[0].encode()) >= 0 and name not in answer["needed"]:
                answer["needed"].append(name)
from appliance.engines.cuda import preload
preload()
for name in answer["needed"]:
    try:
        ctypes.CDLL(name)
    except OSError:
        answer["missing"].append(name)
try:
    from llama_cpp import llama_cpp
    answer["llama"] = bool(llama_cpp.llama_supports_gpu_offload())
except Exception as error:
    answer["llama_error"] = why(error)
try:
    import ctranslate2
    answer["ctranslate2"] = ctranslate2.get_cuda_device_count()
except Exception as error:
    answer["ctranslate2_error"] = why(error)
print("\\n" + json.dumps(answer))
"""
"""Run in a process of its own: the engines' libraries stay out of this one, and their faults too. It finds CUDA's as
the engines' workers do: those that came as wheels are loaded first."""


def checks(ground: Ground) -> Iterator[Check]:
    """First whether there is a card that answers, then what is built upon it."""
    cards, seen = _cards(ground)
    if seen is not None:
        yield seen
    yield from _builds(ground, cards)
    if cards:
        yield _driver(cards)
        yield from _memory(ground, cards)
        yield _persistence(cards)


def _cards(ground: Ground) -> tuple[list[Card], Check | None]:
    pci = _on_the_bus(ground.places.root)
    demanded = ground.known and ground.settings.stt.device == "cuda"
    try:
        cards = nvidia.cards(ground.ask)
    except Absent:
        if pci:
            do = "Install the driver (Debian: `nvidia-driver`), and restart the machine."
            return [], warning("gpu", f"{pci} NVIDIA card(s) on the bus, and no driver: all runs on the CPU", do)
        seen = "no NVIDIA card"
    except Forbidden as error:
        return [], skipped("gpu", str(error))
    except Unanswered as error:
        return [], fault("gpu", str(error), "The driver hangs: see `dmesg | grep -i nvrm`, and restart the machine.")
    except nvidia.NoCards as error:
        if not (re.search("no devices", str(error), re.IGNORECASE) and not pci):
            do = "After an upgrade of the driver restart the machine; else see `dmesg | grep -i nvrm`."
            return [], fault("gpu", str(error), do)
        seen = "a driver, and no NVIDIA card"
    else:
        names = ", ".join(f"{card.name} ({card.total or '?'} MiB)" for card in cards)
        uvm = ground.places.root / "dev/nvidia-uvm"
        if (ground.places.root / "dev/nvidiactl").exists() and not uvm.exists():
            do = "`modprobe nvidia-uvm`, and have it loaded at each start: /etc/modules-load.d/."
            return cards, fault("gpu", f"{names}: there, but {uvm} is not, so no program can compute on it", do)
        return cards, ok("gpu", names)
    if demanded:
        return [], fault("gpu", f"{seen}, but stt.device is cuda", "Set stt.device to auto, or install the card.")
    return [], note("gpu", f"{seen}: everything runs on the CPU")


def _on_the_bus(root: Path) -> int:
    """Number of NVIDIA's display controllers, by what the kernel says of the bus."""
    found = 0
    for device in (root / "sys/bus/pci/devices").glob("*"):
        try:
            vendor, kind = ((device / name).read_text().strip() for name in ("vendor", "class"))
        except OSError:
            continue
        found += vendor == "0x10de" and kind.startswith("0x03")
    return found


def _driver(cards: list[Card]) -> Check:
    version = cards[0].driver
    numbers = tuple(int(part) for part in re.findall(r"\d+", version))
    if not numbers:
        return note("gpu driver", "the driver does not say its version")
    oldest = ".".join(map(str, OLDEST_DRIVER))
    if numbers < OLDEST_DRIVER:
        return fault("gpu driver", f"{version}: too old for CUDA 12", f"Install {oldest} or newer.")
    return ok("gpu driver", f"{version} (CUDA 12 needs {oldest})")


def _builds(ground: Ground, cards: list[Card]) -> Iterator[Check]:
    try:
        answer = ground.ask((sys.executable, "-P", "-c", ENGINES, *LIBRARIES), ENGINE_SECONDS)
        told: dict[str, Any] = json.loads(answer.out.strip().rpartition("\n")[2])
    except (Absent, Forbidden) as error:
        yield skipped("engines", str(error))
        return
    except Unanswered as error:
        yield warning("engines", f"their libraries: {error}", "The machine is overloaded, or its disk is slow.")
        return
    except ValueError:
        do = "Was it compiled for another processor? Install the bundle for this one."
        yield fault("engines", f"the libraries of the engines do not load: status {answer.code}", do)
        return
    if broken := [f"{name} ({told[f'{name}_error']})" for name in ("llama", "ctranslate2") if f"{name}_error" in told]:
        seen = f"their libraries do not load: {', '.join(broken)}"
        yield fault("engines", seen, "Install what is not there (libgomp.so.1 is in libgomp1), or the release again.")
    if told["llama"] is not None:
        yield _llama(told["llama"], cards)
    if not cards:
        yield skipped("gpu libraries", "there is no card that would need them")
    elif told["missing"]:
        do = "Install cuBLAS 12 (and cuDNN 9 if it is named) and run `ldconfig`, or name its folder in LD_LIBRARY_PATH."
        yield fault("gpu libraries", f"{', '.join(told['missing'])}: not found, so listening fails on the card", do)
    elif not told["ctranslate2"]:
        do = "See `nvidia-smi` as the appliance's user, and CUDA_VISIBLE_DEVICES."
        yield warning("gpu libraries", "found, but CTranslate2 sees no card", do)
    else:
        yield ok("gpu libraries", f"{', '.join(told['needed'])} found; CTranslate2 sees {told['ctranslate2']} card(s)")


def _llama(offloads: bool, cards: list[Card]) -> Check:
    if offloads and not cards:
        return note("llama.cpp", "built for a card, and there is none: it runs on the CPU")
    if cards and not offloads:
        do = "Install a bundle with `cuda`, or build with CMAKE_ARGS=-DGGML_CUDA=on."
        return warning("llama.cpp", "built for the CPU alone: the card does not help the language model", do)
    return ok("llama.cpp", "built for the card" if offloads else "built for the CPU")


def _memory(ground: Ground, cards: list[Card]) -> Iterator[Check]:
    if not ground.known:
        return
    try:
        needed = needs(ground.settings)
    except CatalogError:
        return
    totals, frees = [card.total for card in cards], [card.free for card in cards]
    if None in totals or None in frees:
        yield note("gpu memory", "the driver does not say how much memory there is")
        return
    total, free = sum(filter(None, totals)), sum(filter(None, frees))
    own = sum(size for pid, size in nvidia.used(ground.ask).items() if _ours(pid))
    wanted = -(-needed.vram_mb * 1_000_000 // 2**20)
    seen = f"{free} of {total} MiB free, {own} used by the appliance; {ground.settings.models.set} needs {wanted} MiB"
    seen += f", and CUDA {OVERHEAD} for itself"
    if wanted > total:
        do = "Choose a smaller set (`appliance models list`), or part of the layers: llm.gpu_layers."
        yield fault("gpu memory", seen, do)
    elif wanted > free + own:
        yield warning("gpu memory", seen, "Another program uses the card: `nvidia-smi` names it.")
    else:
        yield ok("gpu memory", seen)


def _ours(pid: int) -> bool:
    try:
        return "appliance.engines.worker" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _persistence(cards: list[Card]) -> Check:
    if all(card.persistent for card in cards):
        return ok("gpu persistence", "on")
    if any(card.persistent is False for card in cards):
        do = "`systemctl enable --now nvidia-persistenced`."
        return note("gpu persistence", "off: after idling, the first program waits for the driver", do)
    return note("gpu persistence", "the driver does not say")
