"""
What every victim would do first is done once in its zygote: modules are loaded, tables mapped, migrations read.

Forking copies all of it, which saves each victim a third of its start. No thread may be left, or forking is not safe.
"""

import asyncio
import tempfile
import threading
from pathlib import Path

from sqlalchemy.dialects import registry

from bot.wiring import ssh_settings
from chaos.plan import plan
from chaos.spec import Spec
from chaos.victim import settings_of
from core.reader import build_plan
from executors.ssh import SshExecutor
from store.database import Store


def warm() -> None:
    """
    Raises:
        RuntimeError: a thread is left, so that this process must not fork.
    """
    with tempfile.TemporaryDirectory(prefix="belay-chaos-warm-") as folder:
        spec = Spec(role="victim", trial="warm", home=folder, url="", client_key="", known_hosts="", homes={})
        asyncio.run(_once_through(spec, Path(folder)))
    if (left := threading.active_count()) != 1:
        raise RuntimeError(f"expected one thread before forking, there are {left}")


async def _once_through(spec: Spec, folder: Path) -> None:
    store = await Store.open(f"sqlite:///{folder / 'belay.db'}")
    async with store.begin() as tx:
        await tx.beat()
        await tx.runs(limit=1)
        await tx.driven()
        await tx.outbox()
    await store.close()
    registry.load("postgresql.psycopg")
    build_plan(plan(spec.trial))
    await SshExecutor(ssh_settings(settings_of(spec))).close()
