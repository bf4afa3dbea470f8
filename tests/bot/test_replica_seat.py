"""Who sat here before: believed only of a process that is dead for certain, on this boot and this database."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import replica_seat
from bot.replica_seat import Seat

#: Sits down as worker 7, says so, and waits to be killed.
SITTER = """
import sys, time
from pathlib import Path
from bot.replica_seat import Seat
seat = Seat(Path(sys.argv[1]), database="db")
print("before me:", seat.take(), flush=True)
seat.note(7)
print("noted", flush=True)
time.sleep(60)
"""


@pytest.fixture
def sitter(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", SITTER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "before me: None\n"
        assert child.stdout.readline() == "noted\n"
        yield child
        child.kill()


def test_a_killed_process_leaves_its_worker_to_the_next(tmp_path: Path, sitter: subprocess.Popen[str]) -> None:
    sitter.kill()
    sitter.wait()
    seat = Seat(tmp_path, database="db")

    assert seat.take() == 7
    seat.leave(nothing_left=False)
    assert Seat(tmp_path, database="db").take() == 7, "what was not handed over is still there to be taken over"


def test_a_frozen_process_is_not_dead(tmp_path: Path, sitter: subprocess.Popen[str]) -> None:
    os.kill(sitter.pid, signal.SIGSTOP)
    beside = Seat(tmp_path, database="db")

    assert beside.take() is None
    beside.note(8)
    os.kill(sitter.pid, signal.SIGKILL)
    sitter.wait()
    assert Seat(tmp_path, database="db").take() == 7, "who had no seat leaves no note"


def test_who_handed_over_leaves_nothing(tmp_path: Path) -> None:
    seat = Seat(tmp_path, database="db")
    assert seat.take() is None
    seat.note(7)
    seat.leave(nothing_left=True)

    assert Seat(tmp_path, database="db").take() is None


def test_the_name_of_a_seat_is_its_own_and_stays(tmp_path: Path) -> None:
    seat = Seat(tmp_path, database="db")
    seat.take()
    beside = Seat(tmp_path, database="db")
    beside.take()
    assert beside.name != seat.name, "the first one is alive"
    seat.leave(nothing_left=True)

    again = Seat(tmp_path, database="db")
    again.take()
    assert again.name == seat.name
    again.leave(nothing_left=False)
    elsewhere = Seat(tmp_path, database="another")
    elsewhere.take()
    assert elsewhere.name != seat.name


def test_the_name_is_known_to_who_comes_after_one_that_died_before_it_worked(tmp_path: Path) -> None:
    seat = Seat(tmp_path, database="db")
    seat.take()
    seat.leave(nothing_left=False)
    again = Seat(tmp_path, database="db")
    assert again.take() is None
    assert again.name == seat.name


def test_a_copy_of_the_folder_is_another_seat(tmp_path: Path) -> None:
    seat = Seat(tmp_path / "one", database="db")
    (tmp_path / "one").mkdir()
    seat.take()
    seat.note(7)
    shutil.copytree(tmp_path / "one", tmp_path / "two")

    copy = Seat(tmp_path / "two", database="db")
    assert copy.take() is None, "worker 7 is alive"
    assert copy.name != seat.name


def test_on_a_full_disk_it_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_what: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    seat = Seat(tmp_path, database="db")
    assert seat.take() is None
    seat.note(7)
    seat.leave(nothing_left=True)
    monkeypatch.undo()
    assert Seat(tmp_path, database="db").take() is None


@pytest.mark.parametrize("left", ['{"worker": 7', "[]", '{"worker": "x", "where": "b", "database": "db"}', "7"])
def test_a_note_that_makes_no_sense_is_none(tmp_path: Path, left: str) -> None:
    (tmp_path / "replica").write_text(left)
    assert Seat(tmp_path, database="db").take() is None


def test_workers_of_another_database_or_another_boot_are_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat = Seat(tmp_path, database="db")
    seat.take()
    seat.note(7)
    seat.leave(nothing_left=False)
    other = Seat(tmp_path, database="another")
    assert other.take() is None
    other.leave(nothing_left=False)

    boot = tmp_path / "boot_id"
    boot.write_text("another boot\n")
    monkeypatch.setattr(replica_seat, "_BOOT_ID", boot)
    assert Seat(tmp_path, database="db").take() is None


def test_a_folder_that_takes_no_file_is_done_without(tmp_path: Path) -> None:
    seat = Seat(tmp_path / "nowhere", database="db")
    assert seat.take() is None
    seat.note(7)
    seat.leave(nothing_left=True)
