"""Views: what Slack accepts as a modal or home tab, and the object it makes of it."""

import json
from collections.abc import Iterator
from typing import Any, Final

from sandbox.workspace.blocks import check_blocks, fill_in
from sandbox.workspace.shapes import Problem, anything, flag, shape, string, text

Json = dict[str, Any]
MOST_BYTES: Final = 250_000
_COMMON: Final = {
    "private_metadata": string(most=3000),
    "callback_id": string(most=255),
    "external_id": string(most=255),
}
_TITLE: Final = text("plain_text", most=24)
_MODAL: Final = shape(
    {"title": _TITLE, "blocks": anything},
    {
        **_COMMON,
        "submit": _TITLE,
        "close": _TITLE,
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
)
_HOME: Final = shape(
    {"blocks": anything},
    {
        **_COMMON,
        "title": anything,
        "submit": anything,
        "close": anything,
        "clear_on_close": flag,
        "notify_on_close": flag,
    },
)


def check_view(view: Any, kind: str) -> list[Problem]:
    """Everything Slack would refuse in *view* as a "modal" or "home"."""
    return list(_check(view, kind))


def _check(view: Any, kind: str) -> Iterator[Problem]:
    if not isinstance(view, dict):
        yield Problem("/view", "must be an object")
        return
    if view.get("type") != kind:
        yield Problem("/view/type", f"must be {kind}")
        return
    yield from (_MODAL if kind == "modal" else _HOME)(view, "/view")
    yield from check_blocks(view.get("blocks"), kind, "/view/blocks")
    inputs = any(isinstance(block, dict) and block.get("type") == "input" for block in view.get("blocks") or ())
    if kind == "modal" and inputs and not view.get("submit"):
        yield Problem("/view", "submit is required when an `input` block is in the blocks array")


def size_of(view: Json) -> int:
    return len(json.dumps(view).encode())


def as_stored(view: Json) -> Json:
    """The fields the app sent, with Slack's defaults for the others."""
    return {
        "type": view["type"],
        "blocks": fill_in(view["blocks"]),
        "private_metadata": view.get("private_metadata") or "",
        "callback_id": view.get("callback_id") or "",
        "external_id": view.get("external_id") or "",
        "title": _plain(view.get("title")) or {"type": "plain_text", "text": "View Title", "emoji": True},
        "close": _plain(view.get("close")),
        "submit": _plain(view.get("submit")),
        "clear_on_close": bool(view.get("clear_on_close")),
        "notify_on_close": bool(view.get("notify_on_close")),
    }


def _plain(value: Json | None) -> Json | None:
    return {"emoji": True, **value} if value else None
