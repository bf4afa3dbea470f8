"""People, channels, messages, views and files as Slack's API shows them. Pure: state in, JSON out."""

from typing import Any

from sandbox.workspace.ids import stable_id
from sandbox.workspace.messages import Message
from sandbox.workspace.state import Channel, State, StoredFile, View
from sandbox.workspace.world import GroupSpec, PersonSpec

Json = dict[str, Any]


def user_json(state: State, person: PersonSpec, *, with_email: bool) -> Json:
    return {
        "id": person.id,
        "team_id": state.team_of(person.id),
        "name": person.name,
        "deleted": person.deleted,
        "color": stable_id("c", person.name)[2:8].lower(),
        "real_name": person.real_name or person.name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": 3600,
        "profile": _profile(state, person, with_email=with_email),
        "updated": 0,
        **_user_flags(person),
    }


def _profile(state: State, person: PersonSpec, *, with_email: bool) -> Json:
    real_name = person.real_name or person.name
    profile: Json = {
        "title": person.title,
        "real_name": real_name,
        "real_name_normalized": real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
        "status_text": "",
        "status_emoji": "",
        "avatar_hash": stable_id("g", person.name)[:12],
        "team": state.team_of(person.id),
    }
    if with_email and not person.is_bot:
        profile["email"] = email_of(state, person)
    if person.id == state.bot.id:
        profile |= {"api_app_id": state.app_id, "bot_id": state.bot_id, "always_active": True}
    elif person.is_bot:
        profile |= {"bot_id": stable_id("B", person.name), "api_app_id": stable_id("A", person.name)}
    return profile


def _user_flags(person: PersonSpec) -> Json:
    return {
        "is_admin": person.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.is_restricted or person.is_ultra_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "is_bot": person.is_bot,
        "is_workflow_bot": person.is_workflow_bot,
        "is_connector_bot": person.is_connector_bot,
        "is_app_user": person.is_app_user,
        "is_stranger": person.is_stranger,
        "is_email_confirmed": not person.is_bot,
        "has_2fa": person.has_2fa,
    }


def email_of(state: State, person: PersonSpec) -> str:
    host = person.team.lower().replace(" ", "-") if person.team else state.world.domain
    return f"{person.name}@{host}.example"


def channel_json(state: State, channel: Channel) -> Json:
    if channel.is_im:
        other = next(member for member in channel.members if member != state.bot.id)
        return {"id": channel.id, "created": channel.created_s, "is_im": True, "user": other}
    shared = state.is_shared(channel)
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "created": channel.created_s,
        "creator": channel.creator,
        "is_archived": channel.is_archived,
        "is_general": channel.is_general,
        "is_shared": shared,
        "is_ext_shared": shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "shared_team_ids": sorted({state.team_of(member) for member in channel.members}),
        "context_team_id": state.world.team_id,
        "is_member": state.bot.id in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": channel.creator, "last_set": channel.created_s},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
    }


def group_json(state: State, group: GroupSpec, *, with_users: bool, with_count: bool) -> Json:
    members = state.group_members[group.id]
    return {
        "id": group.id,
        "team_id": state.world.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "is_external": False,
        "date_create": 0,
        "date_update": 0,
        "date_delete": 0,
        "created_by": members[0] if members else state.bot.id,
        "updated_by": members[0] if members else state.bot.id,
        "prefs": {"channels": [], "groups": []},
        **({"users": members} if with_users else {}),
        **({"user_count": len(members)} if with_count else {}),
    }


def message_json(state: State, message: Message, *, with_metadata: bool = False) -> Json:
    """A message as in conversations.history and in the answers of chat methods."""
    body: Json = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "team": state.team_of(message.user),
    }
    if message.by_app:
        body |= {"bot_id": state.bot_id, "app_id": state.app_id, "bot_profile": bot_profile(state)}
    for name in ("blocks", "attachments", "files"):
        if value := getattr(message, name):
            body[name] = value
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    if message.reactions:
        body["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions.items()
        ]
    if message.edited_ts:
        body["edited"] = {"user": message.user, "ts": message.edited_ts}
    if message.pinned:
        body["pinned_to"] = [message.channel]
    if with_metadata and message.metadata:
        body["metadata"] = message.metadata
    return body | _thread_part(state, message)


def _thread_part(state: State, message: Message) -> Json:
    channel = state.channels[message.channel]
    if message.is_reply and message.thread_ts in channel.messages:
        return {"parent_user_id": channel.messages[message.thread_ts].user}
    replies = channel.replies(message.ts)
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": users[:5],
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": False,
    }


def bot_profile(state: State) -> Json:
    return {
        "id": state.bot_id,
        "app_id": state.app_id,
        "name": state.world.app.name,
        "deleted": False,
        "updated": 0,
        "icons": {"image_36": "", "image_48": "", "image_72": ""},
        "team_id": state.world.team_id,
    }


def view_json(state: State, view: View) -> Json:
    return {
        "id": view.id,
        "team_id": state.world.team_id,
        **view.body,
        "state": {"values": view.values},
        "hash": view.hash,
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": state.app_id,
        "app_installed_team_id": state.world.team_id,
        "bot_id": state.bot_id,
    }


def file_json(state: State, file: StoredFile, base_url: str) -> Json:
    address = f"{base_url}/files/{file.id}/{file.name}"
    extension = file.name.rpartition(".")[2].lower() if "." in file.name else "text"
    return {
        "id": file.id,
        "created": int(float(state.stamps.next())),
        "timestamp": int(float(state.stamps.next())),
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": "text/plain",
        "filetype": extension,
        "pretty_type": "Plain Text",
        "user": state.bot.id,
        "user_team": state.world.team_id,
        "editable": False,
        "size": file.length,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": bool(file.channels),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": address,
        "url_private_download": f"{address}?download=1",
        "permalink": address,
        "channels": file.channels,
        "groups": [],
        "ims": [],
    }
