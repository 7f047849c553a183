"""What the table on paper is computed from: GPUs by their makers' figures, models of the sets by their files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU. `tflops`: FP16 on tensor cores with FP32 sums, without sparsity."""

    name: str
    memory_gb: float
    bandwidth_gbs: float
    tflops: float
    source: str


@dataclass(frozen=True, slots=True)
class Model:
    """A language model as the sets have it: parameters and bytes in units of 10^9, and KV cache a token in kB (f16)."""

    name: str
    parameters: float
    file_gb: float
    kv_kb: float


CARDS: Final = (
    Card("RTX 3060 12 GB", 12, 360, 25.6, "NVIDIA, GeForce RTX 3060 specifications: 192 bits at 15 Gbit/s; 3,584 cores,"
         " 1.78 GHz with 128 FP16 operations and FP32 sums a clock for each of 112 tensor cores"),
    Card("RTX 4060 Ti 16 GB", 16, 288, 44.1, "NVIDIA, GeForce RTX 4060 Ti specifications: 128 bits at 18 Gbit/s;"
         " 353 AI TOPS (FP8, sparse), an eighth of that for FP16 with FP32 sums"),
    Card("RTX 4090", 24, 1008, 165.2, "NVIDIA, Ada GPU architecture whitepaper, appendix A"),
    Card("L4", 24, 300, 121, "NVIDIA, L4 datasheet: 300 GB/s, 242 TFLOPS with sparsity"),
    Card("A10", 24, 600, 125, "NVIDIA, A10 datasheet: 600 GB/s, 125 TFLOPS"),
    Card("A100 80 GB SXM", 80, 2039, 312, "NVIDIA, A100 datasheet: 2,039 GB/s, 312 TFLOPS"),
    Card("H100 80 GB SXM", 80, 3350, 989, "NVIDIA, H100 datasheet: 3.35 TB/s, 1,979 TFLOPS with sparsity"),
    Card("Jetson AGX Orin 64 GB", 64, 204.8, 42.5, "NVIDIA, Jetson AGX Orin Series technical brief: 204.8 GB/s, GPU 170"
         " INT8 TOPS with sparsity, a quarter of that for FP16"),
)  # fmt: skip

MODELS: Final = {
    "gpu-8gb": Model("Qwen3 4B", 4.0, 2.50, 147),
    "gpu-16gb": Model("Qwen3 8B", 8.2, 5.03, 147),
    "gpu-24gb": Model("Qwen3 14B", 14.8, 9.00, 164),
    "gpu-48gb": Model("Qwen3 32B", 32.8, 19.76, 262),
}
"""Q4_K_M files; KV: layers x 8 heads x 128 x 2 x 2 bytes (36, 36, 40 and 64 layers, from the models' cards)."""

SLOW: Final = {"Jetson AGX Orin 64 GB": "gpu-8gb"}
"""Cards whose memory would hold a set that they are too slow for."""


def set_for(card: Card) -> str:
    """The largest set that the card's memory holds, or a smaller one where `SLOW` says so."""
    fits = [name for name in MODELS if card.memory_gb >= int(name.removeprefix("gpu-").removesuffix("gb"))]
    return SLOW.get(card.name, fits[-1])
