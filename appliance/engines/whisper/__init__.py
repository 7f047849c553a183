"""Listening: faster-whisper. `files` has recordings, `utterances` the live ones; both share the pass in `short`."""

from __future__ import annotations

from appliance.engines.whisper.engine import load

__all__ = ["load"]
