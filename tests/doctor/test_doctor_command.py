"""`appliance doctor` as it is typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner

from appliance.cli.main import main
from appliance.store.conversations import Addition, Conversations
from appliance.store.database import Database
from appliance.store.items import Item
from appliance.store.keys import Keys
from appliance.store.owners import Owner

STATE = Path(os.environ.get("STATE", ".state"))
SECRET = "XYZZYSECRET"  # pragma: allowlist secret


def doctor(*words: str, environ: dict[str, str] | None = None) -> tuple[int, dict[str, Any], str]:
    """Exit status, the document, and the same as it was printed."""
    done = CliRunner().invoke(main, ["doctor", "--json", *words], env=environ)
    return done.exit_code, json.loads(done.output), done.output


async def remember(path: Path) -> str:
    """A conversation and a key whose text is given back."""
    async with Database(path).running() as database:
        items = [Item(id="i", words=f"please remember {SECRET}", turn="t")]
        await Conversations(database).add(Owner("anna"), "c", Addition(items=items)).done()
        _, text = await Keys(database).create(user="anna", name=SECRET, role="admin")
    return text


@pytest.mark.parametrize(("wrong", "damaged"), [(False, False), (True, True)])
def test_no_secret_is_on_the_page(tmp_path: Path, wrong: bool, damaged: bool) -> None:
    key = anyio.run(remember, tmp_path / "appliance.db")
    if damaged:
        with (tmp_path / "appliance.db").open("r+b") as file:
            file.seek(4096 * 2)
            file.write(f"{SECRET}{key}".encode() * 400)
    for name in ("admin.key", "probe.key"):
        (tmp_path / name).write_text(f"{key}\n")
        (tmp_path / name).chmod(0o644)
    config = tmp_path / "appliance.toml"
    config.write_text(
        f'[voice]\ninstructions = "{SECRET} {key}"\n[stt]\nhotwords = "{SECRET}"\n[cache]\nphrases = ["{SECRET}"]\n'
        + (f'[log]\nlevel = "{SECRET}"\n' if wrong else "")
    )
    environ = {"XYZZY": SECRET, "APPLIANCE_VOICE__INSTRUCTIONS": f"{SECRET} {key}", "HF_TOKEN": SECRET}
    status, told, printed = doctor(
        "--state-dir", str(tmp_path), "--config", str(config), "--key-file", str(tmp_path / "probe.key"),
        "--url", f"http://anna:{SECRET}@127.0.0.1:9", environ=environ,
    )  # fmt: skip
    assert status == 1  # the address that was named does not answer
    faults = {check["name"] for check in told["checks"] if check["outcome"] == "fault"}
    assert {"server", "state files", "key file mode"} <= faults
    assert ("settings" in faults, "database" in faults) == (wrong, damaged)
    assert SECRET not in printed
    assert key not in printed
    assert key.rpartition("_")[2] not in printed


def test_a_checkout_has_nothing_wrong(tmp_path: Path) -> None:
    words, environ = ("--state-dir", str(tmp_path / "new")), {"APPLIANCE_MODELS__DIR": str(STATE / "models")}
    environ["APPLIANCE_HTTP__PORT"] = "0"  # whoever has the usual one
    status, told, printed = doctor(*words, environ=environ)
    faults = {check["name"] for check in told["checks"] if check["outcome"] == "fault"}
    assert {name for name in faults if not name.startswith("gpu")} == set(), printed
    assert (status, told["format"]) == (1 if faults else 0, 1)
    assert not (tmp_path / "new").exists()
    shown = CliRunner().invoke(main, ["doctor", *words], env=environ)
    assert shown.exit_code == status
    assert re.search("^ok +models ", shown.output, re.MULTILINE)
    assert len(shown.output.splitlines()) < 50
    names = [check["name"] for check in told["checks"]]
    assert len(names) == len(set(names))


def test_wrong_options_end_with_two() -> None:
    assert CliRunner().invoke(main, ["doctor", "--key-file", "/no/such/file"]).exit_code == 2
    for url in ("box:8080", "http://", "http://[::1", "http://box:99999", "ftp://box"):
        assert CliRunner().invoke(main, ["doctor", "--url", url]).exit_code == 2


def test_a_doctor_that_fails_itself_ends_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr("appliance.doctor.rounds.rounds", fails)
    done = CliRunner().invoke(main, ["doctor"])
    assert (done.exit_code, SECRET in done.output, "RuntimeError" in done.output) == (2, False, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_as_a_user_who_may_not_look() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        _look_as_nobody(Path(folder))


def _look_as_nobody(folder: Path) -> None:
    box = folder / "box"
    anyio.run(remember, box / "appliance.db")
    box.chmod(0o700)
    config = folder / "appliance.toml"
    config.touch(mode=0o600)
    program = (
        "import os, sys\nfrom appliance.cli.main import main\n"
        "import appliance.cli.doctor\n"
        "from appliance.doctor import ground, rounds\n"
        "from pathlib import Path\n"
        "given = dict(config=None, state_dir=Path('/none'), url=None, key_file=None, deep=False)\n"
        "rounds.rounds(ground.ground(**given))\n"  # whatever is imported late, while it may still be read
        "os.setgroups([])\nos.setgid(65534)\nos.setuid(65534)\nmain(sys.argv[1:])"
    )
    words = ["doctor", "--json", "--state-dir", str(box), "--config", str(config)]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60, check=False
    )
    told = json.loads(done.stdout)
    seen = {check["name"]: check for check in told["checks"]}
    for name in ("settings", "database", "state files", "backup", "models", "port"):
        assert seen[name]["outcome"] == "skipped", seen[name]
    assert "nobody" in seen["settings"]["seen"]
    faults = {check["name"] for check in told["checks"] if check["outcome"] == "fault"}
    assert {name for name in faults if not name.startswith("gpu")} == set()
