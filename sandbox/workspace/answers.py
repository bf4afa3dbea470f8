"""What the app says in an ack or to a response_url, put on the screen."""

import json
from typing import Any

from aiohttp import web

from sandbox.workspace.api.chat import read_content
from sandbox.workspace.courier import Ack
from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import Hub
from sandbox.workspace.messages import Message
from sandbox.workspace.state import Hook, View
from sandbox.workspace.view_shape import as_stored, check_view

Json = dict[str, Any]
TROUBLE = "We had some trouble connecting. Try again?"


def reply_to_command(hub: Hub, user: str, channel: str, ack: Ack) -> None:
    """The message in the ack of a slash command; ephemeral unless it says `in_channel`."""
    body = {"text": ack.payload} if isinstance(ack.payload, str) else ack.payload
    if not isinstance(body, dict) or not (body.get("text") or body.get("blocks")):
        return
    try:
        _post(hub, body, user=user, channel=channel, thread_ts=None)
    except ApiError as error:
        hub.notice(user, channel, f'the command failed with the error "{error.code}"')


def _post(hub: Hub, body: Json, *, user: str, channel: str, thread_ts: str | None) -> Message:
    content = read_content(body, too_long="invalid_blocks")
    public = body.get("response_type") == "in_channel"
    message = Message(
        channel=channel,
        ts=hub.state.stamps.next(),
        user=hub.state.bot.id,
        by_app=True,
        thread_ts=thread_ts,
        only_for=None if public else user,
        **content,
    )
    return hub.post(message)


def apply_to_view(hub: Hub, view: View, ack: Ack) -> None:
    """The ack of a view_submission: close, show errors, update, push or clear."""
    if not ack.accepted:
        view.notice = TROUBLE
        return
    answer = ack.payload if isinstance(ack.payload, dict) else {}
    match answer.get("response_action"):
        case None | "":
            hub.close_view(view)
        case "clear":
            for each in tuple(hub.state.stacks.get(view.owner, ())):
                hub.close_view(each)
        case "errors":
            view.errors = _errors(hub, view, answer)
        case "update" | "push" as what:
            _show_view(hub, view, answer.get("view"), push=what == "push")
        case _:
            view.notice = TROUBLE


def _errors(hub: Hub, view: View, answer: Json) -> dict[str, str]:
    """Errors of known input blocks; for others Slack shows trouble instead."""
    errors = answer.get("errors")
    inputs = {block["block_id"] for block in view.body["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= inputs:
        hub.journal.add("hook", "bad errors", ok=False, answer=answer)
        view.notice = TROUBLE
        return {}
    return {block: str(sentence) for block, sentence in errors.items()}


def _show_view(hub: Hub, view: View, body: Any, *, push: bool) -> None:
    problems = check_view(body, "modal")
    stack = hub.state.stacks.get(view.owner, [])
    if problems or (push and len(stack) >= 3):
        hub.journal.add("hook", "bad view", ok=False, problems=[problem.message for problem in problems])
        view.notice = TROUBLE
    elif push:
        hub.push_view(view.owner, as_stored(body))
    else:
        hub.replace_view(view, as_stored(body))


async def serve_hook(hub: Hub, request: web.Request) -> web.Response:
    """POST to a response_url: 5 uses in 30 minutes, ephemeral unless it says otherwise."""
    key = request.match_info["key"]
    hook = hub.state.hooks.get(key)
    try:
        body = await _read(request)
        _use(hub, _usable(hub, hook), body)
    except ApiError as error:
        hub.journal.add("hook", "response_url", ok=False, error=error.code)
        refusal = {"ok": False, "error": error.code, **error.extra}
        status = 404 if error.code in ("expired_url", "used_url") else 400
        return web.json_response(refusal, status=status)
    hub.journal.add("hook", "response_url", ok=True, args=body)
    return web.Response(text="ok")


def _usable(hub: Hub, hook: Hook | None) -> Hook:
    if hook is None or hub.now() > hook.expires:
        raise ApiError("expired_url")
    if hook.uses_left <= 0:
        raise ApiError("used_url")
    return hook


async def _read(request: web.Request) -> Json:
    text = await request.text()
    if request.content_type == "application/x-www-form-urlencoded":
        text = str((await request.post()).get("payload", ""))
    try:
        body = json.loads(text)
    except ValueError:
        raise ApiError("invalid_payload") from None
    if not isinstance(body, dict):
        raise ApiError("invalid_payload")
    return body


def _use(hub: Hub, hook: Hook, body: Json) -> None:
    original = _original(hub, hook)
    if body.get("delete_original") and original is not None:
        hub.delete(original)
    elif body.get("replace_original") and original is not None:
        content = read_content(body, too_long="invalid_blocks")
        original.text, original.blocks = content["text"], content["blocks"]
        original.attachments = content["attachments"]
        original.edits += 1
        hub.show(original)
    else:
        thread_ts = body.get("thread_ts") or hook.thread_ts
        _post(hub, body, user=hook.user, channel=hook.channel, thread_ts=thread_ts)
    hook.uses_left -= 1


def _original(hub: Hub, hook: Hook) -> Message | None:
    if hook.message_ts is None:
        return None
    if hook.message_only_for is not None:
        return hub.state.ephemeral(hook.message_ts)
    return hub.state.channels[hook.channel].messages.get(hook.message_ts)
