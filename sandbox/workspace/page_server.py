"""The page's files and its stream of changes (server-sent events)."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from sandbox.workspace.hub import Hub
from sandbox.workspace.screen import channel_on_screen, message_on_screen, view_on_screen

Json = dict[str, Any]
_PAGE: Final = Path(__file__).parent / "page"
_TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
#: No script and no style but our own files: what a message contains can never run.
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: http: https:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
KEEP_ALIVE_S: Final = 15.0


class PageServer:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def attach(self, app: web.Application) -> None:
        app.router.add_get("/", self._index)
        app.router.add_get("/archives/{channel}/{stamp}", self._index)
        app.router.add_get("/page/{name}", self._file)
        app.router.add_get("/_page/stream", self._stream)

    async def _index(self, _: web.Request) -> web.StreamResponse:
        return _answer("index.html")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in {path.name for path in _PAGE.iterdir()}:
            return web.Response(status=404, text="no such file")
        return _answer(name)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """GET /_page/stream?as=NAME: first a snapshot, then each change this person may see."""
        user = self._viewer(request.query.get("as", ""))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue = self._hub.feed.listen()
        try:
            await _write(response, {"kind": "snapshot", **self._snapshot(user)})
            while True:
                change = await _next(queue)
                if change is None:
                    break
                if change and change.get("kind") == "channels":
                    change = {"kind": "channels", "channels": self._channels(user)}
                if self._may_see(change, user):
                    await _write(response, change)
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._hub.feed.forget(queue)
        return response

    def _viewer(self, name: str) -> str:
        """The person by that name; the first of the world if there is none."""
        people = self._hub.state.people.values()
        return next((person.id for person in people if person.name == name), next(iter(people)).id)

    def _may_see(self, change: Json, user: str) -> bool:
        """Ephemeral messages and modals are for one person, messages for the channel's members."""
        if change.get("to", user) != user:
            return False
        place = change["message"]["channel"] if change.get("kind") == "message" else change.get("channel")
        return place is None or user in self._hub.state.channels[place].members

    def _channels(self, user: str) -> list[Json]:
        state = self._hub.state
        return [
            channel_on_screen(state, channel)
            for channel in state.channels.values()
            if user in channel.members or not channel.is_private
        ]

    def _snapshot(self, user: str) -> Json:
        state, world = self._hub.state, self._hub.world
        seen = [channel for channel in state.channels.values() if user in channel.members]
        messages = [message for channel in seen for message in channel.messages.values()]
        messages += [message for message in state.ephemerals if message.only_for == user]
        stack = state.stacks.get(user) or []
        home = state.homes.get(user)
        return {
            "me": user,
            "welcome": world.welcome,
            "team": {"id": world.team_id, "name": world.name},
            "app": {
                "name": world.app.name,
                "bot": state.bot.id,
                "description": world.app.description,
                "home_tab": world.app.home_tab,
                "commands": [asdict(hint) for hint in world.app.commands],
            },
            "people": [self._person(id_) for id_ in state.people],
            "groups": [{"id": group.id, "handle": group.handle} for group in state.groups.values()],
            "channels": self._channels(user),
            "messages": [message_on_screen(state, message) for message in sorted(messages, key=lambda each: each.ts)],
            "modal": view_on_screen(state, stack[-1]) if stack else None,
            "depth": len(stack),
            "home": view_on_screen(state, home) if home else None,
            "log": self._hub.journal.entries()[-200:],
            "faults": self._hub.faults.as_json(),
            "connections": self._hub.sockets.connected,
        }

    def _person(self, id_: str) -> Json:
        person = self._hub.state.people[id_]
        return {
            "id": id_,
            "name": person.name,
            "real_name": person.real_name or person.name,
            "title": person.title,
            "is_bot": person.is_bot,
            "is_guest": person.is_restricted or person.is_ultra_restricted,
            "team": person.team,
            "deleted": person.deleted,
            "is_app": id_ == self._hub.state.bot.id,
        }


def _answer(name: str) -> web.Response:
    path = _PAGE / name
    return web.Response(body=path.read_bytes(), content_type=_TYPES[path.suffix], charset="utf-8", headers=_HEADERS)


async def _next(queue: asyncio.Queue[Json | None]) -> Json | None:
    """The next change; an empty one now and then, so that a closed page is noticed."""
    try:
        async with asyncio.timeout(KEEP_ALIVE_S):
            return await queue.get()
    except TimeoutError:
        return {}


async def _write(response: web.StreamResponse, change: Json) -> None:
    await response.write(f"data: {json.dumps(change)}\n\n".encode())
