"""
When to try again, keyed by what the error allows.

`UnreachableError`: nothing was started, so trying again is safe. `OutcomeLostError`: it may have been started, so
only attaching is. Everything else goes up at once.
"""

from tenacity import (
    retry,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from core.action import Action, Ended, Executor, Permit, Sink, Verdict
from core.errors import OutcomeLostError, UnreachableError
from core.target import Host


@retry(
    retry=retry_if_exception_type(UnreachableError),
    wait=wait_random_exponential(multiplier=0.5, max=10),  # seconds
    stop=stop_after_delay(60),  # seconds
    reraise=True,
)
async def run_when_reachable(executor: Executor, action: Action, host: Host, sink: Sink, permit: Permit) -> Verdict:
    """
    Run *action*, waiting about a minute for the host to answer; *permit* is asked each time.

    Raises:
        OutcomeLostError: attach; this is never tried again.
        UnreachableError, AccessDeniedError, HostNotReadyError: nothing was started.

    And whatever *permit* raises: nothing was started.
    """
    return await executor.run(action, host, sink, permit)


@retry(
    retry=retry_if_exception_type((UnreachableError, OutcomeLostError)),
    wait=wait_random_exponential(multiplier=0.2, max=1),  # seconds
    stop=stop_after_delay(3),  # seconds
    reraise=True,
)
async def look_again(executor: Executor, action: Action, host: Host) -> Ended:
    """
    Look, and once more if the link broke: looking changes nothing.

    Raises:
        UnreachableError, OutcomeLostError: no answer; that is never a "no".
        AccessDeniedError, HostNotReadyError: a person has to look.
    """
    return await executor.look(action, host)
