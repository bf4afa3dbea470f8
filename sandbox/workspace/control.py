"""/_control/: the people's verbs and the fault switches over HTTP, for the page and for scripts."""

from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from aiohttp import web

from sandbox.workspace.actor import Actor
from sandbox.workspace.errors import PersonError
from sandbox.workspace.faults import Faults
from sandbox.workspace.messages import Message
from sandbox.workspace.screen import channel_on_screen, message_on_screen, view_on_screen
from sandbox.workspace.seen import Interaction
from sandbox.workspace.state import View

if TYPE_CHECKING:
    from sandbox.workspace.server import Workspace

Json = dict[str, Any]
Verb = Callable[[Json], Awaitable[Json]]


class Control:
    """
    Each verb is POST /_control/VERB with a JSON object; `as` names the person.

    Answers {"ok": true, ...}, or 400 with {"ok": false, "error": sentence}.
    """

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self._hub = workspace.hub
        self._verbs: dict[str, Verb] = {
            "command": self._command,
            "say": self._say,
            "react": self._react,
            "unreact": self._unreact,
            "click": self._click,
            "submit": self._submit,
            "close": self._close,
            "home": self._home,
            "fail": self._fail,
            "faults": self._faults,
            "sockets": self._sockets,
        }

    def attach(self, app: web.Application) -> None:
        app.router.add_post("/_control/{verb}", self._serve)
        app.router.add_get("/_control/messages/{channel}", self._messages)
        app.router.add_get("/_control/log", self._log)
        app.router.add_get("/_control/state", self._state)

    async def _serve(self, request: web.Request) -> web.Response:
        verb = self._verbs.get(request.match_info["verb"])
        if verb is None:
            return _refusal(f"no verb '{request.match_info['verb']}'; there are {', '.join(self._verbs)}", 404)
        if request.content_type != "application/json":
            return _refusal("expected a JSON object with content type application/json", 415)
        try:
            return web.json_response({"ok": True, **await verb(await request.json())})
        except PersonError as error:
            return _refusal(str(error))
        except (KeyError, TypeError, ValueError) as error:
            return _refusal(f"the request does not fit the verb: {error!r}")

    # --- people

    def _actor(self, args: Json) -> Actor:
        return self._workspace.person(str(args["as"]))

    def _target(self, args: Json) -> Message | View:
        if "view_id" in args:
            view = self._hub.state.view(str(args["view_id"]))
            if view is None:
                raise PersonError("this dialog is no longer open")
            return view
        channel = self._workspace.channel(str(args["channel"]))
        message = channel.messages.get(str(args["ts"])) or self._hub.state.ephemeral(str(args["ts"]))
        if message is None:
            raise PersonError("there is no such message any more")
        return message

    def _message(self, args: Json) -> Message:
        target = self._target(args)
        assert isinstance(target, Message)
        return target

    def _view(self, args: Json) -> View:
        target = self._target({"view_id": args["view_id"]})
        assert isinstance(target, View)
        return target

    async def _command(self, args: Json) -> Json:
        actor = self._actor(args)
        seen = await actor.command(args["channel"], args["text"], thread_ts=args.get("thread_ts"))
        return _interaction_json(seen)

    async def _say(self, args: Json) -> Json:
        message = self._actor(args).say(args["channel"], args["text"], thread_ts=args.get("thread_ts"))
        return {"ts": message.ts}

    async def _react(self, args: Json) -> Json:
        self._actor(args).react(self._message(args), args["name"])
        return {}

    async def _unreact(self, args: Json) -> Json:
        self._actor(args).unreact(self._message(args), args["name"])
        return {}

    async def _click(self, args: Json) -> Json:
        values = args.get("values") or {}
        target = self._target(args)
        return _interaction_json(await self._actor(args).click(target, args["action_id"], args.get("value"), **values))

    async def _submit(self, args: Json) -> Json:
        done = await self._actor(args).submit(self._view(args), args.get("values") or {})
        return {"errors": dict(done.errors), "notice": done.notice, "open": done.view is not None}

    async def _close(self, args: Json) -> Json:
        await self._actor(args).close(self._view(args), everything=bool(args.get("everything")))
        return {}

    async def _home(self, args: Json) -> Json:
        self._actor(args).open_home()
        return {}

    # --- faults

    async def _fail(self, args: Json) -> Json:
        self._workspace.fail(
            args["method"],
            args["kind"],
            times=args.get("times", 1),
            seconds=float(args.get("seconds", 1.0)),
            error=args.get("error", "internal_error"),
        )
        return {"faults": self._workspace.faults.as_json()}

    async def _faults(self, args: Json) -> Json:
        """Sets the simple switches by name; {"clear": true} switches everything off."""
        faults = self._workspace.faults
        if args.get("clear"):
            faults.clear()
            self._hub.courier.release_held()
        numbers = {each.name: each.type for each in fields(Faults) if each.name != "methods"}
        for name, value in args.items():
            if name in numbers:
                setattr(faults, name, type(getattr(faults, name))(value))
        self._hub.feed.tell("faults", faults=faults.as_json())
        return {"faults": faults.as_json()}

    async def _sockets(self, args: Json) -> Json:
        """{"do": "drop"} cuts them, {"do": "refresh"} asks the app to reconnect."""
        if args.get("do") == "drop":
            return {"dropped": self._workspace.drop_sockets()}
        await self._workspace.refresh_sockets(warn=bool(args.get("warn", True)))
        return {}

    # --- looking

    async def _messages(self, request: web.Request) -> web.Response:
        try:
            messages = self._workspace.messages(request.match_info["channel"])
        except PersonError as error:
            return _refusal(str(error), 404)
        return web.json_response([message_on_screen(self._hub.state, each) for each in messages])

    async def _log(self, request: web.Request) -> web.Response:
        query = request.query
        return web.json_response(self._hub.journal.entries(query.get("what"), query.get("name")))

    async def _state(self, _: web.Request) -> web.Response:
        state = self._hub.state
        body = {
            "team_id": state.world.team_id,
            "app_id": state.app_id,
            "bot_user_id": state.bot.id,
            "connections": self._workspace.connections,
            "faults": self._workspace.faults.as_json(),
            "people": {person.name: person.id for person in state.people.values()},
            "channels": [channel_on_screen(state, channel) for channel in state.channels.values()],
            "modals": [view_on_screen(state, view) for stack in state.stacks.values() for view in stack],
        }
        return web.json_response(body)


def _interaction_json(seen: Interaction) -> Json:
    return {"acked": seen.ack.accepted, "problem": seen.ack.problem, "trigger_id": seen.trigger_id}


def _refusal(sentence: str, status: int = 400) -> web.Response:
    return web.json_response({"ok": False, "error": sentence}, status=status)
