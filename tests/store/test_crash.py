"""A real process killed with SIGKILL in the middle of its transactions, again and again: what it leaves is whole."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from core.journal import Kind
from core.state import replay
from store.database import Store
from store.tables import AuditRow, RunRow

ROOT = Path(__file__).parents[2]
KILLS = 8
SEED = 20260412


class Writer:
    """The program of `crash_child.py`, and what its children said."""

    def __init__(self, process: subprocess.Popen[str], said: IO[str], orders: IO[str]) -> None:
        self._process, self._said, self._orders = process, said, orders
        self.committed: dict[str, int] = {}

    def work_and_die(self, after_lines: int) -> None:
        """Let a child write until it has reported *after_lines* commits, then kill it."""
        self._orders.write("go\n")
        self._orders.flush()
        pid = int(self._said.readline().split()[1])
        for _ in range(after_lines):
            self._note(self._said.readline())
        os.kill(pid, signal.SIGKILL)
        while (line := self._said.readline()) != "gone\n":
            self._note(line)

    def _note(self, line: str) -> None:
        run_id, seq = line.split()
        self.committed[run_id] = max(int(seq), self.committed.get(run_id, 0))


@pytest.fixture
def writer(url: str) -> Iterator[Writer]:
    command = [sys.executable, str(Path(__file__).with_name("crash_child.py")), url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    yield Writer(process, process.stdout, process.stdin)
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


async def test_what_a_killed_writer_leaves_is_whole(writer: Writer, url: str) -> None:
    chance = random.Random(SEED)
    for _ in range(KILLS):
        writer.work_and_die(chance.randrange(1, 40))
        store = await Store.open(url)
        await _check(store, writer.committed)
        await store.close()


async def _check(store: Store, committed: dict[str, int]) -> None:
    async with store.look() as look:
        head = await look.verify_audit()
        runs = await look.runs(limit=10_000)
        assert {run.id for run in runs} >= committed.keys(), "a run that was committed is gone"
        lines = 0
        for run in runs:
            entries = await look.entries(run.id)
            state = replay(entries)
            lines += len(entries)
            assert state.seq >= committed.get(run.id, 0), "an entry that was committed is gone"
            claimed = Kind.CLAIMED in {entry.kind for entry in entries}
            assert (await look.claim_of(run.id) is not None) is claimed
            lock = await look.lock_of(run.target)
            assert (lock is not None and lock.run_id == run.id) is not state.status.ended
            board = await look.board(run.id)
            assert board is not None
            assert board.wanted == state.seq
            row = await look._session.get(RunRow, run.id)
            assert row is not None
            assert (row.seq, row.status) == (state.seq, state.status)
            sent = {seq for seq in (4, 5, 6, 7, 9) if await look.outgoing(f"{run.id}:{seq}")}
            assert sent == {seq for seq in (4, 5, 6, 7, 9) if seq < state.seq}, "a message without its entry"
        assert head.n == lines, "a line of the audit without its entry, or an entry without its line"
        assert await look._session.get(AuditRow, head.n + 1) is None
