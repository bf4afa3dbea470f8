"""files.*: an upload in three parts (ask for an address, send the bytes, complete), and the bytes' endpoints."""

import secrets
from typing import Final

from aiohttp import web

from sandbox.workspace.api.method import Json, Method, structure
from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import Hub
from sandbox.workspace.ids import fresh_id
from sandbox.workspace.messages import Message
from sandbox.workspace.objects import file_json
from sandbox.workspace.state import Channel, StoredFile

MOST_BYTES: Final = 64 * 1024 * 1024


def get_upload_url(hub: Hub, args: Json) -> Json:
    length = str(args["length"])
    if not length.isdigit() or int(length) < 1:
        raise ApiError("invalid_arguments")
    if int(length) > MOST_BYTES:
        raise ApiError("file_upload_size_restricted")
    file = StoredFile(
        id=fresh_id("F"), name=str(args["filename"]), length=int(length), upload_key=secrets.token_urlsafe(24)
    )
    hub.state.files[file.id] = file
    return {"file_id": file.id, "upload_url": f"{hub.base_url}/upload/v1/{file.upload_key}"}


def complete_upload(hub: Hub, args: Json) -> Json:
    wanted = structure(args, "files", "invalid_arguments")
    if not isinstance(wanted, list) or not all(isinstance(each, dict) and "id" in each for each in wanted):
        raise ApiError("invalid_arguments")
    files = [_uploaded(hub, str(each["id"])) for each in wanted]
    channels = _channels(hub, args)
    for each, file in zip(wanted, files, strict=True):
        file.title = str(each.get("title") or file.name)
        file.completed = True
        file.channels = [channel.id for channel in channels]
    for channel in channels:
        _share(hub, args, channel, files)
    return {"files": [file_json(hub.state, file, hub.base_url) for file in files]}


def _uploaded(hub: Hub, id_: str) -> StoredFile:
    file = hub.state.files.get(id_)
    if file is None or file.content is None or file.completed:
        raise ApiError("file_not_found")
    return file


def _channels(hub: Hub, args: Json) -> list[Channel]:
    ids = [args["channel_id"]] if args.get("channel_id") else str(args.get("channels") or "").split(",")
    found = []
    for id_ in filter(None, ids):
        channel = hub.state.channels.get(str(id_))
        if channel is None:
            raise ApiError("channel_not_found")
        if hub.state.bot.id not in channel.members:
            raise ApiError("not_in_channel")
        found.append(channel)
    return found


def _share(hub: Hub, args: Json, channel: Channel, files: list[StoredFile]) -> None:
    thread_ts = args.get("thread_ts")
    message = Message(
        channel=channel.id,
        ts=hub.state.stamps.next(),
        user=hub.state.bot.id,
        by_app=True,
        text=str(args.get("initial_comment") or ""),
        thread_ts=str(thread_ts) if thread_ts else None,
        files=[file_json(hub.state, file, hub.base_url) for file in files],
    )
    hub.post(message)


async def receive(hub: Hub, request: web.Request) -> web.Response:
    """The upload address: raw bytes or a form with one file; answers "OK - N" as Slack does."""
    key = request.match_info["key"]
    file = next((each for each in hub.state.files.values() if each.upload_key == key), None)
    if file is None or file.content is not None:
        return web.Response(status=404, text="unknown or used upload address")
    content = await _bytes_of(request)
    if len(content) != file.length:
        return web.Response(status=400, text=f"expected {file.length} bytes, got {len(content)}")
    file.content = content
    hub.journal.add("api", "file upload", ok=True, file=file.name, size=len(content))
    return web.Response(text=f"OK - {len(content)}")


async def _bytes_of(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    form = await request.post()
    for value in form.values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""


async def give(hub: Hub, request: web.Request) -> web.Response:
    """The bytes of a file, always as plain text or as a download: never as a page that could run."""
    file = hub.state.files.get(request.match_info["id"])
    if file is None or file.content is None:
        return web.Response(status=404, text="no such file")
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    if "download" in request.query:
        headers["Content-Disposition"] = "attachment"
    return web.Response(body=file.content, content_type="text/plain", charset="utf-8", headers=headers)


METHODS = (
    Method(
        name="files.getUploadURLExternal",
        run=get_upload_url,
        required=("filename", "length"),
        scopes=("files:write",),
        tier=4,
    ),
    Method(
        name="files.completeUploadExternal", run=complete_upload, required=("files",), scopes=("files:write",), tier=4
    ),
)
