"""Speaking: Piper, with each of its voices loaded at first use. A job is a text; its parts are stretches of audio.

piper-tts is licensed under the GPL. It is imported in this package only, in a process of its own behind a socket.
"""

from __future__ import annotations

from appliance.engines.piper.speaker import load

__all__ = ["load"]
