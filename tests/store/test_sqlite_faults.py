"""SQLite in trouble: each time the caller hears what is wrong and what to do, and nothing is half-written."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import StoreUnavailableError
from store import engines
from store.database import Store
from tests.store.samples import PAUSED, RESUMED, at, begun_run

ROOT = Path(__file__).parents[2]
CHILD = [sys.executable, str(Path(__file__).with_name("fault_child.py"))]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}

#: Root may write what it has no right to; without these capabilities it is like everybody else.
NOT_ALMIGHTY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"] if os.geteuid() == 0 else []


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def _child(what: str, file: Path, *, through: list[str] | None = None) -> str:
    words = [*(through or []), *CHILD, what, str(file)]
    done = subprocess.run(words, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


async def test_a_second_process_is_refused_until_the_first_is_dead(file: Path, sqlite_url: str) -> None:
    with subprocess.Popen([*CHILD, "hold", str(file)], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        with pytest.raises(StoreUnavailableError, match=f"in use by process {first.pid}: one Belay at a time"):
            await Store.open(sqlite_url)
        first.kill()
    store = await Store.open(sqlite_url)
    await store.ping()
    await store.close()


async def test_a_second_store_in_one_process_is_refused_too(file: Path, sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    with pytest.raises(StoreUnavailableError, match=f"in use by process {os.getpid()}"):
        await Store.open(sqlite_url)
    await store.close()


async def test_a_closed_store_writes_nothing(file: Path, sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailableError, match="was closed"):
        await store.ping()
    with pytest.raises(StoreUnavailableError, match="was closed"):
        async with store.look() as look:
            await look.runs()


async def test_nobody_else_may_read_the_files(empty_sqlite_url: str, tmp_path: Path) -> None:
    store = await Store.open(empty_sqlite_url)
    await store.ping()
    made = sorted(tmp_path.iterdir())
    assert [path.name for path in made] == ["belay.db", "belay.db-shm", "belay.db-wal", "belay.db.lock"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o600}
    await store.close()


async def test_what_was_committed_is_on_the_disk(file: Path, sqlite_url: str) -> None:
    """WAL alone would lose the last commits with the power: `synchronous` has to be FULL (2)."""
    store = await Store.open(sqlite_url)
    async with store.begin() as transaction:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            assert (await transaction._session.exec(text(f"PRAGMA {pragma}"))).scalar() == value
    await store.close()


def test_a_read_only_file(file: Path) -> None:
    file.chmod(0o400)
    said = _child("write", file, through=NOT_ALMIGHTY)
    assert said == (
        f"the database file {file} cannot be opened and written: Permission denied; make it writable for this user"
    )


def test_a_read_only_directory(file: Path) -> None:
    """The file itself may be written, but SQLite needs its log beside it."""
    file.with_name("belay.db.lock").touch(0o600)
    file.parent.chmod(0o500)
    said = _child("write", file, through=NOT_ALMIGHTY)
    file.parent.chmod(0o700)
    assert str(file) in said
    assert "writable" in said


async def test_a_directory_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"No such file or directory .*create its directory"):
        await Store.open(f"sqlite:///{tmp_path}/nowhere/belay.db")


async def test_looking_at_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="No such file or directory; start the bot once"):
        await Store.open(f"sqlite:///{tmp_path}/belay.db", readonly=True)
    assert list(tmp_path.iterdir()) == []


async def test_looking_beside_a_running_bot(file: Path, sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    await begun_run(store)
    assert _child("look", file) == "5"
    await store.close()
    alone = await Store.open(sqlite_url, readonly=True)
    async with alone.look() as look:
        assert (await look.state("R-1")).seq == 5
    await alone.close()


async def test_a_file_that_is_no_database(file: Path, sqlite_url: str) -> None:
    file.write_text("SELECT 1; -- not a database\n" * 100)
    with pytest.raises(StoreUnavailableError, match="is not a database: check the database URL"):
        await Store.open(sqlite_url)


async def test_locked_by_another_program(file: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_MS", 50)
    store = await Store.open(sqlite_url)
    run_id = await begun_run(store)
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="is locked by another program: end what holds it open"):
            await _pause(store, run_id)
        async with store.look() as look:
            assert (await look.state(run_id)).seq == 5
        other.rollback()
    await _pause(store, run_id)
    await store.close()


async def test_a_full_database_by_its_own_limit(file: Path, sqlite_url: str) -> None:
    store = await Store.open(sqlite_url)
    run_id = await begun_run(store)
    await _limit_pages(store, 1)
    with pytest.raises(StoreUnavailableError, match=f"the disk of the database file {file} is full: free some space"):
        await _pause_and_resume(store, run_id, times=500)
    async with store.look() as look:
        state = await look.state(run_id)
        assert (await look.verify_audit()).n == state.seq
    await _limit_pages(store, 1_000_000)
    await _pause(store, run_id, seq=state.seq)
    await store.close()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="a small disk is mounted by root only")
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """In a mount namespace of its own, so that nothing is left mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size=1m none "{disk}" && exec "$@"'
    grew, same, outputs, said = _child(
        "fill", disk / "belay.db", through=["unshare", "-m", "sh", "-c", mount, "sh"]
    ).split(maxsplit=3)
    assert (grew, same, outputs) == ("True", "True", "True")
    assert "full" in said
    assert "nothing was recorded" in said


async def test_the_loop_does_not_wait_for_the_disk(file: Path, sqlite_url: str) -> None:
    """A write runs in a thread: while SQLite waits for a lock the loop goes on."""
    store = await Store.open(sqlite_url)
    other = sqlite3.connect(file, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, other.rollback).start()
    ping = asyncio.create_task(store.ping())
    ticks = 0
    while not ping.done():
        await asyncio.sleep(0.01)
        ticks += 1
    await ping
    other.close()
    await store.close()
    assert ticks >= 10


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite+other:///x.db", "mysql://u:secret@h/d", "nonsense"])
async def test_an_url_we_cannot_use(url: str) -> None:
    with pytest.raises(StoreUnavailableError, match=r"sqlite:///PATH") as refusal:
        await Store.open(url)
    assert "secret" not in str(refusal.value)


async def _pause(store: Store, run_id: str, *, seq: int = 5) -> None:
    async with store.begin() as transaction:
        await transaction.append(run_id, [PAUSED], seq=seq, at=at(seq))


async def _pause_and_resume(store: Store, run_id: str, *, times: int) -> None:
    for seq in range(5, 5 + 2 * times, 2):
        async with store.begin() as transaction:
            await transaction.append(run_id, [PAUSED, RESUMED], seq=seq, at=at(seq))


async def _limit_pages(store: Store, pages: int) -> None:
    """SQLite takes its present size if *pages* is less."""
    async with store.begin() as transaction:
        await transaction._session.exec(text(f"PRAGMA max_page_count = {pages}"))
