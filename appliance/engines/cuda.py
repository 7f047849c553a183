"""CUDA's libraries from wheels: where the extra `cuda` is installed, they are loaded before an engine asks for them.

The wheels put them into site-packages/nvidia/*/lib, where the dynamic loader does not look: CTranslate2 opens
libcublas.so.12 by that name alone, and llama.cpp's CUDA build is linked to it and to libcudart.so.12. The loader hands
out a library of that name that is loaded already, so loading each by its path is enough, and no unit needs to know
the path. A CUDA of the system's own goes on working: without the wheels nothing is done here.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from appliance.logs import logger

log = logger(__name__)

DRIVER: Final = "libcuda.so.1"
LIBRARIES: Final = ("cuda_runtime/lib/libcudart.so.12", "cublas/lib/libcublasLt.so.12", "cublas/lib/libcublas.so.12")
"""Below site-packages/nvidia, each after those that it needs."""


def preload(driver: str = DRIVER) -> tuple[str, ...]:
    """Load them into this process; the names of those that were. Nothing happens without wheels or without a driver."""
    spec = find_spec("nvidia")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    found = [root / name for name in LIBRARIES for root in roots if (root / name).is_file()]
    if not found or not _opened(driver):
        return ()
    return tuple(path.name for path in found if _opened(str(path)))


def _opened(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError as error:
        log.warning("CUDA library does not load", library=library, reason=str(error))
        return False
    return True
