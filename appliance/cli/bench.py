"""`appliance bench`: how fast this machine hears, thinks, speaks and answers; all of it is in `benchmarks`."""

from __future__ import annotations

from benchmarks.command import bench

__all__ = ["bench"]
