"""`appliance settings`: every field with its default, as a file that could be used."""

from __future__ import annotations

from typing import Annotated, get_args, get_origin, get_type_hints

import click
import msgspec

from appliance.settings import PREFIX, SECTIONS


@click.command()
def settings() -> None:
    """Print all settings with their defaults and what they mean, as an appliance.toml."""
    click.echo(describe(), nl=False)


def describe() -> str:
    """The text of an `appliance.toml` with every field at its default."""
    lines = [
        "# Every setting at its default. Each can also be given in the environment, which wins:",
        f"# {PREFIX}SECTION__FIELD, for example {PREFIX}HTTP__PORT=9000",
    ]
    for name, section in SECTIONS.items():
        lines += ["", f"# {section.__doc__}", f"[{name}]"]
        defaults = section()
        for field, hint in get_type_hints(section, include_extras=True).items():
            lines.append(f"# {_description(hint)}")
            lines.append(f"{field} = {msgspec.json.encode(getattr(defaults, field)).decode()}")
    return "\n".join(lines) + "\n"


def _description(hint: object) -> str:
    if get_origin(hint) is Annotated:
        described = [
            meta.description for meta in get_args(hint)[1:] if isinstance(meta, msgspec.Meta) and meta.description
        ]
        return described[-1] if described else ""
    return ""
