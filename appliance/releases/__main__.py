"""`python3 -m appliance.releases`."""

from __future__ import annotations

from appliance.releases.command import main

if __name__ == "__main__":
    raise SystemExit(main())
