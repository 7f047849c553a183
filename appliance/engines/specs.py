"""What a worker is told to load: plain values only, so that the parent needs none of the engines' libraries."""

from __future__ import annotations

from typing import Literal

import msgspec


class Whisper(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """faster-whisper. `path` is the folder of a CTranslate2 model."""

    name: str
    path: str
    device: str = "auto"
    compute_type: str = "int8"
    threads: int = 0
    beam_size: int = 1


class Llama(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """llama.cpp. `path` is a GGUF file. The fields up to `memory_margin_mb` are those of `settings.Llm`."""

    name: str
    path: str
    context: int = 4096
    sequences: int = 16
    cells: int = 0
    gpu_layers: int = -1
    flash_attention: Literal["auto", "on", "off"] = "auto"
    kv_type: Literal["auto", "f16", "q8_0", "q4_0", "q8_0+f16"] = "auto"
    split_mode: Literal["none", "layer", "row"] = "layer"
    main_gpu: int = 0
    tensor_split: tuple[float, ...] = ()
    batch: int = 256
    threads: int = 0
    speculation: Literal["off", "lookup", "draft"] = "off"
    draft_tokens: int = 4
    cache_mb: int = 512
    memory_margin_mb: int = 512
    digest: str = ""
    """SHA-256 of the file as the catalog has it, in hex; "" if it has none."""
    cache_dir: str = ""
    """Where conversation states are kept; "" for nowhere."""
    draft_path: str = ""
    """GGUF file of the draft model; "" unless `speculation` is "draft"."""


class Encoder(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """llama.cpp making vectors. `path` is a GGUF file."""

    name: str
    path: str
    threads: int = 1
    gpu_layers: int = 0


class PiperVoice(msgspec.Struct, frozen=True):
    """One voice: its short name, and the `.onnx` with its `.onnx.json` beside it."""

    voice: str
    path: str


class Piper(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Piper. The first voice is the default; the others are loaded at their first use."""

    name: str
    voices: list[PiperVoice]
    cuda: bool = False
    threads: int = 0


class Turn(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Silero VAD and Smart Turn. `path` is Smart Turn's `.onnx`; "" where there is none: nothing is judged then.

    `wake_words`: files that describe microWakeWord's models, by the words' names.
    """

    name: str
    path: str = ""
    threads: int = 1
    wake_words: dict[str, str] = {}


AnySpec = Whisper | Llama | Encoder | Piper | Turn
