"""What a worker is told to load: plain values only, so that the parent needs none of the engines' libraries."""

from __future__ import annotations

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
    """llama.cpp. `path` is a GGUF file."""

    name: str
    path: str
    context: int = 4096
    gpu_layers: int = -1
    threads: int = 0
    batch: int = 256


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


AnySpec = Whisper | Llama | Piper
