"""conversations.*: channels, their members and their history."""

import re
from typing import Final

from sandbox.workspace.api.method import (
    Json,
    Method,
    find_channel,
    find_open_channel,
    find_person,
    page_of,
    truth,
)
from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import Hub
from sandbox.workspace.ids import fresh_id
from sandbox.workspace.messages import Message
from sandbox.workspace.objects import channel_json, message_json
from sandbox.workspace.state import Channel

MOST_TOPIC: Final = 250


def info(hub: Hub, args: Json) -> Json:
    shown = channel_json(hub.state, find_channel(hub, args))
    if not truth(args.get("include_num_members")):
        shown.pop("num_members", None)
    return {"channel": shown}


def members(hub: Hub, args: Json) -> Json:
    page, metadata = page_of(find_channel(hub, args).members, args)
    return {"members": page, "response_metadata": metadata}


def list_(hub: Hub, args: Json) -> Json:
    kinds = set(str(args.get("types") or "public_channel").split(","))
    hidden = truth(args.get("exclude_archived"))
    seen = [
        channel_json(hub.state, channel)
        for channel in hub.state.channels.values()
        if _kind(channel) in kinds
        and not (hidden and channel.is_archived)
        and (not channel.is_private or hub.state.bot.id in channel.members)
    ]
    page, metadata = page_of(seen, args)
    return {"channels": page, "response_metadata": metadata}


def _kind(channel: Channel) -> str:
    if channel.is_im:
        return "im"
    return "private_channel" if channel.is_private else "public_channel"


def join(hub: Hub, args: Json) -> Json:
    channel = find_channel(hub, args)
    if channel.is_archived:
        raise ApiError("is_archived")
    if channel.is_private:
        raise ApiError("method_not_supported_for_channel_type")
    if hub.state.bot.id not in channel.members:
        hub.join(channel, hub.state.bot.id)
    return {"channel": channel_json(hub.state, channel)}


def open_(hub: Hub, args: Json) -> Json:
    """Only conversations with one person; groups of people are not part of this workspace."""
    if args.get("channel"):
        return {"channel": channel_json(hub.state, find_channel(hub, args))}
    users = [each for each in str(args.get("users") or "").split(",") if each]
    if not users:
        raise ApiError("users_list_not_supplied")
    if len(users) > 1:
        raise ApiError("too_many_users")
    person = find_person(hub, users[0])
    if person.deleted:
        raise ApiError("user_disabled")
    channel = hub.state.direct(person.id)
    whole = channel_json(hub.state, channel)
    return {"channel": whole if truth(args.get("return_im")) else {"id": channel.id}}


def create(hub: Hub, args: Json) -> Json:
    name = str(args["name"])
    if not name:
        raise ApiError("invalid_name_required")
    if len(name) > 80:
        raise ApiError("invalid_name_maxlength")
    if not re.fullmatch(r"[a-z0-9_-]+", name):
        raise ApiError("invalid_name_specials")
    if hub.state.find_channel(name) is not None:
        raise ApiError("name_taken")
    channel = Channel(
        id=fresh_id("C"),
        name=name,
        members=[hub.state.bot.id],
        is_private=truth(args.get("is_private")),
        creator=hub.state.bot.id,
        created_s=int(float(hub.state.stamps.next())),
    )
    hub.state.channels[channel.id] = channel
    hub.feed.tell("channels")
    return {"channel": channel_json(hub.state, channel)}


def invite(hub: Hub, args: Json) -> Json:
    channel = find_open_channel(hub, args)
    users = [each for each in str(args["users"]).split(",") if each]
    if not users:
        raise ApiError("no_user")
    for user in users:
        if user == hub.state.bot.id:
            raise ApiError("cant_invite_self")
        find_person(hub, user)
        if user in channel.members:
            raise ApiError("already_in_channel")
    for user in users:
        hub.join(channel, user, inviter=hub.state.bot.id)
    return {"channel": channel_json(hub.state, channel)}


def set_topic(hub: Hub, args: Json) -> Json:
    channel = find_open_channel(hub, args)
    if len(str(args["topic"])) > MOST_TOPIC:
        raise ApiError("too_long")
    channel.topic = str(args["topic"])
    hub.feed.tell("channels")
    return {"channel": channel_json(hub.state, channel)}


def history(hub: Hub, args: Json) -> Json:
    """Newest first; replies only if they were broadcast."""
    channel = find_channel(hub, args)
    if hub.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    seen = [
        each
        for each in reversed(channel.messages.values())
        if (not each.is_reply or each.reply_broadcast) and _between(each, args)
    ]
    page, metadata = page_of(seen, args)
    return {
        "messages": _shown(hub, page, args),
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": sum(each.pinned for each in channel.messages.values()),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
        "response_metadata": metadata,
    }


def replies(hub: Hub, args: Json) -> Json:
    channel = find_channel(hub, args)
    parent = channel.messages.get(str(args["ts"]))
    if parent is None:
        raise ApiError("thread_not_found")
    thread = [parent, *(each for each in channel.replies(parent.ts) if _between(each, args))]
    page, metadata = page_of(thread, args)
    return {
        "messages": _shown(hub, page, args),
        "has_more": bool(metadata["next_cursor"]),
        "response_metadata": metadata,
    }


def _shown(hub: Hub, messages: list[Message], args: Json) -> list[Json]:
    with_metadata = truth(args.get("include_all_metadata"))
    return [message_json(hub.state, each, with_metadata=with_metadata) for each in messages]


def _between(message: Message, args: Json) -> bool:
    at, inclusive = float(message.ts), truth(args.get("inclusive"))
    try:
        oldest = float(args.get("oldest") or 0)
    except ValueError:
        raise ApiError("invalid_ts_oldest") from None
    try:
        latest = float(args.get("latest") or "inf")
    except ValueError:
        raise ApiError("invalid_ts_latest") from None
    return oldest <= at <= latest if inclusive else oldest < at < latest


_READ: Final = ("channels:read", "groups:read", "im:read", "mpim:read")
_HISTORY: Final = ("channels:history", "groups:history", "im:history", "mpim:history")
_INVITE: Final = ("channels:write.invites", "channels:manage", "groups:write")
_TOPIC: Final = ("channels:write.topic", "channels:manage", "groups:write")
_CHANNEL: Final = ("channel",)
METHODS = (
    Method(name="conversations.info", run=info, required=_CHANNEL, scopes=_READ),
    Method(name="conversations.members", run=members, required=_CHANNEL, scopes=_READ, tier=4),
    Method(name="conversations.list", run=list_, scopes=_READ, tier=2),
    Method(name="conversations.join", run=join, required=_CHANNEL, scopes=("channels:join",)),
    Method(name="conversations.open", run=open_, scopes=("im:write", "mpim:write")),
    Method(
        name="conversations.create", run=create, required=("name",), scopes=("channels:manage", "groups:write"), tier=2
    ),
    Method(name="conversations.invite", run=invite, required=("channel", "users"), scopes=_INVITE),
    Method(name="conversations.setTopic", run=set_topic, required=("channel", "topic"), scopes=_TOPIC, tier=2),
    Method(name="conversations.history", run=history, required=_CHANNEL, scopes=_HISTORY),
    Method(name="conversations.replies", run=replies, required=("channel", "ts"), scopes=_HISTORY),
)
