"""How a driver goes on with an action whose link broke."""

import asyncio
import logging

from core.action import Action, Executor, Verdict
from core.errors import OutcomeLostError, UnreachableError
from core.target import Host

log = logging.getLogger(__name__)


async def attached(executor: Executor, action: Action, host: Host, *, within_s: float = 60) -> Verdict:
    """Attach to *action*, again and again while the link breaks or the host does not answer."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await executor.attach(action, host, lambda _: None)
            except (UnreachableError, OutcomeLostError) as error:
                log.info("%s: %s", action.unit, error)
                await asyncio.sleep(0.5)  # another look at a host: there is nothing to wait for here
