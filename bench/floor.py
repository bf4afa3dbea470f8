"""The floor for acknowledgements: an empty bolt app in a process of its own, asked while the bot is measured."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.stage import CHANNEL, practice_world
from sandbox.workspace import Workspace

_APP = """
import asyncio, os, re
from slack_bolt.async_app import AsyncApp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.web.async_client import AsyncWebClient

async def main():
    client = AsyncWebClient(token=os.environ["BOT"], base_url=os.environ["URL"])
    app = AsyncApp(client=client)

    @app.command(re.compile(".*"))
    async def on_command(ack):
        await ack()

    handler = AsyncSocketModeHandler(app, os.environ["APP"])
    await handler.start_async()

asyncio.run(main())
"""


@asynccontextmanager
async def empty_app() -> AsyncIterator[Workspace]:
    """A workspace of its own whose app does nothing but acknowledge."""
    async with Workspace.serve(practice_world()) as workspace:
        env = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
        env |= {"BOT": workspace.bot_token, "APP": workspace.app_token, "URL": workspace.api_url}
        app = await asyncio.create_subprocess_exec(sys.executable, "-c", _APP, env=env)
        try:
            await workspace.wait_for(lambda: workspace.connections > 0, 30)
            yield workspace
        finally:
            app.terminate()
            await app.wait()


async def ask(workspace: Workspace, *, every_s: float) -> None:
    """Send it a word again and again until cancelled."""
    dee = workspace.person("dee")
    while True:
        await dee.command(CHANNEL, "/rollback help")
        await asyncio.sleep(every_s)


def acks_ms(workspace: Workspace) -> list[float]:
    return sorted(float(entry["ms"]) for entry in workspace.log.entries("envelope") if "ms" in entry)
