"""What is delivered to the app: events, slash commands, clicks, submissions. Pure: state in, JSON out."""

import time
from typing import Any

from sandbox.workspace.ids import fresh_id
from sandbox.workspace.messages import Message
from sandbox.workspace.objects import message_json, view_json
from sandbox.workspace.state import Channel, State, View

Json = dict[str, Any]


def verification_token(state: State) -> str:
    """The old shared token which Slack still sends along; nobody should check it."""
    return f"verification-{state.app_id}"


def event(state: State, body: Json, *, shared: bool = False) -> Json:
    """The envelope of the Events API around the inner event *body*."""
    team = state.world.team_id
    return {
        "token": verification_token(state),
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": state.app_id,
        "event": body,
        "type": "event_callback",
        "event_id": fresh_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team,
                "user_id": state.bot.id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": shared,
        "event_context": f"4-{fresh_id('')}",
    }


def reaction(state: State, message: Message, *, user: str, name: str, added: bool) -> Json:
    """The inner reaction_added or reaction_removed."""
    return {
        "type": "reaction_added" if added else "reaction_removed",
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": state.stamps.next(),
    }


def slash_command(
    state: State, *, user: str, channel: Channel, command: str, text: str, trigger_id: str, response_url: str
) -> Json:
    """All values are strings, as in a form."""
    return {
        "token": verification_token(state),
        "team_id": state.world.team_id,
        "team_domain": state.world.domain,
        "channel_id": channel.id,
        "channel_name": _channel_name(channel),
        "user_id": user,
        "user_name": state.people[user].name,
        "command": command,
        "text": text,
        "api_app_id": state.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def _channel_name(channel: Channel) -> str:
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def _interaction(state: State, kind: str, user: str) -> Json:
    name = state.people[user].name
    return {
        "type": kind,
        "team": {"id": state.world.team_id, "domain": state.world.domain},
        "user": {"id": user, "username": name, "name": name, "team_id": state.team_of(user)},
        "api_app_id": state.app_id,
        "token": verification_token(state),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_click(
    state: State, message: Message, *, user: str, action: Json, values: Json, trigger_id: str, response_url: str
) -> Json:
    """block_actions of an element in a message. An ephemeral message itself is not sent along."""
    channel = state.channels[message.channel]
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.only_for is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = {
        **_interaction(state, "block_actions", user),
        "container": container,
        "trigger_id": trigger_id,
        "channel": {"id": channel.id, "name": _channel_name(channel)},
        "state": {"values": values},
        "response_url": response_url,
        "actions": [action],
    }
    if message.only_for is None:
        payload["message"] = message_json(state, message)
    return payload


def view_click(state: State, view: View, *, user: str, action: Json, trigger_id: str) -> Json:
    """block_actions of an element in a modal or home tab."""
    return {
        **_interaction(state, "block_actions", user),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger_id,
        "view": view_json(state, view),
        "actions": [action],
    }


def view_submission(state: State, view: View, *, user: str, trigger_id: str) -> Json:
    return {
        **_interaction(state, "view_submission", user),
        "trigger_id": trigger_id,
        "view": view_json(state, view),
        "response_urls": [],
    }


def view_closed(state: State, view: View, *, user: str, cleared: bool) -> Json:
    return {
        **_interaction(state, "view_closed", user),
        "view": view_json(state, view),
        "is_cleared": cleared,
    }


def app_home_opened(state: State, user: str, *, tab: str, view: View | None) -> Json:
    body = {
        "type": "app_home_opened",
        "user": user,
        "channel": state.direct(user).id,
        "tab": tab,
        "event_ts": state.stamps.next(),
    }
    return body | ({"view": view_json(state, view)} if view and tab == "home" else {})


def member_joined(state: State, channel: Channel, user: str, inviter: str | None) -> Json:
    body = {
        "type": "member_joined_channel",
        "user": user,
        "channel": channel.id,
        "channel_type": "G" if channel.is_private else "C",
        "team": state.team_of(user),
        "event_ts": state.stamps.next(),
    }
    return body | ({"inviter": inviter} if inviter else {})


def channel_archived(state: State, channel: Channel, user: str) -> Json:
    return {
        "type": "channel_archive",
        "channel": channel.id,
        "user": user,
        "is_moved": 0,
        "event_ts": state.stamps.next(),
    }


def group_changed(state: State, group_id: str, *, added: list[str], removed: list[str]) -> Json:
    now = int(time.time())
    return {
        "type": "subteam_members_changed",
        "subteam_id": group_id,
        "team_id": state.world.team_id,
        "date_previous_update": now,
        "date_update": now,
        "added_users": added,
        "added_users_count": len(added),
        "removed_users": removed,
        "removed_users_count": len(removed),
        "event_ts": state.stamps.next(),
    }
