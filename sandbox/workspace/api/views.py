"""views.* and blocks.validate: modals, the home tab, and the public check of blocks."""

from sandbox.workspace.api.method import Json, Method, Token, find_person, refuse, structure
from sandbox.workspace.blocks import check_blocks
from sandbox.workspace.errors import ApiError
from sandbox.workspace.hub import Hub
from sandbox.workspace.objects import view_json
from sandbox.workspace.shapes import Problem
from sandbox.workspace.state import View
from sandbox.workspace.view_shape import MOST_BYTES, as_stored, check_view, size_of

MOST_STACKED = 3


def _read_view(args: Json, kind: str) -> Json:
    view = structure(args, "view", "invalid_arguments")
    if problems := check_view(view, kind):
        raise refuse("invalid_arguments", problems)
    if size_of(view) > MOST_BYTES:
        raise ApiError("view_too_large")
    return as_stored(view)


def _spend_trigger(hub: Hub, args: Json) -> str:
    """Who the trigger belongs to; it works once and for 3 s."""
    trigger = hub.state.triggers.get(str(args.get("trigger_id") or ""))
    if trigger is None:
        raise ApiError("invalid_trigger_id")
    if trigger.spent:
        raise ApiError("exchanged_trigger_id")
    if hub.now() > trigger.expires:
        raise ApiError("expired_trigger_id")
    trigger.spent = True
    return trigger.user


def _check_external_id(hub: Hub, body: Json, but: View | None = None) -> None:
    views = [view for stack in hub.state.stacks.values() for view in stack if view is not but]
    if body["external_id"] and any(view.body["external_id"] == body["external_id"] for view in views):
        raise ApiError("duplicate_external_id")


def views_open(hub: Hub, args: Json) -> Json:
    body = _read_view(args, "modal")
    _check_external_id(hub, body)
    user = _spend_trigger(hub, args)
    view = hub.state.new_view(user, body)
    hub.state.stacks[user] = [view]
    hub.show_modal(user)
    hub.opened_view(str(args["trigger_id"]), view)
    return {"view": view_json(hub.state, view)}


def views_push(hub: Hub, args: Json) -> Json:
    body = _read_view(args, "modal")
    _check_external_id(hub, body)
    user = _spend_trigger(hub, args)
    stack = hub.state.stacks.get(user)
    if not stack:
        raise ApiError("not_found")
    if len(stack) >= MOST_STACKED:
        raise ApiError("push_limit_reached")
    return {"view": view_json(hub.state, hub.push_view(user, body))}


def views_update(hub: Hub, args: Json) -> Json:
    body = _read_view(args, "modal")
    view = _find(hub, args)
    _check_external_id(hub, body, but=view)
    if args.get("hash") and args["hash"] != view.hash:
        raise ApiError("hash_conflict")
    hub.replace_view(view, body)
    return {"view": view_json(hub.state, view)}


def _find(hub: Hub, args: Json) -> View:
    if not args.get("view_id") and not args.get("external_id"):
        raise ApiError("invalid_arguments", response_metadata={"messages": ["missing view_id or external_id"]})
    for stack in hub.state.stacks.values():
        for view in stack:
            if view.id == args.get("view_id") or (
                args.get("external_id") and view.body["external_id"] == args["external_id"]
            ):
                return view
    raise ApiError("not_found")


def views_publish(hub: Hub, args: Json) -> Json:
    if not hub.world.app.home_tab:
        raise ApiError("not_enabled")
    body = _read_view(args, "home")
    person = find_person(hub, args["user_id"], "invalid_arguments")
    old = hub.state.homes.get(person.id)
    if args.get("hash") and old is not None and args["hash"] != old.hash:
        raise ApiError("hash_conflict")
    if old is None:
        old = hub.state.homes[person.id] = hub.state.new_view(person.id, body)
    old.body, old.hash, old.values = body, hub.state.new_hash(), {}
    hub.show_home(old)
    return {"view": view_json(hub.state, old)}


def blocks_validate(_hub: Hub, args: Json) -> Json:
    """Needs no token; exactly one of blocks, view and message."""
    given = [name for name in ("blocks", "view", "message") if args.get(name)]
    if len(given) != 1:
        text = "must provide exactly one of `blocks`, `view`, or `message`"
        raise ApiError("invalid_arguments", response_metadata={"messages": [text]})
    name = given[0]
    value = structure(args, name, "invalid_arguments")
    problems = _problems(name, value)
    if problems:
        errors = [
            {"code": "failed_constraint", "message": problem.message, "pointer": problem.pointer}
            for problem in problems
        ]
        raise ApiError(f"invalid_{name}", errors=errors)
    return {}


def _problems(name: str, value: object) -> list[Problem]:
    if name == "blocks":
        return check_blocks(value, "message", "")
    if not isinstance(value, dict):
        return [Problem("", "must be an object")]
    if name == "view":
        return check_view(value, "home" if value.get("type") == "home" else "modal")
    return check_blocks(value.get("blocks", []), "message")


METHODS = (
    Method(name="views.open", run=views_open, required=("view",), tier=4),
    Method(name="views.push", run=views_push, required=("view",), tier=4),
    Method(name="views.update", run=views_update, required=("view",), tier=4),
    Method(name="views.publish", run=views_publish, required=("user_id", "view"), tier=4),
    Method(name="blocks.validate", run=blocks_validate, token=Token.NONE),
)
