"""`belay demo`: a practice system, a local chat workspace and the bot, started together; people play."""

import asyncio
import contextlib
import signal
import webbrowser

from bot.stage import CHANNEL, Stage, stage
from core.errors import RefusedError
from sandbox.systems.catalogue import SYSTEMS, full_name, scenario_named
from sandbox.systems.findings import all_right, describe

#: Seconds between two looks of the demo at its own practice system, for the line it prints when that changes.
LOOK_EVERY_S = 1.0
#: Seconds the practice hosts take longer over each slow command, so that there is something to watch and to pause.
PACE_S = 3.0


async def demo(scenario: str = "reversible", *, port: int = 8417, open_browser: bool = False) -> int:
    """Run until Ctrl-C. Prints the one address to open."""
    system, chosen = scenario_named(scenario)
    print(f"Raising {system.title}, whose upgrade goes wrong: {chosen.title}. A few seconds …", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with stage(system, chosen, port=port, pace_s=PACE_S) as found:
            await _introduce(found)
            if open_browser:
                webbrowser.open(found.workspace.url)
            await _play(found, stop)
    except OSError as error:
        raise RefusedError(f"cannot listen on port {port}: {error.strerror or error}; try `--port 0`") from error
    print("Everything that was started has ended.")
    return 0


def listing() -> str:
    """Return every scenario by system, as `--list` prints them."""
    lines = []
    for system in SYSTEMS:
        lines += ["", f"{system.title} ({system.name}, target {system.target}, plan {system.plan})"]
        names = {full_name(system, scenario): scenario for scenario in system.scenarios}
        width = max(map(len, names), default=0)
        lines += [f"  {name:<{width}}  {one.title}. {one.what_to_expect}" for name, one in names.items()]
    return "\n".join(lines[1:])


async def _introduce(found: Stage) -> None:
    truth = describe(await found.world.truth())
    print(
        f"""
  Open  {found.workspace.url}

  '{found.target}' was upgraded, and since then, looked at from outside, this is
  {truth}.

  1. As Ana, in {CHANNEL}, type   /rollback start
  2. As Bo and as Cy, react with the check mark (or press Approve).
  3. Watch the board; open its thread. Try Pause, Abort, a veto, or a reaction by Eve, who is a guest.

  What to expect: {found.scenario.what_to_expect}
{_hints(found)}  Other scenarios: `belay demo --list`.  Its hosts: {found.world.directory}
  Ctrl-C ends it all.
""",
        flush=True,
    )


def _hints(found: Stage) -> str:
    """What may be done on the hosts when the run asks, for those who play it themselves."""
    said = [answer.first_says for answer in found.scenario.answers if answer.first_says]
    return f"  When it asks: {'; '.join(said)}.\n" if said else ""


async def _play(found: Stage, stop: asyncio.Event) -> None:
    watching = asyncio.create_task(_watch_truth(found))
    try:
        await stop.wait()
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _watch_truth(found: Stage) -> None:
    """Say on the terminal when what is true of the system changes: the truth, not the bot's word."""
    before = all_right(await found.world.truth())
    while True:
        truth = await found.world.truth()
        if all_right(truth) is not before:
            before = all_right(truth)
            print(f"  from outside: {describe(truth)}", flush=True)
        await asyncio.sleep(LOOK_EVERY_S)
