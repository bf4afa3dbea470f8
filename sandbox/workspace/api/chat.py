"""chat.*: posting, editing, deleting. Limits from Slack's reference; the rest of the rules from observed use."""

from typing import Any, Final

from sandbox.workspace.api.method import (
    Json,
    Method,
    find_channel,
    find_message,
    find_open_channel,
    refuse,
    structure,
    truth,
)
from sandbox.workspace.blocks import MOST_TEXT, check_blocks, fill_in, text_size
from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import Hub
from sandbox.workspace.messages import Message
from sandbox.workspace.objects import message_json
from sandbox.workspace.state import Channel

MOST_CHARACTERS: Final = 40_000
MOST_CHARACTERS_OF_UPDATE: Final = 4_000
MOST_ATTACHMENTS: Final = 100


def read_blocks(args: Json, *, too_long: str) -> list[Json]:
    """
    The checked blocks of a message.

    Raises:
        ApiError: invalid_blocks_format, invalid_blocks, or *too_long*.
    """
    blocks = structure(args, "blocks", "invalid_blocks_format")
    if blocks is None:
        return []
    if not isinstance(blocks, list):
        raise ApiError("invalid_blocks_format")
    if problems := check_blocks(blocks, "message"):
        raise refuse("invalid_blocks", problems)
    if text_size(blocks) > MOST_TEXT:
        raise ApiError(too_long)
    return fill_in(blocks)


def read_content(args: Json, *, too_long: str) -> Json:
    """Text, blocks and attachments of a message about to be written; no_text if there is nothing."""
    if args.get("markdown_text") is not None:
        if args.get("text") or args.get("blocks"):
            raise ApiError("markdown_text_conflict")
        blocks = fill_in([{"type": "markdown", "text": str(args["markdown_text"])}])
        return {"text": str(args["markdown_text"]), "blocks": blocks, "attachments": []}
    blocks = read_blocks(args, too_long=too_long)
    attachments = _read_attachments(args)
    text = str(args.get("text") or "")
    if not text.strip() and not blocks and not attachments:
        raise ApiError("no_text")
    return {"text": text, "blocks": blocks, "attachments": attachments}


def _read_attachments(args: Json) -> list[Json]:
    """Kept and shown, not checked: they are legacy, and the bot should not send any."""
    attachments = structure(args, "attachments", "invalid_arguments") or []
    if not isinstance(attachments, list) or not all(isinstance(each, dict) for each in attachments):
        raise ApiError("invalid_arguments")
    if len(attachments) > MOST_ATTACHMENTS:
        raise ApiError("too_many_attachments")
    return attachments


def read_metadata(args: Json) -> Json | None:
    metadata = structure(args, "metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= metadata.keys():
        raise ApiError("invalid_metadata_format")
    return metadata


def _writable(hub: Hub, args: Json) -> Channel:
    """The channel to post in; a user id means the direct conversation."""
    if str(args["channel"]) in hub.state.people:
        return hub.state.direct(str(args["channel"]))
    return find_open_channel(hub, args)


def _thread(channel: Channel, args: Json) -> str | None:
    ts = args.get("thread_ts")
    if ts is None:
        return None
    parent = channel.messages.get(str(ts))
    if parent is None:
        raise ApiError("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def post_message(hub: Hub, args: Json) -> Json:
    channel = _writable(hub, args)
    content = read_content(args, too_long="msg_blocks_too_long")
    warning = {}
    if len(content["text"]) > MOST_CHARACTERS:
        content["text"] = content["text"][:MOST_CHARACTERS]
        warning = {
            "warning": "message_truncated",
            "response_metadata": {"warnings": ["message_truncated"]},
        }
    message = Message(
        channel=channel.id,
        ts=hub.state.stamps.next(),
        user=hub.state.bot.id,
        by_app=True,
        thread_ts=_thread(channel, args),
        reply_broadcast=truth(args.get("reply_broadcast")),
        metadata=read_metadata(args),
        **content,
    )
    hub.post(message)
    shown = message_json(hub.state, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown, **warning}


def update(hub: Hub, args: Json) -> Json:
    """With `text` and no `blocks` the blocks go; with neither there is nothing to do."""
    channel = find_channel(hub, args)
    if channel.is_archived:
        raise ApiError("is_inactive")
    message = find_message(channel, args["ts"])
    if message.user != hub.state.bot.id:
        raise ApiError("cant_update_message")
    content = read_content(args, too_long="msg_too_long")
    if len(content["text"]) > MOST_CHARACTERS_OF_UPDATE:
        raise ApiError("msg_too_long")
    _check_rich_text(message, content["blocks"])
    message.text = content["text"] or message.text
    message.blocks, message.attachments = content["blocks"], content["attachments"]
    message.metadata = read_metadata(args) or message.metadata
    message.edits += 1
    if not content["blocks"]:
        message.edited_ts = hub.state.stamps.next()
    hub.show(message)
    shown = message_json(hub.state, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def _check_rich_text(message: Message, blocks: list[Json]) -> None:
    """A message made of rich text alone stays one."""

    def only_rich(these: list[Any]) -> bool:
        return bool(these) and all(block["type"] == "rich_text" for block in these)

    if only_rich(message.blocks) and blocks and not only_rich(blocks):
        raise ApiError("block_mismatch")


def post_ephemeral(hub: Hub, args: Json) -> Json:
    channel = find_open_channel(hub, args)
    person = hub.state.people.get(str(args["user"]))
    if person is None or person.id not in channel.members:
        raise ApiError("user_not_in_channel")
    content = read_content(args, too_long="msg_too_long")
    if len(content["text"]) > MOST_CHARACTERS:
        raise ApiError("msg_too_long")
    message = Message(
        channel=channel.id,
        ts=hub.state.stamps.next(),
        user=hub.state.bot.id,
        by_app=True,
        thread_ts=_thread(channel, args),
        only_for=person.id,
        **content,
    )
    hub.post(message)
    return {"message_ts": message.ts}


def delete(hub: Hub, args: Json) -> Json:
    channel = find_channel(hub, args)
    message = find_message(channel, args["ts"])
    if message.user != hub.state.bot.id:
        raise ApiError("cant_delete_message")
    hub.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(hub: Hub, args: Json) -> Json:
    channel = find_channel(hub, args)
    message = find_message(channel, args["message_ts"])
    return {"channel": channel.id, "permalink": permalink(hub, message)}


def permalink(hub: Hub, message: Message) -> str:
    """An address the workspace's page understands."""
    thread = f"?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else ""
    return f"{hub.base_url}/archives/{message.channel}/p{message.ts.replace('.', '')}{thread}"


_WRITE: Final = ("chat:write",)
METHODS = (
    Method(name="chat.postMessage", run=post_message, required=("channel",), scopes=_WRITE, tier=5),
    Method(name="chat.update", run=update, required=("channel", "ts"), scopes=_WRITE),
    Method(name="chat.postEphemeral", run=post_ephemeral, required=("channel", "user"), scopes=_WRITE, tier=4),
    Method(name="chat.delete", run=delete, required=("channel", "ts"), scopes=_WRITE),
    Method(name="chat.getPermalink", run=get_permalink, required=("channel", "message_ts"), tier=5),
)
