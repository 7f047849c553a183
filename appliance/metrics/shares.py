"""Who uses how much, and who is refused. Once a job's usage, a refusal, a wrong key."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from appliance.metrics.registry import REGISTRY

USED_TOKENS: Final = Counter(
    "appliance_used_tokens_total", "Tokens that were read and written.", ["role"], registry=REGISTRY
)
USED_AUDIO: Final = Counter(
    "appliance_used_audio_seconds_total", "Audio that was heard and spoken.", ["role", "direction"], registry=REGISTRY
)
LIMITED: Final = Counter(
    "appliance_limits_hit_total", "Refusals because a key had used up its share.", ["limit", "role"], registry=REGISTRY
)
WRONG_KEYS: Final = Counter(
    "appliance_auth_failures_total", "Keys that were shown and are not good.", registry=REGISTRY
)
