"""
A process with a database in trouble. Run as a program: `python fault_child.py WHAT FILE`.

It prints one line, what it was told; the test gives it the trouble (a full disk, no right to write) around it.
"""

import asyncio
import sys
from pathlib import Path

from core.action import Output, Verb
from core.errors import StoreUnavailableError
from store.database import Store
from tests.store import samples as s


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def hold(file: Path) -> None:
    """Keep the database open until killed."""
    await Store.open(f"sqlite:///{file}")
    say("open")
    await asyncio.Event().wait()


async def write(file: Path) -> None:
    store = await Store.open(f"sqlite:///{file}")
    await store.ping()
    await store.close()
    say("written")


async def look(file: Path) -> None:
    store = await Store.open(f"sqlite:///{file}", readonly=True)
    async with store.look() as looking:
        say(str((await looking.state("R-1")).seq))
    await store.close()


async def fill(file: Path) -> None:
    """Write until the disk is full, see that nothing of the last transaction stayed, make room, go on."""
    ballast = file.with_name("ballast")
    ballast.write_bytes(bytes(300_000))
    store = await Store.open(f"sqlite:///{file}")
    run_id = await s.begun_run(store)
    seq, said = 5, ""
    while not said:
        try:
            await _write_much(store, run_id, seq)
            seq += 1
        except StoreUnavailableError as error:
            said = str(error)
    async with store.look() as looking:
        same = (await looking.state(run_id)).seq == seq == (await looking.verify_audit()).n
        outputs = len(await looking.outputs(run_id)) == seq - 5
    ballast.unlink()
    await _write_much(store, run_id, seq)
    await store.close()
    say(f"{seq > 5} {same} {outputs} {said}")


async def _write_much(store: Store, run_id: str, seq: int) -> None:
    async with store.begin() as transaction:
        await transaction.append(run_id, [s.PAUSED if seq % 2 else s.RESUMED], seq=seq, at=s.at(seq))
        output = Output(head="x" * 20_000)
        await transaction.add_output(run_id, s.UNIT, Verb.DO, seq, output=output, exit_code=0, at=s.at(seq))


if __name__ == "__main__":
    try:
        asyncio.run({"hold": hold, "write": write, "look": look, "fill": fill}[sys.argv[1]](Path(sys.argv[2])))
    except StoreUnavailableError as error:
        say(str(error))
