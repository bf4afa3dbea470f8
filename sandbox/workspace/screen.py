"""What a page is sent: the API's objects with the few extras a screen needs. Pure."""

from typing import Any

from sandbox.workspace.messages import Message
from sandbox.workspace.objects import message_json, view_json
from sandbox.workspace.state import Channel, State, View

Json = dict[str, Any]
SLACKBOT = "USLACKBOT"


def message_on_screen(state: State, message: Message) -> Json:
    if message.user == SLACKBOT:
        body: Json = {"type": "message", "user": SLACKBOT, "ts": message.ts, "text": message.text}
    else:
        body = message_json(state, message)
    return {
        **body,
        "channel": message.channel,
        "only_for": message.only_for,
        "edits": message.edits,
        "reply_broadcast": message.reply_broadcast,
    }


def view_on_screen(state: State, view: View) -> Json:
    return {**view_json(state, view), "errors": view.errors, "notice": view.notice, "owner": view.owner}


def channel_on_screen(state: State, channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_im": channel.is_im,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_shared": not channel.is_im and state.is_shared(channel),
        "members": channel.members,
    }
