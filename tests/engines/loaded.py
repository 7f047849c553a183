"""`python loaded.py MODEL PLAN [--hollow]`: load a model as a plan says and print what llama.cpp says it took.

In a process of its own, since llama.cpp's log is the process's. With `--hollow` nothing is reserved or read.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from typing import Any

import llama_cpp
import msgspec

from appliance.engines.llama.memory import Plan

MIB = 1 << 20


def main(path: str, text: str, *, hollow: bool) -> None:
    plan = msgspec.json.decode(text, type=Plan)
    lines: list[str] = []

    @llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
    def hear(_level: int, line: bytes, _data: object) -> None:
        lines.append(line.decode(errors="replace"))

    llama_cpp.llama_log_set(hear, ctypes.c_void_p())
    how: Any = llama_cpp.llama_model_default_params()
    how.n_gpu_layers, how.no_alloc = plan.gpu_layers, hollow
    how.load_mode = llama_cpp.LLAMA_LOAD_MODE_NONE if hollow else llama_cpp.LLAMA_LOAD_MODE_AUTO
    model = llama_cpp.llama_model_load_from_file(path.encode(), how)
    how = llama_cpp.llama_context_default_params()
    how.n_ctx, how.n_seq_max, how.kv_unified, how.swa_full = plan.cells, plan.slots, True, True
    how.n_batch = how.n_ubatch = plan.batch
    how.flash_attn_type = int(plan.flash_attention)
    how.type_k, how.type_v = plan.ggml_types
    context = llama_cpp.llama_init_from_model(model, how)
    said = "".join(lines)
    took = {
        "weights": llama_cpp.llama_model_size(model),
        "cells": llama_cpp.llama_n_ctx(context),
        "cache": _sum(r"size = +([\d.]+) MiB \( *\d+ cells", said),
        "compute": _sum(r"compute buffer size = +([\d.]+) MiB", said),
        "output": _sum(r"output buffer size = +([\d.]+) MiB", said),
    }
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    print(json.dumps(took))


def _sum(pattern: str, said: str) -> int:
    return round(sum(float(found) for found in re.findall(pattern, said)) * MIB)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], hollow="--hollow" in sys.argv)
