"""Options that several commands share, and the way from them to settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.settings import Settings

state_dir_option = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".state"),
    show_default=True,
    help="Folder for models and everything else the box keeps.",
)
config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="Settings file in TOML; `appliance settings` lists what may be in it.",
)


def with_settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--state-dir` and `--config`."""
    return state_dir_option(config_option(command))


def load_settings(
    config: Path | None, state_dir: Path, overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Settings as the options say; ends the command with a clear sentence if one is wrong."""
    try:
        return settings.load(config, state_dir=state_dir, overrides=overrides)
    except settings.SettingsError as error:
        raise click.ClickException(str(error)) from error
