"""The command line: `appliance serve | demo | models`."""

from __future__ import annotations

from appliance.cli.main import main

__all__ = ["main"]
