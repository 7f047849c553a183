"""One frozen object with every setting, from `appliance.toml`, `chosen.toml` and the environment.

The file has one table a section (`[http]`), the environment one variable a field (`APPLIANCE_HTTP__PORT`), and the
environment wins. `chosen.toml` has the set of models that was chosen while the box ran. Whatever is unknown or wrong
ends the start with a sentence that names the file, the line and the field. Only this module reads the environment.
"""

from __future__ import annotations

from appliance.settings.reading import PREFIX, SettingsError, load
from appliance.settings.section import Section
from appliance.settings.sections import (
    SECTIONS,
    AdminLimits,
    Allowance,
    Cache,
    Http,
    Limits,
    Log,
    Models,
    Settings,
    Store,
    Telemetry,
    UserLimits,
    Voice,
    Workers,
)
from appliance.settings.stages import Embed, Llm, Stt, Tts, Turn
from appliance.settings.wyoming import Wyoming

__all__ = [
    "PREFIX",
    "SECTIONS",
    "AdminLimits",
    "Allowance",
    "Cache",
    "Embed",
    "Http",
    "Limits",
    "Llm",
    "Log",
    "Models",
    "Section",
    "Settings",
    "SettingsError",
    "Store",
    "Stt",
    "Telemetry",
    "Tts",
    "Turn",
    "UserLimits",
    "Voice",
    "Workers",
    "Wyoming",
    "load",
]
