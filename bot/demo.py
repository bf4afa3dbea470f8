"""`belay demo`: a practice cloud, a local chat workspace and the bot, started together; people play."""

import asyncio
import contextlib
import signal
import webbrowser

from bot.script import describe_answer
from bot.stage import CHANNEL, TARGET, Stage, scenario_named, stage, watch_for_guarded_step
from core.errors import RefusedError

#: Seconds between two looks of the demo at its own practice service, for the line it prints when that changes.
LOOK_EVERY_S = 1.0
#: Seconds the practice hosts take longer over each slow command, so that there is something to watch and to pause.
PACE_S = 3.0


async def demo(scenario: str = "reversible", *, port: int = 8417, open_browser: bool = False) -> int:
    """Run until Ctrl-C. Prints the one address to open."""
    chosen = scenario_named(scenario)
    print(f"Raising a practice cloud whose upgrade goes wrong: {chosen.title}. A few seconds …", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with stage(chosen, port=port, pace_s=PACE_S) as found:
            await _introduce(found)
            if open_browser:
                webbrowser.open(found.workspace.url)
            await _play(found, stop)
    except OSError as error:
        raise RefusedError(f"cannot listen on port {port}: {error.strerror or error}; try `--port 0`") from error
    print("Everything that was started has ended.")
    return 0


async def _introduce(found: Stage) -> None:
    answer = await found.hosts.answer()
    print(
        f"""
  Open  {found.workspace.url}

  nova-api of '{TARGET}' was upgraded from Newton to Ocata, and since then it
  {describe_answer(answer)}.

  1. As Ana, in {CHANNEL}, type   /rollback start
  2. As Bo and as Cy, react with the check mark (or press Approve).
  3. Watch the board; open its thread. Try Pause, Abort, a veto, or a reaction by Eve, who is a guest.

  What to expect: {found.scenario.what_to_expect}
  Other scenarios: `belay demo --list`.  The service itself: {next(iter(found.hosts.service_urls.values()))}/
  Ctrl-C ends it all.
""",
        flush=True,
    )


async def _play(found: Stage, stop: asyncio.Event) -> None:
    others = [
        asyncio.create_task(watch_for_guarded_step(found)),
        asyncio.create_task(_watch_service(found)),
    ]
    try:
        await stop.wait()
    finally:
        for task in others:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _watch_service(found: Stage) -> None:
    """Say on the terminal when the service's own answer changes: the truth, not the bot's word."""
    right: bool | None = None
    while True:
        answer = await found.hosts.answer()
        if answer["right"] is not right:
            right = answer["right"]
            print(f"  nova-api answers {'rightly' if right else 'wrongly'} now", flush=True)
        await asyncio.sleep(LOOK_EVERY_S)
