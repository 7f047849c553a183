"""Results that were never measured."""

from __future__ import annotations

import random
from typing import Any

from benchmarks.figures import Figure, made_of, ratio
from benchmarks.result import Part, Result


def about(**changes: Any) -> dict[str, Any]:
    """A fingerprint as `fingerprint` makes it."""
    return {
        "when": "2026-11-27T10:00:00+00:00",
        "commit": "0123456789",
        "dirty": False,
        "appliance": "0.1.0",
        "processor": {"model": "A Processor", "architecture": "x86_64", "cores": 2},
        "memory_gb": 8.0,
        "gpus": [{"name": "A Card", "driver": "1.2", "power_limit_watts": 300}],
        "system": {"kernel": "6.1", "distribution": "Debian", "python": "3.11"},
        "builds": {"llama_cpp_for_gpu": False, "ctranslate2_sees_gpus": 0},
        "libraries": {"numpy": "2.0"},
        "models": {"stt": {"name": "whisper-base", "sha256": "00"}, "llm": {"name": "smollm2", "sha256": "01"}},
        "settings": {},
        "speech": {"source": "recorded", "recordings": 7},
        "load": {"at_start": 0.1, "busy": False, "another_box": False},
        **changes,
    }


def drawn(middle: float, count: int = 12, seed: int = 1) -> list[float]:
    """Samples within some ten percent of a middle."""
    dice = random.Random(seed)
    return [middle * dice.uniform(0.9, 1.1) for _ in range(count)]


def figures(factor: float = 1.0, seed: int = 1) -> dict[str, list[Figure]]:
    """Of each part that has a picture, some; times are `factor` times as long."""
    times: dict[str, list[tuple[str, float]]] = {
        "coldstart": [("coldstart_ready", 3), ("coldstart_ready_stt", 2), ("coldstart_cold_disk_ready", 4)],
        "stt": [(f"stt_{name}_{n}s", 0.1 * n * x) for n in (1, 2, 4) for name, x in (("live", 1), ("own_beam_5", 4))],
        "llm": [(f"llm_first_token_{n}", 0.05 * n) for n in (1, 4)],
        "tts": [("tts_first_audio_clause", 0.1), ("tts_first_audio_paragraph", 0.2)],
        "turn": [("turn_voice_to_voice_1", 0.6), ("turn_voice_to_voice_semantic", 0.5), ("turn_voice_to_voice_4", 1.1)]
        + [(f"turn_{n}_share_{s}", 0.1) for n in (1, 4) for s in ("paused", "understood", "first_token", "sent")],
        "bargein": [("bargein_last_audio_after_voice", 0.15)],
    }
    made = {
        part: [made_of(name, drawn(factor * middle, seed=seed), "s") for name, middle in each]
        for part, each in times.items()
    }
    made["llm"] += [
        made_of(f"llm_{kind}_{n}", drawn(100 * n), "tokens/s") for n in (1, 4) for kind in ("rate", "bare_rate")
    ]
    made["tts"] += [made_of(f"tts_real_time_factor_{n}", drawn(0.1), "") for n in ("clause", "paragraph")]
    made["turn"] += [
        made_of("turn_voice_to_voice_1_p95", drawn(factor * 0.6), "s", 0.95, at_most=1.2),
        ratio("turn_staged_over_live", drawn(2.4), drawn(0.6, seed=2), at_least=4),
    ]
    made["stt"].append(Figure("stt_live_word_errors", 5.0, "%", lower_is_better=True))
    return made


def result(factor: float = 1.0, seed: int = 1, **changes: Any) -> Result:
    """A whole run."""
    parts = [Part(name, each, [], 60.0) for name, each in figures(factor, seed).items()]
    return Result(about(**changes), parts)
