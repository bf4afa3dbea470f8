"""A method of the Web API as data, and the helpers methods share."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import Hub
from sandbox.workspace.messages import Message
from sandbox.workspace.shapes import Problem
from sandbox.workspace.state import Channel
from sandbox.workspace.world import PersonSpec

Json = dict[str, Any]


class Token(StrEnum):
    BOT = "xoxb"
    APP = "xapp"
    NONE = "none"


#: Calls a minute of each rate tier (Slack documents "at least").
TIERS: Final = {1: 1, 2: 20, 3: 50, 4: 100, 5: 300}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    name: str
    run: Callable[[Hub, Json], Json]
    required: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()  #: any one of them is enough; the first is named when none is granted
    tier: int = 3
    token: Token = Token.BOT


def truth(value: Any) -> bool:
    """Booleans come as JSON, as 1/0 and as words."""
    return value in (True, 1, "1", "true", "True")


def structure(args: Json, name: str, error: str) -> Any:
    """The value of a JSON argument, which forms and queries carry as a string."""
    value = args.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ApiError(error) from None


def refuse(code: str, problems: list[Problem]) -> ApiError:
    """The answer to blocks or views that have problems, as Slack words it."""
    lines = [f"[ERROR] {problem.message} [json-pointer:{problem.pointer}]" for problem in problems]
    return ApiError(code, errors=[problem.message for problem in problems], response_metadata={"messages": lines})


def find_channel(hub: Hub, args: Json, name: str = "channel") -> Channel:
    """A conversation the app may know of; private ones only if its bot is in."""
    channel = hub.state.find_channel(str(args[name]))
    bot = hub.state.bot.id
    if channel is None or (channel.is_private and bot not in channel.members):
        raise ApiError("channel_not_found")
    return channel


def find_open_channel(hub: Hub, args: Json) -> Channel:
    """A conversation the bot may write to."""
    channel = find_channel(hub, args)
    if channel.is_archived:
        raise ApiError("is_archived")
    if hub.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def find_message(channel: Channel, ts: Any, *, malformed: str = "message_not_found") -> Message:
    if malformed != "message_not_found" and not _is_stamp(str(ts)):
        raise ApiError(malformed)
    message = channel.messages.get(str(ts))
    if message is None:
        raise ApiError("message_not_found")
    return message


def _is_stamp(value: str) -> bool:
    seconds, dot, rest = value.partition(".")
    return bool(dot) and seconds.isdigit() and rest.isdigit()


def find_person(hub: Hub, user: Any, error: str = "user_not_found") -> PersonSpec:
    person = hub.state.people.get(str(user))
    if person is None:
        raise ApiError(error)
    return person


def page_of(items: list[Any], args: Json, *, usual: int = 100) -> tuple[list[Any], Json]:
    """One page of *items* by `limit` and `cursor`, and the response_metadata with the next cursor."""
    wanted = str(args.get("limit") or usual)
    if not wanted.isdigit() or not 0 < int(wanted) <= 1000:
        raise ApiError("invalid_arguments", response_metadata={"messages": ["limit should be from 1 to 1000"]})
    limit = int(wanted)
    cursor = str(args.get("cursor") or "0").removeprefix("at:")
    if not cursor.isdigit() or int(cursor) > len(items):
        raise ApiError("invalid_cursor")
    start = int(cursor)
    more = start + limit < len(items)
    return items[start : start + limit], {"next_cursor": f"at:{start + limit}" if more else ""}
