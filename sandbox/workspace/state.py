"""Everything the workspace knows while it runs: people, channels, messages, views, files."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.workspace.errors import PersonError
from sandbox.workspace.ids import Stamps, fresh_id, stable_id
from sandbox.workspace.messages import Message
from sandbox.workspace.world import PersonSpec, World

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Channel:
    """A conversation. Messages are kept in the order of their `ts`."""

    id: str
    name: str
    members: list[str]  #: user ids
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    is_general: bool = False
    is_im: bool = False
    created_s: int = 0
    creator: str = ""
    messages: dict[str, Message] = field(default_factory=dict)

    def replies(self, ts: str) -> list[Message]:
        return [message for message in self.messages.values() if message.is_reply and message.thread_ts == ts]


@dataclass(slots=True, kw_only=True)
class StoredFile:
    id: str
    name: str
    length: int  #: announced size in bytes
    upload_key: str
    content: bytes | None = None  #: None until uploaded
    title: str = ""
    completed: bool = False
    channels: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class View:
    """A modal on somebody's screen, or somebody's App Home."""

    id: str
    owner: str  #: user id
    body: Json  #: the view as the app gave it, with defaults filled in
    hash: str
    root_id: str
    previous_id: str | None = None
    errors: dict[str, str] = field(default_factory=dict)  #: block_id -> sentence, from the last submission
    notice: str = ""  #: trouble the person sees, as "We had some trouble connecting"
    values: Json = field(default_factory=dict)  #: state.values as last sent


@dataclass(slots=True, kw_only=True)
class Trigger:
    user: str
    expires: float  #: seconds of the loop's clock
    spent: bool = False


@dataclass(slots=True, kw_only=True)
class Hook:
    """A response_url."""

    kind: str  #: "commands" or "actions"
    user: str
    channel: str
    expires: float
    uses_left: int
    message_ts: str | None = None  #: the message whose button was clicked
    message_only_for: str | None = None
    thread_ts: str | None = None


class State:
    """Looks things up and keeps them; knows no rule of Slack's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stamps = Stamps()
        self.bot = world.bot
        self.app_id = stable_id("A", world.app.name)
        self.bot_id = stable_id("B", world.app.bot_name)
        self.people: dict[str, PersonSpec] = {person.id: person for person in (*world.people, self.bot)}
        self.teams = {person.team: stable_id("T", person.team) for person in world.people if person.team}
        self.channels: dict[str, Channel] = {}
        self.groups = {group.id: group for group in world.groups}
        self.group_members = {group.id: [self.id_of(name) for name in group.members] for group in world.groups}
        self.ephemerals: list[Message] = []
        self.stacks: dict[str, list[View]] = {}  #: user id -> modals, the top one last
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.hooks: dict[str, Hook] = {}
        self.files: dict[str, StoredFile] = {}
        self.notices: deque[Json] = deque(maxlen=500)
        for spec in world.channels:
            members = [self.id_of(name) for name in spec.members]
            self.channels[spec.id] = Channel(
                id=spec.id,
                name=spec.name,
                members=members,
                topic=spec.topic,
                is_private=spec.is_private,
                is_archived=spec.is_archived,
                is_general=spec.is_general,
                created_s=int(float(self.stamps.next())),
                creator=members[0] if members else self.bot.id,
            )

    def id_of(self, name: str) -> str:
        """
        The user id for a name or id.

        Raises:
            PersonError: nobody is called so.
        """
        if name in self.people:
            return name
        for person in self.people.values():
            if person.name == name.removeprefix("@"):
                return person.id
        names = ", ".join(sorted(person.name for person in self.people.values()))
        raise PersonError(f"nobody here is called '{name}'; there are {names}")

    def channel(self, name: str) -> Channel:
        """
        The channel for an id or a name with or without '#'.

        Raises:
            PersonError: there is none.
        """
        found = self.find_channel(name)
        if found is None:
            names = ", ".join(f"#{channel.name}" for channel in self.channels.values())
            raise PersonError(f"there is no channel '{name}'; there are {names}")
        return found

    def find_channel(self, name: str) -> Channel | None:
        if name in self.channels:
            return self.channels[name]
        bare = name.removeprefix("#")
        return next((each for each in self.channels.values() if each.name == bare and not each.is_im), None)

    def team_of(self, user: str) -> str:
        person = self.people[user]
        return self.teams[person.team] if person.team else self.world.team_id

    def is_shared(self, channel: Channel) -> bool:
        """Whether people of another workspace are in it."""
        return any(self.people[member].team for member in channel.members)

    def direct(self, user: str) -> Channel:
        """The conversation between the bot and *user*, made when it is first needed."""
        id_ = stable_id("D", user, self.bot.id)
        if id_ not in self.channels:
            name = self.people[user].name
            self.channels[id_] = Channel(id=id_, name=name, members=[user, self.bot.id], is_im=True, is_private=True)
        return self.channels[id_]

    def view(self, view_id: str) -> View | None:
        everything = [view for stack in self.stacks.values() for view in stack]
        return next((view for view in (*everything, *self.homes.values()) if view.id == view_id), None)

    def ephemeral(self, ts: str) -> Message | None:
        return next((message for message in self.ephemerals if message.ts == ts), None)

    def new_view(self, owner: str, body: Json) -> View:
        id_ = fresh_id("V")
        return View(id=id_, owner=owner, body=body, hash=self.new_hash(), root_id=id_)

    def new_hash(self) -> str:
        return f"{self.stamps.next()}.{fresh_id('')[:8]}"
