"""What a set of models needs, in MB, as JSON: `needs.py FOLDER SET`, with the folder of the manifests."""

import json
import sys
import tomllib
from pathlib import Path

folder, name = Path(sys.argv[1]), sys.argv[2]
sets = tomllib.loads((folder / "sets.toml").read_text())
if name not in sets:
    sys.exit(f"there is no set {name!r}; there are {', '.join(sets)}")
needs = {"ram_mb": 0, "vram_mb": 0, "disk_mb": 0}
for model in sets[name]["models"]:
    needed = tomllib.loads((folder / f"{model}.toml").read_text()).get("needs", {})
    needs["ram_mb"] += needed.get("ram_mb", 0)
    needs["vram_mb"] += needed.get("vram_mb", 0)
    needs["disk_mb"] += max(needed.get("ram_mb", 0), needed.get("vram_mb", 0))
sys.stdout.write(json.dumps(needs) + "\n")
