"""The chat of a trial: a local workspace, the people in it, and whether it showed the truth in the end."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from bot.stage import CHANNEL, practice_world
from chaos.plan import TARGET
from sandbox.workspace import Timing, Workspace
from sandbox.workspace.messages import Message
from sandbox.workspace.seen import Interaction

#: Seconds until an event that was not acknowledged comes again; Slack's own are 0, 60 and 300.
RETRIES_S = (0.5, 3.0, 10.0)
#: Seconds until a person who saw no board types the command again, and between two looks at the channel.
AGAIN_S, LOOK_S = 1.5, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    workspace: Workspace

    @property
    def settings(self) -> dict[str, str]:
        w = self.workspace
        return {"api_url": w.api_url, "bot_token": w.bot_token, "app_token": w.app_token}

    @property
    def channel(self) -> str:
        return self.workspace.channel(CHANNEL).id

    def accounts(self) -> dict[str, str]:
        team = self.workspace.world.team_id
        return {name: f"{team}/{self.workspace.person(name).id}" for name in ("ana", "bo", "cy")}

    def boards(self) -> list[Message]:
        return [m for m in self.workspace.messages(CHANNEL) if m.by_app and not m.is_reply]

    async def play(self) -> None:
        """Ask until it is acknowledged, agree on each board; until cancelled."""
        agreed: set[str] = set()
        loop = asyncio.get_running_loop()
        next_ask, asked = 0.0, None
        while True:
            if not self.boards() and self.workspace.connections and loop.time() >= next_ask and _in_vain(asked):
                line = f'/rollback start {TARGET} --to chaos --reason "wrong answers" --confirm {TARGET}'
                asked = await self.workspace.person("ana").command(CHANNEL, line)
                next_ask = loop.time() + AGAIN_S
            for board in self.boards():
                if board.ts not in agreed:
                    agreed.add(board.ts)
                    for name in ("bo", "cy"):
                        self.workspace.person(name).react(board, "white_check_mark")
            await asyncio.sleep(LOOK_S)

    def problems(self, facts: Mapping[str, Any]) -> list[str]:
        """Say what the chat shows that is not so, or does not show."""
        found = []
        for run_id, status in _statuses(facts).items():
            mine = self._boards_of(run_id)
            if not mine:
                found.append(f"no board shows {run_id}")
            elif status.upper() not in f"{mine[-1].text} {mine[-1].words()}".upper():
                found.append(f"the board of {run_id} says '{mine[-1].text}', it is {status}")
        return found

    def doubles(self, facts: Mapping[str, Any]) -> list[str]:
        """Say what the chat shows twice."""
        shown = {run_id: len(self._boards_of(run_id)) for run_id in _statuses(facts)}
        found = [f"{count} boards show {run_id}" for run_id, count in shown.items() if count > 1]
        keys = Counter(_key(m) for m in self.workspace.messages(CHANNEL) if m.by_app and m.is_reply)
        found += [f"'{key}' stands {count} times in the thread" for key, count in keys.items() if count > 1]
        return found

    def _boards_of(self, run_id: str) -> list[Message]:
        return [board for board in self.boards() if f"{run_id} " in f"{board.text} " or run_id in board.words()]


def _statuses(facts: Mapping[str, Any]) -> dict[str, str]:
    return {run["id"]: run["status"] for run in facts["runs"]}


def _in_vain(asked: Interaction | None) -> bool:
    """Whether the person has a reason to ask (again): nobody took it, or they were told why nothing comes of it."""
    return asked is None or not asked.ack.accepted or bool(asked.replies())


def _key(message: Message) -> str:
    payload = (message.metadata or {}).get("event_payload") or {}
    return str(payload.get("key") or message.text)


@asynccontextmanager
async def chat() -> AsyncIterator[Chat]:
    """The app may read the channel (`channels:history`): without it a message may stand twice, by design."""
    world = practice_world()
    world = replace(world, app=replace(world.app, scopes=(*world.app.scopes, "channels:history")))
    async with Workspace.serve(world, timing=Timing(retry_after_s=RETRIES_S)) as workspace:
        yield Chat(workspace=workspace)
