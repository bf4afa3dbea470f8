"""Buttons on boards and in App Home: the same as the typed verbs, for the run and the plan the person saw."""

from collections.abc import Mapping
from typing import Any

from bot.mrkdwn import entities
from bot.slack_answers import Answers, Place, or_explain
from bot.slack_dialogs import Dialogs, check_seen
from bot.slack_people import People
from bot.views_buttons import ASKS_WORDS, PREFIX, read_value
from bot.views_modal import TARGET
from commands import answer
from core.errors import RefusedError
from core.ports import Service
from core.run import Actor
from store.database import Store

#: Only these look; a click on any board, however old, may show something.
_LOOKS: Mapping[str, str] = {"details": "status", "report": "report"}


class Clicks:
    def __init__(self, *, service: Service, store: Store, people: People, answers: Answers, dialogs: Dialogs) -> None:
        self._service = service
        self._store = store
        self._people = people
        self._answers = answers
        self._dialogs = dialogs

    async def on_click(self, body: Mapping[str, Any]) -> None:
        for action in body.get("actions", ()):
            if action.get("action_id") == TARGET:
                await self._dialogs.on_target(body)
            elif str(action.get("action_id", "")).startswith(PREFIX):
                await self._on_button(body, action)

    async def _on_button(self, body: Mapping[str, Any], action: Mapping[str, Any]) -> None:
        user, place = str(body["user"]["id"]), _place(body)
        verb = str(action["action_id"]).removeprefix(PREFIX)

        async def tell(text: str) -> None:
            await self._tell(place, text, body)

        await or_explain(self._press(verb, str(action.get("value", "")), place, body), f"button {verb} of {user}", tell)

    async def _press(self, verb: str, value: str, place: Place, body: Mapping[str, Any]) -> None:
        clicked = read_value(value)
        run_id = clicked.run_id
        actor = await self._people.actor(place.user, "button")
        if verb in _LOOKS:
            await self._show(_LOOKS[verb], run_id, actor, place, body)
            return
        await self._check_board(run_id, body)
        if verb == "approve":
            await self._service.approve(run_id, actor, digest=clicked.digest or "-")
            return
        view = await check_seen(self._service, clicked)
        if verb not in ASKS_WORDS:
            await self._act(verb, run_id, actor)
        elif not await self._dialogs.open_decision(verb, view, str(body.get("trigger_id", ""))):
            raise RefusedError("Slack gave Belay no time to open the dialog; press the button again")

    async def _check_board(self, run_id: str, body: Mapping[str, Any]) -> None:
        """Only the board itself takes decisions: not a copy that was posted again, nor another message."""
        container = body.get("container") or {}
        channel, ts = str(container.get("channel_id", "")), str(container.get("message_ts", ""))
        async with self._store.look() as tx:
            shown = await tx.run_of_message(channel, ts)
        if not run_id or shown != run_id:
            raise RefusedError(f"this message is no longer the board of {run_id or 'any run'}; look for the newest one")

    async def _act(self, verb: str, run_id: str, actor: Actor) -> None:
        calls = {
            "veto": self._service.deny,
            "withdraw": self._service.withdraw,
            "pause": self._service.pause,
            "resume": self._service.resume,
            "abort": self._service.abort,
            "retry": self._service.retry,
        }
        if verb not in calls:
            raise RefusedError(f"there is no button '{verb}' any more; look at the newest board")
        await calls[verb](run_id, actor)

    async def _show(self, verb: str, run_id: str, actor: Actor, place: Place, body: Mapping[str, Any]) -> None:
        reply = await answer(f"{verb} {run_id}", actor, self._service, channel=place.channel)
        if place.channel:
            await self._answers.reply(place, reply)
        else:
            await self._tell(place, entities(reply.text, 2_990), body)

    async def _tell(self, place: Place, text: str, body: Mapping[str, Any]) -> None:
        """In App Home there is no message to answer; a dialog opens instead."""
        if place.channel or place.response_url:
            await self._answers.tell(place, text)
        else:
            await self._dialogs.show("Belay", text, str(body.get("trigger_id", "")))


def _place(body: Mapping[str, Any]) -> Place:
    container = body.get("container") or {}
    message_ts = str(container.get("message_ts", ""))
    return Place(
        user=str(body["user"]["id"]),
        channel=str(container.get("channel_id", "")),
        thread_ts=str(container.get("thread_ts", "") or message_ts),
        response_url=str(body.get("response_url", "")),
    )
