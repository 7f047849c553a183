"""The compiled llama.cpp: which wheel it is, and what a machine must have to run it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from appliance.bundle import pins
from appliance.bundle.faults import BundleError

if TYPE_CHECKING:
    from appliance.bundle.pins import Pin

LIBRARIES: Final = "llama_cpp/lib/"
OPTIONS: Final = "options"
"""File beside the wheel in the folder that setup.sh keeps: the CMake options that it was compiled with."""
NATIVE: Final = frozenset(
    # What a compiler told to use "this CPU" (GGML_NATIVE) may put into a program, as /proc/cpuinfo calls it.
    (
        *("ssse3", "sse4_1", "sse4_2", "popcnt", "movbe", "abm", "bmi1", "bmi2", "adx", "f16c", "fma", "avx", "avx2"),
        *("avx_vnni", "avx_ifma", "avx_vnni_int8", "avx_ne_convert", "vaes", "vpclmulqdq", "gfni"),
        *("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512ifma", "avx512vbmi", "avx512_vbmi2"),
        *("avx512_vnni", "avx512_bitalg", "avx512_vpopcntdq", "avx512_bf16", "avx512_fp16"),
        *("amx_tile", "amx_int8", "amx_bf16"),
        *(
            "asimd",
            "asimddp",
            "asimdhp",
            "asimdrdm",
            "fphp",
            "i8mm",
            "bf16",
            "sve",
            "sve2",
            "svei8mm",
            "svebf16",
            "sme",
        ),
    )
)
TOLD: Final = {
    # What the library says of itself (ggml_cpu_has_…) → flags in /proc/cpuinfo that it then needs.
    "ssse3": ("ssse3",),
    "avx": ("avx",),
    "avx_vnni": ("avx_vnni",),
    "avx2": ("avx2",),
    "f16c": ("f16c",),
    "fma": ("fma",),
    "bmi2": ("bmi2",),
    "avx512": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "avx512_vbmi": ("avx512vbmi",),
    "avx512_vnni": ("avx512_vnni",),
    "avx512_bf16": ("avx512_bf16",),
    "amx_int8": ("amx_tile", "amx_int8"),
    "neon": ("asimd",),
    "dotprod": ("asimddp",),
    "fp16_va": ("asimdhp",),
    "matmul_int8": ("i8mm",),
    "sve": ("sve",),
    "sme": ("sme",),
}
ASK_SECONDS: Final = 60
_ASK: Final = """
import ctypes, json, sys
library, names = ctypes.CDLL(sys.argv[1]), sys.argv[2:]
print(json.dumps([name for name in names if getattr(library, "ggml_cpu_has_" + name)()]))
"""


def pin(checkout: Path, wheel: Path, sha256: str) -> Pin:
    """The pin for the compiled wheel. Raises BundleError if it is not of the version in llama.lock."""
    (locked,) = pins.read(checkout / "llama.lock")
    try:
        name, version, *_ = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise BundleError(f"{wheel}: is not named as a wheel is: {error}") from error
    if (name, str(version)) != (locked.name, locked.version):
        raise BundleError(f"{wheel}: is not {locked.requirement}, which llama.lock names")
    return pins.Pin(locked.name, locked.version, None, frozenset([sha256]))


def kept(checkout: Path) -> Path:
    """The wheel that setup.sh compiled for this checkout. Raises BundleError if it is gone."""
    folder = checkout / ".venv" / "llama-wheel"
    found = sorted(folder.glob("llama_cpp_python-*.whl"))
    if len(found) != 1:
        raise BundleError(
            f"{folder}: has no compiled llama.cpp wheel. Have it made with `rm -rf .venv && ./setup.sh`, "
            "or name one with --llama-wheel."
        )
    return found[0].resolve()


def flags(wheel: Path, cpuinfo: Path = Path("/proc/cpuinfo")) -> tuple[str, ...]:
    """Flags of /proc/cpuinfo without which the wheel's code would die on an instruction that is not there, sorted.

    One that setup.sh compiled for "this CPU" may use whatever this CPU has that a compiler uses: setup.sh keeps such
    a wheel apart by this CPU's flags, so they are the ones it was made on. Of any other the library itself is asked.
    """
    options = wheel.parent / OPTIONS
    if options.is_file() and not re.search(
        r"-DGGML_NATIVE(:\w+)?=(OFF|0|NO|FALSE)\b", options.read_text(), re.IGNORECASE
    ):
        line = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
        return tuple(sorted(NATIVE.intersection(line[1].split() if line else ())))
    return tuple(sorted({flag for name in _told(wheel) for flag in TOLD[name]}))


def glibc(wheel: Path) -> str:
    """The oldest C library that its libraries load with, such as "2.34"."""
    newest = 0
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.startswith(LIBRARIES) and ".so" in member:
                newest = max([newest, *map(int, re.findall(rb"\0GLIBC_2\.(\d+)", archive.read(member)))])
    return f"2.{newest}"


def has_cuda(wheel: Path) -> bool:
    """Whether it was compiled with GGML_CUDA."""
    with zipfile.ZipFile(wheel) as archive:
        return any(member.startswith(f"{LIBRARIES}libggml-cuda") for member in archive.namelist())


def _told(wheel: Path) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="llama-") as aside:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.startswith(LIBRARIES)]
            archive.extractall(aside, members)
        library = Path(aside) / LIBRARIES / "libggml-cpu.so"
        # In a child: code for another CPU may die while it is loaded.
        done = subprocess.run(
            [sys.executable, "-c", _ASK, str(library), *TOLD],
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise BundleError(
            f"{wheel}: its library could not be asked which CPU flags it needs: it does not load here "
            f"({done.stderr.strip().splitlines()[-1:] or done.returncode})"
        )
    told: list[str] = json.loads(done.stdout)
    return told
