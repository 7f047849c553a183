"""The commands, each imported only when it is called, so that `--help` is quick."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

from appliance import __version__

COMMANDS: Final = {
    "serve": "appliance.cli.serve",
    "demo": "appliance.cli.demo",
    "talk": "appliance.cli.talk",
    "probe": "appliance.cli.probe",
    "turns": "appliance.cli.turns",
    "keys": "appliance.cli.keys",
    "models": "appliance.cli.models",
    "backup": "appliance.cli.backup",
    "store": "appliance.cli.store",
    "bundle": "appliance.cli.bundle",
    "settings": "appliance.cli.settings",
    "doctor": "appliance.cli.doctor",
    "bench": "appliance.cli.bench",
}


class Commands(click.Group):
    """A group whose commands live in modules of their own, under their own names."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load one command."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[name]), name)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="appliance")
def main() -> None:
    """A voice-AI appliance: listens, thinks and speaks on one box, and nothing leaves the building."""
