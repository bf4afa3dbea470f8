"""The workspace as one object: serves everything on loopback and hands out people, messages and switches."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from aiohttp import web

from sandbox.workspace import payloads
from sandbox.workspace.actor import Actor
from sandbox.workspace.answers import serve_hook
from sandbox.workspace.api import files
from sandbox.workspace.api.endpoint import Endpoint
from sandbox.workspace.control import Control
from sandbox.workspace.faults import Faults, Kind, MethodFault
from sandbox.workspace.guard import only_loopback
from sandbox.workspace.hub import Hub
from sandbox.workspace.journal import Journal
from sandbox.workspace.messages import Message
from sandbox.workspace.page_server import PageServer
from sandbox.workspace.signed_http import SignedHttp, signature_headers
from sandbox.workspace.state import Channel
from sandbox.workspace.timing import Timing
from sandbox.workspace.world import World, default_world

T = TypeVar("T")
Json = dict[str, Any]


class Workspace:
    """
    A running workspace.

        async with Workspace.serve(world) as workspace:
            client = AsyncWebClient(token=workspace.bot_token, base_url=workspace.api_url)
            seen = await workspace.person("ana").command("#inc-482", "/rollback start")
            modal = await seen.modal()
    """

    def __init__(self, world: World, timing: Timing) -> None:
        self.world = world
        self._hub = Hub(world, timing)
        self._http: SignedHttp | None = None

    @classmethod
    @asynccontextmanager
    async def serve(
        cls, world: World | None = None, *, port: int = 0, timing: Timing | None = None
    ) -> AsyncIterator["Workspace"]:
        """Listens on 127.0.0.1:*port* (0: a free one) until the block ends."""
        workspace = cls(world or default_world(), timing or Timing())
        runner = web.AppRunner(workspace._application(), shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        try:
            await site.start()
            workspace._hub.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield workspace
        finally:
            await workspace._stop()
            await runner.cleanup()

    def _application(self) -> web.Application:
        hub = self._hub
        app = web.Application(middlewares=[only_loopback], client_max_size=files.MOST_BYTES)
        app.router.add_route("*", "/api/{method}", Endpoint(hub).serve)
        app.router.add_get("/link/", hub.sockets.serve)
        app.router.add_get("/link", hub.sockets.serve)

        async def hook(request: web.Request) -> web.StreamResponse:
            return await serve_hook(hub, request)

        async def upload(request: web.Request) -> web.StreamResponse:
            return await files.receive(hub, request)

        async def download(request: web.Request) -> web.StreamResponse:
            return await files.give(hub, request)

        app.router.add_post("/hooks/{key:.+}", hook)
        app.router.add_post("/upload/v1/{key}", upload)
        app.router.add_get("/files/{id}/{name}", download)
        Control(self).attach(app)
        PageServer(hub).attach(app)
        return app

    async def _stop(self) -> None:
        self._hub.feed.close()
        await self._hub.courier.stop()
        await self._hub.sockets.stop()
        if self._http is not None:
            await self._http.stop()

    # --- what the app needs to know

    @property
    def url(self) -> str:
        """The page."""
        return f"{self._hub.base_url}/"

    @property
    def api_url(self) -> str:
        """For `AsyncWebClient(base_url=...)`."""
        return f"{self._hub.base_url}/api/"

    @property
    def bot_token(self) -> str:
        return self._hub.bot_token

    @property
    def app_token(self) -> str:
        return self._hub.app_token

    @property
    def signing_secret(self) -> str:
        return self._hub.signing_secret

    @property
    def hub(self) -> Hub:
        return self._hub

    @property
    def faults(self) -> Faults:
        return self._hub.faults

    @property
    def log(self) -> Journal:
        """Every API call, envelope, hook and socket."""
        return self._hub.journal

    # --- people and what they see

    def person(self, name: str) -> Actor:
        return Actor(self._hub, self._hub.state.id_of(name))

    @property
    def bot_user_id(self) -> str:
        return self._hub.state.bot.id

    def channel(self, name: str) -> Channel:
        return self._hub.state.channel(name)

    def messages(self, channel: str, *, thread_ts: str | None = None) -> list[Message]:
        """All public messages of a channel, or of one thread, oldest first. They stay live: edits show."""
        everything = self.channel(channel).messages.values()
        return [each for each in everything if thread_ts is None or each.thread_ts == thread_ts]

    def message(self, channel: str, ts: str) -> Message:
        return self.channel(channel).messages[ts]

    async def wait_for(self, predicate: Callable[[], T], timeout_s: float = 5.0) -> T:
        """The first true answer of *predicate*, asked after every change. Raises TimeoutError."""
        return await self._hub.feed.wait_for(predicate, timeout_s)

    # --- changes by the workspace's admins

    def change_person(self, name: str, **changes: Any) -> None:
        """As `change_person("bo", deleted=True)`; fields of `PersonSpec`."""
        id_ = self._hub.state.id_of(name)
        self._hub.state.people[id_] = replace(self._hub.state.people[id_], **changes)

    def set_group(self, handle: str, members: list[str]) -> None:
        """Gives a user group other members; the app hears of it if it subscribed."""
        group = next(each for each in self._hub.state.groups.values() if each.handle == handle)
        before = self._hub.state.group_members[group.id]
        after = [self._hub.state.id_of(name) for name in members]
        self._hub.state.group_members[group.id] = after
        added = [each for each in after if each not in before]
        removed = [each for each in before if each not in after]
        self._hub.emit(payloads.group_changed(self._hub.state, group.id, added=added, removed=removed))

    def invite(self, channel: str, name: str, *, by: str) -> None:
        self._hub.join(self.channel(channel), self._hub.state.id_of(name), self._hub.state.id_of(by))

    def kick(self, channel: str, name: str) -> None:
        self.channel(channel).members.remove(self._hub.state.id_of(name))
        self._hub.feed.tell("channels")

    def archive(self, channel: str, *, by: str) -> None:
        place = self.channel(channel)
        place.is_archived = True
        self._hub.feed.tell("channels")
        self._hub.emit(payloads.channel_archived(self._hub.state, place, self._hub.state.id_of(by)), place)

    # --- delivery and its faults

    @property
    def connections(self) -> int:
        """How many sockets the app has open."""
        return self._hub.sockets.connected

    async def deliver_over_http(self, url: str) -> bool:
        """Switches to signed HTTP at *url*; answers whether the app passed the challenge."""
        if self._http is not None:
            await self._http.stop()
        self._http = SignedHttp(url, self.signing_secret, self._hub.timing)
        self._hub.courier.transport = self._http
        return await self._http.verify()

    def sign(self, body: bytes, *, at_s: int | None = None) -> dict[str, str]:
        """The headers with which Slack would send *body*; for forging and replaying in tests."""
        return signature_headers(self.signing_secret, body, at_s=at_s)

    def fail(
        self,
        method: str,
        kind: Kind | str,
        *,
        times: int | None = 1,
        seconds: float = 1.0,
        error: str = "internal_error",
    ) -> None:
        """Makes the next calls of a Web API method fail; see `faults.Kind`. *times* None: until cleared."""
        fault = MethodFault(method=method, kind=Kind(kind), times=times, seconds=seconds, error=error)
        self.faults.methods.append(fault)
        self._hub.feed.tell("faults", faults=self.faults.as_json())

    def drop_sockets(self) -> int:
        """Cuts all sockets of the app, as a broken network does."""
        return self._hub.sockets.drop()

    async def refresh_sockets(self, *, warn: bool = True) -> None:
        """Asks the app to reconnect, as Slack does every few hours."""
        await self._hub.sockets.refresh(warn=warn)
