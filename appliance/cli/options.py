"""Options that several commands share, and the way from them to settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from appliance import settings
from appliance.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.settings import Settings

PLACES: Final = Places()
STATE_DIR: Final = PLACES.default_state()
CONFIG_HELP: Final = "Settings file in TOML; `appliance settings` lists what may be in it." + (
    f"  [default: {PLACES.config}]" if PLACES.released() else ""
)

state_dir_option = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=STATE_DIR,
    show_default=True,
    help="Folder for models and everything else the box keeps.",
)
config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help=CONFIG_HELP,
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="News and the result as JSON, one object a line, for programs."
)


def with_settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--state-dir` and `--config`."""
    return state_dir_option(config_option(command))


def config_of(config: Path | None, state_dir: Path) -> Path | None:
    """The settings file that is read: the one that is named, else a box's own, else none."""
    return config or PLACES.default_config(state_dir)


def load_settings(
    config: Path | None, state_dir: Path, overrides: Mapping[str, Mapping[str, Any]] | None = None, *,
    choice: bool = True,
) -> Settings:  # fmt: skip
    """Settings as the options say; without a file, a box's own. Ends the command with a sentence if one is wrong."""
    try:
        return settings.load(config_of(config, state_dir), state_dir=state_dir, overrides=overrides, choice=choice)
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
