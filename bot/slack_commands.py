"""`/rollback …`: the typed line goes to `commands.answer`, the reply back to where it was typed."""

import re
from collections.abc import Mapping
from typing import Any

from bot.slack_answers import Answers, Place, or_explain
from bot.slack_dialogs import Dialogs
from bot.slack_people import People
from commands import answer
from core.ports import Service

_REFERENCE = re.compile(r"<([@#!]?)([^>|]*)(?:\|([^>]*))?>")


def typed(text: str) -> str:
    """Return the line as the person typed it: Slack escapes three characters, and mentions where the app asks so."""

    def back(match: re.Match[str]) -> str:
        mark, name, label = match[1], match[2], match[3]
        return f"{mark}{label or name}" if mark else name.removeprefix("mailto:")

    plain = _REFERENCE.sub(back, text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


class Commands:
    def __init__(self, *, service: Service, people: People, answers: Answers, dialogs: Dialogs) -> None:
        self._service = service
        self._people = people
        self._answers = answers
        self._dialogs = dialogs

    async def on_command(self, body: Mapping[str, Any]) -> None:
        user, channel = str(body.get("user_id", "")), str(body.get("channel_id", ""))
        place = Place(user=user, channel=channel, response_url=str(body.get("response_url", "")))
        line = typed(str(body.get("text", "")))

        async def tell(text: str) -> None:
            await self._answers.tell(place, text)

        await or_explain(self._answer(line, place, str(body.get("trigger_id", ""))), f"/rollback of {user}", tell)

    async def _answer(self, line: str, place: Place, trigger_id: str) -> None:
        actor = await self._people.actor(place.user, "command")
        reply = await answer(line, actor, self._service, channel=place.channel)
        opened = reply.form == "start" and await self._dialogs.open_start(place.user, place.channel, trigger_id)
        if not opened:
            await self._answers.reply(place, reply)
