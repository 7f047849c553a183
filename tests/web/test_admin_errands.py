"""Long work in the background: what ends late, or never, and what is said of a child that ended."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import psutil
import pytest
from anyio import wait_all_tasks_blocked
from conftest import until

from appliance.errors import Conflict, NotFound
from appliance.web.admin.child import News
from appliance.web.admin.errands import Errands
from appliance.web.admin.running import place_in, running

if TYPE_CHECKING:
    from pathlib import Path

    from anyio.abc import TaskGroup

    from appliance.web.admin.child import Hear

PATIENCE_SECONDS = 60.0


async def never(_: Hear) -> str:
    await anyio.sleep_forever()
    raise AssertionError


async def test_one_that_ends_late_says_nothing_of_the_next() -> None:
    errands, go, over = Errands(), anyio.Event(), anyio.Event()

    async def late(hear: Hear) -> str:
        with anyio.CancelScope(shield=True):  # as a child that cleans up after itself
            await go.wait()
        hear(News(what="late", done=9, result={"name": "late"}))
        raise RuntimeError

    async def prompt(_: Hear) -> str:
        await over.wait()
        return ""

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(errands.run)
        first = errands.begin(("first",), late, PATIENCE_SECONDS)
        with pytest.raises(Conflict):
            errands.begin(("second",), prompt, PATIENCE_SECONDS)
        await wait_all_tasks_blocked()
        assert errands.cancel().state == "cancelled"
        with pytest.raises(NotFound):
            errands.cancel()
        second = errands.begin(("second",), prompt, PATIENCE_SECONDS)
        assert second.number != first.number
        go.set()
        await wait_all_tasks_blocked()
        assert errands.last == second
        over.set()
        await wait_all_tasks_blocked()
        assert (errands.last.names, errands.last.state, errands.last.result) == (("second",), "done", {})
        tasks.cancel_scope.cancel()


async def test_none_goes_on_without_end() -> None:
    errands = Errands()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(errands.run)
        errands.begin((), never, 0.0)
        await _over(errands, tasks)
    assert errands.last is not None
    assert (errands.last.state, errands.last.why) == ("failed", "It was not over after 0 hours, and was ended.")


async def _over(errands: Errands, tasks: TaskGroup) -> None:
    with anyio.fail_after(PATIENCE_SECONDS):
        while errands.running:
            await anyio.lowlevel.checkpoint()
    tasks.cancel_scope.cancel()


LEAVES = """
import pathlib, subprocess, sys
child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
"""
"""Ends, and leaves a child of its own behind."""


async def test_what_a_command_has_started_ends_with_it(tmp_path: Path) -> None:
    async with running([sys.executable, "-c", LEAVES, str(tmp_path / "pid")], {}) as process:
        assert await process.wait() == 0
        left = psutil.Process(int((tmp_path / "pid").read_text()))
    until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE)


def test_the_place_of_what_ended_it_is_told_without_its_words() -> None:
    code = "def speak():\n raise ValueError('a secret')\nspeak()"
    said = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, check=False).stderr
    assert place_in(said) == {"error": "ValueError", "at": "<string>:2 speak"}
    assert place_in(b"Error: no such command") == {}
