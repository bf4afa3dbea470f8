"""Who and what is in the workspace at the start: pure data, from code or from a YAML file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from sandbox.workspace.ids import stable_id

#: The scopes the bot's manifest asks for; the optional ones stay out so that a missing one is noticed.
DEFAULT_SCOPES = (
    "commands",
    "chat:write",
    "reactions:read",
    "reactions:write",
    "users:read",
    "usergroups:read",
    "channels:read",
    "groups:read",
    "files:write",
    "pins:write",
)
DEFAULT_EVENTS = (
    "reaction_added",
    "reaction_removed",
    "app_home_opened",
    "member_joined_channel",
    "channel_archive",
    "subteam_members_changed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSpec:
    """A member of the workspace, or a member of another one met in a shared channel."""

    name: str
    real_name: str = ""
    title: str = ""
    is_bot: bool = False
    is_workflow_bot: bool = False
    is_connector_bot: bool = False
    is_app_user: bool = False
    is_restricted: bool = False  #: a guest
    is_ultra_restricted: bool = False  #: a guest of one channel
    is_stranger: bool = False  #: of another workspace, no direct contact
    is_admin: bool = False
    deleted: bool = False
    has_2fa: bool = True
    tz: str = "Europe/Berlin"
    team: str = ""  #: the name of another workspace; empty means this one

    @property
    def id(self) -> str:
        return stable_id("U", self.team, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpec:
    name: str  #: without '#'
    members: tuple[str, ...] = ()  #: names of people; the app's bot goes by its own name
    topic: str = ""
    is_private: bool = False
    is_archived: bool = False
    is_general: bool = False

    @property
    def id(self) -> str:
        return stable_id("C", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSpec:
    handle: str
    name: str
    members: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return stable_id("S", self.handle)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordHint:
    """A sub-word of a slash command, for the composer's completion."""

    word: str
    description: str
    usage: str = ""  #: what follows the word, as "TARGET [--reason TEXT]"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHint:
    command: str  #: "/rollback"
    description: str = ""
    usage_hint: str = ""
    words: tuple[WordHint, ...] = ()
    should_escape: bool = True  #: mentions reach the app as <@U123|name>


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSpec:
    """The app under test: its bot user, its rights, what it listens to."""

    name: str = "Belay"
    bot_name: str = "belay"
    description: str = "Rolls back a failed upgrade, together and safely."
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    events: tuple[str, ...] = DEFAULT_EVENTS
    commands: tuple[CommandHint, ...] = ()
    home_tab: bool = True


def _start_hints() -> tuple[CommandHint, ...]:
    words = (
        WordHint(word="start", description="Ask for a rollback", usage="[TARGET --to RELEASE --reason TEXT]"),
        WordHint(word="status", description="Is it still safe to go back?", usage="[TARGET]"),
        WordHint(word="help", description="All the words, explained"),
    )
    rollback = CommandHint(
        command="/rollback",
        description="Take back a failed upgrade, together",
        usage_hint="start | status | help",
        words=words,
    )
    return (rollback,)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """
    The workspace at its start.

    `enforce_rates` switches the documented rate tiers on: 429 for who calls too often.
    """

    name: str = "practice"
    domain: str = "practice"
    people: tuple[PersonSpec, ...] = ()
    channels: tuple[ChannelSpec, ...] = ()
    groups: tuple[GroupSpec, ...] = ()
    app: AppSpec = field(default_factory=AppSpec)
    paid_plan: bool = True  #: user groups are a paid feature
    enforce_rates: bool = False
    welcome: str = ""  #: a hint for newcomers above the messages

    @property
    def team_id(self) -> str:
        return stable_id("T", self.name)

    @property
    def bot(self) -> PersonSpec:
        return PersonSpec(name=self.app.bot_name, real_name=self.app.name, is_bot=True, has_2fa=False)


def default_world() -> World:
    """Seven people, an incident channel the bot is in, and one it is not in."""
    people = (
        PersonSpec(name="ana", real_name="Ana Ferreira", title="on-call engineer"),
        PersonSpec(name="bo", real_name="Bo Lindqvist", title="approver"),
        PersonSpec(name="cy", real_name="Cy Okafor", title="approver"),
        PersonSpec(name="dee", real_name="Dee Marchetti", title="approver"),
        PersonSpec(name="eve", real_name="Eve Novak", title="guest", is_restricted=True),
        PersonSpec(name="sam", real_name="Sam Tully", title="from Acme Cloud", is_stranger=True, team="Acme Cloud"),
        PersonSpec(name="deploybot", real_name="Deploybot", title="another bot", is_bot=True, has_2fa=False),
    )
    everyone = tuple(person.name for person in people)
    inside = tuple(person.name for person in people if not person.team)
    channels = (
        ChannelSpec(name="inc-482", members=(*everyone, "belay"), topic="nova API answers 500 since the upgrade"),
        ChannelSpec(name="general", members=inside, topic="Everything and everyone", is_general=True),
    )
    groups = (GroupSpec(handle="approvers", name="Rollback approvers", members=("bo", "cy", "dee")),)
    return World(
        people=people,
        channels=channels,
        groups=groups,
        app=AppSpec(commands=_start_hints()),
        welcome="Ana is on call: type /rollback start. Then act as Bo and as Cy, on the left, and approve.",
    )


class WorldError(ValueError):
    """The file does not describe a world; says where and what was expected."""


def load_world(path: Path) -> World:
    """
    Read a world from YAML whose keys are the fields of `World` and of the specs in it.

    Raises:
        WorldError: with the path of the wrong value, as in "people/0/nmae".
    """
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    world = _build(World, raw, str(path))
    assert isinstance(world, World)
    return world


_PARTS: Mapping[str, type] = {
    "people": PersonSpec,
    "channels": ChannelSpec,
    "groups": GroupSpec,
    "app": AppSpec,
    "commands": CommandHint,
    "words": WordHint,
}


def _build(kind: type, raw: Any, where: str) -> Any:
    if not isinstance(raw, dict):
        raise WorldError(f"{where} should be a mapping of {kind.__name__} fields; it is {type(raw).__name__}")
    known = {field_.name for field_ in fields(kind)}
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in known:
            raise WorldError(f"{where}/{key} is not known; expected one of {', '.join(sorted(known))}")
        values[key] = _value(key, value, f"{where}/{key}")
    try:
        return kind(**values)
    except TypeError as error:
        raise WorldError(f"{where}: {error}") from error


def _value(key: str, value: Any, where: str) -> Any:
    part = _PARTS.get(key)
    if part is not None and isinstance(value, list):
        return tuple(_build(part, each, f"{where}/{index}") for index, each in enumerate(value))
    if part is not None:
        return _build(part, value, where)
    return tuple(value) if isinstance(value, list) else value
