"""A database that takes long to be brought up to date: the service manager is told, and waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click
import pytest
from manager import manager

from appliance import app, logs
from appliance.catalog import lineup
from appliance.cli.serve import run
from appliance.settings import Settings, Store
from appliance.store import database
from appliance.store.migrations import migrate
from appliance.supervision import preparing
from appliance.supervision.activation import Given
from appliance.supervision.notify import Supervisor

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database as Tables

ASKS = ["EXTEND_TIMEOUT_USEC=30000000", "STATUS=the database is being brought up to date"]


def test_a_long_migration_is_given_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, let_go = threading.Event(), threading.Event()

    def slow(tables: Tables) -> None:
        begun.set()
        assert let_go.wait(20)
        migrate(tables)

    def no_models(*_: object) -> None:
        raise lineup.ModelsMissing("that is all there is to see")

    monkeypatch.setattr(preparing, "EXTEND_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    monkeypatch.setattr(lineup, "lineup", lambda _: None)
    monkeypatch.setattr(database, "migrate", slow)
    monkeypatch.setattr(app, "create_engines", no_models)
    ended: list[click.ClickException] = []

    def serve(address: str) -> None:
        with pytest.raises(click.ClickException) as error:
            run(Settings(store=Store(dir=str(tmp_path))), Given(), Supervisor(address))
        ended.append(error.value)

    with manager(tmp_path) as told:
        serving = threading.Thread(target=serve, args=(told.address,))
        serving.start()
        assert begun.wait(20)
        assert [told.lines() for _ in range(3)] == [ASKS] * 3
        let_go.set()
        while serving.is_alive():
            told.silent()  # so that the line does not fill
        serving.join()
    assert [error.message for error in ended] == ["that is all there is to see"]
    assert (tmp_path / "admin.key").is_file()


def test_but_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "EXTEND_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(preparing, "MOST_SECONDS", 0.03)
    with manager(tmp_path) as told, preparing.preparing(Supervisor(told.address), "it is prepared"):
        for thread in threading.enumerate():
            if thread.name == "preparing":
                thread.join(20)
        assert [told.lines()[1] for _ in range(3)] == ["STATUS=it is prepared"] * 3
        assert told.silent()


def test_nobody_need_be_told() -> None:
    with preparing.preparing(None, "it is prepared"):
        assert "preparing" not in {thread.name for thread in threading.enumerate()}
