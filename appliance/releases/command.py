"""`appliance-release`: releases of the appliance, for an administrator or a playbook."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
import traceback
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from appliance.releases import host
from appliance.releases import lock as locks
from appliance.releases.box import Box
from appliance.releases.changing import Change, recover, settle
from appliance.releases.faults import Interrupted, Refused, ReleaseFault, Stranded
from appliance.releases.installing import Installing
from appliance.releases.layout import USER, Layout, real
from appliance.releases.returning import undisturbed
from appliance.releases.service import Service
from appliance.releases.shelf import KEEP, Shelf
from appliance.releases.telling import Telling
from appliance.releases.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WATCH_SECONDS: Final = 120.0
WAIT_SECONDS: Final = math.inf
"""For `recover --wait`: a release may be watched for days."""
GUARD_SECONDS: Final = 3.0
"""For the guard of a change that has just ended, to see that there is nothing to do."""
LOG: Final = "log"
EPILOG: Final = """\
exit status: 0 done, or nothing to do; 1 refused or failed, nothing has changed; 3 the new release was ill and was
rolled back; 4 rolling back failed too: hands are needed. All that is said is also in /var/lib/appliance-releases/log.
A change goes on when the terminal is lost. If it is killed, systemd has it undone, or else the next start of the box.
"""


class Command:
    """One call."""

    def __init__(self, told: argparse.Namespace) -> None:
        self._told = told
        self._layout = real() if told.root == Path("/") else Layout(root=told.root.absolute())
        if self._layout.root == Path("/") and os.geteuid() != 0:
            raise Refused("only root may do this")
        self._layout.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        reading = told.command == "list"
        self.telling = Telling(None if reading else self._layout.state / LOG, _print)
        service = Service(self._layout)
        watching = Watching(self._layout, service, self.telling)
        self._box = Box(layout=self._layout, telling=self.telling, service=service, watching=watching)

    def run(self) -> None:
        """Raises `ReleaseFault`, `Interrupted`, `OSError`."""
        does: dict[str, Callable[[], None]] = {
            "install": self._install, "activate": self._activate, "upgrade": self._upgrade,
            "rollback": self._rollback, "recover": self._recover, "prune": self._prune,
        }  # fmt: skip
        if self._told.command == "list":
            self._list()
            return
        waiting = WAIT_SECONDS if getattr(self._told, "wait", False) else 0.0
        with locks.held(self._layout.state, self._told.command, wait_seconds=waiting or GUARD_SECONDS):
            if self._told.command != "recover":
                settle(self._box)
            does[self._told.command]()

    def failed(self, fault: Exception) -> int:
        """Say what nobody has foreseen, and where it came from; the status."""
        left = self._box.journal.path.exists()
        what = str(fault) if isinstance(fault, OSError) else f"{type(fault).__name__}: {fault}"
        place = traceback.extract_tb(fault.__traceback__)[-1]
        self.telling.say(
            f"{'HANDS NEEDED' if left else 'REFUSED'}: {what} ({Path(place.filename).name}:{place.lineno})"
        )
        if left:
            self.telling.say("    A change was begun; see to the cause, then: appliance-release recover")
        return Stranded.status if left else Refused.status

    def _install(self) -> None:
        version = self._installed(self._told.bundle)
        self.telling.say(f"release {version} is installed; the release that serves is {Shelf(self._layout).current()}")

    def _installed(self, bundle: Path) -> str:
        signers = self._told.signers or self._layout.signers
        installing = Installing(self._layout, host.here(), self.telling, signers=signers, unsigned=self._told.unsigned)
        return installing.install(bundle)

    def _activate(self) -> None:
        current = Shelf(self._layout).current()
        if current not in {None, self._told.version} and Shelf(self._layout).complete(str(current)):
            raise Refused(f"release {current} is active already; to another one: appliance-release upgrade")
        self._change(self._told.version, 0.0)

    def _upgrade(self) -> None:
        meant = self._told.release
        is_file = "/" in meant or Path(meant).is_file()
        self._change(self._installed(Path(meant)) if is_file else meant, self._told.watch)

    def _rollback(self) -> None:
        version = self._told.version or Shelf(self._layout).previous()
        if version is None:
            raise Refused(
                "there is no release from before the current one; `appliance-release list` shows what is here"
            )
        self._change(version, self._told.watch, away=True)

    def _change(self, version: str, watch: float, *, away: bool = False) -> None:
        shelf = Shelf(self._layout)
        if shelf.current() == version:
            self.telling.say(f"release {version} is the current one already: nothing to do")
            return
        shelf.need(version)
        if self._layout.root == Path("/") and self._layout.account is None:
            declared = self._layout.release(version) / "systemd/appliance.sysusers.conf"
            raise Refused(f"there is no user {USER} on this box; first: systemd-sysusers {declared}")
        Change(self._box, version, watch, away=away).make()
        self.telling.say(f"release {version} serves")

    def _recover(self) -> None:
        recover(self._box, quiet=self._told.wait)

    def _prune(self) -> None:
        gone = self._box.prune(self._told.keep)
        for said in gone:
            self.telling.say(said)
        if not gone:
            self.telling.say("there is nothing to remove")

    def _list(self) -> None:
        releases = Shelf(self._layout).every()
        under_way = self._box.journal.read()
        if self._told.json:
            journal = None if under_way is None else asdict(under_way)
            _print(json.dumps({"releases": [asdict(release) for release in releases], "under_way": journal}))
            return
        for release in releases:
            marks = [name for name in ("current", "previous") if getattr(release, name)]
            marks += [] if release.complete else ["incomplete"]
            _print(f"{release.version:24} made {release.made:22} {release.set:12} {', '.join(marks)}".rstrip())
        if not releases:
            _print("There is no release.")
        if under_way is not None:
            _print(f"Under way, or interrupted: {under_way.old or 'none'} to {under_way.new}, at: {under_way.step}")


def main(words: Sequence[str] | None = None) -> int:
    """Exit status; see `EPILOG`."""
    told = _parser().parse_args(words)
    os.umask(0o022)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal may go
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        command = Command(told)
    except (ReleaseFault, OSError) as fault:
        print(f"appliance-release: {fault}", file=sys.stderr, flush=True)
        return 1
    try:
        command.run()
    except ReleaseFault as fault:
        command.telling.say(f"{fault.word}: {fault}")
        return fault.status
    except Exception as fault:  # noqa: BLE001 - a sentence and a status are owed whatever happens
        return command.failed(fault)
    except Interrupted:
        command.telling.say("REFUSED: interrupted, nothing has changed")
        return 1
    return 0


def _interrupt(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - signal's signature
    undisturbed()  # a second one must not come in the middle of what the first has begun
    raise Interrupted(signal.Signals(number).name)


def _print(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    parser = argparse.ArgumentParser(
        prog="appliance-release", description="Releases of the appliance on this box.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, about: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[shared], help=about, description=about)

    def of_bundles(command: argparse.ArgumentParser) -> None:
        command.add_argument("--signers", type=Path, help="trusted keys (default: /etc/appliance/bundle-signers)")
        command.add_argument("--unsigned", action="store_true", help="take a bundle that has no signature")

    def of_watching(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--watch", type=float, default=WATCH_SECONDS, metavar="SECONDS",
            help="watch the release for so long before it is accepted (default: %(default).0f)",
        )  # fmt: skip

    install = add("install", "Install a bundle beside the release that serves, with its models.")
    install.add_argument("bundle", type=Path)
    of_bundles(install)
    activate = add("activate", "Let the first release of a box serve.")
    activate.add_argument("version")
    upgrade = add("upgrade", "Go to a release, from its bundle or by its version; back by itself if it is ill.")
    upgrade.add_argument("release", metavar="BUNDLE|VERSION")
    of_bundles(upgrade)
    of_watching(upgrade)
    rollback = add("rollback", "Go back to the release from before, or to the one named, with all that was said since.")
    rollback.add_argument("version", nargs="?")
    of_watching(rollback)
    recovering = add("recover", "Finish or undo a change that was interrupted; without one, do nothing.")
    recovering.add_argument("--wait", action="store_true", help="wait for a change that is under way")
    listing = add("list", "Show the releases: current, previous, incomplete.")
    listing.add_argument("--json", action="store_true")
    prune = add("prune", "Remove old releases; never the current one, nor the one before it.")
    prune.add_argument("--keep", type=int, default=KEEP, metavar="N", help="how many stay (default: %(default)d)")
    return parser
