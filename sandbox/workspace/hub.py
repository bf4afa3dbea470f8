"""The workspace's heart: every change goes through here, is kept, shown to open pages and told to the app."""

import asyncio
import secrets
from typing import Any

from sandbox.workspace import payloads
from sandbox.workspace.courier import Courier
from sandbox.workspace.faults import Faults
from sandbox.workspace.feed import Feed
from sandbox.workspace.journal import Journal
from sandbox.workspace.messages import Message
from sandbox.workspace.screen import message_on_screen, view_on_screen
from sandbox.workspace.sockets import Sockets
from sandbox.workspace.state import Channel, Hook, State, Trigger, View
from sandbox.workspace.timing import Timing
from sandbox.workspace.world import World

Json = dict[str, Any]
MOST_REACTION_NAMES = 50


class Hub:
    """Shared by the Web API, the people's verbs and the page."""

    def __init__(self, world: World, timing: Timing) -> None:
        self.world = world
        self.timing = timing
        self.state = State(world)
        self.feed = Feed()
        self.faults = Faults()
        self.journal = Journal(self.feed)
        self.sockets = Sockets(self.state.app_id, timing, self.faults, self.journal)
        self.courier = Courier(self.sockets, timing, self.faults, self.journal)
        self.opened: dict[str, View] = {}  #: trigger_id -> the view it opened
        self.base_url = ""  #: "http://127.0.0.1:PORT", known once the server listens
        self.bot_token = f"xoxb-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-{self.state.app_id}-{secrets.token_hex(12)}"
        self.signing_secret = secrets.token_hex(16)

    def now(self) -> float:
        """Seconds of the loop's clock; triggers and hooks expire by it."""
        return asyncio.get_running_loop().time()

    # --- messages

    def post(self, message: Message) -> Message:
        """Keeps and shows a new message; an ephemeral one only to its reader."""
        if message.only_for is not None:
            self.state.ephemerals.append(message)
        else:
            self.state.channels[message.channel].messages[message.ts] = message
        self.show(message)
        if self.state.channels[message.channel].is_im:
            self.feed.tell("channels")
        return message

    def show(self, message: Message) -> None:
        """Tells the pages how the message looks now, and its thread's parent too."""
        shown = message_on_screen(self.state, message)
        to = {"to": message.only_for} if message.only_for else {}
        self.feed.tell("message", message=shown, **to)
        if message.is_reply and message.only_for is None:
            parent = self.state.channels[message.channel].messages.get(str(message.thread_ts))
            if parent is not None:
                self.feed.tell("message", message=message_on_screen(self.state, parent))

    def delete(self, message: Message) -> None:
        if message.only_for is not None:
            self.state.ephemerals.remove(message)
        else:
            del self.state.channels[message.channel].messages[message.ts]
        to = {"to": message.only_for} if message.only_for else {}
        self.feed.tell("gone", channel=message.channel, ts=message.ts, **to)

    def notice(self, user: str, channel: str, text: str) -> None:
        """What Slackbot tells one person: "operation_timeout" and the like."""
        message = Message(channel=channel, ts=self.state.stamps.next(), user="USLACKBOT", text=text, only_for=user)
        self.state.notices.append({"user": user, "channel": channel, "text": text})
        self.post(message)

    # --- reactions

    def react(self, message: Message, user: str, name: str) -> None:
        """*name* is canonical and not yet given by *user*."""
        message.reactions.setdefault(name, []).append(user)
        self._reacted(message, user, name, added=True)

    def unreact(self, message: Message, user: str, name: str) -> None:
        message.reactions[name].remove(user)
        if not message.reactions[name]:
            del message.reactions[name]
        self._reacted(message, user, name, added=False)

    def _reacted(self, message: Message, user: str, name: str, *, added: bool) -> None:
        self.show(message)
        body = payloads.reaction(self.state, message, user=user, name=name, added=added)
        self.emit(body, self.state.channels[message.channel])

    # --- towards the app

    def emit(self, body: Json, channel: Channel | None = None) -> None:
        """Delivers an event if the app subscribed to it and its bot is in the channel."""
        if body["type"] not in self.world.app.events:
            return
        if channel is not None and self.state.bot.id not in channel.members:
            return
        shared = channel is not None and self.state.is_shared(channel)
        self.courier.event(payloads.event(self.state, body, shared=shared))

    def new_trigger(self, user: str) -> str:
        trigger_id = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.state.triggers[trigger_id] = Trigger(user=user, expires=self.now() + self.timing.trigger_s)
        return trigger_id

    def new_hook(self, kind: str, user: str, channel: str, message: Message | None = None) -> str:
        key = f"{kind}/{self.world.team_id}/{secrets.randbelow(10**13)}/{secrets.token_urlsafe(18)}"
        self.state.hooks[key] = Hook(
            kind=kind,
            user=user,
            channel=channel,
            expires=self.now() + self.timing.response_url_s,
            uses_left=self.timing.response_url_uses,
            message_ts=message.ts if message else None,
            message_only_for=message.only_for if message else None,
            thread_ts=message.thread_ts if message else None,
        )
        return f"{self.base_url}/hooks/{key}"

    # --- membership

    def join(self, channel: Channel, user: str, inviter: str | None = None) -> None:
        channel.members.append(user)
        self.feed.tell("channels")
        self.emit(payloads.member_joined(self.state, channel, user, inviter), channel)

    # --- views

    def show_modal(self, user: str) -> None:
        """Tells the person's pages which modal is on top now."""
        stack = self.state.stacks.get(user) or []
        top = view_on_screen(self.state, stack[-1]) if stack else None
        self.feed.tell("modal", view=top, depth=len(stack), to=user)

    def show_home(self, view: View) -> None:
        self.feed.tell("home", view=view_on_screen(self.state, view), to=view.owner)

    def opened_view(self, trigger_id: str, view: View) -> None:
        self.opened[trigger_id] = view

    def push_view(self, user: str, body: Json) -> View:
        """Lays a view on top of the person's modals."""
        stack = self.state.stacks.setdefault(user, [])
        view = self.state.new_view(user, body)
        if stack:
            view.root_id, view.previous_id = stack[0].root_id, stack[-1].id
        stack.append(view)
        self.show_modal(user)
        return view

    def replace_view(self, view: View, body: Json) -> None:
        """New content for a view in place; what the person typed stays in fields that keep their ids."""
        view.body, view.hash, view.errors, view.notice = body, self.state.new_hash(), {}, ""
        self.show_modal(view.owner)

    def close_view(self, view: View) -> None:
        stack = self.state.stacks.get(view.owner, [])
        if view in stack:
            stack.remove(view)
        self.show_modal(view.owner)
