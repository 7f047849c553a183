"""The devices of this machine and how much of their memory is free.

GPUs are asked through ggml, in the order in which llama.cpp itself takes them, so an index here is an index for
`main_gpu` and `tensor_split`. A build for the CPU alone has none. With several GPUs it has only been run against a
stand-in for the library.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

GPU: Final = 1
INTEGRATED: Final = 2
"""`ggml_backend_dev_type`: with its own memory, and with the machine's."""

CGROUPS: Final = Path("/sys/fs/cgroup")
OWN_CGROUP: Final = Path("/proc/self/cgroup")


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device. Sizes in bytes."""

    name: str
    description: str = ""
    kind: Literal["cpu", "gpu"]
    free: int
    total: int
    shared: bool = False
    """A GPU without memory of its own: it takes from the CPU's."""
    splits_rows: bool = False
    """Whether a matrix can lie on several GPUs row by row."""


def devices() -> list[Device]:
    """The CPU first, then the GPUs that llama.cpp would use."""
    from llama_cpp._ggml import libggml

    free, total = memory()
    return [Device(name="CPU", kind="cpu", free=free, total=total), *gpus(libggml)]


def gpus(library: Any) -> list[Device]:
    """The GPUs of a ggml library: all with memory of their own, or else the integrated ones."""

    def call(name: str, result: Any, *arguments: Any) -> Any:
        function = getattr(library, name)
        function.restype, function.argtypes = result, [type(each) for each in arguments]
        return function(*arguments)

    found: list[tuple[int, Device]] = []
    for index in range(call("ggml_backend_dev_count", ctypes.c_size_t)):
        handle = ctypes.c_void_p(call("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t(index)))
        kind = call("ggml_backend_dev_type", ctypes.c_int, handle)
        if kind not in (GPU, INTEGRATED):
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        call("ggml_backend_dev_memory", None, handle, ctypes.pointer(free), ctypes.pointer(total))
        backend = ctypes.c_void_p(call("ggml_backend_dev_backend_reg", ctypes.c_void_p, handle))
        rows = ctypes.c_char_p(b"ggml_backend_split_buffer_type")
        device = Device(
            name=call("ggml_backend_dev_name", ctypes.c_char_p, handle).decode(errors="replace"),
            description=call("ggml_backend_dev_description", ctypes.c_char_p, handle).decode(errors="replace"),
            kind="gpu",
            free=free.value,
            total=total.value,
            shared=kind == INTEGRATED,
            splits_rows=bool(call("ggml_backend_reg_get_proc_address", ctypes.c_void_p, backend, rows)),
        )
        found.append((kind, device))
    own = [device for kind, device in found if kind == GPU]
    return own or [device for _, device in found]


def memory(cgroups: Path = CGROUPS, own: Path = OWN_CGROUP) -> tuple[int, int]:
    """Bytes of main memory that are free and that there are, as far as this process's control groups let it."""
    machine = psutil.virtual_memory()
    free, total = int(machine.available), int(machine.total)
    for limit, used in _limits(cgroups, own):
        free, total = min(free, max(0, limit - used)), min(total, limit)
    return free, total


def _limits(cgroups: Path, own: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of each control group above this process that has a limit."""
    try:
        lines = own.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            root, names = cgroups, ("memory.max", "memory.high", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root, names = (
                cgroups / "memory",
                ("memory.limit_in_bytes", "", "memory.usage_in_bytes", "total_inactive_file"),
            )
        else:
            continue
        for parent in (Path(path.lstrip("/")), *Path(path.lstrip("/")).parents):
            yield from _limit(root / parent, *names)


def _limit(group: Path, most: str, high: str, usage: str, inactive: str) -> Iterator[tuple[int, int]]:
    """A file's pages count as used, but the kernel gives the inactive ones back when memory is wanted."""
    try:
        used = int((group / usage).read_text())
        stat = dict(line.split(" ", 1) for line in (group / "memory.stat").read_text().splitlines())
        used = max(0, used - int(stat.get(inactive, 0)))
        for name in filter(None, (most, high)):
            text = (group / name).read_text().strip()
            if text != "max":
                yield int(text), used
    except (OSError, ValueError):  # a group without a memory controller, or one that is not ours to read
        return
