"""Settings: three sources, and a clear end for whatever is unknown or wrong."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from appliance import settings
from appliance.cli.main import main
from appliance.cli.settings import describe

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "appliance.toml"
    file.write_text('[http]\nport = 9000\nhost = "::1"\n')
    loaded = settings.load(
        file, environ={"APPLIANCE_HTTP__PORT": "9001", "PATH": "x"}, overrides={"http": {"open": True}}
    )
    assert (loaded.http.port, loaded.http.host, loaded.http.open) == (9001, "::1", True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[http]\nport = 1\n\n[stt]\nprot = 1\n", "appliance.toml:5: [stt] has no field 'prot'"),
        ("[http]\nhost = 'x'\nport = 'no'\n", "appliance.toml:3: http.port: Expected `int`"),
        ("[http]\nport = 99999\n", "appliance.toml:2: http.port: Expected `int` <= 65535"),
        ("[htp]\n", "appliance.toml:1: there is no section [htp]"),
        ("http = 3\n", "appliance.toml:1: http is a section"),
        ("[http\n", "is not TOML"),
    ],
)
def test_the_wrong_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "appliance.toml"
    file.write_text(text)
    with pytest.raises(settings.SettingsError) as caught:
        settings.load(file, environ={})
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["APPLIANCE_HTTP__PROT", "APPLIANCE_PORT", "APPLIANCE_NO__PORT"])
def test_unknown_variables_are_named(name: str) -> None:
    with pytest.raises(settings.SettingsError, match=name):
        settings.load(environ={name: "1"})


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match="cannot be read"):
        settings.load(tmp_path / "none.toml", environ={})


def test_the_printed_settings_are_the_defaults_and_all_described(tmp_path: Path) -> None:
    file = tmp_path / "appliance.toml"
    file.write_text(CliRunner().invoke(main, ["settings"]).output)
    assert settings.load(file, environ={}) == settings.Settings(file=file)
    assert set(tomllib.loads(describe())) == set(settings.SECTIONS)
    assert "# \n" not in describe()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["serve", "--open", "--host", "0.0.0.0"], "refused on 0.0.0.0"),  # noqa: S104 - that it is refused is the test
        (["serve", "--open", "--host", "box.example"], "refused on box.example"),
        (["demo", "--config", "none.toml"], "cannot be read"),
    ],
)
def test_commands_refuse_clearly(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code != 0
    assert said in result.output


def test_missing_models_are_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--open", "--state-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "appliance models pull starter" in result.output


def test_help_names_every_command() -> None:
    output = CliRunner().invoke(main, ["--help"]).output
    assert all(command in output for command in ("serve", "demo", "models", "settings"))
