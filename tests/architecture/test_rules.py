"""Rules that every file keeps."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from appliance.callers.caller import SCOPES
from appliance.jobs import ROLES
from appliance.web.doors import DOORS
from appliance.web.identity.guard import NEEDS

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "appliance").rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
SPOKEN = {
    "text",
    "transcript",
    "words",
    "prompt",
    "messages",
    "content",
    "delta",
    "reply",
    "audio",
    "pcm",
    "key",
    "input",
}


def log_calls(tree: ast.AST) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"log", "logger"}
    ]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_speech_in_logs(source: Path) -> None:
    for call in log_calls(ast.parse(source.read_text())):
        names = {node.id for part in call.args + call.keywords for node in ast.walk(part) if isinstance(node, ast.Name)}
        names |= {keyword.arg for keyword in call.keywords if keyword.arg}
        attributes = {
            n.attr for part in call.args + call.keywords for n in ast.walk(part) if isinstance(n, ast.Attribute)
        }
        assert not (names | attributes) & SPOKEN, f"{source}:{call.lineno}"


def test_the_rule_sees_a_leak() -> None:
    (call,) = log_calls(ast.parse("log.info('heard', text=part.text)"))
    assert {keyword.arg for keyword in call.keywords} & SPOKEN


def test_files_stay_small() -> None:
    long = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}


def test_every_door_says_what_it_needs() -> None:
    assert {handler.opt.get(NEEDS) for handler in DOORS} <= {*SCOPES, "any", "open"}


def test_the_readme_names_every_door_and_command() -> None:
    readme = (ROOT / "README.md").read_text()
    doors = {path for handler in DOORS for path in handler.paths}
    assert len(doors) >= 10
    for door in doors:
        assert door.removeprefix("/v1/audio").removeprefix("/v1").split("/{")[0] in readme, door
    assert set(ROLES) == {"stt", "llm", "tts", "turn", "embed"}
