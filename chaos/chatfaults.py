"""What Slack does to a bot on bad days, one thing after another while a run is under way."""

import asyncio
import random
from collections import Counter

from sandbox.workspace import Workspace
from sandbox.workspace.faults import Kind, MethodFault

#: How a fault of a call is counted, and what it does to any method's next call.
CALLS = {
    "Slack answers 429": Kind.RATE_LIMITED,
    "Slack answers 503": Kind.SERVER_ERROR,
    "Slack's answer is lost": Kind.LOSE_ANSWER,
    "Slack hangs, then cuts the line": Kind.HANG,
}
SOCKETS, HELD = "sockets cut", "events in the wrong order"
#: Seconds: what 429 asks for (the least a header can say is 1), a hang, and until events that were held go out.
AWAY_S, HELD_S = 0.3, 0.4


async def misbehave(workspace: Workspace, rng: random.Random, hits: Counter[str]) -> None:
    """Until cancelled. What struck nobody is counted nowhere."""
    while True:
        await asyncio.sleep(rng.uniform(0.05, 0.4))
        what = rng.choice((*CALLS, SOCKETS, HELD))
        if what in CALLS:
            await _next_call_fails(workspace, what, rng, hits)
        elif what == SOCKETS:
            hits[what] += bool(workspace.drop_sockets())
        else:
            await _hold_events(workspace, hits)


async def _next_call_fails(workspace: Workspace, what: str, rng: random.Random, hits: Counter[str]) -> None:
    fault = MethodFault(method="*", kind=CALLS[what], times=rng.choice((1, 1, 2)), seconds=AWAY_S)
    asked = fault.times or 0
    workspace.faults.methods.append(fault)
    await asyncio.sleep(AWAY_S)
    if fault in workspace.faults.methods:
        workspace.faults.methods.remove(fault)
        hits[what] += asked - (fault.times or 0)
    else:
        hits[what] += asked


async def _hold_events(workspace: Workspace, hits: Counter[str]) -> None:
    """What comes meanwhile is delivered afterwards, the last first."""
    workspace.faults.reorder_events = 3
    await asyncio.sleep(HELD_S)
    hits[HELD] += workspace.faults.reorder_events < 3
    workspace.faults.reorder_events = 0
    workspace.hub.courier.release_held()
