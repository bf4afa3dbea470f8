"""`python -m sandbox.workspace [--port N] [--world FILE]`: the workspace alone, for a bot started by hand."""

import argparse
import asyncio
from pathlib import Path

from sandbox.workspace.server import Workspace
from sandbox.workspace.world import default_world, load_world


async def _run(port: int, world_file: Path | None) -> None:
    world = load_world(world_file) if world_file else default_world()
    async with Workspace.serve(world, port=port) as workspace:
        print(f"page            {workspace.url}")
        print(f"SLACK_API_URL   {workspace.api_url}")
        print(f"SLACK_BOT_TOKEN {workspace.bot_token}")
        print(f"SLACK_APP_TOKEN {workspace.app_token}")
        print(f"SIGNING_SECRET  {workspace.signing_secret}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.workspace", description="A local chat workspace.")
    parser.add_argument("--port", type=int, default=8484)
    parser.add_argument("--world", type=Path, help="a YAML file; without it the practice world")
    arguments = parser.parse_args()
    try:
        asyncio.run(_run(arguments.port, arguments.world))
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
