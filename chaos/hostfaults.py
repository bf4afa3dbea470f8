"""What can happen to a host while a run is under way on it."""

import asyncio
import os
import random
import signal
from collections import Counter
from enum import StrEnum

from chaos.ground import Ground
from sandbox.hosts.host import PracticeHost


class HostFault(StrEnum):
    FROZEN = "sshd stopped (SIGSTOP)"
    RESTARTED = "sshd killed and started again"
    POWER = "host powered off and on"
    REBOOTED = "host rebooted (boot id changed)"
    KEY = "key removed"


async def disturb(ground: Ground, kinds: tuple[HostFault, ...], rng: random.Random, hits: Counter[str]) -> None:
    """Until cancelled: let one thing after another happen to a host, and put it right again."""
    while True:
        await asyncio.sleep(rng.uniform(0.1, 0.6))
        kind, host = rng.choice(kinds), ground.hosts[rng.choice(sorted(ground.hosts))]
        mending = asyncio.create_task(_happen(ground, kind, host, rng.uniform(0.2, 1.0)))
        hits[str(kind)] += 1
        try:
            await asyncio.shield(mending)
        except asyncio.CancelledError:
            await mending
            raise


async def _happen(ground: Ground, kind: HostFault, host: PracticeHost, for_s: float) -> None:
    match kind:
        case HostFault.FROZEN:
            host.cut()
            await asyncio.sleep(4 * for_s)
            host.heal()
        case HostFault.RESTARTED:
            if host.pid:
                os.kill(host.pid, signal.SIGKILL)
            await host.reap()
            await host.power_on()
        case HostFault.POWER | HostFault.REBOOTED:
            await host.stop()
            if kind is HostFault.REBOOTED:
                ground.new_boot(host)
            await asyncio.sleep(for_s)
            await host.power_on()
        case HostFault.KEY:
            keys = host.directory / "etc" / "authorized_keys"
            kept = keys.read_text()
            keys.write_text("")
            ground.links[host.name].drop_all()
            await asyncio.sleep(for_s)
            keys.write_text(kept)
