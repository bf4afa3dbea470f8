"""
A writer to be killed. Run as a program: `python crash_child.py URL`.

It loads everything once, then for each line on stdin forks a child that writes as fast as it can, says its process
id, passes on what the child reports (one line per committed transaction: "run seq"), and says "gone" when it died.
"""

import asyncio
import os
import sys

from core.errors import ConflictError, RefusedError
from store.database import Store
from store.records import Outgoing
from tests.store import samples as s


async def _write(url: str) -> None:
    store = await Store.open(url)
    number = 0
    while True:
        number += 1
        await asyncio.gather(*(_one_run(store, f"t{os.getpid()}-{number}-{i}") for i in range(3)))


async def _one_run(store: Store, target: str) -> None:
    async with store.begin() as transaction:
        run_id = await s.submit(transaction, target=target)
    _say(run_id, 3)
    await asyncio.gather(*(_claim(store, run_id) for _ in range(2)))
    seq = 4
    for drafts in ([s.BEGUN], [s.STARTED], [s.DONE], [s.PAUSED, s.RESUMED], [s.SUCCEEDED]):
        async with store.begin() as transaction:
            await transaction.append(run_id, drafts, seq=seq, at=s.at(seq))
            await transaction.send(Outgoing(key=f"{run_id}:{seq}", run_id=run_id, kind="", payload={}, at=s.at(seq)))
        seq += len(drafts)
        _say(run_id, seq)


async def _claim(store: Store, run_id: str) -> None:
    try:
        async with store.begin() as transaction:
            await transaction.claim(run_id, digest="", verdict_digest="", people=["bo", "cy"], at=s.at(9))
            await transaction.append(run_id, [s.CLAIMED], seq=3, at=s.at(9))
    except (ConflictError, RefusedError):
        return
    _say(run_id, 4)


def _say(run_id: str, seq: int) -> None:
    os.write(1, f"{run_id} {seq}\n".encode())


def main(url: str) -> None:
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            os.write(1, f"pid {os.getpid()}\n".encode())
            asyncio.run(_write(url))
        os.waitpid(pid, 0)
        os.write(1, b"gone\n")


if __name__ == "__main__":
    main(sys.argv[1])
