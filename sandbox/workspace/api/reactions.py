"""reactions.* and pins.*: marks on messages."""

from sandbox.workspace.api.chat import permalink
from sandbox.workspace.api.method import Json, Method, find_channel, find_message
from sandbox.workspace.emoji import canonical
from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import MOST_REACTION_NAMES, Hub
from sandbox.workspace.messages import Message
from sandbox.workspace.objects import message_json


def _item(hub: Hub, args: Json) -> Message:
    if not args.get("channel") or not args.get("timestamp"):
        raise ApiError("no_item_specified")
    return find_message(find_channel(hub, args), args["timestamp"], malformed="bad_timestamp")


def _own_item(hub: Hub, args: Json) -> tuple[Message, str]:
    """The message and the canonical name, for a reaction of the bot's own."""
    name = canonical(str(args["name"]))
    if name is None:
        raise ApiError("invalid_name")
    message = _item(hub, args)
    channel = hub.state.channels[message.channel]
    if hub.state.bot.id not in channel.members:
        raise ApiError("no_access")
    return message, name


def add(hub: Hub, args: Json) -> Json:
    message, name = _own_item(hub, args)
    if hub.state.channels[message.channel].is_archived:
        raise ApiError("is_archived")
    bot = hub.state.bot.id
    if bot in message.reactions.get(name, ()):
        raise ApiError("already_reacted")
    if name not in message.reactions and len(message.reactions) >= MOST_REACTION_NAMES:
        raise ApiError("too_many_emoji")
    hub.react(message, bot, name)
    return {}


def remove(hub: Hub, args: Json) -> Json:
    message, name = _own_item(hub, args)
    bot = hub.state.bot.id
    if bot not in message.reactions.get(name, ()):
        raise ApiError("no_reaction")
    hub.unreact(message, bot, name)
    return {}


def get(hub: Hub, args: Json) -> Json:
    message = _item(hub, args)
    shown = {**message_json(hub.state, message), "permalink": permalink(hub, message)}
    return {"type": "message", "channel": message.channel, "message": shown}


def _pinnable(hub: Hub, args: Json) -> Message:
    if not args.get("timestamp"):
        raise ApiError("no_item_specified")
    channel = find_channel(hub, args)
    if hub.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return find_message(channel, args["timestamp"], malformed="bad_timestamp")


def pin(hub: Hub, args: Json) -> Json:
    message = _pinnable(hub, args)
    if message.pinned:
        raise ApiError("already_pinned")
    message.pinned = True
    hub.show(message)
    return {}


def unpin(hub: Hub, args: Json) -> Json:
    message = _pinnable(hub, args)
    if not message.pinned:
        raise ApiError("no_pin")
    message.pinned = False
    hub.show(message)
    return {}


_WRITE = ("reactions:write",)
METHODS = (
    Method(name="reactions.add", run=add, required=("name", "timestamp", "channel"), scopes=_WRITE),
    Method(name="reactions.remove", run=remove, required=("name",), scopes=_WRITE, tier=2),
    Method(name="reactions.get", run=get, scopes=("reactions:read",)),
    Method(name="pins.add", run=pin, required=("channel",), scopes=("pins:write",), tier=2),
    Method(name="pins.remove", run=unpin, required=("channel",), scopes=("pins:write",), tier=2),
)
