"""A change of releases that is killed, or fails, at every moment that counts: one whole release serves afterwards."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from releases.scripted import Accident, World, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"), pytest.mark.long]
KILLED = -signal.SIGKILL

Made = tuple[World, tuple[str, ...]]


def well(root: Path) -> Made:
    world = World(root)
    world.serving("1.0")
    world.release("2.0")
    return world, ("upgrade", "2.0", "--watch", "0")


def same_tables(root: Path) -> Made:
    world = World(root)
    world.serving("1.0")
    world.release("1.1")
    return world, ("upgrade", "1.1", "--watch", "0")


def ill(root: Path) -> Made:
    world, words = well(root)
    world.ill("2.0", "probe")
    return world, words


def by_hand(root: Path) -> Made:
    world, words = well(root)
    assert world.call(*words)[0] == 0
    return world, ("rollback", "1.0", "--watch", "0")


def first(root: Path) -> Made:
    world = World(root)
    world.release("1.0")
    return world, ("activate", "1.0")


BY = ("recover", "boot", "again", "a killed recover")


def nothing_takes_over(root: Path) -> Made:
    world, words = ill(root)
    world.ill("1.0", "take-over")
    return world, words


def backed_up_meanwhile(root: Path) -> Made:
    world, words = ill(root)
    world.backing_up()
    return world, words


OTHERS = [
    (well, "full"),
    (ill, "full"),
    (by_hand, "fail"),
    (by_hand, "full"),
    (first, "fail"),
    (same_tables, "full"),
    (nothing_takes_over, "full"),
    (backed_up_meanwhile, "fail"),
]
WAYS = {way.__name__: way for way in (well, same_tables, ill, by_hand, first)}


def versions(world: World, words: tuple[str, ...]) -> tuple[str | None, str]:
    """From and to."""
    return world.shelf.current(), words[1]


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_killed_around_each_note(tmp_path: Path, way: Callable[[Path], Made]) -> None:
    """Just before it is written, and just after; what follows differs in turn."""
    world, words = way(tmp_path / "whole")
    world.call(*words)
    notes = [at for at, what in enumerate(world.moments(), 1) if "upgrade.json" in what]
    assert len(notes) > 5
    around = sorted({at + step for at in notes for step in (0, 2)} & set(range(len(world.moments()) + 1)))
    outcomes = {killed(tmp_path / str(at), way, at, BY[number % 4])[1] for number, at in enumerate(around)}
    assert way is ill or words[1] in outcomes


@pytest.mark.soak
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("by", BY)
def test_killed_at_any_moment(tmp_path: Path, way: Callable[[Path], Made], by: str) -> None:
    at, ended = 0, KILLED
    while ended == KILLED:
        at += 1
        ended, _ = killed(tmp_path / str(at), way, at, by)
    assert at > 30
    assert ended == (3 if way is ill else 0)


def killed(root: Path, way: Callable[[Path], Made], at: int, by: str) -> tuple[int, str | None]:
    """How it ended, and the release that stays once that was seen to."""
    world, words = way(root)
    old, new = versions(world, words)
    ended, _ = world.call(*words, accident=Accident("kill", at))
    if ended != KILLED:
        return ended, world.shelf.current()
    if by == "boot":
        world.boot()
    elif by == "again":
        status, output = world.call(*words)
        assert status == (3 if way is ill else 0), output
    else:
        if by == "a killed recover":
            world.call("recover", accident=Accident("kill", 1 + at % 17))
        status, output = world.call("recover")
        assert status == 0, output
    stays = world.shelf.current()
    assert stays in {old, new}
    world.whole(stays)
    world.tidy()
    return ended, stays


@pytest.mark.parametrize(
    ("way", "how"),
    [(well, "fail"), (ill, "fail"), *(pytest.param(way, how, marks=pytest.mark.soak) for way, how in OTHERS)],
)
def test_failed_at_any_moment(tmp_path: Path, way: Callable[[Path], Made], how: str) -> None:
    at, statuses = 0, set()
    while True:
        at += 1
        world, words = way(tmp_path / str(at))
        old, new = versions(world, words)
        accident = Accident(how, at)
        status, output = world.call(*words, accident=accident)
        if len(world.moments()) < at:
            break
        moment = world.moments()[at - 1]
        statuses.add(status)
        if status == 4:  # it failed on the way back
            status, output = world.call("recover")
            assert status == 0, output
            if world.active == "":
                world.boot()
        elif world.journal_left():
            assert status in {0, 3}
            assert world.call("recover")[0] == 0
        assert "Traceback" not in output
        world.whole(world.shelf.current(), aside="take-over" in moment or way is nothing_takes_over)
        world.tidy()
        assert world.shelf.current() in ({old} if status in {1, 3} else {old, new})
    assert 3 in statuses


def test_the_snapshot_is_what_is_left_when_nothing_can_take_over(tmp_path: Path) -> None:
    world, words = ill(tmp_path / "box")
    world.ill("1.0", "take-over")
    before = world.acknowledged()
    status, output = world.call(*words)
    assert status == 3, output
    assert "what came later is in" in output
    (aside,) = world.database.parent.glob("appliance.db.newer-*")
    assert set(said(aside)) > set(before)
    assert [words for words in world.said() if words in before] == before
    assert world.shelf.current() == world.active == "1.0"


def test_the_snapshot_has_what_was_in_the_log_only(tmp_path: Path) -> None:
    world, words = ill(tmp_path / "box")
    world.ill("1.0", "take-over")
    with closing(sqlite3.connect(world.database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO said VALUES ('in-the-log')")
        connection.commit()
        assert world.call(*words)[0] == 3
    assert "in-the-log" in world.said()


def test_hands_are_needed_where_the_old_one_is_ill_too(tmp_path: Path) -> None:
    world, words = ill(tmp_path / "box")
    world.ill("1.0", "serve")
    status, output = world.call(*words)
    assert status == 4
    assert "HANDS NEEDED: release 1.0 is back in its place with its data, but does not serve" in output
    assert "log: the last line" in output
    (world.layout.release("1.0") / "ill").unlink()
    world.boot()
    world.whole("1.0")


def test_the_data_cannot_be_brought_back_at_all(tmp_path: Path) -> None:
    world, words = ill(tmp_path / "box")
    world.ill("1.0", "take-over")
    status, _ = world.call(*words, accident=Accident("kill", moment_of(tmp_path, "back-switch")))
    assert status == KILLED
    assert world.call("recover")[0] == 0
    assert (world.active, world.shelf.current()) == ("1.0", "1.0")


def moment_of(tmp_path: Path, step: str) -> int:
    """Number of the moment at which this step is noted, in the same story."""
    world, words = ill(tmp_path / "counted")
    world.ill("1.0", "take-over")
    world.call(*words)
    writes = [at for at, what in enumerate(world.moments(), 1) if what.startswith("write") and "upgrade.json" in what]
    names = [
        "stop",
        "snapshot",
        "data",
        "switch",
        "start",
        "probe",
        "back-stop",
        "back-data",
        "back-switch",
        "back-start",
    ]
    return writes[names.index(step)]


def test_what_was_brought_back_is_not_put_back_once_more(tmp_path: Path) -> None:
    """By a second attempt, at which the program of the old release fails: all is there already."""
    count, words = ill(tmp_path / "counted")
    count.call(*words)
    at = 1 + next(at for at, what in enumerate(count.moments(), 1) if "take-over" in what)
    world, words = ill(tmp_path / "box")
    assert world.call(*words, accident=Accident("kill", at))[0] == KILLED
    world.ill("1.0", "take-over")
    status, output = world.call("recover")
    assert status == 0, output
    world.whole("1.0")


def test_nothing_is_put_back_where_it_cannot_be_told_what_is_there(tmp_path: Path) -> None:
    world, words = ill(tmp_path / "box")
    assert world.call(*words, accident=Accident("kill", moment_of(tmp_path, "back-data")))[0] == KILLED
    world.ill("1.0", "steps")
    before = world.database.read_bytes()
    status, output = world.call("recover")
    assert (status, "HANDS NEEDED" in output) == (4, True)
    assert world.database.read_bytes() == before
    (world.layout.release("1.0") / "ill").unlink()
    assert world.call("recover")[0] == 0
    world.whole("1.0")


def test_a_backup_does_not_hold_up_the_way_back(tmp_path: Path) -> None:
    world, words = ill(tmp_path / "box")
    world.backing_up()
    status, output = world.call(*words)
    assert (status, "2.0 probe: is ill" in output.splitlines()[-1]) == (3, True), output
    world.whole("1.0")


def test_the_backup_is_the_one_that_was_ordered(tmp_path: Path) -> None:
    world, words = well(tmp_path / "box")
    (world.root / "run/backup-unit").touch()
    assert world.call(*words)[0] == 0
    assert (world.root / "run/backed-up").exists()
    assert not [what for what in world.moments() if "backup create" in what]


@pytest.mark.parametrize(("command", "why"), [("create", "back up"), ("rehearse-back", "a way back without loss")])
def test_the_release_that_serves_has_to_help_on_the_way_up_only(tmp_path: Path, command: str, why: str) -> None:
    world, words = well(tmp_path / "box")
    world.ill("1.0", command)
    status, output = world.call(*words)
    assert (status, why in output) == (1, True)
    assert world.active == "1.0"
    world.tidy()
    (world.layout.release("1.0") / "ill").unlink()
    assert world.call(*words)[0] == 0
    world.ill("2.0", command)
    status, output = world.call("rollback", "--watch", "0")
    assert (status, "note: " in output) == (0, True)
    assert any("copy the database" in line for line in output.splitlines())
    world.whole("1.0")
    world.tidy()


def test_without_a_database_before_the_new_one_made_it(tmp_path: Path) -> None:
    world, words = ill(tmp_path / "box")
    world.database.unlink()
    (world.root / "run/acknowledged").unlink()
    status, output = world.call(*words)
    assert status == 3, output
    world.whole("1.0")


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]"])
def test_a_history_that_is_damaged_ends_nothing(tmp_path: Path, text: str) -> None:
    world, words = well(tmp_path / "box")
    history = world.layout.state / "history.json"
    history.write_text(text)
    assert world.call(*words)[0] == 0
    assert history.read_text() == '["2.0"]'


def test_what_nobody_has_foreseen_is_a_sentence(tmp_path: Path) -> None:
    world, words = well(tmp_path / "box")
    (world.layout.release("2.0") / "ill").mkdir()  # the script itself stumbles over it
    status, output = world.call(*words)
    assert (status, "Traceback" in output) == (1, False)
    assert "REFUSED: " in output


@pytest.mark.parametrize("copy", ["the snapshot", "what is put back"])
def test_the_disk_is_full_in_the_midst_of_a_copy(tmp_path: Path, copy: str) -> None:
    world, words = nothing_takes_over(tmp_path / "counted")
    world.call(*words, accident=Accident("full"))
    copies = [at for at, what in enumerate(world.moments(), 1) if what.startswith("copy")]
    assert len(copies) == 2
    world, words = nothing_takes_over(tmp_path / "box")
    status, output = world.call(*words, accident=Accident("full", copies[copy != "the snapshot"]))
    assert (status, "No space left" in output) == (3 if copy == "the snapshot" else 4, True)
    if status == 4:
        assert not list(world.database.parent.glob("*.put-back"))
        assert world.call("recover")[0] == 0
    world.whole("1.0", aside=True)
    world.tidy()
